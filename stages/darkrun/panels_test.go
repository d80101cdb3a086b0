package darkrun_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deployconstants/internal/logx"
	"deployconstants/repo/ndarray"
	"deployconstants/stages"
	"deployconstants/stages/dark"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"

	"github.com/sirupsen/logrus"
)

// epix10kaModes are how the pixels are set in the cycles of a dark, in their order.
var epix10kaModes = []struct {
	label string
	pixel uint16
	trbit bool
}{
	{"dark Fixed High Gain", 12, true}, {"dark Fixed Medium Gain", 12, false}, {"dark Fixed Low Gain", 8, true},
	{"dark Auto High to Low", 0, true}, {"dark Auto Medium to Low", 0, false},
}

const (
	quadClass  = "Epix.Config10kaQuadV2"
	quadSource = "MfxEndstation.0:Epix10kaQuad.0"
	quadPixels = 4 * 352 * 384
)

// quad is an epix10kaQuad whose pixels are set for a cycle.
func quad(mode int) xtctest.Detector {
	config := xtctest.Epix10kaArrayConfig(2, xtctest.Epix10kaArray{
		Quads: [][2]uint32{{77, 78}}, Elements: [][2]uint32{{1, 9}, {2, 9}, {3, 9}, {4, 9}},
	})
	set := epix10kaModes[mode]
	for panel := range 4 {
		xtctest.SetPanel(quadClass, config, panel, xtc.Epix10kaPanel{
			Trbit: [4]bool{set.trbit, set.trbit, set.trbit, set.trbit}, Pixels: slices.Repeat([]uint16{set.pixel}, 352*384),
		})
	}
	contains, _ := xtc.ClassTypeID(quadClass)
	return xtctest.Detector{Source: quadSource, Contains: contains, Config: config}
}

// quadRun is a run with a cycle for each mode, of some frames each.
func quadRun(frames [][]uint16, each int, modes ...int) xtctest.Run {
	run := xtctest.Run{Detectors: []xtctest.Detector{quad(modes[0])}}
	for _, mode := range modes {
		run.Steps = append(run.Steps, xtctest.Step{Events: each, Configs: []xtctest.Detector{quad(mode)}})
	}
	run.Frame = func(_, event int) xtctest.Node {
		contains, payload := xtctest.FrameObject(quadClass, []int{4, 352, 384}, frames[event%len(frames)])
		return xtctest.Node{Contains: contains, Payload: payload}
	}
	return run
}

// TestQuad makes all cycles of a quad, whose id is too long for a directory: its panels
// have their tables, and what is merged of them is deployed.
func TestQuad(t *testing.T) {
	w := newWorld(t)
	w.options.Detectors = []string{quadSource}
	w.options.Workers = 2
	frames := noise(quadPixels, 4)
	w.write(quadRun(frames, 4, 0, 1, 2, 3, 4))
	report := w.run("260")
	if err := report.Err(); err != nil || len(report.Darks) != 5 {
		t.Fatalf("%d darks, %v", len(report.Darks), err)
	}
	e, err := dark.NewEpix10ka([]int{4, 352, 384}, dark.Epix10kaOptions{})
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
	for i, d := range report.Darks {
		if d.Step != i || d.Gain != dark.Epix10kaModes[i] || d.Frames != 4 || d.Statistics != 3 || len(d.Files) != 12 || len(d.RMS) != 4 {
			t.Errorf("cycle %d: %+v", i, d)
		}
		for panel, r := range results {
			want, err := dark.Panels(r.Array(dark.Average))
			if err != nil {
				t.Fatal(err)
			}
			path := d.Files[panel].Path
			id := fmt.Sprintf("%010d-%010d-", 2, panel+1) // 2 is the version of the class
			if !strings.Contains(path, "/epix10kaquad/"+id) || !strings.HasSuffix(path, fmt.Sprintf("/pedestals/epix10kaquad_%04d_20160318191150_xpptut15_r0260_pedestals_%s.dat", panel+2, d.Gain)) {
				t.Errorf("the pedestals of panel %d are %s", panel, path)
			}
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var table strings.Builder
			if err := want[0].WriteTable(&table, "%.3f"); err != nil {
				t.Fatal(err)
			}
			if table.String() != string(text) {
				t.Errorf("pedestals of panel %d in cycle %d differ", panel, i)
			}
		}
	}
	done, err := darkrun.Deploy(t.Context(), report, w.options.Dataset, w.deployOptions(), logx.New(&w.log, logrus.InfoLevel))
	if err != nil || len(done) != 3 {
		t.Fatalf("%+v, %v", done, err)
	}
	if dir := filepath.Base(filepath.Dir(filepath.Dir(done[0].Constants))); dir != "epix10kaquad_0001" {
		t.Errorf("merged into %s", done[0].Constants)
	}
	file, err := os.Open(done[1].Target)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a, err := ndarray.ReadText(file, ndarray.ReadOptions{})
	if err != nil || !slices.Equal(a.Shape, []int{7, 4, 352, 384}) {
		t.Errorf("%s has the shape %v, %v", done[1].Target, a.Shape, err)
	}
	findings, err := w.repository.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(findings) > 0 {
		t.Errorf("repo check: %+v", findings)
	}
}

