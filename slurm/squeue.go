package slurm

import (
	"fmt"
	"iter"
	"regexp"
	"strings"
)

// queueFormat are the columns of squeue: array id, index, raw id, state, nodes,
// name, and the reason, which an administrator can have written and is last.
const queueFormat = "%F|%K|%A|%T|%N|%j|%r"

const queueColumns = 7

// A Task is a job, or a task of an array, as the queue has it.
type Task struct {
	ID     TaskID
	Raw    JobID // the task's own number, which it has once it started; before, that of the array
	Name   string
	State  State
	Nodes  string // "n1", "n[1-3]"; "": none yet
	Reason string // why it waits, or failed: "JobHeldUser"; "None"
}

// ParseTasks reads what squeue says with the format of this package, in its order.
// Tasks that wait have one row each (-r), or one with a list of their indices: both
// are one Task for each index. A task that has a row of its own is not taken from
// the rows of its array, which can be stale. 500000 tasks are the most. Errors
// are *FormatError.
func ParseTasks(text string) ([]Task, error) {
	var tasks []Task
	at := map[TaskID]int{}
	room := maxTasks
	for number, line := range lines(text) {
		if strings.HasPrefix(line, "CLUSTER: ") { // a headline where SLURM_CLUSTERS is set
			continue
		}
		task, indices, err := parseTask(line, room)
		if err != nil {
			return nil, &FormatError{Program: squeue, Line: number, Text: line, Why: err.Error()}
		}
		room -= len(indices)
		for _, index := range indices {
			task.ID.Index = index
			switch i, known := at[task.ID]; {
			case !known:
				at[task.ID] = len(tasks)
				tasks = append(tasks, task)
			case task.Raw != task.ID.Job || tasks[i].Raw == task.ID.Job:
				tasks[i] = task
			}
		}
	}
	return tasks, nil
}

// parseTask reads a line, and returns what its tasks have in common and their
// indices.
func parseTask(line string, room int) (task Task, indices []int, err error) {
	columns := strings.SplitN(line, "|", queueColumns)
	if len(columns) < queueColumns {
		return task, nil, fmt.Errorf("%d columns, want %d", len(columns), queueColumns)
	}
	if task.ID.Job, err = parseJobID(columns[0]); err != nil {
		return task, nil, err
	}
	if task.Raw, err = parseJobID(columns[2]); err != nil {
		return task, nil, err
	}
	if task.State, err = parseState(columns[3]); err != nil {
		return task, nil, err
	}
	task.Nodes, task.Name, task.Reason = nodeList(columns[4]), printable(columns[5]), printable(columns[6])
	if columns[1] == "" || columns[1] == "N/A" {
		return task, []int{NoIndex}, nil
	}
	indices, err = parseIndices(columns[1], room)
	return task, indices, err
}

// lines yields the lines that are not blank, with their numbers from 1.
func lines(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			if line = strings.TrimSpace(line); line != "" && !yield(number, line) {
				return
			}
		}
	}
}

var stateWord = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,39}$`)

// parseState reads the first word: "CANCELLED by 1000".
func parseState(text string) (State, error) {
	word, _, _ := strings.Cut(text, " ")
	if !stateWord.MatchString(word) {
		return "", fmt.Errorf("%.40q is no state of a job", text)
	}
	return State(word), nil
}

// nodeList returns the nodes, "" where there are none.
func nodeList(text string) string {
	switch text {
	case "None assigned", "None", "N/A", "n/a", "(null)", "Unknown":
		return ""
	}
	return printable(text)
}
