package merge

import (
	"context"
	"slices"

	"deployconstants/repo"
	"deployconstants/repo/digest"
)

// statusMemory bounds, in bytes, what a merge of status words takes: those of a cspad
// and their text, twice.
const statusMemory = 128 << 20

// statusJob emits a job for a detector that has a directory in the repository. Alias
// files are read once for each type.
func (m *merger) statusJob(panel repo.Panel, known map[string]*repo.Aliases, emit func(job) error) error {
	if !panel.Type.Deployable() || !m.wants(string(repo.StatusExtra)) {
		return nil
	}
	j := job{panel: panel, ctype: repo.StatusExtra, work: m.mergeStatus, bytes: statusMemory}
	aliases, read := known[panel.Type.Name]
	if !read {
		var err error
		if aliases, err = m.Repository.ReadAliases(panel.Type); err != nil {
			j.panel.ID = "" // of the type as a whole, once
			j.work = func(context.Context, job) ([]Item, error) { return nil, err }
		}
		known[panel.Type.Name] = aliases
	}
	if aliases == nil && read {
		return nil
	}
	j.aliases = aliases
	return emit(j)
}

// mergeStatus merges the status words of a detector, for every choice that a run needs.
func (m *merger) mergeStatus(ctx context.Context, j job) ([]Item, error) {
	alias, _, found, err := j.aliases.Find(j.panel)
	if err != nil || !found {
		return nil, err
	}
	shelf, err := m.Repository.ListStatus(j.panel, alias)
	if err != nil {
		return nil, err
	}
	if m.change != "" {
		shelf = shelf.Suppose(m.change, m.supposes())
	}
	if shelf.Empty() {
		return nil, nil
	}
	m.findRuns(&j)
	p, err := m.open(j, alias, repo.StatusMerged)
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, stamp := range neededStamps(p.statusStamps(shelf), j.runs) {
		if err := context.Cause(ctx); err != nil {
			return items, err
		}
		item, is, err := p.mergeStatusAt(ctx, shelf, stamp)
		if err != nil {
			return items, err
		}
		if is {
			items = append(items, item)
		}
	}
	return items, nil
}

// statusStamps are the moments from which on other words are valid, or another file of
// them.
func (p *place) statusStamps(shelf *repo.StatusShelf) []repo.Stamp {
	stamps := shelf.Stamps()
	for _, entry := range p.index.Entries() {
		stamps = append(stamps, entry.Stamp)
	}
	slices.Sort(stamps)
	return slices.Compact(stamps)
}

// mergeStatusAt makes the words that are valid from a stamp on: in the file of that
// stamp, if there is one, which the single command may have made for a run; it returns
// false if there are none.
func (p *place) mergeStatusAt(ctx context.Context, shelf *repo.StatusShelf, stamp repo.Stamp) (Item, bool, error) {
	merge := shelf.At(stamp)
	entry, there := p.index.At(stamp)
	there = there && entry.Stamp == stamp
	if len(merge.Inputs) == 0 {
		part, stale, err := p.wasWithdrawn(shelf, entry)
		switch {
		case err != nil:
			return p.failed(entry, err), true, nil
		case !stale:
			return Item{}, false, nil
		}
		item, err := p.retire(ctx, entry, part)
		return item, true, err
	}
	m := merging{name: merge.FileName(), stamp: stamp}
	if there {
		m.name = entry.Name
	}
	for _, input := range merge.Inputs {
		m.parts = append(m.parts, part{input.Path, input.Info, input.Supposed})
	}
	m.text = func(context.Context) ([]byte, []digest.Sum, error) {
		words, err := merge.Read()
		if err != nil {
			return nil, nil, err
		}
		var sums []digest.Sum
		for _, sum := range words.Digests {
			sums = append(sums, sum)
		}
		text, err := merge.Text(words, m.name, stamp)
		return text, sums, err
	}
	m.same = func(path string) (bool, error) {
		words, err := merge.Read()
		if err != nil {
			return false, err
		}
		same, err := merge.Holds(path, words)
		return same && err == nil, nil // one that cannot be read is made again
	}
	return p.merge(ctx, m), true, nil
}

// wasWithdrawn returns a file that was withdrawn since it became part of a merge.
func (p *place) wasWithdrawn(shelf *repo.StatusShelf, entry repo.Entry) (part string, was bool, err error) {
	if !shelf.AnyWithdrawn() || entry.Name == p.supposed {
		return "", false, nil
	}
	parts, _, err := p.Repository.MadeOf(p.path(entry.Name))
	i := slices.IndexFunc(parts, shelf.Withdrawn)
	if err != nil || i < 0 {
		return "", false, err
	}
	return parts[i], true, nil
}
