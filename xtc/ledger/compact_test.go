package ledger_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"deployconstants/pipeline"
	"deployconstants/xtc/ledger"
)

// model is what a ledger is: a map. Records are applied in the order of Scanned.
type model map[string]ledger.Run

func (m model) apply(runs []ledger.Run) {
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b ledger.Run) int { return cmp.Compare(a.Scanned, b.Scanned) })
	for _, run := range runs {
		key := fmt.Sprintf("%s/%08d", run.Experiment, run.Number)
		if old, known := m[key]; known {
			run, _ = ledger.Merge(old, run)
		}
		m[key] = run
	}
}

func (m model) all() []ledger.Run {
	var runs []ledger.Run
	for _, run := range m {
		runs = append(runs, run)
	}
	slices.SortFunc(runs, func(a, b ledger.Run) int {
		return cmp.Or(cmp.Compare(a.Experiment, b.Experiment), cmp.Compare(a.Number, b.Number))
	})
	return runs
}

// random makes a record; scanned is unlike that of any other.
func random(rng *rand.Rand, scanned int64) ledger.Run {
	run := sample(fmt.Sprintf("xpp%05d", rng.IntN(5)), rng.IntN(8))
	run.Scanned = scanned
	run.BeginRun += int64(rng.IntN(8) / 7)
	run.Files = run.Files[:rng.IntN(3)]
	if len(run.Files) == 0 {
		run.Files = nil
	}
	run.Sources = slices.DeleteFunc(run.Sources, func(ledger.Source) bool { return rng.IntN(4) == 0 })
	if len(run.Sources) == 0 {
		run.Sources, run.Cause = nil, "truncated"
	}
	for i := range run.Sources {
		run.Sources[i].Version = rng.IntN(3)
	}
	return run
}

// Whatever the segmentation, whoever wrote: the ledger is the map.
func TestAnySegmentation(t *testing.T) {
	for seed := range uint64(2) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var runs []ledger.Run
		for i := range 300 {
			runs = append(runs, random(rng, int64(i+1)))
		}
		want := model{}
		want.apply(runs)

		var digest [32]byte
		for round := range 2 {
			rng.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
			l := open(t, t.TempDir())
			writers := make([]*ledger.Writer, 1+rng.IntN(8))
			for i := range writers {
				writers[i] = l.NewWriter()
			}
			for _, run := range runs {
				w := writers[rng.IntN(len(writers))]
				if err := w.Add(run); err != nil {
					t.Fatal(err)
				}
				if rng.IntN(20) == 0 {
					if err := w.Commit(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			for _, w := range writers {
				if err := w.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			x := load(t, l)
			if diff := gocmp.Diff(want.all(), all(x)); diff != "" {
				t.Fatalf("seed %d (-want +got):\n%s", seed, diff)
			}
			if round > 0 && x.Digest() != digest {
				t.Fatalf("seed %d: the digest depends on the segmentation", seed)
			}
			digest = x.Digest()
			before := len(segmentNames(t, l))
			result, err := l.Compact(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if names := segmentNames(t, l); len(names) != 1 || names[0] != result.Segment || result.Before != before || result.After != 1 {
				t.Fatalf("seed %d: %v left by %+v", seed, names, result)
			}
			x = load(t, l)
			if diff := gocmp.Diff(want.all(), all(x)); diff != "" {
				t.Fatalf("seed %d, compacted (-want +got):\n%s", seed, diff)
			}
			if x.Digest() != digest || x.Stats().Superseded != 0 {
				t.Fatalf("seed %d: compaction changed the digest, or left %d records", seed, x.Stats().Superseded)
			}
		}
	}
}

func TestCompact(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger"))
	if result, err := l.Compact(t.Context()); err != nil || result.Segment != "" || result.After != 0 {
		t.Errorf("empty: %+v, %v", result, err)
	}
	commit(t, l, sample("xpptut15", 1))
	only := segmentNames(t, l)
	if result, err := l.Compact(t.Context()); err != nil || result.Segment != "" || result.After != 1 {
		t.Errorf("one segment: %+v, %v", result, err)
	}
	if diff := gocmp.Diff(only, segmentNames(t, l)); diff != "" {
		t.Errorf("one segment (-want +got):\n%s", diff)
	}
}

// A compaction that died before, while, or after it removed what it had read has
// no effect on what is read, whichever of the old segments are left.
func TestCompactCrash(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	l := open(t, t.TempDir())
	for i := range 5 {
		var runs []ledger.Run
		for j := range 30 {
			runs = append(runs, random(rng, int64(1+i*30+j)))
		}
		commit(t, l, runs...)
	}
	want := all(load(t, l))
	old := make(map[string][]byte)
	for _, name := range segmentNames(t, l) {
		content, err := os.ReadFile(filepath.Join(l.Dir(), name))
		if err != nil {
			t.Fatal(err)
		}
		old[name] = content
	}
	if _, err := l.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	compacted := segmentNames(t, l)[0]
	content, err := os.ReadFile(filepath.Join(l.Dir(), compacted))
	if err != nil {
		t.Fatal(err)
	}
	for left := range 1 << len(old) {
		l := open(t, t.TempDir())
		write := func(name string, content []byte) {
			if err := os.WriteFile(filepath.Join(l.Dir(), name), content, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		write(compacted, content)
		for i, name := range slices.Sorted(func(yield func(string) bool) {
			for name := range old {
				if !yield(name) {
					return
				}
			}
		}) {
			if left>>i&1 != 0 {
				write(name, old[name])
			}
		}
		if diff := gocmp.Diff(want, all(load(t, l))); diff != "" {
			t.Fatalf("segments %b left (-want +got):\n%s", left, diff)
		}
		if _, err := l.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
		if names := segmentNames(t, l); len(names) != 1 {
			t.Errorf("segments %b left: the next compaction left %v", left, names)
		}
		if diff := gocmp.Diff(want, all(load(t, l))); diff != "" {
			t.Fatalf("segments %b left, compacted again (-want +got):\n%s", left, diff)
		}
	}
}

// Writers, compactions, and readers at once lose nothing.
func TestConcurrent(t *testing.T) {
	l := open(t, t.TempDir())
	var written []ledger.Run
	tasks := []string{"write", "compact", "load"}
	source := func(_ context.Context, emit func(int) error) error {
		for i := range 90 {
			if err := emit(i); err != nil {
				return err
			}
		}
		return nil
	}
	work := func(ctx context.Context, i int) ([]ledger.Run, error) {
		switch tasks[i%len(tasks)] {
		case "compact":
			_, err := l.Compact(ctx)
			return nil, err
		case "load":
			_, err := l.Load(ctx)
			return nil, err
		}
		run := sample(fmt.Sprintf("xpp%05d", i), i)
		w := l.NewWriter()
		return []ledger.Run{run}, errors.Join(w.Add(run), w.Commit(ctx))
	}
	sink := func(r pipeline.Result[int, []ledger.Run]) error {
		written = append(written, r.Out...)
		return r.Err
	}
	if err := pipeline.Run(t.Context(), pipeline.Options{Workers: 8}, source, work, sink); err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(written, all(load(t, l))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
