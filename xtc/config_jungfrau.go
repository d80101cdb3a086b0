package xtc

// JungfrauConfig is the configuration of a jungfrau: Jungfrau.ConfigV1 to V4.
type JungfrauConfig struct {
	NumberOfModules  uint32
	RowsPerModule    uint32
	ColumnsPerModule uint32
	BiasVoltage      uint32 // V
	GainMode         JungfrauGain
	SpeedMode        uint16
	TriggerDelay     float64          // s
	ExposureTime     float64          // s
	Modules          []JungfrauModule // NumberOfModules of them; nil before ConfigV3

	class  string
	layout *jungfrauLayout
}

// JungfrauGain is the gain mode of a jungfrau, from which a dark run's calibration cycle
// knows the gain that it is of.
type JungfrauGain uint16

// The gain modes. Part of the wire format, do not change.
const (
	JungfrauNormal JungfrauGain = iota
	JungfrauFixedGain1
	JungfrauFixedGain2
	JungfrauForcedGain1
	JungfrauForcedGain2
	JungfrauHighGain0
)

var jungfrauGainNames = [...]string{"Normal", "FixedGain1", "FixedGain2", "ForcedGain1", "ForcedGain2", "HighGain0"}

// String returns the name as psana has it, "ForcedGain1"; "-Invalid-" for a number
// beyond the last.
func (g JungfrauGain) String() string { return nameAt(jungfrauGainNames[:], uint32(g)) }

// JungfrauModule identifies one module.
type JungfrauModule struct {
	SerialNumber    uint64
	ModuleVersion   uint64
	FirmwareVersion uint64
}

// jungfrauLayout tells the size of a class in bytes, and how many modules it has room
// for: 0 for a class that says nothing about them.
type jungfrauLayout struct {
	size  int
	slots uint32
}

// Part of the wire format, do not change.
const (
	jungfrauModules    = 60 // bytes into the payload
	jungfrauModuleSize = 24
)

// maxJungfrauCount bounds the number of modules, rows and columns, which is all that
// a class without module slots says about its size; the largest detector has 32
// modules of 512 x 1024.
const maxJungfrauCount = 1 << 16

func (l *jungfrauLayout) decode(o object) (Config, error) {
	b, err := o.head(l.size, uint64(l.size))
	if err != nil {
		return nil, err
	}
	c := &JungfrauConfig{
		NumberOfModules:  b.u32(0),
		RowsPerModule:    b.u32(4),
		ColumnsPerModule: b.u32(8),
		BiasVoltage:      b.u32(12),
		GainMode:         JungfrauGain(b.u16(16)),
		SpeedMode:        b.u16(18),
		TriggerDelay:     b.f64(20),
		ExposureTime:     b.f64(28),
		class:            o.class,
		layout:           l,
	}
	for off := 0; off <= 8; off += 4 {
		if b.u32(off) > maxJungfrauCount {
			return nil, o.fail(int64(off), "count of modules, rows or columns", b.u32(off))
		}
	}
	if l.slots == 0 {
		return c, nil
	}
	if c.NumberOfModules > l.slots {
		return nil, o.fail(0, "numberOfModules is above the slots of the class:", c.NumberOfModules)
	}
	c.Modules = make([]JungfrauModule, c.NumberOfModules)
	for i := range c.Modules {
		at := jungfrauModules + i*jungfrauModuleSize
		c.Modules[i] = JungfrauModule{b.u64(at), b.u64(at + 8), b.u64(at + 16)}
	}
	return c, nil
}

// Class returns the name of the class, "Jungfrau.ConfigV3".
func (c *JungfrauConfig) Class() string { return c.class }

// Shape returns modules, rows and columns.
func (c *JungfrauConfig) Shape() []int {
	return []int{int(c.NumberOfModules), int(c.RowsPerModule), int(c.ColumnsPerModule)}
}

// Fields returns the contents in the order of the class.
func (c *JungfrauConfig) Fields() Fields {
	fields := Fields{
		{"sizeof", c.layout.size},
		{"numberOfModules", c.NumberOfModules},
		{"numberOfRowsPerModule", c.RowsPerModule},
		{"numberOfColumnsPerModule", c.ColumnsPerModule},
		{"biasVoltage", c.BiasVoltage},
		{"gainMode", uint16(c.GainMode)},
		{"speedMode", c.SpeedMode},
		{"triggerDelay", c.TriggerDelay},
		{"exposureTime", c.ExposureTime},
	}
	if c.layout.slots == 0 {
		return fields
	}
	modules := make([]Fields, len(c.Modules))
	for i, m := range c.Modules {
		modules[i] = Fields{
			{"serialNumber", m.SerialNumber},
			{"moduleVersion", m.ModuleVersion},
			{"firmwareVersion", m.FirmwareVersion},
		}
	}
	return append(fields, Field{"modules", modules})
}
