package cli

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/xtc/ledger"
)

// simpleStatus is what the help of a command says that either works or not.
const simpleStatus = "\n\nEXIT STATUS: 0 done, 1 failed, 2 wrong command line"

func ledgerCommand(env Env) *cli.Command {
	selection := []cli.Flag{experimentsFlag, instrumentsFlag, runsFlag, sinceFlag, untilFlag, sourcesFlag, typesFlag}
	on := func(act func(ledgerCall) error) cli.ActionFunc {
		return func(c *cli.Context) error {
			call, err := openLedgerCall(env, c)
			if err != nil {
				return err
			}
			return act(call)
		}
	}
	return &cli.Command{
		Name:  "ledger",
		Usage: "what the XTC headers said, once and for all",
		Description: "The ledger is a folder of Parquet files, which DuckDB and pandas read as they are;\n" +
			"docs/ledger.md has the columns.",
		Subcommands: []*cli.Command{
			{
				Name: "ls", Usage: "list the segments, and what they hold together",
				Description: "Example:\n   deploy_constants ledger ls" + simpleStatus,
				Flags:       everyBatchFlag(), Action: on(ledgerCall.list),
			},
			{
				Name: "show", Usage: "print the known runs with their detectors",
				Description: "Example:\n   deploy_constants ledger show -e xpptut15 --runs 250-270" + simpleStatus,
				Flags:       everyBatchFlag(selection...), Action: on(ledgerCall.show),
			},
			{
				Name: "compact", Usage: "merge the segments into one",
				Description: "Drops records that a later one superseded. Readers and writers may be at work meanwhile; a sweep\n" +
					"does it by itself above 64 segments.\n\n" +
					"Example:\n   deploy_constants ledger compact" + simpleStatus,
				Flags: everyBatchFlag(), Action: on(ledgerCall.compact),
			},
			{
				Name: "export", Usage: "write the current records to stdout",
				Description: "Example:\n   deploy_constants ledger export --format csv --type epix100a > epix100a.csv" + simpleStatus,
				Flags: everyBatchFlag(append([]cli.Flag{
					&cli.StringFlag{Name: "format", Value: "jsonl", Usage: "`FORMAT`: csv, jsonl, parquet"},
				}, selection...)...),
				Action: on(ledgerCall.export),
			},
		},
	}
}

// ledgerCall is a subcommand at an open ledger.
type ledgerCall struct {
	*cli.Context
	site   site
	ledger *ledger.Ledger
	filter ledger.Filter
	out    io.Writer
}

func openLedgerCall(env Env, c *cli.Context) (ledgerCall, error) {
	if c.NArg() > 0 {
		return ledgerCall{}, usageErrorf("unexpected argument %q", c.Args().First())
	}
	site, err := openBatchSite(env, c)
	if err != nil {
		return ledgerCall{}, err
	}
	filter, err := site.filter(selectionOf(c))
	if err != nil {
		return ledgerCall{}, err
	}
	state, err := site.namedState()
	if err != nil {
		return ledgerCall{}, err
	}
	records, err := ledger.Open(state.Ledger())
	return ledgerCall{Context: c, site: site, ledger: records, filter: filter, out: env.Stdout}, err
}

// ledgerListing is what `ledger ls --json` prints.
type ledgerListing struct {
	Dir string `json:"dir"`
	ledgerDocument
	Segments []ledgerSegment `json:"segments"`
}

type ledgerSegment struct {
	Name    string    `json:"name"`
	Created time.Time `json:"created"` // UTC
	Bytes   int64     `json:"bytes"`
	Rows    int64     `json:"rows"`
}

