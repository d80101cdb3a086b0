package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"slices"
	"time"

	"deployconstants/internal/atomicfile"
)

// Modes of what the ledger makes: readable by the group, by nobody else.
const (
	dirMode  = atomicfile.Mode(0o750)
	fileMode = atomicfile.Mode(0o640)
)

// Writer collects runs in memory, some hundred bytes each, until Commit. It is not
// safe for concurrent use; a ledger may have any number of writers.
type Writer struct {
	ledger *Ledger
	runs   []Run
}

// NewWriter returns a writer without runs.
func (l *Ledger) NewWriter() *Writer { return &Writer{ledger: l} }

// Add takes a run, of which it keeps a copy, sorted. Bytes that are not UTF-8
// become U+FFFD. The error wraps ErrRecord.
func (w *Writer) Add(r Run) error {
	prepared, err := r.prepare()
	if err == nil {
		w.runs = append(w.runs, prepared)
	}
	return err
}

// Len returns how many runs wait for Commit.
func (w *Writer) Len() int { return len(w.runs) }

// Commit publishes the runs as one segment, whole or not at all, and durable when
// it returns. The writer is empty afterwards and may be used again; after an error
// it still has its runs, and Commit may be called again. Without runs it does
// nothing. Errors are those of atomicfile.Publish and the cause of ctx.
func (w *Writer) Commit(ctx context.Context) error {
	if len(w.runs) == 0 {
		return nil
	}
	slices.SortStableFunc(w.runs, func(a, b Run) int { return compareRuns(a, b) })
	_, _, err := w.ledger.publish(ctx, nil, slices.Values(w.runs))
	if err == nil {
		clear(w.runs)
		w.runs = w.runs[:0]
	}
	return err
}

// Abort forgets the runs.
func (w *Writer) Abort() { w.runs = nil }

// publish makes a segment of runs that come in order. It returns its name and size.
func (l *Ledger) publish(ctx context.Context, replaces []string, runs iter.Seq[Run]) (name string, size int64, err error) {
	var content bytes.Buffer
	e := newEncoder(&content, replaces)
	for run := range runs {
		if ctx.Err() != nil {
			return "", 0, context.Cause(ctx)
		}
		if err := e.add(run); err != nil {
			return "", 0, fmt.Errorf("ledger segment: %w", err)
		}
	}
	if err := e.close(); err != nil {
		return "", 0, fmt.Errorf("ledger segment: %w", err)
	}
	if content.Len() > maxSegment {
		return "", 0, fmt.Errorf("ledger segment of %d bytes; at most %d are read again", content.Len(), maxSegment)
	}
	root, err := l.root()
	if err != nil {
		return "", 0, err
	}
	defer root.Close()
	name, size = nameOf(content.Bytes(), time.Now()), int64(content.Len())
	_, err = atomicfile.Publish(root, name, &content, atomicfile.Options{Mode: fileMode, Group: -1, MustCreate: true})
	return name, size, err
}

// root opens the directory and makes it if it is missing.
func (l *Ledger) root() (*os.Root, error) {
	root, err := os.OpenRoot(l.dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return root, err
	}
	if err := os.MkdirAll(l.dir, dirMode.FS()); err != nil {
		return nil, err
	}
	return os.OpenRoot(l.dir)
}
