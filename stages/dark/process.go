package dark

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"deployconstants/repo/ndarray"
)

// A Process makes a dark of frames that are added one by one: psana's DarkProc
// (spec/dark.md section 3). It is not safe for concurrent use.
type Process struct {
	params   Params
	shape    []int
	dtype    ndarray.DType
	size     int // pixels
	expected int // gain bits, or -1

	gather   *gather
	pixels   []pixel
	badGain  []bool // nil without expected gain bits
	adder    adder
	accepted int // frames
	gated    bool
	finished bool
}

// New begins a dark of frames of that shape and type, Uint16 or Int16. Data of
// 8 bits count as Uint16, see AddBytes.
//
// The memory that it takes is, per pixel, 2 bytes for each of the params.First or 16
// frames, with several workers 32, whichever are more, and 32 bytes.
//
// Errors: ErrParams, ErrShape.
func New(params Params, shape []int, dtype ndarray.DType) (*Process, error) {
	if err := params.check(); err != nil {
		return nil, err
	}
	size, err := countPixels(shape)
	if err != nil {
		return nil, err
	}
	switch dtype {
	case ndarray.Uint16:
	case ndarray.Int16:
		if params.DataBits > math.MaxInt16 {
			return nil, fmt.Errorf("%w: data bits %#x of data with a sign", ErrParams, params.DataBits)
		}
	default:
		return nil, fmt.Errorf("%w: raw data of type %v, want uint16 or int16", ErrParams, dtype)
	}
	tiles := countTiles(size)
	p := &Process{
		params: params, shape: slices.Clone(shape), dtype: dtype, size: size, expected: -1,
		gather: newGather(params.First, tiles, params.Workers),
		pixels: newPixels(tiles, 1, 0),
		adder: adder{
			bits: params.DataBits,
			low:  int64(math.Ceil(params.IntLow)),
			high: int64(math.Floor(min(params.IntHigh, math.MaxUint16))),
		},
	}
	return p, nil
}

// countPixels multiplies dimensions. The error is ErrShape.
func countPixels(shape []int) (int, error) {
	n := 1
	for _, dim := range shape {
		if dim < 1 || dim > maxPixels/n {
			return 0, fmt.Errorf("%w: a detector of shape %s, want 1 to %d pixels", ErrShape, ndarray.ShapeString(shape), maxPixels)
		}
		n *= dim
	}
	if len(shape) == 0 || len(shape) > maxDims {
		return 0, fmt.Errorf("%w: a detector of %d dimensions", ErrShape, len(shape))
	}
	return n, nil
}

// Accepted returns how many frames were added.
func (p *Process) Accepted() int { return p.accepted }

// Full reports whether the dark has the frames that were asked for.
func (p *Process) Full() bool { return p.accepted >= p.params.Frames }

// Add adds a frame in C order. It keeps nothing of it: the caller may use it again.
// An event without data of the detector is none.
//
// Errors: ErrShape for another number of pixels or type, ErrTooMany above 2^24-1
// frames, ErrFinished.
func (p *Process) Add(frame []uint16) error {
	if err := p.checkFrame(len(frame), ndarray.Uint16); err != nil {
		return err
	}
	p.gather.store.put(p.gather.next(), frame)
	return p.added()
}

// AddSigned is Add for frames of type Int16. A negative value is, with data bits
// 0x3fff, 16384 more, and then above IntHigh, as for the reference (spec/dark.md
// section 14, D7).
func (p *Process) AddSigned(frame []int16) error {
	if err := p.checkFrame(len(frame), ndarray.Int16); err != nil {
		return err
	}
	putConverted(p.gather.store, p.gather.next(), frame)
	return p.added()
}

// AddBytes is Add for frames of 8 bits, which count as Uint16: the reference cannot
// process them (spec/dark.md section 14, D13).
func (p *Process) AddBytes(frame []uint8) error {
	if err := p.checkFrame(len(frame), ndarray.Uint16); err != nil {
		return err
	}
	putConverted(p.gather.store, p.gather.next(), frame)
	return p.added()
}

func (p *Process) checkFrame(pixels int, dtype ndarray.DType) error {
	switch {
	case p.finished:
		return ErrFinished
	case dtype != p.dtype:
		return fmt.Errorf("%w: a frame of %v, want %v", ErrShape, dtype, p.dtype)
	case pixels != p.size:
		return fmt.Errorf("%w: a frame of %d pixels, want %d of shape %s", ErrShape, pixels, p.size, ndarray.ShapeString(p.shape))
	case p.accepted >= maxFrames:
		return fmt.Errorf("%w: %d", ErrTooMany, p.accepted)
	}
	return nil
}

// added counts the frame that was put into the store, and sums when there is a group.
func (p *Process) added() error {
	p.accepted++
	full := groupLen
	if !p.gated {
		full = p.params.First
	}
	if p.gather.waiting < full {
		return nil
	}
	return p.sum()
}

// sum has the frames that wait summed. The first ones set the gates.
func (p *Process) sum() error {
	finding := !p.gated
	p.gated = true
	return p.gather.work(func(tile int, rows []uint16) {
		pixels := p.pixels[tile*tileLen : (tile+1)*tileLen]
		if finding {
			newGater(p.params, p.dtype == ndarray.Int16, len(rows)/tileLen).find(pixels, rows)
		}
		p.adder.add(pixels, rows)
		if p.badGain != nil {
			checkGain(p.badGain[tile*tileLen:(tile+1)*tileLen], rows, uint16(p.expected))
		}
	})
}

// Close ends a dark whose result is not wanted, and returns when its workers have ended.
// Behind Finish it does nothing.
func (p *Process) Close() {
	p.finished = true
	_ = p.gather.wait() // the sums are of no use any more
}

// Finish ends the dark. It needs three frames, as the reference, whose data of
// fewer are none. Frames fewer than params.First set the gates all the same; the
// zeros that the reference adds then are not (spec/dark.md section 14, D1).
//
// Errors: ErrTooFewFrames, ErrFinished.
func (p *Process) Finish() (*Result, error) {
	if p.finished {
		return nil, ErrFinished
	}
	defer p.Close()
	const fewest = 3
	if p.accepted < fewest {
		return nil, fmt.Errorf("%w: %d, need at least %d", ErrTooFewFrames, p.accepted, fewest)
	}
	if err := errors.Join(p.sum(), p.gather.wait()); err != nil {
		return nil, err
	}
	r := &Result{
		Shape: p.shape, DType: p.dtype, Frames: p.accepted,
		Statistics: p.accepted - 1, Threshold: threshold(p.params.Excess, p.accepted-1),
		pixels: p.pixels[:p.size],
	}
	r.average()
	r.judge(p.params)
	if p.badGain != nil {
		r.markBadGain(p.badGain)
	}
	return r, nil
}

// threshold is how many values outside of the range a good pixel may have.
func threshold(excess float64, statistics int) int { return int(excess * float64(statistics)) }
