package atomicfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// copySize is the size of one read and write, in bytes.
const copySize = 256 << 10

// buffers are reused: clearing one costs more than copying a small file.
var buffers = sync.Pool{New: func() any { return new([copySize]byte) }}

// A temporary is a file of ours that has no final name yet.
type temporary struct {
	sys    system
	dir    *os.File
	name   string
	file   *os.File    // nil while closed
	stat   unix.Stat_t // as created: identifies the file
	looks  appearance  // as sealed
	sealed bool
	size   int64 // bytes
	digest [sha256.Size]byte
}

// stage writes the whole of src to a temporary in dir.
func stage(sys system, dir *os.File, src io.Reader) (*temporary, error) {
	t := &temporary{sys: sys, dir: dir}
	if err := t.create(); err != nil {
		return nil, err
	}
	if err := t.fill(src); err != nil {
		return nil, errors.Join(err, t.discard())
	}
	return t, nil
}

// create makes the file under the first free name.
func (t *temporary) create() error {
	for {
		t.name = newTempName()
		file, err := t.sys.Create(t.dir, t.name)
		if errors.Is(err, unix.EEXIST) { // somebody drew the same number
			continue
		}
		if err != nil {
			_ = t.discard() // should only the reply have failed
			return fmt.Errorf("create a temporary: %w", err)
		}
		t.file = file
		if t.stat, err = statOf(file); err != nil {
			return errors.Join(err, t.discard())
		}
		return nil
	}
}

// fill copies src and takes its size and digest.
func (t *temporary) fill(src io.Reader) error {
	hash := sha256.New()
	buf := buffers.Get().(*[copySize]byte)
	defer buffers.Put(buf)
	for {
		n, err := src.Read(buf[:])
		hash.Write(buf[:n])
		if n > 0 {
			if _, writeErr := t.sys.Write(t.file, buf[:n]); writeErr != nil {
				return writeErr
			}
		}
		t.size += int64(n)
		if err == io.EOF {
			hash.Sum(t.digest[:0])
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the source: %w", err)
		}
	}
}

// An appearance is what a file has besides its content.
type appearance struct {
	mode    Mode
	gid     int       // -1: leave the group that the directory gives
	keepACL bool      // false: leave the list that the directory gives
	acl     []byte    // the list, where keepACL; empty: none
	modTime time.Time // zero: that of the last write
}

func (a appearance) equal(b appearance) bool {
	return a.mode == b.mode && a.gid == b.gid && a.keepACL == b.keepACL &&
		bytes.Equal(a.acl, b.acl) && a.modTime.Equal(b.modTime)
}

// finish makes the temporary ready for its name: looks first, so that the file
// never appears with other ones, then durable and closed. It does nothing where
// an earlier attempt did all that.
func (t *temporary) finish(looks appearance) error {
	if t.sealed && t.looks.equal(looks) {
		return nil
	}
	if err := t.dress(looks); err != nil {
		return err
	}
	if err := t.sys.Sync(t.file); err != nil {
		return err
	}
	file := t.file
	t.file, t.looks, t.sealed = nil, looks, true
	return t.sys.Close(file)
}

// dress gives the temporary its group, mode, list and time, in this order: chgrp
// clears set-id bits, and the list refines the mode.
func (t *temporary) dress(a appearance) error {
	if t.file == nil {
		file, err := t.sys.Reopen(t.dir, t.name)
		if err != nil {
			return err
		}
		t.file = file
	}
	if a.gid >= 0 && a.gid != int(t.stat.Gid) {
		if err := t.sys.Chown(t.file, a.gid); err != nil {
			return groupError(a.gid, err)
		}
		t.stat.Gid = uint32(a.gid)
	}
	if err := t.sys.Chmod(t.file, a.mode); err != nil {
		return err
	}
	if a.keepACL {
		if err := withoutACL(t.sys.SetACL(t.file, a.acl)); err != nil {
			return fmt.Errorf("copy the access control list: %w", err)
		}
	}
	if a.modTime.IsZero() {
		return nil
	}
	return t.sys.SetModTime(t.dir, t.name, a.modTime)
}

// isAt reports whether name now leads to this file: a call that failed by its
// reply may have worked.
func (t *temporary) isAt(name string) bool {
	st, err := statAt(t.dir, name)
	return err == nil && sameFile(&st, &t.stat)
}

// takeName gives the temporary the name of old, or a free one where that is nil. It
// reports false where the name leads to something else by now.
func (t *temporary) takeName(name string, old *target) (bool, error) {
	switch {
	case old == nil:
		return t.takeNew(name)
	case !old.isStill(name):
		return false, nil
	}
	err := t.takeOver(name)
	return err == nil, err
}

// takeNew gives the temporary the name if it is free. It reports false where
// somebody else has it.
func (t *temporary) takeNew(name string) (bool, error) {
	err := t.sys.RenameNew(t.dir, t.name, name)
	switch {
	case err == nil:
		t.name = ""
		return true, nil
	case errorIsUnsupported(err):
		err = t.sys.Link(t.dir, t.name, name)
	}
	if err == nil || t.isAt(name) {
		return true, nil
	}
	if errors.Is(err, unix.EEXIST) {
		return false, nil
	}
	return false, err
}

// takeOver gives the temporary the name of the file that it replaces.
func (t *temporary) takeOver(name string) error {
	if err := t.sys.Rename(t.dir, t.name, name); err != nil && !t.isAt(name) {
		return err
	}
	t.name = ""
	return nil
}

// discard closes the file and removes the temporary name, if there still is one.
func (t *temporary) discard() error {
	if t.file != nil {
		t.file.Close() // nothing of it is kept
		t.file = nil
	}
	if t.name == "" {
		return nil
	}
	if err := t.sys.Remove(t.dir, t.name); err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("remove the temporary: %w", err)
	}
	t.name = ""
	return nil
}
