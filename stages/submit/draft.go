package submit

import (
	"errors"
	"fmt"
	"slices"

	"deployconstants/jobs/jobdir"
	"deployconstants/slurm"
)

// A batch is the tasks that a step is to be given.
type batch struct {
	step  jobdir.Step
	round int
	tasks int
}

// ErrNoArrays: the cluster takes no job arrays.
var ErrNoArrays = errors.New("the cluster takes no job arrays: its MaxArraySize is 0")

// draft returns the submissions of batches, in the order of their steps, each waiting
// for those before. Still are the tokens of earlier submissions by their steps, which
// they wait for as well.
func draft(job string, batches []batch, limits slurm.Limits, still map[jobdir.Step][]string) ([]jobdir.Submission, error) {
	arrayTasks := limits.Tasks()
	if arrayTasks < 1 {
		return nil, ErrNoArrays
	}
	var all []jobdir.Submission
	tokens := map[jobdir.Step][]string{}
	for step, list := range still {
		tokens[step] = slices.Clone(list)
	}
	for _, b := range batches {
		var waits []string
		for _, before := range jobdir.Steps() {
			if before == b.step {
				break
			}
			if b.step == jobdir.Summary || before == previous(b.step) || before == jobdir.Plan {
				waits = append(waits, tokens[before]...)
			}
		}
		for offset, part := 0, 1; offset < b.tasks; part++ {
			n := min(b.tasks-offset, arrayTasks)
			s := jobdir.Submission{
				Token: tokenOf(job, b.step, b.round, part), Step: b.step, Round: b.round, Offset: offset,
				After: waits, State: jobdir.Drafted,
			}
			if b.step.Array() {
				s.Tasks = n
			}
			all = append(all, s)
			tokens[b.step] = append(tokens[b.step], s.Token)
			offset += n
		}
	}
	return all, nil
}

// previous is the step before.
func previous(step jobdir.Step) jobdir.Step {
	steps := jobdir.Steps()
	return steps[max(slices.Index(steps, step)-1, 0)]
}

// submission returns what Slurm is given for an entry of the record.
func (o *Options) submission(record *jobdir.Record, s jobdir.Submission) (slurm.Submission, error) {
	spec := o.Job.Spec()
	job := o.Task
	job.Name = s.Token
	job.Program = []string{
		spec.Program, "task", "--job", o.Job.Dir(), "--step", string(s.Step),
		"--round", fmt.Sprint(s.Round), "--offset", fmt.Sprint(s.Offset),
	}
	job.Log, job.Dir = o.Job.Logs()+"/%j.log", o.Job.Dir()
	if s.Tasks > 0 {
		job.Log = o.Job.Logs() + "/%A_%a.log"
		job.Array = &slurm.Array{Count: s.Tasks, Throttle: o.throttle(record, s)}
	}
	var err error
	job.After, err = dependencies(record, s)
	return job, err
}

// throttle divides the tasks that may run at a time among the arrays of a step.
func (o *Options) throttle(record *jobdir.Record, s jobdir.Submission) int {
	if o.Throttle == 0 {
		return 0
	}
	arrays := 0
	for _, other := range record.Submissions {
		if other.Step == s.Step && other.Round == s.Round {
			arrays++
		}
	}
	return max(o.Throttle/arrays, 1)
}

// dependencies returns what an entry of the record waits for: by the ids of the jobs.
func dependencies(record *jobdir.Record, s jobdir.Submission) ([]slurm.Dependency, error) {
	var ok, any []slurm.JobID
	for _, token := range s.After {
		i := slices.IndexFunc(record.Submissions, func(o jobdir.Submission) bool { return o.Token == token })
		if i < 0 {
			return nil, fmt.Errorf("%s waits for %s, which is not in the record", s.Token, token)
		}
		before := record.Submissions[i]
		id, err := slurm.ParseSubmitted(before.SlurmJob)
		if err != nil {
			return nil, fmt.Errorf("%s waits for %s, which is %s", s.Token, token, before.State)
		}
		if before.Step == jobdir.Plan && s.Step != jobdir.Summary {
			ok = append(ok, id)
		} else {
			any = append(any, id)
		}
	}
	var all []slurm.Dependency
	if len(ok) > 0 {
		all = append(all, slurm.Dependency{Kind: slurm.AfterOK, Jobs: ok})
	}
	if len(any) > 0 {
		all = append(all, slurm.Dependency{Kind: slurm.AfterAny, Jobs: any})
	}
	return all, nil
}
