package jobdir_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/jobs"
	"deployconstants/jobs/jobdir"
)

// A shard is carried out by one attempt: its result has its lines in the order of the
// manifest, and says what was not done.
func TestAttempt(t *testing.T) {
	job := newJob(t, newState(t))
	a := begin(t, job, jobdir.Scan, 2)
	names := []string{a.Manifest()[0].Experiment, a.Manifest()[1].Experiment}
	if diff := cmp.Diff(names, a.Left()); diff != "" || len(names) != 2 {
		t.Fatalf("left:\n%s", diff)
	}
	if err := a.Publish(now, nil); !errors.Is(err, jobdir.ErrMissing) {
		t.Errorf("published without anything: %v", err)
	}
	must(t, a.Settle(item(names[1], 2, "denied", "denied")))
	must(t, a.Settle(item(names[0], 1, "denied", "torn")))
	if err := a.Settle(item("xppzz9917", 1)); err == nil {
		t.Error("an experiment of another shard was settled")
	}
	must(t, a.Publish(now, map[string]int{"extra": 5}))
	want := []string{
		fmt.Sprintf(`{"experiment":%q,"n":0}`, names[0]),
		fmt.Sprintf(`{"experiment":%q,"n":0}`, names[1]), fmt.Sprintf(`{"experiment":%q,"n":1}`, names[1]),
	}
	if diff := cmp.Diff(want, lines(t, job, jobdir.Scan, 2)); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	c, err := job.Result(jobdir.Scan, 2)
	must(t, err)
	if c.Experiments != 2 || c.Lines != 3 || c.Node != "n1" || string(c.Extra) != `{"extra":5}` {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff(map[string]int{"denied": 3, "torn": 1}, c.Failures); diff != "" {
		t.Errorf("failures:\n%s", diff)
	}
	if _, err := job.Begin(t.Context(), jobdir.Scan, 2, who("n2")); !errors.Is(err, jobdir.ErrDone) {
		t.Errorf("an attempt after the result: %v", err)
	}
	if missing, err := job.Missing(jobdir.Scan); err != nil || !cmp.Equal(missing, []int{1, 3, 4, 5}) {
		t.Errorf("missing %v, %v", missing, err)
	}
}

// children have limits of their own.
var children = testenv.Children{"short": shortWrite}

func TestMain(m *testing.M) { children.Main(m) }

// shortWrite makes an attempt at shard 2 of the job below dir while the disk takes only
// half of what is written.
func shortWrite(dir string) error {
	all, err := jobdir.List(jobs.State{Dir: dir})
	if err != nil {
		return err
	}
	a, err := all[0].Begin(context.Background(), jobdir.Scan, 2, who("n1"))
	if err != nil {
		return err
	}
	first, second := a.Manifest()[0].Experiment, a.Manifest()[1].Experiment
	if err := a.Settle(item(first, 1)); err != nil {
		return err
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit := syscall.Rlimit{Cur: 4096, Max: 1 << 30}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := a.Settle(item(second, 200)); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("settled beyond the limit: %w", err)
	}
	limit.Cur = limit.Max // there is room again
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	if err := a.End(now, jobdir.Failed, "the disk is full"); !errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("ended behind half a line: %w", err)
	}
	return nil
}

