package dark_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
)

// TestPsana2 makes psana2's result of the frames: it adds one of zeros behind the
// first nrecs1-1.
func TestPsana2(t *testing.T) {
	eachCase(t, "p", func(t *testing.T, c darkCase) {
		in := input{Generator: c.Generator}
		in.Stored.SHA = c.InputSHA
		frames := in.read(t, c, c.NEvents, nil)
		frames = slices.Insert(frames, c.Params.Nrecs1-1, make([]uint16, len(frames[0])))
		params := c.Params.jungfrauParams()
		params.DataBits = uint16(c.Params.DatBits)
		p, err := dark.New(params, c.Generator.Shape, ndarray.Uint16)
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range frames {
			add(t, p, "uint16", frame)
		}
		r, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		limits := expect[[]caseLimits](t, c.Expected, "limits")
		checkLimits(t, limits[0], r.RMSLimits)
		checkLimits(t, limits[1], r.AverageLimits)
		checkStatusCounts(t, expect[map[string]int](t, c.Expected, "status_value_counts"), r)
		have := resultArrays(r, params, frames)
		for name, want := range expect[map[string]expectedArray](t, c.Expected, "arrays") {
			checkArray(t, c.arrays(t), want, name, have[name])
		}
	})
}

// TestFewFrames makes darks with as many frames as psana's programs stumble over.
func TestFewFrames(t *testing.T) {
	g := &dgen{Seed: 9, Shape: []int{2, 6, 8}, Params: dgenParams{
		Base: 4000, PSpread: 200, SigQ: 69, MaxVal: 16383, WDead: 300, WSat: 300,
		FlDen: 100, SpikeNum: 1, SpikeDen: 100, SpikeMin: 200, SpikeSpan: 4000,
	}}
	for _, n := range []int{0, 1, 2, 3, 49, 50, 51} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			p, err := dark.NewJungfrau(dark.Default(), g.Shape, 0)
			if err != nil {
				t.Fatal(err)
			}
			e, err := dark.NewEpix10ka(g.Shape, dark.Epix10kaOptions{})
			if err != nil {
				t.Fatal(err)
			}
			var frames [][]uint16
			for event := range n {
				frames = append(frames, g.frame(event))
				add(t, p, "uint16", frames[event])
				if err := e.Add(frames[event]); err != nil {
					t.Fatal(err)
				}
			}
			r, err := p.Finish()
			if n < 3 {
				if !errors.Is(err, dark.ErrTooFewFrames) || !strings.Contains(err.Error(), fmt.Sprintf("%d, need at least 3", n)) {
					t.Errorf("single gain: %v", err)
				}
			} else if err != nil {
				t.Error(err)
			} else {
				comparePlain(t, plainDark(frames, dark.Default(), false, 0, 0), r)
			}
			results, err := e.Finish()
			switch {
			case n < 2:
				if !errors.Is(err, dark.ErrTooFewFrames) {
					t.Errorf("epix10ka: %v", err)
				}
			case err != nil:
				t.Error(err)
			case len(results) != 2 || results[0].Frames != n || results[0].Statistics != n-1:
				t.Errorf("epix10ka: %d panels, %d of %d frames used", len(results), results[0].Statistics, results[0].Frames)
			}
		})
	}
}

