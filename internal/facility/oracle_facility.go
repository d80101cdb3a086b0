package facility

import (
	"path/filepath"
	"slices"
	"strings"
)

// A Place is a directory of constants.
type Place struct{ Experiment, Source, CType string }

// An Affected is a run that would read other constants.
type Affected struct {
	Place
	Run           int
	Before, After Want
}

// Places returns every directory that a plan is about: each detector of each
// experiment with the calibration types that the repository has for the type.
func (f *Facility) Places(e *Experiment) []Place {
	var list []Place
	for _, source := range e.Sources() {
		if len(f.Seen(Place{e.Name, source, ""})) == 0 {
			continue
		}
		var ctypes []string
		typ := f.firstDetector(e, source).Type
		for _, c := range f.Constants {
			if c.Type == typ && !c.Stray {
				ctypes = append(ctypes, deployedName(c.CType))
			}
		}
		slices.Sort(ctypes)
		for _, ctype := range slices.Compact(ctypes) {
			list = append(list, Place{e.Name, source, ctype})
		}
	}
	return list
}

// Seen returns the known runs that have the detector, ascending, with what they
// want.
func (f *Facility) Seen(p Place) []Seen {
	var list []Seen
	for _, r := range f.Experiment(p.Experiment).Runs {
		if _, found := r.Detector(p.Source); found && r.Known() {
			list = append(list, Seen{r.Number, f.want(f.Constants, r, p.Source, p.CType)})
		}
	}
	return list
}

// Before returns the files of a directory, and whose they are if no transaction put
// them there: ours are those that hold what their newest HISTORY line names, or any
// constants that the detector's panels have.
func (f *Facility) Before(p Place) []Before {
	e := f.Experiment(p.Experiment)
	var ids []Detector
	for _, r := range e.Runs {
		if d, found := r.Detector(p.Source); found && r.Known() && d.ID != "" {
			ids = append(ids, d)
		}
	}
	var list []Before
	for _, d := range e.Deployed {
		if d.Source == p.Source && d.CType == p.CType {
			list = append(list, Before{d.Name, d.Sum(), f.isOurs(d, ids)})
		}
	}
	return list
}

func (f *Facility) isOurs(d *Deployed, ids []Detector) bool {
	for _, c := range f.Constants {
		if c.Broken || c.Sum() != d.Sum() {
			continue
		}
		if d.Recorded == filepath.Join(f.Repository(), c.Path) {
			return true
		}
		for _, id := range ids {
			if c.Type == id.Type && deployedName(c.CType) == d.CType && !c.Stray && f.mayServe(c, id, "99999999999999") {
				return true
			}
		}
	}
	return false
}

// Expect returns what becomes of a directory.
func (f *Facility) Expect(p Place) Expectation {
	return Expect(f.Before(p), f.Seen(p))
}

// A Change is something that might be done to the repository.
type Change struct {
	Add      *Constants // new constants, or others at the path
	Withdraw string     // path below the repository
}

// Affected returns the known runs that would read other constants after the change,
// by working out every run twice.
func (f *Facility) Affected(change Change) []Affected {
	path := change.Withdraw
	if change.Add != nil {
		path = change.Add.Path
	}
	after := slices.DeleteFunc(slices.Clone(f.Constants), func(c *Constants) bool { return c.Path == path })
	if change.Add != nil {
		after = append(after, change.Add)
	}
	typ, _, _ := strings.Cut(path, string(filepath.Separator))
	var list []Affected
	for _, e := range f.Experiments {
		for _, source := range e.Sources() {
			if f.firstDetector(e, source).Type != typ {
				continue
			}
			for _, ctype := range deployedCTypes(typ) {
				for _, r := range e.Runs {
					if _, found := r.Detector(source); !found || !r.Known() {
						continue
					}
					was, is := f.want(f.Constants, r, source, ctype), f.want(after, r, source, ctype)
					if was != is {
						list = append(list, Affected{Place{e.Name, source, ctype}, r.Number, was, is})
					}
				}
			}
		}
	}
	return list
}
