package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

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

// A site is an experiment that is locked, and its calib directory.
type site struct {
	experiment string
	steps      []*step
	lock       *fslock.Held
	calib      *calibdir.Calib
}

func (p *site) close() {
	if p.calib != nil {
		p.calib.Close() // all was synced
	}
	if p.lock != nil {
		p.lock.Release() // ends with the process at last
	}
}

// enter derives the calib directory, locks the experiment and opens it.
func (r *run) enter(ctx context.Context, p *site) error {
	dir, err := r.CalibDir(p.experiment)
	if err != nil {
		return skipf("%v", err)
	}
	if err := r.lock(ctx, p); err != nil {
		return err
	}
	for _, s := range p.steps {
		if s.item.Kind == planfile.KindPanel {
			continue
		}
		if s.CalibDir == "" {
			s.CalibDir = dir
		}
		if s.target, err = s.Target(); err == nil && s.CalibDir != dir {
			err = skipf("calib directory %s is not that of the settings, %s", s.CalibDir, dir)
		}
		if err != nil && !s.claimed {
			s.refuse(err)
		}
	}
	p.calib, err = p.open(dir, r.Calib)
	return err
}

// open opens the calib directory, or its place where it is missing or may have been
// made by the transaction.
func (p *site) open(dir string, o calibdir.Options) (*calibdir.Calib, error) {
	if !slices.ContainsFunc(p.steps, (*step).mayMakeCalib) {
		calib, err := calibdir.Open(dir, o)
		if !errors.Is(err, calibdir.ErrNoCalibDir) {
			return calib, err
		}
		if slices.ContainsFunc(p.steps, (*step).sawCalib) {
			return nil, skipf("the calib directory %s is gone", dir)
		}
	}
	return calibdir.Reserve(dir, o)
}

// mayMakeCalib reports whether an earlier call may have made the calib directory.
func (s *step) mayMakeCalib() bool {
	return s.open != nil && slices.Contains(s.open.MissingDirs, ".") || s.undo != nil && slices.Contains(s.undo.dirs, ".")
}

// lock takes the lock of the experiment. Where there are no locks, the look just
// before each change has to do.
func (r *run) lock(ctx context.Context, p *site) (err error) {
	if r.dry {
		return nil
	}
	path := filepath.Join(r.State.Locks(), p.experiment+".lock")
	if p.lock, err = fslock.Hold(ctx, path, r.Holder, r.LockTimeout); err != nil {
		return err
	}
	if p.lock.Unlocked {
		r.warn.Do(func() { r.Warn(fmt.Errorf("%s: %w", path, fslock.ErrUnsupported)) })
	}
	return nil
}

// readOnly is the system of a dry run: what dead processes left stays.
type readOnly struct{ atomicfile.System }

func (readOnly) Remove(*os.File, string) error { return unix.EROFS }

// A job is one directory, whose files are changed in this order.
type job struct {
	site  *site
	steps []*step
}

// chunk changes some directories together.
func (r *run) chunk(ctx context.Context, jobs []job) (err error) {
	sys := r.system
	if r.dry {
		sys = readOnly{sys}
	}
	files := atomicfile.NewBatchOn(sys)
	defer func() {
		if closeErr := files.Close(); err == nil && closeErr != nil {
			r.Warn(closeErr) // a temporary stays, until the next publication there
		}
	}()
	b := calibdir.NewBatch(files)
	for _, j := range jobs {
		r.clean(b, j)
	}
	if err := r.examineAll(ctx, b, jobs); err != nil {
		return err
	}
	if r.dry {
		for _, j := range jobs {
			for _, s := range j.steps {
				if !s.claimed {
					s.settle(Undone, nil)
				}
			}
		}
		return nil
	}
	if err := r.announce(jobs); err != nil {
		return err
	}
	if err := r.stageAll(ctx, b, files, jobs); err != nil {
		return err
	}
	for _, j := range jobs {
		r.take(b, j)
		r.note(ctx, b, j)
	}
	if err := files.Settle(); err != nil {
		r.hang(jobs, err)
	}
	return r.claim(jobs)
}

