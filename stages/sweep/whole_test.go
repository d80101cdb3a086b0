package sweep_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deployconstants/internal/testenv"
	"deployconstants/repo"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// Sizes of the whole facility of the benchmarks: 800,000 XTC files, 1,000,000
// records of a source in a run, and 20,000 directories with one file of constants.
const (
	wholeExperiments = 2000
	wholeRuns        = 100
	wholeDetectors   = 5
	wholePanels      = 400 // that the experiments take turns in using
	wholeStamps      = 3   // of the constants of a panel
)

// wholeVariable names a folder in which the whole facility is kept and found again.
const wholeVariable = "SWEEP_BENCH_DIR"

var (
	wholeStreams     = []int{0, 1, 2, 80}
	wholeInstruments = []string{"CXI", "MEC", "MFX", "XCS", "XPP"}
	wholeDefault     = "epix100a/default/epix100a_default_geometry.txt" // of all detectors
)

// A whole facility has nothing left to do: all is scanned and deployed.
type whole struct {
	dir, program string
}

// makeWhole makes the facility once for the process, or finds it again.
var makeWhole = sync.OnceValues(func() (*whole, error) {
	dir := os.Getenv(wholeVariable)
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "sweep-bench-"); err != nil {
			return nil, err
		}
		removeLater = dir
	}
	w := &whole{dir: dir, program: filepath.Join(dir, "deploy_constants")}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	if err := testenv.BuildProgram(w.program); err != nil {
		return nil, err
	}
	ready := filepath.Join(dir, "ready")
	if _, err := os.Stat(ready); err == nil {
		return w, nil
	}
	if err := w.make(); err != nil {
		return nil, err
	}
	return w, os.WriteFile(ready, nil, 0o644)
})

// removeLater is what TestMain removes.
var removeLater string

// wholeFacility returns the facility, which a benchmark must not change.
func wholeFacility(b *testing.B) *whole {
	b.Helper()
	w, err := makeWhole()
	must(b, err)
	return w
}

func (w *whole) data() string       { return filepath.Join(w.dir, "data") }
func (w *whole) repository() string { return filepath.Join(w.dir, "constants") }
func (w *whole) state() string      { return filepath.Join(w.dir, "state") }

func wholeInstrument(e int) string { return wholeInstruments[e%len(wholeInstruments)] }

func wholeName(e int) string {
	return fmt.Sprintf("%sb%05d", strings.ToLower(wholeInstrument(e)), e)
}

func (w *whole) experiment(e int) string {
	return filepath.Join(w.data(), wholeInstrument(e), wholeName(e))
}

func wholePanel(p int) string { return fmt.Sprintf("%010d-%010d-3-4-5-6-7", p%7+1, p+1) }

