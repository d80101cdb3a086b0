package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"deployconstants/xtc/ledger"
)

// What was written is read, to the last nanosecond.
func TestLoad(t *testing.T) {
	bare := ledger.Run{Experiment: "amo00001", Number: 0}
	unreadable := ledger.Run{Experiment: "xpptut15", Number: 12, Cause: "offset 0x0: file is empty", Scanned: 7}
	want := []ledger.Run{bare, sample("xpptut15", 3), unreadable, sample("xpptut15", 260)}
	l := open(t, filepath.Join(t.TempDir(), "state", "ledger"))
	if diff := cmp.Diff([]ledger.Run(nil), all(load(t, l))); diff != "" {
		t.Errorf("missing directory (-want +got):\n%s", diff)
	}
	commit(t, l, want[3], want[1])
	commit(t, l, want[2], want[0])
	x := load(t, l)
	if diff := cmp.Diff(want, all(x)); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	stats := ledger.Stats{Experiments: 2, Runs: 4, Sources: 6, Files: 4, Panels: 1, Segments: 2}
	if diff := cmp.Diff(stats, x.Stats()); diff != "" {
		t.Errorf("Stats (-want +got):\n%s", diff)
	}
}

func TestExperiment(t *testing.T) {
	l := open(t, t.TempDir())
	moved := sample("xpptut15", 12)
	moved.Dir, moved.Scanned = "/new/xpptut15/xtc", moved.Scanned+1
	moved.Sources = moved.Sources[:1]
	commit(t, l, sample("xpptut15", 260), moved, sample("amo00001", 1))
	x := load(t, l)
	if diff := cmp.Diff([]string{"amo00001", "xpptut15"}, x.Experiments()); diff != "" {
		t.Errorf("Experiments (-want +got):\n%s", diff)
	}
	if _, ok := x.Experiment("xpptut16"); ok {
		t.Error("xpptut16 is known")
	}
	e, ok := x.Experiment("xpptut15")
	if !ok {
		t.Fatal("xpptut15 is not known")
	}
	if diff := cmp.Diff([]string{"xpptut15", "XPP", "/new/xpptut15/xtc"}, []string{e.Name(), e.Instrument(), e.Dir()}); diff != "" {
		t.Errorf("Name, Instrument, Dir (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{12, 260}, e.Numbers()); diff != "" {
		t.Errorf("Numbers (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(sample("xpptut15", 260).Files, slices.Collect(e.Files(260))); diff != "" {
		t.Errorf("Files (-want +got):\n%s", diff)
	}
	if got := slices.Collect(e.Files(13)); got != nil {
		t.Errorf("Files of no run: %v", got)
	}
	run, ok := e.Run(260)
	if diff := cmp.Diff(sample("xpptut15", 260), run); diff != "" || !ok {
		t.Errorf("Run: %v (-want +got):\n%s", ok, diff)
	}
	if run, ok := e.Run(13); ok {
		t.Errorf("Run 13: %v", run)
	}
	if diff := cmp.Diff([]string{"XppEndstation.0:Opal1000.0", "XppGon.0:Cspad.0"}, e.Sources()); diff != "" {
		t.Errorf("Sources (-want +got):\n%s", diff)
	}
	cspad := sample("xpptut15", 260).Sources[1]
	want := []ledger.Sighting{{Run: 260, BeginRun: run.BeginRun, Type: "cspad", Alias: "cspad", Cause: cspad.Cause}}
	if diff := cmp.Diff(want, e.Sightings("XppGon.0:Cspad.0")); diff != "" {
		t.Errorf("Sightings (-want +got):\n%s", diff)
	}
	opal := ledger.Panel{Type: "opal1000", ID: "XppEndstation-0-Opal1000-0", IsName: true}
	if diff := cmp.Diff([]ledger.Panel{opal}, x.Panels()); diff != "" {
		t.Errorf("Panels (-want +got):\n%s", diff)
	}
	var places []ledger.Place
	for _, run := range all(x) {
		places = append(places, ledger.Place{Experiment: run.Experiment, Source: "XppEndstation.0:Opal1000.0", Run: run.Number, BeginRun: run.BeginRun})
	}
	if diff := cmp.Diff(places, slices.Collect(x.With(opal.Type, opal.ID))); diff != "" {
		t.Errorf("With (-want +got):\n%s", diff)
	}
	if got := slices.Collect(x.With("opal1000", "nothing")); got != nil {
		t.Errorf("With nothing: %v", got)
	}
}

// TestWith: the places of every panel are those that a look at all runs finds.
func TestWith(t *testing.T) {
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := l.NewWriter()
	for i := range 60 {
		run := ledger.Run{Experiment: fmt.Sprintf("xpp%d", i%3), Instrument: "XPP", Dir: "/d", Number: 1 + i, BeginRun: int64(1 + i*i%17)}
		for s := range i % 4 { // none in some runs, and one panel twice in others
			run.Sources = append(run.Sources, ledger.Source{Name: fmt.Sprintf("S.0:Opal1000.%d", s), Type: "opal1000", ID: fmt.Sprint((i + s*s) % 3), IDIsName: i%5 == 0})
		}
		if err := w.Add(run); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	x, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, id := range []string{"0", "1", "2", "3"} {
		var want []ledger.Place
		for _, run := range all(x) {
			for _, s := range run.Sources {
				if s.ID == id {
					want = append(want, ledger.Place{Experiment: run.Experiment, Source: s.Name, Run: run.Number, BeginRun: run.BeginRun})
				}
			}
		}
		if diff := cmp.Diff(want, slices.Collect(x.With("opal1000", id))); diff != "" {
			t.Errorf("id %s (-want +got):\n%s", id, diff)
		}
		total += len(want)
	}
	if total != 90 {
		t.Errorf("%d places", total)
	}
}

// Whatever is no segment is left alone, and whatever should be one but is not is
// named.
func TestStrayFiles(t *testing.T) {
	for name, test := range map[string]struct {
		put  func(dir string) error
		want string // in the error; "" for none
	}{
		"temporary": {func(dir string) error { return os.WriteFile(filepath.Join(dir, ".tmp-host-1-2.parquet"), nil, 0o600) }, ""},
		"note":      {func(dir string) error { return os.WriteFile(filepath.Join(dir, "README"), nil, 0o600) }, ""},
		"own name":  {func(dir string) error { return os.WriteFile(filepath.Join(dir, "mine.parquet"), nil, 0o600) }, "its name is not that of a segment"},
		"empty": {func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "20260101T000000.000000000Z-0123456789abcdef.parquet"), nil, 0o600)
		}, "checksum"},
		"link": {func(dir string) error {
			return os.Symlink("README", filepath.Join(dir, "20260101T000000.000000000Z-0123456789abcdef.parquet"))
		}, "a symbolic link"},
		"directory": {func(dir string) error {
			return os.Mkdir(filepath.Join(dir, "20260101T000000.000000000Z-0123456789abcdef.parquet"), 0o700)
		}, "not a regular file"},
		"pipe": {func(dir string) error {
			return unix.Mkfifo(filepath.Join(dir, "20260101T000000.000000000Z-0123456789abcdef.parquet"), 0o600)
		}, "not a regular file"},
		"huge": {func(dir string) error {
			path := filepath.Join(dir, "20260101T000000.000000000Z-0123456789abcdef.parquet")
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, 1<<40))
		}, "at most"},
	} {
		t.Run(name, func(t *testing.T) {
			l := open(t, t.TempDir())
			commit(t, l, sample("xpptut15", 260))
			if err := test.put(l.Dir()); err != nil {
				t.Fatal(err)
			}
			_, err := l.Load(t.Context())
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			damaged, ok := errors.AsType[*ledger.FormatError](err)
			if !ok || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(damaged.Path, l.Dir()) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			infos, err := l.Segments()
			if _, ok := errors.AsType[*ledger.FormatError](err); !ok || len(infos) != 1 {
				t.Errorf("Segments: %d, %v", len(infos), err)
			}
		})
	}
}

