package tx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"deployconstants/internal/fslock"
	"deployconstants/jobs"
)

// Names in the directory of a transaction. Part of the format, do not change.
const (
	headerName  = "header.json"
	planName    = "plan.jsonl.zst"
	journalName = "journal.jsonl"
	packedName  = "journal.jsonl.zst"
	resultName  = "result.json"
)

// newPrefix begins the name of a transaction's directory that is being made.
const newPrefix = ".new-"

// staleAfter is the age at which such a directory is taken for a dead process's.
const staleAfter = 24 * time.Hour

// maxSmall bounds headers and results, in bytes.
const maxSmall = 4 << 20

// A Store is the transactions of a state directory. Its methods may be called by
// many goroutines and processes at once.
type Store struct {
	state jobs.State
	sys   system
	now   func() time.Time
}

// Open opens the transactions of a state directory. It makes nothing; a missing
// directory has no transactions. The error wraps jobs.ErrNoState.
func Open(state jobs.State) (*Store, error) {
	if state.Dir == "" {
		return nil, jobs.ErrNoState
	}
	return &Store{state: state, sys: host{}, now: time.Now}, nil
}

// Objects returns the previous contents.
func (s *Store) Objects() *Objects { return &Objects{dir: s.state.Objects(), sys: s.sys} }

// dir returns the directory of a transaction.
func (s *Store) dir(id string) string { return filepath.Join(s.state.Transactions(), id) }

// Begin makes a transaction, durably, with a pinned copy of the plan (nil: none).
// It appears whole: header, plan and empty journal. Of the header it sets Format,
// ID, Plan and, if it is zero, Time.
func (s *Store) Begin(ctx context.Context, h Header, plan io.Reader) (_ *Tx, err error) {
	if h.Kind != Apply && h.Kind != Undo || (h.Kind == Undo) != (h.UndoOf != "") {
		return nil, fmt.Errorf("%w: kind %q, undo of %q", ErrRecord, h.Kind, h.UndoOf)
	}
	if h.UndoOf != "" {
		if err := CheckID(h.UndoOf); err != nil {
			return nil, err
		}
	}
	if err := makeDir(s.sys, s.state.Transactions()); err != nil {
		return nil, fmt.Errorf("begin a transaction: %w", err)
	}
	s.removeStale()
	now := s.notBefore(s.now())
	if h.Time.IsZero() {
		h.Time = now
	}
	h.Format, h.ID, h.Time = formatVersion, jobs.NewID(now), h.Time.UTC().Truncate(time.Second)
	temporary := filepath.Join(s.state.Transactions(), newPrefix+h.ID)
	t, err := s.make(ctx, temporary, h, plan)
	if err == nil {
		t.journal.time = now.UnixNano()
		if err = s.sys.Rename(temporary, s.dir(h.ID)); err == nil {
			t.dir = s.dir(h.ID)
			err = s.sys.SyncDir(s.state.Transactions())
		}
		if err != nil {
			err = errors.Join(err, t.Close())
		}
	}
	if err != nil {
		os.RemoveAll(temporary) // nothing of it counts
		return nil, fmt.Errorf("begin a transaction: %w", err)
	}
	return t, nil
}

// notBefore returns now, or the end of the newest transactions if that is later: a
// clock that was set back must not change the order of transactions.
func (s *Store) notBefore(now time.Time) time.Time {
	ids, _ := s.ids() // Begin will tell
	for _, id := range slices.Backward(ids) {
		if jobs.SecondOf(id) != jobs.SecondOf(ids[len(ids)-1]) { // ids of one second are in no order
			break
		}
		summary, err := s.summary(id)
		if err == nil && summary.Result != nil && summary.Result.Finished.After(now) {
			now = summary.Result.Finished
		}
	}
	return now
}

// make fills the directory of a new transaction and locks its journal.
func (s *Store) make(ctx context.Context, dir string, h Header, plan io.Reader) (*Tx, error) {
	if err := s.sys.Mkdir(dir); err != nil {
		return nil, err
	}
	if plan != nil {
		hash := sha256.New()
		if err := s.sys.Publish(dir, planName, io.TeeReader(ctxReader{ctx, plan}, hash)); err != nil {
			return nil, fmt.Errorf("pin the plan: %w", err)
		}
		h.Plan = hex.EncodeToString(hash.Sum(nil))
	}
	if err := s.publishJSON(dir, headerName, h); err != nil {
		return nil, err
	}
	if err := s.sys.Publish(dir, journalName, strings.NewReader("")); err != nil {
		return nil, err
	}
	return s.openTx(dir, h)
}

// publishJSON writes a small file, durably.
func (s *Store) publishJSON(dir, name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return s.sys.Publish(dir, name, bytes.NewReader(append(text, '\n')))
}

// removeStale removes what processes left that died while they made a transaction
// or kept a content. What cannot be removed is left to the next Begin.
func (s *Store) removeStale() {
	for _, place := range []struct{ dir, prefix string }{
		{s.state.Transactions(), newPrefix}, {s.state.Objects(), tempPrefix},
	} {
		entries, _ := os.ReadDir(place.dir) // objects may be missing; Begin tells of the other
		for _, entry := range entries {
			info, err := entry.Info()
			if err == nil && strings.HasPrefix(entry.Name(), place.prefix) && s.now().Sub(info.ModTime()) > staleAfter {
				os.RemoveAll(filepath.Join(place.dir, entry.Name())) // else the next time
			}
		}
	}
}

// Resume opens a transaction that was interrupted, to go on with it; a torn end
// of its journal is cut off. Errors wrap ErrID, ErrNotFound, ErrFinished,
// ErrRunning, ErrDamaged or what the system returned. Where the file system has no
// locks, ErrRunning is not found out.
func (s *Store) Resume(ctx context.Context, id string) (*Tx, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	summary, err := s.summary(id)
	switch {
	case err != nil:
		return nil, err
	case summary.Result != nil:
		return nil, fmt.Errorf("resume %s: %w", id, ErrFinished)
	}
	t, err := s.openTx(s.dir(id), summary.Header)
	if errors.Is(err, fs.ErrNotExist) { // finished meanwhile
		return nil, fmt.Errorf("resume %s: %w", id, ErrFinished)
	}
	if err == nil {
		err = s.addParts(ctx, t)
	}
	if err != nil {
		return nil, fmt.Errorf("resume %s: %w", id, err)
	}
	return t, nil
}

// addParts adds the records of parts to those that were found. On an error it closes
// the transaction.
func (s *Store) addParts(ctx context.Context, t *Tx) error {
	running, err := s.partsRunning(t.ID())
	if err == nil && running {
		err = ErrRunning
	}
	if err == nil {
		var all []Record
		var parts bool
		if all, parts, err = s.together(ctx, t.ID()); parts {
			t.found = all
		}
	}
	if err != nil {
		return errors.Join(err, t.Close())
	}
	return nil
}

// openTx locks the journal in dir and reads it.
func (s *Store) openTx(dir string, h Header) (*Tx, error) {
	file, err := s.sys.OpenJournal(filepath.Join(dir, journalName))
	if err != nil {
		return nil, err
	}
	err = fslock.File(context.Background(), file, 0)
	if errors.Is(err, fslock.ErrHeld) {
		return nil, errors.Join(ErrRunning, file.Close())
	}
	if err != nil && !errors.Is(err, fslock.ErrUnsupported) {
		return nil, errors.Join(err, file.Close())
	}
	j, found, err := openJournal(s.sys, file, s.now)
	if err != nil {
		return nil, err
	}
	return &Tx{store: s, dir: dir, header: h, journal: j, found: found}, nil
}

// ctxReader ends with its context.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
