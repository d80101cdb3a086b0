package slurm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How long a command may take.
const (
	// submitTimeout is above the 120 s that sbatch itself tries again while the
	// queue is full.
	submitTimeout = 150 * time.Second
	queryTimeout  = 60 * time.Second
)

// How many names or jobs one command is asked for: an argument has at most 128 KiB
// on Linux.
const (
	namesOfOne = 500
	jobsOfOne  = 5000
)

// Options are how Slurm's commands are found and run.
type Options struct {
	// Env is the environment of the process, as os.Environ returns it. Commands and
	// tasks get of it PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_*, TZ, TMPDIR,
	// SLURM_CONF and SLURM_CLUSTERS; tasks besides what Submission.Export names. The
	// programs are looked for in the absolute directories of PATH.
	Env []string
}

// Commands is Slurm by its commands. It is safe for concurrent use. Its errors are
// *FieldError before a command is run, *ExecError of one that failed, and
// *FormatError of one that spoke otherwise than is known.
type Commands struct {
	env     []string
	submit  time.Duration // for sbatch
	query   time.Duration // for the other commands
	queried []string      // environment of squeue and sacct
}

var _ Scheduler = (*Commands)(nil)

// New returns Slurm as this host has it. Nothing is run, or looked for, before it
// is used.
func New(o Options) *Commands {
	env := environment(o.Env, nil)
	return &Commands{
		env:    slices.Clone(o.Env),
		submit: submitTimeout,
		query:  queryTimeout,
		// Times are seconds since 1970, and are given in UTC: no hour exists twice.
		// Lists of indices are whole.
		queried: append(env, "TZ=UTC0", "SLURM_TIME_FORMAT=%s", "SLURM_BITSTR_LEN=0"),
	}
}

// Limits implements Scheduler by scontrol show config.
func (c *Commands) Limits(ctx context.Context) (Limits, error) {
	out, err := c.control(ctx, "show", "config")
	if err != nil {
		return Limits{}, err
	}
	return ParseLimits(out)
}

// Submit implements Scheduler by sbatch, which has the script from standard input.
// A ctx that ends meanwhile kills sbatch, and leaves the submission in doubt.
func (c *Commands) Submit(ctx context.Context, job Submission) (JobID, error) {
	script, err := job.Script()
	if err != nil {
		return 0, err
	}
	args := []string{"--parsable"}
	out, err := c.run(ctx, call{
		program: sbatch, args: args, stdin: script, timeout: c.submit,
		env: environment(c.env, job.Export),
	})
	if err != nil {
		return 0, err
	}
	id, err := ParseSubmitted(out)
	if err != nil {
		return 0, &ExecError{Args: append([]string{sbatch}, args...), Stdout: out, Err: err}
	}
	return id, nil
}

// Jobs implements Scheduler by one squeue for up to 500 names; none for no names.
func (c *Commands) Jobs(ctx context.Context, names []string) ([]Task, error) {
	if err := checkNames(names); err != nil {
		return nil, err
	}
	var all []Task
	for some := range slices.Chunk(names, namesOfOne) {
		out, err := c.ask(ctx, squeue, "-h", "-r", "-t", "all", "--name="+strings.Join(some, ","), "-o", queueFormat)
		if err != nil {
			return nil, err
		}
		tasks, err := ParseTasks(out)
		if err != nil {
			return nil, err
		}
		all = append(all, named(some, tasks, func(t Task) string { return t.Name })...)
	}
	return all, nil
}

// errNoSince: without a time sacct tells of today only.
var errNoSince = &FieldError{Field: "since", Why: "is no time; give that of the submission"}

// clockSkew is how far the clocks of this host and of the controller may be apart.
const clockSkew = time.Hour

