package sweeptest

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/facility"
)

// A killer kills the binary at random moments.
type killer struct {
	*site
	random *rand.Rand

	calls, mid int // how many were killed, and how many of them with work half done
}

// A model is what a site without disturbance went through.
type model struct {
	before, after tree
	took          time.Duration // of the apply
}

// disturbed makes a site, its plan, and the model of both.
func disturbed(t *testing.T, o facility.Options) (*killer, string, model) {
	t.Helper()
	quiet := newSite(t, o)
	plan := quiet.plan(t)
	start := time.Now()
	quiet.want(t, 0, "apply", plan)
	m := model{took: time.Since(start)}
	m.after = quiet.tree(t).withoutUndone(quiet.one(t, "apply"))

	s := newSite(t, o)
	plan = s.plan(t)
	m.before = s.tree(t)
	if diff := m.before.same(m.after); strings.Count(diff, ".data: ") < 15 {
		t.Fatalf("an apply changes too little:\n%s", diff)
	}
	return &killer{site: s, random: rand.New(rand.NewPCG(o.Seed, 1))}, plan, m
}

// kill starts a command and kills it after a random part of the time that it may
// take.
func (k *killer) kill(t *testing.T, took time.Duration, args ...string) {
	t.Helper()
	cmd := k.command(args...)
	must(t, cmd.Start())
	time.Sleep(time.Duration(k.random.Int64N(int64(took))))
	if cmd.Process.Kill() == nil {
		k.calls++
	}
	_ = cmd.Wait() // killed
}

// killInside starts a command and kills it a little after it has begun a transaction.
func (k *killer) killInside(t *testing.T, took time.Duration, args ...string) {
	t.Helper()
	journals := func() int {
		list, err := filepath.Glob(filepath.Join(k.StateDir(), "tx", "*", "journal.jsonl"))
		must(t, err)
		return len(list)
	}
	before := journals()
	cmd := k.command(args...)
	must(t, cmd.Start())
	for journals() == before && !isZombie(cmd.Process.Pid) {
	}
	time.Sleep(time.Duration(k.random.Int64N(int64(took / 4))))
	if cmd.Process.Kill() == nil {
		k.calls++
	}
	_ = cmd.Wait() // killed
}

// isBetween counts a tree that is neither one nor the other.
func (k *killer) isBetween(now tree, m model) {
	if m.before.undone(now) != "" && m.after.paths.Diff(now.paths) != "" {
		k.mid++
	}
}

// TestKill kills apply, its resume, and undo at random moments. Then resume makes of
// it what an undisturbed apply makes, and undo what was there before.
func TestKill(t *testing.T) {
	k, plan, m := disturbed(t, facility.Options{Seed: 3, Experiments: 30, Runs: 8, Light: true})
	n := rounds(30)
	for round := range n {
		k.kill(t, m.took, "apply", plan)
		k.isBetween(k.tree(t), m)
		begun := k.fresh(t, "apply")
		if len(begun) == 0 {
			continue // killed before it began
		}
		id := begun[0].ID
		for range k.random.IntN(3) {
			k.kill(t, m.took, "apply", "--resume", id)
		}
		if round%2 == 0 {
			if k.status(t, id) == "incomplete" {
				k.want(t, 0, "apply", "--resume", id)
			}
			k.noStrays(t)
			if diff := m.after.same(k.tree(t).withoutUndone(id)); diff != "" {
				t.Fatalf("round %d, resumed:\n%s", round, diff)
			}
		}
		for range k.random.IntN(3) {
			k.kill(t, m.took, "undo", id)
			k.isBetween(k.tree(t), m)
		}
		k.want(t, 0, "undo", id)
		k.noStrays(t)
		if diff := m.before.undone(k.tree(t)); diff != "" {
			t.Fatalf("round %d, undone:\n%s", round, diff)
		}
	}
	t.Logf("%d kills in %d rounds, %d of them left work half done; an apply takes %v", k.calls, n, k.mid, m.took)
	if k.mid < n/6 {
		t.Errorf("only %d of %d kills landed inside", k.mid, k.calls)
	}
}

// TestKillSweep kills sweeps. The next one completes the work, whatever was left.
func TestKillSweep(t *testing.T) {
	k, _, m := disturbed(t, facility.Options{Seed: 4, Experiments: 30, Runs: 8, Light: true})
	start := time.Now()
	k.want(t, 0, "sweep", "-D")
	took := time.Since(start)
	k.undoAll(t)
	n := rounds(12)
	for round := range n {
		for range 1 + k.random.IntN(3) {
			if k.random.IntN(2) == 0 {
				k.kill(t, took, "sweep", "-D")
			} else {
				k.killInside(t, took, "sweep", "-D")
			}
			k.isBetween(k.tree(t), m)
		}
		k.want(t, 0, "sweep", "-D")
		k.noStrays(t)
		now := k.tree(t)
		if diff := m.after.paths.Diff(now.paths); diff != "" {
			t.Fatalf("round %d, swept:\n%s", round, diff)
		}
		if again := k.want(t, 0, "sweep", "-D", "--quiet"); again.stdout != "" {
			t.Fatalf("round %d: a sweep after the sweep: %s", round, again.stdout)
		}
		k.undoAll(t)
		k.noStrays(t)
		if diff := m.before.undone(k.tree(t)); diff != "" {
			t.Fatalf("round %d, undone:\n%s", round, diff)
		}
	}
	t.Logf("%d kills in %d rounds, %d of them left work half done; a sweep takes %v", k.calls, n, k.mid, took)
	if k.mid < n/6 {
		t.Errorf("only %d of %d kills landed inside", k.mid, k.calls)
	}
}

// undoAll takes back every transaction that is not taken back.
func (s *site) undoAll(t *testing.T) {
	t.Helper()
	for range 100 {
		left := 0
		for _, one := range s.transactions(t) {
			if one.Kind == "apply" && one.Status != "undone" {
				s.run(t, "undo", one.ID) // what a later one deployed again is left alone
				left++
			}
		}
		if left == 0 {
			return
		}
	}
	t.Fatal("transactions that cannot be taken back")
}
