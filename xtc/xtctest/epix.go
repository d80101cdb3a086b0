package xtctest

import "cmp"

// Epix is what a single epix detector's configuration object tells.
type Epix struct {
	Version       uint32 // of the firmware
	CarrierID     [2]uint32
	DigitalCardID [2]uint32
	AnalogCardID  [2]uint32

	// Sizes; zero means the real detector's.
	AsicsPerRow, AsicsPerColumn   uint32
	RowsPerAsic, PixelsPerAsicRow uint32
}

// withSizes fills in the sizes of a detector of 2 x 2 ASICs.
func (e Epix) withSizes(rows, pixels uint32) Epix {
	e.AsicsPerRow, e.AsicsPerColumn = cmp.Or(e.AsicsPerRow, 2), cmp.Or(e.AsicsPerColumn, 2)
	e.RowsPerAsic, e.PixelsPerAsicRow = cmp.Or(e.RowsPerAsic, rows), cmp.Or(e.PixelsPerAsicRow, pixels)
	return e
}

// arrays returns the bytes behind the fixed part of the 100a and 10ka classes.
func (e Epix) arrays(asicSize, calibRows uint32) int {
	rows, columns := e.AsicsPerColumn*e.RowsPerAsic, e.AsicsPerRow*e.PixelsPerAsicRow
	return int(asicSize*e.AsicsPerRow*e.AsicsPerColumn + 2*rows*columns + e.AsicsPerColumn*calibRows/2*columns)
}

// Epix100aConfig returns Epix.Config100aV1 or V2: with real sizes 1,082,656 or
// 1,082,700 bytes for 704 x 768 pixels.
func Epix100aConfig(version uint16, e Epix) []byte {
	e = e.withSizes(352, 384)
	if version == 1 {
		c := make(payload, 144+e.arrays(100, 1))
		c.put(0, e.Version)
		c.put(76, e.DigitalCardID[0], e.DigitalCardID[1], e.AnalogCardID[0], e.AnalogCardID[1])
		c.sizes(92, e, 1, 1)
		return c
	}
	return e.config(188, 100, 1)
}

// Epix10kaConfig returns Epix.Config10kaV1 or V2, by default for 352 x 384 pixels.
func Epix10kaConfig(version uint16, e Epix) []byte {
	e = e.withSizes(176, 192)
	if version == 1 {
		return e.config(188, 104, 2)
	}
	return e.config(520, 104, 2)
}

// config returns a class with carrier ids.
func (e Epix) config(fixed int, asicSize, calibRows uint32) []byte {
	c := make(payload, fixed+e.arrays(asicSize, calibRows))
	c.put(0, e.Version)
	c.put(104, e.DigitalCardID[0], e.DigitalCardID[1], e.AnalogCardID[0], e.AnalogCardID[1],
		e.CarrierID[0], e.CarrierID[1])
	c.sizes(128, e, calibRows, 1)
	return c
}

// sizes writes the seven counts that stand together, and the mask of all ASICs.
func (c payload) sizes(off int, e Epix, calibRows, envRows uint32) {
	c.put(off, e.AsicsPerRow, e.AsicsPerColumn, e.RowsPerAsic, e.RowsPerAsic, e.PixelsPerAsicRow, calibRows, envRows)
	c.put(off+32, 1<<(e.AsicsPerRow*e.AsicsPerColumn)-1)
}

// EpixConfigV1 returns Epix.ConfigV1, by default for 704 x 768 pixels.
func EpixConfigV1(e Epix) []byte {
	e = e.withSizes(352, 384)
	asics := e.AsicsPerRow * e.AsicsPerColumn
	c := make(payload, int(112+84*asics+2*4*asics*e.RowsPerAsic*((e.PixelsPerAsicRow+31)/32)))
	c.put(0, e.Version)
	c.put(68, e.DigitalCardID[0], e.DigitalCardID[1], e.AnalogCardID[0], e.AnalogCardID[1],
		0, e.AsicsPerRow, e.AsicsPerColumn, e.RowsPerAsic, e.PixelsPerAsicRow)
	return c
}

// Epix10kConfig returns Epix.Config10KV1, by default for 352 x 384 pixels.
func Epix10kConfig(e Epix) []byte {
	e = e.withSizes(176, 192)
	asics := e.AsicsPerRow * e.AsicsPerColumn
	c := make(payload, int(136+84*asics+2*asics*e.RowsPerAsic*e.PixelsPerAsicRow))
	c.put(0, e.Version)
	c.put(76, e.DigitalCardID[0], e.DigitalCardID[1], e.AnalogCardID[0], e.AnalogCardID[1],
		0, e.AsicsPerRow, e.AsicsPerColumn, e.RowsPerAsic, e.PixelsPerAsicRow)
	return c
}

// Epix10kaArray is what the configuration object of a quad or a 2M tells.
type Epix10kaArray struct {
	Quads    [][2]uint32 // digital card ids: one quad, or four for a 2M
	Elements [][2]uint32 // carrier ids, four for each quad; missing ones are zero
}

const (
	elementSize = 271532
	elementAsic = 4
)

// Epix10kaArrayConfig returns Epix.Config10kaQuadV1 or V2 for one quad, and
// Epix.Config10ka2MV1 or V2 for four, which has 4.3 MB.
func Epix10kaArrayConfig(version uint16, a Epix10kaArray) []byte {
	quadSize, digital := 812, 12
	if version > 1 {
		quadSize, digital = 1156, 16
	}
	elements := 8 + len(a.Quads)*quadSize
	count := elementAsic * len(a.Quads)
	size := elements + count*elementSize
	c := make(payload, size)
	for i, ids := range a.Quads {
		c.put(8+i*quadSize+digital, ids[0], ids[1])
	}
	for i := range count {
		var ids [2]uint32
		if i < len(a.Elements) {
			ids = a.Elements[i]
		}
		c.put(elements+i*elementSize, ids[0], ids[1], 1<<elementAsic-1)
	}
	return c
}
