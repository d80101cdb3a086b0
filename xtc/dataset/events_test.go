package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/frames"
	"deployconstants/xtc/xtctest"
)

var epixElement = xtc.NewTypeID(xtc.TypeEpixElement, 2)

// values returns the pixels of a frame that are all the same.
func values(value uint16, n int) []uint16 { return slices.Repeat([]uint16{value}, n) }

// epixFrame is an object with 8 x 16 pixels of one value.
func epixFrame(source string, value uint16) xtctest.Node {
	return xtctest.Node{Src: xtctest.Source(source, 4513), Contains: epixElement, Payload: xtctest.EpixElement(values(value, 128), 64)}
}

// eventWith is an event of the acquisition or a control stream.
func eventWith(sec, fiducials uint32, children ...xtctest.Node) xtctest.Dgram {
	d := event(sec, fiducials)
	d.Root.Children = children
	return d
}

func cycle(sec uint32, children ...xtctest.Node) xtctest.Dgram {
	return dgram(xtc.TransitionBeginCalibCycle, at(sec), 0, children...)
}

func transition(t xtc.Transition, sec uint32) xtctest.Dgram { return dgram(t, at(sec), 0) }

// begun are the datagrams with which the streams of a run begin.
func begun(children ...xtctest.Node) []xtctest.Dgram {
	return []xtctest.Dgram{configure(10, children...), beginRun(20, 260), cycle(21), transition(xtc.TransitionEnable, 22)}
}

// ended are those with which they end.
func ended() []xtctest.Dgram {
	return []xtctest.Dgram{transition(xtc.TransitionDisable, 90), transition(xtc.TransitionEndCalibCycle, 91), transition(xtc.TransitionEndRun, 92)}
}

// run returns the datagrams of a whole stream with these events.
func run(events ...xtctest.Dgram) []xtctest.Dgram {
	return slices.Concat(begun(epix(epixSource, 1)), events, ended())
}

func openEvents(t testing.TB, files dataset.RunFiles) *dataset.Events {
	t.Helper()
	events, err := dataset.OpenEvents(t.Context(), files, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := events.Close(); err != nil {
			t.Error(err)
		}
	})
	return events
}

// causes are what Frame gives where there is none, by a short name, and how it counts.
var causes = map[string]struct {
	error
	lacks dataset.Lacks
}{
	"no data": {dataset.ErrNoData, dataset.Lacks{Missing: 1}}, "damaged": {dataset.ErrDamaged, dataset.Lacks{Damaged: 1}},
	"elsewhere": {dataset.ErrElsewhere, dataset.Lacks{Elsewhere: 1}}, "incomplete": {dataset.ErrIncomplete, dataset.Lacks{Incomplete: 1}},
	"no config": {frames.ErrNoConfig, dataset.Lacks{NoConfig: 1}}, "broken": {frames.ErrBroken, dataset.Lacks{Broken: 1}},
}

// framesOf reads the events of a run and tells the first pixel of each frame of the
// detector, or why there is none.
func framesOf(t testing.TB, events *dataset.Events, source string) (got []string) {
	t.Helper()
	i := events.Select(xtctest.Source(source, 0))
	for event, err := range events.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Transition != xtc.TransitionL1Accept {
			continue
		}
		got = append(got, frameText(t, event, i))
	}
	return got
}

func frameText(t testing.TB, event *dataset.Event, i int) string {
	t.Helper()
	frame, err := event.Frame(i)
	if err == nil {
		return fmt.Sprintf("%d: %d", event.ID.Fiducials, frame.Uint16()[0])
	}
	for name, cause := range causes {
		if errors.Is(err, cause.error) {
			var lacks dataset.Lacks
			if !lacks.Add(err) || lacks != cause.lacks {
				t.Errorf("%v counts as %+v", err, lacks)
			}
			return fmt.Sprintf("%d: %s", event.ID.Fiducials, name)
		}
	}
	t.Fatalf("event %d: %v", event.ID.Fiducials, err)
	return ""
}

func damaged(n xtctest.Node, damage xtc.Damage) xtctest.Node {
	n.Damage = damage
	return n
}

