package slurmfake_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/slurmfake"
	"deployconstants/internal/testenv"
)

// TestStates: what a script does is what its task becomes.
func TestStates(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	for _, c := range []struct{ name, body, options, queue, account string }{
		{"done", "true", "", "COMPLETED|None", "COMPLETED|0:0"},
		{"failed", "exit 3", "", "FAILED|NonZeroExitCode", "FAILED|3:0"},
		{"high", "exit 130", "", "FAILED|NonZeroExitCode", "FAILED|2:0"},
		{"half", "exit 128", "", "FAILED|NonZeroExitCode", "FAILED|0:0"},
		{"signal", "kill -SEGV $$", "", "FAILED|JobLaunchFailure", "FAILED|0:11"},
		{"log", "true", "output=/nowhere/log", "FAILED|NonZeroExitCode", "FAILED|0:53"},
	} {
		t.Run(c.name, func(t *testing.T) {
			options := []string{"job-name=" + c.name}
			if c.options != "" {
				options = append(options, c.options)
			}
			s.submit(t, c.body, options...)
			s.idle(t)
			same(t, "squeue", s.queue(t, c.name, "%T|%r"), c.queue)
			same(t, "sacct", s.accounts(t, c.name, "State,ExitCode"), c.account)
		})
	}
}

// TestPlace: a task's folder, log, node and environment.
func TestPlace(t *testing.T) {
	s := newFake(t, slurmfake.Options{Nodes: 1})
	must(t, os.MkdirAll(filepath.Join(s.dir, "work"), 0o755))
	const say = `echo $PWD $(pwd) $SLURM_JOB_NAME $SLURMD_NODENAME $SLURM_CLUSTER_NAME $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT $OWN ${SLURM_RESTART_COUNT-first}`
	got := s.runAs(t, []string{"OWN=mine", "SLURM_JOB_NAME=another"},
		script(say, "array=0-1", "job-name=it", "chdir="+filepath.Join(s.dir, "work"), "output="+filepath.Join(s.dir, "%A_%a-%j-%x%%.log"), "open-mode=append"),
		"sbatch", "--parsable")
	if got.Out != "1" {
		t.Fatalf("sbatch: %+v", got)
	}
	must(t, os.WriteFile(filepath.Join(s.dir, "1_0-2-it%.log"), []byte("before\n"), 0o644))
	s.idle(t)
	work := filepath.Join(s.dir, "work")
	same(t, "log of the first task", s.content("1_0-2-it%.log"), fmt.Sprintf("before\n%s %s it n1 fake 1 0/2 mine first\n", work, work))
	same(t, "log of the last task, which has the array's number", s.content("1_1-1-it%.log"), fmt.Sprintf("%s %s it n1 fake 1 1/2 mine first\n", work, work))

	s.submit(t, "pwd", "chdir=/nowhere", "output="+filepath.Join(s.dir, "%a.%j"), "open-mode=truncate")
	must(t, os.WriteFile(filepath.Join(s.dir, "4294967294.3"), []byte("before\n"), 0o644))
	s.idle(t)
	same(t, "log of a job without its folder", s.content("4294967294.3"), "/tmp\n")

	s.submit(t, "echo here")
	s.run(t, "#!/bin/sh\necho here\n", "sbatch", "--parsable")
	s.idle(t)
	same(t, "log without a name", s.content("slurm-5.out"), "here\n")
}

