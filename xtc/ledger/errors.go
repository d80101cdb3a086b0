package ledger

import (
	"errors"
	"fmt"
)

var (
	// ErrRecord: a run that cannot be recorded, such as one without experiment or
	// with a source twice.
	ErrRecord = errors.New("not a record for the ledger")

	// ErrBusy: segments kept disappearing while they were read, as they do while
	// other processes compact the ledger without end.
	ErrBusy = errors.New("the ledger kept changing while it was read; try again")

	// ErrFormat: Export does not know the format.
	ErrFormat = errors.New("not a format; choose csv, jsonl or parquet")
)

// A FormatError says that a segment cannot be read. The other segments are whole:
// with this one moved away they are read, and a scan reads again from the XTC
// files what only this one knew.
type FormatError struct {
	Path string
	Err  error // what is wrong
}

// Error says what to do, too.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: damaged ledger segment: %v; restore it from a backup, or move it away and scan again", e.Path, e.Err)
}

func (e *FormatError) Unwrap() error { return e.Err }
