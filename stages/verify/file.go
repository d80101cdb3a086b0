package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sync"
	"syscall"

	"deployconstants/internal/atomicfile"
	"deployconstants/jobs/tx"
)

// dataExt ends the names of files of constants.
const dataExt = ".data"

// buffers are those of reads, 256 KiB each.
var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// verifyFile classifies one file but for what lies beside it. Its error is that of
// ctx alone.
func (o *Options) verifyFile(ctx context.Context, root *os.Root, a asked) (Finding, fs.FileInfo, error) {
	f := newFinding(a)
	if a.pending != nil {
		f.Class = Pending
		f.Cause = fmt.Sprintf("transaction %s was interrupted here: resume or undo it", a.pending.Tx)
		return f, nil, nil
	}
	name := path.Join(a.owned.Group, a.owned.Source, a.owned.CType, a.name)
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.Class = Missing
		return f, nil, nil
	case err != nil:
		return unreadable(f, atomicfile.Locate(root, err)), nil, nil
	case !info.Mode().IsRegular():
		f.Class, f.Cause = NotRegular, info.Mode().Type().String()
		return f, info, nil
	}
	f.GotMode, f.GotGID = atomicfile.ModeOf(info.Mode()).String(), -1
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		f.GotGID = int(st.Gid)
	}
	got := tx.Content{Size: info.Size()}
	if got.Size == f.Want.Size { // else the bytes need not be read
		if got.SHA256, err = o.digest(ctx, root, name, f.Path); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return f, info, cause
			}
			return unreadable(f, err), info, nil
		}
	}
	known := a.owned.GID >= 0 // mode and group were recorded
	switch {
	case got != f.Want:
		f.Class, f.Got = Changed, &got
	case known && f.GotMode != f.WantMode:
		f.Class = WrongMode
	case known && f.GotGID != f.WantGID:
		f.Class = WrongGroup
	default:
		f.Class = OK
	}
	return f, info, nil
}

// newFinding returns what is known before the file is asked.
func newFinding(a asked) Finding {
	owned := &a.owned
	return Finding{
		Path: owned.Path(), Place: owned.Place, Want: owned.Content,
		WantMode: atomicfile.Mode(owned.Mode).String(), WantGID: owned.GID,
		Tx: owned.Tx, TxTime: owned.Time, TxUser: owned.User, Adopted: owned.Adopted,
	}
}

func unreadable(f Finding, err error) Finding {
	f.Class, f.Cause = Unreadable, err.Error()
	return f
}

// digest returns the digest of the file called name below root.
func (o *Options) digest(ctx context.Context, root *os.Root, name, filePath string) (string, error) {
	open := func() (*os.File, error) { return openRegular(root, name) }
	if o.Digest != nil {
		return o.Digest(ctx, filePath, open)
	}
	file, err := open()
	if err != nil {
		return "", err
	}
	defer file.Close() // only read
	buf, _ := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(buf)
	hash := sha256.New()
	for {
		if err := context.Cause(ctx); err != nil {
			return "", err
		}
		n, err := file.Read(buf[:])
		hash.Write(buf[:n])
		if err == io.EOF {
			return hex.EncodeToString(hash.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// openRegular opens a file that may be replaced by anything at any moment.
func openRegular(root *os.Root, name string) (*os.File, error) {
	file, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, atomicfile.Locate(root, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: file.Name(), Err: atomicfile.ErrNotRegular}
	}
	if err != nil {
		file.Close() // not used
		return nil, err
	}
	return file, nil
}
