package cli

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/ui"
	"deployconstants/jobs/jobdir"
	"deployconstants/stages/manifest"
	"deployconstants/stages/submit"
	"deployconstants/stages/task"
)

func jobsCommand(env Env) *cli.Command {
	const status = "EXIT STATUS: 0 done, 1 failed, 2 wrong command line"
	return &cli.Command{
		Name: "jobs", Usage: "list jobs, show what they did, remove them",
		Subcommands: []*cli.Command{
			{
				Name: "ls", Usage: "list jobs, without asking Slurm",
				Description: "Example:\n   deploy_constants jobs ls\n\n" + status,
				Flags:       everyBatchFlag(),
				Action:      func(c *cli.Context) error { return listJobs(env, c) },
			},
			{
				Name: "show", ArgsUsage: "JOB", Usage: "show a job: what was asked for, submitted, and summarized",
				Description: "Example:\n   deploy_constants jobs show 20261126T021500Z-7f3a09c1\n\n" + status,
				Flags:       everyBatchFlag(),
				Action:      func(c *cli.Context) error { return showJob(env, c) },
			},
			{
				Name: "merge", ArgsUsage: "JOB", Usage: "put all results together that there are by now, as the last step does",
				Description: "Examples:\n" +
					"   deploy_constants jobs merge 20261126T021500Z-7f3a09c1\n" +
					"   deploy_constants jobs merge -o night.manifest.jsonl.zst 20261126T021500Z-7f3a09c1\n\n" +
					"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 3 results are missing",
				Flags: everyBatchFlag(
					&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write the manifest to `FILE`"},
				),
				Action: func(c *cli.Context) error { return mergeJob(env, c) },
			},
			{
				Name: "rm", ArgsUsage: "JOB", Usage: "remove a job that is complete",
				Description: "The ledger, transactions and what was deployed are not part of a job, and stay.\n\n" +
					"Examples:\n" +
					"   deploy_constants jobs rm 20261126T021500Z-7f3a09c1\n" +
					"   deploy_constants jobs rm --force 20261126T021500Z-7f3a09c1\n\n" + status,
				Flags: everyBatchFlag(
					&cli.BoolFlag{Name: "force", Usage: "also one that is not complete; what its scan recorded and is not in the ledger is lost"},
				),
				Action: func(c *cli.Context) error { return removeJob(env, c) },
			},
		},
	}
}

// jobLine is a job in a list.
type jobLine struct {
	Job       string      `json:"job"`
	Kind      jobdir.Kind `json:"kind"`
	Deploy    bool        `json:"deploy"`
	Submitted time.Time   `json:"submitted"`
	User      string      `json:"user"`
	Host      string      `json:"host"`
	Step      jobdir.Step `json:"step,omitempty"` // the first that is not complete
	Done      int         `json:"done"`           // shards of all steps
	Shards    int         `json:"shards"`         // of all steps that are cut
}

func listJobs(env Env, c *cli.Context) error {
	if c.NArg() > 0 {
		return usageErrorf("unexpected argument %q", c.Args().First())
	}
	w, err := openWorkplace(env, c)
	if err != nil {
		return err
	}
	all, broken := jobdir.List(w.state)
	lines := []jobLine{}
	for _, job := range all {
		line, err := lineOf(job)
		broken = errors.Join(broken, err)
		lines = append(lines, line)
	}
	if c.Bool("json") {
		return errors.Join(printJSON(env.Stdout, lines), broken)
	}
	if len(lines) == 0 {
		_, err := fmt.Fprintln(env.Stdout, "no jobs")
		return errors.Join(err, broken)
	}
	table := ui.NewTable("JOB", "KIND", "USER", "HOST", "DONE", "STEP")
	for _, line := range lines {
		step := string(line.Step)
		if step == "" {
			step = "complete"
		}
		table.Row(line.Job, kindOf(line.Kind, line.Deploy), line.User, line.Host, fmt.Sprintf("%d/%d", line.Done, line.Shards), step)
	}
	return errors.Join(table.Write(env.Stdout), broken)
}

