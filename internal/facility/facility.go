package facility

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"deployconstants/repo"
)

// Options say what facility is made. The zero value is a small one.
type Options struct {
	Seed        uint64 // same seed, same facility
	Experiments int    // default 12
	Runs        int    // of each experiment; default 12
	Streams     int    // files of each run; default 2

	// Light leaves out smalldata and what is damaged, and gives each run one file:
	// for tests that look at plans only. Instead, the record has detectors without id,
	// of which the files have no configuration object.
	Light bool

	// Separate makes every file of a run a file of its own; else they are links of one,
	// so that a test which changes one must remove it first.
	Separate bool

	// RealShapes gives constants of the epix100a their real 704 x 768 elements, a
	// megabyte each, so that checks of the content let them pass.
	RealShapes bool

	// Status adds status words of the opal1000, which are merged as status_extra.
	Status bool
}

func (o Options) applyDefaults() Options {
	if o.Experiments == 0 {
		o.Experiments = 12
	}
	if o.Runs == 0 {
		o.Runs = 12
	}
	if o.Streams == 0 {
		o.Streams = 2
	}
	if o.Light {
		o.Streams = 1
	}
	return o
}

// A Facility is a made facility with the record of what was made.
type Facility struct {
	Dir         string
	Options     Options
	Experiments []*Experiment // sorted by name
	Constants   []*Constants  // everything in the repository, in the order of making

	random *rand.Rand
	zone   *time.Location
	panels []*panel
	serial int // of constants, which makes their bytes unlike

	statuses []Status
}

// An Experiment is one experiment of the facility.
type Experiment struct {
	Instrument string // "XPP"
	Name       string // "xppc0003"
	Number     int    // in the table; 0: it is not in the table
	Prefix     string // of its files: the name, or "e" and the number
	Dir        string // absolute
	Frozen     bool   // listed so in Settings
	Unwritable bool   // its calib directory has mode 0555
	Unreadable bool   // its directory xtc has mode 0
	Runs       []*Run // ascending by number
	Deployed   []*Deployed
	detectors  []*detector // of the next run
	hasSmall   bool
}

// XTC is the directory of the experiment's XTC files.
func (e *Experiment) XTC() string { return filepath.Join(e.Dir, "xtc") }

// Calib is the experiment's calib directory.
func (e *Experiment) Calib() string { return filepath.Join(e.Dir, "calib") }

// State tells what is left of a run's files.
type State string

// The states of a run.
const (
	Whole      State = "whole"
	OnlySmall  State = "only smalldata"
	OnTape     State = "on tape"       // all files are gone
	Empty      State = "empty"         // all files have no bytes
	Torn       State = "torn"          // all files end in the first datagram
	Damaged    State = "damaged"       // all files begin with nonsense
	InProgress State = "being written" // names end in .inprogress
)

// A Run is one run of an experiment.
type Run struct {
	Number    int
	BeginRun  int64 // UTC ns since 1970
	State     State
	Was       State // of a run on tape: its state before; else as State
	Detectors []Detector
	Files     []string // absolute, those that exist
}

// Known reports whether a scan reads the run's headers, or read them while they
// were there.
func (r *Run) Known() bool {
	return r.Was == Whole || r.Was == OnlySmall
}

// Detector returns the detector of that source.
func (r *Run) Detector(source string) (Detector, bool) {
	i := slices.IndexFunc(r.Detectors, func(d Detector) bool { return d.Source == source })
	if i < 0 {
		return Detector{}, false
	}
	return r.Detectors[i], true
}

// A Detector is what the headers of a run tell of a detector.
type Detector struct {
	Source   string // "XppGon.0:Epix100a.1"
	Type     string // "epix100a"
	ID       string // "" where the headers do not tell
	IDIsName bool
}

// A Sum is a SHA-256.
type Sum = [sha256.Size]byte

// Origin tells how a file came into a calib directory.
type Origin string

