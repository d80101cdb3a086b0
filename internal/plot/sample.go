package plot

import (
	"math"
	"slices"
)

// sampled is how many values decide a range, at most: a hundredth of the values is
// known well enough from them.
const sampled = 1 << 15

// farthest is the greatest number that a scale can have: distances stay finite.
const farthest = 1e30

// sample returns finite values at equal distances, sorted.
func sample(values []float64) []float64 {
	step := (len(values) + sampled - 1) / sampled
	var some []float64
	for i := 0; i < len(values); i += max(1, step) {
		if v := values[i]; math.Abs(v) <= farthest { // NaN is not
			some = append(some, v)
		}
	}
	slices.Sort(some)
	return some
}
