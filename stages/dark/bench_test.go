package dark_test

import (
	"fmt"
	"io"
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
		FlNum: 15, FlDen: 100, FlHiVal: 16200, SpikeNum: 1, SpikeDen: 500, SpikeMin: 200, SpikeSpan: 4000, CMAmp: 4,
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

// BenchmarkEpix10ka makes the dark of one cycle of a quad, of 1,000 frames in
// memory: 64 of them, again and again.
func BenchmarkEpix10ka(b *testing.B) {
	g := &dgen{Seed: 1, Shape: []int{4, 352, 384}, Params: dgenParams{
		Base: 3000, PSpread: 200, SigQ: 69, MaxVal: 16383, WDead: 15, WSat: 15, WHotRMS: 15, HotRMSMul: 8,
		SpikeNum: 1, SpikeDen: 500, SpikeMin: 200, SpikeSpan: 4000, CMAmp: 4,
	}}
	frames := make([][]uint16, 64)
	for i := range frames {
		frames[i] = g.frame(i)
	}
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers-%d", workers), func(b *testing.B) {
			const n = 1000
			b.SetBytes(int64(n * 2 * len(frames[0])))
			b.ReportAllocs()
			for b.Loop() {
				e, err := dark.NewEpix10ka(g.Shape, dark.Epix10kaOptions{Workers: workers})
				if err != nil {
					b.Fatal(err)
				}
				for i := range n {
					if err := e.Add(frames[i%len(frames)]); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := e.Finish(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkGates finds the gates of a pixel from 50 frames, and sums these.
func BenchmarkGates(b *testing.B) {
	frames := epix100a(b, 50)
	b.SetBytes(int64(50 * 2 * len(frames[0])))
	for b.Loop() {
		p, err := dark.New(dark.Calibrun(), []int{704, 768}, ndarray.Uint16)
		if err != nil {
			b.Fatal(err)
		}
		for _, frame := range frames {
			if err := p.Add(frame); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkPixelStatus goes three times through 100 frames in memory.
func BenchmarkPixelStatus(b *testing.B) {
	frames := epix100a(b, 100)
	b.SetBytes(int64(100 * 2 * len(frames[0])))
	for b.Loop() {
		if _, err := dark.PixelStatus(sequence(frames), dark.StatusParams{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWriteText writes the six files of a dark.
func BenchmarkWriteText(b *testing.B) {
	p, err := dark.New(dark.Calibrun(), []int{704, 768}, ndarray.Uint16)
	if err != nil {
		b.Fatal(err)
	}
	for _, frame := range epix100a(b, 50) {
		if err := p.Add(frame); err != nil {
			b.Fatal(err)
		}
	}
	r, err := p.Finish()
	if err != nil {
		b.Fatal(err)
	}
	var size counter
	write := func(w io.Writer) {
		for _, o := range dark.Outputs {
			if err := r.WriteText(w, o, dark.TextOptions{}); err != nil {
				b.Fatal(err)
			}
		}
	}
	write(&size)
	b.SetBytes(int64(size))
	for b.Loop() {
		write(io.Discard)
	}
}

// A counter counts bytes.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// BenchmarkPulses fits the pulsed pixels of a panel in the frames of a whole cycle.
func BenchmarkPulses(b *testing.B) {
	shape := []int{352, 384}
	p, err := dark.NewPulses(shape, dark.PulseOptions{})
	if err != nil {
		b.Fatal(err)
	}
	lines, err := dark.NewInjectionLines(shape)
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Begin(0); err != nil {
		b.Fatal(err)
	}
	frame := make([]uint16, 352*384)
	for event := 0; !p.Full(); event++ {
		value := uint16(3000 + 10*(event%1024))
		if event%1024 > 700 {
			value = uint16(1<<14 + 2000 + event%1024)
		}
		for i := range frame {
			frame[i] = value
		}
		if err := p.Add(frame, event, uint32(3*event)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := p.Fit(lines); err != nil {
			b.Fatal(err)
		}
	}
}
