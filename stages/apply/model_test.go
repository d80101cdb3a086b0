package apply_test

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/testenv"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/stages/apply"
)

// A modelFile is what a path holds; Time 0: any.
type modelFile struct {
	Content string
	Mode    uint32
	GID     uint32
	Time    int64
	Link    bool
}

// A modelChange is what a transaction did to a path; prior is nil if it was absent.
type modelChange struct {
	prior *modelFile
	text  string
	keep  bool
}

// A modelTx is a transaction, naively.
type modelTx struct {
	id      string
	changes map[string]modelChange
}

// A model is what a facility should hold after everything that was done to it.
type model struct {
	t       *testing.T
	w       *world
	o       apply.Options
	random  *rand.Rand
	files   map[string]modelFile
	owners  map[string][]string // by path, after each event: the transaction, "" for nobody
	events  map[string][]string // by path: the transactions that put, in the order of owners
	done    []modelTx
	texts   []*planfile.Constants
	content map[string]string // by digest
	edits   int
}

// Random plans, edits, undos and crashes: files and ownership are always those of the
// model.
func TestModel(t *testing.T) {
	seeds, steps := 6, 25
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := newModel(t, rand.New(rand.NewPCG(7, uint64(seed))))
			for step := range steps {
				did := m.step()
				m.check()
				if t.Failed() {
					t.Fatalf("step %d: %s", step, did)
				}
			}
		})
	}
}

func newModel(t *testing.T, random *rand.Rand) *model {
	w := newWorld(t, testenv.Memory(t))
	m := &model{
		t: t, w: w, o: w.options(t), random: random, files: map[string]modelFile{},
		owners: map[string][]string{}, events: map[string][]string{}, content: map[string]string{},
	}
	for i := range 4 {
		text := fmt.Sprintf("constants %d\n", i)
		c := w.constants(t, fmt.Sprint("c", i), text)
		m.texts, m.content[c.SHA256] = append(m.texts, c), text
	}
	for i, name := range modelExperiments {
		w.newExperiment(t, name)
		if i > 0 {
			w.deploy(t, name, "pixel_gain", "0-end", "old\n", 0o640)
			m.files[m.path(name, "pixel_gain", "0-end")] = m.look(m.path(name, "pixel_gain", "0-end"))
		}
	}
	return m
}

var modelExperiments = []string{"xpp001", "xpp002", "xpp003"}

func (m *model) path(experiment, ctype, runs string) string {
	return filepath.Join(m.w.folder(experiment, ctype), runs+".data")
}

// look describes a file of the disk.
func (m *model) look(path string) modelFile {
	m.t.Helper()
	var st syscall.Stat_t
	must(m.t, syscall.Lstat(path, &st))
	if st.Mode&syscall.S_IFMT == syscall.S_IFLNK {
		return modelFile{Link: true}
	}
	text, err := os.ReadFile(path)
	must(m.t, err)
	return modelFile{Content: string(text), Mode: st.Mode & 0o7777, GID: st.Gid, Time: st.Mtim.Nano()}
}

// step does one thing, and tells what.
func (m *model) step() string {
	switch n := m.random.IntN(10); {
	case n < 4:
		return m.apply()
	case n < 6:
		return m.edit()
	default:
		return m.undo()
	}
}

// edit changes a file by hand.
func (m *model) edit() string {
	paths := slices.Sorted(maps.Keys(m.files))
	if len(paths) == 0 {
		return "nothing to edit"
	}
	path := paths[m.random.IntN(len(paths))]
	kind := m.random.IntN(5)
	m.edits++
	switch {
	case m.files[path].Link:
		must(m.t, os.Remove(path))
		delete(m.files, path)
		return "remove the link " + path
	case kind < 2:
		must(m.t, os.WriteFile(path, fmt.Appendf(nil, "edit %d\n", m.edits), 0o644))
	case kind == 2:
		must(m.t, os.Chmod(path, 0o604))
	case kind == 3:
		must(m.t, os.Remove(path))
		delete(m.files, path)
		return "remove " + path
	default:
		must(m.t, os.Remove(path))
		must(m.t, os.Symlink("/dev/null", path))
	}
	m.files[path] = m.look(path)
	return fmt.Sprintf("edit %d of %s", kind, path)
}

