package dark_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/cli"
	"deployconstants/internal/plot"
	"deployconstants/internal/testenv"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// notByCommand are the cases with a command line that no XTC file can be built for.
var notByCommand = map[string]string{
	"c12_int16_negative":   "a cspad's frames have 32 sections of 185 x 388 pixels",
	"e02_quad":             "a quad's panels have 352 x 384 pixels",
	"c10_skip_events_asis": "the reference ends with an error that is repaired",
}

// A place is a facility of its own for one command: data, repository, calib directory.
type place struct {
	t *testing.T
}

// newPlace makes the place and goes there: paths in texts are relative.
func newPlace(t *testing.T) place {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"data", "repo", "work", "calib"} {
		if err := os.Mkdir(name, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return place{t}
}

// write writes the files of a run where the experiment has them.
func (p place) write(run xtctest.Run) {
	p.t.Helper()
	dir := filepath.Join("data", strings.ToUpper(run.Experiment[:3]), run.Experiment, "xtc")
	for _, d := range []string{dir, filepath.Join("data", run.Experiment[:3], run.Experiment, "xtc")} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			p.t.Fatal(err)
		}
		dir = d
	}
	run.BeginRun = xtc.Clock{Sec: 1600000000}
	if _, err := run.Write(dir, ""); err != nil {
		p.t.Fatal(err)
	}
}

// dark runs the command with the clock, host and user of the cases, and returns its exit
// status and what it prints as JSON.
func (p place) dark(args ...string) (status int, report darkrun.Report, stderr string) {
	p.t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		p.t.Fatal(err)
	}
	var out, messages bytes.Buffer
	env := cli.Env{
		Stdin: bytes.NewReader(nil), Stdout: &out, Stderr: &messages,
		Getenv: func(name string) string {
			return map[string]string{"SIT_PSDM_DATA": "data", "SIT_ROOT": "root", "LOGNAME": "refuser"}[name]
		},
		Now:     func() time.Time { return time.Date(2023, 11, 14, 14, 13, 20, 0, zone) },
		Account: func() string { return "refuser" },
		Host:    func() string { return "refhost" },
		Dir:     "/refdir",
	}
	status = cli.Run(context.Background(), env, append([]string{"dark", "--json", "-o", "repo"}, args...))
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			p.t.Fatalf("%v in %s", err, out.Bytes())
		}
	}
	return status, report, messages.String()
}

// file reads the only file of a pattern.
func (p place) file(pattern string) []byte {
	p.t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) != 1 {
		p.t.Fatalf("%s: %v, %v", pattern, found, err)
	}
	text, err := os.ReadFile(found[0])
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

// configOf is a detector with a configuration object for frames of that shape, and how
// its frames are written.
func configOf(source string, shape []int) (xtctest.Detector, func(pixels []uint16) (xtc.TypeID, []byte)) {
	d := xtctest.Detector{Source: source}
	class := ""
	rows, columns := uint32(shape[len(shape)-2]), uint32(shape[len(shape)-1])
	switch {
	case strings.Contains(source, "Epix100a"):
		class = "Epix.Config100aV2"
		d.Config = xtctest.Epix100aConfig(2, xtctest.Epix{RowsPerAsic: rows / 2, PixelsPerAsicRow: columns / 2, CarrierID: [2]uint32{7, uint32(source[len(source)-1])}})
	case strings.Contains(source, "pnCCD"): // of other sizes than the real ones: those of another camera
		class = "Andor3d.ConfigV1"
		d.Config = xtctest.AreaConfig(class, columns, rows, 1, uint32(shape[0]))
	case strings.Contains(source, "Rayonix"):
		d.Class = "Rayonix.ConfigV2"
		return d, func(pixels []uint16) (xtc.TypeID, []byte) {
			return xtc.NewTypeID(xtc.TypeFrame, 1), xtctest.CameraFrame(int(columns), int(rows), 16, pixels)
		}
	case strings.Contains(source, "Cspad2x2"):
		d.Class = "CsPad2x2.ConfigV2"
		return d, func(pixels []uint16) (xtc.TypeID, []byte) {
			mixed := make([]uint16, len(pixels))
			for i := range pixels {
				mixed[i] = pixels[i%2*len(pixels)/2+i/2]
			}
			return xtctest.FrameObject(d.Class, []int{shape[1], shape[2], shape[0]}, mixed)
		}
	}
	d.Contains, _ = xtc.ClassTypeID(class)
	return d, func(pixels []uint16) (xtc.TypeID, []byte) { return xtctest.FrameObject(class, shape, pixels) }
}

