package xtc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// configOf reads the configuration object of that payload back from a file.
func configOf(t testing.TB, id xtc.TypeID, payload []byte) (xtc.Config, error) {
	t.Helper()
	src := xtctest.Source("XcsEndstation.0:Epix100a.1", 4513)
	b := xtctest.Encode(xtctest.Dgram{
		Transition: xtc.TransitionConfigure,
		Root:       xtctest.Node{Children: []xtctest.Node{{Src: src, Contains: id, Payload: payload}}},
	})
	f := newFile(b, xtc.Limits{})
	d, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	for n, err := range f.Nodes(d) {
		if err != nil {
			t.Fatal(err)
		}
		return f.Config(n)
	}
	t.Fatal("the datagram has no node")
	return nil, nil
}

// built is the configuration object of a class with these fields.
func built(t testing.TB, class string, fields map[string]any) xtc.Config {
	t.Helper()
	id, payload, err := xtctest.DetectorConfig(class, fields)
	if err != nil {
		t.Fatal(err)
	}
	c, err := configOf(t, id, payload)
	if err != nil {
		t.Fatal(err)
	}
	if c.Class() != class {
		t.Fatalf("class %s, want %s", c.Class(), class)
	}
	return c
}

func TestDetectorIDs(t *testing.T) {
	text, err := os.ReadFile(testenv.Shared(t, "golden", "tables", "detector_ids.json"))
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var rows []struct {
		Detector string         `json:"detector"`
		Config   map[string]any `json:"config"`
		ID       *string        `json:"id"`
		Panels   []string       `json:"panel_ids"`
		Now      string         `json:"id_now"`
	}
	if err := d.Decode(&rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != 49 {
		t.Errorf("%d rows, want 49", len(rows))
	}
	for i, row := range rows {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			testenv.Case(t, "tables/detector_ids")
			detector, _, _ := strings.Cut(row.Detector, ",")
			class := map[string]string{
				"epix100a":     "Epix.Config100aV2",
				"jungfrau":     "Jungfrau.ConfigV",
				"epix10kaquad": "Epix.Config10kaQuadV",
				"epix10ka2m":   "Epix.Config10ka2MV",
			}[detector]
			if version, ok := row.Config["Version"]; ok {
				class += fmt.Sprint(version)
			}
			c := built(t, class, row.Config)
			id, ok := xtc.HardwareID(c)
			switch {
			case row.Panels != nil:
				if diff := cmp.Diff(row.Panels, xtc.PanelIDs(c)); diff != "" {
					t.Errorf("panels -want +got\n%s", diff)
				}
				if id != row.Now {
					t.Errorf("id %s, want %s", id, row.Now)
				}
			case row.ID == nil:
				if ok {
					t.Errorf("id %s, want none", id)
				}
			case id != *row.ID || !ok:
				t.Errorf("id %q %v, want %q", id, ok, *row.ID)
			}
		})
	}
}

func TestHardwareIDIsMissing(t *testing.T) {
	for _, class := range []string{
		"Epix.ConfigV1", "Epix.Config10KV1", "Jungfrau.ConfigV1", "Jungfrau.ConfigV2", "CsPad.ConfigV5",
		"CsPad2x2.ConfigV2", "PNCCD.ConfigV2", "Rayonix.ConfigV2", "Opal1k.ConfigV1", "Alias.ConfigV1", "Partition.ConfigV1",
	} {
		c := built(t, class, map[string]any{"version": 7, "digitalCardId0": 8})
		if id, ok := xtc.HardwareID(c); ok || id != "" || xtc.PanelIDs(c) != nil {
			t.Errorf("%s has the id %q", class, id)
		}
	}
	none := built(t, "Jungfrau.ConfigV3", nil)
	if id, ok := xtc.HardwareID(none); ok {
		t.Errorf("a jungfrau without modules has the id %q", id)
	}
}

