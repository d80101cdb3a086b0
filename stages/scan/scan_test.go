package scan_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"deployconstants/internal/testenv"
	"deployconstants/pipeline"
	"deployconstants/stages/scan"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
	"deployconstants/xtc/xtctest"
)

var children = testenv.Children{}

func TestMain(m *testing.M) { children.Main(m) }

// now is the clock of the tests; files are an hour older.
var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A room is a facility and a ledger of one test.
type room struct {
	testing.TB
	root  string
	l     *ledger.Ledger
	opens atomic.Int64
}

func newRoom(t testing.TB) *room {
	t.Helper()
	return &room{TB: t, root: t.TempDir(), l: openLedger(t, filepath.Join(t.TempDir(), "ledger"))}
}

func (r *room) dir(experiment string) string {
	return filepath.Join(r.root, experiment[:3], experiment, "xtc")
}

// write writes a run of two streams, with the smalldata of the first.
func (r *room) write(experiment string, number int) {
	r.Helper()
	run := xtctest.Run{
		Experiment: experiment, Number: number, BeginRun: xtc.Clock{Sec: uint32(1458353850 + number)}, Streams: []int{0, 80},
		Detectors: []xtctest.Detector{
			{Source: "XcsEndstation.0:Epix100a.1", Alias: "epix", Class: "Epix.Config100aV2"},
			{Source: "XppGon.0:Opal1000.1", Class: "Opal1k.ConfigV1"},
		},
	}
	dir := r.dir(experiment)
	must(r, os.MkdirAll(dir, 0o755))
	paths, err := run.Write(dir, experiment)
	must(r, err)
	for _, path := range paths {
		r.age(path, time.Hour)
	}
}

// age makes a file so much older than now.
func (r *room) age(path string, age time.Duration) {
	r.Helper()
	must(r, os.Chtimes(path, now.Add(-age), now.Add(-age)))
}

func (r *room) file(experiment string, number, stream int) string {
	return filepath.Join(r.dir(experiment), fmt.Sprintf("%s-r%04d-s%02d-c00.xtc", experiment, number, stream))
}

func (r *room) options() scan.Options {
	return scan.Options{
		Catalog: dataset.Catalog{Roots: []string{r.root}}, Ledger: r.l, Workers: 3,
		Now: func() time.Time { return now },
		Open: func(dir *xtc.Dir, e xtc.Entry) (*xtc.File, error) {
			r.opens.Add(1)
			return dir.Open(e)
		},
	}
}

// scan scans and returns the counts, without what is compared elsewhere.
func (r *room) scan(o scan.Options) scan.Result {
	r.Helper()
	result, err := scan.Scan(r.Context(), o, load(r, o.Ledger), nil)
	must(r, err)
	return result
}

// check compares the counts of runs, and the kinds of problems.
func (r *room) check(got scan.Result, want scan.Counts, kinds ...scan.Kind) {
	r.Helper()
	ignore := cmpopts.IgnoreFields(scan.Counts{}, "Experiments", "NoData", "Listed", "Bytes")
	if diff := cmp.Diff(want, got.Counts, ignore); diff != "" {
		r.Errorf("counts (-want +got):\n%s", diff)
	}
	var have []scan.Kind
	for _, problem := range got.Problems {
		have = append(have, problem.Kind)
		if problem.Path == "" && problem.Err == nil || strings.Contains(problem.String(), "\n") {
			r.Errorf("problem without path: %q", problem)
		}
	}
	if diff := cmp.Diff(kinds, have, cmpopts.EquateEmpty()); diff != "" {
		r.Errorf("problems (-want +got):\n%s%v", diff, got.Problems)
	}
}

