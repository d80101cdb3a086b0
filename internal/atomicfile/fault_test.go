package atomicfile_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
)

// errFault is what a failing operation returns.
var errFault = unix.EIO

// faulty is the host with one failing operation.
type faulty struct {
	atomicfile.System
	failAt   int    // the operation that fails, counted from 1
	replies  bool   // it works, and only its reply is lost
	partial  bool   // a failing write writes half: the disk is full
	noRename bool   // the file system does not know RENAME_NOREPLACE
	calls    int    // operations so far
	failed   string // the operation that failed
}

func (f *faulty) step(name string, operation func() error) error {
	f.calls++
	if f.calls != f.failAt {
		return operation()
	}
	f.failed = name
	if f.replies {
		if err := operation(); err != nil {
			return err
		}
	}
	return fmt.Errorf("%s: %w", name, errFault)
}

func (f *faulty) Create(dir *os.File, name string) (file *os.File, err error) {
	err = f.step("create", func() error { file, err = f.System.Create(dir, name); return err })
	if err != nil && file != nil {
		file.Close()
	}
	return file, err
}

func (f *faulty) Reopen(dir *os.File, name string) (file *os.File, err error) {
	err = f.step("reopen", func() error { file, err = f.System.Reopen(dir, name); return err })
	return file, err
}

func (f *faulty) Write(file *os.File, p []byte) (n int, err error) {
	if f.partial && f.calls+1 == f.failAt {
		n, _ = file.Write(p[:len(p)/2])
	}
	err = f.step("write", func() error { n, err = f.System.Write(file, p); return err })
	return n, err
}

func (f *faulty) Chown(file *os.File, gid int) error {
	return f.step("chown", func() error { return f.System.Chown(file, gid) })
}

func (f *faulty) Chmod(file *os.File, mode atomicfile.Mode) error {
	return f.step("chmod", func() error { return f.System.Chmod(file, mode) })
}

func (f *faulty) SetACL(file *os.File, acl []byte) error {
	return f.step("set ACL", func() error { return f.System.SetACL(file, acl) })
}

func (f *faulty) Truncate(file *os.File, size int64) error {
	return f.step("truncate", func() error { return f.System.Truncate(file, size) })
}

func (f *faulty) Sync(file *os.File) error {
	info, err := file.Stat()
	if err != nil {
		return err
	}
	name := "fsync"
	if info.IsDir() {
		name = "directory fsync"
	}
	return f.step(name, func() error { return f.System.Sync(file) })
}

func (f *faulty) SyncAll(file *os.File) error {
	return f.step("syncfs", func() error { return f.System.SyncAll(file) })
}

func (f *faulty) SetModTime(dir *os.File, name string, t time.Time) error {
	return f.step("set time", func() error { return f.System.SetModTime(dir, name, t) })
}

func (f *faulty) Close(file *os.File) error {
	err := f.step("close", func() error { return f.System.Close(file) })
	if err != nil {
		file.Close() // close(2) frees the descriptor, whatever it returns
	}
	return err
}

func (f *faulty) RenameNew(dir *os.File, from, to string) error {
	if f.noRename {
		return unix.EINVAL // as NFS says it
	}
	return f.step("rename to a new name", func() error { return f.System.RenameNew(dir, from, to) })
}

func (f *faulty) Link(dir *os.File, from, to string) error {
	return f.step("link", func() error { return f.System.Link(dir, from, to) })
}

func (f *faulty) Rename(dir *os.File, from, to string) error {
	return f.step("rename", func() error { return f.System.Rename(dir, from, to) })
}

func (f *faulty) Remove(dir *os.File, name string) error {
	return f.step("remove", func() error { return f.System.Remove(dir, name) })
}

func (f *faulty) Mkdir(dir *os.File, name string, mode atomicfile.Mode) error {
	return f.step("mkdir", func() error { return f.System.Mkdir(dir, name, mode) })
}

func (f *faulty) Rmdir(dir *os.File, name string) error {
	return f.step("rmdir", func() error { return f.System.Rmdir(dir, name) })
}

// untilSuccess runs do with the k-th operation failing, k = 1, 2, ... until none
// fails. It returns the operations that failed, in order.
func untilSuccess(t *testing.T, variant faulty, do func(t *testing.T, sys *faulty)) (failed []string) {
	t.Helper()
	for k := 1; ; k++ {
		sys := variant
		sys.System, sys.failAt = atomicfile.Host, k
		t.Run(fmt.Sprint(k), func(t *testing.T) { do(t, &sys) })
		if sys.failed == "" {
			return failed
		}
		failed = append(failed, sys.failed)
	}
}

// variants are the ways in which operations fail.
var variants = map[string]faulty{
	"error":              {},
	"disk full":          {partial: true},
	"lost reply":         {replies: true},
	"links":              {noRename: true},
	"links, lost reply":  {noRename: true, replies: true},
	"links, and no room": {noRename: true, partial: true},
}

