package resolve

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"deployconstants/repo"
)

// A tree is a detector type, ready for decisions.
type tree struct {
	typ     repo.DetType
	dir     string // path of the repository
	listing *listing
	broken  *File // chosen for every detector, since nothing can be known

	panels   map[string]*panel // by id, of all ids that have a record or a directory
	places   map[place]*panel  // for ids that have neither, see tree.panel
	defaults map[string][2]*File
	ctypes   []string // deployed names, sorted
	twins    map[string][]string
	problems []Problem

	defaultsBroken *File
}

// A place is a directory of a detector with the alias that its files must carry.
type place struct{ dir, alias string }

// A panel is a detector.
type panel struct {
	broken *File
	racks  map[string]*rack // by deployed ctype
}

// A rack is what is deployed as one ctype: a shelf for its documented short name,
// and one for psana's.
type rack [2]shelf

// A shelf is a directory of constants.
type shelf struct {
	index  *repo.Index
	files  []*File // as the entries of index
	broken *File
}

// shortAndLong returns the names in the repository of what is deployed as ctype,
// in the order of preference.
func shortAndLong(deployed string) (names []repo.CType) {
	for _, c := range repo.StoredCTypes() {
		if string(c.Deployed()) == deployed {
			names = append(names, c)
		}
	}
	return names
}

// slot tells the short name from the long one.
func slot(c repo.CType) int {
	if c.Deployed() != c || len(shortAndLong(string(c))) == 1 {
		return 0
	}
	return 1
}

// newTree makes a tree of a listing. The listing is not changed and may be shared.
func newTree(dir string, l *listing) *tree {
	t := &tree{
		typ: l.typ, dir: dir, listing: l,
		panels: map[string]*panel{}, places: map[place]*panel{},
		defaults: map[string][2]*File{}, twins: map[string][]string{},
	}
	if l.err != "" {
		t.broken = t.brokenFile(l.typ.Name, l.err)
		return t
	}
	if l.defaultsErr != "" {
		t.defaultsBroken = t.brokenFile(l.typ.DefaultDir(), l.defaultsErr)
	}
	t.addDefaults()
	ids := map[string]bool{}
	for _, id := range l.aliases.IDs() {
		ids[id] = true
	}
	for dir := range l.dirs {
		ids[dir] = true
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		t.addPanel(id)
	}
	t.collectCTypes()
	return t
}

// brokenFile stands for what is not known.
func (t *tree) brokenFile(name, err string) *File {
	return &File{Path: t.dir + "/" + name, Type: t.typ.Name, Kind: repo.Specific, Err: err}
}

func (t *tree) file(dir string, i item) *File {
	f := &File{
		Path: t.dir + "/" + dir + "/" + i.name, Type: t.typ.Name, Name: i.name,
		Stat: i.stat, Err: i.err, Hypothetical: i.hypothetical, Content: i.content, Unlike: i.unlike,
	}
	f.Err = cmp.Or(f.Err, Unsafe(f.Path))
	return f
}

// Unsafe returns why a file is not deployed for its name or path alone; "": it may be.
func Unsafe(name string) string {
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return "control characters, or bytes that are no UTF-8, in its name"
	}
	return ""
}

// addDefaults takes the defaults. As for the single command a link that leads
// nowhere is none.
func (t *tree) addDefaults() {
	for _, i := range t.listing.defaults {
		f := t.file(t.typ.DefaultDir(), i)
		ctype, isDefault := t.typ.DefaultCType(i.name)
		switch {
		case !isDefault:
			t.problem(f.Path, "not the name of a default")
			continue
		case i.err != "":
			t.problem(f.Path, i.err)
		}
		if !slices.Contains(repo.CTypes(), ctype) || i.err == dangling {
			continue
		}
		f.Kind, f.CType = repo.Default, ctype
		pair := t.defaults[string(ctype.Deployed())]
		pair[slot(ctype)] = f
		t.defaults[string(ctype.Deployed())] = pair
	}
}

func (t *tree) problem(path, message string) {
	t.problems = append(t.problems, Problem{printable(path), message})
}

func (t *tree) repoPanel(p Key) repo.Panel {
	return repo.Panel{Type: t.typ, ID: p.ID, IsName: p.IsName}
}

// addPanel takes what the listing has for an id.
func (t *tree) addPanel(id string) {
	alias, dir, found, err := t.listing.aliases.Find(repo.Panel{Type: t.typ, ID: id})
	if err != nil {
		broken := t.brokenFile(t.typ.Name, reason(err))
		t.problem(broken.Path, broken.Err)
		t.panels[id] = &panel{broken: broken}
		return
	}
	if !found {
		return
	}
	added := t.panelIn(id, place{dir, alias})
	t.panels[id] = added
	if hardware, known := t.typ.WithoutFirmware(id); known {
		t.twins[hardware] = append(t.twins[hardware], id)
	}
	if at := (place{dir, alias}); t.places[at] == nil {
		t.places[at] = added
	}
}

