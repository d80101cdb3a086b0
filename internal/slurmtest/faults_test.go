package slurmtest

import (
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/jobs/jobdir"
	"deployconstants/stages/submit"
)

// slots is how many tasks run at a time.
var slots = len(nodes) * perNode

// causeOf returns the failure of a step that has the cause.
func causeOf(t testing.TB, s submit.Status, step jobdir.Step, cause string) submit.Failure {
	t.Helper()
	for _, f := range s.Failures {
		if f.Step == step && strings.Contains(f.Cause, cause) {
			return f
		}
	}
	t.Fatalf("status does not tell of step %s that it %q; it tells %+v, notes %q", step, cause, s.Failures, s.Notes)
	return submit.Failure{}
}

// tells fails unless status tells the cause of a shard, and the node.
func tells(t testing.TB, s submit.Status, a attempt, cause string) {
	t.Helper()
	f := causeOf(t, s, a.step, cause)
	if !slices.Contains(f.Shards, a.shard) || !slices.Contains(f.Nodes, a.Node) {
		t.Errorf("%s: shards %v on %q, want %d on %s", cause, f.Shards, f.Nodes, a.shard, a.Node)
	}
}

// accounted is the status when accounting has caught up: its records come seconds late.
func (j job) accounted(t testing.TB) (s submit.Status) {
	t.Helper()
	until(t, "accounting has caught up", func() bool {
		s = j.status(t)
		return !slices.ContainsFunc(s.Failures, func(f submit.Failure) bool {
			return f.Cause == "ended without telling why" || strings.HasPrefix(f.Cause, "failed; ")
		})
	})
	return s
}

// at is the attempt at a shard.
func at(t testing.TB, held []attempt, shard int) attempt {
	t.Helper()
	list := of(held, shard)
	if len(list) != 1 {
		t.Fatalf("attempts at shard %d: %+v", shard, list)
	}
	return list[0]
}

// stopped: tasks that end before their time, each in its own way, and are gone on with.
func stopped(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{}), small)
	want := s.serial(t)
	before, _ := s.tree(t)
	j := s.sticky(t, []jobdir.Step{jobdir.Scan}, "submit", "sweep", "-D")
	const gentle, late = 2, 31 // shards; a late one does not begin at once
	held := j.hold(t, jobdir.Scan, slots)
	j.unstick(t, jobdir.Scan, gentle, late)
	killed, limited, byHand := at(t, held, 1), at(t, held, gentle), at(t, held, 3)

	// somebody does the shard of a task that is still at it
	j.want(t, 0, "task", "--job", j.dir, "--step", "scan", "--shard", itoa(byHand.shard))
	if both := of(j.attempts(t, jobdir.Scan), byHand.shard); len(both) != 2 || both[1].state != jobdir.Done || !both[0].runs() {
		t.Errorf("a task that runs, and one by hand, are %+v", both)
	}

	// the system kills one
	must(t, syscall.Kill(killed.PID, syscall.SIGKILL))

	// one is told in time that its limit comes near, and ends gently
	must(t, s.SetEndTime(t.Context(), limited.Job, 100*time.Second))
	until(t, "the signal before the limit", func() bool { // Slurm has it go on as well
		return limited.isPending(syscall.SIGUSR1) || stateOf(limited.PID) != 'T'
	})
	goOn(limited)
	until(t, "the task has taken the signal", func() bool { return !limited.isPending(syscall.SIGUSR1) })
	time.Sleep(2 * time.Second) // if it went on by Slurm's SIGCONT, the signal itself comes a moment later, and nothing shows that it has come
	j.unstick(t, jobdir.Scan, late)
	until(t, "the task ends", func() bool { return !limited.runs() })
	if a, _ := readAttempt(t, limited.step, limited.path); a.state != jobdir.Stopped || !strings.Contains(a.cause, "user defined signal 1") {
		t.Errorf("the task that came near its limit has ended as %q, %s", a.state, a.cause)
	}

	// one hangs until Slurm kills it
	var stuck attempt
	until(t, "the task that hangs", func() bool {
		list := of(j.attempts(t, jobdir.Scan), late)
		if len(list) > 0 {
			stuck = list[0]
		}
		return len(list) > 0
	})
	must(t, s.SetEndTime(t.Context(), stuck.Job, time.Second))
	until(t, "the task that hangs is killed", func() bool { return !stuck.runs() })
	goOn(held...)
	s.idle(t)

	cut := j.accounted(t)
	if cut.State != submit.Cut {
		t.Fatalf("the job is %s", cut.State)
	}
	tells(t, cut, killed, "killed by signal 9")
	tells(t, cut, limited, "told to stop by user defined signal 1")
	tells(t, cut, stuck, "reached its time limit")
	causeOf(t, cut, jobdir.Plan, "step scan is not complete: shards without result: ")
	j.want(t, 3, "jobs", "merge", j.id)
	tree, _ := s.tree(t)
	if diff := before.Diff(tree); diff != "" {
		t.Errorf("half a scan deployed:\n%s", ends(diff))
	}

	// half of an apply, cancelled
	again := s.sticky(t, []jobdir.Step{jobdir.Apply}, "resume", j.id)
	held = again.hold(t, jobdir.Apply, slots/2)
	cancelled := held[0] // it hangs; the others end as they are told to
	again.unstick(t, jobdir.Apply, cancelled.shard)
	until(t, "a part of the apply", func() bool {
		return slices.ContainsFunc(j.attempts(t, jobdir.Apply), func(a attempt) bool { return a.state == jobdir.Done })
	})
	j.want(t, 0, "cancel", j.id)
	s.idle(t)
	cut = j.status(t)
	if step := cut.Steps[2]; cut.State != submit.Cut || step.Step != jobdir.Apply || step.Done == 0 || step.Done == step.Shards {
		t.Errorf("after cancel the job is %s, %+v", cut.State, step)
	}
	tells(t, cut, cancelled, "cancelled")
	again.unstick(t, jobdir.Apply)
	j.want(t, 0, "resume", j.id)
	s.idle(t)
	j.isComplete(t)
	want.check(t, j.outcome(t))
	s.onceEach(t, j.transaction(t))
	if r := j.want(t, 0, "resume", j.id); !strings.Contains(r.stdout, "complete") {
		t.Errorf("resume of a job that is complete: %s", r.stdout)
	}
}

