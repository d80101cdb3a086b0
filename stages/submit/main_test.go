package submit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"deployconstants/internal/fslock"
	"deployconstants/jobs"
	"deployconstants/jobs/jobdir"
	"deployconstants/slurm"
	"deployconstants/stages/submit"
)

var now = time.Date(2026, 11, 26, 2, 15, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A cluster is a scheduler in memory, with what the test wants to go wrong.
type cluster struct {
	limits slurm.Limits
	next   slurm.JobID
	jobs   []slurm.Submission
	ids    map[string]slurm.JobID
	states map[slurm.TaskID]slurm.State // of tasks that are not pending
	nodes  map[slurm.TaskID]string
	gone   map[slurm.TaskID]slurm.Record // that have left the queue
	calls  []string

	refuse     func(slurm.Submission) error // before it is taken
	lose       func(slurm.Submission) error // after it is taken
	silent     error                        // the queue
	accounting error
}

var _ slurm.Scheduler = (*cluster)(nil)

func newCluster() *cluster {
	return &cluster{
		limits: slurm.Limits{MaxArraySize: 1001}, ids: map[string]slurm.JobID{},
		states: map[slurm.TaskID]slurm.State{}, nodes: map[slurm.TaskID]string{}, gone: map[slurm.TaskID]slurm.Record{},
	}
}

func (c *cluster) call(format string, args ...any) {
	c.calls = append(c.calls, fmt.Sprintf(format, args...))
}

func (c *cluster) Limits(context.Context) (slurm.Limits, error) {
	c.call("limits")
	return c.limits, c.silent
}

func (c *cluster) Submit(_ context.Context, job slurm.Submission) (slurm.JobID, error) {
	c.call("submit %s", job.Name)
	if _, err := job.Script(); err != nil {
		return 0, err
	}
	if c.refuse != nil {
		if err := c.refuse(job); err != nil {
			return 0, err
		}
	}
	c.next++
	c.jobs, c.ids[job.Name] = append(c.jobs, job), c.next
	if c.lose != nil {
		if err := c.lose(job); err != nil {
			return 0, err
		}
	}
	return c.next, nil
}

func (c *cluster) tasks(job slurm.Submission) (ids []slurm.TaskID) {
	if job.Array == nil {
		return []slurm.TaskID{{Job: c.ids[job.Name], Index: slurm.NoIndex}}
	}
	for i := range job.Array.Count {
		ids = append(ids, c.ids[job.Name].Task(i))
	}
	return ids
}

func (c *cluster) Jobs(_ context.Context, names []string) (all []slurm.Task, err error) {
	c.call("jobs %d", len(names))
	if c.silent != nil {
		return nil, c.silent
	}
	for _, job := range c.jobs {
		if !slices.Contains(names, job.Name) {
			continue
		}
		for _, id := range c.tasks(job) {
			if _, gone := c.gone[id]; gone {
				continue
			}
			state := c.states[id]
			if state == "" {
				state = slurm.Pending
			}
			all = append(all, slurm.Task{ID: id, Name: job.Name, State: state, Nodes: c.nodes[id]})
		}
	}
	return all, nil
}

func (c *cluster) Accounting(_ context.Context, names []string, _ time.Time) (all []slurm.Record, err error) {
	c.call("accounting %d", len(names))
	if c.accounting != nil {
		return nil, c.accounting
	}
	for _, job := range c.jobs {
		if !slices.Contains(names, job.Name) {
			continue
		}
		for _, id := range c.tasks(job) {
			if record, gone := c.gone[id]; gone {
				record.ID, record.Name = id, job.Name
				all = append(all, record)
			}
		}
	}
	return all, nil
}

func (c *cluster) Cancel(_ context.Context, ids ...slurm.JobID) error {
	c.call("cancel %v", ids)
	for _, job := range c.jobs {
		if slices.Contains(ids, c.ids[job.Name]) {
			for _, id := range c.tasks(job) {
				if _, gone := c.gone[id]; !gone {
					c.end(id, slurm.Record{State: slurm.Cancelled})
				}
			}
		}
	}
	return nil
}

func (c *cluster) Requeue(context.Context, slurm.TaskID, []string) error {
	return errors.New("nobody here asks for that")
}

// end lets a task leave the queue.
func (c *cluster) end(id slurm.TaskID, record slurm.Record) { c.gone[id] = record }

// endStep lets all tasks of a step leave the queue.
func (c *cluster) endStep(step jobdir.Step, record slurm.Record) {
	for _, job := range c.jobs {
		if slices.Contains(job.Program, string(step)) {
			for _, id := range c.tasks(job) {
				c.end(id, record)
			}
		}
	}
}

// works returns n experiments of a minute each.
func works(n int) []jobdir.Work {
	work := make([]jobdir.Work, n)
	for i := range work {
		work[i] = jobdir.Work{Experiment: fmt.Sprintf("xpp%06d", i), Time: time.Minute}
	}
	return work
}

func shardsOf(n int) (shards []jobdir.Shard) {
	for _, w := range works(n) {
		shards = append(shards, jobdir.Shard{Work: []jobdir.Work{w}})
	}
	return shards
}

// newJob makes a sweep of so many shards.
func newJob(t testing.TB, shards int) *jobdir.Job {
	t.Helper()
	return newJobIn(t, t.TempDir(), shards)
}

// memory returns a directory in memory where there is such a file system: a test that
// makes thousands of attempts waits for no disk.
func memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "submit")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func newJobIn(t testing.TB, dir string, shards int) *jobdir.Job {
	t.Helper()
	job, err := jobdir.Create(jobs.State{Dir: dir}, jobdir.Spec{
		Kind: jobdir.SweepJob, Deploy: true, Time: now, User: "datamgr", Host: "psana101", Program: "/usr/local/bin/deploy_constants",
		Work:  json.RawMessage(`{}`),
		Tasks: map[jobdir.Step]int{jobdir.Scan: shards, jobdir.Plan: 1, jobdir.Apply: 4, jobdir.Verify: 4, jobdir.Summary: 1},
	}, func(j *jobdir.Job, s *jobdir.Spec) (err error) {
		s.Cut, err = j.Cut(jobdir.Scan, "", shardsOf(shards))
		return err
	})
	must(t, err)
	return job
}

