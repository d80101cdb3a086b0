package dark_test

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"runtime"
	"slices"
	"strings"
	"testing"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
)

// jungfrauParams are those that a case gave to jungfrau_dark_proc.
func (p caseParams) jungfrauParams() dark.Params {
	return dark.Params{
		Frames: p.Nrecs, First: p.Nrecs1,
		IntLow: p.Int_lo, IntHigh: p.Int_hi, RMSLow: p.Rms_lo, RMSHigh: p.Rms_hi,
		IntSigmaLow: p.IntNLo, IntSigmaHigh: p.IntNHi, RMSSigmaLow: p.RmsNLo, RMSSigmaHigh: p.RmsNHi,
		Excess: p.Fraclm, QuantileLow: p.Fraclo, QuantileHigh: p.Frachi,
		DataBits: dark.FoldingDataBits,
	}
}

// A panelStore is the repository of panels in memory: tables by name.
type panelStore map[string][]byte

// save writes a table.
func (s panelStore) save(t *testing.T, name string, write func(w *bytes.Buffer) error) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	s[name] = out.Bytes()
}

// tableName is that of a table of a case. The original's tools name kinds otherwise than
// the documented repository.
func (c darkCase) tableName(t *testing.T, detType, id string, run int, kind dark.Kind, mode string) string {
	t.Helper()
	ctype := strings.TrimPrefix(kind.CType, "pixel_")
	table := repo.Table{Name: repo.Name{
		DetType: detType, Alias: fmt.Sprintf("%04d", c.alias(t, id)), Stamp: 20200913052640, Experiment: c.Exp, Run: run, CType: ctype,
	}, Mode: mode}
	return path.Join("work", id, ctype, table.String())
}

// check compares every table with the reference's. What is merged of them is tested in
// package panels.
func (s panelStore) check(t *testing.T, c darkCase, except func(name string) bool) {
	t.Helper()
	files, n := c.texts(t), 0
	for name, want := range expect[map[string]expectedText](t, c.Expected, "text") {
		if !strings.HasSuffix(name, ".dat") || c.isPreset(t, name) || except(name) {
			continue
		}
		got, written := s[name]
		if !written {
			t.Errorf("%s was not written", name)
			continue
		}
		n++
		checkText(t, files, want, name, got)
	}
	if n == 0 || n != len(s) {
		t.Errorf("%d tables compared, but %d written", n, len(s))
	}
}

// isPreset reports whether a file was there before.
func (c darkCase) isPreset(t testing.TB, name string) bool {
	_, preset := c.texts(t)["preset/"+name]
	return preset
}

func TestJungfrau(t *testing.T) {
	eachCase(t, "j", func(t *testing.T, c darkCase) {
		arrays, stored := expect[map[string]expectedArray](t, c.Expected, "arrays"), c.arrays(t)
		limits := expect[[]caseLimits](t, c.Expected, "limits")
		s := panelStore{}
		ids := make([]string, len(c.ModuleIDs))
		for i, id := range c.ModuleIDs {
			ids[i] = fmt.Sprintf("%x-%x-%x", id[0], id[1], id[2])
		}
		few := map[int]bool{} // gains of which the reference added frames of zeros (D1)
		for i, mode := range c.Modes {
			r := jungfrauStep(t, c, mode)
			frames := mode.read(t, c, mode.NEvents, mode.NoneAt)
			if few[mode.IGM] = r.Frames < c.Params.Nrecs1; few[mode.IGM] {
				plain := plainDark(frames, c.Params.jungfrauParams(), false, mode.IGM, 0)
				comparePlain(t, plain, r)
				// The plain arithmetic itself is held against the reference's, zeros included.
				zeros := plainDark(frames, c.Params.jungfrauParams(), false, mode.IGM, c.Params.Nrecs1-len(frames))
				comparePlainStored(t, zeros, stored, fmt.Sprintf("gm%d_", mode.IGM))
			} else {
				key := fmt.Sprintf("gm%d_", mode.IGM)
				checkLimits(t, limits[2*i], r.RMSLimits)
				checkLimits(t, limits[2*i+1], r.AverageLimits)
				checkStatusCounts(t, expect[map[string]int](t, c.Expected, key+"status_value_counts"), r)
				for name, a := range resultArrays(r, c.Params.jungfrauParams(), frames) {
					if !strings.HasPrefix(name, "block_gate") {
						checkArray(t, stored, arrays[key+name], key+name, a)
					}
				}
				checkArray(t, stored, arrays[key+"bad_switch"], key+"bad_switch", badSwitch(r))
			}
			for _, k := range dark.JungfrauKinds() {
				for panel, id := range ids {
					name := c.tableName(t, "jungfrau", id, mode.Run, k, fmt.Sprintf("gm%d-%s", mode.IGM, mode.GainMode))
					s.save(t, name, func(w *bytes.Buffer) error { return k.WriteTable(w, r, panel) })
				}
			}
		}
		s.check(t, c, func(name string) bool {
			// The step of too few frames differs from the reference on purpose.
			differs := few[2] && strings.Contains(name, "_gm2-")
			if differs {
				delete(s, name)
			}
			return differs
		})
	})
}

