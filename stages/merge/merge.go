package merge

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/repo/panels"
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

	Write bool // else only say what would be merged
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
	CType  string       `json:"ctype"` // as the repository names it
	Stamp  string       `json:"stamp,omitempty"`
	Path   string       `json:"path,omitempty"` // "" for a detector without alias
	Tables int          `json:"tables"`
	Filled []panels.Gap `json:"filled"`
	Reason string       `json:"reason,omitempty"` // one line
}

// Summary counts merges.
type Summary struct {
	Detectors int            `json:"detectors"` // that have tables
	Counts    map[Action]int `json:"counts"`    // only actions that occur
}

// Merge merges what runs of the index need, and hands every merge to sink. A merge
// that fails is an item; an error is ErrOptions, that of sink, or that of ctx
// (pipeline.ErrNotAttempted).
func Merge(ctx context.Context, o Options, index *ledger.Index, sink func(Item) error) (Summary, error) {
	summary := Summary{Counts: map[Action]int{}}
	if o.Repository == nil || o.Digests == nil || o.Zone == nil {
		return summary, ErrOptions
	}
	if err := o.Filter.Check(); err != nil {
		return summary, err
	}
	if o.Pipeline.MaxBytes == 0 {
		o.Pipeline.MaxBytes = 1 << 30 // three Epix10ka2M at a time
	}
	m := merger{Options: o, index: index}
	last := ""
	err := pipeline.RunWeighted(ctx, o.Pipeline, weight, m.source, m.work, func(r pipeline.Result[job, []Item]) error {
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
	index *ledger.Index
}

// A job is a detector and a calibration type.
type job struct {
	panel repo.Panel
	ids   []string
	ctype repo.CType
	kind  panels.Kind
	runs  []repo.Stamp // sorted
	place ledger.Place // of one of the runs, for the records of a new alias
}

// weight is the memory of a merge: numbers and their text.
func weight(j job) int64 { return j.kind.Elements(len(j.ids)) * (8 + 10) }

func (j job) item(a Action) Item {
	return Item{Action: a, Type: j.panel.Type.Name, ID: j.panel.ID, CType: string(j.ctype), Filled: []panels.Gap{}}
}

// source emits a job for every detector of many panels and every calibration type of
// which there may be tables.
func (m *merger) source(ctx context.Context, emit func(job) error) error {
	for _, known := range m.index.Panels() {
		t, err := repo.TypeNamed(known.Type)
		if err != nil || known.IsName || panels.FamilyOf(t) == panels.NoFamily {
			continue
		}
		j := job{panel: repo.Panel{Type: t, ID: known.ID}}
		if j.ids, err = panels.Split(j.panel); err != nil {
			continue
		}
		m.findRuns(&j)
		if len(j.runs) == 0 {
			continue
		}
		for _, c := range repo.CTypes() {
			kind, ok := panels.KindOf(t, c)
			if !ok || len(m.CTypes) > 0 && !slices.Contains(m.CTypes, kind.Deployed) {
				continue
			}
			j.ctype, j.kind = c, kind
			if err := emit(j); err != nil {
				return err
			}
		}
	}
	return nil
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
			j.place, j.panel.Source = place, place.Source
		}
		j.runs = append(j.runs, repo.StampOf(time.Unix(0, place.BeginRun), m.Zone))
	}
	slices.Sort(j.runs)
	j.runs = slices.Compact(j.runs)
}

