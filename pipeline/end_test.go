package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deployconstants/pipeline"
)

var errBroken = errors.New("broken")

// recorder is a sink that notes the items, and refuses those that failed: in these
// tests nothing may fail but by cancellation, which the sink must not hear of.
type recorder struct{ items []int }

func (r *recorder) sink(result pipeline.Result[int, int]) error {
	if result.Err != nil {
		return fmt.Errorf("item %d: %w", result.Item, result.Err)
	}
	r.items = append(r.items, result.Item)
	return nil
}

// check fails unless the first n items came, in order.
func (r *recorder) check(t *testing.T, n int) {
	t.Helper()
	for i, item := range r.items {
		if i != item {
			t.Fatalf("sink got %v: item %d out of order", r.items, item)
		}
	}
	if len(r.items) != n {
		t.Errorf("sink got %d items, want %d", len(r.items), n)
	}
}

// nap is work that heeds its context.
func nap(ctx context.Context, i int) (int, error) {
	select {
	case <-time.After(time.Duration(1+i*13%7) * time.Second):
		return i, nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func TestSourceErrorComesAfterItsItems(t *testing.T) {
	for _, workers := range []int{1, 2, 7, 32} {
		synctest.Test(t, func(t *testing.T) {
			source := func(ctx context.Context, emit func(int) error) error {
				return errors.Join(upTo(20)(ctx, emit), errBroken)
			}
			var got recorder
			err := pipeline.Run(t.Context(), pipeline.Options{Workers: workers}, source, nap, got.sink)
			if !errors.Is(err, errBroken) || errors.Is(err, pipeline.ErrNotAttempted) {
				t.Errorf("%d workers: error %v, want the source's", workers, err)
			}
			got.check(t, 20)
		})
	}
}

func TestSinkErrorEndsTheRun(t *testing.T) {
	for _, workers := range []int{1, 2, 7, 32} {
		synctest.Test(t, func(t *testing.T) {
			var got recorder
			var cause error
			source := func(ctx context.Context, emit func(int) error) error {
				for i := 0; ; i++ { // endless but for emit
					if err := emit(i); err != nil {
						cause = context.Cause(ctx)
						return err
					}
				}
			}
			err := pipeline.Run(t.Context(), pipeline.Options{Workers: workers}, source, nap,
				func(r pipeline.Result[int, int]) error {
					if r.Item == 10 {
						return errBroken
					}
					return got.sink(r)
				})
			if err != errBroken {
				t.Errorf("%d workers: error %v, want the sink's", workers, err)
			}
			if cause != errBroken {
				t.Errorf("%d workers: the source was cancelled with cause %v, want the sink's error", workers, cause)
			}
			got.check(t, 10)
		})
	}
}

// step counts the events of a run, wherever they happen, and calls hit at the k-th.
type step struct {
	count atomic.Int64
	k     int64
	hit   func()
}

func (s *step) mark() {
	if s.count.Add(1) == s.k {
		s.hit()
	}
}

// stepped is a run of n items that marks before and after each emit, work and sink.
func stepped(ctx context.Context, o pipeline.Options, n int, s *step, got *recorder) error {
	source := func(ctx context.Context, emit func(int) error) error {
		for i := range n {
			s.mark()
			if err := emit(i); err != nil {
				return err
			}
			s.mark()
		}
		return nil
	}
	work := func(ctx context.Context, i int) (int, error) {
		s.mark()
		defer s.mark()
		return nap(ctx, i)
	}
	return pipeline.Run(ctx, o, source, work, func(r pipeline.Result[int, int]) error {
		s.mark()
		defer s.mark()
		return got.sink(r)
	})
}

// TestCancelAtEveryPoint cancels at the first event of a run, the second, and so
// on, until the run ends before it would be cancelled.
func TestCancelAtEveryPoint(t *testing.T) {
	const items = 9
	for _, workers := range []int{1, 2, 7} {
		for k, done := int64(1), false; !done; k++ {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				s := step{k: k, hit: func() { cancel(errBroken) }}
				var got recorder
				err := stepped(ctx, pipeline.Options{Workers: workers, Window: workers + 1}, items, &s, &got)
				done = s.count.Load() < k
				complete := len(got.items) == items
				got.check(t, len(got.items))
				switch stopped := errors.Is(err, pipeline.ErrNotAttempted) && errors.Is(err, errBroken); {
				case err != nil && !stopped:
					t.Errorf("%d workers, event %d: unexpected error %v", workers, k, err)
				case stopped == complete:
					t.Errorf("%d workers, event %d: %d of %d items and error %v", workers, k, len(got.items), items, err)
				}
			})
		}
	}
}