// TestCyclesThatCannotBe are of an epix10ka: each fails for itself.
func TestCyclesThatCannotBe(t *testing.T) {
	frames := noise(quadPixels, 3)
	label := func(name, value string) xtc.ControlConfig {
		return xtc.ControlConfig{Labels: []xtc.PVLabel{{Name: name, Value: value}}}
	}
	const name = "MfxEndstation-0|Epix10kaQuad-0"
	for _, test := range []struct {
		name string
		edit func(*xtctest.Run)
		want string // of the error of the second cycle; "": none
	}{
		{name: "by number"},
		{name: "by label", edit: func(r *xtctest.Run) {
			r.Steps[0].Control, r.Steps[1].Control = label(name, "dark Fixed High Gain"), label("x "+name, "dark Fixed Medium Gain")
		}},
		{name: "by the device", edit: func(r *xtctest.Run) {
			r.Steps[0].Control, r.Steps[1].Control = label(name, "dark Fixed High Gain"), label("Epix10kaQuad-0", "dark Fixed Medium Gain")
		}},
		{name: "set otherwise", edit: func(r *xtctest.Run) { r.Steps[1].Configs = []xtctest.Detector{quad(2)} },
			want: "cycle 1 should be of FM, but the pixels are set to FL"},
		{name: "unknown label", edit: func(r *xtctest.Run) {
			r.Steps[0].Control, r.Steps[1].Control = label(name, "dark Fixed High Gain"), label(name, "light")
		}, want: `"light" is no cycle of an epix10ka dark`},
		{name: "label of another", edit: func(r *xtctest.Run) {
			r.Steps[0].Control, r.Steps[1].Control = label(name, "dark Fixed High Gain"), label("XcsEndstation-0|Epix10ka-0", "dark Fixed Medium Gain")
		}, want: "none of the 1 labels of the cycle is named MfxEndstation-0|Epix10kaQuad-0"},
		{name: "one frame", edit: func(r *xtctest.Run) { r.Steps[1].Events = 1 }, want: "too few frames for a dark: 1, need at least 2"},
		{name: "no frame", edit: func(r *xtctest.Run) { r.Steps[1].Events = 0 }, want: "too few frames for a dark: 0, need at least 2"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.options.Detectors, w.options.DryRun, w.options.Publish = []string{"epix10kaquad"}, true, nil
			run := quadRun(frames, 3, 0, 1)
			if test.edit != nil {
				test.edit(&run)
			}
			w.write(run)
			report := w.run("260")
			if len(report.Darks) != 2 || report.Darks[0].Err() != nil {
				t.Fatalf("%+v", report.Darks)
			}
			switch err := report.Darks[1].Err(); {
			case (err != nil) != (test.want != ""):
				t.Errorf("the second cycle: %v", err)
			case err != nil && !strings.Contains(err.Error(), test.want):
				t.Errorf("the error is %v, want %s", err, test.want)
			}
		})
	}
}

