package plot

import (
	"fmt"
	"image"
	"math"
)

// A Histogram shows how many values lie in each of equal parts of a range. Its vertical
// axis is logarithmic, so that single pixels far from all others are seen.
type Histogram struct {
	Title        string
	Unit         string
	Low, High    float64
	Counts       []int // of the parts of Low to High, ascending
	Below, Above int   // values outside
	Marks        []Mark
}

// A Mark is a vertical line.
type Mark struct {
	At   float64
	Text string
}

// histogramParts divides the width of the area.
const histogramParts = 100

// NewHistogram counts the values. Its range is that of most of them and half of that on
// both sides, and more where a mark is not far beyond.
func NewHistogram(title, unit string, values []float64, marks ...Mark) Histogram {
	h := Histogram{Title: title, Unit: unit, Counts: make([]int, histogramParts), Marks: marks}
	low, high := span(values, 0.98, 0.5)
	h.Low, h.High = low, high
	for _, m := range marks {
		if reach := high - low; m.At > low-reach && m.At < high+reach {
			h.Low, h.High = min(h.Low, m.At-reach/50), max(h.High, m.At+reach/50)
		}
	}
	perPart := histogramParts / (h.High - h.Low)
	for _, v := range values {
		switch {
		case math.IsNaN(v):
		case v < h.Low:
			h.Below++
		case v > h.High:
			h.Above++
		default:
			h.Counts[min(int((v-h.Low)*perPart), histogramParts-1)]++
		}
	}
	return h
}

// height is that of a bar for a count, where most is the highest count.
func height(count, most, full int) int {
	if count <= 0 {
		return 0
	}
	// A single one is seen, as half of a factor of ten above the axis would be.
	low := math.Log10(0.5)
	return int(math.Round((math.Log10(float64(count)) - low) / (math.Log10(float64(max(most, 1))) - low + 0.1) * float64(full)))
}

func (h Histogram) draw(c *canvas, cell image.Rectangle) image.Rectangle {
	corner := cell.Min.Add(image.Pt(areaLeft, areaTop))
	area := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(areaSize, areaSize-40))}
	c.label(corner.X, cell.Min.Y+4, 1, h.Title)
	most := 0
	for _, n := range h.Counts {
		most = max(most, n)
	}
	for decade := 1; decade <= max(1, most); decade *= 10 {
		y := area.Max.Y - height(decade, most, area.Dy())
		c.fill(image.Rect(area.Min.X, y, area.Max.X, y+1), colourGrid)
		c.label(area.Min.X-10, y-glyphAbove, -1, fmt.Sprint(decade))
	}
	for i, n := range h.Counts {
		left, right := area.Min.X+i*area.Dx()/len(h.Counts), area.Min.X+(i+1)*area.Dx()/len(h.Counts)
		c.fill(image.Rect(left, area.Max.Y-height(n, most, area.Dy()), right, area.Max.Y), colourBar)
	}
	at, decimals := ticks(h.Low, h.High, 5)
	for _, v := range at {
		x := h.place(v, area)
		c.fill(image.Rect(x, area.Max.Y, x+1, area.Max.Y+6), colourAxis)
		c.label(x, area.Max.Y+9, 0, number(v, decimals))
	}
	h.mark(c, area)
	c.frame(area, colourAxis)
	c.label((area.Min.X+area.Max.X)/2, area.Max.Y+32, 0, h.Unit)
	c.label(area.Min.X-10, area.Min.Y-glyphAbove-3*lineHeight/4, -1, "pixels")
	return area
}

// place is where a value of the horizontal axis is.
func (h Histogram) place(v float64, area image.Rectangle) int {
	return area.Min.X + int(math.Round((v-h.Low)/(h.High-h.Low)*float64(area.Dx()-1)))
}

// mark draws the marks; those outside of the range are only named.
func (h Histogram) mark(c *canvas, area image.Rectangle) {
	y := area.Max.Y + 56
	for _, m := range h.Marks {
		text := m.Text + " " + number(m.At, 3)
		switch {
		case m.At < h.Low:
			text += " (left of this)"
		case m.At > h.High:
			text += " (right of this)"
		default:
			x := h.place(m.At, area)
			for dash := area.Min.Y; dash < area.Max.Y; dash += 8 {
				c.fill(image.Rect(x-1, dash, x+1, min(dash+5, area.Max.Y)), colourMark)
			}
		}
		c.text(area.Min.X, y, textScale, colourMark, text)
		y += lineHeight
	}
	if h.Below+h.Above > 0 {
		c.label(area.Min.X, y, 1, fmt.Sprintf("%d to the left, %d to the right", h.Below, h.Above))
	}
}