// crashing returns options under which the process dies at some operation, or not.
func (m *model) crashing() (apply.Options, *faulty) {
	sys := &faulty{System: atomicfile.Host}
	if m.random.IntN(2) == 0 {
		sys.failAt, sys.stops, sys.after = 1+m.random.Int64N(90), true, m.random.IntN(2) == 0
	}
	return sys.on(m.o), sys
}

// apply makes a plan, has it perhaps overtaken by an edit, and carries it out; if
// that crashes, it is resumed or undone.
func (m *model) apply() string {
	m.w.items = nil
	planned := map[string]modelFile{}
	for _, experiment := range modelExperiments {
		for _, ctype := range []string{"pedestals", "pixel_gain"} {
			for _, runs := range []string{"5-end", "0-end"} {
				path, want := m.path(experiment, ctype, runs), m.texts[m.random.IntN(len(m.texts))]
				now, exists := m.files[path]
				if m.random.IntN(2) == 0 || now.Link {
					if exists { // a plan tells of all that is there
						m.w.file(m.t, planfile.Foreign, experiment, ctype, runs, nil)
					}
					continue
				}
				action := planfile.Create
				if exists {
					action, planned[path] = planfile.Replace, now
					if now.Content == m.content[want.SHA256] {
						action = planfile.Adopt
					}
				}
				m.w.file(m.t, action, experiment, ctype, runs, want)
			}
		}
	}
	plan := m.w.plan(m.t)
	did := "apply"
	if m.random.IntN(3) == 0 {
		did += " after " + m.edit()
	}
	o, sys := m.crashing()
	result, err := apply.Apply(m.t.Context(), o, plan)
	if sys.failed.Load() && !result.Complete {
		did += ", crashed"
		m.w.bury(m.t)
		if m.random.IntN(2) == 0 {
			if _, err := apply.Undo(m.t.Context(), m.o, result.ID, apply.UndoOptions{}); err != nil {
				m.t.Error(err)
			}
			return did + ", undone: " + result.ID
		}
		result, err = apply.Resume(m.t.Context(), m.o, result.ID)
	}
	if err != nil || !result.Complete {
		m.t.Errorf("%+v, %v", result, err)
	}
	m.applied(result.ID, planned)
	return did + " " + result.ID
}

// applied is an apply in the model.
func (m *model) applied(id string, planned map[string]modelFile) {
	done := modelTx{id, map[string]modelChange{}}
	stopped := map[string]bool{}
	for _, item := range m.w.items {
		path := m.path(item.Experiment, item.CType, item.Range)
		if _, exists := m.files[path]; item.Prior != nil && !exists { // what psana picks is not what was planned
			stopped[filepath.Dir(path)] = true
		}
	}
	for _, item := range m.w.items { // in the order of the plan
		if !item.Action.Changes() {
			continue
		}
		path := m.path(item.Experiment, item.CType, item.Range)
		dir, text := filepath.Dir(path), m.content[item.Constants.SHA256]
		was, existed := planned[path]
		now, exists := m.files[path]
		if stopped[dir] = stopped[dir] || existed != exists || now.Link || now.Content != was.Content; stopped[dir] {
			continue
		}
		change := modelChange{text: text, keep: item.Action == planfile.Adopt}
		next := modelFile{Content: text, Mode: 0o664, GID: uint32(os.Getegid())}
		if exists {
			change.prior = &now
			next.Mode, next.GID = now.Mode, now.GID
		}
		if !change.keep {
			m.files[path] = next
		}
		done.changes[path] = change
		m.events[path], m.owners[path] = append(m.events[path], id), append(m.owners[path], id)
	}
	m.done = append(m.done, done)
}

