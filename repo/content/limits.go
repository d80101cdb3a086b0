package content

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

// Limits are what constants must keep to. The zero value is the default; see the
// package documentation for the ranges. It must not be changed while it is in use.
type Limits struct {
	// MaxChanged is the fraction of the elements, above 0 to 1, that may differ from
	// what is deployed, for ctypes that have none of their own; 0: any.
	MaxChanged float64

	// ByCType has what differs from the default for a ctype, by its deployed name.
	ByCType map[repo.CType]Limit

	MaxElements int   // of an array; default 1<<26, as ndarray.Limits
	MaxBytes    int64 // of a file; default 1 GiB: text of MaxElements short numbers
}

// A Limit replaces defaults of one ctype; nil leaves them.
type Limit struct {
	Min        *float64 // least element
	Max        *float64 // greatest element
	MaxChanged *float64 // fraction of the elements, 0 to 1, that may differ from what is deployed; 0: any
	MaxBad     *float64 // of bit words: fraction of the elements, 0 to 1, that may have a bit; 0: any
}

// allowed is what elements of one ctype may be.
type allowed struct {
	min, max   float64
	finite     float64 // greatest number that psana's element type has
	whole      bool    // numbers without fraction only
	nonZero    bool    // not all elements may be 0
	maxChanged float64
	maxBad     float64 // of bit words; 0: any
}

// defaults are explained in the package documentation. A ctype that is absent may
// have any finite number.
var defaults = map[repo.CType]allowed{
	repo.Pedestals:   {min: -1 << 16, max: 1 << 16},
	repo.PixelRMS:    {min: 0, max: 1 << 16},
	repo.PixelGain:   {min: -1e6, max: 1e6, nonZero: true},
	repo.PixelOffset: {min: -1 << 20, max: 1 << 20},
	repo.PixelBkgd:   {min: -1 << 24, max: 1 << 24},
	repo.PixelMask:   {min: 0, max: math.MaxUint8, whole: true},
	repo.PixelStatus: {min: 0, max: math.MaxUint16, whole: true},
	repo.StatusData:  {min: 0, max: math.MaxUint16, whole: true},
	repo.StatusExtra: {min: 0, max: math.MaxUint64, whole: true},
	repo.CommonMode:  {min: -1e6, max: 1e6},
}

// of returns what elements of a ctype may be.
func (l Limits) of(ctype repo.CType) allowed {
	a, known := defaults[ctype]
	if !known {
		a = allowed{min: -math.MaxFloat64, max: math.MaxFloat64}
	}
	a.finite, a.maxChanged = math.MaxFloat64, l.MaxChanged
	if ctype.DType() == ndarray.Float32 {
		a.finite = math.MaxFloat32
	}
	own := l.ByCType[ctype]
	for _, replaced := range []struct{ to, from *float64 }{
		{&a.min, own.Min}, {&a.max, own.Max}, {&a.maxChanged, own.MaxChanged}, {&a.maxBad, own.MaxBad},
	} {
		if replaced.from != nil {
			*replaced.to = *replaced.from
		}
	}
	a.min, a.max = max(a.min, -a.finite), min(a.max, a.finite)
	return a
}

func (l Limits) maxElements() int {
	if l.MaxElements <= 0 {
		return 1 << 26
	}
	return l.MaxElements
}

func (l Limits) maxBytes() int64 {
	if l.MaxBytes <= 0 {
		return 1 << 30
	}
	return l.MaxBytes
}

// Compares reports whether constants of the ctype are compared with what is
// deployed. If not, the verdict depends on the constants, the detector type and
// the ctype alone, and Check does not read what is deployed.
func (l Limits) Compares(ctype repo.CType) bool { return l.of(ctype.Deployed()).maxChanged > 0 }

// rules changes whenever the same limits would judge differently.
const rules = "1"

// Fingerprint identifies the limits, for remembered verdicts: verdicts under equal
// fingerprints are equal, whichever way the limits were written.
func (l Limits) Fingerprint() string {
	sum := sha256.New()
	fmt.Fprintln(sum, rules, l.maxElements(), l.maxBytes())
	for _, ctype := range repo.PsanaCTypes() {
		a := l.of(ctype)
		fmt.Fprintln(sum, ctype, a.min, a.max, a.whole, a.nonZero, a.maxChanged, a.maxBad)
	}
	return hex.EncodeToString(sum.Sum(nil))
}
