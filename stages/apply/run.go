package apply

import (
	"context"
	"errors"
	"slices"
	"sync"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/fslock"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo/calibdir"
)

// A manner is what apply and undo do differently. Its methods are called by many
// goroutines at once.
type manner interface {
	// entered follows the lock of an experiment.
	entered(ctx context.Context, p *site) error
	// elsewhere settles a file that changed since it was examined, if another process of
	// the same transaction did that.
	elsewhere(ctx context.Context, s *step) bool
	// admit looks at what else is in the directory of the step; an error refuses all
	// of its steps.
	admit(c *calibdir.Calib, s *step) error
	// examine looks at the file and decides: an error refuses the step, a skip
	// as something that moved. It may set there or keeps.
	examine(ctx context.Context, b *calibdir.Batch, c *calibdir.Calib, objects *tx.Batch, s *step) error
	// strict: a file that is refused stops those behind it in its directory.
	strict() bool
	// stage prepares the change.
	stage(ctx context.Context, s *step) error
	// record appends to the HISTORY of the directory of these steps, which are
	// in place.
	record(ctx context.Context, b *calibdir.Batch, c *calibdir.Calib, dir, inPlace []*step) error
	// result returns the record and the status of a step that is in place.
	result(s *step, now *tx.FileState) (tx.Record, Status)
	// tidy follows all files of an experiment.
	tidy(b *calibdir.Batch, c *calibdir.Calib, steps []*step) error
}

// run is a transaction under way.
type run struct {
	Options
	manner
	header  tx.Header
	journal journal
	objects *tx.Objects
	result  Result
	hanging bool // some intent has no result: the transaction cannot be finished
	dry     bool // change nothing

	warn sync.Once
}

func newRun(o Options, store *tx.Store, t *tx.Tx) *run {
	return &run{
		Options: o, header: t.Header(), journal: o.wrap(t), objects: store.Objects(),
		result: Result{ID: t.ID(), Kind: t.Header().Kind, Counts: map[Status]int{}},
	}
}

// carry hands the batches to the workers, and their results on, in order.
func (r *run) carry(ctx context.Context, source func(ctx context.Context, emit func(*batch) error) error) error {
	work := func(ctx context.Context, b *batch) (struct{}, error) { return struct{}{}, r.work(ctx, b) }
	sink := func(done pipeline.Result[*batch, struct{}]) error {
		if done.Err != nil {
			return done.Err
		}
		for _, s := range done.Item.steps {
			r.hanging = r.hanging || s.hanging
			r.result.count(s.outcome)
			r.Events(s.outcome)
		}
		return nil
	}
	return pipeline.RunWeighted(ctx, r.Pipeline, func(b *batch) int64 { return b.bytes }, source, work, sink)
}

// emitter collects steps to batches of consecutive experiments.
func (r *run) emitter(emit func(*batch) error) (add func(experiment []*step) error, flush func() error) {
	current := &batch{}
	flush = func() error {
		if len(current.steps) == 0 {
			return nil
		}
		full := current
		current = &batch{}
		return emit(full)
	}
	add = func(experiment []*step) error {
		var bytes int64
		for _, s := range experiment {
			bytes += s.size
		}
		if int64(len(current.steps)+len(experiment)) > r.batch.files || current.bytes+bytes > r.batch.mib<<20 {
			if err := flush(); err != nil {
				return err
			}
		}
		current.steps, current.bytes = append(current.steps, experiment...), current.bytes+bytes
		return nil
	}
	return add, flush
}

// work carries out one batch. An error is one that ends the transaction: of the
// journal, or the end of ctx.
func (r *run) work(ctx context.Context, b *batch) error {
	var open []*site
	defer func() {
		for _, p := range open {
			p.close()
		}
	}()
	for _, steps := range experiments(b.steps) {
		p := &site{experiment: steps[0].Experiment, steps: steps}
		idle := !slices.ContainsFunc(steps, func(s *step) bool { return !s.claimed })
		if idle && (r.dry || steps[0].undo == nil) {
			continue
		}
		open = append(open, p)
		if err := r.enter(ctx, p); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if err := r.leave(p, err); err != nil {
				return err
			}
		}
	}
	return r.chunks(ctx, open)
}

// leave refuses all of an experiment.
func (r *run) leave(p *site, err error) error {
	var records []tx.Record
	for _, s := range p.steps {
		if s.claimed {
			continue
		}
		if errors.Is(err, fslock.ErrHeld) {
			s.settle(Locked, err)
		} else {
			s.refuse(err)
		}
		if _, placeErr := s.Target(); s.open != nil || placeErr != nil {
			continue // an open intent stays
		}
		record := s.record(tx.Skipped)
		record.Cause = s.outcome.Cause
		records = append(records, record)
	}
	p.steps = nil
	return r.append(records)
}

// append adds to the journal.
func (r *run) append(records []tx.Record) error {
	if len(records) == 0 || r.dry {
		return nil
	}
	return r.journal.Append(records...)
}

// chunks carries out the steps of the open sites, as many at a time as a batch may
// have: an experiment may have more.
func (r *run) chunks(ctx context.Context, open []*site) error {
	var jobs []job
	var files, bytes int64
	flush := func() error {
		if len(jobs) == 0 {
			return nil
		}
		err := r.chunk(ctx, jobs)
		jobs, files, bytes = nil, 0, 0
		return err
	}
	for _, p := range open {
		for _, dir := range directories(p.steps) {
			if !slices.ContainsFunc(dir, func(s *step) bool { return !s.claimed || s.outcome.Status == Undone }) || dir[0].item.Kind == planfile.KindPanel {
				continue
			}
			var more int64
			for _, s := range dir {
				more += s.size
			}
			if files+int64(len(dir)) > r.batch.files || bytes+more > r.batch.mib<<20 {
				if err := flush(); err != nil {
					return err
				}
			}
			jobs, files, bytes = append(jobs, job{p, dir}), files+int64(len(dir)), bytes+more
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return r.tidyAll(open)
}

// tidyAll leaves what cannot be tidied to Resume.
func (r *run) tidyAll(open []*site) error {
	if r.dry {
		return nil
	}
	files := atomicfile.NewBatchOn(r.system)
	defer files.Close() // nothing is staged
	b := calibdir.NewBatch(files)
	var all error
	for _, p := range open {
		if len(p.steps) == 0 {
			continue
		}
		if err := r.tidy(b, p.calib, p.steps); err != nil {
			p.steps[0].hanging = true
			all = errors.Join(all, err)
		}
	}
	if err := files.Settle(); err != nil {
		all = errors.Join(all, err)
	}
	if all != nil {
		r.Warn(all)
	}
	return nil
}
