package dark

import (
	"fmt"
	"slices"

	"deployconstants/repo/ndarray"
)

// injectionSpacing is the distance of pulsed pixels from each other, in rows and in
// columns: so many cycles squared reach all of them.
const injectionSpacing = 7

// Cycles of a charge injection run (spec/dark.md section 7).
const (
	InjectionPositions = injectionSpacing * injectionSpacing                          // in each automatic mode
	InjectionCycles    = len(epix10kaCycles) + len(InjectionModes)*InjectionPositions // in all
	fiducialStep       = 3                                                            // from frame to frame at 120 Hz
	injectionFrames    = 4600                                                         // collected of a cycle (nbs)
)

// An InjectionMode is an automatic gain mode whose two gains charge injection tells.
type InjectionMode struct {
	Name           string // "AHL"
	Before, Behind string // of Epix10kaModes: before the switch and behind it
	mode           int    // of Epix10kaModes, as pixels are set to it
}

// InjectionModes are in the order of their cycles.
var InjectionModes = [...]InjectionMode{
	{Name: "AML", Before: "AML-M", Behind: "AML-L", mode: 4},
	{Name: "AHL", Before: "AHL-H", Behind: "AHL-L", mode: 3},
}

// InjectionCycle returns the number of a cycle of a charge injection run, from 0, by the
// value of its control label. The error is ErrGain.
func InjectionCycle(label string) (int, error) {
	if mode, err := Epix10kaCycle(label); err == nil {
		return mode, nil
	}
	for cycle := len(epix10kaCycles); cycle < InjectionCycles; cycle++ {
		trbit, position, _ := PulsedCycle(cycle)
		if label == fmt.Sprintf("position %d trbit %d", position, trbit) {
			return cycle, nil
		}
	}
	return 0, fmt.Errorf("%w: %q is no cycle of charge injection", ErrGain, label)
}

// PulsedCycle returns the index in InjectionModes, and the position of the pulsed pixels,
// of a cycle of a charge injection run; false for its darks.
func PulsedCycle(cycle int) (mode, position int, ok bool) {
	pulsed := cycle - len(epix10kaCycles)
	if pulsed < 0 || cycle >= InjectionCycles {
		return 0, 0, false
	}
	return pulsed / InjectionPositions, pulsed % InjectionPositions, true
}

// CheckConfigured returns ErrGain unless pixels that are set to a mode, by its index in
// Epix10kaModes, are set to this one.
func (m InjectionMode) CheckConfigured(configured int) error {
	if configured != m.mode {
		return fmt.Errorf("%w: the cycle should be of %s, but the pixels are set to %s", ErrGain,
			m.Before, Epix10kaModes[configured])
	}
	return nil
}

// PulseOptions are those of NewPulses. The zero value is ready for use.
type PulseOptions struct {
	Frames  int             // collected at most; default 4600
	Fit     InjectionParams // default DefaultInjection
	Workers int             // groups of pixels that are fitted at a time; 0 or 1: by the caller itself
}

func (o *PulseOptions) applyDefaults() {
	if o.Frames == 0 {
		o.Frames = injectionFrames
	}
	if o.Fit == (InjectionParams{}) {
		o.Fit = DefaultInjection()
	}
}

// Pulses collect the frames of cycles of charge injection, one cycle at a time, and fit
// the lines of the pixels that were pulsed.
//
// Frames must follow each other at 120 Hz: a jump of the fiducials begins the collection
// anew, but ends it where more than half of the frames are there. A frame that is
// missing is such a jump, and so is the beginning of a new count of fiducials. The last
// frame that was collected is not used, as by the reference. They are not safe for
// concurrent use.
//
// The memory that they take is that of the pulsed pixels, a 49th of all, in as many
// frames as the longest cycle has: with the default 26 MB for a panel, 413 MB for the 16
// of a 2M.
type Pulses struct {
	options   PulseOptions
	shape     [3]int     // panels, rows, columns
	pulsed    []int      // pixels of the present cycle
	frames    [][]uint16 // of them; those behind the collected ones are to be used again
	events    []int      // numbers of the collected frames
	fiducials uint32     // of the last one
	ended     bool       // by a jump
	jumps     int
}

