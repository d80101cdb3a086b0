package darkrun_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deployconstants/repo/geometry"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// TestCameras are of other types and shapes of pixels than the epix100a's, with the bits
// and the range that count for their types.
func TestCameras(t *testing.T) {
	folding := uint16(dark.FoldingDataBits)
	for _, test := range []struct {
		name, source, class string
		shape               []int // of a frame
		depth               int   // of a camera's values, bits; 0: as the class has it
		bits                *uint16
		base                uint16 // ADU
		dtype               ndarray.DType
		params              func(*dark.Params) // what differs from calibrun's
		darkShape           []int              // nil: shape
	}{
		{name: "16 bits", source: "MfxEndstation.0:Rayonix.0", class: "Rayonix.ConfigV2", shape: []int{6, 8}, depth: 16, base: 40000, dtype: ndarray.Uint16,
			params: func(p *dark.Params) { p.DataBits, p.IntHigh = 0xffff, 0xfffe }},
		{name: "16 bits, folded", source: "MfxEndstation.0:Rayonix.0", class: "Rayonix.ConfigV2", shape: []int{6, 8}, depth: 16, bits: &folding, base: 40000, dtype: ndarray.Uint16},
		{name: "8 bits", source: "CxiDg2.0:Tm6740.0", class: "Rayonix.ConfigV1", shape: []int{6, 8}, depth: 8, base: 90, dtype: ndarray.Uint16,
			params: func(p *dark.Params) { p.DataBits, p.IntHigh = 0xffff, 0xfffe }},
		{name: "cspad", source: "XppGon.0:Cspad.0", class: "CsPad.ConfigV5", shape: []int{32, 185, 388}, base: 0xffff - 2, dtype: ndarray.Int16}, // some below zero
		{name: "cspad2x2", source: "MecTargetChamber.0:Cspad2x2.3", class: "CsPad2x2.ConfigV2", shape: []int{185, 388, 2}, base: 1200, dtype: ndarray.Int16, darkShape: []int{2, 185, 388}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.options.Detectors, w.options.Params.DataBits = []string{test.source}, test.bits
			pixels := 1
			for _, side := range test.shape {
				pixels *= side
			}
			frames := noise(pixels, 4)
			for _, frame := range frames {
				for i := range frame {
					frame[i] = test.base + frame[i]%8 // wraps where values are signed
				}
			}
			detector := xtctest.Detector{Source: test.source, Class: test.class}
			if test.name == "cspad" {
				contains, _ := xtc.ClassTypeID(test.class)
				detector.Contains, detector.Config = contains, xtctest.CspadConfig(5, 0xf, 0xffffffff)
			}
			w.write(xtctest.Run{
				Events: 4, Detectors: []xtctest.Detector{detector},
				Frame: func(_, event int) xtctest.Node {
					if test.depth != 0 {
						return xtctest.Node{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: xtctest.CameraFrame(test.shape[1], test.shape[0], test.depth, frames[event])}
					}
					contains, payload := xtctest.FrameObject(test.class, test.shape, frames[event])
					return xtctest.Node{Contains: contains, Payload: payload}
				},
			})
			d := w.only(w.run("260"))
			params, shape := dark.Calibrun(), test.shape
			if test.params != nil {
				test.params(&params)
			}
			if test.darkShape != nil {
				shape = test.darkShape
			}
			p, err := dark.New(params, shape, test.dtype)
			if err != nil {
				t.Fatal(err)
			}
			for _, frame := range frames {
				if test.dtype == ndarray.Uint16 {
					err = p.Add(frame)
				} else {
					signed := make([]int16, len(frame))
					for i := range frame {
						from := i
						if test.darkShape != nil { // sections first
							from = i%(pixels/2)*2 + i/(pixels/2)
						}
						signed[i] = int16(frame[from])
					}
					err = p.AddSigned(signed)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			want, err := p.Finish()
			if err != nil {
				t.Fatal(err)
			}
			_, good := want.StatusCounts()
			if d.Good != good || !slices.Equal(d.Shape, shape) {
				t.Errorf("%d pixels of %v are good, want %d of %v", d.Good, d.Shape, good, shape)
			}
			var text strings.Builder
			path := d.Files[0].Path
			header := w.options.Header
			header.FileName = path
			if err := want.WriteText(&text, dark.Average, dark.TextOptions{Dataset: "exp=xpptut15:run=260", Source: test.source, Header: header}); err != nil {
				t.Fatal(err)
			}
			saved, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if string(saved) != text.String() {
				t.Errorf("%s is not what package dark writes", path)
			}
		})
	}
}

// TestGeometryOfARayonix: pixels have the binning of the configuration, of both models, or
// what calibrun has where the frames are not those of the configuration.
func TestGeometryOfARayonix(t *testing.T) {
	const source = "MfxEndstation.0:Rayonix.0"
	for _, test := range []struct {
		name       string
		rows, cols int
		fields     map[string]any
		want       geometry.Matrix
	}{
		{"small model", 16, 24, map[string]any{"binning_s": 240, "binning_f": 160}, geometry.Matrix{Rows: 16, Cols: 24, RowPitch: 10680, ColPitch: 7120}},
		{"large model", 32, 48, map[string]any{"binning_s": 240, "binning_f": 160, "deviceID": "MX340-HS:112"}, geometry.Matrix{Rows: 32, Cols: 48, RowPitch: 10680, ColPitch: 7120}},
		{"other frames", 6, 8, nil, geometry.Matrix{Rows: 6, Cols: 8, RowPitch: 28480, ColPitch: 21360}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.options.Detectors, w.options.Geometry = []string{source}, true
			frames := noise(test.rows*test.cols, 4)
			w.write(xtctest.Run{
				Events: 4, Detectors: []xtctest.Detector{{Source: source, Class: "Rayonix.ConfigV2", Fields: test.fields}},
				Frame: func(_, event int) xtctest.Node {
					return xtctest.Node{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: xtctest.CameraFrame(test.cols, test.rows, 16, frames[event])}
				},
			})
			d := w.only(w.run("260"))
			file, err := os.Open(d.Files[3].Path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			g, err := geometry.Parse(file)
			if err != nil {
				t.Fatal(err)
			}
			objects := g.Objects()
			if len(objects) != 1 || objects[0].Name != test.want.String() || objects[0].Position != (geometry.Position{Z: -100000}) {
				t.Errorf("%+v, want %s", objects, test.want)
			}
			if extent, err := g.Extent(); err != nil || extent.Pixels != test.rows*test.cols {
				t.Errorf("%+v, %v", extent, err)
			}
			if peds := w.array(d, "pedestals"); slices.Max(peds.AsFloat64()) == 0 {
				t.Error("the pedestals are zeros, too")
			}
		})
	}
}

// TestFilesThatAreMissingOrEmpty is of a run in several chunks and streams.
func TestFilesThatAreMissingOrEmpty(t *testing.T) {
	frames := epixFrames(40)
	write := func(w *world, streams ...int) {
		w.write(xtctest.Run{Events: len(frames), Streams: streams, Detectors: []xtctest.Detector{epixDetector(epixSource, 1)}, Frame: func(_, event int) xtctest.Node { return epixNode(frames[event]) }})
	}
	t.Run("all files empty", func(t *testing.T) {
		w := newWorld(t)
		if err := os.WriteFile(filepath.Join(w.data(), "e665-r0260-s00-c00.xtc"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		report := w.run("260")
		if !errors.Is(report.Err(), dataset.ErrEmpty) || len(report.Darks) != 0 || report.Runs[0].Error == "" {
			t.Errorf("%+v", report)
		}
	})
	t.Run("one stream empty", func(t *testing.T) {
		w := newWorld(t)
		write(w, 0, 1)
		if err := os.Truncate(filepath.Join(w.data(), "e665-r0260-s01-c00.xtc"), 0); err != nil {
			t.Fatal(err)
		}
		report := w.run("260")
		var kept [][]uint16
		for i := 0; i < len(frames); i += 2 {
			kept = append(kept, frames[i])
		}
		w.check(w.only(report), direct(t, kept))
		if text := strings.Join(report.Runs[0].Warnings, "\n"); !strings.Contains(text, "e665-r0260-s01-c00.xtc: a stream ends before the run: the files of stream 1 are empty") {
			t.Errorf("the empty file is told as %q", text)
		}
	})
	t.Run("the first chunk missing", func(t *testing.T) {
		w := newWorld(t)
		write(w, 0)
		if err := os.Rename(filepath.Join(w.data(), "e665-r0260-s00-c00.xtc"), filepath.Join(w.data(), "e665-r0260-s00-c02.xtc")); err != nil {
			t.Fatal(err)
		}
		report := w.run("260")
		w.check(w.only(report), direct(t, frames))
		if report.Runs[0].Tally.NoChunk != 2 || !strings.Contains(w.log.String(), "chunks are missing") {
			t.Errorf("%+v", report.Runs[0])
		}
	})
	t.Run("several streams", func(t *testing.T) {
		w := newWorld(t)
		write(w, 0, 1, 2, 80)
		w.check(w.only(w.run("260")), direct(t, frames))
	})
}

// TestFramesOfAnotherShape are left out and counted, also where they have as many pixels
// or as many bytes as those before.
func TestFramesOfAnotherShape(t *testing.T) {
	const source = "MfxEndstation.0:Rayonix.0"
	w := newWorld(t)
	w.options.Detectors = []string{source}
	frames := noise(48, 4)
	w.write(xtctest.Run{
		Events: 7, Detectors: []xtctest.Detector{{Source: source, Class: "Rayonix.ConfigV2"}},
		Frame: func(_, event int) xtctest.Node {
			width, height, depth := 8, 6, 16
			switch event {
			case 2, 3:
				width, height = height, width
			case 5:
				depth = 8
			}
			return xtctest.Node{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: xtctest.CameraFrame(width, height, depth, frames[event%4])}
		},
	})
	d := w.only(w.run("260"))
	if want := (darkrun.Without{OtherShape: 3}); d.Without != want || d.Frames != 4 || !slices.Equal(d.Shape, []int{6, 8}) {
		t.Errorf("%d frames of %v, without %+v, want 4 and %+v", d.Frames, d.Shape, d.Without, want)
	}
}

// TestGeometryOfNoMatrix: what is named a rayonix and has frames of another kind has no
// geometry.
func TestGeometryOfNoMatrix(t *testing.T) {
	const source = "MfxEndstation.0:Rayonix.0"
	contains, _ := xtc.ClassTypeID("Jungfrau.ConfigV3")
	config := xtctest.JungfrauConfig(3, xtctest.Jungfrau{Rows: 8, Columns: 16, Modules: make([]xtctest.JungfrauModule, 2)})
	frames := noise(2*8*16, 4)
	w := newWorld(t)
	w.options.Detectors, w.options.Geometry, w.options.Publish = []string{source}, true, nil
	w.write(xtctest.Run{
		Events: 4, Detectors: []xtctest.Detector{{Source: source, Contains: contains, Config: config}},
		Frame: func(_, event int) xtctest.Node {
			contains, payload := xtctest.FrameObject("Jungfrau.ConfigV3", []int{2, 8, 16}, frames[event])
			return xtctest.Node{Contains: contains, Payload: payload}
		},
	})
	report := w.run("260")
	if len(report.Darks) != 1 || !errors.Is(report.Darks[0].Err(), dark.ErrShape) || len(report.Darks[0].Files) > 0 {
		t.Errorf("%+v", report.Darks)
	}
}
