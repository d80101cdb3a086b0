package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"deployconstants/repo"
	"deployconstants/stages"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtcdump"
)

// Flags that several subcommands share.
var (
	jsonFlag   = &cli.BoolFlag{Name: "json", Usage: "print JSON"}
	configFlag = &cli.StringFlag{Name: "config", Usage: "settings `FILE`"}
)

func xtcCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:        "xtc",
		Usage:       "look inside XTC files",
		Description: "Options go before arguments, each apart from its value.",
		Subcommands: []*cli.Command{
			{
				Name:      "dump",
				Usage:     "print every datagram and node with its offset",
				ArgsUsage: "FILE...",
				Description: "Examples:\n" +
					"   deploy_constants xtc dump e665-r0260-s00-c00.xtc\n" +
					"   deploy_constants xtc dump --json e665-r0260-s00-c00.xtc\n\n" +
					"Each file is one JSON document. A broken file is printed as far as it can be read.\n\n" +
					"EXIT STATUS: 0 every file was read to its end, 1 one was not, 2 wrong command line",
				Flags: []cli.Flag{jsonFlag, configFlag},
				Action: func(c *cli.Context) error {
					if c.NArg() == 0 {
						return usageErrorf("name at least one file")
					}
					site, err := openSite(env, c.String("config"))
					if err != nil {
						return err
					}
					return dumpFiles(env.Stdout, c.Args().Slice(), site, c.Bool("json"))
				},
			},
			{
				Name:      "ids",
				Usage:     "print the detectors of a run with hardware ids, shapes and times",
				ArgsUsage: "DATASET|FILE",
				Description: "Examples:\n" +
					"   deploy_constants xtc ids exp=xpptut15:run=260\n" +
					"   deploy_constants xtc ids --json e665-r0260-s00-c00.xtc\n\n" +
					"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 3 some runs could not be read, 10 no data root",
				Flags: []cli.Flag{jsonFlag, configFlag},
				Action: func(c *cli.Context) error {
					if c.NArg() != 1 {
						return usageErrorf("name one data set or file")
					}
					site, err := openSite(env, c.String("config"))
					if err != nil {
						return err
					}
					ids, err := identifyAll(c.Context, site, c.Args().First())
					switch {
					case err != nil && len(ids.Runs) == 0:
						return err
					case c.Bool("json"):
						return errors.Join(err, printJSON(env.Stdout, ids))
					}
					return errors.Join(err, ids.print(env.Stdout))
				},
			},
		},
	}
}

// dumpFiles prints all files; one that cannot be read does not hide the others.
func dumpFiles(w io.Writer, paths []string, site site, asJSON bool) error {
	dump := xtcdump.Text
	if asJSON {
		dump = xtcdump.JSON
	}
	var failed []error
	for _, path := range paths {
		file, err := xtc.Open(path)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		if err := dump(w, file, path, site.Zone); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", path, err))
		}
		file.Close()
	}
	return errors.Join(failed...)
}

// idsDocument is the result of `xtc ids`; docs/json.md describes it.
type idsDocument struct {
	Dataset string   `json:"dataset"`
	Runs    []idsRun `json:"runs"`
}

type idsRun struct {
	Experiment string        `json:"experiment"`
	Run        int           `json:"run"`
	Configure  *idsTime      `json:"configure"`
	BeginRun   *idsTime      `json:"begin_run"`
	Detectors  []idsDetector `json:"detectors"`
	Warnings   []string      `json:"warnings,omitempty"`
}

type idsTime struct {
	Sec   uint32 `json:"sec"`
	Nsec  uint32 `json:"nsec"`
	Stamp string `json:"stamp"` // facility's zone
}

type idsDetector struct {
	Source   string `json:"source"`
	Alias    string `json:"alias"`
	Type     string `json:"type"` // "": the repository knows no type for the device
	Class    string `json:"class"`
	ID       string `json:"id"` // "": the configuration object is broken; a warning says how
	IDIsName bool   `json:"id_is_name"`
	Shape    []int  `json:"shape"`
}

