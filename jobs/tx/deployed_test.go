package tx_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs/tx"
)

// held is what the model says of a path: content and the transaction it is from.
type held struct{ digest, tx string }

// model is what calibration directories hold, as a list of snapshots: an undo puts
// back what was there before the undone transaction.
type model struct {
	now     map[string]held            // of ours
	before  map[string]map[string]held // by transaction, by path: the zero value is nothing of ours
	changed map[string]map[string]bool // by transaction, by path: it has, for certain
	pending map[string][]held          // the latest last
	places  map[string]tx.Place
	open    []string // ids of interrupted transactions
}

func newModel() *model {
	return &model{
		map[string]held{}, map[string]map[string]held{}, map[string]map[string]bool{},
		map[string][]held{}, map[string]tx.Place{}, nil,
	}
}

// touch remembers how the path was before the transaction changed it.
func (m *model) touch(id string, p tx.Place) {
	if m.before[id] == nil {
		m.before[id], m.changed[id] = map[string]held{}, map[string]bool{}
	}
	if m.places[p.Path()] = p; !m.changed[id][p.Path()] {
		m.before[id][p.Path()] = m.now[p.Path()]
	}
}

// set says what the path holds from now on by the transaction.
func (m *model) set(id, path string, h held) {
	delete(m.pending, path)
	m.changed[id][path] = true
	if m.now[path] = h; h == (held{}) {
		delete(m.now, path)
	}
}

// leave says that the transaction did not change the path after all.
func (m *model) leave(id, path string) {
	m.pending[path] = slices.DeleteFunc(m.pending[path], func(h held) bool { return h.tx == id })
	if !m.changed[id][path] {
		delete(m.before[id], path)
	}
}

// compare compares the model with what the store says.
func (m *model) compare(t *testing.T, store *tx.Store, step string) {
	t.Helper()
	d := deployed(t, store)
	got, pending := map[string]held{}, map[string]held{}
	var paths []string
	for o := range d.Paths() {
		side := got
		if o.Pending {
			side = pending
		}
		path := o.Path()
		side[path], paths = held{o.SHA256, o.Tx}, append(paths, path)
	}
	if diff := cmp.Diff(m.now, got, cmp.AllowUnexported(held{})); diff != "" {
		t.Fatalf("%s: deployed (-want +got):\n%s", step, diff)
	}
	last := map[string]held{}
	for path, all := range m.pending {
		if len(all) > 0 {
			last[path] = all[len(all)-1]
		}
	}
	if diff := cmp.Diff(last, pending, cmp.AllowUnexported(held{})); diff != "" {
		t.Fatalf("%s: pending (-want +got):\n%s", step, diff)
	}
	if !slices.IsSorted(paths) || d.Len() != len(m.now) {
		t.Fatalf("%s: %d paths, not in order or not as many", step, d.Len())
	}
	for path, h := range m.now {
		o, ok := d.Owner(path)
		if put, same := d.Put(path, h.digest); !ok || !same || o.SHA256 != h.digest || put.Tx != h.tx {
			t.Fatalf("%s: %s: %+v", step, path, o)
		}
	}
	for path, h := range last {
		if o, ok := d.Pending(path); !ok || o.Tx != h.tx || !o.Pending {
			t.Fatalf("%s: pending at %s: %+v", step, path, o)
		}
	}
	if _, ok := d.Put("/nowhere", ""); ok {
		t.Fatalf("%s: nothing is somewhere", step)
	}
}

