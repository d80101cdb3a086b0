package atomicfile_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/testenv"
)

// nobody is the user and group of tests that need one without privileges.
const nobody = 65534

// children are what the tests run in processes of their own.
var children = testenv.Children{}

func TestMain(m *testing.M) { children.Main(m) }

// runUnprivileged runs a child as a user that permissions hold for: as nobody if
// the tests run as root, as the user itself otherwise. The binary is copied to
// where nobody can read it.
func runUnprivileged(t *testing.T, name, dir string) {
	t.Helper()
	cmd := children.Command(t, name, dir)
	if os.Geteuid() == 0 {
		public, err := os.MkdirTemp("", "atomicfile")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(public) })
		binary, err := os.ReadFile(cmd.Path)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Path = filepath.Join(public, "test")
		if err := errors.Join(os.Chmod(public, 0o755), os.WriteFile(cmd.Path, binary, 0o755)); err != nil {
			t.Fatal(err)
		}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	if err := cmd.Run(); err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// openDir returns a new directory, open.
func openDir(t testing.TB) (*os.Root, string) {
	t.Helper()
	dir := t.TempDir()
	return openRoot(t, dir), dir
}

func openRoot(t testing.TB, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// otherGroup returns a group that files may be given and do not have already,
// where the tests may do that: as root.
func otherGroup() int {
	if os.Geteuid() == 0 {
		return nobody
	}
	return os.Getegid()
}

// umask sets the umask for the rest of the test.
func umask(t testing.TB, mask int) {
	old := syscall.Umask(mask)
	t.Cleanup(func() { syscall.Umask(old) })
}

func write(t testing.TB, path, content string, mode atomicfile.Mode) {
	t.Helper()
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode.FS())); err != nil {
		t.Fatal(err)
	}
}

// state describes what a directory holds: mode, size and content of each file.
func state(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %v", rel, atomicfile.ModeOf(info.Mode()))
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " %d %x", len(content), sha256.Sum256(content))
		}
		b.WriteString("\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// temporaries returns the names in dir that begin with a dot.
func temporaries(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") {
			names = append(names, entry.Name())
		}
	}
	return names
}

func read(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func modeOf(t testing.TB, path string) atomicfile.Mode {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return atomicfile.ModeOf(info.Mode())
}

// pattern returns size bytes that differ from those of another seed.
func pattern(seed byte, size int) string {
	return string(bytes.Repeat([]byte{'a' + seed, '0' + seed, '\n'}, size/3+1)[:size])
}
