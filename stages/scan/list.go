package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// A place is an experiment to be listed.
type place struct {
	dataset.Place
	absent bool // it is not on disk, the ledger knows it
}

// listed is what the listing of one experiment told.
type listed struct {
	place
	jobs     []job // runs to read, ascending
	problems []Problem
	err      error // a panic
	counts   Counts
}

// A job is a run to be read.
type job struct {
	run     dataset.ListedRun
	known   bool  // the ledger has a record
	scanned int64 // UTC ns, before its files were looked up
}

// list lists one experiment and decides what is to be read.
func (s *scanner) list(_ context.Context, place place) (*listed, error) {
	l := &listed{place: place}
	if place.absent {
		return l, nil
	}
	now := s.Now()
	if place.Err != nil {
		l.trouble(Unreadable, -1, pathOf(place.Err, place.Dir), place.Err)
		return l, nil
	}
	c := comparer{scanner: s, listed: l, now: now.UnixNano()}
	if s.known != nil {
		c.record, _ = s.known.Experiment(place.Experiment.Name)
	}
	if c.record != nil {
		c.numbers, c.moved = c.record.Numbers(), c.record.Dir() != place.Dir
	}
	var listing dataset.Listing
	if place.HasData {
		var err error
		listing, err = dataset.ListRuns(place.Dir, place.Experiment.Prefix(), s.PreferSmall)
		if err != nil {
			l.trouble(kindOf(err), -1, pathOf(err, place.Dir), err)
			return l, nil
		}
	}
	if listing.SmallErr != nil {
		l.trouble(Unreadable, -1, pathOf(listing.SmallErr, place.Dir), listing.SmallErr)
	}
	l.counts.Listed = listing.Stats
	for _, run := range listing.Runs {
		c.passTo(run.Run)
		if s.Filter.MatchRun(run.Run, time.Time{}) {
			c.take(run)
		}
	}
	c.passTo(-1)
	return l, nil
}

func (l *listed) trouble(kind Kind, run int, path string, err error) {
	l.problems = append(l.problems, Problem{Kind: kind, Experiment: l.place.Experiment.Name, Run: run, Path: path, Err: err})
}

// abandonedAfter is how long a file named .inprogress must not have been written to be
// no sign that its run is. Runs take hours; data acquisition that dies leaves the name.
const abandonedAfter = 24 * time.Hour

var errAbandoned = fmt.Errorf("a file named .inprogress was not written for more than %.0f h: it is left out; rename or remove it", abandonedAfter.Hours())

// A comparer compares the runs of an experiment, ascending, with its records.
type comparer struct {
	*scanner
	listed  *listed
	record  *ledger.Experiment // nil if there is none
	numbers []int              // of recorded runs that were not passed yet
	moved   bool               // the files were in another directory
	now     int64              // UTC ns
	files   []ledger.File      // of the run at hand, reused
	known   bool               // the run at hand has a record
}

// passTo counts the recorded runs before the number, which are not on disk; -1 is
// behind all.
func (c *comparer) passTo(number int) {
	for len(c.numbers) > 0 && (number < 0 || c.numbers[0] < number) {
		if c.Filter.MatchRun(c.numbers[0], time.Time{}) {
			c.listed.counts.Gone++
		}
		c.numbers = c.numbers[1:]
	}
	c.known = len(c.numbers) > 0 && c.numbers[0] == number
	if c.known {
		c.numbers = c.numbers[1:]
	}
}

// take decides about one run.
func (c *comparer) take(run dataset.ListedRun) {
	l, refused := c.listed, false
	for _, err := range run.Problems {
		kind := NotRegular
		if !errors.Is(err, xtc.ErrNotRegular) {
			kind, refused = kindOf(err), true
		}
		l.trouble(kind, run.Run, pathOf(err, l.place.Dir), err)
	}
	abandoned := run.InProgress && c.now-run.Touched > int64(abandonedAfter)
	if abandoned {
		l.trouble(Odd, run.Run, l.place.Dir, errAbandoned)
	}
	switch {
	case run.InProgress && !abandoned:
		c.pend(run.Run, l.place.Dir, "a file is named .inprogress")
	case len(run.Files) == 0 && abandoned && !c.known:
		l.counts.Pending++
	case refused:
		l.counts.Failed++
	case len(run.Files) == 0 && c.known:
		l.counts.Gone++
	case len(run.Files) == 0 && run.Offline > 0:
		l.counts.Offline++
	case len(run.Files) == 0:
		l.counts.Failed++
	case c.known && !c.changed(run):
		l.counts.Unchanged++
	case c.known && c.outside(run.Run):
		l.counts.Skipped++
	default:
		if young := slices.IndexFunc(run.Files, c.young); young >= 0 {
			c.pend(run.Run, l.place.Dir+"/"+run.Files[young].Name, "it changed less than "+c.Settle.String()+" ago")
			return
		}
		l.jobs = append(l.jobs, job{run: run, known: c.known, scanned: c.now})
	}
}

func (c *comparer) pend(run int, path, why string) {
	c.listed.counts.Pending++
	c.listed.trouble(Writing, run, path, errors.New(why))
}

// young reports whether the file may still be being written. A time more than a day
// ahead is that of a wrong clock.
func (c *comparer) young(f dataset.ListedFile) bool {
	return c.Settle > 0 && f.ModTime > c.now-int64(c.Settle) && f.ModTime < c.now+int64(24*time.Hour)
}

// outside reports whether the known begin of the run lies outside the period.
func (c *comparer) outside(number int) bool {
	if c.Filter.Since.IsZero() && c.Filter.Until.IsZero() {
		return false
	}
	record, _ := c.record.Run(number)
	return record.BeginRun != 0 && !c.Filter.MatchRun(number, time.Unix(0, record.BeginRun))
}

// changed reports whether the run has files that its record does not know so.
func (c *comparer) changed(run dataset.ListedRun) bool {
	if c.moved {
		return true
	}
	c.files = slices.AppendSeq(c.files[:0], c.record.Files(run.Run))
	for _, f := range run.Files {
		if i, found := c.find(f.Name); found {
			if c.files[i].Size != f.Size || c.files[i].ModTime != f.ModTime {
				return true
			}
			continue
		}
		if _, found := c.find(twin(f.Name)); !found {
			return true
		}
		if record, _ := c.record.Run(run.Run); record.Cause != "" {
			return true
		}
	}
	return false
}

// find looks a file of the record up.
func (c *comparer) find(name string) (int, bool) {
	return slices.BinarySearchFunc(c.files, name, func(f ledger.File, name string) int { return strings.Compare(f.Name, name) })
}

// twin is the small file of a big one, or the big one of a small one: their headers
// say the same.
func twin(name string) string {
	if big, small := strings.CutPrefix(name, dataset.SmallData+"/"); small {
		return strings.TrimSuffix(big, ".smd.xtc") + ".xtc"
	}
	return dataset.SmallData + "/" + strings.TrimSuffix(name, ".xtc") + ".smd.xtc"
}

// kindOf tells what refused something from what is no more.
func kindOf(err error) Kind {
	if errors.Is(err, fs.ErrNotExist) {
		return Vanished
	}
	return Unreadable
}

// pathOf is the path that the error is about, where it tells, else the other.
func pathOf(err error, other string) string {
	if inner, ok := errors.AsType[*fs.PathError](err); ok {
		return inner.Path
	}
	return other
}
