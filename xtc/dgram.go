package xtc

import "encoding/binary"

// Sizes of the two headers in bytes. Part of the wire format, do not change.
const (
	DgramHeaderSize = 40 // the root's Xtc header included
	XtcHeaderSize   = 20
)

// noContents is what must not be set for the children of a container to be read.
const noContents = DamageIncompleteContribution

// Xtc is the header of one object: whose it is, what it holds and how long it is.
type Xtc struct {
	Damage   Damage
	Src      Src
	Contains TypeID
	Extent   uint32 // bytes, this 20-byte header included
}

// IsContainer reports whether the payload is a list of further objects.
func (x Xtc) IsContainer() bool { return x.Contains.Type() == TypeXtc }

// readable reports whether the children of a container may be read.
func (x Xtc) readable() bool { return x.IsContainer() && !x.Damage.Has(noContents) }

func parseXtc(b *[XtcHeaderSize]byte) Xtc {
	return Xtc{
		Damage:   Damage(binary.LittleEndian.Uint32(b[0:])),
		Src:      Src{Log: binary.LittleEndian.Uint32(b[4:]), Phy: binary.LittleEndian.Uint32(b[8:])},
		Contains: TypeID(binary.LittleEndian.Uint32(b[12:])),
		Extent:   binary.LittleEndian.Uint32(b[16:]),
	}
}

// Dgram is the header of one datagram. It stays valid after further reads.
type Dgram struct {
	Index     int    // 0 for the first of the file
	Offset    int64  // bytes from the start of the file
	Clock     Clock  // UTC
	Ticks     uint32 // 119 MHz ticks, 24 bits; 0 but for L1Accept
	Fiducials uint32 // 17 bits; 0x1ffff but for L1Accept
	Control   uint8  // service, sequence type and the extended bit
	Vector    uint16 // events since Configure, 15 bits
	Env       uint32 // BeginRun: the run number; L1Accept: readout groups and trigger result
	Root      Xtc
}

// Service returns the transition, the lower four bits of Control.
func (d *Dgram) Service() Transition { return Transition(d.Control & 0x0f) }

// SequenceType returns 0 for an event, 1 for an occurrence, 2 for a marker.
func (d *Dgram) SequenceType() uint8 { return d.Control >> 4 & 0x03 }

// Extended reports the top bit of Control; files of 2012-13 have it set.
func (d *Dgram) Extended() bool { return d.Control&0x80 != 0 }

// End returns the offset behind the datagram, in bytes from the start of the file.
func (d *Dgram) End() int64 {
	return d.Offset + DgramHeaderSize - XtcHeaderSize + int64(d.Root.Extent)
}

// ContentsSkipped reports that Nodes yields nothing because the root is no container
// or is damaged as incomplete.
func (d *Dgram) ContentsSkipped() bool { return !d.Root.readable() }

func parseDgram(b *[DgramHeaderSize]byte, index int, offset int64) Dgram {
	low, high := binary.LittleEndian.Uint32(b[8:]), binary.LittleEndian.Uint32(b[12:])
	return Dgram{
		Index:     index,
		Offset:    offset,
		Clock:     Clock{Nsec: binary.LittleEndian.Uint32(b[0:]), Sec: binary.LittleEndian.Uint32(b[4:])},
		Ticks:     low & 0xffffff,
		Control:   uint8(low >> 24),
		Fiducials: high & 0x1ffff,
		Vector:    uint16(high >> 17),
		Env:       binary.LittleEndian.Uint32(b[16:]),
		Root:      parseXtc((*[XtcHeaderSize]byte)(b[20:])),
	}
}

// check returns the error of a header that cannot begin a datagram within the
// limits.
func (d *Dgram) check(b *[DgramHeaderSize]byte, limits Limits) error {
	switch size := int64(d.Root.Extent) + DgramHeaderSize - XtcHeaderSize; {
	case *b == [DgramHeaderSize]byte{}:
		return &FormatError{Off: d.Offset, What: "datagram header", Err: ErrZeroTail}
	case d.Root.Extent < XtcHeaderSize:
		return &FormatError{Off: d.Offset, What: "datagram extent", Got: d.Root.Extent, Err: ErrExtent}
	case size > int64(limits.MaxDgram):
		return &FormatError{Off: d.Offset, What: "datagram size", Got: size, Err: ErrTooLarge}
	}
	return nil
}

// tailError is the error of a file whose last bytes, fewer than a header, are tail.
func tailError(off int64, tail []byte) error {
	for _, b := range tail {
		if b != 0 {
			return &FormatError{Off: off, What: "bytes left", Got: len(tail), Err: ErrTrailingBytes}
		}
	}
	return &FormatError{Off: off, What: "zero bytes left", Got: len(tail), Err: ErrZeroTail}
}
