package xtc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
)

var errNotOpened = fmt.Errorf("a reader that was not opened here cannot be compared: %w", errors.ErrUnsupported)

// rawFile is a regular file, opened for positioned reads with the fewest system
// calls: a scan opens millions of files to read three blocks of each, and os.File
// offers each descriptor to the poller, which refuses regular files.
type rawFile struct {
	path string
	fd   int
	size int64
	mod  syscall.Timespec
}

// open opens path without waiting: a pipe would block until someone writes. Each
// system call is repeated where a signal interrupted it; network file systems do that.
func (f *rawFile) open(path string) error {
	const flags = syscall.O_RDONLY | syscall.O_CLOEXEC | syscall.O_NONBLOCK
	fd, err := syscall.Open(path, flags, 0)
	for err == syscall.EINTR {
		fd, err = syscall.Open(path, flags, 0)
	}
	if err != nil {
		return &fs.PathError{Op: "open", Path: path, Err: err}
	}
	f.path, f.fd = path, fd
	var st syscall.Stat_t
	if err = f.stat(&st); err == nil && st.Mode&syscall.S_IFMT != syscall.S_IFREG {
		err = &fs.PathError{Op: "open", Path: path, Err: ErrNotRegular}
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	f.size, f.mod = st.Size, st.Mtim
	return nil
}

func (f *rawFile) stat(st *syscall.Stat_t) error {
	err := syscall.Fstat(f.fd, st)
	for err == syscall.EINTR {
		err = syscall.Fstat(f.fd, st)
	}
	if err != nil {
		return &fs.PathError{Op: "stat", Path: f.path, Err: err}
	}
	return nil
}

func (f *rawFile) changed() (bool, error) {
	var st syscall.Stat_t
	err := f.stat(&st)
	return err == nil && (st.Size != f.size || st.Mtim != f.mod), err
}

// ReadAt reads until p is full or the file ends, as io.ReaderAt asks.
func (f *rawFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		got, err := syscall.Pread(f.fd, p[n:], off+int64(n))
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return n, &fs.PathError{Op: "read", Path: f.path, Err: err}
		case got == 0:
			return n, io.EOF
		}
		n += got
	}
	return n, nil
}

// Close closes the file; a second call returns fs.ErrClosed.
func (f *rawFile) Close() error {
	if f.fd < 0 {
		return &fs.PathError{Op: "close", Path: f.path, Err: fs.ErrClosed}
	}
	err := syscall.Close(f.fd)
	f.fd = -1
	if err != nil {
		return &fs.PathError{Op: "close", Path: f.path, Err: err}
	}
	return nil
}
