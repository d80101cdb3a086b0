package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"

	"deployconstants/internal/beacon"
	"deployconstants/internal/logx"
	"deployconstants/jobs/jobdir"
	"deployconstants/jobs/planfile"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/slurm"
	"deployconstants/stages/apply"
	"deployconstants/stages/merge"
	"deployconstants/stages/sweep"
	"deployconstants/stages/task"
	"deployconstants/stages/verify"
	"deployconstants/xtc/ledger"
)

func taskCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "task", Usage: "carry out one shard of a job: what array tasks run",
		Description: "Under Slurm SLURM_ARRAY_TASK_ID says which shard; elsewhere --shard does. A shard that has its result\n" +
			"already, and a task that there is no shard for, end at once.\n\n" +
			"Examples:\n" +
			"   deploy_constants task --job 20261126T021500Z-7f3a09c1 --step scan --shard 3\n" +
			"   deploy_constants task --job 20261126T021500Z-7f3a09c1 --step summary\n\n" +
			"EXIT STATUS: 0 the shard has its result, 1 failed, 2 wrong command line, 75 not done now and not by its\n" +
			"   own fault: told to stop, locked, or the node lacks a mount. Slurm's RequeueExit=75 starts it again",
		Flags: everyBatchFlag(
			&cli.StringFlag{Name: "job", Usage: "`JOB` by its id or directory"},
			&cli.StringFlag{Name: "step", Usage: "`STEP` scan, plan, apply, verify or summary"},
			&cli.IntFlag{Name: "shard", Usage: "shard `N`, from 1; default: that of the array's task"},
			&cli.IntFlag{Name: "round", Value: 1, Usage: "submission `N` of the step"},
			&cli.IntFlag{Name: "offset", Usage: "of the array's index 0 in the submission, `N`"},
			workersFlag,
		),
		Action: func(c *cli.Context) error { return runTask(env, c) },
	}
}

// runTask carries out a shard, and tells how that went to the journal, the log, and the
// exit status.
func runTask(env Env, c *cli.Context) error {
	if c.NArg() > 0 || c.String("job") == "" || c.String("step") == "" {
		return usageErrorf("name a job and a step with --job and --step")
	}
	job, err := openTaskJob(env, c)
	if err != nil {
		return err
	}
	t := &taskRun{env: env, job: job, step: jobdir.Step(c.String("step")), drain: c.Context}
	if !job.Spec().Has(t.step) {
		return usageErrorf("job %s has no step %q", job.ID(), t.step)
	}
	shard, err := t.shardOf(c)
	if errors.Is(err, jobdir.ErrNoShard) {
		return t.surplus(err)
	}
	if err != nil {
		return err
	}
	if t.workplace, err = openJobWork(c.Context, env, job); err != nil {
		return err
	}
	if c.IsSet("workers") {
		if t.Batch.Workers = c.Int("workers"); t.Batch.Workers < 1 || t.Batch.Workers > maxWorkers {
			return usageErrorf("option --workers: %d is not a number from 1 to %d", t.Batch.Workers, maxWorkers)
		}
	}
	return t.run(env.patient, shard)
}

// openTaskJob opens the job that --job names. Where that is a directory, as in scripts,
// the settings of this host are not asked.
func openTaskJob(env Env, c *cli.Context) (*jobdir.Job, error) {
	if name := c.String("job"); filepath.IsAbs(name) {
		return jobdir.OpenDir(filepath.Clean(name))
	}
	outer, err := openBatchSite(env, c)
	if err != nil {
		return nil, err
	}
	state, err := outer.namedState()
	if err != nil {
		return nil, err
	}
	return (&workplace{site: outer, state: state}).openJob(c.String("job"))
}

// taskRun is one task.
type taskRun struct {
	*workplace
	env     Env
	job     *jobdir.Job
	step    jobdir.Step
	drain   context.Context
	log     *logrus.Logger
	attempt *jobdir.Attempt
	settled int
}

// shardOf returns the number of the shard that the task is for.
func (t *taskRun) shardOf(c *cli.Context) (int, error) {
	if c.IsSet("shard") {
		if n := c.Int("shard"); n >= 1 {
			return n, nil
		}
		return 0, usageErrorf("option --shard: shards have numbers from 1")
	}
	if !t.step.Array() {
		return 1, nil
	}
	text := t.env.Getenv("SLURM_ARRAY_TASK_ID")
	index, err := strconv.Atoi(text)
	if err != nil || index < 0 {
		return 0, usageErrorf("no --shard is given, and SLURM_ARRAY_TASK_ID is %q", text)
	}
	return t.job.ShardOf(t.step, c.Int("round"), c.Int("offset")+index)
}

