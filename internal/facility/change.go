package facility

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// AddRun takes a run after the last one of the experiment, with the detectors that
// are there now.
func (f *Facility) AddRun(experiment string) (*Run, error) {
	e := f.Experiment(experiment)
	last := e.Runs[len(e.Runs)-1]
	begin := time.Unix(0, last.BeginRun).Add(time.Duration(1+f.random.IntN(3000)) * time.Minute)
	r := &Run{Number: last.Number + 1, BeginRun: begin.UnixNano()}
	return r, f.makeRun(e, r, Whole)
}

// SwapPanel puts another panel in the place of one of the experiment's detectors,
// from the next AddRun on.
func (f *Facility) SwapPanel(experiment string) { f.swap(f.Experiment(experiment)) }

// AddConstants saves new constants of some panel that the repository knows.
func (f *Facility) AddConstants() (*Constants, error) {
	c := f.newFor()
	return c, f.save(c)
}

// NewConstants are constants that AddConstants might have saved, for Affected; nothing is
// written.
func (f *Facility) NewConstants() *Constants { return f.newFor() }

func (f *Facility) newFor() *Constants {
	for {
		p := pick(f, f.panels)
		if p.alias == "" {
			continue
		}
		c := f.specific(p, pick(f, ctypesOf(p.typ)), f.randomStamp())
		if f.find(c.Path) == nil {
			return c
		}
	}
}

// ReplaceConstants gives constants of the repository other bytes, keeping the name.
func (f *Facility) ReplaceConstants(c *Constants) (*Constants, error) {
	if c.Link != "" {
		return nil, fmt.Errorf("%s is a link", c.Path)
	}
	changed := *c
	f.serial++
	changed.Bytes = f.content(c.Type, c.CType, f.serial)
	for _, link := range f.Constants { // they read what it holds
		if link.Link == c.Name && filepath.Dir(link.Path) == filepath.Dir(c.Path) {
			link.Bytes = changed.Bytes
		}
	}
	return &changed, f.save(&changed)
}

// HandEdit changes, adds or removes a file in the experiment's calib directory, as a
// person would, and tells what it did.
func (f *Facility) HandEdit(experiment string) (string, error) {
	e := f.Experiment(experiment)
	if len(e.Deployed) > 0 && f.chance(0.6) {
		i := f.random.IntN(len(e.Deployed))
		d := e.Deployed[i]
		if f.chance(0.3) {
			path := e.Path(d)
			e.Deployed = append(e.Deployed[:i], e.Deployed[i+1:]...)
			return "removed " + path, os.Remove(path)
		}
		f.serial++
		d.Bytes, d.Origin = fmt.Appendf(nil, "# edited by hand, %d\n4 5 6\n", f.serial), Foreign
		return "edited " + e.Path(d), os.WriteFile(e.Path(d), d.Bytes, 0o664)
	}
	source := pick(f, e.Sources())
	d := &Deployed{Source: source, CType: pick(f, deployedCTypes(f.firstDetector(e, source).Type)), Name: pick(f, odd), Origin: Foreign}
	if f.deployed(e, d) != nil {
		return "nothing", nil
	}
	return "added " + e.Path(d), f.put(e, d, nil)
}

// RemoveRuns moves the data of the experiment's first n runs that have any to tape;
// smalldata go too.
func (f *Facility) RemoveRuns(experiment string, n int) error {
	for _, r := range f.Experiment(experiment).Runs {
		if n == 0 || r.State == OnTape {
			continue
		}
		for _, path := range r.Files {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		r.Files, r.State, n = nil, OnTape, n-1
	}
	return nil
}
