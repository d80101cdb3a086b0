package submit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"deployconstants/jobs/jobdir"
	"deployconstants/slurm"
)

// ErrNothing: Slurm has all of the job that it can be given, or the job is complete.
var ErrNothing = errors.New("there is nothing to submit")

// An UnsubmittedError says that a part of a job is not in Slurm's queue, or may not be.
type UnsubmittedError struct {
	Job       string
	Dir       string
	Submitted []string // tokens of this call that Slurm has
	Failed    jobdir.Submission
	Left      []string // tokens that were not tried
	Err       error
}

func (e *UnsubmittedError) Error() string {
	state := "was not submitted"
	if e.Failed.State == jobdir.Unknown {
		state = "may have been submitted or not"
	}
	text := fmt.Sprintf("step %s %s: %v", e.Failed.Step, state, e.Err)
	if len(e.Submitted) > 0 {
		text += fmt.Sprintf("; submitted were %s", strings.Join(e.Submitted, ", "))
	} else if e.Failed.State != jobdir.Unknown {
		text += "; nothing was submitted"
	}
	return fmt.Sprintf("%s; %s/slurm.json has it all; deploy_constants resume %s goes on", text, e.Dir, e.Job)
}

func (e *UnsubmittedError) Unwrap() error { return e.Err }

// Draft returns what Submit would give to Slurm, on a cluster with these limits.
// Dependencies have the numbers 1, 2, ... in the place of ids, in the order of the
// submissions.
func Draft(o Options, limits slurm.Limits) ([]slurm.Submission, error) {
	o.applyDefaults()
	submissions, err := draft(o.Job.ID(), whole(o.Job, 1), limits, nil)
	if err != nil {
		return nil, err
	}
	record := jobdir.Record{Submissions: submissions}
	var all []slurm.Submission
	for i := range record.Submissions {
		job, err := o.submission(&record, record.Submissions[i])
		if err != nil {
			return nil, err
		}
		record.Submissions[i].SlurmJob = fmt.Sprint(i + 1)
		all = append(all, job)
	}
	return all, nil
}

// whole returns all steps of a job, with all their tasks.
func whole(job *jobdir.Job, round int) []batch {
	var all []batch
	spec := job.Spec()
	for _, step := range spec.Steps() {
		all = append(all, batch{step: step, round: round, tasks: spec.Tasks[step]})
	}
	return all
}

// Submit gives a new job to Slurm: all steps. Errors are *UnsubmittedError when Slurm
// did not take one; then the record says what was submitted, and Resume goes on.
func Submit(ctx context.Context, o Options) error {
	o.applyDefaults()
	held, err := o.lock(ctx)
	if err != nil {
		return err
	}
	defer held.Release()
	record, err := o.Job.Record()
	if err != nil {
		return err
	}
	if len(record.Submissions) > 0 {
		return fmt.Errorf("job %s was submitted already: %w", o.Job.ID(), ErrNothing)
	}
	limits, err := o.Scheduler.Limits(ctx)
	var add []jobdir.Submission
	if err == nil {
		add, err = draft(o.Job.ID(), whole(o.Job, 1), limits, nil)
	}
	if err != nil {
		return &UnsubmittedError{
			Job: o.Job.ID(), Dir: o.Job.Dir(), Err: err,
			Failed: jobdir.Submission{Step: o.Job.Spec().Steps()[0], State: jobdir.Drafted},
		}
	}
	return o.give(ctx, &record, add)
}

// give records submissions as intended and hands them to Slurm, one after the other,
// until one is not taken.
func (o *Options) give(ctx context.Context, record *jobdir.Record, add []jobdir.Submission) error {
	from := len(record.Submissions)
	record.Submissions = append(record.Submissions, add...)
	var done []string
	for i := from; i < len(record.Submissions); i++ {
		s := &record.Submissions[i]
		s.State, s.Time, s.Requeue, s.Exclude = jobdir.Intended, o.Now().UTC(), o.Task.Requeue, o.Task.Exclude
		if err := o.Job.SetRecord(*record); err != nil {
			return err
		}
		err := o.giveOne(ctx, record, s)
		s.Time = o.Now().UTC()
		if saveErr := o.Job.SetRecord(*record); saveErr != nil {
			return errors.Join(err, saveErr)
		}
		if err != nil {
			var left []string
			for _, later := range record.Submissions[i+1:] {
				left = append(left, later.Token)
			}
			return &UnsubmittedError{Job: o.Job.ID(), Dir: o.Job.Dir(), Submitted: done, Failed: *s, Left: left, Err: err}
		}
		done = append(done, s.Token)
		o.Tell(fmt.Sprintf("submitted %s as %s", describe(*s), s.SlurmJob))
	}
	return nil
}

// describe says what a submission is.
func describe(s jobdir.Submission) string {
	if s.Tasks > 0 {
		return fmt.Sprintf("%s, %d tasks,", s.Step, s.Tasks)
	}
	return string(s.Step)
}

// giveOne hands one submission to Slurm. Where the answer is lost, it is looked for.
func (o *Options) giveOne(ctx context.Context, record *jobdir.Record, s *jobdir.Submission) error {
	job, err := o.submission(record, *s)
	if err != nil {
		s.State, s.Message = jobdir.Refused, err.Error()
		return err
	}
	begun := o.Now()
	id, err := o.Scheduler.Submit(ctx, job)
	doubtful := slurm.Doubtful(err) // whatever the search for it says then
	if doubtful {
		o.Tell(fmt.Sprintf("%v; looking whether %s is there all the same", err, s.Token))
		search := o.Search
		search.Name, search.Since = s.Token, begun
		var findErr error
		if id, findErr = slurm.Find(ctx, o.Scheduler, search); findErr == nil {
			err = nil
		} else {
			err = fmt.Errorf("%w; %w", err, findErr)
		}
	}
	switch _, absent := errors.AsType[*slurm.AbsentError](err); {
	case err == nil:
		s.State, s.SlurmJob, s.Message = jobdir.Submitted, id.String(), ""
	case absent, !doubtful:
		s.State, s.Message = jobdir.Refused, err.Error()
	default:
		s.State, s.Message = jobdir.Unknown, err.Error()
	}
	return err
}
