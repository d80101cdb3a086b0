package apply_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/testenv"
	"deployconstants/jobs"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/stages/apply"
)

// manyWorld has experiments with every kind of change, a new panel among them.
func manyWorld(t testing.TB, dir string, experiments int) *world {
	t.Helper()
	w := newWorld(t, dir)
	gain, later := w.constants(t, "gain", "new gain\n"), w.constants(t, "later", "later gain\n")
	for i := range experiments {
		name := fmt.Sprintf("xpp%03d", i)
		w.experiment(t, name)
		if i%2 == 0 {
			w.deploy(t, name, "pixel_gain", "0-end", "old gain\n", 0o640)
			w.file(t, planfile.Replace, name, "pixel_gain", "0-end", gain)
			w.deploy(t, name, "pedestals", "0-end", "new gain\n", 0o664)
			w.file(t, planfile.Adopt, name, "pedestals", "0-end", gain)
		} else {
			w.file(t, planfile.Create, name, "pixel_gain", "0-end", gain)
			w.items = append(w.items, planfile.Item{
				Kind: planfile.KindPanel, Action: planfile.Register, Experiment: name, Source: source, Type: "epix100a",
				ID: fmt.Sprintf("%010d-1-2-3-4-5-6", 1000-i), Runs: planfile.Span{First: 3, Last: 3, Count: 1},
			})
		}
		w.file(t, planfile.Create, name, "pixel_gain", "5-end", later)
	}
	return w
}

// part returns the plan of the experiments from one number to before another.
func (w *world) part(t testing.TB, from, to int) *bytes.Reader {
	t.Helper()
	some := &world{dir: w.dir, items: slices.DeleteFunc(slices.Clone(w.items), func(item planfile.Item) bool {
		var number int
		_, err := fmt.Sscanf(item.Experiment, "xpp%d", &number)
		must(t, err)
		return number < from || number >= to
	})}
	return some.plan(t)
}

// begun begins a transaction of the world's plan and registers its panels.
func (w *world) begun(t testing.TB, o apply.Options) string {
	t.Helper()
	id, err := apply.Begin(t.Context(), o, w.plan(t))
	must(t, err)
	must(t, apply.Register(t.Context(), o, id))
	return id
}

func (w *world) conclude(t testing.TB, o apply.Options, id string) {
	t.Helper()
	if complete, err := apply.Conclude(t.Context(), o, id); err != nil || !complete {
		t.Fatalf("conclude: %v, %v", complete, err)
	}
	summary, _, err := openStore(t, o.State).Show(t.Context(), id)
	if err != nil || summary.Status != tx.Complete {
		t.Fatalf("after the end: %s, %v", summary.Status, err)
	}
}

func openStore(t testing.TB, state jobs.State) *tx.Store {
	t.Helper()
	store, err := tx.Open(state)
	must(t, err)
	return store
}

// aliases returns the ids of the repository's panels in the order of their aliases.
func (w *world) aliases(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.repository(), "epix100a", "aliases.txt"))
	must(t, err)
	var ids string
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		ids += fmt.Sprintf("%s %s\n", fields[0], fields[1])
	}
	return ids
}

