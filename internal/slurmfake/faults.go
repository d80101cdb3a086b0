package slurmfake

import (
	"context"
	"fmt"
	"slices"
	"syscall"
	"time"
)

// Faults are what goes wrong, or is refused. SetFaults changes them at any time.
type Faults struct {
	Partitions, Accounts, QOS []string // those that exist; nil: any

	MaxArraySize int // one more than the highest index; 1001 at first
	MaxSubmit    int // tasks that may be in the queue, AssocMaxSubmitJobLimit; 0: any number

	ControllerDown bool          // nothing is answered, and nothing starts or is noticed
	LoseReplies    int           // of so many sbatch the job is in the queue, but they say that they timed out
	LoseRequests   int           // so many sbatch say that they timed out, and nothing is in the queue
	Delay          time.Duration // before any program does anything
	DelayReply     time.Duration // after a program has done what it was to do

	Duplicate int // so many of the tasks that start next run as two processes at once

	AccountingDown     bool          // sacct fails as if slurmdbd was down
	AccountingDisabled bool          // sacct fails as where there is no accounting
	AccountingLag      time.Duration // sacct says what was true so long ago
}

// SetFaults changes the faults.
func (f *Fake) SetFaults(set func(*Faults)) error {
	return f.change(func(v *view) error {
		set(&v.Faults)
		v.touch()
		return nil
	})
}

// StopController is Faults.ControllerDown.
func (f *Fake) StopController(context.Context) error {
	return f.SetFaults(func(o *Faults) { o.ControllerDown = true })
}

// StartController ends what StopController began. What ended meanwhile has ended now.
func (f *Fake) StartController(context.Context) error {
	return f.SetFaults(func(o *Faults) { o.ControllerDown = false })
}

// StopAccounting is Faults.AccountingDown.
func (f *Fake) StopAccounting(context.Context) error {
	return f.SetFaults(func(o *Faults) { o.AccountingDown = true })
}

// StartAccounting ends what StopAccounting began.
func (f *Fake) StartAccounting(context.Context) error {
	return f.SetFaults(func(o *Faults) { o.AccountingDown = false })
}

// KillNode loses a node as if its slurmd had died: its tasks are NODE_FAIL at once, and
// start again elsewhere if they may be requeued, while their processes go on. Nothing
// starts there until StartNode.
func (f *Fake) KillNode(_ context.Context, name string) error { return f.lose(name, false) }

// StartNode ends what KillNode began.
func (f *Fake) StartNode(_ context.Context, name string) error { return f.revive(name) }

// DownNode takes a node out of service: its tasks are killed and NODE_FAIL, and start
// again elsewhere if they may be requeued. Nothing starts there until ResumeNode. The
// reason is for package slurmcluster's.
func (f *Fake) DownNode(_ context.Context, name, reason string) error { return f.lose(name, true) }

// ResumeNode ends what DownNode began.
func (f *Fake) ResumeNode(_ context.Context, name string) error { return f.revive(name) }

func (f *Fake) lose(name string, kill bool) error {
	return f.change(func(v *view) error {
		n, err := v.node(name)
		if err != nil {
			return err
		}
		n.Down = true
		v.touch()
		for _, j := range v.jobs {
			for _, t := range j.Tasks {
				if t.State != Running || t.Node != name {
					continue
				}
				for _, p := range f.processesOf(j, t) {
					p.lost = true // from now on nobody asks how it ends
					if kill {
						p.signal(syscall.SIGKILL)
					}
				}
				t.fail(j)
				v.save(j)
			}
		}
		return nil
	})
}

// fail ends a task whose node is lost.
func (t *Task) fail(j *Job) {
	cancelled := t.Ending == Cancelled
	t.end(NodeFail, time.Now())
	if j.mayRequeue() && !cancelled {
		t.again(t.End)
	}
}

func (f *Fake) revive(name string) error {
	return f.change(func(v *view) error {
		n, err := v.node(name)
		if err == nil {
			n.Down = false
			v.touch()
		}
		return err
	})
}

// runningTask changes a task that runs.
func (f *Fake) runningTask(id string, function func(*view, *Job, *Task)) error {
	return f.change(func(v *view) error {
		j, tasks, err := v.find(id)
		if err != nil || len(tasks) != 1 {
			return fmt.Errorf("%s: no such task", id)
		}
		if tasks[0].State != Running {
			return fmt.Errorf("%s is %s, not running", id, tasks[0].State)
		}
		function(v, j, tasks[0])
		v.save(j)
		return nil
	})
}

// KillTask kills the processes of a running task, "12_3", as the system does when memory
// is short: it ends as FAILED 0:9.
func (f *Fake) KillTask(_ context.Context, id string) error {
	return f.runningTask(id, func(_ *view, j *Job, t *Task) {
		for _, p := range f.processesOf(j, t) {
			p.signal(syscall.SIGKILL)
		}
	})
}

// Preempt takes a running task its place away: TERM, KILL after KillWait, PREEMPTED; it
// starts again if it may be requeued.
func (f *Fake) Preempt(_ context.Context, id string) error {
	return f.runningTask(id, func(_ *view, _ *Job, t *Task) { t.Ending = Preempted })
}

// SetEndTime sets the time limit of a running task so long from now.
func (f *Fake) SetEndTime(_ context.Context, id string, in time.Duration) error {
	return f.runningTask(id, func(_ *view, _ *Job, t *Task) { t.Limit = time.Now().Add(in) })
}

// processesOf returns the processes of the newest attempt of a task.
func (f *Fake) processesOf(j *Job, t *Task) []*process {
	return slices.Collect(func(yield func(*process) bool) {
		for _, p := range f.processes {
			if p.of(j, t) && !yield(p) {
				return
			}
		}
	})
}
