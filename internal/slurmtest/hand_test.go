package slurmtest

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
	"deployconstants/jobs/jobdir"
	"deployconstants/stages/submit"
)

// hand: jobs without Slurm. One is shown and not made, one is carried out by hand.
func hand(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{}), small)
	want := s.serial(t)
	before, err := facility.TakeSnapshot(s.dir, facility.SnapshotOptions{ModTime: true})
	must(t, err)
	shown := s.want(t, 0, "submit", "sweep", "-D", "--print").stdout
	for _, part := range []string{"#SBATCH --array=0-39", "#SBATCH --dependency=afterany:1", "# step scan, shard 40: 1 experiment", `"experiment":"xppc0035"`} {
		if !strings.Contains(shown, part) {
			t.Errorf("submit --print does not show %q", part)
		}
	}
	after, err := facility.TakeSnapshot(s.dir, facility.SnapshotOptions{ModTime: true})
	must(t, err)
	for _, empty := range []string{"facility/state", "facility/state/jobs"} { // which a first command makes
		delete(after, empty)
	}
	if diff := before.Diff(after); diff != "" {
		t.Errorf("submit --print left:\n%s", diff)
	}

	must(t, s.StopController(t.Context()))
	j := s.jobOf(t, s.want(t, 1, "submit", "sweep", "-D").stdout)
	must(t, s.StartController(t.Context()))
	if r := s.run(t, "task", "--job", j.dir, "--step", "plan"); r.status != 1 || !strings.Contains(r.stderr, "step scan is not complete") {
		t.Errorf("a plan before the scan: exit status %d: %s", r.status, r.stderr)
	}
	for _, step := range []jobdir.Step{jobdir.Scan, jobdir.Plan, jobdir.Apply, jobdir.Verify, jobdir.Summary} {
		switch step {
		case jobdir.Plan:
			j.failToChoose(t)
		case jobdir.Verify:
			j.breakOff(t)
		}
		args := []string{"task", "--job", j.id, "--step", string(step)}
		if !step.Array() {
			s.want(t, 0, args...)
			continue
		}
		for shard := 1; ; shard++ {
			r := s.want(t, 0, append(args, "--shard", itoa(shard))...)
			if strings.Contains(r.stdout, "nothing to do") {
				if shard < 3 {
					t.Errorf("step %s has %d shards", step, shard-1)
				}
				break // surplus
			}
		}
		if r := s.want(t, 0, append(args, "--shard", "1")...); !strings.Contains(r.stdout, "nothing to do") {
			t.Errorf("step %s, shard 1 again: %s", step, r.stdout)
		}
	}
	if got := j.queue(t); len(got) > 0 {
		t.Errorf("Slurm has of the job %v", got)
	}
	j.isComplete(t)
	want.check(t, j.outcome(t))
	s.onceEach(t, j.transaction(t))

	merged := filepath.Join(s.dir, "merged.manifest.jsonl.zst")
	summary := s.want(t, 0, "jobs", "merge", "--json", "-o", merged, j.id).stdout
	if diff := cmp.Diff(want.Manifest, lines(alike(unpack(t, merged)))); diff != "" {
		t.Errorf("jobs merge:\n%s", ends(diff))
	}
	if !strings.Contains(summary, `"scan"`) {
		t.Errorf("jobs merge --json says %s", ends(summary))
	}
	if list := s.want(t, 0, "jobs", "ls").stdout; !strings.Contains(list, j.id) || !strings.Contains(list, "complete") {
		t.Errorf("jobs ls: %s", list)
	}
	if shown := s.want(t, 0, "jobs", "show", j.id).stdout; !strings.Contains(shown, "sweep -D") || !strings.Contains(shown, j.dir) {
		t.Errorf("jobs show: %s", shown)
	}
	if state := j.status(t).State; state != submit.Complete {
		t.Errorf("the job is %s", state)
	}
	s.want(t, 0, "jobs", "rm", j.id)
	if _, err := os.Stat(j.dir); !os.IsNotExist(err) {
		t.Errorf("jobs rm: %v", err)
	}
	if list := s.want(t, 0, "jobs", "ls").stdout; list != "no jobs\n" {
		t.Errorf("jobs ls: %s", list)
	}
}

// failToChoose has a plan fail when it has begun its transaction and is about to say so.
// The next one goes on with that transaction.
func (j job) failToChoose(t *testing.T) {
	t.Helper()
	cmd := j.command("task", "--job", j.dir, "--step", "plan")
	said, err := cmd.StderrPipe()
	must(t, err)
	must(t, cmd.Start())
	obstacle := filepath.Join(j.dir, "plan", "transaction.json")
	for in := bufio.NewScanner(said); in.Scan(); {
		if strings.Contains(in.Text(), "list the repository") { // it has looked for the file
			must(t, os.Mkdir(obstacle, 0o755))
		}
	}
	if status := testenv.Status(t, cmd.Wait()); status != 1 {
		t.Errorf("a plan that cannot say which transaction it began: exit status %d", status)
	}
	must(t, os.Remove(obstacle))
	list := decode[[]struct{ Status string }](t, j.want(t, 0, "history", "--json").stdout)
	if len(list) != 1 || list[0].Status != "incomplete" {
		t.Errorf("it left the transactions %v", list)
	}
}

// breakOff breaks a task off that waits for another one: the first signal tells it to
// stop, the second ends it. Its status is one that Slurm reports as it is.
func (j job) breakOff(t *testing.T) {
	t.Helper()
	lock, err := os.OpenFile(filepath.Join(j.dir, "conclude.lock"), os.O_RDWR|os.O_CREATE, 0o660)
	must(t, err)
	defer lock.Close()
	must(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	cmd := j.command("task", "--job", j.dir, "--step", "verify", "--shard", "1")
	must(t, cmd.Start())
	until(t, "the task has begun", func() bool { return len(j.attempts(t, jobdir.Verify)) == 1 })
	must(t, cmd.Process.Signal(syscall.SIGUSR1))
	must(t, cmd.Process.Signal(syscall.SIGTERM))
	status := testenv.Status(t, cmd.Wait())
	a := j.attempts(t, jobdir.Verify)[0]
	if status != 75 || a.state != jobdir.Stopped || !strings.HasPrefix(a.cause, "told to stop by ") { // which of the two came first is not known
		t.Errorf("a task that is broken off: exit status %d; %q, %s", status, a.state, a.cause)
	}
}

// thousand: how many of Slurm's commands a sweep of a thousand tasks takes.
func thousand(t *testing.T, start starter) {
	const most = 40
	s := newSite(t, start(t, restricted{}), facility.Options{Seed: 43, Experiments: 340, Runs: 2, Light: true})
	before := s.commands(t)
	j := s.submit(t, "sweep", "-D", "--tasks", "340", "--shard", "1ms")
	s.idle(t)
	used := s.commands(t)[len(before):]
	j.isComplete(t)
	tasks := 0
	for _, one := range j.record(t) {
		tasks += max(one.Tasks, 1)
	}
	t.Logf("%d commands for %d tasks", len(used), tasks)
	if tasks < 1000 || len(used) > most || len(used) < 5 {
		t.Errorf("%d commands for %d tasks:\n%s", len(used), tasks, strings.Join(used, "\n"))
	}
	ended := map[string]int{}
	for _, arrays := range j.queue(t) {
		for _, states := range arrays {
			for _, state := range states {
				ended[state]++
			}
		}
	}
	if ended["COMPLETED"] != tasks || len(ended) != 1 {
		t.Errorf("of %d tasks, some of them surplus, %v", tasks, ended)
	}
}