// Only what is new or changed is opened, and what is gone stays known.
func TestIncremental(t *testing.T) {
	defer goleak.VerifyNone(t)
	r := newRoom(t)
	for number := 1; number <= 3; number++ {
		r.write("xppaa0117", number)
	}
	r.write("cxibb0218", 7)
	first := r.scan(r.options())
	r.check(first, scan.Counts{New: 4, Opened: 8})
	digest := load(t, r.l).Digest()
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 4})

	e, _ := load(t, r.l).Experiment("xppaa0117")
	run, _ := e.Run(2)
	want := ledger.Run{
		Experiment: "xppaa0117", Instrument: "XPP", Dir: r.dir("xppaa0117"), Number: 2,
		Configure: 1458350252e9, BeginRun: 1458353852e9, Scanned: now.UnixNano(),
		Sources: []ledger.Source{
			{Name: "NoDetector.0:Evr.0", Class: "EvrData.ConfigV7", Version: 7},
			{Name: "XcsEndstation.0:Epix100a.1", Alias: "epix", Type: "epix100a", Class: "Epix.Config100aV2", Version: 2},
			{Name: "XppGon.0:Opal1000.1", Type: "opal1000", ID: "XppGon-0-Opal1000-1", IDIsName: true, Class: "Opal1k.ConfigV1", Version: 1},
		},
	}
	if diff := cmp.Diff(want, run, cmpopts.IgnoreFields(ledger.Run{}, "Files"), cmpopts.IgnoreFields(ledger.Source{}, "ID")); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if len(run.Files) != 2 || run.Files[0].Name != "xppaa0117-r0002-s00-c00.xtc" || run.Files[0].ModTime != now.Add(-time.Hour).UnixNano() {
		t.Errorf("files %+v", run.Files)
	}

	// A file that went, a run that went, a file that is touched.
	must(t, os.Remove(r.file("xppaa0117", 1, 0)))
	must(t, os.Remove(r.file("xppaa0117", 2, 0)))
	must(t, os.Remove(r.file("xppaa0117", 2, 80)))
	r.age(r.file("xppaa0117", 3, 0), 30*time.Minute)
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 2, Changed: 1, Gone: 1, Opened: 2})
	if load(t, r.l).Digest() != digest {
		t.Error("the ledger forgot something")
	}
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 3, Gone: 1})

	// An experiment that went is known.
	must(t, os.RemoveAll(filepath.Join(r.root, "cxi")))
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 2, Gone: 1, Absent: 1})
	if load(t, r.l).Digest() != digest {
		t.Error("the ledger forgot an experiment")
	}
}

// The small file serves where the big one is gone, without being read again.
func TestSmallData(t *testing.T) {
	r := newRoom(t)
	r.write("xppaa0117", 1)
	small := filepath.Join(r.dir("xppaa0117"), "smalldata", "xppaa0117-r0001-s00-c00.smd.xtc")
	must(t, os.Mkdir(filepath.Dir(small), 0o755))
	content, err := os.ReadFile(r.file("xppaa0117", 1, 0))
	must(t, err)
	must(t, os.WriteFile(small, content, 0o644))
	r.age(small, time.Hour)
	o := r.options()
	fresh := r.options()
	fresh.Ledger = openLedger(t, filepath.Join(t.TempDir(), "other"))
	r.check(r.scan(o), scan.Counts{New: 1, Opened: 2})
	o.PreferSmall, fresh.PreferSmall = true, true
	r.check(r.scan(o), scan.Counts{Unchanged: 1})
	must(t, os.Remove(r.file("xppaa0117", 1, 0)))
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 1})
	must(t, os.Remove(r.file("xppaa0117", 1, 80)))
	r.check(r.scan(fresh), scan.Counts{New: 1, Opened: 1})
}

// A run that is being written is taken next time; a broken one is recorded once.
func TestUnfinished(t *testing.T) {
	r := newRoom(t)
	for number := 1; number <= 6; number++ {
		r.write("xppaa0117", number)
	}
	must(t, os.Rename(r.file("xppaa0117", 1, 80), r.file("xppaa0117", 1, 80)+".inprogress"))
	r.age(r.file("xppaa0117", 2, 0), time.Minute)
	for stream := 0; stream <= 80; stream += 80 {
		must(t, os.Truncate(r.file("xppaa0117", 3, stream), 50)) // torn in Configure
		r.age(r.file("xppaa0117", 3, stream), time.Hour)
		must(t, os.WriteFile(r.file("xppaa0117", 4, stream), []byte(strings.Repeat("nonsense", 20)), 0o644))
		r.age(r.file("xppaa0117", 4, stream), time.Hour)
		must(t, os.Truncate(r.file("xppaa0117", 5, stream), 0))
		r.age(r.file("xppaa0117", 5, stream), -48*time.Hour) // of a wrong clock
	}
	r.check(r.scan(r.options()), scan.Counts{New: 4, Damaged: 3, Pending: 2, Opened: 7},
		scan.Writing, scan.Writing, scan.Broken, scan.Broken, scan.Broken)
	opens := r.opens.Load()
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 4, Pending: 2}, scan.Writing, scan.Writing)
	if r.opens.Load() != opens {
		t.Error("broken files were opened again")
	}
	e, _ := load(t, r.l).Experiment("xppaa0117")
	for _, number := range []int{3, 4, 5} {
		if run, ok := e.Run(number); !ok || run.Cause == "" || len(run.Files) != 2 {
			t.Errorf("run %d: %+v", number, run)
		}
	}
	must(t, os.Rename(r.file("xppaa0117", 1, 80)+".inprogress", r.file("xppaa0117", 1, 80)))
	r.age(r.file("xppaa0117", 2, 0), 3*time.Minute)
	r.write("xppaa0117", 3)
	r.age(r.file("xppaa0117", 3, 0), 2*time.Hour)
	r.check(r.scan(r.options()), scan.Counts{New: 2, Changed: 1, Unchanged: 3, Opened: 6})
}

