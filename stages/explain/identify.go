package explain

import (
	"context"
	"fmt"
	"strings"
	"time"

	"deployconstants/stages"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// identify finds the detector and the time of the run, in the ledger if it is
// there.
func (e *explainer) identify(ctx context.Context) error {
	if e.Index != nil {
		if experiment, known := e.Index.Experiment(e.Experiment); known {
			if run, known := experiment.Run(e.Run); known {
				return e.fromLedger(run)
			}
		}
	}
	return e.fromXTC(ctx)
}

// fromLedger takes what the ledger says.
func (e *explainer) fromLedger(run ledger.Run) error {
	x := &e.out
	x.From = "ledger"
	e.setTime(run.BeginRun)
	name := e.Detector
	if inner, wrapped := strings.CutPrefix(name, "DetInfo("); wrapped {
		name = strings.TrimSuffix(inner, ")")
	}
	var names []string
	for _, s := range run.Sources {
		if s.Name == name || s.Alias != "" && s.Alias == name {
			x.Source, x.DetectorAlias, x.Type, x.ID, x.IDIsName, x.Class = s.Name, s.Alias, s.Type, s.ID, s.IDIsName, s.Class
			x.Cause = e.cause(run, s)
			return nil
		}
		names = append(names, s.Name)
	}
	if run.Cause != "" {
		return fmt.Errorf("%w: %s of run %d of %s: the run could not be read: %s", ErrNoDetector, e.Detector, e.Run, e.Experiment, run.Cause)
	}
	return fmt.Errorf("%w: %s of run %d of %s; it has %s", ErrNoDetector, e.Detector, e.Run, e.Experiment, strings.Join(names, ", "))
}

// cause tells why the detector cannot be resolved; "" if it can.
func (e *explainer) cause(run ledger.Run, s ledger.Source) string {
	switch {
	case s.Type == "":
		return "a detector of this kind has no constants"
	case s.ID == "" && s.Cause != "":
		return s.Cause
	case s.ID == "":
		return "the detector has no id"
	case run.BeginRun == 0 && run.Cause != "":
		return run.Cause
	case run.BeginRun == 0:
		return "the time of the run is not known"
	}
	return ""
}

func (e *explainer) setTime(ns int64) {
	if ns != 0 {
		e.begin = time.Unix(0, ns).UTC()
		e.out.BeginRun = e.begin.Format(time.RFC3339Nano)
	}
}

// fromXTC reads the headers of the run.
func (e *explainer) fromXTC(ctx context.Context) error {
	spec, err := dataset.ParseSpec(fmt.Sprintf("exp=%s:run=%d", e.Experiment, e.Run))
	if err != nil {
		return err
	}
	id, err := stages.Identify(ctx, e.Catalog, spec, e.Detector)
	if err != nil {
		return fmt.Errorf("run %d of %s is not in the ledger, and its files say nothing: %w", e.Run, e.Experiment, err)
	}
	x := &e.out
	x.From, x.Source, x.DetectorAlias, x.Class = "xtc", id.Detector.Source, id.Detector.Alias, id.Detector.Class
	x.Type, x.ID, x.IDIsName = id.Panel.Type.Name, id.Panel.ID, id.Panel.IsName
	e.setTime(id.Time.UnixNano())
	return nil
}
