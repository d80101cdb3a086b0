package tx_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"deployconstants/internal/testenv"
	"deployconstants/jobs"
	"deployconstants/jobs/tx"
)

var children = testenv.Children{}

func TestMain(m *testing.M) { children.Main(m) }

// newStore returns a store in an empty state directory.
func newStore(t testing.TB) *tx.Store {
	t.Helper()
	return openStore(t, t.TempDir())
}

func openStore(t testing.TB, dir string) *tx.Store {
	t.Helper()
	store, err := tx.Open(jobs.State{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// applyHeader is what the tests begin transactions with.
var applyHeader = tx.Header{Kind: tx.Apply, User: "opr", Host: "psana101"}

// clock returns a clock that ticks with every look.
func clock() func() time.Time {
	now := time.Date(2026, 11, 24, 1, 2, 3, 0, time.UTC)
	return func() time.Time {
		now = now.Add(10 * time.Millisecond)
		return now
	}
}

// place returns one of many places.
func place(n int) tx.Place {
	exp := fmt.Sprintf("xpp%05d", n/8)
	return tx.Place{
		Experiment: exp, CalibDir: "/data/xpp/" + exp + "/calib", Group: "Epix100a::CalibV1",
		Source: "XcsEndstation.0:Epix100a.1", CType: "pixel_gain", Range: fmt.Sprintf("%d-end", n%8),
	}
}

// content returns the content of a text.
func content(text string) tx.Content {
	sum := sha256.Sum256([]byte(text))
	return tx.Content{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(text))}
}

func state(text string) *tx.FileState {
	return &tx.FileState{Content: content(text), Mode: 0o664, UID: 12, GID: 34, ModTime: 1700000000123456789, Links: 1, ACL: []byte{2, 0, 0, 0}}
}

// intent and done are the two records of a creation.
func intent(p tx.Place, text string) tx.Record {
	c := content(text)
	return tx.Record{
		Kind: tx.Intent, Place: p, Action: tx.Create, New: &c, History: &tx.HistoryState{},
		MissingDirs: []string{p.Group, p.Group + "/" + p.Source}, Constants: "/repo/epix100a/0001/gain/0-end.data",
	}
}

func done(p tx.Place, text string) tx.Record {
	c := content(text)
	return tx.Record{Kind: tx.Done, Place: p, Action: tx.Create, New: &c, After: state(text), Constants: "/repo/epix100a/0001/gain/0-end.data"}
}

func begin(t testing.TB, store *tx.Store) *tx.Tx {
	t.Helper()
	return beginWith(t, store, applyHeader)
}

func beginWith(t testing.TB, store *tx.Store, h tx.Header) *tx.Tx {
	t.Helper()
	transaction, err := store.Begin(t.Context(), h, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { transaction.Close() }) // mostly closed already
	return transaction
}

func add(t testing.TB, transaction *tx.Tx, records ...tx.Record) {
	t.Helper()
	if err := transaction.Append(records...); err != nil {
		t.Fatal(err)
	}
}

func finish(t testing.TB, transaction *tx.Tx) {
	t.Helper()
	if err := transaction.Finish(tx.Result{}); err != nil {
		t.Fatal(err)
	}
}

// show returns a transaction with its records.
func show(t testing.TB, store *tx.Store, id string) (tx.Summary, []tx.Record) {
	t.Helper()
	summary, seq, err := store.Show(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var records []tx.Record
	for record, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	return summary, records
}

func deployed(t testing.TB, store *tx.Store) *tx.Deployed {
	t.Helper()
	d, err := store.Deployed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// journalPath returns the journal of an open transaction.
func journalPath(dir, id string) string { return filepath.Join(dir, "tx", id, "journal.jsonl") }

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeFile(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o640); err != nil {
		t.Fatal(err)
	}
}
