package sweeptest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/facility"
)

// contents are the digests of all constants in calib directories, in hex, by path.
type contents map[string]string

// A deed is what a transaction did, as the model knows it.
type deed struct {
	id            string // "" of sweeps that were killed, which are not taken back
	before, after contents
	active        map[string]bool // paths that are not taken back
}

// A story is what happens at a facility in the course of time.
type story struct {
	*killer
	took   time.Duration // of a sweep
	deeds  []*deed
	put    map[string][]string // what transactions that are not undone put at a path: "<id> <digest>"
	log    []string
	edited bool
}

// TestSequences lets things happen in any order, and compares with the oracle after
// each sweep and with the model after each undo.
func TestSequences(t *testing.T) {
	for seed := range uint64(rounds(4)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newSite(t, facility.Options{Seed: 100 + seed, Experiments: 8, Runs: 7, Streams: 1, RealShapes: true})
			y := &story{killer: &killer{site: s, random: rand.New(rand.NewPCG(seed, 7))}, put: map[string][]string{}, took: 100 * time.Millisecond}
			y.tell(t, "first sweep", y.sweep)
			for range 14 {
				y.next(t)
			}
			t.Logf("%s\n%d kills", strings.Join(y.log, "\n"), y.calls)
		})
	}
}

// tell does something, and says what led to it if it fails.
func (y *story) tell(t *testing.T, what string, do func(*testing.T)) {
	t.Helper()
	y.log = append(y.log, what)
	do(t)
	if t.Failed() {
		t.Fatalf("after:\n%s", strings.Join(y.log, "\n"))
	}
}

func (y *story) experiment() *facility.Experiment {
	return y.Experiments[y.random.IntN(len(y.Experiments))]
}

// next lets something happen.
func (y *story) next(t *testing.T) {
	t.Helper()
	e := y.experiment().Name
	y.runs = nil
	switch n := y.random.IntN(20); {
	case n < 4:
		swap := y.random.IntN(2) == 0
		if swap {
			y.SwapPanel(e)
		}
		more := 1 + y.random.IntN(3)
		for range more {
			_, err := y.AddRun(e)
			must(t, err)
		}
		y.tell(t, fmt.Sprintf("%d new runs of %s, panel swapped: %v", more, e, swap), y.sweep)
	case n < 8:
		what := "new constants:"
		for range 1 + y.random.IntN(4) {
			c, err := y.AddConstants()
			must(t, err)
			what += " " + c.Path
		}
		y.tell(t, what, y.sweep)
	case n < 10:
		c := y.Constants[y.random.IntN(len(y.Constants))]
		if c.Link != "" || c.Stray {
			return
		}
		_, err := y.ReplaceConstants(c)
		must(t, err)
		y.tell(t, "other constants: "+c.Path, y.sweep)
	case n < 12:
		what, err := y.HandEdit(e)
		must(t, err)
		y.edited = true
		y.tell(t, what, y.sweep)
	case n < 13:
		must(t, y.RemoveRuns(e, 2))
		y.tell(t, "runs of "+e+" go to tape", y.sweep)
	case n < 17:
		var list []*deed
		for _, d := range y.deeds {
			if d.id != "" && len(d.active) > 0 {
				list = append(list, d)
			}
		}
		if len(list) == 0 {
			return
		}
		d := list[len(list)-1]
		if y.random.IntN(2) == 0 {
			d = list[y.random.IntN(len(list))]
		}
		kills := y.random.IntN(3)
		y.tell(t, fmt.Sprintf("undo of %s after %d kills", d.id, kills), func(t *testing.T) { y.undo(t, d, kills) })
	default:
		_, err := y.AddConstants()
		must(t, err)
		_, err = y.AddRun(e)
		must(t, err)
		y.tell(t, "new constants, a new run of "+e+", and sweeps that are killed", y.killedSweep)
	}
}

// sweep sweeps, and compares with the oracle.
func (y *story) sweep(t *testing.T) { y.swept(t, 0) }

func (y *story) killedSweep(t *testing.T) { y.swept(t, 1+y.random.IntN(3)) }

