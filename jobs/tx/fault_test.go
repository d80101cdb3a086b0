package tx_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"deployconstants/jobs/tx"
)

// errFault is what a failing operation returns.
var errFault = unix.EIO

// faulty is the host with one failing operation, or all from one on.
type faulty struct {
	tx.Host
	failAt  int  // the operation that fails, counted from 1
	forever bool // and all after it: the disk is gone
	partial bool // a failing write writes half: the disk is full
	calls   int
}

func (f *faulty) fails(name string) error {
	if f.calls++; f.calls == f.failAt || f.forever && f.calls > f.failAt {
		return fmt.Errorf("%s: %w", name, errFault)
	}
	return nil
}

func (f *faulty) Mkdir(path string) error {
	if err := f.fails("mkdir"); err != nil {
		return err
	}
	return f.Host.Mkdir(path)
}

func (f *faulty) Create(path string) (*os.File, error) {
	if err := f.fails("create"); err != nil {
		return nil, err
	}
	return f.Host.Create(path)
}

func (f *faulty) OpenJournal(path string) (*os.File, error) {
	if err := f.fails("open"); err != nil {
		return nil, err
	}
	return f.Host.OpenJournal(path)
}

func (f *faulty) Write(file *os.File, p []byte) (int, error) {
	if err := f.fails("write"); err != nil {
		n := 0
		if f.partial {
			n, _ = file.Write(p[:len(p)/2])
		}
		return n, err
	}
	return f.Host.Write(file, p)
}

func (f *faulty) Truncate(file *os.File, size int64) error {
	if err := f.fails("truncate"); err != nil {
		return err
	}
	return f.Host.Truncate(file, size)
}

func (f *faulty) Chmod(file *os.File, mode uint32) error {
	if err := f.fails("chmod"); err != nil {
		return err
	}
	return f.Host.Chmod(file, mode)
}

func (f *faulty) Sync(file *os.File) error {
	if err := f.fails("sync"); err != nil {
		return err
	}
	return f.Host.Sync(file)
}

func (f *faulty) SyncFiles(files []*os.File) error {
	if err := f.fails("sync directory"); err != nil {
		return err
	}
	return f.Host.SyncFiles(files)
}

func (f *faulty) SyncDir(path string) error {
	if err := f.fails("sync directory"); err != nil {
		return err
	}
	return f.Host.SyncDir(path)
}

func (f *faulty) Rename(from, to string) error {
	if err := f.fails("rename"); err != nil {
		return err
	}
	return f.Host.Rename(from, to)
}

func (f *faulty) Remove(path string) error {
	if err := f.fails("remove"); err != nil {
		return err
	}
	return f.Host.Remove(path)
}

func (f *faulty) Publish(dir, name string, src io.Reader) error {
	if err := f.fails("publish"); err != nil {
		return err
	}
	return f.Host.Publish(dir, name, src)
}

// claims is what a process was told is durable.
type claims struct {
	id       string
	places   []tx.Place
	objects  []tx.Content
	finished bool
}

// work is a transaction with previous contents; it stops at the first error, as
// apply does.
func work(ctx context.Context, store *tx.Store) (claimed claims, err error) {
	transaction, err := store.Begin(ctx, applyHeader, strings.NewReader("plan"))
	if err != nil {
		return claimed, err
	}
	defer transaction.Close()
	claimed.id = transaction.ID()
	for round := range 2 {
		batch := store.Objects().Batch()
		defer batch.Abort()
		var kept []tx.Content
		for n := range 2 {
			c, err := batch.Put(ctx, strings.NewReader(fmt.Sprintf("old %d.%d", round, n/2)), public)
			if err != nil {
				return claimed, err
			}
			kept = append(kept, c)
		}
		if err := batch.Commit(ctx); err != nil {
			return claimed, err
		}
		claimed.objects = append(claimed.objects, kept...)
		p := place(round)
		if err := transaction.Append(intent(p, "x")); err != nil {
			return claimed, err
		}
		if err := transaction.Append(done(p, "x")); err != nil {
			return claimed, err
		}
		claimed.places = append(claimed.places, p)
	}
	err = transaction.Finish(tx.Result{})
	claimed.finished = err == nil
	return claimed, err
}

