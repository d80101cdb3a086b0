package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/stages/manifest"
	"deployconstants/stages/verify"
)

func verifyCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "verify", ArgsUsage: "[TX]", Usage: "find deployed files that are no longer as intended",
		Description: "Reads every file that any transaction deployed, or the one that is named, and compares it with\n" +
			"what was deployed: missing, changed (by whom, where HISTORY tells), wrong mode or group, shadowed.\n\n" +
			"Examples:\n" +
			"   deploy_constants verify\n" +
			"   deploy_constants verify --sample 1/30\n" +
			"   deploy_constants verify -e xpptut15 20261124T021500Z-7f3a09c1\n\n" +
			"EXIT STATUS: 0 all as intended, 1 failed, 2 wrong command line, 5 drift found",
		Flags: everyBatchFlag(
			experimentsFlag, instrumentsFlag, sourcesFlag,
			&cli.StringFlag{Name: "sample", Usage: "only `1/N` of the files, another part every day"},
			&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "print also what is as intended"},
			workersFlag, progressFlag, manifestFlag,
		),
		Action: func(c *cli.Context) error { return verifyDeployed(env, c) },
	}
}

func verifyDeployed(env Env, c *cli.Context) error {
	if c.NArg() > 1 {
		return usageErrorf("name one transaction, or none for all that is deployed")
	}
	sample, err := parseSample(c.String("sample"))
	if err != nil {
		return err
	}
	w, progress, err := openWatched(env, c)
	if err != nil {
		return err
	}
	defer progress.Close()
	o := verify.Options{Transaction: c.Args().First(), Sample: sample, Day: w.start, Zone: w.Zone, Pipeline: w.workers()}
	if o.Filter, err = w.filter(w.selection); err != nil {
		return err
	}
	if o.Transaction != "" {
		if _, _, err := w.store.Show(c.Context, o.Transaction); err != nil {
			return err
		}
	}
	if o.Deployed, err = w.store.Deployed(c.Context); err != nil {
		return err
	}
	lines, err := openManifest(c)
	if err != nil {
		return err
	}
	progress.Stage("verify", o.Deployed.Len())
	out := verifyPrinter{zone: w.Zone, out: env.Stdout, json: c.Bool("json"), all: c.Bool("all")}
	summary, err := verify.Verify(env.patient, o, func(f verify.Finding) error {
		failed := 0
		if f.Class != verify.OK {
			failed = 1
		}
		progress.Add(1, failed)
		lines.line(manifest.OfFinding(f))
		return out.finding(f)
	})
	progress.Close()
	if err := errors.Join(err, lines.close(), out.finish(summary)); err != nil {
		return err
	}
	if summary.Drift() {
		return &statusError{status: statusDamage, err: fmt.Errorf("not as intended: %d of %d files", summary.Checked-summary.Classes[verify.OK], summary.Checked)}
	}
	return nil
}

// parseSample reads "1/30" as 30; "" is all.
func parseSample(text string) (int, error) {
	if text == "" {
		return 1, nil
	}
	n, err := strconv.Atoi(strings.TrimPrefix(text, "1/"))
	if err != nil || n < 1 || !strings.HasPrefix(text, "1/") {
		return 0, usageErrorf("option --sample: %q is no part; write 1/30", text)
	}
	return n, nil
}

// A verifyPrinter shows what is not as intended, or all, on stdout.
type verifyPrinter struct {
	zone *time.Location
	out  io.Writer
	json bool
	all  bool
	list *list
}

func (p *verifyPrinter) finding(f verify.Finding) error {
	if f.Class == verify.OK && !p.all {
		return nil
	}
	if p.json {
		return jsonLine(p.out, manifest.OfFinding(f))
	}
	if p.list == nil {
		p.list = newList("STATE", "FILE")
	}
	var notes []string
	if f.Class != verify.OK {
		notes = []string{describeDrift(f), p.describeCulprit(f.By),
			fmt.Sprintf("deployed by %s, %s", f.Tx, f.TxUser)}
	}
	p.list.row(notes, f.Class, f.Path)
	return nil
}

// describeCulprit says who changed a file, as far as that is known.
func (p *verifyPrinter) describeCulprit(by *verify.Culprit) string {
	if by == nil {
		return ""
	}
	text := fmt.Sprintf("changed by %s, %s, says %s", by.User, p.local(by.Time), by.From)
	if by.From == "owner" {
		text = fmt.Sprintf("owned by %s, changed %s", by.User, p.local(by.Time))
	}
	if by.CopyOf != "" {
		text += ": a copy of " + by.CopyOf
	}
	return text
}

// local writes a moment in the facility's zone.
func (p *verifyPrinter) local(t time.Time) string { return t.In(p.zone).Format(time.DateTime) }

// describeDrift says in one line how a file differs; "" where its class says it all.
func describeDrift(f verify.Finding) string {
	switch {
	case len(f.Shadow) > 0:
		s := f.Shadow[0]
		return fmt.Sprintf("psana reads %s for runs %d-%d", s.File, s.First, s.Last)
	case f.Class == verify.WrongMode:
		return fmt.Sprintf("mode %s, not %s", f.GotMode, f.WantMode)
	case f.Class == verify.WrongGroup:
		return fmt.Sprintf("group %d, not %d", f.GotGID, f.WantGID)
	}
	return f.Cause
}

func (p *verifyPrinter) finish(summary verify.Summary) error {
	if p.json {
		return jsonLine(p.out, struct {
			Message string `json:"message_type"`
			verify.Summary
		}{"summary", summary})
	}
	if p.list != nil {
		if err := p.list.write(p.out); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(p.out, "%s verified of %d deployed: %d as intended\n",
		ui.Count(summary.Checked, "file"), summary.Deployed, summary.Classes[verify.OK])
	return err
}

// jsonLine prints one line of JSON.
func jsonLine(w io.Writer, line any) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	return out.Encode(line)
}
