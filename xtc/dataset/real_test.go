package dataset_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
)

// A realFile is what the format's own library reads from a file.
type realFile struct {
	File   string
	Dgrams []struct {
		Service              string
		Seconds, Nanoseconds uint32
		Fiducials, Ticks     uint32
		Control              uint8
		Vector               uint16
		Env                  uint32
		Nodes                []struct {
			Src, Type, Contains string
			Level               string
			Device              uint8
			SizeofPayload       int
			Config              *struct{ Class string }
		}
	}
}

// TestRealFiles reads the files that the data acquisition wrote.
func TestRealFiles(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testenv.Shared(t, "real", "xtc"), "*.xtc"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			testenv.Case(t, "real/xtc runs")
			var want realFile
			readJSON(t, testenv.Shared(t, "real", "expect", filepath.Base(path)+".json"), &want)
			spec, err := dataset.ParseSpec(path)
			if err != nil {
				t.Fatal(err)
			}
			found, err := dataset.Catalog{}.Find(spec)
			if err != nil {
				t.Fatal(err)
			}
			checkRealRun(t, readRun(t, found.Runs[0]), want, found.Runs[0].Run)
		})
	}
}

func checkRealRun(t *testing.T, run *dataset.Run, want realFile, fileRun int) {
	t.Helper()
	number := fileRun
	for _, d := range want.Dgrams {
		if d.Service == "BeginRun" && d.Env > 0 {
			number = int(d.Env)
		}
	}
	if run.Number != number {
		t.Errorf("run %d, want %d", run.Number, number)
	}
	for _, step := range []struct {
		service string
		run     int
		got     *dataset.EventID
	}{{"Configure", fileRun, run.Configure}, {"BeginRun", number, run.BeginRun}} {
		for _, d := range want.Dgrams {
			if d.Service != step.service {
				continue
			}
			expected := &dataset.EventID{
				Clock: xtc.Clock{Sec: d.Seconds, Nsec: d.Nanoseconds}, Run: step.run,
				Fiducials: d.Fiducials, Ticks: d.Ticks, Vector: d.Vector, Control: d.Control,
			}
			if diff := cmp.Diff(expected, step.got); diff != "" {
				t.Errorf("EventId of %s (-want +got):\n%s", step.service, diff)
			}
			break
		}
	}
	checkRealStore(t, run.Start, want)
}

// checkRealStore checks that the store has every configuration object of the first
// datagram and nothing else of level Source.
func checkRealStore(t *testing.T, store *dataset.Store, want realFile) {
	t.Helper()
	sources, classes := map[string]bool{}, map[string]bool{}
	for _, node := range want.Dgrams[0].Nodes {
		if node.Level == "Source" && node.Device != 0 && strings.HasSuffix(node.Type, "Config") && node.SizeofPayload > 0 {
			sources[node.Src] = true
		}
		if node.Config != nil {
			classes[xtc.PsanaClass(node.Config.Class)+" "+node.Src] = true
		}
	}
	got := map[string]bool{}
	for _, detector := range store.Detectors() {
		got[detector.Source] = true
		if detector.Err != nil {
			t.Errorf("%s: %v", detector.Source, detector.Err)
		}
	}
	if diff := cmp.Diff(sources, got); diff != "" {
		t.Errorf("detectors (-want +got):\n%s", diff)
	}
	for _, key := range store.Keys() {
		delete(classes, key.Class+" "+key.Src.String())
	}
	if len(classes) > 0 {
		t.Errorf("not in the store: %v", classes)
	}
}
