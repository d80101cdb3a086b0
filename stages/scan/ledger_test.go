package scan_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"deployconstants/stages/scan"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
	"deployconstants/xtc/xtctest"
)

// A name that data acquisition left behind does not keep a run pending for ever.
func TestAbandoned(t *testing.T) {
	r := newRoom(t)
	for number := 1; number <= 3; number++ {
		r.write("xppaa0117", number)
	}
	leave := func(number, stream int, age time.Duration) {
		path := r.file("xppaa0117", number, stream) + ".inprogress"
		must(t, os.Rename(r.file("xppaa0117", number, stream), path))
		r.age(path, age)
	}
	leave(1, 80, 25*time.Hour)
	leave(2, 80, 23*time.Hour)
	leave(3, 0, 25*time.Hour)
	leave(3, 80, 30*time.Hour)
	r.check(r.scan(r.options()), scan.Counts{New: 1, Pending: 2, Opened: 1}, scan.Odd, scan.Writing, scan.Odd)
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 1, Pending: 2}, scan.Odd, scan.Writing, scan.Odd)
	must(t, os.Rename(r.file("xppaa0117", 1, 80)+".inprogress", r.file("xppaa0117", 1, 80)))
	r.check(r.scan(r.options()), scan.Counts{Changed: 1, Pending: 2, Opened: 2}, scan.Writing, scan.Odd)

	// One of several may still be written.
	r.age(r.file("xppaa0117", 3, 0)+".inprogress", time.Hour)
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 1, Pending: 2}, scan.Writing, scan.Writing)
}

// A run that is read again and says less, or otherwise, keeps what was known.
func TestConflicts(t *testing.T) {
	r := newRoom(t)
	r.write("xppaa0117", 1)
	r.check(r.scan(r.options()), scan.Counts{New: 1, Opened: 2})
	before, _ := load(t, r.l).Experiment("xppaa0117")
	known, _ := before.Run(1)
	digest := load(t, r.l).Digest()

	other := xtctest.Run{
		Experiment: "xppaa0117", Number: 1, BeginRun: xtc.Clock{Sec: 1458360000}, Streams: []int{0, 80},
		Detectors: []xtctest.Detector{{Source: "XppGon.0:Opal1000.1", Class: "Opal1k.ConfigV1"}},
	}
	paths, err := other.Write(r.dir("xppaa0117"), "")
	must(t, err)
	for _, path := range paths {
		r.age(path, 30*time.Minute)
	}
	result := r.scan(r.options())
	if len(result.Conflicts) == 0 {
		t.Error("no conflicts")
	}
	kinds := make([]scan.Kind, len(result.Conflicts))
	for i := range kinds {
		kinds[i] = scan.Conflict
	}
	r.check(result, scan.Counts{Changed: 1, Opened: 2}, kinds...)
	after, _ := load(t, r.l).Experiment("xppaa0117")
	got, _ := after.Run(1)
	if got.BeginRun != known.BeginRun || len(got.Sources) != len(known.Sources) || got.Files[0] == known.Files[0] {
		t.Errorf("%+v, before %+v", got, known)
	}
	if load(t, r.l).Digest() != digest {
		t.Error("the ledger says something else")
	}
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 1})
}

// Two scans at once leave what one does.
func TestTwoScans(t *testing.T) {
	r := newRoom(t)
	for number := 1; number <= 30; number++ {
		r.write("xppaa0117", number)
	}
	alone := r.options()
	alone.Ledger = openLedger(t, filepath.Join(t.TempDir(), "alone"))
	r.check(r.scan(alone), scan.Counts{New: 30, Opened: 60})

	var group sync.WaitGroup
	var results [2]scan.Result
	var failures [2]error
	for i := range results {
		o := r.options()
		o.CommitRuns = 4 + i
		group.Go(func() { results[i], failures[i] = scan.Scan(t.Context(), o, nil, nil) })
	}
	group.Wait()
	must(t, errors.Join(failures[:]...))
	for _, result := range results {
		r.check(result, scan.Counts{New: 30, Opened: 60})
	}
	if load(t, r.l).Digest() != load(t, alone.Ledger).Digest() {
		t.Error("two scans left something else than one")
	}
	r.check(r.scan(r.options()), scan.Counts{Unchanged: 30})
}

// Records are committed when they are many, or when it has been long.
func TestCommitEvery(t *testing.T) {
	r := newRoom(t)
	for number := 1; number <= 12; number++ {
		r.write("xppaa0117", number)
	}
	for name, test := range map[string]struct {
		step time.Duration // that the clock takes whenever it is read
		runs int
		want int // segments
	}{
		"fast, few":  {0, 100, 1},
		"fast, many": {0, 5, 3},
		"slow":       {time.Minute, 100, 12},
	} {
		t.Run(name, func(t *testing.T) {
			o := r.options()
			o.Ledger = openLedger(t, filepath.Join(t.TempDir(), "ledger"))
			o.CommitRuns, o.CommitEvery = test.runs, 30*time.Second
			var readings atomic.Int64
			o.Now = func() time.Time { return now.Add(time.Duration(readings.Add(1)) * test.step) }
			result, err := scan.Scan(t.Context(), o, nil, nil)
			must(t, err)
			segments, err := o.Ledger.Segments()
			must(t, err)
			if result.New != 12 || result.Segments != test.want || len(segments) != test.want {
				t.Errorf("%d segments, want %d; %+v", len(segments), test.want, result)
			}
		})
	}
}

func init() {
	// killed scans until it has opened 60 files and two segments are committed.
	children["killed"] = func(dir string) error {
		l, err := ledger.Open(filepath.Join(dir, "ledger"))
		if err != nil {
			return err
		}
		opens := 0
		o := scan.Options{
			Catalog: dataset.Catalog{Roots: []string{filepath.Join(dir, "root")}}, Ledger: l,
			Workers: 1, CommitRuns: 5, Now: func() time.Time { return now },
			Open: func(d *xtc.Dir, e xtc.Entry) (*xtc.File, error) {
				if opens++; opens < 60 {
					return d.Open(e)
				}
				for range 1000 {
					if segments, err := l.Segments(); err == nil && len(segments) >= 2 {
						return nil, syscall.Kill(os.Getpid(), syscall.SIGKILL)
					}
					time.Sleep(10 * time.Millisecond)
				}
				return nil, errors.New("nothing is committed")
			},
		}
		_, err = scan.Scan(context.Background(), o, nil, nil)
		return fmt.Errorf("the scan went on: %v", err)
	}
}

// A scan that is killed keeps what it had committed, whole segments, and the next one
// reads the rest.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	r := &room{TB: t, root: filepath.Join(dir, "root"), l: openLedger(t, filepath.Join(dir, "ledger"))}
	for number := 1; number <= 40; number++ {
		r.write("xppaa0117", number)
	}
	cmd := children.Command(t, "killed", dir)
	err := cmd.Run()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); err == nil || !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("the child was not killed: %v", err)
	}
	kept := load(t, r.l).Stats().Runs
	if kept < 10 || kept > 30 || kept%5 != 0 {
		t.Errorf("%d runs were kept", kept)
	}
	r.check(r.scan(r.options()), scan.Counts{New: 40 - kept, Unchanged: kept, Opened: 2 * (40 - kept)})
	if runs := load(t, r.l).Stats().Runs; runs != 40 {
		t.Errorf("then %d runs", runs)
	}
}
