package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/jobs/jobdir"
	"deployconstants/pipeline"
	"deployconstants/stages/submit"
	"deployconstants/stages/task"
)

func statusCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "status", ArgsUsage: "JOB", Usage: "say how far a job is, and why shards failed",
		Description: "What counts is the results; Slurm is asked once in the queue and once in accounting.\n\n" +
			"Examples:\n" +
			"   deploy_constants status 20261126T021500Z-7f3a09c1\n" +
			"   deploy_constants status --watch 20261126T021500Z-7f3a09c1\n\n" +
			"EXIT STATUS: 0 complete or under way, 1 failed, 2 wrong command line, 3 cut short (resume\n" +
			"   goes on with what is missing), or complete with failures",
		Flags: everyBatchFlag(
			&cli.BoolFlag{Name: "watch", Aliases: []string{"w"}, Usage: "again every 30 s, and later less often, until the job has ended"},
		),
		Action: func(c *cli.Context) error { return jobStatus(env, c) },
	}
}

// Pauses between two looks at a job: Slurm's controller answers everybody.
const (
	firstLook  = 30 * time.Second
	seldomLook = 3 * time.Minute
)

func jobStatus(env Env, c *cli.Context) error {
	w, job, err := openNamedJob(env, c)
	if err != nil {
		return err
	}
	o := w.submitOptions(job, w.scheduler())
	for pause := firstLook; ; pause = min(pause*5/4, seldomLook) {
		status, err := submit.Look(c.Context, o)
		if err != nil {
			return err
		}
		if c.Bool("json") {
			err = printJSON(env.Stdout, status)
		} else {
			err = w.printStatus(env.Stdout, status)
		}
		if err != nil {
			return err
		}
		if !c.Bool("watch") || status.State != submit.Active && status.State != submit.Waiting && status.State != submit.Unasked {
			return endOfStatus(status)
		}
		if err := pipeline.Sleep(c.Context, pause); err != nil {
			return err
		}
	}
}

func endOfStatus(s submit.Status) error {
	switch {
	case s.State == submit.Cut:
		return partly("the job is cut short; deploy_constants resume %s goes on", s.Job)
	case s.State == submit.Complete && len(s.NotDone) > 0:
		return partly("the job is complete, but not everything was done")
	}
	return nil
}

func (w *workplace) printStatus(out io.Writer, s submit.Status) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "job %s  %s  %s  by %s on %s, %s\n", s.Job, kindOf(s.Kind, s.Deploy), s.State,
		ui.Escape(s.User), ui.Escape(s.Host), s.Submitted.In(w.Zone).Format(time.DateTime))
	table := ui.NewTable("STEP", "SHARDS", "DONE", "RUNNING", "QUEUED", "STOPPED", "FAILED", "EXPERIMENTS", "NOT DONE")
	for _, step := range s.Steps {
		shards, experiments := fmt.Sprint(step.Shards), fmt.Sprintf("%d/%d", step.Settled, step.Experiments)
		if step.Step.Array() && step.Shards == 0 {
			shards = fmt.Sprintf("(%d)", step.Tasks)
		}
		if !step.Step.Array() {
			experiments = ""
		}
		table.Row(string(step.Step), shards, step.Done, step.Running, step.Queued, step.Stopped, step.Failed, experiments, step.Failures)
	}
	if err := table.Write(&b); err != nil {
		return err
	}
	if s.Rate > 0 && s.Left > 0 {
		fmt.Fprintf(&b, "%.1f experiments a second, about %s left of this step\n", s.Rate, ui.Duration(s.Left))
	}
	if len(s.Failures) > 0 {
		l := newList("STEP", "SHARDS", "CAUSE")
		for _, f := range s.Failures {
			note := "shards " + task.Numbers(f.Shards)
			if len(f.Nodes) > 0 {
				note += ", on " + strings.Join(f.Nodes, ", ")
			}
			l.row([]string{note}, f.Step, len(f.Shards), f.Cause)
		}
		b.WriteByte('\n')
		_ = l.write(&b) // a buffer
	}
	if len(s.NotDone) > 0 {
		l := newList("NOT DONE", "CAUSE")
		for _, cause := range s.NotDone[:min(len(s.NotDone), 20)] {
			l.row(nil, cause.Count, cause.Cause)
		}
		b.WriteByte('\n')
		_ = l.write(&b) // a buffer
	}
	for _, e := range s.Record {
		if e.State == jobdir.Refused || e.State == jobdir.Unknown || e.State == jobdir.Intended {
			fmt.Fprintf(&b, "step %s, round %d: %s %s\n", e.Step, e.Round, e.State, ui.Escape(e.Message))
		}
	}
	for _, note := range s.Notes {
		fmt.Fprintf(&b, "note: %s\n", ui.Escape(note))
	}
	_, err := out.Write(b.Bytes())
	return err
}

func resumeCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "resume", ArgsUsage: "JOB", Usage: "submit again what is missing of a job",
		Description: "Shards that have their result, and those that are queued or running, are left alone.\n\n" +
			"Examples:\n" +
			"   deploy_constants resume 20261126T021500Z-7f3a09c1\n" +
			"   deploy_constants resume --exclude sdfmilan123 --time 2h 20261126T021500Z-7f3a09c1\n\n" +
			"EXIT STATUS: 0 submitted, or nothing to do, 1 failed, 2 wrong command line, 11 somebody else is at it",
		Flags:  everyBatchFlag(without(slurmFlags, "tasks", "shard")...), // which the first submission has fixed
		Action: func(c *cli.Context) error { return resumeJob(env, c) },
	}
}

func resumeJob(env Env, c *cli.Context) error {
	w, job, err := openSubmitted(env, c)
	if err != nil {
		return err
	}
	if err := w.overrideSlurm(c); err != nil {
		return err
	}
	o := w.submitOptions(job, w.scheduler())
	o.Tell = func(message string) { fmt.Fprintf(env.Stderr, "%s: %s\n", program, oneLine(message)) }
	again, err := submit.Resume(env.patient, o)
	if errors.Is(err, submit.ErrNothing) {
		if c.Bool("json") {
			return printJSON(env.Stdout, again)
		}
		_, err = fmt.Fprintln(env.Stdout, err)
		return err
	}
	if c.Bool("json") {
		return errors.Join(err, printJSON(env.Stdout, again))
	}
	if err == nil {
		_, err = fmt.Fprintf(env.Stdout, "step %s: %s submitted again, %d on their way\n",
			again.Step, ui.Count(len(again.Shards), "shard"), again.Active)
	}
	return err
}

// openSubmitted opens the job that the argument names as it was submitted: with its own
// settings.
func openSubmitted(env Env, c *cli.Context) (*workplace, *jobdir.Job, error) {
	_, job, err := openNamedJob(env, c)
	if err != nil {
		return nil, nil, err
	}
	w, err := openJobWork(c.Context, env, job)
	return w, job, err
}

func cancelCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: "cancel", ArgsUsage: "JOB", Usage: "cancel all that Slurm has of a job",
		Description: "What tasks have in hand they finish, or leave to the next attempt. resume goes on from there.\n\n" +
			"Example:\n   deploy_constants cancel 20261126T021500Z-7f3a09c1\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 11 somebody else is at it",
		Flags:  everyBatchFlag(),
		Action: func(c *cli.Context) error { return cancelJob(env, c) },
	}
}

func cancelJob(env Env, c *cli.Context) error {
	w, job, err := openSubmitted(env, c)
	if err != nil {
		return err
	}
	tasks, err := submit.Cancel(env.patient, w.submitOptions(job, w.scheduler()))
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return printJSON(env.Stdout, map[string]int{"cancelled": tasks})
	}
	_, err = fmt.Fprintf(env.Stdout, "cancelled %s\n", ui.Count(tasks, "task"))
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
