package dark_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"

	"github.com/google/go-cmp/cmp"
)

// params are those that a case of det_ndarr_raw_proc gave to the reference.
func (p caseParams) params() dark.Params {
	q := dark.Default()
	q.Frames, q.First = p.Nrecs, p.Nrecs1
	q.IntLow, q.IntHigh, q.RMSLow, q.RMSHigh = p.IntLow, p.IntHig, p.RmsLow, p.RmsHig
	q.IntSigmaLow, q.IntSigmaHigh, q.RMSSigmaLow, q.RMSSigmaHigh = p.IntNLo, p.IntNHi, p.RmsNLo, p.RmsNHi
	q.Excess = p.Fraclm
	if p.DatBits != 0 {
		q.DataBits = uint16(p.DatBits)
	}
	return q
}

// add adds raw values in the type of the data.
func add(t testing.TB, p *dark.Process, dtype string, frame []uint16) {
	t.Helper()
	var err error
	if dtype == "int16" {
		signed := make([]int16, len(frame))
		for i, v := range frame {
			signed[i] = int16(v)
		}
		err = p.AddSigned(signed)
	} else {
		err = p.Add(frame)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func dtypeOf(t testing.TB, name string) ndarray.DType {
	t.Helper()
	d, err := ndarray.ParseDType(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// runSources runs a case as det_ndarr_raw_proc does: one loop for all sources. It also
// returns the frames that were added.
func runSources(t *testing.T, c darkCase) (processes []*dark.Process, added [][][]uint16) {
	t.Helper()
	params := c.Params.params()
	var frames [][][]uint16
	for _, source := range c.Sources {
		p, err := dark.New(params, source.Generator.Shape, dtypeOf(t, source.Generator.DType))
		if err != nil {
			t.Fatal(err)
		}
		processes = append(processes, p)
		frames = append(frames, source.read(t, c, c.EventsInRun, source.NoneAt))
	}
	window := dark.Window{First: c.Params.EvSkip, End: c.Params.EvSkip + c.Params.Events}
	added = make([][][]uint16, len(processes))
	last := processes[len(processes)-1]
	for event := range c.EventsInRun {
		action := window.At(event)
		if action == dark.Stop {
			break
		}
		for i, source := range c.Sources {
			if slices.Contains(source.NoneAt, event) {
				continue
			}
			frame := frames[i][0]
			frames[i] = frames[i][1:]
			if action == dark.Read {
				add(t, processes[i], source.Generator.DType, frame)
				added[i] = append(added[i], frame)
			}
		}
		if last.Full() {
			break
		}
	}
	return processes, added
}

func TestCalibrun(t *testing.T) {
	eachCase(t, "c", func(t *testing.T, c darkCase) {
		processes, added := runSources(t, c)
		from, stem, folder := c.Expected, "", "text/"
		switch {
		case c.ExpectedClean != nil: // D1 is repaired
			from, stem, folder = c.ExpectedClean, "clean_", "clean/"
		case strings.HasPrefix(c.ID, "c07"):
			if _, err := processes[0].Finish(); !errors.Is(err, dark.ErrTooFewFrames) {
				t.Errorf("Finish of %d frames returns %v", c.EventsInRun, err)
			}
			return
		case strings.HasSuffix(c.ID, "asis"): // D3 is repaired: a result where the reference has none
			if _, err := processes[0].Finish(); err != nil {
				t.Error(err)
			}
			return
		}
		arrays, stored, files := expect[map[string]expectedArray](t, from, "arrays"), c.arrays(t), c.texts(t)
		texts := expect[map[string]expectedText](t, from, "text")
		limits := expect[[]caseLimits](t, from, "limits")
		for i, p := range processes {
			source := c.Sources[i].Source
			key := stem
			if len(processes) > 1 {
				key = strings.NewReplacer(":", "-", ".", "-").Replace(source) + "-"
			}
			r, err := p.Finish()
			if err != nil {
				t.Fatal(err)
			}
			if want := expect[int](t, from, key+"n_events_accepted"); r.Frames != want {
				t.Errorf("%d frames, want %d", r.Frames, want)
			}
			if want := expect[int](t, from, key+"statistics_header"); r.Statistics != want {
				t.Errorf("statistics %d, want %d", r.Statistics, want)
			}
			checkLimits(t, limits[2*i], r.RMSLimits)
			checkLimits(t, limits[2*i+1], r.AverageLimits)
			checkStatusCounts(t, expect[map[string]int](t, from, key+"status_value_counts"), r)
			for name, a := range resultArrays(r, c.Params.params(), added[i]) {
				want, known := arrays[key+name]
				if !known && strings.HasPrefix(name, "block_gate") && c.ExpectedClean != nil {
					continue
				}
				checkArray(t, stored, want, key+name, a)
			}
			for _, o := range dark.Outputs {
				name := dark.CalibrunName("xppx00001", 7, o, source)
				var out bytes.Buffer
				err := r.WriteText(&out, o, dark.TextOptions{
					Dataset: c.Params.DsName, Source: source, Header: header("work/results/" + name),
				})
				if err != nil {
					t.Fatal(err)
				}
				want, known := texts[name]
				if !known {
					t.Fatalf("the reference writes no %s", name)
				}
				if want.Member != nil && !strings.HasPrefix(*want.Member, folder) {
					t.Fatalf("%s is not of %s", *want.Member, folder)
				}
				checkText(t, files, want, name, out.Bytes())
			}
		}
	})
}

// resultArrays returns what the reference has of a dark of some frames, by its names, but
// for arr_med and abs_dev, which influence nothing.
func resultArrays(r *dark.Result, p dark.Params, frames [][]uint16) map[string]*ndarray.Array {
	sums := r.Sums()
	low, high := dark.Gates(p, r.DType.IsSigned(), frames[:min(p.First, len(frames))])
	floats := func(v []float64) *ndarray.Array {
		return &ndarray.Array{Shape: r.Shape, DType: ndarray.Float64, Floats: v}
	}
	words := func(v []uint64) *ndarray.Array {
		return &ndarray.Array{Shape: r.Shape, DType: ndarray.Uint64, Words: v}
	}
	list := map[string]*ndarray.Array{
		"arr_sum0": words(sums.Count), "arr_sum1": floats(sums.Sum), "arr_sum2": floats(sums.Squares),
		"sta_int_lo": words(sums.Below), "sta_int_hi": words(sums.Above),
		"block_gate_lo": rawArray(r, low), "block_gate_hi": rawArray(r, high),
		"gate_lo": finalGate(r, low, func(v float64) float64 { return max(v, p.IntLow) }, p.IntLow),
		"gate_hi": finalGate(r, high, func(v float64) float64 { return min(v, p.IntHigh) }, p.IntLow),
	}
	for name, o := range map[string]dark.Output{
		"arr_av1": dark.Average, "arr_rms": dark.RMS, "arr_sta": dark.Status,
		"arr_msk": dark.Mask, "arr_max": dark.Max, "arr_min": dark.Min,
	} {
		list[name] = r.Array(o)
	}
	return list
}

// rawArray is an array in the type of the raw data.
func rawArray(r *dark.Result, values []int32) *ndarray.Array {
	a := &ndarray.Array{Shape: r.Shape, DType: r.DType}
	for _, v := range values {
		if r.DType.IsSigned() {
			a.Integers = append(a.Integers, int64(v))
		} else {
			a.Words = append(a.Words, uint64(v))
		}
	}
	return a
}

// finalGate cuts a gate as the reference does, in the type in which it does: as
// floating point numbers unless all limits are whole.
func finalGate(r *dark.Result, gate []int32, cut func(float64) float64, low float64) *ndarray.Array {
	if low == float64(int(low)) {
		whole := make([]int32, len(gate))
		for i, v := range gate {
			whole[i] = int32(cut(float64(v)))
		}
		return rawArray(r, whole)
	}
	a := &ndarray.Array{Shape: r.Shape, DType: ndarray.Float64}
	for _, v := range gate {
		a.Floats = append(a.Floats, cut(float64(v)))
	}
	return a
}

func checkLimits(t *testing.T, want caseLimits, got dark.Limits) {
	t.Helper()
	right := dark.Limits{Mean: number(want.Mean), Std: number(want.Std), Low: number(want.Lo), High: number(want.Hi)}
	if got != right {
		t.Errorf("limits of %s: %s", want.Kind, cmp.Diff(right, got))
	}
}

func checkStatusCounts(t *testing.T, want map[string]int, r *dark.Result) {
	t.Helper()
	got := map[string]int{}
	for _, status := range r.Status {
		got[fmt.Sprint(status)]++
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("pixels by status (-want +got):\n%s", diff)
	}
	bits, good := r.StatusCounts()
	if good != want["0"] {
		t.Errorf("%d good pixels, want %d", good, want["0"])
	}
	for i := range bits {
		n := 0
		for _, status := range r.Status {
			if status&(1<<i) != 0 {
				n++
			}
		}
		if bits[i] != n {
			t.Errorf("%d pixels with bit %d, want %d", bits[i], i, n)
		}
	}
}