// kindOf names a kind as the command line has it.
func kindOf(kind jobdir.Kind, deploy bool) string {
	if kind == jobdir.SweepJob && deploy {
		return "sweep -D"
	}
	return string(kind)
}

func lineOf(job *jobdir.Job) (jobLine, error) {
	spec := job.Spec()
	line := jobLine{Job: spec.ID, Kind: spec.Kind, Deploy: spec.Deploy, Submitted: spec.Time, User: spec.User, Host: spec.Host}
	for _, step := range spec.Steps() {
		if err := line.add(job, step); err != nil {
			line.Step = cmp.Or(line.Step, step)
			return line, err
		}
	}
	return line, nil
}

// add adds what there is of a step.
func (l *jobLine) add(job *jobdir.Job, step jobdir.Step) error {
	count, err := job.Count(step)
	if errors.Is(err, jobdir.ErrNotCut) {
		l.Step = cmp.Or(l.Step, step)
		return nil
	}
	if err != nil {
		return err
	}
	missing, err := job.Missing(step)
	if err != nil {
		return err
	}
	l.Shards += count
	l.Done += count - len(missing)
	if len(missing) > 0 {
		l.Step = cmp.Or(l.Step, step)
	}
	return nil
}

// jobDocument is what `jobs show --json` prints.
type jobDocument struct {
	jobdir.Spec
	Submissions []jobdir.Submission `json:"submissions"`
	Summary     *mergedDocument     `json:"summary,omitempty"` // of the last step
}

func showJob(env Env, c *cli.Context) error {
	w, job, err := openNamedJob(env, c)
	if err != nil {
		return err
	}
	record, err := job.Record()
	if err != nil {
		return err
	}
	document := jobDocument{Spec: job.Spec(), Submissions: append([]jobdir.Submission{}, record.Submissions...)}
	summary, err := readSummary(job)
	if err != nil {
		return err
	}
	document.Summary = summary
	if c.Bool("json") {
		return printJSON(env.Stdout, document)
	}
	return w.printJob(env.Stdout, job, record)
}

func (w *workplace) printJob(out io.Writer, job *jobdir.Job, record jobdir.Record) error {
	spec := job.Spec()
	var b bytes.Buffer
	fmt.Fprintf(&b, "job        %s\nkind       %s\nsubmitted  %s by %s on %s\ncommand    %s\ndirectory  %s\n",
		spec.ID, kindOf(spec.Kind, spec.Deploy), spec.Time.In(w.Zone).Format(time.DateTime), ui.Escape(spec.User), ui.Escape(spec.Host),
		ui.Escape(spec.Command), ui.Escape(job.Dir()))
	for _, file := range []struct{ name, path string }{{"manifest", job.ManifestFile()}, {"summary", job.SummaryFile()}} {
		if exists(file.path) {
			fmt.Fprintf(&b, "%-9s  %s\n", file.name, ui.Escape(file.path))
		}
	}
	b.WriteByte('\n')
	jobPrinter{out: &b}.table(record)
	_, err := out.Write(b.Bytes())
	return err
}

// readSummary returns the summary of a job, nil if it has none yet.
func readSummary(job *jobdir.Job) (*mergedDocument, error) {
	text, err := os.ReadFile(job.SummaryFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m mergedDocument
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", job.SummaryFile(), err)
	}
	return &m, nil
}

// A jobPrinter shows what was given to Slurm.
type jobPrinter struct {
	out  io.Writer
	json bool
}

// submitted prints what became of a submission.
func (p jobPrinter) submitted(job *jobdir.Job, record jobdir.Record) error {
	if p.json {
		return printJSON(p.out, jobDocument{Spec: job.Spec(), Submissions: append([]jobdir.Submission{}, record.Submissions...)})
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "job %s\n", job.ID())
	jobPrinter{out: &b}.table(record)
	_, err := p.out.Write(b.Bytes())
	return err
}

