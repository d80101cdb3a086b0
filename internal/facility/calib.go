package facility

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// odd are names that people give, and ranges that hide or end.
var odd = []string{"10-20.data", "0-9999.data", "0-5.data", "3-end.data", "7-12.data", "0-end.data", "20-10.data", "5-9999.data"}

// raising are names on which psana raises.
var raising = []string{"1-x.data", "10-20.data.data", "0-END.data"}

// makeCalib makes the calib directory as years of use left it.
func (f *Facility) makeCalib(e *Experiment) error {
	for _, source := range e.Sources() {
		for _, ctype := range deployedCTypes(f.firstDetector(e, source).Type) {
			if !f.chance(0.5) {
				continue
			}
			if err := f.makeFolder(e, source, ctype); err != nil {
				return err
			}
		}
	}
	return nil
}

// deployedCTypes are the directories that a detector type may have.
func deployedCTypes(typ string) []string {
	switch typ {
	case "epix100a":
		return []string{"common_mode", "geometry", "pixel_gain"}
	case "jungfrau":
		return []string{"common_mode"}
	case "cspad":
		return []string{"common_mode", "geometry"}
	default:
		return []string{"pedestals", "pixel_gain", "pixel_rms", "pixel_status"}
	}
}

func (f *Facility) firstDetector(e *Experiment, source string) Detector {
	for _, r := range e.Runs {
		if d, found := r.Detector(source); found {
			return d
		}
	}
	return Detector{}
}

func (f *Facility) makeFolder(e *Experiment, source, ctype string) error {
	candidates := f.candidatesOf(e, source, ctype)
	for range 1 + f.random.IntN(3) {
		d := &Deployed{Source: source, CType: ctype, Name: "0-end.data", Origin: ByOriginal}
		if f.chance(0.5) {
			d.Name = fmt.Sprintf("%d-end.data", pick(f, e.Runs).Number)
		}
		p := f.random.Float64()
		switch {
		case p < 0.03:
			d.Name, d.Origin = pick(f, raising), Foreign
		case p < 0.12:
			d.Name, d.Origin = pick(f, odd), Foreign
		case p < 0.22:
			d.Origin = Foreign
		case p < 0.3:
			d.Name, d.Origin = pick(f, odd), Renamed
		case p < 0.4:
			d.Origin = Copied
		}
		if f.deployed(e, d) != nil {
			continue
		}
		if err := f.put(e, d, candidates); err != nil {
			return err
		}
		if f.chance(0.03) && strings.HasPrefix(d.Name, "0-end") {
			same := *d // the same runs, written differently
			same.Name, same.Origin, same.Recorded = "00-end.data", Copied, ""
			if err := f.put(e, &same, candidates); err != nil {
				return err
			}
		}
	}
	return nil
}

// candidatesOf are constants that anybody could have deployed for the detector.
func (f *Facility) candidatesOf(e *Experiment, source, ctype string) []*Constants {
	var list []*Constants
	for _, r := range e.Runs {
		d, found := r.Detector(source)
		if !found {
			continue
		}
		for _, c := range f.Constants {
			if c.Type == d.Type && (c.Default || c.ID == d.ID) && deployedName(c.CType) == ctype && !c.Stray && !c.Broken {
				list = append(list, c)
			}
		}
	}
	return list
}

// deployedName is psana's name of a calibration type of the repository.
func deployedName(ctype string) string {
	switch ctype {
	case "gain", "rms", "status":
		return "pixel_" + ctype
	}
	return ctype
}

// put writes a file of that origin into the calib directory and records it.
func (f *Facility) put(e *Experiment, d *Deployed, candidates []*Constants) error {
	if len(candidates) == 0 {
		d.Origin = Foreign
	}
	dir := e.folder(d.Source, d.CType)
	if err := os.MkdirAll(dir, 0o775); err != nil {
		return err
	}
	if d.Origin == Foreign {
		f.serial++
		d.Bytes = fmt.Appendf(nil, "# made by hand, %d\n1 2 3\n", f.serial)
	} else {
		from := pick(f, candidates)
		d.Bytes = from.Bytes
		path := filepath.Join(f.Repository(), from.Path)
		recorded := d.Name
		if d.Origin == Renamed {
			recorded = "137-end.data"
		} else if d.Origin == ByOriginal {
			d.Recorded = path
		}
		if d.Origin != Copied {
			if err := appendHistory(dir, recorded, path, d.CType); err != nil {
				return err
			}
		}
	}
	e.Deployed = append(e.Deployed, d)
	return os.WriteFile(filepath.Join(dir, d.Name), d.Bytes, 0o664)
}

// appendHistory adds a record as the original program does.
func appendHistory(dir, name, source, ctype string) error {
	file, err := os.OpenFile(filepath.Join(dir, "HISTORY"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o664)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "file:%-14s copy_of:%s ctype:%s user:dataman host:psanagpu105 cptime:2018-06-09T12:19:26 cwd:/home/dataman/con py3 cmt:\n", name, source, ctype)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}

// deployed returns the file of that place, nil for none.
func (f *Facility) deployed(e *Experiment, d *Deployed) *Deployed {
	for _, known := range e.Deployed {
		if known.Source == d.Source && known.CType == d.CType && known.Name == d.Name {
			return known
		}
	}
	return nil
}
