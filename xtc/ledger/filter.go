package ledger

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"deployconstants/xtc/dataset"
)

// Filter selects records; the zero value selects everything. Lists are
// alternatives, fields are conditions that must all hold. Globs are those of
// path.Match.
type Filter struct {
	Instruments []string // globs, in any case
	Experiments []string // globs
	Runs        dataset.Ranges
	Since       time.Time // runs that began then or later
	Until       time.Time // runs that began before
	Sources     []string  // globs on name or alias
	Types       []string  // detector types, in any case
}

// Check returns an error for a glob that path.Match cannot read, and for a period
// that ends before it begins. Without Check such a filter selects nothing.
func (f Filter) Check() error {
	for _, list := range [][]string{f.Instruments, f.Experiments, f.Sources} {
		for _, glob := range list {
			if _, err := path.Match(glob, ""); err != nil {
				return fmt.Errorf("pattern %q: %w; write one like xpp* or *Epix100a.[12]", glob, err)
			}
		}
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return fmt.Errorf("no time is since %s and before %s", f.Since.UTC().Format(time.RFC3339), f.Until.UTC().Format(time.RFC3339))
	}
	return nil
}

// MatchExperiment reports whether runs of the experiment may be selected.
func (f Filter) MatchExperiment(instrument, name string) bool {
	return anyGlob(f.Instruments, strings.ToUpper, instrument) && anyGlob(f.Experiments, same, name)
}

// MatchRun reports whether a run may be selected. A begin that is not known, the
// zero time, is ruled out by no period: such a run is rather looked at than missed.
func (f Filter) MatchRun(number int, begin time.Time) bool {
	if len(f.Runs) > 0 && !f.Runs.Contains(number) {
		return false
	}
	return begin.IsZero() || (f.Since.IsZero() || !begin.Before(f.Since)) && (f.Until.IsZero() || begin.Before(f.Until))
}

// MatchSource reports whether a source is selected.
func (f Filter) MatchSource(name, alias, typ string) bool {
	if !anyGlob(f.Sources, same, name) && (alias == "" || !anyGlob(f.Sources, same, alias)) {
		return false
	}
	return len(f.Types) == 0 || slices.ContainsFunc(f.Types, func(t string) bool { return strings.EqualFold(t, typ) })
}

// selectRun returns the run with the sources that the filter selects; false if the
// run is not selected, or has no source of those that were asked for.
func (f Filter) selectRun(r Run) (Run, bool) {
	var begin time.Time
	if r.BeginRun != 0 {
		begin = time.Unix(0, r.BeginRun)
	}
	if !f.MatchRun(r.Number, begin) {
		return Run{}, false
	}
	if len(f.Sources) == 0 && len(f.Types) == 0 {
		return r, true
	}
	r.Sources = slices.DeleteFunc(r.Sources, func(s Source) bool { return !f.MatchSource(s.Name, s.Alias, s.Type) })
	return r, len(r.Sources) > 0
}

// anyGlob reports whether one of the globs matches, or there is none.
func anyGlob(globs []string, fold func(string) string, text string) bool {
	return len(globs) == 0 || slices.ContainsFunc(globs, func(glob string) bool {
		matched, err := path.Match(fold(glob), fold(text))
		return err == nil && matched
	})
}

func same(text string) string { return text }
