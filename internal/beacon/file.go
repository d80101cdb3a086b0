package beacon

import (
	"errors"
	"io"
	"os"
	"path/filepath"

	"deployconstants/internal/atomicfile"
)

// fileMode lets the monitoring's own user read.
const fileMode = 0o644

// publish replaces the file at path, whose directory must be there.
func publish(path string, content io.Reader) (err error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	_, err = atomicfile.Publish(root, filepath.Base(path), content,
		atomicfile.Options{Mode: fileMode, Group: -1, KeepExisting: true})
	return err
}

// read returns the first bytes, at most max, of the file at path, which is not
// followed if it is a link.
func read(path string, max int64) (content []byte, err error) {
	root, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	f, err := atomicfile.OpenPlain(root, filepath.Base(path), os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, max))
}
