package submit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"deployconstants/jobs/jobdir"
	"deployconstants/slurm"
)

// Again says what Resume submitted.
type Again struct {
	Step   jobdir.Step `json:"step"`             // the first that is not complete
	Shards []int       `json:"shards,omitempty"` // of it, submitted again
	Tokens []string    `json:"submitted,omitempty"`
	Active int         `json:"active"` // tasks of that step that Slurm has still
}

// Resume gives Slurm what is missing of a job, by what the results say: the shards
// without result of the first step that is not complete, but for those that are in the
// queue, and the steps behind it. The error wraps ErrNothing where the job is complete,
// or all that is missing is on its way; else it is as of Submit.
func Resume(ctx context.Context, o Options) (Again, error) {
	o.applyDefaults()
	held, err := o.lock(ctx)
	if err != nil {
		return Again{}, err
	}
	defer held.Release()
	record, err := o.Job.Record()
	if err != nil {
		return Again{}, err
	}
	r := resuming{Options: o, record: record, queue: map[string][]slurm.Task{}}
	return r.run(ctx)
}

// resuming is a Resume under way.
type resuming struct {
	Options
	record jobdir.Record
	queue  map[string][]slurm.Task // by token; that have not ended
}

func (r *resuming) run(ctx context.Context) (again Again, err error) {
	if step, _, err := incomplete(r.Job); err != nil || step == "" {
		return again, r.nothing(err)
	}
	if err := r.ask(ctx); err != nil {
		return again, err
	}
	if err := r.settleDoubts(ctx); err != nil {
		return again, err
	}
	// after the queue: a task that has left it has published its result before
	step, missing, err := incomplete(r.Job)
	if err != nil || step == "" {
		return again, r.nothing(err)
	}
	again.Step = step
	flying, err := r.flying(step)
	if err != nil {
		return again, err
	}
	again.Active = len(flying)
	again.Shards = slices.DeleteFunc(missing, func(shard int) bool { return flying[shard] })
	behind, queued := r.behind(step)
	ready := true
	for _, later := range r.Job.Spec().Steps() {
		ready = ready && (!after(later, step) || queued[later])
	}
	if len(again.Shards) == 0 && ready {
		return again, fmt.Errorf("job %s: %d tasks of step %s are queued or running: %w", r.Job.ID(), len(flying), step, ErrNothing)
	}
	if err := r.withdraw(ctx, behind); err != nil {
		return again, err
	}
	limits, err := r.Scheduler.Limits(ctx)
	if err != nil {
		return again, err
	}
	batches, still, err := r.batches(step, again.Shards)
	if err != nil {
		return again, err
	}
	add, err := draft(r.Job.ID(), batches, limits, still)
	if err != nil {
		return again, err
	}
	for _, s := range add {
		again.Tokens = append(again.Tokens, s.Token)
	}
	return again, r.give(ctx, &r.record, add)
}

// nothing is err, or that the job is complete.
func (r *resuming) nothing(err error) error {
	if err == nil {
		err = fmt.Errorf("job %s is complete: %w", r.Job.ID(), ErrNothing)
	}
	return err
}

// incomplete returns the first step that lacks results, and the shards that lack one:
// of a step that is not cut, all that it may get. No step: the job is complete.
func incomplete(job *jobdir.Job) (jobdir.Step, []int, error) {
	spec := job.Spec()
	for _, step := range spec.Steps() {
		missing, err := job.Missing(step)
		if errors.Is(err, jobdir.ErrNotCut) {
			for shard := 1; shard <= spec.Tasks[step]; shard++ {
				missing = append(missing, shard)
			}
			err = nil
		}
		if err != nil || len(missing) > 0 {
			return step, missing, err
		}
	}
	return "", nil, nil
}

// ask learns what Slurm has of the job.
func (r *resuming) ask(ctx context.Context) error {
	var tokens []string
	requeue := map[string]bool{}
	for _, s := range r.record.Submissions {
		if s.State != jobdir.Refused {
			tokens = append(tokens, s.Token)
			requeue[s.Token] = s.Requeue
		}
	}
	tasks, err := r.Scheduler.Jobs(ctx, tokens)
	if err != nil {
		return fmt.Errorf("what Slurm has of the job is not known, so nothing is submitted: %w", err)
	}
	for _, task := range tasks {
		if live(task, requeue[task.Name]) {
			r.queue[task.Name] = append(r.queue[task.Name], task)
		}
	}
	return nil
}

