package xtctest

import (
	"bytes"
	"encoding/binary"
	"math"

	"deployconstants/xtc"
)

// ConfigNode returns the node of a configuration object. The zeros at the end of the
// payload become sparse.
func ConfigNode(src xtc.Src, contains xtc.TypeID, payload []byte) Node {
	stored := bytes.TrimRight(payload, "\x00")
	return Node{Src: src, Contains: contains, Payload: stored, Sparse: int64(len(payload) - len(stored))}
}

// payload is a configuration object that is being built.
type payload []byte

func (p payload) put16(off int, v uint16) { binary.LittleEndian.PutUint16(p[off:], v) }
func (p payload) put64(off int, v uint64) { binary.LittleEndian.PutUint64(p[off:], v) }

func (p payload) putFloat(off int, v float64) { p.put64(off, math.Float64bits(v)) }

// put writes 32-bit words from off.
func (p payload) put(off int, words ...uint32) {
	for i, w := range words {
		binary.LittleEndian.PutUint32(p[off+4*i:], w)
	}
}
