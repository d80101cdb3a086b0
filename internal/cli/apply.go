package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"deployconstants/jobs/planfile"
	"deployconstants/repo"
	"deployconstants/repo/content"
	"deployconstants/stages/apply"
	"deployconstants/stages/manifest"
)

// limitFlags bound the damage that a mistake can do.
var limitFlags = []cli.Flag{
	&cli.IntFlag{Name: "max-changes", Usage: "refuse a plan with more than `N` changes"},
	&cli.Float64Flag{Name: "max-replace-percent", Usage: "refuse a plan that replaces more than `P` percent of the deployed files"},
	&cli.StringFlag{Name: "waves", Usage: "`LIST` such as 1,1%,100%: so many experiments first, verified before the next"},
	&cli.BoolFlag{Name: "no-undo", Usage: "replace files also where their previous content cannot be kept"},
}

func applyCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "apply", ArgsUsage: "PLAN", Usage: "carry a plan out as one transaction",
		Description: "Every target and every constants file is looked at again just before it is published; what moved\n" +
			"since the plan is skipped and reported. The transaction can be undone, and resumed if it is\n" +
			"interrupted. docs/transactions.md says how.\n\n" +
			"Examples:\n" +
			"   deploy_constants apply gain.plan.jsonl.zst\n" +
			"   deploy_constants apply --waves 1,1%,100% --max-replace-percent 5 gain.plan.jsonl.zst\n" +
			"   deploy_constants apply --resume 20261124T021500Z-7f3a09c1\n\n" +
			"EXIT STATUS: 0 done, 1 failed or stopped after a wave, 2 wrong command line, 3 some items were skipped\n" +
			"   or failed, 10 no repository, 11 all was locked by others, 130/143 signalled: resume it",
		Flags: everyBatchFlag(append([]cli.Flag{
			&cli.StringFlag{Name: "resume", Usage: "go on with transaction `TX`"},
			&cli.StringFlag{Name: "dirrepo", Usage: repositoryFlag.Usage},
			workersFlag, progressFlag, manifestFlag,
		}, limitFlags...)...),
		Action: func(c *cli.Context) error { return applyPlan(env, c) },
	}
}

func applyPlan(env Env, c *cli.Context) error {
	resume := c.String("resume")
	if (c.NArg() == 1) == (resume != "") || c.NArg() > 1 {
		return usageErrorf("name one plan, or a transaction with --resume")
	}
	w, progress, err := openWatched(env, c)
	if err != nil {
		return err
	}
	defer progress.Close()
	index, err := w.knownLedger(c.Context)
	if err != nil {
		return err
	}
	repository, err := w.writeRepository()
	if err != nil {
		return err
	}
	defer repository.Close()
	o, err := w.applyOptions(ledgerPlaces(index), repository)
	if err != nil {
		return err
	}
	out := newOutcomePrinter(env.Stdout, c.Bool("json"))
	if out.manifest, err = openManifest(c); err != nil {
		return err
	}
	o.Events = func(outcome apply.Outcome) {
		progress.Add(1, failures(outcome))
		out.outcome(outcome)
	}
	progress.Stage("apply", 0)
	var result apply.Result
	if resume != "" {
		result, err = apply.Resume(env.patient, o, resume)
	} else {
		result, err = w.applyFile(env.patient, o, c.Args().First())
	}
	progress.Close()
	return out.finish(result, errors.Join(err, out.manifest.close()))
}

func (w *workplace) applyFile(ctx context.Context, o apply.Options, name string) (apply.Result, error) {
	file, err := os.Open(name)
	if err != nil {
		return apply.Result{}, err
	}
	defer file.Close()
	if info, err := file.Stat(); err == nil && !info.Mode().IsRegular() {
		return apply.Result{}, fmt.Errorf("%s is not a regular file, and so no plan", name)
	}
	result, err := apply.Apply(ctx, o, file)
	if format, ok := errors.AsType[*planfile.FormatError](err); ok {
		err = fmt.Errorf("%s: %w", name, format)
	}
	return result, err
}

// judgeOf lets limits judge the constants of an item.
func judgeOf(limits content.Limits) func(context.Context, planfile.Item, io.Reader, io.Reader) error {
	return func(ctx context.Context, item planfile.Item, constants, deployed io.Reader) error {
		detType, err := repo.TypeNamed(item.Type)
		if err != nil {
			return err
		}
		return limits.Check(ctx, content.Subject{Type: detType, CType: repo.CType(item.CType)}, constants, deployed)
	}
}

func undoCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "undo", ArgsUsage: "TX", Usage: "take a transaction back, to the byte",
		Description: "Restores bytes, mode, group, access control list and time of what was replaced, and removes what\n" +
			"was created. What changed since is left alone and reported. Trees and aliases that the\n" +
			"transaction made in the repository stay.\n\n" +
			"Examples:\n" +
			"   deploy_constants undo -n 20261124T021500Z-7f3a09c1\n" +
			"   deploy_constants undo -e xpptut15 20261124T021500Z-7f3a09c1\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 3 some files were left alone, 11 locked by others,\n" +
			"   130/143 signalled: call it again",
		Flags: everyBatchFlag(
			&cli.StringSliceFlag{Name: "experiment", Aliases: []string{"e"}, Usage: "only of experiment `EXP`; may be repeated"},
			&cli.BoolFlag{Name: "force", Usage: "also of files that changed since"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "say what would be done"},
			workersFlag, progressFlag,
		),
		Action: func(c *cli.Context) error { return undo(env, c) },
	}
}

