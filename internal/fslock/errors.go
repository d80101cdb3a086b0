package fslock

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Conditions that callers tell apart with errors.Is.
var (
	ErrHeld        = errors.New("locked by another process")
	ErrUnsupported = errors.New("locks do not work on this file system")
)

// A HeldError is ErrHeld with the file and the time.
type HeldError struct {
	Path   string
	Waited time.Duration // the timeout; 0: did not wait
}

// Error names the file, how long was waited and what to do.
func (e *HeldError) Error() string {
	waited := ""
	if e.Waited > 0 {
		waited = fmt.Sprintf(" for more than %v", e.Waited)
	}
	return fmt.Sprintf("%s: %v%s; try again when it is done", e.Path, ErrHeld, waited)
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
