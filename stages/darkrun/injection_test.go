package darkrun_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deployconstants/internal/logx"
	"deployconstants/internal/plot"
	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/repo/panels"
	"deployconstants/stages/dark"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
)

const (
	pulseClass  = "Epix.Config10kaV2"
	pulseSource = "MfxEndstation.0:Epix10ka.0"
	pulseSide   = 16 // rows, and columns
	pulseEvents = 90 // of a cycle; the first period is that of the events 3 to 84, and switches at 65
)

// pulseConfig is an Epix10ka of a few pixels, set for a cycle of a charge injection run.
func pulseConfig(cycle int) xtctest.Detector {
	contains, _ := xtc.ClassTypeID(pulseClass)
	config := xtctest.Epix10kaConfig(2, xtctest.Epix{RowsPerAsic: pulseSide / 2, PixelsPerAsicRow: pulseSide / 2, CarrierID: [2]uint32{5, 6}})
	set := epix10kaModes[pulseMode(cycle)]
	pixels := slices.Repeat([]uint16{set.pixel}, pulseSide*pulseSide)
	if _, position, pulsed := dark.PulsedCycle(cycle); pulsed {
		for i := range pixels {
			if isPulsed(i, position) {
				pixels[i] |= 1 // the test bit
			}
		}
	}
	xtctest.SetPanel(pulseClass, config, 0, xtc.Epix10kaPanel{
		Trbit: [4]bool{set.trbit, set.trbit, set.trbit, set.trbit}, Pixels: pixels,
	})
	return xtctest.Detector{Source: pulseSource, Contains: contains, Config: config}
}

// pulseMode is how the pixels are set in a cycle, as an index of epix10kaModes.
func pulseMode(cycle int) int {
	switch mode, _, pulsed := dark.PulsedCycle(cycle); {
	case !pulsed:
		return cycle
	case mode == 0:
		return 4
	}
	return 3
}

func isPulsed(pixel, position int) bool {
	return pixel/pulseSide%7 == position/7 && pixel%pulseSide%7 == position%7
}

// pulseLines are the lines of a pixel in a mode, AML or AHL; the origin is event 3.
func pulseLines(mode, pixel int) (before, behind dark.Line) {
	return dark.Line{Slope: float64(20 + 40*mode + pixel%9), Intercept: float64(1000 + pixel)},
		dark.Line{Slope: float64(1 + mode), Intercept: float64(500 + pixel)}
}

// pulseDark is a pixel's average in the dark of a mode of epix10kaModes.
func pulseDark(mode, pixel int) uint16 { return uint16(700 + 100*mode + pixel) }

// pulseFrame is a frame of the detector in an event of a cycle.
func pulseFrame(cycle, event int) []uint16 {
	frame := make([]uint16, pulseSide*pulseSide)
	mode, position, pulsed := dark.PulsedCycle(cycle)
	for i := range frame {
		frame[i] = pulseDark(pulseMode(cycle), i) + uint16(2*(event%2)) - 1
		if !pulsed || !isPulsed(i, position) {
			continue
		}
		before, behind := pulseLines(mode, i)
		if x := (event + 79) % 82; x < 62 {
			frame[i] = uint16(before.Intercept + before.Slope*float64(x))
		} else {
			frame[i] = 1<<14 | uint16(behind.Intercept+behind.Slope*float64(x))
		}
	}
	return frame
}

// A pulseRun is a charge injection run, or a part of one.
type pulseRun struct {
	cycles []int                                // in their order
	labels bool                                 // the cycles have labels
	set    map[int]int                          // place of the cycle: the cycle for which the pixels are set
	events map[int]int                          // place of the cycle: its events
	node   func(place, event int) *xtctest.Node // nil: a whole frame
}

// allCycles are those of a whole run.
func allCycles() []int {
	all := make([]int, dark.InjectionCycles)
	for i := range all {
		all[i] = i
	}
	return all
}

func (p pulseRun) run() xtctest.Run {
	type place struct{ place, event int }
	var places []place
	run := xtctest.Run{Detectors: []xtctest.Detector{pulseConfig(0)}}
	for i, cycle := range p.cycles {
		set, found := p.set[i]
		if !found {
			set = cycle
		}
		step := xtctest.Step{Events: pulseEvents, Configs: []xtctest.Detector{pulseConfig(set)}}
		if mode, position, pulsed := dark.PulsedCycle(cycle); !pulsed {
			step.Events = 5 // the last one is not used
			if p.labels {
				step.Control = pulseLabel(epix10kaModes[cycle].label)
			}
		} else if p.labels {
			step.Control = pulseLabel(fmt.Sprintf("position %d trbit %d", position, mode))
		}
		if n, found := p.events[i]; found {
			step.Events = n
		}
		for event := range step.Events {
			places = append(places, place{i, event})
		}
		run.Steps = append(run.Steps, step)
	}
	run.Frame = func(_, event int) xtctest.Node {
		at := places[event]
		if p.node != nil {
			if node := p.node(at.place, at.event); node != nil {
				return *node
			}
		}
		contains, payload := xtctest.FrameObject(pulseClass, []int{pulseSide, pulseSide}, pulseFrame(p.cycles[at.place], at.event))
		return xtctest.Node{Contains: contains, Payload: payload}
	}
	return run
}

