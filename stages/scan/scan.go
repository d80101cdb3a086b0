package scan

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	if events == nil {
		events = func(Event) {}
	}
	s := &scanner{Options: o, ctx: ctx, known: known, events: events, writer: o.Ledger.NewWriter(), committed: o.Now()}
	if err := o.Filter.Check(); err != nil {
		return s.result, err
	}
	places, rootErr := o.Catalog.Facility(ctx, dataset.FacilityOptions{Match: o.Filter.MatchExperiment})
	if ctx.Err() != nil {
		return s.result, fmt.Errorf("%w: %w", pipeline.ErrNotAttempted, context.Cause(ctx))
	}
	events(Event{Kind: Discovered, Run: -1, Total: len(places)})
	s.reportRoots(rootErr)
	s.countAbsent(places)

	source := func(ctx context.Context, emit func(item) error) error { return s.listAll(ctx, places, emit) }
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
	ctx    context.Context
	known  *ledger.Index // may be nil
	events func(Event)

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
func (s *scanner) listAll(ctx context.Context, places []dataset.Place, emit func(item) error) error {
	source := func(_ context.Context, emit func(dataset.Place) error) error {
		for _, place := range places {
			if err := emit(place); err != nil {
				return err
			}
		}
		return nil
	}
	sink := func(r pipeline.Result[dataset.Place, *listed]) error {
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
	s.result.Failed++
	s.report(Problem{Kind: Internal, Experiment: l.place.Experiment.Name, Run: j.run.Run, Path: l.place.Dir, Err: err})
}

func (s *scanner) takeRun(l *listed, j *job, out *outcome) error {
	s.result.Opened += out.opened
	for _, problem := range out.problems {
		s.report(problem)
	}
	switch {
	case out.pending:
		s.result.Pending++
		return nil
	case out.failed:
		s.result.Failed++
		return nil
	}
	if err := s.writer.Add(out.record); err != nil {
		s.defect(l, j, err)
		return nil
	}
	s.countRecord(j, out)
	if s.writer.Len() >= s.CommitRuns || s.Now().Sub(s.committed) >= s.CommitEvery {
		return s.commit()
	}
	return nil
}

func (s *scanner) countRecord(j *job, out *outcome) {
	if j.known {
		s.result.Changed++
	} else {
		s.result.New++
	}
	if out.record.Cause != "" {
		s.result.Damaged++
	}
	s.result.Conflicts = append(s.result.Conflicts, out.conflicts...)
	event := Event{Kind: Read, Experiment: out.record.Experiment, Run: out.record.Number, Files: len(j.run.Files)}
	for _, file := range j.run.Files {
		event.Bytes += file.Size
	}
	s.result.Bytes += event.Bytes
	s.events(event)
}

// takeListed counts and reports what the listing of an experiment told.
func (s *scanner) takeListed(l *listed) {
	r := &s.result
	if l.place.Experiment.Name != "" {
		r.Experiments++
		if !l.place.HasData && l.place.Err == nil {
			r.NoData++
		}
	}
	r.Unchanged += l.unchanged
	r.Pending += l.pending
	r.Failed += l.failed
	r.Gone += l.gone
	r.Offline += l.offline
	r.Skipped += l.skipped
	r.Listed += l.files
	if l.err != nil {
		s.report(Problem{Kind: Internal, Experiment: l.place.Experiment.Name, Run: -1, Path: l.place.Dir, Err: l.err})
	}
	s.events(Event{Kind: Listed, Experiment: l.place.Experiment.Name, Run: -1, Total: len(l.jobs), Files: l.files})
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
	s.result.Segments++
	s.events(Event{Kind: Committed, Run: -1, Total: count})
	return nil
}

func (s *scanner) report(p Problem) {
	s.result.Problems = append(s.result.Problems, p)
	s.events(Event{Kind: Trouble, Experiment: p.Experiment, Run: p.Run, Problem: &p})
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

// countAbsent counts the known experiments that are not on disk.
func (s *scanner) countAbsent(places []dataset.Place) {
	if s.known == nil {
		return
	}
	present := make(map[string]bool, len(places))
	for _, place := range places {
		present[place.Experiment.Name] = true
	}
	for _, name := range s.known.Experiments() {
		e, _ := s.known.Experiment(name)
		if !present[name] && s.Filter.MatchExperiment(e.Instrument(), name) {
			s.result.Absent++
		}
	}
}
