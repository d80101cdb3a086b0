package tx

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"deployconstants/internal/atomicfile"
)

// A Tx is an open transaction. Append may be called by many goroutines at once;
// Finish and Close only when all calls of it have returned.
type Tx struct {
	store   *Store
	dir     string
	header  Header
	journal *journal
	found   []Record
	part    Part // of Join
}

// ID returns the transaction's id.
func (t *Tx) ID() string { return t.header.ID }

// Header returns the transaction's header.
func (t *Tx) Header() Header { return t.header }

// Records returns the records as Resume found them, those of parts too, in the order of
// their times; none after Begin. See Join for those of a part. The caller must not
// change them.
func (t *Tx) Records() []Record { return t.found }

// Plan opens the pinned plan, see Store.Plan.
func (t *Tx) Plan() (io.ReadCloser, error) { return t.store.Plan(t.ID()) }

// Append adds the records to the journal, in this order, and returns when they are
// durable: only then may be done what an intent announces, and be claimed what a
// result says. Calls that come together share one sync. There is no context: what
// has happened is recorded even when the user has had enough.
//
// Errors wrap ErrRecord, and then none of the records is written, or ErrJournal,
// and then nothing can be appended any more.
func (t *Tx) Append(records ...Record) error {
	if err := t.journal.append(records); err != nil {
		return fmt.Errorf("transaction %s: %w", t.ID(), err)
	}
	return nil
}

// Finish gives the transaction its result, compresses its journal and closes it.
// After an error the transaction is closed and can be resumed, unless the error
// came after the result was in place: then resuming it is ErrFinished.
func (t *Tx) Finish(r Result) (err error) {
	if err := t.finish(r); err != nil {
		t.Close() // the lock ends either way
		return fmt.Errorf("finish transaction %s: %w", t.ID(), err)
	}
	return t.Close()
}

func (t *Tx) finish(r Result) error {
	if t.journal.err != nil {
		return t.journal.err
	}
	if t.joined() {
		return errors.New("it is finished as a whole, by Resume")
	}
	path := filepath.Join(t.dir, journalName)
	records, parts, err := t.store.together(context.Background(), t.ID())
	var packed *bytes.Buffer
	switch {
	case err != nil:
		return err
	case parts:
		if len(records) > 0 {
			t.journal.time = max(t.journal.time, records[len(records)-1].Time)
		}
		packed, err = t.packTogether(records, &r)
	default:
		packed, err = t.pack(path, &r)
	}
	if err != nil {
		return err
	}
	if err := t.store.sys.Publish(t.dir, packedName, packed); err != nil {
		return err
	}
	r.Format = formatVersion
	if r.Finished.IsZero() {
		r.Finished = time.Unix(0, max(t.journal.time, t.store.now().UnixNano()))
	}
	r.Finished = r.Finished.UTC()
	if err := t.store.publishJSON(t.dir, resultName, r); err != nil {
		return err
	}
	if parts {
		defer t.removeParts()
	}
	return t.store.sys.Remove(path)
}

// pack compresses the journal, and counts its records for the result.
func (t *Tx) pack(path string, r *Result) (*bytes.Buffer, error) {
	file, err := atomicfile.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close() // only read
	packed, hash := new(bytes.Buffer), sha256.New()
	encoder, err := newEncoder()
	if err != nil {
		return nil, err
	}
	defer encoders.Put(encoder)
	encoder.Reset(packed)
	reader := newJournalReader(io.TeeReader(file, io.MultiWriter(hash, encoder)))
	r.Counts = map[string]int{}
	for {
		record, err := reader.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		r.Counts[string(record.Kind)]++
	}
	if reader.torn || reader.n != t.journal.n {
		return nil, fmt.Errorf("%s: %w: %d records of %d", path, ErrDamaged, reader.n, t.journal.n)
	}
	r.Records, r.Journal = reader.n, hex.EncodeToString(hash.Sum(nil))
	return packed, encoder.Close()
}

// Close releases the transaction; without Finish it stays to be resumed. Further
// calls do nothing.
func (t *Tx) Close() error { return t.journal.close() }
