package apply

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/jobs/tx"
	"deployconstants/repo/calibdir"
)

// UndoOptions say what is taken back, and how.
type UndoOptions struct {
	Experiments []string // only these; none: all
	Force       bool     // also files that changed since; what they hold is kept
	DryRun      bool     // look and tell, change nothing
}

// Undo takes a transaction back: bytes, mode, group, access control list and time of
// what it replaced, absence of what it created and of the directories that it made,
// if they are empty by then. It is a transaction of its own, which Resume goes on
// with if it is interrupted; files that are as they were already are left alone, so
// that doing it twice is harmless.
//
// A transaction that was interrupted is ended, and cannot be resumed afterwards, also
// where only some of its experiments are taken back: a resume would deploy to these
// again. What it had not done by then, the next plan has again.
//
// Files that changed since, or that another transaction deployed again, are Skipped.
// Errors wrap ErrUndoOfUndo, tx.ErrNotFound, tx.ErrRunning, or are those of Apply.
func Undo(ctx context.Context, o Options, id string, u UndoOptions) (Result, error) {
	o.applyDefaults()
	store, err := tx.Open(o.State)
	if err != nil {
		return Result{}, err
	}
	steps, err := o.steps(ctx, store, id, u)
	if err != nil {
		return Result{}, err
	}
	header := o.newHeader(tx.Undo)
	header.UndoOf, header.Experiments = id, u.Experiments
	if u.DryRun {
		r := &run{Options: o, header: header, objects: store.Objects(), dry: true, result: Result{Kind: tx.Undo, Counts: map[Status]int{}}}
		return r.undo(ctx, steps, u.Force)
	}
	nothing := !slices.ContainsFunc(steps, func(s *step) bool { return !s.claimed })
	if nothing { // but what an interrupted undo may have left: directories, a HISTORY
		r := &run{
			Options: o, header: header, objects: store.Objects(), journal: nowhere{},
			result: Result{Kind: tx.Undo, Counts: map[Status]int{}, Complete: true},
		}
		return r.undo(ctx, steps, u.Force)
	}
	t, err := store.Begin(ctx, header, nil)
	if err != nil {
		return Result{}, err
	}
	return o.undoing(ctx, store, t, steps, u.Force)
}

// undoing carries the steps out in an open transaction.
func (o Options) undoing(ctx context.Context, store *tx.Store, t *tx.Tx, steps []*step, force bool) (Result, error) {
	r := newRun(o, store, t)
	if _, err := r.undo(ctx, steps, force); err != nil {
		return r.result, errors.Join(err, t.Close())
	}
	return r.finish(t)
}

// resumeUndo goes on with an undo. Whether it was forced is not recorded: what else
// changed is skipped.
func (o Options) resumeUndo(ctx context.Context, store *tx.Store, t *tx.Tx) (Result, error) {
	h := t.Header()
	steps, err := o.steps(ctx, store, h.UndoOf, UndoOptions{Experiments: h.Experiments})
	if err != nil {
		return Result{}, errors.Join(err, t.Close())
	}
	found := before(t.Records())
	for _, s := range steps {
		p := found[s.Path()]
		if p == nil {
			continue
		}
		s.open, s.hanging = p.open, p.open != nil
		if p.settled != nil {
			s.settle(Undone, nil)
			s.outcome.Again = true
		} else if p.open != nil && s.claimed { // ours to end
			s.claimed = false
		}
	}
	return o.undoing(ctx, store, t, steps, false)
}

// An undoing is what a transaction did to a path.
type undoing struct {
	of      string        // the transaction
	prior   *tx.FileState // nil: absent
	new     tx.Content
	after   *tx.FileState
	adopted bool
	done    bool
	open    bool
	at      int64            // of its last record, UTC ns
	dirs    []string         // that it may have made
	history *tx.HistoryState // of the directory, before its first line
}

