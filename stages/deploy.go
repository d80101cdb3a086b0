package stages

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// ErrNotMerged says that something else counts than what is to be merged of tables of panels.
var ErrNotMerged = errors.New("the tables of the panels are not merged")

// DeployOptions say what one call of the documented command shall do. All fields
// but Experiment, Stamp, and CalibDir are mandatory.
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
	Record   calibdir.HistoryRecord // user, host, time, and working directory; Deploy adds the files

	Judge Judge // of the content that Deploy publishes; nil: nobody, as in the documented command

	Merged bool // deploy only what is merged of tables of panels, as those that were just made
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

const kindMerged = "merged"

// Outcomes of a call that publishes nothing.
const (
	OutcomeNotDeployed  = "not deployed"
	OutcomeNothingValid = "nothing valid"
	outcomeUnchanged    = "unchanged"
)

// Deploy does what the documented command does: it identifies the detector,
// selects the constants that are valid for it, and, where asked, publishes them in
// the calib directory and appends the HISTORY line. The Deployment is meaningful
// also beside an error, as far as Deploy came.
//
// ErrNothingValid is returned only where deployment was asked for. Content that is held
// back is an error that wraps a *content.Problem; nothing is published then.
func Deploy(ctx context.Context, o DeployOptions, log logrus.FieldLogger) (Deployment, error) {
	c := call{DeployOptions: o, log: log, done: Deployment{Dataset: o.Dataset.String()}}
	var err error
	c.id, err = Identify(ctx, o.Catalog, o.Dataset, o.Detector)
	c.warnOfRun()
	if err != nil {
		return c.done, err
	}
	c.describe()
	found, err := c.selectConstants(ctx)
	if err != nil {
		return c.done, err
	}
	c.done.Alias, c.done.Constants, c.done.Kind = found.alias, found.path, found.kind
	switch {
	case found.path != "" && c.Merged && found.kind != kindMerged:
		err = fmt.Errorf("%w: %s counts instead, and is not deployed; the log says why", ErrNotMerged, found.path)
	case found.path == "":
		err = c.nothingValid("there is no file for this panel and time, and no default " + found.defaultPath)
	default:
		err = c.publish(ctx, found)
	}
	return c.done, err
}

// call is one call of Deploy under way.
type call struct {
	DeployOptions
	log  logrus.FieldLogger
	id   Identity
	done Deployment
}

// warnOfRun logs what is wrong with the run, as far as it was read.
func (c *call) warnOfRun() {
	if c.id.Run == nil {
		return
	}
	for _, warning := range c.id.Run.Warnings {
		c.log.WithField(logx.Reason, warning).Warn("the run is not as it should be")
	}
}

// describe takes over and logs what the XTC headers say. From here on Stamp is the
// time to search for, typed or the run's.
func (c *call) describe() {
	d, panel := &c.done, c.id.Panel
	d.Experiment, d.Run = c.Experiment, c.Run
	if d.Experiment == "" {
		d.Experiment = c.id.Dataset.Experiment.Name
	}
	if d.Run < 0 {
		d.Run = c.id.Run.Number
	}
	d.Source, d.Type, d.ID, d.IDIsName, d.CType = panel.Source, panel.Type.Name, panel.ID, panel.IsName, string(c.CType)
	c.log.WithFields(logrus.Fields{
		logx.Experiment: d.Experiment, logx.Run: d.Run, logx.Source: d.Source, logx.ID: d.ID,
	}).Info("detector identified")

	run, option := repo.StampOf(c.id.Time, c.Zone), c.Stamp.String()
	if c.Stamp == 0 {
		c.Stamp, option = run, "none"
	}
	d.RunStamp, d.Stamp = run.String(), c.Stamp.String()
	c.log.WithFields(logrus.Fields{
		logx.Now: repo.StampOf(c.Record.Time, c.Zone), logx.RunStamp: run, logx.Option: option, logx.Stamp: c.Stamp,
	}).Info("time stamps")
	if repo.StampRepeats(c.id.Time, c.Zone) {
		c.log.WithField(logx.RunStamp, run).Warn("the run lies in the hour that the end of daylight saving time repeats; its stamp stands for two instants")
	}
}

