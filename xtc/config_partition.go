package xtc

import "fmt"

// PartitionConfig lists the sources that take part in a run: Partition.ConfigV1 and
// V2.
type PartitionConfig struct {
	BldMask []uint32 // beam-line data sources, 32 a word, lowest first; two words in ConfigV1
	Sources []PartitionSource

	class string
}

// PartitionSource is one of them and its readout group.
type PartitionSource struct {
	Src   Src
	Group uint32
}

// Part of the wire format, do not change.
const (
	partitionHeadV1 = 12
	partitionHeadV2 = 8
	partitionSize   = 12
)

// maxBldWords bounds the mask of ConfigV2; there are 96 beam-line data sources.
const maxBldWords = 256

func decodePartitionV1(o object) (Config, error) {
	b, err := o.head(partitionHeadV1, partitionHeadV1)
	if err != nil {
		return nil, err
	}
	c := &PartitionConfig{BldMask: []uint32{b.u32(0), b.u32(4)}, class: o.class}
	return c.readSources(o, partitionHeadV1, b.u32(8))
}

func decodePartitionV2(o object) (Config, error) {
	b, err := o.head(partitionHeadV2, partitionHeadV2)
	if err != nil {
		return nil, err
	}
	words, count := b.u32(0), b.u32(4)
	if words > maxBldWords {
		return nil, o.fail(0, "number of mask words", words)
	}
	behind := partitionHeadV2 + 4*int(words)
	if b, err = o.head(behind, uint64(behind)); err != nil {
		return nil, err
	}
	c := &PartitionConfig{class: o.class}
	for off := partitionHeadV2; off < behind; off += 4 {
		c.BldMask = append(c.BldMask, b.u32(off))
	}
	return c.readSources(o, int64(behind), count)
}

func (c *PartitionConfig) readSources(o object, off int64, count uint32) (Config, error) {
	var err error
	c.Sources, err = readList(o, off, count, partitionSize, func(r record) PartitionSource {
		return PartitionSource{Src: r.src(0), Group: r.u32(8)}
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Class returns the name of the class, "Partition.ConfigV1".
func (c *PartitionConfig) Class() string { return c.class }

// Shape returns nil.
func (c *PartitionConfig) Shape() []int { return nil }

// Fields returns the mask and the list of sources.
func (c *PartitionConfig) Fields() Fields {
	list := make([]Fields, len(c.Sources))
	for i, s := range c.Sources {
		list[i] = Fields{{"log", hexWord(s.Src.Log)}, {"phy", hexWord(s.Src.Phy)}, {"group", s.Group}}
	}
	var mask any = c.BldMask
	if c.class == "Partition.ConfigV1" {
		mask = uint64(c.BldMask[1])<<32 | uint64(c.BldMask[0])
	}
	return Fields{{"bldMask", mask}, {"sources", list}}
}

// hexWord is how the words of a source are written: eight hexadecimal digits.
func hexWord(word uint32) string { return fmt.Sprintf("%08x", word) }
