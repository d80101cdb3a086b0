package slurmfake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// squeue prints a line for each task that the controller remembers.
func squeue(c *client) error {
	found, rest, err := parseOptions(c.args, option{long: "noheader", short: 'h'}, option{long: "array", short: 'r'},
		option{"states", 't', true}, option{"name", 'n', true}, option{"format", 'o', true})
	if err == nil {
		err = requires(found, "noheader", "array", "states", "name", "format")
	}
	if err == nil && found["states"] != "all" {
		err = refuse("--states=%s", found["states"])
	}
	if err == nil && len(rest) > 0 {
		err = refuse("arguments %q", rest)
	}
	var format []part
	if err == nil {
		format, err = parseFormat(found["format"])
	}
	stamp, wrong := c.timeFormat()
	if err == nil {
		err = wrong
	}
	return c.act(err, func(v *view) error {
		horizon := time.Now().Add(-v.MinJobAge)
		for _, row := range v.queue(found["name"]) {
			if !row.t.End.IsZero() && row.t.End.Before(horizon) {
				continue
			}
			for _, p := range format {
				text := p.text
				if p.code != 0 {
					text = p.pad(columns[p.code](row.j, row.t, stamp))
				}
				fmt.Fprint(c.stdout, text)
			}
			fmt.Fprintln(c.stdout)
		}
		return nil
	})
}

// A row is a task and its job.
type row struct {
	j *Job
	t *Task
}

// queue returns tasks in squeue's order: those that wait, that run, that ended.
func (v *view) queue(names string) []row {
	var rows []row
	for _, j := range v.named(names) {
		for _, t := range j.Tasks {
			rows = append(rows, row{j, t})
		}
	}
	order := func(r row) int {
		switch r.t.State {
		case Pending:
			return 0
		case Running:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(rows, func(a, b row) int { return order(a) - order(b) })
	return rows
}

// columns are the codes of squeue's format.
var columns = map[byte]func(*Job, *Task, func(time.Time) string) string{
	'A': func(j *Job, t *Task, _ func(time.Time) string) string { return strconv.Itoa(j.number(t)) },
	'F': func(j *Job, _ *Task, _ func(time.Time) string) string { return strconv.Itoa(j.ID) },
	'K': func(_ *Job, t *Task, _ func(time.Time) string) string { return t.index() },
	'N': func(_ *Job, t *Task, _ func(time.Time) string) string { return t.Node },
	'P': func(j *Job, _ *Task, _ func(time.Time) string) string { return j.partition() },
	'S': func(_ *Job, t *Task, stamp func(time.Time) string) string { return known(t.started(), stamp, "N/A") },
	'T': func(_ *Job, t *Task, _ func(time.Time) string) string { return t.shown() },
	'V': func(_ *Job, t *Task, stamp func(time.Time) string) string { return stamp(t.Submit) },
	'a': func(j *Job, _ *Task, _ func(time.Time) string) string { return j.option("account", "(null)") },
	'e': func(_ *Job, t *Task, stamp func(time.Time) string) string { return known(t.ends(), stamp, "N/A") },
	'i': func(j *Job, t *Task, _ func(time.Time) string) string { return j.taskName(t) },
	'j': func(j *Job, _ *Task, _ func(time.Time) string) string { return j.Name },
	'q': func(j *Job, _ *Task, _ func(time.Time) string) string { return j.qos() },
	'r': func(_ *Job, t *Task, _ func(time.Time) string) string { return t.Reason },
	't': func(_ *Job, t *Task, _ func(time.Time) string) string { return compact[t.shown()] },
	'u': func(j *Job, _ *Task, _ func(time.Time) string) string { return j.User },
}

func (t *Task) index() string {
	if t.Index < 0 {
		return "N/A"
	}
	return strconv.Itoa(t.Index)
}

// started is when the task started; one that ended before has its end, as in squeue.
func (t *Task) started() time.Time {
	if t.Start.IsZero() {
		return t.End
	}
	return t.Start
}

// ends is when the task ended, or must.
func (t *Task) ends() time.Time {
	if t.End.IsZero() {
		return t.Limit
	}
	return t.End
}

func known(t time.Time, stamp func(time.Time) string, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return stamp(t)
}

// A part of a format is a code, or text between codes.
type part struct {
	text  string
	code  byte // 0: text
	width int  // 0: as wide as the value, which is cut otherwise
	right bool
}

func (p part) pad(text string) string {
	if p.width == 0 {
		return text
	}
	if len(text) > p.width {
		return text[:p.width]
	}
	blanks := strings.Repeat(" ", p.width-len(text))
	if p.right {
		return blanks + text
	}
	return text + blanks
}

// widthMax bounds the width of a column.
const widthMax = 10_000

// parseFormat reads "%.18i|%T".
func parseFormat(format string) ([]part, error) {
	var parts []part
	for rest := format; rest != ""; {
		text, after, more := strings.Cut(rest, "%")
		if text != "" {
			parts = append(parts, part{text: text})
		}
		if !more {
			break
		}
		var p part
		after, p.right = strings.CutPrefix(after, ".")
		digits := len(after) - len(strings.TrimLeft(after, "0123456789"))
		if digits > 0 {
			var err error
			if p.width, err = strconv.Atoi(after[:digits]); err != nil || p.width > widthMax {
				return nil, refuse("format %q: a width", format)
			}
		}
		if after = after[digits:]; after == "" || columns[after[0]] == nil {
			return nil, refuse("format %q: a code that is not understood", format)
		}
		p.code, rest = after[0], after[1:]
		parts = append(parts, p)
	}
	return parts, nil
}
