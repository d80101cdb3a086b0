package sweeptest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/beacon"
	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
)

// A running command.
type running struct {
	*exec.Cmd
	stdout, stderr strings.Builder
}

// start starts a command.
func (s *site) start(t *testing.T, args ...string) *running {
	t.Helper()
	r := &running{Cmd: s.command(args...)}
	r.Stdout, r.Stderr = &r.stdout, &r.stderr
	must(t, r.Start())
	return r
}

// end waits for it.
func (r *running) end(t *testing.T) result {
	t.Helper()
	err := r.Wait()
	return result{testenv.Status(t, err), r.stdout.String(), r.stderr.String()}
}

// stopWhen stops a process as soon as something is so; false: it ended before.
func (r *running) stopWhen(t *testing.T, is func() bool) bool {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		if is() {
			must(t, r.Process.Signal(syscall.SIGSTOP))
			for !allStopped(r.Process.Pid) && !isZombie(r.Process.Pid) {
			}
			return !isZombie(r.Process.Pid)
		}
		if isZombie(r.Process.Pid) {
			return false
		}
	}
	t.Fatal("waited in vain")
	return false
}

func isZombie(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, _ := strings.Cut(string(text), ") ")
	return err != nil || strings.HasPrefix(rest, "Z")
}

// TestTwoSweeps starts a sweep while another one holds the lock.
func TestTwoSweeps(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 12, Experiments: 20, Runs: 6, Streams: 1, RealShapes: true})
	heartbeat := filepath.Join(s.StateDir(), "heartbeat.json")
	first := s.start(t, "sweep", "-D")
	if !first.stopWhen(t, func() bool { _, err := os.Stat(heartbeat); return err == nil }) {
		t.Fatal("the first sweep ended too early")
	}
	pulse, err := beacon.ReadPulse(heartbeat)
	must(t, err)
	if pulse.State != beacon.Running || pulse.PID != first.Process.Pid {
		t.Errorf("heartbeat: %+v", pulse)
	}
	second := s.want(t, 11, "sweep", "-D")
	for _, part := range []string{strconv.Itoa(first.Process.Pid), pulse.Host, "datamgr", "sweep.lock"} {
		if !strings.Contains(second.stderr, part) {
			t.Errorf("the second sweep does not name %s: %s", part, second.stderr)
		}
	}
	if now, err := beacon.ReadPulse(heartbeat); err != nil || now.PID != first.Process.Pid {
		t.Errorf("the second sweep wrote the heartbeat: %+v %v", now, err)
	}
	must(t, first.Process.Signal(syscall.SIGCONT))
	first.end(t).check(t, 0, "sweep")
	s.want(t, 0, "sweep", "-D")
}

// TestTwoApplies carries one plan out twice at the same time.
func TestTwoApplies(t *testing.T) {
	s, plan, m := disturbed(t, facility.Options{Seed: 13, Experiments: 24, Runs: 8, Streams: 1, RealShapes: true})
	n, shared := rounds(6), 0
	for round := range n {
		items := s.changes(t)
		var both []*running
		for range 2 {
			both = append(both, s.start(t, "apply", "--json", plan))
		}
		by := map[string]int{}
		busy := 0
		for _, one := range both {
			r := one.end(t)
			if r.status != 0 && r.status != 3 && r.status != 11 {
				t.Errorf("exit status %d: %s", r.status, r.stderr)
			}
			did := 0
			for _, o := range outcomes(t, r.stdout) {
				if o.Status == "done" {
					by[o.Path]++
					did++
				}
			}
			if did > 0 {
				busy++
			}
		}
		if busy == 2 {
			shared++
		}
		for _, one := range items {
			if one.Action != "adopt" && by[one.path()] != 1 {
				t.Errorf("round %d: %s was done %d times", round, one.path(), by[one.path()])
			}
		}
		s.noStrays(t)
		now := s.tree(t)
		if diff := m.after.paths.Diff(now.paths); diff != "" {
			t.Fatalf("round %d:\n%s", round, diff)
		}
		for path, lines := range now.history {
			ours := map[string]bool{}
			for _, line := range lines {
				name, _, _ := strings.Cut(line, " ")
				if id := line[strings.LastIndex(line, "cmt:"):]; ourLine.MatchString(line) && !strings.Contains(line, "cmt:undo") {
					if ours[name+id] {
						t.Errorf("round %d: %s tells twice of %s", round, path, name)
					}
					ours[name+id] = true
				}
			}
		}
		s.undoAll(t)
		if diff := m.before.undone(s.tree(t)); diff != "" {
			t.Fatalf("round %d, undone:\n%s", round, diff)
		}
	}
	t.Logf("in %d of %d rounds both had something to do", shared, n)
}

