package slurmfake_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/slurmfake"
	"deployconstants/internal/testenv"

	"github.com/google/go-cmp/cmp"
)

// recorded returns what a real Slurm 22.05 said on standard error, and its status.
func recorded(t *testing.T, name string) said {
	t.Helper()
	content, err := os.ReadFile(testenv.Shared(t, "slurm", "22.05", name))
	must(t, err)
	_, text, _ := strings.Cut(strings.TrimSpace(string(content)), "\n") // without the command
	text, ok := strings.CutSuffix(text, "\n[exit 1]")
	if !ok {
		t.Fatalf("%s: %q", name, text)
	}
	return said{Err: text, Status: 1}
}

// TestRecorded: errors are word for word those of a real Slurm.
func TestRecorded(t *testing.T) {
	for _, c := range []struct {
		file, option string
		faults       func(*slurmfake.Faults)
	}{
		{"err-partition.txt", "partition=nosuch", func(f *slurmfake.Faults) { f.Partitions = []string{"milano"} }},
		{"err-account.txt", "account=lcls:nosuch", func(f *slurmfake.Faults) { f.Accounts = []string{"lcls:tst"} }},
		{"err-qos.txt", "qos=nosuch", func(f *slurmfake.Faults) { f.QOS = []string{"normal"} }},
		{"err-array-index.txt", "array=0-10001", func(f *slurmfake.Faults) { f.MaxArraySize = 10001 }},
		{"err-submit-limit.txt", "array=0-60", func(f *slurmfake.Faults) { f.MaxSubmit = 50 }},
		{"err-sbatch-no-ctld.txt", "nice=1", func(f *slurmfake.Faults) { f.ControllerDown = true }},
		{"err-sbatch-timeout.txt", "nice=1", func(f *slurmfake.Faults) { f.LoseRequests = 1 }},
	} {
		t.Run(c.file, func(t *testing.T) {
			s := newFake(t, slurmfake.Options{})
			must(t, s.SetFaults(c.faults))
			if diff := cmp.Diff(recorded(t, c.file), s.run(t, script("true", c.option), "sbatch", "--parsable")); diff != "" {
				t.Error(diff)
			}
			if jobs, err := s.Jobs(); err != nil || len(jobs) > 0 {
				t.Errorf("there are jobs %v, error %v", jobs, err)
			}
		})
	}
	s := newFake(t, slurmfake.Options{})
	must(t, s.StopController(t.Context()))
	if diff := cmp.Diff(recorded(t, "err-squeue-no-ctld.txt"), s.run(t, "", "squeue", "-h", "-r", "-t", "all", "--name=a", "-o", "%i")); diff != "" {
		t.Error(diff)
	}
	must(t, s.StopAccounting(t.Context()))
	want := recorded(t, "err-sacct-no-dbd.txt")
	want.Err = strings.Replace(want.Err, ":16801:", ":6819:", 1) // its port
	if diff := cmp.Diff(want, s.run(t, "", "sacct", "-D", "-X", "-n", "-P", "--name=a", "-S", "now", "-o", "JobID")); diff != "" {
		t.Error(diff)
	}
}

// TestLostReply: the job is there although sbatch failed.
func TestLostReply(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	must(t, s.SetFaults(func(f *slurmfake.Faults) { f.LoseReplies = 1 }))
	got := s.run(t, script("true", "job-name=it"), "sbatch", "--parsable")
	if got.Status != 1 || got.Out != "" || !strings.Contains(got.Err, "Socket timed out") {
		t.Errorf("sbatch: %+v", got)
	}
	same(t, "the queue", s.queue(t, "it", "%i %T"), "1 PENDING")
	if id := s.submit(t, "true"); id != "2" {
		t.Errorf("the next one is %s", id)
	}
	s.idle(t)
}

// TestMaxSubmit: what has ended does not count.
func TestMaxSubmit(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	must(t, s.SetFaults(func(f *slurmfake.Faults) { f.MaxSubmit = 3 }))
	s.submit(t, "true", "array=0-1")
	if got := s.run(t, script("true", "array=0-1"), "sbatch", "--parsable"); got.Status != 1 {
		t.Errorf("four tasks of three: %+v", got)
	}
	s.idle(t)
	s.submit(t, "true", "array=0-2")
	s.idle(t)
}

