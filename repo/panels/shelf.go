package panels

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"deployconstants/repo"
)

// A Shelf is the tables of a kind that the panels of a detector have, of all times,
// as they were listed. It is immutable and safe for concurrent use.
type Shelf struct {
	Kind Kind
	IDs  []string // of panels

	store     Store
	panels    []tablesOfPanel
	withdrawn map[string]bool // paths below the repository
}

// tablesOfPanel are the tables of a panel by the mode in their names, those of
// offsets by theirs, each sorted by stamp, then by name.
type tablesOfPanel map[string][]Input

// offsets are the modes of the tables, in the directory offset, by the gain that is
// that of FL plus the offset.
var offsets = map[int]string{ahlL: "AHL", amlL: "AML"}

// A tableDir is a directory of a panel in which tables are.
type tableDir struct {
	name  string
	ctype string   // in names of tables
	modes []string // sorted
}

// dirs returns the directories of the kind's tables in that of a panel.
func (k Kind) dirs() []tableDir {
	var modes []string
	for _, slot := range k.slots {
		modes = append(modes, slot.modes...)
	}
	slices.Sort(modes)
	dirs := []tableDir{{k.Dir, k.CType, slices.Compact(modes)}}
	if k.derive == plusOffset {
		dirs = append(dirs, tableDir{"offset", "offsetph", []string{offsets[ahlL], offsets[amlL]}})
	}
	return dirs
}

// List lists the tables of some panels; a panel without a directory has none. Nothing
// is opened. The error is what looking says.
func (s Store) List(ids []string, k Kind) (*Shelf, error) {
	shelf := &Shelf{Kind: k, IDs: ids, store: s, withdrawn: map[string]bool{}}
	for _, id := range ids {
		tables := tablesOfPanel{}
		for _, dir := range k.dirs() {
			if err := shelf.list(tables, id, dir); err != nil {
				return nil, err
			}
		}
		shelf.panels = append(shelf.panels, tables)
	}
	return shelf, nil
}

// Newest returns the path of the newest table of a mode that is not newer than the stamp,
// in a directory of a panel; "" for none. Of equal stamps the greatest name counts. It is
// for single tables, also such as no kind is merged of. The error is what looking says.
func (s Store) Newest(id, dir, ctype, mode string, at repo.Stamp) (path string, err error) {
	shelf, tables := &Shelf{store: s, withdrawn: map[string]bool{}}, tablesOfPanel{}
	modes := []string{mode}
	if err := shelf.list(tables, id, tableDir{dir, ctype, modes}); err != nil {
		return "", err
	}
	newest, _ := tables.newest(modes, at)
	return newest.Path, nil
}

// list takes the tables in a directory of a panel.
func (s *Shelf) list(tables tablesOfPanel, id string, d tableDir) error {
	dir := s.store.dir + id + "/" + d.name
	items, err := s.store.files.Items(dir)
	if err != nil {
		return err
	}
	for _, item := range items { // in the order of names
		name, withdrawn := repo.CutWithdrawn(item.Name)
		table, ok := repo.ParseTable(name, s.store.word, d.ctype, d.modes...)
		switch {
		case !ok:
			continue
		case withdrawn:
			s.withdrawn[dir+"/"+name] = true
			continue
		}
		input := Input{Path: s.store.files.Dir() + "/" + dir + "/" + name, Table: table}
		if item.Err == nil {
			input.Info = item.Info
		}
		tables[table.Mode] = append(tables[table.Mode], input)
	}
	for _, mode := range d.modes {
		tables.sort(mode)
	}
	return nil
}

// sort orders the tables of a mode, which are in the order of names.
func (t tablesOfPanel) sort(mode string) {
	slices.SortStableFunc(t[mode], func(a, b Input) int { return cmp.Compare(a.Stamp, b.Stamp) })
}

// Suppose returns the shelf as it would be if a table, named below the repository, were
// there with other content, or were withdrawn, or if the directory of a panel were gone.
// It is the same shelf for a file that is no table of it.
func (s *Shelf) Suppose(file string, there bool) *Shelf {
	supposed := *s
	supposed.panels = slices.Clone(s.panels)
	any, gone := false, false
	for i, id := range s.IDs {
		if file == s.store.dir+id && !there {
			any, gone = true, true
			supposed.panels[i] = tablesOfPanel{}
			continue
		}
		for _, d := range s.Kind.dirs() {
			name, inside := strings.CutPrefix(file, s.store.dir+id+"/"+d.name+"/")
			table, is := repo.ParseTable(name, s.store.word, d.ctype, d.modes...)
			if !inside || !is {
				continue
			}
			any = true
			path := s.store.files.Dir() + "/" + file
			tables := maps.Clone(supposed.panels[i])
			tables[table.Mode] = slices.DeleteFunc(slices.Clone(tables[table.Mode]), func(known Input) bool { return known.Path == path })
			if there {
				tables[table.Mode] = append(tables[table.Mode], Input{Path: path, Table: table, Supposed: true})
				slices.SortFunc(tables[table.Mode], func(a, b Input) int { return cmp.Compare(a.Path, b.Path) })
				tables.sort(table.Mode)
			}
			supposed.panels[i] = tables
		}
	}
	if !any {
		return s
	}
	if !there && !gone {
		supposed.withdrawn = maps.Clone(s.withdrawn)
		supposed.withdrawn[file] = true
	}
	return &supposed
}

// newest returns the newest table of some modes, of equal stamps that of the later
// mode, and of one mode that with the greatest name.
func (t tablesOfPanel) newest(modes []string, at repo.Stamp) (best Input, found bool) {
	for _, mode := range modes {
		list := t[mode]
		n, _ := slices.BinarySearchFunc(list, at, func(input Input, at repo.Stamp) int {
			if input.Stamp <= at {
				return -1
			}
			return 1
		})
		if n > 0 && (!found || list[n-1].Stamp >= best.Stamp) {
			best, found = list[n-1], true
		}
	}
	return best, found
}

// AnyWithdrawn reports whether tables of the shelf were withdrawn.
func (s *Shelf) AnyWithdrawn() bool { return len(s.withdrawn) > 0 }

// Withdrawn returns a table that was withdrawn, by its path below the repository, if a
// merged file was made of one. Errors are those of opening and reading the file.
func (s *Shelf) Withdrawn(file string) (table string, is bool, err error) {
	if len(s.withdrawn) == 0 {
		return "", false, nil
	}
	tables, _, err := s.store.files.MadeOf(file)
	table, is = s.WithdrawnOf(tables)
	return table, is, err
}

// WithdrawnOf returns the first of some tables, named below the repository, that was
// withdrawn.
func (s *Shelf) WithdrawnOf(tables []string) (table string, is bool) {
	i := slices.IndexFunc(tables, func(table string) bool { return s.withdrawn[table] })
	if i < 0 {
		return "", false
	}
	return tables[i], true
}

// Stamps returns the stamps of all tables, sorted: the moments from which on another
// merge may be valid.
func (s *Shelf) Stamps() []repo.Stamp {
	var stamps []repo.Stamp
	for _, tables := range s.panels {
		for _, list := range tables {
			for _, input := range list {
				stamps = append(stamps, input.Stamp)
			}
		}
	}
	slices.Sort(stamps)
	return slices.Compact(stamps)
}
