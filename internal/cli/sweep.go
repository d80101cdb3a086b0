package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/beacon"
	"deployconstants/internal/fslock"
	"deployconstants/internal/ui"
	"deployconstants/jobs"
	"deployconstants/jobs/planfile"
	"deployconstants/stages/apply"
	"deployconstants/stages/manifest"
	"deployconstants/stages/merge"
	"deployconstants/stages/scan"
	"deployconstants/stages/sweep"
	"deployconstants/stages/verify"
	"deployconstants/xtc/ledger"
)

func sweepCommand(env Env) *cli.Command {
	return &cli.Command{
		Name:  "sweep",
		Usage: "scan, plan, apply and verify in one go, for cron",
		Description: "Constants of panels and status words are merged before the plan. Without -D nothing is merged, and it\n" +
			"stops after the plan, which it keeps if there is something to do. One sweep works in a state\n" +
			"directory at a time. Monitoring sees <state>/heartbeat.json and <state>/metrics.prom.\n\n" +
			"Examples:\n" +
			"   deploy_constants sweep\n" +
			"   deploy_constants sweep -D --waves 1,1%,100%\n" +
			"   17 2 * * *  deploy_constants sweep -D --quiet --config /etc/deploy_constants.toml\n\n" +
			"EXIT STATUS: 0 done, 1 failed, 2 wrong command line, 3 some items failed, 4 changes are pending (with\n" +
			"   --detailed-exitcode), 5 deployed files are not as intended, 10 repository or data root missing,\n" +
			"   11 another sweep is running, 130/143 signalled: the next one goes on",
		Flags: everyBatchFlag(append(append(append([]cli.Flag{
			&cli.BoolFlag{Name: "deploy", Aliases: []string{"D"}, Usage: "change calib directories and repository"},
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print nothing if nothing changed and nothing is wrong that was not before"},
			&cli.BoolFlag{Name: "detailed-exitcode", Usage: "exit with 4 if changes are pending"},
			workersFlag, progressFlag, manifestFlag,
		}, scanFlags...), withoutShortO(selectionFlags)...), limitFlags...)...),
		Action: func(c *cli.Context) error { return runSweep(env, c) },
	}
}

// runSweep sweeps under the lock of the state directory.
func runSweep(env Env, c *cli.Context) error {
	if c.NArg() > 0 {
		return usageErrorf("unexpected argument %q; select with options", c.Args().First())
	}
	w, progress, err := openWatched(env, c)
	if err != nil {
		return err
	}
	defer progress.Close()
	held, err := w.lockSweep(c.Context)
	if err != nil {
		return err
	}
	defer held.Release()
	signal.Ignore(syscall.SIGPIPE) // whoever reads the report may go away
	heart, err := beacon.Start(w.state.Heartbeat(), beacon.HeartbeatOptions{Now: env.Now, Host: env.Host()})
	if err != nil {
		w.warn(fmt.Sprintf("heartbeat: %v", err))
	}
	o := &observer{
		workplace: w, progress: progress, heart: heart,
		quiet: c.Bool("quiet"), json: c.Bool("json"), pending: c.Bool("detailed-exitcode"),
	}
	if o.manifest, err = openManifest(c); err != nil {
		return err
	}
	report, err := w.sweep(env.patient, o, c.Bool("deploy"))
	progress.Close()
	err = errors.Join(err, o.manifest.close())
	for _, id := range report.Unfinished {
		o.note("transaction %s is not finished: resume it with apply --resume, or undo it", id)
	}
	w.tellUnmatched(w.selection, report.Scan.Experiments)
	fresh := err != nil || o.news()                  // a sweep that was cut short has not seen it all
	if err == nil || report.Apply != nil || o.json { // else there is no more to tell than the error
		err = errors.Join(err, o.print(report, fresh))
	}
	err = o.status(report, err)
	o.tell(report, err)
	if found, ok := errors.AsType[*statusError](err); ok && o.quiet {
		found.silent = !fresh && found.status != statusMissing
	}
	return err
}

// lockSweep keeps two sweeps from working in one state directory.
func (w *workplace) lockSweep(ctx context.Context) (*fslock.Held, error) {
	if err := os.MkdirAll(w.state.Locks(), jobs.DirMode); err != nil {
		return nil, err
	}
	held, err := fslock.Hold(ctx, filepath.Join(w.state.Locks(), "sweep.lock"), w.holder(), 0)
	if err == nil && held.Unlocked {
		w.warn(fmt.Sprintf("%s: locks do not work there; a second sweep would not be noticed", w.state.Locks()))
	}
	return held, err
}

