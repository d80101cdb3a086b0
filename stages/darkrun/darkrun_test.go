package darkrun_test

import (
	"bytes"
	"context"
	"errors"
	"image/png"
	"io"
	"math"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/logx"
	"deployconstants/internal/plot"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/content"
	"deployconstants/repo/ndarray"
	"deployconstants/stages"
	"deployconstants/stages/dark"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"

	"github.com/sirupsen/logrus"
)

const (
	epixSource = "XcsEndstation.0:Epix100a.1"
	rows       = 12
	columns    = 16
)

// epixDetector is an epix100a of a few pixels.
func epixDetector(source string, carrier uint32) xtctest.Detector {
	contains, _ := xtc.ClassTypeID("Epix.Config100aV2")
	return xtctest.Detector{
		Source: source, Alias: "epix_" + source[len(source)-1:], Contains: contains,
		Config: xtctest.Epix100aConfig(2, xtctest.Epix{RowsPerAsic: rows / 2, PixelsPerAsicRow: columns / 2, CarrierID: [2]uint32{carrier, 0}}),
	}
}

// epixNode is a frame of it in an event.
func epixNode(pixels []uint16) xtctest.Node {
	contains, payload := xtctest.FrameObject("Epix.Config100aV2", []int{rows, columns}, pixels)
	return xtctest.Node{Contains: contains, Payload: payload}
}

// A world is data, a repository, and a log, for one test.
type world struct {
	t          *testing.T
	dir        string
	log        bytes.Buffer
	repository *repo.Repository
	options    darkrun.Options
	pages      map[string]plot.Page
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), pages: map[string]plot.Page{}}
	for _, dir := range []string{w.data(), filepath.Join(w.dir, "calib"), filepath.Join(w.dir, "repo")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if w.repository, err = repo.Open(filepath.Join(w.dir, "repo"), repo.Options{Group: -1, Host: "h", WorkDir: "/w", User: "u"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.repository.Close() })
	zone, err := repo.LoadZone("")
	if err != nil {
		t.Fatal(err)
	}
	w.options = darkrun.Options{
		Catalog: dataset.Catalog{Roots: []string{filepath.Join(w.dir, "data")}}, Repository: w.repository, Detectors: []string{epixSource},
		Zone: zone, Group: -1, MaxBad: 1,
		Header: ndarray.Header{Host: "h", WorkDir: "/w", User: "u", Time: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)},
		Publish: func(name string, page plot.Page) (string, error) {
			w.pages[name] = page
			return "plots/" + name, nil
		},
	}
	return w
}

func (w *world) data() string { return filepath.Join(w.dir, "data/XPP/xpptut15/xtc") }

// write writes run 260, or another, and returns the path of its first file.
func (w *world) write(run xtctest.Run) string {
	w.t.Helper()
	if run.Number == 0 {
		run.Number = 260
	}
	run.Experiment, run.BeginRun = "xpptut15", xtc.Clock{Sec: 1458353250 + uint32(run.Number)}
	paths, err := run.Write(w.data(), "e665")
	if err != nil {
		w.t.Fatal(err)
	}
	return paths[0]
}

