package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"deployconstants/internal/fslock"
	"deployconstants/jobs/tx"
	"deployconstants/repo"
	"deployconstants/stages"
	"deployconstants/xtc/dataset"
)

// Exit statuses. They are part of the interface of the program.
const (
	statusDone    = 0  // done, or nothing to do
	statusFailed  = 1  // failed
	statusUsage   = 2  // the command line is wrong; nothing was touched
	statusPartly  = 3  // some items failed; single command: -D given, nothing valid
	statusPending = 4  // changes are pending; only with --detailed-exitcode
	statusDamage  = 5  // damage or drift found
	statusMissing = 10 // repository or data root missing
	statusLocked  = 11 // locked by another
)

// statusOfSignal is the shell's convention: 130 for SIGINT, 143 for SIGTERM.
func statusOfSignal(s os.Signal) int {
	if number, ok := s.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return statusFailed
}

// usageError is a command line that cannot be carried out as it stands.
type usageError struct {
	command string // whose help explains it, as typed: "deploy_constants xtc dump"
	err     error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usageErrorf(format string, args ...any) error {
	return &usageError{command: program, err: fmt.Errorf(format, args...)}
}

// statusError carries an exit status that its cause alone does not tell.
type statusError struct {
	status int
	err    error
	silent bool // not printed: it was said before
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// statusOf is the one table from errors to exit statuses.
func statusOf(err error) int {
	var usage *usageError
	var spec *dataset.SpecError
	var explicit *statusError
	switch {
	case err == nil:
		return statusDone
	case errors.As(err, &usage), errors.As(err, &spec), errors.Is(err, tx.ErrID):
		return statusUsage
	case errors.As(err, &explicit):
		return explicit.status
	case errors.Is(err, stages.ErrNothingValid):
		return statusPartly
	case errors.Is(err, repo.ErrNoRepository), errors.Is(err, dataset.ErrNoRoot), errors.Is(err, dataset.ErrEmptyRoot):
		return statusMissing
	case errors.Is(err, fslock.ErrHeld):
		return statusLocked
	}
	return statusFailed
}

// report prints an error for the reader of stderr and returns its exit status.
func report(stderr io.Writer, err error, asJSON bool) int {
	status := statusOf(err)
	if err == nil {
		return status
	}
	if explicit, ok := errors.AsType[*statusError](err); ok && explicit.silent {
		return status
	}
	if asJSON {
		line := json.NewEncoder(stderr)
		line.SetEscapeHTML(false)
		// stderr is the last resort: there is nobody left to tell of its failure
		_ = line.Encode(map[string]any{"message_type": "error", "error": err.Error(), "status": status})
		return status
	}
	for _, one := range apart(err) {
		fmt.Fprintf(stderr, "%s: error: %s\n", program, oneLine(one.Error()))
	}
	if usage, ok := errors.AsType[*usageError](err); ok {
		fmt.Fprintf(stderr, "%s: hint: %s -h shows the options with examples\n", program, usage.command)
	}
	return status
}

// apart takes errors that were joined apart again: each has a line of its own.
func apart(err error) []error {
	if explicit, ok := err.(*statusError); ok {
		return apart(explicit.err)
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok && strings.Contains(err.Error(), "\n") {
		var all []error
		for _, one := range joined.Unwrap() {
			all = append(all, apart(one)...)
		}
		return all
	}
	return []error{err}
}

// oneLine escapes what would break the line or the terminal: messages may quote
// hostile input.
func oneLine(text string) string {
	var b strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
	}
	return b.String()
}
