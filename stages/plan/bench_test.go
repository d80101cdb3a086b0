package plan_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"deployconstants/jobs/planfile"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/digest"
	"deployconstants/stages/plan"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// BenchmarkPlan plans a facility in which all is right: experiments of 100 runs and
// 5 detectors, with gain and pedestals, 20 files in each experiment. The ratio
// compares it with the bare open, getdents and fstatat of the same directories.
func BenchmarkPlan(b *testing.B) {
	const experiments, runs, detectors = 200, 100, 5
	s := newSite(b)
	s.write(b, "repo/epix100a/default/epix100a_default_pedestals.txt", "default\n")
	for e := range experiments {
		name := fmt.Sprintf("xpp%05d", e)
		for run := range runs {
			s.run(b, name, run, 2015+run/50, "1-2")
			r := &s.runs[len(s.runs)-1]
			r.Sources = nil
			for d := range detectors {
				r.Sources = append(r.Sources, ledger.Source{Name: fmt.Sprintf("XcsEndstation.0:Epix100a.%d", d), Type: "epix100a", ID: "1-2"})
			}
		}
	}
	s.options.Owner = s.carryOut(b, s.plan(b))
	time.Sleep(2 * digest.Settled)
	index := s.index(b)
	r, err := repo.Open(filepath.Join(s.dir, "repo"), repo.Options{Group: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	snapshot, err := resolve.Load(b.Context(), r, resolve.Options{})
	if err != nil {
		b.Fatal(err)
	}
	o := s.options
	o.Repository, o.Digests = r, s.digests
	o.CalibDir = func(e *ledger.Experiment) (string, error) { return filepath.Join(s.dir, e.Name(), "calib"), nil }

	bare := func() {
		for e := range experiments {
			view, err := calibdir.OpenView(filepath.Join(s.dir, fmt.Sprintf("xpp%05d", e), "calib"))
			for d := range detectors {
				for _, ctype := range []string{"pixel_gain", "pedestals"} {
					_, failed := view.Folder(calibdir.Target{Dir: filepath.Join(s.dir, fmt.Sprintf("xpp%05d", e), "calib"), Group: group,
						Source: fmt.Sprintf("XcsEndstation.0:Epix100a.%d", d), CType: ctype})
					err = errors.Join(err, failed)
				}
			}
			if err := errors.Join(err, view.Close()); err != nil {
				b.Fatal(err)
			}
		}
	}
	var planned, listed time.Duration
	decisions := 0
	b.ReportAllocs()
	for b.Loop() {
		started := time.Now()
		summary, err := plan.Plan(b.Context(), o, index, snapshot, func(item planfile.Item) error { return nil })
		planned += time.Since(started)
		if err != nil || summary.Changes() > 0 {
			b.Fatal(summary, err)
		}
		decisions += summary.Decisions
		started = time.Now()
		bare()
		listed += time.Since(started)
	}
	b.ReportMetric(float64(decisions)/planned.Seconds(), "decisions/s")
	b.ReportMetric(planned.Seconds()/listed.Seconds(), "plan/listing")
}
