package tx_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs/tx"
)

// join opens a part of a transaction.
func join(t testing.TB, store *tx.Store, id string, shard int, attempt string) *tx.Tx {
	t.Helper()
	part, err := store.Join(t.Context(), id, tx.Part{Shard: shard, Attempt: attempt})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { part.Close() }) // mostly closed already
	return part
}

func closeTx(t testing.TB, transaction *tx.Tx) {
	t.Helper()
	if err := transaction.Close(); err != nil {
		t.Fatal(err)
	}
}

// open begins a transaction that others are to join.
func open(t testing.TB, store *tx.Store) string {
	t.Helper()
	transaction := begin(t, store)
	closeTx(t, transaction)
	return transaction.ID()
}

// A transaction that several processes carried out is, when it is finished, as if one
// had done it all; until then everybody sees what each has recorded.
func TestParts(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir).WithClock(clock())
	id := open(t, store)
	first, second := join(t, store, id, 1, "a"), join(t, store, id, 2, "b")
	for n := range 6 { // alternating: the order is that of the times
		part := []*tx.Tx{first, second}[n%2]
		add(t, part, intent(place(n), "x"))
		if n > 1 {
			add(t, part, done(place(n), "x"))
		}
	}
	if got, _ := deployed(t, store).Owner(place(3).Path()); got.Tx != id {
		t.Errorf("while it goes on the owner is %q", got.Tx)
	}
	if _, pending := deployed(t, store).Pending(place(1).Path()); !pending {
		t.Error("an intent without result is not pending")
	}
	if summary, _ := show(t, store, id); summary.Status != tx.Running {
		t.Errorf("it is %s while parts are open", summary.Status)
	}
	if _, err := store.Resume(t.Context(), id); !errors.Is(err, tx.ErrRunning) {
		t.Errorf("resumed beside its parts: %v", err)
	}
	closeTx(t, first)
	closeTx(t, second)
	before, records := show(t, store, id)
	if before.Status != tx.Incomplete || len(records) != 10 {
		t.Fatalf("%s with %d records", before.Status, len(records))
	}
	for i := 1; i < len(records); i++ {
		if records[i].Time < records[i-1].Time {
			t.Fatalf("record %d is older than the one before", i)
		}
	}

	whole, err := store.Resume(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(records, whole.Records()); diff != "" {
		t.Errorf("resumed (-shown +found):\n%s", diff)
	}
	if _, err := store.Join(t.Context(), id, tx.Part{Shard: 3, Attempt: "c"}); !errors.Is(err, tx.ErrRunning) {
		t.Errorf("joined beside the whole: %v", err)
	}
	add(t, whole, done(place(0), "x"))
	finish(t, whole)
	after, final := show(t, store, id)
	if after.Status != tx.Complete || after.Result.Records != 11 || after.Result.Counts["done"] != 5 {
		t.Errorf("finished: %+v", after.Result)
	}
	if diff := cmp.Diff(records, final[:10]); diff != "" {
		t.Errorf("finished (-before +after):\n%s", diff)
	}
	if _, err := os.Stat(filepath.Join(dir, "tx", id, "parts")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("parts are left: %v", err)
	}
	if _, err := store.Join(t.Context(), id, tx.Part{Shard: 1, Attempt: "d"}); !errors.Is(err, tx.ErrFinished) {
		t.Errorf("joined after the end: %v", err)
	}
}

// An attempt sees what other attempts at its part did, and nothing of other parts; a
// torn end counts for nothing.
func TestOthers(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	id := open(t, store)
	killed, elsewhere := join(t, store, id, 7, "killed"), join(t, store, id, 8, "elsewhere")
	add(t, killed, intent(place(0), "x"), done(place(0), "x"))
	add(t, elsewhere, intent(place(9), "x"))
	path := filepath.Join(dir, "tx", id, "parts", "0007", "killed.jsonl")
	writeFile(t, path, append(readFile(t, path), `{"kind":"done"`...))
	next := join(t, store, id, 7, "next")
	if got := next.Records(); len(got) != 2 || got[1].Kind != tx.Done || got[1].Path() != place(0).Path() {
		t.Errorf("the next attempt found %+v", got)
	}
	writeFile(t, path, nil) // asked again, not remembered
	add(t, next, intent(place(1), "x"))
	others, err := next.Others(t.Context())
	if err != nil || len(others) != 0 {
		t.Errorf("others %+v, %v", others, err)
	}
	if err := next.Finish(tx.Result{}); err == nil {
		t.Error("a part finished the whole")
	}
}

// What is no part is refused, and so is an attempt that was made before.
func TestJoinRefused(t *testing.T) {
	store := newStore(t)
	id := open(t, store)
	join(t, store, id, 1, "once")
	for name, test := range map[string]struct {
		id   string
		part tx.Part
		want error
	}{
		"twice":      {id, tx.Part{Shard: 1, Attempt: "once"}, fs.ErrExist},
		"no shard":   {id, tx.Part{Attempt: "x"}, tx.ErrRecord},
		"no attempt": {id, tx.Part{Shard: 1}, tx.ErrRecord},
		"path":       {id, tx.Part{Shard: 1, Attempt: "../x"}, tx.ErrRecord},
		"hidden":     {id, tx.Part{Shard: 1, Attempt: ".x"}, tx.ErrRecord},
		"no such":    {"20261124T021500Z-7f3a09c1", tx.Part{Shard: 1, Attempt: "x"}, tx.ErrNotFound},
		"no id":      {"x", tx.Part{Shard: 1, Attempt: "x"}, tx.ErrID},
	} {
		if _, err := store.Join(t.Context(), test.id, test.part); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// Every operation of a finish fails once: the transaction is finished or can be, and no
// record is lost or told twice.
func TestFinishPartsFaults(t *testing.T) {
	for k := 1; ; k++ {
		store := newStore(t)
		id := open(t, store)
		for shard := 1; shard <= 3; shard++ {
			part := join(t, store, id, shard, "a")
			add(t, part, intent(place(shard), "x"), done(place(shard), "x"))
			closeTx(t, part)
		}
		sys := &faulty{failAt: k}
		whole, err := store.WithSystem(sys).Resume(t.Context(), id)
		if err == nil {
			err = whole.Finish(tx.Result{})
		}
		if err != nil && !errors.Is(err, errFault) {
			t.Fatalf("operation %d: %v", k, err)
		}
		if sys.calls < k {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		when := fmt.Sprintf("operation %d: %v", k, err)
		summary, records := show(t, store, id)
		if len(records) != 6 {
			t.Fatalf("%s: %s with %d records", when, summary.Status, len(records))
		}
		if summary.Status == tx.Complete {
			continue
		}
		if whole, err = store.Resume(t.Context(), id); err != nil {
			t.Fatalf("%s: resume: %v", when, err)
		}
		finish(t, whole)
		if summary, records = show(t, store, id); summary.Status != tx.Complete || len(records) != 6 {
			t.Fatalf("%s: then %s with %d records", when, summary.Status, len(records))
		}
	}
}