// TestPlaces: slots, the throttle of an array, and why tasks wait.
func TestPlaces(t *testing.T) {
	s := newFake(t, slurmfake.Options{Nodes: 2, Slots: 2})
	gate := filepath.Join(s.dir, "gate")
	const wait = "while ! test -e gate; do sleep 0.01; done"
	s.submit(t, wait, "array=0-5%3", "job-name=array")
	s.submit(t, wait, "job-name=one")
	s.submit(t, wait, "job-name=two")
	must(t, s.Step(t.Context()))
	same(t, "the array", s.queue(t, "array", "%i|%A|%F|%K|%T|%t|%r|%N"), `1_0|4|1|0|RUNNING|R|None|n1
1_1|5|1|1|RUNNING|R|None|n1
1_2|6|1|2|RUNNING|R|None|n2
1_3|1|1|3|PENDING|PD|JobArrayTaskLimit|
1_4|1|1|4|PENDING|PD|JobArrayTaskLimit|
1_5|1|1|5|PENDING|PD|JobArrayTaskLimit|`)
	same(t, "the others", s.queue(t, "one,two", "%i|%K|%T|%r|%N"), "2|N/A|RUNNING|None|n2\n3|N/A|PENDING|Resources|")
	same(t, "sacct", s.accounts(t, "array", "JobID,JobIDRaw,State,Start,End,NodeList"), strings.ReplaceAll(`1_[0-5%3]|1|PENDING|Unknown|Unknown|None assigned
1_0|4|RUNNING|NOW|Unknown|n1
1_1|5|RUNNING|NOW|Unknown|n1
1_2|6|RUNNING|NOW|Unknown|n2`, "NOW", fmt.Sprint(s.task(t, 0, 0).Start.Unix())))
	must(t, os.WriteFile(gate, nil, 0o644))
	s.idle(t)
	same(t, "the end", s.queue(t, "array,one,two", "%T"), strings.Repeat("COMPLETED\n", 8))
	if last := s.task(t, 0, 5).Raw; last != 1 {
		t.Errorf("the last task has the number %d, want the array's", last)
	}
}

// TestWrap: what starts the scripts of a node.
func TestWrap(t *testing.T) {
	s := newFake(t, slurmfake.Options{Slots: 1, Wrap: map[string][]string{"n2": {"env", "WORLD=another"}}})
	s.submit(t, "echo $SLURMD_NODENAME ${WORLD-this}", "array=0-1", "nodes=1", "ntasks=1", "output="+filepath.Join(s.dir, "%a"))
	s.idle(t)
	same(t, "the logs", s.content("0")+s.content("1"), "n1 this\nn2 another\n")
	if got := strings.Join(s.Nodes(), " "); got != "n1 n2" {
		t.Errorf("nodes: %s", got)
	}

	s = newFake(t, slurmfake.Options{Nodes: 1, Wrap: map[string][]string{"n1": {"nosuch"}}})
	s.submit(t, "true", "job-name=it")
	s.idle(t)
	same(t, "without the program", s.accounts(t, "it", "State,ExitCode"), "FAILED|1:0")
}