// What changes or vanishes while it is read is said so, and taken next time.
func TestMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		change func(r *room, path string) error
		want   scan.Counts
		kind   scan.Kind
	}{
		"grows before it is opened": {func(_ *room, path string) error { return os.Truncate(path, 10<<20) }, scan.Counts{Pending: 1}, scan.Writing},
		"file vanishes":             {func(_ *room, path string) error { return os.Remove(path) }, scan.Counts{Failed: 1}, scan.Vanished},
		"directory vanishes": {func(r *room, path string) error {
			return os.RemoveAll(filepath.Dir(path))
		}, scan.Counts{Failed: 1}, scan.Vanished},
		"input and output error": {func(_ *room, path string) error {
			return &fs.PathError{Op: "read", Path: path, Err: syscall.EIO}
		}, scan.Counts{Failed: 1}, scan.Unreadable},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			r.write("xppaa0117", 1)
			o := r.options()
			var once sync.Once
			o.Open = func(dir *xtc.Dir, e xtc.Entry) (*xtc.File, error) {
				var err error
				once.Do(func() { err = test.change(r, dir.Path(e)) })
				if err != nil {
					return nil, err
				}
				return dir.Open(e)
			}
			got := r.scan(o)
			got.Opened = 0
			r.check(got, test.want, test.kind)
			if runs := load(t, r.l).Stats().Runs; runs != 0 {
				t.Errorf("%d runs were recorded", runs)
			}
		})
	}
	t.Run("touched while it is read", func(t *testing.T) {
		r := newRoom(t)
		r.write("xppaa0117", 1)
		o := r.options()
		o.Open = func(dir *xtc.Dir, e xtc.Entry) (*xtc.File, error) {
			file, err := dir.Open(e)
			r.age(dir.Path(e), time.Minute)
			return file, err
		}
		r.check(r.scan(o), scan.Counts{Pending: 1, Opened: 2}, scan.Writing)
	})
}

// A directory that goes between listing and reading is not taken for empty.
func TestDirectoryVanishes(t *testing.T) {
	r := newRoom(t)
	for number := 1; number <= 40; number++ {
		r.write("xppaa0117", number)
	}
	o := r.options()
	o.Workers = 1
	o.Open = func(dir *xtc.Dir, e xtc.Entry) (*xtc.File, error) {
		must(t, os.RemoveAll(r.dir("xppaa0117")))
		return dir.Open(e)
	}
	got := r.scan(o)
	if got.Failed != 40 || len(got.Problems) != 40 {
		t.Errorf("%+v", got)
	}
	for i, problem := range got.Problems {
		if problem.Kind != scan.Vanished || problem.Run != i+1 {
			t.Errorf("%v", problem)
		}
	}
}

// The k-th open fails; what could be read is recorded, the rest next time.
func TestFaults(t *testing.T) {
	for k := int64(1); k <= 8; k++ {
		r := newRoom(t)
		for number := 1; number <= 4; number++ {
			r.write("xppaa0117", number)
		}
		o := r.options()
		o.Open = func(dir *xtc.Dir, e xtc.Entry) (*xtc.File, error) {
			if r.opens.Add(1) == k {
				return nil, &fs.PathError{Op: "open", Path: dir.Path(e), Err: syscall.EIO}
			}
			return dir.Open(e)
		}
		result := r.scan(o)
		if result.New != 3 || result.Failed != 1 || len(result.Problems) != 1 || !errors.Is(result.Problems[0].Err, syscall.EIO) {
			t.Errorf("open %d fails: %+v", k, result)
		}
		r.check(r.scan(r.options()), scan.Counts{New: 1, Unchanged: 3, Opened: 2})
	}
}