// panelIn makes a panel of the directory at a place.
func (t *tree) panelIn(id string, at place) *panel {
	if known := t.places[at]; known != nil {
		return known
	}
	made := &panel{racks: map[string]*rack{}}
	dir := t.listing.dirs[at.dir]
	if dir == nil {
		return made
	}
	name := t.typ.Name + "/" + at.dir
	if dir.err != "" {
		made.broken = t.brokenFile(name, dir.err)
		t.problem(made.broken.Path, dir.err)
		return made
	}
	for _, ctype := range slices.Sorted(maps.Keys(dir.ctypes)) {
		c := repo.CType(ctype)
		if !slices.Contains(repo.StoredCTypes(), c) { // it is merged, see package merge
			continue
		}
		deployed := string(c.Deployed())
		if made.racks[deployed] == nil {
			made.racks[deployed] = &rack{}
		}
		made.racks[deployed][slot(c)] = t.shelf(id, name+"/"+ctype, at.alias, c, dir.ctypes[ctype])
	}
	return made
}

// shelf sorts a directory of constants.
func (t *tree) shelf(id, dir, alias string, c repo.CType, l *ctypeListing) shelf {
	s := shelf{}
	if l.err != "" {
		s.broken = t.brokenFile(dir, l.err)
		t.problem(s.broken.Path, l.err)
		return s
	}
	names := make([]string, len(l.items))
	for i, item := range l.items {
		names[i] = item.name
	}
	s.index = repo.NewIndex(names, t.typ, alias, c)
	s.files = make([]*File, 0, len(names))
	for _, entry := range s.index.Entries() {
		i, _ := slices.BinarySearchFunc(l.items, entry.Name, func(i item, name string) int { return cmp.Compare(i.name, name) })
		f := t.file(dir, l.items[i])
		f.ID, f.CType, f.Stamp, f.Kind = id, c, entry.Stamp, repo.Specific
		if f.Err != "" {
			t.problem(f.Path, f.Err)
		}
		s.files = append(s.files, f)
	}
	for _, stray := range s.index.Strays() {
		t.problem(t.dir+"/"+dir+"/"+stray.Name, stray.Reason.String())
	}
	return s
}

// panel finds a detector: nil if it has no constants of its own, and broken if that
// cannot be told.
func (t *tree) panel(p Key) (found *panel, broken *File) {
	if t.broken != nil {
		return nil, t.broken
	}
	found = t.panels[p.ID]
	if found == nil { // an id without record and directory may still be known by its first panel
		alias, dir, known, err := t.listing.aliases.Find(t.repoPanel(p))
		if err != nil {
			return nil, t.brokenFile(t.typ.Name, reason(err))
		}
		if !known {
			return nil, nil
		}
		if found = t.places[place{dir, alias}]; found == nil {
			return nil, nil
		}
	}
	return found, found.broken
}

// collectCTypes finds the deployed names that there is anything for.
func (t *tree) collectCTypes() {
	names := map[string]bool{}
	for ctype := range t.defaults {
		names[ctype] = true
	}
	for _, p := range t.panels {
		for ctype, r := range p.racks {
			if r.filled() || r[0].broken != nil || r[1].broken != nil {
				names[ctype] = true
			}
		}
	}
	t.ctypes = slices.Sorted(maps.Keys(names))
}

func (r *rack) shelves() []shelf {
	if r == nil {
		return nil
	}
	return r[:]
}

// filled reports whether there are specific constants.
func (r *rack) filled() bool { return r != nil && len(r[0].files)+len(r[1].files) > 0 }

// at chooses by the uniting rule of the package documentation.
func (r *rack) at(stamp repo.Stamp) (Choice, bool) {
	if r == nil {
		return Choice{}, false
	}
	for i := range r {
		if broken := r[i].broken; broken != nil {
			return Choice{Kind: broken.Kind, File: broken}, true
		}
	}
	chosen, other := r[0].at(stamp), r[1].at(stamp)
	if chosen == nil || other != nil && other.Stamp > chosen.Stamp {
		chosen, other = other, chosen
	}
	return Choice{Kind: repo.Specific, File: chosen, Other: other}, chosen != nil
}

func (s *shelf) at(stamp repo.Stamp) *File {
	if s.index == nil {
		return nil
	}
	if n := s.index.Valid(stamp); n > 0 {
		return s.files[n-1]
	}
	return nil
}

// defaultOf chooses among the defaults.
func (t *tree) defaultOf(ctype string) Choice {
	if t.defaultsBroken != nil {
		return Choice{Kind: t.defaultsBroken.Kind, File: t.defaultsBroken}
	}
	pair := t.defaults[ctype]
	chosen, other := pair[0], pair[1]
	if chosen == nil {
		chosen, other = other, nil
	}
	if chosen == nil {
		return Choice{Kind: repo.None}
	}
	return Choice{Kind: repo.Default, File: chosen, Other: other}
}

func compareProblems(a, b Problem) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message))
}
