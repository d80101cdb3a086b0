package ledger

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"deployconstants/pipeline"
)

// CompactAbove is how many segments a ledger should have at most: a sweep compacts
// it when there are more.
const CompactAbove = 64

// Ledger is a directory of segments. It is safe for concurrent use, by any number
// of processes on any number of hosts.
type Ledger struct{ dir string }

// Open returns the ledger in the directory, of which only the path is kept: a
// missing one is an empty ledger, and the first Commit makes it.
func Open(dir string) (*Ledger, error) {
	if dir == "" {
		return nil, fmt.Errorf("ledger without a directory")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &Ledger{dir: dir}, nil
}

// Dir returns the absolute path of the directory.
func (l *Ledger) Dir() string { return l.dir }

// SegmentInfo describes one segment.
type SegmentInfo struct {
	Name    string    // below Dir
	Created time.Time // UTC, as the name has it
	Bytes   int64
	Rows    int64 // one for each run, and one for each run and source
}

// CompactResult says what a compaction did.
type CompactResult struct {
	Before, After int    // segments that were read and that replace them
	Segment       string // name of the new one; "" if nothing was to do
	Bytes         int64  // of the new one
	Superseded    int    // records of runs that were dropped
	Conflicts     []Conflict
}

// Segments returns the segments in the order of their names, which is that of
// their making. Only their ends are read. It returns a *FormatError for one that
// cannot be read, beside all others.
func (l *Ledger) Segments() ([]SegmentInfo, error) {
	names, err := l.list()
	if err != nil {
		return nil, err
	}
	var infos []SegmentInfo
	var damaged []error
	for _, name := range names {
		info, err := l.inspect(name)
		switch {
		case errors.Is(err, fs.ErrNotExist): // compacted meanwhile
		case err != nil:
			damaged = append(damaged, err)
		default:
			infos = append(infos, info)
		}
	}
	return infos, errors.Join(damaged...)
}

// Load reads all segments, by column. Records of one run are merged in the order of
// (Scanned, name of the segment), so that it does not matter who wrote what when.
//
// A segment that cannot be read is a *FormatError with its path, and there is no
// index: records never go missing silently. Other errors are ErrBusy,
// pipeline.ErrNotAttempted, and those of the system.
func (l *Ledger) Load(ctx context.Context) (*Index, error) {
	x, _, err := l.load(ctx, pipeline.Options{})
	return x, err
}

// attempts bounds how often a load begins again because a segment had gone.
const attempts = 20

// load returns the index and the segments that were read for it.
func (l *Ledger) load(ctx context.Context, o pipeline.Options) (*Index, []*segment, error) {
	for range attempts {
		names, err := l.list()
		if err != nil {
			return nil, nil, err
		}
		x, segments, err := l.read(ctx, o, names)
		if !errors.Is(err, fs.ErrNotExist) {
			return x, segments, err
		}
		// A compaction removed what was listed: its result is listed next time.
	}
	return nil, nil, fmt.Errorf("%s: %w", l.dir, ErrBusy)
}
