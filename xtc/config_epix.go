package xtc

// EpixConfig is the configuration of a single epix detector: Epix.ConfigV1,
// Config10KV1, Config100aV1 and V2, Config10kaV1 and V2.
type EpixConfig struct {
	Version             uint32 // of the firmware: a field, not the version of the class
	DigitalCardID       [2]uint32
	AnalogCardID        [2]uint32
	CarrierID           [2]uint32 // zero before Config100aV2
	AsicsPerRow         uint32
	AsicsPerColumn      uint32
	RowsPerAsic         uint32
	ReadableRowsPerAsic uint32 // as RowsPerAsic before Config100aV1
	PixelsPerAsicRow    uint32
	CalibRowsPerAsic    uint32 // 0 before Config100aV1
	EnvRowsPerAsic      uint32 // 0 before Config100aV1
	LastRowExclusions   uint32 // rows of the detector; 0 since Config100aV1

	class  string
	layout *epixLayout
	size   uint64 // bytes of the object, its arrays included
}

// epixLayout tells where the fields of a class are, in bytes into the payload. A
// zero offset means that the class has no such field.
type epixLayout struct {
	fixed                    int // bytes before the arrays
	digital, analog, carrier int
	exclusions               int
	perRow, perColumn, rows  int
	readable, pixels         int
	calib, env               int

	arrays func(*EpixConfig) uint64 // bytes behind the fixed part
	hasID  bool                     // the detector is known by a hardware id
}

// Part of the wire format, do not change.
var (
	epixLayoutV1 = epixLayout{
		fixed: 112, digital: 68, analog: 76, exclusions: 84,
		perRow: 88, perColumn: 92, rows: 96, pixels: 100, arrays: (*EpixConfig).arraysV1,
	}
	epixLayout10KV1 = epixLayout{
		fixed: 136, digital: 76, analog: 84, exclusions: 92,
		perRow: 96, perColumn: 100, rows: 104, pixels: 108, arrays: (*EpixConfig).arrays10K,
	}
	epixLayout100aV1 = epixLayout{
		fixed: 144, digital: 76, analog: 84, perRow: 92, perColumn: 96, rows: 100,
		readable: 104, pixels: 108, calib: 112, env: 116, arrays: (*EpixConfig).arrays100a, hasID: true,
	}
	epixLayout100aV2 = epixLayout{
		fixed: 188, digital: 104, analog: 112, carrier: 120, perRow: 128, perColumn: 132, rows: 136,
		readable: 140, pixels: 144, calib: 148, env: 152, arrays: (*EpixConfig).arrays100a, hasID: true,
	}
	epixLayout10kaV1 = epixLayout100aV2.as10ka(188)
	epixLayout10kaV2 = epixLayout100aV2.as10ka(520)
)

// as10ka is the layout of a 10ka class of that fixed size: the fields are where the
// 100a has them.
func (l epixLayout) as10ka(fixed int) epixLayout {
	l.fixed, l.arrays = fixed, (*EpixConfig).arrays10ka
	return l
}

// maxEpixCount bounds each count of rows, pixels and ASICs; real ones are below 400.
const maxEpixCount = 1 << 16

func (l *epixLayout) decode(o object) (Config, error) {
	b, err := o.head(l.fixed, uint64(l.fixed))
	if err != nil {
		return nil, err
	}
	for _, off := range []int{l.perRow, l.perColumn, l.rows, l.readable, l.pixels, l.calib, l.env, l.exclusions} {
		if off != 0 && b.u32(off) > maxEpixCount {
			return nil, o.fail(int64(off), "count of rows, pixels or ASICs", b.u32(off))
		}
	}
	c := &EpixConfig{
		Version:             b.u32(0),
		DigitalCardID:       [2]uint32{b.u32(l.digital), b.u32(l.digital + 4)},
		AnalogCardID:        [2]uint32{b.u32(l.analog), b.u32(l.analog + 4)},
		AsicsPerRow:         b.u32(l.perRow),
		AsicsPerColumn:      b.u32(l.perColumn),
		RowsPerAsic:         b.u32(l.rows),
		ReadableRowsPerAsic: b.u32(l.rows),
		PixelsPerAsicRow:    b.u32(l.pixels),
		class:               o.class,
		layout:              l,
	}
	if l.carrier != 0 {
		c.CarrierID = [2]uint32{b.u32(l.carrier), b.u32(l.carrier + 4)}
	}
	if l.exclusions != 0 {
		c.LastRowExclusions = b.u32(l.exclusions)
	} else {
		c.ReadableRowsPerAsic, c.CalibRowsPerAsic, c.EnvRowsPerAsic = b.u32(l.readable), b.u32(l.calib), b.u32(l.env)
	}
	if excluded := c.LastRowExclusions; excluded > c.AsicsPerColumn*c.RowsPerAsic {
		return nil, o.fail(int64(l.exclusions), "excludes more rows than there are", excluded)
	}
	c.size = uint64(l.fixed) + l.arrays(c)
	return c, o.need(c.size)
}