// The carrier of an epix100a is unknown in the first version of its class.
func TestHardwareIDOfFirstEpix100a(t *testing.T) {
	c := built(t, "Epix.Config100aV1", map[string]any{"version": 1, "carrierId0": 2, "digitalCardId0": 3, "analogCardId1": 4})
	id, _ := xtc.HardwareID(c)
	if want := "0000000001-0000000000-0000000000-0000000003-0000000000-0000000000-0000000004"; id != want {
		t.Errorf("id %s, want %s", id, want)
	}
}

func TestSourceName(t *testing.T) {
	if got, want := xtc.SourceName("XcsEndstation.0:Epix100a.1"), "XcsEndstation-0-Epix100a-1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// classShapes has every class of the spec's section 2 with its size as the format's own
// headers give it, and the shape of the detector's arrays.
var classShapes = []struct {
	class string
	size  int
	shape []int
}{
	{"Epix.ConfigV1", 112 + 4*84 + 2*4*4*352*12, []int{704, 768}},
	{"Epix.Config10KV1", 136 + 4*84 + 2*4*176*192, []int{352, 384}},
	{"Epix.Config100aV1", 1082656, []int{704, 768}},
	{"Epix.Config100aV2", 1082700, []int{704, 768}},
	{"Epix.Config10kaV1", 188 + 4*104 + 2*352*384 + 2*384, []int{352, 384}},
	{"Epix.Config10kaV2", 520 + 4*104 + 2*352*384 + 2*384, []int{352, 384}},
	{"Epix.Config10kaQuadV1", 1086948, []int{4, 352, 384}},
	{"Epix.Config10kaQuadV2", 1087292, []int{4, 352, 384}},
	{"Epix.Config10ka2MV1", 4347768, []int{16, 352, 384}},
	{"Epix.Config10ka2MV2", 4349144, []int{16, 352, 384}},
	{"Jungfrau.ConfigV1", 36, []int{0, 512, 1024}},
	{"Jungfrau.ConfigV2", 60, []int{0, 512, 1024}},
	{"Jungfrau.ConfigV3", 252, []int{0, 512, 1024}},
	{"Jungfrau.ConfigV4", 828, []int{0, 512, 1024}},
	{"CsPad.ConfigV1", 287804, []int{32, 185, 388}},
	{"CsPad.ConfigV2", 287808, []int{32, 185, 388}},
	{"CsPad.ConfigV3", 287844, []int{32, 185, 388}},
	{"CsPad.ConfigV4", 287892, []int{32, 185, 388}},
	{"CsPad.ConfigV5", 287928, []int{32, 185, 388}},
	{"CsPad2x2.ConfigV1", 71996, []int{185, 388, 2}},
	{"CsPad2x2.ConfigV2", 72008, []int{185, 388, 2}},
	{"PNCCD.ConfigV1", 8, []int{4, 512, 512}},
	{"PNCCD.ConfigV2", 544, []int{4, 512, 512}},
	{"Rayonix.ConfigV1", 60, []int{1920, 1920}},
	{"Rayonix.ConfigV2", 60, []int{1920, 1920}},
	{"Opal1k.ConfigV1", 12, nil},
	{"Alias.ConfigV1", 4, nil},
	{"Partition.ConfigV1", 12, nil},
	{"Partition.ConfigV2", 16, nil}, // two words of mask
}

func TestConfigClasses(t *testing.T) {
	for _, test := range classShapes {
		t.Run(test.class, func(t *testing.T) {
			id, payload, err := xtctest.DetectorConfig(test.class, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(payload) != test.size {
				t.Errorf("%d bytes, want %d", len(payload), test.size)
			}
			c, err := configOf(t, id, payload)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.shape, c.Shape()); diff != "" {
				t.Errorf("shape -want +got\n%s", diff)
			}
			if diff := cmp.Diff([]string{test.class}, xtc.ConfigClasses(id)); diff != "" {
				t.Errorf("classes -want +got\n%s", diff)
			}
			for _, f := range c.Fields() {
				if size, ok := f.Value.(uint64); f.Name == "sizeof" && ok && size != uint64(test.size) {
					t.Errorf("sizeof %d, want %d", size, test.size)
				}
			}
			if _, err := configOf(t, id, payload[:len(payload)-1]); !errors.Is(err, xtc.ErrConfig) {
				t.Errorf("one byte short: %v, want %v", err, xtc.ErrConfig)
			}
			if _, err := configOf(t, id|1<<31, payload); !errors.Is(err, xtc.ErrNotConfig) {
				t.Errorf("compressed: %v, want %v", err, xtc.ErrNotConfig)
			}
		})
	}
}

// Of a payload of each length an object is decoded or refused, and what lies behind the
// payload never shows.
func TestShortConfig(t *testing.T) {
	for _, test := range classShapes {
		id, payload, err := xtctest.DetectorConfig(test.class, nil)
		if err != nil {
			t.Fatal(err)
		}
		for size := 1; size < min(len(payload), 1000); size++ {
			if _, err := configOf(t, id, payload[:size]); !errors.Is(err, xtc.ErrConfig) {
				t.Fatalf("%s of %d bytes: %v", test.class, size, err)
			}
		}
		if _, err := configOf(t, id, nil); !errors.Is(err, xtc.ErrNotConfig) {
			t.Errorf("%s without payload: %v", test.class, err)
		}
	}
}

func TestConfigContradictions(t *testing.T) {
	epix := func(off int, value uint32) []byte {
		b := xtctest.Epix100aConfig(2, xtctest.Epix{})
		b[off], b[off+1], b[off+2], b[off+3] = byte(value), byte(value>>8), byte(value>>16), byte(value>>24)
		return b
	}
	first := xtctest.EpixConfigV1(xtctest.Epix{})
	first[84+1] = 3 // excludes 768 of 704 rows
	tests := []struct {
		name    string
		id      xtc.TypeID
		payload []byte
	}{
		{"rows beyond all measure", xtc.NewTypeID(xtc.TypeEpix100aConfig, 2), epix(136, 0xffffffff)},
		{"ASICs that do not fit", xtc.NewTypeID(xtc.TypeEpix100aConfig, 2), epix(128, 0xffff)},
		{"more rows excluded than there are", xtc.NewTypeID(xtc.TypeEpixConfig, 1), first},
		{"more modules than slots", xtc.NewTypeID(xtc.TypeJungfrauConfig, 3), xtctest.JungfrauConfig(3, xtctest.Jungfrau{NumberOfModules: 9})},
		{"modules beyond all measure", xtc.NewTypeID(xtc.TypeJungfrauConfig, 1), xtctest.JungfrauConfig(1, xtctest.Jungfrau{NumberOfModules: 1 << 31})},
		{"no binning", xtc.NewTypeID(xtc.TypeRayonixConfig, 2), xtctest.RayonixConfig(0, 2, "")},
		{"a long mask", xtc.NewTypeID(xtc.TypePartitionConfig, 2), []byte{255, 255, 255, 255, 0, 0, 0, 0}},
		{"a long list", xtc.NewTypeID(xtc.TypePartitionConfig, 1), append(make([]byte, 8), 255, 255, 255, 255)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c, err := configOf(t, test.id, test.payload)
			if !errors.Is(err, xtc.ErrConfig) {
				t.Errorf("%v, %v", c, err)
			}
		})
	}
}

func TestRayonixSides(t *testing.T) {
	large := map[string]any{"binning_f": 4, "binning_s": 2, "deviceID": "MX340-HS:112"}
	for class, want := range map[string][]int{"Rayonix.ConfigV1": {1920, 960}, "Rayonix.ConfigV2": {3840, 1920}} {
		if diff := cmp.Diff(want, built(t, class, large).Shape()); diff != "" {
			t.Errorf("%s -want +got\n%s", class, diff)
		}
	}
}
