package stages

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/geometry"
	"deployconstants/xtc"
)

// GeometryOptions say what one call of the geometry command shall do.
type GeometryOptions struct {
	// DeployOptions are those of the documented command, but for Repository, which
	// is not used. CType is repo.Geometry. Stamp counts with Link only.
	DeployOptions

	Files *geometry.Repository

	Move     bool              // give the detector another Position; a rayonix always gets one
	Parent   string            // frame in which it lies; "": the interaction point's
	Position geometry.Position // tilts become 0 with it

	ByName bool   // look for files of the detector's name, also where the hardware has an alias
	Link   string // file in the directory of the type: link it as the geometry from Stamp on, and deploy nothing
}

// GeometryDeployment is what one call of the geometry command found and did.
type GeometryDeployment struct {
	Deployment
	Name    string           `json:"name"`              // in file names: an alias, or the detector's name
	Moved   *MovedObject     `json:"moved,omitempty"`   // absent: the file is deployed as it is
	Segment string           `json:"segment,omitempty"` // name that the segment of a rayonix got
	Extent  *geometry.Extent `json:"extent,omitempty"`  // of what is deployed; absent: psana could not use it
	Link    string           `json:"link,omitempty"`    // file to which Target is a link
}

// MovedObject is an object in the place that it got.
type MovedObject struct {
	Object string `json:"object"`
	Frame  string `json:"frame"`
	geometry.Position
}

// OutcomeLinked is the outcome of a call that made a link in the repository.
const OutcomeLinked = "linked"

// rayonixPixel is the side of a pixel without binning, in um.
const rayonixPixel = 44.271

// DeployGeometry does what the documented geometry command does: it finds the
// geometry file of a detector for the time of the run, moves the detector where
// asked for, and publishes the result in the calib directory with a HISTORY line.
// With Link it gives the repository a geometry file instead.
//
// The result is meaningful also beside an error, as far as DeployGeometry came.
// Errors are those of Deploy, and of packages geometry and repo.
func DeployGeometry(ctx context.Context, o GeometryOptions, log logrus.FieldLogger) (GeometryDeployment, error) {
	c := geometryCall{options: o, call: call{
		DeployOptions: o.DeployOptions, log: log, done: Deployment{Dataset: o.Dataset.String()},
	}}
	err := c.run(ctx)
	c.result.Deployment = c.done
	return c.result, err
}

// geometryCall is one call of DeployGeometry under way.
type geometryCall struct {
	call    // with the options that change on the way
	options GeometryOptions
	result  GeometryDeployment
}

func (c *geometryCall) run(ctx context.Context) (err error) {
	if c.options.Link == "" && c.Stamp != 0 {
		c.log.WithField(logx.Option, c.Stamp).Warn("the time stamp counts with -a only: the run's time decides which geometry is deployed")
		c.Stamp = 0
	}
	c.id, err = Identify(ctx, c.Catalog, c.Dataset, c.Detector)
	c.warnOfRun()
	if err != nil {
		return err
	}
	c.describe()
	series, err := c.series(ctx)
	if err != nil {
		return err
	}
	c.result.Name = series.Name
	if c.options.Link != "" {
		return c.link(series)
	}
	choice, err := c.choose(series)
	if err != nil {
		return err
	}
	c.done.Constants, c.done.Kind = choice.Path, choice.Kind.String()
	if choice.Kind == repo.None {
		return c.nothingValid("there is no file for this detector and time, and no default " + choice.DefaultPath)
	}
	return c.publish(ctx, choice.Path)
}

// series tells by which name the geometry files of the detector are found. Hardware
// without an alias gets one, if the type is in use.
func (c *geometryCall) series(ctx context.Context) (geometry.Series, error) {
	panel := c.id.Panel
	named := geometry.Series{Type: panel.Type, Name: xtc.SourceName(panel.Source), Days: true}
	used, err := c.options.Files.HasType(panel.Type)
	if err != nil || !geometry.ByHardware(panel.Type) {
		return named, err
	}
	if used {
		if c.done.Alias, err = c.alias(ctx); err != nil {
			return named, err
		}
	}
	if c.options.ByName {
		return named, nil
	}
	return geometry.Series{Type: panel.Type, Name: c.done.Alias}, nil
}

