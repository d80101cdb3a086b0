package xtc

// PnccdConfig is the configuration of a pnccd: PNCCD.ConfigV1 and V2. All but the
// first two fields are zero in ConfigV1.
type PnccdConfig struct {
	NumLinks             uint32
	PayloadSizePerLink   uint32 // bytes of one link's frame, its 16-byte header included
	NumChannels          uint32
	NumRows              uint32
	NumSubmoduleChannels uint32
	NumSubmoduleRows     uint32
	NumSubmodules        uint32
	CamexMagic           uint32
	Info                 string
	TimingFile           string

	class string
	size  int // bytes
}

// Part of the wire format, do not change.
const (
	pnccdSizeV1 = 8
	pnccdSizeV2 = 544
	pnccdText   = 256 // bytes of each of the two strings
)

// pnccdSide is the number of rows and of columns of one submodule.
const pnccdSide = 512

func decodePnccdV1(o object) (Config, error) {
	b, err := o.head(pnccdSizeV1, pnccdSizeV1)
	if err != nil {
		return nil, err
	}
	return &PnccdConfig{NumLinks: b.u32(0), PayloadSizePerLink: b.u32(4), class: o.class, size: pnccdSizeV1}, nil
}

func decodePnccdV2(o object) (Config, error) {
	b, err := o.head(pnccdSizeV2, pnccdSizeV2)
	if err != nil {
		return nil, err
	}
	return &PnccdConfig{
		NumLinks:             b.u32(0),
		PayloadSizePerLink:   b.u32(4),
		NumChannels:          b.u32(8),
		NumRows:              b.u32(12),
		NumSubmoduleChannels: b.u32(16),
		NumSubmoduleRows:     b.u32(20),
		NumSubmodules:        b.u32(24),
		CamexMagic:           b.u32(28),
		Info:                 b.text(32, pnccdText),
		TimingFile:           b.text(32+pnccdText, pnccdText),
		class:                o.class,
		size:                 pnccdSizeV2,
	}, nil
}

// Class returns the name of the class, "PNCCD.ConfigV2".
func (c *PnccdConfig) Class() string { return c.class }

// Shape returns submodules, rows and columns of psana's arrays, which are the same
// for every configuration.
func (c *PnccdConfig) Shape() []int { return []int{4, pnccdSide, pnccdSide} }

// Fields returns the contents in the order of the class.
func (c *PnccdConfig) Fields() Fields {
	fields := Fields{
		{"sizeof", c.size},
		{"numLinks", c.NumLinks},
		{"payloadSizePerLink", c.PayloadSizePerLink},
	}
	if c.size == pnccdSizeV1 {
		return fields
	}
	return append(fields,
		Field{"numChannels", c.NumChannels},
		Field{"numRows", c.NumRows},
		Field{"numSubmoduleChannels", c.NumSubmoduleChannels},
		Field{"numSubmoduleRows", c.NumSubmoduleRows},
		Field{"numSubmodules", c.NumSubmodules},
		Field{"camexMagic", c.CamexMagic},
		Field{"info", c.Info},
		Field{"timingFName", c.TimingFile})
}
