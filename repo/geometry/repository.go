package geometry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"deployconstants/repo"
)

const extension = ".data"

// A Series is the geometry files of one detector, of which the newest that is not
// too new counts.
type Series struct {
	Type repo.DetType
	Name string // alias of the hardware, "0001", or name of the detector, "CxiDs1-0-Cspad-0"
	Days bool   // stamps are days, as they are behind names of detectors
}

// FileName returns the name of the file that is valid from the stamp on, or from
// its day on.
func (s Series) FileName(stamp repo.Stamp) string {
	return s.prefix() + fmt.Sprintf("%0*d", s.digits(), uint64(s.reduce(stamp))) + extension
}

func (s Series) prefix() string { return s.Type.Name + "_" + s.Name + "_" }

func (s Series) digits() int {
	if s.Days {
		return 8
	}
	return 14
}

// reduce returns what of a stamp is in file names.
func (s Series) reduce(stamp repo.Stamp) repo.Stamp {
	if s.Days {
		return stamp / 1000000
	}
	return stamp
}

// stamp reads what a file name has between prefix and extension.
func (s Series) stamp(text string) (repo.Stamp, bool) {
	if len(text) != s.digits() {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, 64)
	return repo.Stamp(n), err == nil
}

// ByHardware reports whether the geometry files of a type belong to hardware, which
// keeps its geometry when it moves to another place, and are named by its alias.
// Those of all other types are named by the detector.
func ByHardware(t repo.DetType) bool { return t.Name == "epix10kaquad" || t.Name == "epix10ka2m" }

// A Choice is which geometry file is valid for a detector.
type Choice struct {
	Kind        repo.Kind
	Path        string   // below Dir as that was given; "" if Kind is None
	DefaultPath string   // where the default is, or would be
	Strays      []string // names that begin like those of the series, but have no stamp of its kind
}

// A Repository is a store of geometry files. Of repo.Repository, which it is with
// another layout, it has the aliases and the opening of files that may be links. It
// is safe for concurrent use, by any number of processes.
type Repository struct {
	*repo.Repository
	root *os.Root
}

// Open opens the repository in dir. Errors are those of repo.Open.
func Open(dir string, o repo.Options) (*Repository, error) { return open(repo.Open, dir, o) }

// Create opens the repository in dir, and makes the directory if it is missing.
func Create(dir string, o repo.Options) (*Repository, error) { return open(repo.Create, dir, o) }

func open(with func(string, repo.Options) (*repo.Repository, error), dir string, o repo.Options) (*Repository, error) {
	o.Flat = true
	inner, err := with(dir, o)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(inner.Dir())
	if err != nil {
		return nil, errors.Join(err, inner.Close())
	}
	return &Repository{inner, root}, nil
}

// Close releases the directory.
func (r *Repository) Close() error { return errors.Join(r.root.Close(), r.Repository.Close()) }

// TypeDir returns the path of the directory with the files of a type.
func (r *Repository) TypeDir(t repo.DetType) string { return r.Dir() + "/" + t.Name }

// HasType reports whether the directory of a type is there. It is made by hand,
// with the first default file. The error is repo.ErrNotDeployable for a type that is
// no detector with pixels, or what looking says.
func (r *Repository) HasType(t repo.DetType) (bool, error) {
	if !t.Deployable() {
		return false, fmt.Errorf("%w: %s", repo.ErrNotDeployable, t.Device)
	}
	info, err := os.Stat(r.TypeDir(t))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.IsDir(), err
}

// Choose returns the file that is valid at the stamp: the newest of the series that
// is not newer, else the default of the type. The file is not opened. A missing
// directory of the type has neither.
func (r *Repository) Choose(s Series, at repo.Stamp) (Choice, error) {
	choice := Choice{Kind: repo.None, DefaultPath: r.TypeDir(s.Type) + "/" + s.Type.Name + "_default" + extension}
	entries, err := os.ReadDir(r.TypeDir(s.Type))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return choice, err
	}
	newest := repo.Stamp(0)
	for _, entry := range entries {
		text, ours := strings.CutPrefix(entry.Name(), s.prefix())
		if !ours {
			continue
		}
		text, isData := strings.CutSuffix(text, extension)
		stamp, ok := s.stamp(text)
		switch {
		case !isData || !ok:
			choice.Strays = append(choice.Strays, entry.Name())
		case stamp <= s.reduce(at) && stamp >= newest:
			newest = stamp
			choice.Kind, choice.Path = repo.Specific, r.TypeDir(s.Type)+"/"+entry.Name()
		}
	}
	if choice.Kind == repo.Specific {
		return choice, nil
	}
	switch _, err := os.Stat(choice.DefaultPath); {
	case err == nil:
		choice.Kind, choice.Path = repo.Default, choice.DefaultPath
	case !errors.Is(err, fs.ErrNotExist):
		return choice, err
	}
	return choice, nil
}

// LinkPath returns where Link would put its link.
func (r *Repository) LinkPath(s Series, from repo.Stamp) string {
	return r.TypeDir(s.Type) + "/" + s.FileName(from)
}

// CheckLink tells what would keep Link from linking a file: a name that is no name
// in the directory of the type, a file that is missing or cannot be deployed
// (errors of repo.OpenConstants), or another file under the name of the link
// (ErrTaken). linked: the link is there already.
func (r *Repository) CheckLink(s Series, from repo.Stamp, file string) (linked bool, err error) {
	if file == "" || file != strings.Trim(file, ". ") || strings.ContainsAny(file, "/\x00\n") {
		return false, fmt.Errorf("%w: %s; name a file in %s without its folder", repo.ErrBadName, quoted(file), r.TypeDir(s.Type))
	}
	f, err := r.OpenConstants(r.TypeDir(s.Type) + "/" + file)
	if err != nil {
		return false, err
	}
	if err := f.Close(); err != nil {
		return false, err
	}
	name := s.Type.Name + "/" + s.FileName(from)
	info, err := r.root.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err := r.root.Readlink(name); err == nil && target == file {
			return true, nil
		}
	}
	return false, fmt.Errorf("%w: %s", ErrTaken, r.LinkPath(s, from))
}

// Link makes a file in the directory of the type the one of the series that is
// valid from the stamp on, by a relative symbolic link, and returns whether it was
// not so before. A file under that name is never replaced. Errors are those of
// CheckLink, or of the file system.
func (r *Repository) Link(s Series, from repo.Stamp, file string) (made bool, err error) {
	linked, err := r.CheckLink(s, from, file)
	if err != nil || linked {
		return false, err
	}
	name := s.Type.Name + "/" + s.FileName(from)
	err = r.root.Symlink(file, name)
	if errors.Is(err, fs.ErrExist) { // somebody was quicker, maybe with the same
		linked, err := r.CheckLink(s, from, file)
		if err == nil && !linked {
			err = fmt.Errorf("%w: %s", ErrTaken, r.LinkPath(s, from))
		}
		return false, err
	}
	return err == nil, err
}
