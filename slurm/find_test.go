package slurm_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"deployconstants/slurm"
)

// A story is a scheduler that changes as time passes. What it does not have panics.
type story struct {
	slurm.Scheduler
	begun time.Time
	jobs  func(after time.Duration) ([]slurm.Task, error)
	acct  func(after time.Duration) ([]slurm.Record, error)
	looks int
}

func (s *story) Jobs(_ context.Context, names []string) ([]slurm.Task, error) {
	s.looks++
	return s.jobs(time.Since(s.begun))
}

func (s *story) Accounting(context.Context, []string, time.Time) ([]slurm.Record, error) {
	return s.acct(time.Since(s.begun))
}

var (
	there  = []slurm.Task{{ID: slurm.JobID(7).Task(0)}, {ID: slurm.JobID(7).Task(1)}}
	record = []slurm.Record{{ID: slurm.JobID(7).Task(0)}}
)

// find runs Find in a bubble, whose time passes at once.
func find(t *testing.T, s *story) (id slurm.JobID, took time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s.begun = time.Now()
		id, err = slurm.Find(t.Context(), s, slurm.Search{Name: "x", Since: s.begun})
		took = time.Since(s.begun)
	})
	return id, took, err
}

func TestFind(t *testing.T) {
	empty := func(time.Duration) ([]slurm.Task, error) { return nil, nil }
	silent := func(time.Duration) ([]slurm.Task, error) { return nil, slurm.ErrUnreachable }
	noRecords := func(time.Duration) ([]slurm.Record, error) { return nil, nil }
	switchedOff := func(time.Duration) ([]slurm.Record, error) { return nil, slurm.ErrNoAccounting }
	for name, c := range map[string]struct {
		jobs     func(time.Duration) ([]slurm.Task, error)
		acct     func(time.Duration) ([]slurm.Record, error)
		id       slurm.JobID
		want     error // nil, or *AbsentError by absent
		absent   *slurm.AbsentError
		min, max time.Duration
	}{
		"it is there": {
			jobs: func(time.Duration) ([]slurm.Task, error) { return there, nil }, acct: switchedOff, id: 7,
		},
		"it appears after 60 s": {
			jobs: func(d time.Duration) ([]slurm.Task, error) {
				if d < 60*time.Second {
					return nil, nil
				}
				return there, nil
			},
			acct: noRecords, id: 7, min: 60 * time.Second, max: 75 * time.Second,
		},
		"the controller comes back, and the job with it": {
			jobs: func(d time.Duration) ([]slurm.Task, error) {
				switch {
				case d < 3*time.Minute:
					return nil, slurm.ErrUnreachable
				case d < 4*time.Minute:
					return nil, nil
				}
				return there, nil
			},
			acct: switchedOff, id: 7, min: 4 * time.Minute, max: 5 * time.Minute,
		},
		"it ended, and is in accounting": {jobs: empty, acct: func(time.Duration) ([]slurm.Record, error) { return record, nil }, id: 7},
		"the queue is silent, accounting is not": {
			jobs: silent, acct: func(time.Duration) ([]slurm.Record, error) { return record, nil }, id: 7,
		},
		"in both": {
			jobs: func(time.Duration) ([]slurm.Task, error) { return there, nil },
			acct: func(time.Duration) ([]slurm.Record, error) { return record, nil }, id: 7,
		},
		"certainly not": {
			jobs: empty, acct: noRecords, absent: &slurm.AbsentError{Name: "x", Waited: 65 * time.Second, Accounted: true},
			min: 65 * time.Second, max: 65 * time.Second,
		},
		"presumably not": {
			jobs: empty, acct: switchedOff, absent: &slurm.AbsentError{Name: "x", Waited: 65 * time.Second},
			min: 65 * time.Second, max: 65 * time.Second,
		},
		"the queue is silent": {jobs: silent, acct: noRecords, want: slurm.ErrUnknown, min: 5 * time.Minute, max: 5 * time.Minute},
		"the queue is silent again and again": {
			jobs: func(d time.Duration) ([]slurm.Task, error) {
				if int(d/(30*time.Second))%2 == 0 {
					return nil, nil
				}
				return nil, slurm.ErrUnreachable
			},
			acct: noRecords, want: slurm.ErrUnknown, min: 5 * time.Minute, max: 5 * time.Minute,
		},
		"the queue was silent at first": {
			jobs: func(d time.Duration) ([]slurm.Task, error) {
				if d < time.Minute {
					return nil, slurm.ErrUnreachable
				}
				return nil, nil
			},
			acct: noRecords, absent: &slurm.AbsentError{Name: "x", Waited: 65 * time.Second, Accounted: true},
			min: 125 * time.Second, max: 140 * time.Second,
		},
		"no squeue": {jobs: func(time.Duration) ([]slurm.Task, error) { return nil, slurm.ErrNotStarted }, acct: switchedOff, want: slurm.ErrUnknown},
		"two of them": {jobs: func(time.Duration) ([]slurm.Task, error) {
			return append(there, slurm.Task{ID: slurm.JobID(8).Task(0)}), nil
		}, acct: noRecords, want: slurm.ErrSeveral},
		"one each way": {jobs: func(time.Duration) ([]slurm.Task, error) { return there, nil }, acct: func(time.Duration) ([]slurm.Record, error) { return []slurm.Record{{ID: slurm.JobID(9).Task(0)}}, nil }, want: slurm.ErrSeveral},
	} {
		t.Run(name, func(t *testing.T) {
			s := &story{jobs: c.jobs, acct: c.acct}
			id, took, err := find(t, s)
			absent, isAbsent := errors.AsType[*slurm.AbsentError](err)
			switch {
			case c.absent != nil:
				if !isAbsent || *absent != *c.absent {
					t.Errorf("error %v, want %v", err, c.absent)
				}
			case isAbsent || !errors.Is(err, c.want) || id != c.id:
				t.Errorf("job %v, error %v; want job %v, error %v", id, err, c.id, c.want)
			}
			if took < c.min || took > c.max {
				t.Errorf("took %v, want %v to %v", took, c.min, c.max)
			}
			if s.looks > 30 {
				t.Errorf("%d looks", s.looks)
			}
		})
	}
}

