package ledger

import (
	"bytes"
	"iter"
	"slices"
	"sync"
)

// Index is the current records of a ledger in memory: columns of numbers, and every
// text and every distinct source once. It is immutable and safe for concurrent use.
type Index struct {
	texts       []string // what a runRow's int32 refer to
	kinds       []Source // the distinct sources
	used        []bool   // the kinds that current records have
	parts       []*part
	refs        []ref // the current runs, by experiment and number
	experiments []Experiment
	byName      map[string]*Experiment
	stats       Stats
	digest      func() [32]byte
	runsOf      func() [][]int32
}

// part is the runs of one row group, or of those that had to be merged.
type part struct {
	runs  []runRow // and one more, which ends the last
	kinds []int32  // a source of a run each: its place in Index.kinds
	files files
}

// runRow is what a run has of its own. Its files and sources are those from its
// first to the first of the next.
type runRow struct {
	configure, begin, scanned          int64
	experiment, instrument, dir, cause int32 // Index.texts
	number                             int32
	firstFile, firstSource             uint32
}

// files are the files of a part, by column.
type files struct {
	names    []byte   // of all, without separator
	nameEnds []uint32 // where each ends in names
	sizes    []int64
	modTimes []int64
}

// ref is a run's place.
type ref struct{ part, row uint32 }

// Stats counts the records of an Index.
type Stats struct {
	Experiments int
	Runs        int
	Sources     int // records: one for each run and source
	Files       int
	Panels      int
	Segments    int // that were read
	Superseded  int // records of runs that a later record superseded; a compaction drops them

	// Conflicts are those that Merge found between the records, in the order of
	// experiment and run, at most 1000.
	Conflicts []Conflict
}

// Experiment is the records of one experiment. It is immutable and safe for
// concurrent use.
type Experiment struct {
	x    *Index
	name string
	refs []ref
}

// A Sighting is a source in a run.
type Sighting struct {
	Run             int
	BeginRun        int64 // UTC ns since 1970; 0: unknown
	Type, ID, Alias string
	IDIsName        bool
	Cause           string // why it has no id
}

// A Panel is one detector as the repository knows it.
type Panel struct {
	Type, ID string
	IsName   bool // ID is the source's name with - for : and .
}

// A Place is where and when a panel was.
type Place struct {
	Experiment, Source string
	Run                int
	BeginRun           int64 // UTC ns since 1970; 0: unknown
}

// Stats returns what the index holds.
func (x *Index) Stats() Stats {
	stats := x.stats
	stats.Conflicts = slices.Clone(stats.Conflicts)
	return stats
}

// Experiments returns the names of the experiments, sorted.
func (x *Index) Experiments() []string {
	names := make([]string, len(x.experiments))
	for i := range x.experiments {
		names[i] = x.experiments[i].name
	}
	return names
}

// Experiment returns the experiment of that name, and whether there are records of it.
func (x *Index) Experiment(name string) (*Experiment, bool) {
	e, ok := x.byName[name]
	return e, ok
}

// Panels returns the distinct panels, sorted by type, id, and then hardware ids
// before names. Sources without a type or an id are none.
func (x *Index) Panels() []Panel {
	var panels []Panel
	for i, s := range x.kinds {
		if x.used[i] && s.Type != "" && s.ID != "" {
			panels = append(panels, Panel{Type: s.Type, ID: s.ID, IsName: s.IDIsName})
		}
	}
	slices.SortFunc(panels, comparePanels)
	return slices.Compact(panels)
}

// With returns every place of the panel, by experiment, run, and source. The first call
// looks at all runs, others only at those of the panel.
func (x *Index) With(typ, id string) iter.Seq[Place] {
	return func(yield func(Place) bool) {
		runsOf := x.runsOf()
		wanted, runs := map[int32]bool{}, []int32(nil)
		for i, s := range x.kinds {
			if x.used[i] && s.Type == typ && s.ID == id {
				wanted[int32(i)] = true
				runs = append(runs, runsOf[i]...)
			}
		}
		if len(wanted) > 1 {
			slices.Sort(runs)
			runs = slices.Compact(runs)
		}
		for _, i := range runs {
			at := x.refs[i]
			p, run := x.parts[at.part], at.row
			for _, kind := range p.sources(run) {
				if !wanted[kind] {
					continue
				}
				row := &p.runs[run]
				if !yield(Place{
					Experiment: x.texts[row.experiment], Source: x.kinds[kind].Name,
					Run: int(row.number), BeginRun: row.begin,
				}) {
					return
				}
			}
		}
	}
}

// runsOfOnce finds the runs of each of Index.kinds, as places in Index.refs in their
// order, when they are first asked for.
func (x *Index) runsOfOnce() func() [][]int32 {
	return sync.OnceValue(func() [][]int32 {
		counts, all := make([]int32, len(x.kinds)), 0
		for _, at := range x.refs {
			for _, kind := range x.parts[at.part].sources(at.row) {
				counts[kind]++
				all++
			}
		}
		places, runs := make([]int32, 0, all), make([][]int32, len(x.kinds))
		for kind, n := range counts {
			end := len(places) + int(n)
			runs[kind] = places[len(places):len(places):end]
			places = places[:end]
		}
		for i, at := range x.refs {
			for _, kind := range x.parts[at.part].sources(at.row) {
				if last := len(runs[kind]); last == 0 || runs[kind][last-1] != int32(i) {
					runs[kind] = append(runs[kind], int32(i))
				}
			}
		}
		return runs
	})
}