func (l ledgerCall) list() error {
	segments, err := l.ledger.Segments()
	if err != nil {
		return err
	}
	index, err := l.ledger.Load(l.Context.Context)
	if err != nil {
		return err
	}
	stats := index.Stats()
	listing := ledgerListing{Dir: l.ledger.Dir(), ledgerDocument: documentOfLedger(stats), Segments: []ledgerSegment{}}
	for _, s := range segments {
		listing.Segments = append(listing.Segments, ledgerSegment{s.Name, s.Created, s.Bytes, s.Rows})
	}
	if l.Bool("json") {
		return printJSON(l.out, listing)
	}
	table := ui.NewTable("SEGMENT", "CREATED", "SIZE", "ROWS")
	for _, s := range listing.Segments {
		table.Row(s.Name, s.Created.Format(time.RFC3339), ui.Bytes(s.Bytes), s.Rows)
	}
	if err := table.Write(l.out); err != nil {
		return err
	}
	_, err = fmt.Fprintf(l.out, "%s: %s, %s, %s of sources, %s, %s\n", ui.Escape(listing.Dir),
		ui.Count(stats.Experiments, "experiment"), ui.Count(stats.Runs, "run"), ui.Count(stats.Sources, "record"),
		ui.Count(stats.Files, "file"), ui.Count(stats.Panels, "panel"))
	return err
}

func (l ledgerCall) show() error {
	if l.Bool("json") {
		return l.ledger.Export(l.Context.Context, l.out, ledger.JSONL, l.filter)
	}
	index, err := l.ledger.Load(l.Context.Context)
	if err != nil {
		return err
	}
	table := ui.NewTable("EXPERIMENT", "RUN", "BEGIN", "FILES", "SOURCE", "ALIAS", "TYPE", "ID")
	for _, name := range index.Experiments() {
		experiment, _ := index.Experiment(name)
		if !l.filter.MatchExperiment(experiment.Instrument(), name) {
			continue
		}
		for run := range experiment.Runs() {
			l.showRun(table, run)
		}
	}
	return table.Write(l.out)
}

// showRun adds a row for each source of the run, or one that says why there is none.
func (l ledgerCall) showRun(table *ui.Table, run ledger.Run) {
	if !l.filter.MatchRun(run.Number, time.Unix(0, run.BeginRun)) {
		return
	}
	begin := "-"
	if run.BeginRun != 0 {
		begin = time.Unix(0, run.BeginRun).In(l.site.Zone).Format("2006-01-02 15:04:05")
	}
	if len(run.Sources) == 0 {
		table.Row(run.Experiment, run.Number, begin, len(run.Files), "-", "", "", run.Cause)
		return
	}
	for _, source := range run.Sources {
		if !l.filter.MatchSource(source.Name, source.Alias, source.Type) {
			continue
		}
		id := source.ID
		if source.Cause != "" {
			id = "unknown: " + source.Cause
		}
		table.Row(run.Experiment, run.Number, begin, len(run.Files), source.Name, source.Alias, source.Type, id)
	}
}

// compactDocument is what `ledger compact --json` prints.
type compactDocument struct {
	Before     int                `json:"before"` // segments
	After      int                `json:"after"`
	Segment    string             `json:"segment"` // the new one; empty: there was nothing to do
	Bytes      int64              `json:"bytes"`
	Superseded int                `json:"superseded"` // records that were dropped
	Conflicts  []conflictDocument `json:"conflicts"`
}

func (l ledgerCall) compact() error {
	result, err := l.ledger.Compact(l.Context.Context)
	if err != nil {
		return err
	}
	for _, conflict := range result.Conflicts {
		l.site.warn(conflict.String())
	}
	if l.Bool("json") {
		return printJSON(l.out, compactDocument{
			result.Before, result.After, result.Segment, result.Bytes, result.Superseded, documentsOfConflicts(result.Conflicts),
		})
	}
	if result.Segment == "" {
		_, err = fmt.Fprintf(l.out, "nothing to compact: %s\n", ui.Count(result.Before, "segment"))
		return err
	}
	_, err = fmt.Fprintf(l.out, "%s became %d, %s; records dropped that a later one superseded: %d\n",
		ui.Count(result.Before, "segment"), result.After, ui.Bytes(result.Bytes), result.Superseded)
	return err
}

func (l ledgerCall) export() error {
	err := l.ledger.Export(l.Context.Context, l.out, ledger.Format(l.String("format")), l.filter)
	if errors.Is(err, ledger.ErrFormat) {
		return usageErrorf("option --format: %w", err)
	}
	return err
}
