package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"deployconstants/jobs/jobdir"
	"deployconstants/jobs/tx"
	"deployconstants/stages/apply"
	"deployconstants/stages/manifest"
)

// ApplyOptions say how a shard of a plan is carried out.
type ApplyOptions struct {
	Job   *jobdir.Job
	Apply apply.Options // Events is set here
	Now   func() time.Time
	Tell  func(settled, failed int) // of experiments; may be nil
}

// Apply carries out a shard of the plan, in the transaction of the job, and publishes
// its result. Errors wrap ErrLocked and ErrDoubt, or are those of apply.Carry.
func Apply(ctx context.Context, a *jobdir.Attempt, o ApplyOptions) error {
	if len(a.Left()) > 0 {
		if err := applyLeft(ctx, a, o); err != nil {
			return err
		}
	}
	return a.Publish(o.Now(), nil)
}

func applyLeft(ctx context.Context, a *jobdir.Attempt, o ApplyOptions) error {
	cut, err := o.Job.Shards(jobdir.Apply)
	if err != nil {
		return err
	}
	plan, err := o.Job.PlanOf(a.Shard())
	if err != nil {
		return err
	}
	share := apply.Share{Part: tx.Part{Shard: a.Shard(), Attempt: a.Who().Attempt}, Plan: plan, Done: map[string]bool{}}
	for _, work := range a.Manifest() {
		share.Done[work.Experiment] = a.Settled(work.Experiment)
	}
	s, ctx := newSettler(ctx, a, o.Tell)
	defer s.cancel(nil)
	applying := o.Apply
	var locked []string
	applying.Events = func(outcome apply.Outcome) {
		if outcome.Status == apply.Locked {
			if !slices.Contains(locked, outcome.Experiment) {
				locked = append(locked, outcome.Experiment)
			}
			return
		}
		s.line(outcome.Experiment, manifest.OfOutcome(outcome), failureOfOutcome(outcome))
		s.nowAndThen()
	}
	result, err := apply.Carry(ctx, applying, cut.Transaction, share)
	if s.current != nil && slices.Contains(locked, s.current.Experiment) {
		s.drop() // a panel of it was registered
	}
	s.ready = slices.DeleteFunc(s.ready, func(item jobdir.Item) bool { return slices.Contains(locked, item.Experiment) })
	if err != nil {
		s.next() // a batch of experiments is told of as a whole
		s.settle()
		return errors.Join(err, s.err)
	}
	if !result.Complete {
		return fmt.Errorf("transaction %s: %w", cut.Transaction, ErrDoubt)
	}
	s.next()
	s.settle()
	if s.err != nil {
		return s.err
	}
	if len(locked) > 0 {
		return fmt.Errorf("experiments %d, the first is %s: %w", len(locked), locked[0], ErrLocked)
	}
	s.rest()
	return s.err
}

// failureOfOutcome returns the message of an outcome that is a failure.
func failureOfOutcome(o apply.Outcome) string {
	switch o.Status {
	case apply.Skipped, apply.Failed:
		return fmt.Sprintf("%s: %s", o.Status, o.Cause)
	}
	return ""
}
