package affected

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// ErrOptions: an option without which nothing can be said is missing.
var ErrOptions = errors.New("needed to say who is affected")

// Options say what is looked at. Digests and Zone are mandatory.
type Options struct {
	Digests *digest.Cache  // of the repository's files
	Zone    *time.Location // of stamps
	Filter  ledger.Filter  // of the ledger's records; only what it selects is reported
	CTypes  []string       // deployed names; empty: all that the change can touch
	Touch   bool           // not who would change, but who uses it now; Op of the change does not matter
	Pool    pipeline.Options

	// Foresee returns the repository with what will be merged after a change, of which
	// the listing is; a zero Change is none. nil: only what was merged counts.
	Foresee func(context.Context, *resolve.Snapshot, resolve.Change) (*resolve.Snapshot, error)
}

// Who returns who would be affected by the change. Errors are ErrOptions, those of
// ledger.Filter.Check, resolve.Snapshot.With and Options.Foresee, and
// pipeline.ErrNotAttempted if ctx ends.
func Who(ctx context.Context, o Options, index *ledger.Index, s *resolve.Snapshot, ch resolve.Change) (Report, error) {
	report := Report{Change: ch, Touch: o.Touch, Experiments: []Experiment{}, SameBytes: []Experiment{}}
	if o.Digests == nil || o.Zone == nil {
		return report, fmt.Errorf("digests or time zone: %w", ErrOptions)
	}
	if err := o.Filter.Check(); err != nil {
		return report, err
	}
	if o.Touch {
		ch.Op = resolve.Withdraw
	}
	typ, ctypes, err := s.Scope(ch)
	if err != nil {
		return report, err
	}
	after, err := s.With(ch)
	if err != nil {
		return report, err
	}
	if o.Foresee != nil {
		before, err := o.Foresee(ctx, s, resolve.Change{})
		if err != nil {
			return report, err
		}
		if after, err = o.Foresee(ctx, after, ch); err != nil {
			return report, err
		}
		s = before
	}
	// A type of which the repository had nothing has ctypes only afterwards, or only by
	// what will be merged.
	for _, foreseen := range []*resolve.Snapshot{s, after} {
		if _, more, err := foreseen.Scope(ch); err == nil {
			ctypes = append(ctypes, more...)
		}
	}
	slices.Sort(ctypes)
	ctypes = slices.Compact(ctypes)
	if len(o.CTypes) > 0 {
		ctypes = slices.DeleteFunc(ctypes, func(c string) bool { return !slices.Contains(o.CTypes, c) })
	}
	detType, err := repo.TypeNamed(typ)
	if err != nil {
		return report, err
	}
	q := &question{Options: o, contents: &contents{digests: o.Digests}, before: s, after: after, typ: detType, ctypes: ctypes}
	if !q.compare(ctx, index.Panels()) {
		return report, context.Cause(ctx)
	}
	err = q.ask(ctx, index, &report)
	return report, err
}

// A question is a change, ready to be asked of every experiment.
type question struct {
	Options
	contents      *contents
	before, after *resolve.Snapshot
	typ           repo.DetType
	ctypes        []string
	panels        map[resolve.Key][]timeline // one for each ctype
}

// A timeline is what a detector has of a ctype before and after the change, as a
// function of the stamp.
type timeline struct {
	stages  []stage // by from, the first from 0
	differs bool    // in some stage the change is visible
}

// A stage is stamps between two changes of constants.
type stage struct {
	from          repo.Stamp
	before, after *resolve.File
	differs       bool // another file, or other bytes
	same          bool // another file of the very bytes
}

func (t timeline) at(stamp repo.Stamp) *stage {
	i, found := slices.BinarySearchFunc(t.stages, stamp, func(s stage, stamp repo.Stamp) int { return cmp.Compare(s.from, stamp) })
	if !found {
		i--
	}
	return &t.stages[i]
}

// compare makes the timelines of all panels of the type and reports whether the
// change is worth asking anybody, which it is unless ctx ended.
func (q *question) compare(ctx context.Context, panels []ledger.Panel) bool {
	q.panels = map[resolve.Key][]timeline{}
	for _, p := range panels {
		if p.Type != q.typ.Name {
			continue
		}
		if ctx.Err() != nil {
			return false
		}
		key := resolve.Key{Type: p.Type, ID: p.ID, IsName: p.IsName}
		lines := make([]timeline, len(q.ctypes))
		for i, ctype := range q.ctypes {
			lines[i] = q.timeline(ctx, key, ctype)
		}
		q.panels[key] = lines
	}
	return true
}

func (q *question) timeline(ctx context.Context, key resolve.Key, ctype string) timeline {
	starts := []repo.Stamp{0}
	for _, s := range [...]*resolve.Snapshot{q.before, q.after} {
		for _, f := range s.Candidates(key, ctype) {
			starts = append(starts, f.Stamp)
		}
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	line := timeline{stages: make([]stage, len(starts))}
	for i, from := range starts {
		st := &line.stages[i]
		st.from, st.before, st.after = from, q.before.At(key, ctype, from).File, q.after.At(key, ctype, from).File
		q.judge(ctx, st)
		line.differs = line.differs || st.differs
	}
	return line
}

// judge compares the two files of a stage.
func (q *question) judge(ctx context.Context, st *stage) {
	if isSame(st.before, st.after) {
		return
	}
	st.differs = true
	if q.Touch || st.before == nil || st.after == nil {
		return
	}
	old, new := q.contents.of(ctx, q.before, st.before), q.contents.of(ctx, q.after, st.after)
	equal := old.known && new.known && old.sum == new.sum
	st.differs = !equal || st.before.Path != st.after.Path
	st.same = equal && st.differs
}

// isSame reports whether a file of one snapshot is that of another.
func isSame(a, b *resolve.File) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Path == b.Path && a.Err == b.Err && a.Hypothetical == b.Hypothetical && a.Content == b.Content && a.Unlike == b.Unlike
}

// ask asks every experiment.
func (q *question) ask(ctx context.Context, index *ledger.Index, report *Report) error {
	source := func(_ context.Context, emit func(*ledger.Experiment) error) error {
		for _, name := range index.Experiments() {
			e, known := index.Experiment(name)
			if !known || !q.Filter.MatchExperiment(e.Instrument(), name) {
				continue
			}
			if err := emit(e); err != nil {
				return err
			}
		}
		return nil
	}
	sink := func(r pipeline.Result[*ledger.Experiment, answer]) error {
		if r.Err != nil {
			return r.Err
		}
		report.add(r.Item, r.Out)
		return nil
	}
	return pipeline.Run(ctx, q.Pool, source, q.experiment, sink)
}

// add takes the answer of an experiment.
func (r *Report) add(e *ledger.Experiment, a answer) {
	if len(a.affected) > 0 {
		r.Experiments = append(r.Experiments, Experiment{e.Name(), e.Instrument(), a.affected})
		r.Totals.Experiments++
		last := ""
		for _, s := range a.affected {
			if s.Name != last {
				r.Totals.Sources++
				last = s.Name
			}
			r.Totals.Runs += s.Count
			r.Totals.Files += len(s.Files)
		}
	}
	if len(a.same) > 0 {
		r.SameBytes = append(r.SameBytes, Experiment{e.Name(), e.Instrument(), a.same})
	}
}
