package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"deployconstants/jobs/jobdir"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// The estimates; see the package documentation.
const (
	listExperiment = 20 * time.Millisecond
	lookUp         = 200 * time.Microsecond
	readHeaders    = 5 * time.Millisecond
	publishFile    = 10 * time.Millisecond
	publishByte    = 20 * time.Nanosecond
	verifyFile     = 2 * time.Millisecond
	verifyByte     = 5 * time.Nanosecond
)

// Scan returns the experiments that a scan has to look at, sorted by name: those on
// disk and those that the ledger knows, as the filter selects. Of a directory only the
// names are read. Errors are those of dataset.Catalog.Facility, which also a single
// process would not scan in spite of.
func Scan(ctx context.Context, catalog dataset.Catalog, filter ledger.Filter, known *ledger.Index, pool pipeline.Options) ([]jobdir.Work, error) {
	if err := filter.Check(); err != nil {
		return nil, err
	}
	places, err := catalog.Facility(ctx, dataset.FacilityOptions{Match: filter.MatchExperiment})
	if err != nil {
		return nil, err
	}
	var all []jobdir.Work
	present := map[string]bool{}
	source := func(_ context.Context, emit func(dataset.Place) error) error {
		for _, place := range places {
			if place.Experiment.Name == "" { // an instrument; each task tells of it
				continue
			}
			if err := emit(place); err != nil {
				return err
			}
		}
		return nil
	}
	estimate := func(_ context.Context, place dataset.Place) (jobdir.Work, error) { return scanWork(place, known), nil }
	err = pipeline.Run(ctx, pool, source, estimate, func(r pipeline.Result[dataset.Place, jobdir.Work]) error {
		present[r.Out.Experiment] = true
		all = append(all, r.Out)
		return r.Err
	})
	if err != nil {
		return nil, err
	}
	for _, name := range known.Experiments() {
		e, _ := known.Experiment(name)
		if !present[name] && filter.MatchExperiment(e.Instrument(), name) {
			all = append(all, jobdir.Work{Experiment: name, Instrument: e.Instrument(), Time: listExperiment})
		}
	}
	slices.SortFunc(all, func(a, b jobdir.Work) int { return strings.Compare(a.Experiment, b.Experiment) })
	return all, nil
}

func scanWork(place dataset.Place, known *ledger.Index) jobdir.Work {
	w := jobdir.Work{Experiment: place.Experiment.Name, Instrument: place.Experiment.Instrument, Dir: place.Dir, Time: listExperiment}
	if place.HasData {
		w.Files = countXTC(place.Dir)
	}
	read := 0
	if e, found := known.Experiment(w.Experiment); found {
		for _, number := range e.Numbers() {
			for range e.Files(number) {
				read++
			}
		}
	}
	fresh := max(w.Files-read, 0)
	w.Time += time.Duration(w.Files-fresh)*lookUp + time.Duration(fresh)*readHeaders
	return w
}

// countXTC counts the names of XTC files; a directory that cannot be read is told by
// the task.
func countXTC(dir string) (count int) {
	f, err := os.Open(dir)
	if err != nil {
		return 0
	}
	defer f.Close() // only read
	for {
		names, err := f.Readdirnames(4096)
		for _, name := range names {
			if strings.HasSuffix(name, ".xtc") {
				count++
			}
		}
		if err != nil {
			return count
		}
	}
}

// Apply returns the experiments of a plan that something is to be done in, in the order
// of the plan. Place tells instrument and directory of the XTC files of an experiment.
func Apply(plan io.Reader, place func(experiment string) (instrument, dir string, err error)) ([]jobdir.Work, error) {
	reader, err := planfile.NewReader(plan, planfile.Limits{})
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var all []jobdir.Work
	for item, err := range reader.Items() {
		if err != nil {
			return nil, err
		}
		if !item.Action.Changes() || item.Kind == planfile.KindDirectory {
			continue
		}
		if n := len(all); n == 0 || all[n-1].Experiment != item.Experiment {
			w := jobdir.Work{Experiment: item.Experiment}
			if w.Instrument, w.Dir, err = place(item.Experiment); err != nil {
				return nil, err
			}
			all = append(all, w)
		}
		w := &all[len(all)-1]
		w.Files++
		w.Time += publishFile
		if item.Action.Publishes() {
			w.Bytes += item.Constants.Size
			w.Time += time.Duration(item.Constants.Size) * publishByte
		}
	}
	return all, nil
}