func pulseLabel(value string) xtc.ControlConfig {
	return xtc.ControlConfig{Labels: []xtc.PVLabel{{Name: "MfxEndstation-0|Epix10ka-0 offset scan", Value: value}}}
}

func newPulseWorld(t *testing.T) *world {
	w := newWorld(t)
	w.options.Detectors, w.options.Injection = []string{pulseSource}, &darkrun.InjectionOptions{}
	return w
}

// table reads a table that was made, by how its name ends.
func (w *world) table(files []darkrun.File, ending string) []float64 {
	w.t.Helper()
	at := slices.IndexFunc(files, func(f darkrun.File) bool { return strings.HasSuffix(f.Path, ending+".dat") })
	if at < 0 {
		w.t.Fatalf("no %s in %+v", ending, files)
	}
	file, err := os.Open(files[at].Path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	a, err := ndarray.ReadText(file, ndarray.ReadOptions{DType: ndarray.Float64})
	if err != nil {
		w.t.Fatal(err)
	}
	return a.Floats
}

// compare compares a table with what every pixel should have.
func (w *world) compare(files []darkrun.File, ending string, want func(pixel int) float64) {
	w.t.Helper()
	for i, got := range w.table(files, ending) {
		if math.Abs(got-want(i)) > 1e-3 {
			w.t.Errorf("pixel %d of %s is %v, want %v", i, ending, got, want(i))
			return
		}
	}
}

// TestInjection makes everything of a whole run: darks, gains, offsets, and the pedestals
// that follow from both, by arithmetic.
func TestInjection(t *testing.T) {
	for _, labels := range []bool{false, true} {
		w := newPulseWorld(t)
		w.options.Workers = 2
		cycles := allCycles()
		if labels { // which tell the cycles, in whatever order they come
			slices.Reverse(cycles)
		}
		w.write(pulseRun{cycles: cycles, labels: labels}.run())
		report := w.run("260")
		if err := report.Err(); err != nil || len(report.Darks) != 5 || len(report.Injections) != 2 || !report.Any() {
			t.Fatalf("%d darks, %d injections, %v", len(report.Darks), len(report.Injections), err)
		}
		for _, d := range report.Darks {
			mode := slices.Index(dark.Epix10kaModes[:], d.Gain)
			w.compare(d.Files, "_pedestals_"+d.Gain, func(i int) float64 { return float64(pulseDark(mode, i)) })
			if len(d.Files) != 3 || d.Frames != 5 {
				t.Errorf("%+v", d)
			}
		}
		for k, in := range report.Injections {
			mode := dark.InjectionModes[k]
			if in.Gain != mode.Name || in.Cycles != 49 || len(in.Missing) != 0 || in.Frames != 49*pulseEvents || in.Jumps != 0 ||
				in.Good != 256 || in.Pixels != 256 || in.Stamp != "20160318191150" || len(in.Plots) != 1 {
				t.Errorf("%+v", in)
			}
			var names []string
			for _, file := range in.Files {
				rest, found := strings.CutPrefix(file.Path, w.repository.Dir()+"/epix10ka/0000000000-0000000005-0000000006-0000000000-0000000000-0000000000-0000000000/")
				if !found || file.Outcome != darkrun.Created {
					t.Errorf("%+v", file)
				}
				names = append(names, rest)
			}
			const prefix = "epix10ka_0001_20160318191150_xpptut15_r0260_"
			want := []string{
				"gain/" + prefix + "gainci_" + mode.Before + ".dat", "gain/" + prefix + "gainci_" + mode.Behind + ".dat",
				"offset/" + prefix + "offset_" + mode.Before + ".dat", "offset/" + prefix + "offset_" + mode.Behind + ".dat",
				"offset/" + prefix + "offset_" + mode.Name + ".dat", "pedestals/" + prefix + "pedestals_" + mode.Behind + ".dat",
			}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			lines := func(i int) (dark.Line, dark.Line) { return pulseLines(k, i) }
			w.compare(in.Files, "_gainci_"+mode.Before, func(i int) float64 { before, _ := lines(i); return before.Slope })
			w.compare(in.Files, "_gainci_"+mode.Behind, func(i int) float64 { _, behind := lines(i); return behind.Slope })
			w.compare(in.Files, "_offset_"+mode.Before, func(i int) float64 { before, _ := lines(i); return before.Intercept })
			w.compare(in.Files, "_offset_"+mode.Behind, func(i int) float64 { _, behind := lines(i); return behind.Intercept })
			w.compare(in.Files, "_offset_"+mode.Name, func(i int) float64 { return 500 })
			w.compare(in.Files, "_pedestals_"+mode.Behind, func(i int) float64 {
				before, behind := lines(i)
				ped := float64(pulseDark(4-k, i))
				return behind.Intercept - (before.Intercept-ped)*behind.Slope/before.Slope
			})
			if gain := in.Gains[mode.Behind]; math.Abs(gain-float64(1+k)) > 1e-9 {
				t.Errorf("the median gain of %s is %v", mode.Behind, gain)
			}
		}
		// The numbers are there: a second time changes nothing, and neither does dark.
		for _, in := range w.run("260").Injections {
			for _, file := range in.Files {
				if file.Outcome != darkrun.Unchanged {
					t.Errorf("again: %+v", file)
				}
			}
		}
		findings, err := w.repository.Check(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, finding := range findings {
			if finding.Kind != repo.BadShape { // real panels have more pixels
				t.Errorf("repo check: %+v", finding)
			}
		}
		w.options.Injection = nil
		if !labels {
			report = w.run("260")
			if err := report.Err(); err != nil {
				t.Fatal(err)
			}
			for _, d := range report.Darks {
				for _, file := range d.Files {
					if file.Outcome != darkrun.Unchanged {
						t.Errorf("dark after injection: %+v", file)
					}
				}
			}
		}
	}
}

// TestInjectionThatIsNotWhole: what there is is made, and the message says what is not.
func TestInjectionThatIsNotWhole(t *testing.T) {
	missing := func(at int, events ...int) func(int, int) *xtctest.Node {
		return func(place, event int) *xtctest.Node {
			if place == at && slices.Contains(events, event) {
				return &xtctest.Node{}
			}
			return nil
		}
	}
	aml := []int{0, 4, 5, 6, 7} // the darks FH and AML-M, and three positions of AML
	for _, test := range []struct {
		name  string
		run   pulseRun
		edit  func(*darkrun.Options)
		good  int // pixels of AML: position 0 has 9, 1 has 9, 2 has 6
		jumps int
		files int
		want  []string // parts of the error
	}{
		{name: "three positions", run: pulseRun{cycles: aml}, good: 24, files: 6,
			want: []string{"run 260, " + pulseSource + ", AML: cycles of charge injection: AML has 3 of 49; pixels of the positions 3-48 have zeros",
				"AHL: cycles of charge injection: AHL has none of 49, and nothing is saved"}},
		{name: "held back", run: pulseRun{cycles: aml}, edit: func(o *darkrun.Options) { o.MaxBad = 0 }, good: 24,
			want: []string{"held back: 232 of 256 pixels are bad (90.6%), more than the fraction 0.5"}},
		{name: "a position twice", run: pulseRun{cycles: append(slices.Clone(aml), 6)}, good: 24, files: 6},
		{name: "set otherwise", run: pulseRun{cycles: aml, set: map[int]int{3: 60}}, good: 15, files: 6,
			want: []string{"AML: cycle 3, position 1: ", "the cycle should be of AML-M, but the pixels are set to AHL-H", "positions 1, 3-48 have zeros"}},
		{name: "no frames", run: pulseRun{cycles: aml, events: map[int]int{2: 0}}, good: 15, files: 6,
			want: []string{"cycle 2, position 0: too few frames of a cycle: 0"}},
		{name: "one frame", run: pulseRun{cycles: aml, events: map[int]int{2: 1}}, good: 15, files: 6,
			want: []string{"cycle 2, position 0: too few frames of a cycle: 1"}},
		{name: "no period", run: pulseRun{cycles: aml, events: map[int]int{2: 60}}, good: 15, files: 6},
		{name: "a frame is missing early", run: pulseRun{cycles: aml, node: missing(2, 1)}, good: 24, jumps: 1, files: 6},
		{name: "a frame is missing late", run: pulseRun{cycles: aml, node: missing(2, 40)}, good: 15, jumps: 1, files: 6},
		{name: "more than half full", run: pulseRun{cycles: aml, node: missing(2, 86)}, edit: func(o *darkrun.Options) {
			nbs := 100
			o.Params.Collected = &nbs
		}, good: 24, jumps: 1, files: 6},
		{name: "damaged", run: pulseRun{cycles: aml, node: func(place, event int) *xtctest.Node {
			if place != 2 || event > 1 {
				return nil
			}
			contains, payload := xtctest.FrameObject(pulseClass, []int{pulseSide, pulseSide}, pulseFrame(5, event))
			return &xtctest.Node{Contains: contains, Payload: payload, Damage: 1 << 14}
		}}, good: 24, files: 6},
		{name: "cut off", run: pulseRun{cycles: aml, node: func(place, event int) *xtctest.Node {
			if place != 2 || event > 1 {
				return nil
			}
			contains, payload := xtctest.FrameObject(pulseClass, []int{pulseSide, pulseSide}, pulseFrame(5, event))
			return &xtctest.Node{Contains: contains, Payload: payload[:100]}
		}}, good: 24, files: 6},
		{name: "without its dark", run: pulseRun{cycles: []int{5, 6, 7}}, good: 24, files: 5},
		{name: "the margin", run: pulseRun{cycles: aml}, edit: func(o *darkrun.Options) {
			o.Injection.Fit = dark.DefaultInjection()
			o.Injection.Fit.Margin = 60
		}, files: 6},
		{name: "impossible frames", run: pulseRun{cycles: aml}, edit: func(o *darkrun.Options) {
			nbs := 1
			o.Params.Collected = &nbs
		}, want: []string{"cycle 2, position 0: impossible parameter of dark processing: 1 frames", "AML has none of 49"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newPulseWorld(t)
			w.options.Publish = nil
			test.run.labels = true
			if test.edit != nil {
				test.edit(&w.options)
			}
			w.write(test.run.run())
			report := w.run("260")
			if len(report.Injections) != 2 {
				t.Fatalf("%+v", report.Injections)
			}
			in := report.Injections[0]
			if in.Good != test.good || in.Jumps != test.jumps || len(in.Files) != test.files || !errors.Is(in.Err(), darkrun.ErrCycles) {
				t.Errorf("%d good pixels, %d jumps, %d files, want %d, %d, %d; %v", in.Good, in.Jumps, len(in.Files), test.good, test.jumps, test.files, in.Err())
			}
			for _, part := range test.want {
				if all := report.Err().Error(); !strings.Contains(all, part) {
					t.Errorf("no %q in:\n%s", part, all)
				}
			}
			for i, gain := range w.filled(in.Files, "_gainci_AML-L") {
				before, behind := pulseLines(0, i)
				if gain != 0 && math.Abs(gain-behind.Slope) > 1e-6 {
					t.Errorf("pixel %d has %v, want 0 or %v", i, gain, behind.Slope)
				}
				if offset := w.filled(in.Files, "_offset_AML-M")[i]; gain != 0 && math.Abs(offset-before.Intercept) > 1e-3 && in.Jumps == 0 {
					t.Errorf("pixel %d has the offset %v, want %v", i, offset, before.Intercept)
				}
			}
		})
	}
}

// filled is table for one that may not be there.
func (w *world) filled(files []darkrun.File, ending string) []float64 {
	if len(files) == 0 {
		return nil
	}
	return w.table(files, ending)
}

// TestInjectionCyclesThatCannotBe: each fails for itself, and is told.
func TestInjectionCyclesThatCannotBe(t *testing.T) {
	w := newPulseWorld(t)
	w.options.DryRun, w.options.Publish = true, nil
	run := pulseRun{cycles: []int{0, 5, 6}, labels: true}.run()
	run.Steps[1].Control = pulseLabel("position 49 trbit 0")
	w.write(run)
	report := w.run("260")
	if len(report.Darks) != 1 || report.Darks[0].Err() != nil || len(report.Injections) != 3 || report.Failed() != 3 {
		t.Fatalf("%+v", report)
	}
	if in := report.Injections[0]; !errors.Is(in.Err(), dark.ErrGain) || !strings.Contains(in.Error, `run 260, `+pulseSource+`, cycle 1: `) ||
		!strings.Contains(in.Error, `"position 49 trbit 0" is no cycle of charge injection`) {
		t.Errorf("%+v", in)
	}
	if in := report.Injections[1]; in.Cycles != 1 || len(in.Files) != 5 || in.Files[0] != (darkrun.File{CType: "gainci", Outcome: darkrun.NotSaved}) {
		t.Errorf("%+v", in)
	}
	if entries, err := os.ReadDir(w.repository.Dir()); err != nil || len(entries) > 0 {
		t.Errorf("a dry run made %v, %v", entries, err)
	}
}

// TestInjectionOfChoice: cycles, and detectors that have none.
func TestInjectionOfChoice(t *testing.T) {
	w := newPulseWorld(t)
	w.options.Publish = nil
	w.write(pulseRun{cycles: allCycles()[:8], events: map[int]int{0: 1100}}.run()) // more than dark collects
	five := 5
	w.options.Window.Steps = &five
	if report := w.run("260"); report.Err() != nil || len(report.Darks) != 5 || len(report.Injections) != 0 || report.Darks[0].Frames != 1100 {
		t.Errorf("the darks alone: %+v", report)
	}
	six := 6
	w.options.Window = darkrun.Window{Step: &six}
	report := w.run("260")
	if len(report.Darks) != 0 || len(report.Injections) != 1 || !slices.Equal(report.Injections[0].Missing[:3], []int{0, 2, 3}) {
		t.Errorf("cycle 6 alone: %+v", report)
	}
	w.options.Window.Step = nil
	w.options.Injection.Panels = []int{1}
	if d := w.run("260").Darks; len(d) != 1 || !errors.Is(d[0].Err(), panels.ErrIndex) {
		t.Errorf("a panel that is none: %+v", d)
	}
	w.write(xtctest.Run{Number: 261, Events: 3, Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}})
	w.options.Detectors = []string{epixSource}
	if d := w.run("261").Darks; len(d) != 1 || !errors.Is(d[0].Err(), darkrun.ErrNoDark) || !strings.Contains(d[0].Error, "charge injection is of an Epix10ka") {
		t.Errorf("an epix100a: %+v", d)
	}
}

// TestInjectionBreaksOff: of files that end early what was before counts, and is told.
func TestInjectionBreaksOff(t *testing.T) {
	w := newPulseWorld(t)
	w.options.Publish = nil
	path := w.write(pulseRun{cycles: allCycles()[:9]}.run())
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, info.Size()*4/5); err != nil {
		t.Fatal(err)
	}
	report := w.run("260")
	if len(report.Darks) != 5 || len(report.Injections) != 2 || report.Runs[0].Tally.Torn+len(report.Runs[0].Error) == 0 {
		t.Fatalf("%+v", report)
	}
	if in := report.Injections[0]; in.Cycles < 1 || in.Good < 9 || len(in.Files) != 6 {
		t.Errorf("%+v", in)
	}
}

