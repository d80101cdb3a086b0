package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MkdirAll makes the directory called name below root and those above it that
// are missing. Those that it makes get the mode, whatever the umask, and the
// group gid (-1: the one that the system gives); existing ones are not touched.
// It returns the names of those that it made, the upper ones first, also with an
// error: they are complete.
//
// Errors wrap ErrDirMode, ErrGroup, ErrLeadsOut, unix.ENOTDIR, ErrNotDurable or what
// the system returned. A directory whose mode or group could not be set is removed again.
// Several processes may make the same directories at once.
func MkdirAll(root *os.Root, name string, mode Mode, gid int) (made []string, err error) {
	return mkdirAll(host{}, root, name, mode, gid)
}

func mkdirAll(sys system, root *os.Root, name string, mode Mode, gid int) (made []string, err error) {
	current := "."
	defer func() { err = pathError("make directory", filepath.Join(root.Name(), current), err) }()
	if err := mode.CheckDir(); err != nil {
		return nil, err
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	for element := range strings.SplitSeq(path.Clean(name), "/") {
		current = path.Join(current, element)
		isNew, err := makeDir(sys, root, current, mode, gid)
		if isNew {
			made = append(made, current)
		}
		if err != nil {
			return made, err
		}
	}
	return made, nil
}

// makeDir makes one directory if it is missing.
func makeDir(sys system, root *os.Root, name string, mode Mode, gid int) (isNew bool, err error) {
	info, err := root.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return false, nil
	case err == nil:
		return false, unix.ENOTDIR
	case !errors.Is(err, fs.ErrNotExist):
		_, cause := fault(root, name, err)
		return false, cause
	}
	parent, base, err := openParent(root, name)
	if err != nil {
		return false, err
	}
	defer parent.Close()
	err = sys.Mkdir(parent, base, mode)
	if errors.Is(err, unix.EEXIST) { // another process was faster, or a link leads nowhere
		info, statErr := root.Stat(name)
		if statErr != nil {
			_, cause := fault(root, name, statErr)
			return false, cause
		}
		if !info.IsDir() {
			return false, unix.ENOTDIR
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := dressDir(sys, parent, base, mode, gid); err != nil {
		return false, errors.Join(err, sys.Rmdir(parent, base))
	}
	if err := sys.Sync(parent); err != nil && !errorIsUnsupported(err) {
		return true, fmt.Errorf("%w: %w", ErrNotDurable, err)
	}
	return true, nil
}

// dressDir gives a new directory its group and mode.
func dressDir(sys system, parent *os.File, base string, mode Mode, gid int) error {
	dir, err := openAt(parent, base, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer dir.Close()
	if gid >= 0 {
		if err := sys.Chown(dir, gid); err != nil {
			return groupError(gid, err)
		}
	}
	return sys.Chmod(dir, mode)
}