// arguments are the parameters of a case of det_ndarr_raw_proc as options.
func (p caseParams) arguments() []string {
	args := []string{"--max-bad", "1", "--nrecs", strconv.Itoa(p.Nrecs), "--nrecs1", strconv.Itoa(p.Nrecs1),
		"--events", strconv.Itoa(p.Events), "--evskip", strconv.Itoa(max(0, p.EvSkip)), "--datbits", "0x3fff"}
	if p.DatBits != 0 {
		args = append(args, "--datbits", strconv.Itoa(p.DatBits)) // the last one counts
	}
	for _, n := range []struct {
		name  string
		value float64
	}{
		{"int_lo", p.IntLow}, {"int_hi", p.IntHig}, {"rms_lo", p.RmsLow}, {"rms_hi", p.RmsHig}, {"fraclm", p.Fraclm},
		{"intnlo", p.IntNLo}, {"intnhi", p.IntNHi}, {"rmsnlo", p.RmsNLo}, {"rmsnhi", p.RmsNHi},
	} {
		args = append(args, "--"+n.name, strconv.FormatFloat(n.value, 'g', -1, 64))
	}
	return args
}

// writeSources writes the run of a case of one gain.
func (p place) writeSources(c darkCase, experiment string, number, events int) (names []string) {
	run := xtctest.Run{Experiment: experiment, Number: number, Events: events}
	var encode []func([]uint16) (xtc.TypeID, []byte)
	var frames [][][]uint16
	for _, source := range c.Sources {
		d, e := configOf(source.Source, source.Generator.Shape)
		run.Detectors, encode = append(run.Detectors, d), append(encode, e)
		frames = append(frames, source.read(p.t, c, events, source.NoneAt))
		names = append(names, source.Source)
	}
	given := make([]int, len(frames))
	run.Frame = func(detector, event int) xtctest.Node {
		if slices.Contains(c.Sources[detector].NoneAt, event) {
			return xtctest.Node{}
		}
		contains, payload := encode[detector](frames[detector][given[detector]])
		given[detector]++
		return xtctest.Node{Contains: contains, Payload: payload}
	}
	p.write(run)
	return names
}

// TestCommandOfOneGain makes the darks of the cases by the command, from XTC files, and
// compares all files with those of the reference, headers and all.
func TestCommandOfOneGain(t *testing.T) {
	eachCommandCase(t, "c", func(t *testing.T, c darkCase) {
		p := newPlace(t)
		names := p.writeSources(c, "xppx00001", 7, c.EventsInRun)
		status, report, stderr := p.dark(append(c.Params.arguments(), "-e", "xppx00001", "-r", "7", "-d", strings.Join(names, ","), "-w", "work")...)
		if strings.HasPrefix(c.ID, "c07") {
			if status != 1 || !strings.Contains(stderr, fmt.Sprintf("too few frames for a dark: %d, need at least 3", c.EventsInRun)) {
				t.Errorf("exit status %d, %s", status, stderr)
			}
			return
		}
		if status != 0 || len(report.Darks) != len(names) {
			t.Fatalf("exit status %d: %s", status, stderr)
		}
		from, stem, folder := c.Expected, "", "text/"
		if c.ExpectedClean != nil {
			from, stem, folder = c.ExpectedClean, "clean_", "clean/"
		}
		files, texts := c.texts(t), expect[map[string]expectedText](t, from, "text")
		compared := 0
		for i, d := range report.Darks {
			key := stem
			if len(names) > 1 {
				key = strings.NewReplacer(":", "-", ".", "-").Replace(d.Source) + "-"
			}
			if want := expect[int](t, from, key+"n_events_accepted"); d.Source != names[i] || d.Frames != want {
				t.Errorf("%s has %d frames, want %d of %s", d.Source, d.Frames, want, names[i])
			}
			if got := d.Without.Missing; got > len(c.Sources[i].NoneAt) || got == 0 && len(c.Sources[i].NoneAt) > 0 {
				t.Errorf("%d events without data, want up to %d", got, len(c.Sources[i].NoneAt))
			}
			for _, o := range dark.Outputs {
				name := dark.CalibrunName("xppx00001", 7, o, d.Source)
				text := p.file(filepath.Join("work/results", escaped(name)))
				checkText(t, files, texts[name], folder+name, text)
				compared++
				ctype := map[dark.Output]string{dark.Average: "pedestals", dark.RMS: "pixel_rms", dark.Status: "pixel_status"}[o]
				if ctype == "" {
					continue
				}
				at := slices.IndexFunc(d.Files, func(f darkrun.File) bool { return f.CType == ctype })
				saved, err := os.ReadFile(d.Files[at].Path)
				if err != nil {
					t.Fatal(err)
				}
				want := bytes.Replace(text, []byte("work/results/"+name), []byte(d.Files[at].Path), 1)
				testenv.SameLines(t, d.Files[at].Path, saved, want)
				if o == dark.Average {
					checkPlot(t, d, saved)
				}
			}
		}
		if compared != len(texts) {
			t.Errorf("%d files compared of %d", compared, len(texts))
		}
	})
}

