package calibdir

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"deployconstants/internal/atomicfile"
)

// ErrEmpty: there are no constants in the source.
var ErrEmpty = errors.New("the constants are empty")

// InstallOptions say how a file is installed.
type InstallOptions struct {
	// OnReplace, if set, is given the file that is about to be replaced, to keep
	// it for an undo: see atomicfile.Options.
	OnReplace func(old atomicfile.Previous, content io.Reader) error
}

// Installed tells what Install did.
type Installed struct {
	atomicfile.Result          // Created, Replaced or Unchanged, digests, previous mode and owner
	MadeDirs          []string // directories made, relative to the calibration directory, the upper ones first
}

// Install makes the content of src the file of the target, whole or not at all.
// A new file gets the mode and group of the options, a replaced one keeps its
// own; equal bytes are not written again. Missing directories are made.
//
// Nothing is made if src is empty or fails at once, and no file is made or changed
// if it fails later, or if the target is a symbolic link, a directory, a special
// file or not writable by the caller. Errors wrap ErrEmpty, ErrComponent, ErrRange,
// ErrPath, those of atomicfile.MkdirAll and atomicfile.Publish, or
// context.Cause(ctx); only with atomicfile.ErrNotDurable is the new file in place.
// MadeDirs is valid in any case.
func (c *Calib) Install(ctx context.Context, t Target, src io.Reader, o InstallOptions) (Installed, error) {
	if err := c.checkFolder(t); err != nil {
		return Installed{}, err
	}
	if err := t.Range.Check(); err != nil {
		return Installed{}, err
	}
	source := bufio.NewReader(&cancellable{ctx: ctx, src: src})
	switch _, err := source.Peek(1); {
	case err == io.EOF:
		return Installed{}, fmt.Errorf("install %s: %w", t.Path(), ErrEmpty)
	case err != nil:
		return Installed{}, fmt.Errorf("install %s: read the source: %w", t.Path(), err)
	}
	var installed Installed
	var err error
	installed.MadeDirs, err = atomicfile.MkdirAll(c.root, c.below(t.folder()), c.options.dirMode(), c.options.Group)
	for i, name := range installed.MadeDirs {
		installed.MadeDirs[i] = c.relative(name)
	}
	if err != nil {
		return installed, err
	}
	installed.Result, err = atomicfile.Publish(c.root, c.below(t.name()), source, atomicfile.Options{
		Mode:         c.options.FileMode,
		Group:        c.options.Group,
		KeepExisting: true,
		OnReplace:    o.OnReplace,
	})
	return installed, err
}

// AppendHistory adds the record to the HISTORY of the target's directory, as one
// whole line; a missing final newline of the last record is added first. It is
// the last step of a deployment: call it for what happened only. The wait for the
// lock of the file ends with ctx. Errors are those of atomicfile.AppendLine, or
// wrap ErrComponent or ErrPath.
func (c *Calib) AppendHistory(ctx context.Context, t Target, record HistoryRecord) error {
	if err := c.checkFolder(t); err != nil {
		return err
	}
	return atomicfile.AppendLine(ctx, c.root, c.below(t.history()), record.String(), c.historyOptions())
}

// CheckHistory tells before a deployment whether AppendHistory could add to the
// HISTORY of the target's directory: a record that cannot be written, because the
// file is a link or stays locked, should keep the constants from being published.
// A missing HISTORY or directory is no error; else the errors are those of
// AppendHistory.
func (c *Calib) CheckHistory(ctx context.Context, t Target) error {
	if err := c.checkFolder(t); err != nil {
		return err
	}
	return atomicfile.CheckAppend(ctx, c.root, c.below(t.history()), c.historyOptions())
}

func (c *Calib) historyOptions() atomicfile.Options {
	return atomicfile.Options{Mode: c.options.FileMode, Group: c.options.Group, LockTimeout: c.options.LockTimeout}
}

// A cancellable reader ends with the cause when its context does.
type cancellable struct {
	ctx context.Context
	src io.Reader
}

func (r *cancellable) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.src.Read(p)
}
