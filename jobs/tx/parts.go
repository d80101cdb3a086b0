package tx

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/fslock"
)

// partsName is the directory of the journals of processes that carry a transaction
// out together. Part of the format, do not change.
const partsName = "parts"

// partExt ends the name of such a journal.
const partExt = ".jsonl"

// A Part says which part of a transaction a process carries out, for what time.
type Part struct {
	Shard   int    // number of the part, from 1
	Attempt string // no other process has it: letters, digits, and "._-", at most 100
}

var attemptName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

func (p Part) check() error {
	if p.Shard < 1 || p.Shard > 999_999 || !attemptName.MatchString(p.Attempt) {
		return fmt.Errorf("%w: part %d, attempt %q", ErrRecord, p.Shard, p.Attempt)
	}
	return nil
}

// dir is that of the journals of all attempts at a part, below the transaction's.
func (p Part) dir() string { return filepath.Join(partsName, fmt.Sprintf("%04d", p.Shard)) }

// Join opens a transaction for one of several processes that carry it out together,
// each its part. What it appends goes to a journal of its own, so that an attempt that
// is taken for dead and is not can do no harm to the next one. Records are those of the
// other attempts at this part, as Others returns them. The transaction is finished by
// Resume and Finish, when all have ended.
//
// Errors wrap ErrID, ErrNotFound, ErrFinished, ErrRunning while a process has the whole
// of it, ErrRecord for what is no part, fs.ErrExist for an attempt that was made
// already, ErrDamaged, or what the system returned.
func (s *Store) Join(ctx context.Context, id string, p Part) (*Tx, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	summary, err := s.summary(id)
	switch {
	case err != nil:
		return nil, err
	case summary.Result != nil:
		return nil, fmt.Errorf("join %s: %w", id, ErrFinished)
	}
	t, err := s.joinPart(ctx, summary.Header, p)
	if err != nil {
		return nil, fmt.Errorf("join %s: %w", id, err)
	}
	return t, nil
}

func (s *Store) joinPart(ctx context.Context, h Header, p Part) (*Tx, error) {
	dir := filepath.Join(s.dir(h.ID), p.dir())
	if err := makeDir(s.sys, dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, p.Attempt+partExt)
	file, err := s.sys.Create(path)
	if err != nil {
		return nil, err
	}
	err = errors.Join(s.sys.Chmod(file, uint32(fileMode)), s.sys.SyncDir(dir), file.Close())
	if err != nil {
		return nil, err
	}
	if file, err = s.sys.OpenJournal(path); err != nil {
		return nil, err
	}
	if err = fslock.File(ctx, file, 0); err != nil && !errors.Is(err, fslock.ErrUnsupported) {
		return nil, errors.Join(err, file.Close())
	}
	j, _, err := openJournal(s.sys, file, s.now)
	if err != nil {
		return nil, err
	}
	t := &Tx{store: s, dir: s.dir(h.ID), header: h, journal: j, part: p}
	// Whoever has the whole looks at the parts after that: one of both sees the other.
	whole, err := isHeld(filepath.Join(t.dir, journalName))
	if err == nil && whole {
		err = errors.Join(ErrRunning, s.sys.Remove(path))
	}
	if err == nil {
		err = readJournal(ctx, filepath.Join(t.dir, journalName), func(r Record) { t.found = append(t.found, r) })
	}
	var others []Record
	if err == nil {
		others, err = t.Others(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	t.found = append(t.found, others...)
	sortByTime(t.found)
	return t, nil
}

// Others returns what other attempts at the part of a joined transaction have
// recorded by now, in the order of the times; of an attempt that goes on, what is
// durable. An intent is there before its file is changed: whoever finds a file that is
// not as it was asks again who did that.
func (t *Tx) Others(ctx context.Context) ([]Record, error) {
	dir := filepath.Join(t.dir, t.part.dir())
	names, err := journalsIn(dir)
	if err != nil {
		return nil, err
	}
	var all []Record
	for _, name := range names {
		if name == t.part.Attempt+partExt {
			continue
		}
		if err := readJournal(ctx, filepath.Join(dir, name), func(r Record) { all = append(all, r) }); err != nil {
			return nil, err
		}
	}
	sortByTime(all)
	return all, nil
}

// joined reports whether the transaction was opened by Join.
func (t *Tx) joined() bool { return t.part.Shard > 0 }

// partPaths returns the journals of all parts of a transaction, sorted.
func (s *Store) partPaths(id string) ([]string, error) {
	root := filepath.Join(s.dir(id), partsName)
	entries, err := os.ReadDir(root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		dir := filepath.Join(root, entry.Name())
		names, err := journalsIn(dir)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			paths = append(paths, filepath.Join(dir, name))
		}
	}
	return paths, nil
}

// journalsIn returns the names of the journals in the directory of a part, sorted.
func journalsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if attempt, ok := strings.CutSuffix(entry.Name(), partExt); ok && attemptName.MatchString(attempt) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// readJournal hands on the records of a journal that is not packed, up to where it is
// torn.
func readJournal(ctx context.Context, path string, take func(Record)) error {
	file, err := atomicfile.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return err
	}
	defer file.Close() // only read
	reader := newJournalReader(ctxReader{ctx, file})
	for {
		record, err := reader.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		take(record)
	}
}