// Half a line is the end of a journal, even if the disk has room again: the next attempt
// goes on behind what was settled.
func TestShortWrite(t *testing.T) {
	state := newState(t)
	job := newJob(t, state)
	if out, err := children.Command(t, "short", state.Dir).Output(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	a := begin(t, job, jobdir.Scan, 2)
	if want := []string{a.Manifest()[1].Experiment}; !cmp.Equal(a.Left(), want) {
		t.Errorf("left %q, want %q", a.Left(), want)
	}
}

// What an attempt settled before it died the next one does not do again; what was torn
// off counts for nothing.
func TestNextAttempt(t *testing.T) {
	job := newJob(t, newState(t))
	dead := begin(t, job, jobdir.Scan, 1)
	names := dead.Left()
	must(t, dead.Settle(item(names[1], 1)))
	path := filepath.Join(job.Dir(), "scan", "attempts", "0001", dead.Who().Attempt+".jsonl")
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = fmt.Fprintf(file, `{"line":"item","experiment":%q,"lines":[{"torn":1}]`, names[0])
	must(t, errors.Join(err, file.Close()))

	next := begin(t, job, jobdir.Scan, 1)
	if diff := cmp.Diff(names[:1], next.Left()); diff != "" {
		t.Fatalf("left:\n%s", diff)
	}
	must(t, next.Settle(item(names[0], 2)))
	must(t, next.Publish(now, nil))
	if got := lines(t, job, jobdir.Scan, 1); len(got) != 3 || got[2] != fmt.Sprintf(`{"experiment":%q,"n":0}`, names[1]) {
		t.Errorf("lines %q", got)
	}
	must(t, dead.Settle(item(names[0], 1))) // it was not dead
	must(t, dead.Publish(now, nil))         // and leaves the result as it is
	if got := lines(t, job, jobdir.Scan, 1); len(got) != 3 {
		t.Errorf("then lines %q", got)
	}
}

// Many attempts at one shard, at once, leave one result.
func TestAtOnce(t *testing.T) {
	job := newJob(t, newState(t))
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			a, err := job.Begin(t.Context(), jobdir.Scan, 1, who("n1"))
			if errors.Is(err, jobdir.ErrDone) {
				return
			}
			for _, name := range a.Left() {
				err = errors.Join(err, a.Settle(item(name, 1)))
			}
			if err = errors.Join(err, a.Publish(now, nil)); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := lines(t, job, jobdir.Scan, 1); len(got) != 2 {
		t.Errorf("lines %q", got)
	}
}

// A step that is no array has one shard, with nothing but its extra.
func TestSingle(t *testing.T) {
	job := newJob(t, newState(t))
	if _, err := job.Begin(t.Context(), jobdir.Plan, 2, who("n1")); !errors.Is(err, jobdir.ErrNoShard) {
		t.Errorf("shard 2: %v", err)
	}
	a := begin(t, job, jobdir.Plan, 1)
	must(t, a.Publish(now, "planned"))
	c, err := job.Result(jobdir.Plan, 1)
	if err != nil || string(c.Extra) != `"planned"` {
		t.Errorf("%s, %v", c.Extra, err)
	}
}

func TestBeginRefused(t *testing.T) {
	job := newJob(t, newState(t))
	used := who("n1")
	_, err := job.Begin(t.Context(), jobdir.Scan, 3, used)
	must(t, err)
	for name, test := range map[string]struct {
		step  jobdir.Step
		shard int
		who   jobdir.Who
		want  error
	}{
		"not cut":        {jobdir.Apply, 1, who("n1"), jobdir.ErrNotCut},
		"no shard":       {jobdir.Scan, 6, who("n1"), jobdir.ErrNoShard},
		"shard 0":        {jobdir.Scan, 0, who("n1"), jobdir.ErrNoShard},
		"the same again": {jobdir.Scan, 3, used, os.ErrExist},
		"no attempt":     {jobdir.Scan, 1, jobdir.Who{}, nil},
		"no step":        {"x", 1, who("n1"), nil},
	} {
		_, err := job.Begin(t.Context(), test.step, test.shard, test.who)
		if err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A result whose bytes changed is an error, wherever they did.
func TestDamagedResult(t *testing.T) {
	job := newJob(t, newState(t))
	a := begin(t, job, jobdir.Scan, 1)
	for _, name := range a.Left() {
		must(t, a.Settle(item(name, 3)))
	}
	must(t, a.Publish(now, nil))
	path := filepath.Join(job.Dir(), "scan", "results", "0001.jsonl")
	text, err := os.ReadFile(path)
	must(t, err)
	read := func() error {
		for _, err := range job.Lines(jobdir.Scan, 1) {
			if err != nil {
				return err
			}
		}
		return nil
	}
	must(t, read())
	for cut := range text {
		writeFile(t, path, string(text[:cut]))
		if err := read(); !errors.Is(err, jobdir.ErrDamaged) {
			t.Fatalf("cut to %d of %d bytes: %v", cut, len(text), err)
		}
	}
	c, err := func() (jobdir.Completion, error) { writeFile(t, path, string(text)); return job.Result(jobdir.Scan, 1) }()
	must(t, err)
	end := len(text)
	for i := range text {
		end = i // the last line has other fields, which the digest does not cover
		if text[i] == '\n' && len(text)-i < 700 {
			break
		}
	}
	for i := 0; i < end; i++ {
		changed := append([]byte(nil), text...)
		changed[i] ^= 1
		writeFile(t, path, string(changed))
		if err := read(); !errors.Is(err, jobdir.ErrDamaged) {
			t.Fatalf("byte %d of %d: %v", i, len(text), err)
		}
	}
	if c.Lines != 6 {
		t.Errorf("%d lines", c.Lines)
	}
}

// Progress tells of results, of attempts under way and ended, and of shards that nobody
// has begun.
func TestProgress(t *testing.T) {
	job := newJob(t, newState(t))
	done := begin(t, job, jobdir.Scan, 1)
	for _, name := range done.Left() {
		must(t, done.Settle(item(name, 1, "denied")))
	}
	must(t, done.Publish(now, nil))
	failed := begin(t, job, jobdir.Scan, 2)
	must(t, failed.Settle(item(failed.Left()[0], 1, "torn")))
	must(t, failed.End(now, jobdir.Failed, "no mount"))
	begin(t, job, jobdir.Scan, 2)
	must(t, os.WriteFile(filepath.Join(job.Dir(), "scan", "results", "0004.jsonl"), []byte("x\n"), 0o640))

	all, err := job.Progress(t.Context(), jobdir.Scan)
	must(t, err)
	if len(all) != 5 || all[0].Result == nil || all[0].Result.Failures["denied"] != 2 {
		t.Fatalf("%+v", all)
	}
	attempts := all[1].Attempts
	if len(attempts) != 2 {
		t.Fatalf("%+v", attempts)
	}
	byState := map[jobdir.State]jobdir.AttemptProgress{attempts[0].State: attempts[0], attempts[1].State: attempts[1]}
	if f := byState[jobdir.Failed]; f.Cause != "no mount" || f.Settled != 1 || f.Failures["torn"] != 1 || f.Node != "n1" {
		t.Errorf("%+v", f)
	}
	if _, going := byState[jobdir.Going]; !going {
		t.Errorf("%+v", attempts)
	}
	if all[2].Result != nil || all[2].Err != nil || len(all[2].Attempts) > 0 {
		t.Errorf("%+v", all[2])
	}
	if !errors.Is(all[3].Err, jobdir.ErrDamaged) {
		t.Errorf("%+v", all[3])
	}
	for _, p := range all {
		if got, want := fmt.Sprintf("%+v", job.ShardProgress(jobdir.Scan, p.Shard)), fmt.Sprintf("%+v", p); p.Result == nil && got != want {
			t.Errorf("shard %d: %s, of all shards %s", p.Shard, got, want)
		}
	}
	if of := job.ShardProgress(jobdir.Scan, 1); of.Result == nil || of.Result.Failures["denied"] != 2 {
		t.Errorf("%+v", of)
	}
	if none, err := job.Progress(t.Context(), jobdir.Apply); err != nil || len(none) > 0 {
		t.Errorf("of a step that is not cut: %+v, %v", none, err)
	}
}

// A journal or result of any bytes does no harm.
func FuzzJournal(f *testing.F) {
	f.Add([]byte(`{"line":"attempt","step":"scan","shard":1}` + "\n" + `{"line":"item","experiment":"x","lines":[{}],"failures":{"a":1}}` + "\n"))
	f.Add([]byte(`{"line":"end","state":"failed"}` + "\n"))
	f.Add([]byte("{}\n"))
	job := newJob(f, newState(f))
	for _, dir := range []string{"scan/attempts/0001", "scan/results"} {
		must(f, os.MkdirAll(filepath.Join(job.Dir(), dir), 0o750))
	}
	journal := filepath.Join(job.Dir(), "scan/attempts/0001", jobdir.NewAttempt(now)+".jsonl")
	f.Fuzz(func(t *testing.T, text []byte) {
		must(t, os.WriteFile(journal, text, 0o640))
		must(t, os.WriteFile(filepath.Join(job.Dir(), "scan/results/0002.jsonl"), text, 0o640))
		if all, err := job.Progress(t.Context(), jobdir.Scan); err != nil || len(all) != 5 {
			t.Errorf("%d shards, %v", len(all), err)
		}
		for _, err := range job.Lines(jobdir.Scan, 2) {
			if err == nil || errors.Is(err, jobdir.ErrDamaged) {
				continue
			}
			t.Error(err)
		}
	})
}