// sweep opens what a sweep needs, and runs it.
func (w *workplace) sweep(ctx context.Context, o *observer, deploy bool) (sweep.Report, error) {
	records, err := ledger.Open(w.state.Ledger())
	if err != nil {
		return sweep.Report{}, err
	}
	open := w.readRepository
	if deploy {
		open = w.writeRepository
	}
	repository, err := open()
	if err != nil {
		return sweep.Report{}, err
	}
	defer repository.Close()
	digests, err := w.openDigests()
	if err != nil {
		return sweep.Report{}, err
	}
	defer w.saveDigests(ctx, digests)
	sweeping, err := w.sweepOptions(records, repository, digests)
	if err != nil {
		return sweep.Report{}, err
	}
	if sweeping.Scan, err = w.scanOptions(records); err != nil {
		return sweep.Report{}, err
	}
	sweeping.Deploy, sweeping.Events = deploy, o.events()
	return sweep.Run(ctx, sweeping)
}

// An observer shows and counts what a sweep does.
type observer struct {
	*workplace
	progress *ui.Progress
	heart    *beacon.Heartbeat
	manifest *manifestFile
	quiet    bool
	json     bool // print one document
	pending  bool // changes that wait have a status of their own

	stage  string
	done   int64
	failed int // of the transaction

	unmerged, waiting int // merges that failed, or that a sweep which deploys would make

	drift int
	bytes int64
	lines []string // what a person should see
}

// maxLines bounds how much a sweep reports one by one.
const maxLines = 100

func (o *observer) events() sweep.Events {
	scanning := scanEvents(o.progress, o.quiet)
	return sweep.Events{
		Stage: func(name string, total int) {
			o.stage, o.done = name, 0
			o.progress.Stage(name, total)
			o.beat()
		},
		Scan: func(e scan.Event) {
			scanning(e)
			o.manifest.scan(e)
			if e.Kind == scan.Trouble && e.Problem.Kind != scan.Writing {
				o.note("%s", e.Problem)
			}
			o.step()
		},
		Merge: func(item merge.Item) {
			if text := describeMerge(item); text != "" {
				o.note("%s", text)
			}
			switch item.Action {
			case merge.Failed:
				o.unmerged++
			case merge.Pending, merge.Stale:
				o.waiting++
			}
			o.step()
		},
		Item: func(item planfile.Item) {
			switch item.Action {
			case planfile.Held, planfile.Mismatch, planfile.Error:
				o.note("%s: %s %s %s %s: %s", item.Action, item.Experiment, item.Source, item.CType, item.Range, item.Reason)
			}
			o.step()
		},
		Done: func(outcome apply.Outcome) {
			o.progress.Add(1, failures(outcome))
			o.manifest.line(manifest.OfOutcome(outcome))
			switch {
			case failures(outcome) > 0:
				o.failed++
				o.note("%s: %s: %s", outcome.Status, outcome.Place.Path(), outcome.Cause)
			case outcome.Item.Constants != nil && outcome.Status == apply.Done:
				o.bytes += outcome.Item.Constants.Size
			}
			o.step()
		},
		Verified: func(f verify.Finding) { o.manifest.line(manifest.OfFinding(f)) },
		Drift: func(f verify.Finding) {
			o.drift++
			text := fmt.Sprintf("%s: %s", f.Class, f.Path)
			if how := describeDrift(f); how != "" {
				text += ": " + how
			}
			o.note("%s", text)
		},
	}
}

func (o *observer) note(format string, args ...any) {
	if len(o.lines) < maxLines {
		o.lines = append(o.lines, oneLine(fmt.Sprintf(format, args...)))
	}
}

func (o *observer) step() {
	o.done++
	o.beat()
}

// beat tells monitoring; a heartbeat that cannot be written stops nothing.
func (o *observer) beat() {
	_ = o.heart.Beat(o.stage, map[string]int64{"done": o.done}) // the end of the sweep tries again, and tells
}

// print shows the report; with --quiet only if something changed, or if there is
// to say what the last sweep had not to say.
func (o *observer) print(r sweep.Report, fresh bool) error {
	if o.json {
		return printJSON(o.env.Stdout, documentOfSweep(r))
	}
	if o.quiet && !fresh && r.Apply == nil && r.File == "" && len(r.Resumed) == 0 {
		return nil
	}
	lines := o.lines
	if len(lines) == maxLines {
		lines = append(lines, "... and more")
	}
	_, err := fmt.Fprintln(o.env.Stdout, strings.Join(append(lines, o.summary(r)), "\n"))
	return err
}

