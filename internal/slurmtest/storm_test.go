package slurmtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/jobs/jobdir"
	"deployconstants/stages/submit"
)

// storm: tasks of all steps are killed anywhere in their work, again and again.
func storm(t *testing.T, start starter) {
	s := newSite(t, start(t, restricted{}), small)
	want := s.serial(t)
	random := rand.New(rand.NewPCG(7, 7))
	begin := s.pause(t)
	j := s.submit(t, "sweep", "-D")
	kills := map[jobdir.Step]int{}
	const wild, rounds = 8, 14
	for round := range rounds {
		begin()
		if round < wild {
			j.shoot(t, random, kills)
		}
		s.idle(t)
		if j.status(t).State == submit.Complete {
			break
		}
		begin = s.pause(t)
		s.want(t, 0, "resume", j.id)
	}
	begin()
	s.idle(t)
	j.isComplete(t)
	want.check(t, j.outcome(t))
	s.onceEach(t, j.transaction(t))
	t.Logf("killed: %v", kills)
	total := 0
	for _, n := range kills {
		total += n
	}
	if total < 5 {
		t.Errorf("only %d tasks were killed", total)
	}
}

// shoot kills about every other task, at any time of its life, until the cluster is idle.
func (j job) shoot(t *testing.T, random *rand.Rand, kills map[jobdir.Step]int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	idle := make(chan error, 1)
	go func() { idle <- j.WaitIdle(ctx) }()
	seen := map[string]bool{}
	for {
		for _, step := range jobdir.Steps() {
			for _, a := range j.begun(t, step, seen) {
				seen[a.Attempt] = true
				life := 10 * time.Millisecond
				if !step.Array() {
					life = 40 * time.Millisecond
				}
				time.Sleep(time.Duration(random.Int64N(int64(life))))
				if (!step.Array() || random.IntN(2) == 0) && j.kill(a) {
					kills[step]++
				}
			}
		}
		select {
		case err := <-idle:
			must(t, err)
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// kill kills the process of an attempt, if it is there, and it is that.
func (j job) kill(a attempt) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", a.PID))
	return err == nil && strings.Contains(string(text), j.id) && syscall.Kill(a.PID, syscall.SIGKILL) == nil
}
