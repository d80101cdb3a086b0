package scan

import (
	"encoding/json"
	"errors"
	"fmt"

	"deployconstants/xtc/ledger"
)

// Counts are what a scan, or a part of it, found and did.
type Counts struct {
	Experiments int `json:"experiments,omitempty"` // looked at
	NoData      int `json:"no_data,omitempty"`     // of these, without a directory of XTC files
	Absent      int `json:"absent,omitempty"`      // known to the ledger and selected, but not on disk

	Unchanged int `json:"unchanged,omitempty"` // runs as the ledger has them
	New       int `json:"new,omitempty"`       // runs recorded for the first time
	Changed   int `json:"changed,omitempty"`   // runs recorded again
	Damaged   int `json:"damaged,omitempty"`   // of New and Changed, those recorded with a cause
	Pending   int `json:"pending,omitempty"`   // runs still being written, or that changed while they were read
	Failed    int `json:"failed,omitempty"`    // runs that the system did not let read: the next scan tries again
	Gone      int `json:"gone,omitempty"`      // known runs of listed experiments without files
	Offline   int `json:"offline,omitempty"`   // runs that were never read, and have only links that lead nowhere
	Skipped   int `json:"skipped,omitempty"`   // runs that are known to lie outside the filter's period

	Listed int   `json:"listed,omitempty"` // files looked up
	Opened int   `json:"opened,omitempty"` // files opened
	Bytes  int64 `json:"bytes,omitempty"`  // sizes of the files of all runs that were read
}

// add adds the counts of a part.
func (c *Counts) add(d Counts) {
	c.Experiments += d.Experiments
	c.NoData += d.NoData
	c.Absent += d.Absent
	c.Unchanged += d.Unchanged
	c.New += d.New
	c.Changed += d.Changed
	c.Damaged += d.Damaged
	c.Pending += d.Pending
	c.Failed += d.Failed
	c.Gone += d.Gone
	c.Offline += d.Offline
	c.Skipped += d.Skipped
	c.Listed += d.Listed
	c.Opened += d.Opened
	c.Bytes += d.Bytes
}

// Result is what a scan found and did: the sum of its events.
type Result struct {
	Counts

	Segments  int               // committed to the ledger
	Problems  []Problem         // in the order of experiments and runs
	Conflicts []ledger.Conflict // what files no longer say, in that order
}

// Add adds what an event tells. The events of a scan that was split by experiments
// add up to the Result of one that was not, but for Segments.
func (r *Result) Add(e Event) {
	r.Counts.add(e.Counts)
	if e.Kind == Committed {
		r.Segments++
	}
	if e.Problem != nil {
		r.Problems = append(r.Problems, *e.Problem)
	}
	r.Conflicts = append(r.Conflicts, e.Conflicts...)
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

// problemLine is a Problem in JSON: of the error the text is left.
type problemLine struct {
	Kind       Kind   `json:"kind"`
	Experiment string `json:"experiment,omitempty"`
	Run        int    `json:"run"`
	Path       string `json:"path,omitempty"`
	Message    string `json:"message,omitempty"`
}

// MarshalJSON writes the problem with the text of its error.
func (p Problem) MarshalJSON() ([]byte, error) {
	line := problemLine{Kind: p.Kind, Experiment: p.Experiment, Run: p.Run, Path: p.Path}
	if p.Err != nil {
		line.Message = oneLine(p.Err.Error())
	}
	return json.Marshal(line)
}

// UnmarshalJSON reads what MarshalJSON wrote; the error has only its text.
func (p *Problem) UnmarshalJSON(text []byte) error {
	var line problemLine
	if err := json.Unmarshal(text, &line); err != nil {
		return err
	}
	*p = Problem{Kind: line.Kind, Experiment: line.Experiment, Run: line.Run, Path: line.Path}
	if line.Message != "" {
		p.Err = errors.New(line.Message)
	}
	return nil
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
	Absent     EventKind = "absent"     // an experiment that the ledger knows is not on disk
	Listed     EventKind = "listed"     // an experiment was listed; Total of its runs are to be read
	Read       EventKind = "read"       // a run was read and recorded
	Left       EventKind = "left"       // a run was to be read, and could not be
	Trouble    EventKind = "problem"    // Problem says which
	Committed  EventKind = "committed"  // Total records are in the ledger
)

// An Event is a step of a scan, and what it adds to the Result. Events come one at a
// time, in an order that does not depend on the number of workers: what has no
// experiment first, then each experiment's together, sorted by its name.
//
// In JSON, an event is a line of the manifest of a scan.
type Event struct {
	Kind       EventKind         `json:"event"`
	Experiment string            `json:"experiment,omitempty"`
	Run        int               `json:"run"`             // -1 where it is about more than a run
	Total      int               `json:"total,omitempty"` // of Discovered, Listed, Committed
	Files      int               `json:"files,omitempty"` // of the experiment or run
	Counts     Counts            `json:"counts,omitzero"`
	Problem    *Problem          `json:"problem,omitempty"`
	Conflicts  []ledger.Conflict `json:"conflicts,omitempty"`
}

// InManifest reports whether the event is about experiments and runs, and so the same
// however a scan is split.
func (e Event) InManifest() bool { return e.Kind != Discovered && e.Kind != Committed }