// Any number of workers leaves the same records and tells the same events.
func TestDeterministic(t *testing.T) {
	r := newRoom(t)
	for e := range 4 {
		for number := 1; number <= 8; number++ {
			r.write(fmt.Sprintf("xppaa%02d17", e), number)
		}
	}
	must(t, os.Truncate(r.file("xppaa0117", 3, 0), 100))
	r.age(r.file("xppaa0117", 3, 0), time.Hour)
	r.age(r.file("xppaa0217", 5, 0), time.Second)
	var want string
	for _, workers := range []int{1, 2, 7, 32} {
		o := r.options()
		o.Workers, o.CommitRuns = workers, 10
		o.Ledger = openLedger(t, filepath.Join(t.TempDir(), "ledger"))
		var events strings.Builder
		result, err := scan.Scan(t.Context(), o, nil, func(e scan.Event) {
			if e.Problem != nil {
				fmt.Fprintln(&events, e.Problem)
				e.Problem = nil
			}
			fmt.Fprintf(&events, "%+v\n", e)
		})
		must(t, err)
		var exported strings.Builder
		must(t, o.Ledger.Export(t.Context(), &exported, "jsonl", ledger.Filter{}))
		got := fmt.Sprintf("%s%s%x %d segments", events.String(), exported.String(), load(t, o.Ledger).Digest(), result.Segments)
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%d workers (-want +got):\n%s", workers, cmp.Diff(want, got))
		}
	}
	if !strings.HasSuffix(want, "4 segments") {
		t.Errorf("%s", want[len(want)-20:])
	}
}

// A scan that is stopped keeps what it had read.
func TestDrain(t *testing.T) {
	r := newRoom(t)
	for number := 1; number <= 40; number++ {
		r.write("xppaa0117", number)
	}
	drain, stop := context.WithCancel(t.Context())
	o := r.options()
	o.Drain, o.Workers = drain, 1
	o.Open = func(dir *xtc.Dir, e xtc.Entry) (*xtc.File, error) {
		if r.opens.Add(1) == 5 {
			stop()
		}
		return dir.Open(e)
	}
	result, err := scan.Scan(t.Context(), o, nil, nil)
	if err != nil && !errors.Is(err, pipeline.ErrNotAttempted) {
		t.Fatal(err)
	}
	if runs := load(t, r.l).Stats().Runs; runs != result.New || runs < 3 {
		t.Errorf("%d runs of %+v", runs, result)
	}
	second := r.scan(r.options())
	if second.New+result.New != 40 || second.Unchanged != result.New {
		t.Errorf("then %+v", second)
	}
}

// Roots that are missing or empty are told apart, and the others are scanned.
func TestRoots(t *testing.T) {
	r := newRoom(t)
	r.write("xppaa0117", 1)
	o := r.options()
	empty := t.TempDir()
	o.Catalog.Roots = []string{empty, r.root, filepath.Join(empty, "no")}
	result, err := scan.Scan(t.Context(), o, nil, nil)
	if !errors.Is(err, dataset.ErrEmptyRoot) || !errors.Is(err, dataset.ErrNoRoot) {
		t.Errorf("error %v", err)
	}
	r.check(result, scan.Counts{New: 1, Opened: 2}, scan.EmptyRoot, scan.NoRoot)
}

// Filters restrict what is opened.
func TestFilter(t *testing.T) {
	r := newRoom(t)
	for number := 1; number <= 3; number++ {
		r.write("xppaa0117", number)
	}
	r.write("cxibb0218", 7)
	o := r.options()
	o.Filter = ledger.Filter{Instruments: []string{"xpp"}, Runs: dataset.Ranges{{First: 2, Last: 9}}}
	r.check(r.scan(o), scan.Counts{New: 2, Opened: 4})
	r.age(r.file("xppaa0117", 2, 0), 30*time.Minute)
	r.age(r.file("xppaa0117", 3, 0), 30*time.Minute)
	o.Filter = ledger.Filter{Experiments: []string{"xpp*"}, Runs: o.Filter.Runs, Since: time.Unix(1458353853, 0)}
	r.check(r.scan(o), scan.Counts{Changed: 1, Skipped: 1, Opened: 2})
	o.Filter = ledger.Filter{Experiments: []string{"["}}
	if _, err := scan.Scan(t.Context(), o, nil, nil); err == nil {
		t.Error("a malformed pattern was taken")
	}
}

