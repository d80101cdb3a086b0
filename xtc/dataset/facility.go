package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FacilityOptions restrict what Facility lists. The zero value lists everything.
type FacilityOptions struct {
	// Match tells which experiments are wanted. Nil: all.
	Match func(instrument, name string) bool
}

// A Place is where an experiment is on disk, or a directory that could not be
// looked into.
type Place struct {
	Experiment Experiment // without a name where Err is about a whole instrument
	Root       string     // absolute
	Dir        string     // of the XTC files; where HasData is false, where they would be
	CalibDir   string     // of the deployed constants, beside Dir; it need not exist

	HasData bool  // Dir exists
	Err     error // why nothing can be said of it; it names the path
}

// Facility lists the experiments on disk below the data roots, sorted by name, each
// once:
//
//	<root>/<INSTR>/<experiment>/xtc    instrument in upper or lower case
//	<root>/<experiment>/xtc            without instruments
//
// An experiment is named as Experiments.Lookup takes it, or by its number in the
// table; its instrument is that of the table, else the first three letters of its
// name, and must be that of the directory. Hidden and all other names are left out.
// Directories may be symbolic links. Where an experiment is in several places, one
// that has data comes before one that cannot be looked into, then the first root
// counts, then the path that Locate takes.
//
// Only directories of the first two levels are read; of an experiment it is looked
// up whether it has data. The error joins ErrNoRoot and ErrEmptyRoot of all roots
// that have no experiments, or is that of ctx; the places of the other roots come
// beside it.
func (c Catalog) Facility(ctx context.Context, o FacilityOptions) ([]Place, error) {
	l := lister{match: o.Match, byName: map[string]Experiment{}, byNumber: map[int]Experiment{}, instruments: map[string]bool{}}
	table := c.Experiments
	if table == nil {
		table = Builtin()
	}
	l.table = table
	for _, row := range table.rows { // first number, last name: as Lookup has it
		l.byName[row.Name] = row
		if _, known := l.byNumber[row.Number]; !known {
			l.byNumber[row.Number] = row
		}
		l.instruments[strings.ToUpper(row.Instrument)] = true
	}
	var failed []error
	for i, root := range c.roots() {
		root, err := filepath.Abs(root)
		if err == nil {
			err = l.root(ctx, i, root)
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if err != nil {
			failed = append(failed, err)
		}
	}
	return l.places(), errors.Join(failed...)
}

// A lister collects the places of a facility.
type lister struct {
	table       *Experiments
	match       func(instrument, name string) bool
	byName      map[string]Experiment
	byNumber    map[int]Experiment
	instruments map[string]bool // of the table, in upper case
	found       []candidate
}

// A candidate is one place of an experiment.
type candidate struct {
	Place
	root    int
	psana   bool // the path that Locate takes
	link    bool // a symbolic link leads to the experiment
	dev     uint64
	ino     uint64 // of Dir
	numbers bool   // named by number
}

// root lists one data root.
func (l *lister) root(ctx context.Context, number int, root string) error {
	dir, err := openDirectory(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s; is it mounted?", ErrNoRoot, root)
	case errors.Is(err, unix.ENOTDIR):
		return fmt.Errorf("%w: %s is not a directory", ErrNoRoot, root)
	case err != nil:
		return fmt.Errorf("list data root: %w", err)
	}
	defer dir.Close()
	entries, err := dir.entries(visible)
	if err != nil {
		return fmt.Errorf("list data root: %w", err)
	}
	some := false
	for _, entry := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch {
		case !entry.mayBeDirectory():
		case l.isInstrument(entry.name):
			some = l.instrument(dir, number, root, entry.name) || some
		default:
			some = l.experiment(dir, number, root, "", entry) || some
		}
	}
	if !some {
		return fmt.Errorf("%w: %s; is it mounted?", ErrEmptyRoot, root)
	}
	return nil
}

func visible(name []byte) bool { return name[0] != '.' }

// mayBeDirectory reports whether the entry is a directory or may lead to one.
func (e dirent) mayBeDirectory() bool {
	return e.kind == unix.DT_DIR || e.kind == unix.DT_LNK || e.kind == unix.DT_UNKNOWN
}

// isInstrument reports whether a directory of that name holds experiments: it has
// three letters or digits, or is in the table.
func (l *lister) isInstrument(name string) bool {
	if l.instruments[strings.ToUpper(name)] {
		return true
	}
	return len(name) == 3 && isName(name) && strings.Trim(name, "0123456789") != ""
}

// instrument lists the experiments of one instrument. It reports whether there is
// such a directory.
func (l *lister) instrument(root *directory, number int, rootPath, name string) bool {
	path := filepath.Join(rootPath, name)
	failed := func(err error) bool {
		l.found = append(l.found, candidate{root: number, Place: Place{
			Experiment: Experiment{Instrument: strings.ToUpper(name)}, Root: rootPath, Dir: path, Err: err,
		}})
		return true
	}
	dir, err := openDirectoryAt(root.fd, name, path)
	if errors.Is(err, unix.ENOTDIR) {
		return false
	}
	if err != nil {
		return failed(fmt.Errorf("list instrument: %w", err))
	}
	defer dir.Close()
	entries, err := dir.entries(visible)
	if err != nil {
		return failed(fmt.Errorf("list instrument: %w", err))
	}
	for _, entry := range entries {
		if entry.mayBeDirectory() {
			l.experiment(dir, number, rootPath, name, entry)
		}
	}
	return true
}