// together returns the records of a transaction that is not finished and has parts:
// of its own journal and of all parts, in the order of their times. It reports false
// where there are no parts, and wraps fs.ErrNotExist where it was finished meanwhile.
func (s *Store) together(ctx context.Context, id string) (all []Record, parts bool, err error) {
	paths, err := s.partPaths(id)
	if err != nil || len(paths) == 0 {
		return nil, false, err
	}
	for _, path := range append([]string{filepath.Join(s.dir(id), journalName)}, paths...) {
		if err := readJournal(ctx, path, func(r Record) { all = append(all, r) }); err != nil {
			return nil, true, err
		}
	}
	sortByTime(all)
	return all, true, nil
}

func sortByTime(records []Record) {
	slices.SortStableFunc(records, func(a, b Record) int { return cmp.Compare(a.Time, b.Time) })
}

// partsRunning reports whether a process that joined the transaction works on it.
func (s *Store) partsRunning(id string) (bool, error) {
	paths, err := s.partPaths(id)
	if err != nil {
		return false, err
	}
	for _, path := range paths {
		held, err := isHeld(path)
		if held || err != nil {
			return held, err
		}
	}
	return false, nil
}

// isHeld reports whether a process has the journal at the path open.
func isHeld(path string) (bool, error) {
	file, err := atomicfile.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return false, err
	}
	defer file.Close() // only asked
	return fslock.IsHeld(file)
}

// packTogether is pack where there are parts: the journal that it makes is as if one
// process had written it.
func (t *Tx) packTogether(records []Record, r *Result) (*bytes.Buffer, error) {
	packed, hash := new(bytes.Buffer), sha256.New()
	encoder, err := newEncoder()
	if err != nil {
		return nil, err
	}
	defer encoders.Put(encoder)
	encoder.Reset(packed)
	out := io.MultiWriter(hash, encoder)
	r.Counts = map[string]int{}
	var text []byte
	for i := range records {
		r.Counts[string(records[i].Kind)]++
		text, err = appendLine(text[:0], &line{Record: records[i], N: i + 1, Synced: i})
		if err == nil {
			_, err = out.Write(text)
		}
		if err != nil {
			return nil, err
		}
	}
	r.Records, r.Journal = len(records), hex.EncodeToString(hash.Sum(nil))
	return packed, encoder.Close()
}

// removeParts removes the journals of the parts; what cannot be removed is in nobody's
// way.
func (t *Tx) removeParts() { os.RemoveAll(filepath.Join(t.dir, partsName)) }
