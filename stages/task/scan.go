package task

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"deployconstants/jobs/jobdir"
	"deployconstants/stages/manifest"
	"deployconstants/stages/scan"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// General are the lines of a scan that are about no experiment: the extra of its
// results. Tasks that come upon the same thing tell the same.
type General struct {
	Lines []manifest.Scan `json:"lines,omitempty"`
}

// ScanOptions say how a shard is scanned.
type ScanOptions struct {
	Job     *jobdir.Job
	Scan    scan.Options // Ledger is set here, and the experiments of Filter
	Records *ledger.Ledger
	Now     func() time.Time
	Tell    func(settled, failed int) // of experiments; may be nil
}

// Scan scans the experiments of a shard, of which the records go to the ledger of the
// job, and publishes its result. What counts as known is what the ledger of the facility
// has, so that it does not matter how often an experiment is scanned for a job.
func Scan(ctx context.Context, a *jobdir.Attempt, o ScanOptions) error {
	general := General{}
	if left := a.Left(); len(left) > 0 {
		known, err := o.Records.Load(ctx)
		if err != nil {
			return err
		}
		if general, err = scanLeft(ctx, a, o, known, left); err != nil {
			return err
		}
	}
	return a.Publish(o.Now(), general)
}

func scanLeft(ctx context.Context, a *jobdir.Attempt, o ScanOptions, known *ledger.Index, left []string) (general General, err error) {
	s, ctx := newSettler(ctx, a, o.Tell)
	defer s.cancel(nil)
	scanning := o.Scan
	scanning.Filter.Experiments = left
	if scanning.Ledger, err = ledger.Open(o.Job.Ledger()); err != nil {
		return general, err
	}
	seen := map[string]bool{}
	result, err := scan.Scan(ctx, scanning, known, func(e scan.Event) {
		switch {
		case e.Kind == scan.Committed:
			s.settle() // all but the experiment at hand
		case !e.InManifest():
		case e.Experiment == "":
			general.Lines = append(general.Lines, manifest.OfScan(e))
		default:
			seen[e.Experiment] = true
			s.line(e.Experiment, manifest.OfScan(e), failureOfScan(e))
		}
	})
	switch {
	case s.err != nil:
		return general, s.err
	case errors.Is(err, dataset.ErrNoRoot), errors.Is(err, dataset.ErrEmptyRoot):
		return general, &NodeError{Err: err} // the submitter saw its experiments
	case err != nil:
		s.settle() // what is complete has been committed
		return general, errors.Join(err, s.err)
	}
	lost := slices.DeleteFunc(left, func(name string) bool { return seen[name] })
	if len(lost) > 0 && len(general.Lines) > 0 {
		return general, &NodeError{Err: fmt.Errorf("%s cannot be found: %s", strings.Join(lost, ", "), result.Problems[0])}
	}
	s.next()
	s.settle()
	s.rest()
	return general, s.err
}

// failureOfScan returns the message of an event that is a failure.
func failureOfScan(e scan.Event) string {
	if e.Problem == nil {
		return ""
	}
	switch e.Problem.Kind {
	case scan.Unreadable, scan.Vanished, scan.Internal:
		if e.Problem.Err == nil {
			return string(e.Problem.Kind)
		}
		return fmt.Sprintf("%s: %v", e.Problem.Kind, e.Problem.Err)
	}
	return ""
}
