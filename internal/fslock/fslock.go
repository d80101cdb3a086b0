package fslock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"
)

// A Holder says who takes a lock, for those who wait.
type Holder struct {
	Host string
	PID  int
	Job  string // batch job, "" outside of one
}

// Self is this process, working for the batch job of that name ("" for none).
func Self(job string) Holder {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	return Holder{Host: host, PID: os.Getpid(), Job: job}
}

// String is one line: "psanagpu105, pid 4711, job 1234_5".
func (h Holder) String() string {
	text := fmt.Sprintf("%s, pid %d", h.Host, h.PID)
	if h.Job != "" {
		text += ", job " + h.Job
	}
	return text
}

// holderMax bounds, in bytes, what is read of a holder's words.
const holderMax = 512

// A FileLock is a held lock on a lock file. It is released once, by Unlock.
type FileLock struct{ file *os.File }

// Lock takes the lock file at path, which is made if absent (mode 0666 less the
// umask), and writes the holder into it. It waits until the timeout has passed
// (0 or less: it tries once) or ctx ends. A symbolic link is refused.
//
// Errors: a *HeldError (ErrHeld) at the timeout; ErrUnsupported where the file
// system has no locks; the cause of ctx; what opening the file says.
func Lock(ctx context.Context, path string, holder Holder, timeout time.Duration) (*FileLock, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o666)
	if err != nil {
		return nil, err
	}
	if err := File(ctx, f, timeout); err != nil {
		if held, ok := errors.AsType[*HeldError](err); ok {
			held.Holder = readHolder(f)
		}
		return nil, errors.Join(err, f.Close())
	}
	if err := writeHolder(f, holder); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &FileLock{file: f}, nil
}

// Unlock releases the lock and leaves the lock file, empty, where it is: removing
// it would let two processes hold locks on two files of one name.
func (l *FileLock) Unlock() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}

// File locks an open file, whose content stays as it is, until it is closed. The
// file must be open for writing. Waiting and errors are those of Lock; the
// holder is not known.
func File(ctx context.Context, f *os.File, timeout time.Duration) error {
	begin := time.Now()
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		err := tryLock(f)
		waited := time.Since(begin)
		switch {
		case err == nil:
			return nil
		case isUnsupported(err):
			return fmt.Errorf("%s: %w: %w", f.Name(), ErrUnsupported, err)
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EACCES):
			return fmt.Errorf("lock %s: %w", f.Name(), err)
		case waited >= timeout:
			return &HeldError{Path: f.Name(), Waited: waited}
		}
		// The spread keeps many waiters from asking at the same moment.
		pause := min(delay/2+rand.N(delay), timeout-waited)
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the lock on %s: %w", f.Name(), context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// How long to wait between two attempts: the kernel tells nobody when a lock of
// another host is released.
const (
	firstDelay = 500 * time.Microsecond
	lastDelay  = 20 * time.Millisecond
)

// tryLock asks once, again after a signal.
func tryLock(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var lockErr error
	err = raw.Control(func(fd uintptr) {
		whole := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
		for {
			if lockErr = unix.FcntlFlock(fd, unix.F_OFD_SETLK, &whole); lockErr != unix.EINTR {
				return
			}
		}
	})
	return errors.Join(err, lockErr)
}

// writeHolder is called under the lock.
func writeHolder(f *os.File, holder Holder) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(printable(holder.String())+"\n"), 0)
	return err
}

// readHolder returns the first line that the holder left, made safe to print.
func readHolder(f *os.File) string {
	text, err := io.ReadAll(io.NewSectionReader(f, 0, holderMax))
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return printable(line)
}

// printable replaces what could forge lines or move a terminal's cursor.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsPrint(c) {
			return c
		}
		return '?'
	}, text)
}
