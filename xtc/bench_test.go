package xtc_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// benchFiles is the number of files of BenchmarkHeader unless XTC_BENCH_FILES says
// otherwise.
const benchFiles = 20_000

// shm is where the files are put if it is there, so that the disk does not count.
const shm = "/dev/shm"

// sparseFiles writes the files of many runs: the real head of an epix100a run, frames
// as holes.
func sparseFiles(b *testing.B) []string {
	b.Helper()
	count := benchFiles
	if text, ok := os.LookupEnv("XTC_BENCH_FILES"); ok {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		count = n
	}
	dir := b.TempDir()
	if _, err := os.Stat(shm); err == nil {
		if dir, err = os.MkdirTemp(shm, "xtc-bench-"); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := os.RemoveAll(dir); err != nil {
				b.Error(err)
			}
		})
	}
	dgrams := realRun("Epix.Config100aV2", "XcsEndstation.0:Epix100a.1").Dgrams(0)
	paths := make([]string, count)
	for i := range paths {
		paths[i] = filepath.Join(dir, fmt.Sprintf("e665-r%05d-s00-c00.xtc", i))
		if err := xtctest.WriteFile(paths[i], dgrams); err != nil {
			b.Fatal(err)
		}
	}
	return paths
}

// bareRead is the least that a scan could do: the system calls to open, read 64 KiB and
// close.
func bareRead(path string, buf []byte) error {
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if _, err := syscall.Pread(fd, buf, 0); err != nil {
		return err
	}
	return syscall.Close(fd)
}

func readHeaderOf(path string) error {
	f, err := xtc.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	ids, _, err := header(f)
	if err == nil && len(ids) != 1 {
		err = fmt.Errorf("ids %v", ids)
	}
	return err
}

// BenchmarkHeader reads ids and BeginRun of many files and reports how its rate
// compares with bare reads of the same files in turn: ratio 1 is as fast.
func BenchmarkHeader(b *testing.B) {
	paths := sparseFiles(b)
	buf := make([]byte, 64<<10)
	for _, path := range paths { // warm the cache
		if err := bareRead(path, buf); err != nil {
			b.Fatal(err)
		}
	}
	const batch = 100 // files; the two take turns so that both see the same machine
	var bare, ours time.Duration
	b.ReportAllocs()
	files := 0
	for b.Loop() {
		for from := 0; from < len(paths); from += batch {
			list := paths[from:min(from+batch, len(paths))]
			start := time.Now()
			for _, path := range list {
				if err := bareRead(path, buf); err != nil {
					b.Fatal(err)
				}
			}
			middle := time.Now()
			for _, path := range list {
				if err := readHeaderOf(path); err != nil {
					b.Fatal(err)
				}
			}
			bare += middle.Sub(start)
			ours += time.Since(middle)
			files += len(list)
		}
	}
	b.ReportMetric(float64(bare)/float64(ours), "ratio")
	b.ReportMetric(float64(ours.Nanoseconds())/float64(files), "ns/file")
	b.ReportMetric(float64(bare.Nanoseconds())/float64(files), "bare-ns/file")
}

// BenchmarkHeaderAllocs reads one file again and again: allocations for each file.
func BenchmarkHeaderAllocs(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.xtc")
	if err := xtctest.WriteFile(path, realRun("Epix.Config100aV2", "XcsEndstation.0:Epix100a.1").Dgrams(0)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := readHeaderOf(path); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDgrams walks over the datagrams of a large file.
func BenchmarkDgrams(b *testing.B) {
	run := realRun("Epix.Config100aV2", "XcsEndstation.0:Epix100a.1")
	run.Events = 1000
	path := filepath.Join(b.TempDir(), "a.xtc")
	if err := xtctest.WriteFile(path, run.Dgrams(0)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		f, err := xtc.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range f.Dgrams() {
			if err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
