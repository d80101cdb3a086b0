package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"deployconstants/xtc"
)

// A Store is psana's configStore: the configuration objects of a run by source and
// class, and the aliases of the sources. It does not change once ReadRun has
// returned it and may be used by several goroutines.
type Store struct {
	objects []object // in psana's order
	aliases aliasMap
	taken   int // objects and entries of their lists so far, those replaced since included
}

// newStore returns an empty store with room for the objects of a small run.
func newStore() *Store { return &Store{objects: make([]object, 0, 8)} }

// An object is one configuration object of a store.
type object struct {
	src    xtc.Src
	class  string     // "Epix.Config100aV2"
	config xtc.Config // nil where it is not decoded
	err    error      // why it could not be decoded, a *xtc.FormatError
}

// A Key names one object of a store.
type Key struct {
	Class string // as psana's C++ has it, "Psana::Epix::Config100aV2"
	Alias string // of the source, empty where it has none
	Src   xtc.Src
}

// Keys returns the keys of the store in psana's order: by level, by phy as a
// signed number, and by the name of the class as the C++ compiler mangles it.
func (s *Store) Keys() []Key {
	keys := make([]Key, len(s.objects))
	for i, o := range s.objects {
		keys[i] = Key{Class: xtc.PsanaClass(o.class), Alias: s.aliases.of(o.src), Src: o.src}
	}
	return keys
}

// maxTaken bounds what damaged files can make a store take. A real run has some tens
// of objects and aliases.
const maxTaken = 1 << 15

// add takes an object. The store must be settled before it is used. The error is
// xtc.ErrNodes.
func (s *Store) add(o object) error {
	s.taken++
	switch config := o.config.(type) {
	case *xtc.AliasConfig:
		s.taken += len(config.Aliases)
		s.aliases.add(config.Aliases)
	case *xtc.PartitionConfig:
		s.taken += len(config.Sources)
	}
	if s.taken > maxTaken {
		return fmt.Errorf("configuration objects of the run: %w", xtc.ErrNodes)
	}
	s.objects = append(s.objects, o)
	return nil
}

// settle brings the objects into psana's order; of two with one key the last added
// stays.
func (s *Store) settle() {
	slices.Reverse(s.objects)
	slices.SortStableFunc(s.objects, compareObjects)
	s.objects = slices.CompactFunc(s.objects, func(a, b object) bool { return compareObjects(a, b) == 0 })
}

// clone returns a store that can be added to without changing s.
func (s *Store) clone() *Store {
	return &Store{objects: slices.Clone(s.objects), aliases: s.aliases.clone(), taken: s.taken}
}

func compareObjects(a, b object) int {
	return cmp.Or(a.src.Compare(b.src), compareClasses(a.class, b.class))
}

// compareClasses orders classes as C++ orders their types: by the mangled name,
// in which each part of the name follows its length in decimal digits.
func compareClasses(a, b string) int {
	for a != b {
		partA, restA, _ := strings.Cut(a, ".")
		partB, restB, _ := strings.Cut(b, ".")
		if partA != partB {
			return cmp.Or(strings.Compare(strconv.Itoa(len(partA)), strconv.Itoa(len(partB))), strings.Compare(partA, partB))
		}
		a, b = restA, restB
	}
	return 0
}
