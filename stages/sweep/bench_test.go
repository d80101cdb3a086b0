package sweep_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/jobs"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/content"
	"deployconstants/repo/digest"
	"deployconstants/stages/affected"
	"deployconstants/stages/plan"
	"deployconstants/stages/resolve"
	"deployconstants/stages/scan"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// BenchmarkUnchangedSweep runs the real binary over the whole facility, in which
// nothing is to do. peak-MiB is its greatest resident memory; cpu-s is processor time,
// which tells on a machine that others use; ratio is the time by that of reading all
// directories and looking every XTC file up with bare system calls, in as many
// goroutines, in the same run.
func BenchmarkUnchangedSweep(b *testing.B) {
	w := wholeFacility(b)
	var bare, ours, cpu time.Duration
	var peak int
	w.bareList(b) // warm
	for b.Loop() {
		begin := time.Now()
		w.bareList(b)
		middle := time.Now()
		bare += middle.Sub(begin)
		cmd := w.command("sweep", "-D", "--quiet")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		must(b, cmd.Start())
		stop := watchMemory(cmd.Process.Pid, &peak)
		err := cmd.Wait()
		ours += time.Since(middle)
		stop()
		cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if err != nil || out.Len() > 0 {
			b.Fatalf("%v: %s", err, out.String())
		}
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/sweep")
	b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s/sweep")
	b.ReportMetric(bare.Seconds()/float64(b.N), "bare-s")
	b.ReportMetric(float64(ours)/float64(bare), "ratio")
	b.ReportMetric(float64(peak)/(1<<10), "peak-MiB")
}

// watchMemory keeps the greatest resident memory of a process, in KiB, until it is
// stopped.
func watchMemory(pid int, peak *int) (stop func()) {
	status := fmt.Sprintf("/proc/%d/status", pid)
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			text, _ := os.ReadFile(status)
			if _, after, found := bytes.Cut(text, []byte("VmHWM:")); found {
				var kib int
				if _, err := fmt.Sscan(string(after[:min(40, len(after))]), &kib); err == nil {
					*peak = max(*peak, kib)
				}
			}
			select {
			case <-done:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() { close(done); <-stopped }
}

// BenchmarkScan scans the whole facility again, unchanged. ratio is the rate by that of
// the bare system calls.
func BenchmarkScan(b *testing.B) {
	w := wholeFacility(b)
	k := w.known(b)
	w.bareList(b)
	var bare, ours time.Duration
	for b.Loop() {
		begin := time.Now()
		w.bareList(b)
		middle := time.Now()
		bare += middle.Sub(begin)
		result, err := scan.Scan(b.Context(), scan.Options{
			Catalog: dataset.Catalog{Roots: []string{w.data()}, Experiments: k.table}, Ledger: k.ledger, Settle: -1,
		}, k.index, nil)
		ours += time.Since(middle)
		if err != nil || result.Unchanged != wholeExperiments*wholeRuns || result.Opened > 0 {
			b.Fatalf("%+v, %v", result, err)
		}
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "s/scan")
	b.ReportMetric(bare.Seconds()/float64(b.N), "bare-s")
	b.ReportMetric(float64(bare)/float64(ours), "ratio")
}

// BenchmarkPlan plans one calibration type for all runs and detectors of the whole
// facility: 1,000,000 decisions. Ledger, repository, digests, and what is deployed
// were loaded before.
func BenchmarkPlan(b *testing.B) {
	w := wholeFacility(b)
	k := w.known(b)
	var planned time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		summary, err := plan.Plan(b.Context(), plan.Options{
			CTypes: []string{"common_mode"}, Repository: k.repository, Digests: k.digests, Owner: k.deployed,
			Judge: content.Limits{}, Zone: zone(b),
			CalibDir: func(e *ledger.Experiment) (string, error) { return filepath.Join(filepath.Dir(e.Dir()), "calib"), nil },
		}, k.index, k.snapshot, func(planfile.Item) error { return nil })
		planned += time.Since(begin)
		if err != nil || summary.Changes() > 0 || summary.Decisions != wholeExperiments*wholeRuns*wholeDetectors {
			b.Fatalf("%+v, %v", summary, err)
		}
	}
	b.ReportMetric(planned.Seconds()/float64(b.N), "s/plan")
}

// BenchmarkAffected asks who would change if a default were withdrawn that all runs of
// the whole facility use.
func BenchmarkAffected(b *testing.B) {
	w := wholeFacility(b)
	k := w.known(b)
	change := resolve.Change{Op: resolve.Withdraw, Path: wholeDefault}
	var asked time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		report, err := affected.Who(b.Context(), affected.Options{Digests: k.digests, Zone: zone(b)}, k.index, k.snapshot, change)
		asked += time.Since(begin)
		if err != nil || report.Totals.Runs != wholeExperiments*wholeRuns*wholeDetectors {
			b.Fatalf("%+v, %v", report.Totals, err)
		}
	}
	b.ReportMetric(asked.Seconds()/float64(b.N), "s/answer")
}

