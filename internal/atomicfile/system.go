package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// aclName is the extended attribute that holds a file's access control list
// (acl(5), xattr(7)).
const aclName = "system.posix_acl_access"

// system has the operations that change something, one call of the operating
// system each. Names are single elements below the open directory dir, and are
// never followed. Tests put a system in its place that fails at the k-th call.
type system interface {
	// Create makes a new file for reading and writing, of mode 0600 at most.
	Create(dir *os.File, name string) (*os.File, error)
	// Reopen opens an existing file for reading and writing.
	Reopen(dir *os.File, name string) (*os.File, error)
	// Write writes all of p or returns an error.
	Write(f *os.File, p []byte) (int, error)
	// Chown gives f to the group.
	Chown(f *os.File, gid int) error
	// Chmod sets the mode, whatever the umask.
	Chmod(f *os.File, mode Mode) error
	// SetACL sets the access control list, or removes it if acl is empty.
	SetACL(f *os.File, acl []byte) error
	// Truncate cuts f down to size bytes.
	Truncate(f *os.File, size int64) error
	// Sync makes the content of a file, or the names in a directory, durable.
	Sync(f *os.File) error
	// SyncAll makes the whole file system of f durable.
	SyncAll(f *os.File) error
	// SetModTime sets the modification time of the file called name.
	SetModTime(dir *os.File, name string, t time.Time) error
	// Close closes a file that was written.
	Close(f *os.File) error
	// RenameNew renames, and fails with EEXIST where the new name is taken.
	RenameNew(dir *os.File, from, to string) error
	// Link gives the file another name, and fails with EEXIST where it is taken.
	Link(dir *os.File, from, to string) error
	// Rename renames, and replaces a file of the new name.
	Rename(dir *os.File, from, to string) error
	// Remove removes the name of a file.
	Remove(dir *os.File, name string) error
	// Mkdir makes a directory; the umask applies.
	Mkdir(dir *os.File, name string, mode Mode) error
	// Rmdir removes an empty directory.
	Rmdir(dir *os.File, name string) error
}

// host is the operating system itself.
type host struct{}

var _ system = host{}

func (host) Create(dir *os.File, name string) (*os.File, error) {
	return openAt(dir, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600)
}

func (host) Reopen(dir *os.File, name string) (*os.File, error) {
	return openAt(dir, name, unix.O_RDWR, 0)
}

func (host) Write(f *os.File, p []byte) (int, error) { return f.Write(p) }

func (host) Chown(f *os.File, gid int) error {
	return retry("fchown", func() error { return unix.Fchown(int(f.Fd()), -1, gid) })
}

func (host) Chmod(f *os.File, mode Mode) error {
	return retry("fchmod", func() error { return unix.Fchmod(int(f.Fd()), uint32(mode)) })
}

func (host) SetACL(f *os.File, acl []byte) error {
	if len(acl) == 0 {
		err := retry("fremovexattr", func() error { return unix.Fremovexattr(int(f.Fd()), aclName) })
		if errors.Is(err, unix.ENODATA) {
			return nil
		}
		return err
	}
	return retry("fsetxattr", func() error { return unix.Fsetxattr(int(f.Fd()), aclName, acl, 0) })
}

func (host) Truncate(f *os.File, size int64) error { return f.Truncate(size) }

func (host) Sync(f *os.File) error { return f.Sync() }

func (host) SyncAll(f *os.File) error {
	return retry("syncfs", func() error { return unix.Syncfs(int(f.Fd())) })
}

func (host) SetModTime(dir *os.File, name string, t time.Time) error {
	times := []unix.Timespec{{Nsec: unix.UTIME_OMIT}, unix.NsecToTimespec(t.UnixNano())}
	return retry("utimensat", func() error {
		return unix.UtimesNanoAt(int(dir.Fd()), name, times, unix.AT_SYMLINK_NOFOLLOW)
	})
}

func (host) Close(f *os.File) error { return f.Close() }

func (host) RenameNew(dir *os.File, from, to string) error {
	fd := int(dir.Fd())
	return retry("renameat2", func() error { return unix.Renameat2(fd, from, fd, to, unix.RENAME_NOREPLACE) })
}