// make makes it all, and lets the binary deploy it.
func (w *whole) make() error {
	var table strings.Builder
	for e := range wholeExperiments {
		fmt.Fprintf(&table, "%d\t%s\t%s\n", e+1, wholeInstrument(e), wholeName(e))
	}
	settings := fmt.Sprintf("repository = %q\ndata_roots = [%q]\nexperiment_table = %q\nstart_records = \"\"\nstate_dir = %q\n\n[batch]\ngroup = \"\"\n",
		w.repository(), w.data(), filepath.Join(w.dir, "experiments.dat"), w.state())
	for name, text := range map[string]string{"experiments.dat": table.String(), "site.toml": settings} {
		if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	if err := w.makeRepository(); err != nil {
		return err
	}
	if err := w.makeData(); err != nil {
		return err
	}
	if out, err := w.command("sweep", "-D").CombinedOutput(); err != nil {
		return fmt.Errorf("first sweep: %w\n%s", err, out)
	}
	return nil
}

// makeRepository gives every panel common modes, and all one default geometry.
func (w *whole) makeRepository() error {
	var aliases strings.Builder
	put := func(name, text string) error {
		path := filepath.Join(w.repository(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return os.WriteFile(path, []byte(text), 0o644)
	}
	for p := range wholePanels {
		fmt.Fprintf(&aliases, "%04d %s 2013-06-09T12:19:26 u\n", p+1, wholePanel(p))
		for s := range wholeStamps {
			name := fmt.Sprintf("epix100a/%s/common_mode/epix100a_%04d_%d0101000000_xppb00000_r0001_common_mode.txt", wholePanel(p), p+1, 2011+s)
			if err := put(name, fmt.Sprintf("4 6 %d %d 0 0 0 0 0 0 0 0 0 0 0 0\n", s, p)); err != nil {
				return err
			}
		}
	}
	if err := put("epix100a/aliases.txt", aliases.String()); err != nil {
		return err
	}
	return put(wholeDefault, "# default\n\nIP            0 CAMERA        0         0        0  -100000        0         0         0      0.00000   0.00000   0.00000\n")
}

// makeData makes empty XTC files, which nobody opens, and the records that a scan
// would have made of them.
func (w *whole) makeData() error {
	l, err := ledger.Open(filepath.Join(w.state(), "ledger"))
	if err != nil {
		return err
	}
	writer := l.NewWriter()
	for e := range wholeExperiments {
		dir := filepath.Join(w.experiment(e), "xtc")
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.Mkdir(filepath.Join(w.experiment(e), "calib"), 0o755)); err != nil {
			return err
		}
		prefix := fmt.Sprintf("e%d", e+1)
		for r := range wholeRuns {
			for _, stream := range wholeStreams {
				path := filepath.Join(dir, fmt.Sprintf("%s-r%04d-s%02d-c00.xtc", prefix, r+1, stream))
				if err := unix.Mknod(path, unix.S_IFREG|0o644, 0); err != nil {
					return fmt.Errorf("make %s: %w", path, err)
				}
			}
		}
		listing, err := dataset.ListRuns(dir, prefix, false)
		if err != nil {
			return err
		}
		for _, run := range listing.Runs {
			if err := writer.Add(wholeRecord(e, dir, run)); err != nil {
				return err
			}
		}
		if (e+1)%(wholeExperiments/20) == 0 {
			if err := writer.Commit(bg); err != nil {
				return err
			}
		}
	}
	_, err = l.Compact(bg)
	return err
}

// wholeRecord is what the headers of a run would say. Runs begin a quarter of an
// hour apart, experiments half a day.
func wholeRecord(e int, dir string, run dataset.ListedRun) ledger.Run {
	begin := time.Date(2014, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(e)*12*time.Hour + time.Duration(run.Run)*15*time.Minute + time.Duration(e)*time.Microsecond)
	r := ledger.Run{
		Experiment: wholeName(e), Instrument: wholeInstrument(e), Dir: dir, Number: run.Run,
		Configure: begin.Add(-time.Minute).UnixNano(), BeginRun: begin.UnixNano(), Scanned: time.Now().UnixNano(),
	}
	for _, f := range run.Files {
		r.Files = append(r.Files, ledger.File{Name: f.Name, Size: f.Size, ModTime: f.ModTime})
	}
	slices.SortFunc(r.Files, func(a, b ledger.File) int { return strings.Compare(a.Name, b.Name) })
	for d := range wholeDetectors {
		r.Sources = append(r.Sources, ledger.Source{
			Name: wholeSource(d), Alias: fmt.Sprintf("epix_%d", d+1), Type: "epix100a", ID: wholePanel((e/20*7 + d) % wholePanels),
			Class: "Epix.Config100aV2", Version: 2,
		})
	}
	return r
}

func wholeSource(d int) string { return fmt.Sprintf("XppGon.0:Epix100a.%d", d+1) }

// command is the binary at the facility, not started.
func (w *whole) command(args ...string) *exec.Cmd {
	cmd := exec.Command(w.program, args...)
	cmd.Env = []string{"DEPLOY_CONSTANTS_CONFIG=" + filepath.Join(w.dir, "site.toml"), "LOGNAME=datamgr", "PATH=" + os.Getenv("PATH")}
	cmd.Dir = w.dir
	return cmd
}

// zone is the facility's.
func zone(t testing.TB) *time.Location {
	t.Helper()
	z, err := repo.LoadZone(repo.DefaultZone)
	must(t, err)
	return z
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
