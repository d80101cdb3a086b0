package slurmtest

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/facility"
	"deployconstants/jobs/jobdir"
)

// equal: a job of many tasks leaves, byte for byte, what one process leaves; one undo
// takes it back; and another job finds nothing to do.
func equal(t *testing.T, c cluster, o facility.Options) {
	o.Status = true
	s := newSite(t, c, o)
	want := s.serial(t)
	before, textBefore := s.tree(t)
	begin := time.Now()
	j := s.submit(t, "sweep", "-D")
	t.Logf("submitted after %s", time.Since(begin))
	s.idle(t)
	t.Logf("idle after %s", time.Since(begin))
	j.isComplete(t)
	want.check(t, j.outcome(t))
	tx := j.transaction(t)
	s.onceEach(t, tx)

	tasks := j.attempts(t, jobdir.Scan)
	if enough := min(o.Experiments, 40); len(tasks) < enough {
		t.Errorf("the scan was %d tasks, want %d", len(tasks), enough)
	}
	if used := nodesOf(tasks); !slices.Equal(used, nodes) {
		t.Errorf("the scan ran on %q, want %q", used, nodes)
	}
	for _, step := range []jobdir.Step{jobdir.Apply, jobdir.Verify} {
		if n := len(j.attempts(t, step)); n < 2 {
			t.Errorf("step %s was %d tasks", step, n)
		}
	}

	after, textAfter := s.tree(t)
	again := s.submit(t, "sweep", "-D")
	s.idle(t)
	again.isComplete(t)
	tree, text := s.tree(t)
	if diff := after.Diff(tree) + cmp.Diff(textAfter, text); diff != "" {
		t.Errorf("a job after the job changed:\n%s", ends(diff))
	}
	if got := j.transaction(t); got != tx {
		t.Errorf("the job after the job has transaction %s", got)
	}

	s.want(t, 0, "undo", tx)
	tree, text = s.tree(t)
	if diff := deployed(before).Diff(deployed(tree)); diff != "" {
		t.Errorf("undone:\n%s", ends(diff))
	}
	for path := range deployed(tree) { // lines are only ever added
		of := slices.DeleteFunc(text[path], func(line string) bool { return strings.HasSuffix(line, tx) })
		if !slices.Equal(of, textBefore[path]) {
			t.Errorf("undone, %s is:\n%s", path, strings.Join(of, "\n"))
		}
	}
}

// deployed leaves out the repository: the aliases of new panels are not taken back.
func deployed(tree facility.Snapshot) facility.Snapshot {
	tree = maps.Clone(tree)
	maps.DeleteFunc(tree, func(path, _ string) bool { return strings.HasPrefix(path, "constants/") })
	return tree
}
