package sweep_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/facility"
	"deployconstants/jobs/planfile"
	"deployconstants/repo/digest"
	"deployconstants/stages/apply"
	"deployconstants/stages/plan"
	"deployconstants/stages/scan"
	"deployconstants/stages/sweep"
	"deployconstants/stages/verify"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

var small = facility.Options{Seed: 1, Experiments: 6, Runs: 8, Light: true}

func TestUnchanged(t *testing.T) {
	s := newSite(t, small)
	time.Sleep(digest.Settled) // what is younger is read, but not remembered
	first := s.sweep(t)
	if first.Scan.New == 0 || first.Plan.Changes() == 0 || first.Apply == nil || !first.Apply.Complete || first.Verify == nil {
		t.Fatalf("the first sweep did nothing: %+v", first)
	}
	if first.Verify.Checked == 0 || first.Verify.Drift() {
		t.Fatalf("not verified: %+v, %+v", first.Verify, s.drift)
	}
	before, read := s.tree(t), s.options.Digests.Reads()
	second := s.sweep(t)
	s.same(t, before)
	s.noTemporary(t)
	if again := s.options.Digests.Reads() - read; again > 0 {
		t.Errorf("%d files of constants were read again", again)
	}
	if second.Scan.New+second.Scan.Changed+second.Scan.Opened > 0 || second.Plan.Changes() > 0 || second.File != "" || second.Apply != nil {
		t.Errorf("nothing had changed: %+v", second)
	}
	if s.kept(t) != nil {
		t.Error("the plan of the first sweep is still there")
	}
	if diff := cmp.Diff(first.Verify, second.Verify); diff != "" || len(s.drift) > 0 {
		t.Errorf("deployed files (-first +second):\n%s%+v", diff, s.drift)
	}
	if diff := cmp.Diff(first.Ledger.Runs, second.Ledger.Runs); diff != "" {
		t.Errorf("runs in the ledger (-first +second):\n%s", diff)
	}
	want := []string{"read the ledger", "scan", "merge", "list the repository", "plan", "verify"}
	if diff := cmp.Diff(want, s.stages); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

func TestPlanOnly(t *testing.T) {
	s := newSite(t, small)
	before := s.tree(t)
	report, err := s.run(t, planOnly)
	must(t, err)
	s.same(t, before)
	s.noTemporary(t)
	if report.Apply != nil || report.Verify != nil || len(s.done) > 0 {
		t.Errorf("more than a plan: %+v", report)
	}
	if report.File != s.options.State.Plan() || report.Plan.Changes() == 0 {
		t.Fatalf("no plan: %+v", report)
	}
	kept := s.kept(t)
	reader, err := planfile.NewReader(bytes.NewReader(kept), planfile.Limits{})
	must(t, err)
	defer reader.Close()
	var items []planfile.Item
	for item, err := range reader.Items() {
		must(t, err)
		items = append(items, item)
	}
	if diff := cmp.Diff(s.items, items); diff != "" {
		t.Errorf("the plan file has other items than were told (-told +kept):\n%s", diff)
	}

	_, err = s.run(t, func(o *sweep.Options) {
		o.Deploy, o.Plan.Pipeline.Workers, o.Scan.Workers, o.Resolve.Pool.Workers = false, 7, 7, 7
	})
	must(t, err)
	if !bytes.Equal(kept, s.kept(t)) {
		t.Error("same facility, more workers, another plan")
	}
	s.same(t, before)

	planned := s.items
	if deployed := s.sweep(t); deployed.Apply == nil || deployed.Plan.Changes() != report.Plan.Changes() {
		t.Errorf("deployed %+v, planned %+v", deployed, report)
	}
	if diff := cmp.Diff(planned, s.items); diff != "" {
		t.Errorf("another plan was carried out than had been made (-made +carried out):\n%s", diff)
	}
	if s.kept(t) != nil {
		t.Error("the plan waits, although it was carried out")
	}
}

func TestNewRun(t *testing.T) {
	s := newSite(t, small)
	first := s.sweep(t)
	e := s.loose(t)
	added, err := s.AddRun(e.Name)
	must(t, err)
	report := s.sweep(t)
	if report.Scan.New != 1 || report.Ledger.Runs != first.Ledger.Runs+1 {
		t.Errorf("scan %+v, ledger %+v, want one run more than %d", report.Scan, report.Ledger, first.Ledger.Runs)
	}
	reaches := func(item planfile.Item) bool { return item.Experiment == e.Name && item.Runs.Last == added.Number }
	if !slices.ContainsFunc(s.items, reaches) {
		t.Errorf("the plan does not know run %d of %s", added.Number, e.Name)
	}
	if again := s.sweep(t); again.Scan.New > 0 || again.Plan.Changes() > 0 {
		t.Errorf("once more: %+v", again)
	}
}

func TestNewConstants(t *testing.T) {
	s := newSite(t, small)
	s.sweep(t)
	made := s.published(t)
	name, err := filepath.Rel(s.Repository(), made.Item.Constants.Path)
	must(t, err)
	i := slices.IndexFunc(s.Constants, func(c *facility.Constants) bool { return c.Path == name && c.Link == "" })
	if i < 0 {
		t.Fatalf("%s is not in the repository", name)
	}
	changed, err := s.ReplaceConstants(s.Constants[i])
	must(t, err)
	report := s.sweep(t)
	if report.Plan.Counts[planfile.Replace] == 0 || report.Apply == nil || report.Verify.Drift() {
		t.Errorf("not replaced: %+v", report)
	}
	got, err := os.ReadFile(made.Place.Path())
	must(t, err)
	if !bytes.Equal(got, changed.Bytes) {
		t.Errorf("%s holds %q, want %q", made.Place.Path(), got, changed.Bytes)
	}
}

// TestDrift has a deployed file edited by hand, and another removed: the first is left
// alone and told, the second is made again.
func TestDrift(t *testing.T) {
	s := newSite(t, small)
	s.sweep(t)
	removed := s.published(t).Place.Path()
	i := slices.IndexFunc(s.done, func(o apply.Outcome) bool {
		return o.Status == apply.Done && o.Action == s.published(t).Action && filepath.Dir(o.Place.Path()) != filepath.Dir(removed)
	})
	if i < 0 {
		t.Fatal("one directory only")
	}
	edited := s.done[i].Place.Path()
	must(t, os.WriteFile(edited, []byte("# better\n"), 0o664))
	must(t, os.Remove(removed))

	before := s.tree(t)
	if _, err := s.run(t, planOnly); err != nil || len(s.drift) > 0 {
		t.Errorf("without deploying: %v, drift %+v", err, s.drift)
	}
	s.same(t, before)

	report := s.sweep(t)
	if report.Verify == nil || !report.Verify.Drift() {
		t.Errorf("no drift: %+v", report.Verify)
	}
	var got []string
	for _, f := range s.drift {
		got = append(got, string(f.Class)+" "+f.Path)
	}
	if diff := cmp.Diff([]string{string(verify.Changed) + " " + edited}, got); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	if text, _ := os.ReadFile(edited); string(text) != "# better\n" {
		t.Errorf("%s was overwritten with %q", edited, text)
	}
	if _, err := os.Stat(removed); err != nil {
		t.Error(err)
	}
}

func TestCompact(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 1, Experiments: 12, Runs: 8, Light: true})
	report, err := s.run(t, func(o *sweep.Options) { o.Deploy, o.Scan.CommitRuns = false, 1 })
	must(t, err)
	if report.Scan.Segments <= ledger.CompactAbove {
		t.Fatalf("%d segments are not enough for a test", report.Scan.Segments)
	}
	segments, err := s.options.Ledger.Segments()
	must(t, err)
	if len(segments) != 1 || !slices.Contains(s.stages, "compact the ledger") {
		t.Errorf("%d segments, stages %v", len(segments), s.stages)
	}
	if report.Ledger.Runs != report.Scan.New {
		t.Errorf("%d runs in the ledger, %d were read", report.Ledger.Runs, report.Scan.New)
	}
}

