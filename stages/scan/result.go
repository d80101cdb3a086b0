package scan

import (
	"fmt"

	"deployconstants/xtc/ledger"
)

// Result counts what a scan found and did.
type Result struct {
	Experiments int // looked at
	NoData      int // of these, without a directory of XTC files
	Absent      int // known to the ledger and selected, but not on disk

	Unchanged int // runs as the ledger has them
	New       int // runs recorded for the first time
	Changed   int // runs recorded again
	Damaged   int // of New and Changed, those recorded with a cause
	Pending   int // runs still being written, or that changed while they were read
	Failed    int // runs that the system did not let read: the next scan tries again
	Gone      int // known runs of listed experiments without files
	Offline   int // runs that were never read, and have only links that lead nowhere
	Skipped   int // runs that are known to lie outside the filter's period

	Listed   int   // files looked up
	Opened   int   // files opened
	Bytes    int64 // sizes of the files of all runs that were read
	Segments int   // committed

	Problems  []Problem         // in the order of experiments and runs
	Conflicts []ledger.Conflict // what files no longer say, in that order
}

// Kind tells problems apart.
type Kind string

// The kinds of problems.
const (
	NoRoot     Kind = "data root is missing"        // or cannot be listed
	EmptyRoot  Kind = "data root is empty"          // it may not be mounted
	Unreadable Kind = "cannot be read"              // a directory or file; tried again next time
	Vanished   Kind = "vanished"                    // between listing and reading
	Writing    Kind = "still being written"         // taken next time
	Broken     Kind = "damaged"                     // recorded with its cause
	NotRegular Kind = "not a regular file"          // left out
	Odd        Kind = "not as it should be"         // recorded all the same
	Conflict   Kind = "contradicts earlier reading" // the earlier record is kept
	Internal   Kind = "internal error"              // a defect of this program
)

// A Problem is something that somebody may have to look at.
type Problem struct {
	Kind       Kind
	Experiment string // "" where it is about a root or an instrument
	Run        int    // -1 where it is about more than a run
	Path       string // root, directory or file
	Err        error  // nil where Kind says it all
}

// String returns one line.
func (p Problem) String() string {
	if p.Path == "" && p.Err != nil { // a root, which the error names
		return oneLine(p.Err.Error())
	}
	where := p.Path
	if p.Experiment != "" && p.Run >= 0 {
		where = fmt.Sprintf("%s run %d: %s", p.Experiment, p.Run, p.Path)
	}
	if p.Err == nil {
		return oneLine(fmt.Sprintf("%s: %s", where, p.Kind))
	}
	return oneLine(fmt.Sprintf("%s: %s: %v", where, p.Kind, p.Err))
}

// EventKind tells events apart.
type EventKind string

// The kinds of events.
const (
	Discovered EventKind = "discovered" // Total experiments are to be looked at
	Listed     EventKind = "listed"     // an experiment was listed; Total of its runs are to be read
	Read       EventKind = "read"       // a run was read and recorded
	Trouble    EventKind = "problem"    // Problem says which
	Committed  EventKind = "committed"  // Total records are in the ledger
)

// An Event is a step of a scan. Events come one at a time, in an order that does
// not depend on the number of workers.
type Event struct {
	Kind       EventKind
	Experiment string
	Run        int // -1 where it is about more than a run
	Total      int
	Files      int   // of the experiment or run
	Bytes      int64 // of the run's files
	Problem    *Problem
}
