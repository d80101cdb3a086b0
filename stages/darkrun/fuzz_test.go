package darkrun_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/stages/dark"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"

	"github.com/sirupsen/logrus"
)

// FuzzRun makes darks of any bytes in place of a run: each detector that was asked for
// gets a dark whose numbers add up, or an error; nothing is both, or neither.
func FuzzRun(f *testing.F) {
	jungfrau := func() xtctest.Detector {
		contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
		return xtctest.Detector{Source: "CxiDs1.0:Jungfrau.0", Contains: contains, Config: xtctest.JungfrauConfig(3, xtctest.Jungfrau{
			Rows: 4, Columns: 4, Modules: []xtctest.JungfrauModule{{SerialNumber: 1}, {SerialNumber: 2}},
		})}
	}
	frames, panels := epixFrames(8), noise(2*4*4, 8)
	for _, events := range []int{0, 2, 5} {
		run := xtctest.Run{
			Experiment: "xpptut15", Number: 260, BeginRun: xtc.Clock{Sec: 1458353250}, Events: events,
			Detectors: []xtctest.Detector{epixDetector(epixSource, 1), jungfrau()},
			Frame: func(detector, event int) xtctest.Node {
				if detector == 0 {
					return epixNode(frames[event])
				}
				contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", []int{2, 4, 4}, panels[event])
				return xtctest.Node{Contains: contains, Payload: payload}
			},
		}
		whole := xtctest.Encode(run.Dgrams(0)...)
		f.Add(whole)
		f.Add(whole[:len(whole)*2/3])
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		report := runBytes(t, content, darkrun.Options{Detectors: []string{epixSource, "CxiDs1.0:Jungfrau.0"}, Workers: 1})
		if len(report.Darks) == 0 && report.Err() == nil {
			t.Error("neither a dark nor an error")
		}
		for _, d := range report.Darks {
			saved := d.Err() == nil
			switch {
			case saved && (d.Frames < 3 || len(d.Files) == 0 || d.Pixels == 0 || d.Good > d.Pixels || d.Stamp == ""):
				t.Errorf("a dark without an error: %+v", d)
			case !saved && d.Error == "":
				t.Errorf("an error that is not told: %v", d.Err())
			case !saved && len(d.Files) > 0 && !errors.Is(d.Err(), dark.ErrShape):
				t.Errorf("files and an error: %+v", d)
			}
			if d.Frames+d.Without.Missing > report.Runs[0].Events {
				t.Errorf("%d events, but %+v", report.Runs[0].Events, d)
			}
		}
	})
}

// FuzzInjection makes constants of charge injection of any bytes in place of a run: no
// number is made up, and what is missing is told.
func FuzzInjection(f *testing.F) {
	for _, run := range []pulseRun{{cycles: []int{0, 4, 5}, labels: true}, {cycles: []int{0}}, {cycles: []int{4, 5, 54}, labels: true, events: map[int]int{1: 3}}} {
		for _, labels := range []bool{run.labels, false} {
			run.labels = labels
			made := run.run()
			made.Experiment, made.Number, made.BeginRun = "xpptut15", 260, xtc.Clock{Sec: 1458353250}
			whole := xtctest.Encode(made.Dgrams(0)...)
			f.Add(whole)
			f.Add(whole[:len(whole)*4/5])
		}
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		report := runBytes(t, content, darkrun.Options{
			Detectors: []string{"epix10ka"}, MaxBad: 1, Injection: &darkrun.InjectionOptions{Panels: []int{0}},
		})
		if report.Err() == nil && len(report.Injections) < 2 {
			t.Errorf("neither constants nor an error: %+v", report)
		}
		for _, in := range report.Injections {
			switch {
			case in.Gain == "" && (in.Error == "" || len(in.Files) > 0):
				t.Errorf("a cycle of no mode: %+v", in)
			case in.Gain != "" && in.Cycles+len(in.Missing) != dark.InjectionPositions:
				t.Errorf("%d cycles, missing %v", in.Cycles, in.Missing)
			case in.Gain != "" && (in.Error == "") != (in.Cycles == dark.InjectionPositions):
				t.Errorf("%d cycles, %q", in.Cycles, in.Error)
			case in.Good > in.Pixels || in.Cycles == 0 && len(in.Files) > 0 || in.Frames > report.Runs[0].Events:
				t.Errorf("%+v", in)
			}
		}
	})
}

// runBytes processes a file of these bytes, with a repository of its own.
func runBytes(t *testing.T, content []byte, o darkrun.Options) darkrun.Report {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "e665-r0260-s00-c00.xtc")
	err := os.WriteFile(path, content, 0o644)
	if err == nil {
		o.Repository, err = repo.Create(filepath.Join(dir, "repo"), repo.Options{Group: -1})
	}
	if err != nil {
		t.Fatal(err)
	}
	defer o.Repository.Close()
	if o.Dataset, err = dataset.ParseSpec(path); err == nil {
		o.Zone, err = repo.LoadZone("")
	}
	if err != nil {
		t.Fatal(err)
	}
	o.Experiment, o.Group = "xpptut15", -1
	report, err := darkrun.Run(t.Context(), o, logx.New(io.Discard, logrus.DebugLevel))
	if err != nil {
		t.Fatal(err)
	}
	return report
}