// settleDoubts finds out whether Slurm has what it was left in doubt of. What was never
// tried, because something before it was refused, is out of the question.
func (r *resuming) settleDoubts(ctx context.Context) error {
	for i := range r.record.Submissions {
		s := &r.record.Submissions[i]
		tasks := r.queue[s.Token]
		switch {
		case s.State == jobdir.Drafted:
			s.State = jobdir.Refused
		case s.State != jobdir.Unknown && s.State != jobdir.Intended:
		case len(tasks) > 0:
			s.State, s.SlurmJob, s.Message = jobdir.Submitted, tasks[0].ID.Job.String(), ""
		default:
			if err := r.find(ctx, s); err != nil {
				return err
			}
		}
	}
	return r.Job.SetRecord(r.record)
}

func (r *resuming) find(ctx context.Context, s *jobdir.Submission) error {
	search := r.Search
	search.Name, search.Since = s.Token, r.Job.Spec().Time // s.Time is that of its last change
	id, err := slurm.Find(ctx, r.Scheduler, search)
	switch _, absent := errors.AsType[*slurm.AbsentError](err); {
	case err == nil:
		s.State, s.SlurmJob, s.Message = jobdir.Submitted, id.String(), ""
	case absent:
		s.State, s.Message = jobdir.Refused, err.Error()
	default:
		return fmt.Errorf("%s: %w", s.Token, err)
	}
	return nil
}

// flying returns the shards of a step that tasks in the queue are for.
func (r *resuming) flying(step jobdir.Step) (map[int]bool, error) {
	shards := map[int]bool{}
	for _, s := range r.record.Submissions {
		if s.Step != step {
			continue
		}
		for _, task := range r.queue[s.Token] {
			shard, err := r.Job.ShardOf(step, s.Round, s.Offset+max(task.ID.Index, 0))
			if errors.Is(err, jobdir.ErrNoShard) {
				continue
			}
			if err != nil {
				return nil, err
			}
			shards[shard] = true
		}
	}
	return shards, nil
}

// behind returns the indices in the record of what is queued of later steps.
func (r *resuming) behind(step jobdir.Step) (queued []int, steps map[jobdir.Step]bool) {
	steps = map[jobdir.Step]bool{}
	for i, s := range r.record.Submissions {
		if after(s.Step, step) && len(r.queue[s.Token]) > 0 {
			queued, steps[s.Step] = append(queued, i), true
		}
	}
	return queued, steps
}

// after reports whether a step comes behind another.
func after(step, other jobdir.Step) bool {
	return slices.Index(jobdir.Steps(), step) > slices.Index(jobdir.Steps(), other)
}

// withdraw cancels what is queued and would begin too early.
func (r *resuming) withdraw(ctx context.Context, queued []int) error {
	var ids []slurm.JobID
	for _, i := range queued {
		for _, task := range r.queue[r.record.Submissions[i].Token] {
			ids = append(ids, task.ID.Job)
		}
	}
	slices.Sort(ids)
	if err := r.Scheduler.Cancel(ctx, slices.Compact(ids)...); err != nil {
		return err
	}
	for _, i := range queued {
		r.record.Submissions[i].State, r.record.Submissions[i].Time = jobdir.Cancelled, r.Now().UTC()
	}
	return r.Job.SetRecord(r.record)
}

// batches returns the tasks for the shards of a step, if there are any, and for all steps
// behind it, and the tokens of the step that are in the queue.
func (r *resuming) batches(step jobdir.Step, shards []int) (all []batch, still map[jobdir.Step][]string, err error) {
	spec := r.Job.Spec()
	for _, one := range spec.Steps() {
		b := batch{step: one, round: r.record.Round(one) + 1, tasks: spec.Tasks[one]}
		switch {
		case after(one, step):
			all = append(all, b)
		case one == step && len(shards) > 0:
			if b.tasks = len(shards); one.Array() {
				if err := r.Job.Round(one, b.round, shards); err != nil {
					return nil, nil, err
				}
			}
			all = append(all, b)
		}
	}
	still = map[jobdir.Step][]string{}
	for _, s := range r.record.Submissions {
		if s.Step == step && len(r.queue[s.Token]) > 0 {
			still[step] = append(still[step], s.Token)
		}
	}
	return all, still, nil
}
