package dataset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// DefaultRoot is psana's data root where $SIT_PSDM_DATA is not set.
const DefaultRoot = "/reg/d/psdm"

// A Catalog knows where the experiments' data are.
type Catalog struct {
	// Roots are the directories that hold <INSTR>/<experiment>/xtc; the first one
	// that has a data set's directory counts. Empty: DefaultRoot alone.
	Roots []string
	// Experiments is the experiment table. Nil: Builtin.
	Experiments *Experiments
}

// A Dataset is a data set that has been looked up.
type Dataset struct {
	Spec       Spec
	Experiment Experiment // the zero value for a file whose name has no experiment number
	Dir        string     // of the XTC files, without smalldata; empty where the experiment is not known
	CalibDir   string     // of the experiment; empty where the experiment is not known
	Runs       []RunFiles // ascending; nil after Locate
	Missing    []int      // runs asked for one by one that have no file
}

// CalibDir returns the directory of an experiment's deployed constants.
func CalibDir(root, instrument, experiment string) string {
	return experimentDir(root, instrument, experiment, "calib")
}

func experimentDir(root, instrument, experiment, what string) string {
	return filepath.Join(root, instrument, experiment, what)
}

// Find looks a data set up and lists its files. Besides the errors of Locate it
// returns ErrNoRun, ErrNoRoot, ErrNoDirectory, ErrNoFiles, or that of the system
// for a directory that cannot be read. Runs of a range that have no files are left
// out; ErrNoFiles says that no run has any.
//
// A single file is not opened or looked for; it is the caller's whether it exists.
func (c Catalog) Find(spec Spec) (*Dataset, error) {
	found, err := c.Locate(spec)
	if err != nil {
		return nil, err
	}
	if spec.IsFile {
		found.Runs = GroupRuns([]FileName{ParseFileName(spec.Path)})
		return found, nil
	}
	if spec.Runs.Empty() {
		return nil, fmt.Errorf("%w: write %s:run=<run>", ErrNoRun, spec)
	}
	dir := found.Dir
	if spec.SMD {
		dir = filepath.Join(dir, "smalldata")
	}
	names, err := readDir(dir)
	if err != nil {
		return nil, found.explainExperiment(c.explainDirectory(spec, dir, err))
	}
	list := listing{dir: dir, small: spec.SMD, prefix: found.Experiment.filePrefix()}
	list.read(names)
	found.Runs = GroupRuns(list.matching(spec))
	if len(found.Runs) == 0 {
		return nil, list.explain(spec)
	}
	for _, one := range spec.Runs {
		has := func(run RunFiles) bool { return one.Contains(run.Run) }
		if one.First == one.Last && !slices.ContainsFunc(found.Runs, has) {
			found.Missing = append(found.Missing, int(one.First))
		}
	}
	return found, nil
}

// Locate says where the files of a data set and the constants of its experiment
// are, without looking for runs. The error is that of Experiments.Lookup. A file
// whose experiment is not in the table is no error.
func (c Catalog) Locate(spec Spec) (*Dataset, error) {
	table := c.Experiments
	if table == nil {
		table = Builtin()
	}
	found := &Dataset{Spec: spec}
	if spec.IsFile {
		number, _ := ParseFileName(spec.Path).ExperimentNumber()
		row, known := table.ByNumber(number)
		if !known {
			return found, nil
		}
		found.Experiment = row
	} else {
		row, err := table.Lookup(spec.Exp)
		if err != nil {
			return nil, err
		}
		found.Experiment = row
	}
	exp := found.Experiment
	root := c.rootOf(exp)
	found.CalibDir = CalibDir(root, exp.Instrument, exp.Name)
	found.Dir = spec.Dir
	if found.Dir == "" {
		found.Dir = experimentDir(root, exp.Instrument, exp.Name, "xtc")
	}
	return found, nil
}

// rootOf returns the first root with the experiment's xtc directory, else the
// first with the experiment's own, else the first.
func (c Catalog) rootOf(exp Experiment) string {
	roots := c.roots()
	for _, what := range []string{"xtc", ""} {
		for _, root := range roots {
			info, err := os.Stat(experimentDir(root, exp.Instrument, exp.Name, what))
			if err == nil && info.IsDir() {
				return root
			}
		}
	}
	return roots[0]
}

func (c Catalog) roots() []string {
	if len(c.Roots) == 0 {
		return []string{DefaultRoot}
	}
	return c.Roots
}

// filePrefix returns what the names of the experiment's files begin with.
func (e Experiment) filePrefix() string {
	if e.Number == 0 {
		return e.Name
	}
	return fmt.Sprintf("e%d", e.Number)
}

// readDir lists the regular files of a directory, through symbolic links, sorted.
func readDir(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, entry := range entries {
		mode := entry.Type()
		if mode&fs.ModeSymlink != 0 {
			info, err := os.Stat(filepath.Join(dir, entry.Name()))
			if err != nil {
				continue // a dangling link is no file of the run
			}
			mode = info.Mode()
		}
		if mode.IsRegular() {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// explainExperiment adds to the error of a missing directory that it was made of an
// experiment's name alone.
func (d *Dataset) explainExperiment(err error) error {
	if d.Experiment.Number != 0 || d.Spec.Dir != "" || !errors.Is(err, ErrNoDirectory) {
		return err
	}
	return fmt.Errorf("%w (%s is not in the experiment table, so its instrument was taken from its name; is SIT_DATA set?)",
		err, d.Experiment.Name)
}

// explainDirectory says how far the path to a directory exists.
func (c Catalog) explainDirectory(spec Spec, dir string, err error) error {
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("list data set: %w", err)
	}
	for _, root := range c.roots() {
		if _, statErr := os.Stat(root); spec.Dir == "" && errors.Is(statErr, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s, searched for %s; is it mounted?", ErrNoRoot, root, dir)
		}
	}
	parent := filepath.Dir(dir)
	for parent != filepath.Dir(parent) {
		if _, statErr := os.Stat(parent); statErr == nil {
			break
		}
		parent = filepath.Dir(parent)
	}
	if parent == "/" { // what stands there tells nobody anything
		return fmt.Errorf("%w: %s", ErrNoDirectory, dir)
	}
	return fmt.Errorf("%w: %s; %s has %s", ErrNoDirectory, dir, parent, subdirectories(parent))
}

// subdirectories names some of the directories in dir.
func subdirectories(dir string) string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "no readable contents"
	}
	var names []string
	for _, entry := range entries {
		if !entry.Type().IsRegular() {
			names = append(names, entry.Name())
		}
	}
	if len(names) == 0 {
		return "no directories"
	}
	return some(names, 12)
}
