package task

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/xtc/dataset"
)

// A NodeError says that this node does not see what others see: its mounts, rights or
// clock are to be looked at. The shard is for another node.
type NodeError struct{ Err error }

func (e *NodeError) Error() string { return e.Err.Error() }
func (e *NodeError) Unwrap() error { return e.Err }

// A View is what a node must see before a task begins.
type View struct {
	Roots      []string  // data roots, which have experiments
	Repository string    // that of the constants; "": not needed
	Writable   []string  // directories that files are to be made in or below
	Shared     string    // a directory of the job: the clock of its file system is that of all nodes
	Since      time.Time // that the job was submitted at
	Now        func() time.Time
}

// maxSkew is how far the clock of a node may be from that of the shared storage: far
// enough for a busy server, too little to put constants into the wrong hour.
const maxSkew = 2 * time.Minute

// Check looks at the node. Errors are *NodeError, and join all that is wrong.
func (v View) Check(ctx context.Context) error {
	var wrong []error
	for _, root := range v.Roots {
		if err := checkRoot(root); err != nil {
			wrong = append(wrong, err)
		}
	}
	if v.Repository != "" {
		if _, err := firstName(v.Repository); err != nil {
			wrong = append(wrong, fmt.Errorf("the repository cannot be read: %w", err))
		}
	}
	for _, dir := range v.Writable {
		if err := checkWritable(dir); err != nil {
			wrong = append(wrong, err)
		}
	}
	if err := v.checkClock(); err != nil {
		wrong = append(wrong, err)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if len(wrong) > 0 {
		return &NodeError{Err: errors.Join(wrong...)}
	}
	return nil
}

func checkRoot(root string) error {
	name, err := firstName(root)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("%w: %s; is it mounted?", dataset.ErrNoRoot, root)
	case err != nil:
		return fmt.Errorf("data root: %w", err)
	case name == "":
		return fmt.Errorf("%w: %s; is it mounted?", dataset.ErrEmptyRoot, root)
	}
	return nil
}

// firstName returns any name in a directory, "" where there is none.
func firstName(dir string) (string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return "", err
	}
	defer f.Close() // only read
	names, err := f.Readdirnames(1)
	if err == io.EOF {
		return "", nil
	}
	if err != nil { // also of what is no directory
		return "", err
	}
	return names[0], nil
}

// checkWritable asks whether files can be made in a directory, or, where it is not
// there, in the one that it is to be made in.
func checkWritable(dir string) error {
	err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	if errors.Is(err, unix.ENOENT) {
		dir = filepath.Dir(dir)
		err = unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
	}
	if errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%s is mounted read-only here", dir)
	}
	return nil // what the rights of one experiment refuse is told with its files
}

// checkClock compares the clock of the node with that of the shared storage.
func (v View) checkClock() error {
	if v.Shared == "" {
		return nil
	}
	file, err := os.CreateTemp(v.Shared, ".clock-*")
	if err != nil {
		return fmt.Errorf("nothing can be written to the job's directory: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	before := v.Now()
	if _, err := file.WriteString("?"); err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if skew := before.Sub(info.ModTime()).Abs(); skew > maxSkew {
		return fmt.Errorf("the clock of this node is %s from that of the shared storage", skew.Round(time.Second))
	}
	if before.Before(v.Since.Add(-maxSkew)) {
		return fmt.Errorf("the clock of this node says %s, before the job was submitted at %s", before.UTC().Format(time.RFC3339), v.Since.UTC().Format(time.RFC3339))
	}
	return nil
}
