package repo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"deployconstants/internal/atomicfile"
)

// Directories of a repository that are no detector ids.
const (
	defaultDir = "default" // constants for every detector of the type
	logDir     = "logs"
	claimDir   = ".claims" // alias numbers claimed where locks do not work
)

// Options say how a repository is used. The zero value of a field is the default
// given with it; Group has none, since 0 is a group.
type Options struct {
	DirMode     atomicfile.Mode  // of directories made; default 0777, as the original of 2022
	FileMode    atomicfile.Mode  // of files made, but alias files are always 0666; default 0666
	Group       int              // group id of what is made; -1 leaves it to the system
	AliasFile   string           // name of a new alias file, ".aliases.txt" or the default "aliases.txt"
	Zone        *time.Location   // of stamps and recorded times; default DefaultZone
	Now         func() time.Time // default time.Now
	User        string           // recorded with aliases and saved arrays; default "unknown"
	Host        string           // recorded in saved arrays; default the host's name
	WorkDir     string           // recorded in saved arrays; default the current directory
	LockTimeout time.Duration    // for the lock on an alias file; default 30 s
	NoLocks     bool             // never lock: work as on a file system without locks

	// Flat: the files of a type lie side by side in its directory, as those of
	// geometry do. There are no directories of detectors, and the alias file is
	// .aliases-<type>.txt. Alias, LookupAlias and OpenConstants work as ever; what
	// makes or reads directories of detectors has no meaning there.
	Flat bool

	// Panels is the name of the alias file of a repository of panels, which are kept
	// by id whatever the type: <panel id>/<ctype>/. Aliases of all types are in that
	// one file in the repository itself. What makes or reads directories of types has
	// no meaning there. "": it is no such repository.
	Panels string

	// Warn is told, in one line each, what did not stop the work but should be
	// seen. It may be called by several goroutines at once. Default: nobody.
	Warn func(message string)
}

func (o *Options) applyDefaults() error {
	if o.DirMode == 0 {
		o.DirMode = 0o777
	}
	if o.FileMode == 0 {
		o.FileMode = 0o666
	}
	switch o.AliasFile {
	case "":
		o.AliasFile = aliasFile
	case aliasFile, hiddenAliasFile:
	default:
		return fmt.Errorf("%w: alias file %q is neither %s nor %s", ErrBadName, o.AliasFile, aliasFile, hiddenAliasFile)
	}
	if o.Zone == nil {
		zone, err := LoadZone(DefaultZone)
		if err != nil {
			return err
		}
		o.Zone = zone
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.User == "" {
		o.User = "unknown"
	}
	if o.Host == "" {
		o.Host, _ = os.Hostname() // recorded only; an unknown host is no reason to stop
	}
	if o.WorkDir == "" {
		o.WorkDir, _ = os.Getwd() // recorded only
	}
	if o.LockTimeout == 0 {
		// An allocation takes milliseconds; this covers a queue of thousands.
		o.LockTimeout = 30 * time.Second
	}
	if o.Warn == nil {
		o.Warn = func(string) {}
	}
	return nil
}

// A Repository is a store of constants. It is safe for concurrent use, and any
// number of processes on any hosts may use the same directory at the same time.
type Repository struct {
	dir      string // as given, for messages and records
	resolved string // absolute, without links
	root     *os.Root
	options  Options

	aliasMu sync.Mutex
	aliases map[string]aliasTable // by detector type: what the alias files held when last read

	warnMu sync.Mutex
	warned map[string]bool
}

// Open opens the repository in dir. The error is ErrNoRepository where there is
// no directory.
func Open(dir string, o Options) (*Repository, error) {
	if err := o.applyDefaults(); err != nil {
		return nil, err
	}
	if dir == "" {
		return nil, fmt.Errorf("%w: its path is empty", ErrNoRepository)
	}
	dir = trimSlashes(dir)
	resolved, err := filepath.EvalSymlinks(dir)
	if err == nil {
		resolved, err = filepath.Abs(resolved)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w in %s: %w", ErrNoRepository, dir, err)
	}
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(resolved)
	if err != nil {
		return nil, fmt.Errorf("%w in %s: %w", ErrNoRepository, dir, err)
	}
	return &Repository{
		dir: dir, resolved: resolved, root: root, options: o,
		aliases: map[string]aliasTable{}, warned: map[string]bool{},
	}, nil
}

// Create opens the repository in dir, which is made with the mode of the options
// where it is missing, and so are its parents.
func Create(dir string, o Options) (*Repository, error) {
	if err := o.applyDefaults(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(dir); dir != "" && errors.Is(err, fs.ErrNotExist) {
		if err := makeMissing(dir, o); err != nil {
			return nil, err
		}
	}
	return Open(dir, o)
}

// makeMissing makes a directory and its parents, below the last one that is there.
// The path is taken as it is, for "a/.." need not be the directory that holds a;
// ".." behind a missing directory leads nowhere and is refused.
func makeMissing(dir string, o Options) error {
	existing, missing := dir, ""
	for {
		if _, err := os.Stat(existing); !errors.Is(err, fs.ErrNotExist) {
			break
		}
		parent, last := filepath.Split(trimSlashes(existing))
		existing, missing = cmp.Or(parent, "."), last+"/"+missing
	}
	root, err := os.OpenRoot(existing)
	if err != nil {
		return err
	}
	defer root.Close()
	_, err = atomicfile.MkdirAll(root, missing, o.DirMode, o.Group)
	return err
}

// Close releases the directory; the repository must not be used afterwards.
func (r *Repository) Close() error { return r.root.Close() }

// Dir returns the directory as it was given, without trailing slashes.
func (r *Repository) Dir() string { return r.dir }

// path returns the path of a name in the repository as it is shown and recorded.
func (r *Repository) path(name string) string { return r.dir + "/" + name }

// warnOnce hands a message to the caller the first time it comes up.
func (r *Repository) warnOnce(format string, args ...any) {
	message := oneLine(fmt.Sprintf(format, args...))
	r.warnMu.Lock()
	seen := r.warned[message]
	r.warned[message] = true
	r.warnMu.Unlock()
	if !seen {
		r.options.Warn(message)
	}
}

// mkdir makes a directory of the repository and those above it.
func (r *Repository) mkdir(name string) error {
	_, err := atomicfile.MkdirAll(r.root, name, r.options.DirMode, r.options.Group)
	return err
}

// trimSlashes removes trailing slashes, but keeps the root directory.
func trimSlashes(dir string) string {
	if trimmed := strings.TrimRight(dir, "/"); trimmed != "" {
		return trimmed
	}
	return "/"
}