// someRecords writes what a transaction does to some paths, and tells the model.
// What is left open has an intent only.
func (m *model) someRecords(t *testing.T, r *rand.Rand, transaction *tx.Tx, leaveOpen bool) {
	t.Helper()
	id := transaction.ID()
	for _, n := range r.Perm(12)[:1+r.IntN(6)] {
		p, text := place(n), fmt.Sprint(r.IntN(5))
		path, h := p.Path(), held{content(text).SHA256, id}
		adopted := done(p, text)
		adopted.Kind, adopted.Action = tx.Adopted, ""
		switch outcome := r.IntN(10); {
		case outcome == 0:
			m.touch(id, p)
			add(t, transaction, adopted)
			m.set(id, path, h)
		case outcome == 1:
			add(t, transaction, intent(p, text), tx.Record{Kind: tx.Failed, Place: p, Cause: "disk full"})
			m.leave(id, path)
		case outcome == 2:
			add(t, transaction, tx.Record{Kind: tx.Skipped, Place: p, Cause: "moved"})
			m.leave(id, path)
		case outcome <= 4 && leaveOpen:
			m.touch(id, p)
			add(t, transaction, intent(p, text))
			m.pending[path] = append(m.pending[path], h)
		default:
			m.touch(id, p)
			add(t, transaction, intent(p, text))
			add(t, transaction, done(p, text))
			m.set(id, path, h)
		}
	}
}

// undo takes back a transaction on some of its paths.
func (m *model) undo(t *testing.T, r *rand.Rand, store *tx.Store, of string) {
	t.Helper()
	undo := beginWith(t, store, tx.Header{Kind: tx.Undo, UndoOf: of, User: "opr"})
	for _, path := range slices.Sorted(maps.Keys(m.before[of])) {
		if r.IntN(4) == 0 {
			continue
		}
		p, back := m.places[path], m.before[of][path]
		m.touch(undo.ID(), p)
		record := tx.Record{Kind: tx.Undone, Place: p, Action: tx.Remove}
		if back != (held{}) {
			record.Action = tx.Restore
		}
		add(t, undo, tx.Record{Kind: tx.Intent, Place: p, Action: record.Action}, record)
		m.set(undo.ID(), path, back)
	}
	finish(t, undo)
}

// Random sequences of transactions, crashes, resumes and undos, in part and of
// undos too, leave what a model of snapshots says.
func TestDeployedModel(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 3))
			dir := t.TempDir()
			store := openStore(t, dir).WithClock(clock())
			m := newModel()
			for i := range 40 {
				step := fmt.Sprint("step ", i)
				switch choice := r.IntN(10); {
				case choice < 4:
					transaction := begin(t, store)
					m.someRecords(t, r, transaction, false)
					finish(t, transaction)
				case choice < 6:
					transaction := begin(t, store)
					m.someRecords(t, r, transaction, true)
					m.open = append(m.open, transaction.ID())
					if err := transaction.Close(); err != nil {
						t.Fatal(err)
					}
				case choice < 7 && len(m.open) > 0:
					at := r.IntN(len(m.open))
					again, err := store.Resume(t.Context(), m.open[at])
					if err != nil {
						t.Fatal(err)
					}
					m.someRecords(t, r, again, false)
					finish(t, again)
					m.open = slices.Delete(m.open, at, at+1)
				case choice < 9 && len(m.before) > 0:
					ids := slices.Sorted(maps.Keys(m.before))
					m.undo(t, r, store, ids[r.IntN(len(ids))])
				default:
					os.Remove(filepath.Join(dir, "tx", "deployed.jsonl.zst")) // if there is one
				}
				m.compare(t, store, step)
			}
		})
	}
}

// A clock that was set back does not make an older transaction the newer one.
func TestClockSetBack(t *testing.T) {
	store := newStore(t)
	now := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	store = store.WithClock(func() time.Time { now = now.Add(-time.Hour); return now })
	for n := range 4 {
		transaction := begin(t, store)
		add(t, transaction, done(place(0), fmt.Sprint(n)))
		finish(t, transaction)
		if o, _ := deployed(t, store).Owner(place(0).Path()); o.Tx != transaction.ID() || o.Content != content(fmt.Sprint(n)) {
			t.Fatalf("transaction %d: %+v", n, o)
		}
	}
}

const checkpoint = "deployed.jsonl.zst"