// checkPlot compares the picture of the pedestals in the file of plots with their text.
func checkPlot(t *testing.T, d darkrun.Dark, text []byte) {
	t.Helper()
	pedestals, err := ndarray.ReadText(bytes.NewReader(text), ndarray.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if pedestals.Len() > 2000 || len(d.Shape) != 2 {
		return // a dot is more than a pixel
	}
	file, err := os.Open(d.Plots[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	read, err := png.Decode(file)
	if err != nil {
		t.Fatal(err)
	}
	drawn, ok := read.(*image.Paletted)
	if !ok {
		t.Fatalf("%s is a %T", d.Plots[0], read)
	}
	chart := plot.NewImage("", "ADU", d.Shape, pedestals.AsFloat64())
	_, areas := plot.Page{Notes: []string{""}, Charts: [][]plot.Chart{{chart}}}.Render() // where it is on the page
	area := areas[0][0]
	side := area.Dx() / d.Shape[1]
	for i, v := range chart.Values {
		x, y := area.Min.X+i%d.Shape[1]*side+side/2, area.Min.Y+i/d.Shape[1]*side+side/2
		got, want := int(drawn.ColorIndexAt(x, y)), int(chart.Shade(v))
		if got < want-1 || got > want+1 { // the text is rounded
			t.Fatalf("pixel %d of %.2f ADU has the shade %d, want %d", i, v, got, want)
		}
	}
}

// escaped is a pattern that means a name.
func escaped(name string) string { return strings.ReplaceAll(name, "[", "\\[") }

// eachCommandCase runs a test for every case of a letter that an XTC file can be built
// for.
func eachCommandCase(t *testing.T, letter string, run func(t *testing.T, c darkCase)) {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(testenv.Shared(t, "dark"), letter+"*"))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases %s*: %v", letter, err)
	}
	for _, dir := range dirs {
		if notByCommand[filepath.Base(dir)] != "" {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			dir, err := filepath.Abs(dir)
			if err != nil {
				t.Fatal(err)
			}
			run(t, readCase(t, dir))
		})
	}
}

// TestCommandOfFeatures compares what --features saves.
func TestCommandOfFeatures(t *testing.T) {
	eachCommandCase(t, "s", func(t *testing.T, c darkCase) {
		p := newPlace(t)
		names := p.writeSources(c, "xppx00001", 7, c.NEvents)
		status, report, stderr := p.dark("-e", "xppx00001", "-r", "7", "-d", names[0], "--features", c.Params.Features,
			"--snrmax", strconv.FormatFloat(c.Params.SnrMax, 'g', -1, 64), "--max-bad", "1")
		if len(expect[[]int](t, c.Expected, "good_frames")) == 0 { // D16
			if status != 1 || !strings.Contains(stderr, "features: no frame is good") || len(report.Darks[0].Files) != 3 {
				t.Errorf("exit status %d, %+v, %s", status, report.Darks, stderr)
			}
			return
		}
		if status != 0 {
			t.Fatalf("exit status %d: %s", status, stderr)
		}
		want := expect[map[string]expectedText](t, c.Expected, "text")["status.dat"]
		checkText(t, c.texts(t), want, "status.dat", p.file("repo/epix100a/*/status_dark/epix100a_0001_20200913052640_xppx00001_r0007_status_dark.dat"))
	})
}

// tablesOf reads the tables that a report has, by panel, the reference's name of the
// calibration type, and mode.
func tablesOf(t *testing.T, report darkrun.Report) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, d := range report.Darks {
		for _, f := range d.Files {
			text, err := os.ReadFile(f.Path)
			if err != nil {
				t.Fatal(err)
			}
			ctype := strings.TrimPrefix(f.CType, "pixel_")
			panel := filepath.Base(filepath.Dir(filepath.Dir(f.Path)))
			base := strings.TrimSuffix(filepath.Base(f.Path), ".dat")
			_, mode, found := strings.Cut(base, "_"+f.CType+"_")
			if !found {
				t.Fatalf("the name %s", f.Path)
			}
			all[panel+"/"+ctype+"/"+mode] = text
		}
	}
	return all
}