// TestCyclesOfChoice processes one cycle, or the first ones.
func TestCyclesOfChoice(t *testing.T) {
	w := newWorld(t)
	w.options.Detectors, w.options.DryRun, w.options.Publish = []string{quadSource}, true, nil
	w.write(quadRun(noise(quadPixels, 2), 2, 0, 1, 2))
	steps := func(report darkrun.Report) (all []int) {
		for _, d := range report.Darks {
			if d.Err() != nil {
				t.Error(d.Err())
			}
			all = append(all, d.Step)
		}
		return all
	}
	one, two := 1, 2
	w.options.Window.Step = &one
	if got := steps(w.run("260")); !slices.Equal(got, []int{1}) {
		t.Errorf("cycle 1 alone: %v", got)
	}
	w.options.Window = darkrun.Window{Steps: &two}
	if got := steps(w.run("260")); !slices.Equal(got, []int{0, 1}) {
		t.Errorf("two cycles: %v", got)
	}
}

// TestJumpOfTables compares each gain with the tables of before.
func TestJumpOfTables(t *testing.T) {
	w := newWorld(t)
	const source = "CxiDs1.0:Jungfrau.0"
	contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
	config := xtctest.JungfrauConfig(3, xtctest.Jungfrau{Rows: 8, Columns: 16, Modules: []xtctest.JungfrauModule{{SerialNumber: 3}, {SerialNumber: 4}}})
	frames := noise(2*8*16, 20)
	for i, shift := range []uint16{0, 40} {
		w.write(xtctest.Run{
			Number: 260 + i, Events: 20, Detectors: []xtctest.Detector{{Source: source, Contains: contains, Config: config}},
			Frame: func(_, event int) xtctest.Node {
				frame := slices.Clone(frames[event])
				for k := range frame {
					frame[k] += shift
				}
				contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", []int{2, 8, 16}, frame)
				return xtctest.Node{Contains: contains, Payload: payload}
			},
		})
	}
	w.options.Detectors = []string{source}
	first := w.only(w.run("260"))
	if first.Jump != nil {
		t.Errorf("the first dark is compared with %s", first.Previous)
	}
	w.options.MaxJump = 30
	d := w.run("261").Darks[0]
	if !errors.Is(d.Err(), darkrun.ErrHeldBack) || len(d.Files) != 0 || d.Previous != first.Files[0].Path {
		t.Errorf("%+v", d)
	}
	w.options.MaxJump = 50
	if d = w.only(w.run("261")); d.Jump == nil || *d.Jump < 39 || *d.Jump > 41 {
		t.Errorf("a jump of %v", d.Jump)
	}
}

// TestJungfrauWithoutIDs has no name for tables of several panels.
func TestJungfrauWithoutIDs(t *testing.T) {
	w := newWorld(t)
	const source = "CxiDs1.0:Jungfrau.0"
	contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV1")
	config := xtctest.JungfrauConfig(1, xtctest.Jungfrau{NumberOfModules: 2, Rows: 8, Columns: 16, GainMode: xtc.JungfrauNormal})
	frames := noise(2*8*16, 5)
	w.write(xtctest.Run{
		Events: 5, Detectors: []xtctest.Detector{{Source: source, Contains: contains, Config: config}},
		Frame: func(_, event int) xtctest.Node {
			contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", []int{2, 8, 16}, frames[event])
			return xtctest.Node{Contains: contains, Payload: payload}
		},
	})
	w.options.Detectors = []string{source}
	d := w.run("260").Darks[0]
	if !errors.Is(d.Err(), darkrun.ErrNoDark) || !strings.Contains(d.Error, "CxiDs1.0:Jungfrau.0 has no ids of hardware") || len(d.Files) != 0 {
		t.Errorf("%+v", d)
	}
}

