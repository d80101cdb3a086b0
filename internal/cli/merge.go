package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/stages/merge"
	"deployconstants/stages/plan"
)

func mergeCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:  "merge",
		Usage: "make the constants that are merged: those of detectors of many panels, and status_extra",
		Description: "For every run of the ledger with an Epix10ka, Epix10kaQuad, Epix10ka2M or Jungfrau, the constants\n" +
			"of its panels in the repository are merged into one file of the detector, and the status words of\n" +
			"every detector's status_* directories into one of status_extra; plan finds these files then.\n" +
			"Without -D it says what it would merge. sweep -D does it before its plan. docs/panels.md has the rules.\n\n" +
			"Examples:\n" +
			"   deploy_constants merge\n" +
			"   deploy_constants merge -C status_extra -D\n" +
			"   deploy_constants merge -e 'xcsl*' --type epix10kaquad -C pedestals -D\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 3 some merges failed,\n" +
			"   4 merges are pending (with --detailed-exitcode), 10 no repository",
		Flags: everyBatchFlag(
			&cli.BoolFlag{Name: "deploy", Aliases: []string{"D"}, Usage: "write the merged constants to the repository"},
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "print also merges that are there"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 4 if merges are pending"},
			experimentsFlag, instrumentsFlag, sourcesFlag, typesFlag, ctypesFlag, repositoryFlag,
			workersFlag, progressFlag,
		),
		Action: func(c *cli.Context) error { return mergeConstants(env, c) },
	}
}

// mergeDocument is what `merge --json` prints.
type mergeDocument struct {
	merge.Summary
	Merges []merge.Item `json:"merges"`
}

func mergeConstants(env Env, c *cli.Context) error {
	if c.NArg() > 0 {
		return usageErrorf("unexpected argument %q; select with options", c.Args().First())
	}
	w, progress, err := openWatched(env, c)
	if err != nil {
		return err
	}
	defer progress.Close()
	document := mergeDocument{Merges: []merge.Item{}}
	document.Summary, err = w.merge(env.patient, progress, c.Bool("deploy"), func(item merge.Item) error {
		document.Merges = append(document.Merges, item)
		return nil
	})
	progress.Close()
	if err != nil {
		return err
	}
	if err := w.printMerges(document, c.Bool("json"), c.Bool("all")); err != nil {
		return err
	}
	switch failed, pending := document.Counts[merge.Failed], document.Waiting(); {
	case failed > 0:
		return partly("merges that failed: %d", failed)
	case c.Bool("detailed-exitcode") && pending > 0:
		return &statusError{status: statusPending, err: fmt.Errorf("merges are pending: %d", pending)}
	}
	return nil
}

// merge opens what a merge needs, and runs it.
func (w *workplace) merge(ctx context.Context, progress *ui.Progress, write bool, sink func(merge.Item) error) (summary merge.Summary, err error) {
	progress.Stage("read the ledger", 0)
	index, err := w.knownLedger(ctx)
	if err != nil {
		return summary, err
	}
	open := w.readRepository
	if write {
		open = w.writeRepository
	}
	repository, err := open()
	if err != nil {
		return summary, err
	}
	defer repository.Close()
	digests, err := w.openDigests()
	if err != nil {
		return summary, err
	}
	defer w.saveDigests(ctx, digests)
	o, err := w.planOptions(repository, digests, nil)
	if err != nil {
		return summary, err
	}
	progress.Stage("merge", 0)
	merging := w.mergeOptions(o)
	merging.Write = write
	return merge.Merge(ctx, merging, index, sink)
}

// mergeOptions merge what a plan asks for; nothing is written.
func (w *workplace) mergeOptions(o plan.Options) merge.Options {
	return merge.Options{
		Filter: o.Filter, CTypes: o.CTypes, Repository: o.Repository, Digests: o.Digests, Zone: o.Zone,
		Pipeline: w.workers(), TrustedOwners: o.TrustedOwners,
	}
}

// printMerges shows merges on stdout.
func (w *workplace) printMerges(document mergeDocument, json, all bool) error {
	if json {
		return printJSON(w.env.Stdout, document)
	}
	for _, item := range document.Merges {
		text := describeMerge(item)
		if text == "" && (all || item.Action == merge.Made || item.Action == merge.Pending) {
			text = fmt.Sprintf("%s: %s (of %s%s)", item.Action, nameOfMerge(item), ui.Count(item.Tables, "file"), defaults(item))
		}
		if text == "" {
			continue
		}
		if _, err := fmt.Fprintln(w.env.Stdout, oneLine(text)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w.env.Stdout, "%s whose constants are merged: %s\n", ui.Count(document.Detectors, "detector"), countsOfMerges(document.Counts))
	return err
}

// defaults tells how many gains of panels are filled.
func defaults(item merge.Item) string {
	if len(item.Filled) == 0 {
		return ""
	}
	return ", " + ui.Count(len(item.Filled), "default")
}

// describeMerge says what a person should see of a merge; "": nothing.
func describeMerge(item merge.Item) string {
	switch item.Action {
	case merge.Incomplete, merge.Blocked, merge.Failed, merge.Stale, merge.Withdrawn:
		return fmt.Sprintf("%s: %s: %s", item.Action, nameOfMerge(item), item.Reason)
	}
	return ""
}

// nameOfMerge is the file, or what is known of it.
func nameOfMerge(item merge.Item) string {
	if item.Path != "" {
		return item.Path
	}
	const most = 80
	id := item.ID
	if len(id) > most {
		id = id[:most] + "..."
	}
	return strings.TrimSpace(strings.Join([]string{item.Type, id, item.CType, item.Stamp}, " "))
}

// countsOfMerges shows how many merges of each kind there are.
func countsOfMerges(counts map[merge.Action]int) string {
	return countsOf(merge.Actions(), counts, "nothing to merge")
}
