package apply_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/stages/apply"
)

// A plan is carried out, recorded, and taken back exactly.
func TestApplyUndo(t *testing.T) {
	w := smallWorld(t, t.TempDir())
	before := w.tree(t, true)
	o := w.options(t)
	var outcomes []string
	o.Events = func(e apply.Outcome) {
		outcomes = append(outcomes, strings.Join([]string{e.Experiment, e.CType, e.Range, string(e.Status), e.Cause}, " "))
	}
	done, err := apply.Apply(t.Context(), o, w.plan(t))
	must(t, err)
	want := []string{
		"xpp001 pixel_gain 5-end done ", "xpp001 pixel_gain 0-end done ", "xpp002 pedestals 0-end adopted ",
		"xpp002 pixel_gain 5-end done ", "xpp002 pixel_gain 0-end done ",
	}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
	if !done.Complete {
		t.Errorf("not complete: %+v", done)
	}
	if diff := cmp.Diff([]string{"5-end.data " + done.ID, "0-end.data " + done.ID}, w.history(t, "xpp001", "pixel_gain")); diff != "" {
		t.Error(diff)
	}
	for path, want := range map[string]string{
		"xpp001/pixel_gain/0-end": "new gain\n", "xpp001/pixel_gain/5-end": "later gain\n",
		"xpp002/pixel_gain/0-end": "new gain\n", "xpp002/pixel_gain/5-end": "later gain\n",
	} {
		part := strings.Split(path, "/")
		got, err := os.ReadFile(filepath.Join(w.folder(part[0], part[1]), part[2]+".data"))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	again, err := apply.Apply(t.Context(), o, w.plan(t))
	must(t, err)
	if again.Counts[apply.Done] != 0 || again.Counts[apply.Skipped] != 4 {
		t.Errorf("the same plan again: %+v", again)
	}
	_, err = apply.Undo(t.Context(), o, done.ID, apply.UndoOptions{DryRun: true})
	must(t, err)
	undone, err := apply.Undo(t.Context(), o, done.ID, apply.UndoOptions{})
	must(t, err)
	if diff := cmp.Diff(map[apply.Status]int{apply.Undone: 5}, undone.Counts); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
		t.Error(diff)
	}
	w.noTemporaries(t)
	if diff := cmp.Diff([]string{
		"0-end.data ", "5-end.data " + done.ID, "0-end.data " + done.ID,
		"0-end.data undo " + done.ID, "5-end.data undo " + done.ID,
	}, w.history(t, "xpp002", "pixel_gain")); diff != "" {
		t.Error(diff)
	}
	twice, err := apply.Undo(t.Context(), o, done.ID, apply.UndoOptions{})
	must(t, err)
	if twice.ID != "" || twice.Counts[apply.Undone] != 5 {
		t.Errorf("undo again: %+v", twice)
	}
	if _, err := apply.Undo(t.Context(), o, undone.ID, apply.UndoOptions{}); !errors.Is(err, apply.ErrUndoOfUndo) {
		t.Errorf("undo of an undo: %v", err)
	}
}