func TestAddRefuses(t *testing.T) {
	for name, change := range map[string]func(*ledger.Run){
		"no experiment":   func(r *ledger.Run) { r.Experiment = "" },
		"negative number": func(r *ledger.Run) { r.Number = -1 },
		"large number":    func(r *ledger.Run) { r.Number = 1 << 31 },
		"negative size":   func(r *ledger.Run) { r.Files[0].Size = -1 },
		"file twice":      func(r *ledger.Run) { r.Files[0].Name = r.Files[1].Name },
		"file unnamed":    func(r *ledger.Run) { r.Files[0].Name = "" },
		"source twice":    func(r *ledger.Run) { r.Sources[0].Name = r.Sources[1].Name },
		"source unnamed":  func(r *ledger.Run) { r.Sources[0].Name = "" },
		"long cause":      func(r *ledger.Run) { r.Cause = strings.Repeat("x", 4097) },
		"long alias":      func(r *ledger.Run) { r.Sources[0].Alias = strings.Repeat("x", 4097) },
		"version":         func(r *ledger.Run) { r.Sources[0].Version = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t, t.TempDir()).NewWriter()
			run := sample("xpptut15", 260)
			change(&run)
			if err := w.Add(run); !errors.Is(err, ledger.ErrRecord) || w.Len() != 0 {
				t.Errorf("error %v, %d runs", err, w.Len())
			}
		})
	}
}

