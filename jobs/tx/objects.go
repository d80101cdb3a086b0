package tx

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"deployconstants/internal/atomicfile"
)

// objectExt ends the names of objects.
const objectExt = ".zst"

// Objects are previous contents of files, by digest. The methods may be called by
// many goroutines and processes at once.
type Objects struct {
	dir string
	sys system
}

// path returns the file of a content. There are sixteen directories: enough for a
// million files, and few enough that a batch does not sync one for every file.
func (o *Objects) path(sha256 string) string {
	return filepath.Join(o.dir, sha256[:1], sha256+objectExt)
}

// Put keeps one content, durably. See Batch.Put.
func (o *Objects) Put(ctx context.Context, src io.Reader, a Access) (Content, error) {
	batch := o.Batch()
	content, err := batch.Put(ctx, src, a)
	if err == nil {
		err = batch.Commit(ctx)
	}
	return content, errors.Join(err, batch.Abort())
}

// Has reports whether the content is kept. Whether its bytes are still right is
// known after reading it.
func (o *Objects) Has(sha256 string) bool {
	if !isDigest(sha256) {
		return false
	}
	info, err := os.Lstat(o.path(sha256))
	return err == nil && info.Mode().IsRegular()
}

// Open returns a kept content. Its bytes are verified as they are read: instead of
// io.EOF comes an error that wraps ErrDamaged if they were not these, and
// ErrTooLarge as soon as there are more than c.Size. So what was read to its end
// without an error is right. Errors wrap ErrNoObject, ErrRecord or what the system
// returned.
func (o *Objects) Open(c Content) (io.ReadCloser, error) {
	if !isDigest(c.SHA256) || c.Size < 0 {
		return nil, fmt.Errorf("%w: digest %q, size %d", ErrRecord, c.SHA256, c.Size)
	}
	file, err := atomicfile.OpenRegular(o.path(c.SHA256), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoObject, err)
	}
	if err != nil {
		return nil, err
	}
	source, err := unpack(file, c.Size)
	if err != nil {
		return nil, err
	}
	return &object{unpacked: source, content: c, hash: sha256.New()}, nil
}

// object reads a kept content and verifies it.
type object struct {
	*unpacked
	content Content
	hash    hash.Hash
}

func (o *object) Read(p []byte) (int, error) {
	n, err := o.unpacked.Read(p)
	o.hash.Write(p[:n])
	if err == io.EOF && (o.left != 0 || hex.EncodeToString(o.hash.Sum(nil)) != o.content.SHA256) {
		err = fmt.Errorf("%w: these are not the bytes that were kept", ErrDamaged)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", o.file.Name(), err)
	}
	return n, err
}

// An Access is who may read a file; its object is readable by no one else.
type Access struct {
	Mode uint32 // the permission bits
	GID  int
	ACL  bool // it has an access control list besides, so the bits do not tell
}

// mode returns the mode of the file's object, whose group is gid: the object is
// readable by its owner, who has read the file, by a group that could read it, and
// by all others if they could.
func (a Access) mode(gid int) uint32 {
	const owner, group, others = 0o400, 0o040, 0o004
	if a.ACL {
		return owner
	}
	mode := owner | a.Mode&others
	if a.Mode&group != 0 && (a.GID == gid || a.Mode&others != 0) {
		mode |= group
	}
	return mode
}

// modeOf returns the permission bits of a file.
func modeOf(info fs.FileInfo) uint32 { return uint32(atomicfile.ModeOf(info.Mode())) & 0o777 }
