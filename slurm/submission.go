package slurm

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Submission is a job that is to be submitted: a program, once or as the tasks of
// an array. Fields that are empty leave the matter to the cluster, if they do not
// say otherwise.
//
// No field may have blanks, quotes, backslashes, control characters, or others that
// sbatch gives a meaning to, except the arguments of Program.
type Submission struct {
	// Name is how the job is found again, so it must be unique, a random part in
	// it. Letters, digits, ".", "_" and "-", at most 200; needed.
	Name string

	// Program is the absolute path of the program, which must be there on every
	// node, and its arguments, which may be anything without control characters.
	Program []string

	Array *Array       // nil: one task, without an index
	After []Dependency // all of which must be fulfilled before it starts

	Partition   string
	Account     string // "lcls:data"
	Reservation string
	QOS         string
	Constraint  string   // features that nodes must have, "a&b"
	Exclude     []string // nodes, "n1" or "n[1-3]"

	Time   time.Duration // limit of one task; rounded up to minutes
	Memory string        // of one task's node, as --mem has it: "2G"
	CPUs   int           // of one task
	Nice   int           // priority that is given away, up to 2147483645

	// Signal is how long before its limit a task gets SIGUSR1, in seconds, at most
	// 65535; Slurm may send it up to a minute earlier. It is shorter than Time.
	Signal time.Duration

	// Requeue: Slurm runs tasks again whose node failed or which were preempted.
	Requeue bool

	// Log is the absolute path of the file that a task's output is appended to; its
	// directory must exist; needed. The name may have %A for the id of the array, %a
	// for the index, %j for the task's own id: "/logs/%A_%a.log". "/dev/null" is none.
	Log string

	Dir     string // absolute; the working directory of tasks, which must exist
	Comment string

	// Export names variables of Options.Env that tasks get besides the usual ones.
	// Those of Slurm cannot be had.
	Export []string
}

// An Array is the tasks of an array job, with indices from 0 to Count-1.
type Array struct {
	Count    int // 1 or more; see Limits.Tasks
	Throttle int // tasks that run at a time; 0: any number
}

// A Dependency delays a job until others have ended.
type Dependency struct {
	Kind DependencyKind
	Jobs []JobID
}

// A DependencyKind says how the others have to end.
type DependencyKind string

const (
	// AfterOK: all tasks must have succeeded. Where one did not, Slurm cancels the
	// dependent job, since its script has --kill-on-invalid-dep=yes.
	AfterOK DependencyKind = "afterok"

	// AfterAny: all tasks must have ended.
	AfterAny DependencyKind = "afterany"
)

// Bounds of fields.
const (
	maxName   = 200
	maxSignal = 65535 * time.Second // sig_time has 16 bits
	maxNice   = 2147483645
	maxTime   = 10 * 365 * 24 * time.Hour
	maxCPUs   = 1 << 16
	maxScript = 4 << 20 // bytes, max_script_size of Slurm
)