// Digest returns the SHA-256 of what matters to a plan: experiments, instruments,
// directories, runs, their times and causes, and their sources without the class.
// It does not depend on segments, Scanned, and files, nor on the order of writing.
func (x *Index) Digest() [32]byte { return x.digest() }

// Name returns the experiment's name, "xpptut15".
func (e *Experiment) Name() string { return e.name }

// Instrument returns the instrument, "XPP", as the run that was read last has it.
func (e *Experiment) Instrument() string { return e.x.texts[e.latest().instrument] }

// Dir returns the absolute directory of the XTC files, as the run that was read
// last has it.
func (e *Experiment) Dir() string { return e.x.texts[e.latest().dir] }

// latest is the run that was read last.
func (e *Experiment) latest() *runRow {
	latest := e.row(0)
	for i := range e.refs {
		if row := e.row(i); row.scanned >= latest.scanned {
			latest = row
		}
	}
	return latest
}

// row is the i-th run.
func (e *Experiment) row(i int) *runRow {
	at := e.refs[i]
	return &e.x.parts[at.part].runs[at.row]
}

// Numbers returns the numbers of the runs, ascending.
func (e *Experiment) Numbers() []int {
	numbers := make([]int, len(e.refs))
	for i := range e.refs {
		numbers[i] = int(e.row(i).number)
	}
	return numbers
}

// Runs returns the runs, ascending. Each is made when it is asked for, and the
// caller's own.
func (e *Experiment) Runs() iter.Seq[Run] {
	return func(yield func(Run) bool) {
		for _, at := range e.refs {
			if !yield(e.x.run(at)) {
				return
			}
		}
	}
}

// Run returns the run of that number, and whether there is a record of it.
func (e *Experiment) Run(number int) (Run, bool) {
	at, found := e.find(number)
	if !found {
		return Run{}, false
	}
	return e.x.run(at), true
}

// Files returns the files that the run was read from, by name; none if there is no
// record of the run.
func (e *Experiment) Files(number int) iter.Seq[File] {
	return func(yield func(File) bool) {
		at, found := e.find(number)
		if !found {
			return
		}
		p := e.x.parts[at.part]
		first, last := p.fileRange(at.row)
		for i := first; i < last; i++ {
			if !yield(p.files.at(i)) {
				return
			}
		}
	}
}

// find is the run of that number.
func (e *Experiment) find(number int) (ref, bool) {
	i, found := slices.BinarySearchFunc(e.refs, number, func(at ref, number int) int {
		return int(e.x.parts[at.part].runs[at.row].number) - number
	})
	if !found {
		return ref{}, false
	}
	return e.refs[i], true
}

// Sources returns the names of the sources that have a type in some run, sorted.
func (e *Experiment) Sources() []string {
	seen := make(map[int32]bool)
	var names []string
	for _, at := range e.refs {
		for _, kind := range e.x.parts[at.part].sources(at.row) {
			if !seen[kind] {
				seen[kind] = true
				if s := &e.x.kinds[kind]; s.Type != "" {
					names = append(names, s.Name)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Sightings returns the runs that have the source, ascending.
func (e *Experiment) Sightings(source string) []Sighting {
	sightings := make([]Sighting, 0, len(e.refs))
	for _, at := range e.refs {
		p := e.x.parts[at.part]
		for _, kind := range p.sources(at.row) {
			if s := &e.x.kinds[kind]; s.Name == source {
				row := &p.runs[at.row]
				sightings = append(sightings, Sighting{
					Run: int(row.number), BeginRun: row.begin,
					Type: s.Type, ID: s.ID, Alias: s.Alias, IDIsName: s.IDIsName, Cause: s.Cause,
				})
			}
		}
	}
	return sightings
}

// run makes the run at its place.
func (x *Index) run(at ref) Run {
	p := x.parts[at.part]
	row := &p.runs[at.row]
	run := Run{
		Experiment: x.texts[row.experiment], Instrument: x.texts[row.instrument], Dir: x.texts[row.dir],
		Number: int(row.number), Configure: row.configure, BeginRun: row.begin,
		Cause: x.texts[row.cause], Scanned: row.scanned,
	}
	if first, last := p.fileRange(at.row); first < last {
		run.Files = make([]File, 0, last-first)
		for i := first; i < last; i++ {
			run.Files = append(run.Files, p.files.at(i))
		}
	}
	if kinds := p.sources(at.row); len(kinds) > 0 {
		run.Sources = make([]Source, len(kinds))
		for i, kind := range kinds {
			run.Sources[i] = x.kinds[kind]
		}
	}
	return run
}

func (p *part) sources(row uint32) []int32 {
	return p.kinds[p.runs[row].firstSource:p.runs[row+1].firstSource]
}

func (p *part) fileRange(row uint32) (first, last uint32) {
	return p.runs[row].firstFile, p.runs[row+1].firstFile
}

func (f *files) at(i uint32) File {
	return File{Name: string(f.name(i)), Size: f.sizes[i], ModTime: f.modTimes[i]}
}

func (f *files) name(i uint32) []byte {
	var begin uint32
	if i > 0 {
		begin = f.nameEnds[i-1]
	}
	return f.names[begin:f.nameEnds[i]]
}

// clip gives back what growing took too much.
func (f *files) clip() {
	f.names, f.nameEnds = slices.Clip(bytes.Clone(f.names)), slices.Clone(f.nameEnds)
	f.sizes, f.modTimes = slices.Clone(f.sizes), slices.Clone(f.modTimes)
}

// digestOnce makes the digest when it is first asked for.
func (x *Index) digestOnce() func() [32]byte { return sync.OnceValue(x.sum) }
