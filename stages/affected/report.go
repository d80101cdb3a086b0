package affected

import (
	"fmt"
	"io"

	"deployconstants/stages/resolve"
)

// A Report is who would change.
type Report struct {
	Change      resolve.Change `json:"change"`
	Touch       bool           `json:"touch,omitempty"` // what uses it now, see Options
	Experiments []Experiment   `json:"experiments"`
	SameBytes   []Experiment   `json:"same_bytes"` // get another file of the very bytes; nothing is deployed
	Totals      Totals         `json:"totals"`     // of Experiments
}

// Totals counts what is affected.
type Totals struct {
	Experiments int `json:"experiments"`
	Sources     int `json:"sources"` // of an experiment, whatever the number of ctypes
	Runs        int `json:"runs"`    // of a source and a ctype
	Files       int `json:"files"`
}

// An Experiment is one that is affected.
type Experiment struct {
	Name       string   `json:"name"`
	Instrument string   `json:"instrument"`
	Sources    []Source `json:"sources"` // by name and ctype
}

// A Source is a detector of an experiment and one ctype of its constants.
type Source struct {
	Name    string      `json:"source"`
	Type    string      `json:"type"`
	CType   string      `json:"ctype"` // deployed name
	Runs    string      `json:"runs"`  // "1-20,25"
	Count   int         `json:"count"` // of Runs
	Changes []Change    `json:"changes"`
	Files   []FileDelta `json:"files"` // by begin
}

// A Change is runs for which one file of constants takes the place of another.
type Change struct {
	ID     string     `json:"id"`
	Runs   string     `json:"runs"`
	Count  int        `json:"count"`
	Before *Constants `json:"before,omitempty"` // nil: nothing was valid
	After  *Constants `json:"after,omitempty"`  // nil: nothing would be, or Report.Touch
}

// Constants is a file of constants in the repository.
type Constants struct {
	Path   string `json:"path"`
	Kind   string `json:"kind"`             // "specific" or "default"
	SHA256 string `json:"sha256,omitempty"` // "": not known
	Error  string `json:"error,omitempty"`  // why it cannot be deployed
}

// A FileDelta is a file in the calib directory of the experiment that differs.
type FileDelta struct {
	Path   string     `json:"path"`             // below the calib directory
	Before *Constants `json:"before,omitempty"` // nil: the file is not there before
	After  *Constants `json:"after,omitempty"`  // nil: not there after, or Report.Touch
}

// Print writes the report as text: experiments, sources, runs and files.
func (r Report) Print(w io.Writer) error {
	p := printer{w: w, touch: r.Touch}
	verb := string(r.Change.Op)
	if r.Touch {
		verb = "uses of"
	}
	p.line("%s %s", verb, subject(r.Change))
	p.experiments(r.Experiments)
	if len(r.SameBytes) > 0 {
		p.line("another file of the same bytes, not counted:")
		p.experiments(r.SameBytes)
	}
	p.line("%d experiments, %d sources, %d runs, %d deployed files", r.Totals.Experiments, r.Totals.Sources, r.Totals.Runs, r.Totals.Files)
	return p.err
}

func subject(ch resolve.Change) string {
	switch {
	case ch.Path != "":
		return ch.Path
	case ch.ID != "" && ch.Alias != "":
		return fmt.Sprintf("alias %s of %s %s", ch.Alias, ch.Type, ch.ID)
	case ch.Alias != "":
		return fmt.Sprintf("alias %s of %s", ch.Alias, ch.Type)
	}
	return fmt.Sprintf("id %s of %s", ch.ID, ch.Type)
}

// A printer keeps the first error.
type printer struct {
	w     io.Writer
	touch bool
	err   error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

func (p *printer) experiments(list []Experiment) {
	for _, e := range list {
		p.line("%s", e.Name)
		for _, s := range e.Sources {
			p.line("  %s %s: %d runs %s", s.Name, s.CType, s.Count, s.Runs)
			for _, c := range s.Changes {
				if p.touch {
					p.line("    %s read by runs %s", c.Before.name(), c.Runs)
				} else {
					p.line("    runs %s: %s -> %s", c.Runs, c.Before.name(), c.After.name())
				}
			}
			for _, f := range s.Files {
				if p.touch {
					p.line("    deployed as %s", f.Path)
				} else {
					p.line("    %s %s", f.verb(), f.Path)
				}
			}
		}
	}
}

func (c *Constants) name() string {
	if c == nil {
		return "none"
	}
	return c.Path
}

func (f FileDelta) verb() string {
	switch {
	case f.Before == nil:
		return "new    "
	case f.After == nil:
		return "without"
	}
	return "other  "
}
