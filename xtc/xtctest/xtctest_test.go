package xtctest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// line is what a test looks at of a node.
type line struct {
	Depth  int
	Level  string
	Source string
	Type   string
}

// open opens a file that is closed with the test.
func open(t *testing.T, path string) *xtc.File {
	t.Helper()
	f, err := xtc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// next returns the next datagram and its nodes.
func next(t *testing.T, f *xtc.File) (*xtc.Dgram, []xtc.Node) {
	t.Helper()
	d, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	var nodes []xtc.Node
	for n, err := range f.Nodes(d) {
		if err != nil {
			t.Fatal(err)
		}
		if n.Err != nil {
			t.Fatal(n.Err)
		}
		nodes = append(nodes, *n)
	}
	return d, nodes
}

func epixRun() xtctest.Run {
	return xtctest.Run{
		Experiment: "xpptut15",
		Number:     260,
		Configure:  xtc.Clock{Sec: 1458350000, Nsec: 3},
		BeginRun:   xtc.Clock{Sec: 1458353850, Nsec: 999999999},
		Detectors: []xtctest.Detector{
			{Source: "XcsEndstation.0:Epix100a.1", Alias: "epix100a_diff", Class: "Epix.Config100aV2", Fields: map[string]any{"version": 7}},
			{Source: "CxiDs1.0:Jungfrau.0", Class: "Jungfrau.ConfigV3"},
		},
		Streams:      []int{0, 1, 80},
		Events:       5,
		FramePayload: 100,
	}
}

func TestRunIsReadBack(t *testing.T) {
	paths, err := epixRun().Write(t.TempDir(), "e665")
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, len(paths))
	for i, path := range paths {
		names[i] = filepath.Base(path)
	}
	if diff := cmp.Diff([]string{"e665-r0260-s00-c00.xtc", "e665-r0260-s01-c00.xtc", "e665-r0260-s80-c00.xtc"}, names); diff != "" {
		t.Errorf("files -want +got\n%s", diff)
	}
	f := open(t, paths[0])
	configure, nodes := next(t, f)
	if configure.Service() != xtc.TransitionConfigure || configure.Clock != (xtc.Clock{Sec: 1458350000, Nsec: 3}) {
		t.Errorf("%+v is no Configure", configure)
	}
	got := make([]line, len(nodes))
	for i, n := range nodes {
		got[i] = line{n.Depth, n.Src.Level().String(), n.Src.String(), n.Contains.Type().String()}
	}
	want := []line{
		{1, "Segment", "ProcInfo(172.21.22.1, pid=7169)", "Xtc"},
		{2, "Source", "NoDetector.0:Evr.0", "EvrConfig"},
		{1, "Segment", "ProcInfo(172.21.23.1, pid=4513)", "Xtc"},
		{2, "Source", "XcsEndstation.0:Epix100a.1", "Epix100aConfig"},
		{1, "Segment", "ProcInfo(172.21.23.2, pid=4514)", "Xtc"},
		{2, "Source", "CxiDs1.0:Jungfrau.0", "JungfrauConfig"},
		{1, "Control", "ProcInfo(172.21.20.84, pid=9223)", "Xtc"},
		{2, "Control", "ProcInfo(172.21.20.84, pid=9223)", "RunControlConfig"},
		{2, "Control", "ProcInfo(172.21.20.84, pid=9223)", "PartitionConfig"},
		{2, "Control", "ProcInfo(172.21.20.84, pid=9223)", "AliasConfig"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Configure -want +got\n%s", diff)
	}
	aliases, err := f.Config(&nodes[len(nodes)-1])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&xtc.AliasConfig{Aliases: []xtc.Alias{{Src: nodes[3].Src, Name: "epix100a_diff"}}}, aliases); diff != "" {
		t.Errorf("aliases -want +got\n%s", diff)
	}
	if begin, _ := next(t, f); begin.Service() != xtc.TransitionBeginRun || begin.Env != 260 || begin.Clock != epixRun().BeginRun {
		t.Errorf("%+v is no BeginRun of run 260", begin)
	}
}

