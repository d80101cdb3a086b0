package apply

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Wave is how many experiments have been carried out when it ends: of those that
// change, in the order of the plan.
type Wave struct {
	Count   int     // experiments; 0: Percent counts
	Percent float64 // of the experiments that change, 0 to 100; at least one
}

// ParseWaves reads "1,1%,100%". What the last wave leaves is one more wave. The
// error wraps ErrWaves.
func ParseWaves(text string) ([]Wave, error) {
	var waves []Wave
	for field := range strings.SplitSeq(text, ",") {
		field = strings.TrimSpace(field)
		if number, isPercent := strings.CutSuffix(field, "%"); isPercent {
			percent, err := strconv.ParseFloat(number, 64)
			if err != nil || !(percent > 0 && percent <= 100) {
				return nil, fmt.Errorf("%q: %w", text, ErrWaves)
			}
			waves = append(waves, Wave{Percent: percent})
			continue
		}
		count, err := strconv.Atoi(field)
		if err != nil || count < 1 {
			return nil, fmt.Errorf("%q: %w", text, ErrWaves)
		}
		waves = append(waves, Wave{Count: count})
	}
	return waves, nil
}

// cuts returns how many of n experiments are done after each wave, ascending, the
// last all of them.
func cuts(waves []Wave, n int) []int {
	var ends []int
	last := 0
	for _, w := range waves {
		end := w.Count
		if end == 0 {
			end = int(math.Ceil(float64(n) * w.Percent / 100))
		}
		if end = min(end, n); end > last {
			ends, last = append(ends, end), end
		}
	}
	if last < n || n == 0 {
		ends = append(ends, n)
	}
	return ends
}