// TestInjectionOfAQuad processes panels of choice, and scales their gains to nominal ones.
func TestInjectionOfAQuad(t *testing.T) {
	w := newWorld(t)
	w.options.Detectors, w.options.Publish = []string{quadSource}, nil
	factors := panels.NominalFactors()
	w.options.Injection = &darkrun.InjectionOptions{Panels: []int{3, 1}, Gains: &factors}
	cycles := []int{4, 5, 13} // AML-M, and two of its positions
	run := xtctest.Run{Detectors: []xtctest.Detector{quad(4)}}
	for _, cycle := range cycles {
		step := xtctest.Step{Events: 84, Configs: []xtctest.Detector{quad(4)}}
		if _, position, pulsed := dark.PulsedCycle(cycle); pulsed {
			step.Control = quadLabel(fmt.Sprintf("position %d trbit 0", position))
		} else {
			step.Events, step.Control = 4, quadLabel("dark Auto Medium to Low")
		}
		run.Steps = append(run.Steps, step)
	}
	// All pixels of a panel are pulsed alike: of 20 + panel and 2 + panel ADU per event.
	frames := make([][]byte, 84)
	var contains xtc.TypeID
	for event := range frames {
		frame := make([]uint16, quadPixels)
		for i := range frame {
			panel := i / (352 * 384)
			if x := (event + 79) % 82; x < 62 {
				frame[i] = uint16(1000 + (20+panel)*x)
			} else {
				frame[i] = 1<<14 | uint16(500+(2+panel)*x)
			}
		}
		contains, frames[event] = xtctest.FrameObject(quadClass, []int{4, 352, 384}, frame)
	}
	run.Frame = func(_, event int) xtctest.Node {
		return xtctest.Node{Contains: contains, Payload: frames[max(0, event-4)%84]}
	}
	w.write(run)
	report := w.run("260")
	if len(report.Darks) != 1 || report.Darks[0].Err() != nil || len(report.Darks[0].Files) != 6 || !slices.Equal(report.Darks[0].Shape, []int{2, 352, 384}) {
		t.Fatalf("%+v", report.Darks)
	}
	in := report.Injections[0]
	// Most pixels were never pulsed, and have no gain: there are no tables in ADU/keV.
	if len(in.Files) != 12 || !strings.Contains(in.Error, "AML has 2 of 49") || !slices.Equal(in.Panels, []int{1, 3}) {
		t.Errorf("%+v", in)
	}
	if in.Pixels != 2*352*384 || in.Good != 2*2*51*55 || !slices.Equal(in.Shape, []int{2, 352, 384}) {
		t.Errorf("%d of %d pixels of %v", in.Good, in.Pixels, in.Shape)
	}
	for i, panel := range []int{1, 3} {
		path := in.Files[2+i].Path // gainci of AML-L
		if id := fmt.Sprintf("%010d-%010d-", 2, panel+1); !strings.Contains(path, "/epix10kaquad/"+id) || !strings.HasSuffix(path, "_gainci_AML-L.dat") {
			t.Errorf("panel %d: %s", panel, path)
		}
		gains := w.table(in.Files[2+i:], "_gainci_AML-L")
		if gains[0] != float64(2+panel) || gains[1] != 0 || gains[384+1] != float64(2+panel) {
			t.Errorf("panel %d has the gains %v", panel, gains[:8])
		}
	}
}

