package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deployconstants/pipeline"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// Scan brings the ledger up to date with what is on disk. Known is the ledger as it
// is, nil for an empty one. Events, if not nil, is called from one goroutine.
//
// The Result is meaningful beside an error, too. The error joins
// dataset.ErrNoRoot and dataset.ErrEmptyRoot of roots without experiments, beside
// which all others are scanned; pipeline.ErrNotAttempted if Drain or ctx stopped the
// scan; and the error of a commit, which ends it. Runs and directories that cannot
// be read are no error: they are Problems.
func Scan(ctx context.Context, o Options, known *ledger.Index, events func(Event)) (Result, error) {
	o.applyDefaults()
	s := &scanner{Options: o, ctx: ctx, known: known, writer: o.Ledger.NewWriter(), committed: o.Now()}
	s.tell = func(e Event) {
		s.result.Add(e)
		if events != nil {
			events(e)
		}
	}
	if err := o.Filter.Check(); err != nil {
		return s.result, err
	}
	places, rootErr := o.Catalog.Facility(ctx, dataset.FacilityOptions{Match: o.Filter.MatchExperiment})
	if ctx.Err() != nil {
		return s.result, fmt.Errorf("%w: %w", pipeline.ErrNotAttempted, context.Cause(ctx))
	}
	s.tell(Event{Kind: Discovered, Run: -1, Total: len(places)})
	s.reportRoots(rootErr)

	source := func(ctx context.Context, emit func(item) error) error {
		return s.listAll(ctx, s.withAbsent(places), emit)
	}
	err := pipeline.RunWeighted(ctx, o.reading(), item.weight, source, s.read, s.take)
	if ctx.Err() == nil {
		err = errors.Join(err, s.commit()) // also of a scan that was drained
	}
	s.writer.Abort()
	return s.result, errors.Join(err, rootErr)
}

// A scanner is one scan under way.
type scanner struct {
	Options
	ctx   context.Context
	known *ledger.Index // may be nil
	tell  func(Event)

	// Of the sink:
	result    Result
	writer    *ledger.Writer
	committed time.Time
}

// An item is an experiment that was listed, or a batch of its runs to be read.
type item struct {
	listed *listed
	jobs   []job // ascending; none: the experiment
}

func (i item) weight() int64 {
	var weight int64
	for _, j := range i.jobs {
		weight += bytesOfRun + bytesOfFile*int64(len(j.run.Files))
	}
	return weight
}

// listAll lists the experiments, several at a time, and hands them on in their
// order, each with the runs that are to be read.
func (s *scanner) listAll(ctx context.Context, places []place, emit func(item) error) error {
	source := func(_ context.Context, emit func(place) error) error {
		for _, p := range places {
			if err := emit(p); err != nil {
				return err
			}
		}
		return nil
	}
	sink := func(r pipeline.Result[place, *listed]) error {
		if r.Err != nil {
			r.Out = &listed{place: r.Item, err: r.Err}
		}
		if err := emit(item{listed: r.Out}); err != nil {
			return err
		}
		for batch := range slices.Chunk(r.Out.jobs, s.batch(len(r.Out.jobs))) {
			if err := emit(item{listed: r.Out, jobs: batch}); err != nil {
				return err
			}
		}
		return nil
	}
	return pipeline.Run(ctx, s.listing(), source, s.list, sink)
}

// take is the sink: it counts, reports, and records, in the order of the listing.
func (s *scanner) take(r pipeline.Result[item, []outcome]) error {
	if len(r.Item.jobs) == 0 {
		s.takeListed(r.Item.listed)
		return nil
	}
	for i := range r.Item.jobs {
		j := &r.Item.jobs[i]
		if r.Err != nil { // a panic: work returns no other errors
			s.defect(r.Item.listed, j, r.Err)
			continue
		}
		if err := s.takeRun(r.Item.listed, j, &r.Out[i]); err != nil {
			return err
		}
	}
	return nil
}

// defect counts and reports a run that could not be recorded by our own fault.
func (s *scanner) defect(l *listed, j *job, err error) {
	s.leave(l, j, &outcome{failed: true})
	s.report(Problem{Kind: Internal, Experiment: l.place.Experiment.Name, Run: j.run.Run, Path: l.place.Dir, Err: err})
}

