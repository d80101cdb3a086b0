package jobdir_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deployconstants/jobs"
	"deployconstants/jobs/jobdir"
)

// A job is found again as it was made, by its id and in the list.
func TestCreate(t *testing.T) {
	state := newState(t)
	first, second := newJob(t, state), newJob(t, state)
	if first.ID() == second.ID() {
		t.Fatal("two jobs have one id")
	}
	again, err := jobdir.Open(state, first.ID())
	must(t, err)
	want := spec()
	want.ID, want.Format, want.Cut = first.ID(), jobdir.Format, first.Spec().Cut
	if diff := cmp.Diff(want, again.Spec()); diff != "" {
		t.Errorf("(-made +opened):\n%s", diff)
	}
	all, err := jobdir.List(state)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d jobs, %v", len(all), err)
	}
	info, err := os.Stat(first.Dir())
	if err != nil || info.Mode().Perm()&^jobs.DirMode != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	must(t, first.Remove())
	if _, err := jobdir.Open(state, first.ID()); !errors.Is(err, jobdir.ErrNotFound) {
		t.Errorf("a removed job: %v", err)
	}
	entries, err := os.ReadDir(state.Jobs())
	if err != nil || len(entries) != 1 {
		t.Errorf("left are %v, %v", entries, err)
	}
}

// A job that cannot be made whole is not there.
func TestCreateFails(t *testing.T) {
	state, stop := newState(t), errors.New("stop")
	for name, test := range map[string]struct {
		change func(*jobdir.Spec)
		fill   func(*jobdir.Job, *jobdir.Spec) error
		want   string
	}{
		"filling":        {func(*jobdir.Spec) {}, func(*jobdir.Job, *jobdir.Spec) error { return stop }, "stop"},
		"no shards":      {func(*jobdir.Spec) {}, func(*jobdir.Job, *jobdir.Spec) error { return nil }, "not pinned"},
		"no kind":        {func(s *jobdir.Spec) { s.Kind = "x" }, func(*jobdir.Job, *jobdir.Spec) error { return nil }, "kind"},
		"no tasks":       {func(s *jobdir.Spec) { s.Cut = strings.Repeat("0", 64); s.Tasks = nil }, func(*jobdir.Job, *jobdir.Spec) error { return nil }, "tasks"},
		"apply, no plan": {func(s *jobdir.Spec) { s.Kind = jobdir.ApplyJob }, func(*jobdir.Job, *jobdir.Spec) error { return nil }, "pinned plan"},
	} {
		s := spec()
		test.change(&s)
		if _, err := jobdir.Create(state, s, test.fill); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries, err := os.ReadDir(state.Jobs()); err != nil || len(entries) > 0 {
		t.Errorf("left are %v, %v", entries, err)
	}
}

// What is no job, or not what was written, is an error that says so, and hides no other
// job.
func TestDamagedSpec(t *testing.T) {
	state := newState(t)
	healthy, broken, strange := newJob(t, state), newJob(t, state), newJob(t, state)
	writeFile(t, filepath.Join(broken.Dir(), "spec.json"), `{"format":1,`)
	text, err := os.ReadFile(filepath.Join(healthy.Dir(), "spec.json"))
	must(t, err)
	writeFile(t, filepath.Join(strange.Dir(), "spec.json"), string(text)) // of another job
	for _, job := range []*jobdir.Job{broken, strange} {
		if _, err := jobdir.Open(state, job.ID()); !errors.Is(err, jobdir.ErrDamaged) {
			t.Errorf("%v, want ErrDamaged", err)
		}
	}
	must(t, os.Remove(filepath.Join(strange.Dir(), "spec.json")))
	must(t, os.Symlink(filepath.Join(healthy.Dir(), "spec.json"), filepath.Join(strange.Dir(), "spec.json")))
	if _, err := jobdir.Open(state, strange.ID()); err == nil {
		t.Error("a link was followed")
	}
	all, err := jobdir.List(state)
	if err == nil || len(all) != 1 || all[0].ID() != healthy.ID() {
		t.Errorf("%d jobs, %v", len(all), err)
	}
	for _, id := range []string{"", "x", "../x", "20261126T021500Z-7F3A09C1", "20269926T021500Z-7f3a09c1", "20261126T021500Z-7f3a09c1/."} {
		if _, err := jobdir.Open(state, id); !errors.Is(err, jobdir.ErrID) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// The steps of each kind of job, in their order.
func TestSteps(t *testing.T) {
	for _, test := range []struct {
		kind   jobdir.Kind
		deploy bool
		want   []jobdir.Step
	}{
		{jobdir.ScanJob, false, []jobdir.Step{jobdir.Scan, jobdir.Summary}},
		{jobdir.ApplyJob, true, []jobdir.Step{jobdir.Plan, jobdir.Apply, jobdir.Verify, jobdir.Summary}},
		{jobdir.SweepJob, false, []jobdir.Step{jobdir.Scan, jobdir.Plan, jobdir.Summary}},
		{jobdir.SweepJob, true, jobdir.Steps()},
	} {
		if diff := cmp.Diff(test.want, jobdir.Spec{Kind: test.kind, Deploy: test.deploy}.Steps()); diff != "" {
			t.Errorf("%s, %v:\n%s", test.kind, test.deploy, diff)
		}
	}
}

// A directory that a dead process was making is removed by the next one, a young one is
// not.
func TestStale(t *testing.T) {
	state := newState(t)
	newJob(t, state)
	old, young := filepath.Join(state.Jobs(), ".new-old"), filepath.Join(state.Jobs(), ".new-young")
	must(t, errors.Join(os.Mkdir(old, 0o750), os.Mkdir(young, 0o750)))
	must(t, os.Chtimes(old, time.Now().Add(-25*time.Hour), time.Now().Add(-25*time.Hour)))
	newJob(t, state)
	if _, err := os.Stat(old); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the old one: %v", err)
	}
	if _, err := os.Stat(young); err != nil {
		t.Errorf("the young one: %v", err)
	}
}

// What was given to Slurm is kept, with the last round of each step.
func TestRecord(t *testing.T) {
	job := newJob(t, newState(t))
	empty, err := job.Record()
	if err != nil || len(empty.Submissions) > 0 || empty.Round(jobdir.Scan) != 0 {
		t.Fatalf("%+v, %v", empty, err)
	}
	want := jobdir.Record{Submissions: []jobdir.Submission{
		{Token: "a", Step: jobdir.Scan, Round: 1, Tasks: 5, State: jobdir.Submitted, SlurmJob: "12", Time: now},
		{Token: "b", Step: jobdir.Scan, Round: 2, Offset: 10, Tasks: 2, After: []string{"a"}, State: jobdir.Refused, Message: "no", Time: now},
		{Token: "c", Step: jobdir.Plan, Round: 1, State: jobdir.Drafted},
	}}
	must(t, job.SetRecord(want))
	got, err := job.Record()
	must(t, err)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Round(jobdir.Scan) != 2 || got.Round(jobdir.Plan) != 1 || got.Round(jobdir.Verify) != 0 {
		t.Errorf("rounds %d, %d, %d", got.Round(jobdir.Scan), got.Round(jobdir.Plan), got.Round(jobdir.Verify))
	}
}
