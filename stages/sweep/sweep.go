package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"deployconstants/jobs"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo/digest"
	"deployconstants/stages/apply"
	"deployconstants/stages/merge"
	"deployconstants/stages/plan"
	"deployconstants/stages/resolve"
	"deployconstants/stages/scan"
	"deployconstants/stages/verify"
	"deployconstants/xtc/ledger"
)

// Origin is that of the transactions of sweeps: the next sweep goes on with one that
// was interrupted.
const Origin = "sweep"

// Options say what is swept. All but Deploy, Verify and Events are mandatory.
type Options struct {
	State   jobs.State
	Ledger  *ledger.Ledger
	Store   *tx.Store
	Digests *digest.Cache // the caller saves it

	Scan    scan.Options
	Resolve resolve.Options
	Plan    plan.Options
	Verify  verify.Options

	// Header completes that of the plan.
	Header func(repository, records [32]byte) (planfile.Header, error)

	// Apply returns the options of the transaction, for the experiments of the
	// index.
	Apply func(index *ledger.Index) (apply.Options, error)

	Deploy bool // else the sweep ends with the plan

	Events Events
}

// Events are told how a sweep gets on, each from one goroutine at a time. Any may
// be nil.
type Events struct {
	Stage func(name string, total int) // a step begins; total things, 0: unknown
	Scan  func(scan.Event)
	Merge func(merge.Item)
	Item  func(planfile.Item) // of the plan
	Done  func(apply.Outcome)

	Verified func(verify.Finding) // of every file
	Drift    func(verify.Finding) // of what is not as intended
}

// Report is what a sweep found and did.
type Report struct {
	// Resumed are interrupted transactions of earlier sweeps, which are gone on with.
	Resumed []apply.Result `json:"resumed,omitempty"`

	// Unfinished are transactions that somebody else began: to be resumed or undone.
	Unfinished []string `json:"unfinished,omitempty"`

	Scan   scan.Result     `json:"scan"`
	Ledger ledger.Stats    `json:"ledger"`
	Merge  *merge.Summary  `json:"merge,omitempty"` // nil: no detector has constants that are merged
	Plan   plan.Summary    `json:"plan"`
	File   string          `json:"plan_file,omitempty"` // of a plan that waits for apply; "": there is nothing to do, or it was begun
	Apply  *apply.Result   `json:"apply,omitempty"`     // nil: nothing was to apply, or not asked for
	Verify *verify.Summary `json:"verify,omitempty"`    // nil: not asked for
}

// Run sweeps once. Item errors are in the Report; an error ends the sweep, which
// can be repeated. The Report tells how far it came, beside an error too. The
// context of o.Scan, o.Plan and the transaction ends work at once; their
// pipeline's Drain ends it gently.
func Run(ctx context.Context, o Options) (Report, error) {
	o.Events.applyDefaults()
	s := sweep{Options: o}
	err := s.run(ctx)
	return s.report, err
}

func (e *Events) applyDefaults() {
	if e.Stage == nil {
		e.Stage = func(string, int) {}
	}
	if e.Scan == nil {
		e.Scan = func(scan.Event) {}
	}
	if e.Merge == nil {
		e.Merge = func(merge.Item) {}
	}
	if e.Item == nil {
		e.Item = func(planfile.Item) {}
	}
	if e.Done == nil {
		e.Done = func(apply.Outcome) {}
	}
	if e.Verified == nil {
		e.Verified = func(verify.Finding) {}
	}
	if e.Drift == nil {
		e.Drift = func(verify.Finding) {}
	}
}

// sweep is a sweep under way.
type sweep struct {
	Options
	report Report
	index  *ledger.Index
}

