package cli

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

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/jobs/jobdir"
	"deployconstants/jobs/planfile"
	"deployconstants/slurm"
	"deployconstants/stages/apply"
	"deployconstants/stages/shard"
	"deployconstants/stages/submit"
	"deployconstants/xtc/ledger"
)

// slurmFlags go before the settings slurm.*.
var slurmFlags = []cli.Flag{
	&cli.StringFlag{Name: "partition", Usage: "run tasks in partition `NAME`"},
	&cli.StringFlag{Name: "account", Usage: "charge account `NAME`, such as lcls:data"},
	&cli.StringFlag{Name: "reservation", Usage: "use reservation `NAME`"},
	&cli.StringFlag{Name: "qos", Usage: "quality of service `NAME`, such as preemptable"},
	&cli.StringFlag{Name: "constraint", Usage: "only nodes with `FEATURES`"},
	&cli.StringSliceFlag{Name: "exclude", Usage: "never on `NODES`; may be repeated"},
	&cli.DurationFlag{Name: "time", Usage: "limit of one task, `DURATION` such as 30m"},
	&cli.StringFlag{Name: "memory", Usage: "of one task, `SIZE` such as 2G"},
	&cli.IntFlag{Name: "cpus", Usage: "`N` processors for one task"},
	&cli.IntFlag{Name: "nice", Usage: "priority `N` given away"},
	&cli.DurationFlag{Name: "signal", Usage: "tell tasks to stop `DURATION` before their limit"},
	&cli.StringSliceFlag{Name: "export", Usage: "environment variable `NAME` that tasks are to have; may be repeated"},
	&cli.IntFlag{Name: "tasks", Usage: "at most `N` array tasks for one step"},
	&cli.IntFlag{Name: "throttle", Usage: "at most `N` tasks of a step at a time"},
	&cli.DurationFlag{Name: "shard", Usage: "so long should one task work, `DURATION` such as 1m"},
	&cli.BoolFlag{Name: "no-requeue", Usage: "tasks of nodes that fail do not start again by themselves"},
}

// overrideSlurm puts flags in the place of settings.
func (s *site) overrideSlurm(c *cli.Context) error {
	o := &s.Slurm
	for name, value := range map[string]*string{
		"partition": &o.Partition, "account": &o.Account, "reservation": &o.Reservation, "qos": &o.QOS,
		"constraint": &o.Constraint, "memory": &o.Memory,
	} {
		if c.IsSet(name) {
			*value = c.String(name)
		}
	}
	for name, value := range map[string]*time.Duration{"time": &o.Time, "signal": &o.Signal, "shard": &o.Shard} {
		if c.IsSet(name) {
			*value = c.Duration(name)
		}
	}
	for name, value := range map[string]*int{"cpus": &o.CPUs, "nice": &o.Nice, "tasks": &o.Tasks, "throttle": &o.Throttle} {
		if c.IsSet(name) {
			*value = c.Int(name)
		}
	}
	for name, value := range map[string]*[]string{"exclude": &o.Exclude, "export": &o.Export} {
		if c.IsSet(name) {
			*value = c.StringSlice(name)
		}
	}
	if c.Bool("no-requeue") {
		o.Requeue = false
	}
	if err := o.Check(); err != nil {
		return usageErrorf("%w", err)
	}
	return nil
}

func submitCommand(env Env) *cli.Command {
	everySubmitFlag := func(own ...cli.Flag) []cli.Flag {
		own = append(own,
			&cli.BoolFlag{Name: "print", Usage: "show scripts and manifests, and submit nothing"},
			progressFlag,
		)
		return everyBatchFlag(append(own, slurmFlags...)...)
	}
	status := "EXIT STATUS: 0 submitted, or nothing to do, 1 failed: the job's directory says what was submitted,\n" +
		"   2 wrong command line, 10 repository or data root missing"
	return &cli.Command{
		Name: "submit", Usage: "scan, apply, or sweep as Slurm job arrays",
		Description: "Each step is an array of tasks, or a single one, that waits for the one before. Results are the same\n" +
			"as those of one process. docs/slurm.md explains jobs; status, resume and cancel take their ids.",
		Subcommands: []*cli.Command{
			{
				Name: "scan", Usage: "read the headers of new and changed runs into the ledger",
				Description: "Examples:\n" +
					"   deploy_constants submit scan --print\n" +
					"   deploy_constants submit scan --instrument XPP --account lcls:data --partition milano\n\n" + status,
				Flags: everySubmitFlag(append([]cli.Flag{
					experimentsFlag, instrumentsFlag, runsFlag, sinceFlag, untilFlag,
				}, scanFlags...)...),
				Action: func(c *cli.Context) error { return submitScan(env, c) },
			},
			{
				Name: "apply", ArgsUsage: "PLAN", Usage: "carry a plan out as one transaction, and verify",
				Description: "Examples:\n" +
					"   deploy_constants submit apply gain.plan.jsonl.zst\n" +
					"   deploy_constants submit apply --tasks 40 --throttle 10 gain.plan.jsonl.zst\n\n" + status,
				Flags: everySubmitFlag(append([]cli.Flag{
					&cli.StringFlag{Name: "dirrepo", Usage: repositoryFlag.Usage},
				}, jobLimitFlags...)...),
				Action: func(c *cli.Context) error { return submitApply(env, c) },
			},
			{
				Name: "sweep", Usage: "scan, plan, and with -D apply and verify",
				Description: "Examples:\n" +
					"   deploy_constants submit sweep\n" +
					"   deploy_constants submit sweep -D --time 1h --tasks 200 --throttle 40\n\n" + status,
				Flags: everySubmitFlag(append(append(append([]cli.Flag{
					&cli.BoolFlag{Name: "deploy", Aliases: []string{"D"}, Usage: "change calib directories and repository"},
				}, scanFlags...), withoutShortO(selectionFlags)...), jobLimitFlags...)...),
				Action: func(c *cli.Context) error { return submitSweep(env, c) },
			},
		},
	}
}

