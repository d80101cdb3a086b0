package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"

	"golang.org/x/sys/unix"
)

// Conditions that callers branch on. The functions of this package wrap them in
// an *fs.PathError with the whole path.
var (
	// ErrNotRegular: the target is a symbolic link, a directory or a special file.
	ErrNotRegular = errors.New("not a regular file")

	// ErrLeadsOut: a directory of the name is a symbolic link out of the root.
	ErrLeadsOut = errors.New("a symbolic link that leads out of the directory; move it away")

	// ErrLinked: the file to be appended to has other names, which may lie where
	// the caller would not write.
	ErrLinked = errors.New("the file has other hard links and may be somebody else's; move it away")

	// ErrNotWritable: the caller has no permission to write the target, although
	// its directory might let it be replaced.
	ErrNotWritable = errors.New("no permission to write the existing file; ask its owner")

	// ErrGroup: only members of a group may give it files.
	ErrGroup = errors.New("no permission to give it that group; become a member, or let a member do it")

	// ErrExists: the name is taken by a file with other content and MustCreate was set.
	ErrExists = fmt.Errorf("the file is there already, with other content: %w", fs.ErrExist)

	// ErrChanged: other processes kept changing the target during the publication.
	ErrChanged = errors.New("the target is being changed by another process; try again when it is done")

	// ErrNotDurable: the change is in place, but the directory could not be
	// synced, so it may be lost if the storage fails now.
	ErrNotDurable = errors.New("the directory could not be synced; the change is in place but may not survive a failure of the storage")

	// ErrLine: the text to append is not one line.
	ErrLine = errors.New("not a single line of text")
)

// errorIsUnsupported reports whether err says that the file system has no such
// operation, rather than that the operation failed.
func errorIsUnsupported(err error) bool {
	return errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL)
}

// groupError explains why the group was not set.
func groupError(gid int, err error) error {
	if errors.Is(err, unix.EPERM) {
		err = fmt.Errorf("%w: %w", ErrGroup, err)
	}
	return fmt.Errorf("group %d: %w", gid, err)
}

// A lockError is an error of package fslock, which names the file.
type lockError struct{ error }

// pathError gives err the operation and the path, once; nil stays nil.
func pathError(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if locked, ok := errors.AsType[lockError](err); ok {
		return locked.error
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
