package ndarray

import "fmt"

// A DType is the type of an array's elements, named as numpy names it.
type DType uint8

// The element types that calibration constants have.
const (
	NoDType DType = iota // unknown, or text rather than numbers
	Bool
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Float32
	Float64
)

var dtypeNames = [...]string{
	"none", "bool", "int8", "int16", "int32", "int64",
	"uint8", "uint16", "uint32", "uint64", "float32", "float64",
}

var dtypeSizes = [...]int{0, 1, 1, 2, 4, 8, 1, 2, 4, 8, 4, 8}

// ParseDType returns the type that numpy gives that name. "float" and "int" are
// numpy's 64-bit types. The error is ErrDType.
func ParseDType(name string) (DType, error) {
	switch name {
	case "float", "double":
		return Float64, nil
	case "int":
		return Int64, nil
	case "uint":
		return Uint64, nil
	}
	for d := Bool; d <= Float64; d++ {
		if d.String() == name {
			return d, nil
		}
	}
	return NoDType, fmt.Errorf("%w: %q", ErrDType, name)
}

// String returns numpy's name: "float32".
func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return fmt.Sprintf("dtype %d", uint8(d))
}

// Size returns the bytes of an element in memory.
func (d DType) Size() int {
	if int(d) < len(dtypeSizes) {
		return dtypeSizes[d]
	}
	return 0
}

// IsFloat reports whether elements are floating point numbers.
func (d DType) IsFloat() bool { return d == Float32 || d == Float64 }

// IsUnsigned reports whether elements are integers without sign; bool is one.
func (d DType) IsUnsigned() bool { return d == Bool || d >= Uint8 && d <= Uint64 }

// IsSigned reports whether elements are integers with sign.
func (d DType) IsSigned() bool { return d >= Int8 && d <= Int64 }