// TestFramesOfEvents: which object of an event is a detector's frame, and what is said
// where there is none.
func TestFramesOfEvents(t *testing.T) {
	good, other := epixFrame(epixSource, 7), epixFrame("XppGon.0:Epix100a.3", 9)
	short := good
	short.Payload = short.Payload[:100]
	lost := xtctest.Node{Src: good.Src, Damage: xtc.DamageDroppedContribution}
	segment := func(damage xtc.Damage, children ...xtctest.Node) xtctest.Node {
		return xtctest.Node{Damage: damage, Children: children}
	}
	foreign := good
	foreign.Src.Log += 99 // another process
	cut := good
	cut.Extent = 1 << 20
	incomplete := eventWith(30, 3, good)
	incomplete.Root.Damage = xtc.DamageIncompleteContribution
	proxy := xtctest.Node{Src: good.Src, Contains: xtc.NewTypeID(xtc.TypeSmlDataProxy, 1), Payload: []byte{0, 0, 0, 0, 0, 0, 0, 0, 75, 0, 2, 0, 0, 0, 0, 0}}
	otherProxy := proxy
	otherProxy.Payload = make([]byte, 16)
	evr := xtctest.Node{Src: xtctest.Source("NoDetector.0:Evr.0", 1), Contains: xtc.NewTypeID(xtc.TypeEvrData, 4), Payload: make([]byte, 24)}
	unknown := good
	unknown.Contains = xtc.NewTypeID(xtc.TypeEpixElement, 9)
	wrong := good
	wrong.Contains = xtc.NewTypeID(xtc.TypeJungfrauElement, 1)
	for _, test := range []struct {
		name  string
		event xtctest.Dgram
		want  string // "" where psana gives no event
	}{
		{"good", eventWith(30, 3, good), "3: 7"},
		{"deep inside", eventWith(30, 3, segment(0, segment(0, segment(0, good)))), "3: 7"},
		{"of another process", eventWith(30, 3, foreign), "3: 7"},
		{"the first of two", eventWith(30, 3, good, epixFrame(epixSource, 8)), "3: 7"},
		{"another detector", eventWith(30, 3, other), "3: no data"},
		{"out of order", eventWith(30, 3, damaged(good, xtc.DamageOutOfOrder)), "3: damaged"},
		{"user defined", eventWith(30, 3, damaged(good, xtc.DamageUserDefined|0x05000000)), "3: damaged"},
		{"only the user's byte", eventWith(30, 3, damaged(good, 0x01000000)), "3: damaged"},
		{"a flag without a name", eventWith(30, 3, damaged(good, 4)), "3: damaged"},
		{"damaged, then good", eventWith(30, 3, damaged(good, xtc.DamageOutOfSynch), epixFrame(epixSource, 8)), "3: 8"},
		{"lost", eventWith(30, 3, lost), "3: damaged"},
		{"in a damaged container that may be looked into", eventWith(30, 3, segment(xtc.DamageUserDefined, good)), "3: 7"},
		{"in an incomplete container", eventWith(30, 3, evr, segment(xtc.DamageIncompleteContribution, good)), "3: incomplete"},
		{"beside an incomplete container", eventWith(30, 3, segment(xtc.DamageIncompleteContribution, other), good), "3: 7"},
		{"too short", eventWith(30, 3, short), "3: broken"},
		{"too short, then good", eventWith(30, 3, short, good), "3: 7"},
		{"extent beyond its container, pixels there", eventWith(30, 3, cut), "3: 7"},
		{"of a version nobody knows", eventWith(30, 3, unknown), "3: no data"},
		{"of another class", eventWith(30, 3, wrong), "3: no config"},
		{"in the large file", eventWith(30, 3, proxy), "3: elsewhere"},
		{"something else in the large file", eventWith(30, 3, otherProxy), "3: no data"},
		{"incomplete event", incomplete, ""},
		{"nothing", eventWith(30, 3), ""},
		{"only EPICS", eventWith(30, 3, xtctest.Node{Src: good.Src, Contains: xtc.NewTypeID(xtc.TypeEpics, 1), Payload: make([]byte, 32)}), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			events := openEvents(t, content{"s00-c00": run(test.event, eventWith(31, 6, good))}.write(t))
			want := []string{test.want, "6: 7"}
			if test.want == "" {
				want = want[1:]
			}
			if diff := cmp.Diff(want, framesOf(t, events, epixSource)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tally := events.Tally(); tally.Events != len(want) || tally.EpicsOnly != 2-len(want) {
				t.Errorf("%+v", tally)
			}
		})
	}
}

