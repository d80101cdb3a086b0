package calibdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"deployconstants/internal/atomicfile"
)

// ErrLink: a directory on the way to constants is a symbolic link, so that two
// places may be one.
var ErrLink = errors.New("a symbolic link instead of a directory")

// A View is a calibration directory that is only looked at: nothing in it is made,
// and but for Open and History nothing is opened but directories, no links
// followed. Its methods may be called by many goroutines at once.
type View struct {
	dir  string
	root *os.File // nil: the directory does not exist yet
}

// OpenView opens the calibration directory, links followed. One that does not
// exist, where the directory above it does, is an empty View. Errors wrap
// ErrNoExperimentDir, ErrNoCalibDir for a link that leads nowhere, or what the
// system returned.
func OpenView(dir string) (*View, error) {
	root, err := os.OpenFile(dir, os.O_RDONLY|unix.O_DIRECTORY, 0)
	if err == nil {
		return &View{dir: dir, root: root}, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	parent, _ := splitLast(dir)
	switch _, above := os.Stat(parent); {
	case errors.Is(above, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: %w", dir, ErrNoExperimentDir)
	case above != nil:
		return nil, above
	case exists(dir):
		return nil, fmt.Errorf("%s is a link that leads nowhere: %w", dir, ErrNoCalibDir)
	}
	return &View{dir: dir}, nil
}

// Identity returns text that two paths have in common if they lead to the same
// calibration directory; "" where it, or the directory above, does not exist or
// cannot be looked at.
func Identity(dir string) string {
	var st unix.Stat_t
	if unix.Stat(dir, &st) == nil {
		return fmt.Sprintf("%d:%d", st.Dev, st.Ino)
	}
	parent, last := splitLast(dir)
	if unix.Stat(parent, &st) == nil {
		return fmt.Sprintf("%d:%d/%s", st.Dev, st.Ino, last)
	}
	return ""
}

// Close releases the directory.
func (v *View) Close() error {
	if v.root == nil {
		return nil
	}
	return v.root.Close()
}

// A Folder is a directory of constants as it was listed.
type Folder struct {
	Exists  bool
	Mode    uint32  // the twelve permission bits
	Entries []Entry // sorted by name, without those that begin with a dot
}

// Folder lists the target's directory; its Range is not looked at. A missing
// directory is an empty Folder, anything else that cannot be listed an error: one
// that wraps ErrComponent, ErrPath or ErrLink, or what the system returned.
func (v *View) Folder(t Target) (Folder, error) {
	dir, err := v.open(t)
	if errors.Is(err, fs.ErrNotExist) {
		return Folder{}, nil
	}
	if err != nil {
		return Folder{}, err
	}
	defer dir.Close()
	return list(dir)
}

// open opens the target's directory, one element of its path after the other.
func (v *View) open(t Target) (*os.File, error) {
	if err := v.check(t); err != nil {
		return nil, err
	}
	if v.root == nil {
		return nil, &fs.PathError{Op: "open", Path: v.dir, Err: fs.ErrNotExist}
	}
	at, place := int(v.root.Fd()), v.dir
	for _, name := range [...]string{t.Group, t.Source, t.CType} {
		place += "/" + name
		next, err := unix.Openat(at, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		var st unix.Stat_t
		if err != nil && unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW) == nil && st.Mode&unix.S_IFMT == unix.S_IFLNK {
			err = ErrLink
		}
		if at != int(v.root.Fd()) {
			unix.Close(at)
		}
		if err != nil {
			return nil, &fs.PathError{Op: "open", Path: place, Err: err}
		}
		at = next
	}
	return os.NewFile(uintptr(at), place), nil
}

func list(dir *os.File) (Folder, error) {
	var own unix.Stat_t
	if err := unix.Fstat(int(dir.Fd()), &own); err != nil {
		return Folder{}, &fs.PathError{Op: "stat", Path: dir.Name(), Err: err}
	}
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return Folder{}, err
	}
	folder := Folder{Exists: true, Mode: own.Mode & 0o7777, Entries: make([]Entry, 0, len(names))}
	for _, name := range names {
		if strings.HasPrefix(name, ".") {
			continue
		}
		var st unix.Stat_t
		err := unix.Fstatat(int(dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, unix.ENOENT) {
			continue // it went since the directory was read
		}
		if err != nil {
			return Folder{}, &fs.PathError{Op: "lstat", Path: path.Join(dir.Name(), name), Err: err}
		}
		folder.Entries = append(folder.Entries, entryOf(name, &st))
	}
	sortEntries(folder.Entries)
	return folder, nil
}

// Open opens a file of constants for reading, if it is regular. Errors are those
// of Folder, or wrap fs.ErrNotExist or atomicfile.ErrNotRegular.
func (v *View) Open(t Target, name string) (*os.File, error) {
	dir, err := v.open(t)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	place := dir.Name() + "/" + name
	if !isComponent(name) {
		return nil, fmt.Errorf("%s: %w", place, ErrPath)
	}
	fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: place, Err: err}
	}
	file := os.NewFile(uintptr(fd), place)
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s: %w", place, atomicfile.ErrNotRegular)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// History returns the records of the target's directory, as Calib.History does.
func (v *View) History(t Target) ([]HistoryRecord, error) {
	file, err := v.Open(t, historyName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readHistory(file)
}

// CheckWritable returns nil if the caller could publish in the target's directory:
// the nearest directory on the way to it that exists must be writable and
// searchable by the effective user. The error names that directory.
func (v *View) CheckWritable(t Target) error {
	if err := v.check(t); err != nil {
		return err
	}
	place := v.dir + "/" + t.folder()
	if v.root == nil {
		place, _ = splitLast(v.dir)
	}
	for {
		err := access(place, unix.W_OK|unix.X_OK)
		if !errors.Is(err, fs.ErrNotExist) || len(place) <= len(v.dir) {
			return err
		}
		place, _ = splitLast(place)
	}
}

// CheckReplaceable returns nil if the caller may write the file of that name.
func (v *View) CheckReplaceable(t Target, name string) error {
	return access(v.dir+"/"+t.folder()+"/"+name, unix.W_OK)
}

func access(place string, mode uint32) error {
	if err := unix.Faccessat(unix.AT_FDCWD, place, mode, unix.AT_EACCESS); err != nil {
		return fmt.Errorf("%s is not writable: %w", place, err)
	}
	return nil
}

func (v *View) check(t Target) error {
	if t.Dir != v.dir {
		return fmt.Errorf("%s is not in the calibration directory %s: %w", t.Path(), v.dir, ErrPath)
	}
	return t.checkFolder()
}
