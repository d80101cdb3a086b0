package ndarray_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"deployconstants/repo/ndarray"
)

// checkNumber reads one number as every type, and compares with strconv.
func checkNumber(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsAny(text, "#xX_ \t\n\v\f\r") || text == "" {
		return
	}
	read := func(dtype ndarray.DType) (*ndarray.Array, error) {
		return ndarray.ReadText(strings.NewReader(text), ndarray.ReadOptions{DType: dtype})
	}
	want, err := strconv.ParseFloat(text, 64)
	valid := err == nil || errors.Is(err, strconv.ErrRange)
	for _, dtype := range []ndarray.DType{ndarray.Float64, ndarray.Float32} {
		right := want
		if dtype == ndarray.Float32 {
			right = float64(float32(want))
		}
		a, err := read(dtype)
		switch {
		case (err == nil) != valid:
			t.Errorf("%q as %v: %v", text, dtype, err)
		case err == nil && math.Float64bits(a.Floats[0]) != math.Float64bits(right):
			t.Errorf("%q as %v is %v, want %v", text, dtype, a.Floats[0], right)
		}
	}
	for _, dtype := range []ndarray.DType{ndarray.Bool, ndarray.Int8, ndarray.Int16, ndarray.Int32, ndarray.Int64,
		ndarray.Uint8, ndarray.Uint16, ndarray.Uint32, ndarray.Uint64} {
		low, high := 0.0, math.Ldexp(1, 8*dtype.Size())
		switch {
		case dtype == ndarray.Bool:
			high = 2
		case dtype.IsSigned():
			low, high = -high/2, high/2
		}
		whole := math.Trunc(want)
		if math.Abs(whole) >= 1<<53 {
			continue // float64 has no say
		}
		fits := valid && whole >= low && whole < high
		a, err := read(dtype)
		switch {
		case (err == nil) != fits:
			t.Errorf("%q as %v: %v", text, dtype, err)
		case err == nil && a.AsFloat64()[0] != whole:
			t.Errorf("%q as %v is %v, want %v", text, dtype, a.AsFloat64()[0], whole)
		}
	}
}

var oddNumbers = []string{
	"0", "-0", "+0", "0.0", "-0.0", "1.", ".5", "-.5", "+.5", ".", "-", "+", "+-1", "++1", "1..2", "1.2.3", "1e5", "1e", "e5",
	"4049.50", "127", "128", "-128", "-129", "255", "256", "65535", "65536", "2147483647", "2147483648", "4294967296",
	"9007199254740992", "9007199254740993", "9007199254740993.0", "0.1", "0.3", "123456789012345678", "1234567890123456789",
	"12345678901.234567", "0.000000000000000001", "00000000000000000000001", "nan", "inf", "-inf", "1e999", "١",
}

func TestReadNumbers(t *testing.T) {
	for _, text := range oddNumbers {
		checkNumber(t, text)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for range 3000 {
		checkNumber(t, fmt.Sprintf("%.*f", rng.IntN(12), rng.NormFloat64()*math.Pow10(rng.IntN(12))))
		checkNumber(t, strconv.FormatUint(rng.Uint64()>>rng.IntN(64), 10))
	}
}

func FuzzReadNumber(f *testing.F) {
	for _, text := range oddNumbers {
		f.Add(text)
	}
	f.Fuzz(checkNumber)
}

// TestFormatIntegers compares with fmt, which pads as printf does.
func TestFormatIntegers(t *testing.T) {
	for _, text := range []string{"%d", "%1d", "%4d", "%6d", "%25d", "%04d", "%-4d", "%+d", "% d"} {
		format, err := ndarray.ParseFormat(text)
		if err != nil {
			t.Fatal(err)
		}
		for shift := range 64 {
			for _, v := range []uint64{1<<shift - 1, 1 << shift, 1<<shift + 1, math.MaxUint64 >> shift} {
				got, err := format.AppendWord(nil, v)
				if want := fmt.Sprintf(text, v); err != nil || string(got) != want && text != "%+d" && text != "% d" {
					t.Errorf("%s of %d is %q, %v, want %q", text, v, got, err, want)
				}
				for _, signed := range []int64{int64(v), -int64(v)} {
					got, err := format.AppendInteger(nil, signed)
					if want := fmt.Sprintf(text, signed); err != nil || string(got) != want {
						t.Errorf("%s of %d is %q, %v, want %q", text, signed, got, err, want)
					}
				}
				if v < 1<<53 {
					got, err := format.AppendFloat(nil, float64(v)+0.25)
					if want := fmt.Sprintf(text, int64(float64(v)+0.25)); err != nil || string(got) != want {
						t.Errorf("%s of %v is %q, %v, want %q", text, float64(v)+0.25, got, err, want)
					}
				}
			}
		}
	}
}

func TestWriteTable(t *testing.T) {
	a := &ndarray.Array{Shape: []int{2, 1, 3}, DType: ndarray.Int16, Integers: []int64{1, -2, 3, 4, 5, 600}}
	var out strings.Builder
	if err := a.WriteTable(&out, "%3d"); err != nil {
		t.Fatal(err)
	}
	if want := "  1  -2   3\n  4   5 600\n"; out.String() != want {
		t.Errorf("table %q, want %q", out.String(), want)
	}
	if err := a.WriteTable(&out, "%s"); !errors.Is(err, ndarray.ErrFormat) {
		t.Errorf("format %%s: %v", err)
	}
	a.Integers = a.Integers[:5]
	if err := a.WriteTable(&out, "%d"); !errors.Is(err, ndarray.ErrShape) {
		t.Errorf("an element less: %v", err)
	}
}
