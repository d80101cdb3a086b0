package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"deployconstants/internal/atomicfile"
)

// OpenConstants opens a constants file by its path as a Choice gives it. The path
// may be or contain symbolic links, if they end in the repository.
//
// Errors: fs.ErrNotExist where nothing is there or a link dangles, ErrOutside,
// ErrNotRegular for directories and special files, ErrEmpty, or what opening says.
func (r *Repository) OpenConstants(path string) (*os.File, error) {
	name, inside := strings.CutPrefix(path, r.path(""))
	if !inside {
		return nil, fmt.Errorf("%w: %s is not below %s", ErrOutside, path, r.dir)
	}
	target, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	f, err := r.root.OpenFile(target, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a fifo must not hang
	if err != nil {
		return nil, atomicfile.Locate(r.root, err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("%w: it is %s", ErrNotRegular, fileKind(info.Mode()))}
	case info.Size() == 0:
		err = &fs.PathError{Op: "open", Path: path, Err: ErrEmpty}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// fileKind names what is not a regular file.
func fileKind(mode os.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&os.ModeSymlink != 0:
		return "a symbolic link"
	default:
		return "a special file"
	}
}