func init() {
	children["denied"] = func(dir string) error {
		l, err := ledger.Open(filepath.Join(dir, "ledger"))
		if err != nil {
			return err
		}
		o := scan.Options{Catalog: dataset.Catalog{Roots: []string{filepath.Join(dir, "root")}}, Ledger: l, Now: func() time.Time { return now }}
		result, err := scan.Scan(context.Background(), o, nil, nil)
		if err != nil {
			return err
		}
		var paths []string
		for _, problem := range result.Problems {
			path, _ := filepath.Rel(dir, problem.Path)
			paths = append(paths, path)
			if problem.Kind != scan.Unreadable || !errors.Is(problem.Err, fs.ErrPermission) {
				return fmt.Errorf("%v", problem)
			}
		}
		want := []string{"root/cxi", "root/xpp/xppaa0117/xtc", "root/xpp/xppbb0117/xtc", "root/xpp/xppcc0117/xtc/xppcc0117-r0001-s00-c00.xtc"}
		if diff := cmp.Diff(want, paths); diff != "" {
			return fmt.Errorf("problems (-want +got):\n%s", diff)
		}
		if result.New != 1 || result.Failed != 1 {
			return fmt.Errorf("%+v", result)
		}
		return nil
	}
}

// What may not be read is named, never taken for nothing.
func TestDenied(t *testing.T) {
	dir, err := os.MkdirTemp("", "scan") // t.TempDir lies below a directory of mode 0700
	must(t, err)
	r := &room{TB: t, root: filepath.Join(dir, "root")}
	for _, name := range []string{"cxibb0218", "xppaa0117", "xppbb0117", "xppcc0117", "xppdd0117"} {
		r.write(name, 1)
	}
	closed := []string{filepath.Join(r.root, "cxi"), filepath.Join(r.root, "xpp/xppaa0117"), r.dir("xppbb0117"), r.file("xppcc0117", 1, 0)}
	t.Cleanup(func() {
		for _, path := range closed {
			os.Chmod(path, 0o755)
		}
		must(t, os.RemoveAll(dir))
	})
	for _, path := range closed {
		must(t, os.Chmod(path, 0))
	}
	must(t, os.Chmod(dir, 0o777))
	cmd := children.Command(t, "denied", dir)
	if os.Geteuid() == 0 { // the test binary, too, lies where others may not look
		binary, err := os.ReadFile(cmd.Path)
		must(t, err)
		cmd.Path = filepath.Join(dir, "test")
		must(t, os.WriteFile(cmd.Path, binary, 0o755))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
}

// Real files are recorded as dataset.ReadRun has them, or with the cause.
func TestReal(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testenv.Shared(t, "real", "xtc"), "*.xtc"))
	must(t, err)
	r := newRoom(t)
	dir := filepath.Join(r.root, "XPP", "xpptut15", "xtc")
	must(t, os.MkdirAll(dir, 0o755))
	for i, path := range paths {
		must(t, os.Symlink(path, filepath.Join(dir, fmt.Sprintf("e665-r%04d-s00-c00.xtc", i+1))))
	}
	o := r.options()
	o.Settle = -1
	if result := r.scan(o); result.New != len(paths) || len(paths) == 0 {
		t.Fatalf("%d files: %+v", len(paths), result)
	}
	e, _ := load(t, r.l).Experiment("xpptut15")
	for i, path := range paths {
		testenv.Case(t, "real/scanned runs")
		got, _ := e.Run(i + 1)
		name := dataset.ParseFileName(path)
		want, err := dataset.ReadRun(t.Context(), dataset.RunFiles{Run: i + 1, Files: []dataset.FileName{name}}, dataset.Options{})
		switch {
		case err != nil:
			if got.Cause == "" {
				t.Errorf("%s: %v, which the record does not say", path, err)
			}
		case want.BeginRun == nil:
			if got.Cause == "" || got.BeginRun != 0 {
				t.Errorf("%s: %+v", path, got)
			}
		case got.BeginRun != want.BeginRun.Clock.Time().UnixNano() || len(got.Sources) != len(want.Store.Detectors()):
			t.Errorf("%s: %+v", path, got)
		}
	}
}