var (
	nameText   = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.-]*$`)
	wordText   = regexp.MustCompile(`^[A-Za-z0-9_.:@,/+-]+$`)
	features   = regexp.MustCompile(`^[A-Za-z0-9_.:@,|&*()\[\]+-]+$`)
	nodesText  = regexp.MustCompile(`^[A-Za-z0-9_.\[\],-]+$`)
	memoryText = regexp.MustCompile(`^[1-9][0-9]{0,11}[KMGTkmgt]?$`)
	pathText   = regexp.MustCompile(`^/[A-Za-z0-9_.:@,/+=~^{}!-]*$`)
	variable   = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	control    = regexp.MustCompile(`[\x00-\x1f\x7f]`)
)

// logPatterns are what a log's name may have of sbatch's patterns.
var logPatterns = strings.NewReplacer("%A", "", "%a", "", "%j", "")

// check returns a *FieldError for what Slurm would not take, or would misread.
func (s *Submission) check() error {
	if err := checkName("Name", s.Name); err != nil {
		return err
	}
	for _, check := range []func() error{s.checkProgram, s.checkTasks, s.checkTexts, s.checkNumbers, s.checkLog} {
		if err := check(); err != nil {
			return err
		}
	}
	for i, name := range s.Export {
		if !variable.MatchString(name) || reserved(name) {
			return &FieldError{Field: fmt.Sprintf("Export[%d]", i), Value: name, Why: "is not the name of a variable that tasks can be given"}
		}
	}
	return nil
}

func checkName(field, name string) error {
	switch {
	case name == "":
		return &FieldError{Field: field, Why: "is missing; a job without a unique name cannot be found again"}
	case len(name) > maxName || !nameText.MatchString(name):
		return &FieldError{Field: field, Value: name, Why: fmt.Sprintf(`is not up to %d letters, digits, ".", "_" and "-"`, maxName)}
	}
	return nil
}

func (s *Submission) checkProgram() error {
	if len(s.Program) == 0 {
		return &FieldError{Field: "Program", Why: "is missing"}
	}
	if !path.IsAbs(s.Program[0]) {
		return &FieldError{Field: "Program[0]", Value: s.Program[0], Why: "is not an absolute path"}
	}
	for i, arg := range s.Program {
		if control.MatchString(arg) {
			return &FieldError{Field: fmt.Sprintf("Program[%d]", i), Value: arg, Why: "has control characters"}
		}
	}
	return nil
}

// checkTasks checks the array and what it waits for.
func (s *Submission) checkTasks() error {
	if a := s.Array; a != nil {
		if a.Count < 1 || a.Count > maxIndex {
			return &FieldError{Field: "Array.Count", Value: fmt.Sprint(a.Count), Why: fmt.Sprintf("is not from 1 to %d", maxIndex)}
		}
		if a.Throttle < 0 {
			return &FieldError{Field: "Array.Throttle", Value: fmt.Sprint(a.Throttle), Why: "is below 0"}
		}
	}
	for i, after := range s.After {
		field := fmt.Sprintf("After[%d]", i)
		if after.Kind != AfterOK && after.Kind != AfterAny {
			return &FieldError{Field: field + ".Kind", Value: string(after.Kind), Why: `is neither "afterok" nor "afterany"`}
		}
		if len(after.Jobs) == 0 {
			return &FieldError{Field: field + ".Jobs", Why: "is empty"}
		}
		if slices.Contains(after.Jobs, 0) {
			return &FieldError{Field: field + ".Jobs", Value: "0", Why: "is no job"}
		}
	}
	return nil
}

// checkTexts checks what stands in the script as it is.
func (s *Submission) checkTexts() error {
	for _, text := range []struct {
		field, value string
		pattern      *regexp.Regexp
		why          string
	}{
		{"Partition", s.Partition, wordText, "is not a partition"},
		{"Account", s.Account, wordText, "is not an account"},
		{"Reservation", s.Reservation, wordText, "is not a reservation"},
		{"QOS", s.QOS, wordText, "is not a quality of service"},
		{"Constraint", s.Constraint, features, "is not a constraint of features"},
		{"Memory", s.Memory, memoryText, `is not a size such as "2G"`},
		{"Comment", s.Comment, wordText, `has other than letters, digits and "_.:@,/+-"`},
		{"Dir", s.Dir, pathText, "is not an absolute path without blanks and characters that sbatch interprets"},
	} {
		if text.value != "" && !text.pattern.MatchString(text.value) {
			return &FieldError{Field: text.field, Value: text.value, Why: text.why}
		}
	}
	return checkNodes("Exclude", s.Exclude)
}

// checkNodes checks expressions of nodes; sbatch takes one with "/" for a file.
func checkNodes(field string, nodes []string) error {
	for i, node := range nodes {
		if !nodesText.MatchString(node) || strings.HasPrefix(node, "-") {
			return &FieldError{Field: fmt.Sprintf("%s[%d]", field, i), Value: node, Why: `is not nodes, such as "n1" or "n[1-3]"`}
		}
	}
	return nil
}

func (s *Submission) checkNumbers() error {
	switch {
	case s.Time < 0 || s.Time > maxTime:
		return &FieldError{Field: "Time", Value: s.Time.String(), Why: fmt.Sprintf("is not from 0 to %v", maxTime)}
	case s.CPUs < 0 || s.CPUs > maxCPUs:
		return &FieldError{Field: "CPUs", Value: fmt.Sprint(s.CPUs), Why: fmt.Sprintf("is not from 0 to %d", maxCPUs)}
	case s.Nice < 0 || s.Nice > maxNice:
		return &FieldError{Field: "Nice", Value: fmt.Sprint(s.Nice), Why: fmt.Sprintf("is not from 0 to %d", maxNice)}
	case s.Signal < 0 || s.Signal > maxSignal:
		return &FieldError{Field: "Signal", Value: s.Signal.String(), Why: fmt.Sprintf("is not from 0 to %v", maxSignal)}
	case s.Signal > 0 && s.Time > 0 && s.Signal >= s.Time:
		return &FieldError{Field: "Signal", Value: s.Signal.String(), Why: fmt.Sprintf("is not shorter than Time, %v", s.Time)}
	}
	return nil
}

func (s *Submission) checkLog() error {
	if s.Log == "" {
		return &FieldError{Field: "Log", Why: `is missing; "/dev/null" is none`}
	}
	dir, name := path.Split(s.Log)
	if strings.Contains(dir, "%") {
		return &FieldError{Field: "Log", Value: s.Log, Why: "has % in its directory, which Slurm does not make"}
	}
	if name == "" || !pathText.MatchString(dir+logPatterns.Replace(name)) {
		return &FieldError{Field: "Log", Value: s.Log, Why: "is not an absolute path of a file without blanks, characters that sbatch interprets, and patterns but %A, %a and %j"}
	}
	return nil
}