// What moved since the plan is left alone, and so is what comes behind it in its
// directory.
func TestApplySkips(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T, w *world)
		change  func(o *apply.Options)
		done    int
		cause   string
	}{
		{name: "created meanwhile", done: 2, cause: "there is a file by now", prepare: func(t *testing.T, w *world) {
			w.deploy(t, "xpp001", "pixel_gain", "5-end", "mine", 0o644)
		}},
		{name: "changed meanwhile", done: 3, cause: "changed since the plan", prepare: func(t *testing.T, w *world) {
			w.deploy(t, "xpp002", "pixel_gain", "0-end", "mine", 0o644)
		}},
		{name: "appeared meanwhile", done: 2, cause: `"3-7.data" has appeared in the directory since the plan`, prepare: func(t *testing.T, w *world) {
			w.deploy(t, "xpp002", "pixel_gain", "3-7", "somebody's", 0o644)
		}},
		{name: "psana raises meanwhile", done: 2, cause: "psana raises", prepare: func(t *testing.T, w *world) {
			w.deploy(t, "xpp002", "pixel_gain", "1-x", "somebody's", 0o644)
		}},
		{name: "calib is gone meanwhile", done: 2, cause: "is gone", prepare: func(t *testing.T, w *world) {
			must(t, os.Rename(w.calib("xpp002"), w.calib("xpp002")+".moved"))
		}},
		{name: "gone meanwhile", done: 2, cause: `"0-end.data" has vanished`, prepare: func(t *testing.T, w *world) {
			must(t, os.Remove(filepath.Join(w.folder("xpp002", "pixel_gain"), "0-end.data")))
		}},
		{name: "other constants", done: 0, cause: "its digest is", prepare: func(t *testing.T, w *world) {
			w.constants(t, "later", "LATER gain\n")
		}},
		{name: "constants of another size", done: 0, cause: "11", prepare: func(t *testing.T, w *world) {
			w.constants(t, "later", "x")
		}},
		{name: "history is a link", done: 2, cause: "regular", prepare: func(t *testing.T, w *world) {
			path := filepath.Join(w.folder("xpp002", "pixel_gain"), "HISTORY")
			must(t, os.Rename(path, path+"2"))
			must(t, os.Symlink(path+"2", path))
		}},
		{name: "frozen", done: 2, cause: "frozen", change: func(o *apply.Options) {
			inner := o.CalibDir
			o.CalibDir = func(e string) (string, error) {
				if e == "xpp002" {
					return "", errors.New("frozen")
				}
				return inner(e)
			}
		}},
		{name: "judged", done: 0, cause: "held: bad", change: func(o *apply.Options) {
			o.Judge = func(_ context.Context, item planfile.Item, constants, deployed io.Reader) error {
				if (deployed != nil) != (item.Action == planfile.Replace) {
					t.Errorf("%s: deployed %v", item.Action, deployed)
				}
				text, err := io.ReadAll(constants)
				if string(text) == "later gain\n" {
					err = errors.New("bad")
				}
				return err
			}
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := smallWorld(t, t.TempDir())
			plan := w.plan(t)
			if test.prepare != nil {
				test.prepare(t, w)
			}
			before := w.tree(t, true)
			o := w.options(t)
			if test.change != nil {
				test.change(&o)
			}
			var causes []string
			o.Events = func(e apply.Outcome) { causes = append(causes, e.Cause) }
			result, err := apply.Apply(t.Context(), o, plan)
			must(t, err)
			if result.Counts[apply.Done] != test.done || !strings.Contains(strings.Join(causes, "\n"), test.cause) {
				t.Errorf("%+v\n%s", result, strings.Join(causes, "\n"))
			}
			w.noTemporaries(t)
			_, err = apply.Undo(t.Context(), w.options(t), result.ID, apply.UndoOptions{})
			must(t, err)
			if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	w := smallWorld(t, t.TempDir())
	for _, limit := range []func(*apply.Options){
		func(o *apply.Options) { o.MaxChanges = 4 },
		func(o *apply.Options) { o.MaxReplacePercent = 49 },
	} {
		o := w.options(t)
		limit(&o)
		before := w.tree(t, true)
		if result, err := apply.Apply(t.Context(), o, w.plan(t)); !errors.Is(err, apply.ErrLimit) || result.ID != "" {
			t.Errorf("%+v, %v", result, err)
		}
		if _, err := os.Stat(o.State.Dir); err == nil {
			t.Error("a state directory was made")
		}
		if w.tree(t, true) != before {
			t.Error("the tree changed")
		}
	}
}

// A wave that does not verify stops the transaction, which can be resumed.
func TestWaves(t *testing.T) {
	w := smallWorld(t, t.TempDir())
	o := w.options(t)
	var err error
	o.Waves, err = apply.ParseWaves("1,100%")
	must(t, err)
	bad := errors.New("drift")
	verified := 0
	o.Verify = func(_ context.Context, _ string, experiments []string) error {
		verified++
		if !slices.Equal(experiments, []string{"xpp001"}) {
			t.Errorf("verify %v", experiments)
		}
		return bad
	}
	result, err := apply.Apply(t.Context(), o, w.plan(t))
	if !errors.Is(err, apply.ErrWave) || !errors.Is(err, bad) || result.Counts[apply.Done] != 2 || result.Complete {
		t.Errorf("%+v, %v", result, err)
	}
	bad = nil
	result, err = apply.Resume(t.Context(), o, result.ID)
	must(t, err)
	if result.Counts[apply.Done] != 4 || !result.Complete || verified != 2 {
		t.Errorf("%+v", result)
	}
	if _, err := apply.Resume(t.Context(), o, result.ID); !errors.Is(err, tx.ErrFinished) {
		t.Error(err)
	}
}

// A file that changed since is not taken back, unless told.
func TestUndoChanged(t *testing.T) {
	w := smallWorld(t, t.TempDir())
	before := w.tree(t, true)
	o := w.options(t)
	done, err := apply.Apply(t.Context(), o, w.plan(t))
	must(t, err)
	w.deploy(t, "xpp002", "pixel_gain", "0-end", "by hand", 0o664)
	result, err := apply.Undo(t.Context(), o, done.ID, apply.UndoOptions{})
	must(t, err)
	if result.Counts[apply.Skipped] != 1 || result.Counts[apply.Undone] != 4 {
		t.Errorf("%+v", result)
	}
	result, err = apply.Undo(t.Context(), o, done.ID, apply.UndoOptions{Force: true})
	must(t, err)
	if diff := cmp.Diff(before, w.tree(t, true)); diff != "" {
		t.Error(diff)
	}
	store, err := tx.Open(o.State)
	must(t, err)
	if !store.Objects().Has(digest("by hand")) {
		t.Error("what was forced away is not kept")
	}
}

// Panels get their aliases in the order of the plan, before files.
func TestRegister(t *testing.T) {
	var want []string
	for _, workers := range []int{1, 7} {
		w := smallWorld(t, testenv.Memory(t))
		for i, id := range []string{"3925999616-0996663297", "3925999616-0996663298", "3925999616-0996663299"} {
			w.items = append(w.items, planfile.Item{
				Kind: planfile.KindPanel, Action: planfile.Register, Experiment: []string{"xpp001", "xpp002", "xpp002"}[i],
				Source: source, Type: "epix100a", ID: id, Runs: planfile.Span{First: 3, Last: 3, Count: 1},
			})
		}
		o := w.options(t)
		o.Pipeline.Workers = workers
		var got []string
		o.Events = func(e apply.Outcome) {
			if e.Status == apply.Registered {
				got = append(got, e.Item.ID+" "+e.Alias)
			}
		}
		result, err := apply.Apply(t.Context(), o, w.plan(t))
		must(t, err)
		if len(got) != 3 || !result.Complete || want != nil && !slices.Equal(got, want) {
			t.Errorf("%d workers: %v, %+v", workers, got, result)
		}
		want = got
	}
}

// A plan cannot lead elsewhere.
func TestHostilePlan(t *testing.T) {
	outside := t.TempDir()
	tests := map[string]func(*planfile.Item){
		"other calib directory":  func(i *planfile.Item) { i.CalibDir = outside },
		"other group":            func(i *planfile.Item) { i.Group = "Cspad::CalibV1" },
		"other type":             func(i *planfile.Item) { i.Type = "cspad" },
		"no ctype":               func(i *planfile.Item) { i.CType = "evil" },
		"short ctype":            func(i *planfile.Item) { i.CType = "gain" },
		"constants from outside": func(i *planfile.Item) { i.Constants.Path = "/etc/hostname" },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			w := smallWorld(t, t.TempDir())
			w.items = w.items[:1]
			change(&w.items[0])
			before := w.tree(t, true)
			result, err := apply.Apply(t.Context(), w.options(t), w.plan(t))
			must(t, err)
			if result.Counts[apply.Skipped] != 1 || w.tree(t, true) != before {
				t.Errorf("%+v", result)
			}
		})
	}
}
