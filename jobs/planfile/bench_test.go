package planfile_test

import (
	"bytes"
	"fmt"
	"testing"

	"deployconstants/jobs/planfile"
)

// manyItems is a plan of n creations, twenty in an experiment.
func manyItems(n int) []planfile.Item {
	items := make([]planfile.Item, n)
	for i := range items {
		items[i] = someItems()[2]
		items[i].Experiment = fmt.Sprintf("exp%06d", i/20)
		items[i].Range = fmt.Sprintf("%d-end", 100-i%20)
	}
	return items
}

func BenchmarkWrite(b *testing.B) {
	items := manyItems(10_000)
	b.ReportAllocs()
	for b.Loop() {
		write(b, items)
	}
	b.ReportMetric(float64(b.N*len(items))/b.Elapsed().Seconds(), "items/s")
}

func BenchmarkRead(b *testing.B) {
	items := manyItems(10_000)
	plan := write(b, items)
	b.ReportAllocs()
	for b.Loop() {
		r, err := planfile.NewReader(bytes.NewReader(plan), planfile.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for _, err := range r.Items() {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if err := r.Close(); err != nil || n != len(items) {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(b.N*len(items))/b.Elapsed().Seconds(), "items/s")
}
