package tx

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"
)

// An Owned is what a path should hold according to the transactions.
type Owned struct {
	Place
	Content             // of no digest where an undo is pending that removes the file
	Mode      uint32    // as published or found; the twelve permission bits
	GID       int       // as published or found; -1: unknown
	Constants string    // path of the repository file
	Adopted   bool      // found right, not published
	Tx        string    // the transaction that published or adopted it
	Time      time.Time // when, UTC
	User      string    // who
	Host      string

	// Pending: the transaction was interrupted between intent and result, so the
	// path holds either this content or what it held before.
	Pending bool
}

// Deployed is what every path should hold now, according to all transactions and
// undos. It is immutable and safe for concurrent use.
type Deployed struct {
	settled map[string]Owned // by path
	pending map[string]Owned // by path
	paths   []string         // all, sorted
}

// Owner returns what the path should hold. It reports false for paths that no
// transaction deployed, or only one that was undone or is pending.
func (d *Deployed) Owner(path string) (Owned, bool) {
	o, ok := d.settled[path]
	return o, ok
}

// Pending returns what an interrupted transaction was about to put there.
func (d *Deployed) Pending(path string) (Owned, bool) {
	o, ok := d.pending[path]
	return o, ok
}

// Put returns the transaction by which this very content came to this path,
// settled or pending: a file that holds it is ours.
func (d *Deployed) Put(path, sha256 string) (Owned, bool) {
	for _, side := range []map[string]Owned{d.settled, d.pending} {
		if o, ok := side[path]; ok && o.SHA256 == sha256 && sha256 != "" {
			return o, true
		}
	}
	return Owned{}, false
}

// Paths returns what all paths should hold, sorted by path. A pending one has
// Pending set and comes behind the settled one of its path.
func (d *Deployed) Paths() iter.Seq[Owned] {
	return func(yield func(Owned) bool) {
		for _, path := range d.paths {
			for _, side := range []map[string]Owned{d.settled, d.pending} {
				if o, ok := side[path]; ok && !yield(o) {
					return
				}
			}
		}
	}
}

// Len returns the number of paths that should hold something for certain.
func (d *Deployed) Len() int { return len(d.settled) }

// Deployed returns the latest state of every path that any transaction deployed or
// adopted; what was undone is as it was before the undone transaction.
//
// The order of transactions on one path is that of the times of their records. A
// clock that was set back does no harm, but the clocks of several hosts must agree
// better than the time between two transactions on one experiment. Finished transactions are remembered in a cache file, which is
// rebuilt where it is missing, damaged or stale.
//
// A transaction that cannot be read is an error that wraps ErrDamaged and names the
// file: without it nobody knows whose files are whose.
func (s *Store) Deployed(ctx context.Context) (*Deployed, error) {
	ids, err := s.ids()
	if err != nil {
		return nil, err
	}
	known, ok := s.loadCheckpoint(ids)
	if !ok {
		known = newHistories()
	}
	open := known // what was not remembered goes on top of what was
	read, records := []string{}, 0
	var unfinished []string
	for _, id := range ids {
		if known.has(id) {
			continue
		}
		summary, err := s.summary(id)
		if err != nil {
			return nil, err
		}
		if summary.Result == nil {
			unfinished = append(unfinished, id)
			continue
		}
		n, err := s.add(ctx, open, summary)
		if err != nil {
			return nil, err
		}
		read, records = append(read, id), records+n
	}
	if len(read) > maxUnremembered || records > maxUnrememberedRecords {
		s.saveCheckpoint(known)
	}
	for _, id := range unfinished {
		summary, err := s.summary(id)
		if err == nil {
			_, err = s.add(ctx, open, summary)
		}
		if err != nil {
			return nil, err
		}
	}
	return open.resolve(), nil
}

// How much is read again each time before it is remembered.
const (
	maxUnremembered        = 16
	maxUnrememberedRecords = 1000
)

// add reads a journal into the histories.
func (s *Store) add(ctx context.Context, h *histories, summary Summary) (records int, err error) {
	index := h.addTx(summary.Header)
	open := map[string]event{} // intents without result
	var paths []string
	for record, err := range s.records(ctx, summary) {
		if err != nil {
			return 0, err
		}
		records++
		if record.Kind == Registered {
			continue
		}
		path := record.Path()
		e := newEvent(index, &record)
		if e.Kind == eventIntent {
			if _, again := open[path]; !again {
				paths = append(paths, path)
			}
			open[path] = e
			continue
		}
		delete(open, path)
		if e.Kind != "" {
			h.add(record.Place, e)
		}
	}
	for _, path := range paths {
		if e, ok := open[path]; ok {
			h.add(e.place, e)
		}
	}
	return records, nil
}

// Kinds of events. Part of the format of the checkpoint.
const (
	eventPut    = "put"    // published
	eventAdopt  = "adopt"  // found right
	eventUndo   = "undo"   // back as before another transaction
	eventIntent = "intent" // about to be changed, and nothing is known since
)

