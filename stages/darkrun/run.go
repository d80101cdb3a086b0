package darkrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
)

// Run processes all runs of the data set. What went wrong with single runs and darks is
// in the report; the error is for what leaves nothing to report: a data set that cannot
// be found, or the end of ctx.
func Run(ctx context.Context, o Options, log logrus.FieldLogger) (Report, error) {
	report := Report{Dataset: o.Dataset.String(), Runs: []RunReport{}, Darks: []Dark{}}
	if o.WorkDir != "" && !o.DryRun {
		info, err := os.Stat(o.WorkDir)
		if err == nil && !info.IsDir() {
			err = &fs.PathError{Op: "open", Path: o.WorkDir, Err: syscall.ENOTDIR}
		}
		if err != nil {
			return report, fmt.Errorf("work directory: %w", err)
		}
	}
	if o.Injection != nil && o.Params.Collected == nil {
		collected := injectionCollected
		o.Params.Collected = &collected
	}
	found, err := o.Catalog.Find(o.Dataset)
	if err != nil {
		return report, err
	}
	if o.Experiment == "" {
		o.Experiment = found.Experiment.Name
	}
	if o.Experiment == "" {
		return report, fmt.Errorf("data set %s belongs to no experiment that is known, and the name of files needs one; name it with -e", o.Dataset)
	}
	for _, run := range found.Missing {
		missing := RunReport{Run: run}
		missing.fail(fmt.Errorf("run %d: %w in %s", run, dataset.ErrNoFiles, found.Dir))
		report.Runs = append(report.Runs, missing)
	}
	for _, files := range found.Runs {
		p := &pass{Options: &o, files: files, log: log.WithField(logx.Run, files.Run), out: &report}
		p.report.Run = files.Run
		err := p.run(ctx)
		report.Runs = append(report.Runs, p.report)
		if err != nil {
			return report, err
		}
	}
	return report, nil
}

// A pass goes once over the events of a run.
type pass struct {
	*Options
	files  dataset.RunFiles
	log    logrus.FieldLogger
	report RunReport
	out    *Report

	began  time.Time // of the run; zero: unknown
	stamp  repo.Stamp
	makers []maker
}

// A maker makes the darks of one detector.
type maker interface {
	begin(*dataset.Event)                    // of a cycle
	event(event *dataset.Event, wanted bool) // an L1Accept
	end(context.Context) error               // of a cycle
	finish(context.Context) error            // of the run
	done() bool                              // no more events are wanted
	close()                                  // ends the workers of a dark that is not made
}

func (p *pass) run(ctx context.Context) (err error) {
	events, err := dataset.OpenEvents(ctx, p.files, dataset.Options{})
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.report.fail(fmt.Errorf("run %d: %w", p.files.Run, err))
		return nil
	}
	defer func() { err = errors.Join(err, events.Close()) }()
	if p.Codes != nil {
		events.SelectCodes()
	}
	p.choose(events)
	defer p.close()
	if len(p.makers) == 0 {
		p.note(events)
		return nil
	}
	if err := p.read(ctx, events); err != nil {
		return err
	}
	p.note(events)
	for _, m := range p.makers {
		if err := m.finish(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) close() {
	for _, m := range p.makers {
		m.close()
	}
}

// read gives the events to the makers. Where the files break off, those of before count.
func (p *pass) read(ctx context.Context, events *dataset.Events) error {
	inCycle := false
	for !p.done() {
		event, err := events.Next(ctx)
		if err == io.EOF {
			break
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			p.report.fail(fmt.Errorf("run %d: the files break off after %d events: %w", p.files.Run, p.report.Events, err))
			break
		}
		switch event.Transition {
		case xtc.TransitionBeginRun:
			p.begin(event)
		case xtc.TransitionBeginCalibCycle:
			inCycle = true
			for _, m := range p.makers {
				m.begin(event)
			}
		case xtc.TransitionL1Accept:
			p.report.Events++
			wanted := p.wants(event)
			if !wanted {
				p.report.Unwanted++
			}
			for _, m := range p.makers {
				m.event(event, wanted)
			}
		case xtc.TransitionEndCalibCycle:
			inCycle = false
			if err := p.endCycle(ctx); err != nil {
				return err
			}
		}
	}
	if inCycle {
		return p.endCycle(ctx)
	}
	return nil
}

// wants reports whether an event has the codes that are asked for.
func (p *pass) wants(event *dataset.Event) bool {
	if p.Codes == nil {
		return true
	}
	codes, _ := event.Codes()
	return p.Codes.Select(codes)
}

func (p *pass) endCycle(ctx context.Context) error {
	for _, m := range p.makers {
		if err := m.end(ctx); err != nil {
			return err
		}
	}
	return nil
}

// begin takes over the run's time.
func (p *pass) begin(event *dataset.Event) {
	if event.ID == nil || !p.began.IsZero() {
		return
	}
	p.began = event.ID.Clock.Time()
	p.stamp = repo.StampOf(p.began, p.Zone)
	p.report.Run, p.report.Stamp = event.Run, p.stamp.String()
	if repo.StampRepeats(p.began, p.Zone) {
		p.log.WithField(logx.RunStamp, p.stamp).Warn("the run lies in the hour that the end of daylight saving time repeats; its stamp stands for two instants")
	}
}

// done reports whether nobody wants more events.
func (p *pass) done() bool {
	for _, m := range p.makers {
		if _, ok := m.(*single); !ok && !m.done() {
			return false
		}
	}
	return p.singlesDone()
}

// singlesDone reports whether detectors of one gain want no more events. They share one
// loop, which ends with the last of them, as calibrun's does: until then others may get
// more frames than make them full (spec/dark.md section 14, D11). One that has failed
// ends nothing.
func (p *pass) singlesDone() bool {
	for _, m := range slices.Backward(p.makers) {
		if s, ok := m.(*single); ok && s.dark.err == nil {
			return s.done()
		}
	}
	return true
}

// note takes over and logs what the run had.
func (p *pass) note(events *dataset.Events) {
	p.report.Tally = Tally(events.Tally())
	for _, warning := range events.Warnings() {
		p.report.Warnings = append(p.report.Warnings, warning.String())
		p.log.WithField(logx.Reason, warning).Warn("the run is not as it should be")
	}
	t := p.report.Tally
	p.log.WithField(logx.RunStamp, p.report.Stamp).Infof(
		"%d events looked at, %d of them without the event codes; not given out: %d trimmed, %d with EPICS data only, %d without fiducials, %d of one clock; %d torn and %d missing chunks, %d incomplete and %d broken objects",
		p.report.Events, p.report.Unwanted, t.Trimmed, t.EpicsOnly, t.NoFiducials, t.SameClock, t.Torn, t.NoChunk, t.Incomplete, t.Broken)
}
