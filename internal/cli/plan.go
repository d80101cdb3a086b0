package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/jobs/planfile"
	"deployconstants/stages/merge"
	"deployconstants/stages/plan"
	"deployconstants/stages/resolve"
)

// selectionFlags say which experiments, detectors and constants a plan is about.
var selectionFlags = []cli.Flag{
	experimentsFlag, instrumentsFlag, sourcesFlag, typesFlag, ctypesFlag, repositoryFlag,
	&cli.StringSliceFlag{Name: "take-over", Usage: "make foreign files of experiment `EXP` ours; may be repeated"},
}

func planCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:  "plan",
		Usage: "say every change that calib directories need, and why; changes nothing",
		Description: "Compares what every known run needs with the constants of the repository and with what is\n" +
			"deployed. Scan first: the ledger says which runs there are. docs/plan.md explains the actions.\n\n" +
			"Examples:\n" +
			"   deploy_constants plan\n" +
			"   deploy_constants plan -e 'xpp*' --type epix100a -C gain -o gain.plan.jsonl.zst\n" +
			"   deploy_constants plan --json | jq -c 'select(.action == \"foreign\")'\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 3 something could not be looked at,\n" +
			"   4 changes are pending (with --detailed-exitcode), 10 no repository",
		Flags: everyBatchFlag(append([]cli.Flag{
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the plan to `FILE`, for apply"},
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "print also what is right, missing, or somebody else's"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 4 if changes are pending"},
			workersFlag, progressFlag,
		}, withoutShortO(selectionFlags)...)...),
		Action: func(c *cli.Context) error { return makePlan(env, c) },
	}
}

// withoutShortO leaves -o to the output of a plan: the repository has --dirrepo.
func withoutShortO(flags []cli.Flag) []cli.Flag {
	var kept []cli.Flag
	for _, flag := range flags {
		if flag == cli.Flag(repositoryFlag) {
			flag = &cli.StringFlag{Name: "dirrepo", Usage: repositoryFlag.Usage}
		}
		kept = append(kept, flag)
	}
	return kept
}

func makePlan(env Env, c *cli.Context) error {
	if c.NArg() > 0 {
		return usageErrorf("unexpected argument %q; select with options", c.Args().First())
	}
	w, progress, err := openWatched(env, c)
	if err != nil {
		return err
	}
	defer progress.Close()
	out := &planPrinter{out: env.Stdout, json: c.Bool("json"), all: c.Bool("all")}
	var summary planSummary
	if output := c.String("output"); output != "" {
		err = writeWhole(output, func(file io.Writer) error {
			summary, err = w.plan(env.patient, progress, file, out.item)
			return err
		})
	} else {
		summary, err = w.plan(env.patient, progress, io.Discard, out.item)
	}
	progress.Close()
	if err != nil {
		return err
	}
	if err := out.finish(summary); err != nil {
		return err
	}
	w.tellUnmatched(w.selection, summary.Experiments)
	if summary.Pending > 0 {
		w.warn(ui.Count(summary.Pending, "merge") + " pending, of which the plan does not know; merge -D first makes them")
	}
	if summary.unmerged > 0 {
		w.warn(ui.Count(summary.unmerged, "merge") + " cannot be made, and older or default constants count; merge says why")
	}
	switch {
	case summary.Counts[planfile.Error] > 0:
		return partly("the plan is not whole: things that could not be looked at: %d", summary.Counts[planfile.Error])
	case c.Bool("detailed-exitcode") && summary.Changes() > 0:
		return &statusError{status: statusPending, err: fmt.Errorf("changes are pending: %d", summary.Changes())}
	}
	return nil
}

// planSummary is what a plan amounts to, and what it does not know of.
type planSummary struct {
	plan.Summary
	Pending int `json:"pending_merges"` // that merge -D would make, or take out of use

	unmerged int // merges that fail
}

