package sweep_test

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"deployconstants/internal/facility"
	"deployconstants/jobs"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/digest"
	"deployconstants/stages/apply"
	"deployconstants/stages/plan"
	"deployconstants/stages/scan"
	"deployconstants/stages/sweep"
	"deployconstants/stages/verify"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// A site is a facility with what a sweep of it needs.
type site struct {
	*facility.Facility
	options sweep.Options

	// What the last sweep told.
	stages []string
	items  []planfile.Item
	done   []apply.Outcome
	drift  []verify.Finding
}

func newSite(t *testing.T, o facility.Options) *site {
	t.Helper()
	made, err := facility.Make(memory(t), o)
	must(t, err)
	t.Cleanup(func() { must(t, made.Restore()) })
	s := &site{Facility: made}
	state := jobs.State{Dir: made.StateDir()}
	must(t, state.Make())
	repository, err := repo.Open(made.Repository(), repo.Options{DirMode: 0o775, FileMode: 0o664, Group: -1, Zone: zone(t)})
	must(t, err)
	t.Cleanup(func() { must(t, repository.Close()) })
	store, err := tx.Open(state)
	must(t, err)
	records, err := ledger.Open(state.Ledger())
	must(t, err)
	table, err := os.Open(made.Table())
	must(t, err)
	experiments, err := dataset.ReadExperiments(table)
	must(t, errors.Join(err, table.Close()))
	digests, err := digest.Load(state.Digests())
	must(t, err)

	calib := func(e *ledger.Experiment) (string, error) { return filepath.Join(filepath.Dir(e.Dir()), "calib"), nil }
	workers := pipeline.Options{Workers: 2}
	s.options = sweep.Options{
		State: state, Ledger: records, Store: store, Digests: digests, Deploy: true,
		Scan: scan.Options{
			Catalog: dataset.Catalog{Roots: made.Roots(), Experiments: experiments}, Ledger: records, Settle: -1, Workers: 2,
		},
		Plan: plan.Options{
			Repository: repository, CalibDir: calib, Digests: digests, Zone: zone(t), Frozen: made.Frozen(), Pipeline: workers,
		},
		Verify: verify.Options{Zone: zone(t), Pipeline: workers},
		Header: func(repository, records [32]byte) (planfile.Header, error) {
			return planfile.Header{
				Tool: "test", Settings: "none", Zone: zone(t).String(), RepositoryDir: made.Repository(),
				Repository: hex.EncodeToString(repository[:]), Ledger: hex.EncodeToString(records[:]),
			}, nil
		},
		Apply: func(index *ledger.Index) (apply.Options, error) {
			return apply.Options{
				State: state, Repository: repository, Zone: zone(t), User: "datamgr", Host: "host", Dir: "/", Pipeline: workers,
				Calib: calibdir.Options{DirMode: 0o775, FileMode: 0o664, Group: -1},
				CalibDir: func(experiment string) (string, error) {
					e, known := index.Experiment(experiment)
					if !known {
						return "", errors.New("unknown experiment")
					}
					return calib(e)
				},
			}, nil
		},
		Events: sweep.Events{
			Stage: func(name string, _ int) { s.stages = append(s.stages, name) },
			Item:  func(item planfile.Item) { s.items = append(s.items, item) },
			Done:  func(outcome apply.Outcome) { s.done = append(s.done, outcome) },
			Drift: func(f verify.Finding) { s.drift = append(s.drift, f) },
		},
	}
	return s
}

// memory is a directory on a file system in memory, where there is one: what is
// synced again and again need not wait for a disk here.
func memory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "sweep-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// run sweeps as the options say, changed as the caller wants.
func (s *site) run(t *testing.T, change func(*sweep.Options)) (sweep.Report, error) {
	t.Helper()
	s.stages, s.items, s.done, s.drift = nil, nil, nil, nil
	o := s.options
	if change != nil {
		change(&o)
	}
	return sweep.Run(t.Context(), o)
}

// sweep sweeps and deploys, which must succeed.
func (s *site) sweep(t *testing.T) sweep.Report {
	t.Helper()
	report, err := s.run(t, nil)
	must(t, err)
	return report
}

func planOnly(o *sweep.Options) { o.Deploy = false }

// tree is all that a sweep may not change without being told to.
func (s *site) tree(t *testing.T) facility.Snapshot {
	t.Helper()
	tree, err := facility.TakeSnapshot(s.Dir, facility.SnapshotOptions{
		ModTime: true, ChangeTime: true, DirTimes: true, Inodes: true, Skip: func(path string) bool { return path == "state" },
	})
	must(t, err)
	return tree
}

// same fails if the tree is not as it was.
func (s *site) same(t *testing.T, before facility.Snapshot) {
	t.Helper()
	if diff := before.Diff(s.tree(t)); diff != "" {
		t.Errorf("changed outside the state directory:\n%s", diff)
	}
}

// noTemporary fails if the state directory holds a half-written file.
func (s *site) noTemporary(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob(filepath.Join(s.StateDir(), ".*"))
	must(t, err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// kept returns the bytes of the plan that is kept, nil for none.
func (s *site) kept(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(s.options.State.Plan())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	must(t, err)
	return text
}

// published returns a file that the last sweep made.
func (s *site) published(t *testing.T) apply.Outcome {
	t.Helper()
	i := slices.IndexFunc(s.done, func(o apply.Outcome) bool {
		return o.Status == apply.Done && o.Item.Action == planfile.Create
	})
	if i < 0 {
		t.Fatalf("nothing was made: %+v", s.done)
	}
	return s.done[i]
}

// loose returns an experiment in which nothing forbids changes.
func (s *site) loose(t *testing.T) *facility.Experiment {
	t.Helper()
	i := slices.IndexFunc(s.Experiments, func(e *facility.Experiment) bool { return !e.Frozen && !e.Unwritable && !e.Unreadable })
	if i < 0 {
		t.Fatal("no such experiment")
	}
	return s.Experiments[i]
}
