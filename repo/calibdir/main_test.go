package calibdir_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"deployconstants/internal/atomicfile"
	"deployconstants/repo/calibdir"
)

// childEnv names the function of children that the test binary is to be.
const childEnv = "CALIBDIR_TEST_CHILD"

var children = map[string]func(dir string) error{}

func TestMain(m *testing.M) {
	if child, ok := children[os.Getenv(childEnv)]; ok {
		if err := child(os.Args[1]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child returns the command that runs a function of children with dir.
func child(t testing.TB, name, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), self, dir)
	cmd.Env = append(os.Environ(), childEnv+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

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
