package tx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// A journal is the open journal of a transaction. Calls of append that come
// together are written and synced by one of them for all.
type journal struct {
	sys  system
	file *os.File
	now  func() time.Time

	mu      sync.Mutex
	settled *sync.Cond // syncing has become false
	waiting []Record   // not written yet
	taken   int        // records ever given to append, after those found
	durable int        // of the taken, synced
	busy    bool       // somebody writes
	err     error      // of the first failure; nothing is written from then on

	// For the one that writes.
	n    int   // records in the file
	time int64 // of the last record, UTC ns
	size int64 // of the file up to the last synced record, in bytes
	buf  []byte
}

// openJournal goes on with the journal in the file, which it reads to its end; a
// torn end is cut off. The file is the journal's from then on.
func openJournal(sys system, file *os.File, now func() time.Time) (j *journal, found []Record, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	j = &journal{sys: sys, file: file, now: now}
	j.settled = sync.NewCond(&j.mu)
	r := newJournalReader(file)
	for {
		record, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", file.Name(), err)
		}
		found = append(found, record)
		j.time = max(j.time, record.Time)
	}
	j.n, j.size = r.n, r.whole
	if r.torn {
		if err := sys.Truncate(file, r.whole); err != nil {
			return nil, nil, fmt.Errorf("cut off the torn end of %s: %w", file.Name(), err)
		}
	}
	// What a killed process wrote may still be on its way to the disk.
	if err := sys.Sync(file); err != nil {
		return nil, nil, err
	}
	return j, found, nil
}

// append returns when the records are durable. Errors wrap ErrRecord, and then
// none of them is written, or ErrJournal.
func (j *journal) append(records []Record) error {
	for i := range records {
		if err := records[i].check(); err != nil {
			return err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waiting = append(j.waiting, records...)
	j.taken += len(records)
	for last := j.taken; j.durable < last; {
		switch {
		case j.err != nil:
			return j.err
		case j.busy:
			j.settled.Wait()
		default:
			j.writeWaiting()
		}
	}
	return nil
}

// writeWaiting writes and syncs what waits, as one group. It is called with mu,
// which it gives up meanwhile.
func (j *journal) writeWaiting() {
	group, upTo := j.waiting, j.taken
	j.waiting, j.busy = nil, true
	j.mu.Unlock()
	err := j.write(group)
	j.mu.Lock()
	if j.busy = false; err != nil {
		j.err = fmt.Errorf("%w: %w", ErrJournal, err)
	} else {
		j.durable = upTo
	}
	j.settled.Broadcast()
}

// write appends one group. What failed is cut off again: after a failed sync the
// kernel may show bytes that never reach the disk, and a resume would trust them.
func (j *journal) write(group []Record) error {
	if err := j.encode(group); err != nil {
		return err
	}
	_, err := j.sys.Write(j.file, j.buf)
	if err == nil {
		err = j.sys.Sync(j.file)
	}
	if err != nil {
		return errors.Join(err, j.sys.Truncate(j.file, j.size))
	}
	j.size += int64(len(j.buf))
	return nil
}

// encode makes the lines of the group the content of buf.
func (j *journal) encode(group []Record) error {
	j.buf = j.buf[:0]
	synced := j.n
	for i := range group {
		j.n++
		j.time = max(j.time+1, j.now().UnixNano())
		group[i].Time = j.time
		var err error
		if j.buf, err = appendLine(j.buf, &line{Record: group[i], N: j.n, Synced: synced}); err != nil {
			return err
		}
	}
	return nil
}

// close ends the lock too.
func (j *journal) close() error {
	if j.file == nil {
		return nil
	}
	file := j.file
	j.file = nil
	return file.Close()
}
