package repo

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"deployconstants/repo/ndarray"
)

// A StatusShelf is the files of status words that a detector has: those of each of its
// directories with "status_" in the name, but status_merged, of all times, as they were
// listed. It is immutable and safe for concurrent use.
type StatusShelf struct {
	repository *Repository
	panel      Panel
	alias      string
	dir        string // of the detector, below the repository
	dirs       []statusDir
	withdrawn  map[string]bool // paths below the repository
}

type statusDir struct {
	name     string
	names    []string // in the directory
	index    *Index
	infos    map[string]fs.FileInfo // by name in the directory
	supposed string                 // a name that is there only by Suppose
	gone     []string               // names that withdrawn files had
}

// ListStatus lists the status words of a detector. Nothing is opened. Errors are those
// of LookupAlias and Items, and Item.Err of a directory, unless it is a dangling link.
func (r *Repository) ListStatus(p Panel, alias string) (*StatusShelf, error) {
	if err := p.check(); err != nil {
		return nil, err
	}
	if !isAlias([]byte(alias)) {
		return nil, fmt.Errorf("%w: alias %q", ErrBadName, alias)
	}
	dir, err := r.panelDir(p, alias)
	if err != nil {
		return nil, err
	}
	found, err := r.Items(dir)
	if err != nil {
		return nil, err
	}
	s := &StatusShelf{repository: r, panel: p, alias: alias, dir: dir, withdrawn: map[string]bool{}}
	for _, d := range found {
		switch {
		case !isStatusDir(d.Name) || errors.Is(d.Err, fs.ErrNotExist):
		case d.Err != nil: // its words must not be missing in what is merged
			return nil, d.Err
		case d.Info.IsDir():
			if err := s.list(d.Name); err != nil {
				return nil, err
			}
		}
	}
	return s, nil
}

// isStatusDir reports whether the files of a directory are merged as status_extra.
func isStatusDir(name string) bool {
	return strings.Contains(name, "status_") && name != string(StatusMerged)
}

func (s *StatusShelf) list(name string) error {
	items, err := s.repository.Items(s.dir + "/" + name)
	if err != nil {
		return err
	}
	d := statusDir{name: name, infos: map[string]fs.FileInfo{}}
	for _, item := range items {
		d.names = append(d.names, item.Name)
		if item.Err == nil {
			d.infos[item.Name] = item.Info
		}
		if of, withdrawn := CutWithdrawn(item.Name); withdrawn {
			s.withdrawn[s.dir+"/"+name+"/"+of] = true
			d.gone = append(d.gone, of)
		}
	}
	d.index = newIndex(d.names, pattern{s.panel.Type.Name, s.alias, name})
	s.dirs = append(s.dirs, d)
	return nil
}

// Suppose returns the shelf as it would be if a file, named below the repository, were
// there with other content, or were withdrawn, or if the detector's directory were gone.
// It is the same shelf for a file that has no place in it.
func (s *StatusShelf) Suppose(file string, there bool) *StatusShelf {
	if file == s.dir && !there {
		supposed := *s
		supposed.dirs, supposed.withdrawn = nil, nil
		return &supposed
	}
	dir, name := path.Split(file)
	parent, ctype := path.Split(strings.TrimSuffix(dir, "/"))
	if parent != s.dir+"/" || !isStatusDir(ctype) {
		return s
	}
	supposed := *s
	at, found := slices.BinarySearchFunc(s.dirs, ctype, func(d statusDir, name string) int { return strings.Compare(d.name, name) })
	d := statusDir{name: ctype}
	if found {
		d = s.dirs[at]
	}
	d.names = slices.DeleteFunc(slices.Clone(d.names), func(known string) bool { return known == name })
	if there {
		d.names, d.supposed = append(d.names, name), name
	} else {
		supposed.withdrawn = maps.Clone(s.withdrawn)
		supposed.withdrawn[file] = true
		d.gone = append(slices.Clone(d.gone), name)
	}
	d.index = newIndex(d.names, pattern{s.panel.Type.Name, s.alias, ctype})
	supposed.dirs = slices.Clone(s.dirs)
	if found {
		supposed.dirs[at] = d
	} else {
		supposed.dirs = slices.Insert(supposed.dirs, at, d)
	}
	return &supposed
}

// Stamps returns the stamps of all files, sorted: the moments from which on other words
// may be valid.
func (s *StatusShelf) Stamps() []Stamp {
	var stamps []Stamp
	for _, d := range s.dirs {
		for _, entry := range d.index.Entries() {
			stamps = append(stamps, entry.Stamp)
		}
	}
	slices.Sort(stamps)
	return slices.Compact(stamps)
}

// Empty reports whether the detector has no directory of status words.
func (s *StatusShelf) Empty() bool { return len(s.dirs) == 0 }

// AnyWithdrawn reports whether files of the shelf were withdrawn.
func (s *StatusShelf) AnyWithdrawn() bool { return len(s.withdrawn) > 0 }

// Withdrawn reports whether a file of status words was withdrawn, by its path below the
// repository.
func (s *StatusShelf) Withdrawn(file string) bool { return s.withdrawn[file] }

// WithdrawnAt returns a withdrawn file of status words, below the repository, that would
// be valid at the stamp, were it not withdrawn.
func (s *StatusShelf) WithdrawnAt(at Stamp) (file string, is bool) {
	for _, d := range s.dirs {
		if entry, found := newIndex(d.gone, pattern{s.panel.Type.Name, s.alias, d.name}).At(at); found {
			return s.dir + "/" + d.name + "/" + entry.Name, true
		}
	}
	return "", false
}

