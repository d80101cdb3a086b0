package slurm

import (
	"regexp"
	"strconv"
	"strings"
)

// DefaultMaxArraySize is assumed of a cluster that does not tell, as Slurm's own
// default is 1001.
const DefaultMaxArraySize = 1000

// Limits are what a cluster allows, for all users.
type Limits struct {
	MaxArraySize  int // indices of arrays are below; 0: the cluster takes no arrays
	MaxArrayTasks int // tasks of one array besides; 0: no such limit
}

// Tasks is how many tasks an array may have whose indices begin at 0. The limits of
// a user or an account are not in it: ErrLimit tells when they are met.
func (l Limits) Tasks() int {
	if l.MaxArrayTasks > 0 {
		return min(l.MaxArraySize, l.MaxArrayTasks)
	}
	return l.MaxArraySize
}

var (
	setting       = regexp.MustCompile(`^([A-Za-z_]+)\s*=\s*(.*)$`)
	maxArrayTasks = regexp.MustCompile(`(?:^|,)max_array_tasks=([0-9]{1,9})(?:,|$)`)
)

// ParseLimits reads what scontrol show config says. What is missing, or is not a
// number, is as Limits says for unknown, MaxArraySize is DefaultMaxArraySize; a text
// without any setting is a *FormatError.
func ParseLimits(text string) (Limits, error) {
	limits := Limits{MaxArraySize: DefaultMaxArraySize}
	known := 0
	for _, line := range lines(text) {
		match := setting.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		known++
		switch key, value := strings.ToLower(match[1]), printable(match[2]); key {
		case "maxarraysize":
			setCount(&limits.MaxArraySize, value)
		case "schedulerparameters":
			if match := maxArrayTasks.FindStringSubmatch(value); match != nil {
				setCount(&limits.MaxArrayTasks, match[1])
			}
		}
	}
	if known == 0 {
		return Limits{}, &FormatError{Program: scontrol, Why: "it has no settings"}
	}
	return limits, nil
}

func setCount(n *int, text string) {
	if v, err := strconv.ParseUint(text, 10, 31); err == nil {
		*n = int(v)
	}
}
