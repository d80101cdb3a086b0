package apply_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/testenv"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/repo/calibdir"
	"deployconstants/stages/apply"
)

// faulty is the host with failing operations. Nothing is really synced.
type faulty struct {
	atomicfile.System
	failAt int64 // counted from 1; 0: none
	stops  bool  // so do all later ones: the process is dead
	after  bool  // the operation works, its reply is lost
	calls  atomic.Int64
	failed atomic.Bool
	look   func() // after every change of a name
}

func (f *faulty) step(changesName bool, operation func() error) error {
	call := f.calls.Add(1)
	fails := call == f.failAt || f.stops && f.failAt > 0 && call > f.failAt
	if fails {
		f.failed.Store(true)
	}
	if fails && !(f.after && call == f.failAt) {
		return unix.EIO
	}
	err := operation()
	if changesName && f.look != nil && err == nil {
		f.look()
	}
	if fails && err == nil {
		err = unix.EIO
	}
	return err
}

func (f *faulty) Create(dir *os.File, name string) (file *os.File, err error) {
	err = f.step(false, func() error { file, err = f.System.Create(dir, name); return err })
	if err != nil && file != nil {
		file.Close()
		file = nil
	}
	return file, err
}

func (f *faulty) Write(file *os.File, p []byte) (n int, err error) {
	err = f.step(false, func() error { n, err = f.System.Write(file, p); return err })
	return n, err
}

func (f *faulty) Chown(file *os.File, gid int) error {
	return f.step(false, func() error { return f.System.Chown(file, gid) })
}

func (f *faulty) Chmod(file *os.File, mode atomicfile.Mode) error {
	return f.step(false, func() error { return f.System.Chmod(file, mode) })
}

func (f *faulty) SetACL(file *os.File, acl []byte) error {
	return f.step(false, func() error { return f.System.SetACL(file, acl) })
}

func (f *faulty) SetModTime(dir *os.File, name string, t time.Time) error {
	return f.step(false, func() error { return f.System.SetModTime(dir, name, t) })
}

func (f *faulty) Truncate(file *os.File, size int64) error {
	return f.step(false, func() error { return f.System.Truncate(file, size) })
}
func (f *faulty) Sync(*os.File) error    { return f.step(false, func() error { return nil }) }
func (f *faulty) SyncAll(*os.File) error { return f.step(false, func() error { return nil }) }
func (f *faulty) RenameNew(dir *os.File, from, to string) error {
	return f.step(true, func() error { return f.System.RenameNew(dir, from, to) })
}

func (f *faulty) Rename(dir *os.File, from, to string) error {
	return f.step(true, func() error { return f.System.Rename(dir, from, to) })
}

func (f *faulty) Remove(dir *os.File, name string) error {
	return f.step(true, func() error { return f.System.Remove(dir, name) })
}

func (f *faulty) Mkdir(dir *os.File, name string, mode atomicfile.Mode) error {
	return f.step(false, func() error { return f.System.Mkdir(dir, name, mode) })
}

func (f *faulty) Rmdir(dir *os.File, name string) error {
	return f.step(false, func() error { return f.System.Rmdir(dir, name) })
}

// journal fails as the files do.
type journal struct {
	apply.Journal
	sys *faulty
}

func (j journal) Append(records ...tx.Record) error {
	return j.sys.step(false, func() error {
		if err := j.Journal.Append(records...); err != nil {
			return errors.Join(tx.ErrJournal, err)
		}
		return nil
	})
}

func (f *faulty) on(o apply.Options) apply.Options {
	return o.On(f, func(j apply.Journal) apply.Journal { return journal{j, f} })
}

// picks is what a reader gets for the runs of a directory, joined.
func (w *world) picks(t testing.TB, experiment, ctype string) [2]string {
	var got [2]string
	entries, _ := os.ReadDir(w.folder(experiment, ctype)) // may be missing
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	for i, run := range []int{1, 7} {
		name, err := calibdir.Pick(names, run)
		if err != nil {
			t.Fatal(err)
		}
		if name == "" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(w.folder(experiment, ctype), name))
		if err != nil {
			t.Fatal(err)
		}
		got[i] = string(content)
	}
	return got
}

// watch checks what readers get: run 7 changes before run 1, each from old to new,
// while a plan is carried out, and the other way round while it is taken back.
func (w *world) watch(t testing.TB) func() {
	allowed := map[string][][2]string{
		"xpp001": {{"", ""}, {"", "later gain\n"}, {"new gain\n", "later gain\n"}},
		"xpp002": {{"old gain\n", "old gain\n"}, {"old gain\n", "later gain\n"}, {"new gain\n", "later gain\n"}},
		"xpp003": {{"", ""}, {"new gain\n", "new gain\n"}},
	}
	return func() {
		for _, item := range w.items {
			experiment := item.Experiment
			states := allowed[experiment]
			got, ok := w.picks(t, experiment, "pixel_gain"), false
			for _, state := range states {
				ok = ok || state == got
			}
			if !ok {
				t.Errorf("%s: readers get %q", experiment, got)
			}
		}
	}
}

// faultyWorlds are those in which operations fail.
var faultyWorlds = map[string]func(testing.TB, string) *world{"small": smallWorld, "fresh": freshWorld}

