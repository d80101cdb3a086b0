package slurm

import (
	"regexp"
)

var submitted = regexp.MustCompile(`^([0-9]{1,10})(?:;[A-Za-z0-9_.-]{1,255})?$`)

// ParseSubmitted reads what sbatch --parsable says: "4711", or "4711;CLUSTER". Other
// lines, as sites let their wrappers print, are passed over; there must be one that
// is an id. Errors are *FormatError.
func ParseSubmitted(text string) (JobID, error) {
	var id JobID
	for number, line := range lines(text) {
		match := submitted.FindStringSubmatch(line)
		if match == nil {
			continue
		}
		one, err := parseJobID(match[1])
		switch {
		case err != nil:
			return 0, &FormatError{Program: sbatch, Line: number, Text: line, Why: err.Error()}
		case id != 0:
			return 0, &FormatError{Program: sbatch, Line: number, Text: line, Why: "a second job id"}
		}
		id = one
	}
	if id == 0 {
		return 0, &FormatError{Program: sbatch, Why: "it has no job id"}
	}
	return id, nil
}
