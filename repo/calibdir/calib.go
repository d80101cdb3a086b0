package calibdir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"deployconstants/internal/atomicfile"
)

// Errors of Open and Create.
var (
	// ErrNoCalibDir: there is no such directory.
	ErrNoCalibDir = errors.New("the calibration directory does not exist")

	// ErrNoExperimentDir: the directory in which "calib" would be made is missing.
	ErrNoExperimentDir = errors.New("the directory above it does not exist; directories of experiments are not made here")
)

// maxHistory bounds how much of a HISTORY is read, in bytes: 200,000 records.
const maxHistory = 64 << 20

// Options say how directories and files are made.
type Options struct {
	// DirMode of directories; the set-group-id bit is added. It needs u+rwx.
	DirMode atomicfile.Mode

	// FileMode of new files of constants and records. It needs u+rw.
	FileMode atomicfile.Mode

	// Group is the group id of all that is made, -1 for the one that the system
	// or a set-group-id directory gives.
	Group int

	// LockTimeout is how long the lock of a HISTORY is waited for; 0 means 30 s,
	// less than 0 not at all.
	LockTimeout time.Duration

	// Parents lets Create make the missing directories above the calibration
	// directory too: for one that a person typed, never for an experiment's.
	Parents bool
}

// Check returns an error that wraps atomicfile.ErrDirMode or
// atomicfile.ErrFileMode.
func (o Options) Check() error {
	return errors.Join(o.DirMode.CheckDir(), o.FileMode.CheckFile())
}

// dirMode returns the mode of directories in a calibration tree.
func (o Options) dirMode() atomicfile.Mode { return o.DirMode | atomicfile.Setgid }

// A Calib is an open calibration directory. Its methods may be called by many
// goroutines at once.
type Calib struct {
	dir     string
	root    *os.Root
	base    string // name of the directory below root; "": it is root
	options Options
}

// Open opens an existing calibration directory. A symbolic link is followed, once:
// from then on the Calib stays with the directory that it led to. Errors wrap
// ErrNoCalibDir, those of Options.Check, or what the system returned.
func Open(dir string, o Options) (*Calib, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrNoCalibDir, err)
	}
	if err != nil {
		return nil, err
	}
	return &Calib{dir: dir, root: root, options: o}, nil
}

// Create opens the calibration directory, which it makes if it is missing. The
// directory above must exist unless o.Parents. Errors wrap ErrNoExperimentDir or
// are those of Open and atomicfile.MkdirAll.
func Create(dir string, o Options) (*Calib, error) {
	calib, err := Open(dir, o)
	if !errors.Is(err, ErrNoCalibDir) {
		return calib, err
	}
	if err := makeCalib(dir, o); err != nil {
		return nil, err
	}
	return Open(dir, o)
}

// Reserve opens the place of a calibration directory that may be missing, by the
// directory above it, which must exist. It makes nothing: there are no files in a
// missing directory, MakeFolder of a Batch makes it with those below it, and calls
// it "."; by that name RemoveFolder removes it. A symbolic link is opened as Open
// does; links below the directory may lead anywhere in the one above. Errors wrap
// ErrNoExperimentDir or are those of Open.
func Reserve(dir string, o Options) (*Calib, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	parent, base := splitLast(dir)
	if base == "" || base == "." || base == ".." {
		return Open(dir, o)
	}
	if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return Open(dir, o)
	}
	root, err := openParent(dir, parent)
	if err != nil {
		return nil, err
	}
	return &Calib{dir: dir, root: root, base: base, options: o}, nil
}

// openParent opens the directory in which dir is to be made.
func openParent(dir, parent string) (*os.Root, error) {
	root, err := os.OpenRoot(parent)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: %w", dir, ErrNoExperimentDir, err)
	}
	return root, err
}

// below returns a path below the calibration directory as one below the root.
func (c *Calib) below(name string) string { return path.Join(c.base, name) }

// relative is the inverse of below.
func (c *Calib) relative(name string) string {
	switch {
	case c.base == "":
		return name
	case name == c.base:
		return "."
	default:
		return strings.TrimPrefix(name, c.base+"/")
	}
}

