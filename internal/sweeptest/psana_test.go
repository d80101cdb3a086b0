package sweeptest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deployconstants/internal/facility"
)

// A reading is one of psana's finders asked for the constants of a run.
type reading struct {
	facility.Place
	run int
	cxx bool
}

// A view is what is read: the beginning of a digest, "" for nothing, or what psana
// raises.
type view map[reading]string

// raises stands for the constants where psana raises.
const raises = "raises"

// folder is the directory of constants of a place.
func (s *site) folder(p facility.Place) string {
	e := s.Experiment(p.Experiment)
	return filepath.Dir(e.Path(&facility.Deployed{Source: p.Source, CType: p.CType, Name: "x"}))
}

// places are all directories of constants that any known run may read.
func (s *site) places() []facility.Place {
	var list []facility.Place
	for _, e := range s.Experiments {
		list = append(list, s.Places(e)...)
	}
	return list
}

// knownRuns are the runs that have the detector, by place.
func (s *site) knownRuns() map[facility.Place][]int {
	if s.runs == nil {
		s.runs = map[facility.Place][]int{}
		for _, p := range s.places() {
			for _, seen := range s.Seen(p) {
				s.runs[p] = append(s.runs[p], seen.Run)
			}
		}
	}
	return s.runs
}

// look reads what both finders pick for every known run.
func (s *site) look(t testing.TB) view {
	t.Helper()
	all := view{}
	for p, runs := range s.knownRuns() {
		must(t, all.read(s.folder(p), p, runs))
	}
	return all
}

// read adds what the runs of one place read.
func (all view) read(dir string, p facility.Place, runs []int) error {
	names, err := namesIn(dir)
	if err != nil {
		return err
	}
	contents := map[string]string{"": ""}
	for _, run := range runs {
		for _, cxx := range []bool{false, true} {
			name, err := facility.PsanaPickCxx(names, run), error(nil)
			if !cxx {
				name, err = facility.PsanaPick(names, run)
			}
			if errors.Is(err, facility.ErrRaises) {
				all[reading{p, run, cxx}] = raises
				continue
			}
			if _, known := contents[name]; !known {
				content, err := os.ReadFile(filepath.Join(dir, name))
				if err != nil {
					return err
				}
				contents[name] = shortSum(sha256.Sum256(content))
			}
			all[reading{p, run, cxx}] = contents[name]
		}
	}
	return nil
}

func namesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names, err
}

func shortSum(sum facility.Sum) string { return hex.EncodeToString(sum[:6]) }

// expected is what will be read after a sweep, by the oracle; before is what is read
// now, which stays where nothing is to be done. It counts runs by outcome.
func (s *site) expected(before view, expect func(facility.Place) facility.Expectation) (view, map[facility.Outcome]int) {
	all, outcomes := view{}, map[facility.Outcome]int{}
	for _, p := range s.places() {
		x := expect(p)
		for _, r := range x.Runs {
			outcomes[r.Outcome]++
			for cxx, name := range map[bool]string{false: r.After, true: r.CxxAfter} {
				key := reading{p, r.Run, cxx}
				sum, exists := x.Files[name]
				switch {
				case x.Blocked || s.Experiment(p.Experiment).Frozen:
					all[key] = before[key]
				case exists:
					all[key] = shortSum(sum)
				default:
					all[key] = ""
				}
			}
		}
	}
	return all, outcomes
}

// differs tells where another view differs, at most a few lines of it.
func (all view) differs(got view) string {
	var list []string
	for key, want := range all {
		if is, told := got[key]; !told || is != want {
			list = append(list, fmt.Sprintf("%+v reads %q, want %q", key, is, want))
		}
	}
	for key := range got {
		if _, told := all[key]; !told {
			list = append(list, fmt.Sprintf("%+v is not expected", key))
		}
	}
	slices.Sort(list)
	if len(list) > 8 {
		list = append(list[:8], fmt.Sprintf("... and %d more", len(list)-8))
	}
	return strings.Join(list, "\n")
}