// alias returns the alias of the hardware. Like that of Deploy it is only looked up
// by a dry run, and by a call without deployment that may not write.
func (c *geometryCall) alias(ctx context.Context) (string, error) {
	panel := c.id.Panel
	panel.Source = "" // the records of this repository are without
	if !c.DryRun {
		alias, err := c.options.Files.Alias(ctx, panel, c.origin())
		if err == nil || c.Deploy || !unwritable(err) {
			return alias, err
		}
		c.log.WithError(err).Warn("the repository cannot be written; going on without an alias")
	}
	alias, _, err := c.options.Files.LookupAlias(panel)
	return alias, err
}

// link makes a file of the repository the geometry of the detector from the stamp on.
func (c *geometryCall) link(series geometry.Series) error {
	d := &c.done
	if series.Name == "" {
		series.Name = newAlias
	}
	d.Kind, d.Outcome = repo.None.String(), OutcomeNotDeployed
	d.Target, c.result.Link = c.options.Files.LinkPath(series, c.Stamp), c.options.Link
	linked, err := c.options.Files.CheckLink(series, c.Stamp, c.options.Link)
	if err != nil {
		return fmt.Errorf("link %s: %w", d.Target, err)
	}
	log := c.log.WithFields(logrus.Fields{logx.From: c.options.Link, logx.Target: d.Target})
	switch {
	case linked:
		log.Info("linked already")
		d.Outcome = outcomeUnchanged
		return nil
	case !c.Deploy:
		log.Warn("add option -D to make the link")
		return nil
	case c.DryRun:
		log.Info("dry run: nothing is made")
		return nil
	}
	made, err := c.options.Files.Link(series, c.Stamp, c.options.Link)
	if err != nil {
		return fmt.Errorf("link %s: %w", d.Target, err)
	}
	d.Outcome = outcomeUnchanged
	if made {
		d.Outcome = OutcomeLinked
	}
	log.WithField(logx.Outcome, d.Outcome).Info("geometry linked")
	return nil
}

func (c *geometryCall) choose(series geometry.Series) (geometry.Choice, error) {
	choice, err := c.options.Files.Choose(series, c.Stamp)
	if err != nil {
		return choice, err
	}
	for _, name := range choice.Strays {
		c.log.WithField(logx.Path, name).Warn("stray name in the repository skipped: no " + series.FileName(c.Stamp))
	}
	log := c.log.WithFields(logrus.Fields{logx.Stamp: c.Stamp, logx.Path: choice.Path})
	switch choice.Kind {
	case repo.Specific:
		log.Info("geometry file for time stamp")
	case repo.Default:
		log.Info("no geometry file for time stamp; use the default")
	default:
		c.log.WithField(logx.Path, choice.DefaultPath).Warn("NOT EXISTS file")
	}
	return choice, nil
}

// publish copies the chosen file, or what was made of it, into the calib directory,
// if that is asked for.
func (c *geometryCall) publish(ctx context.Context, path string) error {
	target, err := c.target()
	if err != nil {
		return err
	}
	c.done.Target, c.done.Outcome = target.Path(), OutcomeNotDeployed
	text, err := c.read(path)
	if errors.Is(err, fs.ErrNotExist) { // a link that leads nowhere
		c.log.WithField(logx.Path, path).Warn("NOT EXISTS file")
		return c.nothingValid(path + " is a link that leads nowhere")
	}
	if err != nil {
		return err
	}
	if text, err = c.prepare(text, path); err != nil {
		return err
	}
	c.log.WithFields(logrus.Fields{logx.From: path, logx.Target: c.done.Target}).Info("ready to deploy calib file")
	switch {
	case !c.Deploy:
		c.log.WithField(logx.Path, target.Dir).Warn("add option -D to deploy files under the calib directory")
		return nil
	case c.DryRun:
		c.log.WithField(logx.Target, c.done.Target).Info("dry run: nothing is made")
		return nil
	}
	return c.install(ctx, target, bytes.NewReader(text), path)
}