// lost: nodes that are lost, so that tasks start again while their first copies work on.
func lost(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{}), small)
	want := s.serial(t)
	j := s.sticky(t, []jobdir.Step{jobdir.Apply}, "submit", "sweep", "-D")
	held := j.hold(t, jobdir.Apply, slots)
	on := func(node string) []attempt {
		return slices.DeleteFunc(slices.Clone(held), func(a attempt) bool { return a.Node != node })
	}
	if len(on("n1")) == 0 || len(on("n2")) == 0 || len(on("n3")) == 0 {
		t.Fatalf("the tasks are on %q", nodesOf(held))
	}
	twice, failed, requeued := on("n1"), on("n2"), on("n3")[0]
	fated := []int{requeued.shard} // they hang, so that they do not end by themselves
	for _, a := range failed {
		fated = append(fated, a.shard)
	}
	j.unstick(t, jobdir.Apply, fated...)

	must(t, s.KillNode(t.Context(), "n1"))
	s.slurm(t, "scontrol", "requeue", requeued.Job)
	until(t, "the requeued task is killed", func() bool { return !requeued.runs() })
	must(t, s.DownNode(t.Context(), "n2", "test"))
	until(t, "the tasks on the node that failed are killed", func() bool { return !slices.ContainsFunc(failed, attempt.runs) })
	must(t, s.ResumeNode(t.Context(), "n2"))
	j.unstick(t, jobdir.Apply)
	goOn(on("n3")...)
	for _, first := range twice {
		until(t, "a second copy of the task", func() bool { return len(of(j.attempts(t, jobdir.Apply), first.shard)) > 1 })
		second := of(j.attempts(t, jobdir.Apply), first.shard)[1]
		if !first.runs() || first.Job != second.Job || first.PID == second.PID || first.Node == second.Node {
			t.Errorf("two copies: %+v, runs %t, and %+v", first, first.runs(), second)
		}
	}
	goOn(twice...)
	s.idle(t)
	j.isComplete(t)
	want.check(t, j.outcome(t))
	s.onceEach(t, j.transaction(t))
	all := j.attempts(t, jobdir.Apply)
	for _, first := range append(failed, requeued) {
		again := of(all, first.shard)
		if len(again) < 2 || again[len(again)-1].Restart == 0 || again[len(again)-1].state != jobdir.Done {
			t.Errorf("shard %d was not started again: %+v", first.shard, again)
		}
	}
}

// unlucky: tasks that may not start again by themselves, and whose node fails.
func unlucky(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{}), small)
	j := s.sticky(t, []jobdir.Step{jobdir.Scan}, "submit", "scan", "--no-requeue")
	held := j.hold(t, jobdir.Scan, slots)
	first := at(t, held, 1)
	must(t, s.DownNode(t.Context(), first.Node, "test"))
	until(t, "the task is killed", func() bool { return !first.runs() })
	j.unstick(t, jobdir.Scan)
	goOn(held...)
	must(t, s.ResumeNode(t.Context(), first.Node))
	s.idle(t)
	tells(t, j.accounted(t), first, "its node failed")
	s.want(t, 0, "resume", j.id)
	s.idle(t)
	j.isComplete(t)
}

func itoa(n int) string { return strconv.Itoa(n) }