// Whatever operation of a publication fails, the target is old or new, and the
// error says which; no temporary remains.
func TestPublishFaults(t *testing.T) {
	oldContent, newContent := pattern(1, 300_000), pattern(2, 700_000)
	for variantName, variant := range variants {
		for _, existing := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, existing %v", variantName, existing), func(t *testing.T) {
				failed := untilSuccess(t, variant, func(t *testing.T, sys *faulty) {
					root, dir := openDir(t)
					path := filepath.Join(dir, name)
					if existing {
						write(t, path, oldContent, 0o640)
						must(t, os.Chown(path, -1, otherGroup()))
					}
					before := state(t, dir)
					result, err := atomicfile.PublishOn(sys, root, name, strings.NewReader(newContent),
						atomicfile.Options{Mode: 0o664, Group: otherGroup(), KeepExisting: true})
					t.Logf("%s: %v", sys.failed, err)
					if names := temporaries(t, dir); names != nil {
						t.Errorf("temporaries remain: %v", names)
					}
					if err != nil && !errors.Is(err, errFault) {
						t.Errorf("the cause is lost: %v", err)
					}
					if err != nil && !errors.Is(err, atomicfile.ErrNotDurable) {
						if after := state(t, dir); after != before {
							t.Errorf("failed, but the directory changed:\n%safter:\n%s", before, after)
						}
						return
					}
					wantMode := atomicfile.Mode(0o664)
					if existing {
						wantMode = 0o640
					}
					if read(t, path) != newContent || modeOf(t, path) != wantMode {
						t.Errorf("the new file is not there, or has mode %v", modeOf(t, path))
					}
					if result.Created == existing || result.Replaced != existing {
						t.Errorf("result %+v", result)
					}
				})
				if len(failed) < 7 {
					t.Errorf("only these operations failed: %v", failed)
				}
				t.Logf("%d operations failed in turn: %s", len(failed), strings.Join(failed, ", "))
			})
		}
	}
}

// The order of the operations is what makes a publication durable and its file
// right at every moment.
func TestPublishOrder(t *testing.T) {
	const prepare = "create, write, chown, chmod, fsync, close, "
	tests := []struct {
		name     string
		existing bool
		noRename bool
		want     string
	}{
		{name: "new", want: prepare + "rename to a new name, directory fsync"},
		{name: "new, links", noRename: true, want: prepare + "link, remove, directory fsync"},
		{name: "existing", existing: true, want: "create, write, chown, chmod, set ACL, fsync, close, rename, directory fsync"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if os.Geteuid() != 0 { // no other group to give
				test.want = strings.Replace(test.want, "chown, ", "", 1)
			}
			failed := untilSuccess(t, faulty{noRename: test.noRename}, func(t *testing.T, sys *faulty) {
				root, dir := openDir(t)
				if test.existing {
					write(t, filepath.Join(dir, name), "old", 0o664)
					must(t, os.Chown(filepath.Join(dir, name), -1, otherGroup()))
				}
				_, err := atomicfile.PublishOn(sys, root, name, promptEOF{strings.NewReader("new")},
					atomicfile.Options{Mode: 0o664, Group: otherGroup(), KeepExisting: true})
				if (err == nil) != (sys.failed == "" || sys.failed == "remove") {
					t.Errorf("%s failed: %v", sys.failed, err)
				}
			})
			if got := strings.Join(failed, ", "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// promptEOF returns the end together with the content, as a reader may.
type promptEOF struct{ r *strings.Reader }

func (w promptEOF) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if w.r.Len() == 0 {
		err = io.EOF
	}
	return n, err
}

// A line is appended whole or not at all.
func TestAppendLineFaults(t *testing.T) {
	for variantName, variant := range variants {
		for _, existing := range []string{"", "first\n", "no final newline"} {
			t.Run(fmt.Sprintf("%s, after %q", variantName, existing), func(t *testing.T) {
				failed := untilSuccess(t, variant, func(t *testing.T, sys *faulty) {
					root, dir := openDir(t)
					path := filepath.Join(dir, "HISTORY")
					want := "second\n"
					if existing != "" {
						write(t, path, existing, 0o660)
						want = strings.TrimSuffix(existing, "\n") + "\nsecond\n"
					}
					before := state(t, dir)
					err := atomicfile.AppendLineOn(t.Context(), sys, root, "HISTORY", "second", atomicfile.Options{Mode: 0o664, Group: -1})
					t.Logf("%s: %v", sys.failed, err)
					if err == nil || errors.Is(err, atomicfile.ErrNotDurable) {
						if got := read(t, path); got != want {
							t.Errorf("HISTORY is %q, want %q", got, want)
						}
					} else if after := state(t, dir); after != before {
						t.Errorf("failed, but the directory changed:\n%safter:\n%s", before, after)
					}
					if names := temporaries(t, dir); names != nil {
						t.Errorf("temporaries remain: %v", names)
					}
				})
				if len(failed) < 3 {
					t.Errorf("only these operations failed: %v", failed)
				}
			})
		}
	}
}

// Directories are complete or absent, and the next call makes what is missing.
func TestMkdirAllFaults(t *testing.T) {
	const name = "group/source/ctype"
	failed := untilSuccess(t, faulty{}, func(t *testing.T, sys *faulty) {
		root, dir := openDir(t)
		made, err := atomicfile.MkdirAllOn(sys, root, name, 0o2775, otherGroup())
		if (err == nil) != (sys.failed == "") {
			t.Errorf("%s failed: %v", sys.failed, err)
		}
		var want strings.Builder
		for _, name := range made {
			fmt.Fprintf(&want, "%s 2775\n", name)
		}
		if got := state(t, dir); got != want.String() {
			t.Errorf("said to have made:\n%sis there:\n%s", want.String(), got)
		}
		if _, err := atomicfile.MkdirAll(root, name, 0o2775, -1); err != nil || modeOf(t, filepath.Join(dir, name)) != 0o2775 {
			t.Errorf("the next call: %v", err)
		}
	})
	if len(failed) != 12 { // mkdir, chown, chmod, directory fsync of three
		t.Errorf("these operations failed: %v", failed)
	}
}
