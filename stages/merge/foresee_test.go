package merge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/repo"
	"deployconstants/stages/affected"
	"deployconstants/stages/merge"
	"deployconstants/stages/resolve"
)

// load lists the repository.
func (s *site) load() *resolve.Snapshot {
	s.t.Helper()
	snapshot, err := resolve.Load(s.t.Context(), s.options.Repository, resolve.Options{})
	if err != nil {
		s.t.Fatal(err)
	}
	return snapshot
}

// foresee is the repository after all merges, supposed that a change was made before.
func (s *site) foresee(ch resolve.Change) *resolve.Snapshot {
	s.t.Helper()
	snapshot, o := s.load(), s.options
	var err error
	if ch != (resolve.Change{}) {
		if snapshot, err = snapshot.With(ch); err != nil {
			s.t.Fatal(err)
		}
	}
	o.Change = ch
	if snapshot, err = merge.Foresee(s.t.Context(), o, s.index, snapshot); err != nil {
		s.t.Fatal(err)
	}
	return snapshot
}

// choices are the files that are valid on each noon from December 1 on, in short:
// stamp and "?" for a hypothetical one, "-" for none.
func (s *site) choices(snapshot *resolve.Snapshot, detType, id, ctype string, days int) (short []string) {
	for day := range days {
		at := repo.StampOf(time.Date(2020, 12, 1+day, 12, 0, 0, 0, s.options.Zone), s.options.Zone)
		switch choice := snapshot.At(resolve.Key{Type: detType, ID: id}, ctype, at); {
		case choice.File == nil:
			short = append(short, "-")
		case choice.File.Hypothetical:
			short = append(short, choice.File.Stamp.String()[6:8]+"?")
		default:
			short = append(short, choice.File.Stamp.String()[6:8])
		}
	}
	return short
}

func (s *site) wantChoices(snapshot *resolve.Snapshot, detType, id, ctype string, want ...string) {
	s.t.Helper()
	if got := s.choices(snapshot, detType, id, ctype, len(want)); !slices.Equal(got, want) {
		s.t.Errorf("valid %v, want %v", got, want)
	}
}

// affected are the runs that a change affects, by what replaces what.
func (s *site) affected(ch resolve.Change, touch bool) (lines []string) {
	s.t.Helper()
	report, err := affected.Who(s.t.Context(), affected.Options{
		Digests: s.options.Digests, Zone: s.options.Zone, Touch: touch,
		Foresee: func(_ context.Context, snapshot *resolve.Snapshot, ch resolve.Change) (*resolve.Snapshot, error) {
			o := s.options
			o.Change = ch
			return merge.Foresee(s.t.Context(), o, s.index, snapshot)
		},
	}, s.index, s.load(), ch)
	if err != nil {
		s.t.Fatal(err)
	}
	day := func(c *affected.Constants) string {
		if c == nil {
			return "none"
		}
		return c.Path[strings.Index(c.Path, "_202012")+7:][:2]
	}
	for _, e := range report.Experiments {
		for _, source := range e.Sources {
			for _, change := range source.Changes {
				lines = append(lines, fmt.Sprintf("%s %s: %s -> %s", source.CType, change.Runs, day(change.Before), day(change.After)))
			}
		}
	}
	return lines
}

func (s *site) wantAffected(ch resolve.Change, touch bool, want ...string) {
	s.t.Helper()
	if got := s.affected(ch, touch); !slices.Equal(got, want) {
		s.t.Errorf("%s %s: affected %q, want %q", ch.Op, ch.Path, got, want)
	}
}

// TestForeseeTables: what will be merged of tables counts as if it were there, and so
// does what a change of a table would make of it.
func TestForeseeTables(t *testing.T) {
	both := one + "_" + two
	s := newSite(t, 6, "jungfrau", both)
	s.dark("pedestals", "02060000", 100, one, two)
	s.dark("pedestals", "04060000", 200, one, two)
	wants := []string{"-", "02?", "02?", "04?", "04?", "04?"}
	s.wantChoices(s.load(), "jungfrau", both, "pedestals", "-", "-", "-")
	s.wantChoices(s.foresee(resolve.Change{}), "jungfrau", both, "pedestals", wants...)

	of4 := table(one, "pedestals", gainNames[0], "04060000")
	of2 := table(one, "pedestals", gainNames[0], "02060000")
	for _, made := range []bool{false, true} {
		if made {
			s.merge()
			s.wantChoices(s.foresee(resolve.Change{}), "jungfrau", both, "pedestals", "-", "02", "02", "04", "04", "04")
		}
		// What is left of the 4th still makes a merge, with the older table.
		s.wantAffected(resolve.Change{Op: resolve.Withdraw, Path: of4}, false, "pedestals 4-6: 04 -> 04")
		// Nothing is left that could be merged.
		s.wantAffected(resolve.Change{Op: resolve.Withdraw, Path: of2}, false, "pedestals 2-3: 02 -> none")
		s.wantAffected(resolve.Change{Op: resolve.Replace, Path: of2}, false, "pedestals 2-3: 02 -> 02")
		s.wantAffected(resolve.Change{Path: of2}, true, "pedestals 2-3: 02 -> none")
		s.wantAffected(resolve.Change{Op: resolve.Add, Path: table(two, "pedestals", gainNames[1], "05060000")}, false, "pedestals 5-6: 04 -> 05")
		s.wantAffected(resolve.Change{Op: resolve.Add, Path: table(two, "pedestals", gainNames[1], "20060000")}, false)
	}
	if _, err := merge.Merge(t.Context(), merge.Options{
		Repository: s.options.Repository, Digests: s.options.Digests, Zone: s.options.Zone, Write: true,
		Change: resolve.Change{Op: resolve.Withdraw, Path: of2},
	}, s.index, nil); err == nil {
		t.Error("a supposed change was written")
	}
}

