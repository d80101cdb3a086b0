package atomicfile

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxAttempts bounds how often a publication begins again because another
// process changed its target.
const maxAttempts = 100

// Options say how a file is published.
type Options struct {
	// Mode of a file that is new, and of a replaced one unless KeepExisting.
	// It must have u+rw: a forgotten mode is an error.
	Mode Mode

	// Group is the group id that the file is given under the same conditions,
	// -1 for the one that the system or a set-group-id directory gives.
	Group int

	// KeepExisting lets a replaced file keep its mode, group and access control
	// list. Its owner becomes the caller all the same.
	KeepExisting bool

	// MustCreate makes an existing file of other content an error, ErrExists.
	MustCreate bool

	// LockTimeout is how long AppendLine and CheckAppend wait for the lock of the
	// file; 0 means 30 s, less than 0 that they do not wait.
	LockTimeout time.Duration

	// OnReplace, if set, is called with an existing file of other content just
	// before it is replaced; content is valid during the call only. An error
	// stops the publication and is returned, wrapped. It is called again if the
	// file changed after the last call.
	OnReplace func(old Previous, content io.Reader) error
}

// Previous describes a file as it was before it was replaced: with the content,
// what is needed to restore it.
type Previous struct {
	Mode     Mode
	UID, GID int
	Links    uint64    // hard links; those besides the published name keep the old content
	Size     int64     // bytes
	ModTime  time.Time // UTC
	SHA256   [sha256.Size]byte
	ACL      []byte // system.posix_acl_access as stored; empty: none

	Inode      uint64
	ChangeTime time.Time // UTC
}

// A Result tells what a publication did. Exactly one of Created, Replaced and
// Unchanged is set, unless there was an error; with ErrNotDurable one is set as
// well.
type Result struct {
	Created   bool // the name was free
	Replaced  bool // the name led to a file of other content
	Unchanged bool // the file had the very bytes already and was left alone

	Bytes  int64 // of the content
	SHA256 [sha256.Size]byte

	UID      int      // owner of the published file: the caller, unless Unchanged
	Previous Previous // of a Replaced or Unchanged file
}

// OwnerChanged reports whether a replaced file belonged to somebody else.
func (r Result) OwnerChanged() bool { return r.Replaced && r.UID != r.Previous.UID }

// Publish makes the content of src the file called name below root, whole or not
// at all; see the package documentation for how. The name is slash-separated and
// its directory must exist.
//
// A file that has these bytes already is left alone: Unchanged, not rewritten,
// its mode and times as they were.
//
// Errors wrap ErrFileMode, ErrGroup, ErrLeadsOut, ErrNotRegular, ErrNotWritable, ErrExists,
// ErrChanged, ErrNotDurable or what the system returned. After any but
// ErrNotDurable the target is as it was and no temporary remains.
//
// Any number of processes and goroutines may publish under one name at once:
// each file is whole, the last one stays.
func Publish(root *os.Root, name string, src io.Reader, o Options) (Result, error) {
	return publish(host{}, root, name, src, o)
}

func publish(sys system, root *os.Root, name string, src io.Reader, o Options) (result Result, err error) {
	defer func() { err = pathError("publish", filepath.Join(root.Name(), name), err) }()
	if err := o.Mode.CheckFile(); err != nil {
		return Result{}, err
	}
	dir, base, err := openParent(root, name)
	if err != nil {
		return Result{}, err
	}
	defer dir.Close()
	return publishIn(sys, dir, base, src, o)
}

// openParent opens the directory of name, which lies below root.
func openParent(root *os.Root, name string) (dir *os.File, base string, err error) {
	if err := checkName(name); err != nil {
		return nil, "", err
	}
	parent, base := path.Split(name)
	if base == "" || base == "." {
		return nil, "", fmt.Errorf("%q names no file: %w", name, fs.ErrInvalid)
	}
	parent = path.Clean(parent)
	dir, err = root.OpenFile(parent, unix.O_DIRECTORY|os.O_RDONLY, 0)
	if err != nil {
		at, cause := fault(root, parent, err)
		return nil, "", fmt.Errorf("%s: %w", at, cause)
	}
	return dir, base, nil
}

// checkName refuses what is no relative path downwards.
func checkName(name string) error {
	if !filepath.IsLocal(name) || slices.Contains(strings.Split(name, "/"), "..") {
		return fmt.Errorf("%q is no path below the directory: %w", name, fs.ErrInvalid)
	}
	return nil
}

func publishIn(sys system, dir *os.File, base string, src io.Reader, o Options) (result Result, err error) {
	sweep(sys, dir)
	old, err := openTarget(dir, base)
	if err != nil {
		return Result{}, err
	}
	defer func() { old.close() }()
	temp, err := stage(sys, dir, src)
	if err != nil {
		return Result{}, err
	}
	defer func() {
		discardErr := temp.discard()
		if err != nil {
			err = errors.Join(err, discardErr)
		}
	}()
	for range maxAttempts {
		result, done, err := temp.take(base, old, o)
		if err != nil {
			return Result{}, err
		}
		if done {
			return result, settle(sys, dir, temp, result)
		}
		old.close()
		if old, err = openTarget(dir, base); err != nil {
			return Result{}, err
		}
	}
	return Result{}, ErrChanged
}

// settle makes the names in the directory durable after a change.
func settle(sys system, dir *os.File, temp *temporary, result Result) error {
	if result.Unchanged {
		return nil
	}
	_ = temp.discard() // the file is published; a name that stays is tried once more, and swept by the next publication
	if err := sys.Sync(dir); err != nil && !errorIsUnsupported(err) {
		return fmt.Errorf("%w: %w", ErrNotDurable, err)
	}
	return nil
}

// take makes one attempt to give the temporary its name. It reports false when
// the target is no longer what old says.
func (t *temporary) take(base string, old *target, o Options) (result Result, done bool, err error) {
	result = Result{Bytes: t.size, SHA256: t.digest, UID: int(t.stat.Uid)}
	if old == nil {
		if err := t.finish(appearance{mode: o.Mode, gid: o.Group}); err != nil {
			return Result{}, false, err
		}
		result.Created, err = t.takeName(base, nil)
		return result, result.Created, err
	}
	if result.Previous, err = old.previous(); err != nil {
		return Result{}, false, err
	}
	switch {
	case result.Previous.Size == t.size && result.Previous.SHA256 == t.digest:
		result.Unchanged, result.UID = true, result.Previous.UID
		return result, true, nil
	case o.MustCreate:
		return Result{}, false, ErrExists
	}
	if o.OnReplace != nil {
		if err := o.OnReplace(result.Previous, old.content()); err != nil {
			return Result{}, false, fmt.Errorf("keep the previous content: %w", err)
		}
	}
	looks := appearance{mode: o.Mode, gid: o.Group}
	if o.KeepExisting {
		looks = appearance{mode: result.Previous.Mode, gid: result.Previous.GID, keepACL: true, acl: result.Previous.ACL}
	}
	if err := t.finish(looks); err != nil {
		return Result{}, false, err
	}
	result.Replaced, err = t.takeName(base, old)
	return result, result.Replaced, err
}
