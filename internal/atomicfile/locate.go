package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Locate gives an error of one of root's methods, which names a path below root,
// the whole path up to the element that is at fault; it wraps ErrLeadsOut where
// that is a symbolic link out of root. Other errors are returned as they are.
func Locate(root *os.Root, err error) error {
	inner, ok := errors.AsType[*fs.PathError](err)
	if !ok || filepath.IsAbs(inner.Path) {
		return err
	}
	at, cause := fault(root, inner.Path, err)
	return &fs.PathError{Op: strings.TrimSuffix(inner.Op, "at"), Path: filepath.Join(root.Name(), at), Err: cause}
}

// fault returns the first element of name, with those above it, at which err comes
// up, and what is wrong there, without operation and path.
func fault(root *os.Root, name string, err error) (at string, cause error) {
	cause = err
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		cause = inner.Err
	}
	prefix := ""
	for element := range strings.SplitSeq(name, "/") {
		prefix = path.Join(prefix, element)
		if _, err := root.Stat(prefix); errors.Is(err, cause) {
			name = prefix
			break
		}
	}
	// The os package has no sentinel for a name that leaves the root; but it is the
	// one error at a link that does not come from the system.
	_, ofSystem := errors.AsType[syscall.Errno](cause)
	if info, err := root.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 && !ofSystem {
		cause = ErrLeadsOut
	}
	return name, cause
}
