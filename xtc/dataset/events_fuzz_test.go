package dataset_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// readHostileEvents reads files of any bytes to their end and checks what must hold for
// any run: transitions in pairs, steps that count up, frames that agree with themselves,
// counts that add up, and an end.
func readHostileEvents(t testing.TB, files map[string][]byte) {
	t.Helper()
	var names []dataset.FileName
	size := 0
	for name, b := range files {
		names, size = append(names, dataset.ParseFileName("e665-r0007-"+name+".xtc")), size+len(b)
	}
	open := func(path string) (*xtc.File, error) {
		b, ok := files[strings.TrimSuffix(strings.TrimPrefix(path, "e665-r0007-"), ".xtc")]
		if !ok {
			return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
		}
		return xtc.NewFile(bytes.NewReader(b), int64(len(b)), xtc.Limits{}), nil
	}
	events, err := dataset.OpenEvents(t.Context(), dataset.GroupRuns(names)[0], dataset.Options{Open: open})
	if err != nil {
		return
	}
	defer func() {
		if err := events.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	for _, source := range []string{epixSource, "XppEndstation.0:ControlsCamera.2"} {
		events.Select(xtctest.Source(source, 0))
	}
	var begun []xtc.Transition // and not ended
	step, given := -1, 0
	for n := 0; ; n++ {
		if n > size/20+10 {
			t.Fatalf("%d events of %d bytes", n, size)
		}
		event, err := events.Next(t.Context())
		if err == io.EOF {
			break
		}
		if err != nil {
			if _, isFormat := errors.AsType[*xtc.FormatError](err); !isFormat && !errors.Is(err, xtc.ErrNodes) {
				t.Fatalf("%v", err)
			}
			begun = nil
			break
		}
		switch event.Transition {
		case xtc.TransitionBeginRun, xtc.TransitionBeginCalibCycle:
			begun = append(begun, event.Transition)
			if step++; event.Transition == xtc.TransitionBeginRun {
				step = -1
			}
		case xtc.TransitionEndRun, xtc.TransitionEndCalibCycle:
			if len(begun) == 0 || begun[len(begun)-1]+1 != event.Transition {
				t.Fatalf("%s inside %v", event.Transition, begun)
			}
			begun = begun[:len(begun)-1]
		case xtc.TransitionL1Accept:
			if given++; !slices.Equal(begun, []xtc.Transition{xtc.TransitionBeginRun, xtc.TransitionBeginCalibCycle}) || event.ID == nil {
				t.Fatalf("event inside %v", begun)
			}
			for i := range 2 {
				frame, err := event.Frame(i)
				if err == nil && frame.Pixels() == 0 {
					t.Fatalf("frame of shape %v", frame.Shape)
				}
				if err != nil && !new(dataset.Lacks).Add(err) {
					t.Fatalf("no frame, and no reason: %v", err)
				}
			}
		default:
			t.Fatalf("%s", event.Transition)
		}
		if event.Step != step || event.Store == nil {
			t.Fatalf("step %d, want %d", event.Step, step)
		}
	}
	if len(begun) > 0 {
		t.Fatalf("%v has not ended", begun)
	}
	if given > events.Tally().Events {
		t.Fatalf("%d events, %+v", given, events.Tally())
	}
}

// hostileStreams are two small streams of one run with everything in them.
func hostileStreams() (acquisition, control []byte) {
	small := xtctest.Epix100aConfig(2, xtctest.Epix{Version: 1, AsicsPerRow: 1, AsicsPerColumn: 1, RowsPerAsic: 1, PixelsPerAsicRow: 2})
	src := xtctest.Source(epixSource, 1)
	config := xtctest.Node{Src: src, Contains: epix100aV2, Payload: small}
	frame := xtctest.Node{Src: src, Contains: epixElement, Payload: xtctest.EpixElement(values(5, 2), 0)}
	camera := xtctest.Node{Src: xtctest.Source("XppEndstation.0:ControlsCamera.2", 1), Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: xtctest.CameraFrame(2, 1, 8, values(6, 2))}
	acquisition = xtctest.Encode(slices.Concat(begun(config), []xtctest.Dgram{
		eventWith(30, 3, xtctest.Node{Children: []xtctest.Node{frame}}), eventWith(31, 6, frame), transition(xtc.TransitionEndCalibCycle, 32), cycle(33, config), eventWith(34, 9, frame),
	}, ended())...)
	control = xtctest.Encode(slices.Concat(begun(), []xtctest.Dgram{eventWith(40, 3, camera), eventWith(41, 12, camera)}, ended())...)
	return acquisition, control
}

// TestHostileEvents cuts a stream at every byte and flips every byte.
func TestHostileEvents(t *testing.T) {
	acquisition, control := hostileStreams()
	for size := range acquisition {
		readHostileEvents(t, map[string][]byte{"s00-c00": acquisition[:size], "s80-c00": control})
	}
	for i := range acquisition {
		flipped := slices.Clone(acquisition)
		flipped[i] ^= 0xff
		readHostileEvents(t, map[string][]byte{"s00-c00": flipped, "s80-c00": control})
	}
}

func FuzzEvents(f *testing.F) {
	acquisition, control := hostileStreams()
	f.Add(acquisition, control)
	f.Add(acquisition, []byte{})
	f.Add(control, acquisition)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		readHostileEvents(t, map[string][]byte{"s00-c00": first, "s80-c00": second})
		readHostileEvents(t, map[string][]byte{"s00-c00": first, "s00-c01": second})
	})
}
