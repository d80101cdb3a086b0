package dark_test

import (
	"math"
	"strconv"
	"testing"

	"deployconstants/stages/dark"
)

// number is a float64 of a case: a number, "nan", or C's hexadecimal notation.
func number(v any) float64 {
	switch v := v.(type) {
	case float64:
		return v
	case string:
		n, err := strconv.ParseFloat(v, 64)
		if err != nil {
			panic(err)
		}
		return n
	}
	return math.NaN()
}

func TestUnits(t *testing.T) {
	eachCase(t, "u", func(t *testing.T, c darkCase) {
		if len(c.QuantileIndex.Rows) == 0 || len(c.EvaluateLimits.Rows) == 0 || len(c.Nevlm) == 0 {
			t.Fatal("tables are missing")
		}
		for _, row := range c.QuantileIndex.Rows {
			n := int(number(row[0]))
			low, high := dark.QuantileRanks(n, 0.05, 0.95)
			low2, high2 := dark.QuantileRanks(n, 0.10, 0.80)
			for i, got := range []int{low, low2, high, high2} {
				if want := int(number(row[1+i])); got != want {
					t.Errorf("%d values, column %d: rank %d, want %d", n, i, got, want)
				}
			}
		}
		for _, row := range c.EvaluateLimits.Rows {
			values := make([]float64, row.N)
			for i := range values {
				values[i] = float64(uint64(i)*2654435761%1000003) / 1000
			}
			checkLimits(t, row, dark.EvaluateLimits(values, row.NNeg, row.NPos, row.LimLo, row.LimHi))
		}
		for _, row := range c.Nevlm {
			if got := dark.Threshold(row.Fraclm, row.Counter); got != row.Nevlm {
				t.Errorf("%v of %d is %d, want %d", row.Fraclm, row.Counter, got, row.Nevlm)
			}
		}
	})
}
