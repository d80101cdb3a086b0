package dark_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"deployconstants/stages/dark"

	"github.com/google/go-cmp/cmp"
)

// A ramp is the pulse of a pixel, which begins with a group of switched frames: slopes and
// intercepts over events from the begin of the first period.
type ramp struct{ before, behind dark.Line }

// rampBegin, rampSwitch and rampEnd are events of the first period; it begins anew
// behind its end.
const rampBegin, rampSwitch, rampEnd = 3, 65, 85

// at is the raw value in an event.
func (r ramp) at(event int) uint16 {
	period := rampEnd + 1 - rampBegin
	x := (event - rampBegin + period) % period
	if x < rampSwitch-rampBegin {
		return uint16(r.before.Intercept + r.before.Slope*float64(x))
	}
	return 1<<14 | uint16(r.behind.Intercept+r.behind.Slope*float64(x))
}

// rampOf differs from pixel to pixel.
func rampOf(pixel int) ramp {
	return ramp{
		dark.Line{Slope: float64(20 + pixel%50), Intercept: float64(1000 + pixel)},
		dark.Line{Slope: float64(1 + pixel%3), Intercept: float64(500 + pixel)},
	}
}

// pulsedFrame is a frame of a detector whose pixels are pulsed at a position; the others
// have the value 7.
func pulsedFrame(shape []int, position, event int) []uint16 {
	panels, rows, columns := 1, shape[len(shape)-2], shape[len(shape)-1]
	if len(shape) == 3 {
		panels = shape[0]
	}
	frame := slices.Repeat([]uint16{7}, panels*rows*columns)
	for i := range frame {
		if i/columns%rows%7 == position/7 && i%columns%7 == position%7 {
			frame[i] = rampOf(i).at(event)
		}
	}
	return frame
}

var nearLines = cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9*max(1, math.Abs(a)) })

// TestPulses fits every pixel of a detector once, whatever the workers, and of the last
// frame nothing.
func TestPulses(t *testing.T) {
	for _, shape := range [][]int{{8, 17}, {3, 16, 9}} {
		lines, err := dark.NewInjectionLines(shape)
		if err != nil {
			t.Fatal(err)
		}
		for position := range dark.InjectionPositions {
			p, err := dark.NewPulses(shape, dark.PulseOptions{Frames: 90, Workers: 1 + position%3})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Begin(position); err != nil {
				t.Fatal(err)
			}
			for event := 0; !p.Full(); event++ {
				frame := pulsedFrame(shape, position, event)
				if err := p.Add(frame, event, uint32(3*event)); err != nil {
					t.Fatal(err)
				}
				for i := range frame {
					frame[i] = 0xffff // the caller's again
				}
			}
			if p.Frames() != 90 || p.Jumps() != 0 {
				t.Errorf("%d frames, %d jumps", p.Frames(), p.Jumps())
			}
			if err := p.Fit(lines); err != nil {
				t.Fatal(err)
			}
		}
		for i := range lines.Before {
			want := rampOf(i)
			if diff := cmp.Diff(want, ramp{lines.Before[i], lines.Behind[i]}, nearLines, cmp.AllowUnexported(ramp{})); diff != "" {
				t.Fatalf("pixel %d of %v (-want +got):\n%s", i, shape, diff)
			}
		}
		if n := lines.Fitted(); n != len(lines.Before) {
			t.Errorf("%d of %d pixels are fitted", n, len(lines.Before))
		}
	}
}