func (host) Link(dir *os.File, from, to string) error {
	fd := int(dir.Fd())
	return retry("linkat", func() error { return unix.Linkat(fd, from, fd, to, 0) })
}

func (host) Rename(dir *os.File, from, to string) error {
	fd := int(dir.Fd())
	return retry("renameat", func() error { return unix.Renameat(fd, from, fd, to) })
}

func (host) Remove(dir *os.File, name string) error {
	return retry("unlinkat", func() error { return unix.Unlinkat(int(dir.Fd()), name, 0) })
}

func (host) Mkdir(dir *os.File, name string, mode Mode) error {
	return retry("mkdirat", func() error { return unix.Mkdirat(int(dir.Fd()), name, uint32(mode)) })
}

func (host) Rmdir(dir *os.File, name string) error {
	return retry("rmdir", func() error { return unix.Unlinkat(int(dir.Fd()), name, unix.AT_REMOVEDIR) })
}

// openAt opens name in dir without following it if it is a symbolic link, and
// without waiting for the other end if it is a named pipe.
func openAt(dir *os.File, name string, flags int, perm uint32) (*os.File, error) {
	var fd int
	err := retry("openat", func() (err error) {
		fd, err = unix.Openat(int(dir.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, perm)
		return err
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), filepath.Join(dir.Name(), name)), nil
}

// statAt describes name in dir itself, not what it may point to.
func statAt(dir *os.File, name string) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := retry("fstatat", func() error { return unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW) })
	return st, err
}

// statOf describes an open file.
func statOf(f *os.File) (unix.Stat_t, error) {
	var st unix.Stat_t
	err := retry("fstat", func() error { return unix.Fstat(int(f.Fd()), &st) })
	return st, err
}

// list returns the names in dir, in no order.
func list(dir *os.File) ([]string, error) {
	if _, err := dir.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	return dir.Readdirnames(-1)
}

// mayWrite asks whether the effective user may write name in dir.
func mayWrite(dir *os.File, name string) error {
	return retry("faccessat", func() error {
		return unix.Faccessat(int(dir.Fd()), name, unix.W_OK, unix.AT_EACCESS|unix.AT_SYMLINK_NOFOLLOW)
	})
}

// readACL returns the access control list of f, empty where it has none beyond
// its mode or the file system has no such lists.
func readACL(f *os.File) ([]byte, error) {
	for {
		size, err := unix.Fgetxattr(int(f.Fd()), aclName, nil)
		if err != nil || size == 0 {
			return nil, withoutACL(err)
		}
		acl := make([]byte, size)
		size, err = unix.Fgetxattr(int(f.Fd()), aclName, acl)
		if errors.Is(err, unix.ERANGE) { // grew in between
			continue
		}
		if err != nil {
			return nil, withoutACL(err)
		}
		return acl[:size], nil
	}
}

// withoutACL turns the errors that mean "no list here" into none.
func withoutACL(err error) error {
	if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.ENOSYS) {
		return nil
	}
	return err
}

// sameFile reports whether a and b describe one file, whatever its names.
func sameFile(a, b *unix.Stat_t) bool { return a.Dev == b.Dev && a.Ino == b.Ino }

// untouched reports whether neither content nor attributes of the file changed
// between a and b.
func untouched(a, b *unix.Stat_t) bool {
	return sameFile(a, b) && a.Size == b.Size && a.Mtim == b.Mtim && a.Ctim == b.Ctim
}

// checkRegular returns an error that wraps ErrNotRegular for anything else.
func checkRegular(st *unix.Stat_t) error {
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		return nil
	}
	return fmt.Errorf("%w: it is %s; move it away", ErrNotRegular, kind(st))
}

// kind names what a file is, for messages.
func kind(st *unix.Stat_t) string {
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		return "a directory"
	case unix.S_IFLNK:
		return "a symbolic link"
	case unix.S_IFIFO:
		return "a named pipe"
	case unix.S_IFSOCK:
		return "a socket"
	default:
		return "a device"
	}
}

// retry repeats a call that a signal interrupted, as the os package does: network
// file systems return EINTR from calls that never would on a local disk. Errors
// carry the name of the call.
func retry(name string, call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError(name, err)
		}
	}
}