// checkTables compares the tables with those of the case; of the gains in except, for
// which the reference added frames of zeros, with own arithmetic.
func checkTables(t *testing.T, c darkCase, got map[string][]byte, own func(panel, ctype, mode string) []byte) {
	t.Helper()
	files := c.texts(t)
	compared := 0
	for name, want := range expect[map[string]expectedText](t, c.Expected, "text") {
		parts := strings.Split(name, "/")
		if !strings.HasSuffix(name, ".dat") || c.isPreset(t, name) {
			continue
		}
		panel, ctype := parts[len(parts)-3], parts[len(parts)-2]
		_, mode, _ := strings.Cut(strings.TrimSuffix(parts[len(parts)-1], ".dat"), "_"+ctype+"_")
		text, saved := got[panel+"/"+ctype+"/"+mode]
		if !saved {
			t.Errorf("%s was not saved", name)
			continue
		}
		compared++
		if other := own(panel, ctype, mode); other != nil {
			testenv.SameLines(t, name, text, other)
			continue
		}
		checkText(t, files, want, name, text)
	}
	if compared == 0 || compared != len(got) {
		t.Errorf("%d tables compared, %d saved", compared, len(got))
	}
}

// TestCommandOfJungfrau makes the darks of three cycles of a run, and of three runs.
func TestCommandOfJungfrau(t *testing.T) {
	eachCommandCase(t, "j", func(t *testing.T, c darkCase) {
		p := newPlace(t)
		gains := map[string]xtc.JungfrauGain{}
		for g := xtc.JungfrauNormal; g <= xtc.JungfrauHighGain0; g++ {
			gains[g.String()] = g
		}
		shape := c.Modes[0].Generator.Shape
		contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
		detector := func(mode string) xtctest.Detector {
			j := xtctest.Jungfrau{Rows: uint32(shape[1]), Columns: uint32(shape[2]), GainMode: gains[mode]}
			for _, id := range c.ModuleIDs {
				j.Modules = append(j.Modules, xtctest.JungfrauModule{ModuleVersion: uint64(id[0]), FirmwareVersion: uint64(id[1]), SerialNumber: uint64(id[2])})
			}
			return xtctest.Detector{Source: c.Source, Contains: contains, Config: xtctest.JungfrauConfig(3, j)}
		}
		var runs []*xtctest.Run
		frames := map[int][][]uint16{}
		for _, mode := range c.Modes {
			if len(runs) == 0 || runs[len(runs)-1].Number != mode.Run {
				runs = append(runs, &xtctest.Run{Experiment: c.Exp, Number: mode.Run, Detectors: []xtctest.Detector{detector(mode.GainMode)}})
			}
			run := runs[len(runs)-1]
			run.Steps = append(run.Steps, xtctest.Step{Events: mode.NEvents, Configs: []xtctest.Detector{detector(mode.GainMode)}})
			all := mode.read(t, c, mode.NEvents, mode.NoneAt)
			for event := range mode.NEvents {
				if slices.Contains(mode.NoneAt, event) {
					frames[mode.Run] = append(frames[mode.Run], nil)
					continue
				}
				frames[mode.Run], all = append(frames[mode.Run], all[0]), all[1:]
			}
		}
		for _, run := range runs {
			run.Frame = func(_, event int) xtctest.Node {
				pixels := frames[run.Number][event]
				if pixels == nil {
					return xtctest.Node{}
				}
				contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", shape, pixels)
				return xtctest.Node{Contains: contains, Payload: payload}
			}
			p.write(*run)
		}
		numbers := fmt.Sprintf("%d-%d", runs[0].Number, runs[len(runs)-1].Number)
		status, report, stderr := p.dark("-e", c.Exp, "-r", numbers, "-d", c.Source)
		if status != 0 || len(report.Darks) != len(c.Modes) {
			t.Fatalf("exit status %d: %s", status, stderr)
		}
		own := map[string]*dark.Result{}
		for i, mode := range c.Modes {
			d := report.Darks[i]
			if want := fmt.Sprintf("gm%d-%s", mode.IGM, mode.GainMode); d.Gain != want || d.Run != mode.Run {
				t.Errorf("dark %d is of %s in run %d, want %s in %d", i, d.Gain, d.Run, want, mode.Run)
			}
			if r := jungfrauStep(t, c, mode); r.Frames < c.Params.Nrecs1 { // D1 is repaired
				own[d.Gain] = r
			}
		}
		checkTables(t, c, tablesOf(t, report), func(panel, ctype, mode string) []byte {
			r := own[mode]
			if r == nil {
				return nil
			}
			var text bytes.Buffer
			for _, kind := range dark.JungfrauKinds() {
				if strings.TrimPrefix(kind.CType, "pixel_") != ctype {
					continue
				}
				at := slices.IndexFunc(c.ModuleIDs, func(id []int) bool { return fmt.Sprintf("%x-%x-%x", id[0], id[1], id[2]) == panel })
				if err := kind.WriteTable(&text, r, at); err != nil {
					t.Fatal(err)
				}
			}
			return text.Bytes()
		})
	})
}

