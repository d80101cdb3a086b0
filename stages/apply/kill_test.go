package apply_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"deployconstants/internal/fslock"
	"deployconstants/internal/testenv"
	"deployconstants/jobs"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/stages/apply"
)

// children are killed.
var children = testenv.Children{
	"apply": func(dir string) error {
		return child(dir, func(ctx context.Context, o apply.Options) error {
			plan, err := os.Open(filepath.Join(dir, "plan"))
			if err != nil {
				return err
			}
			_, err = apply.Apply(ctx, o, plan)
			return errors.Join(err, plan.Close())
		})
	},
	"undo": func(dir string) error {
		return child(dir, func(ctx context.Context, o apply.Options) error {
			id, err := os.ReadFile(filepath.Join(dir, "id"))
			if err == nil {
				_, err = apply.Undo(ctx, o, string(id), apply.UndoOptions{})
			}
			return err
		})
	},
	"resume": func(dir string) error {
		return child(dir, func(ctx context.Context, o apply.Options) error {
			id, err := os.ReadFile(filepath.Join(dir, "id"))
			if err == nil {
				_, err = apply.Resume(ctx, o, string(id))
			}
			return err
		})
	},
}

func child(dir string, do func(context.Context, apply.Options) error) error {
	w := &world{dir: dir}
	r, err := repo.Open(w.repository(), repo.Options{Group: -1})
	if err != nil {
		return err
	}
	return errors.Join(do(context.Background(), w.plainOptions(r)), r.Close())
}

func TestMain(m *testing.M) {
	if os.Getenv("TEST_CHILD") != "" {
		children.Main(m)
	}
	goleak.VerifyTestMain(m)
}

// A process that is killed at any moment leaves whole files, and a transaction that
// can be resumed and undone exactly.
func TestKill(t *testing.T) {
	dir := testenv.Memory(t)
	w := newWorld(t, dir)
	gain, later := w.constants(t, "gain", "new gain\n"), w.constants(t, "later", "later gain\n")
	for i := range 30 {
		name := fmt.Sprintf("xpp%03d", i)
		if i%4 == 3 {
			w.newExperiment(t, name)
		} else {
			w.experiment(t, name)
		}
		if i%2 == 0 {
			w.deploy(t, name, "pixel_gain", "0-end", "old gain\n", 0o640)
			w.file(t, planfile.Replace, name, "pixel_gain", "0-end", gain)
		} else {
			w.file(t, planfile.Create, name, "pixel_gain", "0-end", gain)
		}
		w.file(t, planfile.Create, name, "pixel_gain", "5-end", later)
	}
	before := w.tree(t, true)
	plan := w.plan(t)
	text := make([]byte, plan.Len())
	_, err := plan.Read(text)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "plan"), text, 0o644))
	o := w.options(t)
	model, err := apply.Apply(t.Context(), o, w.plan(t))
	must(t, err)
	after := w.tree(t, false)
	_, err = apply.Undo(t.Context(), o, model.ID, apply.UndoOptions{})
	must(t, err)
	if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
		t.Fatal(diff)
	}

	random := rand.New(rand.NewPCG(1, 2))
	kills := 0
	run := func(name string) {
		cmd := children.Command(t, name, dir)
		cmd.Stderr = nil
		must(t, cmd.Start())
		time.Sleep(time.Duration(random.IntN(40_000)) * time.Microsecond)
		if cmd.Process.Kill() == nil {
			kills++
		}
		_ = cmd.Wait() // killed
		for i := range 30 {
			w.readable(t, fmt.Sprintf("xpp%03d", i))
		}
	}
	rounds := 40
	if testing.Short() {
		rounds = 4
	}
	for round := range rounds {
		must(t, os.RemoveAll(o.State.Transactions()))
		run("apply")
		id := newest(t, o.State)
		if id == "" {
			continue // killed before it began
		}
		must(t, os.WriteFile(filepath.Join(dir, "id"), []byte(id), 0o644))
		for range random.IntN(4) {
			run("resume")
		}
		if round%2 == 0 {
			_, err := apply.Resume(t.Context(), o, id)
			if err != nil && !errors.Is(err, tx.ErrFinished) {
				t.Fatal(err)
			}
			if diff := cmp.Diff(after, w.tree(t, false)); diff != "" {
				t.Fatalf("round %d, after resume:\n%s", round, diff)
			}
		}
		for range random.IntN(12) {
			run("undo")
		}
		if _, err := apply.Undo(t.Context(), o, id, apply.UndoOptions{}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
			t.Fatalf("round %d, after undo:\n%s", round, diff)
		}
		w.noTemporaries(t)
		// What has been taken back left lines in no HISTORY that was not there.
		for i := range 30 {
			name := fmt.Sprintf("xpp%03d", i)
			if i%2 == 0 {
				_ = os.Remove(filepath.Join(w.folder(name, "pixel_gain"), "HISTORY"))
			}
		}
	}
	t.Logf("%d processes killed", kills)
}

