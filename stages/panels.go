package stages

import (
	"context"
	"errors"
	"fmt"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/panels"
	"deployconstants/xtc/dataset"
)

// PanelsOptions say what one call of a command for detectors of many panels shall
// do.
type PanelsOptions struct {
	// DeployOptions are those of the documented command, but for Repository and
	// CType, which are not used.
	DeployOptions

	Gains *panels.Gains
	Kinds []panels.Kind // what is merged, of the family of Gains

	Panels   []int         // indices of the panels to merge; nil: all
	Fill     bool          // put defaults where constants are missing
	StampRun *dataset.Spec // instead of Stamp: the time of this run
	FromRun  bool          // the range begins with the run
}

// PanelsDeployment is what one call of a command for detectors of many panels found
// and did.
type PanelsDeployment struct {
	Dataset    string          `json:"dataset"`
	Experiment string          `json:"experiment"`
	Run        int             `json:"run"`
	Source     string          `json:"source"`
	Type       string          `json:"type"`
	RunStamp   string          `json:"run_stamp"` // facility's zone
	Stamp      string          `json:"stamp"`     // searched for
	Panels     []PanelOfMerge  `json:"panels"`
	Constants  []MergeOfPanels `json:"constants"` // in the order in which they were asked for
}

// PanelOfMerge is a panel whose constants were merged.
type PanelOfMerge struct {
	ID    string `json:"id"`
	Alias string `json:"alias"` // "": it has none, and a dry run gives none
}

// MergeOfPanels is what became of one calibration type.
type MergeOfPanels struct {
	CType     string       `json:"ctype"`     // in the calib directory
	Tables    int          `json:"tables"`    // that were merged
	Filled    []panels.Gap `json:"filled"`    // panels and gains without a table
	Constants string       `json:"constants"` // path of the merged file in the repository
	Target    string       `json:"target"`
	Outcome   string       `json:"outcome"` // "created", "replaced", "unchanged", or "not deployed"
	Bytes     int64        `json:"bytes,omitempty"`
	SHA256    string       `json:"sha256,omitempty"`
}

// DeployPanels does what the documented commands for detectors of many panels do: it
// finds the constants of every panel and gain for the time of the run, merges them
// into one array a calibration type, and, where asked, keeps it in the repository and
// publishes it in the calib directory with a HISTORY line.
//
// Nothing is written before there are tables for everything that was asked for. The
// result is meaningful also beside an error, as far as DeployPanels came. Errors are
// those of Deploy and of package panels; panels.ErrIncomplete only without Fill.
func DeployPanels(ctx context.Context, o PanelsOptions, log logrus.FieldLogger) (PanelsDeployment, error) {
	c := panelsCall{options: o, call: call{
		DeployOptions: o.DeployOptions, log: log, done: Deployment{Dataset: o.Dataset.String()},
	}}
	err := c.run(ctx)
	return c.result, err
}

// panelsCall is one call of DeployPanels under way.
type panelsCall struct {
	call    // with the options that change on the way
	options PanelsOptions
	result  PanelsDeployment
	origin  panels.Origin
	recipes []*panels.Recipe
}

func (c *panelsCall) run(ctx context.Context) error {
	if err := c.identify(ctx); err != nil {
		return err
	}
	ids, err := c.panelIDs()
	if err != nil {
		return err
	}
	for _, id := range ids {
		c.result.Panels = append(c.result.Panels, PanelOfMerge{ID: id})
	}
	for _, kind := range c.options.Kinds {
		if err := c.choose(ids, kind); err != nil {
			return err
		}
	}
	if err := c.aliases(ctx); err != nil {
		return err
	}
	for i, recipe := range c.recipes {
		if err := c.merge(ctx, recipe, &c.result.Constants[i]); err != nil {
			return fmt.Errorf("%s: %w", recipe.Kind.CType, err)
		}
	}
	return nil
}

// identify reads what the XTC headers say of the detector, and of the run whose time
// counts.
func (c *panelsCall) identify(ctx context.Context) (err error) {
	c.id, err = Identify(ctx, c.Catalog, c.Dataset, c.Detector)
	c.warnOfRun()
	if err != nil {
		return err
	}
	if spec := c.options.StampRun; spec != nil {
		other, err := Identify(ctx, c.Catalog, *spec, c.Detector)
		if err != nil {
			return fmt.Errorf("the run whose time counts: %w", err)
		}
		c.Stamp = repo.StampOf(other.Time, c.Zone)
	}
	c.describe()
	r := &c.result
	r.Dataset, r.Experiment, r.Run, r.Source, r.Type = c.done.Dataset, c.done.Experiment, c.done.Run, c.done.Source, c.done.Type
	r.RunStamp, r.Stamp = c.done.RunStamp, c.done.Stamp
	if r.Experiment == "" {
		return fmt.Errorf("data set %s belongs to no experiment; name one with -e", c.Dataset)
	}
	if c.options.FromRun {
		c.Range.Begin = r.Run
		if err := c.Range.Check(); err != nil {
			return fmt.Errorf("%w; name the runs", err)
		}
	}
	c.origin = panels.Origin{Experiment: r.Experiment, Run: r.Run, Stamp: c.Stamp}
	return nil
}

// panelIDs returns the ids of the panels that are merged.
func (c *panelsCall) panelIDs() ([]string, error) {
	if t := c.id.Panel.Type; panels.FamilyOf(t) != c.options.Gains.Family() {
		return nil, fmt.Errorf("%w of the %v: %s", panels.ErrNotPanels, c.options.Gains.Family(), c.done.Source)
	}
	ids, err := panels.Split(c.id.Panel)
	if err != nil || c.options.Panels == nil {
		return ids, err
	}
	part, err := panels.Subset(ids, c.options.Panels)
	if err == nil && len(part) < len(ids) {
		c.log.WithField(logx.Source, c.done.Source).Warnf("%d of %d panels: psana cannot use the constants for the whole detector", len(part), len(ids))
	}
	return part, err
}

