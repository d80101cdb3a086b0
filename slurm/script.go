package slurm

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Script returns the batch script: "#!/bin/sh", the options as #SBATCH lines, and
// the program, which takes the place of the shell, so that it gets the signals. The
// same Submission gives the same bytes. Errors are *FieldError.
func (s *Submission) Script() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	for _, option := range s.options() {
		b.WriteString("#SBATCH --" + option + "\n")
	}
	b.WriteString("exec")
	for _, arg := range s.Program {
		b.WriteString(" " + quoted(arg))
	}
	b.WriteString("\n")
	if b.Len() > maxScript {
		return "", &FieldError{Field: "Program", Why: fmt.Sprintf("makes a script of %d bytes; Slurm takes %d", b.Len(), maxScript)}
	}
	return b.String(), nil
}

// options returns the options of sbatch, without the dashes.
func (s *Submission) options() []string {
	var options []string
	add := func(name, value string) {
		if value != "" {
			options = append(options, name+"="+value)
		}
	}
	add("job-name", s.Name)
	add("comment", s.Comment)
	if s.Array != nil {
		add("array", s.Array.text())
	}
	if dependencies, kill := s.dependencies(); dependencies != "" {
		add("dependency", dependencies)
		if kill {
			add("kill-on-invalid-dep", "yes")
		}
	}
	add("partition", s.Partition)
	add("account", s.Account)
	add("reservation", s.Reservation)
	add("qos", s.QOS)
	add("constraint", s.Constraint)
	add("exclude", strings.Join(s.Exclude, ","))
	options = append(options, "nodes=1", "ntasks=1")
	add("cpus-per-task", positive(s.CPUs))
	add("mem", s.Memory)
	add("time", positive(roundUp(s.Time, time.Minute)))
	add("nice", positive(s.Nice))
	if s.Signal > 0 {
		add("signal", "B:USR1@"+positive(roundUp(s.Signal, time.Second)))
	}
	if s.Requeue {
		options = append(options, "requeue")
	} else {
		options = append(options, "no-requeue")
	}
	add("output", s.Log)
	add("open-mode", "append")
	add("chdir", s.Dir)
	add("export", "ALL")
	return options
}

// text is the array as --array has it.
func (a *Array) text() string {
	text := "0-" + strconv.Itoa(a.Count-1)
	if a.Throttle > 0 {
		text += "%" + strconv.Itoa(a.Throttle)
	}
	return text
}

// dependencies returns what --dependency has, and whether one of them can become
// impossible.
func (s *Submission) dependencies() (text string, kill bool) {
	var all []string
	for _, after := range s.After {
		one := []string{string(after.Kind)}
		for _, id := range after.Jobs {
			one = append(one, id.String())
		}
		all = append(all, strings.Join(one, ":"))
	}
	kill = slices.ContainsFunc(s.After, func(d Dependency) bool { return d.Kind == AfterOK })
	return strings.Join(all, ","), kill
}

// positive returns the number, or "" for 0.
func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// roundUp counts the units that d has, the last one begun.
func roundUp(d, unit time.Duration) int { return int((d + unit - 1) / unit) }

// quoted returns the argument as a word of sh.
func quoted(arg string) string { return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'" }
