package slurmfake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// States of tasks, as squeue's %T and sacct have them.
const (
	Pending   = "PENDING"
	Running   = "RUNNING"
	Completed = "COMPLETED"
	Failed    = "FAILED"
	Timeout   = "TIMEOUT"
	NodeFail  = "NODE_FAIL"
	Cancelled = "CANCELLED"
	Preempted = "PREEMPTED"
	Requeued  = "REQUEUED" // of an attempt that another followed

	completing = "COMPLETING" // shown of a task that was told to end
)

// compact are the states as squeue's %t has them.
var compact = map[string]string{
	Pending: "PD", Running: "R", Completed: "CD", Failed: "F", Timeout: "TO", NodeFail: "NF", Cancelled: "CA",
	Preempted: "PR", completing: "CG",
}

// A Job is a job, or an array of them.
type Job struct {
	ID      int
	Name    string
	User    string
	Options map[string]string // of the script: "array" is "0-9%2", a flag is ""
	Script  string
	Dir     string   // from which sbatch was called
	Env     []string // of sbatch
	Tasks   []*Task  // one with index -1 if it is no array
}

// A Task is a job, or one task of an array. Its own fields are of the newest attempt.
type Task struct {
	Index int // -1: of no array
	Attempt
	Earlier  []Attempt // oldest first
	Restarts int
	Held     bool
	Exclude  []string // nodes

	Limit     time.Time // end of a task that runs; zero: none
	Signalled bool      // it has had the signal before the limit
	Ending    string    // the state that a task will have that was told to end
	KillAt    time.Time // when it is killed if it has not ended; zero: it was not told yet
}

// An Attempt is what is recorded of one run of a task, a row of sacct -D.
type Attempt struct {
	Raw    int // job id of its own; 0: it is still part of its array
	State  string
	Reason string // of pending
	Exit   int    // status with which the script ended, 0 to 255
	Signal int    // that ended it
	Node   string
	PIDs   []int     // of the processes that were started for it
	Submit time.Time // whole seconds, later than that of the attempt before
	Queued time.Time // when it truly began to wait
	Start  time.Time
	End    time.Time
}

// final reports whether nothing more happens to a task in that state.
func final(state string) bool { return state != Pending && state != Running }

// shown is the state that squeue shows.
func (t *Task) shown() string {
	if t.Ending != "" {
		return completing
	}
	return t.State
}

// mayRequeue reports whether the job may be requeued. JobRequeue=1 is the cluster's default.
func (j *Job) mayRequeue() bool { _, no := j.Options["no-requeue"]; return !no }

func (j *Job) isArray() bool { return j.Tasks[0].Index >= 0 }

// name returns the task's name, "12_3" or "12".
func (j *Job) taskName(t *Task) string {
	if t.Index < 0 {
		return strconv.Itoa(j.ID)
	}
	return fmt.Sprintf("%d_%d", j.ID, t.Index)
}

// number returns the job id under which a task goes now.
func (j *Job) number(t *Task) int {
	if t.Raw == 0 {
		return j.ID
	}
	return t.Raw
}

// again records the attempt and puts the task back into the queue.
func (t *Task) again(now time.Time) {
	t.Earlier = append(t.Earlier, t.Attempt)
	submit := now.Truncate(time.Second)
	if next := t.Submit.Add(time.Second); submit.Before(next) {
		submit = next
	}
	t.Attempt = Attempt{Raw: t.Raw, State: Pending, Reason: "None", Submit: submit, Queued: now}
	t.Restarts++
	t.wake()
}

// wake forgets what was meant for an attempt that is over.
func (t *Task) wake() {
	t.Limit, t.Signalled, t.Ending, t.KillAt = time.Time{}, false, "", time.Time{}
}

// end ends the attempt in that state.
func (t *Task) end(state string, now time.Time) {
	t.State, t.End = state, now
	t.wake()
}

// cancel ends a task that waits, and tells one that runs to end.
func (t *Task) cancel(now time.Time) {
	switch t.State {
	case Pending:
		t.end(Cancelled, now)
	case Running:
		t.Ending = Cancelled
	}
}

// A complaint is what Slurm says of a task for which something cannot be done.
type complaint string

func (c complaint) Error() string { return string(c) }

const (
	errPending  complaint = "Job is pending execution"
	errStarted  complaint = "Job is no longer pending execution"
	errDisabled complaint = "Requested operation is presently disabled"
	errEnding   complaint = "Job/step already completing or completed"
	errUnknown  complaint = "Invalid job id specified"
	errNode     complaint = "Invalid node name specified"
)

// requeue puts a task back into the queue: one that runs is told to end first.
func (j *Job) requeue(t *Task, hold bool, now time.Time) error {
	switch {
	case t.State == Pending:
		return errPending
	case !j.mayRequeue():
		return errDisabled
	case t.Ending != "" && t.Ending != Requeued:
		return errEnding
	case t.State == Running:
		t.Ending = Requeued
	default:
		t.State, t.End = Requeued, now // of the attempt that is over
		t.again(now)
	}
	t.Held = t.Held || hold
	return nil
}

// find returns the tasks that an id names, and their job.
func (v *view) find(id string) (*Job, []*Task, error) {
	number, indices, isTask := strings.Cut(id, "_")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return nil, nil, errUnknown
	}
	for _, j := range v.jobs {
		switch {
		case isTask && j.ID == n && j.isArray():
			tasks, err := j.some(indices)
			return j, tasks, err
		case !isTask && j.ID == n:
			return j, j.Tasks, nil
		}
	}
	for _, j := range v.jobs {
		for _, t := range j.Tasks {
			if !isTask && t.Raw == n {
				return j, []*Task{t}, nil
			}
		}
	}
	return nil, nil, errUnknown
}

// some returns tasks by index: "3", "[0-3,7]".
func (j *Job) some(indices string) ([]*Task, error) {
	if inner, ok := strings.CutPrefix(indices, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		if !ok {
			return nil, errUnknown
		}
		indices = inner
	} else if strings.ContainsAny(indices, ",-") {
		return nil, errUnknown
	}
	var tasks []*Task
	for part := range strings.SplitSeq(indices, ",") {
		low, high, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(low)
		last := first
		if isRange && err == nil {
			last, err = strconv.Atoi(high)
		}
		if err != nil || first < 0 || last < first || last >= len(j.Tasks) {
			return nil, errUnknown
		}
		tasks = append(tasks, j.Tasks[first:last+1]...)
	}
	return tasks, nil
}

// named returns the jobs that have one of the names, by id.
func (v *view) named(names string) []*Job {
	wanted := strings.Split(names, ",")
	return slices.DeleteFunc(slices.Clone(v.jobs), func(j *Job) bool { return !slices.Contains(wanted, j.Name) })
}