// plan makes the plan that the flags select, writes it to file, and hands its items
// to sink.
func (w *workplace) plan(ctx context.Context, progress *ui.Progress, file io.Writer, sink func(planfile.Item) error) (summary planSummary, err error) {
	progress.Stage("read the ledger", 0)
	index, err := w.knownLedger(ctx)
	if err != nil {
		return summary, err
	}
	repository, err := w.readRepository()
	if err != nil {
		return summary, err
	}
	defer repository.Close()
	digests, err := w.openDigests()
	if err != nil {
		return summary, err
	}
	defer w.saveDigests(ctx, digests)
	deployed, err := w.store.Deployed(ctx)
	if err != nil {
		return summary, err
	}
	o, err := w.planOptions(repository, digests, deployed)
	if err != nil {
		return summary, err
	}
	progress.Stage("list the repository", 0)
	merges, err := merge.Merge(ctx, w.mergeOptions(o), index, func(merge.Item) error { return nil })
	if err != nil {
		return summary, err
	}
	summary.Pending, summary.unmerged = merges.Waiting(), merges.Counts[merge.Failed]
	snapshot, err := resolve.Load(ctx, repository, resolve.Options{Pool: w.workers()})
	if err != nil {
		return summary, err
	}
	header, err := w.planHeader(o, snapshot.Digest(), index.Digest())
	if err != nil {
		return summary, err
	}
	writer, err := planfile.NewWriter(file, header)
	if err != nil {
		return summary, err
	}
	progress.Stage("plan", index.Stats().Experiments)
	last := ""
	summary.Summary, err = plan.Plan(ctx, o, index, snapshot, func(item planfile.Item) error {
		if item.Experiment != last {
			last = item.Experiment
			progress.Add(1, 0)
		}
		return errors.Join(writer.Write(item), sink(item))
	})
	if err != nil {
		return summary, err
	}
	return summary, writer.Close()
}

// planHeader says what a plan is made from.
func (w *workplace) planHeader(o plan.Options, repository, records [32]byte) (planfile.Header, error) {
	settings, err := w.fingerprint(o)
	return planfile.Header{
		Tool: program, Settings: settings, Zone: w.Zone.String(), RepositoryDir: o.Repository.Dir(),
		Repository: hex.EncodeToString(repository[:]), Ledger: hex.EncodeToString(records[:]),
	}, err
}

// writeWhole makes a file of what write writes, if that succeeds; else the file
// stays as it was.
func writeWhole(name string, write func(io.Writer) error) (err error) {
	if info, err := os.Lstat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s exists and is not a regular file; name another", name)
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), ".tmp-plan-*")
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("cannot make %s: %w", name, path.Err)
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	if err := errors.Join(write(temporary), temporary.Chmod(0o644), temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}

// A planPrinter shows a plan on stdout: a table of what changes or needs a person,
// or JSON lines.
type planPrinter struct {
	out   io.Writer
	json  bool
	all   bool
	items *list
}

func (p *planPrinter) item(item planfile.Item) error {
	if p.json {
		return jsonLine(p.out, planLine{"item", item})
	}
	if item.Kind == planfile.KindDirectory || !p.all && quiet(item) {
		return nil
	}
	if p.items == nil {
		p.items = newList("ACTION", "EXPERIMENT", "DETECTOR", "CTYPE", "FILE", "RUNS", "CONSTANTS")
	}
	runs, kind := "", ""
	switch {
	case item.Runs.Count == 1:
		runs = strconv.Itoa(item.Runs.First)
	case item.Runs.Count > 1:
		runs = fmt.Sprintf("%d-%d", item.Runs.First, item.Runs.Last)
	}
	if item.Constants != nil {
		kind = item.Constants.Kind
	}
	source, notes := item.Source, append([]string{item.Reason}, item.Warnings...)
	if item.Kind == planfile.KindPanel {
		source, notes = item.Type, append([]string{"id " + item.ID}, notes...)
	}
	p.items.row(notes, item.Action, item.Experiment, source, item.CType, item.Range, runs, kind)
	return nil
}

// planLine is a line of `plan --json`.
type planLine struct {
	Message string `json:"message_type"`
	planfile.Item
}

// quiet items are right, or nobody's concern: they are counted, not shown.
func quiet(item planfile.Item) bool {
	switch item.Action {
	case planfile.Unchanged, planfile.Missing, planfile.Foreign:
		return len(item.Warnings) == 0
	}
	return false
}

func (p *planPrinter) finish(summary planSummary) error {
	if p.json {
		return jsonLine(p.out, struct {
			Message string `json:"message_type"`
			planSummary
		}{"summary", summary})
	}
	if p.items != nil {
		if err := p.items.write(p.out); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(p.out, "%s in %s: %s\n", ui.Count(summary.Directories, "directory"),
		ui.Count(summary.Experiments, "experiment"), countsOfPlan(summary.Counts))
	return err
}

// countsOf writes counts of actions in the order of the documentation, those of none left
// out; nothing where there are none at all.
func countsOf[A ~string](actions []A, counts map[A]int, nothing string) string {
	var parts []string
	for _, action := range actions {
		if n := counts[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", action, n))
		}
	}
	if len(parts) == 0 {
		return nothing
	}
	return strings.Join(parts, ", ")
}

// countsOfPlan shows how many directories there are of each action.
func countsOfPlan(counts map[planfile.Action]int) string {
	return countsOf(planfile.Actions(), counts, "nothing to do")
}
