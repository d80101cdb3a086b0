package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// CheckAppend returns the error that OpenAppend would return for an existing file,
// and nil where the file or its directory is missing. It makes nothing.
func CheckAppend(root *os.Root, name string) error {
	dir, base, err := openParent(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return pathError("open", filepath.Join(root.Name(), name), err)
	}
	defer dir.Close()
	file, err := openExisting(dir, base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return pathError("open", filepath.Join(root.Name(), name), err)
	}
	return file.Close()
}