// clean removes empty directories that a process left which died before it gave
// them mode and group. A directory in which there is something has them.
func (r *run) clean(b *calibdir.Batch, j job) {
	for _, s := range j.steps {
		if s.claimed || s.open == nil || r.dry {
			continue
		}
		s.missing = slices.Clone(s.open.MissingDirs)
		for _, dir := range deepestFirst(s.missing) {
			_ = b.RemoveFolder(j.site.calib, dir) // what stays is made use of
		}
	}
}

// examineAll decides what is to be done, and keeps what is to be replaced.
func (r *run) examineAll(ctx context.Context, b *calibdir.Batch, jobs []job) error {
	objects := r.objects.Batch()
	defer objects.Abort()
	var changing []*step
	for _, j := range jobs {
		err := r.manner.admit(j.site.calib, j.steps[0])
		if err == nil {
			err = j.site.calib.CheckHistory(ctx, j.steps[0].target)
		}
		for _, s := range j.steps {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if s.claimed {
				continue
			}
			stepErr := err
			if stepErr == nil {
				stepErr = r.examine(ctx, b, j.site.calib, objects, s)
			}
			if s.change != nil {
				s.change.Release()
			}
			if stepErr != nil {
				s.refuse(stepErr)
			} else if !s.there && !s.keeps {
				changing = append(changing, s)
			}
		}
		r.order(j.steps)
	}
	err := objects.Commit(ctx)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		for _, s := range changing {
			if s.prior != nil && !s.claimed {
				s.refuse(err)
			}
		}
		for _, j := range jobs {
			r.order(j.steps)
		}
	}
	return nil
}

// order refuses the steps of a directory behind one that was refused: they would
// give runs other constants than the plan has for them.
func (r *run) order(steps []*step) {
	for i, s := range steps {
		stops := s.outcome.Status == Failed || r.strict() && s.outcome.Status == Skipped
		if !s.claimed || !stops {
			continue
		}
		for _, behind := range steps[i+1:] {
			if !behind.claimed && !behind.there {
				behind.refuse(skipf("%s of the same directory comes first, and was left alone", s.target.Range.FileName()))
			}
		}
		return
	}
}

// announce writes the intents.
func (r *run) announce(jobs []job) error {
	var intents []tx.Record
	for _, j := range jobs {
		var missing []string
		size := int64(-1)
		first := true
		for _, s := range j.steps {
			if s.claimed || s.there || s.keeps {
				continue
			}
			if first {
				var err error
				if missing, err = j.site.calib.MissingFolder(s.target); err == nil {
					size, err = j.site.calib.HistorySize(s.target)
				}
				if err != nil {
					s.refuse(err)
					r.order(j.steps)
					break
				}
				first = false
			}
			intent := s.record(tx.Intent)
			intent.Prior, intent.MissingDirs = s.prior, missing
			s.missing = append(s.missing, missing...)
			intent.History = &tx.HistoryState{Existed: size >= 0, Size: max(size, 0)}
			intents = append(intents, intent)
			s.hanging = true
		}
	}
	return r.append(intents)
}

