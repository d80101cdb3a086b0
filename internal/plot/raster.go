package plot

import (
	"image"
	"math"
)

// A raster is how an array is laid out in two dimensions.
type raster struct {
	rows, columns int // with gaps
	panels        int
	side          int // panels beside each other
	height, width int // of a panel
	gap           int
}

// layout lays panels of the last two dimensions out so that the whole is about square.
// An array of one dimension is a row.
func layout(shape []int) raster {
	r := raster{panels: 1, height: 1, width: 1, side: 1}
	switch n := len(shape); {
	case n >= 2:
		r.height, r.width = shape[n-2], shape[n-1]
		for _, dim := range shape[:n-2] {
			r.panels *= dim
		}
	case n == 1:
		r.width = shape[0]
	}
	if r.panels > 1 {
		r.side = int(math.Round(math.Sqrt(float64(r.panels) * float64(r.height) / float64(max(1, r.width)))))
		r.side = min(max(1, r.side), r.panels)
		r.gap = max(1, max(r.height, r.width)/40)
	}
	down := (r.panels + r.side - 1) / r.side
	r.rows = down*r.height + (down-1)*r.gap
	r.columns = r.side*r.width + (r.side-1)*r.gap
	return r
}

// at returns the index of the element at a place, and false in a gap.
func (r raster) at(row, column int) (int, bool) {
	down, across := row/(r.height+r.gap), column/(r.width+r.gap)
	row, column = row%(r.height+r.gap), column%(r.width+r.gap)
	panel := down*r.side + across
	if row >= r.height || column >= r.width || panel >= r.panels {
		return 0, false
	}
	return (panel*r.height+row)*r.width + column, true
}

// A zoom is how many dots a pixel takes, or, where it is negative, how many pixels a dot.
type zoom int

// fit chooses the zoom with which a raster fills an area of that size.
func (r raster) fit(size int) (z zoom, dots image.Point) {
	if most := max(r.rows, r.columns); most > size {
		z = -zoom((most + size - 1) / size)
	} else {
		z = zoom(max(1, size/max(1, most)))
	}
	return z, image.Pt(z.dots(r.columns), z.dots(r.rows))
}

// dots is what so many pixels take.
func (z zoom) dots(pixels int) int {
	if z < 0 {
		return (pixels + int(-z) - 1) / int(-z)
	}
	return pixels * int(z)
}

// pixels returns the pixels that a dot stands for, from the first to before the last.
func (z zoom) pixels(dot, all int) (first, end int) {
	if z < 0 {
		return dot * int(-z), min((dot+1)*int(-z), all)
	}
	return dot / int(z), dot/int(z) + 1
}

// paint fills an area; colour is asked for the elements that a dot stands for, none in a
// gap.
func (r raster) paint(c *canvas, area image.Rectangle, z zoom, colour func(elements []int) uint8) {
	var elements []int
	for y := range area.Dy() {
		firstRow, endRow := z.pixels(y, r.rows)
		for x := range area.Dx() {
			firstColumn, endColumn := z.pixels(x, r.columns)
			elements = elements[:0]
			for row := firstRow; row < endRow; row++ {
				for column := firstColumn; column < endColumn; column++ {
					if i, ok := r.at(row, column); ok {
						elements = append(elements, i)
					}
				}
			}
			shade := uint8(colourPaper)
			if len(elements) > 0 {
				shade = colour(elements)
			}
			c.image.Pix[c.image.PixOffset(area.Min.X+x, area.Min.Y+y)] = shade
		}
	}
}

// axes writes the numbers of rows and columns at an area.
func (r raster) axes(c *canvas, area image.Rectangle, z zoom) {
	at, decimals := ticks(0, float64(r.columns-1), 5)
	for _, v := range at {
		x := area.Min.X + z.dots(int(v))
		c.fill(image.Rect(x, area.Max.Y, x+1, area.Max.Y+6), colourAxis)
		c.label(x, area.Max.Y+9, 0, number(v, decimals))
	}
	at, decimals = ticks(0, float64(r.rows-1), 5)
	for _, v := range at {
		y := area.Min.Y + z.dots(int(v))
		c.fill(image.Rect(area.Min.X-6, y, area.Min.X, y+1), colourAxis)
		c.label(area.Min.X-10, y-glyphAbove, -1, number(v, decimals))
	}
	what := "column"
	if r.panels > 1 {
		what = "column, of panels side by side"
	}
	c.label((area.Min.X+area.Max.X)/2, area.Max.Y+32, 0, what)
	c.label(area.Min.X-10, area.Min.Y-glyphAbove-3*lineHeight/4, -1, "row")
}
