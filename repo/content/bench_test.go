package content_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"deployconstants/repo"
	"deployconstants/repo/content"
	"deployconstants/repo/ndarray"
)

// BenchmarkCheck judges gains of an epix100a, alone and beside what is deployed. The
// metric of-parse is its time as a multiple of that of reading the array.
func BenchmarkCheck(b *testing.B) {
	var text strings.Builder
	for i := range 704 {
		for k := range 768 {
			text.WriteString([...]string{"0.0610 ", "0.0598 ", "0.0621 ", "1.2000 "}[(i*7+k)%4])
		}
		text.WriteString("\n")
	}
	file := []byte(text.String())
	subject := content.Subject{Type: typeNamed(b, "epix100a"), CType: repo.Gain}
	for name, limits := range map[string]content.Limits{"alone": {}, "compared": {MaxChanged: 0.1}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			var own, bare time.Duration
			for b.Loop() {
				begin := time.Now()
				if err := limits.Check(b.Context(), subject, bytes.NewReader(file), bytes.NewReader(file)); err != nil {
					b.Fatal(err)
				}
				middle := time.Now()
				if _, err := ndarray.ReadText(bytes.NewReader(file), ndarray.ReadOptions{}); err != nil {
					b.Fatal(err)
				}
				own += middle.Sub(begin)
				bare += time.Since(middle)
			}
			b.ReportMetric(float64(own)/float64(bare), "of-parse")
			b.ReportMetric(float64(own.Microseconds())/1000/float64(b.N), "ms/check")
		})
	}
}
