package plot

import (
	"image"
	"math"
)

// An Image shows the values of pixels as colours of a scale.
type Image struct {
	Title     string
	Unit      string
	Shape     []int     // of Values
	Values    []float64 // in C order
	Low, High float64   // of the scale; what is beyond has the colours of its ends
}

// NewImage is an Image with a scale for 98% of the values.
func NewImage(title, unit string, shape []int, values []float64) Image {
	low, high := span(values, 0.98, 0.02)
	return Image{Title: title, Unit: unit, Shape: shape, Values: values, Low: low, High: high}
}

// Shade returns the colour of a value, as an index of the palette of a page.
func (m Image) Shade(v float64) uint8 {
	if math.IsNaN(v) {
		return colourNone
	}
	part := (v - m.Low) / (m.High - m.Low)
	if !(part > 0) {
		part = 0
	}
	return uint8(firstShade + int(math.Round(min(part, 1)*(shades-1))))
}

func (m Image) draw(c *canvas, cell image.Rectangle) image.Rectangle {
	r := layout(m.Shape)
	z, dots := r.fit(areaSize)
	corner := cell.Min.Add(image.Pt(areaLeft, areaTop))
	area := image.Rectangle{Min: corner, Max: corner.Add(dots)}
	c.label(corner.X, cell.Min.Y+4, 1, m.Title)
	r.paint(c, area, z, func(elements []int) uint8 {
		sum, n := 0.0, 0
		for _, i := range elements {
			if v := m.Values[i]; !math.IsNaN(v) && !math.IsInf(v, 0) {
				sum += v
				n++
			}
		}
		if n == 0 {
			return colourNone
		}
		return m.Shade(sum / float64(n))
	})
	c.frame(area, colourAxis)
	r.axes(c, area, z)
	m.scale(c, image.Rect(area.Max.X+16, area.Min.Y, area.Max.X+32, area.Min.Y+max(dots.Y, areaSize/2)))
	return area
}

// scale draws what colour is which value.
func (m Image) scale(c *canvas, bar image.Rectangle) {
	for y := range bar.Dy() {
		v := m.High - (m.High-m.Low)*float64(y)/float64(bar.Dy()-1)
		c.fill(image.Rect(bar.Min.X, bar.Min.Y+y, bar.Max.X, bar.Min.Y+y+1), m.Shade(v))
	}
	c.frame(bar, colourAxis)
	at, decimals := ticks(m.Low, m.High, 6)
	for _, v := range at {
		y := bar.Max.Y - 1 - int(math.Round((v-m.Low)/(m.High-m.Low)*float64(bar.Dy()-1)))
		c.fill(image.Rect(bar.Max.X, y, bar.Max.X+5, y+1), colourAxis)
		c.label(bar.Max.X+9, y-glyphAbove, 1, number(v, decimals))
	}
	c.label(bar.Min.X, bar.Max.Y+9, 1, m.Unit)
}