// options are those of a job on a cluster. Waiting takes no time.
func options(job *jobdir.Job, c slurm.Scheduler) submit.Options {
	clock := now.Add(time.Minute)
	tick := func(_ context.Context, d time.Duration) error { clock = clock.Add(d); return nil }
	clockNow := func() time.Time { return clock }
	return submit.Options{
		Job: job, Scheduler: c, Now: clockNow, Sleep: tick, Holder: fslock.Holder{Host: "psana101", PID: 1},
		Task:   slurm.Submission{Partition: "milano", Account: "lcls:data", Time: 30 * time.Minute, Requeue: true},
		Search: slurm.Search{Now: clockNow, Sleep: tick},
	}
}

// attempt makes an attempt at a shard that settles its experiment, or not, and ends as
// the state says.
func attempt(t testing.TB, job *jobdir.Job, step jobdir.Step, shard int, node string, state jobdir.State, cause string) {
	t.Helper()
	a, err := job.Begin(t.Context(), step, shard, jobdir.Who{Attempt: jobdir.NewAttempt(now), Node: node, Started: now})
	must(t, err)
	if state == jobdir.Done {
		for _, name := range a.Left() {
			must(t, a.Settle(jobdir.Item{Experiment: name, Lines: []json.RawMessage{json.RawMessage(`{}`)}}))
		}
		must(t, a.Publish(now, nil))
		return
	}
	if state != jobdir.Going {
		must(t, a.End(now, state, cause))
	}
}

// complete completes a step; an array that is not cut is cut into n shards first.
func complete(t testing.TB, job *jobdir.Job, step jobdir.Step, n int) {
	t.Helper()
	if _, err := job.Shards(step); errors.Is(err, jobdir.ErrNotCut) {
		_, err := job.Cut(step, "", shardsOf(n))
		must(t, err)
	}
	missing, err := job.Missing(step)
	must(t, err)
	for _, shard := range missing {
		attempt(t, job, step, shard, "n1", jobdir.Done, "")
	}
}
