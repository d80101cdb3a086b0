package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/content"
)

// Judge says whether constants may be published; content.Limits is one.
type Judge interface {
	// Check judges constants against the file that they replace, nil for none.
	Check(ctx context.Context, s content.Subject, constants, deployed io.Reader) error

	// Compares reports whether Check looks at what is deployed.
	Compares(ctype repo.CType) bool
}

var _ Judge = content.Limits{}

// judge asks the judge about the constants of a path, and rewinds them.
func (c *call) judge(ctx context.Context, target calibdir.Target, constants io.ReadSeeker, path string) (err error) {
	if c.Judge == nil {
		return nil
	}
	var deployed io.Reader
	if c.Judge.Compares(c.CType) {
		old, err := c.replaced(target)
		if err != nil {
			return err
		}
		if old != nil {
			defer old.Close()
			deployed = old
		}
	}
	err = c.Judge.Check(ctx, content.Subject{Type: c.id.Panel.Type, CType: c.CType}, constants, deployed)
	if _, held := errors.AsType[*content.Problem](err); held {
		err = fmt.Errorf("held back: %s: %w", path, err)
	}
	if err == nil {
		_, err = constants.Seek(0, io.SeekStart)
	}
	return err
}

// replaced opens the file that a target has already; nil if there is none.
func (c *call) replaced(target calibdir.Target) (*os.File, error) {
	calib, err := calibdir.Open(target.Dir, c.Calib)
	if errors.Is(err, calibdir.ErrNoCalibDir) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer calib.Close()
	old, err := calib.OpenFile(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return old, err
}