// steps returns what a transaction did, in the order of an undo: by experiment and
// directory, there in ascending begin. What is taken back already is claimed.
func (o *Options) steps(ctx context.Context, store *tx.Store, id string, u UndoOptions) ([]*step, error) {
	summary, records, err := store.Show(ctx, id)
	switch {
	case err != nil:
		return nil, err
	case summary.Kind != tx.Apply:
		return nil, fmt.Errorf("transaction %s %w", id, ErrUndoOfUndo)
	case summary.Status == tx.Running:
		return nil, fmt.Errorf("undo %s: %w", id, tx.ErrRunning)
	case summary.Result == nil && !u.DryRun:
		if err := end(ctx, store, id); err != nil {
			return nil, err
		}
	}
	all := map[string]*step{}
	history := map[string]*tx.HistoryState{}
	for record, err := range records {
		if err != nil {
			return nil, err
		}
		if record.Kind == tx.Registered || len(u.Experiments) > 0 && !slices.Contains(u.Experiments, record.Experiment) {
			continue
		}
		s := all[record.Path()]
		if s == nil {
			s = &step{Place: record.Place, undo: &undoing{of: id}}
			all[record.Path()] = s
		}
		s.undo.add(&record)
		if record.Kind == tx.Intent && history[record.Directory()] == nil {
			history[record.Directory()] = record.History
		}
	}
	deployed, err := store.Deployed(ctx)
	if err != nil {
		return nil, err
	}
	var steps []*step
	for key, s := range all {
		w := s.undo
		if !w.done && !w.open && !w.adopted {
			continue
		}
		switch {
		case w.adopted && !w.done && !w.open:
			s.action = tx.Keep
		case w.prior == nil:
			s.action = tx.Remove
		default:
			s.action, s.size = tx.Restore, w.prior.Size
		}
		w.history = history[s.Directory()]
		s.own(deployed, key, id, u.Force)
		steps = append(steps, s)
	}
	slices.SortFunc(steps, compareUndo)
	return steps, nil
}

// end finishes a transaction that was interrupted, so that nobody resumes it.
func end(ctx context.Context, store *tx.Store, id string) error {
	t, err := store.Resume(ctx, id)
	if errors.Is(err, tx.ErrFinished) {
		return nil
	}
	if err != nil {
		return err
	}
	return t.Finish(tx.Result{Note: "ended by an undo"})
}

func (w *undoing) add(r *tx.Record) {
	w.at = r.Time
	switch r.Kind {
	case tx.Intent:
		w.prior, w.open = r.Prior, true
		w.dirs = append(w.dirs, r.MissingDirs...)
		if r.New != nil {
			w.new = *r.New
		}
	case tx.Done:
		w.done, w.open, w.after = true, false, r.After
		w.dirs = append(w.dirs, r.MadeDirs...)
		w.new = *r.New
	case tx.Adopted:
		w.adopted, w.new = true, *r.New
	default:
		w.open = false
	}
}

// own claims the step if the path is not the transaction's any more.
func (s *step) own(deployed *tx.Deployed, key, id string, force bool) {
	owner, owned := deployed.Owner(key)
	pending, isPending := deployed.Pending(key)
	switch {
	case owned && owner.Tx == id, isPending && (pending.Tx == id || !owned):
	case owned && isPending && s.undo.open && !s.undo.done: // both were interrupted
	case !owned, s.action == tx.Keep, owner.Time.UnixNano() < s.undo.at: // not its any more: taken back to an earlier one
		s.settle(Undone, nil)
		s.outcome.Again = true
	case !force:
		s.settle(Skipped, skipf("transaction %s deployed it again: undo that first", owner.Tx))
	}
}

// compareUndo is the reverse of the order of a plan within a directory.
func compareUndo(a, b *step) int {
	x, _ := calibdir.ParseRange(a.Range) // places in journals are checked
	y, _ := calibdir.ParseRange(b.Range)
	return cmp.Or(strings.Compare(a.Experiment, b.Experiment), strings.Compare(a.Directory(), b.Directory()),
		cmp.Compare(x.Begin, y.Begin), cmp.Compare(y.End, x.End))
}

// undo carries the steps out.
func (r *run) undo(ctx context.Context, steps []*step, force bool) (Result, error) {
	r.manner = &restoring{run: r, force: force}
	err := r.carry(ctx, func(_ context.Context, emit func(*batch) error) error {
		add, flush := r.emitter(emit)
		for _, experiment := range experiments(steps) {
			if err := add(experiment); err != nil {
				return err
			}
		}
		return flush()
	})
	return r.result, err
}

// restoring is the manner of Undo.
type restoring struct {
	*run
	force bool
}

func (u *restoring) entered(context.Context, *site) error { return nil }

func (u *restoring) elsewhere(context.Context, *step) bool { return false }

func (u *restoring) strict() bool { return false }

func (u *restoring) admit(*calibdir.Calib, *step) error { return nil }

