package plot

import (
	"image"
	"image/png"
	"io"
)

// Layout of a page, in dots.
const (
	cellWidth  = 620
	cellHeight = 520
	margin     = 24
	lineHeight = 24
	areaLeft   = 96 // of a cell, for the labels of the vertical axis
	areaTop    = 36 // of a cell, for the title
	areaSize   = 400
	textScale  = 2
)

// A Page is charts under a title.
type Page struct {
	Title  string
	Notes  []string
	Charts [][]Chart // rows
}

// A Chart is drawn in a cell of a page.
type Chart interface {
	// draw draws into the cell and returns the area of the data.
	draw(c *canvas, cell image.Rectangle) image.Rectangle
}

// Render draws the page, and returns the area of each chart on it.
func (p Page) Render() (*image.Paletted, [][]image.Rectangle) {
	columns := 1
	for _, row := range p.Charts {
		columns = max(columns, len(row))
	}
	top := margin + (2+len(p.Notes))*lineHeight
	c := newCanvas(columns*cellWidth+margin, top+len(p.Charts)*cellHeight+margin)
	c.text(margin, margin, textScale+1, colourText, p.Title)
	for i, note := range p.Notes {
		c.text(margin, margin+(i+1)*lineHeight+lineHeight/2, textScale, colourText, note)
	}
	areas := make([][]image.Rectangle, len(p.Charts))
	for i, row := range p.Charts {
		for k, chart := range row {
			corner := image.Pt(k*cellWidth, top+i*cellHeight)
			cell := image.Rectangle{Min: corner, Max: corner.Add(image.Pt(cellWidth, cellHeight))}
			areas[i] = append(areas[i], chart.draw(c, cell))
		}
	}
	return c.image, areas
}

// WritePNG draws the page and writes it. The error is what w says.
func (p Page) WritePNG(w io.Writer) error {
	drawn, _ := p.Render()
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	return encoder.Encode(w, drawn)
}
