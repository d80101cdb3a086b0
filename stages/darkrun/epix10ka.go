package darkrun

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"deployconstants/internal/logx"
	"deployconstants/stages/dark"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/frames"
)

// epix10kaCycles are the cycles of a dark run, one for each gain that is not behind a
// switch.
const epix10kaCycles = 5

// An epix10ka makes a dark of every calibration cycle of an epix10ka, a quad or a 2M.
type epix10ka struct {
	*camera
	dark    *Dark          // of the present cycle; nil: it is not processed
	process *dark.Epix10ka // nil before its first frame
	cycles  int            // begun that were processed, but for those of again
	again   int            // of a mode that has been there
	taken   [epix10kaCycles]bool
	inCycle int // events of the cycle so far
}

func (e *epix10ka) begin(event *dataset.Event) {
	e.close()
	e.dark, e.process, e.inCycle = nil, nil, 0
	most := epix10kaCycles
	set(&most, e.Window.Steps)
	if !e.wantsStep(event.Step, e.cycles, &most) || e.again >= mostOthers {
		return
	}
	e.dark = e.newDark(event.Step, "")
	mode, err := e.mode(event)
	if err == nil && e.taken[mode] && e.Window.Steps == nil {
		e.again++ // it takes the place of no other
	} else {
		e.cycles++
	}
	if err != nil {
		e.dark.fail(err)
		return
	}
	e.taken[mode] = true
	e.dark.Gain = dark.Epix10kaModes[mode]
	e.log.WithField(logx.Gain, e.dark.Gain).Infof("cycle %d begins", event.Step)
}

// mode finds the gain mode of a cycle by its label, else by its number, and compares it
// with how the pixels are set.
func (e *epix10ka) mode(event *dataset.Event) (int, error) {
	mode, err := e.cycle(event, dark.Epix10kaCycle)
	if err != nil {
		return 0, err
	}
	if mode < 0 || mode >= epix10kaCycles {
		return 0, fmt.Errorf("%w: cycle %d has no label, and a dark has %d cycles", dark.ErrGain, mode, epix10kaCycles)
	}
	configured, err := e.configured(event)
	if err != nil {
		return 0, err
	}
	if configured != mode {
		return 0, fmt.Errorf("%w: cycle %d should be of %s, but the pixels are set to %s", dark.ErrGain,
			event.Step, dark.Epix10kaModes[mode], dark.Epix10kaModes[configured])
	}
	return mode, nil
}

// cycle returns the number of a cycle by its label, else as it is counted.
func (e *epix10ka) cycle(event *dataset.Event, parse func(label string) (int, error)) (int, error) {
	control, ok := event.Store.Control()
	if !ok || len(control.Labels) == 0 {
		return event.Step, nil
	}
	label, err := e.label(control.Labels)
	if err != nil {
		return 0, err
	}
	return parse(label)
}

// configured finds the gain mode that the pixels are set to.
func (e *epix10ka) configured(event *dataset.Event) (int, error) {
	panels, err := event.Store.Epix10kaPanels(e.detector.Src)
	if err != nil {
		return 0, fmt.Errorf("how the pixels are set: %w", err)
	}
	gains := make([][]byte, len(panels))
	for i := range panels {
		gains[i] = panels[i].Gains(nil)
	}
	return dark.Epix10kaConfigured(gains...)
}

// label returns the value of the label that is named like the detector:
// "XcsEndstation-0|Epix10ka-0", or its last part.
func (e *epix10ka) label(labels []xtc.PVLabel) (string, error) {
	name := strings.NewReplacer(".", "-", ":", "|").Replace(e.detector.Source)
	_, device, _ := strings.Cut(name, "|")
	for _, part := range []string{name, device} {
		for _, label := range labels {
			if strings.Contains(label.Name, part) {
				return label.Value, nil
			}
		}
	}
	return "", fmt.Errorf("%w: none of the %d labels of the cycle is named %s", dark.ErrGain, len(labels), name)
}

func (e *epix10ka) event(event *dataset.Event, wanted bool) {
	number := e.inCycle
	e.inCycle++
	if !wanted || e.dark == nil || e.dark.err != nil || number < e.Window.Skip || e.process != nil && e.process.Full() {
		return
	}
	frame, err := event.Frame(e.index)
	if err == nil {
		err = e.checkLikeFirst(frame)
	}
	if err == nil && frame.DType != frames.Uint16 {
		err = dark.ErrShape
	}
	if err != nil {
		e.dark.Without.add(err)
		return
	}
	shape, pixels := e.part(frame)
	if e.process == nil {
		options := dark.Epix10kaOptions{Workers: e.Workers}
		set(&options.Frames, e.Params.Collected)
		if e.process, err = dark.NewEpix10ka(shape, options); err != nil {
			e.dark.fail(err)
			return
		}
		e.dark.Shape = shape
	}
	switch err := e.process.Add(pixels); {
	case err == nil:
		e.dark.Frames++
	case errors.Is(err, dark.ErrShape):
		e.dark.Without.add(err)
	default:
		e.dark.fail(err)
	}
}

// done: all cycles of a dark were there, or too many came again.
func (e *epix10ka) done() bool {
	most := epix10kaCycles
	set(&most, e.Window.Steps)
	return (e.cycles >= most || e.again >= mostOthers) && (e.dark == nil || e.dark.err != nil || e.process != nil && e.process.Full())
}

func (e *epix10ka) end(ctx context.Context) error {
	d := e.dark
	if d == nil {
		return nil
	}
	e.dark = nil
	d.Run = e.report.Run
	if d.err == nil {
		if e.process == nil {
			d.fail(fmt.Errorf("%w: 0, need at least 2", dark.ErrTooFewFrames))
		} else if results, err := e.process.Finish(); err != nil {
			d.fail(err)
		} else {
			e.process = nil
			e.takeTables(ctx, d, results, dark.Epix10kaKinds())
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e.conclude(d)
	return nil
}

func (e *epix10ka) finish(context.Context) error {
	if e.cycles == 0 {
		d := e.newDark(-1, "")
		d.fail(fmt.Errorf("%w: the run has no calibration cycle that is to be processed", ErrNoDark))
		e.conclude(d)
	}
	return nil
}

func (e *epix10ka) close() {
	if e.process != nil {
		e.process.Close()
	}
}
