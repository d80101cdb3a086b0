package stages

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/xtc/dataset"
)

// ErrNothingValid says that deployment was asked for, but the repository has no
// constants for the panel at that time, and no default.
var ErrNothingValid = errors.New("no valid constants")

// DeployOptions say what one call of the documented command shall do. All fields
// but Stamp, Experiment, Run, and CalibDir are mandatory.
type DeployOptions struct {
	Catalog    dataset.Catalog
	Repository *repo.Repository

	Dataset    dataset.Spec   // data set or file; of several runs the first counts
	Detector   string         // full name, DAQ alias, or DetInfo(full name)
	Experiment string         // for the records; "": that of the dataset
	Run        int            // for the records; negative: that of the dataset
	CType      repo.CType     // kind of constants to deploy
	Stamp      repo.Stamp     // time to search constants for; zero: the run's
	Zone       *time.Location // of stamps

	CalibDir string // as typed; "": the calib directory of the experiment
	Range    calibdir.Range
	Calib    calibdir.Options
	Record   calibdir.HistoryRecord // user, host, time and working directory are filled in

	Deploy bool // publish the constants; else only choose them
	DryRun bool // make nothing, not even the tree or the alias
}

// Deployment is what one call of the documented command found and did.
type Deployment struct {
	Dataset    string `json:"dataset"`
	Experiment string `json:"experiment"`
	Run        int    `json:"run"`
	Source     string `json:"source"`
	Type       string `json:"type"`
	ID         string `json:"id"`
	IDIsName   bool   `json:"id_is_name"`
	Alias      string `json:"alias"`
	CType      string `json:"ctype"`
	RunStamp   string `json:"run_stamp"` // facility's zone
	Stamp      string `json:"stamp"`     // searched for
	Constants  string `json:"constants"` // path in the repository; "": nothing is valid
	Kind       string `json:"kind"`      // "specific", "default", "merged", or "none"
	Target     string `json:"target"`
	Outcome    string `json:"outcome"`         // "created", "replaced", "unchanged", "not deployed", or "nothing valid"
	Bytes      int64  `json:"bytes,omitempty"` // of the deployed file
	SHA256     string `json:"sha256,omitempty"`
}

// Outcomes of a call that publishes nothing.
const (
	OutcomeNotDeployed  = "not deployed"
	OutcomeNothingValid = "nothing valid"
)

// Deploy does what the documented command does: it identifies the detector,
// selects the constants that are valid for it, and, where asked, publishes them in
// the calib directory and appends the HISTORY line. The Deployment is meaningful
// also beside an error, as far as Deploy came.
//
// ErrNothingValid is returned only where deployment was asked for.
func Deploy(ctx context.Context, o DeployOptions, log logrus.FieldLogger) (Deployment, error) {
	id, err := Identify(ctx, o.Catalog, o.Dataset, o.Detector)
	if err != nil {
		return Deployment{Dataset: o.Dataset.String()}, err
	}
	for _, warning := range id.Run.Warnings {
		log.WithField(logx.Reason, warning).Warn("the run is not as it should be")
	}
	d := o.describe(id)
	log.WithFields(logrus.Fields{
		logx.Experiment: d.Experiment, logx.Run: d.Run, logx.Source: d.Source, logx.ID: d.ID,
	}).Info("detector identified")
	o.logStamps(log, id, d)

	s := selection{options: o, panel: id.Panel, origin: repo.Origin{Experiment: d.Experiment, Run: d.Run}, log: log}
	found, err := s.selectConstants(ctx, repo.StampOf(id.Time, o.Zone))
	if err != nil {
		return d, err
	}
	d.Alias, d.Constants, d.Kind = found.alias, found.path, found.kind
	if found.path == "" {
		d.Outcome = OutcomeNothingValid
		return d, o.nothingValid(d)
	}
	return o.publish(ctx, id, d, found, log)
}

func (o DeployOptions) describe(id Identity) Deployment {
	d := Deployment{
		Dataset: o.Dataset.String(), Experiment: o.Experiment, Run: o.Run,
		Source: id.Detector.Source, Type: id.Panel.Type.Name, ID: id.Panel.ID, IDIsName: id.Panel.IsName,
		CType: string(o.CType), RunStamp: repo.StampOf(id.Time, o.Zone).String(),
	}
	if d.Experiment == "" {
		d.Experiment = id.Dataset.Experiment.Name
	}
	if d.Run < 0 {
		d.Run = id.Run.Number
	}
	d.Stamp = d.RunStamp
	if o.Stamp != 0 {
		d.Stamp = o.Stamp.String()
	}
	return d
}

