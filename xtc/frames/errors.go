package frames

import "errors"

// Conditions of Decode, for errors.Is.
var (
	// ErrNotFrame: objects of that type hold no pixels that this package knows. It is
	// returned as it is.
	ErrNotFrame = errors.New("no object with pixels known here")
	// ErrNoConfig: the object can be read only with a configuration object that the
	// detector does not have. psana stores no data then.
	ErrNoConfig = errors.New("no configuration object that goes with the data")
	// ErrBroken: the payload does not hold the frame, or contradicts itself. The error
	// is a *xtc.FormatError.
	ErrBroken = errors.New("broken frame")
)