// identifyAll reads the headers of every run of the dataset. A run that cannot be
// read does not hide the others.
func identifyAll(ctx context.Context, site site, name string) (idsDocument, error) {
	document := idsDocument{Dataset: name, Runs: []idsRun{}}
	spec, err := parseSpec(name)
	if err != nil {
		return document, usageErrorf("%w", err)
	}
	catalog, err := site.catalog()
	if err != nil {
		return document, err
	}
	found, err := catalog.Find(spec)
	if err != nil {
		return document, err
	}
	var failed []error
	for _, run := range found.Missing {
		failed = append(failed, fmt.Errorf("%w of run %d", dataset.ErrNoFiles, run))
	}
	err = stages.ReadRuns(ctx, found.Runs, func(r stages.RunResult) error {
		if r.Err != nil {
			failed = append(failed, r.Err)
			return nil
		}
		document.Runs = append(document.Runs, describeRun(found.Experiment.Name, r.Out, site))
		return nil
	})
	if err == nil && len(failed) > 0 && len(document.Runs) > 0 {
		return document, &statusError{status: statusPartly, err: errors.Join(failed...)}
	}
	return document, errors.Join(append(failed, err)...)
}

func describeRun(experiment string, run *dataset.Run, site site) idsRun {
	described := idsRun{
		Experiment: experiment, Run: run.Number, Detectors: []idsDetector{},
		Configure: describeTime(run.Configure, site), BeginRun: describeTime(run.BeginRun, site),
	}
	for _, warning := range run.Warnings {
		described.Warnings = append(described.Warnings, warning.String())
	}
	for _, det := range run.Store.Detectors() {
		d := idsDetector{Source: det.Source, Alias: det.Alias, Class: det.Class, Shape: []int{}}
		if det.Config != nil {
			d.Shape = append(d.Shape, det.Config.Shape()...)
		}
		panel, err := stages.PanelOf(det)
		switch {
		case errors.Is(err, repo.ErrUnknownType): // a device that has no constants
			panel = repo.Panel{ID: xtc.SourceName(det.Source), IsName: true}
		case err != nil:
			described.Warnings = append(described.Warnings, err.Error())
		}
		d.Type, d.ID, d.IDIsName = panel.Type.Name, panel.ID, panel.IsName
		described.Detectors = append(described.Detectors, d)
	}
	return described
}

func describeTime(id *dataset.EventID, site site) *idsTime {
	if id == nil {
		return nil
	}
	return &idsTime{Sec: id.Clock.Sec, Nsec: id.Clock.Nsec, Stamp: repo.StampOf(id.Clock.Time(), site.Zone).String()}
}

// print shows the document as tables for people.
func (d idsDocument) print(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, run := range d.Runs {
		fmt.Fprintf(table, "experiment %s, run %d, begin %s\n", dash(run.Experiment), run.Run, run.BeginRun)
		fmt.Fprintf(table, "  SOURCE\tALIAS\tTYPE\tSHAPE\tID\n")
		for _, det := range run.Detectors {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", det.Source, oneLine(dash(det.Alias)), dash(det.Type), dash(shapeText(det.Shape)), dash(det.ID))
		}
		for _, warning := range run.Warnings {
			fmt.Fprintf(table, "  warning: %s\n", oneLine(warning))
		}
	}
	return table.Flush()
}

func (t *idsTime) String() string {
	if t == nil {
		return "unknown"
	}
	return t.Stamp
}

// shapeText is a shape for people, "704x768".
func shapeText(shape []int) string {
	var b strings.Builder
	for i, n := range shape {
		if i > 0 {
			b.WriteByte('x')
		}
		fmt.Fprint(&b, n)
	}
	return b.String()
}

// dash stands for an empty cell.
func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