// The origins of deployed files.
const (
	ByOriginal Origin = "original program" // with a HISTORY line
	Renamed    Origin = "renamed by hand"  // HISTORY has it under another name
	Copied     Origin = "copied by hand"   // constants of the repository, without HISTORY
	Foreign    Origin = "foreign"          // bytes from nowhere
)

// A Deployed is a file in a calib directory.
type Deployed struct {
	Source, CType string // as psana names them
	Name          string // "0-end.data"
	Bytes         []byte
	Origin        Origin

	// Recorded is the source of the newest HISTORY line of this name; "" for none.
	Recorded string
}

// Sum is the digest of the file.
func (d *Deployed) Sum() Sum { return sha256.Sum256(d.Bytes) }

// Path is where the file is.
func (e *Experiment) Path(d *Deployed) string {
	return filepath.Join(e.folder(d.Source, d.CType), d.Name)
}

func (e *Experiment) folder(source, ctype string) string {
	t, _ := repo.TypeOfSource(source) // sources of a facility have known types
	return filepath.Join(e.Calib(), t.Group, source, ctype)
}

// Make makes a facility in the directory, which must exist and be empty.
func Make(dir string, o Options) (*Facility, error) {
	o = o.applyDefaults()
	zone, err := repo.LoadZone(repo.DefaultZone)
	if err != nil {
		return nil, err
	}
	f := &Facility{Dir: dir, Options: o, random: rand.New(rand.NewPCG(o.Seed, 3)), zone: zone}
	if err := f.makeRepository(); err != nil {
		return nil, err
	}
	var table strings.Builder
	for i := range o.Experiments {
		e := f.newExperiment(i)
		f.Experiments = append(f.Experiments, e)
		if e.Number > 0 {
			fmt.Fprintf(&table, "%d\t%s\t%s\n", e.Number, e.Instrument, e.Name)
		}
		if err := f.makeExperiment(i, e); err != nil {
			return nil, fmt.Errorf("experiment %s: %w", e.Name, err)
		}
	}
	slices.SortFunc(f.Experiments, func(a, b *Experiment) int { return strings.Compare(a.Name, b.Name) })
	return f, os.WriteFile(f.Table(), []byte(table.String()), 0o664)
}

// Roots are the data roots.
func (f *Facility) Roots() []string {
	return []string{filepath.Join(f.Dir, "data"), filepath.Join(f.Dir, "data2")}
}

// Repository is the directory of the constants.
func (f *Facility) Repository() string { return filepath.Join(f.Dir, "constants") }

// Table is the file with the table of experiments.
func (f *Facility) Table() string { return filepath.Join(f.Dir, "experiments.dat") }

// StateDir is the state directory that Settings names.
func (f *Facility) StateDir() string { return filepath.Join(f.Dir, "state") }

// Experiment returns the experiment of that name, nil if there is none.
func (f *Facility) Experiment(name string) *Experiment {
	for _, e := range f.Experiments {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// Run returns the run of that number, nil if there is none.
func (e *Experiment) Run(number int) *Run {
	for _, r := range e.Runs {
		if r.Number == number {
			return r
		}
	}
	return nil
}

// Sources returns the detectors that were in any run, sorted.
func (e *Experiment) Sources() []string {
	var list []string
	for _, r := range e.Runs {
		for _, d := range r.Detectors {
			list = append(list, d.Source)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Restore gives directories without permissions their usual ones, so that the
// facility can be removed by who is not root.
func (f *Facility) Restore() error {
	var errs []error
	for _, e := range f.Experiments {
		errs = append(errs, os.Chmod(e.XTC(), 0o775), os.Chmod(e.Calib(), 0o775))
	}
	return errors.Join(errs...)
}

// chance is true with that probability.
func (f *Facility) chance(p float64) bool { return f.random.Float64() < p }

func pick[T any](f *Facility, list []T) T { return list[f.random.IntN(len(list))] }
