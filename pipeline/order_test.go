package pipeline_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"deployconstants/pipeline"
)

var errOdd = errors.New("odd")

// jitter is work whose duration depends on the item, so that later items overtake
// earlier ones; every fifth item fails and every seventh panics.
func jitter(_ context.Context, i int) (string, error) {
	time.Sleep(time.Duration(i*7919%101) * time.Millisecond)
	switch {
	case i%7 == 3:
		panic(fmt.Sprint("item ", i))
	case i%5 == 1:
		return "", fmt.Errorf("item %d: %w", i, errOdd)
	}
	return fmt.Sprint("done ", i), nil
}

// TestOutputDoesNotDependOnWorkers compares the bytes that the sink writes.
func TestOutputDoesNotDependOnWorkers(t *testing.T) {
	const items = 500
	output := func(o pipeline.Options) (out []byte) {
		synctest.Test(t, func(t *testing.T) {
			var b bytes.Buffer
			err := pipeline.Run(t.Context(), o, upTo(items), jitter, func(r pipeline.Result[int, string]) error {
				fmt.Fprintf(&b, "%d %q %v\n", r.Item, r.Out, r.Err)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			out = b.Bytes()
		})
		return out
	}

	want := output(pipeline.Options{Workers: 1, Window: 1})
	if n := bytes.Count(want, []byte("\n")); n != items {
		t.Fatalf("one worker wrote %d lines, want %d", n, items)
	}
	for _, workers := range []int{0, 1, 2, 7, 32} {
		for _, window := range []int{0, 1, 33, 1000} {
			got := output(pipeline.Options{Workers: workers, Window: window})
			if !bytes.Equal(got, want) {
				t.Errorf("%d workers, window %d: output differs from that of one worker", workers, window)
			}
		}
	}
}

// TestWorkersWorkAtOnce measures, by the fake clock, that the pool is used.
func TestWorkersWorkAtOnce(t *testing.T) {
	for _, workers := range []int{1, 2, 7, 32} {
		synctest.Test(t, func(t *testing.T) {
			const items = 64
			start := time.Now()
			second := func(context.Context, int) (int, error) { time.Sleep(time.Second); return 0, nil }
			err := pipeline.Run(t.Context(), pipeline.Options{Workers: workers}, upTo(items), second,
				func(pipeline.Result[int, int]) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			rounds := (items + workers - 1) / workers
			if took, want := time.Since(start), time.Duration(rounds)*time.Second; took != want {
				t.Errorf("%d workers took %v, want %v", workers, took, want)
			}
		})
	}
}

func TestNoItems(t *testing.T) {
	err := pipeline.Run(t.Context(), pipeline.Options{}, upTo(0), identity, func(r pipeline.Result[int, int]) error {
		t.Errorf("sink got %+v", r)
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestMillionItems(t *testing.T) {
	items, limit := 1_000_000, 3*time.Second
	if underRace() {
		items, limit = 100_000, time.Minute
	}
	next, before := 0, cpuTime(t)
	err := pipeline.Run(t.Context(), pipeline.Options{}, upTo(items), identity, func(r pipeline.Result[int, int]) error {
		if r.Item != next || r.Out != next || r.Err != nil {
			return fmt.Errorf("got %+v, want item %d", r, next)
		}
		next++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	used := cpuTime(t) - before
	t.Logf("%d items: %v of processor time", items, used)
	if next != items || used > limit {
		t.Errorf("%d of %d items in %v, want all in %v", next, items, used, limit)
	}
}

// cpuTime is the processor time of the test so far. Unlike the clock, it does not
// depend on what else the machine does.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// underRace tells whether the race detector, which is slow, is on.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}
