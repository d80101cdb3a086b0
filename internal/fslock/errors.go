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
	Holder *Holder       // of a lock file, see Hold; nil: unknown
}

// Error names the file, who holds it if that is known, how long was waited and
// what to do.
func (e *HeldError) Error() string {
	by, waited := ErrHeld.Error(), ""
	if e.Holder != nil {
		by = fmt.Sprintf("locked by %v", e.Holder)
	}
	if e.Waited > 0 {
		waited = fmt.Sprintf(" for more than %v", e.Waited)
	}
	return fmt.Sprintf("%s: %s%s; try again when it is done", e.Path, by, waited)
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
