package ledger

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Run is one run as its headers told. The identity of a record is
// (Experiment, Number, Source.Name).
type Run struct {
	Experiment string   // "xpptut15", lower case as in the path
	Instrument string   // "XPP"
	Dir        string   // absolute directory of the XTC files, without smalldata
	Number     int      // 0 to 2^31-1
	Configure  int64    // UTC ns since 1970; 0: unknown
	BeginRun   int64    // UTC ns since 1970; 0: unknown
	Files      []File   // what it was read from, sorted by Name
	Sources    []Source // sorted by Name
	Cause      string   // why the run could not be read, one line; "" if it could
	Scanned    int64    // UTC ns since 1970 when it was read
}

// File is one file that a run was read from.
type File struct {
	Name    string // below Run.Dir: "e665-r0260-s00-c00.xtc", "smalldata/e665-r0260-s00-c00.smd.xtc"
	Size    int64  // bytes
	ModTime int64  // UTC ns since 1970
}

// Source is one detector of a run.
type Source struct {
	Name, Alias string // "XcsEndstation.0:Epix100a.1"
	Type        string // detector type, "epix100a"; "" for devices without constants
	ID          string // hardware id or name form; "" where Cause says why not
	IDIsName    bool
	Class       string // "Epix.Config100aV2"
	Version     int    // of the class, 2
	Cause       string // why it has no id
}

// Limits of one record. They are far beyond what a facility has; a segment that
// exceeds them is damaged.
const (
	maxText    = 4096    // bytes of a string
	maxSources = 1 << 16 // of a run
	maxFiles   = 1 << 18 // of a run: 80 streams of 3000 chunks
)

// prepare returns a run as it is recorded: sorted, in valid UTF-8, which readers of
// parquet insist on. The lists are copies.
func (r Run) prepare() (Run, error) {
	clean := func(texts ...*string) {
		for _, text := range texts {
			*text = strings.ToValidUTF8(*text, "\ufffd")
		}
	}
	clean(&r.Experiment, &r.Instrument, &r.Dir, &r.Cause)
	r.Files, r.Sources = slices.Clone(r.Files), slices.Clone(r.Sources)
	for i := range r.Files {
		clean(&r.Files[i].Name)
	}
	for i := range r.Sources {
		s := &r.Sources[i]
		clean(&s.Name, &s.Alias, &s.Type, &s.ID, &s.Class, &s.Cause)
	}
	slices.SortStableFunc(r.Files, func(a, b File) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortStableFunc(r.Sources, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	if reason := r.problem(); reason != "" {
		return Run{}, fmt.Errorf("record of %q run %d: %s: %w", r.Experiment, r.Number, reason, ErrRecord)
	}
	return r, nil
}

// problem says what makes a sorted run no record; "" if it is one.
func (r *Run) problem() string {
	switch {
	case r.Experiment == "":
		return "no experiment"
	case r.Number < 0 || r.Number > math.MaxInt32:
		return "no run number"
	case len(r.Files) > maxFiles:
		return fmt.Sprintf("%d files", len(r.Files))
	case len(r.Sources) > maxSources:
		return fmt.Sprintf("%d sources", len(r.Sources))
	case tooLong(r.Experiment, r.Instrument, r.Dir, r.Cause):
		return "a text of more than 4096 bytes"
	}
	for i, f := range r.Files {
		if reason := f.problem(); reason != "" {
			return reason
		}
		if i > 0 && f.Name == r.Files[i-1].Name {
			return fmt.Sprintf("file %q twice", f.Name)
		}
	}
	for i, s := range r.Sources {
		if reason := s.problem(); reason != "" {
			return reason
		}
		if i > 0 && s.Name == r.Sources[i-1].Name {
			return fmt.Sprintf("source %q twice", s.Name)
		}
	}
	return ""
}

func (f *File) problem() string {
	switch {
	case f.Name == "" || len(f.Name) > maxText:
		return "a file without name, or with a name of more than 4096 bytes"
	case f.Size < 0:
		return fmt.Sprintf("file %q of %d bytes", f.Name, f.Size)
	}
	return ""
}

func (s *Source) problem() string {
	switch {
	case s.Name == "":
		return "a source without name"
	case s.Version < 0 || s.Version > math.MaxInt32:
		return fmt.Sprintf("source %q of version %d", s.Name, s.Version)
	case tooLong(s.Name, s.Alias, s.Type, s.ID, s.Class, s.Cause):
		return "a source with a text of more than 4096 bytes"
	}
	return ""
}

func tooLong(texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return len(text) > maxText })
}

// compareRuns is the order of records: by experiment, then by number.
func compareRuns(a, b Run) int {
	return cmp.Or(cmp.Compare(a.Experiment, b.Experiment), cmp.Compare(a.Number, b.Number))
}
