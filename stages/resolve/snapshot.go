package resolve

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"deployconstants/repo"
	"deployconstants/repo/digest"
)

// A Key is a detector as the repository knows it.
type Key struct {
	Type   string // "epix100a"
	ID     string // hardware id, or the name form
	IsName bool   // ID is the source's name with '-' for ':' and '.'
}

// A Choice is which constants are valid.
type Choice struct {
	Kind  repo.Kind
	File  *File // nil if Kind is repo.None
	Other *File // the short and the long name of the ctype had a candidate of this kind: the one that lost
}

// A File is a file of constants in the repository.
type File struct {
	Path     string // as the repository gives it
	Type, ID string // ID is "" for a default
	Name     string
	CType    repo.CType // as the repository names it: "gain"
	Stamp    repo.Stamp // valid from this moment on; 0 for a default
	Kind     repo.Kind
	Stat     digest.Stat // links followed; zero beside Err, and for a hypothetical file
	Err      string      // why the file cannot be deployed, one line; "" if it seems that it can

	// Hypothetical: With made the file, and Content is the digest that the change
	// gave it; zero: unknown, and then Unlike tells it from other unknown contents.
	Hypothetical bool
	Content      digest.Sum
	Unlike       digest.Sum
}

// ErrContent: the content of a hypothetical file is not known.
var ErrContent = errors.New("the content of the hypothetical file is not known")

// ErrFile: the file cannot be deployed, see File.Err.
var ErrFile = errors.New("the constants cannot be used")

// A Problem is something in the repository that should be seen to.
type Problem struct {
	Path    string `json:"path"`
	Message string `json:"message"` // one line
}

// A Snapshot is a repository as it was listed.
type Snapshot struct {
	repository *repo.Repository
	options    Options
	trees      map[string]*tree // by detector type
	problems   []Problem
}

// Types returns the detector types that the repository has a directory of, sorted.
func (s *Snapshot) Types() []string { return slices.Sorted(maps.Keys(s.trees)) }

// CTypes returns the deployed names of the calibration types that the repository
// has any constants of the type for, defaults or specific ones, sorted.
func (s *Snapshot) CTypes(typ string) []string {
	t := s.trees[typ]
	if t == nil {
		return nil
	}
	return slices.Clone(t.ctypes)
}

// At returns the constants of a detector that are valid at the stamp. The ctype is
// a deployed name, "pixel_gain".
func (s *Snapshot) At(p Key, ctype string, stamp repo.Stamp) Choice {
	t := s.trees[p.Type]
	if t == nil {
		return Choice{Kind: repo.None}
	}
	found, broken := t.panel(p)
	if broken != nil {
		return Choice{Kind: broken.Kind, File: broken}
	}
	if found != nil {
		if choice, chosen := found.racks[ctype].at(stamp); chosen {
			return choice
		}
	}
	return t.defaultOf(ctype)
}

// Candidates returns all constants that the detector may ever have been given for
// the ctype: specific ones of any stamp, by ctype and stamp, then the defaults.
func (s *Snapshot) Candidates(p Key, ctype string) []*File {
	t := s.trees[p.Type]
	if t == nil {
		return nil
	}
	var files []*File
	if found, _ := t.panel(p); found != nil {
		for _, shelf := range found.racks[ctype].shelves() {
			files = append(files, shelf.files...)
		}
	}
	for _, f := range t.defaults[ctype] {
		if f != nil {
			files = append(files, f)
		}
	}
	return files
}

// Alias returns the alias of the detector, and false if it has none or it cannot
// be told.
func (s *Snapshot) Alias(p Key) (string, bool) {
	t := s.trees[p.Type]
	if t == nil || t.listing.aliases == nil {
		return "", false
	}
	alias, _, found, err := t.listing.aliases.Find(t.repoPanel(p))
	return alias, found && err == nil
}

// Broken returns why it cannot be known what constants there are for the detector:
// a directory or alias file cannot be read, or alias files contradict each other.
// It is nil if that can be known, and otherwise an ErrFile.
func (s *Snapshot) Broken(p Key) error {
	t := s.trees[p.Type]
	if t == nil {
		return nil
	}
	_, broken := t.panel(p)
	if broken = cmp.Or(broken, t.defaultsBroken); broken == nil {
		return nil
	}
	return broken.unusable()
}

// unusable is File.Err as an error.
func (f *File) unusable() error { return fmt.Errorf("%s: %w: %s", f.Path, ErrFile, f.Err) }

// Twin returns another id of the type that is equal but for the firmware and has
// specific constants for the ctype; of several the least.
func (s *Snapshot) Twin(p Key, ctype string) (id string, ok bool) {
	t := s.trees[p.Type]
	if t == nil || p.IsName {
		return "", false
	}
	hardware, known := t.typ.WithoutFirmware(p.ID)
	if !known {
		return "", false
	}
	for _, twin := range t.twins[hardware] {
		if twin != p.ID && t.panels[twin].racks[ctype].filled() {
			return twin, true
		}
	}
	return "", false
}

// Sum returns the digest of a file's content. It is read through the cache, and so
// opened only if the cache does not know the file as it was listed. Errors are
// ErrFile, ErrContent, digest.ErrChanged if the file is no longer the one that was
// listed, and those of repo.Repository.OpenConstants.
func (s *Snapshot) Sum(ctx context.Context, cache *digest.Cache, f *File) (digest.Sum, error) {
	switch {
	case f.Err != "":
		return digest.Sum{}, f.unusable()
	case f.Hypothetical && f.Content == digest.Sum{}:
		return digest.Sum{}, fmt.Errorf("%s: %w", f.Path, ErrContent)
	case f.Hypothetical:
		return f.Content, nil
	}
	if sum, known := cache.Known(f.Path, f.Stat); known {
		return sum, nil
	}
	sum, stat, err := cache.Sum(ctx, f.Path, func() (*os.File, error) { return s.repository.OpenConstants(f.Path) })
	if err == nil && !stat.Same(f.Stat) {
		err = fmt.Errorf("%s: %w since the repository was listed", f.Path, digest.ErrChanged)
	}
	return sum, err
}

// Digest returns the SHA-256 of the listing: aliases, names and identities.
func (s *Snapshot) Digest() [32]byte {
	hash := sha256.New()
	for _, name := range s.Types() {
		s.trees[name].listing.print(hash)
	}
	return [32]byte(hash.Sum(nil))
}

// Problems returns what should be seen to, sorted by path and message. The caller
// owns the slice.
func (s *Snapshot) Problems() []Problem { return slices.Clone(s.problems) }

// Dir returns the directory of the repository, as it was given.
func (s *Snapshot) Dir() string { return s.repository.Dir() }
