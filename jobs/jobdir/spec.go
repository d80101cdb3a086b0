package jobdir

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"deployconstants/jobs"
)

// Format is the version of the formats of this package.
const Format = 1

// A Kind is what a job is for.
type Kind string

// The kinds of jobs.
const (
	ScanJob  Kind = "scan"  // read headers into the ledger
	ApplyJob Kind = "apply" // carry a plan out
	SweepJob Kind = "sweep" // scan, plan, and, if it is to deploy, apply and verify
)

// A Step is a part of a job that begins when the one before has ended.
type Step string

// The steps, in their order. Part of the format.
const (
	Scan    Step = "scan"    // shards of experiments
	Plan    Step = "plan"    // one shard: publishes what was scanned, makes the plan, begins the transaction, cuts what follows
	Apply   Step = "apply"   // shards of the plan
	Verify  Step = "verify"  // shards of experiments
	Summary Step = "summary" // one shard: puts all results together
)

// Steps returns every step, in its order.
func Steps() []Step { return []Step{Scan, Plan, Apply, Verify, Summary} }

// Array reports whether the step is cut into shards.
func (s Step) Array() bool { return s == Scan || s == Apply || s == Verify }

func (s Step) check() error {
	if !slices.Contains(Steps(), s) {
		return fmt.Errorf("there is no step %q", s)
	}
	return nil
}

// A Spec is what a job is to do, as it was asked for. It never changes.
type Spec struct {
	Format  int       `json:"format"` // set by Create
	ID      string    `json:"id"`     // set by Create
	Kind    Kind      `json:"kind"`
	Deploy  bool      `json:"deploy"` // change calib directories and the repository
	Time    time.Time `json:"time"`   // of the submission, UTC
	User    string    `json:"user"`
	Host    string    `json:"host"` // that it was submitted on
	Dir     string    `json:"dir"`  // working directory of the submitter
	Command string    `json:"command"`
	Program string    `json:"program"` // absolute path of the binary that tasks run

	// Work is what the submitter's command line decided, for the command line of the
	// tasks: settings and selection.
	Work json.RawMessage `json:"work"`

	// Tasks is how many array tasks a step is given: as many as it has shards where it
	// is cut at once, the most that it may be cut into where that comes later.
	Tasks map[Step]int `json:"tasks"`

	Cut  string `json:"cut_sha256,omitempty"`  // of the Cut of the first step, if that is an array
	Plan string `json:"plan_sha256,omitempty"` // kind apply: of plan.jsonl.zst
}

// Steps returns the steps of the job.
func (s Spec) Steps() []Step {
	switch {
	case s.Kind == ScanJob:
		return []Step{Scan, Summary}
	case s.Kind == ApplyJob:
		return []Step{Plan, Apply, Verify, Summary}
	case s.Deploy:
		return []Step{Scan, Plan, Apply, Verify, Summary}
	default:
		return []Step{Scan, Plan, Summary}
	}
}

// Has reports whether the job has the step.
func (s Spec) Has(step Step) bool { return slices.Contains(s.Steps(), step) }

// MaxTasks bounds the array tasks of a step.
const MaxTasks = 100_000

func (s Spec) check() error {
	switch {
	case s.Format != Format:
		return fmt.Errorf("format %d, this program reads format %d", s.Format, Format)
	case s.Kind != ScanJob && s.Kind != ApplyJob && s.Kind != SweepJob:
		return fmt.Errorf("there is no kind %q", s.Kind)
	case s.Kind == ApplyJob && !s.Deploy:
		return errors.New("an apply that is not to deploy")
	case s.Kind == ApplyJob && !isDigest(s.Plan):
		return errors.New("an apply without a pinned plan")
	case s.Steps()[0].Array() && !isDigest(s.Cut):
		return errors.New("the shards are not pinned")
	}
	for _, step := range s.Steps() {
		if n := s.Tasks[step]; n < 1 || n > MaxTasks || !step.Array() && n != 1 {
			return fmt.Errorf("step %s has %d tasks", step, n)
		}
	}
	return nil
}

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

func isDigest(text string) bool { return digestForm.MatchString(text) }

// NewAttempt returns a name for an attempt that begins now, which no other has.
func NewAttempt(now time.Time) string { return jobs.NewID(now) }

// CheckID returns an error that wraps ErrID unless the text can be the id of a job,
// and so the name of its directory.
func CheckID(id string) error {
	if jobs.IsID(id) {
		return nil
	}
	return fmt.Errorf("%q: %w", id, ErrID)
}
