package slurm

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"
)

// A Scheduler is the part of Slurm that work is given to. Commands is Slurm itself.
// Implementations may be used concurrently.
type Scheduler interface {
	// Limits returns what the cluster allows.
	Limits(ctx context.Context) (Limits, error)

	// Submit hands a job over. See Doubtful for what its errors mean.
	Submit(ctx context.Context, job Submission) (JobID, error)

	// Jobs returns the tasks of those names that the queue knows: all that wait or
	// run, and those that ended minutes ago (MinJobAge).
	Jobs(ctx context.Context, names []string) ([]Task, error)

	// Accounting returns every attempt of those names that was recorded since the
	// time. ErrNoAccounting: there are no records, or they cannot be had now.
	Accounting(ctx context.Context, names []string, since time.Time) ([]Record, error)

	// Cancel ends jobs with all their tasks. It returns before they have ended, and
	// has nothing to say of ids that are unknown or ended.
	Cancel(ctx context.Context, jobs ...JobID) error

	// Requeue runs a task again, on none of the nodes in exclude.
	Requeue(ctx context.Context, task TaskID, exclude []string) error
}

// A JobID is Slurm's number of a job; of an array, the number that its tasks have
// in common. 0 is none.
type JobID uint32

// Task returns the id of an array's task.
func (j JobID) Task(index int) TaskID { return TaskID{Job: j, Index: index} }

// String returns the number.
func (j JobID) String() string { return strconv.FormatUint(uint64(j), 10) }

// parseJobID reads a job's number, which is above zero.
func parseJobID(text string) (JobID, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%.40q is no job id", text)
	}
	return JobID(id), nil
}

// NoIndex is the Index of a job that is not a task of an array.
const NoIndex = -1

// A TaskID is how Slurm's commands address one task.
type TaskID struct {
	Job   JobID
	Index int // in the array, from 0; NoIndex: Job is no array
}

// String returns the id as commands take it, "4711_3" or "4711".
func (id TaskID) String() string {
	if id.Index < 0 {
		return id.Job.String()
	}
	return id.Job.String() + "_" + strconv.Itoa(id.Index)
}

// Compare orders by job, then by index.
func (id TaskID) Compare(other TaskID) int {
	return cmp.Or(cmp.Compare(id.Job, other.Job), cmp.Compare(id.Index, other.Index))
}

// A State is Slurm's word for what a task does, in capitals. Versions differ in
// the words they have; one that is not known here is kept, and counts as not ended.
type State string

// States that callers ask for.
const (
	Pending     State = "PENDING"
	Running     State = "RUNNING"
	Completing  State = "COMPLETING"
	Completed   State = "COMPLETED"
	Failed      State = "FAILED"
	Cancelled   State = "CANCELLED"
	Timeout     State = "TIMEOUT"
	OutOfMemory State = "OUT_OF_MEMORY"
	NodeFail    State = "NODE_FAIL"
	BootFail    State = "BOOT_FAIL"
	Preempted   State = "PREEMPTED"
	Requeued    State = "REQUEUED"
	Deadline    State = "DEADLINE"
	Revoked     State = "REVOKED"
)

// Ended reports whether the attempt is over.
func (s State) Ended() bool {
	switch s {
	case Completed, Failed, Cancelled, Timeout, OutOfMemory, Deadline, Revoked:
		return true
	}
	return s.Interrupted()
}

// Interrupted reports whether the attempt ended by no fault of the work, so that
// Slurm begins another one if the job lets it, see Submission.Requeue. Until it
// does, this can be the newest that is known of the task.
func (s State) Interrupted() bool {
	switch s {
	case NodeFail, BootFail, Preempted, Requeued:
		return true
	}
	return false
}
