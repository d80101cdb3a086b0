package dark

import (
	"fmt"
	"math"
)

// Params steer the dark processing of single gain detectors and of the Jungfrau.
// Start from Calibrun or Default, which hold what the programs of psana have.
type Params struct {
	// Frames is how many frames make a dark full (nrecs). Process.Full tells; frames
	// above it are still taken, as by the reference.
	Frames int

	// First is how many frames set the gates of every pixel, 1 to 1000 (nrecs1). So
	// many frames are kept in memory.
	First int

	// IntLow and IntHigh are the range in ADU of values that are counted: below and
	// above it, a value is none of the gate's, whatever the gate, and is counted for
	// the status bits LowOften and HighOften.
	IntLow, IntHigh float64

	// RMSLow and RMSHigh bound in ADU the limits of a good pixel's rms.
	RMSLow, RMSHigh float64

	// The limits of a good pixel are so many standard deviations from the mean over
	// all pixels; 0 or less: the bounds above are the limits.
	IntSigmaLow, IntSigmaHigh float64
	RMSSigmaLow, RMSSigmaHigh float64

	// Excess is the fraction of the frames in which a value may be outside of
	// IntLow..IntHigh before the pixel is bad (fraclm).
	Excess float64

	// QuantileLow and QuantileHigh, 0 to 1, are those of the first frames between
	// which a pixel's gate lies (fraclo, frachi).
	QuantileLow, QuantileHigh float64

	// DataBits are the bits of a raw value that are ADU; see DataBits. Data with a sign
	// have at most 0x7fff.
	DataBits uint16

	// Workers is how many tiles of the detector are worked on at a time, while the
	// caller goes on to add frames; 0 or 1: by the caller itself. Results do not depend
	// on it.
	Workers int
}

// FoldingDataBits is what the reference takes for every single gain camera and
// cannot be told otherwise: values of 16 bit cameras fold above 16383
// (spec/dark.md section 14, D6).
const FoldingDataBits = 0x3fff

// Calibrun returns the defaults of psana's calibrun. Note that it hands limits to
// its subprocess as text with three decimals; finer ones are kept here.
func Calibrun() Params {
	p := Default()
	p.IntLow = 0.1
	p.RMSLow, p.RMSHigh = 0.1, 10000
	p.IntSigmaLow, p.IntSigmaHigh, p.RMSSigmaLow, p.RMSSigmaHigh = 5, 5, 5, 5
	return p
}

// Default returns the defaults of psana's det_ndarr_raw_proc and
// jungfrau_dark_proc.
func Default() Params {
	return Params{
		Frames: 1000, First: 50,
		IntLow: 1, IntHigh: 16000,
		RMSLow: 0.001, RMSHigh: 16000,
		IntSigmaLow: 6, IntSigmaHigh: 6, RMSSigmaLow: 6, RMSSigmaHigh: 6,
		Excess: 0.1, QuantileLow: 0.05, QuantileHigh: 0.95,
		DataBits: FoldingDataBits,
	}
}

// fourteenBits are the detector types, in lower case, whose upper two bits are
// none of the ADU: converters of 14 bits, with gain bits above them for some.
var fourteenBits = map[string]bool{
	"cspad": true, "cspad2x2": true, "epix": true, "epix10k": true, "epix100a": true, "pnccd": true,
	"epix10ka": true, "epix10kaquad": true, "epix10ka2m": true, "jungfrau": true,
}

// DataBits returns the bits of a raw value that are ADU, by the detector type's
// name in lower case, as in repo.DetType: 0x3fff for detectors with converters of
// 14 bits, 0xffff for cameras. The reference takes FoldingDataBits for all. Where
// cameras use more than 14 bits, IntHigh is to be raised as well, or values above
// it count as saturated.
func DataBits(detType string) uint16 {
	if fourteenBits[detType] {
		return 0x3fff
	}
	return 0xffff
}

// Bounds of what a dark may take of memory.
const (
	maxFirst  = 1000
	maxPixels = 1 << 24 // a Rayonix has 3840 x 3840, the largest in use
	maxDims   = 8
	maxFrames = 1<<(64-sumBits) - 1
)

// check refuses what cannot be computed with.
func (p Params) check() error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrParams, fmt.Sprintf(format, args...))
	}
	for _, field := range []struct {
		name  string
		value float64
	}{
		{"IntLow", p.IntLow}, {"IntHigh", p.IntHigh}, {"RMSLow", p.RMSLow}, {"RMSHigh", p.RMSHigh},
		{"IntSigmaLow", p.IntSigmaLow}, {"IntSigmaHigh", p.IntSigmaHigh},
		{"RMSSigmaLow", p.RMSSigmaLow}, {"RMSSigmaHigh", p.RMSSigmaHigh},
		{"Excess", p.Excess}, {"QuantileLow", p.QuantileLow}, {"QuantileHigh", p.QuantileHigh},
	} {
		if math.IsNaN(field.value) || math.IsInf(field.value, 0) {
			return fail("%s is %v", field.name, field.value)
		}
	}
	switch {
	case p.Frames < 1:
		return fail("%d frames, want at least 1", p.Frames)
	case p.First < 1 || p.First > maxFirst:
		return fail("gates from %d frames, want 1 to %d", p.First, maxFirst)
	case p.DataBits == 0:
		return fail("no data bits")
	case p.IntHigh < 0 || p.IntLow >= p.IntHigh:
		return fail("values from %v to %v", p.IntLow, p.IntHigh)
	case p.IntLow > float64(p.DataBits):
		return fail("values from %v, but data bits %#x", p.IntLow, p.DataBits)
	case p.Excess < 0 || p.Excess > 1:
		return fail("a fraction of %v of the frames", p.Excess)
	case p.QuantileLow < 0 || p.QuantileHigh > 1 || p.QuantileLow > p.QuantileHigh:
		return fail("quantiles %v and %v", p.QuantileLow, p.QuantileHigh)
	}
	return nil
}
