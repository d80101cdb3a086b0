package xtc

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// object is the payload of a configuration object that is being decoded.
type object struct {
	src   source
	class string
	off   int64 // of the payload in the file
	size  int64 // bytes of payload
}

// fail returns the error for the field at off bytes into the payload.
func (o object) fail(off int64, what string, got any) error {
	return &FormatError{Off: o.off + off, What: o.class + " " + what, Got: got, Err: ErrConfig}
}

// need checks that the payload holds the size bytes of the class.
func (o object) need(size uint64) error {
	if uint64(o.size) < size {
		return o.fail(0, fmt.Sprintf("needs %d bytes of payload and has", size), o.size)
	}
	return nil
}

// head returns the first n bytes of an object of size bytes or more.
func (o object) head(n int, size uint64) (record, error) {
	if err := o.need(size); err != nil {
		return nil, err
	}
	return o.src.at(o.off, n)
}

// record is a piece of a configuration object, valid until the next read; offsets are
// into it.
type record []byte

func (r record) u16(off int) uint16  { return binary.LittleEndian.Uint16(r[off:]) }
func (r record) u32(off int) uint32  { return binary.LittleEndian.Uint32(r[off:]) }
func (r record) u64(off int) uint64  { return binary.LittleEndian.Uint64(r[off:]) }
func (r record) f64(off int) float64 { return math.Float64frombits(r.u64(off)) }
func (r record) src(off int) Src     { return Src{Log: r.u32(off), Phy: r.u32(off + 4)} }

// text returns the string of at most n bytes that ends at its first zero byte.
func (r record) text(off, n int) string {
	s, _, _ := bytes.Cut(r[off:off+n], []byte{0})
	return string(s)
}

// hugeArray stands for any size that no payload can have.
const hugeArray = 1 << 40

// arrayBytes returns the size of an array of that element size, hugeArray at most.
func arrayBytes(element uint64, dims ...uint32) uint64 {
	size := element
	for _, n := range dims {
		over, product := bits.Mul64(size, uint64(n))
		if over != 0 || product > hugeArray {
			product = hugeArray
		}
		size = product
	}
	return size
}
