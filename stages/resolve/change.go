package resolve

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"deployconstants/repo"
	"deployconstants/repo/digest"
)

// An Op is what is done to something in the repository.
type Op string

// The operations.
const (
	Add      Op = "add"
	Withdraw Op = "withdraw"
	Replace  Op = "replace"
)

// A Change is something that might be done to the repository. Path alone means a
// file; Type with ID, Alias or both means a detector:
//
//	add       Path             a file of constants or default with Content
//	withdraw  Path             that file is removed
//	replace   Path             that file gets Content
//	add       Type, ID, Alias  the id gets a record with the alias
//	replace   Type, ID, Alias  the id's records are replaced by one with the alias
//	withdraw  Type, ID         the directory of the id is removed, its alias stays
//	withdraw  Type, Alias      the records with the alias are removed
type Change struct {
	Op      Op         `json:"op"`
	Path    string     `json:"path,omitempty"` // as the repository gives it, or below it
	Content digest.Sum `json:"-"`              // of the file; zero: unknown
	Unlike  digest.Sum `json:"-"`              // tells one unknown content from another of the same file
	Type    string     `json:"type,omitempty"`
	ID      string     `json:"id,omitempty"`
	Alias   string     `json:"alias,omitempty"`
}

// ErrChange: the change cannot be made to this repository.
var ErrChange = errors.New("not a change that this repository can have")

// A target is what a Change is about, taken apart.
type target struct {
	typ       repo.DetType
	dir       string // of the detector; "" for a default
	ctype     repo.CType
	name      string
	isDefault bool
}

// parse takes the path of a change apart.
func (s *Snapshot) parse(path string) (target, error) {
	below := strings.TrimPrefix(path, s.repository.Dir()+"/")
	parts := strings.Split(below, "/")
	bad := func(why string) (target, error) {
		return target{}, fmt.Errorf("%w: %s: %s", ErrChange, path, why)
	}
	for _, part := range parts {
		if part == "" || part[0] == '.' || printable(part) != part {
			return bad("not a path in the repository")
		}
	}
	t, err := repo.TypeNamed(parts[0])
	switch {
	case err != nil:
		return bad(err.Error())
	case !t.Deployable():
		return bad("a type without constants")
	case len(parts) == 3 && parts[0]+"/"+parts[1] == t.DefaultDir():
		ctype, isDefault := t.DefaultCType(parts[2])
		if !isDefault {
			return bad("the name of a default is " + t.DefaultName("<ctype>"))
		}
		return target{typ: t, ctype: ctype, name: parts[2], isDefault: true}, nil
	case len(parts) == 4 && repo.IsDetectorDir(parts[1]):
		return target{typ: t, dir: parts[1], ctype: repo.CType(parts[2]), name: parts[3]}, nil
	}
	return bad("want <dettype>/<id>/<ctype>/<name> or <dettype>/default/<name>")
}

// With returns the repository as it would be listed after the changes, one by one. The
// error is ErrChange, and repo.ErrUnknownType or repo.ErrBadName for what no repository
// has.
func (s *Snapshot) With(changes ...Change) (*Snapshot, error) {
	with := &Snapshot{repository: s.repository, options: s.options, trees: maps.Clone(s.trees)}
	edited := map[string]*listing{}
	for _, ch := range changes {
		if err := s.edit(ch, edited); err != nil {
			return nil, err
		}
	}
	for name, l := range edited {
		with.trees[name] = newTree(s.repository.Dir(), l)
	}
	with.collectProblems()
	return with, nil
}

// listingOf returns a copy of a type's listing, of which only what is edited is
// deep; what is edited already is that.
func (s *Snapshot) listingOf(t repo.DetType, edited map[string]*listing) *listing {
	if l := edited[t.Name]; l != nil {
		return l
	}
	known := s.trees[t.Name]
	if known == nil {
		return &listing{typ: t, aliases: repo.NoAliases(t), dirs: map[string]*dirListing{}}
	}
	copied := *known.listing
	copied.dirs = maps.Clone(copied.dirs)
	return &copied
}