// manyTransactions makes finished transactions of many paths each.
func manyTransactions(t testing.TB, store *tx.Store, transactions, paths int) {
	t.Helper()
	for i := range transactions {
		transaction := begin(t, store)
		var records []tx.Record
		for n := range paths {
			p, text := place(i*paths+n), fmt.Sprint(n%100)
			records = append(records, intent(p, text), done(p, text))
		}
		add(t, transaction, records...)
		finish(t, transaction)
	}
}

// The checkpoint is a cache: with it, without it, with an older or a damaged one,
// and after a transaction was moved away, the answer is that of the journals.
func TestCheckpoint(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	manyTransactions(t, store, 20, 3)
	path := filepath.Join(dir, "tx", checkpoint)
	list := func() []tx.Owned { return slices.Collect(deployed(t, store).Paths()) }
	want := list()
	if len(want) != 60 || want[0].GID != 34 || want[0].Mode != 0o664 || want[0].User != "opr" || want[0].Constants == "" {
		t.Fatalf("%d paths, %+v", len(want), want[0])
	}
	compare := func(what string) {
		t.Helper()
		if diff := cmp.Diff(want, list()); diff != "" {
			t.Fatalf("%s (-want +got):\n%s", what, diff)
		}
	}
	first := readFile(t, path)
	compare("with it")
	if !bytes.Equal(first, readFile(t, path)) {
		t.Error("it was written again")
	}
	for at := 0; at < len(first); at += 61 {
		flipped := bytes.Clone(first)
		flipped[at] ^= 4
		writeFile(t, path, flipped)
		compare(fmt.Sprint("byte ", at))
		writeFile(t, path, first[:at])
		compare(fmt.Sprint("cut at ", at))
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	compare("without it")
	if !bytes.Equal(first, readFile(t, path)) {
		t.Error("it is not the same for the same transactions")
	}

	undo := beginWith(t, store, tx.Header{Kind: tx.Undo, UndoOf: want[0].Tx})
	add(t, undo, tx.Record{Kind: tx.Undone, Place: want[0].Place, Action: tx.Remove})
	finish(t, undo)
	want = want[1:]
	compare("older")
	if err := os.RemoveAll(filepath.Join(dir, "tx", want[len(want)-1].Tx)); err != nil {
		t.Fatal(err)
	}
	gone := want[len(want)-1].Tx
	want = slices.DeleteFunc(want, func(o tx.Owned) bool { return o.Tx == gone })
	compare("after one was moved away")
}

// Whoever may only read gets the answer too.
func TestDeployedReadOnly(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	manyTransactions(t, store, 20, 1)
	if n := deployed(t, store.WithSystem(&faulty{failAt: 1, forever: true})).Len(); n != 20 {
		t.Errorf("%d paths", n)
	}
	if _, err := os.Stat(filepath.Join(dir, "tx", checkpoint)); err == nil {
		t.Error("a checkpoint was written")
	}
	if d := deployed(t, newStore(t)); d.Len() != 0 {
		t.Errorf("%d paths of nothing", d.Len())
	}
}

func FuzzCheckpoint(f *testing.F) {
	id := `{"format":1,"transactions":[{"id":"20260101T000000Z-00000000","user":"u","host":"h"}],"paths":1}`
	at := `{"experiment":"x","calib_dir":"/c","group":"a::b","source":"s","ctype":"gain","range":"0-end","events":[`
	digest := content("x").SHA256
	f.Add([]byte(id + "\n" + at + `{"k":"put","x":0,"t":1,"d":"` + digest + `","g":1},{"k":"undo","x":0,"t":2,"g":-1}]}`))
	f.Add([]byte(id + "\n" + at + `{"k":"intent","x":0,"t":1,"g":-1}]}`))
	f.Add([]byte(`{"format":1,"paths":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if n, err := tx.ReadCheckpoint(bytes.NewReader(data)); err == nil && n > bytes.Count(data, []byte("{")) {
			t.Fatalf("%d paths", n)
		}
	})
}
