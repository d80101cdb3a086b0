package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/fslock"
	"deployconstants/internal/ui"
	"deployconstants/jobs"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/stages/apply"
	"deployconstants/stages/plan"
	"deployconstants/stages/verify"
	"deployconstants/xtc/ledger"
)

// A workplace is a site with its state directory open: what the batch commands
// work with. Each opens of it what it needs.
type workplace struct {
	site
	selection
	drain context.Context // ends with the first signal: what is in flight is finished
	state jobs.State
	store *tx.Store
}

// openWorkplace reads the settings and opens the state directory, which is made if
// it is missing.
func openWorkplace(env Env, c *cli.Context) (*workplace, error) {
	s, err := openBatchSite(env, c)
	if err != nil {
		return nil, err
	}
	state, err := s.stateDir()
	if err != nil {
		return nil, err
	}
	store, err := tx.Open(state)
	return &workplace{site: s, selection: selectionOf(c), drain: c.Context, state: state, store: store}, err
}

// openWatched is openWorkplace for commands that show how far they are; the caller
// closes the progress.
func openWatched(env Env, c *cli.Context) (*workplace, *ui.Progress, error) {
	w, err := openWorkplace(env, c)
	if err != nil {
		return nil, nil, err
	}
	progress, err := w.newProgress(c)
	return w, progress, err
}

// workers bound what runs at a time; the first signal ends the intake.
func (w *workplace) workers() pipeline.Options {
	return pipeline.Options{Workers: w.Batch.Workers, Drain: w.drain}
}

// openLedger opens the ledger, and loads what it holds.
func (w *workplace) openLedger(ctx context.Context) (*ledger.Ledger, *ledger.Index, error) {
	records, err := ledger.Open(w.state.Ledger())
	if err != nil {
		return nil, nil, err
	}
	index, err := records.Load(ctx)
	return records, index, err
}

// knownLedger is openLedger for commands that are of no use without records.
func (w *workplace) knownLedger(ctx context.Context) (*ledger.Index, error) {
	_, index, err := w.openLedger(ctx)
	if err == nil && index.Stats().Runs == 0 {
		err = fmt.Errorf("the ledger in %s is empty; run deploy_constants scan first", w.state.Ledger())
	}
	return index, err
}

// readRepository opens the repository for looking at.
func (w *workplace) readRepository() (*repo.Repository, error) { return w.openRepository(-1) }

// writeRepository opens the repository for trees and aliases that belong to the
// group of the batch policy.
func (w *workplace) writeRepository() (*repo.Repository, error) {
	group, err := lookupGroup(w.Batch.Group)
	if err != nil {
		return nil, err
	}
	return w.openRepository(group)
}

func (w *workplace) openRepository(group int) (*repo.Repository, error) {
	return repo.Open(w.Repository, w.repositoryOptions(ownership{w.Batch.DirMode, w.Batch.FileMode, group}, w.warn))
}

// openDigests loads what is remembered of files. What was damaged is only slower.
func (w *workplace) openDigests() (*digest.Cache, error) {
	digests, err := digest.Load(w.state.Digests())
	if err != nil && digests != nil {
		w.warn(err.Error())
		err = nil
	}
	return digests, err
}

// calibDir is where the constants of an experiment of the ledger are.
func (w *workplace) calibDir(e *ledger.Experiment) (string, error) {
	return w.calibDirOf(e.Name(), e.Instrument(), e.Dir())
}

// calibDirOf is where the constants of an experiment are whose XTC files are in dir:
// by the settings, or, as in every layout of LCLS, beside these.
func (w *workplace) calibDirOf(experiment, instrument, dir string) (string, error) {
	for _, root := range w.DataRoots {
		root, err := filepath.Abs(root)
		if err != nil {
			return "", err
		}
		inside, err := filepath.Rel(root, dir)
		if err != nil || !filepath.IsLocal(inside) || inside == "." {
			continue
		}
		if w.CalibDir.BesideData() {
			return filepath.Join(filepath.Dir(dir), "calib"), nil
		}
		return w.CalibDir.Dir(root, instrument, experiment), nil
	}
	return "", fmt.Errorf("experiment %s: its data directory %s is in none of the data roots %s", experiment, dir, strings.Join(w.DataRoots, ", "))
}

// planOptions are those of a plan, but for what is selected.
func (w *workplace) planOptions(repository *repo.Repository, digests *digest.Cache, deployed *tx.Deployed) (plan.Options, error) {
	o := plan.Options{
		Repository: repository, CalibDir: w.calibDir, Digests: digests, Owner: deployed, Judge: w.limits(),
		Zone: w.Zone, Pipeline: w.workers(), Frozen: w.Frozen, TakeOver: w.TakeOver,
		MaxAge: map[string]time.Duration{},
	}
	var err error
	if o.CTypes, err = deployedNames(w.CTypes); err != nil {
		return o, err
	}
	for ctype, days := range w.MaxAge {
		o.MaxAge[ctype] = time.Duration(days) * 24 * time.Hour
	}
	if o.TrustedOwners, err = w.trusted(); err != nil {
		return o, err
	}
	o.Filter, err = w.filter(w.selection)
	return o, err
}

