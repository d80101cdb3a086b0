package dataset

import (
	"maps"

	"deployconstants/xtc"
)

// An aliasMap holds the names that the data acquisition gave to sources. The first
// definition of an alias and the first alias of a source count. An alias may name
// a source that has no configuration.
type aliasMap struct {
	sources map[string]xtc.Src
	names   map[place]string
}

// A place is what identifies a source; the process id does not.
type place struct {
	level xtc.Level
	phy   uint32
}

func placeOf(src xtc.Src) place { return place{src.Level(), src.Phy} }

func (m *aliasMap) add(aliases []xtc.Alias) {
	if m.sources == nil {
		m.sources = make(map[string]xtc.Src, len(aliases))
		m.names = make(map[place]string, len(aliases))
	}
	for _, alias := range aliases {
		if _, taken := m.sources[alias.Name]; !taken {
			m.sources[alias.Name] = alias.Src
		}
		if _, named := m.names[placeOf(alias.Src)]; !named {
			m.names[placeOf(alias.Src)] = alias.Name
		}
	}
}

// of returns the alias of a source, empty where it has none.
func (m *aliasMap) of(src xtc.Src) string { return m.names[placeOf(src)] }

// source returns the source that an alias names. Case and blanks count.
func (m *aliasMap) source(alias string) (xtc.Src, bool) {
	src, ok := m.sources[alias]
	return src, ok
}

func (m *aliasMap) clone() aliasMap {
	return aliasMap{sources: maps.Clone(m.sources), names: maps.Clone(m.names)}
}