// Texts of any bytes are recorded as text.
func TestAddUTF8(t *testing.T) {
	l := open(t, t.TempDir())
	run := sample("xpptut15", 260)
	run.Sources[0].Alias = "caf\xe9"
	commit(t, l, run)
	run.Sources[0].Alias = "caf\ufffd"
	if diff := cmp.Diff([]ledger.Run{run}, all(load(t, l))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWriter(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger"))
	w := l.NewWriter()
	if err := w.Commit(t.Context()); err != nil || len(segmentNames(t, l)) != 0 {
		t.Errorf("empty Commit: %v, segments %v", err, segmentNames(t, l))
	}
	if err := w.Add(sample("xpptut15", 1)); err != nil {
		t.Fatal(err)
	}
	w.Abort()
	if err := w.Add(sample("xpptut15", 2)); err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(t.Context())
	cancel()
	if err := w.Commit(stopped); !errors.Is(err, context.Canceled) || len(segmentNames(t, l)) != 0 {
		t.Errorf("stopped Commit: %v, segments %v", err, segmentNames(t, l))
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]ledger.Run{sample("xpptut15", 2)}, all(load(t, l))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	infos, err := l.Segments()
	if err != nil || len(infos) != 1 || infos[0].Rows != 4 || infos[0].Created.IsZero() || infos[0].Bytes == 0 {
		t.Errorf("Segments: %+v, %v", infos, err)
	}
}

// A digest is of what matters to a plan, and of nothing else.
func TestDigest(t *testing.T) {
	digest := func(segments ...[]ledger.Run) [32]byte {
		l := open(t, t.TempDir())
		for _, runs := range segments {
			commit(t, l, runs...)
		}
		return load(t, l).Digest()
	}
	one, two, three := sample("amo00001", 1), sample("xpptut15", 2), sample("xpptut15", 3)
	want := digest([]ledger.Run{one, two, three})
	if got := digest([]ledger.Run{three}, []ledger.Run{one}, []ledger.Run{two}, []ledger.Run{one}); got != want {
		t.Error("depends on the segments")
	}
	for name, change := range map[string]func(*ledger.Run){
		"Scanned": func(r *ledger.Run) { r.Scanned++ },
		"Files":   func(r *ledger.Run) { r.Files = r.Files[:1] },
		"Class":   func(r *ledger.Run) { r.Sources[0].Class = "other" },
	} {
		other := sample("xpptut15", 2)
		change(&other)
		if digest([]ledger.Run{one, other, three}) != want {
			t.Errorf("depends on %s", name)
		}
	}
	for name, change := range map[string]func(*ledger.Run){
		"Number":     func(r *ledger.Run) { r.Number = 4 },
		"Experiment": func(r *ledger.Run) { r.Experiment = "xpptut16" },
		"Instrument": func(r *ledger.Run) { r.Instrument = "AMO" },
		"BeginRun":   func(r *ledger.Run) { r.BeginRun++ },
		"Cause":      func(r *ledger.Run) { r.Cause = "?" },
		"ID":         func(r *ledger.Run) { r.Sources[0].ID = "other" },
		"IDIsName":   func(r *ledger.Run) { r.Sources[0].IDIsName = false },
		"Alias":      func(r *ledger.Run) { r.Sources[0].Alias = "other" },
		"Type":       func(r *ledger.Run) { r.Sources[0].Type = "other" },
		"Name":       func(r *ledger.Run) { r.Sources[0].Name = "A" },
		"no source":  func(r *ledger.Run) { r.Sources = r.Sources[:2] },
	} {
		other := sample("xpptut15", 2)
		change(&other)
		if digest([]ledger.Run{one, other, three}) == want {
			t.Errorf("does not depend on %s", name)
		}
	}
}
