package atomicfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// System is the calls by which a Batch changes files. Tests put one in the place
// of Host that fails.
type System = system

// Host is the operating system itself.
var Host System = host{}

// A Batch changes many files and makes them durable together, which costs a
// fraction of syncing each. For each file: Look, Stage or StageRemoval, then Sync
// for all, then Take for each in the order that readers need, then Settle for all,
// and Close whatever happened. Nothing is visible before Take, but temporaries and
// directories that MkdirAll made; nothing may be claimed before Settle.
//
// A Batch is for one goroutine. It keeps about two files open for each change
// until Sync, and one for each directory until Close.
type Batch struct {
	sys     lazy
	dirs    map[string]*os.File // by path; swept, and open until Close
	changes []*Change
}

// NewBatchOn returns an empty batch that changes files through sys.
func NewBatchOn(sys System) *Batch {
	return &Batch{sys: lazy{system: sys, later: &later{sys: sys}}, dirs: map[string]*os.File{}}
}

// A Change is one name of a Batch: what it leads to, and what it is going to.
type Change struct {
	batch   *Batch
	root    *os.Root
	name    string
	base    string
	dir     *os.File   // nil while the directory is missing
	old     *target    // nil: absent
	found   Previous   // of old, without digest
	temp    *temporary // nil: to be removed, or not staged
	result  Result
	removal bool
}

// Look tells what the file called name below root is now. A missing directory is
// an absent file. It refuses what Publish refuses, with the same errors.
func (b *Batch) Look(root *os.Root, name string) (_ *Change, err error) {
	c := &Change{batch: b, root: root, name: name}
	defer func() { err = c.error("look at", err) }()
	err = c.openDir()
	if errors.Is(err, fs.ErrNotExist) {
		b.changes = append(b.changes, c)
		return c, nil
	}
	if err != nil {
		return nil, err
	}
	if c.old, err = openTarget(c.dir, c.base); err != nil {
		return nil, err
	}
	if c.old != nil {
		if c.found, err = c.old.describe(); err != nil {
			c.Release()
			return nil, err
		}
	}
	b.changes = append(b.changes, c)
	return c, nil
}

// openDir opens the directory of the name, once for a batch, and removes what
// publications that died left in it.
func (c *Change) openDir() error {
	key := filepath.Join(c.root.Name(), path.Dir(c.name))
	if dir := c.batch.dirs[key]; dir != nil {
		c.dir, c.base = dir, path.Base(c.name)
		return nil
	}
	dir, base, err := openParent(c.root, c.name)
	if err != nil {
		return err
	}
	sweep(c.batch.sys.system, dir)
	c.batch.dirs[key], c.dir, c.base = dir, dir, base
	return nil
}

func (c *Change) error(op string, err error) error {
	return pathError(op, filepath.Join(c.root.Name(), c.name), err)
}

// Exists reports whether there was a file when it was looked at.
func (c *Change) Exists() bool { return c.old != nil }

// Previous describes the file that Exists, but for its digest, which costs reading.
func (c *Change) Previous() Previous { return c.found }

// Content returns the whole content of the file that Exists. It is valid until
// Stage, StageRemoval or Close, and may be asked for several times.
func (c *Change) Content() io.Reader { return c.old.content() }

// Release closes the file that Exists: after its Content was read, for a batch of
// many. Its identity stays known.
func (c *Change) Release() {
	if c.old != nil {
		c.old.close()
	}
}

// An Appearance is what a restored file gets besides its content.
type Appearance struct {
	Mode    Mode // any permission bits
	GID     int
	ACL     []byte // system.posix_acl_access as stored; empty: none
	ModTime time.Time
}

// Stage writes src to a temporary beside the name, with mode, group and access
// control list as o says for a new or an existing file; MustCreate and OnReplace
// have no effect. The directory must exist by now. The Result, which is final after
// Take only, tells digest and size. After an error nothing of it remains.
func (c *Change) Stage(src io.Reader, o Options) (Result, error) {
	if err := o.Mode.CheckFile(); err != nil {
		return Result{}, c.error("publish", err)
	}
	looks := appearance{mode: o.Mode, gid: o.Group}
	if c.old != nil && o.KeepExisting {
		looks = appearance{mode: c.found.Mode, gid: c.found.GID, keepACL: true, acl: c.found.ACL}
	}
	return c.stage(src, looks)
}

// StageExact is Stage for a file that is to look as it once did.
func (c *Change) StageExact(src io.Reader, a Appearance) (Result, error) {
	return c.stage(src, appearance{mode: a.Mode, gid: a.GID, keepACL: true, acl: a.ACL, modTime: a.ModTime})
}

