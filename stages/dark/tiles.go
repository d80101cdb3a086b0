package dark

import (
	"context"

	"deployconstants/pipeline"
)

// tileLen is the number of pixels that are worked on together: their sums and
// their values of a group of frames stay in the first level cache.
const tileLen = 512

// groupLen is how many frames are gathered before they are summed: the sums of a
// pixel are then read and written once for so many values.
const groupLen = 16

// A store keeps frames tile by tile: the rows of a tile, one per frame, are
// neighbours. The last tile is filled up with zeros.
type store struct {
	rows int
	data []uint16 // [tile][row][tileLen]
}

func newStore(rows, tiles int) store {
	return store{rows: rows, data: make([]uint16, rows*tiles*tileLen)}
}

// row is where the values of a tile go.
func (s store) row(tile, row int) []uint16 {
	begin := (tile*s.rows + row) * tileLen
	return s.data[begin : begin+tileLen]
}

// part returns n rows of a tile.
func (s store) part(tile, from, n int) []uint16 {
	begin := (tile*s.rows + from) * tileLen
	return s.data[begin : begin+n*tileLen]
}

// tiles is how many the store has.
func (s store) tiles() int { return len(s.data) / (s.rows * tileLen) }

// put copies a frame.
func (s store) put(row int, frame []uint16) {
	for tile := 0; len(frame) > 0; tile++ {
		frame = frame[copy(s.row(tile, row), frame):]
	}
}

// putConverted copies a frame of another type of values: those of 8 bits, or the bits
// of those with a sign.
func putConverted[T uint8 | int16](s store, row int, frame []T) {
	for tile := 0; len(frame) > 0; tile++ {
		to := s.row(tile, row)
		n := min(len(to), len(frame))
		for i, v := range frame[:n] {
			to[i] = uint16(v)
		}
		frame = frame[n:]
	}
}

// countTiles is how many tiles so many pixels need.
func countTiles(pixels int) int { return (pixels + tileLen - 1) / tileLen }

// each calls work for the numbers below n, with several workers at a time if asked for.
// What they stand for, tiles or panels, are independent of each other, so that their
// order does not matter.
func each(n, workers int, work func(i int)) error {
	if workers <= 1 || n == 1 {
		for i := range n {
			work(i)
		}
		return nil
	}
	type span struct{ begin, end int }
	step := max(1, n/(16*workers)) // the last spans end at about one time
	source := func(_ context.Context, emit func(span) error) error {
		for begin := 0; begin < n; begin += step {
			if err := emit(span{begin, min(begin+step, n)}); err != nil {
				return err
			}
		}
		return nil
	}
	loop := func(_ context.Context, s span) (struct{}, error) {
		for i := s.begin; i < s.end; i++ {
			work(i)
		}
		return struct{}{}, nil
	}
	sink := func(r pipeline.Result[span, struct{}]) error { return r.Err }
	// Not cancelled: it is a matter of milliseconds, and half of it is of no use.
	return pipeline.Run(context.Background(), pipeline.Options{Workers: workers}, source, loop, sink)
}