// Every operation fails once, and every operation fails together with all that
// follow: what was claimed is there, the rest can be resumed, nothing is damaged.
func TestFaults(t *testing.T) {
	for name, fault := range map[string]faulty{"once": {partial: true}, "forever": {forever: true}} {
		t.Run(name, func(t *testing.T) {
			for k := 1; ; k++ {
				sys := fault
				sys.failAt = k
				dir := t.TempDir()
				healthy := openStore(t, dir)
				claimed, err := work(t.Context(), healthy.WithSystem(&sys))
				if sys.calls < k {
					if err != nil || !claimed.finished {
						t.Fatalf("without a fault: %v", err)
					}
					return
				}
				if err != nil && !errors.Is(err, errFault) {
					t.Fatalf("operation %d: %v", k, err)
				}
				check(t, healthy, claimed, fmt.Sprintf("%s, operation %d: %v", name, k, err))
				if !sys.forever {
					checkNoTemporaries(t, dir, k)
				}
			}
		})
	}
}

// check compares a store with what was claimed, resumes what is open, and finishes it.
func check(t *testing.T, store *tx.Store, claimed claims, when string) {
	t.Helper()
	list, err := store.List(t.Context())
	if err != nil {
		t.Fatalf("%s: list: %v", when, err)
	}
	before := deployed(t, store)
	for _, p := range claimed.places {
		if o, ok := before.Owner(p.Path()); !ok || o.Tx != claimed.id || o.Content != content("x") {
			t.Fatalf("%s: %s is %+v, %v", when, p.Path(), o, ok)
		}
	}
	for _, c := range claimed.objects {
		if _, err := read(store.Objects(), c); err != nil {
			t.Fatalf("%s: object: %v", when, err)
		}
	}
	for _, summary := range list {
		switch summary.Status {
		case tx.Complete:
		case tx.Incomplete:
			if claimed.finished && summary.ID == claimed.id {
				t.Fatalf("%s: claimed to be finished", when)
			}
			again, err := store.Resume(t.Context(), summary.ID)
			if err != nil {
				t.Fatalf("%s: resume: %v", when, err)
			}
			add(t, again, done(place(7), "x"))
			finish(t, again)
			if _, ok := deployed(t, store).Owner(place(7).Path()); !ok {
				t.Fatalf("%s: what was resumed is not there", when)
			}
		default:
			t.Fatalf("%s: %+v", when, summary)
		}
	}
}

func checkNoTemporaries(t *testing.T, dir string, k int) {
	t.Helper()
	left := slices.DeleteFunc(files(t, dir), func(path string) bool {
		return !strings.Contains(path, "/.tmp-") && !strings.Contains(path, "/.new-")
	})
	if len(left) > 1 { // one, where removing it was what failed
		t.Errorf("operation %d left %v", k, left)
	}
}

// A resume that fails anywhere can be repeated.
func TestResumeFaults(t *testing.T) {
	for k := 1; ; k++ {
		dir := t.TempDir()
		store := openStore(t, dir)
		first := begin(t, store)
		add(t, first, intent(place(0), "x"), done(place(0), "x"))
		if err := first.Close(); err != nil {
			t.Fatal(err)
		}
		path := journalPath(dir, first.ID())
		writeFile(t, path, append(readFile(t, path), `{"torn`...))
		sys := &faulty{failAt: k}
		again, err := store.WithSystem(sys).Resume(t.Context(), first.ID())
		if err == nil {
			if err = again.Append(done(place(1), "x")); err == nil {
				err = again.Finish(tx.Result{})
			}
			again.Close()
		}
		if sys.calls < k {
			if err != nil {
				t.Fatal(err)
			}
			return
		}
		check(t, store, claims{id: first.ID(), places: []tx.Place{place(0)}}, fmt.Sprintf("operation %d: %v", k, err))
	}
}
