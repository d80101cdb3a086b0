package darkrun

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sirupsen/logrus"

	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/frames"
)

type logger = logrus.FieldLogger

// A single makes the dark of a run of a detector with one gain.
type single struct {
	*camera
	params  dark.Params
	window  dark.Window
	dark    *Dark
	process *dark.Process // nil before the first frame
	events  int
	stopped bool
}

func newSingle(c *camera) *single {
	s := &single{camera: c, params: c.Params.of(c.panel.Type.Name, dark.Calibrun(), c.Workers), dark: c.newDark(-1, "")}
	events := s.params.Frames
	set(&events, c.Window.Events)
	s.window = dark.CalibrunWindow(c.Window.Skip, events)
	return s
}

func (s *single) begin(*dataset.Event) {}

func (s *single) end(context.Context) error { return nil }

func (s *single) event(event *dataset.Event, wanted bool) {
	if s.dark.err != nil || s.singlesDone() {
		return
	}
	action := s.window.At(s.events)
	s.events++
	switch {
	case action == dark.Skip:
		return
	case action == dark.Stop:
		s.stopped = true
		return
	case !wanted:
		return
	}
	frame, err := event.Frame(s.index)
	if err == nil {
		err = s.add(frame)
	}
	switch {
	case err == nil:
	case errors.Is(err, dark.ErrParams) || errors.Is(err, dark.ErrTooMany) || s.process == nil && errors.Is(err, dark.ErrShape):
		s.dark.fail(err)
	default:
		s.dark.Without.add(err)
	}
}

func (s *single) add(f frames.Frame) (err error) {
	if err := s.checkLikeFirst(f); err != nil {
		return err
	}
	if s.process == nil {
		shape, dtype := s.layout(f)
		if s.Geometry && len(shape) != 2 {
			return fmt.Errorf("%w: no geometry of frames of %v pixels, which are no matrix", dark.ErrShape, shape)
		}
		if s.process, err = dark.New(s.params, shape, dtype); err != nil {
			return err
		}
		s.dark.Shape = shape
	}
	return s.give(s.process, f)
}

// done: the events of the window are over, or there are enough frames.
func (s *single) done() bool { return s.stopped || s.process != nil && s.process.Full() }

func (s *single) finish(ctx context.Context) error {
	s.dark.Run = s.report.Run
	if s.dark.err == nil {
		if s.process == nil {
			s.dark.fail(fmt.Errorf("%w: 0, need at least 3", dark.ErrTooFewFrames))
		} else if r, err := s.process.Finish(); err != nil {
			s.dark.Frames = s.process.Accepted()
			s.dark.fail(err)
		} else {
			s.process = nil // its sums are in the result
			s.take(ctx, r)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s.conclude(s.dark)
	return nil
}

func (s *single) close() {
	if s.process != nil {
		s.process.Close()
	}
}

// take judges and saves the result.
func (s *single) take(ctx context.Context, r *dark.Result) {
	d := s.dark
	d.describe(r)
	s.draw(d, []*dark.Result{r})
	stamp, err := s.judge(&d.Made)
	if err == nil {
		previous, lost := s.previous(stamp)
		err = s.compare(ctx, d, s.pedestals(r), previous, lost)
	}
	if err != nil {
		d.fail(err)
		return
	}
	if err := s.saveSingle(ctx, d, r); err != nil {
		d.fail(err)
	}
	if err := s.saveFeatures(ctx, d); err != nil {
		d.fail(err)
	}
}

// layout returns shape and type of the arrays of a dark of such frames: those of a
// cspad2x2 have their sections first, and 8 bit data count as 16 bit data.
func (c *camera) layout(f frames.Frame) ([]int, ndarray.DType) {
	switch {
	case f.DType != frames.Int16:
		return f.Shape, ndarray.Uint16
	case f.BySection(nil) != nil:
		return []int{f.Shape[2], f.Shape[0], f.Shape[1]}, ndarray.Int16
	}
	return f.Shape, ndarray.Int16
}

// checkLikeFirst returns an error that wraps dark.ErrShape for a frame of another shape or
// type than the first one of the dark, even if it has as many pixels.
func (c *camera) checkLikeFirst(f frames.Frame) error {
	if c.first.Shape == nil {
		c.first = frames.Frame{Shape: slices.Clone(f.Shape), DType: f.DType}
	}
	if !slices.Equal(f.Shape, c.first.Shape) || f.DType != c.first.DType {
		return fmt.Errorf("%w: %s %v, the first frame is %s %v", dark.ErrShape, f.DType, f.Shape, c.first.DType, c.first.Shape)
	}
	return nil
}

// give adds a frame to a process.
func (c *camera) give(p *dark.Process, f frames.Frame) error {
	switch f.DType {
	case frames.Uint8:
		return p.AddBytes(f.Data)
	case frames.Uint16:
		return p.Add(f.Uint16())
	}
	if sections := f.BySection(c.signed); sections != nil {
		c.signed = sections
		return p.AddSigned(sections)
	}
	return p.AddSigned(f.Int16())
}
