package slurmtest

import (
	"slices"
	"strings"
	"testing"

	"deployconstants/jobs/jobdir"
	"deployconstants/stages/submit"
)

// submission is part of what `jobs show --json` says.
type submission struct {
	Submissions []jobdir.Submission
}

// record is what a job's directory says of its submissions.
func (j job) record(t testing.TB) []jobdir.Submission {
	t.Helper()
	return decode[submission](t, j.want(t, 0, "jobs", "show", "--json", j.id).stdout).Submissions
}

// queue are the states of what the cluster has of a job, by the names of its arrays: of
// each array a list by its number.
func (j job) queue(t testing.TB) map[string]map[string][]string {
	t.Helper()
	tokens := []string{"dc-" + j.id + "-scan-1-1"} // also where nothing is recorded
	for _, s := range j.record(t) {
		tokens = append(tokens, s.Token)
	}
	found := map[string]map[string][]string{}
	for _, line := range lines(j.slurm(t, "squeue", "-h", "-r", "-t", "all", "--name="+strings.Join(tokens, ","), "-o", "%j|%F|%T")) {
		of := strings.Split(line, "|")
		if found[of[0]] == nil {
			found[of[0]] = map[string][]string{}
		}
		found[of[0]][of[1]] = append(found[of[0]][of[1]], of[2])
	}
	return found
}

// once fails if the cluster has had an array of the job twice.
func (j job) once(t testing.TB) {
	t.Helper()
	for token, arrays := range j.queue(t) {
		if len(arrays) != 1 {
			t.Errorf("%s was submitted %d times: %v", token, len(arrays), arrays)
		}
	}
}

// limits: arrays that are longer than the cluster takes, and submissions that it refuses.
func limits(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{arrays: true}), small)
	want := s.serial(t)
	for _, bad := range []struct{ option, value, said string }{
		{"--partition", "nosuch", "Invalid partition name specified"},
		{"--account", "lcls:nosuch", "Invalid account or account/partition combination specified"},
	} {
		r := s.want(t, 1, "submit", "scan", bad.option, bad.value)
		if !strings.Contains(r.stderr, bad.said) {
			t.Errorf("%s %s: %s", bad.option, bad.value, r.stderr)
		}
		j := s.jobOf(t, r.stdout)
		for i, one := range j.record(t) {
			if wanted := []jobdir.SubmissionState{jobdir.Refused, jobdir.Drafted}[min(i, 1)]; one.State != wanted || one.SlurmJob != "" {
				t.Errorf("%s %s: %s is %s, want %s", bad.option, bad.value, one.Token, one.State, wanted)
			}
		}
		if got := j.queue(t); len(got) > 0 {
			t.Errorf("%s %s: in the queue is %v", bad.option, bad.value, got)
		}
		if show := s.want(t, 0, "jobs", "show", j.id).stdout; !strings.Contains(show, bad.said) {
			t.Errorf("jobs show says\n%s", show)
		}
		s.want(t, 0, "jobs", "rm", "--force", j.id)
	}

	// two arrays fit, the third does not
	s.maxSubmit(t, 25)
	begin := s.pause(t)
	r := s.want(t, 1, "submit", "sweep", "-D")
	begin()
	if !strings.Contains(r.stderr, "AssocMaxSubmitJobLimit") || !strings.Contains(r.stderr, "resume") {
		t.Errorf("at the limit: %s", r.stderr)
	}
	j := s.jobOf(t, r.stdout)
	s.idle(t)
	states := map[jobdir.SubmissionState]int{}
	for i, one := range j.record(t) {
		states[one.State]++
		if one.Step == jobdir.Scan && one.Offset != 11*i {
			t.Errorf("array %d begins at task %d", i, one.Offset)
		}
	}
	if states[jobdir.Submitted] != 2 || states[jobdir.Refused] != 1 || states[jobdir.Drafted] < 5 {
		t.Errorf("of the arrays are %v", states)
	}
	cut := j.status(t)
	if done := cut.Steps[0].Done; cut.State != submit.Cut || done != 22 || len(j.attempts(t, jobdir.Plan)) > 0 {
		t.Errorf("the job is %s, done are %d shards", cut.State, done)
	}
	s.maxSubmit(t, 0)
	s.want(t, 0, "resume", j.id)
	s.idle(t)
	j.isComplete(t)
	j.once(t)
	want.check(t, j.outcome(t))

	// arrays of eleven, each from 0
	j = s.submit(t, "scan", "--shard", "1ms")
	s.idle(t)
	j.isComplete(t)
	j.once(t)
	scans := slices.DeleteFunc(j.record(t), func(one jobdir.Submission) bool { return one.Step != jobdir.Scan })
	var sizes []int
	for _, one := range scans {
		sizes = append(sizes, one.Tasks)
	}
	if n := len(j.attempts(t, jobdir.Scan)); !slices.Equal(sizes, []int{11, 11, 11, 7}) || n != 40 {
		t.Errorf("the arrays of the scan have %v tasks; attempts are %d", sizes, n)
	}
}