// TestOutage: while the controller is down nothing is noticed, and all is afterwards.
func TestOutage(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	s.submit(t, "echo >>runs", "job-name=it")
	must(t, s.Step(t.Context()))
	must(t, s.StopController(t.Context()))
	for deadline := time.Now().Add(30 * time.Second); s.content("runs") == "" && time.Now().Before(deadline); {
		must(t, s.Step(t.Context()))
	}
	for _, args := range [][]string{{"scancel", "1"}, {"scontrol", "show", "config"}, {"scontrol", "requeue", "1"}} {
		if got := s.run(t, "", args[0], args[1:]...); got.Status == 0 || got.Err == "" {
			t.Errorf("%q: %+v", args, got)
		}
	}
	same(t, "sacct answers, with what was", s.accounts(t, "it", "State"), "RUNNING")
	must(t, s.StartController(t.Context()))
	s.idle(t)
	same(t, "sacct", s.accounts(t, "it", "State"), "COMPLETED")
}

// TestNodes: a node that is lost with its task's process going on, and one that goes
// down with its processes.
func TestNodes(t *testing.T) {
	s := newFake(t, slurmfake.Options{KillWait: 20 * time.Millisecond})
	s.submit(t, forever, "array=0-0", "job-name=it", "requeue")
	s.until(t, "it runs", func() bool { return s.has("runs", "0 n1 0") })
	first := s.task(t, 0, 0).PIDs[0]
	must(t, s.KillNode(t.Context(), "n1"))
	s.until(t, "a second copy runs", func() bool { return s.has("runs", "0 n2 1") })
	second := s.task(t, 0, 0).PIDs[0]
	if isOver(first) || isOver(second) || first == second {
		t.Fatalf("processes %d and %d should both run", first, second)
	}
	same(t, "sacct", s.accounts(t, "it", "JobIDRaw,State,ExitCode,NodeList"), "1|NODE_FAIL|0:0|n1\n1|RUNNING|0:0|n2")
	must(t, s.StartNode(t.Context(), "n1"))
	must(t, s.DownNode(t.Context(), "n2", "test"))
	s.until(t, "the third runs, the second is over", func() bool { return s.has("runs", "0 n1 2") && isOver(second) })
	if isOver(first) {
		t.Error("the lost copy is over too")
	}
	must(t, os.WriteFile(filepath.Join(s.dir, "gate"), nil, 0o644))
	s.until(t, "the lost copy ends by itself", func() bool { return isOver(first) })
	s.idle(t)

	s.submit(t, "sleep 60", "job-name=once", "no-requeue")
	must(t, s.Step(t.Context()))
	must(t, s.KillNode(t.Context(), "n1"))
	same(t, "one that may not be requeued", s.queue(t, "once", "%T"), "NODE_FAIL")
	s.submit(t, "true", "job-name=later")
	must(t, s.Step(t.Context()))
	same(t, "no node", s.queue(t, "later", "%T %r"), "PENDING Resources")
	must(t, s.ResumeNode(t.Context(), "n2"))
	s.idle(t)
	if err := s.KillNode(t.Context(), "n9"); err == nil {
		t.Error("a node that is not there was lost")
	}
}

// TestTwice: two processes of one task, of which one counts.
func TestTwice(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	must(t, s.SetFaults(func(f *slurmfake.Faults) { f.Duplicate = 1 }))
	s.submit(t, forever, "array=0-1", "job-name=it")
	s.until(t, "three processes run", func() bool { return strings.Count(s.content("runs"), "\n") == 3 })
	if got := strings.Count(s.content("runs"), "0 n1 0\n"); got != 2 {
		t.Errorf("the first task runs %d times", got)
	}
	must(t, os.WriteFile(filepath.Join(s.dir, "gate"), nil, 0o644))
	s.idle(t)
	same(t, "sacct", s.accounts(t, "it", "JobID,State"), "1_0|COMPLETED\n1_1|COMPLETED")
}

