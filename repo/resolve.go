package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"deployconstants/internal/atomicfile"
)

// A Kind tells what sort of constants were chosen.
type Kind uint8

// The kinds, in the order of preference.
const (
	Specific Kind = iota + 1 // a file of this very detector, valid at the stamp
	Default                  // the file for every detector of the type
	None                     // neither is there
)

var kindNames = map[Kind]string{Specific: "specific", Default: "default", None: "none"}

// String returns "specific", "default" or "none".
func (k Kind) String() string { return kindNames[k] }

// A Choice is which constants are valid for a detector at a moment, and why.
type Choice struct {
	Kind        Kind
	Path        string // below Dir as that was given; "" if Kind is None
	Stamp       Stamp  // valid from this moment on; 0 unless Specific
	DefaultPath string // where the default is, or would be
	Rejected    []Rejected
}

// Resolve chooses the constants of a detector that are valid at the stamp: the
// newest file in its directory that is not newer than the stamp, else the default
// of the type, else none. An alias of "" finds no specific file.
//
// A missing directory is no error, an unreadable one is. The file is not opened:
// OpenConstants tells whether it can be used.
func (r *Repository) Resolve(p Panel, alias string, ctype CType, at Stamp) (Choice, error) {
	choice := Choice{Kind: None}
	if err := p.check(); err != nil {
		return choice, err
	}
	if err := checkElement("calibration type", string(ctype)); err != nil {
		return choice, err
	}
	defaultName := p.Type.DefaultDir() + "/" + p.Type.DefaultName(ctype)
	choice.DefaultPath = r.path(defaultName)
	if alias != "" {
		index, dir, err := r.index(p, alias, string(ctype))
		if err != nil {
			return choice, err
		}
		choice.Rejected = index.Rejected(at)
		if entry, found := index.At(at); found {
			choice.Kind, choice.Path, choice.Stamp = Specific, r.path(dir+"/"+entry.Name), entry.Stamp
			return choice, nil
		}
	}
	_, err := os.Stat(r.resolved + "/" + defaultName)
	switch {
	case err == nil:
		choice.Kind, choice.Path = Default, choice.DefaultPath
	case !errors.Is(err, fs.ErrNotExist):
		return choice, err
	}
	return choice, nil
}

// Index reads the directory of a detector's constants of one type. A missing
// directory gives an empty index.
func (r *Repository) Index(p Panel, alias string, ctype CType) (*Index, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := checkElement("calibration type", string(ctype)); err != nil {
		return nil, err
	}
	index, _, err := r.index(p, alias, string(ctype))
	return index, err
}

// index also returns the directory's name in the repository.
func (r *Repository) index(p Panel, alias, ctype string) (*Index, string, error) {
	if !isAlias([]byte(alias)) {
		return nil, "", fmt.Errorf("%w: alias %q", ErrBadName, alias)
	}
	dir, err := r.panelDir(p, alias)
	if err != nil {
		return nil, "", err
	}
	dir += "/" + ctype
	names, err := r.names(dir)
	if err != nil {
		return nil, "", err
	}
	return newIndex(names, pattern{p.Type.Name, alias, ctype}), dir, nil
}

// DetectorDir returns the directory of a detector with that alias, below the
// repository. It need not be there. The error is that of LookupAlias.
func (r *Repository) DetectorDir(p Panel, alias string) (string, error) {
	if err := p.check(); err != nil {
		return "", err
	}
	return r.panelDir(p, alias)
}

// panelDir returns the detector's directory. Only for a long id is it worth
// knowing whose record the alias is from.
func (r *Repository) panelDir(p Panel, alias string) (string, error) {
	record := aliasRecord{alias, p.ID}
	if len(p.ID) > nameMax {
		known, found, err := r.lookup(p)
		if err != nil {
			return "", err
		}
		if found && known.alias == alias {
			record = known
		}
	}
	return p.directory(record), nil
}

// names lists a directory that may be reached through links inside the
// repository. A missing one has no names.
func (r *Repository) names(dir string) ([]string, error) {
	target, err := r.resolve(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f, err := r.root.OpenFile(target, os.O_RDONLY|syscall.O_DIRECTORY, 0) // a fifo must not hang
	if err != nil {
		return nil, atomicfile.Locate(r.root, err)
	}
	names, err := f.Readdirnames(-1)
	return names, errors.Join(err, f.Close())
}

// resolve follows the links of a name in the repository and returns the name they
// lead to, without links. The error is ErrOutside if that is not in the
// repository. (os.Root follows relative links only.)
func (r *Repository) resolve(name string) (string, error) {
	target, err := filepath.EvalSymlinks(r.resolved + "/" + name)
	if err != nil {
		return "", err
	}
	inside, err := filepath.Rel(r.resolved, target)
	if err != nil || !filepath.IsLocal(inside) {
		return "", &fs.PathError{Op: "open", Path: r.path(name), Err: fmt.Errorf("%w: it is %s", ErrOutside, target)}
	}
	return inside, nil
}