// NewPulses is for frames of the shape (rows, columns) or (panels, rows, columns).
// Errors: ErrParams, ErrShape.
func NewPulses(shape []int, options PulseOptions) (*Pulses, error) {
	options.applyDefaults()
	if options.Frames < 2 || options.Frames > maxFrames {
		return nil, fmt.Errorf("%w: %d frames, want 2 to %d", ErrParams, options.Frames, maxFrames)
	}
	if err := options.Fit.check(); err != nil {
		return nil, err
	}
	of, err := panelShape(shape)
	if err != nil {
		return nil, err
	}
	return &Pulses{options: options, shape: of}, nil
}

// panelShape is (panels, rows, columns) of a detector's frames.
func panelShape(shape []int) (of [3]int, err error) {
	switch len(shape) {
	case 2:
		of = [3]int{1, shape[0], shape[1]}
	case 3:
		of = [3]int(shape)
	default:
		return of, fmt.Errorf("%w: an epix10ka of shape %v, want rows and columns of panels", ErrShape, shape)
	}
	_, err = countPixels(of[:])
	return of, err
}

// Begin begins a cycle, in which the pixels of a position are pulsed: every seventh one,
// from row position/7 and column position%7 on. The error is ErrParams.
func (p *Pulses) Begin(position int) error {
	if position < 0 || position >= InjectionPositions {
		return fmt.Errorf("%w: position %d of pulses, want 0 to %d", ErrParams, position, InjectionPositions-1)
	}
	p.pulsed, p.events, p.ended, p.jumps = p.pulsed[:0], p.events[:0], false, 0
	panels, rows, columns := p.shape[0], p.shape[1], p.shape[2]
	for panel := range panels {
		for row := position / injectionSpacing; row < rows; row += injectionSpacing {
			for column := position % injectionSpacing; column < columns; column += injectionSpacing {
				p.pulsed = append(p.pulsed, (panel*rows+row)*columns+column)
			}
		}
	}
	return nil
}

// Full reports whether the cycle takes no more frames.
func (p *Pulses) Full() bool { return p.ended || len(p.events) >= p.options.Frames }

// Frames returns how many frames of the cycle are collected.
func (p *Pulses) Frames() int { return len(p.events) }

// Jumps returns how often the fiducials of the cycle jumped.
func (p *Pulses) Jumps() int { return p.jumps }

// Add collects a frame with the number of its event in the cycle, and its fiducials. It
// keeps nothing of it: the caller may use it again. When full, frames are not taken any
// more. The error is ErrShape for another number of pixels.
func (p *Pulses) Add(frame []uint16, event int, fiducials uint32) error {
	if want := p.shape[0] * p.shape[1] * p.shape[2]; len(frame) != want {
		return fmt.Errorf("%w: a frame of %d pixels, want %d", ErrShape, len(frame), want)
	}
	if p.Full() {
		return nil
	}
	n := len(p.events)
	if n > 0 && fiducials != p.fiducials+fiducialStep {
		p.jumps++
		if p.ended = n-1 >= p.options.Frames/2; p.ended {
			return nil
		}
		n = 0
	}
	p.fiducials = fiducials
	p.events = append(p.events[:n], event)
	if n == len(p.frames) {
		p.frames = append(p.frames, nil)
	}
	kept := slices.Grow(p.frames[n][:0], len(p.pulsed))
	for _, pixel := range p.pulsed {
		kept = append(kept, frame[pixel])
	}
	p.frames[n] = kept
	return nil
}

// traceTile is how many pixels are fitted together: of every frame the values of a
// cache line.
const traceTile = 32

