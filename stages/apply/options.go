package apply

import (
	"context"
	"io"
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/fslock"
	"deployconstants/jobs"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
)

// Options say how plans are carried out and taken back.
type Options struct {
	State      jobs.State
	Repository *repo.Repository // Apply and Resume

	// CalibDir returns the absolute calib directory of an experiment by the
	// settings. An error keeps all of the experiment from being touched: it is
	// unknown, or frozen.
	CalibDir func(experiment string) (string, error)

	Calib calibdir.Options
	Zone  *time.Location // of the times in HISTORY

	// The transaction's header; Time is now if it is zero.
	User, Host, Dir, Command, Origin string
	Time                             time.Time

	Holder      fslock.Holder // of the locks of experiments
	LockTimeout time.Duration // how long the lock of an experiment is waited for; 0: not at all

	// Pipeline bounds workers and what is in flight; MaxBytes is of constants that
	// are written but not synced, default 1 GiB. Drain finishes what is in flight.
	Pipeline pipeline.Options

	// MaxChanges refuses plans with more changes; 0: no limit.
	MaxChanges int

	// MaxReplacePercent refuses plans that replace more than this of the files that
	// are deployed by the plan, 0 to 100; 0: no limit.
	MaxReplacePercent float64

	// Waves carry out some experiments before others; none: all at once.
	Waves []Wave

	// Verify is asked after each wave but the last, with the experiments done so
	// far; an error stops the transaction. nil: nobody asks.
	Verify func(ctx context.Context, id string, experiments []string) error

	// NoUndo allows replacements whose previous content cannot be kept.
	NoUndo bool

	// Judge may refuse constants of a create or replace item; deployed is nil where
	// there is no file yet. The item's digests tell verdicts apart that are known.
	Judge func(ctx context.Context, item planfile.Item, constants, deployed io.Reader) error

	// Events, if set, is told of every file and panel in the order of the plan,
	// from one goroutine, when it is durable.
	Events func(Outcome)

	// Warn is told once where the file system has no locks.
	Warn func(error)

	system atomicfile.System          // nil: the host
	wrap   func(journal) journal      // tests put a failing journal there
	now    func() time.Time           // of the header
	batch  struct{ files, mib int64 } // limits of a batch
}

// A Status is what became of a file or panel.
type Status string

// The states of outcomes.
const (
	Done       Status = "done"       // published, recorded, durable
	Adopted    Status = "adopted"    // ours from now on
	Registered Status = "registered" // the panel has an alias
	Undone     Status = "undone"     // as it was before the transaction
	Skipped    Status = "skipped"    // left alone, since it is not as expected: Cause
	Locked     Status = "locked"     // left alone, since another process works on the experiment
	Failed     Status = "failed"     // Cause
)

// An Outcome is what became of one file or panel.
type Outcome struct {
	tx.Place           // of a file; of a panel the experiment alone
	Action   tx.Action // of a file; Keep also of adoptions
	Status   Status
	Cause    string        // one line; of Skipped, Locked, Failed
	Item     planfile.Item // Apply and Resume
	Alias    string        // of a Registered panel
	Again    bool          // had been done before this call
}

// A Result is what became of a transaction. Outcomes are counted by status.
type Result struct {
	ID       string         `json:"transaction"`
	Kind     string         `json:"kind"`
	Counts   map[Status]int `json:"counts"`
	Locked   []string       `json:"locked,omitempty"` // experiments, sorted
	Complete bool           `json:"complete"`         // nothing is left for Resume
}

// count adds an outcome.
func (r *Result) count(o Outcome) {
	r.Counts[o.Status]++
	if o.Status == Locked && (len(r.Locked) == 0 || r.Locked[len(r.Locked)-1] != o.Experiment) {
		r.Locked = append(r.Locked, o.Experiment)
	}
}

// journal is what a transaction is told.
type journal interface{ Append(...tx.Record) error }

// nowhere is the journal of a call that does nothing which is to be recorded.
type nowhere struct{}

func (nowhere) Append(...tx.Record) error { return nil }

func (o *Options) applyDefaults() {
	if o.system == nil {
		o.system = atomicfile.Host
	}
	if o.wrap == nil {
		o.wrap = func(j journal) journal { return j }
	}
	if o.now == nil {
		o.now = time.Now
	}
	if o.Events == nil {
		o.Events = func(Outcome) {}
	}
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	if o.Pipeline.MaxBytes == 0 {
		o.Pipeline.MaxBytes = 1 << 30 // what a host writes back in seconds
	}
	if o.batch.files == 0 {
		// One sync for so many files costs each little; a batch that is lost by a
		// crash is redone in a moment.
		o.batch.files, o.batch.mib = 128, 128
	}
}
