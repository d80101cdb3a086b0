package atomicfile

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A target is an existing file that is about to be replaced.
type target struct {
	dir  *os.File
	file *os.File
	stat unix.Stat_t
}

// openTarget opens the file that has the name now, for reading; nil if there is
// none. It refuses what must not be replaced.
func openTarget(dir *os.File, base string) (*target, error) {
	st, err := statAt(dir, base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := checkRegular(&st); err != nil {
		return nil, err
	}
	if err := mayWrite(dir, base); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotWritable, err)
	}
	file, err := openAt(dir, base, unix.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) { // removed in between
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	t := &target{dir: dir, file: file}
	if t.stat, err = statOf(file); err == nil {
		err = checkRegular(&t.stat) // it may have been replaced in between
	}
	if err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// close closes the file; a nil target has none.
func (t *target) close() {
	if t != nil && t.file != nil {
		t.file.Close() // was only read
		t.file = nil
	}
}

// content returns a reader of the whole file.
func (t *target) content() io.Reader { return io.NewSectionReader(t.file, 0, t.stat.Size) }

// describe tells what the file is, but for the digest of its content.
func (t *target) describe() (Previous, error) {
	acl, err := readACL(t.file)
	if err != nil {
		return Previous{}, err
	}
	return Previous{
		Mode:       Mode(t.stat.Mode) & modeMask,
		UID:        int(t.stat.Uid),
		GID:        int(t.stat.Gid),
		Links:      uint64(t.stat.Nlink),
		Size:       t.stat.Size,
		ModTime:    time.Unix(t.stat.Mtim.Unix()).UTC(),
		ACL:        bytes.Clone(acl),
		Inode:      t.stat.Ino,
		ChangeTime: time.Unix(t.stat.Ctim.Unix()).UTC(),
	}, nil
}

// previous describes the file, with the digest of its content.
func (t *target) previous() (Previous, error) {
	p, err := t.describe()
	if err != nil {
		return Previous{}, err
	}
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, t.content(), make([]byte, copySize)); err != nil {
		return Previous{}, err
	}
	hash.Sum(p.SHA256[:0])
	return p, nil
}

// isStill reports whether the name leads to the file as it was when opened.
func (t *target) isStill(base string) bool {
	st, err := statAt(t.dir, base)
	return err == nil && untouched(&st, &t.stat)
}
