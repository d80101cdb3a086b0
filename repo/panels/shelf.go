package panels

import (
	"cmp"
	"slices"

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

// List lists the tables of some panels; a panel without a directory has none. Nothing
// is opened. The error is what looking says.
func (s Store) List(ids []string, k Kind) (*Shelf, error) {
	shelf := &Shelf{Kind: k, IDs: ids, store: s, withdrawn: map[string]bool{}}
	var modes []string
	for _, slot := range k.slots {
		modes = append(modes, slot.modes...)
	}
	slices.Sort(modes)
	modes = slices.Compact(modes)
	for _, id := range ids {
		tables := tablesOfPanel{}
		if err := shelf.list(tables, id, k.Dir, k.CType, modes); err != nil {
			return nil, err
		}
		if k.derive == plusOffset {
			if err := shelf.list(tables, id, "offset", "offsetph", []string{offsets[ahlL], offsets[amlL]}); err != nil {
				return nil, err
			}
		}
		shelf.panels = append(shelf.panels, tables)
	}
	return shelf, nil
}

// list takes the tables in a directory of a panel.
func (s *Shelf) list(tables tablesOfPanel, id, dir, ctype string, modes []string) error {
	dir = s.store.dir + id + "/" + dir
	items, err := s.store.files.Items(dir)
	if err != nil {
		return err
	}
	for _, item := range items { // in the order of names
		name, withdrawn := repo.CutWithdrawn(item.Name)
		table, ok := repo.ParseTable(name, s.store.word, ctype, modes...)
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
	for _, mode := range modes {
		slices.SortStableFunc(tables[mode], func(a, b Input) int { return cmp.Compare(a.Stamp, b.Stamp) })
	}
	return nil
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
	tables, _, err := MadeOf(s.store.files, file)
	for _, table := range tables {
		if s.withdrawn[table] {
			return table, true, err
		}
	}
	return "", false, err
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
