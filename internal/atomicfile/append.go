package atomicfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"deployconstants/internal/fslock"
)

const (
	// defaultLockTimeout is how long the lock of a file is waited for. Holders keep
	// it for one line; on a loaded NFS server that takes seconds at worst.
	defaultLockTimeout = 30 * time.Second

	// maxLooks bounds how often a file with several names is looked at again.
	maxLooks = 5

	// appendFlags open a file to be appended to: the end of its last line is read.
	appendFlags = os.O_RDWR | os.O_APPEND
)

// OpenAppend opens the file called name below root for reading and for writing
// at its end, and makes an empty one, with o.Mode and o.Group whatever the umask,
// where there is none. Files in trees that everybody may write could be planted:
// a symbolic link is not followed, and what is not a regular file with a single
// name is refused.
//
// Errors wrap ErrFileMode, ErrNotRegular, ErrLinked or what the system returned.
func OpenAppend(root *os.Root, name string, o Options) (*os.File, error) {
	file, err := openAppend(host{}, root, name, o)
	return file, pathError("open", filepath.Join(root.Name(), name), err)
}

func openAppend(sys system, root *os.Root, name string, o Options) (*os.File, error) {
	if err := o.Mode.CheckFile(); err != nil {
		return nil, err
	}
	dir, base, err := openParent(root, name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	for range maxAttempts {
		file, err := openExisting(dir, base, appendFlags)
		if !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
		if _, err := create(sys, dir, base, "", o); err != nil {
			return nil, err
		}
	}
	return nil, ErrChanged
}

// AppendLine appends one line to the file called name below root, in one write
// under the file's lock (package fslock; without it where the file system has no
// locks), for which it waits until o.LockTimeout or the end of ctx. The line may
// lack its final newline. Where the last line of the file lacks one, it is added
// first, so that records never run together. A new file appears with its line,
// with o.Mode and o.Group whatever the umask; other options have no effect. The
// name is looked up again if another process replaced or removed the file while
// its lock was waited for.
//
// The file is opened as OpenAppend does. Errors wrap ErrFileMode, ErrLine,
// ErrNotRegular, ErrLinked, fslock.ErrHeld, the cause of ctx, ErrNotDurable (the
// line is there) or what the system returned; a line that could be written in
// part only is taken back.
func AppendLine(ctx context.Context, root *os.Root, name, line string, o Options) error {
	return AppendLines(ctx, root, name, []string{line}, o)
}

// AppendLines appends several lines as AppendLine does one: all of them, next to
// each other, or none.
func AppendLines(ctx context.Context, root *os.Root, name string, lines []string, o Options) error {
	return appendLines(ctx, host{}, root, name, lines, o)
}

// joinLines checks the lines and ends each with its newline.
func joinLines(lines []string) (string, error) {
	var text strings.Builder
	for _, line := range lines {
		line = strings.TrimSuffix(line, "\n") + "\n"
		if strings.IndexByte(line, '\n') != len(line)-1 || strings.ContainsRune(line, 0) {
			return "", fmt.Errorf("%w: %q", ErrLine, line)
		}
		text.WriteString(line)
	}
	return text.String(), nil
}

func appendLines(ctx context.Context, sys system, root *os.Root, name string, lines []string, o Options) (err error) {
	defer func() { err = pathError("append to", filepath.Join(root.Name(), name), err) }()
	if err := o.Mode.CheckFile(); err != nil {
		return err
	}
	line, err := joinLines(lines)
	if err != nil || line == "" {
		return err
	}
	dir, base, err := openParent(root, name)
	if err != nil {
		return err
	}
	defer dir.Close()
	for range maxAttempts {
		file, err := openLocked(ctx, dir, base, o)
		var done bool
		switch {
		case err == nil:
			done, err = appendTo(sys, dir, base, file, line)
		case errors.Is(err, fs.ErrNotExist):
			done, err = create(sys, dir, base, line, o)
		}
		if done || err != nil {
			return err
		}
	}
	return ErrChanged
}

// CheckAppend returns the error with which AppendLine would refuse the existing
// file called name below root; nil where there is none. It makes nothing. The lock
// is taken, waited for as AppendLine does, and given back: a file that stays locked
// is known before there is a line to append.
func CheckAppend(ctx context.Context, root *os.Root, name string, o Options) (err error) {
	defer func() { err = pathError("append to", filepath.Join(root.Name(), name), err) }()
	if err := o.Mode.CheckFile(); err != nil {
		return err
	}
	dir, base, err := openParent(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	file, err := openLocked(ctx, dir, base, o)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}

// OpenPlain opens the existing file called name below root, with the flags of
// os.OpenFile. It refuses what OpenAppend refuses, with the same errors, and makes
// nothing.
func OpenPlain(root *os.Root, name string, flags int) (*os.File, error) {
	file, err := openPlain(root, name, flags&^os.O_CREATE)
	return file, pathError("open", filepath.Join(root.Name(), name), err)
}

func openPlain(root *os.Root, name string, flags int) (*os.File, error) {
	dir, base, err := openParent(root, name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return openExisting(dir, base, flags)
}

// create publishes a new file; false if somebody else did.
func create(sys system, dir *os.File, base, content string, o Options) (bool, error) {
	result, err := publishIn(sys, dir, base, strings.NewReader(content),
		Options{Mode: o.Mode, Group: o.Group, MustCreate: true})
	if errors.Is(err, ErrExists) {
		return false, nil
	}
	return result.Created, err
}

// openExisting opens a file that others may have planted.
func openExisting(dir *os.File, base string, flags int) (*os.File, error) {
	if st, err := statAt(dir, base); err != nil {
		return nil, err
	} else if err := checkRegular(&st); err != nil { // opening a device may have effects
		return nil, err
	}
	file, err := openAt(dir, base, flags, 0)
	if err != nil {
		return nil, err
	}
	if err := checkPlain(dir, file); err != nil {
		file.Close() // nothing was written
		return nil, err
	}
	return file, nil
}

// checkPlain refuses what is not a regular file with one name. A temporary of
// ours is no other name: a publication by link(2) is about to remove it, perhaps
// between our look at the file and the one at the directory.
func checkPlain(dir, file *os.File) error {
	var links uint64
	for range maxLooks {
		st, err := statOf(file)
		if err != nil {
			return err
		}
		if err := checkRegular(&st); err != nil {
			return err
		}
		links = uint64(st.Nlink)
		if links > 1 {
			links -= temporaryNames(dir, &st)
		}
		if links <= 1 {
			return nil
		}
	}
	return fmt.Errorf("%w (%d names)", ErrLinked, links)
}

// appendTo writes the line to the end of the locked file and closes it. It reports
// false where the name leads to another file by now: a line in one that was
// replaced or removed while its lock was waited for would be lost.
func appendTo(sys system, dir *os.File, base string, file *os.File, line string) (done bool, err error) {
	defer func() { _ = sys.Close(file) }() // fsync has told already whether the line is safe
	st, err := statOf(file)
	if err != nil {
		return false, err
	}
	switch named, err := statAt(dir, base); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	case !sameFile(&named, &st):
		return false, nil
	}
	return true, writeLine(sys, file, st.Size, line)
}

// writeLine writes the line behind the size bytes of the file, on a line of its own.
func writeLine(sys system, file *os.File, size int64, line string) error {
	if size > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			line = "\n" + line
		}
	}
	n, err := sys.Write(file, []byte(line))
	if err == nil {
		err = sys.Sync(file)
	}
	if err != nil {
		return errors.Join(err, takeBack(sys, file, size, n))
	}
	return nil
}

// takeBack removes the n bytes just written after size, unless another writer,
// who knows of no lock, has appended to them.
func takeBack(sys system, file *os.File, size int64, n int) error {
	st, err := statOf(file)
	if err != nil || n == 0 || st.Size != size+int64(n) {
		return err
	}
	return sys.Truncate(file, size)
}

// openLocked opens an existing file to append to it and takes its lock, which ends
// with the file's closing. Where the file system has none (Lustre without flock,
// some NFS), the single write to a file opened for appending has to do.
func openLocked(ctx context.Context, dir *os.File, base string, o Options) (*os.File, error) {
	file, err := openExisting(dir, base, appendFlags)
	if err != nil {
		return nil, err
	}
	err = fslock.File(ctx, file, cmp.Or(o.LockTimeout, defaultLockTimeout))
	if err != nil && !errors.Is(err, fslock.ErrUnsupported) {
		file.Close() // nothing was written
		return nil, lockError{err}
	}
	return file, nil
}
