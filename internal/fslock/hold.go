package fslock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNotLockFile: what is at the path of a lock file is a link, a directory, a
// special file, or has other names.
var ErrNotLockFile = errors.New("not a plain file with one name, so not a lock file; move it away")

// A Held is a lock file that is held until Release.
type Held struct {
	// Unlocked: the file system has no locks, so nobody is kept out. The caller
	// warns of it once and goes on.
	Unlocked bool

	file *os.File // nil once released
}

// Hold takes the lock file of that path, which it makes, with the directory, where
// it is missing, and writes into it who holds it. It waits as File does. Lock files
// stay when they are released; one that a dead process left is no obstacle.
//
// The path is never followed if it is a symbolic link. Errors are those of File,
// with the Holder in a *HeldError if the file tells; or wrap ErrNotLockFile or
// what the system returned. A file system without locks is no error, see Held.
func Hold(ctx context.Context, path string, holder Holder, timeout time.Duration) (*Held, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make the directory of lock files: %w", err)
	}
	for begin := time.Now(); ; {
		file, err := openLockFile(path)
		if err != nil {
			return nil, err
		}
		err = File(ctx, file, timeout-time.Since(begin))
		if errors.Is(err, ErrUnsupported) {
			return &Held{Unlocked: true}, file.Close()
		}
		if held, ok := errors.AsType[*HeldError](err); ok {
			held.Waited, held.Holder = max(timeout, 0), readHolder(file)
		}
		current := false
		if err == nil {
			if current, err = isAt(file, path); current {
				err = writeHolder(file, holder)
			}
		}
		if err == nil && current {
			return &Held{file: file}, nil
		}
		file.Close() // not held
		if err != nil {
			return nil, err
		}
		// Somebody removed the file while its lock was waited for: take the new one.
	}
}

// Release gives the lock up. The file stays, without a holder. Further calls do
// nothing.
func (h *Held) Release() error {
	if h.file == nil {
		return nil
	}
	file := h.file
	h.file = nil
	return errors.Join(file.Truncate(0), file.Close())
}

// openLockFile opens or makes the file for writing, without following links.
func openLockFile(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o660)
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.EISDIR) || errors.Is(err, unix.ENXIO) {
		return nil, fmt.Errorf("%s: %w: %w", path, ErrNotLockFile, err)
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err := statOf(file, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink > 1 {
		file.Close() // not used
		if err == nil {
			err = ErrNotLockFile
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// isAt reports whether the path still leads to the file.
func isAt(file *os.File, path string) (bool, error) {
	var opened, named unix.Stat_t
	if err := statOf(file, &opened); err != nil {
		return false, err
	}
	err := unix.Lstat(path, &named)
	if errors.Is(err, unix.ENOENT) {
		return false, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "lstat", Path: path, Err: err}
	}
	return opened.Dev == named.Dev && opened.Ino == named.Ino, nil
}

func statOf(file *os.File, st *unix.Stat_t) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var statErr error
	err = raw.Control(func(fd uintptr) { statErr = unix.Fstat(int(fd), st) })
	return errors.Join(err, statErr)
}

// IsHeld reports whether somebody else holds the lock on an open file, which may
// be open for reading only. It takes nothing. Where the file system has no locks
// nobody does.
func IsHeld(f *os.File) (bool, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	var lockErr error
	err = raw.Control(func(fd uintptr) { lockErr = unix.FcntlFlock(fd, unix.F_OFD_GETLK, &whole) })
	if err = errors.Join(err, lockErr); err != nil {
		if isUnsupported(err) {
			return false, nil
		}
		return false, fmt.Errorf("ask for the lock on %s: %w", f.Name(), err)
	}
	return whole.Type != unix.F_UNLCK, nil
}
