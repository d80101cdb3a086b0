package xtctest

import (
	"fmt"
	"path/filepath"

	"deployconstants/xtc"
)

// FirstControlStream is the number of the first stream that is written by an IOC
// recorder rather than by data acquisition.
const FirstControlStream = 80

// Run is a whole run, as data acquisition records it: every stream has all
// transitions, the events are shared among the streams.
type Run struct {
	Experiment   string // begins the names of the files where Write gets no prefix
	Number       int
	Configure    xtc.Clock // zero: an hour before BeginRun
	BeginRun     xtc.Clock
	Detectors    []Detector
	Streams      []int // file order; none: stream 0
	Events       int   // over all data acquisition streams
	FramePayload int64 // bytes of each detector's frame in an event; holes in the file

	// Steps are the calibration cycles; none: one with all Events. With steps Events is
	// not looked at.
	Steps []Step

	// Frame returns what a detector, by its place in Detectors, has in an event, counted
	// over all steps: a node with Contains and Payload, and Damage. One without Contains
	// is left out. Nil: holes of FramePayload bytes.
	Frame func(detector, event int) Node

	// EventCodes returns those of the event receiver in an event; nil: none in any.
	EventCodes func(event int) []uint32
}

// Step is one calibration cycle.
type Step struct {
	Events  int
	Control xtc.ControlConfig
	Configs []Detector // configuration objects that BeginCalibCycle brings
}

// Detector is one detector of a run.
type Detector struct {
	Source string // "XcsEndstation.0:Epix100a.1"
	Alias  string // "" for none

	// Config is the configuration object and Contains its type; where Contains is 0,
	// the object is DetectorConfig(Class, Fields).
	Config   []byte
	Contains xtc.TypeID
	Class    string
	Fields   map[string]any
}

// Part of what data acquisition writes.
const (
	configureEnv  = 18306
	enableEnv     = 0x80000000
	extendedEvent = 0x80 // or-ed to the control byte of every second event
	evrPid        = 4320
	detectorPid   = 4513
	controlPid    = 9223
	iocPid        = 17655
	eventRate     = 120 // Hz
	ticksPerEvent = 119_000_000 / eventRate
	fiducialStep  = 3 // 360 Hz
)

// Sources of the nodes that are in every run.
var (
	evrSegment   = xtc.ProcInfo(xtc.LevelSegment, [4]byte{172, 21, 22, 1}, 7169)
	control      = xtc.ProcInfo(xtc.LevelControl, [4]byte{172, 21, 20, 84}, controlPid)
	iocContainer = xtc.ProcInfo(xtc.LevelEvent, [4]byte{172, 21, 21, 16}, iocPid)
	evr          = DetInfo(evrPid, "NoDetector", 0, "Evr", 0)
	epicsArch    = DetInfo(iocPid, "EpicsArch", 0, "NoDevice", 1)
)

// instrument is one detector with what its description comes to.
type instrument struct {
	src      xtc.Src
	segment  xtc.Src
	contains xtc.TypeID
	config   []byte
}

// Write writes the files of all streams to dir, named like prefix-r0260-s00-c00.xtc, and
// returns their paths. The prefix is "e665" for experiments that go by their number;
// without one it is the experiment's name.
func (r Run) Write(dir, prefix string) ([]string, error) {
	if prefix == "" {
		prefix = r.Experiment
	}
	if _, err := r.instruments(); err != nil {
		return nil, err
	}
	var paths []string
	for _, stream := range r.streams() {
		path := filepath.Join(dir, fmt.Sprintf("%s-r%04d-s%02d-c00.xtc", prefix, r.Number, stream))
		if err := WriteFile(path, r.Dgrams(stream)); err != nil {
			return paths, err
		}
		paths = append(paths, path)
	}
	return paths, nil
}

// Dgrams returns the file of one stream. It panics where the run is described wrongly;
// Write returns an error then.
func (r Run) Dgrams(stream int) []Dgram {
	instruments, err := r.instruments()
	if err != nil {
		panic(err)
	}
	w := &streamWriter{run: r, stream: stream, instruments: instruments}
	w.transition(xtc.TransitionConfigure, r.configureClock(), configureEnv, w.configure())
	w.transition(xtc.TransitionBeginRun, r.BeginRun, uint32(r.Number), w.empty())
	steps := r.Steps
	if len(steps) == 0 {
		steps = []Step{{Events: r.Events}}
	}
	begin, event := uint32(1), 0
	for _, step := range steps {
		w.transition(xtc.TransitionBeginCalibCycle, r.clock(begin, 0), 0, w.calibCycle(step))
		w.transition(xtc.TransitionEnable, r.clock(begin+1, 0), enableEnv, w.empty())
		for number := range step.Events {
			if w.has(event) {
				w.event(event, begin+2, number)
			}
			event++
		}
		end := begin + 2 + uint32(step.Events/eventRate)
		w.transition(xtc.TransitionDisable, r.clock(end+1, 0), 0, w.empty())
		w.transition(xtc.TransitionEndCalibCycle, r.clock(end+2, 0), 0, w.empty())
		begin = end + 3
	}
	w.transition(xtc.TransitionEndRun, r.clock(begin, 0), 0, w.empty())
	return w.dgrams
}

func (r Run) streams() []int {
	if len(r.Streams) == 0 {
		return []int{0}
	}
	return r.Streams
}

func (r Run) configureClock() xtc.Clock {
	if r.Configure != (xtc.Clock{}) {
		return r.Configure
	}
	return xtc.Clock{Sec: r.BeginRun.Sec - 3600, Nsec: r.BeginRun.Nsec}
}

// clock returns the time so many seconds and nanoseconds after BeginRun.
func (r Run) clock(sec, nsec uint32) xtc.Clock {
	nsec += r.BeginRun.Nsec
	return xtc.Clock{Sec: r.BeginRun.Sec + sec + nsec/1e9, Nsec: nsec % 1e9}
}

func (r Run) instruments() ([]instrument, error) {
	for _, step := range r.Steps {
		if _, err := r.instrumentsOf(step.Configs); err != nil {
			return nil, err
		}
	}
	return r.instrumentsOf(r.Detectors)
}

func (r Run) instrumentsOf(detectors []Detector) ([]instrument, error) {
	list := make([]instrument, len(detectors))
	for i, d := range detectors {
		src, err := ParseSource(d.Source, uint32(detectorPid+i))
		if err != nil {
			return nil, fmt.Errorf("xtctest: run %d: %w", r.Number, err)
		}
		list[i] = instrument{
			src:      src,
			segment:  xtc.ProcInfo(xtc.LevelSegment, [4]byte{172, 21, 23, byte(i + 1)}, uint32(detectorPid+i)),
			contains: d.Contains,
			config:   d.Config,
		}
		if d.Contains == 0 {
			if list[i].contains, list[i].config, err = DetectorConfig(d.Class, d.Fields); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// aliases returns the alias object of the run.
func (r Run) aliases(instruments []instrument) []byte {
	var aliases []xtc.Alias
	for i, d := range r.Detectors {
		if d.Alias != "" {
			aliases = append(aliases, xtc.Alias{Src: instruments[i].src, Name: d.Alias})
		}
	}
	return AliasConfig(aliases...)
}
