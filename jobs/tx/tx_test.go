package tx_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"deployconstants/jobs"
	"deployconstants/jobs/tx"
)

var withoutTime = cmpopts.IgnoreFields(tx.Record{}, "Time")

// A transaction is begun, written, finished, and read back as it was.
func TestTransaction(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	store := openStore(t, dir)
	plan := "the plan\n"
	transaction, err := store.Begin(t.Context(), applyHeader, strings.NewReader(plan))
	if err != nil {
		t.Fatal(err)
	}
	id := transaction.ID()
	if err := tx.CheckID(id); err != nil {
		t.Error(err)
	}
	replace := tx.Record{
		Kind: tx.Intent, Place: place(1), Action: tx.Replace, Prior: state("old"), New: new(tx.Content),
		History: &tx.HistoryState{Existed: true, Size: 17},
	}
	*replace.New = content("new")
	want := []tx.Record{
		intent(place(0), "a"), replace, done(place(0), "a"),
		{Kind: tx.Skipped, Place: place(1), Action: tx.Replace, Cause: "moved since the plan"},
		{Kind: tx.Registered, Type: "epix100a", Panel: "3925999616-0996663297", Alias: "0007"},
	}
	add(t, transaction, want[:2]...)
	add(t, transaction, want[2:]...)
	if list, err := store.List(t.Context()); err != nil || len(list) != 1 || list[0].Status != tx.Running {
		t.Errorf("while it is written: %+v, %v", list, err)
	}
	if _, err := store.Resume(t.Context(), id); !errors.Is(err, tx.ErrRunning) {
		t.Errorf("resumed while it is written: %v", err)
	}
	finish(t, transaction)

	summary, records := show(t, openStore(t, dir), id)
	if diff := cmp.Diff(want, records, withoutTime); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	if !slices.IsSortedFunc(records, func(a, b tx.Record) int { return int(a.Time - b.Time) }) || records[0].Time == records[1].Time {
		t.Error("times do not ascend")
	}
	if summary.Status != tx.Complete || summary.Result.Records != len(want) || summary.Result.Counts["intent"] != 2 || summary.User != "opr" {
		t.Errorf("%+v", summary)
	}
	pinned, err := store.Plan(id)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(pinned)
	if string(text) != plan || err != nil || pinned.Close() != nil {
		t.Errorf("plan %q, %v", text, err)
	}
	if summary.Plan != content(plan).SHA256 {
		t.Errorf("digest %s", summary.Plan)
	}
	if _, err := store.Resume(t.Context(), id); !errors.Is(err, tx.ErrFinished) {
		t.Errorf("a finished one was resumed: %v", err)
	}
	writeFile(t, filepath.Join(dir, "tx", id, "plan.jsonl.zst"), []byte("another\n"))
	if pinned, err = store.Plan(id); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(pinned); !errors.Is(err, tx.ErrDamaged) {
		t.Errorf("another plan: %v", err)
	}
	if err := pinned.Close(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"tx", "tx/" + id} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&^0o750 != 0 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}