func (y *story) swept(t *testing.T, kills int) {
	t.Helper()
	was := y.contents(t)
	before := y.look(t)
	after, _ := y.expected(before, y.expect)
	files := y.files(was)
	for range kills {
		y.kill(t, y.took, "sweep", "-D")
	}
	start := time.Now()
	r := y.run(t, "sweep", "-D")
	if kills == 0 {
		y.took = time.Since(start)
	}
	if r.status != 0 && !(r.status == 5 && y.edited) {
		t.Errorf("sweep: exit status %d\n%s%s", r.status, r.stdout, r.stderr)
	}
	y.noStrays(t)
	now := y.contents(t)
	if diff := differ(files, now); diff != "" {
		t.Errorf("files:\n%s", diff)
	}
	if diff := after.differs(y.look(t)); diff != "" {
		t.Errorf("runs:\n%s", diff)
	}
	d := &deed{before: was, after: now, active: map[string]bool{}}
	for path, sum := range now {
		if was[path] != sum {
			d.active[path] = true
		}
	}
	fresh := y.fresh(t, "apply")
	if kills == 0 && len(fresh) == 1 {
		d.id = fresh[0].ID
	}
	y.deeds = append(y.deeds, d)
	for _, one := range fresh {
		for _, r := range y.records(t, one.ID) {
			if r.New != nil {
				y.put[r.path()] = append(y.put[r.path()], one.ID+" "+r.New.SHA256)
			}
		}
	}
	y.remember(t)
}

// undo takes a transaction back, and compares with the model.
func (y *story) undo(t *testing.T, d *deed, kills int) {
	t.Helper()
	was := y.contents(t)
	model := maps.Clone(was)
	status := 0
	later := y.deeds[slices.Index(y.deeds, d)+1:]
	for path := range d.active {
		again := slices.ContainsFunc(later, func(other *deed) bool { return other.active[path] })
		if again || was[path] != d.after[path] && was[path] != d.before[path] {
			status = 3
			continue
		}
		delete(d.active, path)
		if delete(model, path); d.before[path] != "" {
			model[path] = d.before[path]
		}
		y.put[path] = slices.DeleteFunc(y.put[path], func(one string) bool { return strings.HasPrefix(one, d.id) })
	}
	for range kills {
		y.kill(t, y.took/2, "undo", d.id)
	}
	if r := y.run(t, "undo", d.id); r.status != status {
		t.Errorf("undo: exit status %d, want %d\n%s%s", r.status, status, r.stdout, r.stderr)
	}
	y.noStrays(t)
	if diff := differ(model, y.contents(t)); diff != "" {
		t.Errorf("files:\n%s", diff)
	}
	y.remember(t)
}

// expect is what the oracle says of a place, which does not know of transactions.
func (y *story) expect(p facility.Place) facility.Expectation {
	before := y.Before(p)
	for i, b := range before {
		sum := hex.EncodeToString(b.Sum[:])
		before[i].Ours = b.Ours || slices.ContainsFunc(y.put[filepath.Join(y.folder(p), b.Name)], func(one string) bool { return strings.HasSuffix(one, sum) })
	}
	return facility.Expect(before, y.Seen(p))
}

// files are those that the oracle expects.
func (y *story) files(was contents) contents {
	all := maps.Clone(was)
	for _, p := range y.places() {
		if y.Experiment(p.Experiment).Frozen {
			continue
		}
		for name, sum := range y.expect(p).Files {
			all[filepath.Join(y.folder(p), name)] = hex.EncodeToString(sum[:])
		}
	}
	return all
}

// contents reads all constants.
func (s *site) contents(t testing.TB) contents {
	t.Helper()
	all := contents{}
	for _, e := range s.Experiments {
		must(t, filepath.WalkDir(e.Calib(), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".data") {
				return err
			}
			content, err := os.ReadFile(path)
			sum := sha256.Sum256(content)
			all[path] = hex.EncodeToString(sum[:])
			return err
		}))
	}
	return all
}

// remember brings the record of the facility up to date with its calib directories.
func (s *site) remember(t testing.TB) {
	t.Helper()
	for _, e := range s.Experiments {
		e.Deployed = nil
		must(t, filepath.WalkDir(e.Calib(), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".data") {
				return err
			}
			folder := filepath.Dir(path)
			content, err := os.ReadFile(path)
			e.Deployed = append(e.Deployed, &facility.Deployed{
				Source: filepath.Base(filepath.Dir(folder)), CType: filepath.Base(folder), Name: entry.Name(),
				Bytes: content, Origin: facility.Copied, Recorded: recorded(folder, entry.Name()),
			})
			return err
		}))
	}
}

// recorded is the source that the newest HISTORY line of the file names.
func recorded(folder, name string) (source string) {
	text, _ := os.ReadFile(filepath.Join(folder, "HISTORY")) // there may be none
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "file:"+name {
			continue
		}
		source = ""
		if from, ok := strings.CutPrefix(fields[1], "copy_of:"); ok {
			source = from
		}
	}
	return source
}

// differ tells where the contents are not those wanted.
func differ(want, got contents) string {
	var b strings.Builder
	for path, sum := range want {
		if got[path] != sum {
			fmt.Fprintf(&b, "%s holds %.6s, want %.6s\n", path, got[path], sum)
		}
	}
	for path, sum := range got {
		if want[path] == "" {
			fmt.Fprintf(&b, "%s holds %.6s, want no such file\n", path, sum)
		}
	}
	return b.String()
}