// Verify returns the experiments that have deployed files, or will have when the plan
// is carried out, in the order in which verify.Verify comes to them: that of the paths.
// The filter selects as it does there. A nil plan is none.
func Verify(deployed *tx.Deployed, filter ledger.Filter, plan io.Reader, calibDir func(experiment string) (string, error)) ([]jobdir.Work, error) {
	type entry struct {
		jobdir.Work
		path string // of the calib directory
	}
	found := map[string]*entry{}
	add := func(experiment, calibDir string, size int64) {
		e := found[experiment]
		if e == nil {
			e = &entry{Work: jobdir.Work{Experiment: experiment}, path: calibDir}
			found[experiment] = e
		}
		e.Files++
		e.Bytes += size
		e.Time += verifyFile + time.Duration(size)*verifyByte
	}
	for owned := range deployed.Paths() {
		if filter.MatchExperiment(dataset.InstrumentOf(owned.Experiment), owned.Experiment) {
			add(owned.Experiment, owned.CalibDir, owned.Size)
		}
	}
	if plan != nil {
		reader, err := planfile.NewReader(plan, planfile.Limits{})
		if err != nil {
			return nil, err
		}
		defer reader.Close()
		for item, err := range reader.Items() {
			if err != nil {
				return nil, err
			}
			if item.Kind != planfile.KindFile || !item.Action.Changes() {
				continue
			}
			dir, err := calibDir(item.Experiment)
			if err != nil { // apply leaves it alone, and says so
				continue
			}
			add(item.Experiment, dir, item.Constants.Size)
		}
	}
	var all []*entry
	for _, e := range found {
		all = append(all, e)
	}
	slices.SortFunc(all, func(a, b *entry) int { return strings.Compare(a.path+"/"+a.Experiment, b.path+"/"+b.Experiment) })
	work := make([]jobdir.Work, len(all))
	for i, e := range all {
		work[i] = e.Work
	}
	return work, nil
}

// Cut cuts work into shards that take about each, at most limit of them.
func Cut(work []jobdir.Work, each time.Duration, limit int) []jobdir.Shard {
	if len(work) == 0 {
		return nil
	}
	var shards []jobdir.Shard
	for _, run := range jobdir.Balance(work, jobdir.Tasks(work, each, limit)) {
		shards = append(shards, jobdir.Shard{Work: run})
	}
	return shards
}

// Split gives each shard of an apply the items of its experiments, as a plan of its
// own with the header of the whole. Experiments of the plan that are in no shard are
// left out.
func Split(plan io.Reader, shards []jobdir.Shard) error {
	reader, err := planfile.NewReader(plan, planfile.Limits{})
	if err != nil {
		return err
	}
	defer reader.Close()
	of := map[string]int{}
	for i, shard := range shards {
		for _, w := range shard.Work {
			of[w.Experiment] = i
		}
	}
	var part bytes.Buffer
	var writer *planfile.Writer
	current := -1
	end := func() error {
		if writer == nil {
			return nil
		}
		err := writer.Close()
		shards[current].Plan, writer = bytes.Clone(part.Bytes()), nil
		return err
	}
	for item, err := range reader.Items() {
		if err != nil {
			return errors.Join(err, end())
		}
		i, wanted := of[item.Experiment]
		if !wanted {
			continue
		}
		if i != current {
			if i < current {
				return fmt.Errorf("experiment %s of shard %d comes behind shard %d", item.Experiment, i+1, current+1)
			}
			if err := end(); err != nil {
				return err
			}
			part.Reset()
			if writer, err = planfile.NewWriter(&part, reader.Header()); err != nil {
				return err
			}
			current = i
		}
		if err := writer.Write(item); err != nil {
			return err
		}
	}
	return end()
}
