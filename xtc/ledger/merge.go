package ledger

import (
	"cmp"
	"fmt"
	"slices"
)

// A Conflict is something that a later reading of a run did not confirm. What was
// known before is kept.
type Conflict struct {
	Experiment string `json:"experiment"`
	Run        int    `json:"run"`
	Source     string `json:"source,omitempty"` // "" where it is about the whole run
	What       string `json:"what"`             // "is no longer in the files", "BeginRun moved from ... to ..."
}

// String returns one line.
func (c Conflict) String() string {
	if c.Source == "" {
		return fmt.Sprintf("%s run %d: %s; the earlier record is kept", c.Experiment, c.Run, c.What)
	}
	return fmt.Sprintf("%s run %d: %s %s; the earlier record is kept", c.Experiment, c.Run, c.Source, c.What)
}

// Merge is the rule for two records of one run, of which read is the later. Files,
// Scanned, and Cause are those of read, and so is what it says beyond old, but

//   - if a time moved, both times and all sources stay those of old;
//   - a source that read lacks, or has without the id that old knew, stays that of old;
//   - a time that read does not know stays that of old.
//
// The first two are conflicts, unless read has a Cause, which explains them. The
// lists of the result may be shared with old and read. Merging a record once more
// changes nothing.
func Merge(old, read Run) (Run, []Conflict) {
	var conflicts []Conflict
	report := func(source, what string) {
		conflicts = append(conflicts, Conflict{Experiment: read.Experiment, Run: read.Number, Source: source, What: what})
	}
	merged := read
	merged.Instrument = cmp.Or(read.Instrument, old.Instrument)
	merged.Dir = cmp.Or(read.Dir, old.Dir)

	moved := false
	for _, clock := range []struct {
		name      string
		old, read int64
	}{{"Configure", old.Configure, read.Configure}, {"BeginRun", old.BeginRun, read.BeginRun}} {
		if clock.old != 0 && clock.read != 0 && clock.old != clock.read {
			moved = true
			report("", fmt.Sprintf("%s moved from %s to %s", clock.name, timeText(clock.old), timeText(clock.read)))
		}
	}
	if moved {
		merged.Configure, merged.BeginRun, merged.Sources = old.Configure, old.BeginRun, old.Sources
		return merged, conflicts
	}
	merged.Configure = cmp.Or(read.Configure, old.Configure)
	merged.BeginRun = cmp.Or(read.BeginRun, old.BeginRun)
	if slices.Equal(old.Sources, read.Sources) {
		return merged, conflicts
	}

	merged.Sources = slices.Clone(read.Sources)
	for _, known := range old.Sources {
		i, found := slices.BinarySearchFunc(merged.Sources, known.Name, func(s Source, name string) int { return cmp.Compare(s.Name, name) })
		switch {
		case !found:
			merged.Sources = slices.Insert(merged.Sources, i, known)
			if read.Cause == "" {
				report(known.Name, "is no longer in the files")
			}
		case known.ID != "" && merged.Sources[i].ID == "":
			merged.Sources[i] = known
			if read.Cause == "" {
				report(known.Name, "no longer has the id "+known.ID)
			}
		}
	}
	return merged, conflicts
}
