package atomicfile_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/testenv"
)

const name = "0-end.data"

func TestPublishNew(t *testing.T) {
	for _, mode := range []atomicfile.Mode{0o600, 0o644, 0o664, 0o666, 0o777} {
		t.Run(mode.String(), func(t *testing.T) {
			umask(t, 0o077)
			root, dir := openDir(t)
			content := pattern(1, 1<<20+1)
			result, err := atomicfile.Publish(root, name, strings.NewReader(content), atomicfile.Options{Mode: mode, Group: -1})
			if err != nil {
				t.Fatal(err)
			}
			if !result.Created || result.Replaced || result.Unchanged || result.OwnerChanged() ||
				result.Bytes != int64(len(content)) || result.SHA256 != sha256.Sum256([]byte(content)) || result.UID != os.Geteuid() {
				t.Errorf("result %+v", result)
			}
			if read(t, filepath.Join(dir, name)) != content {
				t.Error("the content differs")
			}
			if got := modeOf(t, filepath.Join(dir, name)); got != mode {
				t.Errorf("mode %v, want %v", got, mode)
			}
			if names := temporaries(t, dir); names != nil {
				t.Errorf("temporaries remain: %v", names)
			}
		})
	}
}

func TestPublishReplaces(t *testing.T) {
	tests := []struct {
		name     string
		keep     bool
		old      atomicfile.Mode
		wantMode atomicfile.Mode
	}{
		{name: "keeps the mode", keep: true, old: 0o640, wantMode: 0o640},
		{name: "keeps a mode for all", keep: true, old: 0o666, wantMode: 0o666},
		{name: "sets the mode", old: 0o640, wantMode: 0o664},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			umask(t, 0o077)
			root, dir := openDir(t)
			path := filepath.Join(dir, name)
			write(t, path, "old constants\n", test.old)
			then := time.Date(2016, 3, 18, 19, 7, 30, 123456789, time.UTC)
			if err := os.Chtimes(path, then, then); err != nil {
				t.Fatal(err)
			}
			if err := os.Link(path, filepath.Join(dir, "other name")); err != nil {
				t.Fatal(err)
			}
			var kept string
			result, err := atomicfile.Publish(root, name, strings.NewReader("new"), atomicfile.Options{
				Mode: 0o664, Group: -1, KeepExisting: test.keep,
				OnReplace: func(old atomicfile.Previous, content io.Reader) error {
					bytes, err := io.ReadAll(content)
					kept = string(bytes)
					return err
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			previous := result.Previous
			if !result.Replaced || result.Created || result.Unchanged || previous.Mode != test.old || previous.Links != 2 ||
				previous.Size != 14 || previous.SHA256 != sha256.Sum256([]byte("old constants\n")) || !previous.ModTime.Equal(then) ||
				previous.UID != os.Geteuid() || previous.GID != os.Getegid() {
				t.Errorf("result %+v", result)
			}
			if kept != "old constants\n" {
				t.Errorf("kept %q", kept)
			}
			if got := read(t, path); got != "new" {
				t.Errorf("content %q", got)
			}
			if got := modeOf(t, path); got != test.wantMode {
				t.Errorf("mode %v, want %v", got, test.wantMode)
			}
			if got := read(t, filepath.Join(dir, "other name")); got != "old constants\n" {
				t.Errorf("the other hard link was changed: %q", got)
			}
		})
	}
}

func TestPublishEqualBytesChangesNothing(t *testing.T) {
	root, dir := openDir(t)
	path := filepath.Join(dir, name)
	write(t, path, "the same\n", 0o640)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, mustCreate := range []bool{false, true} {
		result, err := atomicfile.Publish(root, name, strings.NewReader("the same\n"), atomicfile.Options{
			Mode: 0o664, Group: -1, MustCreate: mustCreate,
			OnReplace: func(atomicfile.Previous, io.Reader) error { return errors.New("called for equal bytes") },
		})
		if err != nil || !result.Unchanged || result.Replaced || result.Created {
			t.Errorf("result %+v, %v", result, err)
		}
	}
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) || after.Mode() != before.Mode() {
		t.Errorf("the file was rewritten: %v, %v", before, after)
	}
	if names := temporaries(t, dir); names != nil {
		t.Errorf("temporaries remain: %v", names)
	}
}

