package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// ErrNotAttempted says that a run was stopped, by Options.Drain or its context,
// before every item reached the sink. The cause of the stop is wrapped beside it.
// The items that did not reach the sink have not failed: run again to do them.
var ErrNotAttempted = errors.New("stopped before all items were attempted")

// notAttempted is ErrNotAttempted with the cause of ctx, which is done.
func notAttempted(ctx context.Context) error {
	return fmt.Errorf("%w: %w", ErrNotAttempted, context.Cause(ctx))
}

// errGoexit is the value of the PanicError for work that ended its goroutine.
var errGoexit = errors.New("work called runtime.Goexit")

// PanicError is the error of an item whose work panicked, or ended its goroutine
// by runtime.Goexit. It is a defect of the program, never of the item's data.
type PanicError struct {
	Value any    // what work panicked with
	Stack []byte // of the panicking goroutine, as debug.Stack has it
}

// Error gives the value but not the stack, which is too long for a line.
func (e *PanicError) Error() string { return fmt.Sprintf("internal error: %v", e.Value) }

// Unwrap returns Value if it is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// SignalError is the cause of contexts that a signal ended, see Interrupts.
type SignalError struct{ Signal os.Signal }

func (e *SignalError) Error() string { return fmt.Sprintf("received signal: %v", e.Signal) }