// An outcome is a line of `apply --json`.
type outcome struct {
	Message       string `json:"message_type"`
	Status, Path  string
	Action, Cause string
}

func outcomes(t *testing.T, stdout string) []outcome {
	t.Helper()
	var list []outcome
	for _, line := range lines(stdout) {
		var one outcome
		if line == "" {
			continue
		}
		must(t, json.Unmarshal([]byte(line), &one))
		if one.Message == "outcome" && one.Path != "" {
			list = append(list, one)
		}
	}
	return list
}

// TestTerminate ends applies gently. What is in flight is finished, and the rest can
// be resumed.
func TestTerminate(t *testing.T) {
	s, plan, m := disturbed(t, facility.Options{Seed: 14, Experiments: 24, Runs: 8, Streams: 1, RealShapes: true})
	random := rand.New(rand.NewPCG(14, 1))
	stopped, tried := 0, 0
	for range rounds(60) {
		if stopped >= rounds(3) {
			break
		}
		tried++
		// without waves, a facility as small as this one is in flight at once
		apply := s.start(t, "apply", "--workers", "1", "--waves", "1,10%,20%,30%,40%,50%,60%,70%,80%,90%,100%", plan)
		time.Sleep(m.took/4 + time.Duration(random.Int64N(int64(m.took))))
		_ = apply.Process.Signal(syscall.SIGTERM) // it may have ended
		r := apply.end(t)
		begun := s.fresh(t, "apply")
		switch {
		case r.status == 0 || r.status == 128+int(syscall.SIGTERM) && len(begun) == 0:
			s.undoAll(t)
			continue
		case r.status != 143:
			t.Fatalf("exit status %d\n%s%s", r.status, r.stdout, r.stderr)
		}
		id := begun[0].ID
		if s.status(t, id) != "incomplete" {
			s.undoAll(t)
			continue
		}
		stopped++
		s.noStrays(t)
		if !strings.Contains(r.stderr, id) || !strings.Contains(r.stderr, "resume") {
			t.Errorf("does not say that %s can be resumed: %s", id, r.stderr)
		}
		open := map[string]int{}
		for _, one := range s.records(t, id) {
			switch one.Kind {
			case "intent":
				open[one.path()]++
			case "done", "skipped", "failed":
				open[one.path()]--
			}
		}
		for path, n := range open {
			if n != 0 {
				t.Errorf("%s was left in flight", path)
			}
		}
		s.want(t, 0, "apply", "--resume", id)
		if diff := m.after.same(s.tree(t).withoutUndone(id)); diff != "" {
			t.Fatalf("resumed:\n%s", diff)
		}
		s.undoAll(t)
	}
	t.Logf("%d of %d applies were stopped midway", stopped, tried)
	if stopped == 0 {
		t.Error("no signal landed inside an apply")
	}
}

