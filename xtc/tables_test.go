package xtc_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
)

// entry is one row of the reference tables: a number, a name and what else there is.
type entry []any

func (e entry) number() uint32 { return uint32(e[0].(float64)) }
func (e entry) name() string   { return e[1].(string) }

func TestTablesEqualReference(t *testing.T) {
	text, err := os.ReadFile(testenv.Shared(t, "xtc", "tables.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tables struct {
		Detectors   []entry          `json:"detectors"`
		Devices     []entry          `json:"devices"`
		Bld         []entry          `json:"bld"`
		Levels      []entry          `json:"levels"`
		Transitions []entry          `json:"transitions"`
		TypeIDs     []entry          `json:"typeids"`
		DamageBits  []entry          `json:"damage_bits"`
		OldDetector map[string]uint8 `json:"detector_alias_names_psana"`
		OldDevice   map[string]uint8 `json:"device_alias_names_psana"`
	}
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	names := []struct {
		table   string
		entries []entry
		count   int
		name    func(uint32) string
	}{
		{"detectors", tables.Detectors, 53, func(n uint32) string { return xtc.DetectorName(uint8(n)) }},
		{"devices", tables.Devices, 58, func(n uint32) string { return xtc.DeviceName(uint8(n)) }},
		{"bld", tables.Bld, 96, xtc.BldName},
		{"levels", tables.Levels, 7, func(n uint32) string { return xtc.Level(n).String() }},
		{"transitions", tables.Transitions, 13, func(n uint32) string { return xtc.Transition(n).String() }},
		{"typeids", tables.TypeIDs, 124, func(n uint32) string { return xtc.Type(n).String() }},
		{"damage_bits", tables.DamageBits, 7, func(n uint32) string { return (xtc.Damage(1) << n).String() }},
	}
	for _, test := range names {
		t.Run(test.table, func(t *testing.T) {
			testenv.Case(t, "tables/xtc")
			if len(test.entries) != test.count {
				t.Errorf("%d entries, want %d", len(test.entries), test.count)
			}
			for i, e := range test.entries {
				if test.table != "damage_bits" && e.number() != uint32(i) {
					t.Errorf("entry %d has number %d", i, e.number())
				}
				if got := test.name(e.number()); got != e.name() {
					t.Errorf("%d is %q, want %q", e.number(), got, e.name())
				}
			}
			if test.table != "damage_bits" {
				if got := test.name(uint32(len(test.entries))); got != "-Invalid-" {
					t.Errorf("the number behind the table is %q", got)
				}
			}
		})
	}
	t.Run("numbers", func(t *testing.T) {
		testenv.Case(t, "tables/xtc")
		for _, e := range tables.Detectors {
			tables.OldDetector[e.name()] = uint8(e.number())
		}
		for name, want := range tables.OldDetector {
			if got, ok := xtc.DetectorNumber(name); !ok || got != want {
				t.Errorf("detector %q is %d %v, want %d", name, got, ok, want)
			}
		}
		for _, e := range tables.Devices {
			tables.OldDevice[e.name()] = uint8(e.number())
		}
		for name, want := range tables.OldDevice {
			if got, ok := xtc.DeviceNumber(name); !ok || got != want {
				t.Errorf("device %q is %d %v, want %d", name, got, ok, want)
			}
		}
		for _, e := range tables.Bld {
			if got, ok := xtc.BldNumber(e.name()); !ok || got != e.number() {
				t.Errorf("beam-line data %q is %d %v, want %d", e.name(), got, ok, e.number())
			}
		}
		if _, ok := xtc.DetectorNumber("xcsendstation"); ok {
			t.Error("a detector name in lower case is known")
		}
	})
}

// The types that the reference marks as configurations are those with a configuration
// class, but for those that psana has no class for.
func TestConfigClassesCoverConfigurationTypes(t *testing.T) {
	text, err := os.ReadFile(testenv.Shared(t, "xtc", "tables.json"))
	if err != nil {
		t.Fatal(err)
	}
	var tables struct {
		TypeIDs []entry `json:"typeids"`
	}
	if err := json.Unmarshal(text, &tables); err != nil {
		t.Fatal(err)
	}
	testenv.Case(t, "tables/xtc")
	without := map[string]bool{"XampsConfig": true, "FexampConfig": true, "PhasicsConfig": true}
	for _, e := range tables.TypeIDs {
		if config := e[2].(bool); !config {
			continue
		}
		var known bool
		for version := range uint16(8) {
			want := xtc.NewTypeID(xtc.Type(e.number()), version)
			for _, class := range xtc.ConfigClasses(want) {
				known = true
				if id, found := xtc.ClassTypeID(class); !found || id != want {
					t.Errorf("class %s of %s leads to %v %v", class, e.name(), id, found)
				}
			}
		}
		if known == without[e.name()] {
			t.Errorf("%s has a class: %v", e.name(), known)
		}
	}
}

func TestConfigClassesOfTypes(t *testing.T) {
	tests := []struct {
		id      xtc.TypeID
		classes []string
	}{
		{xtc.NewTypeID(xtc.TypeEpix100aConfig, 2), []string{"Epix.Config100aV2"}},
		{xtc.NewTypeID(xtc.TypeEpix100aConfig, 3), nil},
		{xtc.NewTypeID(xtc.TypeEpix100aConfig, 2) | 1<<31, nil}, // compressed
		{xtc.NewTypeID(xtc.TypeRunControlConfig, 3), []string{"ControlData.ConfigV3"}},
		{xtc.NewTypeID(xtc.TypeQuadAdcConfig, 0), []string{"QuadAdc.ConfigV1"}},
		{xtc.NewTypeID(xtc.TypeQuadAdcConfig, 1), nil},
		{xtc.NewTypeID(xtc.TypeGeneric1DConfig, 0), []string{"Generic1D.ConfigV0"}},
		{xtc.NewTypeID(xtc.TypeSharedIpimb, 1), []string{"Ipimb.ConfigV2"}},
		{xtc.NewTypeID(xtc.TypeSharedPIM, 1), []string{"Pulnix.TM6740ConfigV2", "Lusi.PimImageConfigV1"}},
		{xtc.NewTypeID(xtc.TypeEpixElement, 2), nil},
		{xtc.NewTypeID(500, 2), nil},
	}
	for _, test := range tests {
		if diff := cmp.Diff(test.classes, xtc.ConfigClasses(test.id)); diff != "" {
			t.Errorf("%v -want +got\n%s", test.id, diff)
		}
	}
	if got := xtc.PsanaClass("Epix.Config100aV2"); got != "Psana::Epix::Config100aV2" {
		t.Errorf("PsanaClass gives %q", got)
	}
}
