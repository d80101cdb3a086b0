package darkrun

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/content"
	"deployconstants/stages"
	"deployconstants/xtc/dataset"
)

// DeployOptions say how darks are deployed.
type DeployOptions struct {
	// Base has what all deployments have in common: Catalog, Repository, Experiment, Zone,
	// CalibDir, Calib, and Record.
	Base   stages.DeployOptions
	Range  *calibdir.Range // nil: from the run of the dark to the end
	Limits content.Limits  // that constants must keep to
}

// Deploy deploys the constants of whole detectors that a report has, as the documented
// command would: each as <run>-end.data, with its line in HISTORY. What fails keeps the
// rest from nothing; the errors are joined. Outcomes are in the order of the report.
func Deploy(ctx context.Context, report Report, spec dataset.Spec, o DeployOptions, log logrus.FieldLogger) ([]stages.Deployment, error) {
	var all []stages.Deployment
	var failed error
	for _, d := range report.Darks {
		for _, file := range d.Files {
			if !file.Deploys || d.err != nil {
				continue
			}
			if err := context.Cause(ctx); err != nil {
				return all, errors.Join(failed, err)
			}
			done, err := o.deploy(ctx, d, file, spec, log)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("deploy %s of run %d, %s: %w", file.CType, d.Run, d.Source, err))
				continue
			}
			all = append(all, done)
		}
	}
	return all, failed
}

func (o DeployOptions) deploy(ctx context.Context, d Dark, file File, spec dataset.Spec, log logrus.FieldLogger) (stages.Deployment, error) {
	call := o.Base
	call.Dataset, call.Detector, call.CType, call.Run, call.Deploy = ofRun(spec, d.Run), d.Source, repo.CType(file.CType), d.Run, true
	var err error
	if call.Stamp, err = repo.ParseStamp(d.Stamp); err != nil {
		return stages.Deployment{}, err
	}
	if o.Range != nil {
		call.Range = *o.Range
	} else if call.Range, err = calibdir.ParseRange(fmt.Sprintf("%d-end", d.Run)); err != nil {
		return stages.Deployment{}, err
	}
	if err := o.check(ctx, d, file, call.Repository, call.Stamp); err != nil {
		return stages.Deployment{}, err
	}
	return stages.Deploy(ctx, call, log.WithFields(logrus.Fields{logx.Run: d.Run, logx.CType: file.CType}))
}

// check makes sure that the file is the one that is valid at its time, and that its
// content may be published.
func (o DeployOptions) check(ctx context.Context, d Dark, file File, repository *repo.Repository, stamp repo.Stamp) (err error) {
	detType, err := repo.TypeOfSource(d.Source)
	if err != nil {
		return err
	}
	panel := repo.Panel{Type: detType, ID: d.ID, Source: d.Source}
	alias, _, err := repository.LookupAlias(panel)
	if err != nil {
		return err
	}
	choice, err := repository.Resolve(panel, alias, repo.CType(file.CType), stamp)
	if err != nil {
		return err
	}
	if choice.Path != file.Path {
		return fmt.Errorf("%s is valid at %s instead of %s, which was just made; remove one of the two", choice.Path, stamp, file.Path)
	}
	constants, err := repository.OpenConstants(file.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, constants.Close()) }()
	return o.Limits.Check(ctx, content.Subject{Type: detType, CType: repo.CType(file.CType)}, constants, nil)
}

// ofRun is the data set of one run of several.
func ofRun(spec dataset.Spec, run int) dataset.Spec {
	if !spec.IsFile {
		spec.Runs = dataset.Ranges{{First: uint32(run), Last: uint32(run)}}
		spec.Raw = fmt.Sprintf("exp=%s:run=%d", spec.Exp, run)
	}
	return spec
}