// choose finds the tables of a kind, and says what is missing.
func (c *panelsCall) choose(ids []string, kind panels.Kind) error {
	recipe, err := c.options.Gains.Store().Choose(ids, kind, c.Stamp)
	if errors.Is(err, panels.ErrNoPanel) {
		err = fmt.Errorf("%w; its darks must be processed first", err)
	}
	if err != nil {
		return err
	}
	target, err := c.targetOf(kind)
	if err != nil {
		return err
	}
	done := MergeOfPanels{
		CType: kind.Deployed, Tables: len(recipe.Inputs()), Filled: recipe.Gaps(),
		Constants: c.options.Gains.MergePath(kind, c.done.Source, c.origin), Target: target.Path(), Outcome: OutcomeNotDeployed,
	}
	if done.Filled == nil {
		done.Filled = []panels.Gap{}
	}
	c.recipes, c.result.Constants = append(c.recipes, recipe), append(c.result.Constants, done)
	reportRecipe(c.log, recipe)
	if err := recipe.Check(); err != nil && !c.options.Fill {
		return fmt.Errorf("%w; -E puts defaults in their place", err)
	}
	return nil
}

// reportRecipe logs which tables were chosen, and where there are none.
func reportRecipe(log logrus.FieldLogger, recipe *panels.Recipe) {
	log = log.WithField(logx.CType, recipe.Kind.CType)
	for _, input := range recipe.Inputs() {
		log.WithFields(logrus.Fields{logx.From: input.Path, logx.Stamp: recipe.At}).Debug("file for time stamp")
	}
	for _, gap := range recipe.Gaps() {
		entry := log.WithFields(logrus.Fields{logx.Panel: gap.Panel, logx.ID: gap.ID, logx.Gain: gap.Gain, logx.Value: gap.Value})
		if gap.Expected {
			entry.Info("no file, as no dark gives one: default constants")
			continue
		}
		entry.Warn("NOT FOUND: no file of this gain for time stamp")
	}
}

// aliases finds the aliases of the panels, which name the files that are written.
func (c *panelsCall) aliases(ctx context.Context) (err error) {
	for i := range c.result.Panels {
		p := &c.result.Panels[i]
		if c.writes() {
			p.Alias, err = c.options.Gains.Alias(ctx, c.id.Panel.Type, p.ID)
		} else {
			p.Alias, err = c.options.Gains.LookupAlias(c.id.Panel.Type, p.ID)
		}
		if err != nil {
			return err
		}
		c.log.WithFields(logrus.Fields{logx.Panel: i, logx.ID: p.ID, logx.Alias: p.Alias}).Info("panel")
	}
	return nil
}

// writes reports whether anything but the log is made.
func (c *panelsCall) writes() bool { return c.Deploy && !c.DryRun }

// targetOf is the file that psana will read.
func (c *panelsCall) targetOf(kind panels.Kind) (calibdir.Target, error) {
	c.CType = repo.CType(kind.Deployed)
	return c.target()
}

// merge makes the array of a kind; keeps it, by panel and whole, in the repository;
// and deploys it. A call without deployment makes it, to show that it can be made.
func (c *panelsCall) merge(ctx context.Context, recipe *panels.Recipe, done *MergeOfPanels) error {
	merged, err := recipe.Merge(ctx)
	if err != nil {
		return err
	}
	log := c.log.WithField(logx.CType, done.CType)
	log.WithFields(logrus.Fields{logx.Tables: done.Tables, logx.Shape: merged.Shape(), logx.Path: done.Constants}).Info("merged constants")
	if !c.writes() {
		log.WithField(logx.Target, done.Target).Warn("add option -D to write the merged constants and to deploy them")
		return nil
	}
	for i, p := range c.result.Panels {
		path, err := c.options.Gains.WritePanel(recipe.Kind, p.ID, p.Alias, c.origin, merged.Panel(i))
		if err != nil {
			return err
		}
		log.WithFields(logrus.Fields{logx.Panel: i, logx.Path: path}).Info("constants of the panel")
	}
	path, err := c.options.Gains.WriteMerge(recipe.Kind, c.done.Source, c.origin, merged.Array)
	if err != nil {
		return err
	}
	return c.deploy(ctx, recipe, path, done)
}

// deploy copies the merged file into the calib directory.
func (c *panelsCall) deploy(ctx context.Context, recipe *panels.Recipe, path string, done *MergeOfPanels) (err error) {
	target, err := c.targetOf(recipe.Kind)
	if err != nil {
		return err
	}
	constants, err := c.options.Gains.OpenConstants(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, constants.Close()) }()
	c.done.Target, c.Record.Comment = done.Target, defaultsIn(recipe)
	c.log.WithFields(logrus.Fields{logx.From: path, logx.Target: done.Target}).Info("ready to deploy calib file")
	err = c.install(ctx, target, constants, path)
	done.Outcome, done.Bytes, done.SHA256 = c.done.Outcome, c.done.Bytes, c.done.SHA256
	return err
}

// defaultsIn is what HISTORY says of constants that are not all measured.
func defaultsIn(recipe *panels.Recipe) string {
	missing := 0
	for _, gap := range recipe.Gaps() {
		if !gap.Expected {
			missing++
		}
	}
	if missing == 0 {
		return ""
	}
	return fmt.Sprintf("defaults for %d missing of %d gains and panels", missing, len(recipe.IDs)*len(recipe.Kind.Gains()))
}