// TestWindowOfAJungfrau is of events left out, and looked at, in every cycle.
func TestWindowOfAJungfrau(t *testing.T) {
	w := newWorld(t)
	const source = "CxiDs1.0:Jungfrau.0"
	contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
	var steps []xtctest.Step
	for _, gain := range []xtc.JungfrauGain{xtc.JungfrauHighGain0, xtc.JungfrauFixedGain1} {
		config := xtctest.JungfrauConfig(3, xtctest.Jungfrau{Rows: 8, Columns: 16, GainMode: gain, Modules: []xtctest.JungfrauModule{{SerialNumber: 3}}})
		steps = append(steps, xtctest.Step{Events: 30, Configs: []xtctest.Detector{{Source: source, Contains: contains, Config: config}}})
	}
	frames := noise(8*16, 60)
	w.write(xtctest.Run{
		Steps: steps, Detectors: steps[0].Configs,
		Frame: func(_, event int) xtctest.Node {
			contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", []int{1, 8, 16}, frames[event])
			return xtctest.Node{Contains: contains, Payload: payload}
		},
	})
	w.options.Detectors, w.options.DryRun = []string{source}, true
	for _, test := range []struct {
		skip, events, perStep, frames int
		want                          [2]int
	}{
		{0, 1000, 1000, 1000, [2]int{30, 30}}, {4, 1000, 1000, 1000, [2]int{26, 26}}, {4, 1000, 10, 1000, [2]int{10, 10}},
		{0, 40, 1000, 1000, [2]int{30, 10}}, {0, 1000, 1000, 7, [2]int{7, 7}},
	} {
		w.options.Window = darkrun.Window{Skip: test.skip, Events: &test.events, PerStep: &test.perStep}
		w.options.Params.Frames = &test.frames
		report := w.run("260")
		if report.Err() != nil || len(report.Darks) != 2 {
			t.Fatal(report.Err())
		}
		if got := [2]int{report.Darks[0].Frames, report.Darks[1].Frames}; got != test.want || report.Darks[0].Gain != "gm0-HighGain0" || report.Darks[1].Gain != "gm1-FixedGain1" {
			t.Errorf("%+v: %v frames of %s and %s", test, got, report.Darks[0].Gain, report.Darks[1].Gain)
		}
		// The second cycle has other gain bits than its gain.
		if bad := report.Darks[1].Bits["bad gain"]; bad != 8*16 || report.Darks[0].Bits["bad gain"] != 0 {
			t.Errorf("%d pixels with wrong gain bits", bad)
		}
	}
}

