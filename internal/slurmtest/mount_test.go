package slurmtest

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/jobs/jobdir"
	"deployconstants/stages/submit"
)

// hiding is a program that starts another one where the directories are empty, as
// without their mounts.
func hiding(t testing.TB, dirs []string) []string {
	t.Helper()
	wrap := []string{"unshare", "--mount"}
	if os.Getuid() != 0 {
		wrap = append(wrap, "--map-root-user")
	}
	if out, err := exec.CommandContext(t.Context(), wrap[0], append(wrap[1:], "true")...).CombinedOutput(); err != nil {
		testenv.Skip(t, "this machine allows no mounts of a process's own: %v: %s", err, out)
	}
	script := ""
	for _, dir := range dirs {
		script += "mount -t tmpfs none '" + dir + "' && "
	}
	return append(wrap, "sh", "-c", script+`exec "$0" "$@"`)
}

// mount: a node without the data. Its tasks go elsewhere by themselves, or, where they
// may not, by a resume.
func mount(t *testing.T, start starter) {
	s := newSite(t, nil, small)
	want := s.serial(t)
	wrap := hiding(t, s.Roots())
	s.cluster = start(t, restricted{wrap: map[string][]string{"n1": wrap}}) // where single tasks begin, too
	j := s.submit(t, "sweep", "-D")
	s.idle(t)
	j.isComplete(t)
	want.check(t, j.outcome(t))
	sent := 0
	for _, step := range jobdir.Steps() {
		all := j.attempts(t, step)
		for _, a := range all {
			if a.Node != "n1" {
				continue
			}
			sent++
			last := of(all, a.shard)[len(of(all, a.shard))-1]
			if a.state != jobdir.Failed || !strings.Contains(a.cause, "is it mounted?") || last.Node == "n1" || last.state != jobdir.Done || last.Restart == 0 {
				t.Errorf("step %s, shard %d: %s on %s: %s; at last %s on %s", step, a.shard, a.state, a.Node, a.cause, last.state, last.Node)
			}
		}
	}
	if sent < perNode {
		t.Errorf("the node without data had %d tasks", sent)
	}

	j = s.submit(t, "scan", "--no-requeue")
	s.idle(t)
	cut := j.status(t)
	f := causeOf(t, cut, jobdir.Scan, "is it mounted?")
	if cut.State != submit.Cut || !slices.Equal(f.Nodes, []string{"n1"}) || cut.Steps[0].Failed != len(f.Shards) {
		t.Errorf("the job is %s, %+v, %+v", cut.State, cut.Steps, f)
	}
	here := s.command("task", "--job", j.dir, "--step", "scan", "--shard", itoa(f.Shards[0]))
	there := exec.CommandContext(t.Context(), wrap[0], append(wrap[1:], here.Args...)...)
	there.Env, there.Dir = here.Env, here.Dir
	if r := finish(t, there); r.status != 75 {
		t.Errorf("a task without data: exit status %d: %s", r.status, r.stderr)
	}
	s.want(t, 0, "resume", "--exclude", "n1", j.id)
	s.idle(t)
	j.isComplete(t)

	// Who goes elsewhere goes to no node that the resume excluded.
	j = s.submit(t, "scan", "--throttle", "1")
	s.want(t, 0, "cancel", j.id)
	s.idle(t)
	on := func(node string) (n int) {
		for _, a := range j.attempts(t, jobdir.Scan) {
			if a.Node == node {
				n++
			}
		}
		return n
	}
	before := on("n2")
	s.want(t, 0, "resume", "--exclude", "n2", j.id)
	s.idle(t)
	j.isComplete(t)
	if n := on("n2") - before; n > 0 || on("n1") == 0 {
		t.Errorf("of the tasks that must not run on n2, %d did; %d were on n1, without data", n, on("n1"))
	}
}
