package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"deployconstants/stages/affected"
	"deployconstants/stages/resolve"
)

func withdrawCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "withdraw", ArgsUsage: "FILE", Usage: "take constants out of use, and say what falls back to what",
		Description: "The file keeps its bytes as FILE.withdrawn, which nobody looks for; <type>/withdrawn.txt says who, when\n" +
			"and why. Calib directories change with the next sweep or plan.\n\n" +
			"Examples:\n" +
			"   deploy_constants repo withdraw -n epix100a/default/epix100a_default_gain.txt\n" +
			"   deploy_constants repo withdraw --reason 'warm detector' epix100a/3925-…/gain/epix100a_0001_2026…_gain.txt\n" +
			"   deploy_constants repo withdraw --back epix100a/default/epix100a_default_gain.txt" + repoStatus,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "reason", Usage: "`TEXT` for those who come after"},
			&cli.BoolFlag{Name: "back", Usage: "put constants back into use"},
			&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "say who would be affected, and change nothing"},
			&cli.StringFlag{Name: "dirrepo", Aliases: []string{"o"}, Usage: repositoryFlag.Usage},
			stateFlag, jsonFlag, configFlag,
		},
		Action: func(c *cli.Context) error { return withdraw(env, c) },
	}
}

func withdraw(env Env, c *cli.Context) error {
	if c.NArg() != 1 {
		return usageErrorf("name one file of the repository")
	}
	w, err := openWorkplace(env, c)
	if err != nil {
		return err
	}
	file, back := c.Args().First(), c.Bool("back")
	var report *affected.Report
	if !back {
		if report, err = w.withdrawal(c.Context, file); err != nil {
			return err
		}
	}
	path := ""
	if !c.Bool("dry-run") {
		if path, err = w.rename(c.Context, file, c.String("reason"), back); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return printJSON(env.Stdout, struct {
			Path     string           `json:"path,omitempty"`     // of the file by now
			Affected *affected.Report `json:"affected,omitempty"` // as `affected --json` has it
		}{path, report})
	}
	if report != nil {
		if err := report.Print(env.Stdout); err != nil {
			return err
		}
	}
	if path != "" {
		_, err = fmt.Fprintf(env.Stdout, "now %s\n", path)
	}
	return err
}

// withdrawal says who is affected if a file is withdrawn, and what they get instead.
func (w *workplace) withdrawal(ctx context.Context, file string) (*affected.Report, error) {
	var report affected.Report
	err := w.withSnapshot(ctx, func(ctx context.Context, at resolution) (err error) {
		change := resolve.Change{Op: resolve.Withdraw, Path: file}
		report, err = affected.Who(ctx, affected.Options{
			Digests: at.digests, Zone: w.Zone, Pool: w.workers(), Foresee: at.foreseeFor(change, nil),
		}, at.index, at.snapshot, change)
		return err
	})
	if errors.Is(err, resolve.ErrChange) {
		return nil, usageErrorf("%w", err)
	}
	return &report, err
}

// rename takes a file out of use, or puts it back.
func (w *workplace) rename(ctx context.Context, file, reason string, back bool) (path string, err error) {
	repository, err := w.openRepository(-1)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, repository.Close()) }()
	if back {
		return repository.Reinstate(ctx, file, reason)
	}
	return repository.Withdraw(ctx, file, reason)
}