// TestLimits refuses plans that do too much.
func TestLimits(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 15, Streams: 1, RealShapes: true})
	plan := s.plan(t)
	before := s.tree(t)
	count := map[string]int{}
	for _, one := range s.items(t) {
		if one.Kind == "file" || one.Action == "register" {
			count[one.Action]++
		}
	}
	changes := count["create"] + count["replace"] + count["adopt"] + count["register"]
	deployed := count["replace"] + count["adopt"] + count["unchanged"]
	percent := 100 * float64(count["replace"]) / float64(deployed)
	for _, args := range [][]string{
		{"--max-changes", strconv.Itoa(changes - 1)},
		{"--max-replace-percent", strconv.FormatFloat(percent-0.1, 'f', 3, 64)},
	} {
		for _, command := range [][]string{append(append([]string{"apply"}, args...), plan), append([]string{"sweep", "-D"}, args...)} {
			r := s.want(t, 1, command...)
			if !strings.Contains(r.stderr, "limit") {
				t.Errorf("%v: %s", command, r.stderr)
			}
		}
	}
	if list := s.transactions(t); len(list) > 0 {
		t.Errorf("transactions: %v", list)
	}
	if diff := before.same(s.tree(t)); diff != "" {
		t.Errorf("changed:\n%s", diff)
	}
	s.want(t, 0, "apply", "--max-changes", strconv.Itoa(changes), "--max-replace-percent", strconv.FormatFloat(percent+0.1, 'f', 3, 64), plan)
}

// TestWaves carries a plan out in waves. Where the first one is not as it was
// deployed, no second one follows; what was done can be resumed when that is mended.
func TestWaves(t *testing.T) {
	s, plan, m := disturbed(t, facility.Options{Seed: 16, Streams: 1, RealShapes: true})
	s.want(t, 0, "apply", "--waves", "1,25%,100%", plan)
	if diff := m.after.same(s.tree(t).withoutUndone(s.one(t, "apply"))); diff != "" {
		t.Errorf("in waves:\n%s", diff)
	}
	s.undoAll(t)

	for range 50 {
		run := s.start(t, "apply", "--waves", "1,100%", plan)
		edited := ""
		run.stopWhen(t, func() bool { edited = s.doneInWave(t); return edited != "" })
		content, err := os.ReadFile(edited)
		must(t, err)
		must(t, os.WriteFile(edited, []byte("9 9 9\n"), 0o664))
		_ = run.Process.Signal(syscall.SIGCONT) // it may have ended
		r := run.end(t)
		id := s.one(t, "apply")
		if r.status == 0 { // it had verified the file by then
			must(t, os.WriteFile(edited, content, 0o664))
			s.undoAll(t)
			continue
		}
		r.check(t, 1, "apply", "--waves", "1,100%")
		if !strings.Contains(r.stderr, edited) || !strings.Contains(r.stderr, "changed") || !strings.Contains(r.stderr, id) {
			t.Errorf("does not tell what is wrong after the first wave: %s", r.stderr)
		}
		first := ""
		for _, one := range s.records(t, id) {
			if one.Kind == "registered" {
				continue
			}
			if first == "" {
				first = one.Experiment
			}
			if one.Experiment != first {
				t.Errorf("the second wave was begun: %+v", one)
			}
		}
		s.want(t, 1, "apply", "--resume", id, "--waves", "1,100%")
		must(t, os.WriteFile(edited, content, 0o664))
		s.want(t, 0, "apply", "--resume", id, "--waves", "1,100%")
		if diff := m.after.same(s.tree(t).withoutUndone(id)); diff != "" {
			t.Errorf("resumed:\n%s", diff)
		}
		return
	}
	t.Error("the first wave was verified before anybody could edit it")
}

// doneInWave returns a file that an open transaction claims to have made; "" for none
// yet.
func (s *site) doneInWave(t *testing.T) string {
	t.Helper()
	journals, err := filepath.Glob(filepath.Join(s.StateDir(), "tx", "*", "journal.jsonl"))
	must(t, err)
	for _, name := range journals {
		text, _ := os.ReadFile(name) // it may be finished by now
		for line := range strings.Lines(string(text)) {
			var one record
			if json.Unmarshal([]byte(line), &one) == nil && one.Kind == "done" {
				return one.path()
			}
		}
	}
	return ""
}

