package panels

import "errors"

// Conditions that callers tell apart with errors.Is.
var (
	ErrNotPanels  = errors.New("not a detector whose constants are merged from panels")
	ErrNoPanel    = errors.New("no constants of the panel")
	ErrIncomplete = errors.New("constants of some gains are missing")
	ErrTable      = errors.New("not the constants of one panel")
	ErrIndex      = errors.New("no such panel")
)
