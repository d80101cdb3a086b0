package pipeline_test

import (
	"context"
	"sync"
	"testing"

	"deployconstants/pipeline"
)

// spin is work of about ten nanoseconds, so that what is measured is the pipeline.
func spin(_ context.Context, i int) (int, error) {
	for range 10 {
		i = i*1664525 + 1013904223
	}
	return i, nil
}

var benchmarkSum int

// BenchmarkPerItem compares the cost of an item with a plain loop, and with a pool
// of as many workers that has channels but neither order, nor bounds, nor errors.
func BenchmarkPerItem(b *testing.B) {
	const workers = 2
	b.Run("loop", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			out, _ := spin(b.Context(), i)
			benchmarkSum += out
		}
	})
	b.Run("channels", func(b *testing.B) {
		b.ReportAllocs()
		jobs, outs := make(chan int), make(chan int)
		var pool sync.WaitGroup
		for range workers {
			pool.Go(func() {
				for i := range jobs {
					out, _ := spin(b.Context(), i)
					outs <- out
				}
			})
		}
		pool.Go(func() {
			defer close(jobs)
			for i := range b.N {
				jobs <- i
			}
		})
		for range b.N {
			benchmarkSum += <-outs
		}
		pool.Wait()
	})
	b.Run("pipeline", func(b *testing.B) {
		b.ReportAllocs()
		err := pipeline.Run(b.Context(), pipeline.Options{Workers: workers}, upTo(b.N), spin,
			func(r pipeline.Result[int, int]) error {
				benchmarkSum += r.Out
				return r.Err
			})
		if err != nil {
			b.Fatal(err)
		}
	})
}