// TestInjectionIsDeployed deploys what a whole run of a real panel gives: all constants,
// with gains that have their medians at the nominal ones.
func TestInjectionIsDeployed(t *testing.T) {
	if testing.Short() {
		t.Skip("writes a run of 200 MB")
	}
	const rows, columns = panelRows, panelColumns
	w := newWorld(t)
	w.options.Detectors, w.options.Publish, w.options.Workers = []string{pulseSource}, nil, 2
	w.options.Injection = panelOptions()
	w.write(panelRun(allCycles()))
	report := w.run("260")
	if err := report.Err(); err != nil || len(report.Injections) != 2 {
		t.Fatalf("%+v, %v", report.Injections, err)
	}
	for _, in := range report.Injections {
		if in.Good != rows*columns {
			t.Errorf("%s: %d good pixels", in.Gain, in.Good)
		}
	}
	done, err := darkrun.Deploy(t.Context(), report, w.options.Dataset, w.deployOptions(), logx.New(&w.log, logrus.InfoLevel))
	if err != nil || len(done) != 4 {
		t.Fatalf("%+v, %v", done, err)
	}
	deployed := map[string]*ndarray.Array{}
	for _, d := range done {
		file, err := os.Open(d.Target)
		if err != nil {
			t.Fatal(err)
		}
		a, err := ndarray.ReadText(file, ndarray.ReadOptions{DType: ndarray.Float64})
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.Shape, []int{7, 1, rows, columns}) {
			t.Errorf("%s is of %v", d.Target, a.Shape)
		}
		deployed[filepath.Base(filepath.Dir(d.Target))] = a
	}
	// By gain: of the first pixel, which is a steep one, and of the second.
	pedestal := func(offset, offsetLow, ratio float64) float64 { return offsetLow - (offset-800.5)*ratio }
	for ctype, want := range map[string][7][2]float64{
		"pixel_gain": {{60, 30}, {20, 10}, {0.5, 0.5}, {60, 30}, {20, 10}, {3, 3}, {1, 1}},
		"pedestals": {{800.5, 800.5}, {800.5, 800.5}, {800.5, 800.5}, {800.5, 800.5}, {800.5, 800.5},
			{pedestal(1000, 500, 0.05), pedestal(1000, 500, 0.1)}, {pedestal(1000, 500, 0.05), pedestal(1000, 500, 0.1)}},
	} {
		for gain := range want {
			for pixel := range want[gain] {
				if got := deployed[ctype].Floats[gain*rows*columns+pixel]; math.Abs(got-want[gain][pixel]) > 0.5e-2 {
					t.Errorf("%s of %s, pixel %d: %v, want %v", ctype, dark.Epix10kaModes[gain], pixel, got, want[gain][pixel])
				}
			}
		}
	}
	findings, err := w.repository.Check(t.Context())
	if err != nil || len(findings) > 0 {
		t.Errorf("repo check: %+v, %v", findings, err)
	}
}

