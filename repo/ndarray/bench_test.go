package ndarray_test

import (
	"bytes"
	"io"
	"testing"

	"deployconstants/repo/ndarray"
)

// constants are gains as of an epix100a.
func constants(tb testing.TB) *ndarray.Array {
	values := make([]float64, 704*768)
	for i := range values {
		values[i] = 0.061 + float64(i%997)*1e-5
	}
	a, err := ndarray.FromFloats([]int{704, 768}, values)
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

func BenchmarkWriteText(b *testing.B) {
	for _, format := range []string{"%.4f", "%8.2f", "%d", "%g", "%.6e"} {
		b.Run(format[1:], func(b *testing.B) {
			a := constants(b)
			var text bytes.Buffer
			if err := a.WriteText(&text, ndarray.TextOptions{Format: format}); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(text.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if err := a.WriteText(io.Discard, ndarray.TextOptions{Format: format}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkWriteIntegers writes a status and greatest values of a dark.
func BenchmarkWriteIntegers(b *testing.B) {
	for _, c := range []struct {
		name, format string
		greatest     uint64
	}{{"status", "%d", 3}, {"status-wide", "%4i", 3}, {"max", "%d", 9000}} {
		b.Run(c.name, func(b *testing.B) {
			words := make([]uint64, 704*768)
			for i := range words {
				words[i] = uint64(i) * 2654435761 % c.greatest
			}
			a, err := ndarray.FromWords([]int{704, 768}, words)
			if err != nil {
				b.Fatal(err)
			}
			var text bytes.Buffer
			if err := a.WriteText(&text, ndarray.TextOptions{Format: c.format}); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(text.Len()))
			for b.Loop() {
				if err := a.WriteText(io.Discard, ndarray.TextOptions{Format: c.format}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkReadText(b *testing.B) {
	var text bytes.Buffer
	if err := constants(b).WriteText(&text, ndarray.TextOptions{}); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ndarray.ReadText(bytes.NewReader(text.Bytes()), ndarray.ReadOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
