package slurm

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Conditions that callers tell apart with errors.Is.
var (
	ErrRefused      = errors.New("refused by Slurm")
	ErrLimit        = errors.New("as many jobs as allowed are submitted; wait until some have ended")
	ErrUnreachable  = errors.New("no answer from Slurm")
	ErrNotStarted   = errors.New("not started")
	ErrNoAccounting = errors.New("no accounting of jobs")
)

// Doubtful reports whether a submission that failed with err may have been made all
// the same, so that Find must be asked before it is repeated. Only errors that are
// known to be answers, or to come from before the question, are not doubtful.
func Doubtful(err error) bool {
	if err == nil {
		return false
	}
	if _, ours := errors.AsType[*FieldError](err); ours {
		return false
	}
	return !errors.Is(err, ErrRefused) && !errors.Is(err, ErrLimit) && !errors.Is(err, ErrNotStarted)
}

// A FieldError says which field of a Submission, or which argument, Slurm would not
// take or would misread. Nothing was run.
type FieldError struct {
	Field string // "Log", "Exclude[2]"
	Value string // what it is; "" where the words say it
	Why   string // what is wrong, and what would be right
}

// Error names the field and quotes the value.
func (e *FieldError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("slurm: %s %s", e.Field, e.Why)
	}
	return fmt.Sprintf("slurm: %s %.200q %s", e.Field, e.Value, e.Why)
}

// An ExecError is a command of Slurm that failed, or whose output is not understood.
// What it means is asked with errors.Is.
type ExecError struct {
	Args     []string // the program's path, or its name where it was not found, and its arguments
	ExitCode int      // -1: it did not start, or was killed
	Stdout   string
	Stderr   string // the first 64 KiB
	Elapsed  time.Duration
	Err      error // *exec.ExitError, *FormatError, the context's cause, ...

	class error // one of the conditions above; nil: unknown
}

// Error has the command, its end, and what it said.
func (e *ExecError) Error() string {
	var b strings.Builder
	b.WriteString(abridged(strings.Join(e.Args, " "), 200))
	fmt.Fprintf(&b, ": %v", e.Err)
	if said := strings.TrimSpace(e.Stderr); said != "" {
		fmt.Fprintf(&b, ": %s", abridged(said, 500))
	}
	return b.String()
}

// Unwrap returns the cause and the condition.
func (e *ExecError) Unwrap() []error {
	if e.class == nil {
		return []error{e.Err}
	}
	return []error{e.Err, e.class}
}

// abridged makes one line of at most size bytes of a text, without characters that
// could disturb a terminal.
func abridged(text string, size int) string {
	cut := len(text) > size
	if cut {
		text = text[:size]
	}
	text = printable(strings.ReplaceAll(text, "\n", "; "))
	if cut {
		text += " ..."
	}
	return text
}

// printable replaces what is not printable, and what is not UTF-8, by U+FFFD.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// A FormatError is output of a command that is not what this package knows.
type FormatError struct {
	Program string // whose output: "squeue"
	Line    int    // from 1; 0: the whole
	Text    string // the line, or its beginning
	Why     string
}

// Error has the line and what is wrong with it.
func (e *FormatError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("output of %s is not understood: %s", e.Program, e.Why)
	}
	return fmt.Sprintf("output of %s, line %d, %.80q is not understood: %s", e.Program, e.Line, e.Text, e.Why)
}

// unreachable are parts of what commands say when they had no answer: slurm_strerror
// of 22.05 and 24.11, recorded in testdata.
var unreachable = []string{
	"Unable to contact slurm controller",
	"Socket timed out on send/recv operation",
	"Zero Bytes were transmitted or received",
	"Message send failure",
	"Message receive failure",
	"Communication connection failure",
	"Slurm backup controller in standby mode",
	"Controller is in standby mode",
	"Connection refused",
	"Connection timed out",
	"Connection reset by peer",
	"can't be reached now", // of SLURM_CLUSTERS
}

// noAccounting are parts of what sacct says when there is no database, or it is
// down.
var noAccounting = []string{
	"accounting storage is disabled",
	"Problem talking to the database",
	"Unable to connect to database",
	"failed to open persistent connection",
}

// submitLimit is how the limits are called that count submitted jobs, and what a
// full queue says after sbatch's own retries.
var submitLimit = regexp.MustCompile(`\b(Assoc|QOS)[A-Za-z]*Submit[A-Za-z]*Limit\b|\bMaxSubmitJobsPer[A-Z]|Unable to create job record, try again`)

// refusals are the answers that the same request will always get, by slurm_strerror
// of 22.05, and what sbatch says before it asks.
var refusals = []string{
	"Invalid partition name specified",
	"No partition specified or system default partition",
	"User's group not permitted to use this partition",
	"Requested nodes not in this partition",
	"Requested partition configuration not available now",
	"Invalid account or account/partition combination specified",
	"Invalid qos specification",
	"Invalid job array specification",
	"Invalid feature specification",
	"Invalid node name specified",
	"Invalid license specification",
	"Invalid wckey specification",
	"Invalid generic resource (gres) specification",
	"Invalid Trackable RESource (TRES) specification",
	"Invalid --nice value",
	"Requested node configuration is not available",
	"Requested time limit is invalid",
	"Requested reservation is invalid",
	"Access denied to requested reservation",
	"Requested operation not supported on this system",
	"Job violates accounting/QOS policy",
	"Job dependency problem",
	"Circular job dependency",
	"Job size specification needs to be provided",
	"Memory required by task is not available",
	"More processors requested than permitted",
	"Requested more tasks than available processors",
	"Node count specification invalid",
	"CPU count specification invalid",
	"Task count specification invalid",
	"Pathname of a file, directory or other parameter too long",
	"Access/permission denied",
	"Requested operation is presently disabled", // requeue, of a job with --no-requeue
	"Invalid job id specified",
	"Incompatible versions of client and server code",
	"Unable to open file",
	"Invalid directive found in batch script",
	"unrecognized option",
	"invalid option --",
	"Invalid --",
}

// classify says what a command that ended by itself with a failure meant. A text
// that has several is taken for the least certain.
func classify(program, stderr string) error {
	has := func(parts []string) bool {
		for _, part := range parts {
			if strings.Contains(stderr, part) {
				return true
			}
		}
		return false
	}
	switch {
	case program == sacct && has(noAccounting):
		return ErrNoAccounting
	case has(unreachable):
		return ErrUnreachable
	case submitLimit.MatchString(stderr):
		return ErrLimit
	case has(refusals):
		return ErrRefused
	}
	return nil
}
