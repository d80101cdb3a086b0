package ndarray_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"testing"

	"deployconstants/repo/ndarray"
)

func TestFormatFloat(t *testing.T) {
	// Each result is what C's printf and Python's % give.
	for _, c := range []struct {
		format string
		value  float64
		want   string
	}{
		{"%.4f", 0.061, "0.0610"},
		{"%.1f", 0.05, "0.1"}, // 0.05000000000000000277
		{"%.1f", 0.25, "0.2"}, // a tie: to even
		{"%.1f", 0.35, "0.3"}, // 0.34999999999999997780
		{"%.0f", 2.5, "2"},    // tie
		{"%.0f", 3.5, "4"},    // tie
		{"%.2f", -0.005, "-0.01"},
		{"%.4f", math.Copysign(0, -1), "-0.0000"},
		{"%.4f", math.NaN(), "nan"},
		{"%.4f", math.Inf(-1), "-inf"},
		{"%8.2f", math.Inf(1), "     inf"},
		{"%08.2f", math.Inf(1), "     inf"}, // zeros do not pad words
		{"%08.2f", -1.5, "-0001.50"},
		{"%+.1f", 1.5, "+1.5"},
		{"% .1f", 1.5, " 1.5"},
		{"%-8.1f", 1.5, "1.5     "},
		{"%f", 1.5, "1.500000"},
		{"%.3f", 1e22, "10000000000000000000000.000"},
		{"%.3f", 5e-324, "0.000"},
		{"%.25f", 0.1, "0.1000000000000000055511151"},
		{"%6.2e", 123456.0, "1.23e+05"},
		{"%.6E", 1e-9, "1.000000E-09"},
		{"%g", 100000.0, "100000"},
		{"%g", 1000000.0, "1e+06"},
		{"%g", 0.0001, "0.0001"},
		{"%g", 0.00001, "1e-05"},
		{"%.3g", 1234.5, "1.23e+03"},
		{"%G", math.NaN(), "NAN"},
		{"%d", 2.9, "2"},
		{"%d", -0.5, "0"},
		{"%4i", -2.9, "  -2"},
		{"%d", 1e20, "100000000000000000000"},
		{"%.3d", 7.0, "007"},
		{"%04d", -7.0, "-007"},
	} {
		f, err := ndarray.ParseFormat(c.format)
		if err != nil {
			t.Errorf("ParseFormat(%q): %v", c.format, err)
			continue
		}
		got, err := f.AppendFloat(nil, c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s of %v: %q, %v, want %q", c.format, c.value, got, err, c.want)
		}
	}
}

func TestFormatInteger(t *testing.T) {
	for _, c := range []struct {
		format string
		value  int64
		want   string
	}{
		{"%d", math.MinInt64, "-9223372036854775808"},
		{"%d", math.MaxInt64, "9223372036854775807"},
		{"%6d", -42, "   -42"},
		{"%.1f", 3, "3.0"},
	} {
		f, err := ndarray.ParseFormat(c.format)
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.AppendInteger(nil, c.value)
		if err != nil || string(got) != c.want {
			t.Errorf("%s of %v: %q, %v, want %q", c.format, c.value, got, err, c.want)
		}
	}
	f, err := ndarray.ParseFormat("%22d")
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.AppendWord(nil, math.MaxUint64)
	if err != nil || string(got) != "  18446744073709551615" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFormatRefuses(t *testing.T) {
	for _, text := range []string{"", "%", "d", "%s", "%x", "%.4", "%.4f ", "a%d", "%%", "%*d", "%ld", "%#g", "%999f", "%.999f", "%d%d", "%n"} {
		if _, err := ndarray.ParseFormat(text); !errors.Is(err, ndarray.ErrFormat) {
			t.Errorf("ParseFormat(%q): %v, want ErrFormat", text, err)
		}
	}
	f, err := ndarray.ParseFormat("%d")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if _, err := f.AppendFloat(nil, v); !errors.Is(err, ndarray.ErrRange) {
			t.Errorf("%%d of %v: %v, want ErrRange", v, err)
		}
	}
}

// FuzzFixed holds %f against exact arithmetic.
func FuzzFixed(f *testing.F) {
	for _, v := range []float64{0, 0.061, 0.05, 0.25, 2.5, 1e9, 1e17, 5e-324, 1 << 53, 123456789.125, math.MaxFloat64, 0x1p-64, 0x1p-65, 0x1.8p-64} {
		for _, decimals := range []uint8{0, 1, 4, 6, 19, 25} {
			f.Add(v, decimals)
		}
	}
	f.Fuzz(func(t *testing.T, v float64, decimals uint8) {
		if math.IsNaN(v) || math.IsInf(v, 0) || decimals > 60 {
			return
		}
		format, err := ndarray.ParseFormat(fmt.Sprintf("%%.%df", decimals))
		if err != nil {
			t.Fatal(err)
		}
		got, err := format.AppendFloat(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if want := strconv.FormatFloat(v, 'f', int(decimals), 64); string(got) != want {
			t.Errorf("%v with %d decimals: %s, want %s (exactly %s)", v, decimals, got, want, new(big.Float).SetFloat64(v).Text('f', 80))
		}
	})
}
