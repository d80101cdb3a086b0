package xtc

import "math/bits"

// CspadConfig is the configuration of a cspad: CsPad.ConfigV1 to V5.
type CspadConfig struct {
	ConcentratorVersion uint32
	AsicMask            uint32
	QuadMask            uint32
	ROIMasks            uint32 // sections read, 8 bits for each quad; all before ConfigV2

	class string
	size  int // bytes
}

// cspadLayout tells the size of a class and where its masks are, in bytes.
type cspadLayout struct {
	size  int
	masks int  // asicMask, quadMask, roiMask
	noROI bool // the class has no roiMask
}

// The cspad has four quads of eight sections, the cspad2x2 has two sections; each is 185
// rows of 388 columns.
const (
	cspadQuads       = 4
	cspadSections    = 8
	cspad2x2Sections = 2
	cspadRows        = 185
	cspadColumns     = 388
	asicsPerSection  = 2
	allSections      = 0xffffffff // of a roiMask
)

// The ASICs of a quad that are read: all, or fewer where asicMask says one.
const (
	oneAsicMask   = 1 // of asicMask&0xf
	cspadAsics    = 16
	cspad2x2Asics = 4
	cspadFew      = 4
	cspad2x2Few   = 2
)

func (l *cspadLayout) decode(o object) (Config, error) {
	b, err := o.head(l.masks+12, uint64(l.size))
	if err != nil {
		return nil, err
	}
	c := &CspadConfig{
		ConcentratorVersion: b.u32(0),
		AsicMask:            b.u32(l.masks),
		QuadMask:            b.u32(l.masks + 4),
		ROIMasks:            allSections,
		class:               o.class,
		size:                l.size,
	}
	if !l.noROI {
		c.ROIMasks = b.u32(l.masks + 8)
	}
	return c, nil
}

// Class returns the name of the class, "CsPad.ConfigV5".
func (c *CspadConfig) Class() string { return c.class }

// Shape returns sections, rows and columns of the whole detector; sections that are
// not read are zero in psana's arrays.
func (c *CspadConfig) Shape() []int {
	return []int{cspadQuads * cspadSections, cspadRows, cspadColumns}
}

// ROIMask returns the mask of the sections read of quad 0-3.
func (c *CspadConfig) ROIMask(quad int) uint32 { return c.ROIMasks >> (cspadSections * quad) & 0xff }

// Fields returns the contents in the order of the class.
func (c *CspadConfig) Fields() Fields {
	asics := cspadAsics
	if c.AsicMask&0xf == oneAsicMask {
		asics = cspadFew
	}
	masks := make([]uint32, cspadQuads)
	for q := range masks {
		masks[q] = c.ROIMask(q)
	}
	return Fields{
		{"sizeof", c.size},
		{"concentratorVersion", c.ConcentratorVersion},
		{"asicMask", c.AsicMask},
		{"quadMask", c.QuadMask},
		{"numAsicsRead", asics},
		{"numQuads", bits.OnesCount32(c.QuadMask)},
		{"numSect", bits.OnesCount32(c.ROIMasks)},
		{"roiMasks", c.ROIMasks},
		{"roiMask", masks},
	}
}

// Cspad2x2Config is the configuration of a small cspad: CsPad2x2.ConfigV1 and V2.
type Cspad2x2Config struct {
	AsicMask uint32
	ROIMask  uint32 // sections read, two bits

	class string
	size  int // bytes
}

// cspad2x2Layout tells the size of a class and where asicMask and roiMask are.
type cspad2x2Layout struct{ size, masks int }

func (l *cspad2x2Layout) decode(o object) (Config, error) {
	b, err := o.head(l.masks+8, uint64(l.size))
	if err != nil {
		return nil, err
	}
	return &Cspad2x2Config{AsicMask: b.u32(l.masks), ROIMask: b.u32(l.masks + 4), class: o.class, size: l.size}, nil
}

// Class returns the name of the class, "CsPad2x2.ConfigV2".
func (c *Cspad2x2Config) Class() string { return c.class }

// Shape returns rows, columns and sections.
func (c *Cspad2x2Config) Shape() []int { return []int{cspadRows, cspadColumns, cspad2x2Sections} }

// Fields returns the contents in the order of the class.
func (c *Cspad2x2Config) Fields() Fields {
	asics := cspad2x2Asics
	if c.AsicMask&0xf == oneAsicMask {
		asics = cspad2x2Few
	}
	return Fields{
		{"sizeof", c.size},
		{"asicMask", c.AsicMask},
		{"roiMask", c.ROIMask},
		{"numAsicsRead", asics},
		{"numAsicsStored", bits.OnesCount32(c.ROIMask) * asicsPerSection},
	}
}
