package facility_test

import (
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"deployconstants/internal/facility"
	"deployconstants/jobs/planfile"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/stages/affected"
	"deployconstants/stages/plan"
	"deployconstants/stages/resolve"
	"deployconstants/stages/scan"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// program is what the program knows of a facility.
type program struct {
	facility *facility.Facility
	index    *ledger.Index
	snapshot *resolve.Snapshot
	repo     *repo.Repository
	digests  *digest.Cache
}

func look(t testing.TB, f *facility.Facility) *program {
	t.Helper()
	p := &program{facility: f}
	var err error
	if p.repo, err = repo.Open(f.Repository(), repo.Options{Group: -1}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.repo.Close() })
	if p.snapshot, err = resolve.Load(t.Context(), p.repo, resolve.Options{}); err != nil {
		t.Fatal(err)
	}
	if p.digests, err = digest.Load(filepath.Join(t.TempDir(), "digests")); err != nil {
		t.Fatal(err)
	}
	if p.index = record(t, f); !f.Options.Light {
		p.index = scanned(t, f)
	}
	return p
}

// scanned reads the facility's files.
func scanned(t testing.TB, f *facility.Facility) *ledger.Index {
	t.Helper()
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	table, err := dataset.LoadExperiments(f.Table())
	if err != nil {
		t.Fatal(err)
	}
	empty, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := scan.Scan(t.Context(), scan.Options{Catalog: dataset.Catalog{Roots: f.Roots(), Experiments: table}, Ledger: l}, empty, func(scan.Event) {}); err != nil {
		t.Fatal(err)
	}
	index, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// TestScanAgrees compares every record with what was made.
func TestScanAgrees(t *testing.T) {
	f := small(t, facility.Options{Seed: 5, Experiments: 60, Runs: 12})
	index := scanned(t, f)
	states := map[facility.State]int{}
	for _, e := range f.Experiments {
		if e.Unreadable && os.Geteuid() != 0 {
			continue
		}
		known, found := index.Experiment(e.Name)
		if !found {
			t.Errorf("%s was not found", e.Name)
			continue
		}
		for _, r := range e.Runs {
			states[r.State]++
			got, found := known.Run(r.Number)
			if found == (r.State == facility.InProgress) {
				t.Errorf("%s run %d is %s: in the ledger: %v", e.Name, r.Number, r.State, found)
			}
			if !r.Known() {
				if found && (got.Cause == "" || len(got.Sources) > 0) {
					t.Errorf("%s run %d is %s: %+v", e.Name, r.Number, r.State, got)
				}
				continue
			}
			var sources []facility.Detector
			for _, s := range got.Sources {
				if s.Type != "" && s.Type != "evr" {
					sources = append(sources, facility.Detector{Source: s.Name, Type: s.Type, ID: s.ID, IDIsName: s.IDIsName})
				}
			}
			want := slices.SortedFunc(slices.Values(r.Detectors), func(a, b facility.Detector) int { return strings.Compare(a.Source, b.Source) })
			if !slices.Equal(sources, want) || got.BeginRun != r.BeginRun || got.Instrument != e.Instrument {
				t.Errorf("%s run %d: %+v, want %d %+v", e.Name, r.Number, got, r.BeginRun, want)
			}
		}
	}
	t.Log(states)
}

// record writes the facility's record as a ledger.
func record(t testing.TB, f *facility.Facility) *ledger.Index {
	t.Helper()
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := l.NewWriter()
	for _, e := range f.Experiments {
		for _, r := range e.Runs {
			run := ledger.Run{Experiment: e.Name, Instrument: e.Instrument, Dir: e.XTC(), Number: r.Number, Cause: "no header", Scanned: 1}
			if r.Known() {
				run.BeginRun, run.Cause = r.BeginRun, ""
				for _, d := range r.Detectors {
					run.Sources = append(run.Sources, ledger.Source{Name: d.Source, Type: d.Type, ID: d.ID, IDIsName: d.IDIsName})
				}
				slices.SortFunc(run.Sources, func(a, b ledger.Source) int { return strings.Compare(a.Name, b.Name) })
			}
			if err := w.Add(run); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	index, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// TestResolveAgrees asks for the constants of every run.
func TestResolveAgrees(t *testing.T) {
	f := small(t, facility.Options{Seed: 11, Experiments: 60, Runs: 20, Light: true})
	p := look(t, f)
	zone, err := repo.LoadZone("")
	if err != nil {
		t.Fatal(err)
	}
	compared, needs := 0, map[facility.Need]int{}
	for _, e := range f.Experiments {
		for _, place := range f.Places(e) {
			for _, seen := range f.Seen(place) {
				r := e.Run(seen.Run)
				if seen.Want.Need == facility.Unknown {
					continue
				}
				d, _ := r.Detector(place.Source)
				choice := p.snapshot.At(resolve.Key{Type: d.Type, ID: d.ID, IsName: d.IDIsName}, place.CType, repo.StampOf(timeOf(r.BeginRun), zone))
				got := facility.Want{Need: facility.Nothing}
				if choice.File != nil {
					got.Need, got.Path = facility.Content, below(f, choice.File.Path)
					if choice.File.Err != "" {
						got.Need = facility.Unreadable
					}
				}
				needs[seen.Want.Need]++
				if compared++; got.Need != seen.Want.Need || got.Path != seen.Want.Path {
					t.Fatalf("%v run %d id %s: %s %s, the oracle says %s %s", place, seen.Run, d.ID, got.Need, got.Path, seen.Want.Need, seen.Want.Path)
				}
			}
		}
	}
	t.Log(compared, needs)
}

// below is a path of the repository relative to it.
func below(f *facility.Facility, path string) string {
	return strings.TrimPrefix(strings.TrimPrefix(path, f.Repository()), "/")
}

// TestPlanAgrees compares every run of every directory with the oracle.
func TestPlanAgrees(t *testing.T) {
	sizes := []facility.Options{
		{Seed: 21, Experiments: 40, Runs: 12, Light: true}, {Seed: 22, Experiments: 24, Runs: 10, Light: true},
		{Seed: 23, Experiments: 36, Runs: 12, Streams: 2},
	}
	if n, err := strconv.Atoi(os.Getenv("FACILITY_SEEDS")); err == nil {
		for seed := range uint64(n) {
			sizes = append(sizes, facility.Options{Seed: 1000 + seed, Experiments: 30, Runs: 10, Light: true})
		}
	}
	for _, o := range sizes {
		t.Run(fmt.Sprintf("seed %d", o.Seed), func(t *testing.T) { agree(t, small(t, o)) })
	}
}

// TestFullFacilityAgrees is TestPlanAgrees with 48,000 files. To make them takes up to
// half a minute.
func TestFullFacilityAgrees(t *testing.T) {
	if testing.Short() {
		t.Skip("a facility of 300 experiments takes a minute")
	}
	agree(t, small(t, facility.Options{Seed: 3, Experiments: 300, Runs: 40, Streams: 4}))
}

func agree(t *testing.T, f *facility.Facility) {
	t.Helper()
	p := look(t, f)
	got := p.plan(t)
	outcomes, disagreements := map[facility.Outcome]int{}, 0
	for _, e := range f.Experiments {
		if e.Frozen || (e.Unwritable || e.Unreadable) && os.Geteuid() != 0 {
			for place, d := range got {
				if place.Experiment == e.Name && d.publishes {
					t.Errorf("%v: changes in an experiment that is left alone", place)
				}
			}
			continue
		}
		for _, place := range f.Places(e) {
			want := f.Expect(place)
			for _, r := range want.Runs {
				outcomes[r.Outcome]++
			}
			if diff := got[place].differs(want); diff != "" {
				if disagreements++; disagreements <= 5 {
					t.Errorf("%v: %s\n%s", place, diff, example(f, place))
				}
			}
			delete(got, place)
		}
	}
	for place := range got {
		if !f.Experiment(place.Experiment).Frozen {
			t.Errorf("%v: planned, but the oracle knows nothing of it", place)
		}
	}
	if disagreements > 0 {
		t.Errorf("%d directories disagree", disagreements)
	}
	t.Log(outcomes)
}

// A directory is what a plan says of one.
type directory struct {
	blocked   bool
	publishes bool
	files     map[string]string // after: digests in hex
	runs      map[int]facility.RunOutcome
	reasons   []string
}

func (p *program) plan(t *testing.T) map[facility.Place]*directory {
	t.Helper()
	f := p.facility
	list := map[facility.Place]*directory{}
	_, err := plan.Plan(t.Context(), plan.Options{
		Repository: p.repo, Digests: p.digests, Frozen: f.Frozen(),
		CalibDir: func(e *ledger.Experiment) (string, error) { return f.Experiment(e.Name()).Calib(), nil },
	}, p.index, p.snapshot, func(item planfile.Item) error {
		if item.Kind == planfile.KindExperiment || item.Kind == planfile.KindPanel {
			if item.Kind == planfile.KindExperiment && !f.Experiment(item.Experiment).Frozen {
				t.Errorf("%s: %s: %s", item.Experiment, item.Action, item.Reason)
			}
			return nil
		}
		place := facility.Place{Experiment: item.Experiment, Source: item.Source, CType: item.CType}
		d := list[place]
		if d == nil {
			d = &directory{files: map[string]string{}, runs: map[int]facility.RunOutcome{}}
			list[place] = d
		}
		d.add(f, item)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (d *directory) add(f *facility.Facility, item planfile.Item) {
	d.reasons = append(d.reasons, fmt.Sprintf("%s %s %s %s %v: %s", item.Kind, item.Action, item.Range, item.CType, item.Runs, item.Reason))
	switch item.Kind {
	case planfile.KindFile:
		name := item.Range + ".data"
		switch {
		case item.Action.Publishes():
			d.files[name], d.publishes = item.Constants.SHA256, true
		case item.Prior != nil:
			d.files[name] = item.Prior.SHA256
		}
	case planfile.KindRun:
		d.each(f, item, item.Runs.First, item.Runs.Last, func(run int) {
			d.runs[run] = facility.RunOutcome{Run: run, Outcome: outcomeOf(item.Action)}
		})
	case planfile.KindDirectory:
		d.blocked = item.Action == planfile.Blocked || item.Action == planfile.Error
		for _, pick := range item.Picks {
			d.each(f, item, pick.First, pick.Last, func(run int) {
				r := facility.RunOutcome{Run: run, Outcome: outcomeOf(pick.Outcome), Before: pick.Before, After: pick.After, CxxBefore: pick.Before, CxxAfter: pick.After}
				if pick.CxxBefore != nil {
					r.CxxBefore = *pick.CxxBefore
				}
				if pick.CxxAfter != nil {
					r.CxxAfter = *pick.CxxAfter
				}
				d.runs[run] = r
			})
		}
	}
}

// each calls what for the known runs of the item's detector from first to last.
func (d *directory) each(f *facility.Facility, item planfile.Item, first, last int, what func(run int)) {
	for _, seen := range f.Seen(facility.Place{Experiment: item.Experiment, Source: item.Source, CType: item.CType}) {
		if first <= seen.Run && seen.Run <= last {
			what(seen.Run)
		}
	}
}

func outcomeOf(a planfile.Action) facility.Outcome {
	switch a {
	case planfile.Create, planfile.Replace, planfile.Adopt, planfile.Unchanged:
		return facility.OK
	default:
		return facility.Outcome(a)
	}
}

// differs tells in what the plan is not as expected; "" for nothing.
func (d *directory) differs(want facility.Expectation) string {
	if d == nil {
		return "the plan says nothing"
	}
	if d.blocked || want.Blocked {
		if d.blocked != want.Blocked || d.publishes {
			return fmt.Sprintf("blocked %v, want %v; %q", d.blocked, want.Blocked, d.reasons)
		}
		return ""
	}
	var wrong []string
	for _, r := range want.Runs {
		got, told := d.runs[r.Run]
		if !told {
			wrong = append(wrong, fmt.Sprintf("run %d: not told", r.Run))
		} else if got != r {
			wrong = append(wrong, fmt.Sprintf("run %d: %+v, want %+v", r.Run, got, r))
		}
	}
	if len(d.runs) != len(want.Runs) {
		wrong = append(wrong, fmt.Sprintf("%d runs, want %d", len(d.runs), len(want.Runs)))
	}
	names := slices.Sorted(maps.Keys(want.Files))
	for _, name := range names {
		sum := want.Files[name]
		if got := d.files[name]; got != hex.EncodeToString(sum[:]) {
			wrong = append(wrong, fmt.Sprintf("file %s: holds %.6s, want %.6s", name, got, hex.EncodeToString(sum[:])))
		}
	}
	for name := range d.files {
		if _, expected := want.Files[name]; !expected {
			wrong = append(wrong, fmt.Sprintf("file %s: not expected", name))
		}
	}
	if len(wrong) > 0 {
		wrong = append(wrong, d.reasons...)
	}
	return strings.Join(wrong, "\n  ")
}

// example describes a directory before a plan.
func example(f *facility.Facility, place facility.Place) string {
	var b strings.Builder
	for _, file := range f.Before(place) {
		fmt.Fprintf(&b, "  has %s %x ours %v\n", file.Name, file.Sum[:3], file.Ours)
	}
	for _, seen := range f.Seen(place) {
		fmt.Fprintf(&b, "  run %d wants %s %x %s\n", seen.Run, seen.Want.Need, seen.Want.Sum[:3], seen.Want.Path)
	}
	return b.String()
}

// TestAffectedAgrees compares runs that would change, both ways, for changes of
// every sort.
func TestAffectedAgrees(t *testing.T) {
	f := small(t, facility.Options{Seed: 31, Experiments: 24, Runs: 10, Light: true})
	p := look(t, f)
	touched := 0
	for range 40 {
		c := f.NewConstants()
		touched += p.affected(t, facility.Change{Add: c}, resolve.Change{Op: resolve.Add, Path: filepath.Join(f.Repository(), c.Path), Content: digest.Sum(c.Sum())})
	}
	for i, c := range f.Constants {
		if c.Stray || c.Link != "" || !c.Default && i%3 > 0 || linked(f, c) {
			continue
		}
		path := filepath.Join(f.Repository(), c.Path)
		touched += p.affected(t, facility.Change{Withdraw: c.Path}, resolve.Change{Op: resolve.Withdraw, Path: path})
		other := *c
		other.Bytes = fmt.Appendf(nil, "other %d", i)
		touched += p.affected(t, facility.Change{Add: &other}, resolve.Change{Op: resolve.Replace, Path: path, Content: digest.Sum(other.Sum())})
	}
	if touched < 300 {
		t.Errorf("only %d runs were affected", touched)
	}
	t.Log(touched)
}

// linked reports whether other constants are a link to these: they would change too.
func linked(f *facility.Facility, c *facility.Constants) bool {
	return slices.ContainsFunc(f.Constants, func(l *facility.Constants) bool {
		return l.Link == c.Name && filepath.Dir(l.Path) == filepath.Dir(c.Path)
	})
}

// affected compares one change and returns how many runs it touches.
func (p *program) affected(t *testing.T, change facility.Change, asked resolve.Change) int {
	t.Helper()
	zone, err := repo.LoadZone("")
	if err != nil {
		t.Fatal(err)
	}
	report, err := affected.Who(t.Context(), affected.Options{Digests: p.digests, Zone: zone}, p.index, p.snapshot, asked)
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]bool{}, map[string]bool{}
	for _, e := range report.Experiments {
		for _, s := range e.Sources {
			place := facility.Place{Experiment: e.Name, Source: s.Name, CType: s.CType}
			for _, seen := range p.facility.Seen(place) {
				if within(t, s.Runs, seen.Run) {
					got[fmt.Sprint(place, seen.Run)] = true
				}
			}
		}
	}
	for _, a := range p.facility.Affected(change) {
		if a.Before.Need != a.After.Need || a.Before.Sum != a.After.Sum {
			want[fmt.Sprint(a.Place, a.Run)] = true
		}
	}
	for key := range want {
		if !got[key] {
			t.Errorf("%s %s: %s is affected, but not told", asked.Op, asked.Path, key)
		}
	}
	for key := range got {
		if !want[key] {
			t.Errorf("%s %s: %s is told, but not affected", asked.Op, asked.Path, key)
		}
	}
	return len(want)
}

// within reads "1-20,25".
func within(t *testing.T, ranges string, run int) bool {
	for part := range strings.SplitSeq(ranges, ",") {
		first, last, isRange := strings.Cut(part, "-")
		a, err := strconv.Atoi(first)
		if err != nil {
			t.Fatal(err)
		}
		b := a
		if isRange {
			if b, err = strconv.Atoi(last); err != nil {
				t.Fatal(err)
			}
		}
		if a <= run && run <= b {
			return true
		}
	}
	return false
}
