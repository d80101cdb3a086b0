package slurm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// What Find can end with, besides an id.
var (
	// ErrUnknown: whether the job was submitted could not be learned.
	ErrUnknown = errors.New("it is not known whether the job was submitted")

	// ErrSeveral: more than one job has the name.
	ErrSeveral = errors.New("several jobs have the name")
)

// An AbsentError says that a job is not there: the queue answered without it for
// all of Search.Settle.
type AbsentError struct {
	Name   string
	Waited time.Duration // that the queue was watched

	// Accounted: accounting has no record either, which makes it certain. Without,
	// a job that ended and was forgotten (MinJobAge) within that time is possible.
	Accounted bool
}

// Error says how sure it is.
func (e *AbsentError) Error() string {
	sure := "and accounting has no record of it"
	if !e.Accounted {
		sure = "and accounting could not be asked"
	}
	return fmt.Sprintf("job %s was not submitted: the queue has not had it for %v, %s; submit it again", e.Name, e.Waited.Round(time.Second), sure)
}

// A Search is how Find looks for a job.
type Search struct {
	Name  string    // of the Submission
	Since time.Time // before it was submitted

	// Settle is how long the queue has to answer without the job. 0: 65 s. Shorter
	// is risky: what a client sent before it gave up lies in the controller's
	// socket, and is carried out when the controller goes on.
	Settle time.Duration

	// Patience is how long to ask in all. 0: 5 min; not less than Settle.
	Patience time.Duration

	// Interval is the first pause; each is twice the one before, up to 15 s, or the
	// Interval if that is more. 0: 1 s.
	Interval time.Duration

	Now   func() time.Time                           // nil: time.Now
	Sleep func(context.Context, time.Duration) error // nil: sleeps until ctx ends
}

// longestPause is between two looks, unless the first pause is longer.
const longestPause = 15 * time.Second

func (s *Search) applyDefaults() {
	s.Settle = cmp.Or(s.Settle, 65*time.Second) // more than the minute that was measured to suffice
	s.Patience = max(cmp.Or(s.Patience, 5*time.Minute), s.Settle)
	s.Interval = cmp.Or(s.Interval, time.Second)
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Sleep == nil {
		s.Sleep = sleep
	}
}

// Find returns the id of the job that was submitted under the name after all. It
// looks in the queue and in accounting until it is found. Errors are an
// *AbsentError; ErrUnknown, where the queue did not answer long enough, or ctx
// ended; ErrSeveral; or a *FieldError.
func Find(ctx context.Context, in Scheduler, s Search) (JobID, error) {
	if err := checkName("Name", s.Name); err != nil {
		return 0, err
	}
	if s.Since.IsZero() {
		return 0, errNoSince
	}
	s.applyDefaults()
	begun := s.Now()
	pause := s.Interval
	var quiet time.Time // since when the queue answers without it; zero: it does not answer
	for {
		asked := s.Now()
		id, seen := s.look(ctx, in)
		switch {
		case id != 0 || errors.Is(seen.queue, ErrSeveral):
			return id, seen.queue
		case ctx.Err() != nil:
			return 0, fmt.Errorf("%w: %w", ErrUnknown, context.Cause(ctx))
		case errors.Is(seen.queue, ErrNotStarted):
			return 0, fmt.Errorf("%w: %w", ErrUnknown, seen.queue)
		case seen.queue != nil:
			quiet = time.Time{}
		case quiet.IsZero():
			quiet = asked
		}
		if !quiet.IsZero() && asked.Sub(quiet) >= s.Settle {
			return 0, &AbsentError{Name: s.Name, Waited: asked.Sub(quiet), Accounted: seen.accounting == nil}
		}
		left := s.Patience - s.Now().Sub(begun)
		if left <= 0 {
			return 0, s.unknown(seen.queue)
		}
		next := min(pause, left)
		if !quiet.IsZero() {
			next = min(next, s.Settle-asked.Sub(quiet))
		}
		if err := s.Sleep(ctx, next); err != nil {
			return 0, fmt.Errorf("%w: %w", ErrUnknown, err)
		}
		pause = min(2*pause, max(longestPause, s.Interval))
	}
}

// sight is what hindered a look.
type sight struct {
	queue, accounting error
}

// look asks once. id 0: it is not seen; ErrSeveral is an error of the queue.
func (s *Search) look(ctx context.Context, in Scheduler) (id JobID, seen sight) {
	names := []string{s.Name}
	var ids []JobID
	tasks, err := in.Jobs(ctx, names)
	seen.queue = err
	for _, task := range tasks {
		ids = append(ids, task.ID.Job)
	}
	records, err := in.Accounting(ctx, names, s.Since)
	seen.accounting = err
	for _, record := range records {
		ids = append(ids, record.ID.Job)
	}
	slices.Sort(ids)
	switch ids = slices.Compact(ids); len(ids) {
	case 0:
		return 0, seen
	case 1:
		return ids[0], sight{}
	default:
		return 0, sight{queue: fmt.Errorf("%w %s: %v; cancel all but one", ErrSeveral, s.Name, ids)}
	}
}

// unknown says why nothing is known at the end.
func (s *Search) unknown(queue error) error {
	if queue == nil {
		return fmt.Errorf("%w: the queue did not answer for %v without a break within %v", ErrUnknown, s.Settle, s.Patience)
	}
	return fmt.Errorf("%w: after %v: %w", ErrUnknown, s.Patience, queue)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
