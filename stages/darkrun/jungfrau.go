package darkrun

import (
	"context"
	"errors"
	"fmt"

	"deployconstants/internal/logx"
	"deployconstants/stages/dark"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/frames"
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
// configuration, so that a run of three cycles and three runs are alike. Where events are
// chosen by their codes, the cycles of a run that have the same gain mode are one dark, as
// in the reference: there may be few such events in each (spec/dark.md section 5).
type jungfrau struct {
	*camera
	params  dark.Params
	now     *jungfrauDark   // of the present cycle; nil: it is not processed
	open    []*jungfrauDark // that end with the run, each of another gain mode
	cycles  int             // begun that were processed
	beyond  int             // cycles that were not, since there were too many
	inCycle int             // events of the cycle so far
	looked  int             // events of the run that were looked at
}

// A jungfrauDark is a dark under way.
type jungfrauDark struct {
	*Dark
	gain    int
	process *dark.Process // nil before the first frame
	first   frames.Frame  // camera.first, while another dark goes on
}

func (j *jungfrau) begin(event *dataset.Event) {
	if j.Codes == nil {
		j.now.close()
	}
	j.now, j.inCycle = nil, 0
	if !j.wantsStep(event.Step, j.cycles, j.Window.Steps) || j.done() {
		return
	}
	if j.Window.Steps == nil && j.cycles >= jungfrauCycles {
		j.beyond++
		return
	}
	j.cycles++
	gain, name, err := j.mode(event)
	if err == nil {
		for _, d := range j.open {
			if d.Gain == name {
				j.log.WithField(logx.Gain, name).Infof("cycle %d goes on with the dark of this gain", event.Step)
				j.now, j.first, d.Step = d, d.first, -1
				return
			}
		}
		j.log.WithField(logx.Gain, name).Infof("cycle %d begins", event.Step)
	}
	j.now = &jungfrauDark{Dark: j.newDark(event.Step, name), gain: gain}
	if err != nil {
		j.now.fail(err)
	}
	if j.Codes != nil {
		j.open = append(j.open, j.now)
	}
}

// wantsStep reports whether a cycle is to be processed, of which there were some before.
func (c *camera) wantsStep(step, before int, most *int) bool {
	return (c.Window.Step == nil || *c.Window.Step == step) && (most == nil || before < *most)
}

// mode returns the gain of a cycle: its index, and its mode as in names of files.
func (j *jungfrau) mode(event *dataset.Event) (gain int, name string, err error) {
	for _, config := range event.Store.Configs(j.detector.Src) {
		if c, ok := config.(*xtc.JungfrauConfig); ok {
			return dark.JungfrauGain(c.GainMode.String())
		}
	}
	return 0, "", fmt.Errorf("%w: no configuration tells the gain", ErrNoDark)
}

func (j *jungfrau) event(event *dataset.Event, wanted bool) {
	number := j.inCycle
	j.inCycle++
	perStep := jungfrauStepEvents
	set(&perStep, j.Window.PerStep)
	d := j.now
	switch {
	case d == nil || d.err != nil || number < j.Window.Skip || number-j.Window.Skip >= perStep:
		return
	case j.done() || d.process != nil && d.process.Full():
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
		d.Without.add(err)
		return
	}
	if d.process == nil {
		shape, _ := j.layout(frame)
		if d.process, err = dark.NewJungfrau(j.params, shape, d.gain); err != nil {
			d.fail(err)
			return
		}
		d.Shape = shape
	}
	if err := j.give(d.process, frame); errors.Is(err, dark.ErrTooMany) {
		d.fail(err)
	} else if err != nil {
		d.Without.add(err)
	}
}

// done: so many events of the run were looked at.
func (j *jungfrau) done() bool {
	events := jungfrauEvents
	set(&events, j.Window.Events)
	return j.looked >= events
}

// end ends the dark of the cycle, unless other cycles of the run may go on with it.
func (j *jungfrau) end(ctx context.Context) error {
	d := j.now
	j.now = nil
	switch {
	case d == nil:
		return nil
	case j.Codes != nil:
		d.first = j.first
		return nil
	}
	return j.take(ctx, d)
}

// take saves what became of a dark.
func (j *jungfrau) take(ctx context.Context, d *jungfrauDark) error {
	d.Run = j.report.Run
	if d.err == nil {
		if d.process == nil {
			d.fail(fmt.Errorf("%w: 0, need at least 3", dark.ErrTooFewFrames))
		} else if r, err := d.process.Finish(); err != nil {
			d.Frames = d.process.Accepted()
			d.fail(err)
		} else {
			d.process = nil
			j.takeTables(ctx, d.Dark, []*dark.Result{r}, dark.JungfrauKinds())
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	j.conclude(d.Dark)
	return nil
}

func (j *jungfrau) finish(ctx context.Context) error {
	for i, d := range j.open {
		j.open[i] = nil // its sums are in the result
		if err := j.take(ctx, d); err != nil {
			return err
		}
	}
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

func (j *jungfrau) close() {
	j.now.close()
	for _, d := range j.open {
		d.close()
	}
}

func (d *jungfrauDark) close() {
	if d != nil && d.process != nil {
		d.process.Close()
	}
}