func TestPublishRefuses(t *testing.T) {
	errKeep := errors.New("no space for the previous content")
	errSource := errors.New("the source cannot be read")
	plain := func(t *testing.T, path string) { write(t, path, "old", 0o664) }
	tests := []struct {
		name    string
		prepare func(t *testing.T, path string)
		file    string // name otherwise
		source  io.Reader
		options atomicfile.Options
		want    error
	}{
		{name: "symbolic link", want: atomicfile.ErrNotRegular, prepare: func(t *testing.T, path string) {
			write(t, path+".target", "old", 0o664)
			must(t, os.Symlink(filepath.Base(path)+".target", path))
		}},
		{name: "dangling symbolic link", want: atomicfile.ErrNotRegular, prepare: func(t *testing.T, path string) {
			must(t, os.Symlink("nowhere", path))
		}},
		{name: "directory", want: atomicfile.ErrNotRegular, prepare: func(t *testing.T, path string) {
			must(t, os.Mkdir(path, 0o755))
		}},
		{name: "named pipe", want: atomicfile.ErrNotRegular, prepare: func(t *testing.T, path string) {
			must(t, syscall.Mkfifo(path, 0o666))
		}},
		{name: "socket", want: atomicfile.ErrNotRegular, prepare: func(t *testing.T, path string) {
			must(t, unix.Mknod(path, unix.S_IFSOCK|0o666, 0))
		}},
		{name: "existing", want: atomicfile.ErrExists, prepare: plain, options: atomicfile.Options{Mode: 0o664, Group: -1, MustCreate: true}},
		{name: "existing, as the fs package says it", want: fs.ErrExist, prepare: plain, options: atomicfile.Options{Mode: 0o664, Group: -1, MustCreate: true}},
		{name: "previous content cannot be kept", want: errKeep, prepare: plain, options: atomicfile.Options{
			Mode: 0o664, Group: -1, OnReplace: func(atomicfile.Previous, io.Reader) error { return errKeep }}},
		{name: "source fails at once", want: errSource, prepare: plain, source: iotest.ErrReader(errSource)},
		{name: "source fails later", want: errSource, prepare: plain,
			source: io.MultiReader(strings.NewReader(pattern(1, 1<<20)), iotest.ErrReader(errSource))},
		{name: "no mode", want: atomicfile.ErrFileMode, prepare: plain, options: atomicfile.Options{Group: -1}},
		{name: "no directory", want: fs.ErrNotExist, prepare: plain, file: "missing/0-end.data"},
		{name: "file for directory", want: unix.ENOTDIR, prepare: plain, file: name + "/0-end.data"},
		{name: "no name", want: fs.ErrInvalid, prepare: plain, file: "./"},
		{name: "dot", want: fs.ErrInvalid, prepare: plain, file: "."},
		{name: "up", want: fs.ErrInvalid, prepare: plain, file: ".."},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root, dir := openDir(t)
			test.prepare(t, filepath.Join(dir, name))
			before := state(t, dir)
			if test.file == "" {
				test.file = name
			}
			if test.source == nil {
				test.source = strings.NewReader("new content")
			}
			if test.options.Mode == 0 && test.want != atomicfile.ErrFileMode {
				test.options = atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true}
			}
			_, err := atomicfile.Publish(root, test.file, test.source, test.options)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			var pathErr *fs.PathError
			if !errors.As(err, &pathErr) || pathErr.Path != filepath.Join(dir, test.file) {
				t.Errorf("the error does not name the file: %v", err)
			}
			if after := state(t, dir); after != before {
				t.Errorf("the directory changed:\n%safter:\n%s", before, after)
			}
		})
	}
}

// Neither ".." nor a link among the directories leads out of the root.
func TestPublishStaysInside(t *testing.T) {
	outside := t.TempDir()
	root, dir := openDir(t)
	must(t, os.Symlink(outside, filepath.Join(dir, "absolute")))
	must(t, os.Symlink("../"+filepath.Base(outside), filepath.Join(dir, "relative")))
	must(t, os.Mkdir(filepath.Join(dir, "inside"), 0o755))
	must(t, os.Symlink("inside", filepath.Join(dir, "good")))
	options := atomicfile.Options{Mode: 0o664, Group: -1}
	for _, file := range []string{"absolute/f", "relative/f", "../f", "inside/../../f", "/tmp/f"} {
		if _, err := atomicfile.Publish(root, file, strings.NewReader("x"), options); err == nil {
			t.Errorf("%s was published", file)
		}
		if err := atomicfile.AppendLine(t.Context(), root, file, "x", options); err == nil {
			t.Errorf("a line was appended to %s", file)
		}
		if _, err := atomicfile.MkdirAll(root, file, 0o755, -1); err == nil {
			t.Errorf("%s was made", file)
		}
	}
	for _, link := range []string{"absolute", "relative"} {
		_, publishErr := atomicfile.Publish(root, link+"/sub/f", strings.NewReader("x"), options)
		_, mkdirErr := atomicfile.MkdirAll(root, link+"/sub", 0o755, -1)
		_, openErr := root.Open(link + "/sub/f")
		for _, err := range []error{publishErr, mkdirErr, atomicfile.CheckAppend(t.Context(), root, link+"/sub/f", options), atomicfile.Locate(root, openErr)} {
			// The error names the directory once, and the link in it.
			if !errors.Is(err, atomicfile.ErrLeadsOut) || strings.Count(err.Error(), dir) != 1 || !strings.Contains(err.Error(), link+": ") {
				t.Errorf("through %s: %v", link, err)
			}
		}
	}
	if got := state(t, outside); got != "" {
		t.Errorf("outside: %s", got)
	}
	if _, err := atomicfile.Publish(root, "good/f", strings.NewReader("x"), options); err != nil {
		t.Errorf("a link that stays inside: %v", err)
	}
}

