package merge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/repo/panels"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// ErrOptions: something is missing.
var ErrOptions = errors.New("the options of a merge are not complete")

// Options say what is merged. Repository, Digests and Zone are mandatory.
type Options struct {
	Filter ledger.Filter // experiments, instruments, sources and types of runs that count
	CTypes []string      // deployed names; empty: all

	Repository *repo.Repository
	Digests    *digest.Cache  // the caller saves it
	Zone       *time.Location // of stamps
	Pipeline   pipeline.Options

	TrustedOwners []uint32 // user ids whose tables are merged; empty: anybody's

	Write  bool           // else only say what would be merged
	Change resolve.Change // that is supposed to be made before; not with Write; zero: none

	after *resolve.Snapshot // of Foresee: the listing after Change
}

// An Action is what becomes of a merge.
type Action string

// The actions.
const (
	Made       Action = "made"       // written, or written again
	Pending    Action = "pending"    // would be
	Current    Action = "current"    // is there, of these tables
	Kept       Action = "kept"       // there is another file of that stamp, which was not merged
	Incomplete Action = "incomplete" // a gain is missing
	Blocked    Action = "blocked"    // must not be merged
	Stale      Action = "stale"      // is there, of a table that was withdrawn
	Withdrawn  Action = "withdrawn"  // was stale, and is no longer deployed
	Failed     Action = "failed"
)

// Actions returns all actions, in the order in which they are shown.
func Actions() []Action {
	return []Action{Made, Pending, Current, Kept, Stale, Withdrawn, Incomplete, Blocked, Failed}
}

// Item is one merge.
type Item struct {
	Action Action       `json:"action"`
	Type   string       `json:"type"`
	ID     string       `json:"id"`
	CType  string       `json:"ctype"` // as the repository names it; status_extra
	Stamp  string       `json:"stamp,omitempty"`
	Path   string       `json:"path,omitempty"` // "" for a detector without alias
	Tables int          `json:"tables"`         // or files of status words
	Filled []panels.Gap `json:"filled"`
	Reason string       `json:"reason,omitempty"` // one line

	changes []resolve.Change // of the repository, for what would be done
}

// Summary counts merges.
type Summary struct {
	Detectors int            `json:"detectors"` // that have tables
	Counts    map[Action]int `json:"counts"`    // only actions that occur
}

// Waiting is how many merges would be made, or taken out of use, with Options.Write.
func (s Summary) Waiting() int { return s.Counts[Pending] + s.Counts[Stale] }