// surplus ends a task that there is nothing for.
func (t *taskRun) surplus(why error) error {
	_, err := fmt.Fprintf(t.env.Stdout, "step %s: nothing to do: %v\n", t.step, why)
	return err
}

// statusAgain is that of a task which is to be started again: EX_TEMPFAIL of sysexits.h.
const statusAgain = 75

// run makes the attempt.
func (t *taskRun) run(ctx context.Context, shard int) error {
	who := jobdir.Who{
		Attempt: jobdir.NewAttempt(t.env.Now()), Job: t.holder().Job, PID: os.Getpid(), Started: t.env.Now(),
		Node: t.node(),
	}
	who.Restart, _ = strconv.Atoi(t.env.Getenv("SLURM_RESTART_COUNT")) // absent of a first attempt
	attempt, err := t.job.Begin(ctx, t.step, shard, who)
	switch {
	case errors.Is(err, jobdir.ErrDone), errors.Is(err, jobdir.ErrNoShard):
		return t.surplus(err)
	case errors.Is(err, jobdir.ErrNotCut):
		return fmt.Errorf("%w: the step before has failed; deploy_constants status %s tells why", err, t.job.ID())
	case t.toldToStop(err) != nil:
		return again(err)
	case err != nil:
		return err
	}
	t.attempt = attempt
	closeLog, err := t.openLog()
	if err != nil {
		return errors.Join(err, attempt.End(t.env.Now(), jobdir.Failed, oneLine(err.Error())))
	}
	defer closeLog()
	t.log.WithFields(logrus.Fields{"node": who.Node, "slurm_job": who.Job, "restart": who.Restart, "experiments": len(attempt.Manifest()),
		"settled": len(attempt.Manifest()) - len(attempt.Left())}).Info("begins")
	err = t.view().Check(ctx)
	if err == nil {
		err = t.work(ctx)
	}
	return t.end(err)
}

// node is the name of this node: Slurm's, which is that of status and requeue.
func (t *taskRun) node() string {
	if name := t.env.Getenv("SLURMD_NODENAME"); name != "" {
		return name
	}
	return t.env.Host()
}

// openLog opens the log of the attempt: lines for people on stderr, which Slurm keeps
// beside it, and JSON lines in a file of its own.
func (t *taskRun) openLog() (closeLog func(), err error) {
	name := fmt.Sprintf("%s-%04d-%s.jsonl", t.step, t.attempt.Shard(), t.attempt.Who().Attempt)
	file, err := os.OpenFile(filepath.Join(t.job.Logs(), name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, err
	}
	t.log = logx.New(t.env.Stderr, logrus.InfoLevel)
	t.log.AddHook(logx.JSONTo(file))
	return func() { file.Close() }, nil // the journal has what counts
}

// view is what the node must see for this step.
func (t *taskRun) view() task.View {
	v := task.View{Roots: t.DataRoots, Repository: t.Repository, Shared: t.job.Logs(), Since: t.job.Spec().Time, Now: t.env.Now}
	if t.step == jobdir.Scan || t.step == jobdir.Summary {
		v.Repository = ""
	}
	if t.step == jobdir.Apply {
		for _, work := range t.attempt.Manifest() {
			if dir, err := t.calibDirOf(work.Experiment, work.Instrument, work.Dir); err == nil {
				v.Writable = append(v.Writable, dir)
			}
		}
	}
	return v
}

func (t *taskRun) tell(settled, failed int) {
	t.settled += settled
	t.log.WithFields(logrus.Fields{"settled": t.settled, "failed": failed, "left": len(t.attempt.Left())}).Info("settled")
}

// work does what the step is about.
func (t *taskRun) work(ctx context.Context) error {
	records, err := ledger.Open(t.state.Ledger())
	if err != nil {
		return err
	}
	switch t.step {
	case jobdir.Scan:
		o, err := t.scanOptions(records)
		if err != nil {
			return err
		}
		return task.Scan(ctx, t.attempt, task.ScanOptions{Job: t.job, Scan: o, Records: records, Now: t.env.Now, Tell: t.tell})
	case jobdir.Plan:
		return t.plan(ctx, records)
	case jobdir.Apply:
		return t.withRepository(func(repository *repo.Repository) error {
			o, err := t.jobApplyOptions(t.job, t.placesOfManifest(), repository)
			if err != nil {
				return err
			}
			return task.Apply(ctx, t.attempt, task.ApplyOptions{Job: t.job, Apply: o, Now: t.env.Now, Tell: t.tell})
		})
	case jobdir.Verify:
		return t.verify(ctx)
	}
	return t.summarize(ctx, records)
}

// withRepository opens the repository for writing as long as do works.
func (t *taskRun) withRepository(do func(*repo.Repository) error) (err error) {
	repository, err := t.writeRepository()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, repository.Close()) }()
	return do(repository)
}

