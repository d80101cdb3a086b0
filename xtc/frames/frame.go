package frames

import (
	"encoding/binary"
	"unsafe"
)

// DType is the type of a pixel.
type DType uint8

// The types of pixels.
const (
	Uint8 DType = iota
	Uint16
	Int16
)

var dtypes = [...]struct {
	name string
	size int
}{{"uint8", 1}, {"uint16", 2}, {"int16", 2}}

// Size returns the bytes of a pixel.
func (t DType) Size() int { return dtypes[t].size }

// String returns numpy's name, "uint16".
func (t DType) String() string { return dtypes[t].name }

// Frame is the pixels of a detector in one event.
type Frame struct {
	Shape []int // slowest first; not to be changed
	DType DType
	Data  []byte // little endian, the last index fastest; not to be changed

	// Offset is where Data begins, in bytes into the payload; -1 where the payload is
	// compressed or the pixels are put together.
	Offset int
}

// Pixels returns the number of pixels.
func (f Frame) Pixels() int { return len(f.Data) / f.DType.Size() }

// Uint16 returns the pixels of a frame of two-byte pixels, the same bits for Int16, nil
// for Uint8. The slice is a view of Data, valid as long, wherever Data begins at an even
// address and the machine is little endian; else a copy.
func (f Frame) Uint16() []uint16 { return view[uint16](f) }

// Int16 returns the pixels as Uint16 does, as signed numbers.
func (f Frame) Int16() []int16 { return view[int16](f) }

func view[T int16 | uint16](f Frame) []T {
	if f.DType.Size() != 2 || len(f.Data) < 2 {
		return nil
	}
	n := len(f.Data) / 2
	if first := unsafe.Pointer(unsafe.SliceData(f.Data)); littleEndian && uintptr(first)%2 == 0 {
		return unsafe.Slice((*T)(first), n)
	}
	pixels := make([]T, n)
	for i := range pixels {
		pixels[i] = T(binary.LittleEndian.Uint16(f.Data[2*i:]))
	}
	return pixels
}

// littleEndian says that pixels lie in memory as they lie in a file.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// BySection returns the pixels of a cspad2x2 as psana's dark processing takes them: its
// two sections one after the other, shape 2, 185, 388, where the frame has them side by
// side. They are put into dst, or into a new slice where dst has not the room. It returns
// nil for a frame of another shape.
func (f Frame) BySection(dst []int16) []int16 {
	if len(f.Shape) != 3 || f.Shape[2] != cspad2x2Sections || f.DType != Int16 {
		return nil
	}
	n := f.Pixels() / cspad2x2Sections
	if cap(dst) < cspad2x2Sections*n {
		dst = make([]int16, cspad2x2Sections*n)
	}
	dst = dst[:cspad2x2Sections*n]
	pixels := f.Int16()
	first, second := dst[:n], dst[n:]
	for i := range first {
		first[i], second[i] = pixels[2*i], pixels[2*i+1]
	}
	return dst
}
