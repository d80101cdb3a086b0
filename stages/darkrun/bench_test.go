package darkrun_test

import (
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/logx"
	"deployconstants/internal/plot"
	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"

	"github.com/sirupsen/logrus"
)

// noise returns some frames of a dark with a few dead and noisy pixels.
func noise(pixels, frames int) [][]uint16 {
	random := rand.New(rand.NewPCG(1, 2))
	table := make([]float64, 1<<16) // of normal numbers: they take their time
	for i := range table {
		table[i] = random.NormFloat64()
	}
	all := make([][]uint16, frames)
	for k := range all {
		all[k] = make([]uint16, pixels)
		for i := range all[k] {
			width := 3.0
			if i%4001 == 0 {
				width = 60
			}
			base := 3000 + float64(i%977)/4
			if i%5003 == 0 {
				base, width = 0, 0
			}
			all[k][i] = uint16(max(0, base+width*table[random.Uint32()&0xffff]))
		}
	}
	return all
}

// benchRun writes a run of so many cycles and frames of each, of a few frames again and
// again, and returns the bytes of its file.
func benchRun(b *testing.B, dir, class, source string, shape []int, cycles, frames int, configs []xtctest.Detector) int64 {
	b.Helper()
	pixels := 1
	for _, side := range shape {
		pixels *= side
	}
	var payloads [][]byte
	var contains xtc.TypeID
	for _, frame := range noise(pixels, 8) {
		var payload []byte
		contains, payload = xtctest.FrameObject(class, shape, frame)
		payloads = append(payloads, payload)
	}
	run := xtctest.Run{
		Experiment: "xpptut15", Number: 260, BeginRun: xtc.Clock{Sec: 1458353250}, Detectors: []xtctest.Detector{{Source: source, Class: class}},
		Frame: func(_, event int) xtctest.Node {
			return xtctest.Node{Contains: contains, Payload: payloads[event%len(payloads)]}
		},
	}
	for i := range cycles {
		step := xtctest.Step{Events: frames}
		if configs != nil {
			step.Configs = configs[i : i+1]
		}
		run.Steps = append(run.Steps, step)
	}
	if configs != nil {
		run.Detectors = configs[:1]
	}
	data := filepath.Join(dir, "data/XPP/xpptut15/xtc")
	if err := os.MkdirAll(data, 0o755); err != nil {
		b.Fatal(err)
	}
	paths, err := run.Write(data, "e665")
	if err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(paths[0])
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// benchmark makes the darks of the run, with plots, into a repository that is new every
// time, as the command does: on one core and on all, taking turns.
func benchmark(b *testing.B, dir, source string, size int64) {
	b.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	all := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(all)
	var alone, together spent
	for b.Loop() {
		alone.add(b, 1, func() { makeDarks(b, dir, source, 1) })
		together.add(b, all, func() { makeDarks(b, dir, source, all) })
	}
	runs := float64(b.N)
	b.ReportMetric(alone.elapsed.Seconds()/runs, "one-core-s")
	b.ReportMetric(together.elapsed.Seconds()/runs, "all-cores-s")
	b.ReportMetric(alone.elapsed.Seconds()/together.elapsed.Seconds(), "one-core/all")
	b.ReportMetric(runs*float64(size)/1e6/alone.cpu.Seconds(), "one-core-MB/cpu-s")
	b.ReportMetric(runs*float64(size)/1e6/together.cpu.Seconds(), "all-cores-MB/cpu-s")
	b.ReportMetric(float64(peak(b))/(1<<20), "MiB-peak")
}

// A spent is what work took.
type spent struct{ elapsed, cpu time.Duration }

// add has work done on so many cores.
func (s *spent) add(b *testing.B, cores int, work func()) {
	b.Helper()
	runtime.GOMAXPROCS(cores)
	runtime.GC() // what the last one left is not this one's
	began, cpu := time.Now(), cpuTime(b)
	work()
	s.elapsed += time.Since(began)
	s.cpu += cpuTime(b) - cpu
}

func makeDarks(b *testing.B, dir, source string, workers int) {
	b.Helper()
	zone, err := repo.LoadZone("")
	if err != nil {
		b.Fatal(err)
	}
	spec, err := dataset.ParseSpec("exp=xpptut15:run=260")
	if err != nil {
		b.Fatal(err)
	}
	repository, err := repo.Create(b.TempDir(), repo.Options{Group: -1})
	if err != nil {
		b.Fatal(err)
	}
	report, err := darkrun.Run(context.Background(), darkrun.Options{
		Catalog: dataset.Catalog{Roots: []string{filepath.Join(dir, "data")}}, Repository: repository, Dataset: spec,
		Detectors: []string{source}, Zone: zone, Workers: workers, Group: -1,
		Header:  ndarray.Header{Time: time.Unix(1700000000, 0)},
		Publish: func(_ string, page plot.Page) (string, error) { return "", page.WritePNG(io.Discard) },
	}, logx.New(io.Discard, logrus.InfoLevel))
	if err == nil {
		err = report.Err()
	}
	if err != nil || len(report.Darks) == 0 {
		b.Fatal(err)
	}
	if err := repository.Close(); err != nil {
		b.Fatal(err)
	}
}

// cpuTime is what all processors have given to this process.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// peak is the most memory that this process has had resident.
func peak(b *testing.B) int64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("no /proc")
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib := int64(0)
			for _, digit := range strings.TrimSpace(rest) {
				if digit >= '0' && digit <= '9' {
					kib = kib*10 + int64(digit-'0')
				}
			}
			return kib << 10
		}
	}
	return 0
}

// BenchmarkEpix100a is of 1,000 frames of 704 x 768 pixels.
func BenchmarkEpix100a(b *testing.B) {
	dir, source := b.TempDir(), "XcsEndstation.0:Epix100a.1"
	size := benchRun(b, dir, "Epix.Config100aV2", source, []int{704, 768}, 1, 1000, nil)
	benchmark(b, dir, source, size)
}

// BenchmarkEpix10ka2M is of 1,000 frames of sixteen panels in each of two cycles: what a
// cycle takes of memory is to be gone when the next one takes it. The five of a dark
// would be a file of 21.8 GB.
func BenchmarkEpix10ka2M(b *testing.B) {
	dir, source := b.TempDir(), "XcsEndstation.0:Epix10ka2M.0"
	const class = "Epix.Config10ka2MV2"
	contains, _ := xtc.ClassTypeID(class)
	var configs []xtctest.Detector
	for _, trbit := range []bool{true, false} { // fixed high, fixed medium gain
		array := xtctest.Epix10kaArray{Quads: [][2]uint32{{1, 1}, {2, 2}, {3, 3}, {4, 4}}}
		for i := range uint32(16) {
			array.Elements = append(array.Elements, [2]uint32{i + 1, 0})
		}
		config := xtctest.Epix10kaArrayConfig(2, array)
		panel := xtc.Epix10kaPanel{Trbit: [4]bool{trbit, trbit, trbit, trbit}, Pixels: slices.Repeat([]uint16{12}, 352*384)}
		for i := range 16 {
			xtctest.SetPanel(class, config, i, panel)
		}
		configs = append(configs, xtctest.Detector{Source: source, Contains: contains, Config: config})
	}
	size := benchRun(b, dir, class, source, []int{16, 352, 384}, len(configs), 1000, configs)
	benchmark(b, dir, source, size)
}
