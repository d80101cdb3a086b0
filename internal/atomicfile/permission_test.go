package atomicfile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/testenv"
)

func init() {
	children["denied"] = tryDenied
}

// foreignGroup is a group that nobody is a member of.
const foreignGroup = 54321

// tryDenied runs without privileges in a directory that anybody may write.
func tryDenied(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	options := atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true}
	try := func(name string, want error) error {
		_, err := atomicfile.Publish(root, name, strings.NewReader("new"), options)
		if !errors.Is(err, want) {
			return fmt.Errorf("publish %s: got %v, want %v", name, err, want)
		}
		return nil
	}
	appended := atomicfile.AppendLine(context.Background(), root, "read-only.data", "x", options)
	_, made := atomicfile.MkdirAll(root, "closed/sub", 0o755, -1)
	_, hidden := root.Open("hidden/sub/f")
	hidden = atomicfile.Locate(root, hidden)
	grouped, groupErr := atomicfile.Publish(root, "group.data", strings.NewReader("new"), atomicfile.Options{Mode: 0o664, Group: foreignGroup})
	return errors.Join(
		try("read-only.data", atomicfile.ErrNotWritable),
		try("closed/0-end.data", os.ErrPermission),
		try("closed/new.data", os.ErrPermission),
		expect("append", appended, os.ErrPermission),
		expect("check", atomicfile.CheckAppend(context.Background(), root, "read-only.data", options), os.ErrPermission),
		expect("make a directory", made, os.ErrPermission),
		expect("open", hidden, os.ErrPermission),
		expectPath(hidden, filepath.Join(dir, "hidden/sub")),
		expect(fmt.Sprint("foreign group ", grouped), groupErr, atomicfile.ErrGroup),
		try("writable.data", nil),
	)
}

func expect(what string, got, want error) error {
	if !errors.Is(got, want) {
		return fmt.Errorf("%s: got %v, want %v", what, got, want)
	}
	return nil
}

func expectPath(err error, want string) error {
	if inner, ok := errors.AsType[*os.PathError](err); !ok || inner.Path != want {
		return fmt.Errorf("%v does not name %s", err, want)
	}
	return nil
}

// Without permission, nothing changes and nothing remains.
func TestPublishDenied(t *testing.T) {
	dir, err := os.MkdirTemp("", "atomicfile") // t.TempDir lies below a directory of mode 0700
	must(t, err)
	closed := filepath.Join(dir, "closed")
	t.Cleanup(func() { os.Chmod(closed, 0o755); os.RemoveAll(dir) })
	must(t, os.Mkdir(closed, 0o755))
	hidden := filepath.Join(dir, "hidden")
	must(t, os.MkdirAll(filepath.Join(hidden, "sub"), 0o755))
	write(t, filepath.Join(dir, "read-only.data"), "old", 0o444)
	write(t, filepath.Join(dir, "writable.data"), "old", 0o666)
	write(t, filepath.Join(closed, name), "old", 0o666)
	must(t, errors.Join(os.Chmod(dir, 0o777), os.Chmod(closed, 0o555)))
	must(t, os.Chown(filepath.Join(dir, "writable.data"), -1, otherGroup()))
	before := state(t, dir)
	must(t, os.Chmod(hidden, 0))
	runUnprivileged(t, "denied", dir)
	must(t, os.Chmod(hidden, 0o755))
	before = strings.Replace(before, lineOf(before, "writable.data"), lineOf(state(t, dir), "writable.data"), 1)
	if after := state(t, dir); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
	if got := read(t, filepath.Join(dir, "writable.data")); got != "new" {
		t.Errorf("the writable file is %q", got)
	}
}

func lineOf(state, name string) string {
	for line := range strings.Lines(state) {
		if strings.HasPrefix(line, name) {
			return line
		}
	}
	return ""
}

// On a full disk the old file stays, nothing remains, and once there is room the
// publication succeeds. Needs the right to mount; the fault tests cover the rest.
func TestPublishDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		testenv.Skip(t, "no small file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { must(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	root := openRoot(t, dir)
	write(t, filepath.Join(dir, name), pattern(1, 300_000), 0o664)
	write(t, filepath.Join(dir, "HISTORY"), "first\n", 0o664)
	write(t, filepath.Join(dir, "ballast"), pattern(3, 600_000), 0o664)
	before := state(t, dir)
	options := atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true}
	_, err := atomicfile.Publish(root, name, strings.NewReader(pattern(2, 400_000)), options)
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("replace: got %v, want ENOSPC", err)
	}
	_, err = atomicfile.Publish(root, "5-end.data", strings.NewReader(pattern(2, 400_000)), options)
	if !errors.Is(err, unix.ENOSPC) {
		t.Errorf("create: got %v, want ENOSPC", err)
	}
	if err := atomicfile.AppendLine(t.Context(), root, "HISTORY", pattern(4, 3)+strings.Repeat("x", 400_000), options); !errors.Is(err, atomicfile.ErrLine) {
		t.Errorf("append two lines: %v", err)
	}
	if err := atomicfile.AppendLine(t.Context(), root, "HISTORY", strings.Repeat("x", 400_000), options); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("append: got %v, want ENOSPC", err)
	}
	if after := state(t, dir); after != before {
		t.Errorf("the directory changed:\n%safter:\n%s", before, after)
	}
	must(t, os.Remove(filepath.Join(dir, "ballast")))
	if result, err := atomicfile.Publish(root, name, strings.NewReader(pattern(2, 400_000)), options); err != nil || !result.Replaced {
		t.Errorf("with room again: %+v, %v", result, err)
	}
}

// immutableFlag is FS_IMMUTABLE_FL of linux/fs.h.
const immutableFlag = 0x10

// An immutable directory is not changed even by root.
func TestPublishImmutable(t *testing.T) {
	root, dir := openDir(t)
	write(t, filepath.Join(dir, name), "old", 0o664)
	setImmutable := func(on int) error {
		file, err := os.Open(dir)
		must(t, err)
		defer file.Close()
		return unix.IoctlSetPointerInt(int(file.Fd()), unix.FS_IOC_SETFLAGS, on)
	}
	if err := setImmutable(immutableFlag); err != nil {
		testenv.Skip(t, "directories cannot be made immutable here: %v", err)
	}
	t.Cleanup(func() { must(t, setImmutable(0)) })
	before := state(t, dir)
	options := atomicfile.Options{Mode: 0o664, Group: -1}
	for _, file := range []string{name, "5-end.data"} {
		if _, err := atomicfile.Publish(root, file, strings.NewReader("new"), options); !errors.Is(err, os.ErrPermission) {
			t.Errorf("publish %s: got %v, want a permission error", file, err)
		}
	}
	if made, err := atomicfile.MkdirAll(root, "sub", 0o755, -1); !errors.Is(err, os.ErrPermission) || made != nil {
		t.Errorf("made %v, %v", made, err)
	}
	if after := state(t, dir); after != before {
		t.Errorf("the directory changed:\n%s", after)
	}
}
