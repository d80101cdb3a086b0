package apply

import (
	"errors"
	"fmt"
)

// Conditions that callers tell apart with errors.Is.
var (
	// ErrLimit: the plan does more than the limits allow; nothing was done.
	ErrLimit = errors.New("the plan does more than the limits allow; nothing was done")

	// ErrWave: the verification after a wave failed. The transaction stays, to be
	// undone or resumed.
	ErrWave = errors.New("stopped after a wave; undo or resume the transaction")

	// ErrUndoOfUndo: an undo cannot be undone.
	ErrUndoOfUndo = errors.New("is an undo itself; make a plan and apply it to deploy again")

	// ErrPlanChanged: the plan changed while it was read.
	ErrPlanChanged = errors.New("the plan changed while it was read")

	// ErrWaves: the text is no list of waves.
	ErrWaves = errors.New("not a list of waves: write counts and percentages, as in 1,1%,100%")
)

// A skip is why a file is left alone.
type skip struct{ cause string }

func (s skip) Error() string { return s.cause }

func skipf(format string, args ...any) error { return skip{fmt.Sprintf(format, args...)} }