// experiment takes the entry if it is an experiment, and reports whether it is one.
func (l *lister) experiment(dir *directory, number int, root, instrument string, entry dirent) bool {
	exp, sure := l.experimentOf(entry.name, instrument)
	if exp.Name == "" {
		return false
	}
	path := filepath.Join(dir.path, entry.name)
	c := candidate{
		Place: Place{Experiment: exp, Root: root, Dir: filepath.Join(path, "xtc"), CalibDir: filepath.Join(path, "calib")},
		root:  number, link: entry.kind == unix.DT_LNK, numbers: entry.name != exp.Name,
	}
	c.psana = path == filepath.Join(root, l.spelling(exp), exp.Name)
	var st unix.Stat_t
	switch err := dir.stat(entry.name+"/xtc", &st); {
	case err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR:
		c.HasData, c.dev, c.ino = true, st.Dev, st.Ino
	case err == nil:
		c.Err = fmt.Errorf("list experiment: %w", &fs.PathError{Op: "open", Path: c.Dir, Err: unix.ENOTDIR})
	case errors.Is(err, unix.ENOTDIR): // a file, or a link to one
		return false
	case !sure: // a directory of something else
		return false
	case !errors.Is(err, fs.ErrNotExist):
		c.Err = fmt.Errorf("list experiment: %w", &fs.PathError{Op: "stat", Path: c.Dir, Err: err})
	case dir.exists(entry.name + "/xtc"):
		c.Err = fmt.Errorf("list experiment: %s is a link that leads nowhere; is its target mounted?", c.Dir)
	case dir.stat(entry.name, &st) != nil:
		c.Err = fmt.Errorf("list experiment: %s is a link that leads nowhere; is its target mounted?", path)
	case st.Mode&unix.S_IFMT != unix.S_IFDIR:
		return false
	}
	if l.match == nil || l.match(exp.Instrument, exp.Name) {
		l.found = append(l.found, c)
	}
	return true
}

// experimentOf returns the experiment that a directory of that name is; without a
// name if none. Where sure is false, it is one only if it has data: the name is
// neither in the table, nor below an instrument, nor like one of a known instrument.
func (l *lister) experimentOf(name, instrument string) (exp Experiment, sure bool) {
	if row, known := l.rowOf(name); known {
		if instrument == "" || strings.EqualFold(instrument, row.Instrument) {
			return row, true
		}
		return Experiment{}, false
	}
	exp, err := l.table.Lookup(name)
	if err != nil || instrument != "" && !strings.EqualFold(instrument, exp.Instrument) {
		return Experiment{}, false
	}
	exp.Instrument = strings.ToUpper(exp.Instrument)
	return exp, instrument != "" || l.instruments[exp.Instrument] && strings.ContainsAny(name, "0123456789")
}

// rowOf returns the row of the table with that name or number.
func (l *lister) rowOf(name string) (Experiment, bool) {
	if row, known := l.byName[name]; known {
		return row, true
	}
	if number, err := strconv.ParseUint(name, 10, 31); err == nil {
		row, known := l.byNumber[int(number)]
		return row, known
	}
	return Experiment{}, false
}

// spelling is the directory of the experiment's instrument as Locate has it.
func (l *lister) spelling(exp Experiment) string {
	if exp.Number == 0 {
		return exp.Name[:instrumentLetters]
	}
	return exp.Instrument
}

// places returns the best place of each experiment, sorted by name; instruments that
// could not be listed come first.
func (l *lister) places() []Place {
	slices.SortFunc(l.found, func(a, b candidate) int {
		return cmp.Or(strings.Compare(a.Experiment.Name, b.Experiment.Name), a.compare(b))
	})
	l.found = slices.CompactFunc(l.found, func(a, b candidate) bool {
		return a.Experiment.Name != "" && a.Experiment.Name == b.Experiment.Name
	})
	own := map[[2]uint64]bool{} // directories that an experiment has without a link
	for _, c := range l.found {
		if c.HasData && !c.link {
			own[[2]uint64{c.dev, c.ino}] = true
		}
	}
	places := make([]Place, 0, len(l.found))
	for _, c := range l.found {
		if c.HasData && c.link && own[[2]uint64{c.dev, c.ino}] {
			continue // another name of an experiment that is listed under its own
		}
		places = append(places, c.Place)
	}
	return places
}

// compare puts the place first that counts.
func (c candidate) compare(d candidate) int {
	return cmp.Or(
		compareBool(!c.HasData, !d.HasData), compareBool(c.Err == nil, d.Err == nil), cmp.Compare(c.root, d.root),
		compareBool(!c.psana, !d.psana), compareBool(c.numbers, d.numbers), compareBool(c.link, d.link),
		strings.Compare(c.Dir, d.Dir),
	)
}