// work merges one calibration type of a detector, for every choice that a run needs.
func (m *merger) work(ctx context.Context, j job) ([]Item, error) {
	shelf, err := panels.InConstants(m.Repository, j.panel.Type).List(j.ids, j.kind)
	if err != nil {
		return nil, err
	}
	needed := neededStamps(shelf.Stamps(), j.runs)
	if len(needed) == 0 && !shelf.AnyWithdrawn() {
		return nil, nil
	}
	d, err := m.open(ctx, j)
	if err != nil {
		return nil, err
	}
	items, again, err := d.withdraw(ctx, shelf)
	if err != nil {
		return items, err
	}
	needed = append(needed, again...)
	slices.Sort(needed)
	needed = slices.Compact(needed)
	last := repo.Stamp(0)
	for _, stamp := range needed {
		if err := context.Cause(ctx); err != nil {
			return items, err
		}
		recipe := shelf.At(stamp)
		newest, found := recipe.Newest()
		if !found || newest.Stamp == last { // the table of this stamp has no part in any merge
			continue
		}
		last = newest.Stamp
		item, err := d.merge(ctx, recipe)
		if err != nil {
			item.Action, item.Reason = Failed, oneLine(err.Error())
		}
		items = append(items, item)
	}
	return items, nil
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

// detector is where the merges of a job belong.
type detector struct {
	*merger
	job
	alias string // "": it has none, and nothing is written
	dir   string // below the repository
	index *repo.Index
	own   map[string]bool // names in dir
	why   string          // nothing may be merged there; ""
}

// open finds the alias of the detector, and gives it one where merges are written.
func (m *merger) open(ctx context.Context, j job) (*detector, error) {
	d := &detector{merger: m, job: j, own: map[string]bool{}}
	var err error
	if m.Write {
		if err := m.Repository.MakeType(j.panel.Type); err != nil {
			return nil, err
		}
		d.alias, err = m.Repository.Alias(ctx, j.panel, repo.Origin{Experiment: j.place.Experiment, Run: j.place.Run})
	} else {
		d.alias, _, err = m.Repository.LookupAlias(j.panel)
	}
	if err != nil || d.alias == "" {
		return d, err
	}
	if d.dir, err = m.Repository.DetectorDir(j.panel, d.alias); err != nil {
		return nil, err
	}
	if len(j.ids) > 1 && d.dir == j.panel.Type.Name+"/"+j.ids[0] {
		d.why = "the detector is known by its first panel alone, whose directory other detectors may share"
		return d, nil
	}
	d.dir += "/" + string(j.ctype)
	if d.index, err = m.Repository.Index(j.panel, d.alias, j.ctype); err != nil {
		return nil, err
	}
	items, err := m.Repository.Items(d.dir)
	for _, item := range items {
		d.own[item.Name] = true
	}
	return d, err
}

func (d *detector) has(name string) bool { return d.own[name] }

// merge makes one merge, if it must be made.
func (d *detector) merge(ctx context.Context, recipe *panels.Recipe) (Item, error) {
	name, _ := recipe.FileName(d.panel.Type, d.alias)
	item := d.item(Pending)
	item.Stamp, item.Tables = name.Stamp.String(), len(recipe.Inputs())
	if gaps := recipe.Gaps(); gaps != nil {
		item.Filled = gaps
	}
	if err := recipe.Check(); err != nil {
		item.Action, item.Reason = Incomplete, oneLine(err.Error())
		return item, nil
	}
	if reason := cmp.Or(d.why, d.distrust(recipe)); reason != "" {
		item.Action, item.Reason = Blocked, reason
		return item, nil
	}
	if d.alias == "" {
		return item, nil
	}
	item.Path = d.Repository.Dir() + "/" + d.dir + "/" + name.String()
	if entry, taken := d.index.At(name.Stamp); taken && entry.Stamp == name.Stamp && entry.Name != name.String() {
		item.Action, item.Reason = Kept, entry.Name+" has the same stamp"
		return item, nil
	}
	if d.has(repo.Withdrawn(name.String())) && !d.has(name.String()) {
		item.Action, item.Reason = Kept, "it was withdrawn itself: it stays so until it is reinstated"
		return item, nil
	}
	sums, err := d.sums(ctx, recipe)
	if err != nil {
		return item, err
	}
	key := d.key(recipe, name, sums)
	current, action, err := d.look(ctx, name, item.Path, key)
	if err != nil || action != Pending || !d.Write {
		item.Action = action
		return item, err
	}
	item.Action, err = d.make(ctx, recipe, sums, name, key, current)
	return item, err
}

// withdraw takes merges out of use of which a table was withdrawn; without Write it
// only tells. What can be merged again under the same name, of other tables, is left to
// that: again are their stamps.
func (d *detector) withdraw(ctx context.Context, shelf *panels.Shelf) (items []Item, again []repo.Stamp, err error) {
	if d.index == nil || !shelf.AnyWithdrawn() {
		return nil, nil, nil
	}
	for _, entry := range d.index.Entries() {
		item := d.item(Stale)
		item.Stamp, item.Path = entry.Stamp.String(), d.Repository.Dir()+"/"+d.dir+"/"+entry.Name
		table, stale, err := shelf.Withdrawn(item.Path)
		if err != nil {
			item.Action, item.Reason = Failed, oneLine(err.Error())
			items = append(items, item)
		}
		if err != nil || !stale {
			continue
		}
		recipe := shelf.At(entry.Stamp)
		if name, found := recipe.FileName(d.panel.Type, d.alias); found && name.String() == entry.Name && recipe.Check() == nil {
			again = append(again, entry.Stamp)
			continue
		}
		item.Reason = "it was merged of " + table + ", which was withdrawn"
		if d.Write {
			if _, err := d.Repository.Withdraw(ctx, item.Path, item.Reason); err != nil {
				return items, again, err
			}
			item.Action = Withdrawn
		}
		items = append(items, item)
	}
	return items, again, nil
}

// look tells what is under the name of a merge: nothing or what other tables gave,
// then it is pending; what these tables gave; or a file that was not merged.
func (d *detector) look(ctx context.Context, name repo.Name, path, key string) (digest.Sum, Action, error) {
	if !d.has(name.String()) {
		return digest.Sum{}, Pending, nil
	}
	sum, _, err := d.sum(ctx, path)
	if err != nil {
		return sum, Failed, err
	}
	if made, known := d.Digests.Verdict(key); known && made == sum.String() {
		return sum, Current, nil
	}
	foreign := "merge foreign " + sum.String()
	if _, known := d.Digests.Verdict(foreign); known {
		return sum, Kept, nil
	}
	_, ours, err := panels.MadeOf(d.Repository, path)
	if err == nil && !ours {
		d.Digests.PutVerdict(foreign, "")
		return sum, Kept, nil
	}
	return sum, Pending, err
}

// make merges, and writes the result unless it is there already.
func (d *detector) make(ctx context.Context, recipe *panels.Recipe, sums []digest.Sum, name repo.Name, key string, current digest.Sum) (Action, error) {
	merged, err := recipe.Merge(ctx)
	if err != nil {
		return Failed, err
	}
	for i, input := range recipe.Inputs() {
		if digest.Sum(merged.Digests[input.Path]) != sums[i] {
			return Failed, fmt.Errorf("%s: %w since it was looked at", input.Path, digest.ErrChanged)
		}
	}
	text, err := recipe.Text(merged, name)
	if err != nil {
		return Failed, err
	}
	action, sum := Current, digest.Sum(sha256.Sum256(text))
	if sum != current {
		if _, err := d.Repository.Replace(d.dir+"/"+name.String(), text); err != nil {
			return Failed, err
		}
		action = Made
	}
	d.Digests.PutVerdict(key, sum.String())
	return action, nil
}

// sums are the digests of the tables, as Inputs has them. A table that is no longer
// the one that was listed, and so may be somebody else's, is digest.ErrChanged.
func (d *detector) sums(ctx context.Context, recipe *panels.Recipe) ([]digest.Sum, error) {
	var sums []digest.Sum
	for _, input := range recipe.Inputs() {
		sum, stat, err := d.sum(ctx, input.Path)
		if err == nil && (input.Info == nil || !stat.Same(digest.StatOf(input.Info))) {
			err = fmt.Errorf("%s: %w since it was listed", input.Path, digest.ErrChanged)
		}
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum)
	}
	return sums, nil
}