func (c *Change) stage(src io.Reader, looks appearance) (result Result, err error) {
	defer func() { err = c.error("publish", err) }()
	if c.dir == nil {
		if err := c.openDir(); err != nil {
			return Result{}, err
		}
	}
	c.Release()
	temp, err := stage(c.batch.sys, c.dir, src)
	if err != nil {
		return Result{}, err
	}
	if err := temp.finish(looks); err != nil {
		return Result{}, errors.Join(err, temp.discard())
	}
	c.temp = temp
	c.result = Result{Bytes: temp.size, SHA256: temp.digest, UID: int(temp.stat.Uid)}
	return c.result, nil
}

// StageRemoval makes the change the removal of the file that Exists.
func (c *Change) StageRemoval() {
	c.Release()
	c.removal = true
}

// Discard takes the change back, before Take.
func (c *Change) Discard() error {
	c.Release()
	c.removal = false
	if c.temp == nil {
		return nil
	}
	temp := c.temp
	c.temp = nil
	return c.error("discard", temp.discard())
}

// Sync makes what was staged durable. An error is that of one file at least; none
// of the batch may then be taken.
func (b *Batch) Sync() error { return b.sys.later.flush() }

// Take gives the name its new file, or removes it, if it still leads to the file,
// or to none, that Look saw: else the error wraps ErrChanged, and nothing happened.
// The change is durable after Settle; ErrNotDurable says that it is in place and
// will not be.
//
// Between the last look and a rename over an existing file, or its removal, is a
// moment in which another process can change the file: locks are for that.
func (c *Change) Take() (result Result, err error) {
	defer func() { err = c.error("publish", err) }()
	sys := c.batch.sys
	switch {
	case c.removal && !c.old.isStill(c.base):
		return Result{}, ErrChanged
	case c.removal:
		err := sys.Remove(c.dir, c.base)
		if err != nil && c.old.isStill(c.base) {
			return Result{}, err
		}
	case c.temp == nil:
		return Result{}, fmt.Errorf("not staged: %w", fs.ErrInvalid)
	default:
		done, err := c.temp.takeName(c.base, c.old)
		if err != nil {
			return Result{}, err
		}
		if !done {
			return Result{}, ErrChanged
		}
		if c.temp.name != "" {
			_ = c.temp.discard() // linked; a name that stays is tried again by Close
		}
		c.result.Created, c.result.Replaced = c.old == nil, c.old != nil
	}
	if err := sys.Sync(c.dir); err != nil {
		return c.result, fmt.Errorf("%w: %w", ErrNotDurable, err)
	}
	return c.result, nil
}

// Now describes the file that the name leads to now, without digest; false if
// there is none. It is for what was just taken.
func (c *Change) Now() (p Previous, exists bool, err error) {
	defer func() { err = c.error("look at", err) }()
	if c.dir == nil {
		return Previous{}, false, nil
	}
	file, err := openAt(c.dir, c.base, unix.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return Previous{}, false, nil
	}
	if err != nil {
		return Previous{}, false, err
	}
	t := &target{dir: c.dir, file: file}
	defer t.close()
	if t.stat, err = statOf(file); err == nil {
		err = checkRegular(&t.stat)
	}
	if err != nil {
		return Previous{}, false, err
	}
	p, err = t.describe()
	return p, true, err
}

// MkdirAll is the function of that name, but the names of the directories are
// durable after Sync or Settle.
func (b *Batch) MkdirAll(root *os.Root, name string, mode Mode, gid int) (made []string, err error) {
	return mkdirAll(b.sys, root, name, mode, gid)
}

// Rmdir removes the directory called name below root if it is empty; that it is
// not, or is missing, is no error. It reports whether it did.
func (b *Batch) Rmdir(root *os.Root, name string) (removed bool, err error) {
	defer func() { err = pathError("remove directory", filepath.Join(root.Name(), name), err) }()
	parent, base, err := openParent(root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer parent.Close()
	err = b.sys.Rmdir(parent, base)
	switch {
	case errors.Is(err, unix.ENOTEMPTY), errors.Is(err, unix.EEXIST), errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, b.sys.Sync(parent)
}

// AppendLines is the function of that name, but the lines are durable, and the
// lock of an existing file is given back, after Settle.
func (b *Batch) AppendLines(ctx context.Context, root *os.Root, name string, lines []string, o Options) error {
	return appendLines(ctx, b.sys, root, name, lines, o)
}

// Settle makes all that was taken, made and appended durable. The error wraps
// ErrNotDurable: all of it is in place.
func (b *Batch) Settle() error {
	if err := b.sys.later.flush(); err != nil {
		return fmt.Errorf("%w: %w", ErrNotDurable, err)
	}
	return nil
}

// Close removes the temporaries that were not taken and closes all files.
func (b *Batch) Close() error {
	var all []error
	for _, c := range b.changes {
		all = append(all, c.Discard())
	}
	b.sys.later.close()
	for _, dir := range b.dirs {
		dir.Close() // was only read
	}
	clear(b.dirs)
	b.changes = nil
	return errors.Join(all...)
}
