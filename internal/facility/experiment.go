package facility

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// dstNights are evenings before summer time begins or ends.
var dstNights = []time.Time{
	time.Date(2016, 11, 6, 3, 0, 0, 0, time.UTC), time.Date(2017, 3, 12, 5, 0, 0, 0, time.UTC), time.Date(2015, 11, 1, 4, 0, 0, 0, time.UTC),
}

func (f *Facility) newExperiment(i int) *Experiment {
	site := instruments[i%len(instruments)]
	e := &Experiment{Instrument: site.name, Name: fmt.Sprintf("%sc%04d", strings.ToLower(site.name), i), hasSmall: i%3 == 0}
	e.Prefix = e.Name
	if i%2 == 0 {
		e.Number = 600 + i
		e.Prefix = fmt.Sprintf("e%d", e.Number)
	}
	e.Dir = filepath.Join(f.Roots()[0], site.name, e.Name)
	if i%4 == 3 {
		e.Dir = filepath.Join(f.Roots()[1], strings.ToLower(site.name), e.Name)
	}
	e.Frozen = i%17 == 5
	e.Unwritable = i%23 == 7
	e.Unreadable = i%29 == 11 && !f.Options.Light
	epix := f.panelsOf("epix100a")
	epix = epix[:len(epix)-1]
	e.detectors = append(e.detectors, &detector{source: site.place + ":Epix100a.1", alias: "epix_1", panel: pick(f, epix)})
	switch i % 3 {
	case 0:
		e.detectors = append(e.detectors, &detector{source: site.place + ":Jungfrau.0", alias: "jungfrau1M", panel: pick(f, f.panelsOf("jungfrau")), absent: 0.2})
	case 1:
		source := site.place + ":Cspad.0"
		e.detectors = append(e.detectors, &detector{source: source, panel: f.named("cspad", "Cspad", "", source)})
	}
	if i%2 == 1 {
		source := site.place + ":Opal1000.0"
		e.detectors = append(e.detectors, &detector{source: source, alias: "opal_0", panel: f.named("opal1000", "Opal1000", "", source), absent: 0.1})
	}
	return e
}

func (f *Facility) makeExperiment(i int, e *Experiment) error {
	for _, dir := range []string{filepath.Join(e.XTC(), "smalldata"), e.Calib()} {
		if err := os.MkdirAll(dir, 0o775); err != nil {
			return err
		}
	}
	begin := time.Date(2013, 6, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, f.random.IntN(365*4)).Add(time.Duration(f.random.IntN(86400)) * time.Second)
	step := 30 + f.random.IntN(40*60)
	switch {
	case i%6 == 1:
		begin, step = pick(f, dstNights), max(1, 8*60/f.Options.Runs)
	case i%6 == 4:
		begin = time.Date(2012, 12, 1, 0, 0, 0, 0, time.UTC)
		step = 20 * 24 * 60 // two years and more
	}
	number := 1 + f.random.IntN(20)
	if i%11 == 3 {
		number = 9999 - f.Options.Runs/2
	}
	for k := range f.Options.Runs {
		begin = begin.Add(time.Duration(1+f.random.IntN(2*step)) * time.Minute)
		if k > 0 && f.chance(0.08) {
			f.swap(e)
		}
		run := &Run{Number: number, BeginRun: begin.UnixNano() + int64(f.random.IntN(999_000_000))}
		if err := f.makeRun(e, run, f.randomState(i, k)); err != nil {
			return err
		}
		number += 1 + f.random.IntN(2)*f.random.IntN(3)
	}
	if n := len(e.Runs); i%5 == 2 && n > 3 { // two runs change places in time
		a, b := e.Runs[n/2], e.Runs[n/2+1]
		a.BeginRun, b.BeginRun = b.BeginRun, a.BeginRun
		for _, run := range []*Run{a, b} {
			if err := f.writeRun(e, run); err != nil {
				return err
			}
		}
	}
	if err := f.makeCalib(e); err != nil {
		return err
	}
	if e.Unwritable {
		if err := os.Chmod(e.Calib(), 0o555); err != nil {
			return err
		}
	}
	if e.Unreadable {
		return os.Chmod(e.XTC(), 0)
	}
	return nil
}

func (f *Facility) randomState(experiment, run int) State {
	p := f.random.Float64()
	switch {
	case f.Options.Light || p > 0.06:
		return Whole
	case p > 0.04:
		return OnlySmall
	case p > 0.03:
		return Empty
	case p > 0.02:
		return Torn
	case p > 0.01:
		return Damaged
	default:
		return InProgress
	}
}

// swap puts another panel of its type in the place of a detector that has ids.
func (f *Facility) swap(e *Experiment) {
	place := pick(f, e.detectors)
	if place.panel.isName {
		place = e.detectors[0]
	}
	list := f.panelsOf(place.panel.typ)
	if place.panel.typ == "epix100a" {
		list = list[:len(list)-1]
	}
	for _, twin := range list { // the firmware was updated
		if twin != place.panel && f.chance(0.6) && sameButFirmware(twin.id, place.panel.id) {
			place.panel = twin
			return
		}
	}
	place.panel = pick(f, list)
}

