package darkrun

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/repo/panels"
	"deployconstants/stages/dark"
)

// A panelDir is where the tables of a panel go, and how their names begin.
type panelDir struct {
	panel repo.Panel
	dir   string    // below the repository
	name  repo.Name // but for the calibration type
}

// takeTables judges and saves the results of a cycle: one for all panels, or one each.
func (c *camera) takeTables(ctx context.Context, d *Dark, results []*dark.Result, kinds []dark.Kind) {
	d.describe(results...)
	c.draw(d, results)
	if err := c.keepTables(ctx, d, results, kinds); err != nil {
		d.fail(err)
	}
}

func (c *camera) keepTables(ctx context.Context, d *Dark, results []*dark.Result, kinds []dark.Kind) error {
	var pedestals []float64
	each := 0 // panels of a result
	for _, r := range results {
		pedestals = append(pedestals, r.Averages...)
		tables, err := dark.Panels(r.Array(dark.Average))
		if err != nil {
			return err
		}
		each = len(tables)
	}
	panels, err := c.panels(each * len(results))
	if err != nil {
		return err
	}
	stamp, err := c.judge(&d.Made)
	if err != nil {
		return err
	}
	previous, lost := c.previousTables(panels, d.Gain, stamp)
	if err := c.compare(ctx, d, pedestals, previous, lost); err != nil {
		return err
	}
	dirs, err := c.panelDirs(ctx, d.Run, panels, stamp)
	if err != nil {
		return err
	}
	var tables []table
	for _, kind := range kinds {
		for i, dir := range dirs {
			tables = append(tables, table{dir, kind.CType, kind.CType, d.Gain, func(text *bytes.Buffer) error {
				return kind.WriteTable(text, results[i/each], i%each)
			}})
		}
	}
	if err := c.saveTables(ctx, &d.Made, tables); err != nil {
		return err
	}
	if c.switched != nil {
		c.switched(d.Gain, results)
		return nil
	}
	for i, dir := range dirs {
		if err := c.saveSwitched(ctx, &d.Made, dir, d.Gain, results[i/each].Shape, results[i/each].Averages); err != nil {
			return err
		}
	}
	return nil
}

// panelDirs makes directories and aliases of the panels, but in a dry run.
func (c *camera) panelDirs(ctx context.Context, run int, panels []repo.Panel, stamp repo.Stamp) ([]panelDir, error) {
	dirs := make([]panelDir, len(panels))
	for i, panel := range panels {
		dirs[i] = panelDir{panel: panel, name: repo.Name{
			DetType: panel.Type.Name, Stamp: stamp, Experiment: c.Experiment, Run: run,
		}}
	}
	if c.DryRun {
		return dirs, nil
	}
	// The whole detector first: a record of its first panel alone would be taken for
	// that of the detector (see package repo).
	if _, err := c.register(ctx, c.panel, run); err != nil {
		return nil, err
	}
	for i, panel := range panels {
		alias, err := c.register(ctx, panel, run)
		if err != nil {
			return nil, err
		}
		dirs[i].name.Alias = alias
		if dirs[i].dir, err = c.Repository.DetectorDir(panel, alias); err != nil {
			return nil, err
		}
	}
	return dirs, nil
}

// register makes the directories and the alias of a detector or panel.
func (c *camera) register(ctx context.Context, panel repo.Panel, run int) (string, error) {
	if err := c.Repository.MakeTree(panel); err != nil {
		return "", err
	}
	return c.Repository.Alias(ctx, panel, repo.Origin{Experiment: c.Experiment, Run: run})
}

// A table is one of a panel and gain, to be saved.
type table struct {
	dir             panelDir
	in, ctype, mode string // directory in that of the panel; as its name has them
	write           func(*bytes.Buffer) error
}

