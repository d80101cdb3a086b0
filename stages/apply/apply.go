package apply

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
)

// Apply carries a plan out as one transaction. The plan is read from its beginning
// before anything is done, and pinned.
//
// Item errors are outcomes, not errors. An error ends the transaction early, which
// then can be resumed or undone, by the Result's ID: ErrWave, pipeline.ErrNotAttempted,
// tx.ErrJournal, the cause of ctx. Before anything is done it is ErrLimit, a
// *planfile.FormatError, or what the system says; then the Result has no ID.
func Apply(ctx context.Context, o Options, plan io.ReadSeeker) (Result, error) {
	o.applyDefaults()
	store, t, sums, err := o.begin(ctx, plan)
	if err != nil {
		return Result{}, err
	}
	return o.apply(ctx, store, t, sums)
}

// begin pins a plan that is within the limits, as an open transaction.
func (o *Options) begin(ctx context.Context, plan io.ReadSeeker) (*tx.Store, *tx.Tx, sums, error) {
	fail := func(err error) (*tx.Store, *tx.Tx, sums, error) { return nil, nil, sums{}, err }
	o.applyDefaults()
	s, digest, err := survey(plan)
	if err == nil {
		err = o.checkLimits(s)
	}
	if err != nil {
		return fail(err)
	}
	if _, err := plan.Seek(0, io.SeekStart); err != nil {
		return fail(err)
	}
	store, err := tx.Open(o.State)
	if err != nil {
		return fail(err)
	}
	t, err := store.Begin(ctx, o.newHeader(tx.Apply), plan)
	if err != nil {
		return fail(err)
	}
	if t.Header().Plan != digest {
		return fail(errors.Join(ErrPlanChanged, t.Finish(tx.Result{Note: ErrPlanChanged.Error()})))
	}
	return store, t, s, nil
}

// newHeader returns that of a new transaction.
func (o *Options) newHeader(kind string) tx.Header {
	at := o.Time
	if at.IsZero() {
		at = o.now()
	}
	return tx.Header{
		Kind: kind, Time: at, User: o.User, Host: o.Host, Dir: o.Dir, Command: o.Command, Origin: o.Origin,
	}
}

// sums are what a plan would do.
type sums struct {
	changing []string // experiments with changes, in the order of the plan
	counts   map[planfile.Action]int
	files    map[planfile.Action]int // of kind file
}

// survey reads a plan to its end.
func survey(plan io.ReadSeeker) (sums, string, error) {
	if _, err := plan.Seek(0, io.SeekStart); err != nil {
		return sums{}, "", err
	}
	hash := sha256.New()
	source := io.TeeReader(plan, hash)
	reader, err := planfile.NewReader(source, planfile.Limits{})
	if err != nil {
		return sums{}, "", err
	}
	defer reader.Close()
	s := sums{counts: map[planfile.Action]int{}, files: map[planfile.Action]int{}}
	for item, err := range reader.Items() {
		if err != nil {
			return sums{}, "", err
		}
		s.counts[item.Action]++
		if item.Kind == planfile.KindFile {
			s.files[item.Action]++
		}
		if !item.Action.Changes() || item.Kind == planfile.KindDirectory {
			continue
		}
		if n := len(s.changing); n == 0 || s.changing[n-1] != item.Experiment {
			s.changing = append(s.changing, item.Experiment)
		}
	}
	_, err = io.Copy(io.Discard, source)
	return s, hex.EncodeToString(hash.Sum(nil)), err
}

// changes counts what would be done.
func (s sums) changes() (n int) {
	for action, count := range s.files {
		if action.Changes() {
			n += count
		}
	}
	return n + s.counts[planfile.Register]
}

// checkLimits refuses a plan that does too much.
func (o *Options) checkLimits(s sums) error {
	if changes := s.changes(); o.MaxChanges > 0 && changes > o.MaxChanges {
		return fmt.Errorf("%d changes, the limit is %d: %w", changes, o.MaxChanges, ErrLimit)
	}
	replaced := s.files[planfile.Replace]
	deployed := replaced + s.files[planfile.Unchanged] + s.files[planfile.Adopt]
	if o.MaxReplacePercent > 0 && float64(replaced)*100 > o.MaxReplacePercent*float64(deployed) {
		return fmt.Errorf("%d of %d deployed files would be replaced, the limit is %v %%: %w", replaced, deployed, o.MaxReplacePercent, ErrLimit)
	}
	return nil
}

// apply carries the pinned plan of an open transaction out.
func (o Options) apply(ctx context.Context, store *tx.Store, t *tx.Tx, s sums) (Result, error) {
	a := newApplying(o, store, t)
	a.plan = t.Plan
	r := a.run
	from := 0
	for _, end := range cuts(o.Waves, len(s.changing)) {
		wave := map[string]bool{}
		for _, experiment := range s.changing[from:end] {
			wave[experiment] = true
		}
		if err := a.wave(ctx, wave); err != nil {
			return r.result, errors.Join(err, t.Close())
		}
		if end < len(s.changing) && o.Verify != nil {
			if err := o.Verify(ctx, t.ID(), s.changing[:end]); err != nil {
				return r.result, errors.Join(fmt.Errorf("%w: %w", ErrWave, err), t.Close())
			}
		}
		from = end
	}
	return r.finish(t)
}

// finish ends the transaction, unless something is left for Resume.
func (r *run) finish(t *tx.Tx) (Result, error) {
	if r.hanging {
		return r.result, t.Close()
	}
	if err := t.Finish(tx.Result{}); err != nil {
		return r.result, err
	}
	r.result.Complete = true
	return r.result, nil
}

// Resume goes on with a transaction that was interrupted: an apply or an undo. What
// is done stays; what was skipped or failed is tried again. Errors are those of
// Apply, Undo and tx.Store.Resume.
func Resume(ctx context.Context, o Options, id string) (Result, error) {
	o.applyDefaults()
	store, err := tx.Open(o.State)
	if err != nil {
		return Result{}, err
	}
	t, err := store.Resume(ctx, id)
	if err != nil {
		return Result{}, err
	}
	if t.Header().Kind == tx.Undo {
		return o.resumeUndo(ctx, store, t)
	}
	plan, err := t.Plan()
	if err != nil {
		return Result{}, errors.Join(err, t.Close())
	}
	defer plan.Close() // only read
	text, err := io.ReadAll(plan)
	if err != nil {
		return Result{}, errors.Join(err, t.Close())
	}
	s, _, err := survey(bytes.NewReader(text))
	if err != nil {
		return Result{}, errors.Join(err, t.Close())
	}
	return o.apply(ctx, store, t, s)
}