// The size of a real panel, for which alone tables are merged.
const panelRows, panelColumns = 352, 384

// panelRun is a charge injection run of a real panel, to be fitted as panelOptions say.
func panelRun(cycles []int) xtctest.Run {
	const rows, columns = panelRows, panelColumns
	detector := func(cycle int) xtctest.Detector {
		contains, _ := xtc.ClassTypeID(pulseClass)
		config := xtctest.Epix10kaConfig(2, xtctest.Epix{CarrierID: [2]uint32{5, 6}})
		set := epix10kaModes[pulseMode(cycle)]
		xtctest.SetPanel(pulseClass, config, 0, xtc.Epix10kaPanel{
			Trbit: [4]bool{set.trbit, set.trbit, set.trbit, set.trbit}, Pixels: slices.Repeat([]uint16{set.pixel}, rows*columns),
		})
		return xtctest.Detector{Source: pulseSource, Contains: contains, Config: config}
	}
	// All pixels are pulsed alike in 7 events of a cycle, of which the first two of the
	// three switched ones count: 10 or 20 ADU per event before the switch in AML and AHL,
	// twice that for a quarter of the panel, and 1 or 2 behind it.
	const each = 7
	configs := make([]xtctest.Detector, 5)
	var payloads [3][each][]byte // darks, AML, AHL
	var contains xtc.TypeID
	for mode := range configs {
		configs[mode] = detector(mode)
	}
	for kind := range payloads {
		for event := range each {
			frame := make([]uint16, rows*columns)
			for i := range frame {
				steep := 1
				if i%4 == 0 {
					steep = 2
				}
				switch x := event - 1; {
				case kind == 0:
					frame[i] = uint16(800 + event%2)
				case event == 0 || event > 2:
					frame[i] = uint16(1<<14 + 500 + kind*x)
				default:
					frame[i] = uint16(1000 + steep*10*kind*x)
				}
			}
			contains, payloads[kind][event] = xtctest.FrameObject(pulseClass, []int{rows, columns}, frame)
		}
	}
	run := xtctest.Run{Detectors: configs[:1]}
	for _, cycle := range cycles {
		step := xtctest.Step{Events: each, Configs: configs[pulseMode(cycle):][:1]}
		if mode, position, pulsed := dark.PulsedCycle(cycle); pulsed {
			step.Control = pulseLabel(fmt.Sprintf("position %d trbit %d", position, mode))
		} else {
			step.Control = pulseLabel(epix10kaModes[cycle].label)
		}
		run.Steps = append(run.Steps, step)
	}
	run.Frame = func(_, event int) xtctest.Node {
		kind := 0
		if mode, _, pulsed := dark.PulsedCycle(cycles[event/each]); pulsed {
			kind = 1 + mode
		}
		return xtctest.Node{Contains: contains, Payload: payloads[kind][event%each]}
	}
	return run
}