// trusted returns the user ids of the trusted owners.
func (w *workplace) trusted() (uids []uint32, err error) {
	for _, name := range w.TrustedOwners {
		uid, err := lookupUser(name)
		if err != nil {
			return nil, fmt.Errorf("trusted_owners: %w", err)
		}
		uids = append(uids, uint32(uid))
	}
	return uids, nil
}

// fingerprint identifies everything that decides what a plan says, besides the
// ledger, the repository, and the calib directories.
func (w *workplace) fingerprint(o plan.Options) (string, error) {
	text, err := json.Marshal(map[string]any{
		"roots": w.DataRoots, "calib_dir": w.CalibDir, "zone": w.Zone.String(), "frozen": o.Frozen, "take_over": o.TakeOver,
		"ctypes": o.CTypes, "max_age": w.MaxAge, "trusted": o.TrustedOwners, "content": w.limits().Fingerprint(),
		"experiments": o.Filter.Experiments, "instruments": o.Filter.Instruments, "sources": o.Filter.Sources, "types": o.Filter.Types,
	})
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), err
}

// ledgerPlaces tells instrument and directory of the experiments of the ledger.
func ledgerPlaces(index *ledger.Index) func(string) (instrument, dir string, err error) {
	return func(experiment string) (string, string, error) {
		e, known := index.Experiment(experiment)
		if !known {
			return "", "", fmt.Errorf("experiment %s is not in the ledger", experiment)
		}
		return e.Instrument(), e.Dir(), nil
	}
}

// applyOptions are those of transactions, for experiments whose instrument and
// directory of XTC files place tells.
func (w *workplace) applyOptions(place func(experiment string) (instrument, dir string, err error), repository *repo.Repository) (apply.Options, error) {
	calib, err := w.calibOptions()
	if err != nil {
		return apply.Options{}, err
	}
	limits := w.limits()
	o := apply.Options{
		State: w.state, Repository: repository, Calib: calib, Zone: w.Zone, Pipeline: w.workers(),
		User: w.user, Host: w.env.Host(), Dir: w.env.Dir, Command: strings.Join(w.env.args, " "), Time: w.start,
		Holder: w.holder(), LockTimeout: w.LockTimeout,
		MaxChanges: w.Batch.MaxChanges, MaxReplacePercent: w.Batch.MaxReplacePercent, NoUndo: w.NoUndo,
		Warn:  func(err error) { w.warn(err.Error()) },
		Judge: judgeOf(limits),
		CalibDir: func(experiment string) (string, error) {
			instrument, dir, err := place(experiment)
			switch {
			case err != nil:
				return "", err
			case w.IsFrozen(experiment):
				return "", fmt.Errorf("experiment %s is frozen by the settings", experiment)
			}
			return w.calibDirOf(experiment, instrument, dir)
		},
	}
	if w.Batch.Waves != "" {
		if o.Waves, err = apply.ParseWaves(w.Batch.Waves); err != nil {
			return o, usageErrorf("waves: %w", err)
		}
	}
	o.Verify = w.verifyWave
	return o, nil
}

// verifyWave looks at everything that a transaction has put in place so far.
func (w *workplace) verifyWave(ctx context.Context, id string, _ []string) error {
	deployed, err := w.store.Deployed(ctx)
	if err != nil {
		return err
	}
	var first verify.Finding
	summary, err := verify.Verify(ctx, verify.Options{
		Deployed: deployed, Transaction: id, Zone: w.Zone, Pipeline: pipeline.Options{Workers: w.Batch.Workers},
	}, func(f verify.Finding) error {
		if f.Class != verify.OK && first.Path == "" {
			first = f
		}
		return nil
	})
	if err == nil && summary.Drift() {
		err = fmt.Errorf("verification found %d of %d files not as intended, the first is %s: %s",
			summary.Checked-summary.Classes[verify.OK], summary.Checked, first.Path, first.Class)
	}
	return err
}

// holder is this process, for those who wait for its locks.
func (w *workplace) holder() fslock.Holder {
	job := w.env.Getenv("SLURM_ARRAY_JOB_ID")
	if task := w.env.Getenv("SLURM_ARRAY_TASK_ID"); job != "" && task != "" {
		job += "_" + task
	}
	if job == "" {
		job = w.env.Getenv("SLURM_JOB_ID")
	}
	return fslock.Holder{
		Host: w.env.Host(), PID: os.Getpid(), User: w.user, Job: job, Since: w.start.UTC(), Command: strings.Join(w.env.args, " "),
	}
}

// saveDigests remembers what was read. It costs the next command time, no more.
func (w *workplace) saveDigests(ctx context.Context, digests *digest.Cache) {
	if err := digests.Save(context.WithoutCancel(ctx)); err != nil {
		w.warn(fmt.Sprintf("the digests are not remembered: %v", err))
	}
}

// partly is the error of a command that did some of what it should.
func partly(format string, args ...any) error {
	return &statusError{status: statusPartly, err: fmt.Errorf(format, args...)}
}
