package ledger_test

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"deployconstants/xtc/ledger"
)

// facility is 2000 experiments x 100 runs x 4 streams x 5 sources.
func facility(yield func(ledger.Run) bool) {
	for e := range 2000 {
		if !experiment(e, 100, yield) {
			return
		}
	}
}

// experiment makes the runs of one experiment, as a facility has them.
func experiment(e, runs int, yield func(ledger.Run) bool) bool {
	instruments := []string{"amo", "cxi", "mec", "mfx", "sxr", "xcs", "xpp"}
	instrument := instruments[e%len(instruments)]
	name := fmt.Sprintf("%s%05d", instrument, e)
	for r := range runs {
		begin := 1400000000123456789 + int64(e)*86400e9 + int64(r)*600e9
		run := ledger.Run{
			Experiment: name, Instrument: fmt.Sprintf("%.3s", name), Dir: "/reg/d/psdm/" + instrument + "/" + name + "/xtc",
			Number: r + 1, Configure: begin - 5e9, BeginRun: begin, Scanned: 1700000000987654321,
		}
		for s := range 4 {
			run.Files = append(run.Files, ledger.File{
				Name: fmt.Sprintf("e%d-r%04d-s%02d-c00.xtc", e, r+1, s), Size: 1e9 + int64(e*r*s), ModTime: begin + 600e9 + int64(s*7919),
			})
		}
		for s := range 5 {
			run.Sources = append(run.Sources, ledger.Source{
				Name: fmt.Sprintf("Endstation.0:Epix100a.%d", s), Alias: fmt.Sprintf("epix_%d", s), Type: "epix100a",
				ID: fmt.Sprintf("%010d-%010d-%010d", s, e%40, (r/50)*7), Class: "Epix.Config100aV2", Version: 2,
			})
		}
		if !yield(run) {
			return false
		}
	}
	return true
}

// write fills a ledger of one segment.
func write(b testing.TB, dir string) *ledger.Ledger {
	l, err := ledger.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	w := l.NewWriter()
	for run := range facility {
		if err := w.Add(run); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Commit(b.Context()); err != nil {
		b.Fatal(err)
	}
	return l
}

func BenchmarkWrite(b *testing.B) {
	var l *ledger.Ledger
	for b.Loop() {
		l = write(b, b.TempDir())
	}
	infos, err := l.Segments()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(infos[0].Rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(infos[0].Bytes)/800e3, "disk-B/file")
}

// BenchmarkLoad reads 1,000,000 records of sources, 200,000 of runs, and 800,000
// files, and measures what the index takes.
func BenchmarkLoad(b *testing.B) {
	l := write(b, b.TempDir())
	var before, after runtime.MemStats
	collect(b, &before)
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil { // peak from here on
		b.Fatal(err)
	}
	var x *ledger.Index
	for b.Loop() {
		var err error
		if x, err = l.Load(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(1.2e6*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	top := peak(b)
	collect(b, &after)
	stats := x.Stats()
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(stats.Files), "memory-B/file")
	b.ReportMetric(float64(top)/(1<<20), "process-peak-MiB")
	runtime.KeepAlive(x)
}

// collect frees what is free, pools too, and counts the rest.
func collect(b *testing.B, stats *runtime.MemStats) {
	b.StopTimer()
	runtime.GC() // pools become victims
	debug.FreeOSMemory()
	runtime.ReadMemStats(stats)
	b.StartTimer()
}

// peak is the most memory that the process ever had, in bytes.
func peak(b *testing.B) int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	var kib int64
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	b.Fatal("no VmHWM")
	return 0
}

func BenchmarkWith(b *testing.B) {
	x, err := write(b, b.TempDir()).Load(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	panel := x.Panels()[7]
	for b.Loop() {
		places := 0
		for range x.With(panel.Type, panel.ID) {
			places++
		}
		if places == 0 {
			b.Fatal("no places")
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	l := write(b, b.TempDir())
	for b.Loop() {
		b.StopTimer()
		x, err := l.Load(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		x.Digest()
	}
}
