package submit_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs/jobdir"
	"deployconstants/slurm"
	"deployconstants/stages/submit"
)

// shape is what a submission is, without what is the same for all.
func shape(job slurm.Submission) string {
	text := job.Program[slices.Index(job.Program, "--step")+1]
	if job.Array != nil {
		text += fmt.Sprintf("[%d%%%d]", job.Array.Count, job.Array.Throttle)
	}
	for _, after := range job.After {
		text += fmt.Sprintf(" %s:%v", after.Kind, after.Jobs)
	}
	return text + " " + strings.Join(job.Program[slices.Index(job.Program, "--round"):], " ")
}

func shapes(c *cluster) (all []string) {
	for _, job := range c.jobs {
		all = append(all, shape(job))
	}
	return all
}

// Every step is submitted, waiting for those before it, with one command each, and the
// record has their ids.
func TestSubmit(t *testing.T) {
	job, c := newJob(t, 40), newCluster()
	o := options(job, c)
	o.Task.Exclude = []string{"n9"}
	must(t, submit.Submit(t.Context(), o))
	want := []string{
		"scan[40%0] --round 1 --offset 0",
		"plan afterany:[1] --round 1 --offset 0",
		"apply[4%0] afterok:[2] --round 1 --offset 0",
		"verify[4%0] afterok:[2] afterany:[3] --round 1 --offset 0",
		"summary afterany:[1 2 3 4] --round 1 --offset 0",
	}
	if diff := cmp.Diff(want, shapes(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(c.calls) != 6 {
		t.Errorf("commands: %v", c.calls)
	}
	first := c.jobs[0]
	if first.Partition != "milano" || first.Account != "lcls:data" || first.Dir != job.Dir() || first.Log != job.Logs()+"/%A_%a.log" || !first.Requeue {
		t.Errorf("%+v", first)
	}
	record, err := job.Record()
	must(t, err)
	for i, s := range record.Submissions {
		if s.State != jobdir.Submitted || s.SlurmJob != fmt.Sprint(i+1) || s.Token != c.jobs[i].Name || !slices.Equal(s.Exclude, o.Task.Exclude) {
			t.Errorf("%+v", s)
		}
	}
	if err := submit.Submit(t.Context(), options(job, c)); !errors.Is(err, submit.ErrNothing) || len(c.jobs) != 5 {
		t.Errorf("a second time: %v, %d jobs", err, len(c.jobs))
	}
}

// An array that is too large is cut into several from index 0, which share the throttle;
// what follows waits for all of them.
func TestArrays(t *testing.T) {
	job, c := newJob(t, 25), newCluster()
	c.limits.MaxArraySize = 10
	o := options(job, c)
	o.Throttle = 7
	must(t, submit.Submit(t.Context(), o))
	want := []string{
		"scan[10%2] --round 1 --offset 0", "scan[10%2] --round 1 --offset 10", "scan[5%2] --round 1 --offset 20",
		"plan afterany:[1 2 3] --round 1 --offset 0",
		"apply[4%7] afterok:[4] --round 1 --offset 0",
		"verify[4%7] afterok:[4] afterany:[5] --round 1 --offset 0",
		"summary afterany:[1 2 3 4 5 6] --round 1 --offset 0",
	}
	if diff := cmp.Diff(want, shapes(c)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	drafts, err := submit.Draft(o, c.limits)
	must(t, err)
	var drafted []string
	for _, draft := range drafts {
		drafted = append(drafted, shape(draft))
	}
	if diff := cmp.Diff(want, drafted); diff != "" {
		t.Errorf("draft (-want +got):\n%s", diff)
	}
}

// What Slurm refuses is passed on, nothing behind it is submitted, the record says what
// was, and a resume goes on without a second copy of anything.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		step      string
		submitted int
	}{"the first": {"scan", 0}, "in the middle": {"apply", 2}, "the last": {"summary", 4}} {
		job, c := newJob(t, 5), newCluster()
		refusal := fmt.Errorf("sbatch: error: AssocMaxSubmitJobLimit: %w", slurm.ErrLimit)
		c.refuse = func(s slurm.Submission) error {
			if slices.Contains(s.Program, test.step) {
				return refusal
			}
			return nil
		}
		err := submit.Submit(t.Context(), options(job, c))
		var unsubmitted *submit.UnsubmittedError
		if !errors.As(err, &unsubmitted) || !errors.Is(err, slurm.ErrLimit) || len(unsubmitted.Submitted) != test.submitted || !strings.Contains(err.Error(), "AssocMaxSubmitJobLimit") {
			t.Fatalf("%s: %v", name, err)
		}
		record, recordErr := job.Record()
		must(t, recordErr)
		for i, s := range record.Submissions {
			want := jobdir.Submitted
			switch {
			case i == test.submitted:
				want = jobdir.Refused
			case i > test.submitted:
				want = jobdir.Drafted
			}
			if s.State != want {
				t.Errorf("%s: %+v, want %s", name, s, want)
			}
		}
		c.refuse = nil
		if _, err := submit.Resume(t.Context(), options(job, c)); err != nil {
			t.Fatalf("%s: resume: %v", name, err)
		}
		live := map[string]int{}
		for _, one := range c.jobs {
			if _, gone := c.gone[c.tasks(one)[0]]; !gone {
				live[strings.Fields(shape(one))[0]]++
			}
		}
		if diff := cmp.Diff(map[string]int{"scan[5%0]": 1, "plan": 1, "apply[4%0]": 1, "verify[4%0]": 1, "summary": 1}, live); diff != "" {
			t.Errorf("%s: in the queue (-want +got):\n%s", name, diff)
		}
	}
}

var errTimeout = fmt.Errorf("sbatch: error: Socket timed out on send/recv operation: %w", slurm.ErrUnreachable)

// A submission whose answer is lost is found again by its name, and not repeated.
func TestLostReply(t *testing.T) {
	job, c := newJob(t, 5), newCluster()
	c.lose = func(s slurm.Submission) error {
		if slices.Contains(s.Program, "plan") {
			return errTimeout
		}
		return nil
	}
	must(t, submit.Submit(t.Context(), options(job, c)))
	if len(c.jobs) != 5 {
		t.Errorf("%v", shapes(c))
	}
}

// A cluster that does not answer leaves one submission in doubt; a resume finds out which
// of both it is, and does not double it.
func TestDoubt(t *testing.T) {
	notStarted := fmt.Errorf("squeue: %w", slurm.ErrNotStarted)
	denied := fmt.Errorf("squeue: access denied: %w", slurm.ErrRefused)
	for n, silent := range []error{errTimeout, errTimeout, notStarted, notStarted, denied, denied} {
		taken := n%2 == 0
		job, c := newJob(t, 5), newCluster()
		down := func(slurm.Submission) error { c.silent = silent; return errTimeout }
		if taken {
			c.lose = down
		} else {
			c.refuse = down
		}
		err := submit.Submit(t.Context(), options(job, c))
		if !errors.Is(err, slurm.ErrUnknown) || !strings.Contains(err.Error(), "may have been submitted or not") {
			t.Fatalf("taken %v: %v", taken, err)
		}
		if _, err := submit.Resume(t.Context(), options(job, c)); !errors.Is(err, silent) {
			t.Fatalf("taken %v: resume while it is silent: %v", taken, err)
		}
		c.silent, c.lose, c.refuse = nil, nil, nil
		if _, err := submit.Resume(t.Context(), options(job, c)); err != nil {
			t.Fatalf("taken %v: %v", taken, err)
		}
		if got := len(c.jobs); got != 5 {
			t.Errorf("taken %v: %v", taken, shapes(c))
		}
	}
}

// A scheduler that is down at the start leaves nothing half submitted.
func TestDown(t *testing.T) {
	job, c := newJob(t, 5), newCluster()
	c.silent = errTimeout
	err := submit.Submit(t.Context(), options(job, c))
	if !errors.Is(err, slurm.ErrUnreachable) || !strings.Contains(err.Error(), "nothing was submitted") {
		t.Errorf("%v", err)
	}
	record, err := job.Record()
	if err != nil || len(record.Submissions) > 0 || len(c.jobs) > 0 {
		t.Errorf("%+v, %v", record, err)
	}
	c.silent = nil
	if _, err := submit.Resume(t.Context(), options(job, c)); err != nil || len(c.jobs) != 5 {
		t.Errorf("resume: %v, %v", shapes(c), err)
	}
}

// Of a job that was never submitted, and of which somebody has carried out a shard by
// hand, a resume submits the other shards.
func TestResumeUnsubmitted(t *testing.T) {
	job, c := newJob(t, 5), newCluster()
	attempt(t, job, jobdir.Scan, 1, "n1", jobdir.Done, "")
	again, err := submit.Resume(t.Context(), options(job, c))
	must(t, err)
	if want := []int{2, 3, 4, 5}; !cmp.Equal(again.Shards, want) {
		t.Errorf("%+v", again)
	}
	for task, want := range again.Shards {
		if shard, err := job.ShardOf(jobdir.Scan, 1, task); shard != want || err != nil {
			t.Errorf("task %d is for shard %d, want %d: %v", task, shard, want, err)
		}
	}
}

// A cluster without arrays is told of, and gets nothing.
func TestNoArrays(t *testing.T) {
	job, c := newJob(t, 5), newCluster()
	c.limits.MaxArraySize = 0
	if err := submit.Submit(t.Context(), options(job, c)); !errors.Is(err, submit.ErrNoArrays) || len(c.jobs) > 0 {
		t.Errorf("%v, %v", err, shapes(c))
	}
}

// Only shards without result that nobody works on are submitted again, and the steps
// behind them; what waits for them is taken out of the queue first.
func TestResume(t *testing.T) {
	job, c := newJob(t, 6), newCluster()
	must(t, submit.Submit(t.Context(), options(job, c)))
	attempt(t, job, jobdir.Scan, 1, "n1", jobdir.Done, "")
	attempt(t, job, jobdir.Scan, 3, "n2", jobdir.Failed, "no mount")
	scan := c.ids[c.jobs[0].Name]
	for _, index := range []int{0, 2, 4} {
		c.end(scan.Task(index), slurm.Record{State: slurm.Failed, ExitCode: 1})
	}
	c.states[scan.Task(1)] = slurm.Running
	c.states[scan.Task(5)] = slurm.Requeued // it is going to run again

	again, err := submit.Resume(t.Context(), options(job, c))
	must(t, err)
	if again.Step != jobdir.Scan || !cmp.Equal(again.Shards, []int{3, 5}) || again.Active != 3 {
		t.Errorf("%+v", again)
	}
	want := []string{
		"scan[2%0] --round 2 --offset 0",
		"plan afterany:[1 6] --round 2 --offset 0",
		"apply[4%0] afterok:[7] --round 2 --offset 0",
		"verify[4%0] afterok:[7] afterany:[8] --round 2 --offset 0",
		"summary afterany:[1 6 7 8 9] --round 2 --offset 0",
	}
	if diff := cmp.Diff(want, shapes(c)[5:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !slices.Contains(c.calls, "cancel [2 3 4 5]") {
		t.Errorf("%v", c.calls)
	}
	for task, want := range []int{3, 5} {
		if shard, err := job.ShardOf(jobdir.Scan, 2, task); err != nil || shard != want {
			t.Errorf("task %d is for shard %d, %v", task, shard, err)
		}
	}
	before := len(c.jobs)
	if _, err := submit.Resume(t.Context(), options(job, c)); !errors.Is(err, submit.ErrNothing) || len(c.jobs) != before {
		t.Errorf("at once again: %v, %v", shapes(c), err)
	}
}

// A resume in a later step leaves the steps before alone.
func TestResumeLater(t *testing.T) {
	job, c := newJob(t, 3), newCluster()
	must(t, submit.Submit(t.Context(), options(job, c)))
	complete(t, job, jobdir.Scan, 0)
	complete(t, job, jobdir.Plan, 0)
	_, err := job.Cut(jobdir.Apply, "", shardsOf(3))
	must(t, err)
	attempt(t, job, jobdir.Apply, 2, "n1", jobdir.Done, "")
	for _, step := range jobdir.Steps() {
		c.endStep(step, slurm.Record{State: slurm.Cancelled})
	}
	again, err := submit.Resume(t.Context(), options(job, c))
	must(t, err)
	if again.Step != jobdir.Apply || !cmp.Equal(again.Shards, []int{1, 3}) {
		t.Errorf("%+v", again)
	}
	want := []string{
		"apply[2%0] --round 2 --offset 0",
		"verify[4%0] afterany:[6] --round 2 --offset 0",
		"summary afterany:[6 7] --round 2 --offset 0",
	}
	if diff := cmp.Diff(want, shapes(c)[5:]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	complete(t, job, jobdir.Apply, 0)
	complete(t, job, jobdir.Verify, 2)
	complete(t, job, jobdir.Summary, 0)
	if _, err := submit.Resume(t.Context(), options(job, c)); !errors.Is(err, submit.ErrNothing) {
		t.Errorf("of a complete job: %v", err)
	}
}

// Cancel takes all of a job out of the queue, and waits until it is.
func TestCancel(t *testing.T) {
	job, c := newJob(t, 3), newCluster()
	must(t, submit.Submit(t.Context(), options(job, c)))
	if n, err := submit.Cancel(t.Context(), options(job, c)); err != nil || n != 3+1+4+4+1 {
		t.Errorf("%d, %v", n, err)
	}
	record, err := job.Record()
	must(t, err)
	for _, s := range record.Submissions {
		if s.State != jobdir.Cancelled {
			t.Errorf("%+v", s)
		}
	}
	if n, err := submit.Cancel(t.Context(), options(job, c)); err != nil || n != 0 {
		t.Errorf("again: %d, %v", n, err)
	}
	if _, err := submit.Resume(t.Context(), options(job, c)); err != nil || len(c.jobs) != 10 {
		t.Errorf("resume: %v, %v", shapes(c), err)
	}
}

// Two submitters of one job exclude each other.
func TestLock(t *testing.T) {
	job, c := newJob(t, 3), newCluster()
	o := options(job, c)
	held, err := job.Lock(t.Context(), "submit", o.Holder, 0)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := submit.Submit(ctx, o); err == nil || len(c.jobs) > 0 {
		t.Errorf("%v, %v", err, shapes(c))
	}
	must(t, held.Release())
	must(t, submit.Submit(t.Context(), o))
}
