package cli

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"

	"github.com/urfave/cli/v2"

	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/stages/affected"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

func affectedCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "affected", ArgsUsage: "[FILE]", Usage: "say which experiments, runs and deployed files a change would touch",
		Description: "FILE is constants or a default in the repository, by its path there; instead, --type with --id or\n" +
			"--alias names a detector. Without --add, --withdraw or --replace the answer is who uses it now.\n" +
			"From the ledger and the repository alone; nothing is changed, no calib directory is looked at.\n\n" +
			"Examples:\n" +
			"   deploy_constants affected epix100a/default/epix100a_default_gain.txt\n" +
			"   deploy_constants affected --withdraw epix100a/default/epix100a_default_gain.txt\n" +
			"   deploy_constants affected --add --content new.txt \\\n" +
			"      epix100a/3925999616-0996579585-.../gain/epix100a_0001_20190101000000_xpptut15_r0260_gain.txt\n" +
			"   deploy_constants affected --type epix100a --alias 0001\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 4 somebody is affected (with --detailed-exitcode),\n" +
			"   10 no repository",
		Flags: everyBatchFlag(
			&cli.BoolFlag{Name: "add", Usage: "if it were added"},
			&cli.BoolFlag{Name: "withdraw", Usage: "if it were removed"},
			&cli.BoolFlag{Name: "replace", Usage: "if it had other content"},
			&cli.StringFlag{Name: "content", Usage: "the new content is that of `FILE`; default: unlike any other"},
			&cli.StringFlag{Name: "type", Usage: "detector type `TYPE` of --id and --alias"},
			&cli.StringFlag{Name: "id", Usage: "detector `ID`"},
			&cli.StringFlag{Name: "alias", Usage: "four digits, `ALIAS` of a detector"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 4 if somebody is affected"},
			experimentsFlag, instrumentsFlag, sourcesFlag, runsFlag, ctypesFlag, progressFlag, workersFlag,
			&cli.StringFlag{Name: "dirrepo", Aliases: []string{"o"}, Usage: repositoryFlag.Usage},
		),
		Action: func(c *cli.Context) error { return whoIsAffected(env, c) },
	}
}

func whoIsAffected(env Env, c *cli.Context) error {
	change, touch, err := parseChange(c)
	if err != nil {
		return err
	}
	w, err := openWorkplace(env, c)
	if err != nil {
		return err
	}
	var report affected.Report
	err = w.withSnapshot(c.Context, func(ctx context.Context, at resolution) error {
		filter, err := w.filter(w.selection)
		if err != nil {
			return err
		}
		filter.Types = nil // --type names the detector
		ctypes, err := deployedNames(c.StringSlice("ctype"))
		if err != nil {
			return err
		}
		report, err = affected.Who(ctx, affected.Options{
			Digests: at.digests, Zone: w.Zone, Filter: filter, CTypes: ctypes, Touch: touch, Pool: w.workers(), Foresee: at.foreseeFor(change, ctypes),
		}, at.index, at.snapshot, change)
		return err
	})
	if errors.Is(err, resolve.ErrChange) || errors.Is(err, repo.ErrUnknownType) {
		return usageErrorf("%w", err)
	}
	if err != nil {
		return err
	}
	if c.Bool("json") {
		err = printJSON(env.Stdout, report)
	} else {
		err = report.Print(env.Stdout)
	}
	if err == nil && c.Bool("detailed-exitcode") && report.Totals.Runs > 0 {
		err = &statusError{status: statusPending, err: errors.New("somebody is affected")}
	}
	return err
}

// foreseeFor foresees what a change can touch of what is merged, of the ctypes that were
// asked for: other detectors are not looked at.
func (at resolution) foreseeFor(ch resolve.Change, ctypes []string) foresee {
	typ, touched, err := at.snapshot.Scope(ch)
	if err != nil { // affected.Who says so
		return at.foresee(ledger.Filter{}, ctypes)
	}
	if len(ctypes) == 0 && ch.Path != "" {
		ctypes = touched
	}
	return at.foresee(ledger.Filter{Types: []string{typ}}, ctypes)
}

// parseChange reads what would happen to what; touch: who uses it now.
func parseChange(c *cli.Context) (change resolve.Change, touch bool, err error) {
	change.Type, change.ID, change.Alias = c.String("type"), c.String("id"), c.String("alias")
	detector := change.Type != "" || change.ID != "" || change.Alias != ""
	switch {
	case c.NArg() > 1 || detector == (c.NArg() == 1):
		return change, false, usageErrorf("name one file of the repository, or a detector by --type with --id or --alias")
	case detector && (change.Type == "" || change.ID == "" && change.Alias == ""):
		return change, false, usageErrorf("a detector needs --type, and --id or --alias")
	}
	change.Path = c.Args().First()
	asked := 0
	for _, op := range []resolve.Op{resolve.Add, resolve.Withdraw, resolve.Replace} {
		if c.Bool(string(op)) {
			change.Op = op
			asked++
		}
	}
	if asked > 1 {
		return change, false, usageErrorf("only one of --add, --withdraw and --replace can be asked about")
	}
	if name := c.String("content"); name != "" {
		if change.Op != resolve.Add && change.Op != resolve.Replace {
			return change, false, usageErrorf("--content goes with --add or --replace")
		}
		change.Content, err = digestOf(name)
	}
	return change, asked == 0, err
}

func digestOf(name string) (digest.Sum, error) {
	file, err := os.Open(name)
	if err != nil {
		return digest.Sum{}, err
	}
	defer file.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return digest.Sum(hash.Sum(nil)), err
}