// readable checks that readers get the old or the new constants of an experiment.
func (w *world) readable(t testing.TB, experiment string) {
	t.Helper()
	switch got := w.picks(t, experiment, "pixel_gain"); got {
	case [2]string{"", ""}, [2]string{"", "later gain\n"}, [2]string{"new gain\n", "later gain\n"},
		[2]string{"old gain\n", "old gain\n"}, [2]string{"old gain\n", "later gain\n"}:
	default:
		t.Errorf("%s: readers get %q", experiment, got)
	}
}

// newest returns the id of the newest transaction that is an apply.
func newest(t testing.TB, state jobs.State) (id string) {
	t.Helper()
	store, err := tx.Open(state)
	must(t, err)
	all, err := store.List(t.Context())
	must(t, err)
	for _, summary := range all {
		if summary.Kind == tx.Apply {
			id = summary.ID
		}
	}
	return id
}

// plainOptions are those of a process without a test.
func (w *world) plainOptions(r *repo.Repository) apply.Options {
	return apply.Options{
		State:      jobs.State{Dir: filepath.Join(w.dir, "state")},
		Repository: r,
		CalibDir:   func(experiment string) (string, error) { return w.calib(experiment), nil },
		Calib:      calibdir.Options{DirMode: 0o775, FileMode: 0o664, Group: -1, LockTimeout: time.Second},
		Zone:       time.UTC,
		User:       "tester", Host: "host", Dir: "/job",
		Time:     time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC),
		Pipeline: pipeline.Options{Workers: 2},
	}.Batches(8)
}

// Another process that works on an experiment keeps us out of it, not of others.
func TestLocked(t *testing.T) {
	w := smallWorld(t, t.TempDir())
	o := w.options(t)
	held, err := fslock.Hold(t.Context(), filepath.Join(o.State.Locks(), "xpp002.lock"), fslock.Holder{Host: "there", PID: 1}, 0)
	must(t, err)
	result, err := apply.Apply(t.Context(), o, w.plan(t))
	must(t, err)
	must(t, held.Release())
	if diff := cmp.Diff([]string{"xpp002"}, result.Locked); diff != "" || result.Counts[apply.Done] != 2 || result.Counts[apply.Locked] != 3 {
		t.Errorf("%+v\n%s", result, diff)
	}
	if _, err := json.Marshal(result); err != nil {
		t.Error(err)
	}
}

// Several transactions of one plan at once publish each file once, whether locks
// work or not.
func TestConcurrent(t *testing.T) {
	for _, locks := range []bool{true, false} {
		t.Run(fmt.Sprintf("locks %v", locks), func(t *testing.T) {
			w := smallWorld(t, testenv.Memory(t))
			plan := w.plan(t)
			text := make([]byte, plan.Len())
			_, err := plan.Read(text)
			must(t, err)
			const n = 4
			results := make([]apply.Result, n)
			err = pipeline.Run(t.Context(), pipeline.Options{Workers: n},
				func(_ context.Context, emit func(int) error) error {
					for i := range n {
						if err := emit(i); err != nil {
							return err
						}
					}
					return nil
				},
				func(ctx context.Context, i int) (apply.Result, error) {
					o := w.options(t)
					if !locks { // each has locks of its own
						o.State.Dir = filepath.Join(w.dir, fmt.Sprintf("state%d", i))
					}
					return apply.Apply(ctx, o, bytes.NewReader(text))
				},
				func(r pipeline.Result[int, apply.Result]) error {
					results[r.Item] = r.Out
					return r.Err
				})
			must(t, err)
			done := 0
			for _, r := range results {
				done += r.Counts[apply.Done]
			}
			if done != 4 {
				t.Errorf("%d files published: %+v", done, results)
			}
			w.noTemporaries(t)
		})
	}
}

// The same plan with any number of workers: the same outcomes, in the same order.
func TestWorkers(t *testing.T) {
	var want []apply.Outcome
	for _, workers := range []int{1, 2, 7, 32} {
		w := smallWorld(t, testenv.Memory(t))
		o := w.options(t).Batches(2)
		o.Pipeline.Workers = workers
		var got []apply.Outcome
		o.Events = func(e apply.Outcome) {
			e.CalibDir, e.Item = "", planfile.Item{}
			got = append(got, e)
		}
		_, err := apply.Apply(t.Context(), o, w.plan(t))
		must(t, err)
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d workers:\n%s", workers, diff)
		}
	}
}

// Drain leaves the rest to Resume.
func TestDrain(t *testing.T) {
	w := smallWorld(t, t.TempDir())
	o := w.options(t).Batches(2)
	drain, stop := context.WithCancel(t.Context())
	stop()
	o.Pipeline.Drain = drain
	result, err := apply.Apply(t.Context(), o, w.plan(t))
	if !errors.Is(err, pipeline.ErrNotAttempted) || result.Complete {
		t.Fatalf("%+v, %v", result, err)
	}
	o.Pipeline.Drain = nil
	result, err = apply.Resume(t.Context(), o, result.ID)
	must(t, err)
	if !result.Complete || result.Counts[apply.Done] != 4 {
		t.Errorf("%+v", result)
	}
}
