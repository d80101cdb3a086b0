package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"testing"

	"deployconstants/pipeline"
)

// brokenWork panics, and ends its goroutine, in every way there is.
func brokenWork(_ context.Context, i int) (int, error) {
	switch i % 6 {
	case 1:
		panic("text")
	case 2:
		panic(errBroken)
	case 3:
		panic(nil)
	case 4:
		var none []int
		return none[i], nil
	case 5:
		runtime.Goexit()
	}
	return i, nil
}

func TestPanicIsAnItemError(t *testing.T) {
	const items = 60
	for _, workers := range []int{1, 2, 7} {
		next := 0
		err := pipeline.Run(t.Context(), pipeline.Options{Workers: workers}, upTo(items), brokenWork,
			func(r pipeline.Result[int, int]) error {
				if r.Item != next {
					t.Errorf("item %d came in place of %d", r.Item, next)
				}
				next++
				if r.Item%6 == 0 {
					return r.Err
				}
				defect, ok := errors.AsType[*pipeline.PanicError](r.Err)
				if !ok || !bytes.Contains(defect.Stack, []byte("brokenWork")) {
					t.Errorf("item %d: %v, want a PanicError with the stack of the work", r.Item, r.Err)
				}
				switch _, isRuntime := errors.AsType[runtime.Error](r.Err); {
				case r.Item%6 == 2 && !errors.Is(r.Err, errBroken):
					t.Errorf("item %d: %v does not wrap the error it panicked with", r.Item, r.Err)
				case r.Item%6 == 4 && !isRuntime:
					t.Errorf("item %d: %v does not wrap the runtime's error", r.Item, r.Err)
				}
				return nil
			})
		if err != nil || next != items {
			t.Errorf("%d workers: %d of %d items, error %v", workers, next, items, err)
		}
	}
}
