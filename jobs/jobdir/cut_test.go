package jobdir_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs/jobdir"
)

// Work is cut into runs that keep its order, none empty, and no cut has a shorter
// longest run: all cuts of small works are tried.
func TestBalance(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		work := works(1 + random.IntN(9))
		for i := range work {
			work[i].Time = time.Duration(random.IntN(20)) * time.Second
		}
		n := 1 + random.IntN(5)
		runs := jobdir.Balance(work, n)
		var together []jobdir.Work
		for _, run := range runs {
			if len(run) == 0 {
				t.Fatalf("an empty run of %v", runs)
			}
			together = append(together, run...)
		}
		if diff := cmp.Diff(work, together); diff != "" {
			t.Fatalf("the order changed:\n%s", diff)
		}
		if len(runs) > n || longest(runs) != best(work, n) {
			t.Fatalf("%d runs of at most %d, the longest %s, could be %s: %v", len(runs), n, longest(runs), best(work, n), work)
		}
	}
	if runs := jobdir.Balance(nil, 3); len(runs) != 1 || len(runs[0]) != 0 {
		t.Errorf("nothing is cut into %v", runs)
	}
}

func longest(runs [][]jobdir.Work) (most time.Duration) {
	for _, run := range runs {
		var sum time.Duration
		for _, w := range run {
			sum += w.Time
		}
		most = max(most, sum)
	}
	return most
}

// best tries every cut.
func best(work []jobdir.Work, n int) time.Duration {
	if n == 1 || len(work) == 1 {
		return longest([][]jobdir.Work{work})
	}
	least := longest([][]jobdir.Work{work})
	for i := 1; i < len(work); i++ {
		least = min(least, max(longest([][]jobdir.Work{work[:i]}), best(work[i:], n-1)))
	}
	return least
}

func TestTasks(t *testing.T) {
	for _, test := range []struct {
		experiments, limit, want int
		each                     time.Duration
	}{
		{0, 10, 1, time.Minute}, {1, 10, 1, time.Second}, {10, 100, 10, time.Minute}, {10, 100, 5, 2 * time.Minute},
		{10, 3, 3, time.Second}, {10, 100, 10, time.Nanosecond}, {10, 100, 1, time.Hour},
	} {
		if got := jobdir.Tasks(works(test.experiments), test.each, test.limit); got != test.want {
			t.Errorf("%+v: %d", test, got)
		}
	}
}

// A step is cut once: the same way again is no error, another way is; and a task finds
// what its shard is to do.
func TestCut(t *testing.T) {
	job := newJob(t, newState(t))
	if _, err := job.Shards(jobdir.Apply); !errors.Is(err, jobdir.ErrNotCut) {
		t.Errorf("before: %v", err)
	}
	plans := shardsOf(4, 2)
	for i := range plans {
		plans[i].Plan = fmt.Appendf(nil, "plan %d", i+1)
	}
	first, err := job.Cut(jobdir.Apply, "20261124T021500Z-7f3a09c1", plans)
	must(t, err)
	again, err := job.Cut(jobdir.Apply, "20261124T021500Z-7f3a09c1", plans)
	if err != nil || again != first {
		t.Errorf("the same again: %s, %v", again, err)
	}
	if _, err := job.Cut(jobdir.Apply, "20261124T021500Z-7f3a09c1", shardsOf(4, 4)); !errors.Is(err, jobdir.ErrDamaged) {
		t.Errorf("another way: %v", err)
	}
	cut, err := job.Shards(jobdir.Apply)
	must(t, err)
	if cut.Transaction != "20261124T021500Z-7f3a09c1" || len(cut.Shards) != 2 || cut.Shards[0].Experiments != 2 || cut.Shards[0].Files != 4 {
		t.Errorf("%+v", cut)
	}
	plan, err := job.PlanOf(2)
	must(t, err)
	if text, _ := io.ReadAll(plan); string(text) != "plan 2" {
		t.Errorf("the plan of shard 2 is %q", text)
	}
	if _, err := job.PlanOf(3); !errors.Is(err, jobdir.ErrNoShard) {
		t.Errorf("the plan of shard 3: %v", err)
	}
	attempt := begin(t, job, jobdir.Apply, 2)
	if diff := cmp.Diff(works(4)[2:], attempt.Manifest()); diff != "" {
		t.Errorf("manifest:\n%s", diff)
	}
	if left, _ := filepath.Glob(filepath.Join(job.Dir(), "*", ".new-*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	if _, err := job.Cut(jobdir.Verify, "", nil); err != nil { // nothing to do
		t.Error(err)
	}
	if missing, err := job.Missing(jobdir.Verify); err != nil || len(missing) > 0 {
		t.Errorf("of a step without shards are missing %v, %v", missing, err)
	}
}

// A manifest that was changed is refused, and so is a cut.
func TestPinned(t *testing.T) {
	for name, change := range map[string]func(dir string) (string, string){
		"manifest": func(dir string) (string, string) { return dir + "/scan/shards/0002.manifest.jsonl", "{}\n" },
		"cut":      func(dir string) (string, string) { return dir + "/scan/shards/cut.json", "{}\n" },
		"no json":  func(dir string) (string, string) { return dir + "/scan/shards/cut.json", "x" },
		"more tasks": func(dir string) (string, string) {
			return dir + "/scan/shards/cut.json", `{"format":1,"step":"scan","shards":[{},{},{},{},{},{}]}`
		},
	} {
		job := newJob(t, newState(t))
		path, text := change(job.Dir())
		must(t, os.WriteFile(path, []byte(text), 0o640))
		if _, err := job.Begin(t.Context(), jobdir.Scan, 2, who("n1")); !errors.Is(err, jobdir.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A task is for the shard that its round has for it.
func TestRounds(t *testing.T) {
	job := newJob(t, newState(t))
	must(t, job.Round(jobdir.Scan, 2, []int{4, 1}))
	for _, test := range []struct {
		round, task, want int
		err               error
	}{
		{1, 0, 1, nil}, {1, 4, 5, nil}, {2, 0, 4, nil}, {2, 1, 1, nil}, {2, 2, 0, jobdir.ErrNoShard},
		{3, 2, 3, nil}, {0, 1, 0, jobdir.ErrNoShard}, {1, -1, 0, jobdir.ErrNoShard},
	} {
		got, err := job.ShardOf(jobdir.Scan, test.round, test.task)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("round %d, task %d: %d, %v", test.round, test.task, got, err)
		}
	}
	for _, round := range []int{1, 2} {
		must(t, job.Round(jobdir.Scan, round, []int{3}))
		if got, err := job.ShardOf(jobdir.Scan, round, 0); got != 3 || err != nil {
			t.Errorf("round %d, said anew: %d, %v", round, got, err)
		}
	}
}
