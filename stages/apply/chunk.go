package apply

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
	"deployconstants/jobs/tx"
	"deployconstants/repo/calibdir"
)

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
		r.take(ctx, b, j)
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
func (r *run) take(ctx context.Context, b *calibdir.Batch, j job) {
	for _, s := range j.steps {
		if s.claimed || s.there || s.keeps {
			continue
		}
		_, err := s.change.Take()
		switch {
		case errors.Is(err, atomicfile.ErrChanged):
			if r.elsewhere(context.WithoutCancel(ctx), s) {
				continue
			}
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
