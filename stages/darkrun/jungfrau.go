package darkrun

import (
	"context"
	"errors"
	"fmt"

	"deployconstants/internal/logx"
	"deployconstants/stages/dark"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
)

// What jungfrau_dark_proc looks at unless told otherwise.
const (
	jungfrauEvents     = 100000 // of the run
	jungfrauStepEvents = 2000   // of a cycle
)

// jungfrauCycles are processed at most unless told otherwise, which no dark has: each
// takes some memory of the report.
const jungfrauCycles = 1000

// A jungfrau makes a dark of every calibration cycle: the gain of a cycle is that of the
// configuration, so that a run of three cycles and three runs are alike.
type jungfrau struct {
	*camera
	params  dark.Params
	dark    *Dark // of the present cycle; nil: it is not processed
	gain    int
	process *dark.Process // nil before its first frame
	cycles  int           // begun that were processed
	beyond  int           // cycles that were not, since there were too many
	inCycle int           // events of the cycle so far
	looked  int           // events of the run that were looked at
}

func (j *jungfrau) begin(event *dataset.Event) {
	j.dark, j.process, j.inCycle = nil, nil, 0
	if !j.wantsStep(event.Step, j.cycles, j.Window.Steps) || j.done() {
		return
	}
	if j.Window.Steps == nil && j.cycles >= jungfrauCycles {
		j.beyond++
		return
	}
	j.cycles++
	mode, err := jungfrauMode(event.Store, j.detector.Src)
	if err == nil {
		j.gain, err = dark.JungfrauGain(mode)
	}
	j.dark = j.newDark(event.Step, "")
	if err != nil {
		j.dark.fail(err)
		return
	}
	j.dark.Gain = fmt.Sprintf("gm%d-%s", j.gain, mode)
	j.log.WithField(logx.Gain, j.dark.Gain).Infof("cycle %d begins", event.Step)
}

// wantsStep reports whether a cycle is to be processed, of which there were some before.
func (c *camera) wantsStep(step, before int, most *int) bool {
	return (c.Window.Step == nil || *c.Window.Step == step) && (most == nil || before < *most)
}

func jungfrauMode(store *dataset.Store, src xtc.Src) (string, error) {
	for _, config := range store.Configs(src) {
		if c, ok := config.(*xtc.JungfrauConfig); ok {
			return c.GainMode.String(), nil
		}
	}
	return "", fmt.Errorf("%w: no configuration tells the gain", ErrNoDark)
}

func (j *jungfrau) event(event *dataset.Event, wanted bool) {
	number := j.inCycle
	j.inCycle++
	perStep := jungfrauStepEvents
	set(&perStep, j.Window.PerStep)
	switch {
	case j.dark == nil || j.dark.err != nil || number < j.Window.Skip || number-j.Window.Skip >= perStep:
		return
	case j.done() || j.process != nil && j.process.Full():
		return
	}
	if j.looked++; !wanted {
		return
	}
	frame, err := event.Frame(j.index)
	if err == nil {
		err = j.checkLikeFirst(frame)
	}
	if err != nil {
		j.dark.Without.add(err)
		return
	}
	if j.process == nil {
		shape, _ := j.layout(frame)
		if j.process, err = dark.NewJungfrau(j.params, shape, j.gain); err != nil {
			j.dark.fail(err)
			return
		}
		j.dark.Shape = shape
	}
	if err := j.give(j.process, frame); errors.Is(err, dark.ErrTooMany) {
		j.dark.fail(err)
	} else if err != nil {
		j.dark.Without.add(err)
	}
}

// done: so many events of the run were looked at.
func (j *jungfrau) done() bool {
	events := jungfrauEvents
	set(&events, j.Window.Events)
	return j.looked >= events
}

func (j *jungfrau) end(ctx context.Context) error {
	d := j.dark
	if d == nil {
		return nil
	}
	j.dark = nil
	d.Run = j.report.Run
	if d.err == nil {
		if j.process == nil {
			d.fail(fmt.Errorf("%w: 0, need at least 3", dark.ErrTooFewFrames))
		} else if r, err := j.process.Finish(); err != nil {
			d.Frames = j.process.Accepted()
			d.fail(err)
		} else {
			j.process = nil
			j.takeTables(ctx, d, []*dark.Result{r}, dark.JungfrauKinds())
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j.conclude(d)
	return nil
}

func (j *jungfrau) finish(context.Context) error {
	if j.cycles == 0 {
		d := j.newDark(-1, "")
		d.fail(fmt.Errorf("%w: the run has no calibration cycle that is to be processed", ErrNoDark))
		j.conclude(d)
	}
	if j.beyond > 0 {
		d := j.newDark(-1, "")
		d.fail(fmt.Errorf("%w: %d cycles behind the first %d; say how many are meant with --stepmax", ErrNoDark, j.beyond, jungfrauCycles))
		j.conclude(d)
	}
	return nil
}