// TestPulsesJump: the fiducials decide from which frame on a cycle counts.
func TestPulsesJump(t *testing.T) {
	shape := []int{2, 2}
	whole := rampOf(0)
	for _, test := range []struct {
		name      string
		frames    int          // collected at most
		events    int          // in the cycle
		jumps     map[int]bool // before these events
		missing   []int        // events without a frame
		collected int
		counted   int // jumps
		want      ramp
	}{
		{name: "none", frames: 90, events: 100, collected: 90, want: whole},
		{name: "at the beginning", frames: 90, events: 100, jumps: map[int]bool{2: true}, collected: 90, counted: 1, want: whole},
		{name: "a missing frame is one", frames: 300, events: 100, missing: []int{1}, collected: 98, counted: 1, want: whole},
		{name: "half full begins anew", frames: 300, events: 251, jumps: map[int]bool{150: true}, collected: 101, counted: 1, want: whole},
		{name: "more than half full ends", frames: 300, events: 300, jumps: map[int]bool{151: true}, collected: 151, counted: 1, want: whole},
		{name: "too late", frames: 300, events: 100, jumps: map[int]bool{60: true}, collected: 40, counted: 1},
		{name: "the last frame is not used", frames: 90, events: 81, collected: 81},
		{name: "five points without the last frame", frames: 90, events: 82, collected: 82, want: whole},
	} {
		t.Run(test.name, func(t *testing.T) {
			p, err := dark.NewPulses(shape, dark.PulseOptions{Frames: test.frames})
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Begin(0); err != nil {
				t.Fatal(err)
			}
			fiducials := uint32(100)
			for event := range test.events {
				if fiducials += 3; test.jumps[event] {
					fiducials += 3
				}
				if slices.Contains(test.missing, event) {
					continue
				}
				if err := p.Add(pulsedFrame(shape, 0, event), event, fiducials); err != nil {
					t.Fatal(err)
				}
			}
			if p.Frames() != test.collected || p.Jumps() != test.counted {
				t.Errorf("%d frames and %d jumps, want %d and %d", p.Frames(), p.Jumps(), test.collected, test.counted)
			}
			lines, err := dark.NewInjectionLines(shape)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Fit(lines); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, ramp{lines.Before[0], lines.Behind[0]}, nearLines, cmp.AllowUnexported(ramp{})); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestPulsesAnew: a cycle knows nothing of the one before.
func TestPulsesAnew(t *testing.T) {
	p, err := dark.NewPulses([]int{3, 3}, dark.PulseOptions{Frames: 90})
	if err != nil {
		t.Fatal(err)
	}
	for _, position := range []int{0, 1} {
		if err := p.Begin(position); err != nil {
			t.Fatal(err)
		}
		lines, err := dark.NewInjectionLines([]int{3, 3})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Fit(lines); !errors.Is(err, dark.ErrTooFewPulses) {
			t.Errorf("without a frame: %v", err)
		}
		for event := range 90 {
			if err := p.Add(pulsedFrame([]int{3, 3}, position, event), event, uint32(1000*position+3*event)); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.Fit(lines); err != nil {
			t.Fatal(err)
		}
		if lines.Fitted() != 1 || lines.Before[position].Slope != rampOf(position).before.Slope {
			t.Errorf("position %d: %v", position, lines.Before)
		}
	}
}

func TestPulsesThatCannotBe(t *testing.T) {
	for name, of := range map[string]func() error{
		"one dimension": func() error {
			p, err := dark.NewPulses([]int{4}, dark.PulseOptions{})
			if p != nil {
				return fmt.Errorf("there are pulses beside %w", errors.ErrUnsupported)
			}
			return err
		},
		"no rows": func() error { _, err := dark.NewInjectionLines([]int{0, 4}); return err },
		"other pixels": func() error {
			p, err := dark.NewPulses([]int{4, 4}, dark.PulseOptions{})
			return errors.Join(err, p.Add(make([]uint16, 15), 0, 0))
		},
		"other lines": func() error {
			p, err := dark.NewPulses([]int{4, 4}, dark.PulseOptions{})
			if err != nil {
				return err
			}
			lines, err := dark.NewInjectionLines([]int{2, 8})
			return errors.Join(err, p.Fit(lines))
		},
	} {
		if err := of(); !errors.Is(err, dark.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, of := range map[string]func() error{
		"one frame": func() error { _, err := dark.NewPulses([]int{4, 4}, dark.PulseOptions{Frames: 1}); return err },
		"a margin": func() error {
			fit := dark.DefaultInjection()
			fit.Margin = -1
			_, err := dark.NewPulses([]int{4, 4}, dark.PulseOptions{Fit: fit})
			return err
		},
		"a position": func() error {
			p, err := dark.NewPulses([]int{4, 4}, dark.PulseOptions{})
			return errors.Join(err, p.Begin(49))
		},
	} {
		if err := of(); !errors.Is(err, dark.ErrParams) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestInjectionCycles: the labels of all cycles, in their order.
func TestInjectionCycles(t *testing.T) {
	labels := []string{
		"dark Fixed High Gain", "dark Fixed Medium Gain", "dark Fixed Low Gain", "dark Auto High to Low", "dark Auto Medium to Low",
	}
	for trbit := range 2 {
		for position := range 49 {
			labels = append(labels, fmt.Sprintf("position %d trbit %d", position, trbit))
		}
	}
	if len(labels) != dark.InjectionCycles {
		t.Fatalf("%d cycles", dark.InjectionCycles)
	}
	for want, label := range labels {
		got, err := dark.InjectionCycle(label)
		if err != nil || got != want {
			t.Errorf("%q is cycle %d, %v; want %d", label, got, err, want)
		}
		mode, position, pulsed := dark.PulsedCycle(got)
		if pulsed != (want >= 5) || pulsed && (mode*49+position != want-5 || dark.InjectionModes[mode].Name != []string{"AML", "AHL"}[mode]) {
			t.Errorf("%q: mode %d, position %d, %v", label, mode, position, pulsed)
		}
	}
	for _, label := range []string{"", "position 49 trbit 0", "position 0 trbit 2", "position 00 trbit 0", "position 0 trbit 0 "} {
		if n, err := dark.InjectionCycle(label); !errors.Is(err, dark.ErrGain) {
			t.Errorf("%q is cycle %d, %v", label, n, err)
		}
	}
	if _, _, pulsed := dark.PulsedCycle(dark.InjectionCycles); pulsed {
		t.Error("there is a cycle behind the last one")
	}
}

// TestInjectionTables: which number is in which table.
func TestInjectionTables(t *testing.T) {
	lines, err := dark.NewInjectionLines([]int{2, 1, 1})
	if err != nil {
		t.Fatal(err)
	}
	lines.Before[1], lines.Behind[1] = dark.Line{Slope: 128.5, Intercept: 4500}, dark.Line{Slope: 1.25, Intercept: 2100}
	var got []string
	for _, table := range dark.InjectionModes[1].Tables() {
		var text strings.Builder
		if err := table.Of(lines, 1).WriteTable(&text, dark.InjectionFormat); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s/%s_%s %s", table.Dir, table.CType, table.Mode, strings.TrimSpace(text.String())))
	}
	want := []string{
		"gain/gainci_AHL-H 128.500000", "gain/gainci_AHL-L 1.250000", "offset/offset_AHL-H 4500.000000",
		"offset/offset_AHL-L 2100.000000", "offset/offset_AHL 2400.000000",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
