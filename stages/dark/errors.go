package dark

import "errors"

// Conditions that callers tell apart with errors.Is.
var (
	ErrParams       = errors.New("impossible parameter of dark processing")
	ErrShape        = errors.New("frame and detector do not fit")
	ErrTooFewFrames = errors.New("too few frames for a dark")
	ErrTooFewPulses = errors.New("too few frames of a cycle")
	ErrTooMany      = errors.New("more frames than can be summed")
	ErrFinished     = errors.New("the dark is finished: frames cannot be added")
	ErrGain         = errors.New("unknown gain mode")
	ErrNoGoodFrames = errors.New("no frame is good")
	ErrSyntax       = errors.New("not a list of event codes")
)