// TestDrainAtEveryPoint is TestCancelAtEveryPoint for Drain: every item that was
// accepted must come out, and nothing more.
func TestDrainAtEveryPoint(t *testing.T) {
	const items = 9
	for _, workers := range []int{1, 2, 7} {
		for k, done := int64(1), false; !done; k++ {
			synctest.Test(t, func(t *testing.T) {
				drain, stop := context.WithCancelCause(t.Context())
				defer stop(nil)
				s := step{k: k, hit: func() { stop(errBroken) }}
				var got recorder
				o := pipeline.Options{Workers: workers, Window: workers + 1, Drain: drain}
				err := stepped(t.Context(), o, items, &s, &got)
				done = s.count.Load() < k
				got.check(t, len(got.items))
				// An item marks six times; one that is refused marks once.
				refused := len(got.items) < items
				if want := int64(6 * len(got.items)); refused && s.count.Load() != want+1 || !refused && s.count.Load() != want {
					t.Errorf("%d workers, event %d: %d events for %d items", workers, k, s.count.Load(), len(got.items))
				}
				if stopped := errors.Is(err, pipeline.ErrNotAttempted) && errors.Is(err, errBroken); stopped != refused || err != nil && !stopped {
					t.Errorf("%d workers, event %d: %d of %d items and error %v", workers, k, len(got.items), items, err)
				}
			})
		}
	}
}

// TestStoppedBeforeItStarts runs with a context, or a drain, that is done already.
func TestStoppedBeforeItStarts(t *testing.T) {
	done, cancel := context.WithCancelCause(t.Context())
	cancel(errBroken)
	for name, run := range map[string]func(got *recorder) error{
		"context": func(got *recorder) error {
			return pipeline.Run(done, pipeline.Options{}, upTo(5), identity, got.sink)
		},
		"drain": func(got *recorder) error {
			return pipeline.Run(t.Context(), pipeline.Options{Drain: done}, upTo(5), identity, got.sink)
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got recorder
			if err := run(&got); !errors.Is(err, pipeline.ErrNotAttempted) || !errors.Is(err, errBroken) {
				t.Errorf("error %v, want ErrNotAttempted with the cause", err)
			}
			got.check(t, 0)
		})
	}
}

// TestCancelAtAnyMoment cancels from outside, between any two instructions of the
// run: wherever it strikes, the run ends and the sink has heard of no failure. A
// run that hangs is a deadlock of the bubble.
func TestCancelAtAnyMoment(t *testing.T) {
	const rounds, items = 2000, 50
	var stopped int
	synctest.Test(t, func(t *testing.T) {
		for round := range rounds {
			ctx, cancel := context.WithCancelCause(t.Context())
			var emitted atomic.Int64
			source := func(_ context.Context, emit func(int) error) error {
				for i := range items {
					emitted.Add(1)
					if err := emit(i); err != nil {
						return err
					}
				}
				return nil
			}
			go func() {
				for emitted.Load() < int64(round%items) {
					runtime.Gosched()
				}
				cancel(errBroken)
			}()
			var got recorder
			err := pipeline.Run(ctx, pipeline.Options{Workers: 2}, source, identity, got.sink)
			got.check(t, len(got.items))
			if complete := len(got.items) == items; complete != (err == nil) || !complete && !errors.Is(err, errBroken) {
				t.Fatalf("%d of %d items and error %v", len(got.items), items, err)
			}
			if err != nil {
				stopped++
			}
			synctest.Wait()
		}
	})
	if stopped == 0 || stopped == rounds {
		t.Errorf("%d of %d runs were stopped, want some", stopped, rounds)
	}
}

