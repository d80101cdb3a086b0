package dark

import (
	"fmt"
	"math"
)

// InjectionParams are those of FitInjection. Start from DefaultInjection.
type InjectionParams struct {
	Margin     int     // frames left out before and behind the switch (ixoff), 0 to 2^24
	Gap        int     // event numbers: a wider one ends a group of switched frames
	Saturation float64 // ADU: higher values before the switch are not fitted
	Fewest     int     // points of a line, at least
	AllPeriods bool    // fit all periods of the pulser together; the reference's command line cannot
}

// DefaultInjection returns what psana's epix10ka_offset_calibration has.
func DefaultInjection() InjectionParams {
	return InjectionParams{Margin: 10, Gap: 50, Saturation: 16000, Fewest: 5}
}

// check returns ErrParams for parameters that cannot be.
func (p InjectionParams) check() error {
	if p.Margin < 0 || p.Margin > MostMargin || p.Gap < 1 || p.Fewest < 2 || math.IsNaN(p.Saturation) {
		return fmt.Errorf("%w: charge injection with %+v", ErrParams, p)
	}
	return nil
}

// A Period of the charge injection pulser, as indices of frames.
type Period struct {
	Begin  int // first frame of the period
	Switch int // first frame with the switched gain
	End    int // last frame with it
}

// A Line is a fit of values over event numbers, whose origin is the first event of
// the period. The zero Line stands for one that could not be fitted.
type Line struct {
	Slope     float64 // ADU per event: the gain
	Intercept float64 // ADU: the offset
}

// An Injection is what charge injection tells of one pixel of an epix10ka in an
// automatic gain mode.
type Injection struct {
	Before, After Line // the switch
	Periods       []Period
}

// MostMargin is the widest margin: it keeps sums of indices from overflowing.
const MostMargin = 1 << 24

// switchedBit is the gain bit of raw epix10ka data, above the ADU.
const switchedBit = 1 << 14

// FitInjection fits the two lines of a pixel whose pulse grows from frame to frame,
// period by period: values are raw data with the gain bit, events their numbers in
// ascending order (spec/dark.md section 7). Without a whole period, or with fewer points
// of either line than asked for, both lines are zero.
//
// The frame at either end of the fitted range that is nearer to the end of the
// period is left out, as by the reference, which fits by least squares in another
// way: lines agree to 1e-9. The error is ErrShape for other numbers of events than of values, ErrParams.
func FitInjection(values []uint16, events []int, p InjectionParams) (Injection, error) {
	if len(values) != len(events) {
		return Injection{}, fmt.Errorf("%w: %d values of %d events", ErrShape, len(values), len(events))
	}
	if err := p.check(); err != nil {
		return Injection{}, err
	}
	return fitInjection(values, events, p), nil
}

// fitInjection is FitInjection for what has been checked.
func fitInjection(values []uint16, events []int, p InjectionParams) Injection {
	in := Injection{Periods: findPeriods(values, events, p.Gap)}
	var before, after lineFit
	for i, period := range in.Periods {
		if i > 0 && !p.AllPeriods {
			break
		}
		origin := events[period.Begin]
		for k := period.Begin; k < period.Switch-p.Margin; k++ {
			if v := float64(values[k] & FoldingDataBits); v < p.Saturation {
				before.add(float64(events[k]-origin), v)
			}
		}
		for k := period.Switch + p.Margin; k < period.End; k++ {
			after.add(float64(events[k]-origin), float64(values[k]&FoldingDataBits))
		}
	}
	if min(len(before.x), len(after.x)) >= p.Fewest {
		in.Before, in.After = before.line(), after.line()
	}
	return in
}

// findPeriods finds the whole periods: from behind a group of switched frames to the
// end of the next one.
func findPeriods(values []uint16, events []int, gap int) []Period {
	var periods []Period
	last := -1 // last switched frame
	group := 0 // groups begun
	for k, v := range values {
		if v&switchedBit == 0 {
			continue
		}
		if last < 0 || events[k]-events[last] > gap {
			if group++; group > 1 {
				periods = append(periods, Period{Begin: last + 1, Switch: k})
			}
		}
		if last = k; group > 1 {
			periods[len(periods)-1].End = k
		}
	}
	return periods
}

// A lineFit holds points of a line.
type lineFit struct{ x, y []float64 }

func (f *lineFit) add(x, y float64) { f.x, f.y = append(f.x, x), append(f.y, y) }

// line fits by least squares, around the centre of the points, where nothing
// cancels.
func (f *lineFit) line() Line {
	n := float64(len(f.x))
	meanX, meanY := sum(f.x)/n, sum(f.y)/n
	var xx, xy float64
	for i, x := range f.x {
		dx := x - meanX
		xx += float64(dx * dx)
		xy += float64(dx * (f.y[i] - meanY))
	}
	if xx == 0 {
		return Line{}
	}
	slope := xy / xx
	return Line{Slope: slope, Intercept: meanY - float64(slope*meanX)}
}
