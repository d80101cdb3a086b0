package dark_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"deployconstants/pipeline"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
)

// plain is a dark by the letter of spec/dark.md section 3: in float64, pixel by
// pixel and frame by frame, with nothing that makes it fast.
type plain struct {
	averages, rms     []float64
	status            []uint8
	greatest, least   []uint16
	count, sum, sum2  []float64
	below, above      []float64
	rmsLimits, limits dark.Limits
}

// plainDark needs all frames. Zeros is how many frames of zeros are added to
// the first ones after the gates were found: the reference's defect D1. A gain of
// -1 is none.
func plainDark(frames [][]uint16, p dark.Params, signed bool, gain, zeros int) plain {
	n := len(frames[0])
	r := plain{
		averages: make([]float64, n), rms: make([]float64, n), status: make([]uint8, n),
		greatest: make([]uint16, n), least: make([]uint16, n),
		count: make([]float64, n), sum: make([]float64, n), sum2: make([]float64, n),
		below: make([]float64, n), above: make([]float64, n),
	}
	bad := make([]bool, n)
	for i := range n {
		var first []float64
		for _, frame := range frames[:min(p.First, len(frames))] {
			first = append(first, float64(frame[i]&p.DataBits))
		}
		slices.Sort(first)
		last := float64(len(first) - 1)
		gateLow := math.Trunc(max(first[int(math.Floor(last*p.QuantileLow))], p.IntLow))
		gateHigh := math.Trunc(min(first[int(math.Ceil(last*p.QuantileHigh))], p.IntHigh))
		if !(gateHigh > gateLow) {
			if gateHigh++; signed && gateHigh > math.MaxInt16 {
				gateHigh -= 1 << 16
			} else if gateHigh > math.MaxUint16 {
				gateHigh = 0
			}
		}
		low, high := max(gateLow, p.IntLow), min(gateHigh, p.IntHigh)
		r.least[i] = math.MaxUint16
		for k := range len(frames) + zeros {
			var raw uint16
			if k < len(frames) {
				raw = frames[k][i]
			}
			v := float64(raw & p.DataBits)
			if v >= low && v <= high {
				r.count[i]++
				r.sum[i] += v
				r.sum2[i] += float64(v * v)
			}
			if v < p.IntLow {
				r.below[i]++
			}
			if v > p.IntHigh {
				r.above[i]++
			}
			r.greatest[i] = max(r.greatest[i], raw&p.DataBits)
			r.least[i] = min(r.least[i], raw&p.DataBits)
			if gain >= 0 && int(raw>>14) != [...]int{0, 1, 3}[gain] {
				bad[i] = true
			}
		}
		if r.count[i] > 0 {
			r.averages[i] = r.sum[i] / r.count[i]
			r.rms[i] = math.Sqrt(r.sum2[i]/r.count[i] - float64(r.averages[i]*r.averages[i]))
		}
	}
	r.rmsLimits = dark.EvaluateLimits(r.rms, p.RMSSigmaLow, p.RMSSigmaHigh, p.RMSLow, p.RMSHigh)
	r.limits = dark.EvaluateLimits(r.averages, p.IntSigmaLow, p.IntSigmaHigh, p.IntLow, p.IntHigh)
	threshold := math.Trunc(p.Excess * float64(len(frames)-1))
	for i := range n {
		for b, set := range []bool{
			r.rms[i] > r.rmsLimits.High, r.rms[i] < r.rmsLimits.Low, r.above[i] > threshold, r.below[i] > threshold,
			r.averages[i] > r.limits.High, r.averages[i] < r.limits.Low, bad[i],
		} {
			if set {
				r.status[i] |= 1 << b
			}
		}
	}
	return r
}