func (p jobPrinter) table(record jobdir.Record) {
	l := newList("STEP", "ROUND", "TASKS", "SLURM", "STATE")
	for _, s := range record.Submissions {
		tasks := "-"
		if s.Tasks > 0 {
			tasks = fmt.Sprint(s.Tasks)
		}
		slurmJob := s.SlurmJob
		if slurmJob == "" {
			slurmJob = "-"
		}
		l.row([]string{s.Message}, s.Step, s.Round, tasks, slurmJob, s.State)
	}
	_ = l.write(p.out) // a buffer
}

func removeJob(env Env, c *cli.Context) error {
	w, job, err := openNamedJob(env, c)
	if err != nil {
		return err
	}
	line, err := lineOf(job)
	if err != nil {
		return err
	}
	if line.Step != "" && !c.Bool("force") {
		return fmt.Errorf("job %s is not complete: step %s; resume it, or remove it with --force", job.ID(), line.Step)
	}
	if status, err := submit.Look(c.Context, w.submitOptions(job, w.scheduler())); err == nil && line.Step != "" {
		if status.State == submit.Active || status.State == submit.Waiting {
			return fmt.Errorf("job %s has tasks in the queue; cancel it first", job.ID())
		}
	}
	return job.Remove()
}

// mergedDocument is the summary of a job: what `sweep --json` prints of the same, and
// what is missing of it.
type mergedDocument struct {
	sweepDocument
	Missing  map[jobdir.Step][]int `json:"missing,omitempty"`
	Failures map[string]int        `json:"failures,omitempty"`
}

// describeMerged makes the text of summary.json.
func describeMerged(m task.Merged) ([]byte, error) {
	var b bytes.Buffer
	err := printJSON(&b, mergedDocument{documentOfSweep(m.Report), m.Missing, m.Failures})
	return b.Bytes(), err
}

// describeJob is a few lines about what a job did, and where its manifest is; "": nowhere.
func describeJob(o *observer, m task.Merged, manifestFile string) string {
	lines := []string{o.summary(m.Report)}
	if !m.Complete() {
		lines = append(lines, "not complete: "+describeMissing(m.Missing))
	}
	causes := slices.SortedFunc(maps.Keys(m.Failures), func(a, b string) int {
		return cmp.Or(m.Failures[b]-m.Failures[a], strings.Compare(a, b))
	})
	for _, cause := range causes[:min(len(causes), 20)] {
		lines = append(lines, fmt.Sprintf("not done %d: %s", m.Failures[cause], oneLine(cause)))
	}
	if manifestFile != "" {
		lines = append(lines, "manifest "+manifestFile)
	}
	return strings.Join(lines, "\n")
}

// describeMissing says which shards have no result.
func describeMissing(missing map[jobdir.Step][]int) string {
	var parts []string
	for _, step := range jobdir.Steps() {
		switch shards, lacks := missing[step]; {
		case !lacks:
		case len(shards) == 0:
			parts = append(parts, fmt.Sprintf("step %s has not begun", step))
		default:
			parts = append(parts, fmt.Sprintf("step %s lacks shards %s", step, task.Numbers(shards)))
		}
	}
	return strings.Join(parts, ", ")
}

func mergeJob(env Env, c *cli.Context) (err error) {
	w, job, err := openNamedJob(env, c)
	if err != nil {
		return err
	}
	out, err := manifest.NewWriter(io.Discard, false)
	if name := c.String("output"); name != "" && err == nil {
		out, err = manifest.Create(name)
	}
	if err != nil {
		return err
	}
	merged, err := task.Merge(c.Context, job, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	if c.Bool("json") {
		text, err := describeMerged(merged)
		if err == nil {
			_, err = env.Stdout.Write(text)
		}
		if err != nil {
			return err
		}
	} else {
		o := &observer{workplace: w}
		o.start = job.Spec().Time
		file := c.String("output")
		if file == "" && exists(job.ManifestFile()) {
			file = job.ManifestFile()
		}
		if _, err := fmt.Fprintln(env.Stdout, describeJob(o, merged, file)); err != nil {
			return err
		}
	}
	if !merged.Complete() {
		return partly("results are missing: %s", describeMissing(merged.Missing))
	}
	return nil
}
