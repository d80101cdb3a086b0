package planfile

import "fmt"

// FormatError says that a plan is damaged or of an unknown form.
type FormatError struct {
	Line int    // the header is 1; 0: the compression
	What string // what is wrong
	Err  error  // cause, may be nil; io.ErrUnexpectedEOF: the plan ends too early
}

func (e *FormatError) Error() string {
	text := "plan: " + e.What
	if e.Line > 0 {
		text = fmt.Sprintf("plan, line %d: %s", e.Line, e.What)
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *FormatError) Unwrap() error { return e.Err }
