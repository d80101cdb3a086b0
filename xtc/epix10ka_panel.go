package xtc

import (
	"encoding/binary"
	"fmt"
)

// Epix10kaPanel is how one panel of an epix10ka is set: the control words of its pixels
// and the trbit of its ASICs, of which the gain modes are made.
type Epix10kaPanel struct {
	Rows, Columns int      // 352 x 384 in a real panel; both even
	Trbit         [4]bool  // of each ASIC, in the order of the object
	Pixels        []uint16 // [Rows][Columns]
}

// Part of the wire format, do not change.
const (
	asic10kaSize   = 104 // bytes
	asicTrbit      = 88  // bytes into an ASIC: the word with the trbit
	trbitMask      = 1 << 4
	elementAsicsAt = 12 // bytes into a panel of a quad or a 2M
)

// gainBits of a pixel's control word choose its gain. Part of the wire format, do not
// change.
const gainBits = 0x0c

// Gain bits of Epix10kaPanel.Gains, by gain mode (UtilsEpix10ka of the Detector package):
// with mask 28 fixed high is 28, fixed medium 12, auto high to low 16, auto medium to low
// 0; fixed low is 8 with mask 12.
const gainTrbit = 0x10

// asicQuadrants tells the ASIC of each quadrant of a panel: of the upper left, the upper
// right, the lower left and the lower right one.
var asicQuadrants = [4]int{2, 1, 3, 0}

// Gains returns what the gain of each pixel is made of, row by row, in dst or in a new
// slice where dst has not the room: the bits 2 and 3 of its control word, and as bit 4
// the trbit of its ASIC.
func (p *Epix10kaPanel) Gains(dst []byte) []byte {
	dst = grow(dst, len(p.Pixels))
	var trbits [4]byte
	for quadrant, asic := range asicQuadrants {
		if p.Trbit[asic] {
			trbits[quadrant] = gainTrbit
		}
	}
	for row := range p.Rows {
		half := row / (p.Rows / 2) * 2
		from := row * p.Columns
		for i, word := range p.Pixels[from : from+p.Columns] {
			dst[from+i] = byte(word&gainBits) | trbits[half+i/(p.Columns/2)]
		}
	}
	return dst
}

// Epix10kaPanels reads how the panels of an epix10ka, a quad or a 2M are set: one, four
// or sixteen, in order. The node is one of Config's for these classes; another gives
// ErrNotConfig. The errors of Config are returned as well, and a *FormatError wrapping
// ErrConfig for a panel that is not of two by two ASICs.
func (f *File) Epix10kaPanels(n *Node) ([]Epix10kaPanel, error) {
	config, err := f.Config(n)
	if err != nil {
		return nil, err
	}
	o := object{src: &f.win, class: config.Class(), off: n.PayloadOffset(), size: n.PayloadSize()}
	switch c := config.(type) {
	case *EpixConfig:
		if n.Contains.Type() == TypeEpix10kaConfig {
			return f.singlePanel(o, c)
		}
	case *Epix10kaArrayConfig:
		return f.arrayPanels(o, c)
	}
	return nil, ErrNotConfig
}

func (f *File) singlePanel(o object, c *EpixConfig) ([]Epix10kaPanel, error) {
	rows, columns := c.rows(), c.columns()
	if c.AsicsPerRow != 2 || c.AsicsPerColumn != 2 || rows == 0 || columns == 0 {
		return nil, o.fail(int64(c.layout.perRow), fmt.Sprintf("panel of %d x %d ASICs", c.AsicsPerRow, c.AsicsPerColumn), nil)
	}
	panel := Epix10kaPanel{Rows: int(rows), Columns: int(columns)}
	asics := o.off + int64(c.layout.fixed)
	if err := f.readPanel(&panel, asics, asics+elementAsics*asic10kaSize); err != nil {
		return nil, err
	}
	return []Epix10kaPanel{panel}, nil
}

func (f *File) arrayPanels(o object, c *Epix10kaArrayConfig) ([]Epix10kaPanel, error) {
	panels := make([]Epix10kaPanel, len(c.Elements))
	first := o.off + int64(c.size) - int64(len(panels))*arrayElementSize
	for i := range panels {
		panels[i] = Epix10kaPanel{Rows: elementRows, Columns: elementColumns}
		asics := first + int64(i)*arrayElementSize + elementAsicsAt
		if err := f.readPanel(&panels[i], asics, asics+elementAsics*asic10kaSize); err != nil {
			return nil, err
		}
	}
	return panels, nil
}

// readPanel reads the ASICs and the pixels at these offsets in the file, which lie in
// an object that has been checked.
func (f *File) readPanel(p *Epix10kaPanel, asics, pixels int64) error {
	b, err := f.win.at(asics, elementAsics*asic10kaSize)
	if err != nil {
		return err
	}
	for i := range p.Trbit {
		p.Trbit[i] = record(b).u32(i*asic10kaSize+asicTrbit)&trbitMask != 0
	}
	words := make([]byte, 2*p.Rows*p.Columns)
	if err := f.win.fully(pixels, words); err != nil {
		return err
	}
	p.Pixels = make([]uint16, p.Rows*p.Columns)
	for i := range p.Pixels {
		p.Pixels[i] = binary.LittleEndian.Uint16(words[2*i:])
	}
	return nil
}
