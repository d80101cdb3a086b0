package dataset

import (
	"cmp"
	"errors"
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
	origin *origin    // nil where only ids are asked for
}

// An origin is where a configuration object was read.
type origin struct {
	open func(path string) (*xtc.File, error)
	path string
	node xtc.Node
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
	s.taken += 1 + listed(o.config)
	if config, ok := o.config.(*xtc.AliasConfig); ok {
		s.aliases.add(config.Aliases)
	}
	if s.taken > maxTaken {
		return fmt.Errorf("configuration objects of the run: %w", xtc.ErrNodes)
	}
	s.objects = append(s.objects, o)
	return nil
}

// listed returns the number of entries of an object's lists.
func listed(config xtc.Config) int {
	switch config := config.(type) {
	case *xtc.AliasConfig:
		return len(config.Aliases)
	case *xtc.PartitionConfig:
		return len(config.Sources)
	case *xtc.ControlConfig:
		return len(config.Controls) + len(config.Monitors) + len(config.Labels)
	}
	return 0
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

// fresh is a clone for which only what it has counts as taken: a run may bring its
// configuration again in each of thousands of calibration cycles.
func (s *Store) fresh() *Store {
	clone := &Store{objects: make([]object, 0, len(s.objects)), aliases: s.aliases.clone()}
	clone.taken = len(clone.aliases.sources) + len(clone.aliases.names)
	for _, o := range s.objects {
		clone.taken += 1 + listed(o.config)
		clone.objects = append(clone.objects, o)
	}
	return clone
}

// Configs returns the configuration objects of a source that are decoded, in psana's
// order. The process id of the source does not count.
func (s *Store) Configs(src xtc.Src) []xtc.Config {
	var configs []xtc.Config
	for _, o := range s.objects {
		if o.config != nil && o.src.Compare(src) == 0 {
			configs = append(configs, o.config)
		}
	}
	return configs
}

// Control returns what the control level does in the calibration cycle; of several
// objects that of the highest version, and of these the first. ok is false where there
// is none. The stores of Events have it, those of ReadRun do not.
func (s *Store) Control() (control *xtc.ControlConfig, ok bool) {
	for _, o := range s.objects {
		if c, isControl := o.config.(*xtc.ControlConfig); isControl && (control == nil || c.Class() > control.Class()) {
			control = c
		}
	}
	return control, control != nil
}

// Epix10kaPanels reads how the panels of an epix10ka, a quad or a 2M are set, from the
// file that has its configuration object. The stores of Events can do it, those of
// ReadRun give ErrNotInRun, as for any other source. The other errors are those of
// xtc.File.Epix10kaPanels, and of the system.
func (s *Store) Epix10kaPanels(src xtc.Src) (panels []xtc.Epix10kaPanel, err error) {
	for _, o := range s.objects {
		if o.origin == nil || o.src.Compare(src) != 0 || !strings.HasPrefix(o.class, "Epix.Config10ka") {
			continue
		}
		file, err := o.origin.open(o.origin.path)
		if err != nil {
			return nil, err
		}
		panels, err := file.Epix10kaPanels(&o.origin.node)
		if err != nil {
			err = fmt.Errorf("%s: %w", o.origin.path, err)
		}
		return panels, errors.Join(err, file.Close())
	}
	return nil, fmt.Errorf("%w: no epix10ka is %s", ErrNotInRun, src)
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