// makeCalib makes the last element of dir, or all that are missing.
func makeCalib(dir string, o Options) error {
	parent, missing := splitLast(dir)
	for o.Parents && !exists(parent) && parent != "/" && parent != "." {
		up, last := splitLast(parent)
		parent, missing = up, last+"/"+missing
	}
	if missing == "" || slices.Contains(strings.Split(missing, "/"), "..") { // where ".." leads is open until it exists
		return fmt.Errorf("%q: %w", dir, ErrNoCalibDir)
	}
	root, err := openParent(dir, parent)
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = atomicfile.MkdirAll(root, missing, o.dirMode(), o.Group)
	return err
}

// splitLast splits the last element off a path. It looks at the text alone, but
// leaves ".." in place, for "a/.." need not be the directory that holds a.
func splitLast(path string) (parent, last string) {
	path = strings.TrimRight(path, "/")
	slash := strings.LastIndexByte(path, '/')
	parent, last = path[:slash+1], path[slash+1:]
	switch parent = strings.TrimRight(parent, "/"); {
	case parent != "":
		return parent, last
	case slash >= 0:
		return "/", last
	default:
		return ".", last
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Close releases the directory.
func (c *Calib) Close() error { return c.root.Close() }

// Dir returns the directory as it was given.
func (c *Calib) Dir() string { return c.dir }

// Names returns the names in the target's directory, sorted, without those that
// begin with a dot, which psana never takes; none where the directory is missing. Errors wrap
// ErrComponent, ErrPath or what the system returned.
func (c *Calib) Names(t Target) ([]string, error) {
	if err := c.checkFolder(t); err != nil {
		return nil, err
	}
	dir, err := c.root.OpenFile(c.below(t.folder()), os.O_RDONLY|syscall.O_DIRECTORY, 0) // a planted pipe must not block
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, atomicfile.Locate(c.root, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, ".") })
	slices.Sort(names)
	return names, nil
}

// History returns the records of the target's directory, the oldest first; none
// where there is no HISTORY. Text that is no record is skipped, and what lies
// beyond the first 64 MiB. Errors wrap ErrComponent, ErrPath,
// atomicfile.ErrNotRegular or what the system returned.
func (c *Calib) History(t Target) ([]HistoryRecord, error) {
	if err := c.checkFolder(t); err != nil {
		return nil, err
	}
	file, err := c.openRegular(t, t.history())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return readHistory(file)
}

// OpenFile opens the target's file for reading. Errors wrap ErrComponent, ErrRange,
// ErrPath, fs.ErrNotExist, atomicfile.ErrNotRegular or what the system returned.
func (c *Calib) OpenFile(t Target) (*os.File, error) {
	if err := c.checkFolder(t); err != nil {
		return nil, err
	}
	if err := t.Range.Check(); err != nil {
		return nil, err
	}
	return c.openRegular(t, t.name())
}

// openRegular opens a file by its path below the calibration directory.
func (c *Calib) openRegular(t Target, name string) (*os.File, error) {
	file, err := c.root.OpenFile(c.below(name), os.O_RDONLY|syscall.O_NONBLOCK, 0) // a planted pipe must not block
	if err != nil {
		return nil, atomicfile.Locate(c.root, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s/%s: %w", t.Dir, name, atomicfile.ErrNotRegular)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// readHistory reads the records of a HISTORY; what is no record is skipped.
func readHistory(file io.Reader) ([]HistoryRecord, error) {
	text, err := io.ReadAll(io.LimitReader(file, maxHistory))
	if err != nil {
		return nil, err
	}
	var records []HistoryRecord
	for _, line := range SplitHistory(string(text)) {
		if record, err := ParseHistory(line); err == nil {
			records = append(records, record)
		}
	}
	return records, nil
}

// checkFolder refuses a target of another calibration directory, or one that
// would leave this one.
func (c *Calib) checkFolder(t Target) error {
	if t.Dir != c.dir {
		return fmt.Errorf("%s is not in the calibration directory %s: %w", t.Path(), c.dir, ErrPath)
	}
	return t.checkFolder()
}
