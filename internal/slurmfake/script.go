package slurmfake

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// scriptMax bounds a script, in bytes, as Slurm does.
const scriptMax = 4 << 20

const number = `(0|[1-9][0-9]{0,8})`

// understood are the options of scripts, with what each may be.
var understood = map[string]*regexp.Regexp{
	"account":             regexp.MustCompile(`^[A-Za-z0-9_.:/+-]+$`),
	"array":               regexp.MustCompile(`^0-` + number + `(%[1-9][0-9]{0,8})?$`),
	"chdir":               anything,
	"comment":             anything,
	"constraint":          anything,
	"cpus-per-task":       regexp.MustCompile(`^[1-9][0-9]{0,4}$`),
	"dependency":          anything,
	"exclude":             regexp.MustCompile(`^[A-Za-z0-9_.,-]+$`),
	"export":              regexp.MustCompile(`^ALL$`),
	"job-name":            anything,
	"kill-on-invalid-dep": regexp.MustCompile(`^(yes|no)$`),
	"mem":                 regexp.MustCompile(`^[1-9][0-9]{0,11}[KMGT]?$`),
	"nice":                regexp.MustCompile(`^` + number + `$`),
	"no-requeue":          flag,
	"nodes":               regexp.MustCompile(`^1$`),
	"ntasks":              regexp.MustCompile(`^1$`),
	"open-mode":           regexp.MustCompile(`^(append|truncate)$`),
	"output":              anything,
	"partition":           regexp.MustCompile(`^[A-Za-z0-9_.-]+$`),
	"qos":                 regexp.MustCompile(`^[A-Za-z0-9_.-]+$`),
	"requeue":             flag,
	"reservation":         anything,
	"signal":              anything,
	"time":                anything,
}

var (
	anything = regexp.MustCompile(`^[^\s"'\\#` + "`" + `$]+$`) // what sbatch takes as it is
	flag     = regexp.MustCompile(`^$`)
)

// errNoScript is what Slurm says of a script without an interpreter.
var errNoScript = failure{1, `sbatch: error: This does not look like a batch script.  The first
sbatch: error: line must start with #! followed by the path to an interpreter.
sbatch: error: For instance: #!/bin/sh`}

// parseScript reads the options of a script.
func parseScript(script string) (map[string]string, error) {
	if !strings.HasPrefix(script, "#!") {
		return nil, errNoScript
	}
	options := map[string]string{}
	commands := false
	for line := range strings.Lines(script) {
		line = strings.TrimRight(line, "\n")
		text, ours := strings.CutPrefix(line, "#SBATCH")
		switch {
		case ours && commands:
			return nil, refuse("%q comes after a command: sbatch does not read it", line)
		case ours:
			if err := parseLine(options, text); err != nil {
				return nil, err
			}
		case line != "" && line[0] != '#':
			commands = true
		}
	}
	return options, check(options)
}

func parseLine(options map[string]string, text string) error {
	text, isLong := strings.CutPrefix(strings.TrimSpace(text), "--")
	name, value, has := strings.Cut(text, "=")
	allowed, known := understood[name]
	switch {
	case !isLong || !known:
		return refuse("script: option %q", text)
	case has == (allowed == flag):
		return refuse("script: option %q: with a value, or without", text)
	case !allowed.MatchString(value):
		return refuse("script: option %s=%q is not understood", name, value)
	}
	if _, twice := options[name]; twice {
		return refuse("script: option %s twice", name)
	}
	options[name] = value
	return nil
}

// check looks into options that have a form of their own.
func check(options map[string]string) error {
	_, requeue := options["requeue"]
	_, noRequeue := options["no-requeue"]
	_, err := parseDependency(options["dependency"])
	signal, _ := parseSignal(options["signal"])
	switch {
	case err != nil:
		return err
	case requeue && noRequeue:
		return refuse("script: requeue and no-requeue")
	case options["signal"] != "" && signal == 0:
		return refuse("script: signal=%q is not B:NAME or B:NAME@SECONDS", options["signal"])
	case options["time"] != "" && parseTime(options["time"]) <= 0:
		return refuse("script: time=%q is no time limit", options["time"])
	}
	return nil
}

// A dependency is what a job waits for.
type dependency struct {
	kind string
	id   int
}

const (
	afterOK  = "afterok"
	afterAny = "afterany"
)

// parseDependency reads "afterok:1:2,afterany:3"; all must be met.
func parseDependency(text string) ([]dependency, error) {
	var list []dependency
	if text == "" {
		return nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		fields := strings.Split(part, ":")
		if !slices.Contains([]string{afterOK, afterAny}, fields[0]) || len(fields) < 2 {
			return nil, refuse("script: dependency=%q", text)
		}
		for _, field := range fields[1:] {
			id, err := strconv.Atoi(field)
			if err != nil || id < 1 {
				return nil, refuse("script: dependency=%q", text)
			}
			list = append(list, dependency{fields[0], id})
		}
	}
	return list, nil
}

// parseSignal reads "B:USR1@120": the signal, 0 if it is none, and how long before the
// limit it comes, a minute unless it says so.
func parseSignal(text string) (syscall.Signal, time.Duration) {
	name, seconds, has := strings.Cut(text, "@")
	name, batch := strings.CutPrefix(name, "B:")
	before := 60
	if has {
		var err error
		if before, err = strconv.Atoi(seconds); err != nil || before < 0 || before > 65535 {
			return 0, 0
		}
	}
	if !batch {
		return 0, 0
	}
	return signalNumber(name), time.Duration(before) * time.Second
}

var timeParts = regexp.MustCompile(`^(?:([0-9]{1,5})-([0-9]{1,5})(?::([0-9]{1,5}))?(?::([0-9]{1,5}))?|([0-9]{1,6})(?::([0-9]{1,5}))?(?::([0-9]{1,5}))?)$`)

// parseTime reads a limit: minutes, minutes:seconds, hours:minutes:seconds, days-hours,
// days-hours:minutes, days-hours:minutes:seconds. It is 0 for none, and for what is none.
func parseTime(text string) time.Duration {
	m := timeParts.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	n := make([]time.Duration, len(m))
	for i := 1; i < len(m); i++ {
		if m[i] != "" {
			v, err := strconv.Atoi(m[i])
			if err != nil {
				return 0
			}
			n[i] = time.Duration(v)
		}
	}
	switch {
	case m[1] != "":
		return n[1]*24*time.Hour + n[2]*time.Hour + n[3]*time.Minute + n[4]*time.Second
	case m[7] != "":
		return n[5]*time.Hour + n[6]*time.Minute + n[7]*time.Second
	default:
		return n[5]*time.Minute + n[6]*time.Second
	}
}
