package plan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"deployconstants/jobs/planfile"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/digest"
	"deployconstants/stages/resolve"
)

// A directory is one directory of constants that is being planned: an experiment,
// a detector and a calibration type.
type directory struct {
	*planner
	view     *calibdir.View
	source   source
	target   calibdir.Target // without range
	takeOver bool            // somebody else's files count as ours
	base     planfile.Item   // what all items of the experiment have

	folder  calibdir.Folder
	choices []resolve.Choice // for each sighting
	wants   []want           // for each sighting

	candidates map[digest.Sum]bool // bytes that make a file ours
	records    []calibdir.HistoryRecord
	historyErr error // why they cannot be read
	recorded   bool  // records were read, or cannot be
}

// plan decides about the directory. The error is that of ctx.
func (d *directory) plan(ctx context.Context) ([]planfile.Item, error) {
	d.base.Group, d.base.Source, d.base.Type, d.base.CType = d.target.Group, d.target.Source, d.source.detType.Name, d.target.CType
	unreadable := d.resolve(ctx)
	if ctx.Err() != nil { // what could not be read in time is not told from what cannot be read
		return nil, context.Cause(ctx)
	}
	if unreadable != nil {
		return d.whole(planfile.Blocked, unreadable), nil
	}
	var err error
	switch d.folder, err = d.view.Folder(d.target); {
	case errors.Is(err, calibdir.ErrLink):
		return d.whole(planfile.Blocked, err), nil
	case err != nil:
		return d.whole(planfile.Error, err), nil
	}
	var files []*file
	for _, entry := range d.folder.Entries {
		if stem, constants := strings.CutSuffix(entry.Name, ".data"); constants && strings.Contains(stem, "-") {
			files = append(files, d.owned(ctx, entry))
		}
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	decision, err := decide(files, d.wants)
	if err != nil {
		return d.whole(planfile.Blocked, err), nil
	}
	if err := d.check(ctx, decision); err != nil {
		return nil, err
	}
	return d.items(decision), nil
}

// whole is the directory where nothing is decided.
func (d *directory) whole(action planfile.Action, err error) []planfile.Item {
	item := d.base
	item.Kind, item.Action, item.Reason = planfile.KindDirectory, action, visible(err.Error())
	for _, w := range d.wants {
		item.Runs = item.Runs.Add(w.run)
	}
	return []planfile.Item{item}
}

// resolve finds what every run should read. The error is that of constants which
// cannot be read now: what the runs need is then not known, and nothing in the
// directory may change.
func (d *directory) resolve(ctx context.Context) (unreadable error) {
	d.choices = make([]resolve.Choice, len(d.source.sightings))
	d.wants = make([]want, len(d.source.sightings))
	for i, s := range d.source.sightings {
		d.wants[i].run = s.Run
	}
	for i, s := range d.source.sightings {
		w := &d.wants[i]
		switch {
		case s.ID == "":
			w.reason = "no detector id"
			if s.Cause != "" {
				w.reason = visible(s.Cause)
			}
			continue
		case s.BeginRun == 0:
			w.reason = "the time of the run is not known"
			continue
		}
		d.choices[i] = d.snapshot.At(keyOf(d.source.detType, s), d.target.CType, d.source.stamps[i])
		chosen := d.choices[i].File
		if chosen == nil {
			w.need = needNone
			continue
		}
		sum, err := d.constants(ctx, chosen)
		if err != nil {
			return fmt.Errorf("run %d needs constants that cannot be read: %w", s.Run, err)
		}
		w.need, w.sum = needContent, sum
	}
	return nil
}

// ctype returns the directory's calibration type as the repository knows it.
func (d *directory) ctype() repo.CType { return repo.CType(d.target.CType) }
