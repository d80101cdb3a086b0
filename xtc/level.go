package xtc

// Level says what kind of source a Src names; it is the top byte of its log word.
type Level uint8

// The levels. Part of the wire format, do not change.
const (
	LevelControl Level = iota
	LevelSource
	LevelSegment
	LevelEvent
	LevelRecorder
	LevelObserver
	LevelReporter
)

var levelNames = [...]string{
	"Control", "Source", "Segment", "Event", "Recorder", "Observer", "Reporter",
}

// String returns "Source", "Segment" and so on, "-Invalid-" above LevelReporter.
func (l Level) String() string { return nameAt(levelNames[:], uint32(l)) }
