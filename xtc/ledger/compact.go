package ledger

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"

	"deployconstants/pipeline"
)

// Compact writes the current records as one segment and then removes those that it
// read; what others write or compact meanwhile stays. The new segment names those
// that it replaces, so that a crash between leaves them without effect. A single
// segment without superseded records is left as it is.
//
// Errors are those of Load and Commit. An old segment that could not be removed is
// an error beside the result, which holds.
func (l *Ledger) Compact(ctx context.Context) (CompactResult, error) {
	x, segments, err := l.load(ctx, pipeline.Options{})
	if err != nil {
		return CompactResult{}, err
	}
	stats := x.Stats()
	result := CompactResult{Before: len(segments), After: len(segments), Superseded: stats.Superseded, Conflicts: stats.Conflicts}
	if len(segments) == 0 || len(segments) == 1 && stats.Superseded == 0 {
		return result, nil
	}
	names := make([]string, len(segments))
	for i, s := range segments {
		names[i] = s.name
		s.file = nil // its bytes are in the index
	}
	if result.Segment, result.Bytes, err = l.publish(ctx, names, x.all()); err != nil {
		return result, err
	}
	result.After = 1
	var failed []error
	for _, s := range segments {
		failed = append(failed, s.remove())
	}
	return result, errors.Join(failed...)
}

// remove removes the file that was read, but not one that took its name.
func (s *segment) remove() error {
	info, err := os.Lstat(s.path)
	if err == nil && os.SameFile(info, s.info) {
		err = os.Remove(s.path)
	}
	if errors.Is(err, fs.ErrNotExist) { // by another compaction
		return nil
	}
	return err
}

// all is every current run, in order.
func (x *Index) all() iter.Seq[Run] {
	return func(yield func(Run) bool) {
		for _, at := range x.refs {
			if !yield(x.run(at)) {
				return
			}
		}
	}
}
