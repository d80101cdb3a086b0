package darkrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"deployconstants/internal/logx"
	"deployconstants/internal/plot"
	"deployconstants/repo"
	"deployconstants/repo/panels"
	"deployconstants/stages/dark"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/frames"
)

// InjectionOptions ask for what charge injection tells of an epix10ka, a quad or a 2M:
// gains and offsets of its automatic modes, and with them the pedestals behind the switch.
// A run has 103 calibration cycles, of which the first five are darks.
type InjectionOptions struct {
	Panels []int                // indices from 0 of those that are processed; nil: all
	Fit    dark.InjectionParams // the zero value: dark.DefaultInjection
	Gains  *panels.Factors      // make tables of gain, too, scaled to these nominal ones; nil: none
}

// injectionCollected are the frames of a cycle, of a dark as well, unless told otherwise.
const injectionCollected = 4600

// mostOthers is how many cycles of a run may be of no use: each takes some memory of the
// report.
const mostOthers = dark.InjectionCycles

// An Injection is what charge injection tells of a detector in one automatic mode, AML or
// AHL. Good are pixels that have lines: those that the fit found none for, or whose cycle
// is missing, have zeros. With an error, for want of a cycle say, there may be files.
type Injection struct {
	Made
	Panels  []int              `json:"panels,omitempty"` // that were chosen; absent: all
	Cycles  int                `json:"cycles"`           // that were fitted, of 49
	Missing []int              `json:"missing"`          // positions of the others, from 0
	Frames  int                `json:"frames"`           // that were collected, in all cycles
	Jumps   int                `json:"jumps"`            // of fiducials, at which a cycle began anew or ended
	Gains   map[string]float64 `json:"gains"`            // medians of good pixels in ADU per event, by mode
}

// An injector makes darks of the first cycles of a run, and of the others gains and
// offsets.
type injector struct {
	*epix10ka                            // of the darks
	taken     [dark.InjectionCycles]bool // cycles that were begun
	begun     int                        // cycles that were processed
	others    int                        // cycles that were not: of no use, or there before
	pulses    *dark.Pulses               // nil before the first frame
	scans     [len(dark.InjectionModes)]scan
	now       *scan // of the present cycle; nil: it is a dark, or is not processed
	position  int   // of the present cycle
	step      int   // of the present cycle, as the run counts
	shape     []int // of frames
	averages  map[string][]*dark.Result
}

// A scan are the cycles of one mode.
type scan struct {
	mode   dark.InjectionMode
	made   Injection
	begun  int                  // cycles
	lines  *dark.InjectionLines // nil before the first frame
	failed []error              // of cycles
	fitted [dark.InjectionPositions]bool
}

func newInjection(c *camera) (*injector, error) {
	if panels.FamilyOf(c.panel.Type) != panels.Epix10ka {
		return nil, fmt.Errorf("%w: charge injection is of an Epix10ka, Epix10kaQuad or Epix10ka2M", ErrNoDark)
	}
	if chosen := c.Injection.Panels; chosen != nil {
		ids, err := panels.Split(c.panel)
		if err == nil {
			_, err = panels.Subset(ids, chosen)
		}
		if err != nil {
			return nil, err
		}
		c.chosen = slices.Compact(slices.Sorted(slices.Values(chosen)))
	}
	i := &injector{epix10ka: &epix10ka{camera: c}, averages: map[string][]*dark.Result{}}
	for k, mode := range dark.InjectionModes {
		i.scans[k] = scan{mode: mode, made: i.newReport(mode.Name)}
	}
	c.switched = func(mode string, results []*dark.Result) {
		if _, switches := switchedModes[mode]; !switches {
			return
		}
		for _, r := range results { // without their sums
			i.averages[mode] = append(i.averages[mode], &dark.Result{Shape: r.Shape, Averages: r.Averages})
		}
	}
	return i, nil
}

// newReport begins the report of a mode.
func (i *injector) newReport(gain string) Injection {
	in := Injection{Made: i.empty(i.detector.Source), Panels: i.chosen, Missing: []int{}, Gains: map[string]float64{}}
	in.Type, in.ID, in.Gain = i.panel.Type.Name, i.panel.ID, gain
	return in
}

