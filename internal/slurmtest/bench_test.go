package slurmtest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"deployconstants/internal/slurmfake"
	"deployconstants/jobs/jobdir"
)

// BenchmarkTask is one task with one experiment, from the start of its process to its
// end, and one that there is nothing for.
func BenchmarkTask(b *testing.B) {
	s := newSite(b, startFake(b, slurmfake.Options{}), small)
	must(b, s.StopController(b.Context()))
	j := s.jobOf(b, s.want(b, 1, "submit", "sweep", "-D").stdout)
	b.Run("shard", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			must(b, os.RemoveAll(filepath.Join(j.dir, "scan", "results")))
			must(b, os.RemoveAll(filepath.Join(j.dir, "scan", "attempts")))
			must(b, os.RemoveAll(filepath.Join(j.dir, "ledger")))
			b.StartTimer()
			s.want(b, 0, "task", "--job", j.dir, "--step", "scan", "--shard", "1")
		}
	})
	b.Run("surplus", func(b *testing.B) {
		for b.Loop() {
			s.want(b, 0, "task", "--job", j.dir, "--step", "scan", "--shard", "1000")
		}
	})
}

// BenchmarkNodes is the sweep of the large facility by the tasks of as many nodes, all on
// this machine.
func BenchmarkNodes(b *testing.B) {
	for _, n := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rate := map[jobdir.Step]float64{}
			for b.Loop() {
				b.StopTimer()
				s := newSite(b, startFake(b, slurmfake.Options{Nodes: n, Slots: perNode}), large)
				begin := s.pause(b)
				j := s.submit(b, "sweep", "-D")
				b.StartTimer()
				begin()
				s.idle(b)
				b.StopTimer()
				j.isComplete(b)
				for _, step := range j.status(b).Steps {
					first, last := j.span(b, step.Step)
					rate[step.Step] += float64(step.Experiments) / last.Sub(first).Seconds()
				}
				b.StartTimer()
			}
			for _, step := range []jobdir.Step{jobdir.Scan, jobdir.Apply, jobdir.Verify} {
				b.ReportMetric(rate[step]/float64(b.N), string(step)+"-experiments/s")
			}
		})
	}
}

// span is when the first attempt at a step began, and the last ended.
func (j job) span(t testing.TB, step jobdir.Step) (first, last time.Time) {
	t.Helper()
	for _, a := range j.attempts(t, step) {
		info, err := os.Stat(a.path)
		must(t, err)
		if first.IsZero() || a.Started.Before(first) {
			first = a.Started
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return first, last
}