// Merge merges what runs of the index need, and hands every merge to sink. A merge
// that fails is an item; an error is ErrOptions, that of sink, or that of ctx
// (pipeline.ErrNotAttempted).
func Merge(ctx context.Context, o Options, index *ledger.Index, sink func(Item) error) (Summary, error) {
	summary := Summary{Counts: map[Action]int{}}
	if o.Repository == nil || o.Digests == nil || o.Zone == nil {
		return summary, ErrOptions
	}
	if o.Write && o.Change != (resolve.Change{}) {
		return summary, fmt.Errorf("%w: what is only supposed is not written", ErrOptions)
	}
	if err := o.Filter.Check(); err != nil {
		return summary, err
	}
	if o.Pipeline.MaxBytes == 0 {
		o.Pipeline.MaxBytes = 1 << 30 // three Epix10ka2M at a time
	}
	m := merger{Options: o, index: index, change: strings.TrimPrefix(o.Change.Path, o.Repository.Dir()+"/")}
	if err := m.supposeDetector(); err != nil {
		return summary, err
	}
	work := func(ctx context.Context, j job) ([]Item, error) { return j.work(ctx, j) }
	last := ""
	err := pipeline.RunWeighted(ctx, o.Pipeline, weight, m.source, work, func(r pipeline.Result[job, []Item]) error {
		items := r.Out
		if r.Err != nil {
			failed := r.Item.item(Failed)
			failed.Reason = oneLine(r.Err.Error())
			items = append(items, failed)
		}
		if detector := r.Item.panel.Type.Name + "/" + r.Item.panel.ID; len(items) > 0 && detector != last {
			summary.Detectors, last = summary.Detectors+1, detector
		}
		for _, item := range items {
			summary.Counts[item.Action]++
			if err := sink(item); err != nil {
				return err
			}
		}
		return nil
	})
	return summary, err
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// merger is a call of Merge under way.
type merger struct {
	Options
	index  *ledger.Index
	change string   // file of Options.Change, or directory of a detector, below the repository; "": none
	locks  sync.Map // of directories: *sync.Mutex
}

// lock keeps others from a directory, which several detectors may share, until the
// function that it returns is called.
func (m *merger) lock(dir string) (unlock func()) {
	value, _ := m.locks.LoadOrStore(dir, &sync.Mutex{})
	mu := value.(*sync.Mutex)
	mu.Lock()
	return mu.Unlock
}

// supposes reports whether the file of the change is there after it.
func (m *merger) supposes() bool { return m.Change.Op != resolve.Withdraw }

// supposeDetector makes the directory of a detector, if that is withdrawn, the file of
// the change. What else may become of a detector is a matter of aliases.
func (m *merger) supposeDetector() error {
	ch := m.Change
	if ch.Path != "" || ch.Op != resolve.Withdraw || ch.ID == "" {
		return nil
	}
	t, err := repo.TypeNamed(ch.Type)
	if err != nil {
		return err
	}
	aliases, err := m.Repository.ReadAliases(t)
	if err != nil {
		return err
	}
	_, dir, _, err := aliases.Find(repo.Panel{Type: t, ID: ch.ID})
	m.change = t.Name + "/" + dir
	return err
}

// alias returns the alias of a detector, after the change; "" for one without. It is
// asked where nothing is written.
func (m *merger) alias(p repo.Panel) (string, error) {
	if m.after != nil && m.Change.Path == "" && m.Change.Type == p.Type.Name {
		alias, _ := m.after.Alias(resolve.Key{Type: p.Type.Name, ID: p.ID, IsName: p.IsName})
		return alias, nil
	}
	alias, _, err := m.Repository.LookupAlias(p)
	return alias, err
}

// A job is a detector and a calibration type.
type job struct {
	panel repo.Panel
	ctype repo.CType
	work  func(context.Context, job) ([]Item, error)
	bytes int64 // of memory that it takes

	ids  []string // of its panels
	kind panels.Kind
	runs []repo.Stamp // sorted
	from ledger.Place // one of the runs, for the records of a new alias

	aliases *repo.Aliases // of its type; nil: they are not known
}

func weight(j job) int64 { return j.bytes }

func (j job) item(a Action) Item {
	return Item{Action: a, Type: j.panel.Type.Name, ID: j.panel.ID, CType: string(j.ctype), Filled: []panels.Gap{}}
}

// source emits the jobs of every detector that the ledger knows, by type and id.
func (m *merger) source(ctx context.Context, emit func(job) error) error {
	types := map[string]*repo.Aliases{}
	for _, known := range m.index.Panels() {
		t, err := repo.TypeNamed(known.Type)
		if err != nil {
			continue
		}
		panel := repo.Panel{Type: t, ID: known.ID, IsName: known.IsName}
		if err := m.panelJobs(panel, emit); err != nil {
			return err
		}
		if err := m.statusJob(panel, types, emit); err != nil {
			return err
		}
	}
	return nil
}

func (m *merger) wants(deployed string) bool {
	return len(m.CTypes) == 0 || slices.Contains(m.CTypes, deployed)
}

// findRuns finds the times of the detector's runs that count.
func (m *merger) findRuns(j *job) {
	for place := range m.index.With(j.panel.Type.Name, j.panel.ID) {
		e, known := m.index.Experiment(place.Experiment)
		if !known || place.BeginRun == 0 || !m.Filter.MatchExperiment(e.Instrument(), place.Experiment) ||
			!m.Filter.MatchSource(place.Source, "", j.panel.Type.Name) {
			continue
		}
		if len(j.runs) == 0 {
			j.from, j.panel.Source = place, place.Source
		}
		j.runs = append(j.runs, repo.StampOf(time.Unix(0, place.BeginRun), m.Zone))
	}
	slices.Sort(j.runs)
	j.runs = slices.Compact(j.runs)
}

// neededStamps returns, of the moments from which on another choice is valid, those
// that a run meets. Both are sorted.
func neededStamps(stamps, runs []repo.Stamp) (needed []repo.Stamp) {
	for i, stamp := range stamps {
		first, _ := slices.BinarySearch(runs, stamp)
		if first < len(runs) && (i+1 == len(stamps) || runs[first] < stamps[i+1]) {
			needed = append(needed, stamp)
		}
	}
	return needed
}
