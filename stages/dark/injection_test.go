package dark_test

import (
	"errors"
	"math"
	"path/filepath"
	"testing"

	"deployconstants/stages/dark"

	"github.com/google/go-cmp/cmp"
)

func TestChargeInjection(t *testing.T) {
	eachCase(t, "f", func(t *testing.T, c darkCase) {
		block := readInt16(t, filepath.Join(c.dir, c.BlockFile))
		var events []int
		for _, v := range readInt16(t, filepath.Join(c.dir, c.EventsFile)) {
			events = append(events, int(int16(v)))
		}
		pixels := c.BlockShape[1] * c.BlockShape[2]
		params := dark.InjectionParams{
			Margin: c.Params.IxOff, Gap: c.Params.Gap, Saturation: c.Params.ASat, Fewest: c.Params.NPMin,
			AllPeriods: c.Params.NPeriods,
		}
		if one := dark.DefaultInjection(); !c.Params.NPeriods && params != one {
			t.Errorf("the defaults are %+v, want %+v", one, params)
		}
		edges := expect[[][][]int](t, c.Expected, "edges")
		before := expect[[][]float64](t, c.Expected, "slope_intercept_before")
		after := expect[[][]float64](t, c.Expected, "slope_intercept_after")
		nsp := expect[[]int](t, c.Expected, "nsp")
		for i := range pixels {
			values := make([]uint16, len(events))
			for k := range values {
				values[k] = block[k*pixels+i]
			}
			in, err := dark.FitInjection(values, events, params)
			if err != nil {
				t.Fatal(err)
			}
			var periods []dark.Period
			for _, e := range edges[i] {
				periods = append(periods, dark.Period{Begin: e[0], Switch: e[1], End: e[2]})
			}
			if diff := cmp.Diff(periods, in.Periods); diff != "" {
				t.Errorf("periods of pixel %d (-want +got):\n%s", i, diff)
			}
			if in.Periods[0].Switch != nsp[i] {
				t.Errorf("pixel %d switches at %d, want %d", i, in.Periods[0].Switch, nsp[i])
			}
			for name, pair := range map[string][2]float64{
				"slope before":     {in.Before.Slope, before[i][0]},
				"intercept before": {in.Before.Intercept, before[i][1]},
				"slope after":      {in.After.Slope, after[i][0]},
				"intercept after":  {in.After.Intercept, after[i][1]},
			} {
				if !(math.Abs(pair[0]-pair[1]) <= 1e-9*math.Abs(pair[1])) {
					t.Errorf("%s of pixel %d is %v, want %v", name, i, pair[0], pair[1])
				}
			}
		}
	})
}

// FuzzFitInjection: no panic, periods lie one behind the other, and lines are
// numbers.
func FuzzFitInjection(f *testing.F) {
	f.Add([]byte{0, 64, 1, 0, 0, 64, 0, 64, 9, 9, 9, 9, 0, 64}, 60, 0, 50, true)
	f.Add([]byte{1, 0, 2, 0, 0, 64, 3, 0}, 1, 1<<24, 1, false)
	f.Fuzz(func(t *testing.T, data []byte, step, margin, gap int, all bool) {
		var values []uint16
		var events []int
		for k := 0; k+1 < len(data); k += 2 {
			values = append(values, uint16(data[k])<<8|uint16(data[k+1]))
			events = append(events, k/2*(step%1000))
		}
		in, err := dark.FitInjection(values, events, dark.InjectionParams{
			Margin: margin, Gap: gap, Saturation: 16000, Fewest: 5, AllPeriods: all,
		})
		if err != nil {
			if !errors.Is(err, dark.ErrParams) {
				t.Error(err)
			}
			return
		}
		begin := 0
		for _, p := range in.Periods {
			if p.Begin < begin || p.Switch < p.Begin || p.End < p.Switch || p.End >= len(values) {
				t.Errorf("periods %v of %d values", in.Periods, len(values))
			}
			begin = p.End + 1
		}
		for _, v := range []float64{in.Before.Slope, in.Before.Intercept, in.After.Slope, in.After.Intercept} {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Errorf("lines %v %v", in.Before, in.After)
			}
		}
	})
}

// TestNoPeriod is of pixels that switch too little for a fit.
func TestNoPeriod(t *testing.T) {
	events := make([]int, 300)
	for k := range events {
		events[k] = k
	}
	pulse := func(switched ...int) []uint16 { // begin and end of groups
		values := make([]uint16, len(events))
		for k := range values {
			values[k] = uint16(2000 + 3*k)
			for i := 0; i < len(switched); i += 2 {
				if k >= switched[i] && k < switched[i+1] {
					values[k] = 1<<14 | uint16(1000+k)
				}
			}
		}
		return values
	}
	saturated := pulse(0, 10, 100, 200)
	saturated[40], saturated[50] = 16000, 16383
	both := dark.Injection{
		Before: dark.Line{Slope: 3, Intercept: 2030}, After: dark.Line{Slope: 1, Intercept: 1010},
		Periods: []dark.Period{{Begin: 10, Switch: 100, End: 199}},
	}
	few, enough := both, both
	few.Before, few.After, few.Periods = dark.Line{}, dark.Line{}, []dark.Period{{Begin: 10, Switch: 100, End: 114}}
	enough.Periods = []dark.Period{{Begin: 10, Switch: 100, End: 115}}
	for name, c := range map[string]struct {
		values []uint16
		want   dark.Injection
	}{
		"never":        {pulse(), dark.Injection{}},
		"one group":    {pulse(50, 100), dark.Injection{}},
		"a narrow gap": {pulse(50, 100, 149, 200), dark.Injection{}},
		"four points":  {pulse(0, 10, 100, 115), few},
		"five points":  {pulse(0, 10, 100, 116), enough},
		"both":         {pulse(0, 10, 100, 200), both},
		"saturated":    {saturated, both},
	} {
		in, err := dark.FitInjection(c.values, events, dark.DefaultInjection())
		if err != nil {
			t.Fatal(err)
		}
		near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-9 })
		if diff := cmp.Diff(c.want, in, near); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
