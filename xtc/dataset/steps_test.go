package dataset_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

const epixSource = "XcsEndstation.0:Epix100a.1"

var epix100aV2 = xtc.NewTypeID(xtc.TypeEpix100aConfig, 2)

// epix is an epix100a's configuration object whose firmware version tells it from
// others.
func epix(source string, version uint32) xtctest.Node {
	config := xtctest.Epix100aConfig(2, xtctest.Epix{Version: version, RowsPerAsic: 4, PixelsPerAsicRow: 8})
	return xtctest.ConfigNode(xtctest.Source(source, 4513), epix100aV2, config)
}

// aliasesOf is an Alias object of pairs of alias and source.
func aliasesOf(pairs ...string) xtctest.Node {
	var aliases []xtc.Alias
	for pair := range slices.Chunk(pairs, 2) {
		aliases = append(aliases, xtc.Alias{Name: pair[0], Src: xtctest.Source(pair[1], 0)})
	}
	src := xtctest.ProcInfo(xtc.LevelControl, 0xac151454, 9223)
	return xtctest.ConfigNode(src, xtc.NewTypeID(xtc.TypeAliasConfig, 1), xtctest.AliasConfig(aliases...))
}

func at(sec uint32) xtc.Clock { return xtc.Clock{Sec: sec, Nsec: 5} }

func dgram(transition xtc.Transition, clock xtc.Clock, env uint32, children ...xtctest.Node) xtctest.Dgram {
	return xtctest.Dgram{Transition: transition, Clock: clock, Env: env, Root: xtctest.Node{Children: children}}
}

func configure(sec uint32, children ...xtctest.Node) xtctest.Dgram {
	return dgram(xtc.TransitionConfigure, at(sec), 1, children...)
}

func beginRun(sec, number uint32) xtctest.Dgram {
	return dgram(xtc.TransitionBeginRun, at(sec), number)
}

func event(sec, fiducials uint32) xtctest.Dgram {
	return xtctest.Dgram{Transition: xtc.TransitionL1Accept, Clock: at(sec), Fiducials: fiducials}
}

// content is the datagrams of files by "s00-c00".
type content map[string][]xtctest.Dgram

// write makes the files and returns them as run 7.
func (c content) write(t testing.TB) dataset.RunFiles {
	t.Helper()
	dir := t.TempDir()
	var files []dataset.FileName
	for name, dgrams := range c {
		path := filepath.Join(dir, "e665-r0007-"+name+".xtc")
		if err := xtctest.WriteFile(path, dgrams); err != nil {
			t.Fatal(err)
		}
		files = append(files, dataset.ParseFileName(path))
	}
	return dataset.GroupRuns(files)[0]
}

