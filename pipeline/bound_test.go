package pipeline_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deployconstants/pipeline"
)

// gauge follows a quantity and remembers its highest value.
type gauge struct{ now, peak atomic.Int64 }

func (g *gauge) add(n int64) {
	for v := g.now.Add(n); ; {
		peak := g.peak.Load()
		if v <= peak || g.peak.CompareAndSwap(peak, v) {
			return
		}
	}
}

// TestWindowIsExact lets the first item take longest: all that follow finish and
// wait for it. Exactly Window items then are in flight, and no more is accepted.
func TestWindowIsExact(t *testing.T) {
	for _, o := range []struct{ workers, window, want int }{
		{2, 2, 2}, {2, 3, 3}, {2, 8, 8}, {7, 7, 7}, {7, 100, 100},
		{7, 3, 7},  // never below Workers
		{3, 0, 12}, // default
	} {
		synctest.Test(t, func(t *testing.T) {
			const items = 300
			var accepted, started, delivered atomic.Int64
			var inFlight gauge
			first := make(chan struct{})
			go func() { // looks at the run once nothing moves any more
				synctest.Wait()
				if got := started.Load(); got != int64(o.want) {
					t.Errorf("%+v: %d items were started behind a slow one, want %d", o, got, o.want)
				}
				if got := accepted.Load(); got != int64(o.want) {
					t.Errorf("%+v: %d items were accepted behind a slow one, want %d", o, got, o.want)
				}
				close(first)
			}()
			source := func(_ context.Context, emit func(int) error) error {
				for i := range items {
					if err := emit(i); err != nil {
						return err
					}
					accepted.Add(1)
				}
				return nil
			}
			work := func(_ context.Context, i int) (int, error) {
				started.Add(1)
				inFlight.add(1)
				if i == 0 {
					<-first
				}
				return i, nil
			}
			err := pipeline.Run(t.Context(), pipeline.Options{Workers: o.workers, Window: o.window}, source, work,
				func(pipeline.Result[int, int]) error {
					time.Sleep(time.Millisecond)
					inFlight.add(-1)
					delivered.Add(1)
					return nil
				})
			if err != nil || delivered.Load() != items {
				t.Errorf("%+v: %d items delivered, error %v", o, delivered.Load(), err)
			}
			if peak := inFlight.peak.Load(); peak != int64(o.want) {
				t.Errorf("%+v: up to %d items in flight, want %d", o, peak, o.want)
			}
		})
	}
}

// TestBytesAreExact fills the byte budget behind a slow first item.
func TestBytesAreExact(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const weight, maxBytes = 10, 35
		var inFlight gauge
		weigh := func(int) int64 { return weight }
		work := func(_ context.Context, i int) (int, error) {
			inFlight.add(weight)
			if i == 0 {
				time.Sleep(time.Second)
			}
			return i, nil
		}
		o := pipeline.Options{Workers: 8, Window: 50, MaxBytes: maxBytes}
		err := pipeline.RunWeighted(t.Context(), o, weigh, upTo(100), work, func(pipeline.Result[int, int]) error {
			inFlight.add(-weight)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if peak := inFlight.peak.Load(); peak != 30 {
			t.Errorf("up to %d bytes in flight, want 30 of %d", peak, maxBytes)
		}
	})
}

// TestOversizedItemIsAlone mixes weights, none and negative among them, with items
// that outweigh the bound.
func TestOversizedItemIsAlone(t *testing.T) {
	const items, maxBytes = 2000, 100
	random := rand.New(rand.NewPCG(1, 2))
	weights := make([]int64, items)
	oversized := 0
	for i := range weights {
		switch weights[i] = random.Int64N(60) - 5; {
		case i%50 == 0:
			weights[i] = maxBytes + 1 + random.Int64N(1<<40)
			oversized++
		case i%50 == 1:
			weights[i] = maxBytes
		}
	}
	for _, workers := range []int{1, 2, 7, 32} {
		synctest.Test(t, func(t *testing.T) {
			var bytes, heavy gauge // heavy: items that weigh something
			var alone atomic.Int64
			work := func(_ context.Context, i int) (int, error) {
				w := max(0, weights[i])
				bytes.add(min(w, maxBytes))
				if w > 0 {
					heavy.add(1)
				}
				time.Sleep(time.Duration(i*31%17) * time.Millisecond)
				if w > maxBytes && heavy.now.Load() == 1 {
					alone.Add(1)
				}
				return i, nil
			}
			o := pipeline.Options{Workers: workers, MaxBytes: maxBytes}
			next := 0
			err := pipeline.RunWeighted(t.Context(), o, func(i int) int64 { return weights[i] }, upTo(items), work,
				func(r pipeline.Result[int, int]) error {
					if r.Item != next {
						t.Errorf("item %d came in place of %d", r.Item, next)
					}
					next++
					w := max(0, weights[r.Item])
					bytes.add(-min(w, maxBytes))
					if w > 0 {
						heavy.add(-1)
					}
					return nil
				})
			if err != nil || next != items {
				t.Errorf("%d workers: %d items, error %v", workers, next, err)
			}
			if peak := bytes.peak.Load(); peak != maxBytes {
				t.Errorf("%d workers: up to %d bytes in flight, want %d", workers, peak, maxBytes)
			}
			if got := alone.Load(); got != int64(oversized) {
				t.Errorf("%d workers: %d of %d oversized items were alone", workers, got, oversized)
			}
		})
	}
}

// TestRunIgnoresMaxBytes runs items that have no weight under a bound on bytes.
func TestRunIgnoresMaxBytes(t *testing.T) {
	n := 0
	err := pipeline.Run(t.Context(), pipeline.Options{Workers: 3, MaxBytes: 1}, upTo(100), identity,
		func(pipeline.Result[int, int]) error { n++; return nil })
	if err != nil || n != 100 {
		t.Errorf("%d of 100 items, error %v", n, err)
	}
}
