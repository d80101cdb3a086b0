package dark_test

import (
	"fmt"
	"testing"

	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
)

// epix100a makes frames of the true shape, as of a dark.
func epix100a(tb testing.TB, n int) [][]uint16 {
	tb.Helper()
	g := &dgen{Seed: 1, Shape: []int{704, 768}, Params: dgenParams{
		Base: 4000, PSpread: 200, SigQ: 69, MaxVal: 16383, WDead: 15, WSat: 15, WHotRMS: 15, WColdRMS: 15,
		WHotAve: 10, WColdAve: 10, WFlHi: 15, WFlLo: 15, HotRMSMul: 8, HotAve: 3000, ColdAve: 2500,
		FlNum: 15, FlDen: 100, FlHiVal: 16200, SpikeNum: 1, SpikeDen: 500, SpikeMin: 200, SpikeSpan: 4000,
	}}
	frames := make([][]uint16, n)
	for i := range frames {
		frames[i] = g.frame(i)
	}
	return frames
}

// BenchmarkProcess makes a dark of 1,000 frames in memory: 64 of them, again and
// again.
func BenchmarkProcess(b *testing.B) {
	frames := epix100a(b, 64)
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers-%d", workers), func(b *testing.B) {
			const n = 1000
			params := dark.Calibrun()
			params.Workers = workers
			b.SetBytes(int64(n * 2 * len(frames[0])))
			b.ReportAllocs()
			for b.Loop() {
				p, err := dark.New(params, []int{704, 768}, ndarray.Uint16)
				if err != nil {
					b.Fatal(err)
				}
				for i := range n {
					if err := p.Add(frames[i%len(frames)]); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := p.Finish(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n*b.N), "µs/frame")
		})
	}
}