// An event is what a transaction did to one path.
type event struct {
	Kind      string `json:"k"`
	Tx        int    `json:"x"` // index
	Time      int64  `json:"t"` // UTC ns
	SHA256    string `json:"d,omitempty"`
	Size      int64  `json:"s,omitempty"` // bytes
	Mode      uint32 `json:"m,omitempty"`
	GID       int    `json:"g"`
	Constants string `json:"c,omitempty"`

	place Place
}

// newEvent returns the event of a record; of no Kind where nothing changed.
func newEvent(tx int, r *Record) event {
	e := event{Tx: tx, Time: r.Time, GID: -1, Constants: r.Constants, place: r.Place}
	switch r.Kind {
	case Done:
		e.Kind = eventPut
	case Adopted:
		e.Kind = eventAdopt
	case Undone:
		e.Kind = eventUndo
	case Intent:
		e.Kind = eventIntent
	}
	if r.New != nil {
		e.SHA256, e.Size = r.New.SHA256, r.New.Size
	}
	if r.After != nil {
		e.Mode, e.GID = r.After.Mode, r.After.GID
	}
	return e
}

// histories are the events of all paths, by transaction.
type histories struct {
	txs   []remembered
	index map[string]int // of txs by id
	paths map[string]*pathHistory
}

// A remembered transaction is what is told of it with the paths.
type remembered struct {
	ID     string `json:"id"`
	User   string `json:"user"`
	Host   string `json:"host"`
	UndoOf string `json:"undo_of,omitempty"`
}

// A pathHistory is the events of one path, in any order.
type pathHistory struct {
	Place
	Events []event `json:"events"`
}

func newHistories() *histories {
	return &histories{index: map[string]int{}, paths: map[string]*pathHistory{}}
}

func (h *histories) has(id string) bool {
	_, ok := h.index[id]
	return ok
}

// addTx returns the index of a transaction, which is new.
func (h *histories) addTx(header Header) int {
	h.index[header.ID] = len(h.txs)
	h.txs = append(h.txs, remembered{header.ID, header.User, header.Host, header.UndoOf})
	return len(h.txs) - 1
}

func (h *histories) add(place Place, e event) {
	path := place.Path()
	p := h.paths[path]
	if p == nil {
		p = &pathHistory{Place: place}
		h.paths[path] = p
	}
	p.Events = append(p.Events, e)
}

// resolve returns what every path should hold after its events.
func (h *histories) resolve() *Deployed {
	d := &Deployed{settled: make(map[string]Owned, len(h.paths)), pending: map[string]Owned{}}
	for path, p := range h.paths {
		settled, pending := h.resolvePath(p.Events)
		if settled != nil {
			d.settled[path] = h.owned(p.Place, settled)
		}
		if pending != nil {
			d.pending[path] = h.owned(p.Place, pending)
		}
		if settled != nil || pending != nil {
			d.paths = append(d.paths, path)
		}
	}
	slices.Sort(d.paths)
	return d
}

// resolvePath plays the events of a path in the order of their times. A version is
// what the path held after a transaction, nil: nothing of ours.
func (h *histories) resolvePath(events []event) (settled, pending *event) {
	slices.SortStableFunc(events, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.Time, b.Time), cmp.Compare(h.txs[a.Tx].ID, h.txs[b.Tx].ID))
	})
	type version struct {
		tx    string
		holds *event
	}
	var versions []version
	for i := range events {
		e := &events[i]
		pending = nil
		switch e.Kind {
		case eventPut, eventAdopt:
			settled = e
		case eventUndo:
			undone := h.txs[e.Tx].UndoOf
			at := slices.IndexFunc(versions, func(v version) bool { return v.tx == undone })
			if at == 0 {
				settled = nil
			} else if at > 0 {
				settled = versions[at-1].holds
			}
		case eventIntent:
			pending = e
		}
		versions = append(versions, version{h.txs[e.Tx].ID, settled})
	}
	return settled, pending
}

// owned tells an event as callers want it.
func (h *histories) owned(place Place, e *event) Owned {
	tx := &h.txs[e.Tx]
	return Owned{
		Place: place, Content: Content{SHA256: e.SHA256, Size: e.Size}, Mode: e.Mode, GID: e.GID,
		Constants: e.Constants, Adopted: e.Kind == eventAdopt, Tx: tx.ID, Time: time.Unix(0, e.Time).UTC(),
		User: tx.User, Host: tx.Host, Pending: e.Kind == eventIntent,
	}
}

// check returns an error unless the event could have been made by newEvent.
func (h *histories) check(e *event) error {
	switch {
	case e.Tx < 0 || e.Tx >= len(h.txs):
	case e.SHA256 != "" && !isDigest(e.SHA256) || e.Size < 0:
	case e.SHA256 == "" && (e.Kind == eventPut || e.Kind == eventAdopt):
	case !slices.Contains([]string{eventPut, eventAdopt, eventUndo, eventIntent}, e.Kind):
	default:
		return nil
	}
	return fmt.Errorf("%w: event %+v", ErrDamaged, *e)
}
