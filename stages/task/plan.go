package task

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/jobs/jobdir"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/stages/apply"
	"deployconstants/stages/merge"
	"deployconstants/stages/plan"
	"deployconstants/stages/shard"
	"deployconstants/stages/sweep"
	"deployconstants/xtc/ledger"
)

// PlanOptions say how the plan of a job is made. All are mandatory.
type PlanOptions struct {
	Job   *jobdir.Job
	Sweep sweep.Options // State, Ledger, Store, Digests, Resolve, Plan, Verify.Filter, Header, Apply, Events

	// CalibDir returns the calib directory of an experiment by the settings.
	CalibDir func(*ledger.Experiment) (string, error)

	Each time.Duration // so long should a task of the later steps take
	Now  func() time.Time
}

// Planned is what the step came to: the extra of its result.
type Planned struct {
	Segments    int            `json:"segments"` // of the ledger, with what the job's scan recorded
	Ledger      ledger.Stats   `json:"ledger"`
	Merge       *merge.Summary `json:"merge,omitempty"` // nil: no detector has constants that are merged
	Plan        plan.Summary   `json:"plan"`
	Transaction string         `json:"transaction,omitempty"` // "": there is nothing to do, or nothing is to be done
	Resumed     []apply.Result `json:"resumed,omitempty"`
	Unfinished  []string       `json:"unfinished,omitempty"`
}

// origin is that of the transactions of a job.
func origin(job *jobdir.Job) string { return "job " + job.ID() }

// Plan publishes the records of the job's scan, makes the plan, or takes the one that
// the job was given, begins its transaction, registers the panels that are new, and cuts
// the steps that follow. It may be interrupted anywhere and called again: there is one
// transaction of a job.
func Plan(ctx context.Context, a *jobdir.Attempt, o PlanOptions) error {
	p := planning{PlanOptions: o}
	if err := p.run(ctx); err != nil {
		return err
	}
	return a.Publish(o.Now(), p.planned)
}

// planning is the step under way.
type planning struct {
	PlanOptions
	planned Planned
	index   *ledger.Index
	digest  string // of the plan, SHA-256
}

func (p *planning) run(ctx context.Context) (err error) {
	spec := p.Job.Spec()
	if spec.Has(jobdir.Scan) {
		if p.planned.Segments, err = PublishRecords(ctx, p.Job, p.Sweep.Ledger); err != nil {
			return err
		}
		if err := sweep.Compact(ctx, p.Sweep); err != nil {
			return err
		}
	}
	if p.index, err = p.Sweep.Ledger.Load(ctx); err != nil {
		return err
	}
	p.planned.Ledger = p.index.Stats()
	begun, err := p.chosen()
	if err == nil && !begun {
		err = p.begin(ctx)
	}
	if err != nil || !spec.Deploy {
		return err
	}
	if p.planned.Transaction != "" {
		applying, err := p.Sweep.Apply(p.index)
		if err != nil {
			return err
		}
		if err := apply.Register(ctx, applying, p.planned.Transaction); err != nil && !errors.Is(err, tx.ErrFinished) {
			return err
		}
	}
	return p.cut(ctx, p.planned.Transaction)
}

// PublishRecords adds what the scan of a job recorded to the ledger of the facility,
// once, and returns how many segments that took. The error is a *WaitError while
// shards have no result.
func PublishRecords(ctx context.Context, job *jobdir.Job, records *ledger.Ledger) (segments int, err error) {
	missing, err := job.Missing(jobdir.Scan)
	switch {
	case err != nil:
		return 0, err
	case len(missing) > 0:
		return 0, &WaitError{Step: jobdir.Scan, Missing: missing}
	}
	own, err := ledger.Open(job.Ledger())
	if err != nil {
		return 0, err
	}
	from, err := own.Load(ctx)
	if err != nil {
		return 0, err
	}
	known, err := records.Load(ctx)
	if err != nil {
		return 0, err
	}
	_, segments, err = records.TakeOver(ctx, known, from)
	return segments, err
}

// chosenName is the file that says what was planned, and which transaction is the job's.
const chosenName = "plan/transaction.json"

// chosen takes over what an earlier attempt has planned and begun. It reports false if
// none has begun a transaction yet.
func (p *planning) chosen() (bool, error) {
	text, err := os.ReadFile(filepath.Join(p.Job.Dir(), chosenName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &p.planned)
	}
	if err == nil {
		err = tx.CheckID(p.planned.Transaction)
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", chosenName, err)
	}
	return true, nil
}

