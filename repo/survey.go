package repo

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"

	"deployconstants/internal/atomicfile"
)

// An Item is a name in a directory of the repository, with what it leads to.
type Item struct {
	Name string
	Info fs.FileInfo // of the file or directory, links followed; nil beside Err
	Err  error       // of a link: ErrOutside, fs.ErrNotExist where it dangles, or what the system says
}

// Items lists a directory, named below the repository, sorted and without hidden
// names; a missing one is empty. Nothing in it is opened. A name that vanishes
// meanwhile is left out.
func (r *Repository) Items(dir string) ([]Item, error) {
	infos, err := r.infos(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	items := make([]Item, 0, len(infos))
	for _, info := range infos {
		item := Item{Name: info.Name(), Info: info}
		if strings.HasPrefix(item.Name, ".") {
			continue
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			item.Info, item.Err = r.follow(dir + "/" + item.Name)
		}
		items = append(items, item)
	}
	slices.SortFunc(items, func(a, b Item) int { return cmp.Compare(a.Name, b.Name) })
	return items, nil
}

// infos lists a directory with what lstat says. Links of its path are rarely there
// and looked at only if os.Root does not follow them.
func (r *Repository) infos(dir string) ([]fs.FileInfo, error) {
	const flags = os.O_RDONLY | syscall.O_DIRECTORY // a fifo must not hang
	f, err := r.root.OpenFile(dir, flags, 0)
	if err != nil {
		target, outside := r.resolve(dir)
		if outside != nil {
			return nil, outside
		}
		if f, err = r.root.OpenFile(target, flags, 0); err != nil {
			return nil, atomicfile.Locate(r.root, err)
		}
	}
	infos, err := f.Readdir(-1)
	return infos, errors.Join(err, f.Close())
}

// follow returns what a link leads to, if that is in the repository.
func (r *Repository) follow(name string) (fs.FileInfo, error) {
	target, err := r.resolve(name)
	if err != nil {
		return nil, err
	}
	info, err := r.root.Stat(target)
	return info, atomicfile.Locate(r.root, err)
}

// CheckConstants returns the error with which OpenConstants would refuse a file of
// that path for what stat says of it.
func CheckConstants(path string, info fs.FileInfo) error {
	var err error
	switch {
	case !info.Mode().IsRegular():
		err = fmt.Errorf("%w: it is %s", ErrNotRegular, fileKind(info.Mode()))
	case info.Size() == 0:
		err = ErrEmpty
	default:
		return nil
	}
	return &fs.PathError{Op: "open", Path: path, Err: err}
}

// IsDetectorDir reports whether a directory of that name in the one of a type may
// be a detector's.
func IsDetectorDir(name string) bool {
	return name != defaultDir && name != logDir && !strings.HasPrefix(name, ".")
}

// DefaultDir is the directory of the defaults of the type, below the repository.
func (t DetType) DefaultDir() string { return t.Name + "/" + defaultDir }

// DefaultName is the name of the default of a calibration type, in DefaultDir.
func (t DetType) DefaultName(c CType) string { return t.Name + "_default_" + string(c) + ".txt" }

// DefaultCType returns the calibration type of which name is the default's, and
// false if it is none.
func (t DetType) DefaultCType(name string) (CType, bool) {
	stem, isText := strings.CutSuffix(name, ".txt")
	ctype, isDefault := strings.CutPrefix(stem, t.Name+"_default_")
	return CType(ctype), isText && isDefault && ctype != ""
}

// Aliases is what the alias files of a detector type, and the claims beside them,
// said at one moment. It is immutable and safe for concurrent use.
type Aliases struct {
	t      DetType
	table  aliasTable
	claims map[string]aliasRecord // by id
}

// ReadAliases reads the aliases of a type; none where there is no file. The error
// is ErrAliasFile or what the system says.
func (r *Repository) ReadAliases(t DetType) (*Aliases, error) {
	a := &Aliases{t: t, table: aliasTable{}, claims: map[string]aliasRecord{}}
	err := r.withFiles(t.Name, func(files aliasFiles) error {
		return r.withTable(t.Name, files, func(table aliasTable) error {
			for name, list := range table {
				a.table[name] = list.clone()
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	claims := t.Name + "/" + claimDir
	names, err := r.names(claims)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, bindingPrefix) {
			continue
		}
		line, _, err := r.readClaim(claims + "/" + name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		if record, ok := parseAliasLine(line); ok && bindingName(record.id) == name {
			a.claims[record.id] = record
		}
	}
	return a, nil
}

func (l *aliasList) clone() *aliasList {
	return &aliasList{byID: maps.Clone(l.byID), owners: maps.Clone(l.owners), last: l.last}
}

// Find returns the alias of a detector of the type and the name of its directory
// in the type's. The detector may have a directory without having an alias; a long
// id has none then, and dir is "". Errors are those of Repository.LookupAlias.
func (a *Aliases) Find(p Panel) (alias, dir string, found bool, err error) {
	if err := p.check(); err != nil {
		return "", "", false, err
	}
	view, err := a.table.view(p)
	if err != nil {
		return "", "", false, err
	}
	record, found := view.record, view.found
	if !found {
		record, found = a.claims[p.ID]
	}
	if !found && len(p.ID) > nameMax {
		return "", "", false, nil
	}
	return record.alias, p.dirName(record), found, nil
}

// IDs returns the ids that have an alias, sorted.
func (a *Aliases) IDs() []string {
	ids := map[string]bool{}
	for _, list := range a.table {
		for id := range list.byID {
			ids[id] = true
		}
	}
	for id := range a.claims {
		ids[id] = true
	}
	return slices.Sorted(maps.Keys(ids))
}

// With returns the aliases as if a record of the id were appended to the alias
// file. Nothing changes if the id has one. The error is ErrBadName.
func (a *Aliases) With(id, alias string) (*Aliases, error) {
	if err := (Panel{Type: a.t, ID: id}).check(); err != nil {
		return nil, err
	}
	if !isAlias([]byte(alias)) {
		return nil, fmt.Errorf("%w: alias %q", ErrBadName, alias)
	}
	with := a.clone()
	name := aliasFile
	if with.table[name] == nil && with.table[hiddenAliasFile] != nil {
		name = hiddenAliasFile
	}
	list := with.table[name]
	if list == nil {
		list = &aliasList{byID: map[string]aliasRecord{}, owners: map[int]string{}}
		with.table[name] = list
	}
	list.add(aliasRecord{alias, id})
	return with, nil
}

// Without returns the aliases as if every record of the id were removed.
func (a *Aliases) Without(id string) *Aliases {
	without := a.clone()
	delete(without.claims, id)
	for name, old := range a.table {
		list := &aliasList{byID: map[string]aliasRecord{}, owners: map[int]string{}}
		for _, known := range slices.Sorted(maps.Keys(old.byID)) {
			if known != id {
				list.add(old.byID[known])
			}
		}
		for number, owner := range old.owners { // the first of those that share a number
			if owner != id {
				list.owners[number] = owner
			}
		}
		without.table[name] = list
	}
	return without
}

func (a *Aliases) clone() *Aliases {
	copied := &Aliases{t: a.t, table: aliasTable{}, claims: maps.Clone(a.claims)}
	for name, list := range a.table {
		copied.table[name] = list.clone()
	}
	return copied
}

// NoAliases is the aliases of a type that has no records.
func NoAliases(t DetType) *Aliases {
	return &Aliases{t: t, table: aliasTable{}, claims: map[string]aliasRecord{}}
}