// What is known of a facility before anything is asked.
type known struct {
	table      *dataset.Experiments
	ledger     *ledger.Ledger
	index      *ledger.Index
	repository *repo.Repository
	snapshot   *resolve.Snapshot
	digests    *digest.Cache
	deployed   *tx.Deployed
}

func (w *whole) known(b *testing.B) (k known) {
	b.Helper()
	state := jobs.State{Dir: w.state()}
	table, err := os.Open(filepath.Join(w.dir, "experiments.dat"))
	must(b, err)
	k.table, err = dataset.ReadExperiments(table)
	must(b, errors.Join(err, table.Close()))
	k.ledger, err = ledger.Open(state.Ledger())
	must(b, err)
	k.index, err = k.ledger.Load(b.Context())
	must(b, err)
	k.repository, err = repo.Open(w.repository(), repo.Options{Group: -1})
	must(b, err)
	b.Cleanup(func() { must(b, k.repository.Close()) })
	k.snapshot, err = resolve.Load(b.Context(), k.repository, resolve.Options{})
	must(b, err)
	k.digests, err = digest.Load(state.Digests())
	must(b, err)
	store, err := tx.Open(state)
	must(b, err)
	k.deployed, err = store.Deployed(b.Context())
	must(b, err)
	return k
}

// bareList reads the directories of XTC files and looks every entry up.
func (w *whole) bareList(b *testing.B) {
	b.Helper()
	var found atomic.Int64
	source := func(_ context.Context, emit func(string) error) error {
		for e := range wholeExperiments {
			if err := emit(filepath.Join(w.experiment(e), "xtc")); err != nil {
				return err
			}
		}
		return nil
	}
	work := func(_ context.Context, dir string) (struct{}, error) {
		n, err := bareListOne(dir)
		found.Add(int64(n))
		return struct{}{}, err
	}
	sink := func(r pipeline.Result[string, struct{}]) error { return r.Err }
	must(b, pipeline.Run(b.Context(), pipeline.Options{Workers: runtime.GOMAXPROCS(0)}, source, work, sink))
	if want := wholeExperiments * wholeRuns * len(wholeStreams); found.Load() != int64(want) {
		b.Fatalf("%d files, want %d", found.Load(), want)
	}
}

func bareListOne(dir string) (files int, err error) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	buffer := make([]byte, 32<<10)
	var names []string
	for {
		n, err := unix.ReadDirent(fd, buffer)
		if err != nil {
			return files, err
		}
		if n == 0 {
			return files, nil
		}
		_, _, names = unix.ParseDirent(buffer[:n], -1, names[:0])
		for _, name := range names {
			var st unix.Stat_t
			if err := unix.Fstatat(fd, name, &st, 0); err != nil {
				return files, err
			}
		}
		files += len(names)
	}
}
