package dark

import (
	"math"
	"slices"
)

// A gater finds the gates of pixels from the first frames (stage 1 of the
// reference).
type gater struct {
	bits            uint16
	signed          bool    // of the raw data, in whose type gates wrap
	low, high       float64 // range that counts, ADU
	lowest, highest int     // ranks, from the least value, of the quantiles
	frames          int

	// Scratch of one tile.
	least, greatest []uint16 // the smallest in ascending, the largest in descending order
	values          []uint16
}

func newGater(p Params, signed bool, frames int) *gater {
	low, high := quantileRanks(frames, p.QuantileLow, p.QuantileHigh)
	return &gater{
		bits: p.DataBits, signed: signed, low: p.IntLow, high: p.IntHigh,
		lowest: low, highest: high, frames: frames,
		least: make([]uint16, low+1), greatest: make([]uint16, frames-high),
		values: make([]uint16, frames),
	}
}

// quantileRanks returns the ranks of the values that are taken for two quantiles
// of n values: numpy's methods "lower" and "higher".
func quantileRanks(n int, low, high float64) (lower, higher int) {
	return int(math.Floor(float64(n-1) * low)), int(math.Ceil(float64(n-1) * high))
}

// find sets the gate of every pixel of a tile, given its rows of the first frames.
func (g *gater) find(pixels []pixel, rows []uint16) {
	for i := range pixels[:tileLen] {
		p := &pixels[i]
		low, high := g.quantiles(rows[i:])
		p.low, p.high = g.whole(g.gate(float64(low), float64(high)))
	}
}

// gate returns the ends of the gate as the reference keeps them, in the element
// type of the raw data: at least 1 wide, which may wrap.
func (g *gater) gate(low, high float64) (first, last int) {
	first = int(max(low, g.low))
	last = int(min(high, g.high))
	if last <= first {
		last++
	}
	if g.signed {
		return first, int(int16(last))
	}
	return first, int(uint16(last))
}

// whole returns the least and the greatest whole number that is within the gate
// and the range that counts; the latter is less for an empty gate.
func (g *gater) whole(first, last int) (low, high uint16) {
	from := math.Ceil(max(g.low, float64(first)))
	to := math.Floor(min(g.high, float64(last)))
	if to < from {
		return 1, 0
	}
	return uint16(from), uint16(to)
}

// sortBelow is the rank up to which the extremes are kept in order one by one;
// above it sorting all values is faster.
const sortBelow = 12

// quantiles returns the values of the two ranks of a column of rows.
func (g *gater) quantiles(rows []uint16) (low, high uint16) {
	if len(g.least) > sortBelow || len(g.greatest) > sortBelow {
		values := g.sorted(rows)
		return values[g.lowest], values[g.highest]
	}
	least, greatest := g.least, g.greatest
	for i := range least {
		least[i] = math.MaxUint16
	}
	clear(greatest)
	lastLeast, lastGreatest := len(least)-1, len(greatest)-1
	for at := 0; at < len(rows); at += tileLen {
		v := rows[at] & g.bits
		if v < least[lastLeast] {
			i := lastLeast
			for ; i > 0 && least[i-1] > v; i-- {
				least[i] = least[i-1]
			}
			least[i] = v
		}
		if v > greatest[lastGreatest] {
			i := lastGreatest
			for ; i > 0 && greatest[i-1] < v; i-- {
				greatest[i] = greatest[i-1]
			}
			greatest[i] = v
		}
	}
	return least[lastLeast], greatest[lastGreatest]
}

// sorted returns a column of rows in ascending order, valid until the next call.
func (g *gater) sorted(rows []uint16) []uint16 {
	values := g.values[:0]
	for at := 0; at < len(rows); at += tileLen {
		values = append(values, rows[at]&g.bits)
	}
	slices.Sort(values)
	return values
}
