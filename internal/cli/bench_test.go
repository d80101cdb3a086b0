package cli_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/testenv"
)

// BenchmarkCommand times the whole process of the documented command: it deploys
// gain of an epix100a, 704x768 numbers, over a file of other content. Beside it
// stands what writing the same bytes and syncing file and directory costs on the
// same file system, without anything else.
//
//	ms/op       the command, process start to end
//	fsync-ms/op write, sync, rename, sync of the directory
//	MiB         greatest resident memory of the command
func BenchmarkCommand(b *testing.B) {
	program := filepath.Join(b.TempDir(), "deploy_constants")
	if err := testenv.BuildProgram(program); err != nil {
		b.Fatal(err)
	}
	for name, parent := range map[string]string{"tmpfs": "/dev/shm", "disk": ""} {
		b.Run(name, func(b *testing.B) {
			if _, err := os.Stat(parent); parent != "" && err != nil {
				b.Skipf("no %s here", parent)
			}
			dir, err := os.MkdirTemp(parent, "deploy_constants-bench-")
			if err != nil {
				b.Fatal(err)
			}
			b.Cleanup(func() { os.RemoveAll(dir) })
			benchmarkCommand(b, program, dir)
		})
	}
}

func benchmarkCommand(b *testing.B, program, dir string) {
	facility := makeFacility(b, dir)
	var wall, bare time.Duration
	var memory int64
	for i := 0; b.Loop(); i++ {
		gain := facility.writeGain(b, i%2) // other bytes at every turn, so that the target is replaced
		start := time.Now()
		cmd := exec.Command(program, "-e", "xpptut15", "-r", "260", "-d", "XcsEndstation.0:Epix100a.1", "-C", "gain", "-D", "-c", "calib")
		cmd.Dir, cmd.Env = dir, facility.env
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		wall += time.Since(start)
		memory = max(memory, cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss)
		b.StopTimer()
		bare += publishBare(b, gain, filepath.Join(dir, "bare"))
		b.StartTimer()
	}
	b.ReportMetric(wall.Seconds()*1e3/float64(b.N), "ms/op")
	b.ReportMetric(bare.Seconds()*1e3/float64(b.N), "fsync-ms/op")
	b.ReportMetric(float64(memory)/1024, "MiB")
}

// benchFacility is one experiment with one run, and a repository with its gain.
type benchFacility struct {
	env  []string
	gain string // folder of the panel's gain files
}

func makeFacility(tb testing.TB, dir string) benchFacility {
	tb.Helper()
	if err := writeFacility(dir); err != nil {
		tb.Fatal(err)
	}
	root := filepath.Join(dir, "psdm")
	gain := filepath.Join(root, "detector/calib/constants/epix100a", epixID, "gain")
	if err := os.MkdirAll(gain, 0o755); err != nil {
		tb.Fatal(err)
	}
	return benchFacility{
		env:  append(os.Environ(), "SIT_PSDM_DATA="+filepath.Join(dir, "data"), "SIT_ROOT="+root, "SIT_DATA="),
		gain: gain,
	}
}

// writeGain writes the gain file of the panel: 704 rows of 768 numbers.
func (f benchFacility) writeGain(tb testing.TB, last int) string {
	tb.Helper()
	row := make([]byte, 0, 768*7)
	for range 768 {
		row = fmt.Appendf(row, "0.061%d ", last)
	}
	row[len(row)-1] = '\n'
	path := filepath.Join(f.gain, "epix100a_0001_20100101000000_xpptut15_r0260_gain.txt")
	file, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	for range 704 {
		if _, err := file.Write(row); err != nil {
			tb.Fatal(err)
		}
	}
	return path
}

// publishBare copies src to dst with the system calls of a publication.
func publishBare(tb testing.TB, src, dst string) time.Duration {
	tb.Helper()
	start := time.Now()
	if err := copyAndSync(src, dst); err != nil {
		tb.Fatal(err)
	}
	return time.Since(start)
}

func copyAndSync(src, dst string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(dst + ".tmp")
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	if err := out.Sync(); err != nil {
		return err
	}
	if err := os.Rename(dst+".tmp", dst); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(dst))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
