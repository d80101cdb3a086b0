package frames

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"deployconstants/xtc"
)

// A pnccd has links of 512 x 512 pixels. Part of the wire format, do not change.
const (
	pnccdSide = 512
	pnccdHead = 16 // bytes of a block before its pixels
	pnccdLink = pnccdSide * pnccdSide * 2
)

func pnccdSize(r *reading) (uint64, error) {
	c := r.config.(*xtc.PnccdConfig)
	return bytesOf(int(c.PayloadSizePerLink), int(c.NumLinks)), nil
}

// pnccdFrame puts the pixels of all links one behind the other.
func pnccdFrame(r *reading) (Frame, error) {
	c := r.config.(*xtc.PnccdConfig)
	if c.PayloadSizePerLink != pnccdHead+pnccdLink || c.NumLinks == 0 {
		return Frame{}, r.fail(0, fmt.Sprintf("%d links of %d bytes, where a link has", c.NumLinks, c.PayloadSizePerLink), pnccdHead+pnccdLink)
	}
	if err := r.need(bytesOf(pnccdHead+pnccdLink, int(c.NumLinks))); err != nil {
		return Frame{}, err
	}
	f := r.decoder.assemble(Uint16, int(c.NumLinks), pnccdSide, pnccdSide)
	for link := range int(c.NumLinks) {
		copy(f.Data[link*pnccdLink:][:pnccdLink], r.payload[link*(pnccdHead+pnccdLink)+pnccdHead:])
	}
	return f, nil
}

// A cspad has four quads of eight sections. Part of the wire format, do not change.
const (
	cspadQuads    = 4
	cspadSections = 8 // of a quad
	cspadRows     = 185
	cspadColumns  = 388
	cspadSection  = cspadRows * cspadColumns * 2 // bytes
	cspadHead     = 32                           // bytes of a quad before its sections
	cspadTail     = 4                            // bytes behind them
	cspadFew      = 2                            // sections of a quad in DataV1 where asicMask says one ASIC
)

// cspadReading is one object of a cspad that is being decoded.
type cspadReading struct {
	*reading
	config *xtc.CspadConfig
	filled [cspadQuads * cspadSections]bool // sections that the object has
	seen   [cspadQuads]bool
}

// cspad is a class of blocks, of which stored tells the number of sections by quad.
func cspad(name string, stored func(*cspadReading, int) int) class {
	return class{
		name:    name,
		configs: []string{"CsPad.ConfigV5", "CsPad.ConfigV4", "CsPad.ConfigV3", "CsPad.ConfigV2"},
		size: func(r *reading) (uint64, error) {
			return cspadQuads * (cspadHead + cspadSections*cspadSection + cspadTail), nil
		},
		frame: func(r *reading) (Frame, error) {
			c := &cspadReading{reading: r, config: r.config.(*xtc.CspadConfig)}
			return c.frame(stored)
		},
	}
}

// allSections is the number of sections in a block of DataV1.
func (c *cspadReading) allSections(int) int {
	if c.config.AsicMask&0xf == 1 {
		return cspadFew
	}
	return cspadSections
}

// maskedSections is the number of sections in a block of DataV2.
func (c *cspadReading) maskedSections(quad int) int { return bits.OnesCount32(c.config.ROIMask(quad)) }

// frame puts the sections of all blocks where they belong. psana takes the number of
// blocks from the configuration, and the number of each quad from its block.
func (c *cspadReading) frame(stored func(*cspadReading, int) int) (Frame, error) {
	quads, off := bits.OnesCount32(c.config.QuadMask), 0
	if quads == 0 {
		return Frame{}, c.fail(0, "the configuration has no quads: quadMask", c.config.QuadMask)
	}
	f := c.decoder.assemble(Int16, cspadQuads*cspadSections, cspadRows, cspadColumns)
	for range quads {
		if err := c.need(uint64(off + cspadHead)); err != nil {
			return Frame{}, err
		}
		quad := int(binary.LittleEndian.Uint32(c.payload[off+4:]) >> 24 & 3)
		if c.seen[quad] {
			return Frame{}, c.fail(off, "second block of quad", quad)
		}
		c.seen[quad] = true
		n := stored(c, quad)
		end := off + cspadHead + n*cspadSection + cspadTail
		if err := c.need(uint64(end)); err != nil {
			return Frame{}, err
		}
		if err := c.quad(f, quad, c.payload[off+cspadHead:][:n*cspadSection]); err != nil {
			return Frame{}, err
		}
		off = end
	}
	for section, filled := range c.filled {
		if !filled {
			clear(f.Data[section*cspadSection:][:cspadSection])
		}
	}
	return f, nil
}

// quad puts the sections of one block, in the order of the bits of the mask.
func (c *cspadReading) quad(f Frame, quad int, sections []byte) error {
	mask := c.config.ROIMask(quad)
	for i := range cspadSections {
		if mask>>i&1 == 0 {
			continue
		}
		if len(sections) < cspadSection {
			return c.fail(0, fmt.Sprintf("fewer sections than the mask %#x of the configuration says, quad", mask), quad)
		}
		section := quad*cspadSections + i
		copy(f.Data[section*cspadSection:], sections[:cspadSection])
		c.filled[section], sections = true, sections[cspadSection:]
	}
	return nil
}