// stageAll writes all temporaries and makes them durable.
func (r *run) stageAll(ctx context.Context, b *calibdir.Batch, files *atomicfile.Batch, jobs []job) error {
	for _, j := range jobs {
		for _, s := range j.steps {
			if s.claimed || s.there || s.keeps {
				continue
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			var err error
			if s.action != tx.Remove {
				s.made, err = b.MakeFolder(j.site.calib, s.target)
				s.lost = err != nil // one may be there all the same
			}
			if err == nil {
				err = r.stage(ctx, s)
			}
			if err != nil {
				s.refuse(err)
				r.order(j.steps)
				if s.lost { // without mode and group, perhaps: nobody else is to make use of it
					r.unmake(b, j)
				}
				break
			}
		}
	}
	if err := files.Sync(); err != nil {
		for _, j := range jobs {
			for _, s := range j.steps {
				if !s.claimed && !s.there && !s.keeps {
					s.refuse(fmt.Errorf("make the constants durable: %w", err))
				}
			}
		}
	}
	return nil
}

// take gives the files their names.
func (r *run) take(b *calibdir.Batch, j job) {
	for _, s := range j.steps {
		if s.claimed || s.there || s.keeps {
			continue
		}
		_, err := s.change.Take()
		switch {
		case errors.Is(err, atomicfile.ErrChanged):
			err = skipf("%v", err)
		case errors.Is(err, atomicfile.ErrNotDurable):
			s.lose()
			s.settle(Failed, err)
			continue
		}
		if err != nil {
			s.refuse(err)
			r.order(j.steps)
			break
		}
		s.taken = true
	}
	r.unmake(b, j)
}

// unmake removes the directories that were to be made, if there is nothing in them:
// the last one that leaves takes those that others made for it too. What stays is left
// to Resume and Undo, by an intent that stays open.
func (r *run) unmake(b *calibdir.Batch, j job) {
	taken := false
	var missing []string
	for _, s := range j.steps {
		taken = taken || s.taken
		missing = append(missing, s.missing...)
		if s.claimed && !s.lost && s.change != nil && s.change.Discard() != nil {
			s.lost = true
		}
	}
	if taken {
		return
	}
	for _, dir := range deepestFirst(missing) {
		if b.RemoveFolder(j.site.calib, dir) != nil {
			for _, s := range j.steps {
				s.lost = s.lost || s.hanging
			}
			return
		}
	}
}

// note appends to HISTORY.
func (r *run) note(ctx context.Context, b *calibdir.Batch, j job) {
	var inPlace []*step
	for _, s := range j.steps {
		if s.taken || s.there && !s.claimed {
			inPlace = append(inPlace, s)
		}
	}
	// What happened is recorded even if the user has had enough by now.
	err := r.record(context.WithoutCancel(ctx), b, j.site.calib, j.steps, inPlace)
	if err != nil && len(inPlace) == 0 {
		r.Warn(err) // a HISTORY that could go stays
	}
	for _, s := range inPlace {
		if err != nil {
			s.lose()
			s.settle(Failed, fmt.Errorf("in place, but not recorded; resume the transaction: %w", err))
		}
	}
}

// hang leaves what is in place to Resume.
func (r *run) hang(jobs []job, err error) {
	for _, j := range jobs {
		for _, s := range j.steps {
			if s.taken || s.there {
				s.lose()
				s.settle(Failed, err)
			}
		}
	}
}

// claim writes the results.
func (r *run) claim(jobs []job) error {
	var records []tx.Record
	for _, j := range jobs {
		for _, s := range j.steps {
			switch {
			case s.outcome.Again:
			case s.taken || s.there || s.keeps && !s.claimed:
				now, err := s.now()
				if err != nil {
					s.lose()
					s.settle(Failed, err)
					continue
				}
				record, status := r.manner.result(s, now)
				records = append(records, record)
				s.hanging = false
				s.settle(status, nil)
			case s.lost, s.outcome.Status == Failed && s.open != nil:
				s.hanging = true
			case s.outcome.Status == Skipped || s.outcome.Status == Failed:
				kind := tx.Skipped
				if s.outcome.Status == Failed {
					kind = tx.Failed
				}
				record := s.record(kind)
				record.Cause = s.outcome.Cause
				if _, err := s.Target(); err == nil {
					records = append(records, record)
				}
				s.hanging = false
			}
		}
	}
	return r.append(records)
}

// lose leaves a step that is in place to Resume: its intent stays open.
func (s *step) lose() { s.taken, s.there, s.lost, s.hanging = false, false, true, true }

// now describes the file as it is; nil: absent.
func (s *step) now() (*tx.FileState, error) {
	if s.change == nil {
		return nil, nil
	}
	p, exists, err := s.change.Now()
	if err != nil || !exists {
		return nil, err
	}
	return fileState(p), nil
}

// fileState tells a file without its digest.
func fileState(p atomicfile.Previous) *tx.FileState {
	return &tx.FileState{
		Content: tx.Content{Size: p.Size},
		Mode:    uint32(p.Mode), UID: p.UID, GID: p.GID, ACL: p.ACL,
		ModTime: p.ModTime.UnixNano(), ChangeTime: p.ChangeTime.UnixNano(), Inode: p.Inode, Links: p.Links,
	}
}

// oneLine makes of a message one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