// jobLimitFlags are limitFlags without waves: the tasks of a job work on all
// experiments at once.
var jobLimitFlags = append(without(limitFlags, "waves"),
	&cli.BoolFlag{Name: "no-waves", Usage: "do without the waves of the settings"})

// without returns the flags but those of the names.
func without(flags []cli.Flag, names ...string) []cli.Flag {
	return slices.DeleteFunc(slices.Clone(flags), func(flag cli.Flag) bool { return slices.Contains(names, flag.Names()[0]) })
}

// A jobMaking is a job that is being made.
type jobMaking struct {
	*workplace
	progress *ui.Progress
	c        *cli.Context
}

func openSubmit(env Env, c *cli.Context) (*jobMaking, error) {
	w, progress, err := openWatched(env, c)
	if err != nil {
		return nil, err
	}
	m := &jobMaking{workplace: w, progress: progress, c: c}
	err = w.overrideSlurm(c)
	if err == nil && w.Batch.Waves != "" && !c.Bool("no-waves") && c.Command.Name != "scan" && (c.Command.Name == "apply" || c.Bool("deploy")) {
		err = usageErrorf("batch.waves is set to %s, and the tasks of a job work on all experiments at once: give --no-waves, or let one process sweep", w.Batch.Waves)
	}
	if err != nil {
		progress.Close()
		return nil, err
	}
	return m, nil
}

// spec is that of a job of this command.
func (m *jobMaking) spec(kind jobdir.Kind, deploy bool) (jobdir.Spec, error) {
	work, err := m.keep()
	if err != nil {
		return jobdir.Spec{}, err
	}
	path, err := programPath()
	return jobdir.Spec{
		Kind: kind, Deploy: deploy, Time: m.env.Now(), User: m.user, Host: m.env.Host(), Dir: m.env.Dir,
		Command: strings.Join(m.env.args, " "), Program: path, Work: work,
		Tasks: map[jobdir.Step]int{jobdir.Plan: 1, jobdir.Summary: 1},
	}, err
}

func submitScan(env Env, c *cli.Context) error {
	if c.NArg() > 0 {
		return usageErrorf("unexpected argument %q; select with options", c.Args().First())
	}
	m, err := openSubmit(env, c)
	if err != nil {
		return err
	}
	defer m.progress.Close()
	return m.scanJob(jobdir.ScanJob, false)
}

func submitSweep(env Env, c *cli.Context) error {
	if c.NArg() > 0 {
		return usageErrorf("unexpected argument %q; select with options", c.Args().First())
	}
	m, err := openSubmit(env, c)
	if err != nil {
		return err
	}
	defer m.progress.Close()
	repository, err := m.readRepository() // before anything is submitted
	if err != nil {
		return err
	}
	if err := repository.Close(); err != nil {
		return err
	}
	return m.scanJob(jobdir.SweepJob, c.Bool("deploy"))
}

// scanJob submits a job that begins with a scan.
func (m *jobMaking) scanJob(kind jobdir.Kind, deploy bool) error {
	ctx := m.env.patient
	m.progress.Stage("read the ledger", 0)
	records, index, err := m.openLedger(ctx)
	if err != nil {
		return err
	}
	scanning, err := m.scanOptions(records)
	if err != nil {
		return err
	}
	m.progress.Stage("estimate", 0)
	work, err := shard.Scan(ctx, scanning.Catalog, scanning.Filter, index, m.workers())
	if err != nil {
		return err
	}
	m.tellUnmatched(m.selection, len(work))
	if len(work) == 0 {
		return errors.New("there is no experiment to scan")
	}
	spec, err := m.spec(kind, deploy)
	if err != nil {
		return err
	}
	shards := shard.Cut(work, m.Slurm.Shard, m.Slurm.Tasks)
	spec.Tasks[jobdir.Scan] = len(shards)
	for _, step := range []jobdir.Step{jobdir.Apply, jobdir.Verify} { // the plan cuts what there will be to do
		spec.Tasks[step] = min(m.Slurm.Tasks, len(work)+len(index.Experiments()))
	}
	return m.submit(spec, func(j *jobdir.Job, spec *jobdir.Spec) (err error) {
		spec.Cut, err = j.Cut(jobdir.Scan, "", shards)
		return err
	})
}

