package dark

import (
	"fmt"
	"slices"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

// JungfrauGains are the gain indices of a Jungfrau: high, medium, low.
const JungfrauGains = 3

// jungfrauBits are the upper two bits of raw values by gain index; 2 is invalid.
var jungfrauBits = [JungfrauGains]int{0, 1, 3}

// JungfrauGain returns the gain index of a step, 0 to 2, by the name of the configured
// gain mode, and what both are called in names of tables, as in repo.GainModes
// (spec/dark.md section 5). Dynamic gain is no mode for darks. The error is ErrGain.
func JungfrauGain(mode string) (gain int, table string, err error) {
	for gain, tables := range repo.GainModes("jungfrau") {
		if table := fmt.Sprintf("gm%d-%s", gain, mode); slices.Contains(tables, table) {
			return gain, table, nil
		}
	}
	return 0, "", fmt.Errorf("%w: %q is no mode of a Jungfrau dark", ErrGain, mode)
}

// NewJungfrau begins the dark of one step (calibration cycle, or run) of a
// Jungfrau, whose frames have the shape (panels, rows, columns). A pixel that has
// other gain bits than those of the gain index in any frame gets the status bit
// BadGain.
//
// Errors: ErrGain, ErrParams (data bits must leave out the gain bits), ErrShape.
func NewJungfrau(params Params, shape []int, gain int) (*Process, error) {
	if gain < 0 || gain >= JungfrauGains {
		return nil, fmt.Errorf("%w: index %d of a Jungfrau", ErrGain, gain)
	}
	if params.DataBits > FoldingDataBits {
		return nil, fmt.Errorf("%w: data bits %#x include the gain bits of a Jungfrau", ErrParams, params.DataBits)
	}
	p, err := New(params, shape, ndarray.Uint16)
	if err != nil {
		return nil, err
	}
	p.expected = jungfrauBits[gain]
	p.badGain = make([]bool, len(p.pixels))
	return p, nil
}

// checkGain marks the pixels of a tile whose gain bits differ in any row.
func checkGain(bad []bool, rows []uint16, expected uint16) {
	for i := range bad {
		var differ uint16
		for at := i; at < len(rows); at += tileLen {
			differ |= rows[at] ^ expected<<14
		}
		bad[i] = bad[i] || differ>>14 != 0
	}
}

// markBadGain adds the status bit, behind limits and counts: they do not depend on
// it.
func (r *Result) markBadGain(bad []bool) {
	for i := range r.Status {
		r.Status[i] |= bit(bad[i], BadGain)
	}
}