func undo(env Env, c *cli.Context) error {
	if c.NArg() != 1 {
		return usageErrorf("name one transaction; deploy_constants history lists them")
	}
	w, progress, err := openWatched(env, c)
	if err != nil {
		return err
	}
	defer progress.Close()
	index, err := w.knownLedger(c.Context)
	if err != nil {
		return err
	}
	o, err := w.applyOptions(ledgerPlaces(index), nil)
	if err != nil {
		return err
	}
	out := newOutcomePrinter(env.Stdout, c.Bool("json"))
	out.dryRun = c.Bool("dry-run")
	o.Events = func(outcome apply.Outcome) {
		progress.Add(1, failures(outcome))
		out.outcome(outcome)
	}
	progress.Stage("undo", 0)
	result, err := apply.Undo(env.patient, o, c.Args().First(), apply.UndoOptions{
		Experiments: c.StringSlice("experiment"), Force: c.Bool("force"), DryRun: out.dryRun,
	})
	progress.Close()
	return out.finish(result, err)
}

// An outcomePrinter shows what became of files and panels: a table of what was
// not done, a line at the end, or JSON lines of everything.
type outcomePrinter struct {
	out    io.Writer
	json   bool
	dryRun bool
	list   *list
	err    error // of the first line that could not be printed

	manifest *manifestFile // nil: none is kept
}

// newOutcomePrinter returns a printer for a command that changes files. A reader
// of its output who goes away must not kill it on the way: printing fails then.
func newOutcomePrinter(w io.Writer, asJSON bool) *outcomePrinter {
	signal.Ignore(syscall.SIGPIPE)
	return &outcomePrinter{out: w, json: asJSON}
}

func (p *outcomePrinter) outcome(o apply.Outcome) {
	line := manifest.OfOutcome(o)
	if p.manifest != nil {
		p.manifest.line(line)
	}
	if p.json {
		if p.err == nil {
			p.err = jsonLine(p.out, line)
		}
		return
	}
	path := line.Path
	if failures(o) == 0 && !p.dryRun {
		return
	}
	if p.list == nil {
		status := "STATUS"
		if p.dryRun {
			status = "WOULD BE"
		}
		p.list = newList(status, "ACTION", "FILE")
	}
	if path == "" {
		path = o.Experiment + " " + o.Item.Type + " " + o.Item.ID
	}
	p.list.row([]string{o.Cause}, o.Status, o.Action, path)
}

// failures counts an outcome that is not as it was asked for.
func failures(o apply.Outcome) int {
	switch o.Status {
	case apply.Skipped, apply.Locked, apply.Failed:
		return 1
	}
	return 0
}

// finish prints the result, and returns how the command ended.
func (p *outcomePrinter) finish(result apply.Result, err error) error {
	err = errors.Join(err, p.err)
	if result.ID == "" && err != nil {
		return err
	}
	switch {
	case p.json:
		err = errors.Join(err, jsonLine(p.out, struct {
			Message string `json:"message_type"`
			apply.Result
		}{"result", result}))
	default:
		if p.list != nil {
			err = errors.Join(err, p.list.write(p.out))
		}
		if _, printErr := fmt.Fprintln(p.out, describeResult(result, p.dryRun)); printErr != nil {
			err = errors.Join(err, printErr)
		}
	}
	bad := result.Counts[apply.Skipped] + result.Counts[apply.Failed] + result.Counts[apply.Locked]
	good := result.Counts[apply.Done] + result.Counts[apply.Adopted] + result.Counts[apply.Registered] + result.Counts[apply.Undone]
	switch {
	case err != nil && !result.Complete && !p.dryRun:
		return fmt.Errorf("%w; transaction %s is not finished: resume it with apply --resume, or undo it", err, result.ID)
	case err != nil:
		return err
	case result.Counts[apply.Locked] > 0 && good == 0:
		return &statusError{status: statusLocked, err: fmt.Errorf("locked by others: %s", strings.Join(result.Locked, ", "))}
	case bad > 0:
		return partly("not done: %d of %d; see above", bad, bad+good)
	}
	return nil
}

// describeResult is one line about a transaction.
func describeResult(r apply.Result, dryRun bool) string {
	var parts []string
	for _, status := range []apply.Status{
		apply.Done, apply.Adopted, apply.Registered, apply.Undone, apply.Skipped, apply.Locked, apply.Failed,
	} {
		if n := r.Counts[status]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", status, n))
		}
	}
	what := strings.Join(parts, ", ")
	if what == "" {
		return "nothing to do"
	}
	if dryRun {
		return "would be " + what
	}
	if r.ID == "" { // no transaction was needed
		return "nothing to do: all of it is taken back already"
	}
	return "transaction " + r.ID + ": " + what
}