func (i *injector) begin(event *dataset.Event) {
	i.now, i.epix10ka.dark, i.inCycle = nil, nil, 0
	most := dark.InjectionCycles
	set(&most, i.Window.Steps)
	if !i.wantsStep(event.Step, i.begun, &most) || i.others >= mostOthers {
		return
	}
	cycle, err := i.cycle(event, dark.InjectionCycle)
	if err == nil && (cycle < 0 || cycle >= dark.InjectionCycles) {
		err = fmt.Errorf("%w: it has no label, and charge injection has %d cycles", dark.ErrGain, dark.InjectionCycles)
	}
	if err != nil {
		i.others++
		in := i.newReport("")
		in.Run = i.report.Run
		in.fail(fmt.Errorf("run %d, %s, cycle %d: %w", in.Run, in.Source, event.Step, err))
		i.out.Injections = append(i.out.Injections, in)
		return
	}
	if i.taken[cycle] {
		i.others++
		i.log.Warnf("cycle %d is one that has been there already: it is left out", event.Step)
		return
	}
	i.taken[cycle] = true
	i.begun++
	mode, position, pulsed := dark.PulsedCycle(cycle)
	if !pulsed {
		i.epix10ka.begin(event)
		return
	}
	s := &i.scans[mode]
	s.begun++
	configured, err := i.configured(event)
	if err == nil {
		err = s.mode.CheckConfigured(configured)
	}
	if err == nil && i.pulses != nil {
		err = i.pulses.Begin(position)
	}
	if err != nil {
		s.fail(event.Step, position, err)
		return
	}
	i.now, i.position, i.step = s, position, event.Step
}

// fail gives up a cycle.
func (s *scan) fail(step, position int, err error) {
	s.failed = append(s.failed, fmt.Errorf("cycle %d, position %d: %w", step, position, err))
}

func (i *injector) event(event *dataset.Event, wanted bool) {
	if i.now == nil {
		i.epix10ka.event(event, wanted)
		return
	}
	number := i.inCycle
	i.inCycle++
	if !wanted || number < i.Window.Skip || i.pulses != nil && i.pulses.Full() {
		return
	}
	switch err := i.collect(event, number); {
	case errors.Is(err, dark.ErrParams):
		i.now.fail(i.step, i.position, err)
		i.now = nil
	case err != nil:
		i.now.made.Without.add(err)
	}
}

// collect takes the frame of an event.
func (i *injector) collect(event *dataset.Event, number int) error {
	frame, err := event.Frame(i.index)
	if err != nil {
		return err
	}
	if frame.DType != frames.Uint16 {
		return dark.ErrShape
	}
	shape, pixels := i.part(frame)
	if i.pulses == nil {
		options := dark.PulseOptions{Fit: i.Injection.Fit, Workers: i.Workers}
		set(&options.Frames, i.Params.Collected)
		if i.pulses, err = dark.NewPulses(shape, options); err != nil {
			return err
		}
		if err := i.pulses.Begin(i.position); err != nil {
			return err
		}
		i.shape = slices.Clone(shape)
	}
	if !slices.Equal(shape, i.shape) {
		return fmt.Errorf("%w: a frame of %v pixels, the first is of %v", dark.ErrShape, shape, i.shape)
	}
	if i.now.lines == nil {
		if i.now.lines, err = dark.NewInjectionLines(shape); err != nil {
			return err
		}
		i.now.made.Shape = i.shape
	}
	return i.pulses.Add(pixels, number, event.ID.Fiducials)
}

// done: all cycles were there, and the last one is full; or too many were of no use.
func (i *injector) done() bool {
	most := dark.InjectionCycles
	set(&most, i.Window.Steps)
	switch {
	case i.begun < most && i.others < mostOthers:
		return false
	case i.now != nil:
		return i.pulses != nil && i.pulses.Full()
	}
	d := i.epix10ka.dark
	return d == nil || d.err != nil || i.process != nil && i.process.Full()
}

func (i *injector) end(ctx context.Context) error {
	s := i.now
	if s == nil {
		return i.epix10ka.end(ctx)
	}
	i.now = nil
	collected := 0
	if i.pulses != nil {
		collected = i.pulses.Frames()
		s.made.Frames += collected
		s.made.Jumps += i.pulses.Jumps()
	}
	err := fmt.Errorf("%w: 0, need at least 2, of which the last is not used", dark.ErrTooFewPulses)
	if collected > 0 {
		err = i.pulses.Fit(s.lines)
	}
	if err != nil {
		s.fail(i.step, i.position, err)
		return nil
	}
	s.fitted[i.position] = true
	s.made.Cycles++
	i.log.WithField(logx.Gain, s.mode.Name).Infof("cycle %d, position %d: %d frames, %d jumps of the fiducials",
		i.step, i.position, collected, i.pulses.Jumps())
	return nil
}