// leave tells of a run that was to be read, and is left to the next scan.
func (s *scanner) leave(l *listed, j *job, out *outcome) {
	event := Event{Kind: Left, Experiment: l.place.Experiment.Name, Run: j.run.Run, Files: len(j.run.Files)}
	event.Counts.Opened = out.opened
	if out.pending {
		event.Counts.Pending = 1
	} else {
		event.Counts.Failed = 1
	}
	s.tell(event)
}

func (s *scanner) takeRun(l *listed, j *job, out *outcome) error {
	for _, problem := range out.problems {
		s.report(problem)
	}
	if out.pending || out.failed {
		s.leave(l, j, out)
		return nil
	}
	if err := s.writer.Add(out.record); err != nil {
		s.defect(l, j, err)
		return nil
	}
	s.tell(out.event(j))
	if s.writer.Len() >= s.CommitRuns || s.Now().Sub(s.committed) >= s.CommitEvery {
		return s.commit()
	}
	return nil
}

// event tells of a run that was recorded.
func (out *outcome) event(j *job) Event {
	e := Event{
		Kind: Read, Experiment: out.record.Experiment, Run: out.record.Number, Files: len(j.run.Files),
		Counts: Counts{Opened: out.opened}, Conflicts: out.conflicts,
	}
	if j.known {
		e.Counts.Changed = 1
	} else {
		e.Counts.New = 1
	}
	if out.record.Cause != "" {
		e.Counts.Damaged = 1
	}
	for _, file := range j.run.Files {
		e.Counts.Bytes += file.Size
	}
	return e
}

// takeListed tells what the listing of an experiment told.
func (s *scanner) takeListed(l *listed) {
	if l.absent {
		s.tell(Event{Kind: Absent, Experiment: l.place.Experiment.Name, Run: -1, Counts: Counts{Absent: 1}})
		return
	}
	if l.place.Experiment.Name != "" {
		l.counts.Experiments = 1
		if !l.place.HasData && l.place.Err == nil {
			l.counts.NoData = 1
		}
	}
	if l.err != nil {
		s.report(Problem{Kind: Internal, Experiment: l.place.Experiment.Name, Run: -1, Path: l.place.Dir, Err: l.err})
	}
	s.tell(Event{Kind: Listed, Experiment: l.place.Experiment.Name, Run: -1, Total: len(l.jobs), Files: l.counts.Listed, Counts: l.counts})
	for _, problem := range l.problems {
		s.report(problem)
	}
}

// commit publishes the records so far.
func (s *scanner) commit() error {
	count := s.writer.Len()
	if count == 0 {
		return nil
	}
	if err := s.writer.Commit(s.ctx); err != nil {
		return fmt.Errorf("commit %d records to the ledger: %w", count, err)
	}
	s.committed = s.Now()
	s.tell(Event{Kind: Committed, Run: -1, Total: count})
	return nil
}

func (s *scanner) report(p Problem) {
	s.tell(Event{Kind: Trouble, Experiment: p.Experiment, Run: p.Run, Problem: &p})
}

// reportRoots reports the roots that have no experiments.
func (s *scanner) reportRoots(err error) {
	if err == nil {
		return
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return
	}
	for _, one := range joined.Unwrap() {
		kind := Unreadable
		switch {
		case errors.Is(one, dataset.ErrNoRoot):
			kind = NoRoot
		case errors.Is(one, dataset.ErrEmptyRoot):
			kind = EmptyRoot
		}
		s.report(Problem{Kind: kind, Run: -1, Path: pathOf(one, ""), Err: one})
	}
}

// withAbsent adds the known experiments that are selected and not on disk, in the order
// of the names.
func (s *scanner) withAbsent(places []dataset.Place) []place {
	all := make([]place, 0, len(places))
	present := make(map[string]bool, len(places))
	for _, p := range places {
		present[p.Experiment.Name] = true
		all = append(all, place{Place: p})
	}
	if s.known == nil {
		return all
	}
	for _, name := range s.known.Experiments() {
		e, _ := s.known.Experiment(name)
		if !present[name] && s.Filter.MatchExperiment(e.Instrument(), name) {
			all = append(all, place{Place: dataset.Place{Experiment: dataset.Experiment{Name: name, Instrument: e.Instrument()}}, absent: true})
		}
	}
	slices.SortStableFunc(all, func(a, b place) int { return strings.Compare(a.Experiment.Name, b.Experiment.Name) })
	return all
}
