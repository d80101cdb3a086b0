package task

import (
	"context"
	"encoding/json"
	"time"

	"deployconstants/jobs/jobdir"
)

// settleEvery bounds what a crash loses, where something is settled as soon as it is
// done: each time costs a sync.
const settleEvery = 2 * time.Second

// A settler puts the lines of one experiment together, and settles experiments when they
// are complete. Its first error is kept, and ends the work through cancel.
type settler struct {
	attempt *jobdir.Attempt
	cancel  context.CancelCauseFunc
	tell    func(settled, failed int)
	last    time.Time
	ready   []jobdir.Item
	current *jobdir.Item
	err     error
}

func newSettler(ctx context.Context, a *jobdir.Attempt, tell func(settled, failed int)) (*settler, context.Context) {
	ctx, cancel := context.WithCancelCause(ctx)
	if tell == nil {
		tell = func(int, int) {}
	}
	return &settler{attempt: a, cancel: cancel, tell: tell, last: time.Now()}, ctx
}

// line adds a line to an experiment. Those of one come together. A failure is the
// message of what was not done, "" for none.
func (s *settler) line(experiment string, line any, failure string) {
	text, err := json.Marshal(line)
	if err != nil {
		s.fail(err)
		return
	}
	if s.current == nil || s.current.Experiment != experiment {
		s.next()
		s.current = &jobdir.Item{Experiment: experiment}
	}
	s.current.Lines = append(s.current.Lines, text)
	if failure != "" {
		if s.current.Failures == nil {
			s.current.Failures = map[string]int{}
		}
		s.current.Failures[Cause(failure)]++
	}
}

// next ends the current experiment.
func (s *settler) next() {
	if s.current != nil {
		s.ready = append(s.ready, *s.current)
		s.current = nil
	}
}

// drop forgets the current experiment: it is left to the next attempt.
func (s *settler) drop() { s.current = nil }

// now and then settles what is ready.
func (s *settler) nowAndThen() {
	if time.Since(s.last) >= settleEvery {
		s.settle()
	}
}

// settle settles what is ready.
func (s *settler) settle() {
	if s.err != nil || len(s.ready) == 0 {
		return
	}
	if err := s.attempt.Settle(s.ready...); err != nil {
		s.fail(err)
		return
	}
	failed := 0
	for _, item := range s.ready {
		for _, n := range item.Failures {
			failed += n
		}
	}
	s.tell(len(s.ready), failed)
	s.ready, s.last = nil, time.Now()
}

// rest settles the experiments that there was nothing to say of.
func (s *settler) rest() {
	for _, experiment := range s.attempt.Left() {
		s.ready = append(s.ready, jobdir.Item{Experiment: experiment})
	}
	s.settle()
}

func (s *settler) fail(err error) {
	if s.err == nil {
		s.err = err
		s.cancel(err)
	}
}