// nothingValid ends a call for which the repository has no constants.
func (c *call) nothingValid(why string) error {
	d := &c.done
	d.Constants, d.Kind, d.Target, d.Outcome = "", repo.None.String(), "", OutcomeNothingValid
	if !c.Deploy {
		return nil
	}
	return fmt.Errorf("%w: type %s, ctype %s, id %s, time %s: %s", ErrNothingValid, d.Type, d.CType, d.ID, d.Stamp, why)
}

// publish copies the chosen file into the calib directory, if that is asked for.
func (c *call) publish(ctx context.Context, found chosen) error {
	target, err := c.target()
	if err != nil {
		return err
	}
	c.done.Target, c.done.Outcome = target.Path(), OutcomeNotDeployed
	if found.pending {
		return nil
	}
	constants, err := c.Repository.OpenConstants(found.path)
	if errors.Is(err, fs.ErrNotExist) { // a link that leads nowhere
		c.log.WithField(logx.Path, found.path).Warn("NON EXISTENT file")
		return c.nothingValid(found.path + " is a link that leads nowhere")
	}
	if err != nil {
		return err
	}
	defer constants.Close()
	c.log.WithFields(logrus.Fields{logx.From: found.path, logx.Target: c.done.Target}).Info("ready to deploy calib file")
	switch {
	case !c.Deploy:
		c.log.WithField(logx.Path, target.Dir).Warn("add option -D to deploy files under the calib directory")
		return nil
	case c.DryRun:
		c.log.WithField(logx.Target, c.done.Target).Info("dry run: nothing is made")
		return nil
	}
	if err := c.judge(ctx, target, constants, found.path); err != nil {
		return err
	}
	return c.install(ctx, target, constants, found.path)
}

// target is the file that psana will read.
func (c *call) target() (calibdir.Target, error) {
	dir := c.CalibDir
	if dir == "" {
		if dir = c.id.Dataset.CalibDir; dir == "" {
			return calibdir.Target{}, fmt.Errorf("data set %s belongs to no experiment with a known calib directory; name one with -c", c.Dataset)
		}
	}
	return calibdir.Target{
		Dir: dir, Group: c.id.Panel.Type.Group, Source: c.done.Source, CType: string(c.CType.Deployed()), Range: c.Range,
	}, nil
}

// install publishes the constants as the target and records it in HISTORY. A
// HISTORY that cannot take the record is found before anything is published.
func (c *call) install(ctx context.Context, target calibdir.Target, constants io.Reader, path string) error {
	calib, err := calibdir.Create(target.Dir, c.Calib)
	if err != nil {
		return err
	}
	defer calib.Close()
	if err := calib.CheckHistory(ctx, target); err != nil {
		return err
	}
	installed, err := calib.Install(ctx, target, constants, calibdir.InstallOptions{})
	if err != nil && !errors.Is(err, atomicfile.ErrNotDurable) { // which means: in place, and so it is recorded
		return err
	}
	c.report(installed)
	record := c.Record
	record.File, record.CopyOf, record.CType = target.Range.FileName(), path, target.CType
	if historyErr := calib.AppendHistory(ctx, target, record); historyErr != nil {
		err = errors.Join(err, fmt.Errorf("%s is deployed, but not recorded: %w", c.done.Target, historyErr))
	}
	return err
}

// report takes over and logs what was published.
func (c *call) report(installed calibdir.Installed) {
	d := &c.done
	d.Outcome, d.Bytes, d.SHA256 = outcome(installed), installed.Bytes, fmt.Sprintf("%x", installed.SHA256)
	log := c.log.WithField(logx.Target, d.Target)
	if installed.OwnerChanged() {
		log.WithField(logx.Owner, installed.Previous.UID).Warn("the replaced file belonged to another user; the new one is yours")
	}
	log.WithFields(logrus.Fields{logx.Outcome: d.Outcome, logx.Bytes: d.Bytes, logx.SHA256: d.SHA256}).Info("deployed")
}

func outcome(i calibdir.Installed) string {
	switch {
	case i.Created:
		return "created"
	case i.Replaced:
		return "replaced"
	}
	return outcomeUnchanged
}

// unwritable tells if an error means that the caller may not write there, which a
// call that deploys nothing survives.
func unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS)
}
