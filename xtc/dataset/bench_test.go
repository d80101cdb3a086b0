package dataset_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// BenchmarkReadRun reads ids and times of single-stream runs whose Configure holds
// an epix100a's real object of 1.08 MB, and compares with what any program must
// pay: opening the file, reading its first 64 KiB, closing it. ratio is the rate of
// ReadRun by that of the bare reads over the same files.
func BenchmarkReadRun(b *testing.B) {
	const count = 20_000
	runs := writeRuns(b, count)
	block := make([]byte, 64<<10)
	for i, run := range runs { // warm the cache
		readBlock(b, run.Files[0].Path, block)
		readIDs(b, run, uint32(i+1))
	}
	var bare, ours time.Duration
	// In turns of some hundred files, so that both meet the same machine.
	const turn = 200
	done := 0
	for b.Loop() {
		files := runs[done%count:][:turn]
		begin := time.Now()
		for _, run := range files {
			readBlock(b, run.Files[0].Path, block)
		}
		middle := time.Now()
		for i, run := range files {
			readIDs(b, run, uint32(done%count+i+1))
		}
		bare += middle.Sub(begin)
		ours += time.Since(middle)
		done += turn
	}
	b.ReportMetric(float64(bare)/float64(ours), "ratio")
	b.ReportMetric(testing.AllocsPerRun(100, func() { readIDs(b, runs[0], 1) }), "allocs/file")
	b.ReportMetric(float64(bare.Nanoseconds())/float64(done), "bare-ns/file")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(done), "ns/file")
}

// writeRuns writes runs of one file each. They differ in the firmware version of
// their detector, which counts from 1.
func writeRuns(b *testing.B, count int) []dataset.RunFiles {
	run := xtctest.Run{
		Experiment: "xpptut15", Number: 260, BeginRun: at(1458353250),
		Detectors: []xtctest.Detector{{Source: epixSource, Alias: "epix", Class: "Epix.Config100aV2"}},
	}
	dgrams := run.Dgrams(0)
	segment := slices.IndexFunc(dgrams[0].Root.Children, func(n xtctest.Node) bool {
		return len(n.Children) == 1 && n.Children[0].Contains == epix100aV2
	})
	version := dgrams[0].Root.Children[segment].Children[0].Payload[:4]
	if size := dgrams[0].Size(); size < 1_082_700 {
		b.Fatalf("Configure of %d bytes is smaller than a real one", size)
	}
	dir := memoryDir(b)
	runs := make([]dataset.RunFiles, count)
	for i := range runs {
		binary.LittleEndian.PutUint32(version, uint32(i+1))
		path := filepath.Join(dir, fmt.Sprintf("e665-r%04d-s00-c00.xtc", i+1))
		if err := xtctest.WriteFile(path, dgrams); err != nil {
			b.Fatal(err)
		}
		runs[i] = dataset.GroupRuns([]dataset.FileName{dataset.ParseFileName(path)})[0]
	}
	return runs
}

// memoryDir is a temporary directory in memory where there is one, so that the disk
// does not count.
func memoryDir(b *testing.B) string {
	dir, err := os.MkdirTemp("/dev/shm", "dataset-bench-")
	if err != nil {
		return b.TempDir()
	}
	b.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			b.Error(err)
		}
	})
	return dir
}

// readBlock is the least that any reader does: the bare system calls.
func readBlock(b *testing.B, path string, block []byte) {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		b.Fatal(err)
	}
	_, err = syscall.Pread(fd, block, 0)
	if err := errors.Join(err, syscall.Close(fd)); err != nil {
		b.Fatal(err)
	}
}

// readIDs is what a scan does with a run.
func readIDs(b *testing.B, files dataset.RunFiles, version uint32) {
	run, err := dataset.ReadRun(b.Context(), files, dataset.Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, detector := range run.Store.Detectors() {
		config, ok := detector.Config.(*xtc.EpixConfig)
		if !ok {
			continue
		}
		if id, ok := xtc.HardwareID(config); !ok || config.Version != version || run.BeginRun == nil {
			b.Fatalf("id %q, begin of the run %v", id, run.BeginRun)
		}
	}
}