// owner returns the transaction that a path belongs to.
func (m *model) owner(path string) string {
	if owners := m.owners[path]; len(owners) > 0 {
		return owners[len(owners)-1]
	}
	return ""
}

// undo takes some transaction back, or a part of it; a crash is resumed.
func (m *model) undo() string {
	if len(m.done) == 0 {
		return "nothing to undo"
	}
	of := m.done[m.random.IntN(len(m.done))]
	var u apply.UndoOptions
	if m.random.IntN(3) == 0 {
		u.Experiments = []string{modelExperiments[m.random.IntN(len(modelExperiments))]}
	}
	o, sys := m.crashing()
	if u.Force = m.random.IntN(3) == 0; u.Force {
		o, sys = m.o, &faulty{} // an undo is resumed without force
	}
	result, err := apply.Undo(m.t.Context(), o, of.id, u)
	did := fmt.Sprintf("undo %s %+v", of.id, u)
	if sys.failed.Load() && !result.Complete {
		did += ", crashed"
		m.w.bury(m.t)
		if result.ID != "" {
			result, err = apply.Resume(m.t.Context(), m.o, result.ID)
		}
	}
	if err != nil || !result.Complete {
		m.t.Errorf("%+v, %v", result, err)
	}
	m.undone(of, u)
	return did
}

// undone is an undo in the model.
func (m *model) undone(of modelTx, u apply.UndoOptions) {
	stopped := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(of.changes)) { // 0-end, 5-end
		change, dir, owner := of.changes[path], filepath.Dir(path), m.owner(path)
		if len(u.Experiments) > 0 && !strings.Contains(path, "/"+u.Experiments[0]+"/") || owner == "" || owner != of.id && (change.keep || !u.Force) {
			continue
		}
		now, exists := m.files[path]
		if !change.keep {
			stopped[dir] = stopped[dir] || now.Link
		}
		if stopped[dir] {
			continue
		}
		switch {
		case change.keep:
		case !exists && change.prior == nil:
		case exists && now.Content == change.text || u.Force && (!exists || change.prior == nil || now.Content != change.prior.Content):
			delete(m.files, path)
			if change.prior != nil {
				m.files[path] = *change.prior
			}
		case exists && change.prior != nil && now.Content == change.prior.Content:
		default:
			continue
		}
		before := ""
		if at := slices.Index(m.events[path], of.id); at > 0 {
			before = m.owners[path][at-1]
		}
		m.events[path], m.owners[path] = append(m.events[path], "undo"), append(m.owners[path], before)
	}
}

// check compares the disk and the state directory with the model.
func (m *model) check() {
	m.t.Helper()
	found := map[string]modelFile{}
	must(m.t, filepath.WalkDir(filepath.Join(m.w.dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "HISTORY" {
			return err
		}
		file := m.look(path)
		if m.files[path].Time == 0 && !file.Link {
			if want, ok := m.files[path]; ok { // from now on it is to stay
				want.Time = file.Time
				m.files[path] = want
			}
		}
		found[path] = file
		return nil
	}))
	if diff := cmp.Diff(m.files, found); diff != "" {
		m.t.Errorf("files:\n%s", diff)
	}
	store, err := tx.Open(m.o.State)
	must(m.t, err)
	deployed, err := store.Deployed(m.t.Context())
	must(m.t, err)
	owners, want := map[string]string{}, map[string]string{}
	for path := range m.owners {
		if owner := m.owner(path); owner != "" {
			want[path] = owner
		}
		if owned, ok := deployed.Owner(path); ok {
			owners[path] = owned.Tx
		}
	}
	if diff := cmp.Diff(want, owners); diff != "" {
		m.t.Errorf("owners:\n%s", diff)
	}
	m.w.noTemporaries(m.t)
}
