package cli

import (
	"context"
	"slices"
	"strconv"

	"github.com/urfave/cli/v2"

	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/stages/explain"
	"deployconstants/stages/merge"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

func explainCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:  "explain",
		Usage: "say which constants a run gets, which were rejected, and why",
		Description: "Example:\n   deploy_constants explain -e xpptut15 -r 260 -d XcsEndstation.0:Epix100a.1 -C gain\n\n" +
			"The run is taken from the ledger, or, if it is not known there, from its XTC files. What merge -D\n" +
			"would make counts for runs of the ledger, see docs/panels.md.\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 10 no repository",
		Flags: everyBatchFlag(
			&cli.StringFlag{Name: "exp", Aliases: []string{"e"}, Usage: "`EXP`, experiment name"},
			&cli.StringFlag{Name: "run", Aliases: []string{"r"}, Usage: "`RUN` number"},
			&cli.StringFlag{Name: "det", Aliases: []string{"d"}, Usage: "`DET`, full name or alias of the detector"},
			&cli.StringFlag{Name: "ctype", Aliases: []string{"C"}, Value: "gain", Usage: "calibration type `CTYPE`"},
			&cli.StringFlag{Name: "dirrepo", Aliases: []string{"o"}, Usage: repositoryFlag.Usage},
		),
		Action: func(c *cli.Context) error { return explainChoice(env, c) },
	}
}

func explainChoice(env Env, c *cli.Context) error {
	o := explain.Options{Experiment: c.String("exp"), Detector: c.String("det"), CType: c.String("ctype")}
	if c.NArg() > 0 || o.Experiment == "" || o.Detector == "" || c.String("run") == "" {
		return usageErrorf("name experiment, run and detector with -e, -r and -d")
	}
	if err := checkExperiment(o.Experiment); err != nil {
		return usageErrorf("%w", err)
	}
	number, err := strconv.ParseUint(c.String("run"), 10, 31)
	if err != nil {
		return usageErrorf("option -r: %q is not a run number", c.String("run"))
	}
	o.Run = int(number)
	if _, err := repo.ParseCType(o.CType); err != nil {
		return usageErrorf("option -C: %w", err)
	}
	w, err := openWorkplace(env, c)
	if err != nil {
		return err
	}
	var explanation explain.Explanation
	err = w.withSnapshot(c.Context, func(ctx context.Context, at resolution) (err error) {
		if o.Catalog, err = w.catalog(); err != nil {
			return err
		}
		deployed, err := w.store.Deployed(ctx)
		if err != nil {
			return err
		}
		o.Index, o.Digests, o.Owner, o.Zone = at.index, at.digests, deployed, w.Zone
		ctypes, err := deployedNames([]string{o.CType})
		if err != nil {
			return err
		}
		e, known := at.index.Experiment(o.Experiment)
		var filter ledger.Filter
		if known && slices.Contains(e.Numbers(), o.Run) { // what is merged for others is not for this run
			filter.Experiments = []string{o.Experiment}
		}
		if o.Snapshot, err = at.foresee(filter, ctypes)(ctx, at.snapshot, resolve.Change{}); err != nil {
			return err
		}
		if known {
			if o.CalibDir, err = w.calibDir(e); err != nil {
				return err
			}
		}
		explanation, err = explain.Explain(ctx, o)
		return err
	})
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(env.Stdout, explanation)
	}
	return explanation.Print(env.Stdout)
}

// A resolution is what it takes to say which constants are valid for known runs.
type resolution struct {
	index    *ledger.Index
	snapshot *resolve.Snapshot
	digests  *digest.Cache
	foresee  func(runs ledger.Filter, ctypes []string) foresee // for these runs; all ctypes if none are named
}

// foresee says what will be merged after a change, of which the listing is.
type foresee = func(context.Context, *resolve.Snapshot, resolve.Change) (*resolve.Snapshot, error)

// withSnapshot lets use look at the ledger and the repository.
func (w *workplace) withSnapshot(ctx context.Context, use func(context.Context, resolution) error) error {
	_, index, err := w.openLedger(ctx)
	if err != nil {
		return err
	}
	repository, err := w.readRepository()
	if err != nil {
		return err
	}
	defer repository.Close()
	digests, err := w.openDigests()
	if err != nil {
		return err
	}
	defer w.saveDigests(ctx, digests)
	snapshot, err := resolve.Load(ctx, repository, resolve.Options{Pool: w.workers()})
	if err != nil {
		return err
	}
	trusted, err := w.trusted()
	if err != nil {
		return err
	}
	foreseen := func(runs ledger.Filter, ctypes []string) foresee {
		return func(ctx context.Context, s *resolve.Snapshot, ch resolve.Change) (*resolve.Snapshot, error) {
			return merge.Foresee(ctx, merge.Options{
				Filter: runs, CTypes: ctypes, Repository: repository, Digests: digests, Zone: w.Zone, Pipeline: w.workers(),
				TrustedOwners: trusted, Change: ch,
			}, index, s)
		}
	}
	return use(ctx, resolution{index, snapshot, digests, foreseen})
}

// deployedNames are psana's names of calibration types as typed.
func deployedNames(typed []string) ([]string, error) {
	var names []string
	for _, name := range typed {
		ctype, err := repo.ParseCType(name)
		if err != nil {
			return nil, usageErrorf("option -C: %w", err)
		}
		names = append(names, string(ctype.Deployed()))
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
