package slurm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxTasks bounds the tasks of one output.
const maxTasks = 500_000

// maxIndex is above any index that an array can have (MaxArraySize is at most
// 4000001).
const maxIndex = 4_000_001

var errManyTasks = fmt.Errorf("more than %d tasks", maxTasks)

// parseIndices returns the indices of a list as Slurm writes it: "3,14-19",
// "0-98:2", with or without the throttle, "4-7%6". More than room are an error.
func parseIndices(list string, room int) ([]int, error) {
	list, throttle, throttled := strings.Cut(list, "%")
	if throttled {
		if _, err := number(throttle); err != nil {
			return nil, err
		}
	}
	var indices []int
	for part := range strings.SplitSeq(list, ",") {
		first, last, step, err := span(part)
		if err != nil {
			return nil, err
		}
		if room -= (last-first)/step + 1; room < 0 {
			return nil, errManyTasks
		}
		for index := first; index <= last; index += step {
			indices = append(indices, index)
		}
	}
	return indices, nil
}

// span reads "4", "4-7", or "4-7:2".
func span(part string) (first, last, step int, err error) {
	if strings.Contains(part, "...") {
		return 0, 0, 0, errors.New("the list of indices is cut")
	}
	bounds, every, stepped := strings.Cut(part, ":")
	from, to, ranged := strings.Cut(bounds, "-")
	if first, err = number(from); err != nil {
		return 0, 0, 0, err
	}
	last, step = first, 1
	if ranged {
		if last, err = number(to); err != nil {
			return 0, 0, 0, err
		}
	}
	if stepped {
		if step, err = number(every); err != nil {
			return 0, 0, 0, err
		}
	}
	if last < first || step == 0 || stepped && !ranged {
		return 0, 0, 0, fmt.Errorf("%.40q is no range of indices", part)
	}
	return first, last, step, nil
}

// number reads an index: digits only.
func number(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n > maxIndex {
		return 0, fmt.Errorf("%.40q is no index of an array", text)
	}
	return int(n), nil
}