func sameButFirmware(a, b string) bool {
	_, restA, _ := strings.Cut(a, "-")
	_, restB, _ := strings.Cut(b, "-")
	return restA == restB && !strings.Contains(a, "_")
}

// makeRun adds a run of that state with the detectors that are there now.
func (f *Facility) makeRun(e *Experiment, r *Run, state State) error {
	r.State, r.Was = state, state
	for _, d := range e.detectors {
		if !f.chance(d.absent) {
			seen := Detector{d.source, d.panel.typ, d.panel.id, d.panel.isName}
			if f.Options.Light && f.chance(0.04) {
				seen.ID, seen.IDIsName = "", false
			}
			r.Detectors = append(r.Detectors, seen)
		}
	}
	e.Runs = append(e.Runs, r)
	slices.SortFunc(e.Runs, func(a, b *Run) int { return a.Number - b.Number })
	return f.writeRun(e, r)
}

// writeRun writes the files of a run anew.
func (f *Facility) writeRun(e *Experiment, r *Run) error {
	for _, path := range r.Files {
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	r.Files = nil
	dgrams, err := f.dgrams(e, r)
	if err != nil {
		return err
	}
	for stream := range f.Options.Streams {
		name := fmt.Sprintf("%s-r%04d-s%02d-c00", e.Prefix, r.Number, stream)
		if r.State != OnlySmall {
			if err := f.write(r, filepath.Join(e.XTC(), name+".xtc"), dgrams); err != nil {
				return err
			}
		}
		if r.State == OnlySmall || r.State == Whole && !f.Options.Light && e.hasSmall {
			if err := f.write(r, filepath.Join(e.XTC(), "smalldata", name+".smd.xtc"), dgrams); err != nil {
				return err
			}
		}
	}
	return nil
}

// write writes one file of the run as its state has it, with the time of the run. All
// files of a run have the same bytes: unless they are to be separate, they are links
// of one, which takes a fraction of the time and of the disk.
func (f *Facility) write(r *Run, path string, dgrams []xtctest.Dgram) error {
	if r.State == InProgress {
		path += ".inprogress"
	}
	if len(r.Files) > 0 && !f.Options.Separate {
		err := os.Link(r.Files[0], path)
		r.Files = append(r.Files, path)
		return err
	}
	var err error
	switch r.State {
	case Empty:
		err = os.WriteFile(path, nil, 0o444)
	case Torn:
		err = os.WriteFile(path, xtctest.Encode(dgrams[0])[:200], 0o444)
	case Damaged:
		err = os.WriteFile(path, bytes.Repeat([]byte("no datagram "), 50), 0o444)
	case InProgress:
		err = os.WriteFile(path, xtctest.Encode(dgrams[:1]...), 0o664)
	default:
		err = xtctest.WriteFile(path, dgrams)
	}
	if err != nil {
		return err
	}
	r.Files = append(r.Files, path)
	written := time.Unix(0, r.BeginRun).Add(10 * time.Minute)
	return os.Chtimes(path, written, written)
}

// dgrams are the transitions of a run, the same in each of its streams.
func (f *Facility) dgrams(e *Experiment, r *Run) (dgrams []xtctest.Dgram, err error) {
	run := xtctest.Run{Experiment: e.Name, Number: r.Number, BeginRun: clock(r.BeginRun)}
	for _, d := range r.Detectors {
		var p *panel
		for _, known := range f.panels {
			if known.typ == d.Type && known.id == d.ID {
				p = known
			}
		}
		if p == nil { // without id: the configuration object is missing
			continue
		}
		if p.config == nil {
			if _, p.config, err = xtctest.DetectorConfig(p.class, p.fields); err != nil {
				return nil, err
			}
		}
		added := xtctest.Detector{Source: d.Source, Config: p.config}
		switch p.typ {
		case "epix100a":
			added.Contains = xtc.NewTypeID(xtc.TypeEpix100aConfig, 2)
		case "jungfrau":
			added.Contains = xtc.NewTypeID(xtc.TypeJungfrauConfig, 3)
		case "cspad":
			added.Contains = xtc.NewTypeID(xtc.TypeCspadConfig, 5)
		default:
			added.Contains = xtc.NewTypeID(xtc.TypeOpal1kConfig, 1)
		}
		for _, place := range e.detectors {
			if place.source == d.Source {
				added.Alias = place.alias
			}
		}
		run.Detectors = append(run.Detectors, added)
	}
	return run.Dgrams(0)[:4], nil // to Enable: nobody reads on
}

func clock(ns int64) xtc.Clock {
	return xtc.Clock{Sec: uint32(ns / 1e9), Nsec: uint32(ns % 1e9)}
}