// TestDrainIsImmediate drains in the source itself: the very next item is refused.
func TestDrainIsImmediate(t *testing.T) {
	for range 200 {
		drain, stop := context.WithCancelCause(t.Context())
		source := func(ctx context.Context, emit func(int) error) error {
			if err := upTo(3)(ctx, emit); err != nil {
				return err
			}
			stop(errBroken)
			return emit(3)
		}
		var got recorder
		err := pipeline.Run(t.Context(), pipeline.Options{Workers: 2, Drain: drain}, source, identity, got.sink)
		if !errors.Is(err, pipeline.ErrNotAttempted) || !errors.Is(err, errBroken) {
			t.Fatalf("error %v, want ErrNotAttempted with the cause", err)
		}
		got.check(t, 3)
	}
}

// TestDrainWakesTheSource has a source that waits for something else than emit,
// and one that ignores what emit says.
func TestDrainWakesTheSource(t *testing.T) {
	for name, rest := range map[string]func(context.Context, func(int) error) error{
		"returns the error of its context": func(ctx context.Context, _ func(int) error) error {
			<-ctx.Done()
			return fmt.Errorf("list: %w", ctx.Err())
		},
		"ignores emit": func(ctx context.Context, emit func(int) error) error {
			<-ctx.Done()
			for i := range 3 {
				_ = emit(100 + i)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				drain, stop := context.WithCancelCause(t.Context())
				time.AfterFunc(500*time.Millisecond, func() { stop(errBroken) })
				source := func(ctx context.Context, emit func(int) error) error {
					if err := upTo(3)(ctx, emit); err != nil {
						return err
					}
					return rest(ctx, emit)
				}
				var got recorder
				err := pipeline.Run(t.Context(), pipeline.Options{Workers: 3, Drain: drain}, source, nap, got.sink)
				if !errors.Is(err, pipeline.ErrNotAttempted) || !errors.Is(err, errBroken) {
					t.Errorf("error %v, want ErrNotAttempted with the cause", err)
				}
				got.check(t, 3)
			})
		})
	}
}

// TestRunWaitsForWork cancels while work does not heed its context.
func TestRunWaitsForWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var working atomic.Int64
		deaf := func(context.Context, int) (int, error) {
			defer working.Add(-1)
			working.Add(1)
			time.Sleep(time.Minute)
			return 0, nil
		}
		var got recorder
		err := pipeline.Run(ctx, pipeline.Options{Workers: 4}, upTo(100), deaf, got.sink)
		if !errors.Is(err, pipeline.ErrNotAttempted) || !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want ErrNotAttempted and context.Canceled", err)
		}
		if n := working.Load(); n != 0 {
			t.Errorf("%d calls of work go on after Run", n)
		}
		got.check(t, 0)
	})
}

// TestErrorsOfContextFromWork are item errors as long as the run itself goes on.
func TestErrorsOfContextFromWork(t *testing.T) {
	timeout := func(context.Context, int) (int, error) { return 0, context.DeadlineExceeded }
	var failed []int
	err := pipeline.Run(t.Context(), pipeline.Options{}, upTo(3), timeout, func(r pipeline.Result[int, int]) error {
		if errors.Is(r.Err, context.DeadlineExceeded) {
			failed = append(failed, r.Item)
		}
		return nil
	})
	if err != nil || !slices.Equal(failed, []int{0, 1, 2}) {
		t.Errorf("items %v timed out, error %v; want all three and none", failed, err)
	}
}
