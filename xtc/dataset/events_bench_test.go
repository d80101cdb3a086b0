package dataset_test

import (
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// BenchmarkEvents reads all frames of a run in several streams from the page cache and
// compares with a loop that only reads the same bytes, 4 MiB at a time: ratio 1 is as
// fast. SetBytes is the size of the files. The sum of each frame's first and last pixel
// is all that is done with it.
func BenchmarkEvents(b *testing.B) {
	for _, bench := range []struct {
		name, source, class string
		shape               []int
		events              int
		streams             []int
	}{
		{"epix100a", epixSource, "Epix.Config100aV2", []int{704, 768}, 300, []int{0}},
		{"epix100a, 6 streams", epixSource, "Epix.Config100aV2", []int{704, 768}, 300, []int{0, 1, 2, 3, 4, 5}},
		{"epix10ka2M", "XcsEndstation.0:Epix10ka2M.0", "Epix.Config10ka2MV2", []int{16, 352, 384}, 80, []int{0, 1}},
		{"jungfrau 8 modules", "CxiDs1.0:Jungfrau.0", "Jungfrau.ConfigV3", []int{8, 512, 1024}, 40, []int{0, 1}},
		{"cspad", "CxiDs1.0:Cspad.0", "CsPad.ConfigV5", []int{32, 185, 388}, 60, []int{0, 1}},
		{"opal1000", "XppEndstation.0:Opal1000.1", "Opal1k.ConfigV1", []int{1024, 1024}, 150, []int{0}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			n := 1
			for _, side := range bench.shape {
				n *= side
			}
			detector := xtctest.Detector{Source: bench.source, Class: bench.class}
			if bench.class == "Jungfrau.ConfigV3" {
				detector.Fields = map[string]any{"numberOfModules": bench.shape[0]}
			}
			r := xtctest.Run{Number: 260, BeginRun: at(1458353250), Events: bench.events, Streams: bench.streams, Detectors: []xtctest.Detector{detector}}
			contains, payload := xtctest.FrameObject(bench.class, bench.shape, values(1001, n))
			r.Frame = func(int, int) xtctest.Node { return xtctest.Node{Contains: contains, Payload: payload} }
			dir := memoryDir(b)
			paths, err := r.Write(dir, "e665")
			if err != nil {
				b.Fatal(err)
			}
			var names []dataset.FileName
			for _, path := range paths {
				names = append(names, dataset.ParseFileName(filepath.Clean(path)))
			}
			files := dataset.GroupRuns(names)[0]
			size := bareReads(b, files)
			b.SetBytes(size)
			b.ReportAllocs()
			var bare, ours time.Duration
			for b.Loop() {
				begin := time.Now()
				bareReads(b, files)
				middle := time.Now()
				if got := sumFrames(b, files, bench.source); got != bench.events {
					b.Fatalf("%d frames", got)
				}
				bare += middle.Sub(begin)
				ours += time.Since(middle)
			}
			b.ReportMetric(float64(bare)/float64(ours), "ratio")
			b.ReportMetric(float64(size)*float64(b.N)/1e6/ours.Seconds(), "ours-MB/s")
		})
	}
}

// bareReads reads the files of a run, 4 MiB at a time, and returns their bytes.
func bareReads(b *testing.B, files dataset.RunFiles) (size int64) {
	block := make([]byte, 4<<20)
	for _, file := range files.Files {
		fd, err := syscall.Open(file.Path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		for {
			n, err := syscall.Read(fd, block)
			if err != nil {
				b.Fatal(err)
			}
			if n == 0 {
				break
			}
			size += int64(n)
		}
		if err := syscall.Close(fd); err != nil {
			b.Fatal(err)
		}
	}
	return size
}

// sumFrames reads all frames of a detector and returns how many there were.
func sumFrames(b *testing.B, files dataset.RunFiles, source string) (count int) {
	events, err := dataset.OpenEvents(b.Context(), files, dataset.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer events.Close()
	i := events.Select(xtctest.Source(source, 0))
	for {
		event, err := events.Next(b.Context())
		if err != nil {
			break
		}
		if event.Transition != xtc.TransitionL1Accept {
			continue
		}
		frame, err := event.Frame(i)
		if err != nil {
			b.Fatal(err)
		}
		if pixels := frame.Uint16(); pixels[0]+pixels[len(pixels)-1] != 2002 {
			b.Fatal(pixels[0])
		}
		count++
	}
	return count
}