// TestForeseeDetector: what is asked about a detector as a whole, its directory or its
// alias, counts for what is merged, too; be it pending, there, or to be made again.
func TestForeseeDetector(t *testing.T) {
	s := newStatusSite(t)
	dark := statusFile("status_dark", "02", "0002")
	for _, state := range []string{"pending", "made", "again", "stale"} {
		switch state {
		case "pending":
			s.put(dark, "1 0\n0 1\n")
		case "made":
			s.merge()
		case "again":
			s.put(dark, "3 0\n0 1\n")
		case "stale":
			s.merge()
			s.put(statusFile("status_light", "01", "0001"), "1 0\n0 1\n")
			if _, err := s.options.Repository.Withdraw(t.Context(), dark, ""); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{"status_extra 2-10: 02 -> none"}
		if state == "stale" {
			want = []string{"status_extra 1: 01 -> none", "status_extra 2-10: 02 -> none"}
		}
		for _, ch := range []resolve.Change{{Type: "epix100a", ID: card}, {Type: "epix100a", Alias: "0001"}} {
			s.wantAffected(ch, true, want...)
			ch.Op = resolve.Withdraw
			s.wantAffected(ch, false, want...)
		}
		s.wantAffected(resolve.Change{Op: resolve.Replace, Type: "epix100a", ID: card, Alias: "0005"}, false, want...)
	}

	both := one + "_" + two
	j := newSite(t, 3, "jungfrau", both)
	j.dark("pedestals", "02060000", 100, one, two)
	j.wantChoices(j.foresee(resolve.Change{Op: resolve.Add, Type: "jungfrau", ID: both, Alias: "0007"}), "jungfrau", both, "pedestals", "-", "02?", "02?")
	j.wantAffected(resolve.Change{Op: resolve.Withdraw, Type: "jungfrau", ID: two}, false, "pedestals 2-3: 02 -> none")
	j.merge()
	j.wantAffected(resolve.Change{Op: resolve.Withdraw, Type: "jungfrau", ID: both}, false) // the same is merged again
}

// TestForeseeStatus is TestForeseeTables for status words.
func TestForeseeStatus(t *testing.T) {
	s := newStatusSite(t)
	dark, data := statusFile("status_dark", "02", "0002"), statusFile("status_data", "04", "0004")
	s.put(dark, "1 0\n0 1\n")
	s.put(data, "4 0\n0 4\n")
	for _, made := range []bool{false, true} {
		if made {
			s.merge()
			s.wantChoices(s.foresee(resolve.Change{}), "epix100a", card, "status_extra", "-", "02", "02", "04", "04")
		} else {
			s.wantChoices(s.foresee(resolve.Change{}), "epix100a", card, "status_extra", "-", "02?", "02?", "04?", "04?")
		}
		s.wantAffected(resolve.Change{Op: resolve.Withdraw, Path: dark}, false, "status_extra 2-3: 02 -> none", "status_extra 4-10: 04 -> 04")
		s.wantAffected(resolve.Change{Op: resolve.Add, Path: statusFile("status_light", "06", "0006")}, false, "status_extra 6-10: 04 -> 06")
		s.wantAffected(resolve.Change{Path: data}, true, "status_data 4-10: 04 -> none", "status_extra 4-10: 04 -> none")
	}
	// Whatever is put in the place of a merge, the words that are valid will be there again.
	s.wantAffected(resolve.Change{Op: resolve.Replace, Path: statusFile("status_merged", "04", "0004")}, false)
	// A merge that is withdrawn is not made again: the one before it counts.
	s.wantAffected(resolve.Change{Op: resolve.Withdraw, Path: statusFile("status_merged", "04", "0004")}, false, "status_extra 4-10: 04 -> 02")
	if _, err := s.load().With(resolve.Change{Op: resolve.Withdraw, Path: statusFile("status_dark", "09", "0001")}); err == nil {
		t.Error("a file that is not there was withdrawn")
	}
}
