package task

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"deployconstants/jobs/jobdir"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo/digest"
	"deployconstants/stages/apply"
	"deployconstants/stages/manifest"
	"deployconstants/stages/verify"
)

// VerifyOptions say how a shard is verified.
type VerifyOptions struct {
	Job     *jobdir.Job
	Apply   apply.Options // of the transaction, which is finished first
	Store   *tx.Store
	Digests *digest.Cache  // nil: every file is read
	Verify  verify.Options // Deployed and Digest are set here, and the experiments of Filter
	Now     func() time.Time
	Tell    func(settled, failed int) // of experiments; may be nil
}

// Verify finishes the transaction of the job, if no other task has, and looks at
// everything that is deployed in the experiments of the shard. The error is a
// *WaitError while shards of apply have no result.
func Verify(ctx context.Context, a *jobdir.Attempt, o VerifyOptions) error {
	cut, err := o.Job.Shards(jobdir.Verify)
	if err != nil {
		return err
	}
	if err := Conclude(ctx, o.Job, o.Apply, cut.Transaction); err != nil {
		return err
	}
	if left := a.Left(); len(left) > 0 {
		if err := verifyLeft(ctx, a, o, left); err != nil {
			return err
		}
	}
	return a.Publish(o.Now(), nil)
}

// concludeTimeout is how long a task waits for another one that finishes the
// transaction: it reads all journals and writes one.
const concludeTimeout = 10 * time.Minute

// Conclude finishes the transaction of a job, of no id: there is none, when all shards
// of apply have their result. One that is finished already is no error; else errors are
// *WaitError, ErrDoubt, and those of apply.Conclude.
func Conclude(ctx context.Context, job *jobdir.Job, o apply.Options, id string) error {
	if id == "" {
		return nil
	}
	missing, err := job.Missing(jobdir.Apply)
	switch {
	case err != nil:
		return err
	case len(missing) > 0:
		return &WaitError{Step: jobdir.Apply, Missing: missing}
	}
	store, err := tx.Open(o.State)
	if err != nil {
		return err
	}
	if finished, err := isFinished(ctx, store, id); finished || err != nil {
		return err
	}
	held, err := job.Lock(ctx, "conclude", o.Holder, concludeTimeout)
	if err != nil {
		return err
	}
	defer held.Release()
	for begin := time.Now(); ; {
		complete, err := apply.Conclude(ctx, o, id)
		switch {
		case errors.Is(err, tx.ErrRunning) && time.Since(begin) < concludeTimeout && ctx.Err() == nil:
			if err := pipeline.Sleep(ctx, time.Second); err != nil {
				return err
			}
			continue // an attempt that was taken for dead, or a task that was faster
		case err == nil && !complete:
			return fmt.Errorf("transaction %s: %w", id, ErrDoubt)
		}
		return err
	}
}

func isFinished(ctx context.Context, store *tx.Store, id string) (bool, error) {
	summary, err := store.Summary(ctx, id)
	return summary.Result != nil, err
}

// verifyParts is into how many parts a shard is verified, so that a task which is told
// to stop has settled some.
const verifyParts = 8

func verifyLeft(ctx context.Context, a *jobdir.Attempt, o VerifyOptions, left []string) error {
	deployed, err := o.Store.Deployed(ctx)
	if err != nil {
		return err
	}
	v := o.Verify
	v.Deployed = deployed
	if o.Digests != nil {
		v.Digest = func(ctx context.Context, path string, open func() (*os.File, error)) (string, error) {
			sum, _, err := o.Digests.Sum(ctx, path, open)
			return sum.String(), err
		}
	}
	for part := range slices.Chunk(left, (len(left)+verifyParts-1)/verifyParts) {
		if err := verifyPart(ctx, a, v, part, o.Tell); err != nil {
			return err
		}
	}
	return nil
}

// verifyPart verifies some experiments, and settles them together.
func verifyPart(ctx context.Context, a *jobdir.Attempt, v verify.Options, experiments []string, tell func(settled, failed int)) error {
	s, ctx := newSettler(ctx, a, tell)
	defer s.cancel(nil)
	findings := map[string][]verify.Finding{}
	v.Filter.Experiments = experiments
	if _, err := verify.Verify(ctx, v, func(f verify.Finding) error {
		findings[f.Experiment] = append(findings[f.Experiment], f)
		return nil
	}); err != nil {
		return err
	}
	for _, experiment := range experiments {
		for _, f := range findings[experiment] {
			s.line(experiment, manifest.OfFinding(f), failureOfFinding(f))
		}
		if len(findings[experiment]) == 0 {
			s.next()
			s.ready = append(s.ready, jobdir.Item{Experiment: experiment})
		}
	}
	s.next()
	s.settle()
	return s.err
}

// failureOfFinding returns the message of a finding that is a failure: drift is none.
func failureOfFinding(f verify.Finding) string {
	if f.Class == verify.Unreadable {
		return fmt.Sprintf("%s: %s", f.Class, f.Cause)
	}
	return ""
}
