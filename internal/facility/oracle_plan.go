package facility

import (
	"fmt"
	"slices"
	"strings"
)

// Outcome is what becomes of a run in a directory of constants.
type Outcome string

// The outcomes of a run.
const (
	OK         Outcome = "ok"        // it reads what it should, or will
	Missing    Outcome = "missing"   // nothing is valid, and it reads nothing
	Overreach  Outcome = "overreach" // it reads constants that are not its own, and nothing can be done
	Foreigners Outcome = "foreign"   // it reads somebody else's file, or one of ours would hide one
	NotKnown   Outcome = "unknown"   // the headers do not tell what it wants
	Mismatch   Outcome = "mismatch"  // it would read other constants all the same
	BlockedRun Outcome = "blocked"   // the whole directory is
)

// A Seen is a known run with what it wants.
type Seen struct {
	Run  int
	Want Want
}

// A Before is a file in a directory of constants before a plan.
type Before struct {
	Name string
	Sum  Sum
	Ours bool
}

// A RunOutcome is what becomes of one run.
type RunOutcome struct {
	Run                 int
	Outcome             Outcome
	Before, After       string // what psana's Python finder picks
	CxxBefore, CxxAfter string
}

// An Expectation is what becomes of a directory of constants.
type Expectation struct {
	Blocked bool
	Files   map[string]Sum // after it was carried out
	Runs    []RunOutcome   // ascending
}

// target is a file during the walk.
type target struct {
	name     string
	exists   bool
	ours     bool
	assigned bool
	sum      Sum // what it holds, or will
}

// Expect applies the planning rules to one directory, by brute force: the files
// that are in it and the known runs of the detector, ascending.
func Expect(before []Before, runs []Seen) Expectation {
	w := &walk{files: map[string]*target{}}
	x := Expectation{Files: map[string]Sum{}}
	for _, b := range before {
		w.files[b.Name] = &target{name: b.Name, exists: true, ours: b.Ours, sum: b.Sum}
		x.Files[b.Name] = b.Sum
	}
	today, err := pythonIntervals(w.names())
	w.today, w.todayCxx = today, cxxIntervals(w.names())
	x.Blocked = err != nil
	for _, seen := range runs {
		x.Blocked = x.Blocked || seen.Want.Need == Unreadable
		w.last = max(w.last, seen.Run)
	}
	if x.Blocked {
		for _, seen := range runs {
			x.Runs = append(x.Runs, RunOutcome{Run: seen.Run, Outcome: BlockedRun})
		}
		return x
	}
	w.disownTies()
	for _, seen := range runs {
		x.Runs = append(x.Runs, RunOutcome{Run: seen.Run, Outcome: w.step(seen)})
	}
	for name, t := range w.files {
		x.Files[name] = t.sum
	}
	after, afterCxx := w.intervals()
	for i, seen := range runs {
		r := &x.Runs[i]
		r.Before, r.CxxBefore = choose(w.today, min(int64(seen.Run), maxRun)), choose(w.todayCxx, int64(seen.Run))
		r.After, r.CxxAfter = choose(after, min(int64(seen.Run), maxRun)), choose(afterCxx, int64(seen.Run))
		if r.Outcome == OK && x.Files[r.After] != seen.Want.Sum {
			r.Outcome = Mismatch
		}
	}
	return x
}

// walk is the state of the walk through the runs.
type walk struct {
	files           map[string]*target
	today, todayCxx []interval
	earlier         bool // a sighting counted that keeps the first file from beginning at 0
	last            int  // the greatest known run
}

func (w *walk) names() []string {
	var names []string
	for name := range w.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (w *walk) intervals() (python, cxx []interval) {
	python, _ = pythonIntervals(w.names())
	return python, cxxIntervals(w.names())
}

// disownTies: rule 0.
func (w *walk) disownTies() {
	for _, a := range w.today {
		for _, b := range w.today {
			if a.name != b.name && a.begin == b.begin && a.end == b.end {
				w.files[a.name].ours = false
			}
		}
	}
}

// pickToday returns the file that psana takes now, nil for none.
func (w *walk) pickToday(run int) *target { return w.files[choose(w.today, min(int64(run), maxRun))] }

// step decides about one run: rules 1 to 5.
func (w *walk) step(seen Seen) Outcome {
	if t := w.pickToday(seen.Run); t != nil && !t.ours { // 1
		w.earlier = true
		return Foreigners
	}
	python, _ := w.intervals()
	p := w.files[choose(python, min(int64(seen.Run), maxRun))]
	if seen.Want.Need == Unknown || seen.Want.Need == Nothing { // 2
		if p != nil && p.ours {
			p.assigned = true // with what it holds
		}
		if seen.Want.Need == Unknown {
			return NotKnown
		}
		w.earlier = true
		if p != nil {
			return Overreach
		}
		return Missing
	}
	first := !w.earlier
	w.earlier = true
	switch {
	case p != nil && !p.assigned: // 3
		p.assigned, p.sum = true, seen.Want.Sum
		return OK
	case p != nil && p.sum == seen.Want.Sum: // 4
		return OK
	case p != nil:
		return w.add(seen, seen.Run, p)
	}
	begin := seen.Run // 5
	if t := w.pickToday(0); first && (t == nil || t.ours) {
		begin = 0
	}
	return w.add(seen, begin, nil)
}

// add makes a new file: the end of rule 4, and rule 6.
func (w *walk) add(seen Seen, begin int, p *target) Outcome {
	if begin > maxRun {
		return Overreach
	}
	name := fmt.Sprintf("%d-end.data", begin)
	if w.hides(name) {
		if p == nil {
			return Foreigners
		}
		stem := strings.TrimSuffix(p.name, ".data")
		_, end, _ := strings.Cut(stem, "-")
		if end == "end" {
			return Foreigners
		}
		n, _ := number(end, maxRun)
		if name = fmt.Sprintf("%d-%d.data", begin, n); w.hides(name) {
			return Foreigners
		}
	}
	w.files[name] = &target{name: name, ours: true, assigned: true, sum: seen.Want.Sum}
	return OK
}

// hides reports whether a file of that name would change what is picked for any run
// that reads somebody else's today.
func (w *walk) hides(name string) bool {
	python, err := pythonIntervals(append(w.names(), name))
	if err != nil {
		return true
	}
	if !w.hasForeign() {
		return false
	}
	cxx := cxxIntervals(append(w.names(), name))
	for run := int64(0); run <= max(maxRun, int64(w.last)); run++ {
		if was := w.files[choose(w.today, run)]; run <= maxRun && was != nil && !was.ours && choose(python, run) != was.name {
			return true
		}
		if was := w.files[choose(w.todayCxx, run)]; run <= int64(w.last) && was != nil && !was.ours && choose(cxx, run) != was.name {
			return true
		}
	}
	return false
}

func (w *walk) hasForeign() bool {
	for _, t := range w.files {
		if !t.ours {
			return true
		}
	}
	return false
}