// comparePlain compares everything, bit for bit.
func comparePlain(t *testing.T, want plain, got *dark.Result) {
	t.Helper()
	if got.RMSLimits != want.rmsLimits || got.AverageLimits != want.limits {
		t.Errorf("limits are %v %v, want %v %v", got.RMSLimits, got.AverageLimits, want.rmsLimits, want.limits)
	}
	sums := got.Sums()
	greatest, least := got.Array(dark.Max).AsFloat64(), got.Array(dark.Min).AsFloat64()
	for i := range want.averages {
		have := []float64{got.Averages[i], got.RMS[i], float64(got.Status[i]), greatest[i], least[i],
			float64(sums.Count[i]), sums.Sum[i], sums.Squares[i], float64(sums.Below[i]), float64(sums.Above[i])}
		right := []float64{want.averages[i], want.rms[i], float64(want.status[i]), float64(want.greatest[i]), float64(want.least[i]),
			want.count[i], want.sum[i], want.sum2[i], want.below[i], want.above[i]}
		if !slices.Equal(have, right) {
			t.Errorf("pixel %d: average, rms, status, max, min, sums\n got %v\nwant %v", i, have, right)
			return
		}
	}
}

// comparePlainStored holds the plain arithmetic against the reference.
func comparePlainStored(t *testing.T, p plain, stored map[string]*ndarray.Array, key string) {
	t.Helper()
	for name, have := range map[string][]float64{"arr_av1": p.averages, "arr_rms": p.rms, "arr_sum0": p.count, "arr_sum2": p.sum2} {
		if !slices.Equal(have, stored[key+name].AsFloat64()) {
			t.Errorf("the plain %s differs from the reference's", name)
		}
	}
	for i, v := range stored[key+"arr_sta"].Words {
		if uint8(v) != p.status[i] {
			t.Errorf("the plain status of pixel %d is %d, the reference's %d", i, p.status[i], v)
			return
		}
	}
}

// TestAgainstPlainArithmetic makes darks of all kinds of numbers of frames, of
// parameters at the edges, and of detectors that fill no tile.
func TestAgainstPlainArithmetic(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{3, 4, 15, 16, 17, 31, 32, 33, 49, 50, 51, 52, 66, 67, 130} {
		for name, change := range map[string]func(p *dark.Params){
			"calibrun":      func(p *dark.Params) { *p = dark.Calibrun() },
			"default":       func(*dark.Params) {},
			"16 bits":       func(p *dark.Params) { p.DataBits = 0xffff },
			"15 bits":       func(p *dark.Params) { p.DataBits, p.IntHigh = 0x7fff, 40000 },
			"to the top":    func(p *dark.Params) { p.DataBits, p.IntHigh = 0xffff, 65535 },
			"above the top": func(p *dark.Params) { p.DataBits, p.IntHigh = 0xffff, 1e6 },
			"below zero":    func(p *dark.Params) { p.IntLow = -3 },
			"fractions":     func(p *dark.Params) { p.IntLow, p.IntHigh = 99.5, 16000.25 },
			"narrow":        func(p *dark.Params) { p.IntLow, p.IntHigh = 4000, 4001 },
			"one first":     func(p *dark.Params) { p.First = 1 },
			"few first":     func(p *dark.Params) { p.First = 7 },
			"wide ranks":    func(p *dark.Params) { p.QuantileLow, p.QuantileHigh = 0.4, 0.6 },
			"all ranks":     func(p *dark.Params) { p.QuantileLow, p.QuantileHigh = 0, 1 },
			"no sigmas":     func(p *dark.Params) { p.RMSSigmaLow, p.IntSigmaHigh = 0, -1 },
		} {
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				p := dark.Default()
				change(&p)
				p.Workers = n % 3
				signed := n%3 == 0 && p.DataBits <= math.MaxInt16
				size := []int{1, 511, 512, 513, 1100}[n%5]
				frames := make([][]uint16, n)
				for k := range frames {
					frames[k] = make([]uint16, size)
					for i := range frames[k] {
						frames[k][i] = roughly(rng, i)
					}
				}
				dtype := ndarray.Uint16
				if signed {
					dtype = ndarray.Int16
				}
				process, err := dark.New(p, []int{size}, dtype)
				if err != nil {
					t.Fatal(err)
				}
				for _, frame := range frames {
					add(t, process, dtype.String(), frame)
				}
				r, err := process.Finish()
				if err != nil {
					t.Fatal(err)
				}
				comparePlain(t, plainDark(frames, p, signed, -1, 0), r)
			})
		}
	}
}

