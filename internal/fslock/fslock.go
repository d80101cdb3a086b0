package fslock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// How long to wait between two attempts: the kernel tells nobody when a lock of
// another host is released.
const (
	firstDelay = 500 * time.Microsecond
	lastDelay  = 20 * time.Millisecond
)

// File locks an open file, whose content stays as it is, until it is closed. The
// file must be open for writing. File waits until the timeout has passed (0 or
// less: it tries once) or ctx ends; a lock that is free is taken even then.
//
// Errors name the file: a *HeldError (ErrHeld) at the timeout; ErrUnsupported
// where the file system has no locks; the cause of ctx; what the system says.
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
			return &HeldError{Path: f.Name(), Waited: max(timeout, 0)}
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
