package xtc

import "strings"

// RayonixConfig is the configuration of a rayonix: Rayonix.ConfigV1 and V2.
type RayonixConfig struct {
	BinningFast uint8
	BinningSlow uint8
	TestPattern int16 // -1 for none; not told by ConfigV1
	Exposure    uint32
	DeviceID    string // "MX340-HS:112"

	class  string
	layout *rayonixLayout
	side   uint32 // pixels of a side without binning
}

// rayonixLayout tells what a class knows; the bytes are the same.
type rayonixLayout struct {
	pattern bool // testPattern
	large   bool // the larger model
}

// Part of the wire format, do not change.
const (
	rayonixSize     = 60
	rayonixDevice   = 20 // bytes into the payload
	rayonixDeviceID = 40 // bytes
)

// Sides of the unbinned rayonix models in pixels.
const (
	rayonixSide      = 3840
	rayonixLargeSide = 7680
	rayonixLarge     = "MX340-HS" // begins the larger model's device id
)

func (l *rayonixLayout) decode(o object) (Config, error) {
	b, err := o.head(rayonixSize, rayonixSize)
	if err != nil {
		return nil, err
	}
	c := &RayonixConfig{
		BinningFast: b[0],
		BinningSlow: b[1],
		TestPattern: int16(b.u16(2)),
		Exposure:    b.u32(4),
		DeviceID:    b.text(rayonixDevice, rayonixDeviceID),
		class:       o.class,
		layout:      l,
		side:        rayonixSide,
	}
	if c.BinningFast == 0 || c.BinningSlow == 0 {
		return nil, o.fail(0, "binning", 0)
	}
	if l.large && strings.HasPrefix(c.DeviceID, rayonixLarge) {
		c.side = rayonixLargeSide
	}
	return c, nil
}

// Class returns the name of the class, "Rayonix.ConfigV2".
func (c *RayonixConfig) Class() string { return c.class }

// Shape returns rows and columns of a frame.
func (c *RayonixConfig) Shape() []int { return []int{int(c.height()), int(c.width())} }

func (c *RayonixConfig) width() uint32  { return c.side / uint32(c.BinningFast) }
func (c *RayonixConfig) height() uint32 { return c.side / uint32(c.BinningSlow) }

// Fields returns the contents in the order of the class.
func (c *RayonixConfig) Fields() Fields {
	fields := Fields{
		{"sizeof", rayonixSize},
		{"binning_f", c.BinningFast},
		{"binning_s", c.BinningSlow},
	}
	if c.layout.pattern {
		fields = append(fields, Field{"testPattern", c.TestPattern})
	}
	return append(fields,
		Field{"deviceID", c.DeviceID},
		Field{"maxWidth", c.side},
		Field{"maxHeight", c.side},
		Field{"width", c.width()},
		Field{"height", c.height()})
}

// OpalConfig is the configuration of an opal camera: Opal1k.ConfigV1. The size of
// its frames depends on the model and is told by the frames alone.
type OpalConfig struct {
	Offset           uint16
	Gain             uint16
	OutputOptions    uint32
	DefectPixelCount uint32
}

// opalSize is the fixed part. Part of the wire format, do not change.
const opalSize = 12

func decodeOpal(o object) (Config, error) {
	b, err := o.head(opalSize, opalSize)
	if err != nil {
		return nil, err
	}
	c := &OpalConfig{Offset: b.u16(0), Gain: b.u16(2), OutputOptions: b.u32(4), DefectPixelCount: b.u32(8)}
	return c, nil
}

// Class returns "Opal1k.ConfigV1".
func (c *OpalConfig) Class() string { return "Opal1k.ConfigV1" }

// Shape returns nil.
func (c *OpalConfig) Shape() []int { return nil }

// Fields returns the contents in the order of the class.
func (c *OpalConfig) Fields() Fields {
	return Fields{
		{"sizeof", opalSize},
		{"blackLevel", c.Offset},
		{"gain", c.Gain},
		{"outputOptions", c.OutputOptions},
		{"defectPixelCount", c.DefectPixelCount},
	}
}
