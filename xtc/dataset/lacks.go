package dataset

import (
	"errors"

	"deployconstants/xtc/frames"
)

// Lacks counts events without a frame of a detector, by the reason that Event.Frame
// gives.
type Lacks struct {
	Missing    int `json:"missing"`    // events without an object of it
	Damaged    int `json:"damaged"`    // its object is damaged: psana does not store it
	Elsewhere  int `json:"elsewhere"`  // its object is in the large file of a smalldata file, which cannot be opened
	NoConfig   int `json:"no_config"`  // its object cannot be read without a configuration object that is not there
	Broken     int `json:"broken"`     // its object does not hold what the configuration says
	Incomplete int `json:"incomplete"` // something of the event was not looked into, and it was not found elsewhere
}

// Add counts an event by the error of its frame. It reports whether the error is one of
// the reasons; any other is not counted.
func (l *Lacks) Add(err error) bool {
	for _, reason := range []struct {
		is    error
		count *int
	}{
		{ErrNoData, &l.Missing}, {ErrDamaged, &l.Damaged}, {ErrElsewhere, &l.Elsewhere},
		{frames.ErrNoConfig, &l.NoConfig}, {frames.ErrBroken, &l.Broken}, {ErrIncomplete, &l.Incomplete},
	} {
		if errors.Is(err, reason.is) {
			*reason.count++
			return true
		}
	}
	return false
}

// wanting reports whether an error says that the event has no data of a detector, and
// not that a file could not be read.
func wanting(err error) bool { return new(Lacks).Add(err) }
