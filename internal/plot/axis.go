package plot

import (
	"math"
	"strconv"
)

// ticks returns at most about n round numbers from low to high, and how to write them.
func ticks(low, high float64, n int) (at []float64, decimals int) {
	span := high - low
	if !(span > 0) || math.IsInf(span, 0) {
		return []float64{low}, 2
	}
	step := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if span/(step*factor) <= float64(n) {
			step *= factor
			break
		}
	}
	decimals = max(0, int(-math.Floor(math.Log10(step)+1e-9)))
	for k := math.Ceil(low/step - 1e-9); k*step <= high+step*1e-9; k++ {
		at = append(at, k*step)
	}
	return at, min(decimals, 6)
}

// number writes a number of an axis.
func number(v float64, decimals int) string {
	if v == 0 {
		v = 0 // no sign
	}
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if len(text) > 9 {
		text = strconv.FormatFloat(v, 'g', 4, 64)
	}
	return text
}

// span returns the range that a scale or an axis shows of values: that of most of them,
// and some more on both sides, so that a few wild ones do not hide all others. Values
// that are not finite, or beyond farthest, do not count; without any it is 0 to 1.
func span(values []float64, most, more float64) (low, high float64) {
	sorted := sample(values)
	if len(sorted) == 0 {
		return 0, 1
	}
	last := float64(len(sorted) - 1)
	low = sorted[int(math.Floor(last*(1-most)/2))]
	high = sorted[int(math.Ceil(last*(1+most)/2))]
	if high-low <= 1e-9*max(math.Abs(low), math.Abs(high), 1e-3) { // as good as constant
		wide := max(0.5, 1e-6*math.Abs(low))
		return low - wide, high + wide
	}
	extra := (high - low) * more
	if low >= 0 {
		return max(0, low-extra), high + extra
	}
	return low - extra, high + extra
}
