package slurm

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// accountingFormat are the columns of sacct.
const accountingFormat = "JobID,JobIDRaw,JobName,State,ExitCode,Submit,Start,End,NodeList"

const accountingColumns = 9

// A Record is one attempt of a job, or of a task of an array, as accounting has it.
type Record struct {
	ID       TaskID
	Raw      JobID // the task's own number
	Name     string
	State    State
	ExitCode int // see State first: it is 0 for TIMEOUT and CANCELLED too, and 128 and more are reported less 128
	Signal   int // that ended it; 0: none

	Submit, Start, End time.Time // UTC, whole seconds; zero: not yet, or never

	Nodes string // "n1", "n[1-3]"; "": none

	// Joint: the row of accounting stood for several tasks that had not started,
	// and may be stale, see Newest.
	Joint bool
}

// ParseRecords reads what sacct -D -X -n -P says with the columns of this package
// and SLURM_TIME_FORMAT=%s, in its order: every attempt is a Record, and a row of
// several tasks, "1_[13-19%8]", is one for each. The row of a whole array, which
// has no index, is a Record with NoIndex. 500000 records are the most. Errors
// are *FormatError.
func ParseRecords(text string) ([]Record, error) {
	var records []Record
	room := maxTasks
	for number, line := range lines(text) {
		record, indices, err := parseRecord(line, room)
		if err != nil {
			return nil, &FormatError{Program: sacct, Line: number, Text: line, Why: err.Error()}
		}
		room -= len(indices)
		for _, index := range indices {
			record.ID.Index = index
			records = append(records, record)
		}
	}
	return records, nil
}

// parseRecord reads a line, and returns what its records have in common and their
// indices.
func parseRecord(line string, room int) (r Record, indices []int, err error) {
	columns := strings.Split(line, "|")
	if len(columns) != accountingColumns {
		return r, nil, fmt.Errorf("%d columns, want %d", len(columns), accountingColumns)
	}
	job, list, isArray := strings.Cut(columns[0], "_")
	if r.ID.Job, err = parseJobID(job); err != nil {
		return r, nil, err
	}
	indices = []int{NoIndex}
	if isArray {
		if inner, ok := strings.CutPrefix(list, "["); ok {
			if list, r.Joint = strings.CutSuffix(inner, "]"); !r.Joint {
				return r, nil, fmt.Errorf("the list of indices of %.40q is cut", columns[0])
			}
		}
		if indices, err = parseIndices(list, room); err != nil {
			return r, nil, err
		}
	} else if room < 1 {
		return r, nil, errManyTasks
	}
	if r.Raw, err = parseJobID(columns[1]); err != nil {
		return r, nil, err
	}
	if r.State, err = parseState(columns[3]); err != nil {
		return r, nil, err
	}
	if r.ExitCode, r.Signal, err = parseExit(columns[4]); err != nil {
		return r, nil, err
	}
	for i, at := range []*time.Time{&r.Submit, &r.Start, &r.End} {
		if *at, err = parseTime(columns[5+i]); err != nil {
			return r, nil, err
		}
	}
	r.Name, r.Nodes = printable(columns[2]), nodeList(columns[8])
	return r, indices, nil
}

// parseExit reads "75:0", code and signal.
func parseExit(text string) (code, signal int, err error) {
	if text == "" {
		return 0, 0, nil
	}
	before, after, _ := strings.Cut(text, ":")
	c, err := strconv.ParseUint(before, 10, 16)
	if err != nil {
		return 0, 0, fmt.Errorf("%.40q is no exit code", text)
	}
	s, err := strconv.ParseUint(after, 10, 16)
	if err != nil {
		return 0, 0, fmt.Errorf("%.40q is no exit code", text)
	}
	return int(c), int(s), nil
}

// parseTime reads seconds since 1970; zero where Slurm knows none.
func parseTime(text string) (time.Time, error) {
	switch text {
	case "", "None", "Unknown", "N/A", "0":
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseUint(text, 10, 34) // until the year 2514
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is no time in seconds since 1970", text)
	}
	return time.Unix(int64(seconds), 0).UTC(), nil
}

// Newest returns the newest attempt of each task, by job and index. The newest was
// submitted last; where that is the same second, it is the one that has not started,
// or started last, or comes last. A record of several tasks counts only for those
// that have none of their own.
func Newest(records []Record) []Record {
	newest := map[TaskID]Record{}
	for _, r := range records {
		if known, ok := newest[r.ID]; !ok || !newer(known, r) {
			newest[r.ID] = r
		}
	}
	out := make([]Record, 0, len(newest))
	for _, r := range newest {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Record) int { return a.ID.Compare(b.ID) })
	return out
}

// newer reports whether a is newer than b, two attempts of a task.
func newer(a, b Record) bool {
	if a.Joint != b.Joint {
		return b.Joint
	}
	return cmp.Or(a.Submit.Compare(b.Submit), startOrder(a, b)) > 0
}

// startOrder compares when two attempts started; one that did not is last.
func startOrder(a, b Record) int {
	if a.Start.IsZero() != b.Start.IsZero() {
		if a.Start.IsZero() {
			return 1
		}
		return -1
	}
	return a.Start.Compare(b.Start)
}
