package dataset

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"deployconstants/xtc"
	"deployconstants/xtc/frames"
)

// A largeFile is the file from which a smalldata file was made; it is opened when its
// first object is asked for.
type largeFile struct {
	file *xtc.File
	err  error // why it cannot be opened
}

// largePath is where psana looks for the large file: <dir>/smalldata/<name>.smd.xtc is
// made from <dir>/<name>.xtc.
func largePath(small string) string {
	name := strings.Replace(filepath.Base(small), ".smd", "", 1)
	return filepath.Join(filepath.Dir(filepath.Dir(small)), name)
}

// object returns the object for which a proxy stands, and the file that has it. The
// error wraps ErrElsewhere where there is no such file, and frames.ErrBroken where it has
// something else there.
func (c *chunk) object(proxy *xtc.SmlDataProxy, src xtc.Src) (*xtc.File, *xtc.Node, error) {
	if c.large.file == nil && c.large.err == nil {
		c.large.file, c.large.err = c.queue.open(largePath(c.path))
	}
	if c.large.err != nil {
		return nil, nil, fmt.Errorf("%w: %w", ErrElsewhere, c.large.err)
	}
	node, err := c.large.file.NodeAt(proxy.FileOffset)
	switch _, isFormat := errors.AsType[*xtc.FormatError](err); {
	case isFormat:
		err = fmt.Errorf("%w: %s: %w", frames.ErrBroken, largePath(c.path), err)
	case err == nil && (node.Contains != proxy.Contains || node.Extent != proxy.Extent || node.Src.Compare(src) != 0):
		err = fmt.Errorf("%w: %s has %s of %s at offset %#x, where %s should be", frames.ErrBroken, largePath(c.path), node.Contains, node.Src, node.Offset, proxy.Contains)
	}
	return c.large.file, node, err
}

// close closes the chunk's files.
func (c *chunk) close() error {
	err := c.file.Close()
	if c.large.file != nil {
		err = errors.Join(err, c.large.file.Close())
	}
	return err
}