// saveTables saves tables one after the other, while workers write the text of the next
// ones; in a dry run it only tells of them.
func (c *camera) saveTables(ctx context.Context, m *Made, tables []table) error {
	source := func(_ context.Context, emit func(table) error) error {
		for _, t := range tables {
			if err := emit(t); err != nil {
				return err
			}
		}
		return nil
	}
	work := func(_ context.Context, t table) ([]byte, error) {
		if c.DryRun {
			return nil, nil
		}
		var text bytes.Buffer
		err := t.write(&text)
		return text.Bytes(), err
	}
	sink := func(r pipeline.Result[table, []byte]) error {
		t, err := r.Item, r.Err
		if err == nil {
			err = c.saveTable(m, t, r.Out)
		}
		if err != nil {
			return fmt.Errorf("%s of panel %s: %w", t.ctype, t.dir.panel.ID, err)
		}
		return nil
	}
	return pipeline.Run(ctx, pipeline.Options{Workers: max(1, c.Workers)}, source, work, sink)
}

func (c *camera) saveTable(m *Made, t table, text []byte) error {
	file := File{CType: t.ctype, Outcome: NotSaved}
	if !c.DryRun {
		name := repo.Table{Name: t.dir.name, Mode: t.mode}
		name.CType = t.ctype
		var err error
		if file, err = c.save(file, c.Repository.Dir()+"/"+t.dir.dir+"/"+t.in+"/"+name.String(), text); err != nil {
			return err
		}
	}
	m.Files = append(m.Files, file)
	return nil
}

// switchedModes are the modes of an epix10ka behind the switch of another.
var switchedModes = panels.BehindSwitch()

// saveSwitched derives the pedestals behind the switch of an automatic mode of a panel,
// where the repository has offsets and gains of charge injection before and behind it.
func (c *camera) saveSwitched(ctx context.Context, m *Made, dir panelDir, mode string, shape []int, averages []float64) (err error) {
	behind, switches := switchedModes[mode]
	if !switches || c.DryRun {
		return nil
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("pedestals of panel %s behind the switch of %s: %w", dir.panel.ID, mode, err)
		}
	}()
	var inputs [4][]float64
	var first repo.Table // the first of them
	for i, of := range []struct{ dir, ctype, mode string }{
		{"offset", "offset", mode}, {"offset", "offset", behind}, {"gain", "gainci", mode}, {"gain", "gainci", behind},
	} {
		path, err := panels.InConstants(c.Repository, dir.panel.Type).Newest(dir.panel.ID, of.dir, of.ctype, of.mode, dir.name.Stamp)
		if err != nil {
			return err
		}
		if path == "" {
			c.log.WithField(logx.Panel, dir.panel.ID).Infof("no pedestals of %s: there is no table %s of %s", behind, of.ctype, of.mode)
			return nil
		}
		table, _ := repo.ParseTable(filepath.Base(path), dir.panel.Type.Name, of.ctype, of.mode)
		if i == 0 {
			first = table
		} else if table.Stamp != first.Stamp || table.Run != first.Run {
			c.log.WithFields(logrus.Fields{logx.Panel: dir.panel.ID, logx.Path: path}).Warnf(
				"pedestals of %s are made of tables of charge injection of several runs: %d and %d", behind, first.Run, table.Run)
		}
		if inputs[i], err = c.readConstants(path, len(averages)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	low, err := dark.SwitchedPedestals(averages, inputs[0], inputs[1], inputs[2], inputs[3])
	if err != nil {
		return err
	}
	array := &ndarray.Array{Shape: shape, DType: ndarray.Float64, Floats: low}
	pedestals := string(repo.Pedestals)
	return c.saveTables(ctx, m, []table{{dir, pedestals, pedestals, behind, func(text *bytes.Buffer) error {
		return array.WriteTable(text, "%.3f")
	}}})
}

// previousTables returns the pedestals of each panel in that gain which are older than
// the stamp; none where one has none.
func (c *camera) previousTables(of []repo.Panel, mode string, stamp repo.Stamp) ([]string, error) {
	var all []string
	for _, panel := range of {
		path, err := panels.InConstants(c.Repository, panel.Type).Newest(panel.ID, string(repo.Pedestals), string(repo.Pedestals), mode, stamp-1)
		if err != nil || path == "" {
			return nil, err
		}
		all = append(all, path)
	}
	return all, nil
}
