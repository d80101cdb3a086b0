package ndarray

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// npyMagic begins every .npy file; version and header length follow.
const npyMagic = "\x93NUMPY"

// headerMax bounds, in bytes, the header of an .npy file.
const headerMax = 64 << 10

// ReadNPY reads an array in numpy's .npy format, versions 1 to 3, of the element
// types of DType in either byte order, in C or Fortran order (the result is in C
// order). A scalar becomes an array of one element.
//
// Errors: ErrSyntax, ErrDType (objects, structures, complex and half precision
// among them), ErrShape, ErrLimit, io.ErrUnexpectedEOF if data are missing,
// ErrSyntax also if something follows them; or what r says.
func ReadNPY(r io.Reader, limits Limits) (*Array, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	header, err := readNPYHeader(in)
	if err != nil {
		return nil, err
	}
	if len(header.shape) == 0 {
		header.shape = []int{1}
	}
	n, err := elements(header.shape, limits)
	if err != nil {
		return nil, err
	}
	a := &Array{Shape: header.shape, DType: header.dtype}
	if err := a.readElements(in, n, header.order); err != nil {
		return nil, err
	}
	if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, errors.Join(fmt.Errorf("%w: npy: bytes behind the %d elements", ErrSyntax, n), err)
	}
	if header.fortran {
		a.Floats = fromFortran(a.Floats, a.Shape)
		a.Integers = fromFortran(a.Integers, a.Shape)
		a.Words = fromFortran(a.Words, a.Shape)
	}
	return a, a.Check()
}

func readNPYHeader(in io.Reader) (npyHeader, error) {
	var fixed [8]byte
	if _, err := io.ReadFull(in, fixed[:]); err != nil {
		return npyHeader{}, fmt.Errorf("%w: npy: %w", ErrSyntax, err)
	}
	if string(fixed[:6]) != npyMagic {
		return npyHeader{}, fmt.Errorf("%w: npy: begins with %q", ErrSyntax, fixed[:6])
	}
	var size uint32
	var err error
	switch version := fixed[6]; version {
	case 1:
		var short uint16
		err = binary.Read(in, binary.LittleEndian, &short)
		size = uint32(short)
	case 2, 3:
		err = binary.Read(in, binary.LittleEndian, &size)
	default:
		err = fmt.Errorf("version %d", version)
	}
	if err == nil && size > headerMax {
		err = fmt.Errorf("a header of %d bytes", size)
	}
	text := make([]byte, min(size, headerMax))
	if err == nil {
		_, err = io.ReadFull(in, text)
	}
	if err != nil {
		return npyHeader{}, fmt.Errorf("%w: npy: %w", ErrSyntax, err)
	}
	return parseNPYHeader(string(text))
}

// readElements reads n elements as they arrive, so that a header that promises
// much costs nothing.
func (a *Array) readElements(in io.Reader, n int, order binary.ByteOrder) error {
	size := a.DType.Size()
	chunk := make([]byte, min(n*size, 1<<16)/size*size)
	for left := n; left > 0; {
		part := chunk[:min(left*size, len(chunk))]
		if _, err := io.ReadFull(in, part); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return fmt.Errorf("npy: element %d of %d: %w", n-left, n, err)
		}
		for i := 0; i < len(part); i += size {
			a.appendBytes(part[i:i+size], order)
		}
		left -= len(part) / size
	}
	return nil
}

// appendBytes appends an element from its bytes.
func (a *Array) appendBytes(b []byte, order binary.ByteOrder) {
	var word uint64
	switch len(b) {
	case 1:
		word = uint64(b[0])
	case 2:
		word = uint64(order.Uint16(b))
	case 4:
		word = uint64(order.Uint32(b))
	default:
		word = order.Uint64(b)
	}
	switch {
	case a.DType == Float32:
		a.Floats = append(a.Floats, float64(math.Float32frombits(uint32(word))))
	case a.DType == Float64:
		a.Floats = append(a.Floats, math.Float64frombits(word))
	case a.DType == Bool:
		a.Words = append(a.Words, boolWord(word != 0))
	case a.DType.IsSigned():
		unused := 64 - 8*len(b)
		a.Integers = append(a.Integers, int64(word<<unused)>>unused)
	default:
		a.Words = append(a.Words, word)
	}
}

// fromFortran puts elements whose first dimension runs fastest into C order.
func fromFortran[T any](values []T, shape []int) []T {
	if len(values) == 0 || len(shape) < 2 {
		return values
	}
	strides := make([]int, len(shape)) // in the Fortran order
	stride := 1
	for i, dim := range shape {
		strides[i] = stride
		stride *= dim
	}
	sorted := make([]T, 0, len(values))
	index := make([]int, len(shape))
	for from := 0; len(sorted) < len(values); {
		sorted = append(sorted, values[from])
		for i := len(shape) - 1; i >= 0; i-- {
			index[i]++
			from += strides[i]
			if index[i] < shape[i] {
				break
			}
			from -= strides[i] * shape[i]
			index[i] = 0
		}
	}
	return slices.Clip(sorted)
}
