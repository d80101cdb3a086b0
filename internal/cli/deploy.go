package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/internal/runlog"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/stages"
	"deployconstants/xtc/dataset"
)

// execute carries the checked command out: repository, log, record of the start, and
// the deployment itself.
func (d *deployCommand) execute(ctx context.Context) (err error) {
	repository, err := d.openRepository()
	if err != nil {
		return err
	}
	defer repository.Close()
	finish, err := d.openLog()
	if err != nil {
		return err
	}
	defer func() { err = finish(err) }()
	if !d.dryRun {
		d.recordStart()
	}
	catalog, err := d.catalog()
	if err != nil {
		return err
	}
	o := d.stageOptions(catalog)
	o.Repository = repository
	deployment, err := stages.Deploy(ctx, o, d.log)
	if errors.Is(err, stages.ErrNothingValid) && d.json {
		return errors.Join(err, d.print(deployment))
	}
	if err != nil {
		return err
	}
	if err := d.print(deployment); err != nil {
		return fmt.Errorf("%s: %s, which cannot be printed: %w", deployment.Outcome, deployment.Target, err)
	}
	return nil
}

// stageOptions are those of the deployment, but for the repository.
func (d *deployCommand) stageOptions(catalog dataset.Catalog) stages.DeployOptions {
	return stages.DeployOptions{
		Catalog: catalog,
		Dataset: d.dataset, Detector: d.detector, Experiment: d.experiment, Run: d.run,
		CType: d.ctype, Stamp: d.stamp, Zone: d.Zone,
		CalibDir: d.calibDir, Range: d.runRange,
		Calib: calibdir.Options{
			DirMode: d.dirMode, FileMode: d.fileMode, Group: d.group, LockTimeout: d.LockTimeout,
			Parents: d.calibDir != "" && !d.inDataRoot(d.calibDir),
		},
		Record: calibdir.HistoryRecord{User: d.user, Host: d.env.Host(), Time: d.start, Cwd: d.env.Dir},
		Deploy: d.deploy, DryRun: d.dryRun,
	}
}

func (d *deployCommand) openRepository() (*repo.Repository, error) {
	o := d.repositoryOptions(d.ownership, func(message string) { d.log.Warn(message) })
	if d.makeRepository && !d.dryRun {
		return repo.Create(d.repository, o)
	}
	return repo.Open(d.repository, o)
}

func (d *deployCommand) recordOptions() runlog.Options {
	return runlog.Options{DirMode: d.dirMode, FileMode: d.fileMode, Group: d.group}
}

// openLog opens the log: stderr, and the file in the repository. Without -D a
// repository that cannot be written to costs the log file, not the call. finish
// closes the file, in which the error that ended the call is the last line; on
// stderr the command's own message says it.
func (d *deployCommand) openLog() (finish func(error) error, err error) {
	d.log = logx.New(d.env.Stderr, d.level)
	noFile := func(err error) error { return err }
	if d.dryRun {
		return noFile, nil
	}
	name := runlog.LogName(d.start, d.records, d.user)
	file, err := runlog.OpenLog(d.repository, name, d.recordOptions())
	if err != nil {
		err = fmt.Errorf("log file: %w", err)
		if d.deploy {
			return nil, err
		}
		d.log.WithError(err).Warn("no log file")
		return noFile, nil
	}
	d.log = logx.New(io.MultiWriter(file, d.env.Stderr), d.level)
	d.log.WithField(logx.Path, d.repository+"/"+name).Info("log file")
	return func(err error) error {
		if err != nil {
			logx.New(file, d.level).WithError(err).Error("failed")
		}
		if closeErr := file.Close(); closeErr != nil {
			return errors.Join(err, fmt.Errorf("log file %s: %w", d.repository+"/"+name, closeErr))
		}
		return err
	}, nil
}

// inDataRoot tells if a path lies in a data root, where directories belong to
// experiments and are not ours to make.
func (d *deployCommand) inDataRoot(path string) bool {
	if !filepath.IsAbs(path) {
		path = filepath.Join(d.env.Dir, path)
	}
	for _, root := range d.DataRoots {
		if inside, err := filepath.Rel(root, filepath.Clean(path)); err == nil && filepath.IsLocal(inside) {
			return true
		}
	}
	return false
}

// recordStart appends this start to the site's record. It is no reason to fail.
func (d *deployCommand) recordStart() {
	dir := d.StartRecords
	if dir == "" {
		return
	}
	start := runlog.Start{
		Time: d.start, User: d.user, Host: d.env.Host(), WorkDir: d.env.Dir,
		Release: d.env.Getenv("CONDA_DEFAULT_ENV"), Repository: d.repository, Program: d.records, Args: d.args,
	}
	path := filepath.Join(dir, start.Name())
	if err := runlog.Append(dir, start.Name(), start.String(), d.recordOptions()); err != nil {
		d.log.WithError(err).WithField(logx.Path, path).Warn("the start is not recorded")
		return
	}
	d.log.WithFields(logrus.Fields{logx.Path: path, logx.Command: strings.Join(d.args, " ")}).Info("start recorded")
}

// print shows the result on stdout.
func (d *deployCommand) print(done stages.Deployment) error {
	if d.json {
		return printJSON(d.env.Stdout, done)
	}
	lines := []string{done.Outcome + ": " + done.Target, fmt.Sprintf("  from: %s (%s)", done.Constants, done.Kind)}
	if done.Outcome == stages.OutcomeNothingValid {
		lines = []string{fmt.Sprintf("%s: %s %s for %s at %s", done.Outcome, done.Type, done.CType, done.Source, done.Stamp)}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(d.env.Stdout, oneLine(line)); err != nil {
			return err
		}
	}
	return nil
}