func (u *restoring) examine(ctx context.Context, b *calibdir.Batch, c *calibdir.Calib, objects *tx.Batch, s *step) (err error) {
	if s.action == tx.Keep {
		s.keeps = true
		return nil
	}
	if s.change, err = b.Look(c, s.target); err != nil {
		return err
	}
	w := s.undo
	if !s.change.Exists() {
		switch {
		case w.prior == nil:
			s.settleAsIs()
			return nil
		case !u.force:
			return skipf("the file is gone")
		}
		return u.checkKept(s)
	}
	now := fileState(s.change.Previous())
	if w.after != nil && sameFile(now, w.after) {
		now.SHA256 = w.after.SHA256
	} else if now.SHA256, err = sha256Of(ctx, s.change.Content()); err != nil {
		return err
	}
	s.prior = now
	switch {
	case now.SHA256 == w.new.SHA256:
	case w.prior != nil && now.SHA256 == w.prior.SHA256:
		s.settleAsIs()
		return nil
	case !u.force:
		return skipf("the file changed since: its digest is %s, deployed was %s", now.SHA256, w.new.SHA256)
	case u.dry:
	default:
		if _, err := objects.Put(ctx, s.change.Content(), tx.Access{Mode: now.Mode, GID: now.GID, ACL: len(now.ACL) > 0}); err != nil {
			return err
		}
	}
	return u.checkKept(s)
}

// settleAsIs notes that the file is as it was: by an earlier call that was
// interrupted, because the transaction never came so far, or by hand.
func (s *step) settleAsIs() {
	s.there, s.keeps = s.open != nil, s.open == nil
}

func (u *restoring) checkKept(s *step) error {
	if s.undo.prior != nil && !u.objects.Has(s.undo.prior.SHA256) {
		return fmt.Errorf("restore %s: %w", s.Path(), tx.ErrNoObject)
	}
	return nil
}

// sameFile reports whether a file is, by its identity, what it was.
func sameFile(a, b *tx.FileState) bool {
	return a.Inode == b.Inode && a.Size == b.Size && a.ModTime == b.ModTime && a.ChangeTime == b.ChangeTime
}

func (u *restoring) stage(ctx context.Context, s *step) error {
	if s.action == tx.Remove {
		s.change.StageRemoval()
		return nil
	}
	prior := s.undo.prior
	object, err := u.objects.Open(prior.Content)
	if err != nil {
		return err
	}
	_, err = s.change.StageExact(ctxReader{ctx, object}, atomicfile.Appearance{
		Mode: atomicfile.Mode(prior.Mode), GID: prior.GID, ACL: prior.ACL, ModTime: time.Unix(0, prior.ModTime),
	})
	return errors.Join(err, object.Close())
}

// record appends what was taken back, or removes a HISTORY that was not there before
// and has no line but those of the transaction.
func (u *restoring) record(ctx context.Context, b *calibdir.Batch, c *calibdir.Calib, dir, inPlace []*step) error {
	first := dir[0]
	if h := first.undo.history; h != nil && !h.Existed && !slices.ContainsFunc(dir, (*step).remains) {
		of, undo := first.undo.of, "undo "+first.undo.of
		gone, err := b.RemoveHistory(c, first.target, func(r calibdir.HistoryRecord) bool {
			return r.Comment == of || r.Comment == undo
		})
		if err != nil || gone {
			return err
		}
	}
	if len(inPlace) == 0 {
		return nil
	}
	comment := "undo " + first.undo.of
	past, err := c.History(first.target)
	if err != nil {
		return err
	}
	noted, sources := map[string]bool{}, map[string]string{}
	for _, record := range past {
		switch record.Comment {
		case comment:
			noted[record.File] = true
		case first.undo.of:
		default:
			sources[record.File] = record.CopyOf
		}
	}
	var records []calibdir.HistoryRecord
	for _, s := range inPlace {
		copyOf := ""
		if s.action == tx.Restore {
			copyOf = sources[s.target.Range.FileName()]
		}
		if record := u.historyRecord(s, copyOf, comment); !s.there || !noted[record.File] {
			records = append(records, record)
		}
	}
	return b.AppendHistory(ctx, c, first.target, records)
}

// remains reports whether the file is still as the transaction left it, or was
// changed since.
func (s *step) remains() bool {
	return s.claimed && s.outcome.Status != Undone
}

func (u *restoring) result(s *step, now *tx.FileState) (tx.Record, Status) {
	record := s.record(tx.Undone)
	if w := s.undo; now != nil && w.prior != nil && s.action == tx.Restore {
		now.Content = w.prior.Content
		record.After = now
	}
	return record, Undone
}

// tidy removes the directories that the transaction made, if they are empty.
func (u *restoring) tidy(b *calibdir.Batch, c *calibdir.Calib, steps []*step) error {
	var dirs []string
	for _, s := range steps {
		if s.claimed && s.outcome.Status == Undone {
			dirs = append(dirs, s.undo.dirs...)
		}
	}
	for _, dir := range deepestFirst(dirs) {
		if err := b.RemoveFolder(c, dir); err != nil {
			return err
		}
	}
	return nil
}
