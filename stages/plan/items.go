package plan

import (
	"slices"
	"strings"

	"deployconstants/jobs/planfile"
	"deployconstants/repo/calibdir"
)

// items returns the items of a decision, in the order of planfile.Compare.
func (d *directory) items(decision *decision) []planfile.Item {
	if len(decision.files) == 0 {
		return d.runItems(decision)
	}
	items := make([]planfile.Item, 0, len(decision.files)+1)
	for _, f := range decision.files {
		items = append(items, d.fileItem(decision, f))
	}
	slices.SortFunc(items, planfile.Compare)
	items = append(items, d.runItems(decision)...)
	return append(items, d.directoryItem(decision))
}

func (d *directory) fileItem(decision *decision, f *file) planfile.Item {
	item := d.base
	item.Kind, item.Action = planfile.KindFile, f.action()
	item.Range = visible(strings.TrimSuffix(f.name, ".data"))
	for i := range decision.runs {
		v := &decision.runs[i]
		if v.after == f || f.gone() && v.server == f {
			item.Runs = item.Runs.Add(decision.wants[i].run)
		}
	}
	if f.exists {
		item.Prior = d.prior(f)
	}
	if f.needed() {
		item.Constants = d.constantsOf(f)
		item.Warnings = d.warnings(decision, f)
	}
	switch {
	case !f.ours:
		item.Reason = f.why
	case f.refused != "":
		item.Reason = f.reason
	case !f.assigned:
		item.Reason = "no known run reads it"
	case f.first < 0:
		item.Reason = "kept for runs that are not known to need other constants"
	}
	return item
}

// constantsOf are the constants of the first run that the file serves.
func (d *directory) constantsOf(f *file) *planfile.Constants {
	chosen := d.choices[f.first].File
	key := keyOf(d.source.detType, d.source.sightings[f.first])
	alias, _ := d.snapshot.Alias(key)
	c := &planfile.Constants{
		Path: chosen.Path, SHA256: f.after.String(), Size: chosen.Stat.Size,
		Kind: chosen.Kind.String(), ID: visible(key.ID), Alias: visible(alias),
	}
	if chosen.Stamp != 0 {
		c.Stamp = chosen.Stamp.String()
	}
	return c
}

// prior is the file as it was seen.
func (d *directory) prior(f *file) *planfile.Prior {
	e := d.entry(f.name)
	p := &planfile.Prior{
		Size: e.Size, Mode: e.Mode, UID: e.UID, GID: e.GID, Links: e.Links,
		Inode: e.Inode, ModTime: e.ModTime, ChangeTime: e.ChangeTime,
	}
	if f.regular {
		p.SHA256 = f.before.String()
	}
	return p
}

// entry is what was listed under a name.
func (d *directory) entry(name string) calibdir.Entry {
	i, _ := slices.BinarySearchFunc(d.folder.Entries, name, func(e calibdir.Entry, name string) int { return strings.Compare(e.Name, name) })
	return d.folder.Entries[i]
}

// runItems tell of runs that no file serves.
func (d *directory) runItems(decision *decision) []planfile.Item {
	var items []planfile.Item
	for i, v := range decision.runs {
		run := decision.wants[i].run
		if !v.told() {
			continue
		}
		if n := len(items); n > 0 && i > 0 && decision.runs[i-1].told() &&
			items[n-1].Action == v.action && items[n-1].Reason == v.reason {
			items[n-1].Runs = items[n-1].Runs.Add(run)
			continue
		}
		item := d.base
		item.Kind, item.Action, item.Reason = planfile.KindRun, v.action, v.reason
		item.Runs = item.Runs.Add(run)
		items = append(items, item)
	}
	return items
}

// told reports whether a run needs an item of its own: the items of files do not
// tell of it.
func (v verdict) told() bool {
	switch v.action {
	case planfile.Missing, planfile.Overreach, planfile.Unknown, planfile.Mismatch:
		return true
	case planfile.Foreign:
		return v.before == nil || v.before.ours // a file of ours would hide somebody else's
	default:
		return false
	}
}

// directoryItem tells what psana picks.
func (d *directory) directoryItem(decision *decision) planfile.Item {
	item := d.base
	item.Kind = planfile.KindDirectory
	var last *verdict
	for i, w := range decision.wants {
		v := &decision.runs[i]
		item.Runs = item.Runs.Add(w.run)
		if last != nil && last.action == v.action && last.before == v.before && last.after == v.after &&
			last.cxxBefore == v.cxxBefore && last.cxxAfter == v.cxxAfter {
			p := &item.Picks[len(item.Picks)-1]
			p.Last, p.Runs = w.run, p.Runs+1
			continue
		}
		item.Picks = append(item.Picks, planfile.Pick{
			First: w.run, Last: w.run, Runs: 1, Outcome: v.action,
			Before: picked(v.before), After: picked(v.after),
			CxxBefore: unlike(v.cxxBefore, v.before), CxxAfter: unlike(v.cxxAfter, v.after),
		})
		last = v
	}
	if d.folder.Exists && d.folder.Mode&writableByOthers != 0 && decision.changes() {
		item.Warnings = append(item.Warnings, "the directory can be written by everybody")
	}
	item.Warnings = append(item.Warnings, d.disagreement(decision)...)
	return item
}

// disagreement warns of runs to which psana's C++ modules would give other
// constants than they need, although its Python modules do not.
func (d *directory) disagreement(decision *decision) []string {
	var others count
	for i, w := range decision.wants {
		if v := &decision.runs[i]; v.server != nil && reads(v.after, w.sum) && !reads(v.cxxAfter, w.sum) {
			others.add(w.run, nameOf(v.cxxAfter))
		}
	}
	if others.runs == 0 {
		return nil
	}
	return []string{others.text("psana's C++ modules read " + others.what + " for")}
}

func picked(f *file) string {
	if f == nil {
		return ""
	}
	return visible(f.name)
}

// unlike is what the C++ finder picks where that is not what the Python finder does.
func unlike(cxx, python *file) *string {
	if cxx == python {
		return nil
	}
	name := picked(cxx)
	return &name
}
