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

// TestPairwise is of eight values, for which numpy's order differs from that of the
// loop that fewer get.
func TestPairwise(t *testing.T) {
	v := []float64{1, 1e16, -1e16, 3, 1e16, 5, -1e16, 7}
	tree := ((v[0] + v[1]) + (v[2] + v[3])) + ((v[4] + v[5]) + (v[6] + v[7]))
	line := 0.0
	for _, x := range v {
		line += x
	}
	if got := dark.EvaluateLimits(v, 1, 1, 0, 1).Mean; got != tree/8 || tree == line {
		t.Errorf("mean %v, want %v, not %v", got, tree/8, line/8)
	}
}

// TestVarianceIsNotNegative is of pixels that are constant but for one of millions of
// frames: there the difference of squares is below what float64 holds.
func TestVarianceIsNotNegative(t *testing.T) {
	negative := 0
	for n := uint64(1 << 23); n < 1<<23+1000; n++ {
		const low = 65533
		mean, rms := dark.AverageOf(low, n, 1, 1)
		if !(rms >= 0 && rms < 0.01) || mean < low {
			t.Fatalf("%d frames: mean %v, rms %v", n, mean, rms)
		}
		total, squares := n*low+1, n*low*low+2*low+1
		average := float64(total) / float64(n)
		if float64(squares)/float64(n)-float64(average*average) < 0 {
			negative++
		}
	}
	if negative == 0 {
		t.Error("no variance is negative by rounding: the test shows nothing")
	}
}
