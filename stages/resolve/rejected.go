package resolve

import (
	"cmp"
	"slices"

	"deployconstants/repo"
)

// A Rejected is a name in the directories of a detector's constants, or a default,
// that was not chosen.
type Rejected struct {
	Path   string     `json:"path"`
	CType  repo.CType `json:"ctype"` // as the repository names it
	Reason string     `json:"reason"`
	Stray  bool       `json:"stray"` // the name does not belong there at all
}

// Rejected returns why all other candidates were not chosen at the stamp, sorted by
// path.
func (s *Snapshot) Rejected(p Key, ctype string, stamp repo.Stamp) []Rejected {
	t := s.trees[p.Type]
	if t == nil {
		return nil
	}
	choice := s.At(p, ctype, stamp)
	var list []Rejected
	if found, _ := t.panel(p); found != nil {
		for i, shelf := range found.racks[ctype].shelves() {
			if shelf.index != nil {
				list = append(list, s.rejectedOf(shelf, shortAndLong(ctype)[i], choice, stamp)...)
			}
		}
	}
	for _, f := range t.defaults[ctype] {
		switch {
		case f == nil || f == choice.File:
		case choice.Kind == repo.Default:
			list = append(list, Rejected{f.Path, f.CType, "default of the long name; that of " + string(choice.File.CType) + " comes first", false})
		default:
			list = append(list, Rejected{f.Path, f.CType, "default; specific constants come first", false})
		}
	}
	slices.SortFunc(list, func(a, b Rejected) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

// rejectedOf tells what was not chosen of a directory.
func (s *Snapshot) rejectedOf(shelf shelf, c repo.CType, choice Choice, stamp repo.Stamp) []Rejected {
	var list []Rejected
	byName := map[string]*File{}
	dir := ""
	for _, f := range shelf.files {
		byName[f.Name] = f
		dir = f.Path[:len(f.Path)-len(f.Name)]
	}
	for _, r := range shelf.index.Rejected(stamp) {
		list = append(list, Rejected{dir + printable(r.Name), c, r.Reason.String(), r.Stray()})
	}
	if best := shelf.at(stamp); best != nil && best != choice.File && choice.File != nil {
		why := "older than the chosen file of " + string(choice.File.CType)
		if best.Stamp == choice.File.Stamp {
			why = "of the same stamp as the chosen file of " + string(choice.File.CType) + ", the documented name"
		}
		list = append(list, Rejected{best.Path, c, why, false})
	}
	return list
}
