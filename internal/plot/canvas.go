package plot

import (
	"image"
	"image/color"
)

// Colours of the palette by index. From firstClass on are those of classes, from
// firstShade on those of scales.
const (
	colourPaper = iota
	colourText
	colourAxis
	colourNone // no value
	colourGrid
	colourBar
	colourMark

	firstClass = 8
	firstShade = 24
	shades     = 256 - firstShade
)

var fixedColours = map[int]color.RGBA{
	colourPaper: {255, 255, 255, 255},
	colourText:  {20, 20, 20, 255},
	colourAxis:  {90, 90, 90, 255},
	colourNone:  {200, 200, 200, 255},
	colourGrid:  {228, 228, 228, 255},
	colourBar:   {49, 104, 142, 255},
	colourMark:  {214, 39, 40, 255},
}

// classColours are told apart also by those who do not see red or green.
var classColours = [...]color.RGBA{
	{236, 236, 236, 255}, // good
	{230, 159, 0, 255}, {86, 180, 233, 255}, {213, 94, 0, 255}, {0, 114, 178, 255},
	{204, 121, 167, 255}, {0, 158, 115, 255}, {240, 228, 66, 255}, {0, 0, 0, 255},
}

// shadePoints are colours of the scale at equal distances, from dark to light.
var shadePoints = [...]color.RGBA{
	{13, 8, 60, 255}, {62, 40, 130, 255}, {44, 98, 150, 255}, {30, 148, 138, 255},
	{90, 196, 98, 255}, {190, 220, 60, 255}, {253, 240, 150, 255},
}

// palette is that of every page.
func palette() color.Palette {
	p := make(color.Palette, firstShade+shades)
	for i := range p {
		p[i] = color.RGBA{A: 255}
	}
	for i, c := range fixedColours {
		p[i] = c
	}
	for i, c := range classColours {
		p[firstClass+i] = c
	}
	for i := range shades {
		at := float64(i) / (shades - 1) * float64(len(shadePoints)-1)
		k := min(int(at), len(shadePoints)-2)
		from, to, part := shadePoints[k], shadePoints[k+1], at-float64(k)
		mix := func(a, b uint8) uint8 { return uint8(float64(a) + part*(float64(b)-float64(a)) + 0.5) }
		p[firstShade+i] = color.RGBA{mix(from.R, to.R), mix(from.G, to.G), mix(from.B, to.B), 255}
	}
	return p
}

// A canvas is a page that is drawn on. What lies outside of it is left out.
type canvas struct{ image *image.Paletted }

func newCanvas(width, height int) *canvas {
	return &canvas{image.NewPaletted(image.Rect(0, 0, width, height), palette())}
}

func (c *canvas) fill(r image.Rectangle, colour uint8) {
	r = r.Intersect(c.image.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		row := c.image.Pix[c.image.PixOffset(r.Min.X, y):]
		for x := range r.Dx() {
			row[x] = colour
		}
	}
}

// frame draws a line around a rectangle.
func (c *canvas) frame(r image.Rectangle, colour uint8) {
	c.fill(image.Rect(r.Min.X-1, r.Min.Y-1, r.Max.X+1, r.Min.Y), colour)
	c.fill(image.Rect(r.Min.X-1, r.Max.Y, r.Max.X+1, r.Max.Y+1), colour)
	c.fill(image.Rect(r.Min.X-1, r.Min.Y, r.Min.X, r.Max.Y), colour)
	c.fill(image.Rect(r.Max.X, r.Min.Y, r.Max.X+1, r.Max.Y), colour)
}

// text writes a line whose letters have their upper left corner at x, y.
func (c *canvas) text(x, y, scale int, colour uint8, text string) {
	for _, letter := range text {
		for row, dots := range glyph(letter) {
			for column := range glyphWidth {
				if dots>>column&1 != 0 {
					corner := image.Pt(x+column*scale, y+row*scale)
					c.fill(image.Rectangle{corner, corner.Add(image.Pt(scale, scale))}, colour)
				}
			}
		}
		x += (glyphWidth + 1) * scale
	}
}

// textWidth is that of a line, in dots.
func textWidth(text string, scale int) int {
	return max(0, len([]rune(text))*(glyphWidth+1)*scale-scale)
}

// label writes text of the usual size with its middle above or below x (align 0), or
// ending left of x (-1), or beginning right of it (1); y is the upper edge.
func (c *canvas) label(x, y, align int, text string) {
	switch align {
	case 0:
		x -= textWidth(text, textScale) / 2
	case -1:
		x -= textWidth(text, textScale)
	}
	c.text(x, y, textScale, colourText, text)
}
