package dark

import (
	"fmt"
	"math"
	"slices"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

// Epix10kaModes are the gain modes of an epix10ka, in the order of the first
// dimension of its constants: fixed high, medium, low; automatic high to low and
// medium to low, before and behind the switch.
var Epix10kaModes = slices.Concat(repo.GainModes("epix10ka")...)

// epix10kaCycles are the calibration cycles of a dark, which give the first five
// modes.
var epix10kaCycles = [...]string{
	"dark Fixed High Gain", "dark Fixed Medium Gain", "dark Fixed Low Gain",
	"dark Auto High to Low", "dark Auto Medium to Low",
}

// Epix10kaCycle returns the index in Epix10kaModes of a calibration cycle, by the
// value of its control label. The error is ErrGain.
func Epix10kaCycle(label string) (int, error) {
	if mode := slices.Index(epix10kaCycles[:], label); mode >= 0 {
		return mode, nil
	}
	return 0, fmt.Errorf("%w: %q is no cycle of an epix10ka dark", ErrGain, label)
}

// Epix10kaConfigured returns the index in Epix10kaModes for which more than half of
// the pixels are configured. Of each panel it gets what the gain of each pixel is
// made of: bits 2 and 3 of its control word, and as bit 4 the trbit of its ASIC.
// The error is ErrGain.
func Epix10kaConfigured(panels ...[]byte) (mode int, err error) {
	var counts [len(epix10kaCycles)]int
	pixels := 0
	for _, panel := range panels {
		pixels += len(panel)
		for _, gain := range panel {
			if mode, ok := epix10kaMode(gain); ok {
				counts[mode]++
			}
		}
	}
	for mode, count := range counts {
		if count > pixels/2 {
			return mode, nil
		}
	}
	return 0, fmt.Errorf("%w: no mode has more than half of the %d pixels of an epix10ka: %v have %v",
		ErrGain, pixels, counts, Epix10kaModes[:len(counts)])
}

// epix10kaMode is the mode of one pixel; false for bits that are none of a dark's.
func epix10kaMode(gain byte) (mode int, ok bool) {
	switch {
	case gain&28 == 28:
		return 0, true
	case gain&28 == 12:
		return 1, true
	case gain&12 == 8:
		return 2, true
	case gain&28 == 16:
		return 3, true
	case gain&28 == 0:
		return 4, true
	}
	return 0, false
}

// Fixed parameters of the epix10ka dark: the reference's command has no options
// for them (spec/dark.md section 6).
const (
	epix10kaFrames     = 1024 // collected (nbs)
	epix10kaFirst      = 500  // of them give the gates
	epix10kaGateSigmas = 6
)

// Epix10kaOptions are those of NewEpix10ka. The zero value is ready for use.
type Epix10kaOptions struct {
	Frames  int // collected at most; default 1024
	Workers int // as Params.Workers
}

// An Epix10ka makes the dark of one calibration cycle of an epix10ka, quad or 2M:
// an algorithm of its own (spec/dark.md section 6). The first 500 frames give an
// average and one width for all pixels of a panel; the values that are summed are
// those within the width of the average, in all frames, so that the first ones are
// needed twice.
//
// The last frame that was collected is not used, as by the reference (section 14,
// D5). It is not safe for concurrent use.
type Epix10ka struct {
	options   Epix10kaOptions
	shape     []int   // of a panel
	gather    *gather // the last frame waits there until another comes
	adder     adder
	pixels    []pixel  // of all panels, one behind the other
	kept      []keeper // by tile: frames of the first pass, for the second
	dead      []bool   // by panel
	collected int
	used      int
	gated     bool
	finished  bool
}

// NewEpix10ka begins the dark of a cycle whose frames have the shape (rows,
// columns) or (panels, rows, columns).
//
// The memory that it takes is, per pixel, some 100 bytes, and 1 to 3 bytes for each of
// the first 500 frames: 1 but for values that are more than 127 ADU from the first
// frame's.
//
// Errors: ErrParams, ErrShape.
func NewEpix10ka(shape []int, options Epix10kaOptions) (*Epix10ka, error) {
	if options.Frames == 0 {
		options.Frames = epix10kaFrames
	}
	if options.Frames < 0 || options.Frames > maxFrames {
		return nil, fmt.Errorf("%w: %d frames, want at most %d", ErrParams, options.Frames, maxFrames)
	}
	panels := 1
	if len(shape) == 3 {
		panels, shape = shape[0], shape[1:]
	}
	if len(shape) != 2 {
		return nil, fmt.Errorf("%w: an epix10ka of shape %v, want rows and columns of panels", ErrShape, shape)
	}
	size, err := countPixels([]int{panels, shape[0], shape[1]})
	if err != nil {
		return nil, err
	}
	params := Default()
	a := adder{bits: params.DataBits, low: int64(params.IntLow), high: int64(params.IntHigh)}
	tiles := countTiles(size)
	return &Epix10ka{
		options: options, shape: slices.Clone(shape), gather: newGather(groupLen, tiles, options.Workers), adder: a,
		pixels: newPixels(tiles, uint16(a.low), uint16(a.high)), kept: make([]keeper, tiles), dead: make([]bool, panels),
	}, nil
}

// panel returns the pixels of a panel.
func (e *Epix10ka) panel(i int) []pixel {
	size := e.shape[0] * e.shape[1]
	return e.pixels[i*size : (i+1)*size]
}

// tile returns the pixels of a tile, which may be of two panels.
func (e *Epix10ka) tile(i int) []pixel { return e.pixels[i*tileLen : (i+1)*tileLen] }

// Full reports whether as many frames were collected as were asked for.
func (e *Epix10ka) Full() bool { return e.collected >= e.options.Frames }

// Add collects a frame. It keeps nothing of it: the caller may use it again. When
// full, frames are not taken any more.
//
// Errors: ErrShape for another number of pixels, ErrFinished.
func (e *Epix10ka) Add(frame []uint16) error {
	if want := len(e.dead) * e.shape[0] * e.shape[1]; len(frame) != want {
		return fmt.Errorf("%w: a frame of %d pixels, want %d", ErrShape, len(frame), want)
	}
	switch {
	case e.finished:
		return ErrFinished
	case e.Full():
		return nil
	}
	if waiting := e.gather.waiting; waiting == groupLen || !e.gated && e.used+waiting == epix10kaFirst {
		if err := e.use(); err != nil {
			return err
		}
	}
	e.gather.store.put(e.gather.next(), frame)
	e.collected++
	return nil
}

// use has the frames that wait summed, and those of the first pass kept, which it ends.
func (e *Epix10ka) use() error {
	e.used += e.gather.waiting
	keeping := !e.gated
	err := e.gather.work(func(tile int, rows []uint16) {
		e.adder.add(e.tile(tile), rows)
		if keeping {
			e.kept[tile].keep(rows, FoldingDataBits)
		}
	})
	if err != nil || e.gated || e.used < epix10kaFirst {
		return err
	}
	return e.gate()
}

// gate ends the first pass: it sets the gates, and sums the kept frames for them.
func (e *Epix10ka) gate() error {
	e.gated = true
	if err := e.gather.wait(); err != nil {
		return err
	}
	if err := each(len(e.dead), e.options.Workers, e.gatePanel); err != nil {
		return err
	}
	return each(len(e.kept), e.options.Workers, e.release)
}

// gatePanel begins the sums of a panel anew, for gates of so many average widths around
// the averages. A panel none of whose pixels has a width, which is the reference's
// death (D5), keeps the widest gates.
func (e *Epix10ka) gatePanel(panel int) {
	pixels := e.panel(panel)
	low, high := float64(e.adder.low), float64(e.adder.high)
	averages, widths := make([]float64, len(pixels)), make([]float64, len(pixels))
	for i := range pixels {
		averages[i], widths[i] = pixels[i].average()
	}
	half, ok := gateHalf(widths)
	e.dead[panel] = !ok
	if !ok {
		half = math.Inf(1)
	}
	for i, average := range averages {
		pixels[i] = newPixel(uint16(max(average-half, low)), uint16(min(average+half, high)))
	}
}

// release sums the kept frames of a tile, and forgets them.
func (e *Epix10ka) release(tile int) {
	var room [groupLen * tileLen]uint16
	kept := &e.kept[tile]
	for _, group := range kept.groups {
		e.adder.add(e.tile(tile), kept.rows(group, room[:]))
	}
	*kept = keeper{}
}

// gateHalf returns half of a panel's gate: 6 times the mean of the widths that a
// living pixel can have. False if there are none.
func gateHalf(widths []float64) (half float64, ok bool) {
	params := Default()
	living := make([]float64, len(widths)) // 0 for the others, as numpy sums
	n := 0
	for i, width := range widths {
		if width >= params.RMSLow && width <= params.RMSHigh {
			living[i] = width
			n++
		}
	}
	if n == 0 {
		return 0, false
	}
	return epix10kaGateSigmas * (sum(living) / float64(n)), true
}

// Finish ends the dark and returns the results panel by panel, of shape (rows,
// columns). Result.Frames counts the collected frames, Result.Statistics those that
// were used. A dead panel's result is marked as Result.Dead.
//
// Errors: ErrTooFewFrames for less than two, ErrFinished.
func (e *Epix10ka) Finish() ([]*Result, error) {
	switch {
	case e.finished:
		return nil, ErrFinished
	case e.collected < 2:
		return nil, fmt.Errorf("%w: %d, need at least 2, of which the last is not used", ErrTooFewFrames, e.collected)
	}
	defer e.Close()
	e.gather.waiting-- // the last
	if err := e.use(); err != nil {
		return nil, err
	}
	if !e.gated {
		if err := e.gate(); err != nil {
			return nil, err
		}
	}
	if err := e.gather.wait(); err != nil {
		return nil, err
	}
	params := Default()
	results := make([]*Result, len(e.dead))
	err := each(len(results), e.options.Workers, func(panel int) {
		r := &Result{
			Shape: e.shape, DType: ndarray.Uint16, Frames: e.collected, Statistics: e.used,
			Threshold: threshold(params.Excess, e.used), Dead: e.dead[panel], pixels: e.panel(panel),
		}
		r.average()
		r.judge(params)
		results[panel] = r
	})
	if err != nil {
		return nil, err
	}
	return results, nil
}

// Close ends a dark whose results are not wanted, and returns when its workers have
// ended. Behind Finish it does nothing.
func (e *Epix10ka) Close() {
	e.finished = true
	_ = e.gather.wait() // the sums are of no use any more
}

// SwitchedPedestals derives the pedestals behind the switch of an automatic mode,
// AHL-L from AHL-H or AML-L from AML-M, from those before it and from offsets and
// gains of charge injection:
//
//	low = offsetLow - (offset - pedestal) * gainLow/gain        0 for the quotient where gain is 0
//
// All are in C order. The error is ErrShape unless they are of one length.
func SwitchedPedestals(pedestal, offset, offsetLow, gain, gainLow []float64) ([]float64, error) {
	n := len(pedestal)
	if len(offset) != n || len(offsetLow) != n || len(gain) != n || len(gainLow) != n {
		return nil, fmt.Errorf("%w: pedestals, offsets and gains of %d, %d, %d, %d, %d elements", ErrShape,
			n, len(offset), len(offsetLow), len(gain), len(gainLow))
	}
	low := make([]float64, n)
	for i := range low {
		ratio := 0.0
		if gain[i] != 0 {
			ratio = gainLow[i] / gain[i]
		}
		low[i] = offsetLow[i] - float64((offset[i]-pedestal[i])*ratio)
	}
	return low, nil
}
