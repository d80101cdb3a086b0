package slurmtest

import (
	"strings"
	"syscall"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/jobs/jobdir"
	"deployconstants/stages/submit"
)

// outage: a controller that is down when a job is submitted.
func outage(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{}), small)
	want := s.serial(t)
	must(t, s.StopController(t.Context()))
	r := s.run(t, "submit", "sweep", "-D")
	j := s.jobOf(t, r.stdout)
	again := s.run(t, "resume", j.id)
	unknown := s.run(t, "status", "--json", j.id)
	must(t, s.StartController(t.Context()))
	for what, ended := range map[string]result{"submit": r, "resume": again} {
		if ended.status != 1 || !strings.Contains(ended.stderr, "Unable to contact slurm controller") {
			t.Errorf("%s without a controller: exit status %d: %s", what, ended.status, ended.stderr)
		}
	}
	if !strings.Contains(r.stderr, "resume "+j.id) {
		t.Errorf("submit does not say how to go on: %s", r.stderr)
	}
	if state := decode[submit.Status](t, unknown.stdout).State; state == submit.Complete || state == submit.Active {
		t.Errorf("status says that the job is %s", state)
	}
	for _, one := range j.record(t) {
		if one.State == jobdir.Submitted {
			t.Errorf("%s was submitted without a controller", one.Token)
		}
	}
	if ran := j.attempts(t, jobdir.Scan); len(ran) > 0 {
		t.Errorf("without a controller ran %+v", ran)
	}
	s.want(t, 0, "resume", j.id)
	s.idle(t)
	j.isComplete(t)
	j.once(t)
	want.check(t, j.outcome(t))
}

// reply: submissions that were taken, though nobody was told.
func reply(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{}), small)
	lost := s.loseReply(t)
	cmd := s.command("submit", "scan")
	var out, said strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &said
	must(t, cmd.Start())
	lost()
	if status := testenv.Status(t, cmd.Wait()); status != 0 || !strings.Contains(said.String(), "there all the same") {
		t.Fatalf("submit: exit status %d: %s", status, &said)
	}
	j := s.jobOf(t, out.String())
	if r := s.want(t, 0, "resume", j.id); strings.Contains(r.stdout, "submitted again") {
		t.Errorf("resume: %s", r.stdout)
	}
	s.idle(t)
	j.isComplete(t)
	j.once(t)
	j.scannedOnce(t)

	// who submits is killed before it hears
	before := map[string]bool{j.id: true}
	lost = s.loseReply(t)
	cmd = s.command("submit", "scan")
	must(t, cmd.Start())
	lost()
	must(t, cmd.Process.Signal(syscall.SIGKILL))
	_ = cmd.Wait() // killed
	for _, one := range decode[[]struct{ Job string }](t, s.want(t, 0, "jobs", "ls", "--json").stdout) {
		if !before[one.Job] {
			j = s.jobOf(t, one.Job)
		}
	}
	if before[j.id] {
		t.Fatal("the job of a submitter that was killed is not there")
	}
	s.want(t, 0, "resume", j.id)
	s.idle(t)
	j.isComplete(t)
	j.once(t)
	j.scannedOnce(t)
}

// scannedOnce fails unless the cluster has had as many tasks for the scan as there are
// shards, under whatever names.
func (j job) scannedOnce(t testing.TB) {
	t.Helper()
	tasks := 0
	for token, arrays := range j.queue(t) {
		for _, states := range arrays {
			if strings.Contains(token, "-scan-") {
				tasks += len(states)
			}
		}
	}
	if shards := j.status(t).Steps[0].Shards; tasks != shards {
		t.Errorf("the scan of %d shards has had %d tasks", shards, tasks)
	}
}

// accounting: what status tells without it.
func accounting(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{}), small)
	must(t, s.StopAccounting(t.Context()))
	j := s.sticky(t, []jobdir.Step{jobdir.Scan}, "submit", "scan")
	held := j.hold(t, jobdir.Scan, slots)
	if now := j.status(t); now.State != submit.Active || now.Steps[0].Running != slots || len(now.Notes) != 1 || !strings.Contains(now.Notes[0], "accounting did not answer") {
		t.Errorf("without accounting status says %+v", now)
	}
	killed := at(t, held, 1)
	must(t, syscall.Kill(killed.PID, syscall.SIGKILL))
	j.unstick(t, jobdir.Scan)
	goOn(held...)
	s.idle(t)
	cut := j.status(t)
	if cut.State != submit.Cut || cut.Steps[0].Done != cut.Steps[0].Shards-1 {
		t.Errorf("the job is %s, %+v", cut.State, cut.Steps)
	}
	tells(t, cut, killed, "failed; its log tells more")
	s.want(t, 0, "resume", j.id)
	s.idle(t)
	j.isComplete(t)
	must(t, s.StartAccounting(t.Context()))
}