func (c *EpixConfig) asics() uint32   { return c.AsicsPerRow * c.AsicsPerColumn }
func (c *EpixConfig) rows() uint32    { return c.AsicsPerColumn*c.RowsPerAsic - c.LastRowExclusions }
func (c *EpixConfig) columns() uint32 { return c.AsicsPerRow * c.PixelsPerAsicRow }
func (c *EpixConfig) readableRows() uint32 {
	return c.AsicsPerColumn*c.ReadableRowsPerAsic - c.LastRowExclusions
}

// arraysV1: 84 B for each ASIC and two masks of one bit for each pixel, in words.
func (c *EpixConfig) arraysV1() uint64 {
	words := arrayBytes(4, c.AsicsPerRow, c.AsicsPerColumn, c.RowsPerAsic, (c.PixelsPerAsicRow+31)/32)
	return arrayBytes(84, c.AsicsPerRow, c.AsicsPerColumn) + 2*words
}

// arrays10K: 84 B for each ASIC and two for each pixel.
func (c *EpixConfig) arrays10K() uint64 {
	return arrayBytes(84, c.AsicsPerRow, c.AsicsPerColumn) +
		arrayBytes(2, c.AsicsPerRow, c.AsicsPerColumn, c.RowsPerAsic, c.PixelsPerAsicRow)
}

func (c *EpixConfig) arrays100a() uint64 {
	return arrayBytes(100, c.AsicsPerRow, c.AsicsPerColumn) + c.pixelArrays()
}

func (c *EpixConfig) arrays10ka() uint64 {
	return arrayBytes(104, c.AsicsPerRow, c.AsicsPerColumn) + c.pixelArrays()
}

// pixelArrays: two bytes for each pixel, one for each pixel of half the calibration
// rows.
func (c *EpixConfig) pixelArrays() uint64 {
	return arrayBytes(2, c.AsicsPerColumn, c.RowsPerAsic, c.AsicsPerRow, c.PixelsPerAsicRow) +
		arrayBytes(1, c.AsicsPerColumn*c.CalibRowsPerAsic/2, c.AsicsPerRow, c.PixelsPerAsicRow)
}

// Class returns the name of the class, "Epix.Config100aV2".
func (c *EpixConfig) Class() string { return c.class }

// Shape returns readable rows and columns of a frame.
func (c *EpixConfig) Shape() []int { return []int{int(c.readableRows()), int(c.columns())} }

// Fields returns the contents in the order of the class.
func (c *EpixConfig) Fields() Fields {
	fields := Fields{
		{"sizeof", c.size},
		{"version", c.Version},
		{"digitalCardId0", c.DigitalCardID[0]},
		{"digitalCardId1", c.DigitalCardID[1]},
		{"analogCardId0", c.AnalogCardID[0]},
		{"analogCardId1", c.AnalogCardID[1]},
		{"numberOfAsicsPerRow", c.AsicsPerRow},
		{"numberOfAsicsPerColumn", c.AsicsPerColumn},
		{"numberOfRowsPerAsic", c.RowsPerAsic},
	}
	if c.layout.exclusions != 0 {
		return append(fields,
			Field{"numberOfPixelsPerAsicRow", c.PixelsPerAsicRow},
			Field{"numberOfRows", c.rows()},
			Field{"numberOfColumns", c.columns()},
			Field{"numberOfAsics", c.asics()},
			Field{"lastRowExclusions", c.LastRowExclusions})
	}
	fields = append(fields,
		Field{"numberOfReadableRowsPerAsic", c.ReadableRowsPerAsic},
		Field{"numberOfPixelsPerAsicRow", c.PixelsPerAsicRow},
		Field{"calibrationRowCountPerASIC", c.CalibRowsPerAsic},
		Field{"environmentalRowCountPerASIC", c.EnvRowsPerAsic},
		Field{"numberOfRows", c.rows()},
		Field{"numberOfReadableRows", c.readableRows()},
		Field{"numberOfColumns", c.columns()},
		Field{"numberOfCalibrationRows", c.AsicsPerColumn * c.CalibRowsPerAsic},
		Field{"numberOfEnvironmentalRows", c.AsicsPerColumn * c.EnvRowsPerAsic},
		Field{"numberOfAsics", c.asics()})
	if c.layout.carrier == 0 {
		return fields
	}
	return append(fields, Field{"carrierId0", c.CarrierID[0]}, Field{"carrierId1", c.CarrierID[1]})
}
