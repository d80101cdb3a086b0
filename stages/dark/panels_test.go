package dark_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/testenv"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"

	"github.com/google/go-cmp/cmp"
)

// jungfrauParams are those that a case gave to jungfrau_dark_proc.
func (p caseParams) jungfrauParams() dark.Params {
	return dark.Params{
		Frames: p.Nrecs, First: p.Nrecs1,
		IntLow: p.Int_lo, IntHigh: p.Int_hi, RMSLow: p.Rms_lo, RMSHigh: p.Rms_hi,
		IntSigmaLow: p.IntNLo, IntSigmaHigh: p.IntNHi, RMSSigmaLow: p.RmsNLo, RMSSigmaHigh: p.RmsNHi,
		Excess: p.Fraclm, QuantileLow: p.Fraclo, QuantileHigh: p.Frachi,
		DataBits: dark.FoldingDataBits, Details: true,
	}
}

// A panelStore is the repository of panels in memory: tables by panel, kind and
// name, and what else was written.
type panelStore struct {
	files  map[string][]byte
	tables map[string]*ndarray.Array // as read back
}

// save writes a table and reads it back, as merging does: as float32.
func (s *panelStore) save(t *testing.T, name string, write func(w *bytes.Buffer) error) {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out); err != nil {
		t.Fatal(err)
	}
	s.files[name] = out.Bytes()
	table, err := ndarray.ReadText(&out, ndarray.ReadOptions{DType: ndarray.Float32})
	if err != nil {
		t.Fatal(err)
	}
	s.tables[name] = table
}

// check compares every file with the reference's. HISTORY and aliases are written by others.
func (s *panelStore) check(t *testing.T, c darkCase, except func(name string) bool) {
	t.Helper()
	files, n := c.texts(t), 0
	for name, want := range expect[map[string]expectedText](t, c.Expected, "text") {
		base := path.Base(name)
		if base == "HISTORY" || strings.HasPrefix(base, ".aliases") || c.isPreset(t, name) || except(name) {
			continue
		}
		got, written := s.files[name]
		if !written {
			t.Errorf("%s was not written", name)
			continue
		}
		n++
		checkText(t, files, want, name, got)
	}
	if n != len(s.files) {
		t.Errorf("%d files compared, but %d written", n, len(s.files))
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
		s := &panelStore{files: map[string][]byte{}, tables: map[string]*ndarray.Array{}}
		ids := make([]string, len(c.ModuleIDs))
		for i, id := range c.ModuleIDs {
			ids[i] = fmt.Sprintf("%x-%x-%x", id[0], id[1], id[2])
		}
		kinds := dark.JungfrauKinds()
		tables := map[string][][]*ndarray.Array{}
		few := map[int]bool{} // gains of which the reference added frames of zeros (D1)
		run := 0
		for i, mode := range c.Modes {
			r := jungfrauStep(t, c, mode)
			run = mode.Run
			if few[mode.IGM] = r.Frames < c.Params.Nrecs1; few[mode.IGM] {
				frames := mode.read(t, c, mode.NEvents, mode.NoneAt)
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
				for name, a := range resultArrays(r, c.Params.jungfrauParams()) {
					if !strings.HasPrefix(name, "block_gate") {
						checkArray(t, stored, arrays[key+name], key+name, a)
					}
				}
				checkArray(t, stored, arrays[key+"bad_switch"], key+"bad_switch", badSwitch(r))
			}
			for _, k := range kinds {
				row := make([]*ndarray.Array, len(ids))
				for panel, id := range ids {
					prefix := fmt.Sprintf("jungfrau_%04d_20200913052640_%s_r%04d", c.alias(t, id), c.Exp, mode.Run)
					name := path.Join("work", id, k.CType, dark.JungfrauTableName(prefix, k.CType, mode.IGM, mode.GainMode))
					s.save(t, name, func(w *bytes.Buffer) error { return k.WriteTable(w, r, panel) })
					row[panel] = s.tables[name]
				}
				tables[k.CType] = append(tables[k.CType], row)
			}
		}
		s.merge(t, c, kinds, tables, "jungfrau", ids, run)
		s.check(t, c, func(name string) bool {
			// What holds the step of too few frames differs from the reference on purpose.
			differs := few[2] && (strings.Contains(name, "_gm2-") || strings.HasSuffix(name, ".txt") || strings.HasSuffix(name, ".data"))
			if differs {
				delete(s.files, name)
			}
			return differs
		})
	})
}

