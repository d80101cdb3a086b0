package pipeline

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

// Interrupts makes of signals the two ways to stop a run: the first signal ends
// drain, which is for Options.Drain; the second, or the end of the grace period
// after the first, ends ctx and with it drain. A grace of zero has no end; choose
// it shorter than the time that Slurm leaves between SIGTERM and SIGKILL. The cause
// of either context is a *SignalError.
//
// Signals comes from signal.Notify and should have room for two. The caller calls
// release at last; it ends both contexts and what waits for signals.
func Interrupts(parent context.Context, signals <-chan os.Signal, grace time.Duration) (ctx, drain context.Context, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	drain, closeSource := context.WithCancelCause(ctx)
	var group errgroup.Group
	group.Go(func() error {
		var first *SignalError
		select {
		case s := <-signals:
			first = &SignalError{s}
		case <-ctx.Done():
			return nil
		}
		closeSource(first)
		var over <-chan time.Time
		if grace > 0 {
			over = time.After(grace)
		}
		select {
		case s := <-signals:
			cancel(&SignalError{s})
		case <-over:
			cancel(fmt.Errorf("%w, and %v were not enough to finish", first, grace))
		case <-ctx.Done():
		}
		return nil
	})
	return ctx, drain, func() {
		cancel(nil)
		_ = group.Wait() // the only goroutine returns nil
	}
}
