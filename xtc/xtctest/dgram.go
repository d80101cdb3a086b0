package xtctest

import (
	"encoding/binary"
	"slices"

	"deployconstants/xtc"
)

// Node is one object of a datagram. With children it is a container, whatever
// Contains says, unless Contains is set.
type Node struct {
	Damage   xtc.Damage
	Src      xtc.Src
	Contains xtc.TypeID // 0 with Children: a container
	Extent   uint32     // bytes as written in the header; 0: what it really is
	Payload  []byte     // before the children
	Sparse   int64      // zero bytes behind Payload
	Children []Node
}

// ZeroExtent is the Extent that is written as 0.
const ZeroExtent = 1<<32 - 2

// Dgram is one datagram.
type Dgram struct {
	Transition xtc.Transition
	Control    uint8 // or-ed to the transition: sequence type and the extended bit
	Clock      xtc.Clock
	Ticks      uint32
	Fiducials  uint32 // 0 but for L1Accept: 0x1ffff
	Vector     uint16
	Env        uint32
	Root       Node // its Src defaults to the event builder's
}

// eventBuilder is the source of a root, as data acquisition has it.
var eventBuilder = xtc.ProcInfo(xtc.LevelEvent, [4]byte{172, 21, 21, 131}, 2136)

// noFiducials is the fiducial count of transitions.
const noFiducials = 0x1ffff

// chunk is a piece of an encoded file: bytes, then zeros.
type chunk struct {
	bytes  []byte
	sparse int64
}

// size returns the real extent of the node in bytes.
func (n *Node) size() int64 {
	size := xtc.XtcHeaderSize + int64(len(n.Payload)) + n.Sparse
	for i := range n.Children {
		size += n.Children[i].size()
	}
	return size
}

// header appends the Xtc header.
func (n *Node) header(b []byte) []byte {
	contains, extent := n.Contains, n.Extent
	if contains == 0 && n.Children != nil {
		contains = xtc.TypeID(xtc.TypeXtc)
	}
	switch extent {
	case 0:
		extent = uint32(n.size())
	case ZeroExtent:
		extent = 0
	}
	for _, word := range []uint32{uint32(n.Damage), n.Src.Log, n.Src.Phy, uint32(contains), extent} {
		b = binary.LittleEndian.AppendUint32(b, word)
	}
	return b
}

// append adds the node to the chunks.
func (n *Node) append(chunks []chunk) []chunk {
	last := &chunks[len(chunks)-1]
	if last.sparse > 0 {
		chunks = append(chunks, chunk{})
		last = &chunks[len(chunks)-1]
	}
	last.bytes = append(n.header(last.bytes), n.Payload...)
	last.sparse = n.Sparse
	for i := range n.Children {
		chunks = n.Children[i].append(chunks)
	}
	return chunks
}

// chunks returns the encoded datagram.
func (d *Dgram) chunks() []chunk {
	root, fiducials := d.Root, d.Fiducials
	if root.Src == (xtc.Src{}) {
		root.Src = eventBuilder
	}
	if root.Contains == 0 && root.Payload == nil {
		root.Contains = xtc.TypeID(xtc.TypeXtc)
	}
	if fiducials == 0 && d.Transition != xtc.TransitionL1Accept {
		fiducials = noFiducials
	}
	var b []byte
	for _, word := range []uint32{
		d.Clock.Nsec,
		d.Clock.Sec,
		d.Ticks&0xffffff | uint32(d.Control|uint8(d.Transition))<<24,
		fiducials&0x1ffff | uint32(d.Vector)<<17,
		d.Env,
	} {
		b = binary.LittleEndian.AppendUint32(b, word)
	}
	return root.append([]chunk{{bytes: b}})
}

// Size returns the bytes of the datagram in a file.
func (d *Dgram) Size() int64 {
	return xtc.DgramHeaderSize - xtc.XtcHeaderSize + d.Root.size()
}

// Encode returns the file of these datagrams, sparse parts included.
func Encode(dgrams ...Dgram) []byte {
	var b []byte
	for i := range dgrams {
		for _, c := range dgrams[i].chunks() {
			b = append(b, c.bytes...)
			b = append(slices.Grow(b, int(c.sparse)), make([]byte, c.sparse)...)
		}
	}
	return b
}