// A transaction that several processes carry out at once does what one does, tells the
// same, and can be undone as a whole.
func TestShares(t *testing.T) {
	const experiments, shares = 24, 5
	alone := manyWorld(t, testenv.Memory(t), experiments)
	var want []string
	o := alone.options(t)
	o.Events = func(outcome apply.Outcome) { want = append(want, describe(outcome)) }
	if result, err := apply.Apply(t.Context(), o, alone.plan(t)); err != nil || !result.Complete {
		t.Fatalf("%+v, %v", result, err)
	}

	w := manyWorld(t, testenv.Memory(t), experiments)
	before := w.tree(t, true)
	o = w.options(t)
	id := w.begun(t, o)
	told := make([][]string, shares)
	var all sync.WaitGroup
	for i := range shares {
		all.Go(func() {
			o := o
			o.Events = func(outcome apply.Outcome) { told[i] = append(told[i], describe(outcome)) }
			plan := w.part(t, i*experiments/shares, (i+1)*experiments/shares)
			result, err := apply.Carry(t.Context(), o, id, apply.Share{Part: tx.Part{Shard: i + 1, Attempt: "only"}, Plan: plan})
			if err != nil || !result.Complete || result.ID != id {
				t.Errorf("share %d: %+v, %v", i, result, err)
			}
		})
	}
	all.Wait()
	w.conclude(t, o, id)
	if diff := cmp.Diff(want, slices.Concat(told...)); diff != "" {
		t.Errorf("outcomes (-alone +shared):\n%s", diff)
	}
	if diff := cmp.Diff(alone.tree(t, false), w.tree(t, false)); diff != "" {
		t.Errorf("trees (-alone +shared):\n%s", diff)
	}
	if diff := cmp.Diff(alone.aliases(t), w.aliases(t)); diff != "" {
		t.Errorf("aliases (-alone +shared):\n%s", diff)
	}
	if undone, err := apply.Undo(t.Context(), o, id, apply.UndoOptions{}); err != nil || !undone.Complete {
		t.Fatalf("undo: %+v, %v", undone, err)
	}
	if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
		t.Errorf("after the undo (-before +after):\n%s", diff)
	}
}

// describe is an outcome without the directory of the test.
func describe(o apply.Outcome) string {
	return fmt.Sprint(o.Experiment, " ", o.CType, " ", o.Range, " ", o.Item.ID, " ", o.Action, " ", o.Status, " ", o.Alias, " ", o.Cause)
}

// once checks that every file is as planned, with one line of HISTORY for each that
// was published.
func (w *world) once(t testing.TB, id, when string) {
	t.Helper()
	for _, item := range w.items {
		if item.Kind != planfile.KindFile {
			continue
		}
		path := filepath.Join(w.folder(item.Experiment, item.CType), item.Range+".data")
		if text, err := os.ReadFile(path); err != nil || digest(string(text)) != item.Constants.SHA256 {
			t.Errorf("%s: %s: %q, %v", when, path, text, err)
		}
		want := 1
		if item.Action == planfile.Adopt {
			want = 0
		}
		if n := count(w.history(t, item.Experiment, item.CType), item.Range+".data "+id); n != want {
			t.Errorf("%s: %d lines for %s", when, n, path)
		}
	}
}

// Two attempts at one share that exclude each other by locks publish everything once,
// and both tell that it is done.
func TestSameShareTwice(t *testing.T) {
	w := manyWorld(t, testenv.Memory(t), 10)
	before := w.tree(t, true)
	o := w.options(t)
	o.LockTimeout = 0
	id := w.begun(t, o)
	var all sync.WaitGroup
	for i := range 2 {
		all.Go(func() {
			for try := 0; ; try++ { // what is locked by the other is tried again
				attempt := tx.Part{Shard: 1, Attempt: fmt.Sprintf("%d.%d", i, try)}
				result, err := apply.Carry(t.Context(), o, id, apply.Share{Part: attempt, Plan: w.part(t, 0, 10)})
				if err != nil || result.Counts[apply.Skipped]+result.Counts[apply.Failed] > 0 {
					t.Errorf("%s: %+v, %v", attempt.Attempt, result, err)
				}
				if len(result.Locked) == 0 {
					return
				}
			}
		})
	}
	all.Wait()
	w.conclude(t, o, id)
	w.once(t, id, "twice")
	if undone, err := apply.Undo(t.Context(), o, id, apply.UndoOptions{}); err != nil || !undone.Complete {
		t.Fatalf("undo: %+v, %v", undone, err)
	}
	if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
		t.Errorf("after the undo (-before +after):\n%s", diff)
	}
}

