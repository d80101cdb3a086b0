package pipeline

import (
	"context"
	"errors"
	"runtime/debug"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
)

// Result is what became of an item.
type Result[In, Out any] struct {
	Item In
	Out  Out   // what work returned, beside an error too
	Err  error // of work; *PanicError if it panicked
}

// Run hands the items that source emits to o.Workers concurrent calls of work, and
// their results to sink, in the order of emission. It returns when all of them
// have ended; the package documentation says how that comes about and with which
// error. If several things fail, the error of the sink or of ctx is returned
// rather than that of the source.
//
// Source calls emit from one goroutine, and stops at its first error, which emit
// repeats from then on, or when the source's context is done. The context of work
// is done when the results are no longer wanted; its cause says why.
func Run[In, Out any](
	ctx context.Context, o Options,
	source func(ctx context.Context, emit func(In) error) error,
	work func(ctx context.Context, item In) (Out, error),
	sink func(Result[In, Out]) error,
) error {
	weightless := func(In) int64 { return 0 }
	return RunWeighted(ctx, o, weightless, source, work, sink)
}

// RunWeighted is Run with o.MaxBytes as the bound on the sum of weight over the
// items in flight. The weight of an item is in bytes: the most memory that its
// work and Out will hold. It is asked for once, in emit. An item that outweighs
// MaxBytes waits until it is alone but for items of no weight; a negative weight
// is none.
func RunWeighted[In, Out any](
	ctx context.Context, o Options, weight func(In) int64,
	source func(ctx context.Context, emit func(In) error) error,
	work func(ctx context.Context, item In) (Out, error),
	sink func(Result[In, Out]) error,
) error {
	o.applyDefaults()
	group, ctx := errgroup.WithContext(ctx)
	open, closeSource := context.WithCancelCause(ctx)
	r := &run[In, Out]{
		ctx: ctx, group: group, drain: o.Drain, open: open, closeSource: closeSource,
		weight: weight, source: source, work: work, sink: sink,
		maxBytes: o.MaxBytes, bytes: semaphore.NewWeighted(o.MaxBytes),
		order: make(chan *future[In, Out], o.Window-1), jobs: make(chan *future[In, Out]),
	}
	group.Go(r.watch)
	group.Go(r.produce)
	for range o.Workers {
		group.Go(r.consume)
	}
	group.Go(r.deliver)
	if err := group.Wait(); err != nil {
		return err
	}
	return r.sourceErr
}

// future is an item in flight. Its result may be read once done is closed.
type future[In, Out any] struct {
	Result[In, Out]
	weight int64 // bytes held of the semaphore
	done   chan struct{}
}

// run is one call of Run under way: its methods are the goroutines, and what they
// share.
type run[In, Out any] struct {
	ctx   context.Context // done when the sink fails or the caller's is
	group *errgroup.Group
	drain context.Context

	open        context.Context // the source's: done when ctx or drain is
	closeSource context.CancelCauseFunc
	sourceErr   error // why the source ended early; to be read after group.Wait

	weight func(In) int64
	source func(context.Context, func(In) error) error
	work   func(context.Context, In) (Out, error)
	sink   func(Result[In, Out]) error

	maxBytes int64
	bytes    *semaphore.Weighted // free weight

	// Every item goes into order, for the sink, and then to a worker by jobs. The
	// sink holds one future while order holds Window-1: that bounds the items in
	// flight. Being unbuffered, jobs keeps no item waiting that a drain would have
	// to finish, but the one that emit stands with.
	order, jobs chan *future[In, Out]
}

// watch closes the source when the run shall drain.
func (r *run[In, Out]) watch() error {
	select {
	case <-r.drain.Done():
		r.closeSource(context.Cause(r.drain))
	case <-r.open.Done():
	}
	return nil
}

// produce runs the source. An error of it is kept until the items in flight have
// reached the sink; returned to the group it would cancel them.
func (r *run[In, Out]) produce() error {
	defer close(r.jobs)
	defer close(r.order)
	defer r.closeSource(nil)
	var refused error
	r.sourceErr = r.source(r.open, func(item In) error {
		if refused == nil {
			refused = r.admit(item)
		}
		return refused
	})
	switch err := r.sourceErr; {
	case err == nil:
		r.sourceErr = refused
	case errors.Is(err, r.open.Err()): // the source heeded its context by itself
		r.sourceErr = notAttempted(r.open)
	}
	return nil
}

// admit waits until there is room for item, and puts it in flight.
func (r *run[In, Out]) admit(item In) error {
	if r.drain.Err() != nil { // watch may not have come to it yet
		r.closeSource(context.Cause(r.drain))
	}
	f := &future[In, Out]{
		Result: Result[In, Out]{Item: item},
		weight: max(0, min(r.weight(item), r.maxBytes)),
		done:   make(chan struct{}),
	}
	if r.bytes.Acquire(r.open, f.weight) != nil {
		return notAttempted(r.open)
	}
	select {
	case r.order <- f:
	case <-r.open.Done():
		return notAttempted(r.open)
	}
	select { // in flight now: a drain no longer stops it
	case r.jobs <- f:
		return nil
	case <-r.ctx.Done():
		return notAttempted(r.ctx)
	}
}

// consume is one worker.
func (r *run[In, Out]) consume() error {
	for f := range r.jobs {
		r.attempt(f)
	}
	return nil
}

// attempt completes f. Here is the one recover of the project: a defect that one
// item brings to light must not take the others down.
func (r *run[In, Out]) attempt(f *future[In, Out]) {
	returned := false
	defer func() {
		if value := recover(); value != nil {
			f.Err = &PanicError{Value: value, Stack: debug.Stack()}
		} else if !returned { // this goroutine ends here: another takes its place
			f.Err = &PanicError{Value: errGoexit, Stack: debug.Stack()}
			r.group.Go(r.consume)
		}
		close(f.done)
	}()
	f.Out, f.Err = r.work(r.ctx, f.Item)
	returned = true
}

// deliver hands results to the sink. It asks ctx after the work: what failed only
// because it was cancelled never gets there.
func (r *run[In, Out]) deliver() error {
	for f := range r.order {
		select {
		case <-f.done:
		case <-r.ctx.Done(): // f may never have got to a worker
		}
		if r.ctx.Err() != nil {
			return notAttempted(r.ctx)
		}
		if err := r.sink(f.Result); err != nil {
			return err
		}
		r.bytes.Release(f.weight)
	}
	return nil
}