func (s *sweep) run(ctx context.Context) error {
	if err := s.scan(ctx); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	if s.Deploy {
		if err := s.resume(ctx); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
	}
	if err := s.merge(ctx); err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	if err := s.plan(ctx); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if !s.Deploy {
		return nil
	}
	if s.report.File != "" {
		if err := s.apply(ctx); err != nil {
			return fmt.Errorf("apply: %w", err)
		}
	}
	if err := s.verify(ctx); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// scan brings the ledger up to date, and loads it again if that changed it.
func (s *sweep) scan(ctx context.Context) (err error) {
	s.Events.Stage("read the ledger", 0)
	if s.index, err = s.Ledger.Load(ctx); err != nil {
		return err
	}
	s.report.Ledger = s.index.Stats()
	s.Events.Stage("scan", s.report.Ledger.Runs)
	if s.report.Scan, err = scan.Scan(ctx, s.Scan, s.index, s.Events.Scan); err != nil {
		return err
	}
	if s.report.Scan.New+s.report.Scan.Changed > 0 {
		if err := Compact(ctx, s.Options); err != nil {
			return err
		}
		if s.index, err = s.Ledger.Load(ctx); err != nil {
			return err
		}
	}
	s.report.Ledger = s.index.Stats()
	return nil
}

// Compact merges the segments of the ledger when they have become many.
func Compact(ctx context.Context, o Options) error {
	o.Events.applyDefaults()
	segments, err := o.Ledger.Segments()
	if err != nil || len(segments) <= ledger.CompactAbove {
		return err
	}
	o.Events.Stage("compact the ledger", 0)
	_, err = o.Ledger.Compact(ctx)
	return err
}

// resume goes on with what earlier sweeps were interrupted in.
func (s *sweep) resume(ctx context.Context) (err error) {
	s.report.Resumed, s.report.Unfinished, err = GoOn(ctx, s.Options, s.index)
	return err
}

// GoOn goes on with the transactions that earlier sweeps were interrupted in. What
// somebody else began is left to them, and returned as unfinished: it may have been
// stopped for a reason.
func GoOn(ctx context.Context, o Options, index *ledger.Index) (resumed []apply.Result, unfinished []string, err error) {
	o.Events.applyDefaults()
	all, err := o.Store.List(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, one := range all {
		switch {
		case one.Status != tx.Incomplete:
			continue
		case one.Kind != tx.Apply || one.Origin != Origin:
			unfinished = append(unfinished, one.ID)
			continue
		}
		applying, err := o.Apply(index)
		if err != nil {
			return resumed, unfinished, err
		}
		applying.Events = o.Events.Done
		o.Events.Stage("resume "+one.ID, 0)
		result, err := apply.Resume(ctx, applying, one.ID)
		if errors.Is(err, tx.ErrRunning) {
			continue
		}
		resumed = append(resumed, result)
		if err != nil {
			return resumed, unfinished, err
		}
	}
	return resumed, unfinished, nil
}

func (s *sweep) merge(ctx context.Context) (err error) {
	s.report.Merge, err = Merge(ctx, s.Options, s.index)
	return err
}

// Merge makes what is merged of panels and of status words, for the plan to find; without
// o.Deploy it only tells what it would make. The summary is nil if no detector has
// constants that are merged.
func Merge(ctx context.Context, o Options, index *ledger.Index) (*merge.Summary, error) {
	o.Events.applyDefaults()
	o.Events.Stage("merge", 0)
	merging := merge.Options{
		Filter: o.Plan.Filter, CTypes: o.Plan.CTypes, Repository: o.Plan.Repository, Digests: o.Digests, Zone: o.Plan.Zone,
		Pipeline: o.Plan.Pipeline, TrustedOwners: o.Plan.TrustedOwners, Write: o.Deploy,
	}
	summary, err := merge.Merge(ctx, merging, index, func(item merge.Item) error {
		o.Events.Merge(item)
		return nil
	})
	if summary.Detectors == 0 {
		return nil, err
	}
	return &summary, err
}

// plan writes the plan, and keeps its file if it changes anything.
func (s *sweep) plan(ctx context.Context) (err error) {
	file, err := os.CreateTemp(filepath.Dir(s.State.Plan()), ".tmp-plan-*")
	if err != nil {
		return err
	}
	defer func() {
		if s.report.File == "" {
			err = errors.Join(err, os.Remove(file.Name()))
		}
		err = errors.Join(err, file.Close())
	}()
	if s.report.Plan, err = Plan(ctx, s.Options, s.index, file); err != nil {
		return err
	}
	if s.report.Plan.Changes() == 0 {
		return removed(s.State.Plan())
	}
	if err := errors.Join(file.Sync(), os.Rename(file.Name(), s.State.Plan())); err != nil {
		return err
	}
	s.report.File = s.State.Plan()
	return nil
}

// Plan writes the plan for the experiments of the index to w.
func Plan(ctx context.Context, o Options, index *ledger.Index, w io.Writer) (summary plan.Summary, err error) {
	o.Events.applyDefaults()
	o.Events.Stage("list the repository", 0)
	snapshot, err := resolve.Load(ctx, o.Plan.Repository, o.Resolve)
	if err != nil {
		return summary, err
	}
	planning := o.Plan
	if planning.Owner, err = o.Store.Deployed(ctx); err != nil {
		return summary, err
	}
	header, err := o.Header(snapshot.Digest(), index.Digest())
	if err != nil {
		return summary, err
	}
	writer, err := planfile.NewWriter(w, header)
	if err != nil {
		return summary, err
	}
	o.Events.Stage("plan", len(index.Experiments()))
	summary, err = plan.Plan(ctx, planning, index, snapshot, func(item planfile.Item) error {
		o.Events.Item(item)
		return writer.Write(item)
	})
	if err != nil {
		return summary, err
	}
	return summary, writer.Close()
}

// removed makes sure that there is no such file.
func removed(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// apply carries the plan out.
func (s *sweep) apply(ctx context.Context) error {
	o, err := s.Apply(s.index)
	if err != nil {
		return err
	}
	o.Events, o.Origin = s.Events.Done, Origin
	file, err := os.Open(s.report.File)
	if err != nil {
		return err
	}
	defer file.Close()
	s.Events.Stage("apply", s.report.Plan.Changes())
	result, err := apply.Apply(ctx, o, file)
	if result.ID != "" { // which has a copy of the plan
		s.report.Apply, s.report.File = &result, ""
		err = errors.Join(err, removed(s.State.Plan()))
	}
	return err
}

// verify asks of everything that is deployed what stat says of it. A file whose
// identity is not remembered is read.
func (s *sweep) verify(ctx context.Context) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	deployed, err := s.Store.Deployed(ctx)
	if err != nil {
		return err
	}
	o := s.Options.Verify
	o.Deployed = deployed
	o.Digest = func(ctx context.Context, path string, open func() (*os.File, error)) (string, error) {
		sum, _, err := s.Digests.Sum(ctx, path, open)
		return sum.String(), err
	}
	s.Events.Stage("verify", deployed.Len())
	summary, err := verify.Verify(ctx, o, func(f verify.Finding) error {
		s.Events.Verified(f)
		if f.Class != verify.OK {
			s.Events.Drift(f)
		}
		return nil
	})
	s.report.Verify = &summary
	return err
}

// settle waits until what was published is old enough for its digest to be
// remembered, so that the next sweep need not read it again.
func (s *sweep) settle(ctx context.Context) error {
	published := s.report.Apply != nil && s.report.Apply.Counts[apply.Done] > 0
	for _, resumed := range s.report.Resumed {
		published = published || resumed.Counts[apply.Done] > 0
	}
	if !published {
		return nil
	}
	s.Events.Stage("wait for the clock", 0)
	return pipeline.Sleep(ctx, digest.Settled)
}
