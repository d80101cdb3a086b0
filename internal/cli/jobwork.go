package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/settings"
	"deployconstants/jobs/jobdir"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/slurm"
	"deployconstants/stages/apply"
	"deployconstants/stages/resolve"
	"deployconstants/stages/submit"
	"deployconstants/stages/sweep"
	"deployconstants/stages/verify"
	"deployconstants/xtc/ledger"
)

// jobWork is what a job keeps of its command line, for its tasks: they do what was
// asked for, whatever becomes of settings file and environment meanwhile.
type jobWork struct {
	Settings  settings.Settings `json:"settings"`
	Selection selection         `json:"selection"`
}

// keep is the work of a job that this workplace submits.
func (w *workplace) keep() (json.RawMessage, error) {
	return json.Marshal(jobWork{Settings: w.Settings.In(w.env.Dir), Selection: w.selection})
}

// openJobWork opens the workplace that a job was submitted from. Drain ends the intake.
func openJobWork(ctx context.Context, env Env, job *jobdir.Job) (*workplace, error) {
	var work jobWork
	if err := json.Unmarshal(job.Spec().Work, &work); err != nil {
		return nil, fmt.Errorf("job %s: %w", job.ID(), err)
	}
	s := site{Settings: work.Settings, env: env, start: env.Now().In(work.Settings.Zone), user: job.Spec().User}
	state, err := s.stateDir()
	if err != nil {
		return nil, err
	}
	store, err := tx.Open(state)
	return &workplace{site: s, selection: work.Selection, drain: ctx, state: state, store: store}, err
}

// openNamedJob opens the job that the only argument of a command names.
func openNamedJob(env Env, c *cli.Context) (*workplace, *jobdir.Job, error) {
	if c.NArg() != 1 {
		return nil, nil, usageErrorf("name one job; deploy_constants jobs ls lists them")
	}
	w, err := openWorkplace(env, c)
	if err != nil {
		return nil, nil, err
	}
	job, err := w.openJob(c.Args().First())
	return w, job, err
}

// openJob opens a job by its id, or by its directory.
func (w *workplace) openJob(name string) (*jobdir.Job, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		dir, err := filepath.Abs(name)
		if err != nil {
			return nil, err
		}
		return jobdir.OpenDir(dir)
	}
	return jobdir.Open(w.state, name)
}

// scheduler is Slurm as this host has it.
func (w *workplace) scheduler() *slurm.Commands {
	return slurm.New(slurm.Options{Env: os.Environ()})
}

// submitOptions are those of giving a job to Slurm, in the way that it was submitted.
func (w *workplace) submitOptions(job *jobdir.Job, scheduler slurm.Scheduler) submit.Options {
	s := w.Slurm
	return submit.Options{
		Job: job, Scheduler: scheduler, Throttle: s.Throttle, Now: w.env.Now, Holder: w.holder(),
		Task: slurm.Submission{
			Partition: s.Partition, Account: s.Account, Reservation: s.Reservation, QOS: s.QOS, Constraint: s.Constraint,
			Exclude: s.Exclude, Time: s.Time, Memory: s.Memory, CPUs: s.CPUs, Nice: s.Nice, Signal: s.Signal,
			Requeue: s.Requeue, Export: s.Export,
		},
	}
}

// jobApplyOptions are those of the transaction of a job: its lines in HISTORY are those
// of who submitted it, wherever its tasks run.
func (w *workplace) jobApplyOptions(job *jobdir.Job, place func(string) (instrument, dir string, err error), repository *repo.Repository) (apply.Options, error) {
	o, err := w.applyOptions(place, repository)
	spec := job.Spec()
	o.User, o.Host, o.Dir, o.Command, o.Time = spec.User, spec.Host, job.Dir(), spec.Command, time.Time{}
	o.Waves, o.Verify = nil, nil
	return o, err
}

// sweepOptions are those of a sweep, and of the plan of a job.
func (w *workplace) sweepOptions(records *ledger.Ledger, repository *repo.Repository, digests *digest.Cache) (sweep.Options, error) {
	planning, err := w.planOptions(repository, digests, nil)
	if err != nil {
		return sweep.Options{}, err
	}
	return sweep.Options{
		State: w.state, Ledger: records, Store: w.store, Digests: digests,
		Plan: planning, Resolve: resolve.Options{Pool: w.workers()},
		Verify: verify.Options{Filter: planning.Filter, Zone: w.Zone, Pipeline: w.workers()},
		Header: func(repository, records [32]byte) (planfile.Header, error) {
			return w.planHeader(planning, repository, records)
		},
		Apply: func(index *ledger.Index) (apply.Options, error) {
			return w.applyOptions(ledgerPlaces(index), repository)
		},
	}, nil
}

// programPath is the binary that runs, which tasks on other hosts are to find there.
func programPath() (string, error) {
	path, err := os.Executable()
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}
