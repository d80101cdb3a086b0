package sweeptest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deployconstants/internal/facility"
)

var workers = []string{"1", "2", "7", "32"}

// TestWorkers gives the same work to 1, 2, 7 and 32 workers.
func TestWorkers(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 2, Experiments: 24, Runs: 8})
	s.want(t, 0, "scan", "--workers", "7")
	t.Run("plan", func(t *testing.T) {
		s.equal(t, 5000, func(n string) string {
			name := filepath.Join(s.dir, n+".plan.jsonl.zst")
			s.want(t, 0, "plan", "--workers", n, "-o", name)
			plan, err := os.ReadFile(name)
			must(t, err)
			return string(plan)
		})
		s.equal(t, 50_000, func(n string) string { return s.want(t, 0, "plan", "--json", "--workers", n).stdout })
		s.equal(t, 5000, func(n string) string { return s.want(t, 0, "plan", "--all", "--workers", n).stdout })
	})
	t.Run("affected", func(t *testing.T) {
		for _, c := range s.Constants {
			if c.Default {
				s.equal(t, 100, func(n string) string {
					return s.want(t, 0, "affected", "--json", "--workers", n, "--withdraw", c.Path).stdout
				})
			}
		}
	})
	t.Run("apply", func(t *testing.T) {
		before := s.tree(t)
		var first []string
		var model tree
		for _, n := range workers {
			applied := s.want(t, 0, "apply", "--json", "--workers", n, filepath.Join(s.dir, n+".plan.jsonl.zst"))
			id := s.one(t, "apply")
			outcomes := lines(strings.ReplaceAll(applied.stdout, id, "TX"))
			got := s.tree(t).withoutUndone(id)
			s.noStrays(t)
			if first == nil {
				if first, model = outcomes, got; len(outcomes) < 40 || before.same(got) == "" {
					t.Fatalf("too little happens: %s", applied.stdout)
				}
			}
			if !slices.Equal(outcomes, first) {
				t.Errorf("%s workers:\n%s\nwant\n%s", n, strings.Join(outcomes, "\n"), strings.Join(first, "\n"))
			}
			if diff := model.same(got); diff != "" {
				t.Errorf("%s workers make another tree:\n%s", n, diff)
			}
			undone := s.want(t, 0, "undo", "--json", "--workers", n, id)
			if diff := before.undone(s.tree(t)); diff != "" {
				t.Fatalf("%s workers, after undo:\n%s\n%s", n, diff, undone.stdout)
			}
		}
	})
}

// equal fails if what get returns depends on the number of workers, or has fewer
// bytes than a test needs.
func (s *site) equal(t *testing.T, atLeast int, get func(workers string) string) {
	t.Helper()
	first := get(workers[0])
	if len(first) < atLeast {
		t.Errorf("only %d bytes: %s", len(first), first)
	}
	for _, n := range workers[1:] {
		if got := get(n); got != first {
			t.Errorf("%s workers: %d bytes, not the same as the %d bytes of one", n, len(got), len(first))
		}
	}
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
