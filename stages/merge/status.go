package merge

import (
	"context"
	"errors"
	"slices"

	"deployconstants/repo"
	"deployconstants/repo/digest"
)

// statusMemory bounds, in bytes, what a merge of status words takes: those of a cspad
// and their text, twice.
const statusMemory = 128 << 20

// statusJob emits a job for a detector with runs that count. Alias files are read once
// for each type that has one.
func (m *merger) statusJob(panel repo.Panel, known map[string]*repo.Aliases, emit func(job) error) error {
	if !panel.Type.Deployable() || !m.wants(string(repo.StatusExtra)) {
		return nil
	}
	j := job{panel: panel, ctype: repo.StatusExtra, work: m.mergeStatus, bytes: statusMemory}
	m.findRuns(&j)
	if _, err := m.Repository.DetectorDir(j.panel, ""); errors.Is(err, repo.ErrBadName) || len(j.runs) == 0 {
		return nil // an id that no repository can have has no words
	}
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
	alias, _, _, err := j.aliases.Find(j.panel)
	if err == nil && m.after != nil {
		alias, err = m.alias(j.panel)
	}
	if err != nil || alias == "" {
		return nil, err
	}
	dir, err := m.Repository.DetectorDir(j.panel, alias)
	if err != nil {
		return nil, err
	}
	defer m.lock(dir)()
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
	p, err := m.open(j, alias, repo.StatusMerged)
	if err != nil {
		return nil, err
	}
	items, err := p.mergeStatusOf(ctx, shelf)
	slices.Reverse(items)
	return items, err
}

// mergeStatusOf merges from the newest stamp to the oldest: where nothing is left of one
// that runs need, they need the one before it.
func (p *place) mergeStatusOf(ctx context.Context, shelf *repo.StatusShelf) (items []Item, err error) {
	stamps := p.statusStamps(shelf)
	needed := neededStamps(stamps, p.runs)
	fallBack := false
	for _, stamp := range slices.Backward(stamps) {
		if _, is := slices.BinarySearch(needed, stamp); !is && !fallBack {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return items, err
		}
		of, left, err := p.mergeStatusAt(ctx, shelf, stamp)
		items = append(items, of...)
		if err != nil {
			return items, err
		}
		fallBack = !left
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
// stamp, if there is one, which the single command may have made for a run. It reports
// whether a file of the stamp is left, or made.
func (p *place) mergeStatusAt(ctx context.Context, shelf *repo.StatusShelf, stamp repo.Stamp) (items []Item, left bool, err error) {
	merge := shelf.At(stamp)
	if len(merge.Inputs) == 0 {
		return p.retireStatus(ctx, shelf, stamp)
	}
	entry, there := p.index.At(stamp)
	there = there && entry.Stamp == stamp
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
	item := p.merge(ctx, m)
	return []Item{item}, there || item.Action == Made || item.Action == Pending, nil
}

// retireStatus withdraws the files of a stamp at which no words are left, if they were
// merged of files that were withdrawn. Those that are left count.
func (p *place) retireStatus(ctx context.Context, shelf *repo.StatusShelf, stamp repo.Stamp) (items []Item, left bool, err error) {
	for _, entry := range p.index.Entries() {
		if entry.Stamp != stamp {
			continue
		}
		part, stale, err := p.wasWithdrawn(ctx, shelf, entry)
		switch {
		case err != nil:
			items, left = append(items, p.failed(entry, err)), true
			continue
		case !stale:
			left = true
			continue
		}
		item, err := p.retire(ctx, entry, part)
		if err != nil {
			return items, true, err
		}
		items, left = append(items, item), left || item.Action == Blocked
	}
	slices.Reverse(items)
	return items, left, nil
}

// wasWithdrawn returns a file that was withdrawn since it became part of a merge. One that
// does not say of what it was merged, by the single command, was merged of what was valid.
func (p *place) wasWithdrawn(ctx context.Context, shelf *repo.StatusShelf, entry repo.Entry) (part string, was bool, err error) {
	if !shelf.AnyWithdrawn() || entry.Name == p.supposed {
		return "", false, nil
	}
	sum, _, err := p.sum(ctx, p.path(entry.Name))
	if err != nil {
		return "", false, err
	}
	parts, merged, err := p.madeOf(p.path(entry.Name), sum)
	if err == nil && !merged {
		part, was = shelf.WithdrawnAt(entry.Stamp)
	} else if i := slices.IndexFunc(parts, shelf.Withdrawn); i >= 0 {
		part, was = parts[i], true
	}
	return part, was, err
}