// TestSeveralDetectors reads three detectors of different classes in one pass; they stay
// valid beside each other.
func TestSeveralDetectors(t *testing.T) {
	r := xtctest.Run{
		Number: 260, BeginRun: at(1458353250), Events: 12, Streams: []int{0, 1, 2},
		Detectors: []xtctest.Detector{
			{Source: epixSource, Class: "Epix.Config100aV2"},
			{Source: "XcsEndstation.0:Jungfrau.0", Class: "Jungfrau.ConfigV3", Fields: map[string]any{"numberOfModules": 2}},
			{Source: "CxiDs1.0:Cspad.0", Class: "CsPad.ConfigV5"},
		},
	}
	shapes := [][]int{{704, 768}, {2, 512, 1024}, {32, 185, 388}}
	r.Frame = func(detector, event int) xtctest.Node {
		if detector == 1 && event%7 == 3 {
			return xtctest.Node{}
		}
		n := 1
		for _, side := range shapes[detector] {
			n *= side
		}
		contains, payload := xtctest.FrameObject(r.Detectors[detector].Class, shapes[detector], values(uint16(1000*detector+event), n))
		return xtctest.Node{Contains: contains, Payload: payload}
	}
	files := writeWhole(t, r)
	events := openEvents(t, files)
	for _, d := range r.Detectors {
		events.Select(xtctest.Source(d.Source, 0))
	}
	number := 0
	for event, err := range events.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Transition != xtc.TransitionL1Accept {
			continue
		}
		for i, shape := range shapes {
			frame, err := event.Frame(i)
			if i == 1 && number%7 == 3 {
				if !errors.Is(err, dataset.ErrNoData) {
					t.Errorf("event %d: %v", number, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			pixels := frame.Uint16()
			if want := uint16(1000*i + number); !slices.Equal(frame.Shape, shape) || pixels[0] != want || pixels[len(pixels)-1] != want {
				t.Fatalf("event %d, detector %d: shape %v, %d ... %d", number, i, frame.Shape, pixels[0], pixels[len(pixels)-1])
			}
		}
		number++
	}
	if number != 12 {
		t.Errorf("%d events", number)
	}
}

// writeWhole writes the files of a run and returns them.
func writeWhole(t testing.TB, r xtctest.Run) dataset.RunFiles {
	t.Helper()
	paths, err := r.Write(t.TempDir(), "e665")
	if err != nil {
		t.Fatal(err)
	}
	var names []dataset.FileName
	for _, path := range paths {
		names = append(names, dataset.ParseFileName(path))
	}
	return dataset.GroupRuns(names)[0]
}

// TestOrder: events come in psana's order, whatever the order in the files. They are
// told by their fiducials and the first pixel of the epix100a.
func TestOrder(t *testing.T) {
	ev := func(sec, fiducials uint32, value uint16) xtctest.Dgram {
		return eventWith(sec, fiducials, epixFrame(epixSource, value))
	}
	camera := func(value uint16) xtctest.Node {
		return xtctest.Node{Src: xtctest.Source("XppEndstation.0:ControlsCamera.2", 1), Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: xtctest.CameraFrame(2, 1, 16, values(value, 2))}
	}
	many := func(from, count, step uint32) (list []xtctest.Dgram) {
		for i := range count {
			list = append(list, ev(30+i, from+i*step, uint16(i)))
		}
		return list
	}
	split := ev(31, 6, 2)
	split.Root.Damage = xtc.DamageDroppedContribution
	early := func(list []xtctest.Dgram, late int) []xtctest.Dgram {
		list = slices.Clone(list)
		list[0], list[late] = list[late], list[0]
		return list
	}
	texts := func(from, count, step uint32) (list []string) {
		for i := range count {
			list = append(list, fmt.Sprintf("%d: %d", from+i*step, i))
		}
		return list
	}
	for _, test := range []struct {
		name     string
		files    content
		want     []string
		warnings []error
	}{
		{"two streams in turn", content{
			"s00-c00": run(ev(30, 3, 1), ev(32, 9, 3)), "s01-c00": run(ev(31, 6, 2), ev(33, 12, 4)),
		}, []string{"3: 1", "6: 2", "9: 3", "12: 4"}, nil},
		{"chunks", content{
			"s00-c00": slices.Concat(begun(epix(epixSource, 1)), []xtctest.Dgram{ev(30, 3, 1)}),
			"s00-c01": {transition(xtc.TransitionEnable, 31), ev(32, 9, 3)},
			"s00-c02": append([]xtctest.Dgram{transition(xtc.TransitionEnable, 33), ev(34, 15, 4)}, ended()...),
			"s01-c00": run(ev(31, 6, 2)),
		}, []string{"3: 1", "6: 2", "9: 3", "15: 4"}, nil},
		{"a chunk is missing", content{
			"s00-c00": slices.Concat(begun(epix(epixSource, 1)), []xtctest.Dgram{ev(30, 3, 1)}),
			"s00-c03": append([]xtctest.Dgram{transition(xtc.TransitionEnable, 33), ev(34, 15, 4)}, ended()...),
		}, []string{"3: 1", "15: 4"}, []error{dataset.ErrNoChunk}},
		{"no EndRun", content{"s00-c00": append(begun(epix(epixSource, 1)), ev(30, 3, 1))}, []string{"3: 1"}, []error{dataset.ErrNoEndRun}},
		{"a stream ends before the run", content{
			"s00-c00": run(ev(30, 3, 1), ev(32, 9, 3)), "s01-c00": append(begun(epix(epixSource, 1)), ev(31, 6, 2)),
		}, []string{"3: 1", "6: 2", "9: 3"}, []error{dataset.ErrStreamEnds}},
		{"a stream is empty", content{"s00-c00": run(ev(30, 3, 1)), "s01-c00": nil}, []string{"3: 1"}, []error{dataset.ErrStreamEnds}},
		{"out of order in the file", content{"s00-c00": run(ev(32, 9, 3), ev(30, 3, 1), ev(31, 6, 2))}, []string{"3: 1", "6: 2", "9: 3"}, nil},
		{"far out of order, still seen", content{"s00-c00": run(early(many(3, 19, 3), 18)...)}, append([]string{"3: 0"}, texts(3, 19, 3)[1:]...), nil},
		{"events do not pass a transition", content{"s00-c00": slices.Concat(begun(epix(epixSource, 1)),
			[]xtctest.Dgram{ev(40, 9, 1), transition(xtc.TransitionEndCalibCycle, 41), cycle(42), ev(30, 3, 2)}, ended())}, []string{"9: 1", "3: 2"}, nil},
		{"two of one clock", content{"s00-c00": run(ev(30, 3, 1), ev(30, 3, 2))}, []string{"3: 1", "3: 2"}, nil},
		{"a split event beside its twin, before it", content{"s00-c00": run(ev(30, 3, 1), ev(31, 6, 1), ev(32, 9, 1), split)}, []string{"3: 1", "6: 2", "6: 1", "9: 1"}, nil},
		{"fiducials wrap", content{
			"s00-c00": run(ev(30, 131034, 1), ev(31, 0, 3)), "s01-c00": run(ev(30, 131037, 2), ev(31, 3, 4)),
		}, []string{"131034: 1", "131037: 2", "0: 3", "3: 4"}, nil},
		{"clocks far from each other decide", content{
			"s00-c00": run(ev(30, 1000, 1)), "s01-c00": run(ev(30+85, 3, 2)),
		}, []string{"1000: 1", "3: 2"}, nil},
		{"clocks near each other do not", content{
			"s00-c00": run(ev(30, 1000, 1)), "s01-c00": run(ev(30+84, 3, 2)),
		}, []string{"3: 2", "1000: 1"}, nil},
		{"no fiducials", content{"s00-c00": run(ev(30, 131040, 1), ev(31, 131071, 2), ev(32, 3, 3))}, []string{"3: 3"}, nil},
		{"a control stream joins", content{
			"s00-c00": run(ev(30, 3, 1), ev(31, 6, 2)),
			"s80-c00": slices.Concat(begun(), []xtctest.Dgram{eventWith(50, 3, camera(8)), eventWith(51, 9, camera(9))}, ended()),
		}, []string{"3: 1", "6: 2", "9: no data"}, nil},
		{"two of one clock in a control stream", content{
			"s00-c00": run(ev(30, 3, 1)),
			"s80-c00": slices.Concat(begun(), []xtctest.Dgram{eventWith(50, 6, camera(8)), eventWith(50, 9, camera(9)), eventWith(51, 12, camera(9))}, ended()),
		}, []string{"3: 1", "12: no data"}, []error{dataset.ErrSameClock}},
		{"the acquisition before a control stream", content{
			"s00-c00": run(ev(30, 3, 1)),
			"s80-c00": slices.Concat(begun(), []xtctest.Dgram{ev(31, 3, 5)}, ended()),
		}, []string{"3: 1"}, nil},
		{"a control stream where the acquisition has none", content{
			"s00-c00": run(eventWith(30, 3, camera(1))),
			"s80-c00": slices.Concat(begun(), []xtctest.Dgram{ev(31, 3, 5)}, ended()),
		}, []string{"3: 5"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			events := openEvents(t, test.files.write(t))
			if diff := cmp.Diff(test.want, framesOf(t, events, epixSource)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			warnings := events.Warnings()
			if len(warnings) != len(test.warnings) {
				t.Fatalf("warnings %v, want %v", warnings, test.warnings)
			}
			for i, want := range test.warnings {
				if !errors.Is(warnings[i].Err, want) {
					t.Errorf("warning %v, want %v", warnings[i], want)
				}
			}
		})
	}
}

// TestTrimmed: events of which the L3 trigger kept nothing in any stream are not given out.
func TestTrimmed(t *testing.T) {
	trimmed := func(d xtctest.Dgram) xtctest.Dgram {
		d.Env = 1 << 31
		return d
	}
	ev := func(sec, fiducials uint32) xtctest.Dgram { return eventWith(sec, fiducials, epixFrame(epixSource, 1)) }
	events := openEvents(t, content{
		"s00-c00": run(trimmed(ev(30, 3)), ev(31, 6), trimmed(ev(32, 9))),
		"s80-c00": slices.Concat(begun(), []xtctest.Dgram{ev(30, 3), trimmed(ev(40, 12))}, ended()),
	}.write(t))
	if diff := cmp.Diff([]string{"6: 1", "12: 1"}, framesOf(t, events, epixSource)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := events.Tally(); got != (dataset.Tally{Events: 2, Trimmed: 2}) {
		t.Errorf("%+v", got)
	}
}

// TestStepsOfEvents: each calibration cycle has its number and its configuration; what was
// before stays as it was.
func TestStepsOfEvents(t *testing.T) {
	const source = "MfxEndstation.0:Epix10ka.0"
	jungfrau := "XcsEndstation.0:Jungfrau.0"
	control := func(label string) xtc.ControlConfig {
		return xtc.ControlConfig{Labels: []xtc.PVLabel{{Name: "MfxEndstation-0|Epix10ka-0", Value: label}}, Controls: []xtc.PVControl{{Name: "cycle", Value: 1}}}
	}
	panel := func(trbit bool, word uint16) []byte {
		contains, object, err := xtctest.DetectorConfig("Epix.Config10kaV2", map[string]any{"version": int(word)})
		if err != nil || contains == 0 {
			t.Fatal(err)
		}
		xtctest.SetPanel("Epix.Config10kaV2", object, 0, xtc.Epix10kaPanel{Trbit: [4]bool{trbit, trbit, trbit, trbit}, Pixels: values(word, 352*384)})
		return object
	}
	contains, _ := xtc.ClassTypeID("Epix.Config10kaV2")
	gain := func(mode, rows int) xtctest.Detector {
		return xtctest.Detector{Source: jungfrau, Class: "Jungfrau.ConfigV2", Fields: map[string]any{
			"gainMode": mode, "numberOfModules": 1, "numberOfRowsPerModule": rows, "numberOfColumnsPerModule": 4,
		}}
	}
	rows := []int{2, 2, 3, 3}
	r := xtctest.Run{
		Number: 260, BeginRun: at(1458353250), Streams: []int{0, 3},
		Detectors: []xtctest.Detector{{Source: source, Config: panel(true, 12), Contains: contains}, gain(0, 2)},
		Steps: []xtctest.Step{
			{Events: 3, Control: control("dark Fixed High Gain")},
			{Events: 0, Control: control("dark Fixed Medium Gain"), Configs: []xtctest.Detector{{Source: source, Config: panel(false, 12), Contains: contains}}},
			{Events: 2, Control: control("dark Fixed Low Gain"), Configs: []xtctest.Detector{{Source: source, Config: panel(false, 8), Contains: contains}, gain(3, 3)}},
			{Events: 1},
		},
	}
	var stepOf []int
	for step, s := range r.Steps {
		stepOf = append(stepOf, slices.Repeat([]int{step}, s.Events)...)
	}
	r.Frame = func(detector, event int) xtctest.Node {
		if detector == 0 {
			return xtctest.Node{}
		}
		n := rows[stepOf[event]] * 4
		contains, payload := xtctest.FrameObject("Jungfrau.ConfigV2", []int{1, n / 4, 4}, values(uint16(event), n))
		return xtctest.Node{Contains: contains, Payload: payload}
	}
	events := openEvents(t, writeWhole(t, r))
	number := events.Select(xtctest.Source(jungfrau, 0))
	type step struct {
		Step   int
		Label  string
		Gains  []byte // of the first pixel
		Mode   string
		Shapes [][]int
	}
	var got []step
	var stores []*dataset.Store
	for event, err := range events.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		switch event.Transition {
		case xtc.TransitionBeginCalibCycle:
			got, stores = append(got, step{Step: event.Step}), append(stores, event.Store)
		case xtc.TransitionL1Accept:
			if event.Store != stores[event.Step] || event.Run != 260 {
				t.Error("an event has another store than its cycle, or another run")
			}
			frame, err := event.Frame(number)
			if err != nil {
				t.Fatal(err)
			}
			last := &got[len(got)-1]
			last.Shapes = append(last.Shapes, frame.Shape)
		}
	}
	for i, store := range stores { // after the end: the stores have stayed as they were
		control, ok := store.Control()
		if !ok {
			t.Fatal("no control object")
		}
		for _, label := range control.Labels {
			got[i].Label = label.Value
		}
		panels, err := store.Epix10kaPanels(xtctest.Source(source, 0))
		if err != nil {
			t.Fatal(err)
		}
		got[i].Gains = panels[0].Gains(nil)[:1]
		detector, err := store.Find(jungfrau)
		if err != nil {
			t.Fatal(err)
		}
		got[i].Mode = detector.Config.(*xtc.JungfrauConfig).GainMode.String()
	}
	want := []step{
		{0, "dark Fixed High Gain", []byte{28}, "Normal", [][]int{{1, 2, 4}, {1, 2, 4}, {1, 2, 4}}},
		{1, "dark Fixed Medium Gain", []byte{12}, "Normal", nil},
		{2, "dark Fixed Low Gain", []byte{8}, "ForcedGain1", [][]int{{1, 3, 4}, {1, 3, 4}}},
		{3, "", []byte{8}, "ForcedGain1", [][]int{{1, 3, 4}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := stores[0].Epix10kaPanels(xtctest.Source(jungfrau, 0)); !errors.Is(err, dataset.ErrNotInRun) {
		t.Errorf("panels of a jungfrau: %v", err)
	}
}

// TestMadeUpTransitions: what the files lack is made up, without an id and with the
// configuration of before.
func TestMadeUpTransitions(t *testing.T) {
	type row struct {
		Transition string
		HasID      bool
		Run, Step  int
		Version    uint32 // of the epix100a's firmware
	}
	good := func(sec uint32) xtctest.Dgram { return eventWith(sec, 3*sec, epixFrame(epixSource, 1)) }
	events := openEvents(t, content{"s00-c00": {
		configure(10, epix(epixSource, 1)), good(12), // no BeginRun
		cycle(14, epix(epixSource, 2)), good(15), // no EndCalibCycle
		beginRun(20, 260), cycle(21, epix(epixSource, 3)), good(22), transition(xtc.TransitionEndRun, 23),
		good(25), transition(xtc.TransitionEndCalibCycle, 26), transition(xtc.TransitionEndCalibCycle, 27),
	}}.write(t))
	var got []row
	for event, err := range events.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, row{event.Transition.String(), event.ID != nil, event.Run, event.Step, versionOf(t, event.Store, epixSource)})
		if event.ID != nil && event.ID.Run != event.Run {
			t.Errorf("run %d of the id, %d of the event", event.ID.Run, event.Run)
		}
	}
	want := []row{
		{"BeginRun", false, 7, -1, 1}, {"BeginCalibCycle", true, 7, 0, 1}, {"L1Accept", true, 7, 0, 1},
		{"EndCalibCycle", false, 7, 0, 1}, {"BeginCalibCycle", true, 7, 1, 2}, {"L1Accept", true, 7, 1, 2},
		{"EndCalibCycle", false, 7, 1, 2}, {"EndRun", false, 7, 1, 2},
		{"BeginRun", true, 260, -1, 2}, {"BeginCalibCycle", true, 260, 0, 3}, {"L1Accept", true, 260, 0, 3},
		{"EndCalibCycle", false, 260, 0, 3}, {"EndRun", true, 260, 0, 3},
		{"BeginRun", false, 7, -1, 3}, {"BeginCalibCycle", true, 7, 0, 3}, {"L1Accept", true, 7, 0, 3},
		{"EndCalibCycle", true, 7, 0, 3}, {"EndRun", false, 7, 0, 3},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestManySteps: a run may bring its configuration again and again.
func TestManySteps(t *testing.T) {
	dgrams := begun(epix(epixSource, 1))
	var nodes []xtctest.Node
	for i := range uint32(100) {
		nodes = append(nodes, xtctest.Node{Src: xtc.BldInfo(0, i), Contains: xtc.NewTypeID(xtc.TypeIpimbConfig, 2), Payload: []byte{0, 0, 0, 0}})
	}
	const steps = 1000 // 100,000 objects
	for i := range uint32(steps) {
		dgrams = append(dgrams, transition(xtc.TransitionEndCalibCycle, 100+2*i), cycle(101+2*i, nodes...))
	}
	events := openEvents(t, content{"s00-c00": dgrams}.write(t))
	last := 0
	for event, err := range events.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		last = max(last, event.Step)
	}
	if keys := len(events.Store().Keys()); last != steps || keys != 101 {
		t.Errorf("step %d, %d objects", last, keys)
	}
}

// TestTornEvents: a datagram that is cut ends its chunk with a warning, and the others go
// on; zeros and other bytes end the run with an error, behind all events.
func TestTornEvents(t *testing.T) {
	good := func(sec, fiducials uint32) xtctest.Dgram { return eventWith(sec, fiducials, epixFrame(epixSource, 1)) }
	for _, test := range []struct {
		name string
		edit func([]byte) []byte // of the second of three chunks
		want []string
		torn int
		err  error
	}{
		{"whole", func(b []byte) []byte { return b }, []string{"3: 1", "6: 1", "9: 1", "12: 1", "15: 1"}, 0, nil},
		{"cut in the last event", func(b []byte) []byte { return b[:len(b)-1] }, []string{"3: 1", "6: 1", "12: 1", "15: 1"}, 1, nil},
		{"cut in a header", func(b []byte) []byte { return b[:40+7] }, []string{"3: 1", "12: 1", "15: 1"}, 1, nil},
		{"empty", func(b []byte) []byte { return nil }, []string{"3: 1", "12: 1", "15: 1"}, 0, nil},
		{"zeros behind", func(b []byte) []byte { return append(b, make([]byte, 64)...) }, []string{"3: 1", "6: 1", "9: 1", "15: 1"}, 0, xtc.ErrZeroTail},
		{"text behind", func(b []byte) []byte { return append(b, "this is no datagram but a text of some length"...) }, []string{"3: 1", "6: 1", "9: 1", "15: 1"}, 0, xtc.ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := content{
				"s00-c00": append(begun(epix(epixSource, 1)), good(30, 3)),
				"s00-c01": {transition(xtc.TransitionEnable, 31), good(31, 6), good(32, 9)},
				"s00-c02": append([]xtctest.Dgram{good(33, 12)}, ended()...),
				"s01-c00": run(good(34, 15)),
			}.write(t)
			path := files.Files[1].Path
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, test.edit(b), 0o644); err != nil {
				t.Fatal(err)
			}
			events := openEvents(t, files)
			number := events.Select(xtctest.Source(epixSource, 0))
			var got []string
			var end error
			for event, err := range events.All(t.Context()) {
				if err != nil {
					end = err
					break
				}
				if event.Transition == xtc.TransitionL1Accept {
					got = append(got, frameText(t, event, number))
				}
			}
			if test.err != nil {
				test.want = test.want[:3] // s00 ends before s01's event
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if !errors.Is(end, test.err) || events.Tally().Torn != test.torn || len(events.Warnings()) != test.torn {
				t.Errorf("end %v, %+v, warnings %v", end, events.Tally(), events.Warnings())
			}
			if _, again := events.Next(t.Context()); test.err != nil && again != end {
				t.Errorf("the error does not stay: %v", again)
			}
		})
	}
}

// TestShrinkingFile: a file that becomes shorter while it is read costs the events that
// are gone, and is told of.
func TestShrinkingFile(t *testing.T) {
	var list []xtctest.Dgram
	for i := range uint32(60) {
		list = append(list, eventWith(30+i, 3*i, epixFrame(epixSource, uint16(i))))
	}
	files := content{"s00-c00": run(list...)}.write(t)
	events := openEvents(t, files)
	info, err := os.Stat(files.Files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(files.Files[0].Path, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	if got := framesOf(t, events, epixSource); len(got) < 10 || len(got) > 40 || events.Tally().Torn != 1 {
		t.Errorf("%v, %+v", got, events.Tally())
	}
	changed := slices.ContainsFunc(events.Warnings(), func(w dataset.Warning) bool { return errors.Is(w.Err, dataset.ErrChanged) })
	if !changed {
		t.Errorf("warnings %v", events.Warnings())
	}
}

// TestLargeDatagrams: detectors whose datagrams are larger than what is read at a time;
// only what is asked for is read.
func TestLargeDatagrams(t *testing.T) {
	r := xtctest.Run{
		Number: 260, BeginRun: at(1458353250), Events: 6,
		Detectors: []xtctest.Detector{{Source: "XcsEndstation.0:Epix10ka2M.0", Class: "Epix.Config10ka2MV2"}, {Source: epixSource, Class: "Epix.Config100aV2"}},
	}
	r.Frame = func(detector, event int) xtctest.Node {
		shape := [][]int{{16, 352, 384}, {704, 768}}[detector]
		n := 704 * 768
		if detector == 0 {
			n = 16 * 352 * 384
		}
		contains, payload := xtctest.FrameObject(r.Detectors[detector].Class, shape, values(uint16(event+10*detector), n))
		return xtctest.Node{Contains: contains, Payload: payload}
	}
	files := writeWhole(t, r)
	var file *xtc.File
	events, err := dataset.OpenEvents(t.Context(), files, dataset.Options{Open: func(path string) (*xtc.File, error) {
		var err error
		file, err = xtc.Open(path)
		return file, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	want := []string{"0: 10", "3: 11", "6: 12", "9: 13", "12: 14", "15: 15"}
	if diff := cmp.Diff(want, framesOf(t, events, epixSource)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const frame = 704 * 768 * 2
	if reads, bytes := file.Reads(); bytes > 6*frame*11/10 {
		t.Errorf("%d reads of %d bytes for six frames of %d bytes", reads, bytes, frame)
	}
}

// TestLargeReads: small datagrams are read many at a time.
func TestLargeReads(t *testing.T) {
	var list []xtctest.Dgram
	const count = 20_000
	for i := range uint32(count) {
		list = append(list, eventWith(30+i/120, 3*i%131040, epixFrame(epixSource, uint16(i))))
	}
	for i := range list {
		list[i].Clock.Nsec = uint32(i%120) * 8_000_000
	}
	files := content{"s00-c00": run(list...)}.write(t)
	var file *xtc.File
	events, err := dataset.OpenEvents(t.Context(), files, dataset.Options{Open: func(path string) (*xtc.File, error) {
		var err error
		file, err = xtc.Open(path)
		return file, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	if got := framesOf(t, events, epixSource); len(got) != count || got[count-1] != fmt.Sprintf("%d: %d", 3*(count-1)%131040, count-1) {
		t.Errorf("%d events, the last %s", len(got), got[len(got)-1])
	}
	if reads, bytes := file.Reads(); reads > 100 || bytes > file.Size()*11/10 {
		t.Errorf("%d reads of %d bytes for a file of %d", reads, bytes, file.Size())
	}
}

// TestJoinedParts: datagrams of one file that are joined to one event lie in what was
// loaded for the first of them, or are read apart; both frames are right.
func TestJoinedParts(t *testing.T) {
	other := "XppGon.0:Epix100a.3"
	filler := xtctest.Node{Src: xtctest.Source("NoDetector.0:Evr.0", 1), Contains: xtc.NewTypeID(xtc.TypeEvrData, 4), Payload: make([]byte, 3<<20)}
	list := []xtctest.Dgram{
		eventWith(30, 3, epixFrame(epixSource, 1), filler),
		eventWith(31, 3, epixFrame(other, 2), filler),
		eventWith(32, 3, epixFrame("XppGon.0:Epix100a.4", 3)),
	}
	head := begun(epix(epixSource, 1), epix(other, 1), epix("XppGon.0:Epix100a.4", 1))
	events := openEvents(t, content{"s80-c00": slices.Concat(head, list, ended())}.write(t))
	for _, source := range []string{epixSource, other, "XppGon.0:Epix100a.4"} {
		events.Select(xtctest.Source(source, 0))
	}
	given := 0
	for event, err := range events.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Transition != xtc.TransitionL1Accept {
			continue
		}
		given++
		for i := range 3 {
			frame, err := event.Frame(i)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(values(uint16(i+1), 128), frame.Uint16()); diff != "" {
				t.Errorf("detector %d (-want +got):\n%s", i, diff)
			}
		}
	}
	if given != 1 {
		t.Errorf("%d events", given)
	}
}

// TestEventsEnd: cancelled, closed early, closed twice.
func TestEventsEnd(t *testing.T) {
	files := content{"s00-c00": run(eventWith(30, 3, epixFrame(epixSource, 1))), "s01-c00": run()}.write(t)
	before := openDescriptors(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	events, err := dataset.OpenEvents(ctx, files, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := events.Next(ctx); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	cancel(stop)
	var end error
	for range 5 {
		_, end = events.Next(ctx)
	}
	if end != stop {
		t.Errorf("cancelled: %v", end)
	}
	for range 2 {
		if err := events.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := dataset.OpenEvents(ctx, files, dataset.Options{}); !errors.Is(err, stop) {
		t.Errorf("opened when cancelled: %v", err)
	}
	missing := dataset.RunFiles{Files: append(slices.Clone(files.Files), dataset.ParseFileName(filepath.Join(t.TempDir(), "e665-r0007-s05-c00.xtc")))}
	if _, err := dataset.OpenEvents(t.Context(), missing, dataset.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file is gone: %v", err)
	}
	if _, err := dataset.OpenEvents(t.Context(), dataset.RunFiles{}, dataset.Options{}); !errors.Is(err, dataset.ErrEmpty) {
		t.Errorf("no files: %v", err)
	}
	whole := openEvents(t, files)
	framesOf(t, whole, epixSource)
	if _, err := whole.Next(t.Context()); err != io.EOF {
		t.Errorf("behind the end: %v", err)
	}
	if err := whole.Close(); err != nil {
		t.Error(err)
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors are open, %d were before", after, before)
	}
}
