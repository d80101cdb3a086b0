package panels

import (
	"cmp"
	"slices"
	"strings"

	"deployconstants/repo"
)

// A Shelf is the tables of a kind that the panels of a detector have, of all times,
// as they were listed. It is immutable and safe for concurrent use.
type Shelf struct {
	Kind Kind
	IDs  []string // of panels

	store  Store
	panels []tablesOfPanel
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
	shelf := &Shelf{Kind: k, IDs: ids, store: s}
	var modes []string
	for _, slot := range k.slots {
		modes = append(modes, slot.modes...)
	}
	slices.Sort(modes)
	modes = slices.Compact(modes)
	for _, id := range ids {
		tables := tablesOfPanel{}
		if err := s.list(tables, id, k.Dir, k.CType, modes); err != nil {
			return nil, err
		}
		if k.derive == plusOffset {
			if err := s.list(tables, id, "offset", "offsetph", []string{offsets[ahlL], offsets[amlL]}); err != nil {
				return nil, err
			}
		}
		shelf.panels = append(shelf.panels, tables)
	}
	return shelf, nil
}

// list takes the tables in a directory of a panel.
func (s Store) list(tables tablesOfPanel, id, dir, ctype string, modes []string) error {
	items, err := s.files.Items(s.dir + id + "/" + dir)
	if err != nil {
		return err
	}
	for _, item := range items { // in the order of names
		table, ok := repo.ParseTable(item.Name, s.word, ctype, modes...)
		if !ok {
			continue
		}
		input := Input{Path: strings.Join([]string{s.files.Dir(), s.dir + id, dir, item.Name}, "/"), Table: table}
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
