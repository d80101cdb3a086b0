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
	dir  string // "" where name is the whole path
	name string // "" before it is opened
	fd   int
	size int64 // bytes
	mod  int64 // UTC ns since 1970
}

// atCurrent is AT_FDCWD: names are relative to the current directory.
const atCurrent = -100

// open opens the file of that name in the directory at, whose path is dir, without
// waiting: a pipe would block until someone writes.
func (f *rawFile) open(at int, dir, name string) error {
	fd, err := openAt(at, name, syscall.O_NONBLOCK)
	f.dir, f.name, f.fd = dir, name, fd
	if err != nil {
		return f.error("open", err)
	}
	return nil
}

func (f *rawFile) error(op string, err error) error {
	path := f.name
	if f.dir != "" {
		path = f.dir + "/" + f.name
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// openAt opens for reading. Each system call here is repeated where a signal
// interrupted it; network file systems do that.
func openAt(at int, name string, flags int) (fd int, err error) {
	flags |= syscall.O_RDONLY | syscall.O_CLOEXEC
	fd, err = syscall.Openat(at, name, flags, 0)
	for err == syscall.EINTR {
		fd, err = syscall.Openat(at, name, flags, 0)
	}
	return fd, err
}

// identify looks up what was opened.
func (f *rawFile) identify() error {
	var st syscall.Stat_t
	if err := f.stat(&st); err != nil {
		return err
	}
	if !regular(&st) {
		return f.error("open", ErrNotRegular)
	}
	f.size, f.mod = st.Size, st.Mtim.Nano()
	return nil
}

func regular(st *syscall.Stat_t) bool { return st.Mode&syscall.S_IFMT == syscall.S_IFREG }

func (f *rawFile) stat(st *syscall.Stat_t) error {
	err := syscall.Fstat(f.fd, st)
	for err == syscall.EINTR {
		err = syscall.Fstat(f.fd, st)
	}
	if err != nil {
		return f.error("stat", err)
	}
	return nil
}

func (f *rawFile) changed() (bool, error) {
	var st syscall.Stat_t
	err := f.stat(&st)
	return err == nil && (st.Size != f.size || st.Mtim.Nano() != f.mod || !regular(&st)), err
}

// ReadAt reads until p is full or the file ends, as io.ReaderAt asks.
func (f *rawFile) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		got, err := syscall.Pread(f.fd, p[n:], off+int64(n))
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return n, f.error("read", err)
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
		return f.error("close", fs.ErrClosed)
	}
	err := syscall.Close(f.fd)
	f.fd = -1
	if err != nil {
		return f.error("close", err)
	}
	return nil
}