// TestErrors has a stage fail. Nothing but the state directory changes, the error says
// which it was, and the next sweep goes through.
func TestErrors(t *testing.T) {
	failure := errors.New("as the test wants")
	cases := []struct {
		name, stage string
		change      func(*testing.T, *site, *sweep.Options)
		want        error // nil: any
		deployed    bool  // the error is later than the deployment
	}{
		{"no root", "scan", func(_ *testing.T, s *site, o *sweep.Options) {
			o.Scan.Catalog.Roots = append(slices.Clone(o.Scan.Catalog.Roots), filepath.Join(s.Dir, "unmounted"))
		}, dataset.ErrNoRoot, false},
		{"empty root", "scan", func(t *testing.T, s *site, o *sweep.Options) {
			o.Scan.Catalog.Roots = []string{t.TempDir()}
		}, dataset.ErrEmptyRoot, false},
		{"damaged ledger", "scan", func(t *testing.T, s *site, o *sweep.Options) {
			damaged := filepath.Join(s.options.State.Ledger(), "20160101T000000.000000000Z-0123456789abcdef.parquet")
			must(t, os.MkdirAll(filepath.Dir(damaged), 0o755))
			must(t, os.WriteFile(damaged, []byte("not parquet"), 0o644))
			t.Cleanup(func() { must(t, os.RemoveAll(damaged)) })
		}, nil, false},
		{"header", "plan", func(_ *testing.T, _ *site, o *sweep.Options) {
			o.Header = func([32]byte, [32]byte) (planfile.Header, error) { return planfile.Header{}, failure }
		}, failure, false},
		{"runs are filtered", "plan", func(_ *testing.T, _ *site, o *sweep.Options) {
			o.Plan.Filter.Runs = dataset.Ranges{{First: 1, Last: 2}}
		}, plan.ErrRuns, false},
		{"no room for the plan", "plan", func(t *testing.T, s *site, o *sweep.Options) {
			o.State.Dir = filepath.Join(s.StateDir(), "gone")
		}, os.ErrNotExist, false},
		{"options of the transaction", "apply", func(_ *testing.T, _ *site, o *sweep.Options) {
			o.Apply = func(*ledger.Index) (apply.Options, error) { return apply.Options{}, failure }
		}, failure, false},
		{"more changes than allowed", "apply", func(_ *testing.T, _ *site, o *sweep.Options) {
			options := o.Apply
			o.Apply = func(index *ledger.Index) (apply.Options, error) {
				limited, err := options(index)
				limited.MaxChanges = 1
				return limited, err
			}
		}, apply.ErrLimit, false},
		{"filter of what is verified", "verify", func(_ *testing.T, _ *site, o *sweep.Options) {
			o.Verify.Filter.Sources = []string{"["}
		}, path.ErrBadPattern, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, facility.Options{Seed: 3, Experiments: 6, Runs: 4, Light: true})
			before := s.tree(t)
			t.Run("fails", func(t *testing.T) {
				report, err := s.run(t, func(o *sweep.Options) { c.change(t, s, o) })
				if err == nil || !strings.HasPrefix(err.Error(), c.stage+": ") || c.want != nil && !errors.Is(err, c.want) {
					t.Errorf("error %v, want one of %s that is %v", err, c.stage, c.want)
				}
				if !c.deployed {
					s.same(t, before)
				}
				if (report.Apply != nil) != c.deployed {
					t.Errorf("transaction %+v", report.Apply)
				}
				s.noTemporary(t)
			})
			if again := s.sweep(t); again.Verify == nil || again.Verify.Drift() || again.Verify.Checked == 0 {
				t.Errorf("the next sweep: %+v", again)
			}
		})
	}
}

