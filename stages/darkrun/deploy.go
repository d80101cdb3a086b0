package darkrun

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/content"
	"deployconstants/stages"
	"deployconstants/stages/dark"
	"deployconstants/xtc/dataset"
)

// DeployOptions say how darks are deployed.
type DeployOptions struct {
	// Base has what all deployments have in common: Catalog, Repository, Experiment, Zone,
	// CalibDir, Calib, and Record.
	Base   stages.DeployOptions
	Range  *calibdir.Range // nil: from the run of the dark to the end
	Limits content.Limits  // that constants must keep to, those that are merged, too
}

// An item is what is deployed at once: a calibration type of a detector.
type item struct {
	made  Made
	ctype repo.CType
	path  string // in the repository; "": merged from tables of panels
}

// items are what a report has to deploy: the files of whole detectors, and behind them
// what is merged from tables, once for all gains and runs, valid from the last of them.
// Gains are not merged while the last injection of a mode lacks cycles: their pixels have
// zeros.
func items(report Report) []item {
	type mode struct{ source, gain string }
	lacking := map[mode]bool{}
	for _, in := range report.Injections {
		lacking[mode{in.Source, in.Gain}] = len(in.Missing) > 0
	}
	lacks := func(source string) bool {
		for _, m := range dark.InjectionModes {
			if lacking[mode{source, m.Name}] {
				return true
			}
		}
		return false
	}
	var all []item
	var merged []item
	for _, m := range report.made() {
		for _, file := range m.Files {
			switch ctype, err := repo.ParseCType(file.CType); {
			case m.err != nil || err != nil:
			case file.Deploys:
				all = append(all, item{m, ctype, file.Path})
			case ctype == repo.Gain && lacks(m.Source):
			case m.Gain != "":
				at := slices.IndexFunc(merged, func(i item) bool { return i.made.Source == m.Source && i.ctype == ctype })
				if at < 0 {
					at, merged = len(merged), append(merged, item{m, ctype, ""})
				}
				merged[at].made = m
			}
		}
	}
	return append(all, merged...)
}

// Deploy deploys the constants that a report has, as the documented command would: each
// as <run>-end.data, with its line in HISTORY. Those of a Jungfrau or an epix10ka are
// merged from the tables that are valid then, for which all gains of a dark must be
// there. What the limits hold back is an error that wraps a *content.Problem. What fails
// does not keep the rest from being deployed; the errors are joined.
func Deploy(ctx context.Context, report Report, spec dataset.Spec, o DeployOptions, log logrus.FieldLogger) ([]stages.Deployment, error) {
	var all []stages.Deployment
	var failed error
	for _, i := range items(report) {
		if err := context.Cause(ctx); err != nil {
			return all, errors.Join(failed, err)
		}
		done, err := o.deploy(ctx, i, spec, log)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("deploy %s of run %d, %s: %w", i.ctype, i.made.Run, i.made.Source, err))
			continue
		}
		all = append(all, done)
	}
	return all, failed
}

func (o DeployOptions) deploy(ctx context.Context, i item, spec dataset.Spec, log logrus.FieldLogger) (stages.Deployment, error) {
	call, d := o.Base, i.made
	call.Dataset, call.Detector, call.CType, call.Run, call.Deploy = ofRun(spec, d.Run), d.Source, i.ctype, d.Run, true
	call.Judge, call.Merged = o.Limits, i.path == ""
	var err error
	if call.Stamp, err = repo.ParseStamp(d.Stamp); err != nil {
		return stages.Deployment{}, err
	}
	if o.Range != nil {
		call.Range = *o.Range
	} else if call.Range, err = calibdir.ParseRange(fmt.Sprintf("%d-end", d.Run)); err != nil {
		return stages.Deployment{}, err
	}
	if i.path != "" {
		if err := i.checkValid(call.Repository, call.Stamp); err != nil {
			return stages.Deployment{}, err
		}
	}
	return stages.Deploy(ctx, call, log.WithFields(logrus.Fields{logx.Run: d.Run, logx.CType: i.ctype}))
}

// checkValid makes sure that the file is the one that is valid at its time.
func (i item) checkValid(repository *repo.Repository, stamp repo.Stamp) error {
	detType, err := repo.TypeOfSource(i.made.Source)
	if err != nil {
		return err
	}
	panel := repo.Panel{Type: detType, ID: i.made.ID, Source: i.made.Source}
	alias, _, err := repository.LookupAlias(panel)
	if err != nil {
		return err
	}
	choice, err := repository.Resolve(panel, alias, i.ctype, stamp)
	if err != nil {
		return err
	}
	if choice.Path != i.path {
		return fmt.Errorf("%s is valid at %s instead of %s, which was just made; remove one of the two", choice.Path, stamp, i.path)
	}
	return nil
}

// ofRun is the data set of one run of several.
func ofRun(spec dataset.Spec, run int) dataset.Spec {
	if !spec.IsFile {
		spec.Runs = dataset.Ranges{{First: uint32(run), Last: uint32(run)}}
		spec.Raw = fmt.Sprintf("exp=%s:run=%d", spec.Exp, run)
	}
	return spec
}