// An attempt that dies at any operation leaves its share to the next one.
func TestNextAttempt(t *testing.T) {
	for k := int64(1); ; k++ {
		w := manyWorld(t, testenv.Memory(t), 3)
		before := w.tree(t, true)
		o := w.options(t)
		id := w.begun(t, o)
		dead := &faulty{System: atomicfile.Host, failAt: k, stops: true}
		first, _ := apply.Carry(t.Context(), dead.on(o), id, apply.Share{Part: tx.Part{Shard: 1, Attempt: "dead"}, Plan: w.part(t, 0, 3)})
		w.bury(t)
		when := fmt.Sprintf("operation %d", k)
		next, err := apply.Carry(t.Context(), o, id, apply.Share{Part: tx.Part{Shard: 1, Attempt: "next"}, Plan: w.part(t, 0, 3)})
		if err != nil || !next.Complete || next.Counts[apply.Failed]+next.Counts[apply.Skipped]+next.Counts[apply.Locked] > 0 {
			t.Fatalf("%s: %+v, %v", when, next, err)
		}
		w.conclude(t, o, id)
		w.once(t, id, when)
		w.noTemporaries(t)
		if undone, err := apply.Undo(t.Context(), o, id, apply.UndoOptions{}); err != nil || !undone.Complete {
			t.Fatalf("%s: undo: %+v, %v", when, undone, err)
		}
		if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
			t.Fatalf("%s: after the undo (-before +after):\n%s", when, diff)
		}
		if first.Complete && !dead.failed.Load() {
			return
		}
	}
}

// Where no lock keeps them apart, one attempt carries out the whole share while another
// is in the midst of it, after any of its changes of a name.
func TestWithoutLocks(t *testing.T) {
	for k := 1; ; k++ {
		w := manyWorld(t, testenv.Memory(t), 3)
		o := w.options(t)
		id := w.begun(t, o)
		elsewhere := o
		elsewhere.State = jobs.State{Dir: filepath.Join(w.dir, "elsewhere")} // the same but for the locks
		must(t, os.Mkdir(elsewhere.State.Dir, 0o755))
		for _, name := range []string{"tx", "objects"} {
			must(t, os.MkdirAll(filepath.Join(o.State.Dir, name), 0o755))
			must(t, os.Symlink(filepath.Join(o.State.Dir, name), filepath.Join(elsewhere.State.Dir, name)))
		}
		changes := 0
		sys := &faulty{System: atomicfile.Host}
		sys.look = func() {
			if changes++; changes != k {
				return
			}
			result, err := apply.Carry(t.Context(), elsewhere, id, apply.Share{Part: tx.Part{Shard: 1, Attempt: "second"}, Plan: w.part(t, 0, 3)})
			if err != nil || !result.Complete || result.Counts[apply.Skipped]+result.Counts[apply.Failed] > 0 {
				t.Errorf("change %d: the second: %+v, %v", k, result, err)
			}
		}
		one := o
		one.Pipeline.Workers = 1
		result, err := apply.Carry(t.Context(), sys.on(one), id, apply.Share{Part: tx.Part{Shard: 1, Attempt: "first"}, Plan: w.part(t, 0, 3)})
		if err != nil || result.Counts[apply.Skipped]+result.Counts[apply.Failed] > 0 {
			t.Errorf("change %d: the first: %+v, %v", k, result, err)
		}
		w.conclude(t, o, id)
		w.once(t, id, fmt.Sprintf("change %d", k))
		if t.Failed() {
			t.FailNow()
		}
		if changes < k {
			return
		}
	}
}

// What is settled is not looked at again, and what is no plan carries nothing out.
func TestShareDone(t *testing.T) {
	w := manyWorld(t, testenv.Memory(t), 3)
	o := w.options(t)
	id := w.begun(t, o)
	share := apply.Share{Part: tx.Part{Shard: 1, Attempt: "a"}, Plan: w.part(t, 0, 3), Done: map[string]bool{"xpp000": true, "xpp002": true}}
	result, err := apply.Carry(t.Context(), o, id, share)
	if err != nil || result.Counts[apply.Done] != 2 || result.Counts[apply.Registered] != 1 || len(result.Counts) != 2 {
		t.Errorf("%+v, %v", result, err)
	}
	share.Part.Attempt, share.Plan = "b", bytes.NewReader([]byte("no plan"))
	var format *planfile.FormatError
	if result, err := apply.Carry(t.Context(), o, id, share); !errors.As(err, &format) || result.ID != "" {
		t.Errorf("%+v, %v", result, err)
	}
}
