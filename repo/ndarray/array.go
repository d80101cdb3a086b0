package ndarray

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// An Array is a block of numbers in C order (the last dimension runs fastest).
// One of the three slices holds the elements, by the kind of DType; a float32 is
// kept in its exact float64, and a bool as 0 or 1.
type Array struct {
	Shape    []int // at least one dimension, each 0 or more
	DType    DType
	Floats   []float64 // of Float32 and Float64
	Integers []int64   // of Int8 to Int64
	Words    []uint64  // of Bool and Uint8 to Uint64
}

// FromFloats makes a Float64 array of values in C order, which it keeps. The
// error is ErrShape if their number is not that of the shape.
func FromFloats(shape []int, values []float64) (*Array, error) {
	a := &Array{Shape: slices.Clone(shape), DType: Float64, Floats: values}
	return a, a.Check()
}

// FromIntegers is FromFloats for an Int64 array.
func FromIntegers(shape []int, values []int64) (*Array, error) {
	a := &Array{Shape: slices.Clone(shape), DType: Int64, Integers: values}
	return a, a.Check()
}

// FromWords is FromFloats for a Uint64 array.
func FromWords(shape []int, values []uint64) (*Array, error) {
	a := &Array{Shape: slices.Clone(shape), DType: Uint64, Words: values}
	return a, a.Check()
}

// Filled makes a Float64 array with the same value everywhere. The error is
// ErrShape for a shape that cannot be.
func Filled(shape []int, value float64) (*Array, error) {
	n, err := elements(shape, Limits{}.orDefault())
	if err != nil {
		return nil, err
	}
	return FromFloats(shape, slices.Repeat([]float64{value}, n))
}

// Len returns the number of elements held.
func (a *Array) Len() int { return len(a.Floats) + len(a.Integers) + len(a.Words) }

// Check returns ErrShape if the elements held are not as many as the shape says,
// or not of the kind of the element type.
func (a *Array) Check() error {
	n, err := elements(a.Shape, Limits{MaxElements: math.MaxInt / 8})
	if err != nil {
		return err
	}
	held := len(a.Words)
	switch {
	case a.DType.IsFloat():
		held = len(a.Floats)
	case a.DType.IsSigned():
		held = len(a.Integers)
	case !a.DType.IsUnsigned():
		return fmt.Errorf("%w: %v", ErrDType, a.DType)
	}
	if held != n || a.Len() != n {
		return fmt.Errorf("%w: %d elements of type %v in the shape %s", ErrShape, held, a.DType, ShapeString(a.Shape))
	}
	return nil
}

// AsFloat64 returns all elements as float64; integers beyond 2^53 are rounded.
// For floating point arrays it is the array's own slice.
func (a *Array) AsFloat64() []float64 {
	if a.DType.IsFloat() {
		return a.Floats
	}
	values := make([]float64, 0, a.Len())
	for _, v := range a.Integers {
		values = append(values, float64(v))
	}
	for _, v := range a.Words {
		values = append(values, float64(v))
	}
	return values
}

// ShapeString writes a shape as Python does, without blanks: "(704,768)", "(4,)".
func ShapeString(shape []int) string {
	if len(shape) == 1 {
		return "(" + strconv.Itoa(shape[0]) + ",)"
	}
	dims := make([]string, len(shape))
	for i, n := range shape {
		dims[i] = strconv.Itoa(n)
	}
	return "(" + strings.Join(dims, ",") + ")"
}

// Limits bound what a file may make of memory. The zero value is the default.
type Limits struct {
	MaxElements int // default 1<<26: four times the largest constants, of the epix10ka2M
	MaxDims     int // default 32, numpy's
}

func (l Limits) orDefault() Limits {
	if l.MaxElements == 0 {
		l.MaxElements = 1 << 26
	}
	if l.MaxDims == 0 {
		l.MaxDims = 32
	}
	return l
}

// elements multiplies the dimensions. Errors: ErrShape, ErrLimit.
func elements(shape []int, limits Limits) (int, error) {
	limits = limits.orDefault()
	if len(shape) == 0 || len(shape) > limits.MaxDims {
		return 0, fmt.Errorf("%w: %d dimensions, want 1 to %d", ErrShape, len(shape), limits.MaxDims)
	}
	if slices.Min(shape) < 0 {
		return 0, fmt.Errorf("%w: %s", ErrShape, ShapeString(shape))
	}
	if slices.Contains(shape, 0) {
		return 0, nil
	}
	n := 1
	for _, dim := range shape {
		if dim > limits.MaxElements/n {
			return 0, fmt.Errorf("%w: %s has more than %d elements", ErrLimit, ShapeString(shape), limits.MaxElements)
		}
		n *= dim
	}
	return n, nil
}
