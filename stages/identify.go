package stages

import (
	"context"
	"fmt"
	"time"

	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/xtc/dataset"
)

// Identity is what the XTC headers of a run say about one detector.
type Identity struct {
	Dataset  *dataset.Dataset
	Run      *dataset.Run
	Detector dataset.Detector
	Panel    repo.Panel
	Time     time.Time // clock of BeginRun, UTC; it decides which constants are valid
}

// Identify reads the headers of the first run of the dataset and finds the
// detector in what psana would have in its config store at BeginRun.
//
// The detector is named as psana's Detector takes it: full name, DAQ alias, or
// DetInfo(full name). Identify opens files for reading only. Beside an error the
// Identity holds what was found before it; the warnings of the run may tell why a
// detector is not there.
func Identify(ctx context.Context, catalog dataset.Catalog, spec dataset.Spec, detector string) (Identity, error) {
	var id Identity
	var err error
	if id.Dataset, err = catalog.Find(spec); err != nil {
		return id, err
	}
	if id.Run, err = dataset.ReadRun(ctx, id.Dataset.Runs[0], dataset.Options{}); err != nil {
		return id, fmt.Errorf("data set %s: %w", spec, err)
	}
	if id.Run.BeginRun == nil {
		return id, fmt.Errorf("data set %s: the files of run %d end before its BeginRun, so its time is unknown", spec, id.Run.Number)
	}
	id.Time = id.Run.BeginRun.Clock.Time()
	if id.Detector, err = id.Run.Store.Find(detector); err != nil {
		return id, fmt.Errorf("data set %s: %w", spec, err)
	}
	id.Panel, err = PanelOf(id.Detector)
	return id, err
}

// RunResult is what became of reading one run.
type RunResult = pipeline.Result[dataset.RunFiles, *dataset.Run]

// ReadRuns reads the headers of many runs, several at a time, and hands them to
// sink one by one in the order of runs. A run that cannot be read is a result with
// an error; an error of sink, or the end of ctx, ends ReadRuns.
func ReadRuns(ctx context.Context, runs []dataset.RunFiles, sink func(RunResult) error) error {
	source := func(_ context.Context, emit func(dataset.RunFiles) error) error {
		for _, files := range runs {
			if err := emit(files); err != nil {
				return err
			}
		}
		return nil
	}
	read := func(ctx context.Context, files dataset.RunFiles) (*dataset.Run, error) {
		run, err := dataset.ReadRun(ctx, files, dataset.Options{})
		if err != nil {
			return nil, fmt.Errorf("run %d: %w", files.Run, err)
		}
		return run, nil
	}
	return pipeline.Run(ctx, pipeline.Options{}, source, read, sink)
}

// PanelOf tells under which type and id the repository keeps the constants of a
// detector: the hardware id of its configuration object, or the name form of its
// source where it has none. A detector whose configuration object is damaged has
// no panel.
func PanelOf(det dataset.Detector) (repo.Panel, error) {
	detType, err := repo.TypeOfSource(det.Source)
	if err != nil {
		return repo.Panel{}, err
	}
	id, isName, err := det.ID()
	if err != nil {
		return repo.Panel{}, err
	}
	return repo.Panel{Type: detType, ID: id, Source: det.Source, IsName: isName}, nil
}
