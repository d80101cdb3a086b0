package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path"
)

// RenameNew gives a file another name in its directory, durably. It never replaces
// another file: where the name is taken, at that very moment, the error wraps
// fs.ErrExist. On file systems without renameat2 both names lead to the file for a while.
// Other errors are those of the system.
func RenameNew(root *os.Root, dir, from, to string) error {
	return renameNew(host{}, root, dir, from, to)
}

func renameNew(sys System, root *os.Root, dir, from, to string) (err error) {
	d, err := root.Open(dir)
	if err != nil {
		return Locate(root, err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err = sys.RenameNew(d, from, to); errorIsUnsupported(err) {
		err = linkNew(sys, d, from, to)
	}
	if err != nil {
		return fmt.Errorf("%s to %s: %w", path.Join(root.Name(), dir, from), to, err)
	}
	return sys.Sync(d)
}

// linkNew renames by way of a second name. A link whose reply was lost is there already.
func linkNew(sys System, dir *os.File, from, to string) error {
	old, err := statAt(dir, from)
	if err != nil {
		return err
	}
	if err := sys.Link(dir, from, to); err != nil {
		if st, statErr := statAt(dir, to); statErr != nil || !sameFile(&st, &old) {
			return err
		}
	}
	return sys.Remove(dir, from)
}
