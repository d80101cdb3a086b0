package dark_test

import (
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
