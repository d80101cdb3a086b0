package slurmtest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"deployconstants/jobs/jobdir"
	"deployconstants/stages/submit"
)

// A job is one that was submitted.
type job struct {
	*site
	id, dir string
}

// jobID is how ids look.
var jobID = regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{8}`)

// submit submits a job, which must be taken.
func (s *site) submit(t testing.TB, args ...string) job {
	t.Helper()
	return s.jobOf(t, s.want(t, 0, append([]string{"submit"}, args...)...).stdout)
}

// jobOf is the job that an output names.
func (s *site) jobOf(t testing.TB, output string) job {
	t.Helper()
	id := jobID.FindString(output)
	if id == "" {
		t.Fatalf("no job is named in %s", ends(output))
	}
	return job{s, id, filepath.Join(s.StateDir(), "jobs", id)}
}

// status is what `status --json` says.
func (j job) status(t testing.TB) submit.Status {
	t.Helper()
	r := j.run(t, "status", "--json", j.id)
	if r.status != 0 && r.status != 3 {
		t.Fatalf("status: exit status %d: %s", r.status, r.stderr)
	}
	return decode[submit.Status](t, r.stdout)
}

// isComplete fails if a result is missing.
func (j job) isComplete(t testing.TB) {
	t.Helper()
	if s := j.status(t); s.State != submit.Complete {
		t.Fatalf("the job is %s, %+v, causes %+v, notes %q\n%s", s.State, s.Steps, s.Failures, s.Notes, j.logs(t))
	}
}

// logs are the ends of what tasks logged that is not for machines.
func (j job) logs(t testing.TB) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(j.dir, "logs", "*.log"))
	must(t, err)
	var b strings.Builder
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(t, err)
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "rror") || strings.Contains(line, "arn") {
				b.WriteString(filepath.Base(name) + ": " + line)
			}
		}
	}
	return ends(b.String())
}

// outcome is what the job left.
func (j job) outcome(t testing.TB) outcome {
	t.Helper()
	summary, err := os.ReadFile(filepath.Join(j.dir, "summary.json"))
	must(t, err)
	return j.site.outcome(t, filepath.Join(j.dir, "manifest.jsonl.zst"), string(summary))
}

// transaction is the only one of the job, and of the state directory.
func (j job) transaction(t testing.TB) string {
	t.Helper()
	list := decode[[]struct{ ID, Kind, Status string }](t, j.want(t, 0, "history", "--json").stdout)
	if len(list) != 1 || list[0].Kind != "apply" || list[0].Status != "complete" {
		t.Fatalf("transactions: %+v, want one apply that is complete", list)
	}
	return list[0].ID
}

// An attempt is one at a shard, by its journal.
type attempt struct {
	jobdir.Who
	path  string // of the journal
	step  jobdir.Step
	shard int
	state jobdir.State
	cause string
}

// attempts are those at the shards of a step, by shard, the oldest first.
func (j job) attempts(t testing.TB, step jobdir.Step) []attempt {
	t.Helper()
	return j.begun(t, step, nil)
}

// readAttempt reads a journal; false: it has only begun to be written.
func readAttempt(t testing.TB, step jobdir.Step, path string) (attempt, bool) {
	t.Helper()
	a := attempt{path: path, step: step}
	var err error
	a.shard, err = strconv.Atoi(filepath.Base(filepath.Dir(path)))
	must(t, err)
	text, err := os.ReadFile(path)
	must(t, err)
	for line := range strings.Lines(string(text)) {
		var of struct {
			Line string `json:"line"`
			jobdir.Who
			State jobdir.State `json:"state"`
			Cause string       `json:"cause"`
		}
		if json.Unmarshal([]byte(line), &of) != nil {
			break
		}
		switch of.Line {
		case "attempt":
			a.Who = of.Who
		case "end":
			a.state, a.cause = of.State, of.Cause
		}
	}
	return a, a.PID != 0
}

// of are the attempts at a shard.
func of(attempts []attempt, shard int) []attempt {
	return slices.DeleteFunc(slices.Clone(attempts), func(a attempt) bool { return a.shard != shard })
}

// nodesOf are those that attempts were made on.
func nodesOf(attempts []attempt) []string {
	set := map[string]bool{}
	for _, a := range attempts {
		set[a.Node] = true
	}
	return slices.Sorted(maps.Keys(set))
}
