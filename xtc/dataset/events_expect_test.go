package dataset_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/frames"
)

// A stepRow is one row of psana's sequence: what came, and its EventId.
type stepRow struct {
	Step string
	ID   *dataset.EventID
}

// sequence returns psana's steps up to EndJob.
func (e *expectation) sequence(t *testing.T) []stepRow {
	t.Helper()
	var rows []stepRow
	for _, row := range e.Sequence {
		var name string
		var id *expectedEventID
		if err := json.Unmarshal(row[0], &name); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(row[1], &id); err != nil {
			t.Fatal(err)
		}
		if name != "EndJob" {
			rows = append(rows, stepRow{name, id.eventID()})
		}
	}
	return rows
}

// ourSequence returns the steps of runs, behind that of the first Configure.
func ourSequence(t *testing.T, runs []dataset.RunFiles) []stepRow {
	t.Helper()
	var rows []stepRow
	for i, files := range runs {
		events, err := dataset.OpenEvents(t.Context(), files, dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			rows = append(rows, stepRow{"BeginJob", events.Configured()})
		}
		for event, err := range events.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			row := stepRow{Step: event.Transition.String()}
			if event.Transition == xtc.TransitionL1Accept {
				row.Step = "Event"
			}
			if event.ID != nil {
				id := *event.ID
				row.ID = &id
			}
			rows = append(rows, row)
		}
		if err := events.Close(); err != nil {
			t.Error(err)
		}
	}
	return rows
}

// TestEventSequences compares the order of all events and transitions, and their ids,
// with psana's.
func TestEventSequences(t *testing.T) {
	data, partial := t.TempDir(), t.TempDir()
	testenv.Unpack(t, data, testenv.Shared(t, "xtc", "data"))
	testenv.Unpack(t, partial, testenv.Shared(t, "xtc", "partial", "psdm"))
	compared := 0
	for group, expectations := range map[string]map[string]*expectation{
		"xtc":     loadExpectations(t, testenv.Shared(t, "xtc", "expect", "runs")),
		"partial": loadExpectations(t, testenv.Shared(t, "xtc", "partial", "expect")),
	} {
		for name, want := range expectations {
			if want.Exception != "" {
				continue
			}
			compared++
			t.Run(name, func(t *testing.T) {
				testenv.Case(t, "event sequences of "+group)
				root, text := filepath.Join(data, "psdm"), referenceTable
				switch {
				case group == "partial":
					root = partial
				case strings.HasPrefix(name, "modern-"):
					root, text = filepath.Join(data, "modern"), modernTable
				}
				if strings.HasSuffix(name, "-idx") {
					name = strings.TrimSuffix(name, "-idx")
					want = expectations[name] // psana's idx gives no events unless asked for one by one
				}
				catalog := dataset.Catalog{Roots: []string{root}, Experiments: table(t, text)}
				var files []dataset.FileName
				for _, input := range want.Inputs {
					spec, err := dataset.ParseSpec(strings.ReplaceAll(input, "$ROOT", root))
					if err != nil {
						t.Fatal(err)
					}
					found, err := catalog.Find(spec)
					if err != nil {
						t.Fatal(err)
					}
					for _, run := range found.Runs {
						files = append(files, run.Files...)
					}
				}
				if diff := cmp.Diff(want.sequence(t), ourSequence(t, dataset.GroupRuns(files))); diff != "" {
					t.Errorf("(-psana +ours):\n%s", diff)
				}
			})
		}
	}
	if compared != 50 {
		t.Errorf("%d sequences compared", compared)
	}
}

// badSequence is what psana makes of a broken file.
type badSequence struct {
	Psana struct {
		RC        int
		Exception string
		Sequence  []string
	}
}

// refusedHere are the broken files that psana reads and this package refuses.
var refusedHere = map[string]error{
	"nesting_50000.xtc": xtc.ErrDepth,
}

// TestBadEventSequences reads the broken files to their end: the events are psana's, and
// so are the files that are refused.
func TestBadEventSequences(t *testing.T) {
	dir := t.TempDir()
	testenv.Unpack(t, dir, testenv.Shared(t, "xtc", "bad"))
	var results map[string]badSequence
	readJSON(t, testenv.Shared(t, "xtc", "bad", "results.json"), &results)
	for name, want := range results {
		t.Run(name, func(t *testing.T) {
			testenv.Case(t, "event sequences of bad")
			files := dataset.GroupRuns([]dataset.FileName{dataset.ParseFileName(filepath.Join(dir, name))})[0]
			got, err := namesOf(t, files)
			switch {
			case refusedHere[name] != nil:
				if !errors.Is(err, refusedHere[name]) {
					t.Errorf("%v, want %v", err, refusedHere[name])
				}
			case want.Psana.RC < 0: // psana crashes; any end will do here
			case want.Psana.Exception != "":
				if err == nil {
					t.Errorf("no error, psana: %s", want.Psana.Exception)
				}
			case err != nil:
				t.Errorf("%v, psana gives %v", err, want.Psana.Sequence)
			default:
				steps := want.Psana.Sequence[1 : len(want.Psana.Sequence)-1]
				if diff := cmp.Diff(steps, got, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("(-psana +ours):\n%s", diff)
				}
			}
		})
	}
}

