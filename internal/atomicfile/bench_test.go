package atomicfile_test

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/atomicfile"
)

// constantsText returns what the constants of one epix100a panel, 704 rows of 768
// numbers, are as text: about 4 MB. Those of another seed differ.
func constantsText(seed int) string {
	var b strings.Builder
	for row := range 704 {
		for column := range 768 {
			fmt.Fprintf(&b, "%.5f ", 0.05+float64((row*7+column*3+seed)%1000)/1e5)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// BenchmarkPublish replaces a file of constants. Beside the time it reports
// that of the least that is as durable, a copy into a new file with fsync, in the
// same run: ms/copy, and publication/copy.
func BenchmarkPublish(b *testing.B) {
	texts := []string{constantsText(0), constantsText(1)}
	for _, place := range []struct{ name, dir string }{{"tmp", os.TempDir()}, {"tmpfs", "/dev/shm"}} {
		b.Run(place.name, func(b *testing.B) {
			dir, err := os.MkdirTemp(place.dir, "atomicfile")
			if err != nil {
				b.Logf("no such place here: %v", err)
				return
			}
			defer os.RemoveAll(dir)
			root := openRoot(b, dir)
			b.SetBytes(int64(len(texts[0])))
			b.ReportAllocs()
			var copying time.Duration
			turn := 0
			for b.Loop() {
				turn++
				result, err := atomicfile.Publish(root, name, strings.NewReader(texts[turn%2]),
					atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true})
				if err != nil || result.Unchanged {
					b.Fatal(result, err)
				}
				b.StopTimer()
				start := time.Now()
				copyDurably(b, filepath.Join(dir, "copy"), texts[turn%2])
				copying += time.Since(start)
				b.StartTimer()
			}
			publishing := b.Elapsed()
			b.ReportMetric(copying.Seconds()*1e3/float64(b.N), "ms/copy")
			b.ReportMetric(publishing.Seconds()/copying.Seconds(), "publication/copy")
		})
	}
}

func copyDurably(b *testing.B, path, content string) {
	file, err := os.Create(path)
	must(b, err)
	_, err = io.CopyBuffer(struct{ io.Writer }{file}, struct{ io.Reader }{strings.NewReader(content)}, make([]byte, 256<<10))
	must(b, err)
	must(b, file.Sync())
	must(b, file.Close())
}