// A StatusMerge is what becomes of a detector's status words as status_extra, at a
// moment.
type StatusMerge struct {
	Inputs  []StatusInput // that are or-ed, in the order of their directories
	Skipped []string      // paths of directories without a file valid at the moment

	shelf *StatusShelf
}

// A StatusInput is a file that is valid at the moment.
type StatusInput struct {
	Path string      // as the repository gives it
	Info fs.FileInfo // when it was listed, links followed; nil for a link that leads nowhere or out of the repository
	Entry
	Supposed bool // by Suppose

	dir string // name of the directory
}

// At chooses the file of each directory that is valid at the stamp.
func (s *StatusShelf) At(at Stamp) *StatusMerge {
	m := &StatusMerge{shelf: s}
	for _, d := range s.dirs {
		dir := s.repository.path(s.dir + "/" + d.name)
		entry, found := d.index.At(at)
		if !found {
			m.Skipped = append(m.Skipped, dir)
			continue
		}
		m.Inputs = append(m.Inputs, StatusInput{Path: dir + "/" + entry.Name, Info: d.infos[entry.Name], Entry: entry, Supposed: entry.Name == d.supposed, dir: d.name})
	}
	return m
}

// FileName returns the name of the merged words in status_merged: valid from the newest
// file on, with that one's experiment and run. It is "" if there are no inputs.
func (m *StatusMerge) FileName() string {
	if len(m.Inputs) == 0 {
		return ""
	}
	newest := m.Inputs[0]
	for _, input := range m.Inputs[1:] {
		if input.Stamp > newest.Stamp {
			newest = input
		}
	}
	stem, _ := cutExtension(newest.Name)
	return strings.TrimSuffix(stem, newest.dir) + string(StatusMerged) + ".txt"
}

// FileNameFor returns the name of the merged words of one run, valid from the stamp on.
// The error is ErrBadName.
func (m *StatusMerge) FileNameFor(at Stamp, origin Origin) (string, error) {
	if err := checkElement("experiment", origin.Experiment); err != nil {
		return "", err
	}
	if origin.Run < 0 {
		return "", fmt.Errorf("%w: run %d", ErrBadName, origin.Run)
	}
	return Name{m.shelf.panel.Type.Name, m.shelf.alias, at, origin.Experiment, origin.Run, string(StatusMerged)}.String(), nil
}

// Path returns where a merged file belongs.
func (m *StatusMerge) Path(name string) string { return m.shelf.repository.path(m.name(name)) }

func (m *StatusMerge) name(name string) string {
	return m.shelf.dir + "/" + string(StatusMerged) + "/" + name
}

// StatusWords are the words of several files, or-ed.
type StatusWords struct {
	*ndarray.Array // Uint64

	// Digests are those of the files, in their order: of the bytes that were read.
	Digests [][sha256.Size]byte
}

// Read reads the files and ors their words. Numbers with a fraction are cut off, 64
// bits are exact. The error is ErrBadShape if they differ in shape, ndarray.ErrNoData
// if there are none, and that of OpenConstants or ndarray.ReadText if one cannot be
// read.
func (m *StatusMerge) Read() (StatusWords, error) {
	var words StatusWords
	if len(m.Inputs) == 0 {
		return words, fmt.Errorf("%s: %w", m.Path(""), ndarray.ErrNoData)
	}
	for i, input := range m.Inputs {
		more, sum, err := m.shelf.repository.readWords(input.Path)
		if err != nil {
			return words, err
		}
		words.Digests = append(words.Digests, sum)
		if i == 0 {
			words.Array = more
			continue
		}
		if !slices.Equal(words.Shape, more.Shape) {
			return words, fmt.Errorf("%w: %s is %s, but %s is %s", ErrBadShape, input.Path, ndarray.ShapeString(more.Shape),
				m.Inputs[0].Path, ndarray.ShapeString(words.Shape))
		}
		for i, word := range more.Words {
			words.Words[i] |= word
		}
	}
	return words, nil
}

func (r *Repository) readWords(name string) (words *ndarray.Array, sum [sha256.Size]byte, err error) {
	f, err := r.OpenConstants(name)
	if err != nil {
		return nil, sum, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	if words, err = ndarray.ReadText(io.TeeReader(f, hash), ndarray.ReadOptions{DType: ndarray.Uint64}); err != nil {
		return nil, sum, fmt.Errorf("%s: %w", name, err)
	}
	return words, [sha256.Size]byte(hash.Sum(nil)), nil
}

// Holds reports whether a file, by its path, has these words. Errors are those of Read, of that file.
func (m *StatusMerge) Holds(name string, words StatusWords) (bool, error) {
	there, _, err := m.shelf.repository.readWords(name)
	return err == nil && slices.Equal(there.Shape, words.Shape) && slices.Equal(there.Words, words.Words), err
}

// Write writes the words under that name to status_merged, with the header of this
// moment, in place of an earlier file. Errors are those of WriteArray.
func (m *StatusMerge) Write(words StatusWords, name string) error {
	_, err := m.shelf.repository.WriteArray(m.name(name), words.Array, statusFormat)
	return err
}

// Text renders the words for a file of that name, valid from the stamp on, as
// Provenance does.
func (m *StatusMerge) Text(words StatusWords, name string, stamp Stamp) ([]byte, error) {
	p := Provenance{Of: fmt.Sprintf("%d files of status words", len(m.Inputs))}
	for i, input := range m.Inputs {
		p.Parts = append(p.Parts, Part{Path: m.shelf.dir + "/" + input.dir + "/" + input.Name, Sum: words.Digests[i]})
	}
	return p.Text(words.Array, statusFormat, name, stamp)
}

// statusFormat is that of a word, as printf has it.
const statusFormat = "%d"
