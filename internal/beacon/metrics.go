package beacon

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Sweep is what metrics tell of the last sweep.
type Sweep struct {
	LastSuccess    time.Time      // end of the last sweep that was done; zero: never
	Duration       time.Duration  // of this one
	Experiments    int            // looked at
	RunsKnown      int            // in the ledger
	RunsNew        int            // read for the first time
	RunsFailed     int            // that could not be read
	Targets        map[string]int // of the plan, by action
	Changes        int            // targets changed
	Failures       int            // items that failed
	Drift          int            // deployed files that are not as intended
	BytesPublished int64          // of constants
	ExitStatus     int
}

// prefix begins the names of all metrics.
const prefix = "deploy_constants_sweep_"

// A family is one metric with its samples.
type family struct {
	name, help string
	label      string // "": a single sample
	samples    []sample
}

type sample struct {
	label string // its value
	value float64
}

func gauge(name, help string, value float64) family {
	return family{name: name, help: help, samples: []sample{{value: value}}}
}

// families are sorted by name; one without samples is left out.
func (s Sweep) families() []family {
	targets := family{name: "targets", label: "action", help: "Targets of the last sweep's plan, by action."}
	for _, action := range slices.Sorted(maps.Keys(s.Targets)) {
		targets.samples = append(targets.samples, sample{action, float64(s.Targets[action])})
	}
	success := family{name: "last_success_timestamp_seconds", help: "Unix time at which a sweep was done last."}
	if !s.LastSuccess.IsZero() {
		success.samples = []sample{{value: float64(s.LastSuccess.UnixMilli()) / 1000}}
	}
	list := []family{
		gauge("bytes_published", "Bytes of constants that the last sweep published.", float64(s.BytesPublished)),
		gauge("changes", "Targets that the last sweep changed.", float64(s.Changes)),
		gauge("drift", "Deployed files that the last sweep found not as intended.", float64(s.Drift)),
		gauge("duration_seconds", "Duration of the last sweep.", s.Duration.Seconds()),
		gauge("exit_status", "Exit status of the last sweep.", float64(s.ExitStatus)),
		gauge("experiments", "Experiments that the last sweep looked at.", float64(s.Experiments)),
		gauge("failures", "Items of the last sweep that failed.", float64(s.Failures)),
		success,
		gauge("runs_failed", "Runs that the last sweep could not read.", float64(s.RunsFailed)),
		gauge("runs_known", "Runs in the ledger after the last sweep.", float64(s.RunsKnown)),
		gauge("runs_new", "Runs that the last sweep read for the first time.", float64(s.RunsNew)),
		targets,
	}
	return slices.DeleteFunc(list, func(f family) bool { return len(f.samples) == 0 })
}

// Write writes the metrics in Prometheus' text exposition format. Same numbers give
// the same bytes. The error is w's.
func (s Sweep) Write(w io.Writer) error {
	var b bytes.Buffer
	for _, f := range s.families() {
		name := prefix + f.name
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", name, helpEscapes.Replace(f.help), name)
		for _, sample := range f.samples {
			b.WriteString(name)
			if f.label != "" {
				fmt.Fprintf(&b, `{%s="%s"}`, f.label, labelEscapes.Replace(strings.ToValidUTF8(sample.label, "\uFFFD")))
			}
			fmt.Fprintf(&b, " %s\n", number(sample.value))
		}
	}
	_, err := b.WriteTo(w)
	return err
}

// Publish writes the metrics to the file at path, which is replaced whole. Its
// directory must be there; its name must end in ".prom" for node_exporter to read it.
func (s Sweep) Publish(path string) error {
	var text bytes.Buffer
	if err := s.Write(&text); err != nil {
		return err
	}
	if err := publish(path, &text); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}

// The escapes of the exposition format, do not change.
var (
	helpEscapes  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	labelEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

// number writes a number without exponent, for people.
func number(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }
