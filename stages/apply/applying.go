package apply

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
)

// applying is the manner of Apply.
type applying struct {
	*run
	found map[string]*past // by path; of an earlier call
	plan  func() (io.ReadCloser, error)

	// others returns what other processes have done by now that work on the same part
	// of the transaction; nil: there are none.
	others func(ctx context.Context) ([]tx.Record, error)
}

func newApplying(o Options, store *tx.Store, t *tx.Tx) *applying {
	a := &applying{run: newRun(o, store, t), found: before(t.Records())}
	a.manner = a
	return a
}

// elsewhere takes over what another process did with a file that has just changed under
// the hands of this one. It reports false if none did anything.
func (a *applying) elsewhere(ctx context.Context, s *step) bool {
	if a.others == nil {
		return false
	}
	records, err := a.others(ctx)
	if err != nil {
		return false
	}
	found := before(records)
	p := found[s.Path()]
	switch {
	case p == nil:
		return false
	case p.settled != nil:
		s.recall(found)
	default:
		s.lose()
		s.settle(Failed, errors.New("another process is at it; resume the transaction"))
	}
	return true
}

// past is what an earlier call did with a path.
type past struct {
	settled *tx.Record
	open    *tx.Record
	intent  *tx.Record // the last one, settled or not
}

// before sorts the records of earlier calls.
func before(records []tx.Record) map[string]*past {
	found := map[string]*past{}
	for i := range records {
		record := &records[i]
		key := record.Path()
		if record.Kind == tx.Registered {
			key = record.Type + "\x00" + record.Panel
		}
		p := found[key]
		if p == nil {
			p = &past{}
			found[key] = p
		}
		switch record.Kind {
		case tx.Intent:
			p.open, p.intent = record, record
		case tx.Skipped, tx.Failed:
			p.open = nil
		default:
			p.settled, p.open = record, nil
		}
	}
	return found
}

// wave carries out the changes of some experiments.
func (a *applying) wave(ctx context.Context, wave map[string]bool) error {
	return a.carry(ctx, func(ctx context.Context, emit func(*batch) error) (err error) {
		plan, err := a.plan()
		if err != nil {
			return err
		}
		defer plan.Close() // only read
		reader, err := planfile.NewReader(plan, planfile.Limits{})
		if err != nil {
			return err
		}
		defer reader.Close()
		add, flush := a.emitter(emit)
		var experiment []*step
		var plans planned
		for item, err := range reader.Items() {
			if err != nil {
				return err
			}
			if !wave[item.Experiment] {
				continue
			}
			if plans.experiment != item.Experiment {
				if err := add(experiment); err != nil {
					return err
				}
				experiment, plans = nil, newPlanned(item.Experiment)
			}
			around := plans.add(item)
			if item.Action.Changes() && item.Kind != planfile.KindDirectory {
				s := a.step(ctx, item)
				s.around = around
				experiment = append(experiment, s)
			}
		}
		if err := add(experiment); err != nil {
			return err
		}
		return flush()
	})
}

// step makes a step of an item of the plan. Panels are registered here, one after
// the other, so that their aliases are the same for any number of workers.
func (a *applying) step(ctx context.Context, item planfile.Item) *step {
	s := &step{item: slim(item), Place: tx.Place{Experiment: item.Experiment}}
	if item.Kind == planfile.KindPanel {
		_ = a.register(ctx, s) // the outcome tells
		return s
	}
	s.Place = tx.Place{
		Experiment: item.Experiment, CalibDir: item.CalibDir, Group: item.Group, Source: item.Source,
		CType: item.CType, Range: item.Range,
	}
	switch item.Action {
	case planfile.Create:
		s.action, s.size = tx.Create, item.Constants.Size
	case planfile.Replace:
		s.action, s.size = tx.Replace, item.Constants.Size
	case planfile.Adopt:
		s.action = tx.Keep
	}
	if s.CalibDir == "" { // the settings tell; the journal is asked by the path
		s.CalibDir, _ = a.CalibDir(item.Experiment) // enter tells of the error
	}
	s.recall(a.found)
	return s
}

// recall takes over what was done with the file before.
func (s *step) recall(found map[string]*past) {
	p := found[s.Path()]
	if p == nil {
		return
	}
	s.open, s.hanging = p.open, p.open != nil
	if p.settled != nil {
		status := Done
		if p.settled.Kind == tx.Adopted {
			status = Adopted
		}
		s.settle(status, nil)
		s.outcome.Again, s.open, s.hanging = true, nil, false
	}
}

// entered looks again at what other processes have done, now that the experiment is
// locked.
func (a *applying) entered(ctx context.Context, p *site) error {
	if a.others == nil {
		return nil
	}
	records, err := a.others(ctx)
	if err != nil || len(records) == 0 {
		return err
	}
	found := before(records)
	for _, s := range p.steps {
		if !s.claimed {
			s.recall(found)
		}
	}
	return nil
}

// meanwhile asks for an intent of another process for a file that holds what it is to
// hold: where locks do not work, both may be at it.
func (a *applying) meanwhile(ctx context.Context, s *step) error {
	if a.others == nil || s.open != nil {
		return nil
	}
	records, err := a.others(ctx)
	if err != nil {
		return err
	}
	if p := before(records)[s.Path()]; p != nil {
		s.open = cmp.Or(p.open, p.intent)
	}
	return nil
}

// slim drops what is not needed any more.
func slim(item planfile.Item) planfile.Item {
	item.Picks, item.Warnings = nil, nil
	return item
}

// register makes tree and alias of a new panel. What its outcome tells is returned, too.
func (a *applying) register(ctx context.Context, s *step) error {
	item := s.item
	if p := a.found[item.Type+"\x00"+item.ID]; p != nil && p.settled != nil {
		s.settle(Registered, nil)
		s.outcome.Alias, s.outcome.Again = p.settled.Alias, true
		return nil
	}
	detType, err := repo.TypeNamed(item.Type)
	alias := ""
	if err == nil {
		panel := repo.Panel{Type: detType, ID: item.ID, Source: item.Source, IsName: item.IDIsName}
		if err = a.Repository.MakeTree(panel); err == nil {
			alias, err = a.Repository.Alias(ctx, panel, repo.Origin{Experiment: item.Experiment, Run: item.Runs.First})
		}
	}
	if err == nil {
		err = a.journal.Append(tx.Record{
			Kind: tx.Registered, Place: tx.Place{Experiment: item.Experiment},
			Type: item.Type, Panel: item.ID, PanelIsName: item.IDIsName, Alias: alias,
		})
	}
	if err != nil {
		s.settle(Failed, err)
		return err
	}
	s.settle(Registered, nil)
	s.outcome.Alias = alias
	return nil
}

func (a *applying) strict() bool { return true }

// admit refuses a directory of which the plan knows less, or more, than is there:
// it would not foresee what psana picks.
func (a *applying) admit(c *calibdir.Calib, s *step) error {
	if s.around == nil {
		return nil
	}
	names, err := c.Names(s.target)
	if err != nil {
		return err
	}
	return s.around.compare(names)
}

func (a *applying) examine(ctx context.Context, b *calibdir.Batch, c *calibdir.Calib, objects *tx.Batch, s *step) (err error) {
	if err := checkNames(s.item); err != nil {
		return err
	}
	if s.change, err = b.Look(c, s.target); err != nil {
		return err
	}
	want, prior := s.item.Constants.SHA256, s.item.Prior
	if !s.change.Exists() {
		if prior != nil {
			return skipf("the file is gone")
		}
		return a.checkConstants(ctx, s)
	}
	now := fileState(s.change.Previous())
	if s.action == tx.Keep && isPrior(now, prior) {
		s.keeps = true
		return nil
	}
	if s.action == tx.Keep || s.open != nil || a.NoUndo || prior == nil {
		if now.SHA256, err = sha256Of(ctx, s.change.Content()); err != nil {
			return err
		}
	} else {
		kept, err := objects.Put(ctx, s.change.Content(), tx.Access{Mode: now.Mode, GID: now.GID, ACL: len(now.ACL) > 0})
		if err != nil {
			return fmt.Errorf("%w; --no-undo replaces without", err)
		}
		now.SHA256 = kept.SHA256
	}
	if now.SHA256 == want {
		if err := a.meanwhile(ctx, s); err != nil {
			return err
		}
	}
	switch {
	case s.open != nil && now.SHA256 == want:
		s.there, s.prior = true, s.open.Prior
		return nil
	case prior == nil:
		return skipf("there is a file by now, with digest %s", now.SHA256)
	case now.SHA256 != prior.SHA256:
		return skipf("the file changed since the plan: its digest is %s, was %s", now.SHA256, prior.SHA256)
	case s.action == tx.Keep:
		s.keeps = true
		return nil
	}
	s.prior = now
	if s.open != nil && !a.NoUndo {
		if _, err := objects.Put(ctx, s.change.Content(), tx.Access{Mode: now.Mode, GID: now.GID, ACL: len(now.ACL) > 0}); err != nil {
			return err
		}
	}
	return a.checkConstants(ctx, s)
}

// isPrior reports whether a file is, by its identity, the one that the plan saw.
func isPrior(now *tx.FileState, prior *planfile.Prior) bool {
	return now.Inode == prior.Inode && now.Size == prior.Size &&
		now.ModTime == prior.ModTime && now.ChangeTime == prior.ChangeTime
}

// checkNames refuses places that the plan did not derive as this program does.
func checkNames(item planfile.Item) error {
	detType, err := repo.TypeNamed(item.Type)
	if err != nil {
		return skipf("%v", err)
	}
	ofSource, err := repo.TypeOfSource(item.Source)
	ctype, ctypeErr := repo.ParseCType(item.CType)
	switch {
	case err != nil:
		return skipf("%v", err)
	case ctypeErr != nil:
		return skipf("%v", ctypeErr)
	case ofSource != detType || detType.Group != item.Group:
		return skipf("%s of type %s belongs to group %s, not %s", item.Source, ofSource.Name, ofSource.Group, item.Group)
	case string(ctype.Deployed()) != item.CType:
		return skipf("%s is deployed as %s", item.CType, ctype.Deployed())
	}
	return nil
}

// checkConstants looks at the constants; their digest is checked as they are copied.
func (a *applying) checkConstants(ctx context.Context, s *step) error {
	file, err := a.Repository.OpenConstants(s.item.Constants.Path)
	if err != nil {
		return skipf("%v", err)
	}
	defer file.Close() // only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if info.Size() != s.item.Constants.Size {
		return skipf("%s changed since the plan: %d bytes, were %d", s.item.Constants.Path, info.Size(), s.item.Constants.Size)
	}
	if a.Judge == nil {
		return nil
	}
	var deployed io.Reader
	if s.change.Exists() {
		deployed = s.change.Content()
	}
	if err := a.Judge(ctx, s.item, file, deployed); err != nil {
		return skipf("held: %v", err)
	}
	return nil
}

func (a *applying) stage(ctx context.Context, s *step) error {
	want := s.item.Constants
	file, err := a.Repository.OpenConstants(want.Path)
	if err != nil {
		return skipf("%v", err)
	}
	defer file.Close() // only read
	result, err := s.change.Install(io.LimitReader(ctxReader{ctx, file}, want.Size+1))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(result.SHA256[:]); got != want.SHA256 {
		return errors.Join(skipf("%s changed since the plan: its digest is %s, was %s", want.Path, got, want.SHA256), s.change.Discard())
	}
	return nil
}

func (a *applying) record(ctx context.Context, b *calibdir.Batch, c *calibdir.Calib, _, inPlace []*step) error {
	if len(inPlace) == 0 {
		return nil
	}
	noted, err := a.noted(c, inPlace)
	if err != nil {
		return err
	}
	var records []calibdir.HistoryRecord
	for _, s := range inPlace {
		record := a.historyRecord(s, s.item.Constants.Path, a.header.ID)
		if !noted[record.File] {
			records = append(records, record)
		}
	}
	return b.AppendHistory(ctx, c, inPlace[0].target, records)
}

// noted returns the files that HISTORY has lines of this transaction for: of an
// earlier call that was interrupted, or of another process.
func (a *applying) noted(c *calibdir.Calib, inPlace []*step) (map[string]bool, error) {
	interrupted := a.others != nil
	for _, s := range inPlace {
		interrupted = interrupted || s.there
	}
	if !interrupted {
		return nil, nil
	}
	return notedBy(c, inPlace[0].target, a.header.ID)
}

// notedBy returns the files that HISTORY has lines for with the comment.
func notedBy(c *calibdir.Calib, target calibdir.Target, comment string) (map[string]bool, error) {
	records, err := c.History(target)
	noted := map[string]bool{}
	for _, record := range records {
		if record.Comment == comment {
			noted[record.File] = true
		}
	}
	return noted, err
}

// historyRecord returns the line for a file, with the time of the transaction.
func (r *run) historyRecord(s *step, copyOf, comment string) calibdir.HistoryRecord {
	at := r.header.Time
	if r.Zone != nil {
		at = at.In(r.Zone)
	}
	return calibdir.HistoryRecord{
		File: s.target.Range.FileName(), CopyOf: copyOf, CType: s.CType,
		User: r.header.User, Host: r.header.Host, Time: at, Cwd: r.header.Dir, Comment: comment,
	}
}

func (a *applying) result(s *step, now *tx.FileState) (tx.Record, Status) {
	kind, status := tx.Done, Done
	if s.keeps {
		kind, status = tx.Adopted, Adopted
	}
	record := s.record(kind)
	record.MadeDirs = s.made
	if now != nil {
		now.Content = *record.New
		record.After = now
	}
	return record, status
}

func (a *applying) tidy(*calibdir.Batch, *calibdir.Calib, []*step) error { return nil }

// sha256Of reads to the end.
func sha256Of(ctx context.Context, src io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.CopyBuffer(hash, ctxReader{ctx, src}, make([]byte, 256<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// ctxReader ends with its context.
type ctxReader struct {
	ctx context.Context
	src io.Reader
}

func (r ctxReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.src.Read(p)
}
