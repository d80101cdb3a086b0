package slurmcluster_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/slurmcluster"
	"deployconstants/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Children{"cluster": startAndDie, "other user": asOther}.Main(m)
}

// needs skips the test where this machine has not what a cluster with these options
// needs.
func needs(t *testing.T, o slurmcluster.Options) {
	t.Helper()
	if lacking := slurmcluster.Missing(o); lacking != nil {
		testenv.Skip(t, "lacking: %v", lacking)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs a client on the cluster and returns what it prints.
func run(t testing.TB, c *slurmcluster.Cluster, program string, args ...string) string {
	t.Helper()
	out, err := c.Command(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", program, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// submit submits a script with the options, and returns its id.
func submit(t testing.TB, c *slurmcluster.Cluster, script string, options ...string) string {
	t.Helper()
	cmd := c.Command(t.Context(), "sbatch", append([]string{"--parsable", "--output=/dev/null"}, options...)...)
	cmd.Stdin = strings.NewReader("#!/bin/sh\n" + script + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("sbatch %v: %v: %s", options, err, out)
	}
	return strings.TrimSpace(string(out))
}

// until looks every few milliseconds, for a minute and a half at most.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(90 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 90 s: %s", what)
		}
	}
}

// left returns the command lines of all processes that have the text in their
// environment or arguments, zombies excluded.
func left(t testing.TB, text string) []string {
	t.Helper()
	var found []string
	folders, err := filepath.Glob("/proc/[0-9]*")
	must(t, err)
	for _, folder := range folders {
		environ, _ := os.ReadFile(filepath.Join(folder, "environ")) // gone, or another's
		cmdline, _ := os.ReadFile(filepath.Join(folder, "cmdline"))
		if filepath.Base(folder) != fmt.Sprint(os.Getpid()) && strings.Contains(string(environ)+string(cmdline), text) {
			found = append(found, strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}

func TestLight(t *testing.T) {
	needs(t, slurmcluster.Options{})
	var log strings.Builder
	begin := time.Now()
	c, err := slurmcluster.Start(t.Context(), slurmcluster.Options{Log: &log})
	must(t, err)
	t.Cleanup(func() { must(t, c.Stop(context.WithoutCancel(t.Context()))) })
	t.Logf("start took %s\n%s", time.Since(begin), &log)

	if got := run(t, c, "sinfo", "-h", "-N", "-p", "roma", "-o", "%N %t %c %m"); got != "n1 idle 4 4000\nn2 idle 4 4000\nn3 idle 4 4000" {
		t.Errorf("nodes:\n%s", got)
	}
	out := filepath.Join(t.TempDir(), "where")
	id := submit(t, c, "echo $SLURMD_NODENAME >>"+out, "--nodelist=n2", "--job-name=here")
	must(t, c.WaitIdle(t.Context()))
	if where, err := os.ReadFile(out); err != nil || string(where) != "n2\n" {
		t.Errorf("the job ran on %q, error %v", where, err)
	}
	if got := run(t, c, "squeue", "-h", "-r", "-t", "all", "--name=here", "-o", "%i|%T|%N"); got != id+"|COMPLETED|n2" {
		t.Errorf("squeue: %s", got)
	}
	if got, err := c.Command(t.Context(), "sacct", "-X").CombinedOutput(); err == nil || !strings.Contains(string(got), "disabled") {
		t.Errorf("without accounting sacct says %q, error %v", got, err)
	}

	// stopping ends what ignores TERM, and what has left its session
	submit(t, c, "trap '' TERM; setsid sleep 1000 & sleep 1000; sleep 1000", "--array=0-1")
	until(t, "two tasks run", func() bool { return run(t, c, "squeue", "-h", "-r", "-t", "R", "-o", "%i") != "" })
	begin = time.Now()
	must(t, c.Stop(t.Context()))
	t.Logf("stop took %s", time.Since(begin))
	if found := left(t, c.Conf()); len(found) > 0 {
		t.Errorf("left after stop: %q", found)
	}
	if _, err := os.Stat(filepath.Dir(c.Conf())); !os.IsNotExist(err) {
		t.Errorf("the temporary folder is there: %v", err)
	}
	must(t, c.Stop(t.Context())) // again
}

func TestFull(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	c := slurmcluster.ForTest(t, slurmcluster.Options{Accounting: true})
	t.Logf("start took %s", time.Since(begin))

	submit(t, c, "exit $SLURM_ARRAY_TASK_ID", "--array=0-9", "--job-name=ten")
	must(t, c.WaitIdle(t.Context()))
	begin = time.Now()
	var rows string
	until(t, "sacct has ten tasks that ended", func() bool {
		rows = run(t, c, "sacct", "-X", "-n", "-P", "--name=ten", "-o", "JobID,State,ExitCode")
		return strings.Count(rows, "|COMPLETED|0:0") == 1 && strings.Count(rows, "|FAILED|") == 9
	})
	t.Logf("accounting lag %s", time.Since(begin))
	if !strings.Contains(rows, "_7|FAILED|7:0") {
		t.Errorf("sacct:\n%s", rows)
	}

	// slurmdbd away and back
	must(t, c.StopAccounting(t.Context()))
	if out, err := c.Command(t.Context(), "sacct", "-X").CombinedOutput(); err == nil {
		t.Errorf("without slurmdbd sacct says %s", out)
	}
	submit(t, c, "true", "--job-name=meanwhile")
	must(t, c.WaitIdle(t.Context()))
	must(t, c.StartAccounting(t.Context()))
	until(t, "sacct has what happened meanwhile", func() bool {
		return run(t, c, "sacct", "-X", "-n", "-P", "--name=meanwhile", "-o", "State") == "COMPLETED"
	})

	// a node dies: its task goes on and is started again elsewhere
	runs := filepath.Join(t.TempDir(), "runs")
	submit(t, c, "echo $SLURMD_NODENAME ${SLURM_RESTART_COUNT-0} >>"+runs+"; sleep 1000", "--nodelist=n3", "--job-name=lost", "--requeue")
	until(t, "the task runs", func() bool { return has(runs, "n3 0") })
	must(t, c.KillNode(t.Context(), "n3"))
	processes, err := c.NodeProcesses("n3")
	must(t, err)
	if len(processes) < 2 || processes[0].Node != "n3" || processes[0].Job == "" {
		t.Errorf("of the task on the lost node these run: %v", processes)
	}
	must(t, c.StartNode(t.Context(), "n3"))
	must(t, c.DownNode(t.Context(), "n3", "test"))
	until(t, "the task runs again", func() bool { return has(runs, "n3 1") })
	until(t, "sacct has both attempts", func() bool {
		rows = run(t, c, "sacct", "-D", "-X", "-n", "-P", "--name=lost", "-o", "State,NodeList")
		return strings.Contains(rows, "NODE_FAIL|n3") && strings.Contains(rows, "RUNNING|n3")
	})
	begin = time.Now()
	must(t, c.Stop(t.Context()))
	t.Logf("stop took %s", time.Since(begin))
	if found := left(t, c.Conf()); len(found) > 0 {
		t.Errorf("left after stop: %q", found)
	}
}

// TestLostNode: a slurmd dies while its task goes on, which starts a second copy beside
// the first; a node goes down, which ends what it ran.
func TestLostNode(t *testing.T) {
	t.Parallel()
	c := slurmcluster.ForTest(t, slurmcluster.Options{Nodes: 2})
	runs := filepath.Join(t.TempDir(), "runs")
	submit(t, c, "echo $SLURMD_NODENAME ${SLURM_RESTART_COUNT-0} >>"+runs+"; sleep 1000", "--requeue", "--exclude=n2")
	until(t, "the task runs", func() bool { return has(runs, "n1 0") })
	job := run(t, c, "squeue", "-h", "-o", "%i")
	must(t, c.KillNode(t.Context(), "n1"))
	until(t, "the task is requeued", func() bool { return run(t, c, "squeue", "-h", "-o", "%T") == "PENDING" })
	run(t, c, "scontrol", "update", "JobId="+job, "ExcNodeList=")
	until(t, "a second copy runs elsewhere", func() bool { return has(runs, "n2 1") })
	if lost, err := c.NodeProcesses("n1"); err != nil || len(lost) < 2 {
		t.Errorf("the first copy should still run: %v, error %v", lost, err)
	}
	must(t, c.StartNode(t.Context(), "n1"))

	before, err := c.NodeProcesses("n2")
	must(t, err)
	must(t, c.DownNode(t.Context(), "n2", "test"))
	until(t, "the second copy is over", func() bool {
		now, err := c.NodeProcesses("n2")
		must(t, err)
		return !slices.ContainsFunc(now, func(p slurmcluster.Process) bool { return slices.Contains(before, p) })
	})
	must(t, c.ResumeNode(t.Context(), "n2"))
	until(t, "a third copy runs", func() bool { return has(runs, "n1 2") || has(runs, "n2 2") })
}

func has(file, line string) bool {
	content, err := os.ReadFile(file)
	return err == nil && strings.Contains(string(content), line+"\n")
}

func TestController(t *testing.T) {
	t.Parallel()
	c := slurmcluster.ForTest(t, slurmcluster.Options{Nodes: 1, Extra: []string{"MessageTimeout=2", "MaxArraySize=11"}})
	if got := run(t, c, "scontrol", "show", "config"); !strings.Contains(got, "MaxArraySize            = 11\n") {
		t.Error("an extra line has no effect")
	}
	// a reply is lost, the job is not
	must(t, c.PauseController(t.Context()))
	cmd := c.Command(t.Context(), "sbatch", "--parsable", "--job-name=lost", "--output=/dev/null", "--wrap=true")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "Socket timed out on send/recv operation") {
		t.Errorf("while the controller is paused sbatch says %q, error %v", out, err)
	}
	must(t, c.ContinueController(t.Context()))
	until(t, "the lost job is in the queue", func() bool { return run(t, c, "squeue", "-h", "-t", "all", "--name=lost", "-o", "%j") == "lost" })

	// an outage
	must(t, c.StopController(t.Context()))
	if out, err := c.Command(t.Context(), "squeue").CombinedOutput(); err == nil || !strings.Contains(string(out), "Unable to contact slurm controller") {
		t.Errorf("without a controller squeue says %q, error %v", out, err)
	}
	must(t, c.StartController(t.Context()))
	must(t, c.WaitIdle(t.Context()))

	// a time limit that is reached
	id := submit(t, c, "sleep 1000", "--job-name=long", "--time=60")
	until(t, "the job runs", func() bool { return run(t, c, "squeue", "-h", "-t", "R", "--name=long", "-o", "%i") == id })
	must(t, c.SetEndTime(t.Context(), id, time.Second))
	until(t, "the job is ended", func() bool { return run(t, c, "squeue", "-h", "-t", "all", "--name=long", "-o", "%T") == "TIMEOUT" })

	// faults of things that are not there
	for _, err := range []error{
		c.KillNode(t.Context(), "n9"), c.StartNode(t.Context(), "n9"), c.DownNode(t.Context(), "n9", "test"),
		c.StopAccounting(t.Context()), c.StartNode(t.Context(), "n1"), c.SetEndTime(t.Context(), "999", time.Second),
	} {
		if err == nil {
			t.Error("a fault that cannot be made is no error")
		}
	}
}

// TestGoesOn: a cluster that was killed goes on in its folder.
func TestGoesOn(t *testing.T) {
	t.Parallel()
	needs(t, slurmcluster.Options{})
	o := slurmcluster.Options{Dir: t.TempDir(), Nodes: 2}
	c, err := slurmcluster.Start(t.Context(), o)
	must(t, err)
	first := submit(t, c, "sleep 1000", "--hold", "--job-name=held")
	must(t, c.StopController(t.Context())) // which saves its state
	must(t, c.Kill())
	if found := left(t, c.Conf()); len(found) > 0 {
		t.Errorf("left after kill: %q", found)
	}
	c, err = slurmcluster.Start(t.Context(), o)
	must(t, err)
	t.Cleanup(func() { must(t, c.Kill()) })
	if got := run(t, c, "squeue", "-h", "--name=held", "-o", "%i"); got != first {
		t.Errorf("the job that was held is %q, want %s", got, first)
	}
}

func TestStartFails(t *testing.T) {
	needs(t, slurmcluster.Options{})
	for name, o := range map[string]slurmcluster.Options{
		"setting": {Dir: t.TempDir(), Extra: []string{"NoSuchSetting=1"}},
		"folder":  {Dir: filepath.Join(t.TempDir(), "a b")},
		"nodes":   {Dir: t.TempDir(), Nodes: -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := slurmcluster.Start(t.Context(), o)
			if err == nil {
				t.Fatal("no error")
			}
			if name == "setting" && !strings.Contains(err.Error(), "NoSuchSetting") {
				t.Errorf("the error does not have the daemon's log: %v", err)
			}
			if found := left(t, o.Dir); len(found) > 0 {
				t.Errorf("left: %q", found)
			}
		})
	}
}

// startAndDie is a test that is killed while its cluster runs.
func startAndDie(dir string) error {
	if _, err := slurmcluster.Start(context.Background(), slurmcluster.Options{Dir: dir}); err != nil {
		return err
	}
	return syscall.Kill(os.Getpid(), syscall.SIGKILL)
}

func TestKilledTest(t *testing.T) {
	needs(t, slurmcluster.Options{})
	dir := t.TempDir()
	cmd := testenv.Children{}.Command(t, "cluster", dir)
	if err := cmd.Run(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child: %v", err)
	}
	until(t, "nothing is left of a killed test's cluster", func() bool { return len(left(t, dir)) == 0 })
}

// asOther runs a job on a cluster that is not root's.
func asOther(dir string) error {
	ctx := context.Background()
	c, err := slurmcluster.Start(ctx, slurmcluster.Options{Dir: filepath.Join(dir, "cluster"), Nodes: 1})
	if err != nil {
		return err
	}
	out, err := c.Command(ctx, "sbatch", "--output="+filepath.Join(dir, "log"), "--wrap=id -u").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	if err := c.WaitIdle(ctx); err != nil {
		return err
	}
	return c.Stop(ctx)
}

func TestOtherUser(t *testing.T) {
	t.Parallel()
	needs(t, slurmcluster.Options{})
	if os.Getuid() != 0 {
		t.Log("all of these tests run without root")
		return
	}
	dir, err := os.MkdirTemp("", "slurm-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	const nobody = 65534
	must(t, os.Chown(dir, nobody, nobody))
	program := filepath.Join(dir, "test") // where that user may run it
	self, err := os.Executable()
	must(t, err)
	must(t, exec.Command("cp", self, program).Run())
	cmd := testenv.Children{}.Command(t, "other user", dir)
	cmd.Path, cmd.Dir = program, dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	must(t, cmd.Run())
	if !has(filepath.Join(dir, "log"), fmt.Sprint(nobody)) {
		t.Error("the job did not run as that user")
	}
}

func TestMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	lacking := strings.Join(slurmcluster.Missing(slurmcluster.Options{}), "\n")
	if !strings.Contains(lacking, "sbatch (package slurm-client)") {
		t.Errorf("without a PATH this is said to lack:\n%s", lacking)
	}
	if full := slurmcluster.Missing(slurmcluster.Options{Accounting: true}); !strings.Contains(strings.Join(full, "\n"), "mariadb (package mariadb-client-core)") {
		t.Errorf("with accounting this is said to lack: %q", full)
	}
	if _, err := slurmcluster.Start(t.Context(), slurmcluster.Options{}); err == nil || !strings.Contains(err.Error(), "package slurm-client") {
		t.Errorf("start without a PATH: %v", err)
	}
}