// news reports whether there is something to say that the last sweep did not say,
// and keeps it for the next one.
func (o *observer) news() bool {
	text := strings.Join(append(o.lines, ""), "\n")
	last, err := os.ReadFile(o.state.Notes())
	if err == nil && string(last) == text || errors.Is(err, fs.ErrNotExist) && text == "" {
		return false
	}
	if err := writeWhole(o.state.Notes(), func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
		o.warn(fmt.Sprintf("notes: %v", err))
	}
	return text != ""
}

// summary is one line about a sweep.
func (o *observer) summary(r sweep.Report) string {
	parts := []string{
		fmt.Sprintf("%s, %s (%d new, %d changed)", ui.Count(r.Scan.Experiments, "experiment"), ui.Count(r.Ledger.Runs, "run"), r.Scan.New, r.Scan.Changed),
		"plan: " + countsOfPlan(r.Plan.Counts),
	}
	if r.Merge != nil {
		parts = slices.Insert(parts, 1, "merges: "+countsOfMerges(r.Merge.Counts))
	}
	for _, resumed := range r.Resumed {
		parts = append(parts, "resumed "+describeResult(resumed, false))
	}
	switch {
	case r.Apply != nil:
		parts = append(parts, describeResult(*r.Apply, false))
	case r.File != "":
		parts = append(parts, "to be applied: "+r.File)
	}
	if r.Verify != nil {
		parts = append(parts, fmt.Sprintf("%d of %d deployed as intended", r.Verify.Classes[verify.OK], r.Verify.Checked))
	}
	return strings.Join(append(parts, ui.Duration(o.env.Now().Sub(o.start))), "; ")
}

// status decides how the sweep ended.
func (o *observer) status(r sweep.Report, err error) error {
	switch scanned := scanStatus(r.Scan); {
	case err != nil:
		return err
	case scanned != nil:
		return scanned
	case o.failed > 0 || r.Plan.Counts[planfile.Error] > 0:
		return partly("items that failed: %d of the plan, %d of the transaction", r.Plan.Counts[planfile.Error], o.failed)
	case o.unmerged > 0:
		return partly("merges that failed: %d", o.unmerged)
	case o.drift > 0:
		return &statusError{status: statusDamage, err: fmt.Errorf("deployed files that are not as intended: %d", o.drift)}
	case o.pending && r.Apply == nil && o.waiting > 0:
		return &statusError{status: statusPending, err: fmt.Errorf("merges are pending: %d", o.waiting)}
	case o.pending && r.Apply == nil && r.Plan.Changes() > 0:
		return &statusError{status: statusPending, err: fmt.Errorf("changes are pending: %d", r.Plan.Changes())}
	}
	return nil
}

// tell leaves heartbeat and metrics behind for monitoring.
func (o *observer) tell(r sweep.Report, err error) {
	cause := err
	if status := statusOf(err); status == statusPending || status == statusDamage {
		cause = nil // the sweep itself is done
	}
	if heartErr := o.heart.End(cause); heartErr != nil {
		o.warn(fmt.Sprintf("heartbeat: %v", heartErr))
	}
	figures := beacon.Sweep{
		LastSuccess: o.heart.LastSuccess(), Duration: o.env.Now().Sub(o.start),
		Experiments: r.Scan.Experiments, RunsKnown: r.Ledger.Runs, RunsNew: r.Scan.New, RunsFailed: r.Scan.Failed,
		Targets: map[string]int{}, Failures: o.failed + o.unmerged + r.Plan.Counts[planfile.Error] + r.Scan.Failed,
		Drift: o.drift, BytesPublished: o.bytes, ExitStatus: statusOf(err),
	}
	for action, n := range r.Plan.Counts {
		figures.Targets[string(action)] = n
	}
	if r.Apply != nil {
		figures.Changes = r.Apply.Counts[apply.Done] + r.Apply.Counts[apply.Adopted] + r.Apply.Counts[apply.Registered]
	}
	path := o.Batch.Metrics
	if path == "" {
		path = o.state.Metrics()
	}
	if err := figures.Publish(path); err != nil {
		o.warn(fmt.Sprintf("metrics: %v", err))
	}
}