func (i *injector) finish(ctx context.Context) error {
	i.pulses = nil // not needed any more
	restricted := i.Window.Step != nil || i.Window.Steps != nil
	for k := range i.scans {
		s := &i.scans[k]
		if s.begun == 0 && restricted && i.begun > 0 {
			continue
		}
		i.finishScan(ctx, s)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		s.lines = nil
	}
	return nil
}

// finishScan judges and saves what became of a mode.
func (i *injector) finishScan(ctx context.Context, s *scan) {
	in := &s.made
	in.Run = i.report.Run
	for position, fitted := range s.fitted {
		if !fitted {
			in.Missing = append(in.Missing, position)
		}
	}
	const told = 3 // cycles that failed
	for _, err := range s.failed[:min(told, len(s.failed))] {
		in.fail(err)
	}
	if more := len(s.failed) - told; more > 0 {
		in.fail(fmt.Errorf("%w: %d others failed", ErrCycles, more))
	}
	switch {
	case in.Cycles == 0:
		in.fail(fmt.Errorf("%w: %s has none of %d, and nothing is saved", ErrCycles, s.mode.Name, dark.InjectionPositions))
	case len(in.Missing) > 0:
		in.fail(fmt.Errorf("%w: %s has %d of %d; pixels of the positions %s have zeros", ErrCycles,
			s.mode.Name, in.Cycles, dark.InjectionPositions, ranges(in.Missing)))
	}
	if in.Cycles > 0 {
		i.describe(s)
		i.drawScan(s)
		if err := i.saveScan(ctx, s); err != nil {
			in.fail(err)
		}
	}
	i.concludeScan(in)
}

// describe counts pixels and finds the median gains.
func (i *injector) describe(s *scan) {
	s.made.Pixels, s.made.Good = len(s.lines.Before), s.lines.Fitted()
	for _, table := range s.mode.Tables() {
		if table.CType != "gainci" {
			continue
		}
		var good []float64
		for k, gain := range table.Values(s.lines) {
			if s.lines.IsFitted(k) {
				good = append(good, gain)
			}
		}
		if len(good) > 0 {
			s.made.Gains[table.Mode] = median(good)
		}
	}
}

// saveScan saves the tables of a mode, and the pedestals that follow from them and from
// the dark of the same run.
func (i *injector) saveScan(ctx context.Context, s *scan) error {
	in := &s.made
	ids, err := i.panels(s.lines.Panels())
	if err != nil {
		return err
	}
	stamp, err := i.judge(&in.Made)
	if err != nil {
		return err
	}
	dirs, err := i.panelDirs(ctx, in.Run, ids, stamp)
	if err != nil {
		return err
	}
	var tables []table
	for _, of := range s.mode.Tables() {
		for panel, dir := range dirs {
			tables = append(tables, table{dir, of.Dir, of.CType, of.Mode, func(text *bytes.Buffer) error {
				return of.Of(s.lines, panel).WriteTable(text, dark.InjectionFormat)
			}})
		}
	}
	if err := i.saveTables(ctx, &in.Made, tables); err != nil {
		return err
	}
	averages := i.averages[s.mode.Before]
	if len(averages) != len(dirs) {
		i.log.Infof("no pedestals of %s: the run gave none of %s", s.mode.Behind, s.mode.Before)
		averages = nil
	}
	for panel, r := range averages {
		if err := i.saveSwitched(ctx, &in.Made, dirs[panel], s.mode.Before, r.Shape, r.Averages); err != nil {
			return err
		}
	}
	return i.saveGains(ctx, s, dirs, stamp)
}

// gainsOf are the modes whose gains a mode tells: its own, and those of fixed gain that
// are of the same amplification.
var gainsOf = map[string][]string{"AHL": {"FH", "AHL-H", "AHL-L"}, "AML": {"FM", "FL", "AML-M", "AML-L"}}