// read returns a whole geometry file of the repository.
func (c *geometryCall) read(path string) (text []byte, err error) {
	file, err := c.options.Files.OpenConstants(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	text, err = io.ReadAll(io.LimitReader(file, geometry.MaxBytes+1))
	if err == nil && len(text) > geometry.MaxBytes {
		err = fmt.Errorf("%s: %w: more than %d bytes", path, geometry.ErrTooLarge, geometry.MaxBytes)
	}
	return text, err
}

// prepare returns what is deployed: the file as it is, or with the detector moved. A
// file that is deployed as it is need not be right, as constants need not; the log
// says what is wrong with it.
func (c *geometryCall) prepare(text []byte, path string) ([]byte, error) {
	isRayonix := c.id.Panel.Type.Name == "rayonix"
	g, err := geometry.Parse(bytes.NewReader(text))
	switch {
	case err != nil && (c.options.Move || isRayonix):
		return nil, fmt.Errorf("%s: %w", path, err)
	case err != nil:
		c.log.WithError(err).WithField(logx.Path, path).Warn("deployed as it is")
		return text, nil
	}
	if isRayonix {
		c.setMatrix(g)
	}
	if c.options.Move || isRayonix {
		if err := c.move(g); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		text = g.Bytes()
	}
	c.measure(g)
	return text, nil
}

// setMatrix gives the segment of a rayonix the shape and pitch of its configuration.
func (c *geometryCall) setMatrix(g *geometry.Geometry) {
	config, ok := c.id.Detector.Config.(*xtc.RayonixConfig)
	if !ok {
		c.log.WithField(logx.Source, c.done.Source).Warn("the run has no configuration of the rayonix: its segment is not corrected")
		return
	}
	shape := config.Shape()
	m := geometry.Matrix{
		Rows: shape[0], Cols: shape[1],
		RowPitch: rayonixPixel * float64(config.BinningSlow), ColPitch: rayonixPixel * float64(config.BinningFast),
	}
	if g.SetMatrix(m) == 0 {
		c.log.WithField(logx.Segment, m).Warn("the geometry has no matrix of pixels to correct")
		return
	}
	c.result.Segment = m.String()
	c.log.WithField(logx.Segment, m).Info("segment as in the configuration")
}

func (c *geometryCall) move(g *geometry.Geometry) error {
	frame := geometry.Frame{Name: c.options.Parent}
	if c.options.Parent == "" {
		var err error
		if frame, err = g.Beam(); err != nil {
			return fmt.Errorf("%w; name one with --parent", err)
		}
	}
	moved, err := g.Move(frame, c.options.Position)
	if err != nil {
		return err
	}
	c.result.Moved = &MovedObject{Object: moved.Name, Frame: frame.String(), Position: moved.Position}
	c.log.WithFields(logrus.Fields{logx.Frame: frame, logx.Object: moved.Name, logx.Position: moved.Position}).Info("moved")
	c.Record.Comment = fmt.Sprintf("%s in %s moved to %s", moved.Name, frame, moved.Position)
	return nil
}

// measure tells how much room the detector takes, and warns of a geometry for
// another number of pixels than the run's configuration has.
func (c *geometryCall) measure(g *geometry.Geometry) {
	extent, err := g.Extent()
	if err != nil {
		c.log.WithError(err).Warn("psana has no coordinates of pixels from this geometry")
		return
	}
	c.result.Extent = &extent
	c.log.WithField(logx.Extent, fmt.Sprintf("x %.0f to %.0f, y %.0f to %.0f, z %.0f to %.0f um",
		extent.Min[0], extent.Max[0], extent.Min[1], extent.Max[1], extent.Min[2], extent.Max[2])).Info("geometry")
	config := c.id.Detector.Config
	if config == nil || len(config.Shape()) == 0 {
		return
	}
	pixels := 1
	for _, side := range config.Shape() {
		pixels *= side
	}
	if pixels > 0 && pixels != extent.Pixels {
		c.log.WithFields(logrus.Fields{logx.Source: c.done.Source}).Warnf(
			"the geometry has %d pixels, the detector %d", extent.Pixels, pixels)
	}
}