// roughly returns a value such as a pixel may have: ordinary, constant, dead,
// saturated, at the edges of types and ranges, or anything.
func roughly(rng *rand.Rand, pixel int) uint16 {
	switch pixel % 11 {
	case 0:
		return 0
	case 1:
		return math.MaxUint16
	case 2:
		return uint16(rng.Uint32())
	case 3:
		return 16383
	case 4:
		return uint16(15999 + rng.IntN(3))
	case 5:
		return uint16(rng.IntN(3))
	case 6:
		return 32767
	case 7:
		return uint16(3999 + rng.IntN(4))
	}
	if rng.IntN(50) == 0 {
		return uint16(rng.IntN(2)) * 16200
	}
	return uint16(4000 + 3*rng.NormFloat64())
}

// TestWorkers makes the same darks with several numbers of workers. The caller uses its
// frames again, which the workers must not see.
func TestWorkers(t *testing.T) {
	const long = 540 // frames: the second pass of an epix10ka has some of its own
	g := &dgen{Seed: 3, Shape: []int{2, 50, 35}, Params: dgenParams{
		Base: 4000, PSpread: 200, SigQ: 69, MaxVal: 16383, WDead: 150, WSat: 150, WHotRMS: 150,
		HotRMSMul: 8, FlDen: 100, SpikeNum: 1, SpikeDen: 50, SpikeMin: 200, SpikeSpan: 4000, GBadPx: 200, GBadNum: 1, GBadDen: 50, GBadBits: 2,
	}}
	frames := make([][]uint16, long)
	for event := range frames {
		frames[event] = g.frame(event)
	}
	again := make([]uint16, len(frames[0]))
	for _, n := range []int{3, 75, 80, 500, long} {
		var want string
		for _, workers := range []int{0, 1, 2, 7, 32} {
			p := dark.Default()
			p.Workers = workers
			process, err := dark.NewJungfrau(p, g.Shape, 0)
			if err != nil {
				t.Fatal(err)
			}
			e, err := dark.NewEpix10ka(g.Shape, dark.Epix10kaOptions{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			for _, frame := range frames[:n] {
				copy(again, frame)
				add(t, process, "uint16", again)
				if err := e.Add(again); err != nil {
					t.Fatal(err)
				}
				clear(again)
			}
			var text strings.Builder
			r, err := process.Finish()
			if err != nil {
				t.Fatal(err)
			}
			results, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range append(results, r) {
				for _, o := range dark.Outputs {
					if err := r.WriteText(&text, o, dark.TextOptions{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			if want == "" {
				want = text.String()
			}
			if text.String() != want {
				t.Errorf("%d frames, %d workers: another result than with none", n, workers)
			}
		}
	}
}

// TestWorkerFails wants the defect of a worker told, though the caller has gone on.
func TestWorkerFails(t *testing.T) {
	for _, frames := range []int{1, 16, 50} { // there is no room beside so many
		later, end := dark.WorkerFails(2, frames)
		for _, err := range []error{later, end} {
			if _, ok := errors.AsType[*pipeline.PanicError](err); !ok {
				t.Errorf("%d frames: the error is %v", frames, err)
			}
		}
	}
}

// TestClose ends darks while their workers are at them.
func TestClose(t *testing.T) {
	params := dark.Default()
	params.First, params.Workers = 10, 3
	frame := make([]uint16, 100000)
	for _, n := range []int{0, 1, 16, 17, 40} {
		p, err := dark.New(params, []int{len(frame)}, ndarray.Uint16)
		if err != nil {
			t.Fatal(err)
		}
		e, err := dark.NewEpix10ka([]int{len(frame), 1}, dark.Epix10kaOptions{Workers: 3})
		if err != nil {
			t.Fatal(err)
		}
		for range n {
			if err := errors.Join(p.Add(frame), e.Add(frame)); err != nil {
				t.Fatal(err)
			}
		}
		for range 2 {
			p.Close()
			e.Close()
		}
		if err := p.Add(frame); !errors.Is(err, dark.ErrFinished) {
			t.Errorf("Add behind Close: %v", err)
		}
		if err := e.Add(frame); !errors.Is(err, dark.ErrFinished) {
			t.Errorf("Add behind Close of an epix10ka: %v", err)
		}
		if _, err := p.Finish(); !errors.Is(err, dark.ErrFinished) {
			t.Errorf("Finish behind Close: %v", err)
		}
		if _, err := e.Finish(); !errors.Is(err, dark.ErrFinished) {
			t.Errorf("Finish behind Close of an epix10ka: %v", err)
		}
	}
}