// Whatever operation fails, or is the last one of the process, Resume ends what was
// begun and Undo takes it back, exactly.
func TestFaults(t *testing.T) {
	for name, newWorld := range faultyWorlds {
		model := newWorld(t, testenv.Memory(t))
		before := model.tree(t, true)
		_, err := apply.Apply(t.Context(), model.options(t), model.plan(t))
		must(t, err)
		after := model.tree(t, false)
		for _, variant := range []*faulty{{}, {after: true}, {stops: true}, {stops: true, after: true}} {
			for _, then := range []string{"resume", "undo"} {
				if then == "undo" && !variant.stops { // without a stop there is mostly nothing to resume
					continue
				}
				t.Run(fmt.Sprintf("%s, stops %v, after %v, then %s", name, variant.stops, variant.after, then), func(t *testing.T) {
					t.Parallel()
					k := int64(1)
					for ; ; k++ {
						w := newWorld(t, testenv.Memory(t))
						sys := &faulty{System: atomicfile.Host, failAt: k, stops: variant.stops, after: variant.after, look: w.watch(t)}
						o := w.options(t)
						result, err := apply.Apply(t.Context(), sys.on(o), w.plan(t))
						if !sys.failed.Load() {
							must(t, err)
							break
						}
						w.check(t, o, result, then, before, after, sys)
						if t.Failed() {
							t.Fatalf("operation %d: %+v, %v", k, result, err)
						}
					}
					t.Logf("%d operations failed in turn", k-1)
					if k < 30 {
						t.Error("too few")
					}
				})
			}
		}
	}
}

// bury makes temporaries those of a dead process.
func (w *world) bury(t *testing.T) {
	t.Helper()
	must(t, filepath.WalkDir(filepath.Join(w.dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), ".tmp-") {
			dead := strings.Replace(path, fmt.Sprintf("-%d-", os.Getpid()), "-99999999-", 1)
			err = os.Rename(path, dead)
		}
		return err
	}))
}

// count returns how many of the lines are this one.
func count(lines []string, line string) (n int) {
	for _, l := range lines {
		if l == line {
			n++
		}
	}
	return n
}

// check resumes or takes back what a fault interrupted, twice.
func (w *world) check(t *testing.T, o apply.Options, result apply.Result, then, before, after string, sys *faulty) {
	t.Helper()
	sound := &faulty{System: atomicfile.Host, look: sys.look}
	if sys.stops {
		w.bury(t)
	}
	if then == "resume" && !result.Complete {
		resumed, err := apply.Resume(t.Context(), sound.on(o), result.ID)
		if err != nil || !resumed.Complete {
			t.Errorf("resume: %+v, %v", resumed, err)
		}
		if diff := cmp.Diff(after, w.tree(t, false)); diff != "" {
			t.Errorf("after resume:\n%s", diff)
		}
		for _, item := range w.items {
			file := item.Range + ".data " + result.ID
			if got := w.history(t, item.Experiment, item.CType); item.Action.Changes() && item.Action != planfile.Adopt && count(got, file) != 1 {
				t.Errorf("history of %s %s:\n%q", item.Experiment, item.CType, got)
			}
		}
		w.noTemporaries(t)
	}
	for range 1 + sys.calls.Load()%2 {
		undone, err := apply.Undo(t.Context(), sound.on(o), result.ID, apply.UndoOptions{})
		if err != nil || !undone.Complete {
			t.Errorf("undo: %+v, %v", undone, err)
		}
		if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
			t.Errorf("after undo:\n%s", diff)
		}
		w.noTemporaries(t)
	}
}

// The same for an undo.
func TestUndoFaults(t *testing.T) {
	for name, newWorld := range faultyWorlds {
		for _, variant := range []*faulty{{}, {after: true}, {stops: true}, {stops: true, after: true}} {
			t.Run(fmt.Sprintf("%s, stops %v, after %v", name, variant.stops, variant.after), func(t *testing.T) {
				t.Parallel()
				testUndoFaults(t, newWorld, variant)
			})
		}
	}
}

func testUndoFaults(t *testing.T, newWorld func(testing.TB, string) *world, variant *faulty) {
	model := newWorld(t, testenv.Memory(t))
	before := model.tree(t, true)
	k := int64(1)
	for ; ; k++ {
		w := newWorld(t, testenv.Memory(t))
		o := w.options(t)
		sound := &faulty{System: atomicfile.Host}
		done, err := apply.Apply(context.Background(), sound.on(o), w.plan(t))
		must(t, err)
		sys := &faulty{System: atomicfile.Host, failAt: k, stops: variant.stops, after: variant.after, look: w.watch(t)}
		result, err := apply.Undo(t.Context(), sys.on(o), done.ID, apply.UndoOptions{})
		if !sys.failed.Load() {
			must(t, err)
			break
		}
		sound.look = sys.look
		if sys.stops {
			w.bury(t)
		}
		if !result.Complete && result.ID != "" {
			resumed, err := apply.Resume(t.Context(), sound.on(o), result.ID)
			if err != nil || !resumed.Complete {
				t.Errorf("resume: %+v, %v", resumed, err)
			}
		}
		again, err := apply.Undo(t.Context(), sound.on(o), done.ID, apply.UndoOptions{})
		if err != nil || !again.Complete {
			t.Errorf("undo again: %+v, %v", again, err)
		}
		if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
			t.Errorf("after undo:\n%s", diff)
		}
		w.noTemporaries(t)
		if t.Failed() {
			t.Fatalf("operation %d: %+v, %v", k, result, err)
		}
	}
	t.Logf("%d operations failed in turn", k-1)
	if k < 15 {
		t.Error("too few")
	}
}
