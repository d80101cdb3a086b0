package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
)

func TestMkdirAll(t *testing.T) {
	umask(t, 0o077)
	root, dir := openDir(t)
	must(t, os.Mkdir(filepath.Join(dir, "a"), 0o700))
	made, err := atomicfile.MkdirAll(root, "a/b/c", 0o2775, otherGroup())
	if err != nil || !slices.Equal(made, []string{"a/b", "a/b/c"}) {
		t.Errorf("made %v, %v", made, err)
	}
	for name, want := range map[string]atomicfile.Mode{"a": 0o700, "a/b": 0o2775, "a/b/c": 0o2775} {
		if got := modeOf(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s has mode %v, want %v", name, got, want)
		}
	}
	var st unix.Stat_t
	must(t, unix.Stat(filepath.Join(dir, "a/b"), &st))
	if int(st.Gid) != otherGroup() {
		t.Errorf("group %d, want %d", st.Gid, otherGroup())
	}
	if made, err := atomicfile.MkdirAll(root, "a/b/c", 0o755, -1); err != nil || made != nil {
		t.Errorf("again: made %v, %v", made, err)
	}
	if got := modeOf(t, filepath.Join(dir, "a/b/c")); got != 0o2775 {
		t.Errorf("an existing directory now has mode %v", got)
	}
}

func TestMkdirAllRefuses(t *testing.T) {
	root, dir := openDir(t)
	write(t, filepath.Join(dir, "file"), "x", 0o644)
	must(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	before := state(t, dir)
	for name, want := range map[string]error{
		"file":       unix.ENOTDIR,
		"file/below": unix.ENOTDIR,
		"dangling":   fs.ErrNotExist,
		"../out":     fs.ErrInvalid,
		"a/../b":     fs.ErrInvalid,
		"/a":         fs.ErrInvalid,
		"":           fs.ErrInvalid,
		"nul\x00":    unix.EINVAL,
	} {
		if made, err := atomicfile.MkdirAll(root, name, 0o755, -1); !errors.Is(err, want) || made != nil {
			t.Errorf("%q: made %v, %v; want %v", name, made, err, want)
		}
	}
	if _, err := atomicfile.MkdirAll(root, "a", 0o655, -1); !errors.Is(err, atomicfile.ErrDirMode) {
		t.Errorf("mode 0655: %v", err)
	}
	if after := state(t, dir); after != before {
		t.Errorf("the directory changed: %s", after)
	}
}

// Many that make the same directories at once all succeed, and each directory
// was made by one.
func TestMkdirAllAtOnce(t *testing.T) {
	root, dir := openDir(t)
	var mutex sync.Mutex
	var all []string
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			made, err := atomicfile.MkdirAll(root, "a/b/c/d", 0o2777, -1)
			if err != nil {
				t.Error(err)
			}
			mutex.Lock()
			all = append(all, made...)
			mutex.Unlock()
		})
	}
	wait.Wait()
	slices.Sort(all)
	if want := []string{"a", "a/b", "a/b/c", "a/b/c/d"}; !slices.Equal(all, want) {
		t.Errorf("made %v", all)
	}
	if got := modeOf(t, filepath.Join(dir, "a/b/c/d")); got != 0o2777 {
		t.Errorf("mode %v", got)
	}
}
