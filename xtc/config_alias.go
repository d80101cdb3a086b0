package xtc

// AliasConfig gives names to sources: Alias.ConfigV1.
type AliasConfig struct {
	Aliases []Alias // in file order; neither names nor sources need be unique
}

// Alias is one name of a source.
type Alias struct {
	Src  Src
	Name string // up to 31 bytes
}

// Part of the wire format, do not change.
const (
	aliasHead = 4
	aliasSize = 40
	aliasName = 8  // bytes into an entry
	aliasText = 31 // bytes
)

// maxEntries bounds the lists of alias and partition objects; real ones have some
// tens of entries.
const maxEntries = 1 << 14

func decodeAlias(o object) (Config, error) {
	b, err := o.head(aliasHead, aliasHead)
	if err != nil {
		return nil, err
	}
	c := &AliasConfig{}
	c.Aliases, err = readList(o, aliasHead, b.u32(0), aliasSize, func(r record) Alias {
		return Alias{Src: r.src(0), Name: r.text(aliasName, aliasText)}
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// readList reads a list of count entries of size bytes each, which begins off bytes
// into the payload.
func readList[T any](o object, off int64, count uint32, size int, parse func(record) T) ([]T, error) {
	if count > maxEntries {
		return nil, o.fail(0, "number of entries", count)
	}
	if err := o.need(uint64(off) + arrayBytes(uint64(size), count)); err != nil {
		return nil, err
	}
	list := make([]T, count)
	for i := range list {
		b, err := o.src.at(o.off+off+int64(i*size), size)
		if err != nil {
			return nil, err
		}
		list[i] = parse(b)
	}
	return list, nil
}

// Class returns "Alias.ConfigV1".
func (c *AliasConfig) Class() string { return "Alias.ConfigV1" }

// Shape returns nil.
func (c *AliasConfig) Shape() []int { return nil }

// Fields returns the one list.
func (c *AliasConfig) Fields() Fields {
	list := make([]Fields, len(c.Aliases))
	for i, a := range c.Aliases {
		list[i] = Fields{{"alias", a.Name}, {"log", hexWord(a.Src.Log)}, {"phy", hexWord(a.Src.Phy)}, {"name", a.Src.String()}}
	}
	return Fields{{"aliases", list}}
}