// TestCancelled ends the context while a stage is at work.
func TestCancelled(t *testing.T) {
	for _, stage := range []string{"scan", "plan", "apply", "verify"} {
		t.Run(stage, func(t *testing.T) {
			s := newSite(t, facility.Options{Seed: 3, Experiments: 6, Runs: 4, Light: true})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := s.options
			o.Events.Stage = func(name string, _ int) {
				if name == stage {
					cancel()
				}
			}
			if _, err := sweep.Run(ctx, o); !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), stage+": ") {
				t.Errorf("error %v, want that of the context, of %s", err, stage)
			}
			s.noTemporary(t)
			again := s.sweep(t)
			if again.Verify == nil || again.Verify.Drift() || again.Verify.Checked == 0 {
				t.Errorf("the next sweep: %+v", again)
			}
		})
	}
}

// TestResume has a transaction stop after its first wave. The next sweep goes on with
// it if a sweep had begun it, and leaves it alone if somebody else had.
func TestResume(t *testing.T) {
	stop := errors.New("as the test wants")
	for _, origin := range []string{sweep.Origin, "by hand"} {
		t.Run(origin, func(t *testing.T) {
			s := newSite(t, small)
			if _, err := s.run(t, planOnly); err != nil {
				t.Fatal(err)
			}
			index, err := s.options.Ledger.Load(t.Context())
			must(t, err)
			o, err := s.options.Apply(index)
			must(t, err)
			o.Origin = origin
			o.Waves, err = apply.ParseWaves("1,100%")
			must(t, err)
			o.Verify = func(context.Context, string, []string) error { return stop }
			stopped, err := apply.Apply(t.Context(), o, bytes.NewReader(s.kept(t)))
			if !errors.Is(err, stop) || stopped.Complete {
				t.Fatalf("%+v, %v", stopped, err)
			}

			report := s.sweep(t)
			if origin == sweep.Origin {
				if len(report.Resumed) != 1 || report.Resumed[0].ID != stopped.ID || !report.Resumed[0].Complete || len(report.Unfinished) > 0 {
					t.Errorf("not resumed: %+v", report)
				}
				if report.Plan.Changes() > 0 {
					t.Errorf("still to do: %v", report.Plan.Counts)
				}
			} else if len(report.Resumed) > 0 || !slices.Equal(report.Unfinished, []string{stopped.ID}) {
				t.Errorf("not left alone: %+v", report)
			}
			if again := s.sweep(t); again.Plan.Changes() > 0 || len(again.Resumed) > 0 || again.Verify.Drift() {
				t.Errorf("once more: %+v", again)
			}
		})
	}
}

