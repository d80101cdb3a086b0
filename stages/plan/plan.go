package plan

import (
	"context"
	"errors"

	"deployconstants/jobs/planfile"
	"deployconstants/pipeline"
	"deployconstants/repo/calibdir"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// Plan compares the ledger, the repository and the calib directories, and hands
// every item of the plan to sink, in the order of planfile.Compare. Nothing is
// changed. Experiments are worked on by o.Pipeline.Workers at a time; the items do
// not depend on their number. Sink is called by one goroutine.
//
// What goes wrong with an experiment or a directory is an item of action
// planfile.Error. Errors: ErrRuns, ErrOptions, those of the filter and of ctypes;
// what sink returns; pipeline.ErrNotAttempted. The summary is that of the items
// handed over, beside an error too.
func Plan(ctx context.Context, o Options, index *ledger.Index, snapshot *resolve.Snapshot, sink func(planfile.Item) error) (Summary, error) {
	o, err := o.applyDefaults()
	summary := Summary{Counts: map[planfile.Action]int{}}
	if err != nil {
		return summary, err
	}
	p := &planner{Options: o, index: index, snapshot: snapshot}
	if p.shared, err = p.sharedDirs(ctx); err != nil {
		return summary, err
	}
	registered := map[resolve.Key]bool{}
	err = pipeline.Run(ctx, o.Pipeline, p.names, p.experiment, func(r pipeline.Result[string, experimentPlan]) error {
		if r.Err != nil {
			if ctx.Err() != nil {
				return errors.Join(pipeline.ErrNotAttempted, context.Cause(ctx))
			}
			r.Out = experimentPlan{items: []planfile.Item{failed(r.Item, r.Err)}}
		}
		summary.Experiments++
		summary.Directories += r.Out.directories
		summary.Decisions += r.Out.decisions
		for _, item := range r.Out.items {
			if item.Kind == planfile.KindPanel && item.Action != planfile.Error {
				key := resolve.Key{Type: item.Type, ID: item.ID, IsName: item.IDIsName}
				if registered[key] {
					continue
				}
				registered[key] = true
			}
			if item.Action != "" {
				summary.Counts[item.Action]++
			}
			summary.Warnings += len(item.Warnings)
			if err := sink(item); err != nil {
				return err
			}
		}
		return nil
	})
	return summary, err
}

// failed is an experiment that could not be planned.
func failed(experiment string, err error) planfile.Item {
	return planfile.Item{Kind: planfile.KindExperiment, Action: planfile.Error, Experiment: experiment, Reason: visible(err.Error())}
}

// A planner plans experiments. It is safe for concurrent use.
type planner struct {
	Options
	index    *ledger.Index
	snapshot *resolve.Snapshot
	hashes   hashes
	shared   map[string]string // experiments whose calib directory another one has too, and which
}

// names emits the experiments of the plan.
func (p *planner) names(_ context.Context, emit func(string) error) error {
	for _, name := range p.index.Experiments() {
		e, _ := p.index.Experiment(name)
		if !p.Filter.MatchExperiment(e.Instrument(), name) {
			continue
		}
		if err := emit(name); err != nil {
			return err
		}
	}
	return nil
}

// sharedDirs finds the experiments of the plan that have one calib directory.
func (p *planner) sharedDirs(ctx context.Context) (map[string]string, error) {
	identify := func(_ context.Context, name string) (string, error) {
		e, _ := p.index.Experiment(name)
		dir, err := p.CalibDir(e)
		if err != nil {
			return "", nil // told with the experiment
		}
		return calibdir.Identity(dir), nil
	}
	shared, first := map[string]string{}, map[string]string{}
	err := pipeline.Run(ctx, p.Pipeline, p.names, identify, func(r pipeline.Result[string, string]) error {
		if r.Err != nil || r.Out == "" {
			return nil
		}
		if other, known := first[r.Out]; known {
			shared[r.Item] = other
			if _, told := shared[other]; !told {
				shared[other] = r.Item
			}
			return nil
		}
		first[r.Out] = r.Item
		return nil
	})
	return shared, err
}

// An experimentPlan is the items of one experiment, in order.
type experimentPlan struct {
	items       []planfile.Item
	directories int
	decisions   int
}