func TestRunGoesByItsExperimentsName(t *testing.T) {
	run := epixRun()
	run.Streams = nil
	paths, err := run.Write(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := filepath.Base(paths[0]), "xpptut15-r0260-s00-c00.xtc"; got != want || len(paths) != 1 {
		t.Errorf("%v, want %s", paths, want)
	}
}

// The segments of Configure are nested as in the files of the reference.
func TestRunIsNestedAsReference(t *testing.T) {
	paths, err := epixRun().Write(t.TempDir(), "e665")
	if err != nil {
		t.Fatal(err)
	}
	reference := testenv.Shared(t, "xtc", "data", "psdm", "XPP", "xpptut15", "xtc", "e665-r0260-s00-c00.xtc")
	nesting := func(path string) map[string]line {
		seen := map[string]line{}
		f := open(t, path)
		for {
			d, err := f.Next()
			if err == io.EOF {
				return seen
			}
			if err != nil {
				t.Fatal(err)
			}
			for n, err := range f.Nodes(d) {
				if err != nil {
					t.Fatal(err)
				}
				// Where a type stands in a transition: level and depth.
				name := d.Service().String() + " " + n.Contains.String()
				seen[name] = line{Depth: n.Depth, Level: n.Src.Level().String()}
			}
		}
	}
	theirs := nesting(reference)
	common := 0
	for name, ours := range nesting(paths[0]) {
		if want, ok := theirs[name]; ok {
			common++
			if ours != want {
				t.Errorf("%s is at %v, in the reference at %v", name, ours, want)
			}
		}
	}
	if common < 8 {
		t.Errorf("only %d kinds of nodes in common", common)
	}
}

// Every event is in one acquisition stream and in every control stream; transitions are
// in all.
func TestEventsAreShared(t *testing.T) {
	run := epixRun()
	counts := map[int]int{}
	for _, stream := range run.Streams {
		var clocks []xtc.Clock
		for _, d := range run.Dgrams(stream) {
			if d.Transition == xtc.TransitionL1Accept {
				counts[stream]++
			} else {
				clocks = append(clocks, d.Clock)
			}
		}
		if len(clocks) != 7 {
			t.Errorf("stream %d has %d transitions", stream, len(clocks))
		}
		for i, clock := range clocks[1:] {
			if clock.Compare(clocks[i]) <= 0 {
				t.Errorf("stream %d: transition %d is not later", stream, i+1)
			}
		}
	}
	if diff := cmp.Diff(map[int]int{0: 3, 1: 2, 80: 5}, counts); diff != "" {
		t.Errorf("events of each stream -want +got\n%s", diff)
	}
}

func TestWriteFileEqualsEncode(t *testing.T) {
	dgrams := epixRun().Dgrams(0)
	path := filepath.Join(t.TempDir(), "a.xtc")
	if err := xtctest.WriteFile(path, dgrams); err != nil {
		t.Fatal(err)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(written, xtctest.Encode(dgrams...)) {
		t.Error("the file is not what Encode returns")
	}
	var size int64
	for i := range dgrams {
		size += dgrams[i].Size()
	}
	if size != int64(len(written)) {
		t.Errorf("the datagrams have %d bytes, the file %d", size, len(written))
	}
}

// Files of gigabytes cost kilobytes.
func TestFilesAreSparse(t *testing.T) {
	run := epixRun()
	run.Detectors[1] = xtctest.Detector{Source: "XcsEndstation.0:Epix10ka2M.0", Class: "Epix.Config10ka2MV2"}
	run.Streams, run.Events, run.FramePayload = nil, 100, 20<<20
	paths, err := run.Write(t.TempDir(), "e665")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() < 4e9 {
		t.Errorf("the file has %d bytes", info.Size())
	}
	const sector = 512 // bytes, the unit of Blocks
	if used := info.Sys().(*syscall.Stat_t).Blocks * sector; used > 4<<20 {
		t.Errorf("the file takes %d bytes of disk", used)
	}
}

func TestDetectorConfigOfGoldenScenarios(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testenv.Shared(t, "golden"), "*", "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var scenario any
		d := json.NewDecoder(f)
		d.UseNumber()
		if err := errors.Join(d.Decode(&scenario), f.Close()); err != nil {
			t.Fatal(err)
		}
		eachDetector(scenario, func(class string, fields map[string]any) {
			if seen[class] {
				return
			}
			seen[class] = true
			t.Run(class, func(t *testing.T) {
				testenv.Case(t, "detector classes")
				id, payload, err := xtctest.DetectorConfig(class, fields)
				if err != nil {
					t.Fatal(err)
				}
				if got := xtc.ConfigClasses(id); !slices.Equal(got, []string{class}) {
					t.Errorf("the type id is of class %q", got)
				}
				if len(payload) == 0 {
					t.Error("no payload: a reader would take it for a lost contribution")
				}
			})
		})
	}
	if len(seen) < 36 {
		t.Errorf("%d classes, want 36 or more", len(seen))
	}
}

// eachDetector calls found for every detector description in a scenario.
func eachDetector(v any, found func(class string, fields map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		class, isText := v["type"].(string)
		if fields, ok := v["fields"].(map[string]any); ok && isText {
			found(class, fields)
		}
		for _, element := range v {
			eachDetector(element, found)
		}
	case []any:
		for _, element := range v {
			eachDetector(element, found)
		}
	}
}

func TestMistakesAreErrors(t *testing.T) {
	if _, _, err := xtctest.DetectorConfig("Epix.Config100aV9", nil); err == nil {
		t.Error("an unknown class is accepted")
	}
	for name, value := range map[string]any{"version": "seven", "carrierId0": -1.5, "digitalCardId1": json.Number("x")} {
		if _, _, err := xtctest.DetectorConfig("Epix.Config100aV2", map[string]any{name: value}); err == nil {
			t.Errorf("%s %v is accepted", name, value)
		}
	}
	if _, _, err := xtctest.DetectorConfig("Jungfrau.ConfigV3", map[string]any{"moduleConfig": []any{7}}); err == nil {
		t.Error("a module that is a number is accepted")
	}
	for _, source := range []string{"nosuch", ":Epix100a.1"} {
		run := epixRun()
		run.Detectors[0].Source = source
		if _, err := run.Write(t.TempDir(), "e665"); err == nil {
			t.Errorf("source %q is accepted", source)
		}
	}
}

// The words of both headers are written as they are given, right or wrong.
func TestHeaderWords(t *testing.T) {
	src := xtctest.ProcInfo(xtc.LevelSegment, 0xac151601, 7169)
	want := xtc.Xtc{Damage: xtc.DamageUserDefined, Src: src, Contains: xtc.NewTypeID(500, 7), Extent: 20}
	b := xtctest.Encode(xtctest.Dgram{
		Transition: xtc.TransitionL1Accept, Control: 0x80, Clock: xtc.Clock{Sec: 5, Nsec: 6},
		Ticks: 7, Fiducials: 8, Vector: 9, Env: 10,
		Root: xtctest.Node{Children: []xtctest.Node{
			{Damage: want.Damage, Src: want.Src, Contains: want.Contains},
			{Src: src, Extent: xtctest.ZeroExtent},
		}},
	})
	f := xtc.NewFile(bytes.NewReader(b), int64(len(b)), xtc.Limits{})
	d, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	if !d.Extended() || d.Ticks != 7 || d.Fiducials != 8 || d.Vector != 9 || d.Env != 10 || d.Clock != (xtc.Clock{Sec: 5, Nsec: 6}) {
		t.Errorf("%+v", *d)
	}
	var nodes []xtc.Node
	for n, err := range f.Nodes(d) {
		if err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, *n)
	}
	if len(nodes) != 2 || nodes[0].Xtc != want || !errors.Is(nodes[1].Err, xtc.ErrExtent) {
		t.Errorf("nodes %+v", nodes)
	}
}