// run processes runs of the experiment.
func (w *world) run(runs string) darkrun.Report {
	w.t.Helper()
	report, err := w.tryRun(w.t.Context(), runs)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

func (w *world) tryRun(ctx context.Context, runs string) (darkrun.Report, error) {
	w.t.Helper()
	var err error
	if w.options.Dataset, err = dataset.ParseSpec("exp=xpptut15:run=" + runs); err != nil {
		w.t.Fatal(err)
	}
	return darkrun.Run(ctx, w.options, logx.New(&w.log, logrus.DebugLevel))
}

// only returns the only dark of a report, which must have gone well.
func (w *world) only(report darkrun.Report) darkrun.Dark {
	w.t.Helper()
	if err := report.Err(); err != nil || len(report.Darks) != 1 {
		w.t.Fatalf("%d darks, %v", len(report.Darks), err)
	}
	return report.Darks[0]
}

// array reads what a dark saved.
func (w *world) array(d darkrun.Dark, ctype string) *ndarray.Array {
	w.t.Helper()
	at := slices.IndexFunc(d.Files, func(f darkrun.File) bool { return f.CType == ctype })
	if at < 0 {
		w.t.Fatalf("no %s in %+v", ctype, d.Files)
	}
	file, err := os.Open(d.Files[at].Path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer file.Close()
	a, err := ndarray.ReadText(file, ndarray.ReadOptions{})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// direct is what package dark makes of the frames.
func direct(t *testing.T, frames [][]uint16) *dark.Result {
	t.Helper()
	p, err := dark.New(dark.Calibrun(), []int{rows, columns}, ndarray.Uint16)
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range frames {
		if err := p.Add(frame); err != nil {
			t.Fatal(err)
		}
	}
	r, err := p.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// check compares what was saved with a result.
func (w *world) check(d darkrun.Dark, r *dark.Result) {
	w.t.Helper()
	if d.Frames != r.Frames || d.Statistics != r.Statistics || d.Threshold != r.Threshold {
		w.t.Errorf("%d frames, statistics %d, threshold %d; want %d, %d, %d", d.Frames, d.Statistics, d.Threshold, r.Frames, r.Statistics, r.Threshold)
	}
	if d.RMS[0] != darkrun.Limits(r.RMSLimits) || d.Average[0] != darkrun.Limits(r.AverageLimits) {
		w.t.Errorf("limits %+v %+v, want %+v %+v", d.RMS, d.Average, r.RMSLimits, r.AverageLimits)
	}
	_, good := r.StatusCounts()
	if d.Good != good || d.Pixels != len(r.Status) {
		w.t.Errorf("%d of %d pixels are good, want %d of %d", d.Good, d.Pixels, good, len(r.Status))
	}
	for ctype, want := range map[string][]float64{"pedestals": r.Averages, "pixel_rms": r.RMS, "pixel_status": r.Array(dark.Status).AsFloat64()} {
		got := w.array(d, ctype)
		if !slices.Equal(got.Shape, r.Shape) {
			w.t.Errorf("%s has the shape %v", ctype, got.Shape)
		}
		for i, v := range got.AsFloat64() {
			if math.Abs(v-want[i]) > 0.00501 {
				w.t.Fatalf("%s[%d] is %v, want %v", ctype, i, v, want[i])
			}
		}
	}
}

// frames are different ones of noise.
func epixFrames(n int) [][]uint16 { return noise(rows*columns, n) }

// TestDarksOfFewEvents is of the numbers of events at which something changes.
func TestDarksOfFewEvents(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, 49, 50, 51, 120} {
		t.Run("", func(t *testing.T) {
			w := newWorld(t)
			frames := epixFrames(n)
			w.write(xtctest.Run{Events: n, Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
			report := w.run("260")
			if report.Runs[0].Events != n || report.Runs[0].Tally.Events != n {
				t.Errorf("%+v, want %d events", report.Runs[0], n)
			}
			if n < 3 {
				d := report.Darks[0]
				if !errors.Is(d.Err(), dark.ErrTooFewFrames) || d.Frames != n || len(d.Files) != 0 || len(w.pages) != 0 {
					t.Errorf("%d events: %+v", n, d)
				}
				if entries, err := os.ReadDir(filepath.Join(w.dir, "repo")); err != nil || len(entries) != 0 {
					t.Errorf("the repository has %v, %v", entries, err)
				}
				return
			}
			d := w.only(report)
			w.check(d, direct(t, frames))
			if d.Stamp != "20160318191150" || !strings.HasSuffix(d.Files[0].Path, "/pedestals/epix100a_0001_20160318191150_xpptut15_r0260_pedestals.txt") {
				t.Errorf("valid from %s: %s", d.Stamp, d.Files[0].Path)
			}
		})
	}
}

// TestEventsWithoutFrames counts them by reason, and leaves them out.
func TestEventsWithoutFrames(t *testing.T) {
	w := newWorld(t)
	frames := epixFrames(90)
	var good [][]uint16
	want := darkrun.Without{}
	other := make([]uint16, rows*columns)
	w.write(xtctest.Run{
		Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)},
		Frame: func(_, event int) xtctest.Node {
			node := epixNode(frames[event])
			switch event % 10 {
			case 1:
				want.Missing++
				return xtctest.Node{}
			case 3:
				want.Damaged++
				node.Damage = xtc.DamageOutOfOrder
				return node
			case 5:
				want.Broken++
				node.Payload = node.Payload[:len(node.Payload)/2]
				return node
			case 7:
				want.NoConfig++
				node.Contains, node.Payload = xtctest.FrameObject("Jungfrau.ConfigV3", []int{1, rows, columns}, other)
				return node
			}
			good = append(good, frames[event])
			return node
		},
	})
	d := w.only(w.run("260"))
	if d.Without != want {
		t.Errorf("events without frames: %+v, want %+v", d.Without, want)
	}
	w.check(d, direct(t, good))
	if text := w.log.String(); !strings.Contains(text, "9 had no data, 9 were damaged, 9 cannot be read without a configuration, 9 were broken") {
		t.Errorf("the log does not tell them:\n%s", text)
	}
}

// TestOnlyEventsWithoutFrames says what the events had instead.
func TestOnlyEventsWithoutFrames(t *testing.T) {
	w := newWorld(t)
	w.write(xtctest.Run{
		Events: 20, Detectors: []xtctest.Detector{epixDetector(epixSource, 1)},
		Frame: func(_, event int) xtctest.Node {
			node := epixNode(make([]uint16, rows*columns))
			if event > 1 {
				node.Damage = xtc.DamageDroppedContribution
			}
			return node
		},
	})
	d := w.run("260").Darks[0]
	if !errors.Is(d.Err(), dark.ErrTooFewFrames) || !strings.Contains(d.Error, "2, need at least 3; of the events looked at, 18 were damaged") {
		t.Errorf("the error is %v", d.Err())
	}
}

// TestCutFiles cuts the file of a run anywhere: there is a dark of the frames before, or
// an error, and never neither; that something is missing is told.
func TestCutFiles(t *testing.T) {
	w := newWorld(t)
	w.options.Publish = nil
	w.options.Replace = true
	frames := epixFrames(12)
	path := w.write(xtctest.Run{Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	saw := map[int]bool{}
	for cut := len(whole) - 1; cut >= 0; cut -= 97 {
		if err := os.WriteFile(path, whole[:cut], 0o644); err != nil {
			t.Fatal(err)
		}
		report := w.run("260")
		if len(report.Darks) == 0 {
			if report.Err() == nil {
				t.Fatalf("cut at %d: nothing is said", cut)
			}
			continue
		}
		d := report.Darks[0]
		if d.Err() == nil {
			if d.Frames < 3 || d.Frames > len(frames) {
				t.Fatalf("cut at %d: a dark of %d frames", cut, d.Frames)
			}
			w.check(d, direct(t, frames[:d.Frames]))
		}
		saw[d.Frames] = true
		if run := report.Runs[0]; len(run.Warnings) == 0 && run.Error == "" {
			t.Errorf("cut at %d: nothing is said of it: %+v", cut, run)
		}
	}
	if len(saw) != len(frames)+1 {
		t.Errorf("darks of %v frames, want all numbers to %d", saw, len(frames))
	}
}

// TestDamageInTheMiddle overwrites the files behind some events: those before count, and
// the run fails beside them.
func TestDamageInTheMiddle(t *testing.T) {
	w := newWorld(t)
	frames := epixFrames(40)
	run := xtctest.Run{Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }}
	path := w.write(run)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	begin := int64(0)
	for _, d := range run.Dgrams(0)[:30] {
		begin += d.Size()
	}
	for i := range whole[begin:] {
		whole[begin+int64(i)] = 0xff
	}
	if err := os.WriteFile(path, whole, 0o644); err != nil {
		t.Fatal(err)
	}
	report := w.run("260")
	d := report.Darks[0]
	if d.Err() != nil || d.Frames < 3 || d.Frames >= len(frames) {
		t.Fatalf("%d frames, %v", d.Frames, d.Err())
	}
	w.check(d, direct(t, frames[:d.Frames]))
	if run := report.Runs[0]; !strings.Contains(run.Error, "the files break off after") || report.Failed() != 1 {
		t.Errorf("the run: %+v", run)
	}
}

// TestSavedAgain is of numbers that are there already, or others.
func TestSavedAgain(t *testing.T) {
	w := newWorld(t)
	frames := epixFrames(60)
	write := func(frames [][]uint16) {
		w.write(xtctest.Run{Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	}
	outcomes := func(d darkrun.Dark) (all []string) {
		for _, f := range d.Files {
			all = append(all, f.Outcome)
		}
		return all
	}
	write(frames)
	first := w.only(w.run("260"))
	if got := outcomes(first); !slices.Equal(got, []string{"created", "created", "created"}) {
		t.Errorf("first %v", got)
	}
	before, err := os.ReadFile(first.Files[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	w.options.Header.Time = w.options.Header.Time.Add(time.Hour)
	if got := outcomes(w.only(w.run("260"))); !slices.Equal(got, []string{"unchanged", "unchanged", "unchanged"}) {
		t.Errorf("again %v", got)
	}
	write(frames[:55])
	report := w.run("260")
	if d := report.Darks[0]; !errors.Is(d.Err(), darkrun.ErrExists) || len(d.Files) != 0 {
		t.Errorf("other numbers: %+v", d)
	}
	if after, err := os.ReadFile(first.Files[0].Path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file changed, %v", err)
	}
	w.options.Replace = true
	d := w.only(w.run("260"))
	if got := outcomes(d); !slices.Contains(got, "replaced") || slices.Contains(got, "created") {
		t.Errorf("replaced %v", got)
	}
	w.check(d, direct(t, frames[:55]))
	w.options.Replace, w.options.Stamp = false, "2017"
	d = w.only(w.run("260"))
	if got := outcomes(d); !slices.Equal(got, []string{"created", "created", "created"}) || d.Stamp != "20170101000000" {
		t.Errorf("of another time %v, %s", got, d.Stamp)
	}
}

// TestWithdrawnStaysWithdrawn: what was found to be bad does not come back by processing
// the run once more.
func TestWithdrawnStaysWithdrawn(t *testing.T) {
	w := newWorld(t)
	frames := epixFrames(20)
	w.write(xtctest.Run{Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	path := w.only(w.run("260")).Files[0].Path
	if err := os.Rename(path, repo.Withdrawn(path)); err != nil {
		t.Fatal(err)
	}
	w.options.Replace = true
	d := w.run("260").Darks[0]
	if _, err := os.Stat(path); !errors.Is(d.Err(), darkrun.ErrWithdrawn) || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", d.Err(), err)
	}
}

func TestDryRunSavesNothing(t *testing.T) {
	w := newWorld(t)
	w.options.DryRun = true
	w.options.Features = darkrun.Features{Frames: true, Mean: true, Spread: true}
	frames := epixFrames(60)
	w.write(xtctest.Run{Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	d := w.only(w.run("260"))
	if d.Frames != 60 || len(d.Files) != 4 || d.Files[0].Outcome != darkrun.NotSaved || d.Files[0].Path != "" {
		t.Errorf("%+v", d)
	}
	if entries, err := os.ReadDir(filepath.Join(w.dir, "repo")); err != nil || len(entries) != 0 {
		t.Errorf("the repository has %v, %v", entries, err)
	}
}

// TestHeldBack is of darks that are too bad, or too different from the one before.
func TestHeldBack(t *testing.T) {
	w := newWorld(t)
	w.options.MaxBad = 0
	frames := epixFrames(30)
	half := make([][]uint16, len(frames))
	shifted := make([][]uint16, len(frames))
	for k, frame := range frames {
		half[k], shifted[k] = slices.Clone(frame), slices.Clone(frame)
		for i := range frame {
			if i%3 != 0 {
				half[k][i] = 0 // dead
			}
			shifted[k][i] += 100
		}
	}
	for number, frames := range map[int][][]uint16{260: frames, 261: half, 262: shifted} {
		w.write(xtctest.Run{Number: number, Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	}
	first := w.only(w.run("260"))
	if first.Jump != nil || first.Previous != "" {
		t.Errorf("the first dark is compared with %q", first.Previous)
	}
	d := w.run("261").Darks[0]
	if !errors.Is(d.Err(), darkrun.ErrHeldBack) || !strings.Contains(d.Error, "more than the fraction 0.5") || len(d.Files) != 0 || len(d.Plots) != 1 {
		t.Errorf("two thirds dead: %+v", d)
	}
	d = w.only(w.run("262"))
	if d.Jump == nil || math.Abs(*d.Jump-100) > 1 || d.Previous != first.Files[0].Path {
		t.Errorf("a jump of %v from %s", d.Jump, d.Previous)
	}
	if err := os.RemoveAll(filepath.Dir(filepath.Dir(d.Files[0].Path))); err != nil {
		t.Fatal(err)
	}
	w.only(w.run("260"))
	w.options.MaxJump = 50
	if d = w.run("262").Darks[0]; !errors.Is(d.Err(), darkrun.ErrHeldBack) || !strings.Contains(d.Error, "is 100.") {
		t.Errorf("a jump of 100 ADU: %v", d.Err())
	}
	w.options.MaxJump = 150
	w.only(w.run("262"))

	// What cannot be compared with is no reason: another shape, no numbers, none finite.
	for _, before := range []string{"1 2\n3 4\n", "<html>\n", strings.Repeat(strings.TrimSuffix(strings.Repeat("nan ", columns), " ")+"\n", rows)} {
		if err := os.WriteFile(first.Files[0].Path, []byte(before), 0o644); err != nil {
			t.Fatal(err)
		}
		if again := w.only(w.run("262")); again.Jump != nil || again.Files[0].Outcome != darkrun.Unchanged {
			t.Errorf("%q before: %+v", before[:4], again)
		}
	}
	if text := w.log.String(); !strings.Contains(text, "the dark before has no finite pedestal") || !strings.Contains(text, "the dark before cannot be compared with") {
		t.Errorf("the log does not tell:\n%s", text)
	}
}

// TestSeveralDetectorsAndRuns goes once over each run for all of them; one that is not
// there keeps the others from nothing.
func TestSeveralDetectorsAndRuns(t *testing.T) {
	w := newWorld(t)
	sources := []string{"XcsEndstation.0:Epix100a.1", "XcsEndstation.0:Epix100a.2"}
	frames := [][][]uint16{epixFrames(40), noise(rows*columns, 45)[5:]}
	for number := 260; number < 262; number++ {
		w.write(xtctest.Run{
			Number: number, Events: 40, Streams: []int{0, 1, 80},
			Detectors: []xtctest.Detector{epixDetector(sources[0], 1), epixDetector(sources[1], 2), {Source: "XppGon.0:Cspad.0", Class: "CsPad.ConfigV5"}},
			Frame: func(detector, event int) xtctest.Node {
				if detector == 2 {
					return xtctest.Node{}
				}
				return epixNode(frames[detector][event])
			},
		})
	}
	w.options.Detectors = []string{"epix_2", "Epix100A", "XppGon.0:Cspad.9"}
	report := w.run("259-262,263")
	type made struct {
		run    int
		source string
		failed bool
	}
	var got []made
	for _, d := range report.Darks {
		got = append(got, made{d.Run, d.Source, d.Error != ""})
	}
	want := []made{
		{260, "XppGon.0:Cspad.9", true}, {260, sources[1], false}, {260, sources[0], false},
		{261, "XppGon.0:Cspad.9", true}, {261, sources[1], false}, {261, sources[0], false},
	}
	if !slices.Equal(got, want) {
		t.Errorf("darks are %v, want %v", got, want)
	}
	w.check(report.Darks[1], direct(t, frames[1]))
	w.check(report.Darks[2], direct(t, frames[0]))
	if len(report.Runs) != 3 || report.Runs[0].Run != 263 || !errors.Is(report.Err(), dataset.ErrNoFiles) || !errors.Is(report.Err(), dataset.ErrNotInRun) {
		t.Errorf("runs %+v, %v", report.Runs, report.Err())
	}
}

// TestPlotsShowTheArrays compares a page with what was saved, and reads it as PNG.
func TestPlotsShowTheArrays(t *testing.T) {
	w := newWorld(t)
	frames := epixFrames(60)
	w.write(xtctest.Run{Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	d := w.only(w.run("260"))
	const name = "xpptut15_r0260_XcsEndstation-0-Epix100a-1_dark"
	page, drawn := w.pages[name]
	if !drawn || !slices.Equal(d.Plots, []string{"plots/" + name}) {
		t.Fatalf("plots %v, pages %v", d.Plots, w.pages)
	}
	r := direct(t, frames)
	pedestals, rms, status := page.Charts[0][0].(plot.Image), page.Charts[0][1].(plot.Image), page.Charts[0][2].(plot.Map)
	if !slices.Equal(pedestals.Values, r.Averages) || !slices.Equal(rms.Values, r.RMS) || !slices.Equal(pedestals.Shape, []int{rows, columns}) {
		t.Error("images are not those of the arrays")
	}
	for i, bad := range r.Status {
		want := bits.Len8(bad)
		if bits.OnesCount8(bad) > 1 {
			want = len(dark.StatusBits) + 1
		}
		if int(status.Classes[i]) != want {
			t.Fatalf("pixel %d of status %d has the class %d", i, bad, status.Classes[i])
		}
	}
	for k, values := range [][]float64{r.Averages, r.RMS} {
		h := page.Charts[1][k].(plot.Histogram)
		total := h.Below + h.Above
		for _, n := range h.Counts {
			total += n
		}
		if total != len(values) {
			t.Errorf("a histogram of %d pixels, want %d", total, len(values))
		}
	}
	showsPixels(t, page, 0)
}

// showsPixels writes a page as PNG, and reads the pixels of an image in its first row.
func showsPixels(t *testing.T, page plot.Page, index int) {
	t.Helper()
	var out bytes.Buffer
	if err := page.WritePNG(&out); err != nil {
		t.Fatal(err)
	}
	read, err := png.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	shown := page.Charts[0][index].(plot.Image)
	picture, areas := page.Render()
	area, columns := areas[0][index], shown.Shape[1]
	side := area.Dx() / columns // every pixel takes a square of dots
	for i, value := range shown.Values {
		x, y := area.Min.X+i%columns*side+side/2, area.Min.Y+i/columns*side+side/2
		if got, want := read.At(x, y), picture.Palette[shown.Shade(value)]; got != want {
			t.Fatalf("pixel (%d, %d) is %v, want %v", i/columns, i%columns, got, want)
		}
	}
}

// TestDeploy deploys what a report has, and holds back what is not valid.
func TestDeploy(t *testing.T) {
	w := newWorld(t)
	frames := noise(704*768, 4)
	w.write(xtctest.Run{
		Events: len(frames), Detectors: []xtctest.Detector{{Source: epixSource, Class: "Epix.Config100aV2"}},
		Frame: func(_, event int) xtctest.Node {
			contains, payload := xtctest.FrameObject("Epix.Config100aV2", []int{704, 768}, frames[event])
			return xtctest.Node{Contains: contains, Payload: payload}
		},
	})
	report := w.run("260")
	d := w.only(report)
	o := w.deployOptions()
	done, err := darkrun.Deploy(t.Context(), report, w.options.Dataset, o, logx.New(&w.log, logrus.InfoLevel))
	if err != nil || len(done) != 3 {
		t.Fatalf("%+v, %v", done, err)
	}
	for i, ctype := range []string{"pedestals", "pixel_rms", "pixel_status"} {
		dir := filepath.Join(w.dir, "calib/Epix100a::CalibV1", epixSource, ctype)
		deployed, err := os.ReadFile(filepath.Join(dir, "260-end.data"))
		if err != nil {
			t.Fatal(err)
		}
		saved, err := os.ReadFile(d.Files[i].Path)
		if err != nil {
			t.Fatal(err)
		}
		history, err := os.ReadFile(filepath.Join(dir, "HISTORY"))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(deployed, saved) || done[i].Outcome != "created" || done[i].Constants != d.Files[i].Path {
			t.Errorf("%s: deployed %d bytes of %d, %+v", ctype, len(deployed), len(saved), done[i])
		}
		if want := "file:260-end.data   copy_of:" + d.Files[i].Path + " ctype:" + ctype + " user:u host:h "; !strings.HasPrefix(string(history), want) {
			t.Errorf("HISTORY is %q, want %q", history, want)
		}
	}
	// What would replace them is judged by the limits of the settings.
	few, narrow := 1e-9, 1.0
	w.changeDeployed(done[1].Target)
	o.Limits = content.Limits{ByCType: map[repo.CType]content.Limit{repo.PixelRMS: {MaxChanged: &few}}}
	w.heldBack(report, o, content.Changed, "pixel_rms")
	o.Limits = content.Limits{ByCType: map[repo.CType]content.Limit{repo.Pedestals: {Max: &narrow}}}
	w.heldBack(report, o, content.Range, "pedestals")
	o.Limits = content.Limits{}
	// A file of the same moment whose name is greater is what psana's tools would take.
	other := strings.Replace(d.Files[0].Path, "xpptut15", "xpptut16", 1)
	if err := os.WriteFile(other, []byte("1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := darkrun.Deploy(t.Context(), report, w.options.Dataset, o, logx.New(io.Discard, logrus.InfoLevel)); err == nil || !strings.Contains(err.Error(), "instead of") {
		t.Errorf("another file is valid: %v", err)
	}
}

// heldBack deploys a report of which the content of one calibration type is held back for
// a reason, and the others are deployed: neither the file nor HISTORY of that changes.
func (w *world) heldBack(report darkrun.Report, o darkrun.DeployOptions, kind content.Kind, ctype string) {
	w.t.Helper()
	before := w.deployed(ctype)
	done, err := darkrun.Deploy(w.t.Context(), report, w.options.Dataset, o, logx.New(io.Discard, logrus.InfoLevel))
	problem, held := errors.AsType[*content.Problem](err)
	if !held || problem.Kind != kind || !strings.Contains(err.Error(), "deploy "+ctype+" of run 260, ") || !strings.Contains(err.Error(), ": held back: ") {
		w.t.Errorf("%s: %v, want %s", ctype, err, kind)
	}
	if len(done) != 2 || done[0].CType == ctype || done[1].CType == ctype {
		w.t.Errorf("deployed besides %s: %+v", ctype, done)
	}
	if after := w.deployed(ctype); after != before {
		w.t.Errorf("the directory of %s changed", ctype)
	}
}

// deployed is what is in the directory of a calibration type, or of several.
func (w *world) deployed(ctype string) string {
	w.t.Helper()
	paths, err := filepath.Glob(filepath.Join(w.dir, "calib/*/*", ctype, "*"))
	if err != nil {
		w.t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		all.WriteString(path + "\n" + string(text))
	}
	return all.String()
}

// changeDeployed changes one number of a deployed file.
func (w *world) changeDeployed(path string) {
	w.t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	at := bytes.LastIndexAny(text, "0123456789")
	text[at] = '0' + ('9' - text[at])
	if err := os.WriteFile(path, text, 0o644); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deployOptions() darkrun.DeployOptions {
	return darkrun.DeployOptions{Base: stages.DeployOptions{
		Catalog: w.options.Catalog, Repository: w.repository, Experiment: "xpptut15", Zone: w.options.Zone, CalibDir: filepath.Join(w.dir, "calib"),
		Calib: calibdir.Options{DirMode: 0o777, FileMode: 0o666, Group: -1}, Record: calibdir.HistoryRecord{User: "u", Host: "h", Time: w.options.Header.Time, Cwd: "/w"},
	}}
}

// TestJungfrauIsMergedAndDeployed is of one panel of the true shape in three cycles. What
// is merged is judged as the file of a whole detector is.
func TestJungfrauIsMergedAndDeployed(t *testing.T) {
	w := newWorld(t)
	const source, pixels = "CxiDs1.0:Jungfrau.0", 512 * 1024
	contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
	var steps []xtctest.Step
	for _, gain := range []xtc.JungfrauGain{xtc.JungfrauNormal, xtc.JungfrauForcedGain1, xtc.JungfrauForcedGain2} {
		config := xtctest.JungfrauConfig(3, xtctest.Jungfrau{GainMode: gain, Modules: []xtctest.JungfrauModule{{SerialNumber: 3, ModuleVersion: 1, FirmwareVersion: 2}}})
		steps = append(steps, xtctest.Step{Events: 4, Configs: []xtctest.Detector{{Source: source, Contains: contains, Config: config}}})
	}
	frames := noise(pixels, 4)
	w.write(xtctest.Run{
		Steps: steps, Detectors: steps[0].Configs,
		Frame: func(_, event int) xtctest.Node {
			frame := slices.Clone(frames[event%4])
			for i := range frame {
				frame[i] |= []uint16{0, 1, 3}[event/4] << 14
			}
			contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", []int{1, 512, 1024}, frame)
			return xtctest.Node{Contains: contains, Payload: payload}
		},
	})
	w.options.Detectors = []string{"jungfrau"}
	report := w.run("260")
	if err := report.Err(); err != nil || len(report.Darks) != 3 {
		t.Fatalf("%+v, %v", report.Darks, err)
	}
	few, narrow := 1e-9, 1.0
	o := w.deployOptions()
	o.Limits = content.Limits{ByCType: map[repo.CType]content.Limit{repo.Pedestals: {Max: &narrow}}}
	w.heldBack(report, o, content.Range, "pedestals")
	o.Limits = content.Limits{}
	done, err := darkrun.Deploy(t.Context(), report, w.options.Dataset, o, logx.New(&w.log, logrus.InfoLevel))
	if err != nil || len(done) != 3 || done[0].Outcome != "created" || done[1].Outcome != "unchanged" {
		t.Fatalf("%+v, %v\n%s", done, err, w.log.String())
	}
	w.changeDeployed(done[0].Target)
	o.Limits = content.Limits{ByCType: map[repo.CType]content.Limit{repo.Pedestals: {MaxChanged: &few}}}
	w.heldBack(report, o, content.Changed, "pedestals")
	file, err := os.Open(done[0].Target)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	a, err := ndarray.ReadText(file, ndarray.ReadOptions{})
	if err != nil || !slices.Equal(a.Shape, []int{3, 1, 512, 1024}) || filepath.Base(done[0].Target) != "260-end.data" {
		t.Fatalf("%s has the shape %v, %v", done[0].Target, a.Shape, err)
	}
	first := w.array(report.Darks[0], "pedestals")
	for i, v := range first.AsFloat64() {
		if math.Abs(a.Floats[i]-v) > 1e-3 {
			t.Fatalf("element %d is %v, in the table %v", i, a.Floats[i], v)
		}
	}
}

func TestCancelled(t *testing.T) {
	w := newWorld(t)
	frames := epixFrames(60)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	w.write(xtctest.Run{Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	cancel()
	if _, err := w.tryRun(ctx, "260"); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(w.dir, "repo")); err != nil || len(entries) != 0 {
		t.Errorf("the repository has %v, %v", entries, err)
	}
}

// A countdown is a context that is cancelled when it has been asked so often.
type countdown struct {
	context.Context
	left int
}

func (c *countdown) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// TestCancelledAtWork ends runs when workers may be at a group of frames: nothing is made.
func TestCancelledAtWork(t *testing.T) {
	frame := epixNode(epixFrames(1)[0])
	for source, test := range map[string]struct {
		run    xtctest.Run
		events []int // behind which it ends, more or less
	}{
		epixSource: {xtctest.Run{
			Events: 100, Detectors: []xtctest.Detector{epixDetector(epixSource, 1)},
			Frame: func(int, int) xtctest.Node { return frame },
		}, []int{10, 55, 70, 90}},
		quadSource: {quadRun(noise(quadPixels, 1), 40, 0), []int{10, 18, 34}},
	} {
		t.Run(source, func(t *testing.T) {
			w := newWorld(t)
			w.options.Detectors, w.options.Workers = []string{source}, 3
			w.write(test.run)
			for _, events := range test.events {
				if _, err := w.tryRun(&countdown{t.Context(), 2 * events}, "260"); !errors.Is(err, context.Canceled) {
					t.Errorf("behind %d events, the error is %v", events, err)
				}
			}
			if entries, err := os.ReadDir(filepath.Join(w.dir, "repo")); err != nil || len(entries) != 0 {
				t.Errorf("the repository has %v, %v", entries, err)
			}
		})
	}
}

// TestEventCodes takes the events that have one of the codes, or none of them.
func TestEventCodes(t *testing.T) {
	w := newWorld(t)
	w.options.DryRun = true
	frames := epixFrames(60)
	w.write(xtctest.Run{
		Events: len(frames), Detectors: []xtctest.Detector{epixDetector(epixSource, 1)},
		Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) },
		EventCodes: func(event int) []uint32 {
			codes := []uint32{140}
			if event%3 == 0 {
				codes = append(codes, 162)
			}
			return codes[event/50:] // the last ones have none, or the second alone
		},
	})
	for text, want := range map[string]int{"162": 20, "140": 50, "140,162": 53, "-162": 40, "1,162": 20, "-1": 60} {
		codes, err := dark.ParseEventCodes(text)
		if err != nil {
			t.Fatal(err)
		}
		w.options.Codes = &codes
		report := w.run("260")
		if d := w.only(report); d.Frames != want || report.Runs[0].Unwanted != 60-want || report.Runs[0].Events != 60 {
			t.Errorf("%s: %d frames of %+v, want %d", text, d.Frames, report.Runs[0], want)
		}
	}
}

// TestTheLastDetectorEndsTheLoop: until it is full, another gets more frames than were
// asked for, as by the reference; one that cannot be processed ends nothing.
func TestTheLastDetectorEndsTheLoop(t *testing.T) {
	w := newWorld(t)
	w.options.DryRun = true
	frames := epixFrames(60)
	sources := []string{"XcsEndstation.0:Epix100a.1", "XcsEndstation.0:Epix100a.2", "XcsEndstation.0:Cspad2x2.0"}
	w.write(xtctest.Run{
		Events: len(frames), Detectors: []xtctest.Detector{epixDetector(sources[0], 1), epixDetector(sources[1], 2), {Source: sources[2], Class: "CsPad2x2.ConfigV2"}},
		Frame: func(detector, event int) xtctest.Node {
			switch {
			case detector == 2:
				contains, payload := xtctest.FrameObject("CsPad2x2.ConfigV2", []int{185, 388, 2}, make([]uint16, 185*388*2))
				return xtctest.Node{Contains: contains, Payload: payload}
			case detector == 1 && event%2 == 0:
				return xtctest.Node{}
			}
			return epixNode(frames[event])
		},
	})
	events, full := 1000, 20
	bits := uint16(0xffff) // which a cspad2x2 cannot have
	w.options.Window.Events, w.options.Params.Frames, w.options.Params.DataBits = &events, &full, &bits
	for _, test := range []struct {
		detectors, frames []int
	}{
		{[]int{0, 1}, []int{40, 20}}, {[]int{1, 0}, []int{10, 20}}, {[]int{0, 1, 2}, []int{40, 20, 0}},
	} {
		w.options.Detectors = nil
		for _, i := range test.detectors {
			w.options.Detectors = append(w.options.Detectors, sources[i])
		}
		var got []int
		for _, d := range w.run("260").Darks {
			got = append(got, d.Frames)
			if (d.Err() != nil) != (d.Source == sources[2]) || d.Err() != nil && !errors.Is(d.Err(), dark.ErrParams) {
				t.Errorf("%s: %v", d.Source, d.Err())
			}
		}
		if !slices.Equal(got, test.frames) {
			t.Errorf("detectors %v have %v frames, want %v", test.detectors, got, test.frames)
		}
	}
}

// TestRunWithoutATime needs the time from which its constants are valid.
func TestRunWithoutATime(t *testing.T) {
	w := newWorld(t)
	frames := epixFrames(5)
	run := xtctest.Run{Experiment: "xpptut15", Number: 260, BeginRun: xtc.Clock{Sec: 1458353250}, Events: 5, Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }}
	dgrams := run.Dgrams(0)
	dgrams = slices.DeleteFunc(dgrams, func(d xtctest.Dgram) bool { return d.Transition == xtc.TransitionBeginRun })
	if err := xtctest.WriteFile(filepath.Join(w.data(), "e665-r0260-s00-c00.xtc"), dgrams); err != nil {
		t.Fatal(err)
	}
	if d := w.run("260").Darks[0]; !errors.Is(d.Err(), darkrun.ErrNoDark) || !strings.Contains(d.Error, "give the time from which the constants are valid with -t") {
		t.Errorf("%+v", d)
	}
	w.options.Stamp = "20160318"
	if d := w.only(w.run("260")); d.Stamp != "20160318000000" {
		t.Errorf("valid from %s", d.Stamp)
	}
}

// TestWorkDirMustBeThere is found before anything is read or saved.
func TestWorkDirMustBeThere(t *testing.T) {
	w := newWorld(t)
	frames := epixFrames(5)
	path := w.write(xtctest.Run{Events: 5, Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	for _, dir := range []string{filepath.Join(w.dir, "none"), path} {
		w.options.WorkDir = dir
		if _, err := w.tryRun(t.Context(), "260"); err == nil || !strings.Contains(err.Error(), "work directory: ") || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if entries, err := os.ReadDir(filepath.Join(w.dir, "repo")); err != nil || len(entries) != 0 {
		t.Errorf("the repository has %v, %v", entries, err)
	}
}
