package xtc

// Transition is the service of a datagram: what it marks in the course of a run.
// It has four bits in the file.
type Transition uint8

// The transitions. Part of the wire format, do not change.
const (
	TransitionUnknown Transition = iota
	TransitionReset
	TransitionMap
	TransitionUnmap
	TransitionConfigure
	TransitionUnconfigure
	TransitionBeginRun
	TransitionEndRun
	TransitionBeginCalibCycle
	TransitionEndCalibCycle
	TransitionEnable
	TransitionDisable
	TransitionL1Accept
)

var transitionNames = [...]string{
	"Unknown", "Reset", "Map", "Unmap", "Configure", "Unconfigure", "BeginRun", "EndRun", "BeginCalibCycle",
	"EndCalibCycle", "Enable", "Disable", "L1Accept",
}

// String returns "Configure", "BeginRun" and so on, "-Invalid-" above
// TransitionL1Accept.
func (t Transition) String() string { return nameAt(transitionNames[:], uint32(t)) }
