package calibdir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"deployconstants/internal/atomicfile"
)

// A Batch installs, restores and removes files of any number of calibration
// directories, which become durable together: see atomicfile.Batch for the order
// of the calls. It is for one goroutine, and ends before its directories are closed.
type Batch struct{ files *atomicfile.Batch }

// NewBatch returns a batch that changes files through the one given.
func NewBatch(files *atomicfile.Batch) *Batch { return &Batch{files: files} }

// A Change is one target of a Batch.
type Change struct {
	*atomicfile.Change
	calib  *Calib
	target Target
}

// Look tells what is at the target now; a missing directory is an absent file.
// Errors wrap ErrComponent, ErrRange, ErrPath or are those of atomicfile.Batch.Look.
func (b *Batch) Look(c *Calib, t Target) (*Change, error) {
	if err := c.checkFolder(t); err != nil {
		return nil, err
	}
	if err := t.Range.Check(); err != nil {
		return nil, err
	}
	change, err := b.files.Look(c.root, c.below(t.name()))
	if err != nil {
		return nil, err
	}
	return &Change{Change: change, calib: c, target: t}, nil
}

// Install stages constants, with the mode and group of the options if the target is
// new, else those that it has. Errors wrap ErrEmpty or are those of
// atomicfile.Change.Stage.
func (c *Change) Install(src io.Reader) (atomicfile.Result, error) {
	result, err := c.Stage(src, atomicfile.Options{
		Mode: c.calib.options.FileMode, Group: c.calib.options.Group, KeepExisting: true,
	})
	if err == nil && result.Bytes == 0 {
		err = errors.Join(fmt.Errorf("install %s: %w", c.target.Path(), ErrEmpty), c.Discard())
	}
	return result, err
}

// MissingFolder returns the directories of the target that are missing, relative to
// the calibration directory, the upper ones first: "." is that directory itself.
func (c *Calib) MissingFolder(t Target) ([]string, error) {
	if err := c.checkFolder(t); err != nil {
		return nil, err
	}
	var missing []string
	for name := t.folder(); name != "." || c.base != ""; name = path.Dir(name) {
		_, err := c.root.Stat(c.below(name))
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, atomicfile.Locate(c.root, err)
		}
		missing = append([]string{name}, missing...)
		if name == "." {
			break
		}
	}
	return missing, nil
}

// MakeFolder makes the directory of the target where it is missing. It returns the
// directories made, as MissingFolder does, also with an error.
func (b *Batch) MakeFolder(c *Calib, t Target) (made []string, err error) {
	if err := c.checkFolder(t); err != nil {
		return nil, err
	}
	made, err = b.files.MkdirAll(c.root, c.below(t.folder()), c.options.dirMode(), c.options.Group)
	for i, name := range made {
		made[i] = c.relative(name)
	}
	return made, err
}

// RemoveFolder removes a directory that MakeFolder made, by the name that it
// returned, if it is empty by now. The calibration directory itself goes only if it
// was opened by Reserve.
func (b *Batch) RemoveFolder(c *Calib, name string) error {
	if name == "." && c.base == "" {
		return nil
	}
	_, err := b.files.Rmdir(c.root, c.below(name))
	return err
}

// AppendHistory adds the records to the HISTORY of the target's directory, next to
// each other, as Calib.AppendHistory does one; they are durable after Settle.
func (b *Batch) AppendHistory(ctx context.Context, c *Calib, t Target, records []HistoryRecord) error {
	if err := c.checkFolder(t); err != nil {
		return err
	}
	lines := make([]string, len(records))
	for i, record := range records {
		lines[i] = record.String()
	}
	return b.files.AppendLines(ctx, c.root, c.below(t.history()), lines, c.historyOptions())
}

// HistorySize returns the size of the HISTORY of the target's directory in bytes,
// -1 where there is none.
func (c *Calib) HistorySize(t Target) (int64, error) {
	if err := c.checkFolder(t); err != nil {
		return 0, err
	}
	info, err := c.root.Lstat(c.below(t.history()))
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return 0, atomicfile.Locate(c.root, err)
	}
	return info.Size(), nil
}

// RemoveHistory removes the HISTORY of the target's directory if every line of it
// is a record that ours accepts. It reports whether there is none by now.
func (b *Batch) RemoveHistory(c *Calib, t Target, ours func(HistoryRecord) bool) (gone bool, err error) {
	if err := c.checkFolder(t); err != nil {
		return false, err
	}
	change, err := b.files.Look(c.root, c.below(t.history()))
	if err != nil {
		return false, err
	}
	if !change.Exists() {
		return true, nil
	}
	text, err := io.ReadAll(io.LimitReader(change.Content(), maxHistory+1))
	if err != nil {
		return false, err
	}
	if len(text) > maxHistory {
		return false, nil
	}
	for line := range strings.Lines(string(text)) {
		record, err := ParseHistory(line)
		if err != nil || len(SplitHistory(line)) != 1 || !ours(record) {
			return false, nil
		}
	}
	change.StageRemoval()
	_, err = change.Take()
	if errors.Is(err, atomicfile.ErrChanged) { // somebody added a line
		return false, nil
	}
	return err == nil, err
}