// TestEventCodesOfAJungfrau: the cycles of a gain are one dark, whose frames are the events
// with the code; without codes each cycle is one.
func TestEventCodesOfAJungfrau(t *testing.T) {
	const source, each, pixels = "CxiDs1.0:Jungfrau.0", 10, 8 * 16
	contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
	modes := []xtc.JungfrauGain{xtc.JungfrauHighGain0, xtc.JungfrauFixedGain1, xtc.JungfrauHighGain0, xtc.JungfrauNormal, xtc.JungfrauFixedGain1}
	shape := func(mode xtc.JungfrauGain) []int {
		if mode == xtc.JungfrauFixedGain1 {
			return []int{1, 16, 8} // as no detector has it: each dark has its own first frame
		}
		return []int{1, 8, 16}
	}
	bits := map[xtc.JungfrauGain]uint16{xtc.JungfrauFixedGain1: 1 << 14}
	run := xtctest.Run{}
	for _, mode := range modes {
		config := xtctest.JungfrauConfig(3, xtctest.Jungfrau{Rows: uint32(shape(mode)[1]), Columns: uint32(shape(mode)[2]), GainMode: mode, Modules: []xtctest.JungfrauModule{{SerialNumber: 3}}})
		run.Steps = append(run.Steps, xtctest.Step{Events: each, Configs: []xtctest.Detector{{Source: source, Contains: contains, Config: config}}})
	}
	frames := noise(pixels, each*len(modes))
	for event, frame := range frames {
		for i := range frame {
			frame[i] |= bits[modes[event/each]]
		}
	}
	run.Detectors = run.Steps[0].Configs
	run.Frame = func(_, event int) xtctest.Node {
		contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", shape(modes[event/each]), frames[event])
		return xtctest.Node{Contains: contains, Payload: payload}
	}
	wanted := func(event int) bool { return event%5 == 1 } // two of each cycle: too few for a dark
	run.EventCodes = func(event int) []uint32 {
		if wanted(event) {
			return []uint32{140, 162}
		}
		return []uint32{140}
	}
	w := newWorld(t)
	w.write(run)
	w.options.Detectors = []string{source}
	codes, err := dark.ParseEventCodes("162")
	if err != nil {
		t.Fatal(err)
	}
	w.options.Codes = &codes
	report := w.run("260")
	want := []struct {
		gain string
		step int
		mode xtc.JungfrauGain
	}{{"gm0-HighGain0", -1, xtc.JungfrauHighGain0}, {"gm1-FixedGain1", -1, xtc.JungfrauFixedGain1}, {"gm0-Normal", 3, xtc.JungfrauNormal}}
	if len(report.Darks) != len(want) {
		t.Fatalf("%d darks: %v", len(report.Darks), report.Err())
	}
	for k, d := range report.Darks {
		var chosen [][]uint16
		for event, frame := range frames {
			if wanted(event) && modes[event/each] == want[k].mode {
				chosen = append(chosen, frame)
			}
		}
		if d.Gain != want[k].gain || d.Step != want[k].step {
			t.Errorf("dark %d is of cycle %d, %s, want %d, %s", k, d.Step, d.Gain, want[k].step, want[k].gain)
		}
		if len(chosen) < 3 { // of the third gain
			if !errors.Is(d.Err(), dark.ErrTooFewFrames) || d.Frames != len(chosen) {
				t.Errorf("%s: %d frames, %v", d.Gain, d.Frames, d.Err())
			}
			continue
		}
		p, err := dark.NewJungfrau(dark.Default(), shape(want[k].mode), k)
		if err != nil {
			t.Fatal(err)
		}
		for _, frame := range chosen {
			if err := p.Add(frame); err != nil {
				t.Fatal(err)
			}
		}
		r, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		if _, good := r.StatusCounts(); d.Err() != nil || d.Frames != len(chosen) || d.Good != good || d.Bits["bad gain"] != 0 {
			t.Errorf("%s: %d frames, %d good pixels, want %d, %d: %v", d.Gain, d.Frames, d.Good, len(chosen), good, d.Err())
			continue
		}
		var table strings.Builder
		if err := dark.JungfrauKinds()[0].WriteTable(&table, r, 0); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(d.Files[0].Path); err != nil || string(text) != table.String() {
			t.Errorf("%s: %s is not of the chosen frames: %v", d.Gain, d.Files[0].Path, err)
		}
	}
	w.options.Codes, w.options.DryRun = nil, true
	if darks := w.run("260").Darks; len(darks) != len(modes) || darks[2].Step != 2 || darks[2].Frames != each {
		t.Errorf("without codes: %+v", darks)
	}
}

// TestEndlessCycles stops at a number that no dark has, and says so.
func TestEndlessCycles(t *testing.T) {
	w := newWorld(t)
	const source, cycles = "CxiDs1.0:Jungfrau.0", 1020
	contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
	config := xtctest.JungfrauConfig(3, xtctest.Jungfrau{Rows: 2, Columns: 2, Modules: []xtctest.JungfrauModule{{SerialNumber: 3}}})
	w.write(xtctest.Run{
		Detectors: []xtctest.Detector{{Source: source, Contains: contains, Config: config}},
		Steps:     slices.Repeat([]xtctest.Step{{Events: 1}}, cycles), Frame: func(int, int) xtctest.Node { return xtctest.Node{} },
	})
	w.options.Detectors = []string{source}
	darks := w.run("260").Darks
	if last := darks[len(darks)-1]; len(darks) != 1001 || !strings.Contains(last.Error, "20 cycles behind the first 1000") {
		t.Errorf("%d darks, the last %+v", len(darks), last)
	}
}

