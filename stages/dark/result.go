package dark

import (
	"fmt"

	"deployconstants/repo/ndarray"
)

// Bits of a pixel's status. A good pixel has none.
const (
	NoisyRMS  = 1 << iota // rms above the limit
	QuietRMS              // rms below the limit
	HighOften             // above IntHigh in more than Result.Threshold frames
	LowOften              // below IntLow in more than Result.Threshold frames
	HighMean              // average above the limit
	LowMean               // average below the limit
	BadGain               // Jungfrau: a frame with other gain bits than the step's
)

// StatusBits names the bits in ascending order.
var StatusBits = [...]string{"noisy rms", "quiet rms", "high often", "low often", "high mean", "low mean", "bad gain"}

// A Result is what became of a dark. Arrays are in C order.
type Result struct {
	Shape  []int
	DType  ndarray.DType // of the raw data
	Frames int           // accepted, at least 3; of an epix10ka collected, at least 2

	// Statistics is one less than Frames: the reference counts from -1, and it is
	// what files say and Threshold is found from (spec/dark.md section 14, D2).
	Statistics int
	Threshold  int // values outside of IntLow..IntHigh that a good pixel may have at most

	RMSLimits, AverageLimits Limits

	Averages []float64 // ADU; 0 where no value was within the gate, which only the status tells (D8)
	RMS      []float64 // ADU, of the values within the gate; 0 likewise
	Status   []uint8   // sum of status bits

	// Dead marks a panel of an epix10ka without a single pixel of an rms from 0.001 to
	// 16000 ADU: its gates are as wide as can be.
	Dead bool

	pixels []pixel
}

// average fills in averages and rms.
func (r *Result) average() {
	r.Averages = make([]float64, len(r.pixels))
	r.RMS = make([]float64, len(r.pixels))
	for i := range r.pixels {
		r.Averages[i], r.RMS[i] = r.pixels[i].average()
	}
}

// judge finds limits and status.
func (r *Result) judge(p Params) {
	r.RMSLimits = EvaluateLimits(r.RMS, p.RMSSigmaLow, p.RMSSigmaHigh, p.RMSLow, p.RMSHigh)
	r.AverageLimits = EvaluateLimits(r.Averages, p.IntSigmaLow, p.IntSigmaHigh, p.IntLow, p.IntHigh)
	r.Status = make([]uint8, len(r.pixels))
	for i := range r.pixels {
		pixel := &r.pixels[i]
		r.Status[i] = bit(r.RMS[i] > r.RMSLimits.High, NoisyRMS) |
			bit(r.RMS[i] < r.RMSLimits.Low, QuietRMS) |
			bit(int64(pixel.above) > int64(r.Threshold), HighOften) |
			bit(int64(pixel.below) > int64(r.Threshold), LowOften) |
			bit(r.Averages[i] > r.AverageLimits.High, HighMean) |
			bit(r.Averages[i] < r.AverageLimits.Low, LowMean)
	}
}

func bit(set bool, b uint8) uint8 {
	if set {
		return b
	}
	return 0
}

// StatusCounts returns how many pixels have each status bit, in the order of
// StatusBits, and how many have none.
func (r *Result) StatusCounts() (bits [len(StatusBits)]int, good int) {
	for _, status := range r.Status {
		if status == 0 {
			good++
		}
		for i := range bits {
			bits[i] += int(status >> i & 1)
		}
	}
	return bits, good
}

// An Output is one of the arrays of a dark.
type Output uint8

// The arrays of a dark, in the order in which calibrun saves them.
const (
	Average Output = iota // pedestals, ADU
	RMS                   // ADU
	Status                // sum of status bits
	Mask                  // 1 where the status is 0, else 0
	Max                   // greatest value, ADU
	Min                   // least value, ADU
)

// Outputs lists all of them.
var Outputs = [...]Output{Average, RMS, Status, Mask, Max, Min}

// Array returns one of the arrays as numpy would have it: averages and rms as
// Float64, the status as Uint64, mask and greatest value in the type of the raw
// data, the least value too, but Int32 for Int16.
func (r *Result) Array(o Output) *ndarray.Array {
	a := &ndarray.Array{Shape: r.Shape, DType: r.DType}
	switch o {
	case Average:
		a.DType, a.Floats = ndarray.Float64, r.Averages
	case RMS:
		a.DType, a.Floats = ndarray.Float64, r.RMS
	case Status:
		a.DType, a.Words = ndarray.Uint64, collect[uint64](len(r.Status), func(i int) uint16 { return uint16(r.Status[i]) })
	case Mask:
		r.setRaw(a, func(i int) uint16 { return uint16(bit(r.Status[i] == 0, 1)) })
	case Max:
		r.setRaw(a, func(i int) uint16 { return r.pixels[i].max })
	case Min:
		if r.DType == ndarray.Int16 {
			a.DType = ndarray.Int32
		}
		r.setRaw(a, func(i int) uint16 { return r.pixels[i].min })
	default:
		panic(fmt.Sprintf("dark: no output %d", o))
	}
	return a
}

// setRaw fills in an array of the type of the raw data. Values have no sign: the
// data bits of signed data leave it out.
func (r *Result) setRaw(a *ndarray.Array, value func(i int) uint16) {
	if a.DType.IsSigned() {
		a.Integers = collect[int64](len(r.pixels), value)
	} else {
		a.Words = collect[uint64](len(r.pixels), value)
	}
}

func collect[T int64 | uint64](n int, value func(i int) uint16) []T {
	list := make([]T, n)
	for i := range list {
		list[i] = T(value(i))
	}
	return list
}