// A transaction that was interrupted is listed as such, and goes on where it was.
func TestResume(t *testing.T) {
	store := newStore(t)
	transaction := begin(t, store)
	id := transaction.ID()
	add(t, transaction, intent(place(0), "a"), intent(place(1), "b"), done(place(0), "a"))
	if err := transaction.Close(); err != nil {
		t.Fatal(err)
	}
	if list, err := store.List(t.Context()); err != nil || list[0].Status != tx.Incomplete {
		t.Fatalf("%+v, %v", list, err)
	}
	again, err := store.Resume(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if found := again.Records(); len(found) != 3 || found[2].Kind != tx.Done || again.Header().User != "opr" {
		t.Errorf("found %+v", found)
	}
	add(t, again, done(place(1), "b"))
	finish(t, again)
	if err := again.Append(done(place(2), "c")); !errors.Is(err, tx.ErrJournal) {
		t.Errorf("appended to a finished one: %v", err)
	}
	if _, records := show(t, store, id); len(records) != 4 || records[3].Time <= records[2].Time {
		t.Errorf("%d records", len(records))
	}
}

// What is refused is refused before anything is written.
func TestRefused(t *testing.T) {
	store := newStore(t)
	if _, err := tx.Open(jobs.State{}); !errors.Is(err, jobs.ErrNoState) {
		t.Errorf("no directory: %v", err)
	}
	for _, h := range []tx.Header{{}, {Kind: "other"}, {Kind: tx.Undo}, {Kind: tx.Apply, UndoOf: "20260101T000000Z-00000000"}} {
		if _, err := store.Begin(t.Context(), h, nil); !errors.Is(err, tx.ErrRecord) {
			t.Errorf("%+v: %v", h, err)
		}
	}
	if _, err := store.Begin(t.Context(), tx.Header{Kind: tx.Undo, UndoOf: "../../etc"}, nil); !errors.Is(err, tx.ErrID) {
		t.Errorf("undo of a path: %v", err)
	}
	for _, id := range []string{"", "..", "20260101T000000Z-0000000G", "20260101T000000Z-00000000/..", "20261301T000000Z-00000000", "20260101T000000Z-ABCDEF01"} {
		if _, err := store.Resume(t.Context(), id); !errors.Is(err, tx.ErrID) {
			t.Errorf("resume %q: %v", id, err)
		}
		if _, _, err := store.Show(t.Context(), id); !errors.Is(err, tx.ErrID) {
			t.Errorf("show %q: %v", id, err)
		}
	}
	if _, err := store.Resume(t.Context(), "20260101T000000Z-00000000"); !errors.Is(err, tx.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	if _, _, err := store.Show(t.Context(), "20260101T000000Z-00000000"); !errors.Is(err, tx.ErrNotFound) {
		t.Errorf("unknown: %v", err)
	}
	transaction := begin(t, store)
	change := func(edit func(*tx.Record)) tx.Record {
		r := done(place(0), "a")
		edit(&r)
		return r
	}
	for name, record := range map[string]tx.Record{
		"no kind":             change(func(r *tx.Record) { r.Kind = "" }),
		"no content":          change(func(r *tx.Record) { r.New = nil }),
		"digest":              change(func(r *tx.Record) { r.New.SHA256 = "../../etc/passwd" }),
		"negative size":       change(func(r *tx.Record) { r.After.Size = -1 }),
		"relative":            change(func(r *tx.Record) { r.CalibDir = "calib" }),
		"unclean":             change(func(r *tx.Record) { r.CalibDir = "/data/../etc" }),
		"not UTF-8":           change(func(r *tx.Record) { r.Source = "a\xff" }),
		"control":             change(func(r *tx.Record) { r.CalibDir = "/data/\x1b" }),
		"traversal":           change(func(r *tx.Record) { r.Source = ".." }),
		"slash":               change(func(r *tx.Record) { r.Group = "a::b/c" }),
		"range":               change(func(r *tx.Record) { r.Range = "5-3" }),
		"range not canonical": change(func(r *tx.Record) { r.Range = "05-end" }),
		"experiment":          change(func(r *tx.Record) { r.Experiment = "../x" }),
		"directory":           change(func(r *tx.Record) { r.MissingDirs = []string{"../.."} }),
		"made directory":      change(func(r *tx.Record) { r.MadeDirs = []string{"/etc"} }),
		"too long":            change(func(r *tx.Record) { r.Cause = strings.Repeat("x", 1<<20) }),
		"no panel":            {Kind: tx.Registered},
	} {
		if err := transaction.Append(done(place(1), "b"), record); !errors.Is(err, tx.ErrRecord) {
			t.Errorf("%s: %v", name, err)
		}
	}
	finish(t, transaction)
	if summary, _ := show(t, store, transaction.ID()); summary.Result.Records != 0 {
		t.Errorf("%d records", summary.Result.Records)
	}
}

// An undo that took back all of a transaction settles it, one that did not does not.
func TestUndone(t *testing.T) {
	status := func(t *testing.T, complete bool, experiments []string, note string, record tx.Kind) tx.Status {
		store := newStore(t)
		first := begin(t, store)
		add(t, first, intent(place(0), "a"))
		if complete {
			add(t, first, done(place(0), "a"))
			finish(t, first)
		} else if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		undo := beginWith(t, store, tx.Header{Kind: tx.Undo, UndoOf: first.ID(), Experiments: experiments})
		add(t, undo, tx.Record{Kind: record, Place: place(0), Action: tx.Remove, Cause: "x"})
		if err := undo.Finish(tx.Result{Note: note}); err != nil {
			t.Fatal(err)
		}
		summary, _ := show(t, store, first.ID())
		if diff := cmp.Diff([]string{undo.ID()}, summary.UndoneBy); diff != "" {
			t.Error(diff)
		}
		return summary.Status
	}
	for name, test := range map[string]struct {
		complete    bool
		experiments []string
		note        string
		record      tx.Kind
		want        tx.Status
	}{
		"whole":       {true, nil, "", tx.Undone, tx.TakenBack},
		"interrupted": {false, nil, "", tx.Undone, tx.TakenBack},
		"one":         {true, []string{"xpp00000"}, "", tx.Undone, tx.Complete},
		"refused":     {true, nil, "", tx.Skipped, tx.Complete},
		"stopped":     {false, nil, "stopped", tx.Undone, tx.Incomplete},
	} {
		t.Run(name, func(t *testing.T) {
			if got := status(t, test.complete, test.experiments, test.note, test.record); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

// One damaged transaction does not hide the others, and is told by its file.
func TestListDamaged(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	good, bad := begin(t, store), begin(t, store)
	finish(t, good)
	finish(t, bad)
	for name, damage := range map[string]func(path string) error{
		"not JSON": func(path string) error { return os.WriteFile(path, []byte("{"), 0o600) },
		"other id": func(path string) error {
			return os.WriteFile(path, readFile(t, filepath.Join(dir, "tx", good.ID(), "header.json")), 0o600)
		},
		"new format": func(path string) error {
			return os.WriteFile(path, []byte(fmt.Sprintf(`{"format":99,"id":%q,"kind":"apply"}`, bad.ID())), 0o600)
		},
		"other kind": func(path string) error {
			return os.WriteFile(path, []byte(fmt.Sprintf(`{"format":1,"id":%q,"kind":"x"}`, bad.ID())), 0o600)
		},
		"too large": func(path string) error { return os.Truncate(path, 1<<30) },
		"link": func(path string) error {
			return errors.Join(os.Remove(path), os.Symlink(filepath.Join(dir, "tx", good.ID(), "header.json"), path))
		},
		"missing": os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "tx", bad.ID(), "header.json")
			before := readFile(t, path)
			if err := damage(path); err != nil {
				t.Fatal(err)
			}
			list, err := store.List(t.Context())
			if err != nil || len(list) != 2 {
				t.Fatalf("%+v, %v", list, err)
			}
			for _, summary := range list {
				want := tx.Complete
				if summary.ID == bad.ID() {
					want = tx.Unreadable
				}
				if summary.Status != want || (want == tx.Unreadable) != strings.Contains(summary.Problem, bad.ID()) {
					t.Errorf("%+v", summary)
				}
			}
			if _, _, err := store.Show(t.Context(), bad.ID()); err == nil {
				t.Error("shown")
			}
			os.Remove(path) // a link or the file
			writeFile(t, path, before)
		})
	}
}

// Many goroutines append at once: all is there, and they share syncs.
func TestConcurrent(t *testing.T) {
	store := newStore(t)
	counter := &countingSystem{}
	transaction := begin(t, store.WithSystem(counter))
	counter.syncs = 0
	const goroutines, each = 16, 40
	var group sync.WaitGroup
	for g := range goroutines {
		group.Go(func() {
			for i := range each {
				p := place(g*each + i)
				if err := transaction.Append(intent(p, "x"), done(p, "x")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if counter.syncs >= goroutines*each {
		t.Errorf("%d syncs for %d appends: they do not share", counter.syncs, goroutines*each)
	}
	finish(t, transaction)
	_, records := show(t, store, transaction.ID())
	if len(records) != 2*goroutines*each {
		t.Fatalf("%d records", len(records))
	}
	for i := 0; i < len(records); i += 2 {
		if records[i].Path() != records[i+1].Path() || records[i].Kind != tx.Intent || records[i+1].Kind != tx.Done {
			t.Fatalf("records of one append are apart at %d", i)
		}
	}
	if d := deployed(t, store); d.Len() != goroutines*each {
		t.Errorf("%d deployed", d.Len())
	}
}

// countingSystem counts syncs of files, each of which takes a while.
type countingSystem struct {
	tx.Host
	syncs int
}

func (c *countingSystem) Sync(f *os.File) error {
	c.syncs++
	time.Sleep(200 * time.Microsecond)
	return c.Host.Sync(f)
}

// Concurrent transactions do not disturb each other.
func TestTransactionsAtOnce(t *testing.T) {
	store := newStore(t)
	var group sync.WaitGroup
	for g := range 8 {
		group.Go(func() {
			for i := range 5 {
				transaction, err := store.Begin(t.Context(), applyHeader, strings.NewReader("plan"))
				if err != nil {
					t.Error(err)
					return
				}
				p := place(g*8 + i)
				if err := errors.Join(transaction.Append(intent(p, "x")), transaction.Append(done(p, "x")), transaction.Finish(tx.Result{})); err != nil {
					t.Error(err)
				}
				if _, err := store.Deployed(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if d := deployed(t, store); d.Len() != 40 {
		t.Errorf("%d deployed", d.Len())
	}
}

// What dead processes left goes after a day, not before.
func TestStale(t *testing.T) {
	dir := t.TempDir()
	old, young := filepath.Join(dir, "tx", ".new-old"), filepath.Join(dir, "tx", ".new-young")
	object := filepath.Join(dir, "objects", ".tmp-old")
	for _, path := range []string{old, young, object} {
		if err := os.MkdirAll(path, 0o750); err != nil {
			t.Fatal(err)
		}
	}
	past := time.Now().Add(-tx.StaleAfter - time.Hour)
	if err := errors.Join(os.Chtimes(old, past, past), os.Chtimes(object, past, past)); err != nil {
		t.Fatal(err)
	}
	finish(t, begin(t, openStore(t, dir)))
	for path, want := range map[string]bool{old: false, object: false, young: true} {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) == want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A journal is cut at every byte: what is left is read to the cut, never an error.
// A byte changed where later records say that it was synced is damage.
func TestTorn(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	transaction := begin(t, store)
	add(t, transaction, intent(place(0), "a"))
	add(t, transaction, intent(place(1), "b"), done(place(0), "a"))
	if err := transaction.Close(); err != nil {
		t.Fatal(err)
	}
	whole := readFile(t, journalPath(dir, transaction.ID()))
	ends := []int{}
	for i, c := range whole {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	for cut := range whole {
		records, torn, err := tx.ReadJournal(bytes.NewReader(whole[:cut]))
		want := 0
		for _, end := range ends {
			if cut >= end {
				want++
			}
		}
		if err != nil || len(records) != want || torn != (cut > 0 && !slices.Contains(ends, cut)) {
			t.Fatalf("cut at %d: %d records, torn %v, %v", cut, len(records), torn, err)
		}
		zeros := append(bytes.Clone(whole[:cut]), make([]byte, len(whole)-cut)...)
		if records, _, err := tx.ReadJournal(bytes.NewReader(zeros)); err != nil || len(records) != want {
			t.Fatalf("zeros from %d: %d records, %v", cut, len(records), err)
		}
	}
	for at := range whole {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 1
		records, _, err := tx.ReadJournal(bytes.NewReader(flipped))
		switch first := ends[0]; {
		case at < first && !errors.Is(err, tx.ErrDamaged):
			t.Fatalf("byte %d of the synced group: %v", at, err)
		case at >= first && (err != nil || len(records) > 2 || len(records) < 1):
			t.Fatalf("byte %d of the last group: %d records, %v", at, len(records), err)
		}
	}
	// The torn end goes when the transaction is resumed.
	writeFile(t, journalPath(dir, transaction.ID()), whole[:ends[1]+10])
	again, err := store.Resume(t.Context(), transaction.ID())
	if err != nil {
		t.Fatal(err)
	}
	add(t, again, done(place(0), "a"))
	finish(t, again)
	if _, records := show(t, store, transaction.ID()); len(records) != 3 {
		t.Errorf("%d records", len(records))
	}
}

// Damage is an error that names the file, for the list, the deployed and a resume.
func TestDamagedJournal(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	transaction := begin(t, store)
	for i := range 3 {
		add(t, transaction, done(place(i), "a"))
	}
	if err := transaction.Close(); err != nil {
		t.Fatal(err)
	}
	path := journalPath(dir, transaction.ID())
	data := readFile(t, path)
	data[10] ^= 1
	writeFile(t, path, data)
	check := func(err error) {
		t.Helper()
		if !errors.Is(err, tx.ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %v", err)
		}
	}
	_, err := store.Deployed(t.Context())
	check(err)
	_, err = store.Resume(t.Context(), transaction.ID())
	check(err)
	_, seq, err := store.Show(t.Context(), transaction.ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range seq {
		check(err)
	}
	if list, err := store.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
}

// A complete transaction has all of its records, or is damaged.
func TestDamagedPacked(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	transaction := begin(t, store)
	add(t, transaction, done(place(0), "a"), done(place(1), "a"))
	finish(t, transaction)
	path := filepath.Join(dir, "tx", transaction.ID(), "journal.jsonl.zst")
	whole := readFile(t, path)
	for cut := range len(whole) {
		writeFile(t, path, whole[:cut])
		if _, err := store.Deployed(t.Context()); !errors.Is(err, tx.ErrDamaged) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Deployed(t.Context()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without a journal: %v", err)
	}
}

// Lines may be longer than what is read at once, but not endless.
func TestLongLines(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	transaction := begin(t, store)
	long := tx.Record{Kind: tx.Failed, Place: place(0), Cause: strings.Repeat("\x01", 100_000)}
	add(t, transaction, long, done(place(1), "a"))
	if err := transaction.Close(); err != nil {
		t.Fatal(err)
	}
	_, records := show(t, store, transaction.ID())
	if diff := cmp.Diff([]tx.Record{long, done(place(1), "a")}, records, withoutTime); diff != "" {
		t.Error(diff)
	}
	path := journalPath(dir, transaction.ID())
	whole := readFile(t, path)
	for _, tail := range []string{strings.Repeat("x", 3<<20), strings.Repeat("x", 3<<20) + "\n"} {
		records, torn, err := tx.ReadJournal(strings.NewReader(string(whole) + tail))
		if err != nil || !torn || len(records) != 2 {
			t.Errorf("%d records, torn %v, %v", len(records), torn, err)
		}
	}
	again, err := store.Resume(t.Context(), transaction.ID())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Plan(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a plan was not given: %v", err)
	}
	finish(t, again)
}

func FuzzJournal(f *testing.F) {
	dir := f.TempDir()
	transaction := begin(f, openStore(f, dir))
	add(f, transaction, intent(place(0), "a"))
	add(f, transaction, done(place(0), "a"), intent(place(1), "b"))
	f.Add(readFile(f, journalPath(dir, transaction.ID())))
	f.Add([]byte("{}\n"))
	f.Add([]byte{0, 0, 0, '\n', 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		records, torn, err := tx.ReadJournal(bytes.NewReader(data))
		if err != nil && !errors.Is(err, tx.ErrDamaged) {
			t.Fatalf("error %v", err)
		}
		if err == nil && !torn && len(records) != bytes.Count(data, []byte("\n")) {
			t.Fatalf("%d records of %d lines", len(records), bytes.Count(data, []byte("\n")))
		}
		for _, record := range records {
			if _, err := record.Target(); err != nil && record.Kind != tx.Registered {
				t.Fatalf("%+v: %v", record, err)
			}
		}
	})
}