// TestKillAndPreempt: a task that the system kills, and one whose place is taken away.
func TestKillAndPreempt(t *testing.T) {
	s := newFake(t, slurmfake.Options{KillWait: 20 * time.Millisecond})
	s.submit(t, forever, "array=0-2", "job-name=it")
	s.submit(t, forever, "job-name=once", "no-requeue")
	s.until(t, "all run", func() bool { return strings.Count(s.content("runs"), "\n") == 4 })
	must(t, s.KillTask(t.Context(), "1_0"))
	must(t, s.Preempt(t.Context(), "1_1"))
	must(t, s.Preempt(t.Context(), "2"))
	s.until(t, "the preempted task runs again", func() bool { return s.has("runs", "1 n1 1") })
	must(t, os.WriteFile(filepath.Join(s.dir, "gate"), nil, 0o644))
	s.idle(t)
	same(t, "sacct", s.accounts(t, "it,once", "JobID,State,ExitCode"),
		"1_0|FAILED|0:9\n1_1|PREEMPTED|0:0\n1_1|COMPLETED|0:0\n1_2|COMPLETED|0:0\n2|PREEMPTED|0:0")
	if err := s.KillTask(t.Context(), "1_0"); err == nil {
		t.Error("a task that has ended was killed")
	}
}

// TestAccounting: records that come late, and sites without any.
func TestAccounting(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	const lag = 500 * time.Millisecond
	must(t, s.SetFaults(func(f *slurmfake.Faults) { f.AccountingLag = lag }))
	s.submit(t, "exit 1", "job-name=it")
	s.idle(t)
	end := s.task(t, 0, 0).End
	var seen []string
	for state := ""; state != "FAILED|1:0"; {
		state = s.accounts(t, "it", "State,ExitCode")
		if i := slices.Index([]string{"", "PENDING|0:0", "RUNNING|0:0", "FAILED|1:0"}, state); i < 0 {
			t.Fatalf("sacct: %q", state)
		}
		if len(seen) == 0 || seen[len(seen)-1] != state {
			seen = append(seen, state)
		}
	}
	if seen[0] == "FAILED|1:0" || time.Since(end) < lag {
		t.Errorf("sacct said %q, and the last %s after the end", seen, time.Since(end))
	}

	must(t, s.SetFaults(func(f *slurmfake.Faults) { f.AccountingDisabled = true }))
	got := s.run(t, "", "sacct", "-D", "-X", "-n", "-P", "--name=it", "-S", "now", "-o", "JobID")
	if got.Status != 1 || got.Err != "Slurm accounting storage is disabled" {
		t.Errorf("sacct: %+v", got)
	}
	if got := s.run(t, "", "scontrol", "show", "config"); !strings.Contains(got.Out, "accounting_storage/none\n") {
		t.Errorf("the configuration does not say so: %s", got.Out)
	}
}

// TestDelays: before a program acts, and before it replies.
func TestDelays(t *testing.T) {
	s := newFake(t, slurmfake.Options{})
	const delay = 200 * time.Millisecond
	must(t, s.SetFaults(func(f *slurmfake.Faults) { f.Delay = delay }))
	begin := time.Now()
	s.queue(t, "it", "%i")
	if took := time.Since(begin); took < delay {
		t.Errorf("squeue took %s", took)
	}
	// a client that is killed while it waits for the reply
	must(t, s.SetFaults(func(f *slurmfake.Faults) { f.Delay, f.DelayReply = 0, time.Hour }))
	cmd := s.command(t.Context(), nil, "sbatch", "--parsable")
	cmd.Stdin = strings.NewReader(script("true", "job-name=it"))
	must(t, cmd.Start())
	s.until(t, "the job is in the queue", func() bool {
		jobs, err := s.Jobs()
		must(t, err)
		return len(jobs) == 1
	})
	must(t, cmd.Process.Kill())
	if err := cmd.Wait(); err == nil {
		t.Error("sbatch replied at once")
	}
}
