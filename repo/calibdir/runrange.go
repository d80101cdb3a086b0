package calibdir

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	// MaxRun is the greatest run number that the name of a file may have; psana
	// looks later runs up as this one.
	MaxRun = 9999

	// RunEnd is the end of a range that has none: "0-end".
	RunEnd = math.MaxInt32
)

// ErrRange: the text or the numbers are no run range.
var ErrRange = errors.New("not a run range: write <begin>-<end> or <begin>-end with 0 <= begin <= end <= 9999")

// A Range is the runs that a file of constants is for, both ends included.
type Range struct {
	Begin int // first run, 0 to MaxRun
	End   int // last run, Begin to MaxRun, or RunEnd
}

// ParseRange reads "<begin>-<end>" or "<begin>-end"; leading zeros are dropped.
// The error wraps ErrRange and says what was probably meant.
func ParseRange(text string) (Range, error) {
	begin, end, ok := strings.Cut(text, "-")
	if !ok {
		if run, err := parseRun(text); err == nil {
			return Range{}, fmt.Errorf("run range %q: %w; for run %d alone write %d-%d, from there on %d-end",
				text, ErrRange, run, run, run, run)
		}
		return Range{}, fmt.Errorf("run range %q: %w", text, ErrRange)
	}
	var r Range
	var err error
	if r.Begin, err = parseRun(begin); err == nil {
		if r.End = RunEnd; end != "end" {
			r.End, err = parseRun(end)
		}
	}
	if err == nil {
		err = r.Check()
	}
	if err != nil {
		return Range{}, fmt.Errorf("run range %q: %w", text, ErrRange)
	}
	return r, nil
}

// parseRun reads a run number of ASCII digits.
func parseRun(text string) (int, error) {
	run, err := strconv.ParseUint(text, 10, 32)
	if err != nil || run > MaxRun {
		return 0, ErrRange
	}
	return int(run), nil
}

// Check returns an error that wraps ErrRange unless 0 <= Begin <= End <= MaxRun,
// or End is RunEnd.
func (r Range) Check() error {
	if r.Begin < 0 || r.Begin > MaxRun || r.End < r.Begin || r.End > MaxRun && r.End != RunEnd {
		return fmt.Errorf("run range %v: %w", r, ErrRange)
	}
	return nil
}

// String returns the range as ParseRange takes it: "0-end".
func (r Range) String() string {
	if r.End == RunEnd {
		return fmt.Sprintf("%d-end", r.Begin)
	}
	return fmt.Sprintf("%d-%d", r.Begin, r.End)
}

// FileName returns the name of the file for these runs: "0-end.data".
func (r Range) FileName() string { return r.String() + fileExt }