// jungfrauStep makes the dark of a step.
func jungfrauStep(t *testing.T, c darkCase, mode caseMode) *dark.Result {
	t.Helper()
	gain, err := dark.JungfrauGain(mode.GainMode)
	if err != nil {
		t.Fatal(err)
	}
	if gain != mode.IGM {
		t.Fatalf("%s is gain %d, want %d", mode.GainMode, gain, mode.IGM)
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

// merge writes what the deploying programs write, of one panel and of all.
func (s *panelStore) merge(t *testing.T, c darkCase, kinds []dark.Kind, tables map[string][][]*ndarray.Array, detector string, ids []string, run int) {
	t.Helper()
	group := map[string]string{"Jungfrau": "Jungfrau", "Epix10ka": "Epix10ka", "Epix10kaQuad": "Epix10kaQuad"}
	_, device, _ := strings.Cut(c.Source, ":")
	device, _, _ = strings.Cut(device, ".")
	for _, k := range kinds {
		for panel, id := range ids {
			single := make([][]*ndarray.Array, len(tables[k.CType]))
			for gain, row := range tables[k.CType] {
				single[gain] = row[panel : panel+1]
			}
			prefix := fmt.Sprintf("%s_%04d_20200913052640_%s_r%04d", detector, c.alias(t, id), c.Exp, run)
			name := path.Join("work", id, k.CType, prefix+"_"+k.CType+".txt")
			s.writeMerged(t, k, single, name, name)
		}
		name := fmt.Sprintf("work/merge_tmp/%s-20200913052640-%s-r%04d-%s.txt", c.Source, c.Exp, run, k.Deployed)
		s.writeMerged(t, k, tables[k.CType], name, name)
		deployed := fmt.Sprintf("calib/%s::CalibV1/%s/%s/%d-end.data", group[device], c.Source, k.Deployed, run)
		s.writeMerged(t, k, tables[k.CType], deployed, name)
	}
}

func (s *panelStore) writeMerged(t *testing.T, k dark.Kind, tables [][]*ndarray.Array, name, fileName string) {
	t.Helper()
	merged, gaps, err := k.Merge(tables)
	if err != nil {
		// Kinds of which there is no table at all are filled by the caller's shape.
		t.Fatal(err)
	}
	var want []dark.Gap
	for gain, row := range tables {
		for panel, table := range row {
			if table == nil {
				want = append(want, dark.Gap{Gain: gain, Panel: panel})
			}
		}
	}
	if diff := cmp.Diff(want, gaps); diff != "" {
		t.Errorf("gaps of %s (-want +got):\n%s", name, diff)
	}
	var out bytes.Buffer
	if err := k.WriteMerged(&out, merged, header(fileName)); err != nil {
		t.Fatal(err)
	}
	s.files[name] = out.Bytes()
}

func TestEpix10ka(t *testing.T) {
	eachCase(t, "e", runEpix10ka)
}

func runEpix10ka(t *testing.T, c darkCase) {
	arrays, stored := expect[map[string]expectedArray](t, c.Expected, "arrays"), c.arrays(t)
	limits := expect[[]caseLimits](t, c.Expected, "limits")
	s := &panelStore{files: map[string][]byte{}, tables: map[string]*ndarray.Array{}}
	ids := make([]string, len(c.HardwareIDs))
	for i, id := range c.HardwareIDs {
		fields := make([]string, len(id))
		for j, n := range id {
			fields[j] = fmt.Sprintf("%010d", n)
		}
		ids[i] = strings.Join(fields, "-")
	}
	kinds := dark.Epix10kaKinds()
	tables := map[string][][]*ndarray.Array{}
	for _, k := range kinds {
		for range dark.Epix10kaModes {
			tables[k.CType] = append(tables[k.CType], make([]*ndarray.Array, len(ids)))
		}
	}
	prefix := func(id string) string {
		return fmt.Sprintf("epix10ka_%04d_20200913052640_%s_r%04d", c.alias(t, id), c.Exp, c.Run)
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
			for _, k := range kinds[:3] {
				name := path.Join("work", ids[panel], k.CType, dark.Epix10kaTableName(prefix(ids[panel]), k.CType, mode.GainMode))
				s.save(t, name, func(w *bytes.Buffer) error { return k.WriteTable(w, r, 0) })
				tables[k.CType][gain][panel] = s.tables[name]
			}
			if switched := map[string]int{"AHL-H": 5, "AML-M": 6}[mode.GainMode]; switched > 0 {
				s.savePedestalsBehindSwitch(t, c, ids[panel], prefix(ids[panel]), r, mode.GainMode, switched, tables, panel)
			}
		}
	}
	if len(c.Modes) > 1 { // the case goes on to merge and deploy
		for gain := range dark.Epix10kaModes { // no gains of charge injection are asked for: all are the defaults
			for panel := range ids {
				gains := constant(tables["rms"][0][0].Shape, float64(float32(kinds[3].Fill[gain])))
				gains.DType = ndarray.Float32
				tables["gain"][gain][panel] = gains
			}
		}
		s.merge(t, c, kinds, tables, "epix10ka", ids, c.Run)
	}
	s.check(t, c, func(string) bool { return false })
}

func constant(shape []int, value float64) *ndarray.Array {
	return &ndarray.Array{Shape: shape, DType: ndarray.Float64, Floats: slices.Repeat([]float64{value}, shape[0]*shape[1])}
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
func (s *panelStore) savePedestalsBehindSwitch(t *testing.T, c darkCase, id, prefix string, r *dark.Result, before string, switched int, tables map[string][][]*ndarray.Array, panel int) {
	t.Helper()
	behind := dark.Epix10kaModes[switched]
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
	name := path.Join("work", id, "pedestals", dark.Epix10kaTableName(prefix, "pedestals", behind))
	a := &ndarray.Array{Shape: r.Shape, DType: ndarray.Float64, Floats: low}
	s.save(t, name, func(w *bytes.Buffer) error { return a.WriteTable(w, "%.3f") })
	tables["pedestals"][switched][panel] = s.tables[name]
}

// TestMergeRefuses is of tables that do not fit together.
func TestMergeRefuses(t *testing.T) {
	k := dark.JungfrauKinds()[0]
	a, b := constant([]int{2, 3}, 1), constant([]int{3, 2}, 1)
	for name, tables := range map[string][][]*ndarray.Array{
		"gains":     {{a}, {a}},
		"panels":    {{a, a}, {a}, {a, a}},
		"shapes":    {{a}, {b}, {a}},
		"nothing":   {{nil}, {nil}, {nil}},
		"no panel":  {{}, {}, {}},
		"dimension": {{&ndarray.Array{Shape: []int{6}, DType: ndarray.Float64, Floats: make([]float64, 6)}}, {nil}, {nil}},
	} {
		if _, _, err := k.Merge(tables); !errors.Is(err, dark.ErrShape) {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := &ndarray.Array{Shape: []int{2, 3}, DType: ndarray.Float64}
	if _, _, err := k.Merge([][]*ndarray.Array{{broken}, {a}, {a}}); !errors.Is(err, ndarray.ErrShape) {
		t.Errorf("broken table: %v", err)
	}
	merged, gaps, err := dark.JungfrauKinds()[4].Merge([][]*ndarray.Array{{a, nil}, {nil, a}, {a, a}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]dark.Gap{{Gain: 0, Panel: 1}, {Gain: 1, Panel: 0}}, gaps); diff != "" {
		t.Error(diff)
	}
	if got := merged.Floats[6]; got != 16383 {
		t.Errorf("a missing dark_max is %v, want 16383", got)
	}
	large := &ndarray.Array{Shape: []int{1, 1}, DType: ndarray.Uint64, Words: []uint64{1<<24 + 1}}
	merged, _, err = k.Merge([][]*ndarray.Array{{large}, {large}, {large}})
	if err != nil || merged.DType != ndarray.Float32 || merged.Floats[0] != 1<<24 {
		t.Errorf("2^24+1 as float32 is %v: %v", merged, err)
	}
}

// TestOffsetPedestals merges the tables of a case of the deploying program: as
// there, one sum makes all of float64.
func TestOffsetPedestals(t *testing.T) {
	dir := testenv.Shared(t, "golden", "U02_epix10ka_offsetph")
	testenv.Case(t, "golden")
	type generated struct {
		Path string
		Gen  struct {
			Kind    string
			Shape   []int
			A, B, C float64
			Value   float64
			Fmt     string
		}
	}
	var given struct{ Init []generated }
	var expected struct {
		Changed map[string]json.RawMessage
	}
	for name, to := range map[string]any{"case.json": &given, "expected.head.json": &expected} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, to); err != nil {
			t.Fatal(err)
		}
	}
	read := func(ending string, dtype ndarray.DType) *ndarray.Array {
		for _, file := range given.Init {
			g := file.Gen
			if !strings.HasSuffix(file.Path, ending) {
				continue
			}
			var text strings.Builder
			for row := range g.Shape[0] {
				for column := range g.Shape[1] {
					v := g.Value
					if g.Kind == "lin" {
						v = g.A + float64(g.B*float64(row)) + float64(g.C*float64(column))
					}
					fmt.Fprintf(&text, g.Fmt+" ", v)
				}
				text.WriteByte('\n')
			}
			a, err := ndarray.ReadText(strings.NewReader(text.String()), ndarray.ReadOptions{DType: dtype})
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
		return nil
	}
	pedestals := dark.Epix10kaKinds()[0]
	tables := make([][]*ndarray.Array, len(dark.Epix10kaModes))
	for gain, mode := range dark.Epix10kaModes {
		table := read("_pedestals_"+mode+".dat", ndarray.Float32)
		if offset := map[string]string{"AHL-L": "AHL", "AML-L": "AML"}[mode]; table == nil {
			sum, err := dark.OffsetPedestals(tables[2][0], read("_offsetph_"+offset+".dat", ndarray.Float64))
			if err != nil {
				t.Fatal(err)
			}
			table = sum
		}
		tables[gain] = []*ndarray.Array{table}
	}
	merged, gaps, err := pedestals.Merge(tables)
	if err != nil || len(gaps) != 0 {
		t.Fatal(gaps, err)
	}
	found := false
	for name, change := range expected.Changed {
		var file struct{ SHA256, Header string }
		if !strings.HasSuffix(name, "/pedestals/1021-end.data") {
			continue
		}
		if err := json.Unmarshal(change, &file); err != nil {
			t.Fatal(err)
		}
		_, fileName, _ := strings.Cut(file.Header, "FILE_NAME   ")
		fileName, _, _ = strings.Cut(fileName, "\n")
		var out bytes.Buffer
		err := pedestals.WriteMerged(&out, merged, ndarray.Header{
			Host: "psanagpu105", WorkDir: "/home/dubrovin/LCLS/con-py3", FileName: fileName, User: "dubrovin",
			Time: time.Date(2024, 12, 1, 12, 0, 0, 0, time.UTC),
		})
		if err != nil {
			t.Fatal(err)
		}
		checkText(t, nil, expectedText{Bytes: 8516003, SHA: file.SHA256}, name, out.Bytes())
		found = true
	}
	if !found {
		t.Error("the case deploys no pedestals")
	}
	if _, err := dark.OffsetPedestals(tables[0][0], constant([]int{2, 2}, 0)); !errors.Is(err, dark.ErrShape) {
		t.Errorf("other shapes: %v", err)
	}
	if _, err := dark.OffsetPedestals(tables[0][0], &ndarray.Array{}); err == nil {
		t.Error("a broken array is accepted")
	}
}