// Accounting implements Scheduler by one sacct for up to 500 names; none for no
// names. since is the time before the first of them was submitted; records are
// asked for from an hour before, since clocks disagree.
//
// ErrNoAccounting holds for a sacct that is missing or has no answer as well.
func (c *Commands) Accounting(ctx context.Context, names []string, since time.Time) ([]Record, error) {
	if err := checkNames(names); err != nil {
		return nil, err
	}
	if since.IsZero() {
		return nil, errNoSince
	}
	start := since.Add(-clockSkew).UTC().Format("2006-01-02T15:04:05")
	var all []Record
	for some := range slices.Chunk(names, namesOfOne) {
		out, err := c.ask(ctx, sacct, "-D", "-X", "-n", "-P", "--name="+strings.Join(some, ","), "-S", start, "-o", accountingFormat)
		if err != nil {
			if ctx.Err() == nil && (errors.Is(err, ErrUnreachable) || errors.Is(err, ErrNotStarted)) {
				err = fmt.Errorf("%w: %w", ErrNoAccounting, err)
			}
			return nil, err
		}
		records, err := ParseRecords(out)
		if err != nil {
			return nil, err
		}
		all = append(all, named(some, records, func(r Record) string { return r.Name })...)
	}
	return all, nil
}

// Cancel implements Scheduler by one scancel for up to 5000 jobs; none for no jobs.
func (c *Commands) Cancel(ctx context.Context, jobs ...JobID) error {
	if slices.Contains(jobs, 0) {
		return &FieldError{Field: "jobs", Value: "0", Why: "is no job"}
	}
	for some := range slices.Chunk(jobs, jobsOfOne) {
		var args []string
		for _, job := range some {
			args = append(args, job.String())
		}
		if _, err := c.run(ctx, call{program: scancel, args: args, env: environment(c.env, nil), timeout: c.query}); err != nil {
			return err
		}
	}
	return nil
}

// Requeue implements Scheduler by scontrol requeue, then scontrol update for the
// nodes; exclude replaces the nodes that the task excluded before. A task that
// waits already is no error: it is going to run, and gets the nodes to exclude.
// ErrRefused: there is no such task, or its Submission did not have Requeue.
//
// The task is not held meanwhile. It needs not be: a requeued task does not start
// before a credential has expired, five seconds later or more, and a hold that is
// not released, because its caller died, would last for ever. The worst that can
// happen is a task that runs where it was not to, and the error says so.
//
// It may be called from within the task, whose process must then outlive the
// SIGTERM that follows: Slurm signals the children of the task as well, so that a
// command which a signal ends is run again. For the same reason a ctx that ends
// after the beginning does not stop it; each command has its time.
func (c *Commands) Requeue(ctx context.Context, task TaskID, exclude []string) error {
	if task.Job == 0 {
		return &FieldError{Field: "task", Value: task.String(), Why: "is no task"}
	}
	if err := checkNodes("exclude", exclude); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	ctx = context.WithoutCancel(ctx)
	if err := c.persist(ctx, "requeue", task.String()); err != nil && !isPending(err) {
		return err
	}
	if len(exclude) == 0 {
		return nil
	}
	if err := c.persist(ctx, "update", "JobId="+task.String(), "ExcNodeList="+strings.Join(exclude, ",")); err != nil {
		return fmt.Errorf("task %v is requeued, but may run on %s again: %w", task, strings.Join(exclude, ","), err)
	}
	return nil
}

// isPending reports whether scontrol said that the task waits already.
func isPending(err error) bool {
	e, ok := errors.AsType[*ExecError](err)
	return ok && e.ExitCode > 0 && strings.Contains(e.Stderr, "Job is pending execution")
}

// attempts is how often a command is run that signals end.
const attempts = 3

// persist runs scontrol, again where a signal ended it. What it is used for can be
// done twice.
func (c *Commands) persist(ctx context.Context, args ...string) error {
	var err error
	for range attempts {
		if _, err = c.control(ctx, args...); !killed(err) {
			return err
		}
	}
	return err
}

// control runs scontrol.
func (c *Commands) control(ctx context.Context, args ...string) (string, error) {
	return c.run(ctx, call{program: scontrol, args: args, env: environment(c.env, nil), timeout: c.query})
}

// ask runs a command whose output has times and lists of indices.
func (c *Commands) ask(ctx context.Context, program string, args ...string) (string, error) {
	return c.run(ctx, call{program: program, args: args, env: c.queried, timeout: c.query})
}

// checkNames refuses names that no Submission has.
func checkNames(names []string) error {
	for i, name := range names {
		if err := checkName(fmt.Sprintf("names[%d]", i), name); err != nil {
			return err
		}
	}
	return nil
}

// named returns the items whose name was asked for, exactly: a database may not
// tell A from a.
func named[T any](names []string, items []T, name func(T) string) []T {
	wanted := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	return slices.DeleteFunc(items, func(item T) bool { return !wanted[name(item)] })
}
