package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/stages/scan"
	"deployconstants/xtc/ledger"
)

// scanFlags say what is read.
var scanFlags = []cli.Flag{
	&cli.BoolFlag{Name: "prefer-smd", Usage: "read smalldata files where there are any, not only where the big ones are gone"},
	&cli.DurationFlag{Name: "settle", Usage: "files younger than `DURATION`, such as 2m, are still being written"},
}

func scanCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:  "scan",
		Usage: "read the headers of new and changed runs into the ledger",
		Description: "Finds experiments and runs below the data roots. Files that are known and unchanged are not opened;\n" +
			"runs whose files have left the disk stay known; runs still being written are taken next time.\n\n" +
			"Examples:\n" +
			"   deploy_constants scan\n" +
			"   deploy_constants scan --instrument XPP -e 'xppl*' --since 2024\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 3 some things could not be read, 10 a data root is\n" +
			"   missing or empty, 130/143 signalled: what was read is recorded",
		Flags: everyBatchFlag(append([]cli.Flag{
			experimentsFlag, instrumentsFlag, runsFlag, sinceFlag, untilFlag, workersFlag, progressFlag, manifestFlag,
		}, scanFlags...)...),
		Action: func(c *cli.Context) error { return scanFacility(env, c) },
	}
}

// scanOptions are those of a scan of what the flags select.
func (w *workplace) scanOptions(records *ledger.Ledger) (scan.Options, error) {
	catalog, err := w.catalog()
	if err != nil {
		return scan.Options{}, err
	}
	o := scan.Options{
		Catalog: catalog, Ledger: records, PreferSmall: w.PreferSmall, Settle: w.Batch.Settle,
		Workers: w.Batch.Workers, Drain: w.drain, Now: w.env.Now,
	}
	o.Filter, err = w.filter(w.selection)
	return o, err
}

func scanFacility(env Env, c *cli.Context) error {
	if c.NArg() > 0 {
		return usageErrorf("unexpected argument %q; select with options", c.Args().First())
	}
	w, progress, err := openWatched(env, c)
	if err != nil {
		return err
	}
	defer progress.Close()
	progress.Stage("read the ledger", 0)
	records, index, err := w.openLedger(env.patient)
	if err != nil {
		return err
	}
	o, err := w.scanOptions(records)
	if err != nil {
		return err
	}
	out, err := openManifest(c)
	if err != nil {
		return err
	}
	progress.Stage("scan", 0)
	show := scanEvents(progress, false)
	result, err := scan.Scan(env.patient, o, index, func(e scan.Event) {
		show(e)
		out.scan(e)
	})
	progress.Close()
	err = errors.Join(err, out.close())
	w.tellUnmatched(w.selection, result.Experiments)
	if err != nil && result.Experiments == 0 && !c.Bool("json") { // "no runs" would be no answer
		return err
	}
	return errors.Join(printScan(env.Stdout, result, c.Bool("json")), cmp.Or(err, scanStatus(result)))
}

// scanEvents shows what a scan is doing, and, unless it is to be quiet, what it
// comes upon.
func scanEvents(progress *ui.Progress, quiet bool) func(scan.Event) {
	return func(e scan.Event) {
		switch e.Kind {
		case scan.Listed:
			progress.Grow(e.Total)
		case scan.Read:
			progress.Add(1, 0)
		case scan.Trouble:
			if e.Problem.Kind != scan.Writing && !quiet {
				progress.Print(fmt.Sprintf("%s: warning: %s\n", program, oneLine(e.Problem.String())))
			}
		}
	}
}

func printScan(out io.Writer, r scan.Result, asJSON bool) error {
	if asJSON {
		return printJSON(out, documentOfScan(r))
	}
	_, err := fmt.Fprintln(out, describeScan(r))
	return err
}

// describeScan is one line about a scan.
func describeScan(r scan.Result) string {
	text := fmt.Sprintf("%s, %s: %d new, %d changed, %d unchanged",
		ui.Count(r.Experiments, "experiment"), ui.Count(r.New+r.Changed+r.Unchanged+r.Pending+r.Failed+r.Gone, "run"), r.New, r.Changed, r.Unchanged)
	for _, more := range []struct {
		n    int
		what string
	}{
		{r.Damaged, "damaged"}, {r.Pending, "still being written"}, {r.Failed, "not readable"}, {r.Gone, "gone from disk"}, {r.Offline, "never read, offline"},
	} {
		if more.n > 0 {
			text += fmt.Sprintf(", %d %s", more.n, more.what)
		}
	}
	return fmt.Sprintf("%s; %s, %d opened", text, ui.Count(r.Listed, "file"), r.Opened)
}

// scanStatus is the error of a scan that could not read everything; a missing root
// has ended it with an error of its own.
func scanStatus(r scan.Result) error {
	failed := 0
	for _, p := range r.Problems {
		switch p.Kind {
		case scan.Unreadable, scan.Vanished, scan.Internal:
			failed++
		}
	}
	if failed > 0 {
		return partly("not everything could be read: problems %d; the next scan tries again", failed)
	}
	return nil
}