// An access control list of a replaced file is on the new one too; the list that
// a directory gives its new files stays away where the old file had none.
func TestPublishKeepsACL(t *testing.T) {
	root, dir := openDir(t)
	path := filepath.Join(dir, name)
	write(t, path, "old", 0o640)
	if err := unix.Setxattr(path, "system.posix_acl_access", namedUser(6), 0); err != nil {
		testenv.Skip(t, "the file system has no access control lists: %v", err)
	}
	mode := modeOf(t, path)
	result, err := atomicfile.Publish(root, name, strings.NewReader("new"), atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true})
	if err != nil {
		t.Fatal(err)
	}
	if string(result.Previous.ACL) != string(namedUser(6)) {
		t.Errorf("previous list %x", result.Previous.ACL)
	}
	if got := acl(t, path); got != string(namedUser(6)) {
		t.Errorf("list of the new file %x, want %x", got, namedUser(6))
	}
	if got := modeOf(t, path); got != mode {
		t.Errorf("mode %v, want %v", got, mode)
	}

	plain := filepath.Join(dir, "5-end.data")
	write(t, plain, "old", 0o640)
	must(t, unix.Setxattr(dir, "system.posix_acl_default", namedUser(7), 0))
	if _, err := atomicfile.Publish(root, "5-end.data", strings.NewReader("new"), atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true}); err != nil {
		t.Fatal(err)
	}
	if got := acl(t, plain); got != "" || modeOf(t, plain) != 0o640 {
		t.Errorf("list %x, mode %v", got, modeOf(t, plain))
	}
	if _, err := atomicfile.Publish(root, "6-end.data", strings.NewReader("new"), atomicfile.Options{Mode: 0o664, Group: -1}); err != nil {
		t.Fatal(err)
	}
	if fresh := filepath.Join(dir, "6-end.data"); acl(t, fresh) == "" || modeOf(t, fresh) != 0o664 {
		t.Errorf("a new file has list %x, mode %v; want the directory's list", acl(t, fresh), modeOf(t, fresh))
	}
}

// namedUser returns an access control list with an entry for nobody, as the
// kernel keeps it: version 2, then tag, permissions, id of each entry.
func namedUser(perm byte) []byte {
	const none = "\xff\xff\xff\xff"
	return []byte("\x02\x00\x00\x00" +
		"\x01\x00\x06\x00" + none + // owner rw-
		"\x02\x00" + string(rune(perm)) + "\x00" + "\xfe\xff\x00\x00" + // user 65534
		"\x04\x00\x04\x00" + none + // group r--
		"\x10\x00\x06\x00" + none + // mask rw-
		"\x20\x00\x00\x00" + none) // others ---
}

func acl(t *testing.T, path string) string {
	t.Helper()
	list := make([]byte, 1024)
	n, err := unix.Getxattr(path, "system.posix_acl_access", list)
	if err != nil && !errors.Is(err, unix.ENODATA) {
		t.Fatal(err)
	}
	return string(list[:max(n, 0)])
}

