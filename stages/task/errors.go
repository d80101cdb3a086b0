package task

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"deployconstants/jobs/jobdir"
)

// ErrLocked: experiments of the shard are locked by another process. They are left to
// the next attempt.
var ErrLocked = errors.New("locked by another process")

// ErrDoubt: of some files it is not known whether they are in place. The next attempt
// finds out.
var ErrDoubt = errors.New("files are left in doubt; the next attempt finds out")

// A WaitError says that a step cannot begin since the one before it has not ended.
type WaitError struct {
	Step    jobdir.Step // that has not ended
	Missing []int       // its shards without result; none: it has not begun
}

func (e *WaitError) Error() string {
	if len(e.Missing) == 0 {
		return fmt.Sprintf("step %s has not been done", e.Step)
	}
	return fmt.Sprintf("step %s is not complete: shards without result: %s", e.Step, Numbers(e.Missing))
}

// Numbers writes ascending numbers as in "1-3,7".
func Numbers(list []int) string {
	var parts []string
	for i := 0; i < len(list); {
		end := i
		for end+1 < len(list) && list[end+1] == list[end]+1 {
			end++
		}
		if end == i {
			parts = append(parts, fmt.Sprint(list[i]))
		} else {
			parts = append(parts, fmt.Sprintf("%d-%d", list[i], list[end]))
		}
		i = end + 1
	}
	return strings.Join(parts, ",")
}

// particular is what makes messages of one cause differ: paths, digests, quoted names.
var particular = regexp.MustCompile(`"[^"]*"|[^\s:,;]*/[^\s:,;]*|\b[0-9a-f]{64}\b|\b[0-9]+-(?:[0-9]+|end)\.data\b`)

// Cause is a message without what is particular to one file, so that failures can be
// counted by their cause: at most 200 bytes.
func Cause(message string) string {
	text := particular.ReplaceAllString(strings.Join(strings.Fields(message), " "), "...")
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "..."
	}
	return text
}