// TestCommandOfEpix10ka makes the darks of the cycles of a run, with tables of charge
// injection where the case has them.
func TestCommandOfEpix10ka(t *testing.T) {
	eachCommandCase(t, "e", func(t *testing.T, c darkCase) {
		p := newPlace(t)
		const class = "Epix.Config10kaV2"
		contains, _ := xtc.ClassTypeID(class)
		rows, columns := c.PanelShape[0], c.PanelShape[1]
		id := c.HardwareIDs[0]
		var names []string
		for _, n := range id {
			names = append(names, fmt.Sprintf("%010d", n))
		}
		detector := func(mode caseMode) xtctest.Detector {
			config := xtctest.Epix10kaConfig(2, xtctest.Epix{
				RowsPerAsic: uint32(rows / 2), PixelsPerAsicRow: uint32(columns / 2), Version: uint32(id[0]),
				CarrierID: [2]uint32{uint32(id[1]), uint32(id[2])}, DigitalCardID: [2]uint32{uint32(id[3]), uint32(id[4])},
				AnalogCardID: [2]uint32{uint32(id[5]), uint32(id[6])},
			})
			panel := xtc.Epix10kaPanel{Rows: rows, Columns: columns, Pixels: slices.Repeat([]uint16{uint16(mode.Config)}, rows*columns)}
			for i := range panel.Trbit {
				panel.Trbit[i] = mode.Trbit != 0
			}
			xtctest.SetPanel(class, config, 0, panel)
			return xtctest.Detector{Source: c.Source, Contains: contains, Config: config}
		}
		run := xtctest.Run{Experiment: c.Exp, Number: c.Run, Detectors: []xtctest.Detector{detector(c.Modes[0])}}
		var frames [][]uint16
		for _, mode := range c.Modes {
			label := xtc.PVLabel{Name: strings.NewReplacer(".", "-", ":", "|").Replace(c.Source), Value: mode.Label}
			run.Steps = append(run.Steps, xtctest.Step{
				Events: mode.NEvents, Configs: []xtctest.Detector{detector(mode)}, Control: xtc.ControlConfig{Labels: []xtc.PVLabel{label}},
			})
			all := mode.read(t, c, mode.NEvents, mode.NoneAt)
			for event := range mode.NEvents {
				if slices.Contains(mode.NoneAt, event) {
					frames = append(frames, nil)
					continue
				}
				frames, all = append(frames, all[0]), all[1:]
			}
		}
		run.Frame = func(_, event int) xtctest.Node {
			if frames[event] == nil {
				return xtctest.Node{}
			}
			contains, payload := xtctest.FrameObject(class, c.PanelShape, frames[event])
			return xtctest.Node{Contains: contains, Payload: payload}
		}
		p.write(run)
		for name, text := range c.texts(t) {
			rest, preset := strings.CutPrefix(name, "preset/work/")
			if !preset {
				continue
			}
			path := filepath.Join("repo/epix10ka", rest)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		args := []string{"-e", c.Exp, "-r", strconv.Itoa(c.Run), "-d", c.Source}
		if c.Params.Nbs != 0 {
			args = append(args, "--nbs", strconv.Itoa(c.Params.Nbs))
		}
		status, report, stderr := p.dark(args...)
		if status != 0 || len(report.Darks) != len(c.Modes) {
			t.Fatalf("exit status %d: %s", status, stderr)
		}
		if report.Darks[0].ID != strings.Join(names, "-") {
			t.Errorf("the panel is %s, want %s", report.Darks[0].ID, strings.Join(names, "-"))
		}
		checkTables(t, c, tablesOf(t, report), func(string, string, string) []byte { return nil })
	})
}