// A target that changes after it was handed out to be kept is looked at again:
// what is reported as previous is what was replaced.
func TestPublishTargetChanges(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, path string)
		want   string // the previous content; "" where none was replaced
	}{
		{"rewritten in place", func(t *testing.T, path string) { must(t, os.WriteFile(path, []byte("between"), 0)) }, "between"},
		{"replaced", func(t *testing.T, path string) {
			write(t, path+".new", "between", 0o640)
			must(t, os.Rename(path+".new", path))
		}, "between"},
		{"removed", func(t *testing.T, path string) { must(t, os.Remove(path)) }, ""},
		{"mode changed", func(t *testing.T, path string) { must(t, os.Chmod(path, 0o640)) }, "old"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			root, dir := openDir(t)
			path := filepath.Join(dir, name)
			write(t, path, "old", 0o664)
			var kept []string
			result, err := atomicfile.Publish(root, name, strings.NewReader("new"), atomicfile.Options{
				Mode: 0o660, Group: -1, KeepExisting: true,
				OnReplace: func(old atomicfile.Previous, content io.Reader) error {
					bytes, err := io.ReadAll(content)
					kept = append(kept, string(bytes))
					if len(kept) == 1 {
						test.change(t, path)
					}
					return err
				},
			})
			if err != nil || read(t, path) != "new" {
				t.Fatalf("%v, content %q", err, read(t, path))
			}
			if test.want == "" {
				if !result.Created || len(kept) != 1 || modeOf(t, path) != 0o660 {
					t.Errorf("result %+v, kept %q, mode %v", result, kept, modeOf(t, path))
				}
				return
			}
			if !result.Replaced || len(kept) != 2 || kept[1] != test.want || result.Previous.SHA256 != sha256.Sum256([]byte(test.want)) ||
				result.Previous.Mode != modeOf(t, path) {
				t.Errorf("result %+v, kept %q", result, kept)
			}
		})
	}
}

// A target that changes each time is given up.
func TestPublishTargetKeepsChanging(t *testing.T) {
	root, dir := openDir(t)
	path := filepath.Join(dir, name)
	write(t, path, "old", 0o664)
	_, err := atomicfile.Publish(root, name, strings.NewReader("new"), atomicfile.Options{
		Mode: 0o660, Group: -1,
		OnReplace: func(old atomicfile.Previous, _ io.Reader) error {
			return os.WriteFile(path, []byte(strings.Repeat("x", int(old.Size)+1)), 0)
		},
	})
	if !errors.Is(err, atomicfile.ErrChanged) || !strings.HasPrefix(read(t, path), "xxx") {
		t.Errorf("%v, content %q", err, read(t, path))
	}
	if names := temporaries(t, dir); names != nil {
		t.Errorf("temporaries remain: %v", names)
	}
}

// Of many that create one name at once, one does; the others find it taken.
func TestPublishOneCreator(t *testing.T) {
	root, dir := openDir(t)
	var wait sync.WaitGroup
	var mutex sync.Mutex
	created := 0
	for i := range 16 {
		wait.Go(func() {
			result, err := atomicfile.Publish(root, name, strings.NewReader(pattern(byte(i), 1000)),
				atomicfile.Options{Mode: 0o664, Group: -1, MustCreate: true})
			mutex.Lock()
			defer mutex.Unlock()
			switch {
			case err == nil && result.Created:
				created++
			case !errors.Is(err, atomicfile.ErrExists):
				t.Errorf("creator %d: %+v, %v", i, result, err)
			}
		})
	}
	wait.Wait()
	if created != 1 {
		t.Errorf("%d created the file", created)
	}
	if names := temporaries(t, dir); names != nil {
		t.Errorf("temporaries remain: %v", names)
	}
}

// Of many that replace one file at once, all succeed, and what each replaced was
// whole: the first file or one of theirs.
func TestPublishManyReplacers(t *testing.T) {
	root, dir := openDir(t)
	const writers = 24
	whole := map[[sha256.Size]byte]bool{sha256.Sum256([]byte("first")): true}
	for i := range writers {
		whole[sha256.Sum256([]byte(pattern(byte(i), 5000+i)))] = true
	}
	write(t, filepath.Join(dir, name), "first", 0o664)
	var wait sync.WaitGroup
	for i := range writers {
		wait.Go(func() {
			result, err := atomicfile.Publish(root, name, strings.NewReader(pattern(byte(i), 5000+i)),
				atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true})
			if err != nil || !result.Replaced || !whole[result.Previous.SHA256] {
				t.Errorf("writer %d: %+v, %v", i, result, err)
			}
		})
	}
	wait.Wait()
	if content := read(t, filepath.Join(dir, name)); content == "first" || !whole[sha256.Sum256([]byte(content))] {
		t.Errorf("the file has %d bytes of nobody", len(content))
	}
	if names := temporaries(t, dir); names != nil {
		t.Errorf("temporaries remain: %v", names)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
