package fslock

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Conditions that callers tell apart with errors.Is.
var (
	ErrHeld        = errors.New("locked by another")
	ErrUnsupported = errors.New("locks do not work on this file system")
)

// A HeldError is ErrHeld with what is known about the holder.
type HeldError struct {
	Path   string
	Holder string        // the holder's own words, "" if it left none
	Waited time.Duration // before giving up
}

// Error names the file, how long was waited and the holder.
func (e *HeldError) Error() string {
	holder := e.Holder
	if holder == "" {
		holder = "a process that left no name"
	}
	return fmt.Sprintf("%s: %v for more than %v: held by %s", e.Path, ErrHeld, e.Waited.Round(time.Millisecond), holder)
}

// Is makes errors.Is(err, ErrHeld) true.
func (e *HeldError) Is(target error) bool { return target == ErrHeld }

// isUnsupported tells a file system without locks from a lock that is held.
// ENOLCK is what NFS answers when no lock service runs on the server, EINVAL
// what kernels before 3.15 say to an open-file-description lock.
func isUnsupported(err error) bool {
	for _, code := range []error{unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOLCK, unix.EINVAL} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}
