package dark

import "math"

// sumBits is where the count begins in pixel.counted: sums of residuals need the
// bits below, 16 for a residual and 24 for the number of frames.
const sumBits = 40

// A pixel holds what is summed of its values, in 32 bytes. Sums are of residuals
// to the lower end of the gate and of their squares: whole numbers, exact.
type pixel struct {
	counted      uint64 // residuals of the values within the gate; above sumBits their number
	squares      uint64
	below, above uint32 // values outside of the range that counts
	low, high    uint16 // the gate, both ends included; empty if high is less
	max, min     uint16
}

func newPixels(tiles int, low, high uint16) []pixel {
	pixels := make([]pixel, tiles*tileLen)
	for i := range pixels {
		pixels[i] = newPixel(low, high)
	}
	return pixels
}

func newPixel(low, high uint16) pixel { return pixel{low: low, high: high, min: math.MaxUint16} }

// count returns how many values were within the gate.
func (p *pixel) count() uint64 { return p.counted >> sumBits }

// exact returns the sums of the values within the gate and of their squares. They
// are below 2^53 for 2^21 frames of 16 bit, so that float64 has them exactly.
func (p *pixel) exact() (n, sum, squares uint64) {
	n = p.count()
	residuals := p.counted & (1<<sumBits - 1)
	low := uint64(p.low)
	return n, residuals + n*low, p.squares + 2*low*residuals + n*low*low
}

// average returns mean and rms of the values within the gate; 0 where there is
// none. Products are rounded before they are subtracted, as numpy does: no fused
// multiplication. A variance that rounding makes negative, which takes some 10^5
// frames, is 0.
func (p *pixel) average() (mean, rms float64) {
	n, sum, squares := p.exact()
	if n == 0 {
		return 0, 0
	}
	mean = float64(sum) / float64(n)
	square := float64(squares) / float64(n)
	return mean, math.Sqrt(max(0, square-float64(mean*mean)))
}

// An adder adds values to pixels: their ADU bits, and the range that counts.
type adder struct {
	bits      uint16
	low, high int64 // least and greatest value that is neither below nor above
}

// add adds the rows of a tile.
func (a adder) add(pixels []pixel, rows []uint16) {
	for i := range pixels[:tileLen] {
		p := &pixels[i]
		low := int64(p.low)
		counted, squares, smallest, largest := sumColumn(rows[i:], a.bits, low, int64(p.high)-low)
		p.counted += uint64(counted>>columnBits)<<sumBits + uint64(counted&(1<<columnBits-1))
		p.squares += uint64(squares)
		smallest, largest = smallest+low, largest+low
		p.max = max(p.max, uint16(largest))
		p.min = min(p.min, uint16(smallest))
		if smallest < a.low || largest > a.high {
			a.addOutside(p, rows[i:])
		}
	}
}

// columnBits is where the count begins in the sum of a column: at most maxFirst
// residuals of 16 bits are below.
const columnBits = 30

// sumColumn sums the values of one pixel in the rows of a tile, as residuals to the
// lower end of a gate: number and sum of those inside, the sum of their squares,
// and the extremes of all.
//
// No branch depends on a value's place in the gate: one in ten is outside, at
// random, and guessing wrong would cost more than the sums. It is a function of its
// own, with few variables, so that all of them are in registers.
//
//go:noinline
func sumColumn(rows []uint16, bits uint16, low, width int64) (counted, squares, smallest, largest int64) {
	smallest, largest = math.MaxInt64, math.MinInt64
	for at := 0; at < len(rows); at += tileLen {
		r := int64(rows[at]&bits) - low
		smallest = min(smallest, r)
		largest = max(largest, r)
		outside := (r | (width - r)) >> 63 // all bits set outside of the gate, none inside
		r = (r + 1<<columnBits) &^ outside
		counted += r
		r = int64(uint16(r))
		squares += r * r
	}
	return counted, squares, smallest, largest
}

// addOutside counts the values of a pixel that do not count.
func (a adder) addOutside(p *pixel, rows []uint16) {
	for at := 0; at < len(rows); at += tileLen {
		switch v := int64(rows[at] & a.bits); {
		case v < a.low:
			p.below++
		case v > a.high:
			p.above++
		}
	}
}
