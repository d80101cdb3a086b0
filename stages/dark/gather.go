package dark

import "deployconstants/pipeline"

// A gather collects frames until they are a group that is worked on, tile by tile.
// Several workers are at one group while the next one is collected.
type gather struct {
	store   store
	workers int
	from    int             // row of the store where the group that is collected begins
	waiting int             // frames of that group
	before  pipeline.Beside // works on the group before
}

// newGather makes room for groups of groupLen frames, for two of them if one is worked
// on while the other is collected. The first group may have as many as longest.
func newGather(longest, tiles, workers int) *gather {
	rows := groupLen
	if workers > 1 {
		rows = 2 * groupLen
	}
	return &gather{store: newStore(max(longest, rows), tiles), workers: workers}
}

// next adds a frame to the group, and returns the row of the store where it goes.
func (g *gather) next() (row int) {
	g.waiting++
	return g.from + g.waiting - 1
}

// work calls do for every tile, with its rows of the group, and begins a new group. With
// several workers it returns before that is done: wait tells when it is, and of a failure
// ever after. The group before is done.
func (g *gather) work(do func(tile int, rows []uint16)) error {
	from, n := g.from, g.waiting
	g.waiting = 0
	if err := g.wait(); err != nil || n == 0 {
		return err
	}
	work := func() error {
		return each(g.store.tiles(), g.workers, func(tile int) { do(tile, g.store.part(tile, from, n)) })
	}
	if g.workers <= 1 {
		return work()
	}
	if err := g.before.Go(work); err != nil {
		return err
	}
	if n > groupLen { // no room beside it
		g.from = 0
		return g.wait()
	}
	g.from = groupLen - from
	return nil
}

// wait returns when no group is worked on any more.
func (g *gather) wait() error { return g.before.Wait() }
