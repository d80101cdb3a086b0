package dark

// A gather sums frames for gates that are known, a group of frames at a time.
type gather struct {
	store   store
	pixels  []pixel
	adder   adder
	workers int
	waiting int // frames in the store
}

func newGather(pixels []pixel, a adder, workers int) *gather {
	return &gather{store: newStore(groupLen, len(pixels)/tileLen), pixels: pixels, adder: a, workers: workers}
}

// add sums a frame, at once or later.
func (g *gather) add(frame []uint16) error {
	g.store.put(g.waiting, frame)
	if g.waiting++; g.waiting < g.store.rows {
		return nil
	}
	return g.flush()
}

// flush sums what waits.
func (g *gather) flush() error {
	n := g.waiting
	g.waiting = 0
	if n == 0 {
		return nil
	}
	return each(len(g.pixels)/tileLen, g.workers, func(tile int) {
		g.adder.add(g.pixels[tile*tileLen:(tile+1)*tileLen], g.store.first(tile, n))
	})
}
