package dataset_test

import (
	"errors"
	"io"
	"slices"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// codesOf returns the codes of each event of a file; nil where an event has none.
func codesOf(t *testing.T, path string) (all [][]int) {
	t.Helper()
	events, err := dataset.OpenEvents(t.Context(), dataset.RunFiles{Files: []dataset.FileName{dataset.ParseFileName(path)}}, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	events.SelectCodes()
	for {
		event, err := events.Next(t.Context())
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		codes, ok := event.Codes()
		if event.Transition != xtc.TransitionL1Accept {
			if ok {
				t.Errorf("%s has codes", event.Transition)
			}
			continue
		}
		if ok && codes == nil {
			t.Error("data without codes are told as no data")
		}
		if !ok {
			all = append(all, nil)
			continue
		}
		all = append(all, append([]int{}, codes...))
	}
}

// TestEventCodes reads what was written, and nothing of what is damaged, short, or of
// another version.
func TestEventCodes(t *testing.T) {
	run := xtctest.Run{Experiment: "xpptut15", Number: 1, BeginRun: xtc.Clock{Sec: 1458353250}, Events: 8,
		Detectors: []xtctest.Detector{{Source: "XppGon.0:Epix100a.1", Class: "Epix.Config100aV2"}},
		EventCodes: func(event int) []uint32 {
			return [][]uint32{{}, {140}, {40, 162, 140}, {1}, {2}, {3}, {4}, {255}}[event]
		}}
	dgrams := run.Dgrams(0)
	event := 0
	for i := range dgrams {
		if dgrams[i].Transition != xtc.TransitionL1Accept {
			continue
		}
		receiver := &dgrams[i].Root.Children[0].Children[0]
		switch event {
		case 3:
			receiver.Damage = xtc.DamageDroppedContribution
		case 4:
			receiver.Payload = receiver.Payload[:len(receiver.Payload)-4]
		case 5:
			receiver.Contains = xtc.NewTypeID(xtc.TypeEvrData, 2)
		case 6:
			receiver.Payload = receiver.Payload[:2]
		}
		event++
	}
	path := t.TempDir() + "/e665-r0001-s00-c00.xtc"
	if err := xtctest.WriteFile(path, dgrams); err != nil {
		t.Fatal(err)
	}
	got := codesOf(t, path)
	want := [][]int{{}, {140}, {40, 162, 140}, nil, nil, nil, nil, {255}}
	if !slices.EqualFunc(got, want, func(a, b []int) bool { return slices.Equal(a, b) && (a == nil) == (b == nil) }) {
		t.Errorf("codes %v, want %v", got, want)
	}
}

// TestRealEventCodes are those of real files, of version 3.
func TestRealEventCodes(t *testing.T) {
	for name, want := range map[string][]int{"t1.xtc": {140}, "amo68413-r99-s02-userEbeamDamage.xtc": {40, 140}} {
		all := codesOf(t, testenv.Shared(t, "real", "xtc", name))
		if len(all) == 0 || !slices.Equal(all[0], want) {
			t.Errorf("%s: %v, want %v first", name, all, want)
		}
	}
}