// placesOfManifest tells where the experiments of the shard are. What it says is
// checked against the data roots where a calib directory is made of it.
func (t *taskRun) placesOfManifest() func(string) (instrument, dir string, err error) {
	work := t.attempt.Manifest()
	return func(experiment string) (string, string, error) {
		i := slices.IndexFunc(work, func(w jobdir.Work) bool { return w.Experiment == experiment })
		if i < 0 || work[i].Dir == "" {
			return "", "", fmt.Errorf("experiment %s is not in the ledger", experiment)
		}
		return work[i].Instrument, work[i].Dir, nil
	}
}

func (t *taskRun) plan(ctx context.Context, records *ledger.Ledger) error {
	return t.withRepository(func(repository *repo.Repository) error {
		digests, err := t.openDigests()
		if err != nil {
			return err
		}
		defer t.saveDigests(ctx, digests)
		o, err := t.sweepOptions(records, repository, digests)
		if err != nil {
			return err
		}
		o.Apply = func(index *ledger.Index) (apply.Options, error) {
			return t.jobApplyOptions(t.job, ledgerPlaces(index), repository)
		}
		o.Events = sweep.Events{
			Stage: func(name string, total int) { t.log.WithField("total", total).Info(name) },
			Merge: func(item merge.Item) {
				if text := describeMerge(item); text != "" {
					t.log.Warn(text)
				}
			},
			Item: func(item planfile.Item) {
				switch item.Action {
				case planfile.Held, planfile.Mismatch, planfile.Error:
					t.log.WithFields(logrus.Fields{
						logx.Experiment: item.Experiment, logx.Source: item.Source, logx.CType: item.CType, logx.Reason: item.Reason,
					}).Warn(string(item.Action))
				}
			},
		}
		return task.Plan(ctx, t.attempt, task.PlanOptions{Job: t.job, Sweep: o, CalibDir: t.calibDir, Each: t.Slurm.Shard, Now: t.env.Now})
	})
}

func (t *taskRun) verify(ctx context.Context) error {
	digests, err := t.openDigests()
	if err != nil {
		return err
	}
	defer t.saveDigests(ctx, digests)
	o := task.VerifyOptions{
		Job: t.job, Store: t.store, Digests: digests, Now: t.env.Now, Tell: t.tell,
		Verify: verify.Options{Zone: t.Zone, Pipeline: t.workers()},
	}
	if o.Verify.Filter, err = t.filter(t.selection); err != nil {
		return err
	}
	if o.Apply, err = t.jobApplyOptions(t.job, t.placesOfManifest(), nil); err != nil {
		return err
	}
	return task.Verify(ctx, t.attempt, o)
}

func (t *taskRun) summarize(ctx context.Context, records *ledger.Ledger) error {
	o := task.SummaryOptions{Job: t.job, Records: records, Describe: describeMerged}
	var err error
	if o.Apply, err = t.jobApplyOptions(t.job, t.placesOfManifest(), nil); err != nil {
		return err
	}
	merged, err := task.Summarize(ctx, o)
	if err != nil {
		return err
	}
	if err := t.report(merged); err != nil {
		return err
	}
	if !merged.Complete() {
		return fmt.Errorf("the job is not complete: %s", describeMissing(merged.Missing))
	}
	return t.attempt.Publish(t.env.Now(), nil)
}

// report prints the summary, and leaves heartbeat and metrics of a sweep behind, as a
// sweep of one process does.
func (t *taskRun) report(merged task.Merged) error {
	o := &observer{workplace: t.workplace, failed: merged.NotDone(), drift: merged.Drift()}
	o.start = t.job.Spec().Time
	if t.job.Spec().Kind == jobdir.SweepJob {
		cut, err := t.job.Shards(jobdir.Apply)
		if err == nil && merged.Apply != nil && merged.Complete() {
			for _, shard := range cut.Shards {
				o.bytes += shard.Bytes
			}
		}
		if o.heart, err = beacon.Start(t.state.Heartbeat(), beacon.HeartbeatOptions{Now: t.env.Now, Host: t.env.Host()}); err != nil {
			t.warn(fmt.Sprintf("heartbeat: %v", err))
		}
		o.tell(merged.Report, o.status(merged.Report, nil))
	}
	_, err := fmt.Fprintln(t.env.Stdout, describeJob(o, merged, t.job.ManifestFile()))
	return err
}

