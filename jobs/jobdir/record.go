package jobdir

import (
	"errors"
	"io/fs"
	"time"
)

// A Submission is an array, or a single task, that was given to Slurm, or was to be.
type Submission struct {
	Token    string          `json:"token"` // name of the Slurm job, which no other has
	Step     Step            `json:"step"`
	Round    int             `json:"round"`             // from 1
	Offset   int             `json:"offset"`            // of the array's index 0 in the round
	Tasks    int             `json:"tasks"`             // of the array; 0: a single task
	After    []string        `json:"after,omitempty"`   // tokens of those that it waits for
	Requeue  bool            `json:"requeue,omitempty"` // Slurm starts tasks again whose node fails, or that are preempted
	Exclude  []string        `json:"exclude,omitempty"` // nodes that it must not use
	State    SubmissionState `json:"state"`
	SlurmJob string          `json:"slurm_job,omitempty"`
	Message  string          `json:"message,omitempty"` // why it was refused, or is unknown
	Time     time.Time       `json:"time"`              // of the last change, UTC
}

// A SubmissionState says what became of a submission. Part of the format.
type SubmissionState string

// The states of submissions.
const (
	Drafted   SubmissionState = "drafted"   // not tried yet
	Intended  SubmissionState = "intended"  // about to be submitted: whoever was at it knows the end, or died
	Submitted SubmissionState = "submitted" // Slurm has it
	Refused   SubmissionState = "refused"   // Slurm does not have it, and was not or will not be given it
	Unknown   SubmissionState = "unknown"   // Slurm may have it or not
	Cancelled SubmissionState = "cancelled"
)

// A Record is what was given to Slurm, in the order of submission.
type Record struct {
	Submissions []Submission `json:"submissions"`
}

// Round returns the number of the last round of a step, 0 for none.
func (r *Record) Round(step Step) int {
	last := 0
	for _, s := range r.Submissions {
		if s.Step == step {
			last = max(last, s.Round)
		}
	}
	return last
}

// Record returns what was given to Slurm; nothing of a job that was never submitted.
func (j *Job) Record() (Record, error) {
	var r Record
	err := j.readJSON("slurm.json", &r)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return r, err
}

// SetRecord replaces the record, durably. Its caller holds the lock "submit".
func (j *Job) SetRecord(r Record) error { return j.publishJSON("slurm.json", r) }