// TestEpix10kaBeyond500 holds the second pass against plain arithmetic where not
// all frames are kept, and for a panel that is dead, with which the reference dies.
func TestEpix10kaBeyond500(t *testing.T) {
	const rows, columns, n = 5, 7, 530
	g := &dgen{Seed: 11, Shape: []int{rows, columns}, Params: dgenParams{
		Base: 3000, PSpread: 100, SigQ: 69, MaxVal: 16383, WDead: 300, WSat: 300, WHotRMS: 500, HotRMSMul: 8,
		FlDen: 100, SpikeNum: 1, SpikeDen: 20, SpikeMin: 200, SpikeSpan: 4000,
	}}
	var live, both [][]uint16
	for event := range n {
		live = append(live, g.frame(event))
		both = append(both, append(slices.Clone(live[event]), make([]uint16, rows*columns)...))
	}
	e, err := dark.NewEpix10ka([]int{2, rows, columns}, dark.Epix10kaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range both {
		if err := e.Add(frame); err != nil {
			t.Fatal(err)
		}
	}
	results, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if results[0].Dead || !results[1].Dead {
		t.Errorf("dead panels: %v %v", results[0].Dead, results[1].Dead)
	}
	averages, rms := plainEpix10ka(live[:n-1])
	for k := range averages {
		if results[0].Averages[k] != averages[k] || results[0].RMS[k] != rms[k] {
			t.Errorf("pixel %d: %v and %v, want %v and %v", k, results[0].Averages[k], results[0].RMS[k], averages[k], rms[k])
		}
	}
	for k, status := range results[1].Status {
		if want := uint8(dark.LowOften | dark.LowMean | dark.QuietRMS); status != want {
			t.Errorf("pixel %d of the dead panel has the status %d, want %d", k, status, want)
		}
	}
}

// TestEpix10kaBoundaries is of numbers of frames around groups, and around those that set
// the gates. The last frame has other values: it is not used.
func TestEpix10kaBoundaries(t *testing.T) {
	const pixels = 600 // a tile and a part of one
	rng := rand.New(rand.NewPCG(7, 8))
	frames := make([][]uint16, 540)
	for k := range frames {
		frames[k] = make([]uint16, pixels)
		for i := range frames[k] {
			frames[k][i] = uint16(3000 + i + rng.IntN(20) + k/25) // gates depend on how many set them
		}
	}
	last, again := make([]uint16, pixels), make([]uint16, pixels)
	for _, n := range []int{2, 3, 16, 17, 18, 33, 497, 498, 500, 501, 502, 503, 516, 517, 518, 533, 534} {
		averages, rms := plainEpix10ka(frames[:n-1])
		for _, workers := range []int{1, 3} {
			e, err := dark.NewEpix10ka([]int{20, 30}, dark.Epix10kaOptions{Frames: n, Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			for k := range n + 2 { // when full none is taken
				copy(again, last)
				if k < n-1 {
					copy(again, frames[k])
				}
				if e.Full() != (k >= n) {
					t.Errorf("%d of %d frames: full is %v", k, n, e.Full())
				}
				if err := e.Add(again); err != nil {
					t.Fatal(err)
				}
			}
			results, err := e.Finish()
			if err != nil {
				t.Fatal(err)
			}
			r := results[0]
			if r.Frames != n || r.Statistics != n-1 || r.Threshold != (n-1)/10 {
				t.Errorf("%d frames: %d, statistics %d, threshold %d", n, r.Frames, r.Statistics, r.Threshold)
			}
			if n > 2 && (!slices.Equal(r.Averages, averages) || !slices.Equal(r.RMS, rms)) {
				t.Errorf("%d frames, %d workers: the plain arithmetic gives others", n, workers)
			}
		}
	}
}

// TestKeptFrames keeps frames in which nothing is near: all comes back.
func TestKeptFrames(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	shape := []int{20, 30}
	frames := make([][]uint16, 40)
	for k := range frames {
		frames[k] = make([]uint16, shape[0]*shape[1])
		for i := range frames[k] {
			switch frames[k][i] = uint16(rng.Uint32()); i % 3 {
			case 1: // the edges of what is near
				frames[k][i] = uint16(rng.IntN(2)*(127+i%2) + rng.IntN(2)*(127+i%2))
			case 2:
				frames[k][i] = 16383 - uint16(rng.IntN(2)*(127+i%2)+rng.IntN(2)*(127+i%2))
			}
		}
	}
	e, err := dark.NewEpix10ka(shape, dark.Epix10kaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range frames {
		if err := e.Add(frame); err != nil {
			t.Fatal(err)
		}
	}
	results, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	averages, rms := plainEpix10ka(frames[:len(frames)-1])
	if !slices.Equal(results[0].Averages, averages) || !slices.Equal(results[0].RMS, rms) {
		t.Error("the plain arithmetic gives others")
	}
}

// plainEpix10ka is spec/dark.md section 6 by the letter.
func plainEpix10ka(frames [][]uint16) (averages, rms []float64) {
	pixels := len(frames[0])
	averages, rms = make([]float64, pixels), make([]float64, pixels)
	moments := func(frames [][]uint16, i int, low, high float64) (average, rms float64) {
		var n, sum, squares float64
		for _, frame := range frames {
			if v := float64(frame[i] & 0x3fff); v >= low && v <= high {
				n, sum, squares = n+1, sum+v, squares+float64(v*v)
			}
		}
		if n == 0 {
			return 0, 0
		}
		average = sum / n
		return average, math.Sqrt(squares/n - float64(average*average))
	}
	first := frames[:min(500, len(frames))]
	var total, living float64
	for i := range pixels {
		if _, width := moments(first, i, 1, 16000); width >= 0.001 && width <= 16000 {
			total += width
			living++
		}
	}
	half := 6 * (total / living)
	for i := range pixels {
		average, _ := moments(first, i, 1, 16000)
		averages[i], rms[i] = moments(frames, i, math.Trunc(max(average-half, 1)), math.Trunc(min(average+half, 16000)))
	}
	return averages, rms
}

// TestRefuses is of what New and Add cannot work with.
func TestRefuses(t *testing.T) {
	for name, change := range map[string]func(p *dark.Params){
		"no frames":      func(p *dark.Params) { p.Frames = 0 },
		"no first":       func(p *dark.Params) { p.First = 0 },
		"too many first": func(p *dark.Params) { p.First = 1001 },
		"no bits":        func(p *dark.Params) { p.DataBits = 0 },
		"signed bits":    func(p *dark.Params) { p.DataBits = 0xffff },
		"nan":            func(p *dark.Params) { p.RMSLow = math.NaN() },
		"infinite":       func(p *dark.Params) { p.IntHigh = math.Inf(1) },
		"range":          func(p *dark.Params) { p.IntLow, p.IntHigh = 5, 4 },
		"negative range": func(p *dark.Params) { p.IntLow, p.IntHigh = -9, -4 },
		"above the bits": func(p *dark.Params) { p.IntLow, p.IntHigh = 17000, 18000 },
		"excess":         func(p *dark.Params) { p.Excess = 1.5 },
		"quantiles":      func(p *dark.Params) { p.QuantileLow, p.QuantileHigh = 0.6, 0.4 },
	} {
		p := dark.Default()
		change(&p)
		if _, err := dark.New(p, []int{2, 3}, ndarray.Int16); !errors.Is(err, dark.ErrParams) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, shape := range [][]int{nil, {0}, {-1, 4}, {1 << 13, 1 << 13}, {math.MaxInt, math.MaxInt}, {1, 1, 1, 1, 1, 1, 1, 1, 1}} {
		if _, err := dark.New(dark.Default(), shape, ndarray.Uint16); !errors.Is(err, dark.ErrShape) {
			t.Errorf("shape %v: %v", shape, err)
		}
	}
	for _, shape := range [][]int{nil, {4}, {1, 2, 3, 4}, {0, 2, 3}, {2, 0, 3}, {math.MaxInt, 2, 3}} {
		if _, err := dark.NewEpix10ka(shape, dark.Epix10kaOptions{}); !errors.Is(err, dark.ErrShape) {
			t.Errorf("epix10ka of shape %v: %v", shape, err)
		}
	}
	if _, err := dark.New(dark.Default(), []int{2, 3}, ndarray.Uint8); !errors.Is(err, dark.ErrParams) {
		t.Errorf("uint8: %v", err)
	}
	if _, err := dark.NewJungfrau(dark.Default(), []int{2, 3}, 3); !errors.Is(err, dark.ErrGain) {
		t.Errorf("gain 3: %v", err)
	}
	all := dark.Default()
	all.DataBits = 0xffff
	if _, err := dark.NewJungfrau(all, []int{2, 3}, 0); !errors.Is(err, dark.ErrParams) {
		t.Errorf("gain bits as data: %v", err)
	}
	for _, mode := range []string{"", "Dynamic", "normal"} {
		if _, _, err := dark.JungfrauGain(mode); !errors.Is(err, dark.ErrGain) {
			t.Errorf("mode %q: %v", mode, err)
		}
	}
	if _, err := dark.Epix10kaCycle("light"); !errors.Is(err, dark.ErrGain) {
		t.Errorf("cycle: %v", err)
	}
	for _, panels := range [][][]byte{nil, {{}}, {{20, 20, 20}}, {{28, 12}}, {{28, 28}, {0, 16}}} {
		if _, err := dark.Epix10kaConfigured(panels...); !errors.Is(err, dark.ErrGain) {
			t.Errorf("configuration %v: %v", panels, err)
		}
	}
	if _, err := dark.SwitchedPedestals(make([]float64, 2), nil, nil, nil, nil); !errors.Is(err, dark.ErrShape) {
		t.Errorf("lengths: %v", err)
	}
	if _, err := dark.FitInjection(make([]uint16, 2), make([]int, 3), dark.DefaultInjection()); !errors.Is(err, dark.ErrShape) {
		t.Errorf("events: %v", err)
	}
	if _, err := dark.FitInjection(nil, nil, dark.InjectionParams{}); !errors.Is(err, dark.ErrParams) {
		t.Errorf("injection: %v", err)
	}
}

// TestStrictLimits is of pixels at a limit: they are good.
func TestStrictLimits(t *testing.T) {
	params := dark.Default()
	params.First = 1000 // the most
	params.IntSigmaLow, params.IntSigmaHigh, params.RMSSigmaLow, params.RMSSigmaHigh = 0, 0, 0, 0
	params.RMSLow, params.RMSHigh = 1, 1
	p, err := dark.New(params, []int{1}, ndarray.Uint16)
	if err != nil {
		t.Fatal(err)
	}
	for event := range 100 {
		add(t, p, "uint16", []uint16{uint16(4000 + event%2*2)})
	}
	r, err := p.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if r.RMS[0] != 1 || r.Status[0] != 0 {
		t.Errorf("rms %v, status %d", r.RMS[0], r.Status[0])
	}
}

// TestCspadText is of an array with as many elements as a cspad: its text has no
// dimensions.
func TestCspadText(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  bool
	}{{[]int{32, 185, 388}, false}, {[]int{31, 185, 388}, true}} {
		params := dark.Calibrun()
		params.First = 1
		p, err := dark.New(params, c.shape, ndarray.Int16)
		if err != nil {
			t.Fatal(err)
		}
		frame := make([]int16, c.shape[0]*185*388)
		for range 3 {
			if err := p.AddSigned(frame); err != nil {
				t.Fatal(err)
			}
		}
		r, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		if err := r.WriteText(&out, dark.Mask, dark.TextOptions{}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(out.String(), "# NDIM"); got != c.want {
			t.Errorf("shape %v: dimensions are written: %v", c.shape, got)
		}
	}
}

// TestBytes makes a dark of 8 bit data, of which the reference dies (D13): it is
// that of the same numbers in 16 bits, even at 255.
func TestBytes(t *testing.T) {
	const pixels = 700
	rng := rand.New(rand.NewPCG(7, 8))
	params := dark.Calibrun()
	params.DataBits = dark.DataBits("opal1000")
	p, err := dark.New(params, []int{pixels}, ndarray.Uint16)
	if err != nil {
		t.Fatal(err)
	}
	var frames [][]uint16
	for range 60 {
		frame, wide := make([]byte, pixels), make([]uint16, pixels)
		for i := range frame {
			frame[i] = []byte{0, 255, byte(rng.IntN(256)), byte(100 + rng.IntN(5))}[i%4]
			wide[i] = uint16(frame[i])
		}
		frames = append(frames, wide)
		if err := p.AddBytes(frame); err != nil {
			t.Fatal(err)
		}
	}
	r, err := p.Finish()
	if err != nil {
		t.Fatal(err)
	}
	comparePlain(t, plainDark(frames, params, false, -1, 0), r)
	if r.Averages[1] != 255 {
		t.Errorf("a pixel at 255 has the pedestal %v", r.Averages[1])
	}
}

// TestDataBits holds the types that DataBits knows against the detector types.
func TestDataBits(t *testing.T) {
	for name, want := range map[string]uint16{
		"epix100a": 0x3fff, "epix10ka": 0x3fff, "epix10kaquad": 0x3fff, "epix10ka2m": 0x3fff, "jungfrau": 0x3fff,
		"cspad": 0x3fff, "cspad2x2": 0x3fff, "pnccd": 0x3fff,
		"rayonix": 0xffff, "opal1000": 0xffff, "andor": 0xffff, "princeton": 0xffff, "zyla": 0xffff,
	} {
		if _, err := repo.TypeNamed(name); err != nil {
			t.Errorf("%s is no detector type: %v", name, err)
		}
		if got := dark.DataBits(name); got != want {
			t.Errorf("data bits of %s are %#x, want %#x", name, got, want)
		}
	}
}

// TestMisuse is of calls in another order than the documented one.
func TestMisuse(t *testing.T) {
	p, err := dark.New(dark.Default(), []int{2}, ndarray.Uint16)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Add([]uint16{1}); !errors.Is(err, dark.ErrShape) {
		t.Errorf("a short frame: %v", err)
	}
	if err := p.AddBytes([]byte{1}); !errors.Is(err, dark.ErrShape) {
		t.Errorf("a short frame of bytes: %v", err)
	}
	if err := p.AddSigned([]int16{1, 2}); !errors.Is(err, dark.ErrShape) {
		t.Errorf("a frame of another type: %v", err)
	}
	if p.Accepted() != 0 {
		t.Errorf("%d frames accepted", p.Accepted())
	}
	for range 3 {
		add(t, p, "uint16", []uint16{1, 2})
	}
	if _, err := p.Finish(); err != nil {
		t.Error(err)
	}
	if err := p.Add([]uint16{1, 2}); !errors.Is(err, dark.ErrFinished) {
		t.Errorf("Add behind Finish: %v", err)
	}
	if _, err := p.Finish(); !errors.Is(err, dark.ErrFinished) {
		t.Errorf("Finish behind Finish: %v", err)
	}

	frame := []uint16{1, 2, 3, 4}
	e, err := dark.NewEpix10ka([]int{2, 2}, dark.Epix10kaOptions{Frames: 3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Finish(); !errors.Is(err, dark.ErrTooFewFrames) {
		t.Errorf("Finish without frames: %v", err)
	}
	if err := e.Add(frame[:3]); !errors.Is(err, dark.ErrShape) {
		t.Errorf("a short frame: %v", err)
	}
	for i := range 5 {
		if full := e.Full(); full != (i >= 3) {
			t.Errorf("behind %d frames full is %v", i, full)
		}
		if err := e.Add(frame); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := e.Finish(); err != nil {
		t.Error(err)
	}
	for name, call := range map[string]func() error{
		"Add":    func() error { return e.Add(frame) },
		"Finish": func() error { _, err := e.Finish(); return err },
	} {
		if err := call(); !errors.Is(err, dark.ErrFinished) {
			t.Errorf("%s behind Finish: %v", name, err)
		}
	}
}

// TestWindows holds the windows of calibrun against what its options promise.
func TestWindows(t *testing.T) {
	for _, c := range []struct{ skip, events, first, end int }{
		{0, 1000, 0, 1000}, {1, 80, 1, 81}, {10, 80, 10, 90}, {0, 0, 0, 0}, {-4, -4, 0, 0}, {3, math.MaxInt, 3, math.MaxInt},
	} {
		w := dark.CalibrunWindow(c.skip, c.events)
		if w != (dark.Window{First: c.first, End: c.end}) {
			t.Errorf("-s %d -n %d: visits %v, want %d to %d", c.skip, c.events, w, c.first, c.end)
		}
		if c.end <= 2000 {
			n := 0
			for event := 0; w.At(event) != dark.Stop; event++ {
				if w.At(event) == dark.Read {
					n++
				}
			}
			if n != max(0, c.events) {
				t.Errorf("-s %d -n %d: reads %d events", c.skip, c.events, n)
			}
		}
	}
}

func TestEventCodes(t *testing.T) {
	for _, c := range []struct {
		text    string
		present []int
		want    bool
	}{
		{"", nil, true}, {" ", []int{1}, true},
		{"40", []int{40}, true}, {"40", []int{41}, false}, {"40", []int{}, false}, {"40", nil, false},
		{"40, 41", []int{41, 140}, true}, {"40,41", []int{140}, false},
		{"-40", []int{40}, false}, {"-40", []int{41}, true}, {"-40", []int{}, true}, {"-40", nil, false},
		{"40,-41", []int{40}, false}, {"40,-41", []int{42}, true},
	} {
		codes, err := dark.ParseEventCodes(c.text)
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if got := codes.Select(c.present); got != c.want {
			t.Errorf("%q of %v: %v", c.text, c.present, got)
		}
	}
	for _, text := range []string{",", "40,", "x", "0", "256", "-256", "4 0", "99999999999999999999"} {
		if _, err := dark.ParseEventCodes(text); !errors.Is(err, dark.ErrSyntax) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzParseEventCodes(f *testing.F) {
	for _, text := range []string{"", "40", "40,41", "-40", " 1 , 2", "1,,2", "é"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		codes, err := dark.ParseEventCodes(text)
		if err != nil {
			if !errors.Is(err, dark.ErrSyntax) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		every := make([]int, 255)
		for i := range every {
			every[i] = i + 1
		}
		if all := strings.TrimSpace(text) == ""; codes.Select(nil) != all || codes.Select(every) == strings.Contains(text, "-") {
			t.Errorf("%q selects what it should not", text)
		}
	})
}

// FuzzProcess gives arbitrary frames and parameters: the fast arithmetic and the
// plain one agree.
func FuzzProcess(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnop"), 0.1, 16000.0, 50, uint16(0x3fff), false)
	f.Add([]byte{0, 0, 255, 255, 0, 64, 255, 63, 1, 0, 2, 0, 255, 127, 0, 128}, 0.0, 65535.0, 3, uint16(0xffff), false)
	f.Add([]byte{255, 127, 255, 127, 255, 127, 255, 127}, 0.0, 1e9, 2, uint16(0x7fff), true)
	f.Fuzz(func(t *testing.T, data []byte, low, high float64, first int, bits uint16, signed bool) {
		p := dark.Calibrun()
		p.IntLow, p.IntHigh, p.First, p.DataBits = low, high, first, bits
		dtype := ndarray.Uint16
		if signed {
			dtype = ndarray.Int16
		}
		const pixels = 2
		process, err := dark.New(p, []int{pixels}, dtype)
		if err != nil {
			if !errors.Is(err, dark.ErrParams) {
				t.Error(err)
			}
			return
		}
		var frames [][]uint16
		for ; len(data) >= 2*pixels; data = data[2*pixels:] {
			frame := []uint16{uint16(data[0]) | uint16(data[1])<<8, uint16(data[2]) | uint16(data[3])<<8}
			frames = append(frames, frame)
			add(t, process, dtype.String(), frame)
		}
		r, err := process.Finish()
		if len(frames) < 3 {
			if !errors.Is(err, dark.ErrTooFewFrames) {
				t.Error(err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		comparePlain(t, plainDark(frames, p, signed, -1, 0), r)
	})
}