func submitApply(env Env, c *cli.Context) error {
	if c.NArg() != 1 {
		return usageErrorf("name one plan")
	}
	m, err := openSubmit(env, c)
	if err != nil {
		return err
	}
	defer m.progress.Close()
	return m.applyJob(c.Args().First())
}

func (m *jobMaking) applyJob(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close() // only read
	text, err := io.ReadAll(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	index, err := m.knownLedger(m.env.patient)
	if err != nil {
		return err
	}
	repository, err := m.writeRepository()
	if err != nil {
		return err
	}
	defer repository.Close()
	o, err := m.applyOptions(ledgerPlaces(index), repository)
	if err == nil {
		err = apply.Check(o, bytes.NewReader(text))
	}
	var work []jobdir.Work
	if err == nil {
		work, err = shard.Apply(bytes.NewReader(text), placesOf(index))
	}
	if err != nil {
		if format, ok := errors.AsType[*planfile.FormatError](err); ok {
			err = fmt.Errorf("%s: %w", name, format)
		}
		return err
	}
	if len(work) == 0 {
		_, err := fmt.Fprintln(m.env.Stdout, "nothing to do")
		return err
	}
	spec, err := m.spec(jobdir.ApplyJob, true)
	if err != nil {
		return err
	}
	spec.Tasks[jobdir.Apply] = len(shard.Cut(work, m.Slurm.Shard, m.Slurm.Tasks))
	spec.Tasks[jobdir.Verify] = min(m.Slurm.Tasks, len(index.Experiments()))
	return m.submit(spec, func(j *jobdir.Job, spec *jobdir.Spec) (err error) {
		spec.Plan, err = j.Publish("plan.jsonl.zst", bytes.NewReader(text))
		return err
	})
}

// placesOf is ledgerPlaces for estimates: an experiment that is not known is left to
// apply.
func placesOf(index *ledger.Index) func(string) (instrument, dir string, err error) {
	return func(experiment string) (string, string, error) {
		if e, known := index.Experiment(experiment); known {
			return e.Instrument(), e.Dir(), nil
		}
		return "", "", nil
	}
}

// submit makes the job and gives it to Slurm, or shows it.
func (m *jobMaking) submit(spec jobdir.Spec, fill func(*jobdir.Job, *jobdir.Spec) error) error {
	ctx := m.env.patient
	m.progress.Stage("make the job", 0)
	job, err := jobdir.Create(m.state, spec, fill)
	if err != nil {
		return err
	}
	m.progress.Close()
	scheduler := m.scheduler()
	o := m.submitOptions(job, scheduler)
	if m.c.Bool("print") {
		return errors.Join(m.show(ctx, o), job.Remove())
	}
	out := jobPrinter{out: m.env.Stdout, json: m.c.Bool("json")}
	o.Tell = func(message string) { fmt.Fprintf(m.env.Stderr, "%s: %s\n", program, oneLine(message)) }
	err = submit.Submit(ctx, o)
	record, recordErr := job.Record()
	return errors.Join(err, recordErr, out.submitted(job, record))
}

// show prints what would be submitted.
func (m *jobMaking) show(ctx context.Context, o submit.Options) error {
	limits, err := o.Scheduler.Limits(ctx)
	if err != nil {
		m.warn(fmt.Sprintf("Slurm does not tell its limits, so arrays of at most %d tasks are shown: %v", slurm.DefaultMaxArraySize, err))
		limits = slurm.Limits{MaxArraySize: slurm.DefaultMaxArraySize}
	}
	drafts, err := submit.Draft(o, limits)
	if err != nil {
		return err
	}
	return showDraft(m.env.Stdout, o.Job, drafts)
}

// showDraft prints scripts, and the manifests that are made already.
func showDraft(w io.Writer, job *jobdir.Job, drafts []slurm.Submission) error {
	var b bytes.Buffer
	for i, draft := range drafts {
		script, err := draft.Script()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "# script %d of %d; the numbers in dependencies are those of scripts\n%s\n", i+1, len(drafts), script)
	}
	for _, step := range job.Spec().Steps() {
		if !step.Array() {
			continue
		}
		cut, err := job.Shards(step)
		if errors.Is(err, jobdir.ErrNotCut) {
			fmt.Fprintf(&b, "# step %s: the plan cuts it, into at most %d shards\n", step, job.Spec().Tasks[step])
			continue
		}
		if err != nil {
			return err
		}
		for i, pinned := range cut.Shards {
			fmt.Fprintf(&b, "# step %s, shard %d: %s, %s, about %s\n", step, i+1,
				ui.Count(pinned.Experiments, "experiment"), ui.Count(pinned.Files, "file"), ui.Duration(pinned.Time))
			text, err := job.ManifestText(step, i+1)
			if err != nil {
				return err
			}
			b.Write(text)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
