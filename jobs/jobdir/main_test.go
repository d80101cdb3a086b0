package jobdir_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"deployconstants/jobs"
	"deployconstants/jobs/jobdir"
)

var now = time.Date(2026, 11, 26, 2, 15, 0, 0, time.UTC)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// works returns n experiments of a minute each.
func works(n int) []jobdir.Work {
	work := make([]jobdir.Work, n)
	for i := range work {
		work[i] = jobdir.Work{Experiment: fmt.Sprintf("xppaa%02d17", i), Instrument: "XPP", Files: 2, Bytes: 100, Time: time.Minute}
	}
	return work
}

// shardsOf cuts experiments into n shards of equal size.
func shardsOf(experiments, n int) (shards []jobdir.Shard) {
	for _, run := range jobdir.Balance(works(experiments), n) {
		shards = append(shards, jobdir.Shard{Work: run})
	}
	return shards
}

// newJob makes a scan of ten experiments in five shards.
func newJob(t testing.TB, state jobs.State) *jobdir.Job {
	t.Helper()
	job, err := jobdir.Create(state, spec(), func(j *jobdir.Job, s *jobdir.Spec) (err error) {
		s.Cut, err = j.Cut(jobdir.Scan, "", shardsOf(10, 5))
		return err
	})
	must(t, err)
	return job
}

func spec() jobdir.Spec {
	return jobdir.Spec{
		Kind: jobdir.SweepJob, Deploy: true, Time: now, User: "datamgr", Host: "psana101", Dir: "/home/datamgr",
		Command: "submit sweep -D", Program: "/usr/local/bin/deploy_constants", Work: json.RawMessage(`{"settings":{}}`),
		Tasks: map[jobdir.Step]int{jobdir.Scan: 5, jobdir.Plan: 1, jobdir.Apply: 8, jobdir.Verify: 8, jobdir.Summary: 1},
	}
}

func newState(t testing.TB) jobs.State { return jobs.State{Dir: filepath.Join(t.TempDir(), "state")} }

// who returns a process that makes an attempt; no two are the same.
func who(node string) jobdir.Who {
	return jobdir.Who{Attempt: jobdir.NewAttempt(now), Job: "12_3", Node: node, PID: 77, Started: now}
}

func begin(t testing.TB, job *jobdir.Job, step jobdir.Step, shard int) *jobdir.Attempt {
	t.Helper()
	attempt, err := job.Begin(t.Context(), step, shard, who("n1"))
	must(t, err)
	return attempt
}

// item is an experiment that is settled, with some lines.
func item(experiment string, lines int, failures ...string) jobdir.Item {
	it := jobdir.Item{Experiment: experiment, Failures: map[string]int{}}
	for n := range lines {
		it.Lines = append(it.Lines, json.RawMessage(fmt.Sprintf(`{"experiment":%q,"n":%d}`, experiment, n)))
	}
	for _, cause := range failures {
		it.Failures[cause]++
	}
	return it
}

// lines returns the lines of a result.
func lines(t testing.TB, job *jobdir.Job, step jobdir.Step, shard int) (all []string) {
	t.Helper()
	for line, err := range job.Lines(step, shard) {
		must(t, err)
		all = append(all, string(line))
	}
	return all
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o640))
}
