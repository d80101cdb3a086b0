package submit

import (
	"time"

	"deployconstants/jobs/jobdir"
)

// A Status is how far a job is. Part of the JSON output.
type Status struct {
	Job       string      `json:"job"`
	Kind      jobdir.Kind `json:"kind"`
	Deploy    bool        `json:"deploy"`
	Submitted time.Time   `json:"submitted"` // UTC
	User      string      `json:"user"`
	Host      string      `json:"host"`
	Dir       string      `json:"dir"`

	State    State         `json:"state"`
	Steps    []StepStatus  `json:"steps"`
	Rate     float64       `json:"rate,omitempty"`     // experiments a second, of the step at hand
	Left     time.Duration `json:"left_ns,omitempty"`  // estimated, of the step at hand; 0: unknown
	Failures []Failure     `json:"failures,omitempty"` // of shards without result, by cause
	NotDone  []Cause       `json:"not_done,omitempty"` // files and runs in results that were not done, by cause
	Record   []Entry       `json:"submitted_jobs"`     // what Slurm was given
	Notes    []string      `json:"notes,omitempty"`    // what could not be learned
}

// A State says what is to be expected of a job.
type State string

// The states of jobs.
const (
	Complete State = "complete"  // every step has all its results
	Active   State = "active"    // Slurm has tasks of the step at hand
	Waiting  State = "waiting"   // Slurm has tasks, none of the step at hand
	Cut      State = "cut short" // Slurm has no task of it: resume goes on
	Unasked  State = "unknown"   // Slurm does not answer
)

// A StepStatus is how far a step is. Its shards are, each, one of these.
type StepStatus struct {
	Step    jobdir.Step `json:"step"`
	Tasks   int         `json:"tasks"`  // array tasks that it was given
	Shards  int         `json:"shards"` // 0: not cut yet
	Done    int         `json:"done"`
	Running int         `json:"running"`
	Queued  int         `json:"queued"`  // in Slurm's queue
	Stopped int         `json:"stopped"` // told to before they were done; not queued again
	Failed  int         `json:"failed"`  // with a cause; not queued again
	Absent  int         `json:"absent"`  // not in the queue, and no attempt was made

	Experiments int   `json:"experiments"` // of all shards
	Settled     int   `json:"settled"`     // experiments that are done with
	Failures    int   `json:"failures"`    // files and runs that were not done
	Bytes       int64 `json:"bytes"`       // estimated, of all shards
}

// A Failure is shards without result that share a cause.
type Failure struct {
	Step   jobdir.Step `json:"step"`
	Cause  string      `json:"cause"`
	Shards []int       `json:"shards"`
	Nodes  []string    `json:"nodes,omitempty"` // that it happened on, sorted
}

// A Cause is a number of things that were not done for the same reason.
type Cause struct {
	Cause string `json:"cause"`
	Count int    `json:"count"`
}

// An Entry is a submission, and what Slurm says of its tasks.
type Entry struct {
	jobdir.Submission
	States map[string]int `json:"states,omitempty"` // tasks by their state in the queue
}
