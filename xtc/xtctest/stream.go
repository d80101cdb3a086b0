package xtctest

import (
	"slices"

	"deployconstants/xtc"
)

// streamWriter makes the datagrams of one stream of a run.
type streamWriter struct {
	run         Run
	stream      int
	instruments []instrument
	dgrams      []Dgram
}

// isControl reports whether an IOC recorder writes the stream.
func (w *streamWriter) isControl() bool { return w.stream >= FirstControlStream }

func (w *streamWriter) transition(t xtc.Transition, clock xtc.Clock, env uint32, children []Node) {
	w.dgrams = append(w.dgrams, Dgram{Transition: t, Clock: clock, Env: env, Root: Node{Children: children}})
}

// configure returns the contents of Configure: a segment for the trigger and for each
// detector, then what the control level knows.
func (w *streamWriter) configure() []Node {
	epics := Node{Src: epicsArch, Contains: xtc.NewTypeID(xtc.TypeEpicsConfig, 1), Sparse: 148}
	if w.isControl() {
		return []Node{{Src: iocContainer, Children: []Node{epics}}}
	}
	nodes := []Node{{
		Src:      evrSegment,
		Children: []Node{ConfigNode(evr, xtc.NewTypeID(xtc.TypeEvrConfig, 7), EvrConfig(4, 8))},
	}}
	for _, i := range w.instruments {
		nodes = append(nodes, Node{Src: i.segment, Children: []Node{ConfigNode(i.src, i.contains, i.config)}})
	}
	return append(nodes, Node{Src: control, Children: []Node{
		w.control(Step{}),
		ConfigNode(control, xtc.NewTypeID(xtc.TypePartitionConfig, 1), w.partition()),
		ConfigNode(control, xtc.NewTypeID(xtc.TypeAliasConfig, 1), w.run.aliases(w.instruments)),
	}})
}

func (w *streamWriter) partition() []byte {
	var sources []xtc.PartitionSource
	for _, i := range w.instruments {
		sources = append(sources, xtc.PartitionSource{Src: i.src})
	}
	return PartitionConfig(1, 0, append(sources, xtc.PartitionSource{Src: evr})...)
}

// empty returns the contents of a transition that tells nothing: the containers
// without children.
func (w *streamWriter) empty() []Node {
	container := xtc.TypeID(xtc.TypeXtc)
	if w.isControl() {
		return []Node{{Src: iocContainer, Contains: container}}
	}
	nodes := []Node{{Src: evrSegment, Contains: container}}
	for _, i := range w.instruments {
		nodes = append(nodes, Node{Src: i.segment, Contains: container})
	}
	return nodes
}

// control returns the control object of a step.
func (w *streamWriter) control(step Step) Node {
	contains := xtc.NewTypeID(xtc.TypeRunControlConfig, 3)
	if c := step.Control; len(c.Controls)+len(c.Monitors)+len(c.Labels) == 0 {
		return Node{Src: control, Contains: contains, Sparse: 124}
	}
	return Node{Src: control, Contains: contains, Payload: ControlConfig(3, step.Control)}
}

// calibCycle returns the contents of BeginCalibCycle: the control object again, and what
// configuration the step brings.
func (w *streamWriter) calibCycle(step Step) []Node {
	nodes := w.empty()
	if w.isControl() {
		return nodes
	}
	brought, err := w.run.instrumentsOf(step.Configs)
	if err != nil {
		panic(err) // Dgrams has seen that there is none
	}
	for _, i := range brought {
		nodes = append(nodes, Node{Src: i.segment, Children: []Node{ConfigNode(i.src, i.contains, i.config)}})
	}
	return append(nodes, Node{Src: control, Children: []Node{w.control(step)}})
}

// has reports whether the stream has an event: control streams have all, the others
// take turns.
func (w *streamWriter) has(event int) bool {
	if w.isControl() {
		return true
	}
	var acquisition []int
	for _, stream := range w.run.streams() {
		if stream < FirstControlStream {
			acquisition = append(acquisition, stream)
		}
	}
	turn := slices.Index(acquisition, w.stream)
	return turn >= 0 && event%len(acquisition) == turn
}

// event writes the event of that number in the run and in its step, which begins so many
// seconds after the run.
func (w *streamWriter) event(event int, begin uint32, number int) {
	d := Dgram{
		Transition: xtc.TransitionL1Accept,
		Clock:      w.run.clock(begin+uint32(number/eventRate), uint32(number%eventRate*(1_000_000_000/eventRate))),
		Ticks:      uint32(event*ticksPerEvent) & 0xffffff,
		Fiducials:  uint32(event * fiducialStep % maxFiducials),
		Vector:     uint16(event & 0x7fff),
	}
	if event%2 == 1 {
		d.Control = extendedEvent
	}
	if w.isControl() {
		d.Root.Children = []Node{{Src: iocContainer, Children: []Node{{Src: epicsArch, Contains: xtc.NewTypeID(xtc.TypeEpics, 1), Sparse: 160}}}}
	} else {
		receiver := Node{Src: evr, Contains: xtc.NewTypeID(xtc.TypeEvrData, 4), Sparse: 24}
		if w.run.EventCodes != nil {
			receiver.Sparse, receiver.Payload = 0, EvrData(w.run.EventCodes(event)...)
		}
		d.Root.Children = []Node{{Src: evrSegment, Children: []Node{receiver}}}
		for number, i := range w.instruments {
			leaf := Node{Contains: frameType(i.contains), Sparse: w.run.FramePayload}
			if w.run.Frame != nil {
				leaf = w.run.Frame(number, event)
			}
			segment := Node{Src: i.segment, Contains: xtc.TypeID(xtc.TypeXtc)}
			if leaf.Contains != 0 || leaf.Damage != 0 {
				leaf.Src = i.src
				segment.Children = []Node{leaf}
			}
			d.Root.Children = append(d.Root.Children, segment)
		}
	}
	w.dgrams = append(w.dgrams, d)
}

// maxFiducials is where the fiducial count begins again.
const maxFiducials = 0x1ffe0

// frameType returns the type of the frames that belong to a configuration object.
func frameType(config xtc.TypeID) xtc.TypeID {
	switch config.Type() {
	case xtc.TypeEpixConfig, xtc.TypeEpix10kConfig:
		return xtc.NewTypeID(xtc.TypeEpixElement, 1)
	case xtc.TypeEpix100aConfig:
		return xtc.NewTypeID(xtc.TypeEpixElement, 2)
	case xtc.TypeEpix10kaConfig:
		return xtc.NewTypeID(xtc.TypeEpixElement, 3)
	case xtc.TypeEpix10kaQuadConfig, xtc.TypeEpix10ka2MConfig:
		return xtc.NewTypeID(xtc.TypeEpix10kaArray, 1)
	case xtc.TypeJungfrauConfig:
		return xtc.NewTypeID(xtc.TypeJungfrauElement, 2)
	case xtc.TypeCspadConfig:
		return xtc.NewTypeID(xtc.TypeCspadElement, 2)
	case xtc.TypeCspad2x2Config:
		return xtc.NewTypeID(xtc.TypeCspad2x2Element, 1)
	case xtc.TypePnCCDconfig:
		return xtc.NewTypeID(xtc.TypePnCCDframe, 1)
	}
	return xtc.NewTypeID(xtc.TypeFrame, 1)
}