func readRun(t testing.TB, files dataset.RunFiles) *dataset.Run {
	t.Helper()
	run, err := dataset.ReadRun(t.Context(), files, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// versionOf returns the firmware version of the epix100a, 0 where there is none.
func versionOf(t testing.TB, store *dataset.Store, source string) uint32 {
	t.Helper()
	detector, found, err := store.Match(source)
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		return 0
	}
	return detector.Config.(*xtc.EpixConfig).Version
}

// TestSteps checks which datagrams of which streams give the times, the run number
// and the configuration. Clocks are seconds; 0 is "none".
func TestSteps(t *testing.T) {
	type result struct {
		Configure, BeginRun uint32 // s
		Number              int
		Start, Store        uint32 // firmware version of the detector
	}
	for _, test := range []struct {
		name     string
		files    content
		want     result
		warnings []error
	}{
		{"one stream", content{
			"s00-c00": {configure(10, epix(epixSource, 1)), beginRun(20, 260), event(30, 3)},
		}, result{10, 20, 260, 1, 1}, nil},
		{"equal clocks: the lowest stream", content{
			"s05-c00": {configure(10, epix(epixSource, 5)), beginRun(20, 260)},
			"s01-c00": {configure(10, epix(epixSource, 1)), beginRun(20, 260)},
		}, result{10, 20, 260, 1, 1}, nil},
		{"no configuration in the first stream: not that of the second", content{
			"s00-c00": {configure(10), beginRun(20, 260)},
			"s01-c00": {configure(10, epix(epixSource, 1)), beginRun(20, 260)},
		}, result{10, 20, 260, 0, 0}, nil},
		{"earlier clock in a later stream, then replaced", content{
			"s00-c00": {configure(12, epix(epixSource, 1)), beginRun(20, 260)},
			"s01-c00": {configure(10, epix(epixSource, 2)), beginRun(20, 260)},
		}, result{10, 20, 260, 2, 1}, nil},
		{"second Configure with another clock", content{
			"s00-c00": {configure(10, epix(epixSource, 1)), configure(11, epix(epixSource, 2)), beginRun(20, 260)},
		}, result{10, 20, 260, 1, 2}, nil},
		{"second Configure with the same clock", content{
			"s00-c00": {configure(10, epix(epixSource, 1)), configure(10, epix(epixSource, 2)), beginRun(20, 260)},
		}, result{10, 20, 260, 1, 1}, nil},
		{"what the second Configure lacks stays", content{
			"s00-c00": {configure(10, epix(epixSource, 1)), configure(11, epix("XppGon.0:Epix100a.3", 2)), beginRun(20, 260)},
		}, result{10, 20, 260, 1, 1}, nil},
		{"later Configure behind BeginRun", content{
			"s00-c00": {configure(10, epix(epixSource, 1)), beginRun(20, 260), configure(25, epix(epixSource, 2))},
		}, result{10, 20, 260, 1, 1}, nil},
		{"of two objects the last", content{
			"s00-c00": {configure(10, epix(epixSource, 1), epix(epixSource, 2)), beginRun(20, 260)},
		}, result{10, 20, 260, 2, 2}, nil},
		{"acquisition before control, control after", content{
			"s00-c00": {configure(10, epix(epixSource, 1)), beginRun(20, 260)},
			"s80-c00": {configure(10, epix(epixSource, 80)), beginRun(20, 260)},
			"s81-c00": {configure(10, epix(epixSource, 81)), beginRun(20, 260)},
		}, result{10, 20, 260, 1, 1}, nil},
		{"control streams: the lowest is the last", content{
			"s80-c00": {configure(10, epix(epixSource, 80)), beginRun(20, 260)},
			"s81-c00": {configure(10, epix(epixSource, 81)), beginRun(20, 260)},
		}, result{10, 20, 260, 80, 80}, nil},
		{"run number of the first stream that has one", content{
			"s00-c00": {configure(10), beginRun(20, 0)},
			"s01-c00": {configure(10), beginRun(20, 261)},
			"s02-c00": {configure(10), beginRun(20, 262)},
		}, result{10, 20, 261, 0, 0}, nil},
		{"run number of the file's name", content{
			"s00-c00": {configure(10), beginRun(20, 0)},
		}, result{10, 20, 7, 0, 0}, nil},
		{"Map before Configure", content{
			"s00-c00": {dgram(xtc.TransitionMap, at(5), 0), configure(10, epix(epixSource, 1)), beginRun(20, 260)},
		}, result{10, 20, 260, 1, 1}, nil},
		{"no Configure", content{
			"s00-c00": {beginRun(20, 260), configure(25, epix(epixSource, 2))},
		}, result{0, 20, 260, 0, 0}, []error{dataset.ErrNoConfigure}},
		{"Configure behind an unknown transition", content{
			"s00-c00": {dgram(15, at(5), 0), configure(10, epix(epixSource, 1)), beginRun(20, 260)},
		}, result{0, 20, 260, 0, 1}, []error{dataset.ErrNoConfigure}},
		{"begun by an event", content{
			"s00-c00": {configure(10, epix(epixSource, 1)), dgram(xtc.TransitionEnable, at(15), 0), event(17, 131040), event(18, 3), beginRun(20, 260)},
		}, result{10, 18, 7, 1, 1}, []error{dataset.ErrNoBeginRun}},
		{"begun by a calibration cycle", content{
			"s00-c00": {configure(10, epix(epixSource, 1)), dgram(xtc.TransitionBeginCalibCycle, at(15), 0, epix(epixSource, 2)), beginRun(20, 260)},
		}, result{10, 15, 7, 1, 2}, []error{dataset.ErrNoBeginRun}},
		{"only Configure", content{
			"s00-c00": {configure(10, epix(epixSource, 1))},
		}, result{10, 0, 7, 1, 1}, []error{dataset.ErrNoBeginRun}},
		{"chunks are one stream", content{
			"s00-c00": {configure(10, epix(epixSource, 1))},
			"s00-c02": {dgram(xtc.TransitionEnable, at(11), 0)},
			"s00-c10": {beginRun(20, 260)},
		}, result{10, 20, 260, 1, 1}, nil},
		{"later chunk without its first", content{
			"s00-c01": {dgram(xtc.TransitionEnable, at(30), 0), event(31, 3)},
			"s01-c00": {configure(10, epix(epixSource, 1)), beginRun(20, 260)},
		}, result{10, 20, 260, 1, 1}, nil},
		{"empty first stream", content{
			"s00-c00": nil,
			"s01-c00": {configure(10, epix(epixSource, 1)), beginRun(20, 260)},
		}, result{10, 20, 260, 1, 1}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			run := readRun(t, test.files.write(t))
			got := result{Number: run.Number, Start: versionOf(t, run.Start, epixSource), Store: versionOf(t, run.Store, epixSource)}
			if run.Configure != nil {
				got.Configure = run.Configure.Clock.Sec
				if run.Configure.Run != 7 {
					t.Errorf("run %d before the run begins", run.Configure.Run)
				}
			}
			if run.BeginRun != nil {
				got.BeginRun = run.BeginRun.Clock.Sec
				if run.BeginRun.Run != run.Number {
					t.Errorf("run %d at its begin, number %d", run.BeginRun.Run, run.Number)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(run.Warnings) != len(test.warnings) {
				t.Fatalf("warnings %v, want %v", run.Warnings, test.warnings)
			}
			for i, want := range test.warnings {
				if !errors.Is(run.Warnings[i].Err, want) {
					t.Errorf("warning %v, want %v", run.Warnings[i], want)
				}
			}
		})
	}
}
