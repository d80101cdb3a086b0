package dark

import (
	"fmt"
	"iter"
	"math"
	"slices"
)

// Bits of the status of det_pixel_status, which are unrelated to those of a Result
// (spec/dark.md section 8).
const (
	MeanLow    = 1 << iota // feature 2: mean of the good frames not above the lower limit
	MeanHigh               // feature 2: not below the upper limit
	SpreadLow              // feature 3: standard deviation not above the lower limit
	SpreadHigh             // feature 3: not below the upper limit
)

// StatusParams are the parameters of PixelStatus. The zero value is ready for use.
type StatusParams struct {
	KeepAll  bool    // feature 1 is not asked for: every frame is good
	Mean     bool    // feature 2
	Spread   bool    // feature 3; with neither of the two, both
	Sigmas   float64 // spreads from the median to a limit (snrmax); default 8
	DataBits uint16  // bits of a raw value that are ADU; default 0x3fff
}

func (p *StatusParams) applyDefaults() {
	if !p.Mean && !p.Spread {
		p.Mean, p.Spread = true, true // what a dark has features for
	}
	if p.Sigmas <= 0 {
		p.Sigmas = 8
	}
	if p.DataBits == 0 {
		p.DataBits = FoldingDataBits
	}
}

// A Flagging is how values of one feature were judged.
type Flagging struct {
	Median, Spread float64 // of the values that count; nan if there are none
	Low, High      float64 // limits: a good value is between them, not equal
	BelowLow       int     // values that are not above Low
	AboveHigh      int     // values that are not below High
}

// A PixelStatusResult is what PixelStatus finds.
type PixelStatusResult struct {
	Good          []int // indices of the frames that were judged good
	Frames, Means Flagging
	Spreads       Flagging
	Status        []uint8 // in C order
}

// PixelStatus finds status bits of one panel from many frames, as psana's
// det_pixel_status does by its features 1, 2 and 3, for darks: frames whose median
// is far from that of the others are left out; of the rest, the mean and the
// standard deviation of a pixel are bad if they are far from those of other pixels.
//
// Frames are in C order, each valid until the next. They are gone through three
// times, and need not be kept: the sequence may read them anew. The error
// is that of the frames; ErrShape if their lengths differ; ErrTooFewFrames for
// none; and ErrNoGoodFrames, with the result, if feature 1 leaves none, as it does
// when all medians are equal (spec/dark.md section 14, D16).
func PixelStatus(frames iter.Seq2[[]uint16, error], p StatusParams) (*PixelStatusResult, error) {
	p.applyDefaults()
	medians, size, err := frameMedians(frames, p.DataBits)
	if err != nil {
		return nil, err
	}
	if len(medians) == 0 {
		return nil, fmt.Errorf("%w: none", ErrTooFewFrames)
	}
	r := &PixelStatusResult{Status: make([]uint8, size)}
	good := make([]bool, len(medians))
	if p.KeepAll {
		r.Good = make([]int, len(medians))
		for i := range good {
			r.Good[i], good[i] = i, true
		}
	} else {
		r.Frames = newFlagging(medians, p)
		for i, median := range medians {
			if good[i] = r.Frames.judge(median) == 0; good[i] {
				r.Good = append(r.Good, i)
			}
		}
	}
	means, spreads, err := goodMoments(frames, p.DataBits, good, len(r.Good), size)
	if err != nil {
		return nil, err
	}
	if p.Mean {
		r.Means = newFlagging(means, p)
		r.Means.mark(r.Status, means, MeanLow, MeanHigh)
	}
	if p.Spread {
		r.Spreads = newFlagging(spreads, p)
		r.Spreads.mark(r.Status, spreads, SpreadLow, SpreadHigh)
	}
	if len(r.Good) == 0 {
		return r, fmt.Errorf("%w of %d: their medians are all %v or far from it", ErrNoGoodFrames, len(medians), r.Frames.Median)
	}
	return r, nil
}

