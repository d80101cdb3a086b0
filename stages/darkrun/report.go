package darkrun

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"deployconstants/stages/dark"
	"deployconstants/xtc/dataset"
)

// A Report is what became of the runs.
type Report struct {
	Dataset string      `json:"dataset"`
	Runs    []RunReport `json:"runs"`
	Darks   []Dark      `json:"darks"` // in the order in which they ended

	Injections []Injection `json:"injections,omitempty"`
}

// made are all darks and injections.
func (r Report) made() []Made {
	var all []Made
	for _, d := range r.Darks {
		all = append(all, d.Made)
	}
	for _, in := range r.Injections {
		all = append(all, in.Made)
	}
	return all
}

// Any reports whether anything was made: of an injection with an error there may be files.
func (r Report) Any() bool {
	return slices.ContainsFunc(r.Darks, func(d Dark) bool { return d.err == nil }) ||
		slices.ContainsFunc(r.Injections, func(in Injection) bool { return in.err == nil || len(in.Files) > 0 })
}

// Failed counts the runs, darks and injections with an error.
func (r Report) Failed() int {
	n := 0
	for _, run := range r.Runs {
		if run.Error != "" {
			n++
		}
	}
	for _, m := range r.made() {
		if m.Error != "" {
			n++
		}
	}
	return n
}

// Err joins the errors of runs, darks and injections.
func (r Report) Err() error {
	var all []error
	for _, run := range r.Runs {
		all = append(all, run.err)
	}
	for _, m := range r.made() {
		all = append(all, m.err)
	}
	return errors.Join(all...)
}

// A RunReport is what one run had.
type RunReport struct {
	Run      int      `json:"run"`
	Stamp    string   `json:"stamp"`    // of the run's time, facility's zone; "": unknown
	Events   int      `json:"events"`   // looked at
	Unwanted int      `json:"unwanted"` // of them, by their event codes
	Tally    Tally    `json:"tally"`
	Warnings []string `json:"warnings,omitempty"`
	Error    string   `json:"error,omitempty"` // why no or not all events were read

	err error
}

func (r *RunReport) fail(err error) {
	r.err = errors.Join(r.err, err)
	r.Error = r.err.Error()
}

// Made is what a Dark and an Injection have in common.
type Made struct {
	Run    int    `json:"run"`
	Source string `json:"source"` // as asked for, where the run has no such detector
	Type   string `json:"type"`
	ID     string `json:"id"`
	Gain   string `json:"gain"` // mode of the cycles, as in names of files; "": the only one
	Shape  []int  `json:"shape"`
	Stamp  string `json:"stamp"` // valid from then on

	Without Without `json:"without"` // events that were looked at and gave no frame
	Good    int     `json:"good"`    // pixels
	Pixels  int     `json:"pixels"`

	Files []File   `json:"files"`
	Plots []string `json:"plots,omitempty"`
	Error string   `json:"error,omitempty"`

	err error
}

func (m *Made) fail(err error) {
	m.err = errors.Join(m.err, err)
	m.Error = m.err.Error()
}

// Err is what failed, nil if nothing did.
func (m Made) Err() error { return m.err }

// bad is the fraction of pixels that are not good.
func (m *Made) bad() float64 { return 1 - float64(m.Good)/float64(max(1, m.Pixels)) }

// A Dark is one dark: of a detector in a run, or in a cycle of it. Good are pixels without
// a status bit. With an error there is none.
type Dark struct {
	Made
	Step       int `json:"step"`       // calibration cycle from 0; -1: several, or the whole run
	Frames     int `json:"frames"`     // that were added
	Statistics int `json:"statistics"` // as files say it

	// RMS and Average are the limits of good pixels, by panel for an epix10ka; Threshold
	// is how many values outside of the range a good pixel may have.
	RMS       []Limits       `json:"rms_limits"`
	Average   []Limits       `json:"pedestal_limits"`
	Threshold int            `json:"threshold"`
	Bits      map[string]int `json:"bits"`                  // pixels by status bit
	Dead      []int          `json:"dead_panels,omitempty"` // of an epix10ka: no pixel with an rms

	Previous string   `json:"previous,omitempty"` // pedestals of the dark before, in the repository
	Jump     *float64 `json:"jump_adu,omitempty"` // median of the distances from them
}

// Outcomes of a File.
const (
	Created   = "created"
	Replaced  = "replaced"
	Unchanged = "unchanged"
	NotSaved  = "not saved" // a dry run
)

// A File is one of the constants that were saved.
type File struct {
	CType   string `json:"ctype"`
	Path    string `json:"path"` // "" in a dry run
	Outcome string `json:"outcome"`
	Deploys bool   `json:"-"` // constants of a whole detector
}

// Limits are those of a good pixel, see dark.Limits.
type Limits struct {
	Mean float64 `json:"mean_adu"` // over all pixels
	Std  float64 `json:"std_adu"`
	Low  float64 `json:"low_adu"`
	High float64 `json:"high_adu"`
}

// A Tally is that of a run's events, see dataset.Tally.
type Tally struct {
	Events      int `json:"events"`
	Trimmed     int `json:"trimmed"`
	EpicsOnly   int `json:"epics_only"`
	NoFiducials int `json:"no_fiducials"`
	SameClock   int `json:"same_clock"`
	Torn        int `json:"torn_chunks"`
	NoChunk     int `json:"missing_chunks"`
	Incomplete  int `json:"incomplete"`
	Broken      int `json:"broken"`
}

// Without counts events without a frame of a detector, by reason.
type Without struct {
	dataset.Lacks
	OtherShape int `json:"other_shape"` // of another shape or type than the first frame
}

// add counts an event by the error of its frame.
func (w *Without) add(err error) {
	switch {
	case errors.Is(err, dark.ErrShape):
		w.OtherShape++
	case !w.Lacks.Add(err):
		w.Missing++
	}
}

// String says how many events had no frame, and why; "" for none.
func (w Without) String() string {
	var parts []string
	for _, reason := range []struct {
		count int
		what  string
	}{
		{w.Missing, "had no data"}, {w.Damaged, "were damaged"}, {w.Elsewhere, "have their data elsewhere"},
		{w.NoConfig, "cannot be read without a configuration"}, {w.Broken, "were broken"},
		{w.Incomplete, "were incomplete"}, {w.OtherShape, "had another shape"},
	} {
		if reason.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", reason.count, reason.what))
		}
	}
	return strings.Join(parts, ", ")
}
