package dataset

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"deployconstants/xtc"
)

// Options of ReadRun. The zero value is right for files of the facility.
type Options struct {
	// Open opens one XTC file, each of the run once at most. Nil: xtc.Open.
	Open func(path string) (*xtc.File, error)

	// Verify compares the files that are open at the end with what they were when
	// they were opened; ErrChanged is the warning of those that differ.
	Verify bool
}

func (o *Options) applyDefaults() {
	if o.Open == nil {
		o.Open = xtc.Open
	}
}

// An EventID is what psana stores as EventId: which datagram set the time.
type EventID struct {
	Clock     xtc.Clock // UTC
	Run       int       // of BeginRun, where it has one; else of the file's name
	Fiducials uint32
	Ticks     uint32
	Vector    uint16
	Control   uint8
}

// A Run is what psana knows of a run when it begins.
type Run struct {
	Number    int       // as EventID.Run at BeginRun; of the file's name where psana has none
	Configure *EventID  // right after the data source is made; nil where the run does not begin with Configure
	BeginRun  *EventID  // at the begin of the run; nil where the files end before
	Start     *Store    // right after the data source is made
	Store     *Store    // at the begin of the run; the same as Start but for a run configured twice
	Warnings  []Warning // the first hundred, and of all files that changed
}

// maxWarnings bounds what damaged files can make a Run hold.
const maxWarnings = 100

// ReadRun reads the files of one run up to its begin. Files are read one datagram
// header after the other, and of Configure and BeginCalibCycle the configuration
// objects; an empty or cut file is passed over with a warning.
//
// The error is ErrEmpty where no file has a datagram; a *xtc.FormatError, with the
// file's path before it, for bytes that are no XTC or that are above the limits,
// ErrLate among them; xtc.ErrNodes for more configuration objects than a run can
// have; that of the system for a file that cannot be read; and that of ctx.
func ReadRun(ctx context.Context, files RunFiles, opts Options) (run *Run, err error) {
	opts.applyDefaults()
	r := runReader{files: files, run: &Run{Number: files.Run, Store: newStore()}}
	m, err := newMerger(files.Files, opts.Open, r.warn)
	if err != nil {
		return nil, err
	}
	defer func() {
		if opts.Verify && err == nil {
			r.verify(m)
		}
		if closeErr := m.close(); err == nil && closeErr != nil {
			run, err = nil, closeErr
		}
	}()
	step, err := r.configure(ctx, m)
	r.run.Start = r.run.Store
	for err == nil && len(step) > 0 {
		if err = r.take(step); err != nil || r.run.BeginRun != nil {
			break
		}
		step, err = nextStep(ctx, m)
	}
	if err == nil && (len(step) == 0 || step.transition() != xtc.TransitionBeginRun) {
		err = m.lookAhead() // a run without BeginRun may be no run: be as strict as psana
	}
	if err != nil {
		return nil, err
	}
	if r.run.BeginRun == nil {
		r.warn(Warning{Err: fmt.Errorf("%w: the files end before it", ErrNoBeginRun)})
	}
	return r.run, nil
}

// verify warns of files that were written meanwhile.
func (r *runReader) verify(m *merger) {
	for _, s := range m.streams {
		if s.file == nil {
			continue
		}
		if changed, err := s.file.Changed(); err == nil && changed {
			r.warn(Warning{s.path, ErrChanged})
		}
	}
}

func nextStep(ctx context.Context, m *merger) (step, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return m.next()
}

// A runReader follows the steps of a run as psana's input module does.
type runReader struct {
	files RunFiles
	run   *Run
	last  [16]xtc.Clock // clock of the last step of each transition

	// open opens files again for what is read of a configuration object on demand; nil
	// where only ids are asked for, and then objects that have none are not decoded.
	open func(path string) (*xtc.File, error)
}

func (r *runReader) warn(w Warning) {
	if len(r.run.Warnings) < maxWarnings || w.Err == ErrChanged {
		r.run.Warnings = append(r.run.Warnings, w)
	}
}

// emptyError is ErrEmpty with the reason, if one is known.
func (r *runReader) emptyError() error {
	if len(r.run.Warnings) > 0 {
		return fmt.Errorf("%w: %s", ErrEmpty, r.run.Warnings[0])
	}
	paths := make([]string, len(r.files.Files))
	for i, file := range r.files.Files {
		paths[i] = file.Path
	}
	return fmt.Errorf("%w; empty are %s", ErrEmpty, some(paths, 3))
}

// configure takes the first step that is not Map. If it is Configure, it sets the
// EventId that psana has before the run begins, and the step behind it is
// returned; else it is returned itself, and is empty at the end of the files.
func (r *runReader) configure(ctx context.Context, m *merger) (step, error) {
	step, err := nextStep(ctx, m)
	if err == nil && len(step) == 0 {
		return nil, r.emptyError()
	}
	for err == nil && len(step) > 0 && step.transition() == xtc.TransitionMap {
		step, err = nextStep(ctx, m)
	}
	if err != nil || len(step) == 0 {
		return nil, err
	}
	if first := step.transition(); first != xtc.TransitionConfigure {
		r.warn(Warning{step[0].path, fmt.Errorf("%w: it begins with %s", ErrNoConfigure, first)})
		return step, nil
	}
	r.last[xtc.TransitionConfigure] = step.first().Clock
	r.run.Configure = r.eventID(step)
	if err := r.load(step); err != nil {
		return nil, err
	}
	return nextStep(ctx, m)
}

// take follows one step. Of a transition that comes twice with the same clock the
// second is not looked at.
func (r *runReader) take(step step) error {
	transition, clock := step.transition(), step.first().Clock
	again := clock == r.last[transition]
	r.last[transition] = clock
	switch {
	case transition == xtc.TransitionL1Accept:
		r.begin(step)
	case again:
	case transition == xtc.TransitionConfigure:
		return r.reconfigure(step)
	case transition == xtc.TransitionBeginRun:
		r.begin(step)
	case transition == xtc.TransitionBeginCalibCycle:
		r.begin(step)
		return r.reconfigure(step)
	}
	return nil
}

// begin sets the EventId at the begin of the run. psana begins a run that has no
// BeginRun with its first calibration cycle or event.
func (r *runReader) begin(step step) {
	if transition := step.transition(); transition != xtc.TransitionBeginRun {
		r.warn(Warning{step[0].path, fmt.Errorf("%w: it begins with the first %s", ErrNoBeginRun, transition)})
	} else {
		r.run.Number = r.beginNumber(step)
	}
	r.run.BeginRun = r.eventID(step)
}

// reconfigure loads configuration into a store of its own, so that Start stays as
// it was.
func (r *runReader) reconfigure(step step) error {
	if r.run.Store == r.run.Start {
		r.run.Store = r.run.Start.clone()
	}
	return r.load(step)
}

// beginNumber returns the run number that the first of the streams gives that
// gives any.
func (r *runReader) beginNumber(step step) int {
	for _, s := range step {
		if s.head.Env > 0 {
			return int(s.head.Env)
		}
	}
	return r.files.Run
}

func (r *runReader) eventID(step step) *EventID {
	d := step.first()
	return &EventID{
		Clock: d.Clock, Run: r.run.Number, Fiducials: d.Fiducials,
		Ticks: d.Ticks, Vector: d.Vector, Control: d.Control,
	}
}

// load takes the configuration of a step: from all control streams, the highest
// first, then from the first other stream.
func (r *runReader) load(step step) error {
	for i, s := range slices.Backward(step) {
		if i > 0 && !s.control() {
			continue
		}
		if err := r.loadStream(s); err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		r.run.Store.settle()
	}
	return nil
}

// loadStream takes the configuration objects of a stream's head into the store,
// whatever their damage.
func (r *runReader) loadStream(s *stream) error {
	if s.head.ContentsSkipped() {
		r.warn(Warning{s.path, fmt.Errorf("%s at offset %#x: %w", s.head.Service(), s.head.Offset, ErrIncomplete)})
	}
	for node, err := range s.file.Nodes(s.head) {
		if err != nil {
			return err
		}
		r.warnOfNode(s, node)
		if node.Extent <= xtc.XtcHeaderSize {
			continue // psana ignores an object without payload
		}
		for _, class := range xtc.ConfigClasses(node.Contains) {
			if err := r.loadObject(s, node, class); err != nil {
				return err
			}
		}
	}
	return nil
}

// warnOfNode tells why a detector may be missing.
func (r *runReader) warnOfNode(s *stream, node *xtc.Node) {
	contains := node.Contains
	switch {
	case node.Err != nil:
		r.warn(Warning{s.path, node.Err})
	case node.ChildrenSkipped:
		r.warn(Warning{s.path, fmt.Errorf("%s at offset %#x: %w", node.Src, node.Offset, ErrIncomplete)})
	case contains.Type().IsConfig() && len(xtc.ConfigClasses(contains)) == 0:
		r.warn(Warning{s.path, fmt.Errorf("%s of %s at offset %#x: %w", contains, node.Src, node.Offset, ErrUnknownVersion)})
	}
}

// loadObject takes one configuration object. One that cannot be decoded is known
// to the store as damaged; only a file that cannot be read is an error.
func (r *runReader) loadObject(s *stream, node *xtc.Node, class string) error {
	config, err := r.config(s, node)
	damaged, isDamaged := errors.AsType[*xtc.FormatError](err)
	switch {
	case isDamaged && errors.Is(damaged, xtc.ErrConfig):
		r.warn(Warning{s.path, damaged})
		return r.run.Store.add(object{src: node.Src, class: class, err: damaged})
	case err != nil && !errors.Is(err, xtc.ErrNotConfig):
		return err
	}
	o := object{src: node.Src, class: class, config: config}
	if r.open != nil && err == nil {
		o.origin = &origin{open: r.open, path: s.path, node: *node}
	}
	return r.run.Store.add(o)
}

func (r *runReader) config(s *stream, node *xtc.Node) (xtc.Config, error) {
	if r.open != nil {
		return s.file.RunConfig(node)
	}
	return s.file.Config(node)
}