// edit makes one change, and puts the listing among the edited ones.
func (s *Snapshot) edit(ch Change, edited map[string]*listing) error {
	if ch.Path != "" {
		at, err := s.parse(ch.Path)
		if err != nil {
			return err
		}
		l := s.listingOf(at.typ, edited)
		edited[at.typ.Name] = l
		return s.editFile(l, ch, at)
	}
	t, err := repo.TypeNamed(ch.Type)
	if err != nil {
		return err
	}
	l := s.listingOf(t, edited)
	edited[t.Name] = l
	if l.aliases == nil {
		return fmt.Errorf("%w: %s: %s", ErrChange, t.Name, l.err)
	}
	switch {
	case ch.Op == Withdraw && ch.ID != "" && ch.Alias == "":
		return withoutDirectory(l, ch.ID)
	case ch.Op == Withdraw && ch.ID == "" && ch.Alias != "":
		return withoutAlias(l, ch.Alias)
	case (ch.Op == Add || ch.Op == Replace) && ch.ID != "" && ch.Alias != "":
		_, _, found, err := l.aliases.Find(repo.Panel{Type: t, ID: ch.ID})
		switch {
		case err != nil:
			return err
		case found != (ch.Op == Replace):
			return fmt.Errorf("%w: %s alias of id %s, which has one: %t", ErrChange, ch.Op, ch.ID, found)
		}
		l.aliases, err = l.aliases.Without(ch.ID).With(ch.ID, ch.Alias)
		return err
	}
	return fmt.Errorf("%w: %s needs a path, or a type with an id or an alias", ErrChange, ch.Op)
}

func withoutDirectory(l *listing, id string) error {
	_, dir, _, err := l.aliases.Find(repo.Panel{Type: l.typ, ID: id})
	if err != nil {
		return err
	}
	if l.dirs[dir] == nil {
		return fmt.Errorf("%w: id %s has no directory in %s", ErrChange, id, l.typ.Name)
	}
	delete(l.dirs, dir)
	return nil
}

func withoutAlias(l *listing, alias string) error {
	found := false
	for _, id := range l.aliases.IDs() {
		if known, _, ok, err := l.aliases.Find(repo.Panel{Type: l.typ, ID: id}); ok && err == nil && known == alias {
			l.aliases, found = l.aliases.Without(id), true
		}
	}
	if !found {
		return fmt.Errorf("%w: no id has the alias %s in %s", ErrChange, alias, l.typ.Name)
	}
	return nil
}

// editFile adds, withdraws or replaces one file.
func (s *Snapshot) editFile(l *listing, ch Change, at target) error {
	var err error
	if at.isDefault {
		l.defaults, err = editItems(l.defaults, ch, at.name)
		return err
	}
	dir := &dirListing{ctypes: map[string]*ctypeListing{}}
	if known := l.dirs[at.dir]; known != nil {
		dir = &dirListing{err: known.err, ctypes: maps.Clone(known.ctypes)}
	}
	constants := &ctypeListing{}
	if known := dir.ctypes[string(at.ctype)]; known != nil {
		*constants = *known
	}
	if dir.err != "" || constants.err != "" || !s.options.wantsDir(string(at.ctype)) {
		return fmt.Errorf("%w: %s: %s", ErrChange, ch.Path, cmp.Or(dir.err, constants.err, "this calibration type was not listed"))
	}
	if constants.items, err = editItems(constants.items, ch, at.name); err != nil {
		return err
	}
	if dir.ctypes == nil {
		dir.ctypes = map[string]*ctypeListing{}
	}
	dir.ctypes[string(at.ctype)], l.dirs[at.dir] = constants, dir
	return nil
}

// editItems returns the items of a directory after the change.
func editItems(items []item, ch Change, name string) ([]item, error) {
	i, there := slices.BinarySearchFunc(items, name, func(i item, name string) int { return cmp.Compare(i.name, name) })
	made := item{name: name, hypothetical: true, content: ch.Content, unlike: ch.Unlike}
	switch {
	case ch.Op == Add && !there:
		return slices.Insert(slices.Clone(items), i, made), nil
	case ch.Op == Withdraw && there:
		return slices.Delete(slices.Clone(items), i, i+1), nil
	case ch.Op == Replace && there:
		items = slices.Clone(items)
		items[i] = made
		return items, nil
	case there:
		return nil, fmt.Errorf("%w: %s %s: it is there", ErrChange, ch.Op, ch.Path)
	}
	return nil, fmt.Errorf("%w: %s %s: it is not there", ErrChange, ch.Op, ch.Path)
}

// Scope returns the detector type and the deployed calibration types that a change
// can touch, sorted. The error is that of With for a path or type that no
// repository has.
func (s *Snapshot) Scope(ch Change) (typ string, ctypes []string, err error) {
	if ch.Path == "" {
		t, err := repo.TypeNamed(ch.Type)
		return t.Name, s.CTypes(t.Name), err
	}
	at, err := s.parse(ch.Path)
	if err != nil {
		return "", nil, err
	}
	uses := []repo.CType{at.ctype.Deployed()}
	if !at.isDefault {
		if uses = repo.UsesOf(string(at.ctype)); uses == nil {
			err = fmt.Errorf("%w: %s: %s is no calibration type", ErrChange, ch.Path, at.ctype)
		}
	}
	for _, deployed := range uses {
		ctypes = append(ctypes, string(deployed))
	}
	return at.typ.Name, ctypes, err
}