// TestWaveFails has the verification after a first wave fail, again and again: no
// sweep passes it, and with the cause gone the next one does.
func TestWaveFails(t *testing.T) {
	s := newSite(t, small)
	inWaves := func(o *sweep.Options) {
		options := o.Apply
		o.Apply = func(index *ledger.Index) (apply.Options, error) {
			a, err := options(index)
			if err != nil {
				return a, err
			}
			a.Verify = func(context.Context, string, []string) error { return errors.New("as the test wants") }
			a.Waves, err = apply.ParseWaves("1,100%")
			return a, err
		}
	}
	var first facility.Snapshot
	for _, stage := range []string{"apply", "resume", "resume"} {
		if _, err := s.run(t, inWaves); !errors.Is(err, apply.ErrWave) || !strings.HasPrefix(err.Error(), stage+": ") {
			t.Errorf("error %v, want that of a wave, of %s", err, stage)
		}
		if first == nil {
			first = s.tree(t)
		}
		s.same(t, first)
	}
	if report := s.sweep(t); len(report.Resumed) != 1 || !report.Resumed[0].Complete || report.Verify.Drift() {
		t.Errorf("%+v", report)
	}
}

// TestWithoutEvents sweeps with nobody to be told.
func TestWithoutEvents(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 3, Experiments: 6, Runs: 4, Light: true})
	report, err := s.run(t, func(o *sweep.Options) { o.Events = sweep.Events{} })
	must(t, err)
	if report.Apply == nil || report.Verify == nil || report.Verify.Drift() {
		t.Errorf("%+v", report)
	}
}

// TestDamaged sweeps a facility with all that is wrong in real ones: the sweep goes
// through, and tells.
func TestDamaged(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 5, Experiments: 10, Runs: 10})
	var troubles int
	report, err := s.run(t, func(o *sweep.Options) {
		o.Events.Scan = func(e scan.Event) {
			if e.Kind == scan.Trouble {
				troubles++
			}
		}
	})
	must(t, err)
	if report.Scan.Damaged == 0 || troubles != len(report.Scan.Problems) {
		t.Errorf("%d problems told, scan %+v", troubles, report.Scan)
	}
	if report.Verify.Drift() {
		t.Errorf("drift: %+v", s.drift)
	}
	before := s.tree(t)
	if again := s.sweep(t); again.Plan.Changes() > 0 || again.Verify.Drift() {
		t.Errorf("once more: %+v", again)
	}
	s.same(t, before)
}
