package dataset_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// otherSource is a second detector of the test run.
const otherSource = "XppGon.0:Epix100a.3"

// namedRun has two epix100a, an Opal with two objects, an Evr and aliases.
func namedRun(t testing.TB) *dataset.Run {
	opal := xtctest.Source("XppEndstation.0:Opal1000.1", 1)
	return readRun(t, content{"s00-c00": {
		configure(10,
			aliasesOf("epix", epixSource, "again", epixSource, "epix", otherSource, "absent", "XppGon.0:Cspad.0", otherSource, epixSource,
				" blank ", epixSource, "beam", "EBeam"),
			epix(epixSource, 1), epix(otherSource, 3),
			xtctest.ConfigNode(opal, xtc.NewTypeID(xtc.TypeFrameFexConfig, 1), make([]byte, 40)),
			xtctest.ConfigNode(opal, xtc.NewTypeID(xtc.TypeOpal1kConfig, 1), xtctest.OpalConfig()),
			xtctest.ConfigNode(xtctest.Source("NoDetector.0:Evr.0", 1), xtc.NewTypeID(xtc.TypeEvrConfig, 7), xtctest.EvrConfig(4, 8)),
			xtctest.Node{Src: xtctest.Source("EpicsArch.0:NoDevice.0", 1), Contains: xtc.NewTypeID(xtc.TypeEpicsConfig, 1), Sparse: 148}),
		beginRun(20, 1)}}.write(t))
}

func TestDetectors(t *testing.T) {
	type row struct{ Source, Alias, Class string }
	var got []row
	for _, d := range namedRun(t).Store.Detectors() {
		got = append(got, row{d.Source, d.Alias, d.Class})
	}
	want := []row{
		{"NoDetector.0:Evr.0", "", "EvrData.ConfigV7"},
		{otherSource, "epix", "Epix.Config100aV2"}, // an alias of two sources finds the first
		{"XppEndstation.0:Opal1000.1", "", "Opal1k.ConfigV1"},
		{epixSource, "epix", "Epix.Config100aV2"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFindDetector(t *testing.T) {
	store := namedRun(t).Store
	for source, want := range map[string]string{
		epixSource:                            epixSource,
		"DetInfo(XcsEndstation.0:Epix100a.1)": epixSource,
		"epix":                                epixSource,
		"again":                               epixSource,
		" blank ":                             epixSource,
		otherSource:                           epixSource, // hidden by an alias of that name
		"NoDetector.0:Evr.0":                  "NoDetector.0:Evr.0",
		"XppEndstation.0:Opal1000.1":          "XppEndstation.0:Opal1000.1",
	} {
		if got, err := store.Find(source); err != nil || got.Source != want {
			t.Errorf("Find(%q) is %q, %v, want %q", source, got.Source, err, want)
		}
	}
	for source, want := range map[string]error{
		"XcsEndstation.0:Epix100a.2":  dataset.ErrNotInRun,
		"CxiDs1.0:Cspad.0":            dataset.ErrNotInRun,
		"absent":                      dataset.ErrNotInRun,
		"beam":                        dataset.ErrNotInRun,
		"blank":                       dataset.ErrNotInRun,
		"Epix":                        dataset.ErrNotInRun,
		"Epix100a.1":                  dataset.ErrNotInRun,
		"Epix100a":                    dataset.ErrNotInRun,
		"":                            dataset.ErrNotInRun,
		"*":                           dataset.ErrNotInRun,
		"XcsEndstation-0|Epix100a-1":  dataset.ErrNotInRun,
		"XcsEndstation.0:Epix100a.*":  dataset.ErrNotInRun,
		"XcsEndstation.0:Epix100a.01": dataset.ErrNotInRun,
		"xcsendstation.0:Epix100a.1":  dataset.ErrNotInRun,
		" XcsEndstation.0:Epix100a.1": dataset.ErrNotInRun,
		"EpicsArch.0:NoDevice.0":      dataset.ErrNotInRun,
		"a\nb":                        dataset.ErrNotInRun,
		"XcsEndstation.0:Foo.1":       dataset.ErrUnknownDevice,
		"XcsEndstation.0:epix100a.1":  dataset.ErrUnknownDevice,
	} {
		_, err := store.Find(source)
		if !errors.Is(err, want) {
			t.Errorf("Find(%q): error %v, want %v", source, err, want)
			continue
		}
		checkLine(t, err)
		if !strings.Contains(err.Error(), "XcsEndstation.0:Epix100a.1 (epix)") {
			t.Errorf("Find(%q): %q does not name the detectors of the run", source, err)
		}
	}
	hostile := readRun(t, content{"s00-c00": {configure(10, aliasesOf("a\nb", epixSource), epix(epixSource, 1)), beginRun(20, 1)}}.write(t))
	if _, err := hostile.Store.Find("nothing"); strings.Contains(err.Error(), "\n") {
		t.Errorf("an alias breaks the line: %v", err)
	}
	empty := readRun(t, content{"s00-c00": {configure(10), beginRun(20, 1)}}.write(t))
	if _, err := empty.Store.Find(epixSource); !errors.Is(err, dataset.ErrNotInRun) {
		t.Errorf("empty run: %v", err)
	}
}

func TestMatchDetector(t *testing.T) {
	store := namedRun(t).Store
	for source, want := range map[string]string{
		"":                              otherSource,
		" XcsEndstation.0:Epix100a.1 ":  epixSource,
		"XcsEndstation-0|Epix100a-1":    epixSource,
		"XcsEndstation":                 epixSource,
		":Epix100a":                     otherSource,
		"XppEndstation":                 "XppEndstation.0:Opal1000.1",
		"XcsEndstation.256:Epix100a.01": epixSource,
		"XcsEndstation.-1:Epix100a.255": epixSource,
		"epix":                          epixSource,
		otherSource:                     epixSource, // hidden by an alias of that name
		"absent":                        "",
		"EBeam":                         "",
		"CxiDs1.0:Cspad.0":              "",
	} {
		got, found, err := store.Match(source)
		if err != nil || found != (want != "") || got.Source != want {
			t.Errorf("Match(%q) is %q, %v, %v, want %q", source, got.Source, found, err, want)
		}
	}
	for _, source := range []string{"Epix100a.1", "nosuch", "XcsEndstation.0:Epix100a-1", "ProcInfo(1.2.3.4, pid=5)"} {
		if got, _, err := store.Match(source); err == nil {
			t.Errorf("Match(%q) is %q, want an error", source, got.Source)
		}
	}
}