// frameMedians returns the median of every frame.
func frameMedians(frames iter.Seq2[[]uint16, error], bits uint16) (medians []float64, size int, err error) {
	var counts []int
	for frame, err := range frames {
		if err != nil {
			return nil, 0, err
		}
		if counts == nil {
			size = len(frame)
			counts = make([]int, 1<<16)
		}
		if len(frame) != size || size == 0 {
			return nil, 0, fmt.Errorf("%w: a frame of %d pixels, the first had %d", ErrShape, len(frame), size)
		}
		clear(counts)
		for _, v := range frame {
			counts[v&bits]++
		}
		medians = append(medians, countedMedian(counts, size))
	}
	return medians, size, nil
}

// countedMedian returns the median of n numbers of which counts tells how often each
// occurs.
func countedMedian(counts []int, n int) float64 {
	seen, low := 0, -1
	for v, count := range counts {
		seen += count
		if low < 0 && seen > (n-1)/2 {
			low = v
		}
		if seen > n/2 {
			return float64(low+v) / 2
		}
	}
	return math.NaN()
}

// goodMoments returns the mean and the population standard deviation of every pixel
// over the good frames, added frame by frame as numpy does; nan if there are none.
func goodMoments(frames iter.Seq2[[]uint16, error], bits uint16, good []bool, n, size int) (means, spreads []float64, err error) {
	means, spreads = make([]float64, size), make([]float64, size)
	err = eachGood(frames, good, size, func(frame []uint16) {
		for i, v := range frame {
			means[i] += float64(v & bits)
		}
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range means {
		means[i] /= float64(n)
	}
	err = eachGood(frames, good, size, func(frame []uint16) {
		for i, v := range frame {
			d := float64(v&bits) - means[i]
			spreads[i] += float64(d * d)
		}
	})
	for i := range spreads {
		spreads[i] = math.Sqrt(spreads[i] / float64(n))
	}
	return means, spreads, err
}

// eachGood goes through the good frames once more.
func eachGood(frames iter.Seq2[[]uint16, error], good []bool, size int, use func(frame []uint16)) error {
	k := 0
	for frame, err := range frames {
		if err != nil {
			return err
		}
		if k >= len(good) || len(frame) != size {
			return fmt.Errorf("%w: other frames than the time before", ErrShape)
		}
		if good[k] {
			use(frame)
		}
		k++
	}
	if k != len(good) {
		return fmt.Errorf("%w: %d frames, %d the time before", ErrShape, k, len(good))
	}
	return nil
}

// newFlagging finds limits of good values: so many spreads from the median of those
// within the range of the data. The spread is the median of the distances from it,
// and if that is 0 their standard deviation.
func newFlagging(values []float64, p StatusParams) Flagging {
	low, high := 0.0, float64(p.DataBits)
	var chosen []float64
	for _, v := range values {
		if v > low && v < high {
			chosen = append(chosen, v)
		}
	}
	f := Flagging{Median: math.NaN(), Spread: math.NaN(), Low: math.NaN(), High: math.NaN()}
	if len(chosen) > 0 {
		_, std := meanStd(chosen)
		slices.Sort(chosen)
		f.Median = medianSorted(chosen)
		for i, v := range chosen {
			chosen[i] = math.Abs(v - f.Median)
		}
		slices.Sort(chosen)
		if f.Spread = medianSorted(chosen); f.Spread == 0 {
			f.Spread = std
		}
		f.Low = max(f.Median-float64(p.Sigmas*f.Spread), low)
		f.High = min(f.Median+float64(p.Sigmas*f.Spread), high)
	}
	for _, v := range values {
		verdict := f.judge(v)
		f.BelowLow += verdict & 1
		f.AboveHigh += verdict >> 1
	}
	return f
}

// judge returns 1 for a value that is not above Low, plus 2 for one that is not
// below High. Without limits, and for nan, it is 0.
func (f Flagging) judge(v float64) int {
	return int(bit(v <= f.Low, 1) | bit(v >= f.High, 2))
}

// mark sets status bits.
func (f Flagging) mark(status []uint8, values []float64, low, high uint8) {
	for i, v := range values {
		verdict := f.judge(v)
		status[i] |= bit(verdict&1 != 0, low) | bit(verdict&2 != 0, high)
	}
}

// medianSorted returns the median of values in ascending order, nan for none.
func medianSorted(values []float64) float64 {
	n := len(values)
	switch {
	case n == 0:
		return math.NaN()
	case n%2 == 1:
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}
