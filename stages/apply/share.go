package apply

import (
	"context"
	"errors"
	"fmt"
	"io"

	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
)

// Begin begins a transaction that several processes are to carry out together, of a
// plan that is read from its beginning and pinned, and returns its id. Errors are
// those of Apply before anything is done.
func Begin(ctx context.Context, o Options, plan io.ReadSeeker) (id string, err error) {
	_, t, _, err := o.begin(ctx, plan)
	if err != nil {
		return "", err
	}
	return t.ID(), t.Close()
}

// Check reads a plan and returns the error that Apply would return for it before
// anything is done: a *planfile.FormatError, or ErrLimit.
func Check(o Options, plan io.ReadSeeker) error {
	s, _, err := survey(plan)
	if err == nil {
		err = o.checkLimits(s)
	}
	return err
}

// Register makes trees and aliases of all panels that are new to the repository, one
// after the other in the order of the plan, so that their aliases are those that one
// process would give them. What is registered stays so; what fails is tried again by
// Share. Errors are those of tx.Store.Resume, tx.ErrJournal, and the cause of ctx.
func Register(ctx context.Context, o Options, id string) (err error) {
	o.applyDefaults()
	store, err := tx.Open(o.State)
	if err != nil {
		return err
	}
	t, err := store.Resume(ctx, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	a := newApplying(o, store, t)
	plan, err := t.Plan()
	if err != nil {
		return err
	}
	defer plan.Close() // only read
	reader, err := planfile.NewReader(plan, planfile.Limits{})
	if err != nil {
		return err
	}
	defer reader.Close()
	for item, err := range reader.Items() {
		switch {
		case err != nil:
			return err
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case item.Kind != planfile.KindPanel || item.Action != planfile.Register:
			continue
		}
		s := &step{item: item, Place: tx.Place{Experiment: item.Experiment}}
		if err := a.register(ctx, s); errors.Is(err, tx.ErrJournal) {
			return err
		}
	}
	return nil
}

// A Share is the part of a transaction that one process carries out.
type Share struct {
	tx.Part
	Plan io.ReadSeeker   // whole experiments of the transaction's plan, as a plan of their own
	Done map[string]bool // experiments of it that are settled and not looked at again
}

// Carry carries out one share of a transaction that Begin began: all changes of its
// plan, in the manner of Apply. Any number of processes may carry out shares of one
// transaction at once, and more than one, by mistake, the same share: each file is
// published once, and what one has done the other finds done. Outcomes that are Locked
// are of experiments in which another process works, perhaps one at the same share:
// they are to be tried again.
//
// The Result is of this share; Complete says that no file of it is left in doubt.
// Errors are those of Apply and of tx.Store.Join.
func Carry(ctx context.Context, o Options, id string, share Share) (Result, error) {
	o.applyDefaults()
	sums, _, err := survey(share.Plan)
	if err != nil {
		return Result{}, err
	}
	store, err := tx.Open(o.State)
	if err != nil {
		return Result{}, err
	}
	t, err := store.Join(ctx, id, share.Part)
	if err != nil {
		return Result{}, err
	}
	a := newApplying(o, store, t)
	a.others = t.Others
	a.plan = func() (io.ReadCloser, error) {
		_, err := share.Plan.Seek(0, io.SeekStart)
		return io.NopCloser(share.Plan), err
	}
	wave := map[string]bool{}
	for _, experiment := range sums.changing {
		wave[experiment] = !share.Done[experiment]
	}
	err = a.wave(ctx, wave)
	a.run.result.Complete = err == nil && !a.hanging
	return a.run.result, errors.Join(err, t.Close())
}

// Conclude finishes a transaction whose shares have all been carried out. It reports
// false, and leaves the transaction to be resumed, where an intent has no result. One
// that is finished already is no error; others are those of tx.Store.Resume, such as
// tx.ErrRunning, and of tx.Tx.Finish.
func Conclude(ctx context.Context, o Options, id string) (complete bool, err error) {
	o.applyDefaults()
	store, err := tx.Open(o.State)
	if err != nil {
		return false, err
	}
	t, err := store.Resume(ctx, id)
	if errors.Is(err, tx.ErrFinished) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, p := range before(t.Records()) {
		if p.open != nil && p.settled == nil {
			return false, t.Close()
		}
	}
	if err := t.Finish(tx.Result{}); err != nil {
		return false, fmt.Errorf("conclude: %w", err)
	}
	return true, nil
}
