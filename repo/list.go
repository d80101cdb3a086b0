package repo

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
)

// A TypeListing is what a repository holds of a detector type.
type TypeListing struct {
	Type      DetType
	Defaults  []string // names in its directory default
	Aliases   []AliasListing
	Detectors []DetectorListing
}

// An AliasListing is a record of an alias file.
type AliasListing struct{ Alias, ID string }

// A DetectorListing is the directory of a detector.
type DetectorListing struct {
	Dir    string // the id, or <dettype>_<alias> for a long one
	ID     string // as recorded; Dir if there is no record
	Alias  string // "" if there is no record
	CTypes []CTypeListing
}

// A CTypeListing is a directory of constants.
type CTypeListing struct {
	CType string
	Files []string // names
}

// List returns what the repository holds, sorted by name at every level, aliases
// by number. Hidden names are left out. It ends early if ctx does.
func (r *Repository) List(ctx context.Context) ([]TypeListing, error) {
	names, err := r.sortedNames(".")
	if err != nil {
		return nil, err
	}
	var list []TypeListing
	for _, name := range names {
		t, err := TypeNamed(name)
		if err != nil || !t.Deployable() {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		listing, err := r.listType(t)
		if err != nil {
			return nil, err
		}
		list = append(list, listing)
	}
	return list, nil
}

func (r *Repository) listType(t DetType) (TypeListing, error) {
	listing := TypeListing{Type: t}
	records, err := r.records(t)
	if err != nil {
		return listing, err
	}
	for _, record := range records {
		listing.Aliases = append(listing.Aliases, AliasListing{record.alias, record.id})
	}
	if listing.Defaults, err = r.sortedNames(t.Name + "/" + defaultDir); err != nil {
		return listing, err
	}
	dirs, err := r.subdirs(t.Name)
	if err != nil {
		return listing, err
	}
	for _, dir := range dirs {
		if dir == defaultDir || dir == logDir {
			continue
		}
		detector := DetectorListing{Dir: dir, ID: dir}
		if record, found := recordOf(records, t, dir); found {
			detector.ID, detector.Alias = record.id, record.alias
		}
		ctypes, err := r.subdirs(t.Name + "/" + dir)
		if err != nil {
			return listing, err
		}
		for _, ctype := range ctypes {
			files, err := r.sortedNames(t.Name + "/" + dir + "/" + ctype)
			if err != nil {
				return listing, err
			}
			detector.CTypes = append(detector.CTypes, CTypeListing{ctype, files})
		}
		listing.Detectors = append(listing.Detectors, detector)
	}
	return listing, nil
}

// records returns the records of a type that count, the first of each id, by number.
func (r *Repository) records(t DetType) (records []aliasRecord, err error) {
	err = r.withFiles(t.Name, func(files aliasFiles) error {
		return r.withTable(t.Name, files, func(table aliasTable) error {
			records = table.records()
			return nil
		})
	})
	return records, err
}

// records returns the first record of each id, by number.
func (t aliasTable) records() []aliasRecord {
	byID := map[string]aliasRecord{}
	for _, name := range []string{hiddenAliasFile, aliasFile} { // the latter wins
		if list := t[name]; list != nil {
			maps.Copy(byID, list.byID)
		}
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b aliasRecord) int {
		m, _ := a.number()
		n, _ := b.number()
		return cmp.Or(cmp.Compare(m, n), cmp.Compare(a.alias, b.alias), cmp.Compare(a.id, b.id))
	})
}

// recordOf returns the record of the detector that owns a directory.
func recordOf(records []aliasRecord, t DetType, dir string) (aliasRecord, bool) {
	i := slices.IndexFunc(records, func(record aliasRecord) bool {
		return (Panel{Type: t, ID: record.id}).directory(record) == t.Name+"/"+dir
	})
	if i < 0 {
		return aliasRecord{}, false
	}
	return records[i], true
}

// sortedNames lists a directory without hidden names; a missing one is empty.
func (r *Repository) sortedNames(dir string) ([]string, error) {
	names, err := r.names(dir)
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, ".") })
	slices.Sort(names)
	return names, nil
}

// subdirs lists the directories in a directory, links that lead to one included.
func (r *Repository) subdirs(dir string) ([]string, error) {
	names, err := r.sortedNames(dir)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(names, func(name string) bool {
		target, err := r.resolve(dir + "/" + name)
		if err != nil {
			return true
		}
		info, err := r.root.Stat(target)
		return err != nil || !info.IsDir()
	}), nil
}