// TestTablesThatAreNotMerged: where a gain is missing nothing else is deployed in place of
// the darks.
func TestTablesThatAreNotMerged(t *testing.T) {
	const source = "CxiDs1.0:Jungfrau.0"
	contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
	config := xtctest.JungfrauConfig(3, xtctest.Jungfrau{Rows: 8, Columns: 16, GainMode: xtc.JungfrauNormal, Modules: []xtctest.JungfrauModule{{SerialNumber: 3}}})
	frames := noise(8*16, 4)
	w := newWorld(t)
	w.options.Detectors, w.options.Publish = []string{source}, nil
	w.write(xtctest.Run{
		Events: 4, Detectors: []xtctest.Detector{{Source: source, Contains: contains, Config: config}},
		Frame: func(_, event int) xtctest.Node {
			contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", []int{1, 8, 16}, frames[event])
			return xtctest.Node{Contains: contains, Payload: payload}
		},
	})
	report := w.run("260")
	d := w.only(report)
	deploy := func() ([]stages.Deployment, error) {
		return darkrun.Deploy(t.Context(), report, w.options.Dataset, w.deployOptions(), logx.New(&w.log, logrus.InfoLevel))
	}
	if done, err := deploy(); len(done) > 0 || !errors.Is(err, stages.ErrNothingValid) {
		t.Errorf("nothing else is there: %+v, %v", done, err)
	}
	constants := &ndarray.Array{Shape: []int{3, 1, 512, 1024}, DType: ndarray.Float32, Floats: make([]float64, 3*512*1024)}
	var text bytes.Buffer
	if err := constants.WriteText(&text, ndarray.TextOptions{Format: "%.0f"}); err != nil {
		t.Fatal(err)
	}
	defaults := filepath.Join(w.dir, "repo/jungfrau/default")
	for _, err := range []error{
		os.MkdirAll(defaults, 0o777),
		os.WriteFile(filepath.Join(defaults, "jungfrau_default_pedestals.txt"), text.Bytes(), 0o666),
		os.WriteFile(strings.Replace(strings.Replace(d.Files[1].Path, "_gm0-Normal.dat", ".txt", 1), "r0260", "r0001", 1), text.Bytes(), 0o666),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	done, err := deploy()
	if len(done) > 0 || !errors.Is(err, stages.ErrNotMerged) || !strings.Contains(err.Error(), "jungfrau_default_pedestals.txt") {
		t.Errorf("a default and a file: %+v, %v", done, err)
	}
	if entries, err := os.ReadDir(filepath.Join(w.dir, "calib")); err != nil || len(entries) > 0 {
		t.Errorf("the calib directory has %v, %v", entries, err)
	}
}

// TestDarkScanThatBeganAnew: a cycle that comes again takes the place of no other; but of
// those that are asked for by number each counts.
func TestDarkScanThatBeganAnew(t *testing.T) {
	w := newPulseWorld(t)
	w.options.Injection, w.options.Publish = nil, nil
	w.write(pulseRun{cycles: []int{0, 0, 1, 2, 3, 4, 1}, labels: true, events: map[int]int{0: 1}}.run())
	modes := func() (all []string) {
		for _, d := range w.run("260").Darks {
			if d.Err() != nil {
				all = append(all, "no")
			}
			all = append(all, d.Gain)
		}
		return all
	}
	if got, want := modes(), []string{"no", "FH", "FH", "FM", "FL", "AHL-H", "AML-M"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	three := 3
	w.options.Window.Steps = &three
	if got, want := modes(), []string{"no", "FH", "FH", "FM"}; !slices.Equal(got, want) {
		t.Errorf("three cycles: %q, want %q", got, want)
	}
	w.options.Window.Steps, w.options.Replace = nil, true
	run := pulseRun{cycles: slices.Repeat([]int{0}, 200), labels: true}.run()
	run.Number = 261
	w.write(run)
	if darks := w.run("261").Darks; len(darks) != 1+103 {
		t.Errorf("endless cycles: %d darks", len(darks))
	}
}