func (o DeployOptions) logStamps(log logrus.FieldLogger, id Identity, d Deployment) {
	option := "none"
	if o.Stamp != 0 {
		option = o.Stamp.String()
	}
	log.WithFields(logrus.Fields{
		logx.Now: repo.StampOf(o.Record.Time, o.Zone), logx.RunStamp: d.RunStamp, logx.Option: option, logx.Stamp: d.Stamp,
	}).Info("time stamps")
	if repo.StampRepeats(id.Time, o.Zone) {
		log.WithField(logx.RunStamp, d.RunStamp).Warn("the run lies in the hour that the end of daylight saving time repeats; its stamp stands for two instants")
	}
}

func (o DeployOptions) nothingValid(d Deployment) error {
	if !o.Deploy {
		return nil
	}
	return fmt.Errorf("%w: type %s, ctype %s, id %s, time %s", ErrNothingValid, d.Type, d.CType, d.ID, d.Stamp)
}

// publish copies the chosen file into the calib directory and records it.
func (o DeployOptions) publish(ctx context.Context, id Identity, d Deployment, found chosen, log logrus.FieldLogger) (Deployment, error) {
	dir := o.CalibDir
	if dir == "" {
		if dir = id.Dataset.CalibDir; dir == "" {
			return d, fmt.Errorf("data set %s belongs to no experiment with a known calib directory; name one with -c", o.Dataset)
		}
	}
	target := calibdir.Target{
		Dir: dir, Group: id.Panel.Type.Group, Source: d.Source, CType: string(o.CType.Deployed()), Range: o.Range,
	}
	d.Target, d.Outcome = target.Path(), OutcomeNotDeployed
	if found.pending {
		return d, nil
	}
	constants, err := o.Repository.OpenConstants(found.path)
	if errors.Is(err, fs.ErrNotExist) {
		log.WithField(logx.Path, found.path).Warn("NON EXISTENT file")
		d.Constants, d.Kind, d.Target, d.Outcome = "", repo.None.String(), "", OutcomeNothingValid
		return d, o.nothingValid(d)
	}
	if err != nil {
		return d, err
	}
	defer constants.Close()
	log.WithFields(logrus.Fields{logx.From: found.path, logx.Target: d.Target}).Info("ready to deploy calib file")
	switch {
	case !o.Deploy:
		log.WithField(logx.Path, dir).Warn("add option -D to deploy files under the calib directory")
		return d, nil
	case o.DryRun:
		log.WithField(logx.Target, d.Target).Info("dry run: nothing is made")
		return d, nil
	}
	installed, err := o.install(ctx, target, constants, found.path)
	if err != nil {
		return d, err
	}
	d.Outcome, d.Bytes, d.SHA256 = outcome(installed), installed.Bytes, fmt.Sprintf("%x", installed.SHA256)
	if installed.OwnerChanged() {
		log.WithFields(logrus.Fields{logx.Target: d.Target, logx.Owner: installed.Previous.UID}).
			Warn("the replaced file belonged to another user; the new one is yours")
	}
	log.WithFields(logrus.Fields{
		logx.Target: d.Target, logx.Outcome: d.Outcome, logx.Bytes: d.Bytes, logx.SHA256: d.SHA256,
	}).Info("deployed")
	return d, nil
}

// install publishes the constants as the target and records it in HISTORY. A
// HISTORY that cannot take the record is found before anything is published.
func (o DeployOptions) install(ctx context.Context, target calibdir.Target, constants *os.File, path string) (calibdir.Installed, error) {
	calib, err := calibdir.Create(target.Dir, o.Calib)
	if err != nil {
		return calibdir.Installed{}, err
	}
	defer calib.Close()
	if err := calib.CheckHistory(target); err != nil {
		return calibdir.Installed{}, err
	}
	installed, err := calib.Install(ctx, target, constants, calibdir.InstallOptions{})
	if err != nil && !errors.Is(err, atomicfile.ErrNotDurable) { // which means: in place, and so it is recorded
		return installed, err
	}
	record := o.Record
	record.File, record.CopyOf, record.CType = target.Range.FileName(), path, target.CType
	return installed, errors.Join(err, calib.AppendHistory(target, record))
}

func outcome(i calibdir.Installed) string {
	switch {
	case i.Created:
		return "created"
	case i.Replaced:
		return "replaced"
	}
	return "unchanged"
}

// unwritable tells if an error means that the caller may not write there, which a
// call that deploys nothing survives.
func unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
