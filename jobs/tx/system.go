package tx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
)

// A system is the file operations that change something, so that tests can let
// each of them fail.
type system interface {
	Mkdir(path string) error
	Create(path string) (*os.File, error) // for writing; fails if it exists
	OpenJournal(path string) (*os.File, error)
	Write(f *os.File, p []byte) (int, error)
	Truncate(f *os.File, size int64) error
	Chmod(f *os.File, mode uint32) error
	Sync(f *os.File) error
	SyncDir(path string) error
	SyncFiles(files []*os.File) error // and directories, together
	Rename(from, to string) error
	Remove(path string) error
	Publish(dir, name string, src io.Reader) error // whole, durable
}

// host is the operating system.
type host struct{}

var _ system = host{}

// fileMode is that of all files but objects, fewer bits under a stricter umask.
const fileMode atomicfile.Mode = 0o640

// createFlags never follow what somebody planted.
const createFlags = os.O_WRONLY | os.O_CREATE | os.O_EXCL | unix.O_NOFOLLOW

func (host) Mkdir(path string) error { return os.Mkdir(path, 0o750) }

func (host) Create(path string) (*os.File, error) { return os.OpenFile(path, createFlags, 0o600) }

func (host) OpenJournal(path string) (*os.File, error) {
	return atomicfile.OpenRegular(path, os.O_RDWR|os.O_APPEND)
}

func (host) Write(f *os.File, p []byte) (int, error) { return f.Write(p) }

func (host) Truncate(f *os.File, size int64) error { return f.Truncate(size) }

func (host) Chmod(f *os.File, mode uint32) error { return f.Chmod(atomicfile.Mode(mode).FS()) }

func (host) Sync(f *os.File) error { return f.Sync() }

func (host) SyncFiles(files []*os.File) error { return atomicfile.SyncFiles(files) }

func (host) SyncDir(path string) error { return atomicfile.SyncDir(path) }

func (host) Rename(from, to string) error { return os.Rename(from, to) }

func (host) Remove(path string) error { return os.Remove(path) }

func (host) Publish(dir, name string, src io.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	_, err = atomicfile.Publish(root, name, src, atomicfile.Options{Mode: fileMode, Group: -1})
	return errors.Join(err, root.Close())
}

// makeDir makes the directory and those above it that are missing, durably.
func makeDir(sys system, dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := makeDir(sys, parent); err != nil {
			return err
		}
	}
	if err := sys.Mkdir(dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return sys.SyncDir(parent)
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := atomicfile.OpenRegular(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = &fs.PathError{Op: "read", Path: path, Err: ErrTooLarge}
	}
	return data, err
}
