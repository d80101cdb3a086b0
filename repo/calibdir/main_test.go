package calibdir_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/testenv"
	"deployconstants/repo/calibdir"
)

// children are what the tests run in processes of their own.
var children = testenv.Children{}

func TestMain(m *testing.M) { children.Main(m) }

// options are those of the documented command.
var options = calibdir.Options{DirMode: 0o777, FileMode: 0o666, Group: -1}

// gain returns the target of the documented example in dir.
func gain(dir string) calibdir.Target {
	return calibdir.Target{
		Dir:    dir,
		Group:  "Epix100a::CalibV1",
		Source: "XcsEndstation.0:Epix100a.1",
		CType:  "pixel_gain",
		Range:  calibdir.Range{Begin: 0, End: calibdir.RunEnd},
	}
}

func create(t testing.TB, dir string) *calibdir.Calib {
	t.Helper()
	calib, err := calibdir.Create(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { calib.Close() })
	return calib
}

// tree lists what is below dir, with modes, and content of small files.
func tree(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%v %s", atomicfile.ModeOf(info.Mode()), rel)
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %q", content)
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func umask(t testing.TB, mask int) {
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	return string(content)
}

// readJSON reads a file of the shared reference data.
func readJSON(t testing.TB, path string, value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, path)), value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
