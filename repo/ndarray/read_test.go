package ndarray_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"deployconstants/repo/ndarray"

	"github.com/google/go-cmp/cmp"
)

func TestReadText(t *testing.T) {
	for _, c := range []struct {
		name, text string
		dtype      ndarray.DType
		want       ndarray.Array
	}{
		{"table", "1 2\n3 4\n", ndarray.NoDType,
			ndarray.Array{Shape: []int{2, 2}, DType: ndarray.Float64, Floats: []float64{1, 2, 3, 4}}},
		{"row is one dimension", "1 2 3 4\n", ndarray.Uint64,
			ndarray.Array{Shape: []int{4}, DType: ndarray.Uint64, Words: []uint64{1, 2, 3, 4}}},
		{"column is one dimension", "1\n2\n", ndarray.Uint64,
			ndarray.Array{Shape: []int{2}, DType: ndarray.Uint64, Words: []uint64{1, 2}}},
		{"single number", "7", ndarray.Int64,
			ndarray.Array{Shape: []int{1}, DType: ndarray.Int64, Integers: []int64{7}}},
		{"comments anywhere", "# a\n1 2 # b\n  # c\n\n3\t4\r\n", ndarray.NoDType,
			ndarray.Array{Shape: []int{2, 2}, DType: ndarray.Float64, Floats: []float64{1, 2, 3, 4}}},
		{"header reshapes three dimensions", "# DTYPE int32\n# NDIM 3\n# DIM:0 2\n# DIM:1 1\n# DIM:2 2\n1 2\n3 4\n", ndarray.NoDType,
			ndarray.Array{Shape: []int{2, 1, 2}, DType: ndarray.Int32, Integers: []int64{1, 2, 3, 4}}},
		{"header does not reshape two", "# DTYPE uint8\n# NDIM 2\n# DIM:0 1\n# DIM:1 2\n1 2\n", ndarray.NoDType,
			ndarray.Array{Shape: []int{2}, DType: ndarray.Uint8, Words: []uint64{1, 2}}},
		{"late header is a comment", "1 2\n# NDIM 3\n3 4\n", ndarray.NoDType,
			ndarray.Array{Shape: []int{2, 2}, DType: ndarray.Float64, Floats: []float64{1, 2, 3, 4}}},
		{"64 bits exactly", "18446744073709551615 9007199254740993", ndarray.Uint64,
			ndarray.Array{Shape: []int{2}, DType: ndarray.Uint64, Words: []uint64{math.MaxUint64, 1<<53 + 1}}},
		{"points in integers", "1.0 2.9 1e3 -3.5", ndarray.Int64,
			ndarray.Array{Shape: []int{4}, DType: ndarray.Int64, Integers: []int64{1, 2, 1000, -3}}},
		{"float32 is rounded", "0.1", ndarray.Float32,
			ndarray.Array{Shape: []int{1}, DType: ndarray.Float32, Floats: []float64{float64(float32(0.1))}}},
		{"nan and inf", "inf -inf 1e999", ndarray.NoDType,
			ndarray.Array{Shape: []int{3}, DType: ndarray.Float64, Floats: []float64{math.Inf(1), math.Inf(-1), math.Inf(1)}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ndarray.ReadText(strings.NewReader(c.text), ndarray.ReadOptions{DType: c.dtype})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadTextErrors(t *testing.T) {
	for _, c := range []struct {
		name, text string
		dtype      ndarray.DType
		want       error
		line       int // 0: not a *SyntaxError
	}{
		{"nothing", "# only a comment\n\n", 0, ndarray.ErrNoData, 0},
		{"a word", "1 2\n3 x\n", 0, ndarray.ErrSyntax, 2},
		{"hexadecimal", "0x10\n", 0, ndarray.ErrSyntax, 1},
		{"underscore", "1_0\n", 0, ndarray.ErrSyntax, 1},
		{"ragged", "1 2\n3\n", 0, ndarray.ErrShape, 2},
		{"negative word", "-1\n", ndarray.Uint64, ndarray.ErrRange, 1},
		{"too large", "300\n", ndarray.Uint8, ndarray.ErrRange, 1},
		{"too large by one", "18446744073709551616\n", ndarray.Uint64, ndarray.ErrRange, 1},
		{"too large for int64", "9223372036854775808\n", ndarray.Int64, ndarray.ErrRange, 1},
		{"nan as integer", "nan\n", ndarray.Int32, ndarray.ErrRange, 1},
		{"dimensions differ in number", "# NDIM 3\n# DIM:0 2\n1 2\n", 0, ndarray.ErrShape, 0},
		{"dimensions do not fit", "# NDIM 3\n# DIM:0 2\n# DIM:1 2\n# DIM:2 2\n1 2\n", 0, ndarray.ErrShape, 0},
		{"dimension is no number", "# DIM:0 -1\n1\n", 0, ndarray.ErrSyntax, 1},
		{"type unknown", "# DTYPE complex64\n1\n", 0, ndarray.ErrDType, 1},
		{"more than allowed", "1 2 3\n4 5 6\n", 0, ndarray.ErrLimit, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ndarray.ReadText(strings.NewReader(c.text),
				ndarray.ReadOptions{DType: c.dtype, Limits: ndarray.Limits{MaxElements: 5}})
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			syntax, ok := errors.AsType[*ndarray.SyntaxError](err)
			if ok != (c.line > 0) || ok && syntax.Line != c.line {
				t.Errorf("error %v, want one of line %d", err, c.line)
			}
		})
	}
}

// FuzzReadText: no panic, and what was read can be written and read again.
func FuzzReadText(f *testing.F) {
	f.Add([]byte("\n# HOST        h\n# DTYPE       float64\n# NDIM        3\n# DIM:0       1\n# DIM:1       1\n# DIM:2       2\n\n0.0610 nan\n"))
	f.Add([]byte("\n# DTYPE       uint64\n# NDIM        1\n# DIM:0       2\n\n 1 18446744073709551615 "))
	f.Add([]byte("1 2\n4 8\n"))
	f.Add([]byte("# NDIM 3\n# DIM:0 9223372036854775807\n# DIM:1 2\n# DIM:2 3\n1"))
	limits := ndarray.Limits{MaxElements: 1000}
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := ndarray.ReadText(bytes.NewReader(text), ndarray.ReadOptions{Limits: limits})
		if err != nil {
			return
		}
		format := "%d"
		if a.DType.IsFloat() {
			format = "%.17g"
		}
		var again bytes.Buffer
		if err := a.WriteText(&again, ndarray.TextOptions{Format: format}); err != nil {
			t.Fatal(err)
		}
		b, err := ndarray.ReadText(bytes.NewReader(again.Bytes()), ndarray.ReadOptions{Limits: limits})
		if err != nil {
			t.Fatalf("%v in\n%s", err, again.Bytes())
		}
		if !slices.EqualFunc(a.AsFloat64(), b.AsFloat64(), func(x, y float64) bool { return x == y || x != x && y != y }) {
			t.Errorf("%v became %v", a, b)
		}
	})
}