// saveGains saves the gains of a mode in ADU/keV, if they are asked for: those of charge
// injection, scaled as epix10ka_deploy_constants scales them.
func (i *injector) saveGains(ctx context.Context, s *scan, dirs []panelDir, stamp repo.Stamp) error {
	if i.Injection.Gains == nil {
		return nil
	}
	if len(s.made.Missing) > 0 {
		i.log.WithField(logx.Gain, s.mode.Name).Warn("no tables of gain in ADU/keV: pixels of the missing cycles would have zeros, which a sweep would deploy")
		return nil
	}
	kinds, err := panels.ByLetters("c", *i.Injection.Gains)
	if err != nil {
		return err
	}
	kind, modes := kinds[0], gainsOf[s.mode.Name]
	var merged *panels.Merged
	if !i.DryRun {
		ids := make([]string, len(dirs))
		for panel, dir := range dirs {
			ids[panel] = dir.panel.ID
		}
		recipe, err := panels.InConstants(i.Repository, i.panel.Type).Choose(ids, kind, stamp)
		if err != nil {
			return err
		}
		recipe.Only(modes...) // what is wrong with the other mode's is not its concern
		if merged, err = recipe.Merge(ctx); err != nil {
			return err
		}
	}
	var tables []table
	ctype := string(repo.Gain)
	for _, mode := range modes {
		gain := slices.Index(kind.Gains(), mode)
		for panel, dir := range dirs {
			tables = append(tables, table{dir, ctype, ctype, mode, func(text *bytes.Buffer) error {
				return merged.Table(gain, panel).WriteTable(text, kind.Format)
			}})
		}
	}
	return i.saveTables(ctx, &s.made.Made, tables)
}

// drawScan makes the page of plots of a mode.
func (i *injector) drawScan(s *scan) {
	if i.Publish == nil {
		return
	}
	in := &s.made
	page := plot.Page{
		Title: fmt.Sprintf("charge injection of %s, experiment %s, run %d, %s", in.Source, i.Experiment, in.Run, in.Gain),
		Notes: []string{fmt.Sprintf("%d of %d cycles; run of %s; %d of %d pixels have lines (%.2f%%)", in.Cycles, dark.InjectionPositions,
			i.began.In(i.Zone).Format("2006-01-02 15:04:05 MST"), in.Good, in.Pixels, 100*(1-in.bad()))},
		Charts: make([][]plot.Chart, 2),
	}
	for _, table := range s.mode.Tables() {
		title, unit := "gain "+table.Mode, "ADU per event"
		switch {
		case table.Mode == s.mode.Name:
			title, unit = "difference of the offsets", "ADU"
		case table.CType != "gainci":
			continue
		}
		values := table.Values(s.lines)
		page.Charts[0] = append(page.Charts[0], plot.NewImage(title, unit, in.Shape, values))
		page.Charts[1] = append(page.Charts[1], plot.NewHistogram("distribution of "+title, unit, values))
	}
	i.publish(&in.Made, "injection", page)
}

// concludeScan logs what became of a mode, and puts it into the report.
func (i *injector) concludeScan(in *Injection) {
	log := i.log.WithField(logx.Gain, in.Gain)
	if without := in.Without.String(); without != "" {
		log.Warnf("%d frames; of the other events looked at, %s", in.Frames, without)
	}
	if in.Jumps > 0 {
		log.Warnf("the fiducials jumped %d times: cycles began anew, or ended there", in.Jumps)
	}
	if in.Pixels > 0 {
		var gains []string
		for _, mode := range dark.Epix10kaModes {
			if gain, found := in.Gains[mode]; found {
				gains = append(gains, fmt.Sprintf("%s %.3f", mode, gain))
			}
		}
		log.Infof("%d of %d cycles, %d frames; %d of %d pixels have lines (%.2f%%); median gains in ADU per event: %s", in.Cycles,
			dark.InjectionPositions, in.Frames, in.Good, in.Pixels, 100*(1-in.bad()), strings.Join(gains, ", "))
	}
	if in.err != nil {
		what := fmt.Sprintf("run %d, %s, %s", in.Run, in.Source, in.Gain)
		if without := in.Without.String(); without != "" && in.Pixels == 0 {
			in.err = fmt.Errorf("%s: %w; of the events looked at, %s", what, in.err, without)
		} else {
			in.err = fmt.Errorf("%s: %w", what, in.err)
		}
		in.Error = in.err.Error()
	}
	i.out.Injections = append(i.out.Injections, *in)
}

// ranges writes numbers that ascend as "0-3, 7".
func ranges(numbers []int) string {
	var parts []string
	for k := 0; k < len(numbers); k++ {
		first := numbers[k]
		for k+1 < len(numbers) && numbers[k+1] == numbers[k]+1 {
			k++
		}
		part := strconv.Itoa(first)
		if numbers[k] > first {
			part += "-" + strconv.Itoa(numbers[k])
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