// panelOptions ask for all of a panelRun.
func panelOptions() *darkrun.InjectionOptions {
	return &darkrun.InjectionOptions{
		Gains: &panels.Factors{High: 30, Medium: 10, Low: 0.5}, Fit: dark.InjectionParams{Gap: 1, Saturation: 16000, Fewest: 2},
	}
}

// TestGainsThatAreNotWhole: a mode's gains are its own, whatever there is of the other, and
// are made if no cycle of it is missing; they are not deployed where one of the other is.
func TestGainsThatAreNotWhole(t *testing.T) {
	if testing.Short() {
		t.Skip("writes runs of 200 MB")
	}
	w := newWorld(t)
	w.options.Detectors, w.options.Publish, w.options.Workers = []string{pulseSource}, nil, 2
	w.options.Injection = panelOptions()
	all := allCycles()
	w.write(panelRun(append(slices.Clone(all[5:31]), 54))) // half of AML, one cycle of AHL
	for range 2 {                                          // the second time there are tables of gainci whose median is 0
		if in := w.run("260").Injections; len(in[0].Files) != 5 || len(in[1].Files) != 5 {
			t.Errorf("%d and %d files: %v, %v", len(in[0].Files), len(in[1].Files), in[0].Err(), in[1].Err())
		}
	}
	run := panelRun(all[5 : 5+49+26]) // all of AML, half of AHL
	run.Number = 261
	w.write(run)
	report := w.run("261")
	if in := report.Injections; in[0].Err() != nil || len(in[0].Files) != 5+4 || len(in[1].Missing) != 23 || len(in[1].Files) != 5 {
		t.Fatalf("%+v", in)
	}
	done, err := darkrun.Deploy(t.Context(), report, w.options.Dataset, w.deployOptions(), logx.New(&w.log, logrus.InfoLevel))
	if err != nil || len(done) != 0 {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestInjectionPlots compares the pages of both modes with what was saved.
func TestInjectionPlots(t *testing.T) {
	w := newPulseWorld(t)
	w.write(pulseRun{cycles: allCycles(), labels: true}.run())
	for _, in := range w.run("260").Injections {
		name := "xpptut15_r0260_MfxEndstation-0-Epix10ka-0_" + in.Gain + "_injection"
		page, drawn := w.pages[name]
		if !drawn || !slices.Equal(in.Plots, []string{"plots/" + name}) {
			t.Fatalf("plots %v, pages %v", in.Plots, slices.Collect(maps.Keys(w.pages)))
		}
		modes := map[string][]string{"AML": {"AML-M", "AML-L"}, "AHL": {"AHL-H", "AHL-L"}}[in.Gain]
		for k, table := range []string{"_gainci_" + modes[0], "_gainci_" + modes[1], "_offset_" + in.Gain} {
			shown, values := page.Charts[0][k].(plot.Image), w.table(in.Files, table)
			if !slices.Equal(shown.Shape, []int{pulseSide, pulseSide}) || len(shown.Values) != len(values) {
				t.Fatalf("%s: shape %v of %d values", table, shown.Shape, len(values))
			}
			for i, value := range values { // which has six digits behind the point
				if math.Abs(shown.Values[i]-value) > 1e-6 {
					t.Fatalf("%s: pixel %d is %v, its plot %v", table, i, value, shown.Values[i])
				}
			}
			if slices.Min(values) == slices.Max(values) && k == 0 {
				t.Errorf("%s: all pixels are alike: the test shows nothing", table)
			}
			showsPixels(t, page, k)
		}
	}
}

// TestPedestalsOfSeveralInjections: what an injection that broke off left of its tables is
// newer than those of the one before: the log tells.
func TestPedestalsOfSeveralInjections(t *testing.T) {
	w := newPulseWorld(t)
	w.options.Publish = nil
	for number := 260; number < 263; number++ {
		run := pulseRun{cycles: []int{4, 5, 6, 7}, labels: true}.run()
		run.Number = number
		w.write(run)
	}
	const told = "pedestals of AML-L are made of tables of charge injection of several runs: 260 and 261"
	w.run("260-261")
	w.options.Injection = nil
	if w.run("262"); strings.Contains(w.log.String(), "several runs") {
		t.Errorf("all are of run 261: %s", w.log.String())
	}
	offsets, err := filepath.Glob(filepath.Join(w.dir, "repo/epix10ka/*/offset/*_r0261_*"))
	if err != nil || len(offsets) != 3 {
		t.Fatalf("%q, %v", offsets, err)
	}
	for _, path := range offsets {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	w.options.Replace = true
	if w.run("262"); strings.Count(w.log.String(), told) != 2 {
		t.Errorf("no %q in %s", told, w.log.String())
	}
}

func quadLabel(value string) xtc.ControlConfig {
	return xtc.ControlConfig{Labels: []xtc.PVLabel{{Name: "MfxEndstation-0|Epix10kaQuad-0", Value: value}}}
}

// TestInjectionStopsReading: behind the last cycle no event is looked at.
func TestInjectionStopsReading(t *testing.T) {
	w := newPulseWorld(t)
	w.options.Publish, w.options.DryRun = nil, true
	nbs, steps := 85, 6
	w.options.Params.Collected, w.options.Window.Steps = &nbs, &steps
	run := pulseRun{cycles: allCycles()[:9]}
	w.write(run.run())
	if report := w.run("260"); report.Runs[0].Events != 5*5+85 || report.Injections[0].Frames != 85 {
		t.Errorf("%d events, %+v", report.Runs[0].Events, report.Injections)
	}
	if _, err := os.Stat(filepath.Join(w.repository.Dir(), "epix10ka")); !os.IsNotExist(err) {
		t.Error(err)
	}
}

// TestInjectionCyclesThatComeAgain: a scan that was begun anew is whole, and cycles that are
// none take no places of others; but there is an end to them.
func TestInjectionCyclesThatComeAgain(t *testing.T) {
	w := newPulseWorld(t)
	w.options.Publish, w.options.DryRun = nil, true
	cycles := append([]int{0, 1, 2, 3, 4, 5, 6, 7, 7}, allCycles()...)
	run := pulseRun{cycles: cycles, labels: true}.run()
	run.Steps[8].Control = pulseLabel("position 49 trbit 0")
	w.write(run)
	report := w.run("260")
	if len(report.Darks) != 5 || len(report.Injections) != 3 || report.Failed() != 1 {
		t.Fatalf("%d darks, %d injections, %v", len(report.Darks), len(report.Injections), report.Err())
	}
	for _, in := range report.Injections[1:] {
		if in.Cycles != 49 || in.Good != 256 {
			t.Errorf("%s: %d cycles, missing are %v", in.Gain, in.Cycles, in.Missing)
		}
	}
	run = pulseRun{cycles: slices.Repeat([]int{5}, 200), labels: true, events: map[int]int{}}.run()
	for i := range run.Steps {
		run.Steps[i].Events, run.Steps[i].Control = 1, pulseLabel("of no use")
	}
	run.Number = 261
	w.write(run)
	if report := w.run("261"); len(report.Injections) != 103+2 || report.Runs[0].Events > 110 {
		t.Errorf("%d injections, %d events", len(report.Injections), report.Runs[0].Events)
	}
}

// TestInjectionKeepsFewAverages: of darks only what the pedestals behind the switch are made
// of, since those of a 2M take 17 MB in every mode.
func TestInjectionKeepsFewAverages(t *testing.T) {
	of, err := repo.TypeOfSource(pulseSource)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := darkrun.KeptAverages(of)
	if want := []string{"AHL-H", "AML-M"}; err != nil || !slices.Equal(kept, want) {
		t.Errorf("averages of %v are kept, want %v: %v", kept, want, err)
	}
}