// namesOf returns the names of the steps of a run, and the error that ends it.
func namesOf(t *testing.T, files dataset.RunFiles) (names []string, err error) {
	t.Helper()
	events, err := dataset.OpenEvents(t.Context(), files, dataset.Options{})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err := events.Close(); err != nil {
			t.Error(err)
		}
	}()
	for event, err := range events.All(t.Context()) {
		if err != nil {
			return names, err
		}
		name := event.Transition.String()
		if event.Transition == xtc.TransitionL1Accept {
			name = "Event"
		}
		names = append(names, name)
	}
	return names, nil
}

// A referenceFrame is what the format's own library says of the pixels of one detector in
// one event: their number and sum, over all its arrays.
type referenceFrame struct {
	Pixels int
	Sum    int64
}

// referenceFrames reads the frames of all reference files of a root, by frameKey.
func referenceFrames(t *testing.T, dir string) map[string]referenceFrame {
	t.Helper()
	type array struct {
		N   int
		Sum int64
	}
	type data struct {
		Frame, Data, Data8, Data16 *array
		Frames, Quads              []struct{ Data array }
	}
	var file struct {
		Dgrams []struct {
			Fiducials uint32
			Nodes     []struct {
				Src, Damage  string
				Data         *data
				Uncompressed *struct{ Data *data }
			}
		}
	}
	all := map[string]referenceFrame{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.Contains(path, ".smd.") {
			return err
		}
		file.Dgrams = nil
		readJSON(t, path, &file)
		for _, d := range file.Dgrams {
			for _, n := range d.Nodes {
				of := n.Data
				if n.Uncompressed != nil {
					of = n.Uncompressed.Data
				}
				if of == nil || n.Damage != "00000000" {
					continue // psana does not store damaged data
				}
				var frame referenceFrame
				add := func(a array) { frame.Pixels, frame.Sum = frame.Pixels+a.N, frame.Sum+a.Sum }
				for _, one := range []*array{of.Frame, of.Data, of.Data8, of.Data16} {
					if one != nil {
						add(*one)
					}
				}
				for _, one := range append(of.Frames, of.Quads...) {
					add(one.Data)
				}
				run := dataset.ParseFileName(strings.TrimSuffix(path, ".json"))
				all[frameKey(filepath.Base(filepath.Dir(filepath.Dir(path))), run.Run, d.Fiducials, n.Src)] = frame
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// frameKey names a detector in an event, whichever stream has it.
func frameKey(experiment string, run int, fiducials uint32, src string) string {
	return fmt.Sprintf("%s r%d fiducials %d %s", experiment, run, fiducials, src)
}

// TestEventFrames reads every run of the reference files with all its detectors and
// compares all frames, over all streams and chunks.
func TestEventFrames(t *testing.T) {
	data := t.TempDir()
	testenv.Unpack(t, data, testenv.Shared(t, "xtc", "data", "psdm"))
	want := referenceFrames(t, testenv.Shared(t, "xtc", "expect", "files", "psdm"))
	var names []dataset.FileName
	err := filepath.WalkDir(data, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".xtc" && !strings.Contains(path, ".smd.") {
			names = append(names, dataset.ParseFileName(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	laterChunks := 0 // frames of files that have no Configure: the reference has not decoded them
	byExperiment := map[string][]dataset.FileName{}
	for _, name := range names {
		experiment := filepath.Base(filepath.Dir(filepath.Dir(name.Path)))
		byExperiment[experiment] = append(byExperiment[experiment], name)
	}
	for experiment, files := range byExperiment {
		for _, run := range dataset.GroupRuns(files) {
			t.Run(fmt.Sprintf("%s-r%d", experiment, run.Run), func(t *testing.T) {
				testenv.Case(t, "frames of runs")
				laterChunks += compareFrames(t, experiment, run, want)
			})
		}
	}
	for key := range want {
		t.Errorf("not given out: %s", key)
	}
	if laterChunks != 12 {
		t.Errorf("%d frames of later chunks, want 12", laterChunks)
	}
}

// TestSmallEventFrames: a smalldata file gives the frames of its large file; without that
// it says where they are.
func TestSmallEventFrames(t *testing.T) {
	testenv.Case(t, "frames of smalldata")
	data := t.TempDir()
	testenv.Unpack(t, data, testenv.Shared(t, "xtc", "data", "psdm"))
	dir := filepath.Join(data, "XPP", "xpptut15", "xtc")
	read := func(pattern string) (got []string) {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(paths) < 6 {
			t.Fatalf("files %v, %v", paths, err)
		}
		var names []dataset.FileName
		for _, path := range paths {
			names = append(names, dataset.ParseFileName(path))
		}
		events := openEvents(t, dataset.GroupRuns(names)[0])
		detectors := events.Store().Detectors()
		for _, detector := range detectors {
			events.Select(detector.Src)
		}
		for event, err := range events.All(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if event.Transition != xtc.TransitionL1Accept {
				continue
			}
			for i, detector := range detectors {
				frame, err := event.Frame(i)
				switch {
				case err == nil:
					got = append(got, fmt.Sprint(event.ID.Fiducials, detector.Source, frame.Shape, crc32.ChecksumIEEE(frame.Data)))
				case errors.Is(err, dataset.ErrElsewhere):
					got = append(got, fmt.Sprint(event.ID.Fiducials, detector.Source, "elsewhere"))
				case errors.Is(err, frames.ErrBroken):
					got = append(got, fmt.Sprint(event.ID.Fiducials, detector.Source, "broken"))
				}
			}
		}
		return got
	}
	large := read("e665-r0260-*.xtc")
	small := read("smalldata/e665-r0260-*.smd.xtc")
	if diff := cmp.Diff(large, small); diff != "" || len(small) != 36 {
		t.Errorf("%d frames (-large +small):\n%s", len(small), diff)
	}
	path := filepath.Join(dir, "e665-r0260-s00-c00.xtc")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	compare := func(cause string) {
		t.Helper()
		got, lost := read("smalldata/e665-r0260-*.smd.xtc"), 0
		for i, text := range got {
			if strings.HasSuffix(text, cause) {
				lost++
			} else if text != small[i] {
				t.Errorf("%s, want %s", text, small[i])
			}
		}
		if len(got) != len(small) || lost != 6 {
			t.Errorf("%d of %d are %s", lost, len(got), cause)
		}
	}
	compare("elsewhere")
	if err := os.WriteFile(path, make([]byte, 1<<16), 0o644); err != nil {
		t.Fatal(err)
	}
	compare("broken")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	compare("broken")
}

// compareFrames takes the frames of a run out of want, and returns how many were not
// there.
func compareFrames(t *testing.T, experiment string, run dataset.RunFiles, want map[string]referenceFrame) (unknown int) {
	events, err := dataset.OpenEvents(t.Context(), run, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	detectors := events.Store().Detectors()
	lacks := make([]dataset.Lacks, len(detectors))
	for _, detector := range detectors {
		events.Select(detector.Src)
	}
	for event, err := range events.All(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if event.Transition != xtc.TransitionL1Accept {
			continue
		}
		for i, detector := range detectors {
			frame, err := event.Frame(i)
			if err != nil {
				if !lacks[i].Add(err) {
					t.Error(err)
				}
				continue
			}
			got := referenceFrame{}
			for p := range frame.Pixels() {
				switch frame.DType {
				case frames.Uint8:
					got.Sum += int64(frame.Data[p])
				default:
					got.Sum += int64(frame.Uint16()[p])
				}
			}
			got.Pixels = frame.Pixels()
			key := frameKey(experiment, run.Run, event.ID.Fiducials, detector.Source)
			reference, ok := want[key]
			if strings.HasPrefix(detector.Class, "CsPad.") {
				got.Pixels = reference.Pixels // sections that are not read count as zeros
			}
			switch {
			case !ok && run.Run == 260 && got.Pixels == 128 && got.Sum/128 >= 1000 && got.Sum/128 <= 1060:
				unknown++
			case got != reference:
				t.Errorf("%s: %+v, reference %+v", key, got, reference)
			}
			delete(want, key)
		}
	}
	for i, detector := range detectors {
		lacks[i].Missing = 0
		if want := lacking[detectorOf{run.Run, detector.Source}]; lacks[i] != want {
			t.Errorf("%s: %+v, want %+v", detector.Source, lacks[i], want)
		}
	}
	return unknown
}

type detectorOf struct {
	run    int
	source string
}

// lacking is what detectors lack; all others have what the reference has.
var lacking = map[detectorOf]dataset.Lacks{
	{700, epixSource}: {Damaged: 1},
}