// begin makes the plan and begins the transaction, if there is something to do and it
// is to be done. Of two attempts that come here at once one is chosen.
func (p *planning) begin(ctx context.Context) (err error) {
	spec := p.Job.Spec()
	if spec.Kind == jobdir.ApplyJob {
		p.digest = spec.Plan
		err = p.summarize()
	} else {
		if spec.Deploy {
			if p.planned.Resumed, p.planned.Unfinished, err = sweep.GoOn(ctx, p.Sweep, p.index); err != nil {
				return err
			}
		}
		merging := p.Sweep
		merging.Deploy = spec.Deploy
		if p.planned.Merge, err = sweep.Merge(ctx, merging, p.index); err != nil {
			return err
		}
		err = p.makePlan(ctx)
	}
	if err != nil || p.planned.Plan.Changes() == 0 || !spec.Deploy {
		return err
	}
	own, err := p.beginOrFind(ctx)
	if err != nil {
		return err
	}
	p.planned.Transaction = own
	p.planned.Unfinished = slices.DeleteFunc(p.planned.Unfinished, func(id string) bool { return id == own })
	text, err := json.Marshal(p.planned)
	if err != nil {
		return err
	}
	if err = p.Job.PublishOnce(chosenName, bytes.NewReader(append(text, '\n'))); errors.Is(err, atomicfile.ErrExists) {
		if _, err = p.chosen(); err == nil && p.planned.Transaction != own {
			err = p.giveUp(ctx, own)
		}
	}
	return err
}

// beginOrFind begins the transaction of the plan, or finds the one that an attempt began
// which was cut short before it could say so.
func (p *planning) beginOrFind(ctx context.Context) (id string, err error) {
	all, err := p.Sweep.Store.List(ctx)
	if err != nil {
		return "", err
	}
	for _, one := range all {
		if one.Origin == origin(p.Job) && one.Status == tx.Incomplete && one.Plan == p.digest {
			return one.ID, nil
		}
	}
	applying, err := p.Sweep.Apply(p.index)
	if err != nil {
		return "", err
	}
	applying.Origin = origin(p.Job)
	file, err := os.Open(p.Job.PlanFile())
	if err != nil {
		return "", err
	}
	defer file.Close() // only read
	return apply.Begin(ctx, applying, file)
}

// giveUp ends a transaction in whose place another was chosen.
func (p *planning) giveUp(ctx context.Context, id string) error {
	t, err := p.Sweep.Store.Resume(ctx, id)
	if err != nil {
		return err
	}
	return t.Finish(tx.Result{Note: "another attempt at the job began one first"})
}

func (p *planning) makePlan(ctx context.Context) (err error) {
	var text bytes.Buffer
	if p.planned.Plan, err = sweep.Plan(ctx, p.Sweep, p.index, &text); err != nil {
		return err
	}
	p.digest, err = p.Job.Publish("plan.jsonl.zst", &text)
	return err
}

// summarize counts what the plan that the job was given has.
func (p *planning) summarize() error {
	file, err := os.Open(p.Job.PlanFile())
	if err != nil {
		return err
	}
	defer file.Close() // only read
	reader, err := planfile.NewReader(file, planfile.Limits{})
	if err != nil {
		return err
	}
	defer reader.Close()
	for _, err := range reader.Items() {
		if err != nil {
			return err
		}
	}
	s := reader.Summary()
	p.planned.Plan = plan.Summary{Experiments: s.Experiments, Directories: s.Directories, Counts: s.Counts}
	return nil
}

// cut cuts the steps that follow, into no more shards than there are tasks for.
func (p *planning) cut(ctx context.Context, id string) error {
	spec := p.Job.Spec()
	var shards []jobdir.Shard
	if id != "" {
		work, err := withPlan(p, id, func(plan io.Reader) ([]jobdir.Work, error) { return shard.Apply(plan, p.place) })
		if err != nil {
			return err
		}
		shards = shard.Cut(work, p.Each, spec.Tasks[jobdir.Apply])
		if _, err := withPlan(p, id, func(plan io.Reader) (struct{}, error) { return struct{}{}, shard.Split(plan, shards) }); err != nil {
			return err
		}
	}
	if _, err := p.Job.Cut(jobdir.Apply, id, shards); err != nil {
		return err
	}
	deployed, err := p.Sweep.Store.Deployed(ctx)
	if err != nil {
		return err
	}
	of := func(experiment string) (string, error) {
		e, known := p.index.Experiment(experiment)
		if !known {
			return "", fmt.Errorf("experiment %s is not in the ledger", experiment)
		}
		return p.CalibDir(e)
	}
	var work []jobdir.Work
	if id == "" {
		work, err = shard.Verify(deployed, p.Sweep.Verify.Filter, nil, of)
	} else {
		work, err = withPlan(p, id, func(plan io.Reader) ([]jobdir.Work, error) {
			return shard.Verify(deployed, p.Sweep.Verify.Filter, plan, of)
		})
	}
	if err != nil {
		return err
	}
	_, err = p.Job.Cut(jobdir.Verify, id, shard.Cut(work, p.Each, spec.Tasks[jobdir.Verify]))
	return err
}

func withPlan[T any](p *planning, id string, do func(io.Reader) (T, error)) (result T, err error) {
	file, err := p.Sweep.Store.Plan(id) // which is pinned
	if err != nil {
		return result, err
	}
	defer file.Close() // only read
	return do(file)
}

func (p *planning) place(experiment string) (instrument, dir string, err error) {
	e, known := p.index.Experiment(experiment)
	if !known {
		return "", "", nil // apply leaves it alone, and says so
	}
	return e.Instrument(), e.Dir(), nil
}
