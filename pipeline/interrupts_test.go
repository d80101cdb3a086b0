package pipeline_test

import (
	"context"
	"errors"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"deployconstants/pipeline"
)

// TestInterrupts sends signals to a run of ten items of three seconds each on one
// worker, so that it would take thirty seconds.
func TestInterrupts(t *testing.T) {
	type send struct {
		at     time.Duration
		signal os.Signal
	}
	for _, tc := range []struct {
		name    string
		signals []send
		grace   time.Duration
		want    time.Duration // how long the run takes
		signal  os.Signal     // in the error; nil: no error
	}{
		{name: "none", want: 30 * time.Second},
		{name: "first", signals: []send{{7 * time.Second, syscall.SIGTERM}}, want: 12 * time.Second, signal: syscall.SIGTERM},
		{name: "within the grace", signals: []send{{7 * time.Second, syscall.SIGTERM}}, grace: time.Minute, want: 12 * time.Second, signal: syscall.SIGTERM},
		{name: "after the grace", signals: []send{{7 * time.Second, syscall.SIGTERM}}, grace: time.Second, want: 8 * time.Second, signal: syscall.SIGTERM},
		{name: "second", signals: []send{{7 * time.Second, syscall.SIGTERM}, {8 * time.Second, os.Interrupt}}, want: 8 * time.Second, signal: os.Interrupt},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				signals := make(chan os.Signal, 2)
				for _, s := range tc.signals {
					time.AfterFunc(s.at, func() { signals <- s.signal })
				}
				ctx, drain, release := pipeline.Interrupts(t.Context(), signals, tc.grace)
				defer release()
				start := time.Now()
				work := func(ctx context.Context, i int) (int, error) {
					select {
					case <-time.After(3 * time.Second):
						return i, nil
					case <-ctx.Done():
						return 0, ctx.Err()
					}
				}
				var got recorder
				err := pipeline.Run(ctx, pipeline.Options{Workers: 1, Drain: drain}, upTo(10), work, got.sink)
				if took := time.Since(start); took != tc.want {
					t.Errorf("run took %v, want %v", took, tc.want)
				}
				got.check(t, int(tc.want/(3*time.Second)))
				cause, stopped := errors.AsType[*pipeline.SignalError](err)
				switch {
				case tc.signal == nil && err != nil:
					t.Errorf("error %v, want none", err)
				case tc.signal != nil && (!stopped || cause.Signal != tc.signal || !errors.Is(err, pipeline.ErrNotAttempted)):
					t.Errorf("error %v, want ErrNotAttempted by %v", err, tc.signal)
				}
			})
		})
	}
}

// TestInterruptsRelease ends both contexts, and the goroutine that waits.
func TestInterruptsRelease(t *testing.T) {
	ctx, drain, release := pipeline.Interrupts(t.Context(), nil, 0)
	if ctx.Err() != nil || drain.Err() != nil {
		t.Error("contexts are done without a signal")
	}
	release()
	if ctx.Err() == nil || drain.Err() == nil {
		t.Error("contexts go on after release")
	}
}
