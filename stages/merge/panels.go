package merge

import (
	"context"
	"slices"

	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/repo/panels"
)

// panelJobs emits a job for every calibration type of a detector of many panels of which
// there may be tables.
func (m *merger) panelJobs(panel repo.Panel, emit func(job) error) error {
	if panel.IsName || panels.FamilyOf(panel.Type) == panels.NoFamily {
		return nil
	}
	j := job{panel: panel, work: m.mergeTables}
	var err error
	if j.ids, err = panels.Split(panel); err != nil {
		return nil // an id of another form has no tables
	}
	m.findRuns(&j)
	if len(j.runs) == 0 {
		return nil
	}
	for _, c := range repo.CTypes() {
		kind, ok := panels.KindOf(panel.Type, c)
		if !ok || !m.wants(kind.Deployed) {
			continue
		}
		j.ctype, j.kind = c, kind
		j.bytes = kind.Elements(len(j.ids)) * (8 + 10) // numbers and their text
		if err := emit(j); err != nil {
			return err
		}
	}
	return nil
}

// mergeTables merges one calibration type of a detector, for every choice that a run
// needs.
func (m *merger) mergeTables(ctx context.Context, j job) ([]Item, error) {
	shelf, err := panels.InConstants(m.Repository, j.panel.Type).List(j.ids, j.kind)
	if err != nil {
		return nil, err
	}
	if m.change != "" {
		shelf = shelf.Suppose(m.change, m.supposes())
	}
	needed := neededStamps(shelf.Stamps(), j.runs)
	if len(needed) == 0 && !shelf.AnyWithdrawn() {
		return nil, nil
	}
	p, err := m.openForTables(ctx, j)
	if err != nil {
		return nil, err
	}
	items, again, err := p.withdrawStale(ctx, shelf)
	if err != nil {
		return items, err
	}
	needed = append(needed, again...)
	slices.Sort(needed)
	needed = slices.Compact(needed)
	last := repo.Stamp(0)
	for _, stamp := range needed {
		if err := context.Cause(ctx); err != nil {
			return items, err
		}
		recipe := shelf.At(stamp)
		newest, found := recipe.Newest()
		if !found || newest.Stamp == last { // the table of this stamp has no part in any merge
			continue
		}
		last = newest.Stamp
		items = append(items, p.merge(ctx, tablesMerge(j, p.alias, recipe)))
	}
	return items, nil
}

// openForTables finds the place of the merges, and gives the detector an alias where
// they are written.
func (m *merger) openForTables(ctx context.Context, j job) (*place, error) {
	alias, err := "", error(nil)
	if m.Write {
		if err := m.Repository.MakeType(j.panel.Type); err != nil {
			return nil, err
		}
		alias, err = m.Repository.Alias(ctx, j.panel, repo.Origin{Experiment: j.from.Experiment, Run: j.from.Run})
	} else {
		alias, err = m.alias(j.panel)
	}
	if err != nil {
		return nil, err
	}
	p, err := m.open(j, alias, j.ctype)
	if err == nil && len(j.ids) > 1 && p.detector == j.panel.Type.Name+"/"+j.ids[0] {
		p.why = "the detector is known by its first panel alone, whose directory other detectors may share"
	}
	return p, err
}

// tablesMerge is the merge of a recipe.
func tablesMerge(j job, alias string, recipe *panels.Recipe) merging {
	name, _ := recipe.FileName(j.panel.Type, alias)
	m := merging{
		name: name.String(), stamp: name.Stamp, gaps: recipe.Gaps(), incomplete: recipe.Check(),
		text: func(ctx context.Context) ([]byte, []digest.Sum, error) {
			merged, err := recipe.Merge(ctx)
			if err != nil {
				return nil, nil, err
			}
			var sums []digest.Sum
			for _, input := range recipe.Inputs() {
				sums = append(sums, merged.Digests[input.Path])
			}
			text, err := recipe.Text(merged, name)
			return text, sums, err
		},
	}
	for _, input := range recipe.Inputs() {
		m.parts = append(m.parts, part{input.Path, input.Info, input.Supposed})
	}
	return m
}

// withdrawStale takes merges out of use of which a table was withdrawn; without Write it
// only tells. What can be merged again under the same name, of other tables, is left to
// that: again are their stamps.
func (p *place) withdrawStale(ctx context.Context, shelf *panels.Shelf) (items []Item, again []repo.Stamp, err error) {
	if p.why != "" || !shelf.AnyWithdrawn() {
		return nil, nil, nil
	}
	for _, entry := range p.index.Entries() {
		if entry.Name == p.supposed {
			continue
		}
		path := p.path(entry.Name)
		sum, _, err := p.sum(ctx, path)
		var parts []string
		if err == nil {
			parts, _, err = p.madeOf(path, sum)
		}
		if err != nil {
			items = append(items, p.failed(entry, err))
			continue
		}
		table, stale := shelf.WithdrawnOf(parts)
		if !stale {
			continue
		}
		recipe := shelf.At(entry.Stamp)
		if name, found := recipe.FileName(p.panel.Type, p.alias); found && name.String() == entry.Name && recipe.Check() == nil {
			again = append(again, entry.Stamp)
			continue
		}
		item, err := p.retire(ctx, entry, table)
		if err != nil {
			return items, again, err
		}
		items = append(items, item)
	}
	return items, again, nil
}
