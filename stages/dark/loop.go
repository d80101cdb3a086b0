package dark

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Window is a range of events of a run, by their index from 0.
type Window struct {
	First, End int // events First to End-1
}

// CalibrunWindow is what calibrun's -s and -n promise: events after the first skip
// ones, events of them. The reference starts one event early and stops late with
// -s, visits one event less without (spec/dark.md section 14, D10), and dies from
// -s 2 on (D3). With either the loop ends before when the last source has as many
// frames, see Process.Full.
func CalibrunWindow(skip, events int) Window {
	skip, events = max(0, skip), max(0, events)
	return Window{First: skip, End: skip + min(events, math.MaxInt-skip)}
}

// An Action is what to do with an event.
type Action uint8

// The actions.
const (
	Skip Action = iota // go to the next event
	Read               // give the event to every detector
	Stop               // this event and those behind it are not wanted
)

// At returns what to do with the event of an index.
func (w Window) At(event int) Action {
	switch {
	case event >= w.End:
		return Stop
	case event < w.First:
		return Skip
	}
	return Read
}

// EventCodes select events by the codes of the event receiver (calibrun -c). The
// zero value selects all.
type EventCodes struct {
	codes    []int
	excluded bool
}

// ParseEventCodes reads a list of codes, separated by commas. One negative code
// inverts the decision for all: events with none of them are selected. The error is
// ErrSyntax.
func ParseEventCodes(text string) (EventCodes, error) {
	var c EventCodes
	if strings.TrimSpace(text) == "" {
		return c, nil
	}
	const highest = 255
	for field := range strings.SplitSeq(text, ",") {
		code, err := strconv.Atoi(strings.TrimSpace(field))
		if err != nil || code < -highest || code > highest || code == 0 {
			return EventCodes{}, fmt.Errorf("%w: %q in %q (want numbers from 1 to %d, or all but: -1 to -%d)",
				ErrSyntax, field, text, highest, highest)
		}
		c.excluded = c.excluded || code < 0
		c.codes = append(c.codes, max(code, -code))
	}
	return c, nil
}

// Select reports whether an event with these codes is wanted. An event without data
// of the event receiver, which has nil, is not, unless all are.
func (c EventCodes) Select(present []int) bool {
	if len(c.codes) == 0 {
		return true
	}
	if present == nil {
		return false
	}
	found := slices.ContainsFunc(c.codes, func(code int) bool { return slices.Contains(present, code) })
	return found != c.excluded
}
