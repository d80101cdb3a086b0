package tx

import (
	"io"
	"time"
)

// System is the operations that tests let fail.
type System = system

// Host is the operations that work.
type Host = host

// WithSystem returns the store with other operations.
func (s *Store) WithSystem(sys System) *Store {
	other := *s
	other.sys = sys
	return &other
}

// WithClock returns the store with another clock.
func (s *Store) WithClock(now func() time.Time) *Store {
	other := *s
	other.now = now
	return &other
}

// StaleAfter is the age of what dead processes left.
const StaleAfter = staleAfter

// ReadJournal reads a journal as the store does.
func ReadJournal(r io.Reader) (records []Record, torn bool, err error) {
	reader := newJournalReader(r)
	for {
		record, err := reader.next()
		if err == io.EOF {
			return records, reader.torn, nil
		}
		if err != nil {
			return records, false, err
		}
		records = append(records, record)
	}
}

// ReadCheckpoint returns the number of paths of a checkpoint.
func ReadCheckpoint(r io.Reader) (int, error) {
	h, err := readCheckpoint(r)
	if err != nil {
		return 0, err
	}
	h.resolve()
	return len(h.paths), nil
}
