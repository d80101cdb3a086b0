package submit

import (
	"context"
	"fmt"
	"time"

	"deployconstants/slurm"
)

// How long Cancel watches what it cancelled: Slurm gives tasks time to end by
// themselves (KillWait, 30 s by default).
const (
	cancelPatience = 90 * time.Second
	cancelPause    = time.Second
)

// Cancel cancels all of a job that Slurm has, and waits until it has ended. It returns
// how many tasks that were. What was settled stays, and Resume goes on from there.
func Cancel(ctx context.Context, o Options) (tasks int, err error) {
	o.applyDefaults()
	held, err := o.lock(ctx)
	if err != nil {
		return 0, err
	}
	defer held.Release()
	record, err := o.Job.Record()
	if err != nil {
		return 0, err
	}
	r := resuming{Options: o, record: record, queue: map[string][]slurm.Task{}}
	if err := r.ask(ctx); err != nil {
		return 0, err
	}
	var queued []int
	for i, s := range r.record.Submissions {
		if n := len(r.queue[s.Token]); n > 0 {
			queued, tasks = append(queued, i), tasks+n
		}
	}
	if len(queued) == 0 {
		return 0, nil
	}
	if err := r.withdraw(ctx, queued); err != nil {
		return tasks, err
	}
	return tasks, r.watch(ctx, queued)
}

// watch waits until nothing of the submissions is in the queue.
func (r *resuming) watch(ctx context.Context, queued []int) error {
	var tokens []string
	for _, i := range queued {
		tokens = append(tokens, r.record.Submissions[i].Token)
	}
	for begin := r.Now(); ; {
		tasks, err := r.Scheduler.Jobs(ctx, tokens)
		if err != nil {
			return fmt.Errorf("it was cancelled, but what became of it is not known: %w", err)
		}
		left := 0
		for _, task := range tasks {
			if !task.State.Ended() {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if r.Now().Sub(begin) > cancelPatience {
			return fmt.Errorf("%d tasks have not ended %s after they were cancelled", left, cancelPatience)
		}
		if err := r.Sleep(ctx, cancelPause); err != nil {
			return err
		}
	}
}
