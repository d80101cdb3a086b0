package xtc

// SmlDataConfig stands first in the Configure of a smalldata file: SmlData.ConfigV1.
type SmlDataConfig struct {
	SizeThreshold uint32 // bytes; larger objects of an event are replaced by an SmlDataProxy
}

// SmlDataOrigDgramOffset stands first in each event of a smalldata file and says
// where the event is in the large file: SmlData.OrigDgramOffsetV1.
type SmlDataOrigDgramOffset struct {
	FileOffset int64  // bytes from the start of the large file
	Extent     uint32 // bytes
}

// SmlDataProxy stands for an object of the large file: SmlData.ProxyV1.
type SmlDataProxy struct {
	FileOffset int64 // bytes from the start of the large file to the object's Xtc header
	Contains   TypeID
	Extent     uint32 // bytes, header included
}

// Part of the wire format, do not change.
const (
	smlConfigSize = 4
	smlOriginSize = 12
	smlProxySize  = 16
)

func decodeSmlDataConfig(o object) (Config, error) {
	b, err := o.head(smlConfigSize, smlConfigSize)
	if err != nil {
		return nil, err
	}
	return &SmlDataConfig{SizeThreshold: b.u32(0)}, nil
}

func decodeSmlDataOrigin(o object) (Config, error) {
	b, err := o.head(smlOriginSize, smlOriginSize)
	if err != nil {
		return nil, err
	}
	return &SmlDataOrigDgramOffset{FileOffset: int64(b.u64(0)), Extent: b.u32(8)}, nil
}

func decodeSmlDataProxy(o object) (Config, error) {
	b, err := o.head(smlProxySize, smlProxySize)
	if err != nil {
		return nil, err
	}
	return &SmlDataProxy{FileOffset: int64(b.u64(0)), Contains: TypeID(b.u32(8)), Extent: b.u32(12)}, nil
}

// Class returns "SmlData.ConfigV1".
func (c *SmlDataConfig) Class() string { return "SmlData.ConfigV1" }

// Shape returns nil.
func (c *SmlDataConfig) Shape() []int { return nil }

// Fields returns the threshold.
func (c *SmlDataConfig) Fields() Fields { return Fields{{"sizeThreshold", c.SizeThreshold}} }

// Class returns "SmlData.OrigDgramOffsetV1".
func (c *SmlDataOrigDgramOffset) Class() string { return "SmlData.OrigDgramOffsetV1" }

// Shape returns nil.
func (c *SmlDataOrigDgramOffset) Shape() []int { return nil }

// Fields returns offset and extent.
func (c *SmlDataOrigDgramOffset) Fields() Fields {
	return Fields{{"fileOffset", c.FileOffset}, {"extent", c.Extent}}
}

// Class returns "SmlData.ProxyV1".
func (c *SmlDataProxy) Class() string { return "SmlData.ProxyV1" }

// Shape returns nil.
func (c *SmlDataProxy) Shape() []int { return nil }

// Fields returns offset, type and extent.
func (c *SmlDataProxy) Fields() Fields {
	return Fields{
		{"fileOffset", c.FileOffset},
		{"type", c.Contains.Type().String()},
		{"type_value", hexWord(uint32(c.Contains))},
		{"extent", c.Extent},
	}
}
