package tx_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deployconstants/jobs/tx"
)

// BenchmarkAppend measures records that are durable, appended by 8 goroutines of
// which each waits for its own, as the workers of apply do. The ratio is to the
// rate of bare write and fsync of one such line, in the same run.
func BenchmarkAppend(b *testing.B) {
	line := []byte(strings.Repeat("x", 700) + "\n")
	bare, err := os.Create(filepath.Join(b.TempDir(), "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	const samples = 200
	start := time.Now()
	for range samples {
		if _, err := bare.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := bare.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	bareRate := samples / time.Since(start).Seconds()
	transaction := begin(b, newStore(b))
	var n atomic.Int64
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			p := place(int(n.Add(1)))
			if err := transaction.Append(done(p, "x")); err != nil {
				b.Error(err)
			}
		}
	})
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "records/s")
	b.ReportMetric(rate/bareRate, "x-bare-fsync")
}

// BenchmarkAppendBatch is the same with the records of a batch of 128 files, the
// unit of apply.
func BenchmarkAppendBatch(b *testing.B) {
	transaction := begin(b, newStore(b))
	var batch []tx.Record
	for n := range 128 {
		batch = append(batch, done(place(n), "x"))
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := transaction.Append(batch...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch))/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkDeployed loads 20,000 paths that 200 transactions deployed, with the
// checkpoint and without.
func BenchmarkDeployed(b *testing.B) {
	dir := b.TempDir()
	store := openStore(b, dir)
	manyTransactions(b, store, 200, 100)
	path := filepath.Join(dir, "tx", checkpoint)
	for _, with := range []bool{true, false} {
		b.Run(fmt.Sprintf("checkpoint=%v", with), func(b *testing.B) {
			deployed(b, store) // writes the checkpoint
			b.ReportAllocs()
			for b.Loop() {
				if !with {
					os.Remove(path) // there is none at first
				}
				if n := deployed(b, store).Len(); n != 20000 {
					b.Fatalf("%d paths", n)
				}
			}
		})
	}
}

// BenchmarkPut keeps contents of 64 KiB in batches of 128, beside a copy and fsync
// of the same bytes.
func BenchmarkPut(b *testing.B) {
	dir := b.TempDir()
	objects := openStore(b, dir).Objects()
	const each, size = 128, 64 << 10
	text := func(n int) string { return strings.Repeat(fmt.Sprintf("%d.5 1.25 ", n), size/6)[:size] }
	start := time.Now()
	const samples = 2
	for n := range samples * each {
		file, err := os.Create(filepath.Join(dir, fmt.Sprint(n)))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := file.WriteString(text(n)); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
		file.Close() // synced
	}
	bareRate := samples * each / time.Since(start).Seconds()
	n := 0
	for b.Loop() {
		batch := objects.Batch()
		for range each {
			n++
			if _, err := batch.Put(b.Context(), strings.NewReader(text(n)), public); err != nil {
				b.Fatal(err)
			}
		}
		if err := batch.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	rate := float64(b.N*each) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "files/s")
	b.ReportMetric(rate/bareRate, "x-bare-fsync")
}
