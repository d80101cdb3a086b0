package pipeline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"deployconstants/pipeline"
)

// after is source, passed through a run with options o.
func after(o pipeline.Options, source func(context.Context, func(int) error) error) func(context.Context, func(int) error) error {
	return func(ctx context.Context, emit func(int) error) error {
		return pipeline.Run(ctx, o, source, nap, func(r pipeline.Result[int, int]) error {
			if r.Err != nil {
				return r.Err
			}
			return emit(r.Out)
		})
	}
}

// TestChain ends three runs in a row in each way that there is.
func TestChain(t *testing.T) {
	const items = 40
	for _, tc := range []struct {
		name      string
		source    func(context.Context, func(int) error) error
		drain     bool // the first run, after five seconds
		cancel    bool // everything, after five seconds
		breakSink int  // at this item; 0: never
		want      []error
		complete  bool // every item reaches the sink
	}{
		{name: "source ends", source: upTo(items), complete: true},
		{name: "source fails", source: func(ctx context.Context, emit func(int) error) error {
			return errors.Join(upTo(items)(ctx, emit), errBroken)
		}, want: []error{errBroken}, complete: true},
		{name: "sink fails", source: upTo(items), breakSink: 7, want: []error{errBroken}},
		{name: "drain", source: upTo(items), drain: true, want: []error{pipeline.ErrNotAttempted, errBroken}},
		{name: "cancel", source: upTo(items), cancel: true, want: []error{pipeline.ErrNotAttempted, errBroken}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				drain, stop := context.WithCancelCause(ctx)
				defer stop(nil)
				if tc.drain {
					time.AfterFunc(5*time.Second, func() { stop(errBroken) })
				}
				if tc.cancel {
					time.AfterFunc(5*time.Second, func() { cancel(errBroken) })
				}
				accepted := 0
				counted := func(ctx context.Context, emit func(int) error) error {
					return tc.source(ctx, func(i int) error {
						err := emit(i)
						if err == nil {
							accepted++
						}
						return err
					})
				}
				first := after(pipeline.Options{Workers: 4, Drain: drain}, counted)
				second := after(pipeline.Options{Workers: 1}, first)
				var got recorder
				err := pipeline.Run(ctx, pipeline.Options{Workers: 2}, second, nap, func(r pipeline.Result[int, int]) error {
					if tc.breakSink > 0 && r.Item == tc.breakSink {
						return errBroken
					}
					return got.sink(r)
				})
				if len(tc.want) == 0 && err != nil {
					t.Errorf("error %v, want none", err)
				}
				for _, want := range tc.want {
					if !errors.Is(err, want) {
						t.Errorf("error %v, want %v", err, want)
					}
				}
				switch {
				case tc.complete:
					got.check(t, items)
				case tc.drain:
					got.check(t, accepted)
					if accepted == 0 || accepted == items {
						t.Errorf("%d items were accepted before the drain, want some", accepted)
					}
				case tc.breakSink > 0:
					got.check(t, tc.breakSink)
				default:
					got.check(t, len(got.items))
				}
			})
		})
	}
}