// key identifies all that the bytes of a merge depend on.
func (d *detector) key(recipe *panels.Recipe, name repo.Name, sums []digest.Sum) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%s %d\n", name, len(recipe.IDs))
	for i, input := range recipe.Inputs() {
		fmt.Fprintf(hash, "%s %s\n", sums[i], strings.TrimPrefix(input.Path, d.Repository.Dir()))
	}
	return "merge 1 " + hex.EncodeToString(hash.Sum(nil))
}

// sum is the digest of a file of the repository, which is read only if it is not
// remembered.
func (d *detector) sum(ctx context.Context, path string) (digest.Sum, digest.Stat, error) {
	return d.Digests.Sum(ctx, path, func() (*os.File, error) { return d.Repository.OpenConstants(path) })
}

// writableByOthers is the bit of a mode that lets everybody write.
const writableByOthers = 0o002

// distrust returns why a table must not be merged; "": it may.
func (d *detector) distrust(recipe *panels.Recipe) string {
	if len(d.TrustedOwners) == 0 {
		return ""
	}
	for _, input := range recipe.Inputs() {
		if input.Info == nil {
			return input.Path + " leads nowhere, or out of the repository"
		}
		stat := digest.StatOf(input.Info)
		switch {
		case !slices.Contains(d.TrustedOwners, uint32(stat.UID)):
			return fmt.Sprintf("%s belongs to user %d, who is no trusted owner", input.Path, stat.UID)
		case uint32(stat.Mode)&writableByOthers != 0:
			return input.Path + " can be written by others than its trusted owner"
		}
	}
	return ""
}
