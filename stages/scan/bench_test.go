package scan_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/pipeline"
	"deployconstants/stages/scan"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
	"deployconstants/xtc/xtctest"
)

// Sizes of the facility that is scanned: 100,000 files.
const (
	benchExperiments = 100
	benchRuns        = 250
	benchStreams     = 4
)

// benchFacility writes a facility whose files have real sizes, in holes, and returns
// its root and the paths of its files. TMPDIR says on which file system.
func benchFacility(b *testing.B) (root string, paths []string) {
	root = b.TempDir()
	experiments := benchExperiments
	if testing.Short() {
		experiments = 4
	}
	run := xtctest.Run{
		Experiment: "x", BeginRun: xtc.Clock{Sec: 1458353850}, Streams: []int{0, 1, 2, 80},
		Detectors: []xtctest.Detector{
			{Source: "XcsEndstation.0:Epix100a.1", Alias: "epix", Class: "Epix.Config100aV2"},
			{Source: "XcsEndstation.0:Epix100a.2", Class: "Epix.Config100aV2"},
			{Source: "XppGon.0:Opal1000.1", Class: "Opal1k.ConfigV1"},
		},
	}
	var dgrams [benchStreams][]xtctest.Dgram
	for i, stream := range run.Streams {
		dgrams[i] = run.Dgrams(stream)
	}
	for e := range experiments {
		name := fmt.Sprintf("xppb%05d", e)
		dir := filepath.Join(root, "xpp", name, "xtc")
		must(b, os.MkdirAll(dir, 0o755))
		for r := range benchRuns {
			for i, stream := range run.Streams {
				path := filepath.Join(dir, fmt.Sprintf("%s-r%04d-s%02d-c00.xtc", name, r+1, stream))
				must(b, xtctest.WriteFile(path, dgrams[i]))
				paths = append(paths, path)
			}
		}
	}
	return root, paths
}

// BenchmarkScan scans the facility into an empty ledger, and reads the first 64 KiB
// of the same files with as many goroutines. ratio is the rate of the scan by that of
// the bare reads; it includes discovery, listing, and the ledger's segments. cpu-ratio
// is the same of processor time, which tells on a machine that others use. peak-MiB
// is the most heap in use meanwhile, above what was there before.
func BenchmarkScan(b *testing.B) {
	root, paths := benchFacility(b)
	workers := min(runtime.GOMAXPROCS(0), 8)
	bareRead(b, paths, workers)
	var bare, ours, bareCPU, oursCPU time.Duration
	var peak uint64
	for b.Loop() {
		begin, used := time.Now(), cpu(b)
		bareRead(b, paths, workers)
		middle := time.Now()
		bare += middle.Sub(begin)
		bareCPU += cpu(b) - used
		l := openLedger(b, filepath.Join(b.TempDir(), "ledger"))
		runtime.GC()
		stop := watchHeap(&peak)
		middle, used = time.Now(), cpu(b)
		result, err := scan.Scan(b.Context(), scan.Options{Catalog: dataset.Catalog{Roots: []string{root}}, Ledger: l, Settle: -1, Workers: workers}, nil, nil)
		ours += time.Since(middle)
		oursCPU += cpu(b) - used
		stop()
		if err != nil || result.New*benchStreams != len(paths) || len(result.Problems) > 0 {
			b.Fatalf("%+v, %v", result, err)
		}
	}
	b.ReportMetric(float64(bare)/float64(ours), "ratio")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*len(paths)), "ns/file")
	b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N*len(paths)), "bare-ns/file")
	b.ReportMetric(float64(bareCPU)/float64(oursCPU), "cpu-ratio")
	b.ReportMetric(float64(peak)/(1<<20), "peak-MiB")
}

// BenchmarkRescan scans the facility again, unchanged, and beside it lists and looks
// up the same files with bare system calls in as many goroutines.
func BenchmarkRescan(b *testing.B) {
	root, paths := benchFacility(b)
	workers := min(runtime.GOMAXPROCS(0), 8)
	l := openLedger(b, filepath.Join(b.TempDir(), "ledger"))
	o := scan.Options{Catalog: dataset.Catalog{Roots: []string{root}}, Ledger: l, Settle: -1, Workers: workers}
	_, err := scan.Scan(b.Context(), o, nil, nil)
	must(b, err)
	known := load(b, l)
	dirs, err := filepath.Glob(filepath.Join(root, "xpp", "*", "xtc"))
	must(b, err)
	var bare, ours time.Duration
	for b.Loop() {
		begin := time.Now()
		if found := bareList(b, dirs, workers); found != len(paths) {
			b.Fatalf("%d files", found)
		}
		middle := time.Now()
		result, err := scan.Scan(b.Context(), o, known, nil)
		ours += time.Since(middle)
		bare += middle.Sub(begin)
		if err != nil || result.Unchanged*benchStreams != len(paths) || result.Opened != 0 {
			b.Fatalf("%+v, %v", result, err)
		}
	}
	b.ReportMetric(float64(bare)/float64(ours), "ratio")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N*len(paths)), "ns/file")
	b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N*len(paths)), "bare-ns/file")
}

// bareRead opens each file, reads 64 KiB, and closes it.
func bareRead(b *testing.B, paths []string, workers int) {
	inParallel(b, paths, workers, 250, func(paths []string) error {
		block := make([]byte, 64<<10)
		for _, path := range paths {
			fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if _, err := syscall.Pread(fd, block, 0); err != nil {
				return err
			}
			if err := syscall.Close(fd); err != nil {
				return err
			}
		}
		return nil
	})
}

// bareList reads the directories and looks every entry up.
func bareList(b *testing.B, dirs []string, workers int) int {
	var found atomic.Int64
	inParallel(b, dirs, workers, 1, func(dirs []string) error {
		buffer := make([]byte, 32<<10)
		var names []string
		for _, dir := range dirs {
			fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			names = names[:0]
			for {
				n, err := unix.ReadDirent(fd, buffer)
				if err != nil {
					return err
				}
				if n == 0 {
					break
				}
				_, _, names = unix.ParseDirent(buffer[:n], -1, names)
			}
			for _, name := range names {
				var st unix.Stat_t
				if err := unix.Fstatat(fd, name, &st, 0); err != nil {
					return err
				}
			}
			found.Add(int64(len(names)))
			if err := unix.Close(fd); err != nil {
				return err
			}
		}
		return nil
	})
	return int(found.Load())
}

func inParallel(b *testing.B, items []string, workers, batch int, work func([]string) error) {
	source := func(_ context.Context, emit func([]string) error) error {
		for i := 0; i < len(items); i += batch {
			if err := emit(items[i:min(i+batch, len(items))]); err != nil {
				return err
			}
		}
		return nil
	}
	must(b, pipeline.Run(b.Context(), pipeline.Options{Workers: workers}, source,
		func(_ context.Context, items []string) (struct{}, error) { return struct{}{}, work(items) },
		func(r pipeline.Result[[]string, struct{}]) error { return r.Err }))
}

// cpu is the processor time of this process.
func cpu(b *testing.B) time.Duration {
	var usage syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// watchHeap keeps the largest heap above the present one in peak until it is stopped.
func watchHeap(peak *uint64) (stop func()) {
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			runtime.ReadMemStats(&now)
			if now.HeapInuse > before.HeapInuse {
				*peak = max(*peak, now.HeapInuse-before.HeapInuse)
			}
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-stopped }
}

func openLedger(t testing.TB, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir)
	must(t, err)
	return l
}

func load(t testing.TB, l *ledger.Ledger) *ledger.Index {
	t.Helper()
	x, err := l.Load(t.Context())
	must(t, err)
	return x
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