// Fit ends the cycle and puts the lines of its pixels where they belong. Errors:
// ErrTooFewPulses for less than two frames, ErrShape for lines of another detector.
func (p *Pulses) Fit(lines *InjectionLines) error {
	if lines.shape != p.shape {
		return fmt.Errorf("%w: lines of %v pixels for frames of %v", ErrShape, lines.shape, p.shape)
	}
	n := len(p.events) - 1
	if n < 1 {
		return fmt.Errorf("%w: %d, need at least 2, of which the last is not used", ErrTooFewPulses, len(p.events))
	}
	tiles := (len(p.pulsed) + traceTile - 1) / traceTile
	return each(tiles, p.options.Workers, func(tile int) { p.fitTile(lines, tile*traceTile, n) })
}

// fitTile fits the pulsed pixels from one of them on, in n frames.
func (p *Pulses) fitTile(lines *InjectionLines, first, n int) {
	pixels := p.pulsed[first:min(first+traceTile, len(p.pulsed))]
	traces := make([]uint16, n*len(pixels))
	for k, frame := range p.frames[:n] {
		for i := range pixels {
			traces[i*n+k] = frame[first+i]
		}
	}
	for i, pixel := range pixels {
		in := fitInjection(traces[i*n:(i+1)*n], p.events[:n], p.options.Fit)
		lines.Before[pixel], lines.Behind[pixel] = in.Before, in.After
	}
}

// InjectionLines are what charge injection tells of all pixels of a detector in one
// mode, in C order. Lines that were not fitted are zero.
type InjectionLines struct {
	Before, Behind []Line // the switch
	shape          [3]int
}

// NewInjectionLines returns lines for frames of the shape (rows, columns) or (panels,
// rows, columns). The error is ErrShape.
func NewInjectionLines(shape []int) (*InjectionLines, error) {
	of, err := panelShape(shape)
	if err != nil {
		return nil, err
	}
	pixels := of[0] * of[1] * of[2]
	return &InjectionLines{Before: make([]Line, pixels), Behind: make([]Line, pixels), shape: of}, nil
}

// Panels returns how many there are.
func (l *InjectionLines) Panels() int { return l.shape[0] }

// Fitted counts the pixels that have lines.
func (l *InjectionLines) Fitted() int {
	n := 0
	for pixel := range l.Before {
		if l.IsFitted(pixel) {
			n++
		}
	}
	return n
}

// IsFitted reports whether a pixel has lines.
func (l *InjectionLines) IsFitted(pixel int) bool {
	return l.Before[pixel] != (Line{}) || l.Behind[pixel] != (Line{})
}

// An InjectionTable is one of those that are made of the lines of a panel.
type InjectionTable struct {
	Dir   string // of the tables, in that of the panel
	CType string // in names of tables
	Mode  string // of Epix10kaModes, or the name of the InjectionMode

	value func(before, behind Line) float64
}

// InjectionFormat is how an element of the tables is written.
const InjectionFormat = "%.6f"

// Tables returns those of a mode: gains and offsets before and behind the switch, and the
// difference of the offsets.
func (m InjectionMode) Tables() []InjectionTable {
	return []InjectionTable{
		{"gain", "gainci", m.Before, func(before, _ Line) float64 { return before.Slope }},
		{"gain", "gainci", m.Behind, func(_, behind Line) float64 { return behind.Slope }},
		{"offset", "offset", m.Before, func(before, _ Line) float64 { return before.Intercept }},
		{"offset", "offset", m.Behind, func(_, behind Line) float64 { return behind.Intercept }},
		{"offset", "offset", m.Name, func(before, behind Line) float64 { return before.Intercept - behind.Intercept }},
	}
}

// Of returns the table of one panel.
func (t InjectionTable) Of(lines *InjectionLines, panel int) *ndarray.Array {
	size := lines.shape[1] * lines.shape[2]
	return &ndarray.Array{
		Shape: slices.Clone(lines.shape[1:]), DType: ndarray.Float64, Floats: t.values(lines, panel*size, size),
	}
}

// Values returns the elements of all panels, one behind the other.
func (t InjectionTable) Values(lines *InjectionLines) []float64 {
	return t.values(lines, 0, len(lines.Before))
}

func (t InjectionTable) values(lines *InjectionLines, from, n int) []float64 {
	values := make([]float64, n)
	for i := range values {
		values[i] = t.value(lines.Before[from+i], lines.Behind[from+i])
	}
	return values
}
