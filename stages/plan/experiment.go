package plan

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"deployconstants/jobs/planfile"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// A source is a detector of an experiment.
type source struct {
	name      string
	detType   repo.DetType
	sightings []ledger.Sighting
	stamps    []repo.Stamp // of BeginRun, for each sighting; 0: unknown
}

// experiment plans one experiment.
func (p *planner) experiment(ctx context.Context, name string) (out experimentPlan, err error) {
	e, known := p.index.Experiment(name)
	if !known {
		return out, nil
	}
	base := planfile.Item{Experiment: name, Instrument: visible(e.Instrument())}
	whole := func(action planfile.Action, reason string) (experimentPlan, error) {
		base.Kind, base.Action, base.Reason = planfile.KindExperiment, action, visible(reason)
		return experimentPlan{items: []planfile.Item{base}}, nil
	}
	sources := p.sources(e)
	if len(sources) == 0 {
		return out, nil
	}
	if pattern, frozen := p.frozen(name); frozen {
		return whole(planfile.Blocked, fmt.Sprintf("frozen in the settings (%s)", pattern))
	}
	dir, err := p.CalibDir(e)
	if err != nil {
		return whole(planfile.Error, err.Error())
	}
	if !path.IsAbs(dir) || path.Clean(dir) != dir {
		return whole(planfile.Error, fmt.Sprintf("calib directory %q is not absolute and clean", dir))
	}
	base.CalibDir = dir
	if other, shared := p.shared[name]; shared {
		return whole(planfile.Blocked, fmt.Sprintf("%s is the calib directory of experiment %s, too", dir, other))
	}
	view, err := calibdir.OpenView(dir)
	switch {
	case errors.Is(err, calibdir.ErrNoExperimentDir):
		return whole(planfile.Blocked, err.Error())
	case err != nil:
		return whole(planfile.Error, err.Error())
	}
	defer func() { err = errors.Join(err, view.Close()) }()

	out.items = p.panels(base, sources)
	for _, s := range sources {
		for _, ctype := range p.ctypes(s.detType) {
			d := &directory{
				planner: p, view: view, source: s,
				target:   calibdir.Target{Dir: dir, Group: s.detType.Group, Source: s.name, CType: ctype},
				takeOver: slices.Contains(p.TakeOver, name),
				base:     base,
			}
			items, err := d.plan(ctx)
			if err != nil {
				return experimentPlan{}, err
			}
			out.items = append(out.items, items...)
			out.directories++
			out.decisions += len(s.sightings)
		}
	}
	return out, nil
}

// sources returns the detectors of the experiment that can have constants, sorted
// by name.
func (p *planner) sources(e *ledger.Experiment) []source {
	var sources []source
	stamps := make(map[int64]repo.Stamp)
	for _, name := range e.Sources() {
		detType, err := repo.TypeOfSource(name)
		if err != nil || !detType.Deployable() || (calibdir.Target{Group: detType.Group, Source: name, CType: "x"}).Check() != nil {
			continue
		}
		s := source{name: name, detType: detType, sightings: e.Sightings(name)}
		if !slices.ContainsFunc(s.sightings, func(seen ledger.Sighting) bool { // an alias may have moved: all runs or none
			return p.Filter.MatchSource(name, seen.Alias, detType.Name)
		}) {
			continue
		}
		s.stamps = p.stamps(s.sightings, stamps)
		sources = append(sources, s)
	}
	return sources
}

// stamps renders the times of runs; known keeps them for the next detector.
func (p *planner) stamps(sightings []ledger.Sighting, known map[int64]repo.Stamp) []repo.Stamp {
	stamps := make([]repo.Stamp, len(sightings))
	for i, s := range sightings {
		if s.BeginRun == 0 {
			continue
		}
		stamp, ok := known[s.BeginRun]
		if !ok {
			stamp = repo.StampOf(time.Unix(0, s.BeginRun), p.Zone)
			known[s.BeginRun] = stamp
		}
		stamps[i] = stamp
	}
	return stamps
}

// ctypes returns the deployed names of the calibration types to plan, sorted.
func (p *planner) ctypes(t repo.DetType) []string {
	if len(p.CTypes) > 0 {
		return p.CTypes
	}
	return p.snapshot.CTypes(t.Name)
}

func keyOf(t repo.DetType, s ledger.Sighting) resolve.Key {
	return resolve.Key{Type: t.Name, ID: s.ID, IsName: s.IDIsName}
}

// panels returns an item for each detector that the repository does not know, or of
// which it cannot be told, by type and id.
func (p *planner) panels(base planfile.Item, sources []source) []planfile.Item {
	var items []planfile.Item
	seen := map[resolve.Key]bool{}
	for _, s := range sources {
		for _, sighting := range s.sightings {
			key := keyOf(s.detType, sighting)
			if sighting.ID == "" || seen[key] {
				continue
			}
			seen[key] = true
			broken := p.snapshot.Broken(key)
			if _, known := p.snapshot.Alias(key); known && broken == nil {
				continue
			}
			item := base
			item.Kind, item.Action = planfile.KindPanel, planfile.Register
			item.Source, item.Type, item.ID, item.IDIsName = s.name, s.detType.Name, sighting.ID, sighting.IDIsName
			item.Runs = item.Runs.Add(sighting.Run)
			item.Reason = "the repository does not know this detector"
			switch {
			case broken != nil:
				item.Action, item.ID, item.Reason = planfile.Error, visible(item.ID), visible(broken.Error())
			case visible(item.ID) != item.ID:
				item.Action, item.ID = planfile.Unknown, visible(item.ID)
				item.Reason = "the id cannot be the name of a directory"
			}
			items = append(items, item)
		}
	}
	slices.SortFunc(items, planfile.Compare)
	return slices.CompactFunc(items, func(a, b planfile.Item) bool { return planfile.Compare(a, b) == 0 })
}