// TestUndoAgain takes a transaction back twice that came after another one.
func TestUndoAgain(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 17, Streams: 1, RealShapes: true})
	s.sweeps(t)
	s.one(t, "apply")
	before := s.tree(t)
	for _, c := range s.Constants {
		if c.Default && c.CType == "common_mode" {
			_, err := s.ReplaceConstants(c)
			must(t, err)
		}
	}
	s.sweeps(t)
	id := s.one(t, "apply")
	if diff := before.paths.Diff(s.tree(t).paths); strings.Count(diff, "~ ") < 3 {
		t.Fatalf("too little changed: %s", diff)
	}
	s.want(t, 0, "undo", "-e", s.records(t, id)[0].Experiment, id)
	for range 2 {
		s.want(t, 0, "undo", id)
		if diff := before.paths.Diff(s.tree(t).paths); diff != "" {
			t.Errorf("undone:\n%s", diff)
		}
	}
}

// TestMonitoring compares what monitoring sees with what a sweep tells.
func TestMonitoring(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 18, Streams: 1, RealShapes: true})
	began := time.Now()
	var report struct {
		Scan struct {
			Experiments, New, Failed int
		}
		Ledger struct{ Runs int }
		Plan   struct{ Counts map[string]int }
		Apply  struct{ Counts map[string]int }
	}
	must(t, json.Unmarshal([]byte(s.want(t, 0, "sweep", "-D", "--json").stdout), &report))
	pulse, err := beacon.ReadPulse(filepath.Join(s.StateDir(), "heartbeat.json"))
	must(t, err)
	if pulse.State != beacon.Done || pulse.LastSuccess.Before(began.Add(-time.Second)) || pulse.Message != "" {
		t.Errorf("heartbeat: %+v", pulse)
	}
	metrics := s.metrics(t)
	want := map[string]int{
		"experiments": len(s.Experiments), "runs_known": report.Ledger.Runs, "runs_new": report.Scan.New, "runs_failed": report.Scan.Failed,
		"changes": report.Apply.Counts["done"] + report.Apply.Counts["adopted"] + report.Apply.Counts["registered"], "drift": 0, "exit_status": 0,
	}
	for action, n := range report.Plan.Counts {
		want[`targets{action="`+action+`"}`] = n
	}
	for name, n := range want {
		if metrics[name] != strconv.Itoa(n) {
			t.Errorf("%s is %s, want %d", name, metrics[name], n)
		}
	}
	if want["changes"] < 20 || want["runs_new"] < 100 {
		t.Errorf("too little happens: %v", want)
	}
	files := slices.Sorted(func(yield func(string) bool) {
		for _, one := range s.records(t, s.one(t, "apply")) {
			if one.Kind == "done" && !yield(one.path()) {
				return
			}
		}
	})
	bytes := 0
	for _, path := range files {
		info, err := os.Stat(path)
		must(t, err)
		bytes += int(info.Size())
	}
	if got, err := strconv.ParseFloat(metrics["bytes_published"], 64); err != nil || int(got) != bytes {
		t.Errorf("bytes published %s, want %d", metrics["bytes_published"], bytes)
	}

	// edited by hand: told once, an exit status each time
	must(t, os.WriteFile(files[0], []byte("9 9 9\n"), 0o664))
	first := s.want(t, 5, "sweep", "-D", "--quiet")
	if !strings.Contains(first.stdout, files[0]) {
		t.Errorf("the edit is not told: %s", first.stdout)
	}
	again := s.want(t, 5, "sweep", "-D", "--quiet")
	if again.stdout != "" {
		t.Errorf("the edit is told again: %s", again.stdout)
	}
	if metrics := s.metrics(t); metrics["drift"] != "1" || metrics["exit_status"] != "5" {
		t.Errorf("drift %s, exit status %s", metrics["drift"], metrics["exit_status"])
	}
}
