package repo

import (
	"slices"
	"strings"
)

// An Entry is a constants file in an Index.
type Entry struct {
	Name  string // in its directory
	Stamp Stamp  // valid from this moment on
}

// An Index is a directory of constants of one detector and calibration type,
// parsed once and sorted, so that a decision is a binary search. It is immutable
// and safe for concurrent use.
type Index struct {
	entries []Entry    // by stamp, then name
	strays  []Rejected // names that are no candidates, sorted by name
}

// NewIndex makes an index of the names in a directory, in any order, for the
// detector type, the alias and the calibration type that the names must carry.
// Names that begin with a point (temporaries), those of constants that were
// withdrawn, and those of tables of one gain (Table) are left out.
func NewIndex(names []string, t DetType, alias string, ctype CType) *Index {
	return newIndex(names, pattern{t.Name, alias, string(ctype)})
}

func newIndex(names []string, p pattern) *Index {
	x := &Index{}
	for _, name := range names {
		if strings.HasPrefix(name, ".") || isWithdrawn(name) {
			continue
		}
		if stamp, reason := p.match(name); reason == 0 {
			x.entries = append(x.entries, Entry{name, stamp})
		} else if !p.isTable(name) {
			x.strays = append(x.strays, Rejected{name, reason})
		}
	}
	slices.SortFunc(x.entries, func(a, b Entry) int {
		if a.Stamp != b.Stamp {
			if a.Stamp < b.Stamp {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	slices.SortFunc(x.strays, func(a, b Rejected) int { return strings.Compare(a.Name, b.Name) })
	return x
}

// Entries returns the constants files by stamp, those of one stamp by name. The
// slice belongs to the index and must not be changed.
func (x *Index) Entries() []Entry { return x.entries }

// Strays returns the names that are no constants of this detector and type,
// sorted. The slice belongs to the index and must not be changed.
func (x *Index) Strays() []Rejected { return x.strays }

// At returns the file that is valid at the stamp: the one with the greatest stamp
// that is not after it, and of several with that stamp the greatest name. It
// returns false if there is none. It does not allocate.
func (x *Index) At(stamp Stamp) (Entry, bool) {
	i := x.Valid(stamp)
	if i == 0 {
		return Entry{}, false
	}
	return x.entries[i-1], true
}

// Valid returns how many entries have a stamp that is not after the given one; the
// last of them is that of At.
func (x *Index) Valid(stamp Stamp) int {
	low, high := 0, len(x.entries)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if x.entries[middle].Stamp <= stamp {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// Rejected returns why each name but the one chosen at the stamp was not taken,
// sorted by name.
func (x *Index) Rejected(stamp Stamp) []Rejected {
	chosen := x.Valid(stamp) - 1
	list := slices.Clone(x.strays)
	for i, entry := range x.entries {
		switch {
		case i == chosen:
		case i > chosen:
			list = append(list, Rejected{entry.Name, TooNew})
		case entry.Stamp == x.entries[chosen].Stamp:
			list = append(list, Rejected{entry.Name, TieLost})
		default:
			list = append(list, Rejected{entry.Name, Superseded})
		}
	}
	slices.SortFunc(list, func(a, b Rejected) int { return strings.Compare(a.Name, b.Name) })
	return list
}