// The end of ctx is no answer.
func TestFindCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &story{
			begun: time.Now(),
			jobs:  func(time.Duration) ([]slurm.Task, error) { return nil, nil },
			acct:  func(time.Duration) ([]slurm.Record, error) { return nil, nil },
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		_, err := slurm.Find(ctx, s, slurm.Search{Name: "x", Since: s.begun})
		if !errors.Is(err, slurm.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) || time.Since(s.begun) != 30*time.Second {
			t.Errorf("error %v after %v", err, time.Since(s.begun))
		}
	})
}

// Clock and sleep are the caller's, if it has its own.
func TestFindClock(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	s := &story{
		jobs: func(time.Duration) ([]slurm.Task, error) { return nil, nil },
		acct: func(time.Duration) ([]slurm.Record, error) { return nil, nil },
	}
	var pauses []time.Duration
	_, err := slurm.Find(t.Context(), s, slurm.Search{
		Name: "x", Since: now, Settle: 10 * time.Second, Interval: 2 * time.Second,
		Now: func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error {
			pauses, now = append(pauses, d), now.Add(d)
			return nil
		},
	})
	if absent, ok := errors.AsType[*slurm.AbsentError](err); !ok || absent.Waited != 10*time.Second || len(pauses) != 3 {
		t.Errorf("error %v, pauses %v", err, pauses)
	}
	for _, search := range []slurm.Search{{Since: now}, {Name: "a,b", Since: now}, {Name: "x"}} {
		if _, err := slurm.Find(t.Context(), s, search); !isFieldError(err) {
			t.Errorf("%+v: %v", search, err)
		}
	}
}
