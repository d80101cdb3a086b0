package submit_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs/jobdir"
	"deployconstants/slurm"
	"deployconstants/stages/submit"
)

func look(t testing.TB, o submit.Options) submit.Status {
	t.Helper()
	status, err := submit.Look(t.Context(), o)
	must(t, err)
	return status
}

// causes are the failures of a status, a line each.
func causes(s submit.Status) (all []string) {
	for _, f := range s.Failures {
		all = append(all, fmt.Sprint(f.Step, " ", f.Shards, " ", f.Nodes, " ", f.Cause))
	}
	return all
}

// Each shard is counted once, by its result first, then by the queue, then by what its
// last attempt or accounting says of its end; causes have their nodes.
func TestStatus(t *testing.T) {
	job, c := newJob(t, 11), newCluster()
	must(t, submit.Submit(t.Context(), options(job, c)))
	scan := c.ids[c.jobs[0].Name]
	attempt(t, job, jobdir.Scan, 1, "n1", jobdir.Done, "")
	c.end(scan.Task(0), slurm.Record{State: slurm.Failed, ExitCode: 1}) // the result counts
	c.states[scan.Task(1)], c.nodes[scan.Task(1)] = slurm.Running, "n2"
	// shard 3 is pending
	attempt(t, job, jobdir.Scan, 4, "n3", jobdir.Failed, "data root is missing: /cds/data/psdm; is it mounted?")
	attempt(t, job, jobdir.Scan, 5, "n4", jobdir.Failed, "data root is missing: /sdf/data; is it mounted?")
	attempt(t, job, jobdir.Scan, 6, "n1", jobdir.Stopped, "told to stop by user defined signal 1")
	attempt(t, job, jobdir.Scan, 7, "n1", jobdir.Going, "")
	for shard, record := range map[int]slurm.Record{
		4: {State: slurm.Failed, ExitCode: 75, Nodes: "n3"}, 5: {State: slurm.Failed, ExitCode: 75, Nodes: "n4"}, 6: {State: slurm.Failed, ExitCode: 75},
		7: {State: slurm.Timeout, Nodes: "n1"}, 8: {State: slurm.NodeFail, Nodes: "n2"}, 9: {State: slurm.Failed, ExitCode: 53, Nodes: "n2"},
		10: {State: slurm.Completed, Nodes: "n2"}, 11: {State: slurm.Failed, Signal: 9, Nodes: "n3"},
	} {
		c.end(scan.Task(shard-1), record)
	}
	calls := len(c.calls)
	status := look(t, options(job, c))
	want := []string{
		"scan [4 5] [n3 n4] data root is missing: ...; is it mounted?",
		"scan [10] [n2] ended as COMPLETED without a result",
		"scan [9] [n2] ended with exit status 53; its log tells more",
		"scan [8] [n2] its node failed",
		"scan [11] [n3] killed by signal 9",
		"scan [7] [n1] reached its time limit",
		"scan [6] [n1] told to stop by user defined signal 1",
	}
	if diff := cmp.Diff(want, causes(status)); diff != "" {
		t.Errorf("causes (-want +got):\n%s", diff)
	}
	s := status.Steps[0]
	if status.State != submit.Active || s.Shards != 11 || s.Done != 1 || s.Running != 1 || s.Queued != 1 || s.Failed != 7 || s.Stopped != 1 || s.Absent != 0 {
		t.Errorf("%s: %+v", status.State, s)
	}
	if len(c.calls) != calls+2 {
		t.Errorf("commands: %v", c.calls[calls:])
	}
}

// Without accounting, and without any answer of Slurm, the rest is told.
func TestStatusWithout(t *testing.T) {
	job, c := newJob(t, 3), newCluster()
	must(t, submit.Submit(t.Context(), options(job, c)))
	scan := c.ids[c.jobs[0].Name]
	attempt(t, job, jobdir.Scan, 1, "n1", jobdir.Done, "")
	c.end(scan.Task(0), slurm.Record{State: slurm.Completed})
	c.end(scan.Task(1), slurm.Record{State: slurm.NodeFail})
	c.accounting = fmt.Errorf("slurmdbd: %w", slurm.ErrNoAccounting)
	status := look(t, options(job, c))
	if s := status.Steps[0]; status.State != submit.Active || s.Done != 1 || s.Queued != 1 || s.Absent != 1 || len(status.Notes) != 1 {
		t.Errorf("without accounting: %s %+v %q", status.State, s, status.Notes)
	}
	c.silent = errors.New("nobody there")
	attempt(t, job, jobdir.Scan, 3, "n1", jobdir.Going, "")
	status = look(t, options(job, c))
	if s := status.Steps[0]; s.Done != 1 || s.Running != 1 || len(status.Notes) != 2 || !strings.Contains(status.Notes[0], "nobody there") {
		t.Errorf("without an answer: %s %+v %q", status.State, s, status.Notes)
	}
}

// The state of a job from its submission to its end.
func TestStates(t *testing.T) {
	job, c := newJob(t, 2), newCluster()
	state := func(want submit.State) {
		t.Helper()
		if status := look(t, options(job, c)); status.State != want {
			t.Errorf("%s, want %s: %+v", status.State, want, status.Steps)
		}
	}
	state(submit.Cut) // nothing is submitted yet
	must(t, submit.Submit(t.Context(), options(job, c)))
	state(submit.Active)
	complete(t, job, jobdir.Scan, 0)
	c.endStep(jobdir.Scan, slurm.Record{State: slurm.Completed})
	state(submit.Active) // plan is next
	c.endStep(jobdir.Plan, slurm.Record{State: slurm.Failed})
	state(submit.Waiting) // what is behind it waits in vain
	c.endStep(jobdir.Apply, slurm.Record{State: slurm.Cancelled})
	c.endStep(jobdir.Verify, slurm.Record{State: slurm.Cancelled})
	c.endStep(jobdir.Summary, slurm.Record{State: slurm.Failed})
	state(submit.Cut)
	complete(t, job, jobdir.Plan, 0)
	complete(t, job, jobdir.Apply, 2)
	_, err := job.Cut(jobdir.Verify, "", nil)
	must(t, err)
	state(submit.Cut)
	complete(t, job, jobdir.Summary, 0)
	state(submit.Complete)
}

// Submission of 10,000 shards, and the status of a job of so many, half of them done.
func BenchmarkTenThousand(b *testing.B) {
	const shards = 10_000
	large := func() *cluster {
		c := newCluster()
		c.limits.MaxArraySize = 2 * shards
		return c
	}
	b.Run("submit", func(b *testing.B) {
		for b.Loop() {
			job, c := newJob(b, shards), large()
			must(b, submit.Submit(b.Context(), options(job, c)))
		}
	})
	b.Run("status", func(b *testing.B) {
		job, c := newJobIn(b, memory(b), shards), large()
		must(b, submit.Submit(b.Context(), options(job, c)))
		scan := c.ids[c.jobs[0].Name]
		for shard := 1; shard <= shards/2; shard++ {
			attempt(b, job, jobdir.Scan, shard, "n1", jobdir.Done, "")
			c.end(scan.Task(shard-1), slurm.Record{State: slurm.Completed})
		}
		for shard := shards/2 + 1; shard <= shards/2+100; shard++ {
			attempt(b, job, jobdir.Scan, shard, "n1", jobdir.Going, "")
			c.states[scan.Task(shard-1)] = slurm.Running
		}
		for b.Loop() {
			if status := look(b, options(job, c)); status.Steps[0].Done != shards/2 || status.Steps[0].Running != 100 {
				b.Fatalf("%+v", status.Steps[0])
			}
		}
	})
}