// TestDependencies: what a job waits for.
func TestDependencies(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	s.submit(t, "while ! test -e gate; do sleep 0.01; done; test $SLURM_ARRAY_TASK_ID != 1", "array=0-1")
	s.submit(t, "while ! test -e gate; do sleep 0.01; done", "array=0-1")
	for _, c := range []struct{ name, dependency, kill string }{
		{"ok", "afterok:2", "yes"}, {"any", "afterany:1:2", "no"}, {"both", "afterok:2,afterany:1", "no"}, {"unknown", "afterok:99", "no"},
		{"never", "afterok:1", "no"}, {"killed", "afterok:2:1", "yes"}, {"chain", "afterany:8", "yes"},
	} {
		s.submit(t, "true", "job-name="+c.name, "dependency="+c.dependency, "kill-on-invalid-dep="+c.kill)
	}
	s.until(t, "that of an unknown job has ended", func() bool { return s.queue(t, "unknown", "%T") == "COMPLETED" })
	same(t, "before", s.queue(t, "ok,any,both,never,killed,chain", "%j %T %r"), `ok PENDING Dependency
any PENDING Dependency
both PENDING Dependency
never PENDING Dependency
killed PENDING Dependency
chain PENDING Dependency`)
	must(t, os.WriteFile(filepath.Join(s.dir, "gate"), nil, 0o644))
	s.until(t, "four have ended", func() bool {
		return strings.Count(s.queue(t, "ok,any,both,never,killed,chain", "%t"), "CD") == 4
	})
	same(t, "after", s.queue(t, "ok,any,both,never,killed,chain", "%j %T %r"), `ok COMPLETED None
any COMPLETED None
both COMPLETED None
never PENDING DependencyNeverSatisfied
killed CANCELLED DependencyNeverSatisfied
chain COMPLETED None`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.WaitIdle(ctx); err == nil || !strings.Contains(err.Error(), "7 PENDING DependencyNeverSatisfied") {
		t.Errorf("waiting for a job that never starts: %v", err)
	}
}

// TestLimit: the signal before the time limit, and what comes at the limit.
func TestLimit(t *testing.T) {
	s := newFake(t, slurmfake.Options{KillWait: 20 * time.Millisecond})
	const stubborn = "trap '' TERM; trap 'echo warned >>log' USR1; echo up >>up; while true; do sleep 0.01; done"
	s.submit(t, stubborn, "job-name=stubborn", "time=1-0", "signal=B:USR1@60")
	s.submit(t, "trap 'exit 85' USR1; echo up >>up2; while true; do sleep 0.01; done", "job-name=wise", "time=90", "signal=B:USR1@60")
	s.submit(t, "trap 'exit 1' TERM; echo up >>up3; while true; do sleep 0.01; done", "job-name=meek", "time=1:30:00")
	s.until(t, "all are up", func() bool { return s.has("up", "up") && s.has("up2", "up") && s.has("up3", "up") })
	for job, limit := range []time.Duration{24 * time.Hour, 90 * time.Minute, 90 * time.Minute} {
		if task := s.task(t, job, 0); task.Limit.Sub(task.Start) != limit {
			t.Errorf("job %d has %s, want %s", job+1, task.Limit.Sub(task.Start), limit)
		}
	}
	for _, job := range []string{"1", "2"} {
		must(t, s.SetEndTime(t.Context(), job, 59*time.Second))
	}
	s.until(t, "both had the signal", func() bool { return s.has("log", "warned") && s.queue(t, "wise", "%T") == "FAILED" })
	same(t, "the wise one", s.accounts(t, "wise", "State,ExitCode"), "FAILED|85:0")
	must(t, s.SetEndTime(t.Context(), "1", 0))
	must(t, s.SetEndTime(t.Context(), "3", 0))
	s.idle(t)
	same(t, "those that reached it", s.accounts(t, "stubborn,meek", "JobName,State,ExitCode"), "stubborn|TIMEOUT|0:0\nmeek|TIMEOUT|0:0")
	if strings.Count(s.content("log"), "warned") != 1 {
		t.Errorf("the signal came %q, want once", s.content("log"))
	}
	if err := s.SetEndTime(t.Context(), "1", 0); err == nil {
		t.Error("the limit of a job that has ended was set")
	}
}

const forever = "echo $SLURM_ARRAY_TASK_ID $SLURMD_NODENAME ${SLURM_RESTART_COUNT-0} >>runs; while ! test -e gate; do sleep 0.01; done"

// TestRequeue: a task that is requeued, away from its node, and from inside.
func TestRequeue(t *testing.T) {
	s := newFake(t, slurmfake.Options{KillWait: 20 * time.Millisecond})
	s.submit(t, forever, "array=0-1", "job-name=it", "requeue")
	s.until(t, "both run", func() bool { return s.has("runs", "0 n1 0") && s.has("runs", "1 n1 0") })
	for _, args := range [][]string{{"requeuehold", "1_0"}, {"update", "JobId=1_0", "ExcNodeList=n1"}} {
		if got := s.run(t, "", "scontrol", args...); got != (said{}) {
			t.Errorf("scontrol %q: %+v", args, got)
		}
	}
	same(t, "told", s.queue(t, "it", "%K %T"), "0 COMPLETING\n1 RUNNING")
	s.until(t, "it is held", func() bool { return s.queue(t, "it", "%K %T %r") == "0 PENDING JobHeldUser\n1 RUNNING None" })
	if got := s.run(t, "", "scontrol", "release", "1_0"); got.Status != 0 {
		t.Errorf("release: %+v", got)
	}
	s.until(t, "it runs elsewhere", func() bool { return s.has("runs", "0 n2 1") })
	must(t, os.WriteFile(filepath.Join(s.dir, "gate"), nil, 0o644))
	s.idle(t)
	same(t, "attempts", s.accounts(t, "it", "JobID,JobIDRaw,State,ExitCode,NodeList"), "1_0|2|REQUEUED|0:0|n1\n1_0|2|COMPLETED|0:0|n2\n1_1|1|COMPLETED|0:0|n1")
	newest := s.run(t, "", "sacct", "-X", "-n", "-P", "--name=it", "-S", "now-1hours", "-o", "JobID,State")
	same(t, "the newest", newest.Out, "1_0|COMPLETED\n1_1|COMPLETED")
	task := s.task(t, 0, 0)
	if !task.Submit.After(task.Earlier[0].Submit) || task.Restarts != 1 {
		t.Errorf("the second attempt was submitted at %s, the first at %s; %d restarts", task.Submit, task.Earlier[0].Submit, task.Restarts)
	}

	// one that failed, and then the whole array by the number of its last task
	s.submit(t, "exit 2", "array=0-1", "job-name=bad")
	s.idle(t)
	s.run(t, "", "scontrol", "requeue", "3_1")
	s.idle(t)
	same(t, "one again", s.accounts(t, "bad", "JobID,State,ExitCode"), "3_0|FAILED|2:0\n3_1|REQUEUED|2:0\n3_1|FAILED|2:0")
	s.run(t, "", "scontrol", "requeue", "3")
	s.idle(t)
	same(t, "all again", s.queue(t, "bad", "%i %A %T"), "3_0 4 FAILED\n3_1 3 FAILED")
	if a, b := s.task(t, 1, 0).Restarts, s.task(t, 1, 1).Restarts; a != 1 || b != 2 {
		t.Errorf("restarts %d and %d, want 1 and 2", a, b)
	}

	// from inside
	s.submit(t, `test -n "$SLURM_RESTART_COUNT" && exit 0; scontrol requeue ${SLURM_JOB_ID}; sleep 60`, "job-name=self")
	s.idle(t)
	same(t, "from inside", s.accounts(t, "self", "State"), "REQUEUED\nCOMPLETED")
}

// TestInside: a task that sends itself away from its node has all it starts ended,
// unless it ignores TERM.
func TestInside(t *testing.T) {
	const requeue = `
echo $SLURMD_NODENAME >>nodes
test -z "$SLURM_RESTART_COUNT" || exit 0
scontrol requeuehold $SLURM_ARRAY_JOB_ID"_0"
scontrol update JobId=$SLURM_ARRAY_JOB_ID"_0" ExcNodeList=$SLURMD_NODENAME
scontrol release $SLURM_ARRAY_JOB_ID"_0"
echo released >>said`
	s := newFake(t, slurmfake.Options{})
	for range 10 {
		s.submit(t, "trap '' TERM"+requeue, "array=0-0", "job-name=it")
		s.idle(t)
	}
	same(t, "nodes", s.content("nodes"), strings.Repeat("n1\nn2\n", 10))
	same(t, "said", s.content("said"), strings.Repeat("released\n", 10))

	// TERM ends a child that does not ignore it although the script does not mind
	s.submit(t, "trap 'echo told >>log' TERM; sleep 60 & echo $! >>child; wait $!; wait; echo over >>log", "job-name=parent")
	s.until(t, "the child runs", func() bool { return strings.HasSuffix(s.content("child"), "\n") })
	s.run(t, "", "scancel", "11")
	s.until(t, "both are over", func() bool { return s.has("log", "over") })
}

// TestCancel: tasks that run, that wait, and that are not there.
func TestCancel(t *testing.T) {
	s := newFake(t, slurmfake.Options{Nodes: 1, Slots: 3, KillWait: 20 * time.Millisecond})
	s.submit(t, "trap '' TERM; sleep 60 & echo $! >>runs; while true; do sleep 0.01; done", "array=0-5", "job-name=it")
	s.until(t, "three run", func() bool { return strings.Count(s.content("runs"), "\n") == 3 })
	if got := s.run(t, "", "scancel", "--quiet", "1_[3,4]", "99", "99_1"); got != (said{}) {
		t.Errorf("scancel: %+v", got)
	}
	s.run(t, "", "scancel", "1_1")
	s.until(t, "it is cancelled, and the next starts", func() bool {
		return s.queue(t, "it", "%K%t") == "0R\n2R\n5R\n1CA\n3CA\n4CA"
	})
	if got := s.run(t, "", "scancel", "1"); got != (said{}) {
		t.Errorf("scancel: %+v", got)
	}
	s.idle(t)
	by := os.Getuid()
	same(t, "sacct", s.accounts(t, "it", "JobID,State,ExitCode,NodeList"), strings.ReplaceAll(`1_0|CANCELLED by ME|0:0|n1
1_1|CANCELLED by ME|0:0|n1
1_2|CANCELLED by ME|0:0|n1
1_[0-5]|CANCELLED by ME|0:0|None assigned
1_5|CANCELLED by ME|0:0|n1`, "ME", fmt.Sprint(by)))
	for pid := range strings.Lines(s.content("runs")) {
		var child int
		if _, err := fmt.Sscan(pid, &child); err != nil {
			t.Fatal(err)
		}
		s.until(t, "what the task started is over", func() bool { return isOver(child) })
	}
	if got := s.run(t, "", "scancel", "it"); got.Status != 1 || got.Err != "scancel: error: Invalid job id it" {
		t.Errorf("scancel of a name: %+v", got)
	}
}

func isOver(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

// TestRun: the controller on its own, and its end.
func TestRun(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	ended := make(chan error)
	go func() { ended <- s.Run(t.Context()) }()
	s.submit(t, "true", "array=0-9", "job-name=it")
	s.idle(t)
	same(t, "the array", s.queue(t, "it", "%t"), strings.Repeat("CD\n", 10))
	s.submit(t, "sleep 60", "job-name=long")
	pid := 0
	for pid == 0 {
		if pids := s.task(t, 1, 0).PIDs; len(pids) > 0 {
			pid = pids[0]
		}
	}
	must(t, s.Stop(t.Context()))
	must(t, <-ended)
	if syscall.Kill(pid, 0) == nil {
		t.Error("a task outlives its cluster")
	}
}

// TestForget: squeue forgets what has ended, sacct does not.
func TestForget(t *testing.T) {
	s := newFake(t, slurmfake.Options{MinJobAge: time.Nanosecond})
	s.submit(t, "true", "job-name=it")
	s.idle(t)
	same(t, "squeue", s.queue(t, "it", "%T"), "")
	same(t, "sacct", s.accounts(t, "it", "State"), "COMPLETED")
}

// runAndDie is a test that is killed while a task runs.
func runAndDie(dir string) error {
	fake, err := slurmfake.New(filepath.Join(dir, "slurm"), slurmfake.Options{})
	if err != nil {
		return err
	}
	s := site{env: fake.Env(), dir: dir}
	cmd := s.command(context.Background(), nil, "sbatch", "--parsable")
	cmd.Stdin = strings.NewReader(script("echo $$ >pid; mv pid there; sleep 1000"))
	if err := cmd.Run(); err != nil {
		return err
	}
	for s.content("there") == "" {
		if err := fake.Step(context.Background()); err != nil {
			return err
		}
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

func TestKilledTest(t *testing.T) {
	s := site{dir: t.TempDir()}
	if err := (testenv.Children{}).Command(t, "controller", s.dir).Run(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child: %v", err)
	}
	var pid int
	if _, err := fmt.Sscan(s.content("there"), &pid); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); !isOver(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("a task outlives the test that was killed")
		}
	}
}
