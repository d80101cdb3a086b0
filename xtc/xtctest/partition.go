package xtctest

import (
	"encoding/binary"

	"deployconstants/xtc"
)

// AliasConfig returns Alias.ConfigV1. Names are cut to 31 bytes.
func AliasConfig(aliases ...xtc.Alias) []byte {
	c := make(payload, 4+40*len(aliases))
	c.put(0, uint32(len(aliases)))
	for i, a := range aliases {
		off := 4 + 40*i
		c.put(off, a.Src.Log, a.Src.Phy)
		copy(c[off+8:off+39], a.Name)
	}
	return c
}

// PartitionConfig returns Partition.ConfigV1 or V2.
func PartitionConfig(version uint16, bldMask uint64, sources ...xtc.PartitionSource) []byte {
	b := binary.LittleEndian.AppendUint64(nil, bldMask)
	if version == 1 {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(sources)))
	} else {
		b = binary.LittleEndian.AppendUint32(nil, 2)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(sources)))
		b = binary.LittleEndian.AppendUint64(b, bldMask)
	}
	for _, s := range sources {
		for _, word := range []uint32{s.Src.Log, s.Src.Phy, s.Group} {
			b = binary.LittleEndian.AppendUint32(b, word)
		}
	}
	return b
}

// EvrConfig returns a payload of the size of EvrData.ConfigV7 with that many event
// codes and pulses.
func EvrConfig(codes, pulses int) []byte {
	c := make(payload, 16+codes*72+pulses*16)
	c.put(0, uint32(codes), uint32(pulses))
	return c
}