// end ends the attempt, and tells how.
func (t *taskRun) end(err error) error {
	now := t.env.Now()
	var node *task.NodeError
	_, waits := errors.AsType[*task.WaitError](err)
	told := t.toldToStop(err)
	switch {
	case err == nil:
		t.log.Info("done")
		return nil
	case errors.As(err, &node):
		t.log.WithError(err).Error("this node does not see what others see")
		err = errors.Join(err, t.attempt.End(now, jobdir.Failed, oneLine(err.Error())))
		return again(errors.Join(err, t.elsewhere()))
	case told != nil:
		cause := fmt.Sprintf("told to stop by %s", told.Signal)
		t.log.WithField("left", len(t.attempt.Left())).Warn(cause)
		return again(errors.Join(err, t.attempt.End(now, jobdir.Stopped, cause)))
	case errors.Is(err, task.ErrLocked), errors.Is(err, task.ErrDoubt):
		t.log.WithError(err).Error("not done")
		return again(errors.Join(err, t.attempt.End(now, jobdir.Stopped, oneLine(err.Error()))))
	case waits:
		t.log.WithError(err).Error("the step before is not complete")
	default:
		t.log.WithError(err).Error("failed")
	}
	return errors.Join(err, t.attempt.End(now, jobdir.Failed, oneLine(err.Error())))
}

// toldToStop returns the first signal if the error comes from a signal: work that was not
// begun after the first, or was broken off by the second or by the end of the grace.
func (t *taskRun) toldToStop(err error) *pipeline.SignalError {
	_, broken := errors.AsType[*pipeline.SignalError](err)
	first, signalled := errors.AsType[*pipeline.SignalError](context.Cause(t.drain))
	if signalled && (broken || errors.Is(err, pipeline.ErrNotAttempted) || errors.Is(err, context.Canceled)) {
		return first
	}
	return nil
}

// again is the error of a task that is to be started again.
func again(err error) error { return &statusError{status: statusAgain, err: err} }

// maxElsewhere is how often a shard is sent to another node by its own task: after so
// many that lack something it is the job that is wrong, or the site.
const maxElsewhere = 5

// excluded are the nodes that the task must not use by what Slurm was given: by the
// settings of the job, or by the resume that submitted it.
func (t *taskRun) excluded(record jobdir.Record) []string {
	for _, s := range record.Submissions {
		if s.Token == t.env.Getenv("SLURM_JOB_NAME") {
			return slices.Clone(s.Exclude)
		}
	}
	return slices.Clone(t.Slurm.Exclude)
}

// elsewhere has Slurm start the task again on another node.
func (t *taskRun) elsewhere() error {
	job, err := slurm.ParseSubmitted(cmp.Or(t.env.Getenv("SLURM_ARRAY_JOB_ID"), t.env.Getenv("SLURM_JOB_ID")))
	if err != nil || !t.Slurm.Requeue { // not under Slurm, or resume is to do it
		return nil
	}
	id := slurm.TaskID{Job: job, Index: slurm.NoIndex}
	if index, err := strconv.Atoi(t.env.Getenv("SLURM_ARRAY_TASK_ID")); err == nil {
		id.Index = index
	}
	progress := t.job.ShardProgress(t.step, t.attempt.Shard())
	record, err := t.job.Record()
	if err = errors.Join(err, progress.Err); err != nil {
		return err
	}
	exclude := append(t.excluded(record), t.attempt.Who().Node)
	failed := 0
	for _, a := range progress.Attempts {
		if a.State == jobdir.Failed {
			failed++
			exclude = append(exclude, a.Node)
		}
	}
	if failed > maxElsewhere {
		return fmt.Errorf("%d attempts have failed; it is not started again", failed)
	}
	slices.Sort(exclude)
	exclude = slices.Compact(exclude)
	t.log.WithField("exclude", exclude).Info("asks for another node")
	signal.Ignore(syscall.SIGTERM) // which Slurm sends now, to the commands that are to follow, too
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := t.scheduler().Requeue(ctx, id, exclude); err != nil {
		return fmt.Errorf("another node was asked for: %w", err)
	}
	return nil
}