// jungfrauStep makes the dark of a step.
func jungfrauStep(t *testing.T, c darkCase, mode caseMode) *dark.Result {
	t.Helper()
	gain, table, err := dark.JungfrauGain(mode.GainMode)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("gm%d-%s", mode.IGM, mode.GainMode); gain != mode.IGM || table != want {
		t.Fatalf("%s is gain %d, %s, want %d, %s", mode.GainMode, gain, table, mode.IGM, want)
	}
	p, err := dark.NewJungfrau(c.Params.jungfrauParams(), mode.Generator.Shape, gain)
	if err != nil {
		t.Fatal(err)
	}
	for _, frame := range mode.read(t, c, mode.NEvents, mode.NoneAt) {
		add(t, p, "uint16", frame)
	}
	r, err := p.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// badSwitch is the reference's array of pixels with wrong gain bits.
func badSwitch(r *dark.Result) *ndarray.Array {
	a := &ndarray.Array{Shape: r.Shape, DType: ndarray.Uint8}
	for _, status := range r.Status {
		a.Words = append(a.Words, uint64(status)/dark.BadGain)
	}
	return a
}

// alias is the number that the case gave to a panel: it is in the names of its files.
func (c darkCase) alias(t testing.TB, id string) int {
	t.Helper()
	for name := range expect[map[string]expectedText](t, c.Expected, "text") {
		if strings.Contains(name, "/"+id+"/") {
			var alias int
			_, rest, _ := strings.Cut(path.Base(name), "_")
			if _, err := fmt.Sscanf(rest, "%d_", &alias); err != nil {
				t.Fatal(err)
			}
			return alias
		}
	}
	t.Fatalf("no file of panel %s", id)
	return 0
}

func TestEpix10ka(t *testing.T) {
	eachCase(t, "e", runEpix10ka)
}

func runEpix10ka(t *testing.T, c darkCase) {
	arrays, stored := expect[map[string]expectedArray](t, c.Expected, "arrays"), c.arrays(t)
	limits := expect[[]caseLimits](t, c.Expected, "limits")
	s := panelStore{}
	ids := make([]string, len(c.HardwareIDs))
	for i, id := range c.HardwareIDs {
		fields := make([]string, len(id))
		for j, n := range id {
			fields[j] = fmt.Sprintf("%010d", n)
		}
		ids[i] = strings.Join(fields, "-")
	}
	for cycle, mode := range c.Modes {
		gain, err := dark.Epix10kaCycle(mode.Label)
		if err != nil {
			t.Fatal(err)
		}
		bits := byte(mode.Config | mode.Trbit<<4)
		configured, err := dark.Epix10kaConfigured([]byte{bits, 4}, []byte{bits})
		if err != nil || configured != gain || dark.Epix10kaModes[gain] != mode.GainMode {
			t.Fatalf("cycle %q is mode %d, configured as %d, %v, want %s", mode.Label, gain, configured, err, mode.GainMode)
		}
		for panel, r := range epix10kaCycle(t, c, mode) {
			block := cycle*len(ids) + panel
			key := fmt.Sprintf("blk%02d_", block)
			if want := expect[int](t, c.Expected, key+"nrecs_used"); r.Statistics != want || r.Frames != want+1 {
				t.Errorf("%d of %d frames used, want %d", r.Statistics, r.Frames, want)
			}
			checkLimits(t, limits[2*block], r.RMSLimits)
			checkLimits(t, limits[2*block+1], r.AverageLimits)
			checkStatusCounts(t, expect[map[string]int](t, c.Expected, key+"status_value_counts"), r)
			checkArray(t, stored, arrays[key+"av1"], key+"av1", r.Array(dark.Average))
			checkArray(t, stored, arrays[key+"rms"], key+"rms", r.Array(dark.RMS))
			status := r.Array(dark.Status)
			status.DType, status.Words = ndarray.Int64, nil
			for _, v := range r.Status {
				status.Integers = append(status.Integers, int64(v))
			}
			checkArray(t, stored, arrays[key+"sta"], key+"sta", status)
			for _, k := range dark.Epix10kaKinds() {
				name := c.tableName(t, "epix10ka", ids[panel], c.Run, k, mode.GainMode)
				s.save(t, name, func(w *bytes.Buffer) error { return k.WriteTable(w, r, 0) })
			}
			if behind := map[string]string{"AHL-H": "AHL-L", "AML-M": "AML-L"}[mode.GainMode]; behind != "" {
				s.savePedestalsBehindSwitch(t, c, ids[panel], r, mode.GainMode, behind)
			}
		}
	}
	s.check(t, c, func(string) bool { return false })
}

func epix10kaCycle(t *testing.T, c darkCase, mode caseMode) []*dark.Result {
	t.Helper()
	shape := mode.Generator.Shape
	e, err := dark.NewEpix10ka(shape, dark.Epix10kaOptions{Frames: c.Params.Nbs})
	if err != nil {
		t.Fatal(err)
	}
	frames := mode.read(t, c, mode.NEvents, mode.NoneAt)
	for _, frame := range frames {
		if err := e.Add(frame); err != nil {
			t.Fatal(err)
		}
	}
	results, err := e.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// savePedestalsBehindSwitch derives pedestals from charge injection, if the case has
// its constants.
func (s panelStore) savePedestalsBehindSwitch(t *testing.T, c darkCase, id string, r *dark.Result, before, behind string) {
	t.Helper()
	files := c.texts(t)
	read := func(kind, ctype, mode string) []float64 {
		for name, text := range files {
			if strings.HasPrefix(name, "preset/work/"+id+"/"+kind+"/") && strings.HasSuffix(name, "_"+ctype+"_"+mode+".dat") {
				a, err := ndarray.ReadText(bytes.NewReader(text), ndarray.ReadOptions{})
				if err != nil {
					t.Fatal(err)
				}
				return a.Floats
			}
		}
		return nil
	}
	offset, offsetLow := read("offset", "offset", before), read("offset", "offset", behind)
	gain, gainLow := read("gain", "gainci", before), read("gain", "gainci", behind)
	if offset == nil || offsetLow == nil || gain == nil || gainLow == nil {
		return
	}
	low, err := dark.SwitchedPedestals(r.Averages, offset, offsetLow, gain, gainLow)
	if err != nil {
		t.Fatal(err)
	}
	a := &ndarray.Array{Shape: r.Shape, DType: ndarray.Float64, Floats: low}
	name := c.tableName(t, "epix10ka", id, c.Run, dark.Epix10kaKinds()[0], behind)
	s.save(t, name, func(w *bytes.Buffer) error { return a.WriteTable(w, "%.3f") })
}

// TestTableOfManyPanels: what the table of a panel takes does not grow with the others,
// since there are as many tables, and several are written at a time.
func TestTableOfManyPanels(t *testing.T) {
	taken := func(panels int) uint64 {
		shape := []int{panels, 64, 128}
		p, err := dark.NewJungfrau(dark.Default(), shape, 0)
		if err != nil {
			t.Fatal(err)
		}
		frame := slices.Repeat([]uint16{1000}, panels*64*128)
		for range 3 {
			add(t, p, "uint16", frame)
		}
		r, err := p.Finish()
		if err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for _, kind := range dark.JungfrauKinds() {
			if err := kind.WriteTable(io.Discard, r, panels-1); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if one, many := taken(1), taken(32); many > 2*one {
		t.Errorf("the tables of one of 32 panels take %d bytes, of one alone %d", many, one)
	}
}
