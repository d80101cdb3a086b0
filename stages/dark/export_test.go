package dark

import "errors"

// For tests of tables that no public function shows line by line, and of more frames
// than a test can add.
var (
	QuantileRanks = quantileRanks
	Threshold     = threshold
)

// Gates are those that the reference finds for each pixel of the first frames, before
// they are cut to the range that counts.
func Gates(p Params, signed bool, frames [][]uint16) (low, high []int32) {
	size := len(frames[0])
	s := newStore(len(frames), countTiles(size))
	for i, frame := range frames {
		s.put(i, frame)
	}
	g := newGater(p, signed, len(frames))
	for i := range size {
		from, to := g.quantiles(s.part(i/tileLen, 0, len(frames))[i%tileLen:])
		first, last := g.gate(float64(from), float64(to))
		low, high = append(low, int32(first)), append(high, int32(last))
	}
	return low, high
}

// Sums are what averages and status are made of, by pixel.
type Sums struct {
	Count        []uint64 // of the values that count
	Sum, Squares []float64
	Below, Above []uint64 // values outside of the range that counts
}

// Sums returns those of a Process.
func (r *Result) Sums() (s Sums) {
	for i := range r.pixels {
		p := &r.pixels[i]
		n, sum, squares := p.exact()
		s.Count, s.Sum, s.Squares = append(s.Count, n), append(s.Sum, float64(sum)), append(s.Squares, float64(squares))
		s.Below, s.Above = append(s.Below, uint64(p.below)), append(s.Above, uint64(p.above))
	}
	return s
}

// AverageOf is mean and rms of n values in a gate that begins at low.
func AverageOf(low uint16, n, residuals, squares uint64) (mean, rms float64) {
	p := pixel{low: low, counted: n<<sumBits | residuals, squares: squares}
	return p.average()
}

// WorkerFails gathers two groups, the first one of so many frames, on which a worker panics,
// and returns what is told of it when the second one is worked on, and at the end.
func WorkerFails(workers, frames int) (later, end error) {
	g := newGather(max(frames, groupLen), 8, workers)
	for range frames {
		g.next()
	}
	first := g.work(func(int, []uint16) { panic("a defect") })
	g.next()
	later = errors.Join(first, g.work(func(int, []uint16) {}))
	return later, g.wait()
}
