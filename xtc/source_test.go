package xtc_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

func TestSrcSpelling(t *testing.T) {
	tests := []struct {
		src      xtc.Src
		text     string
		pdsdata  string
		isSource bool
	}{
		{xtc.Src{Log: 0x010011a1, Phy: 0x19002301}, "XcsEndstation.0:Epix100a.1", "XcsEndstation-0|Epix100a-1", true},
		{xtc.Src{Log: 0x01000000, Phy: 0xee01ee02}, "-Invalid-.1:-Invalid-.2", "-Invalid--1|-Invalid--2", true},
		{xtc.Src{Log: 0x06000000, Phy: 3}, "NH2-SB1-IPM-01", "NH2-SB1-IPM-01", false},
		{xtc.Src{Log: 0x06000000, Phy: 96}, "-Invalid-", "-Invalid-", false},
		{xtc.Src{Log: 0x00002407, Phy: 0xac151454}, "ProcInfo(172.21.20.84, pid=9223)", "ProcInfo(172.21.20.84, pid=9223)", false},
		{xtc.NoSrc, "ProcInfo(255.255.255.255, pid=16777215)", "ProcInfo(255.255.255.255, pid=16777215)", false},
	}
	for _, test := range tests {
		if got := test.src.String(); got != test.text {
			t.Errorf("%x is %q, want %q", test.src, got, test.text)
		}
		if got := test.src.PdsName(); got != test.pdsdata {
			t.Errorf("%x is %q for pdsdata, want %q", test.src, got, test.pdsdata)
		}
		if got := test.src.Level() == xtc.LevelSource; got != test.isSource {
			t.Errorf("%x is a detector: %v", test.src, got)
		}
	}
	src := xtc.DetInfo(4513, 25, 3, 35, 1)
	if src.ProcessID() != 4513 || src.Detector() != 25 || src.DetID() != 3 || src.Device() != 35 || src.DevID() != 1 {
		t.Errorf("%x has other parts than it was made of", src)
	}
	if got, want := xtc.BldInfo(7, 3), (xtc.Src{Log: 0x06000007, Phy: 3}); got != want {
		t.Errorf("%x, want %x", got, want)
	}
}

// psana orders by level, then by phy as a signed number, and ignores the process.
func TestSrcCompare(t *testing.T) {
	ordered := []xtc.Src{
		{Log: 0x00000000, Phy: 0xac151454},
		{Log: 0x01000000, Phy: 0x80000000},
		{Log: 0x01000000, Phy: 0x00000100},
		{Log: 0x01000000, Phy: 0x19002301},
		{Log: 0x06000000, Phy: 0x00000000},
	}
	for i, a := range ordered {
		for j, b := range ordered {
			b.Log |= 4513
			if got := a.Compare(b); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%x and %x compare to %d", a, b, got)
			}
		}
	}
}

func TestParseSource(t *testing.T) {
	epix := xtctest.Source("XcsEndstation.0:Epix100a.1", 4513)
	other := xtctest.Source("XppGon.0:Epix100a.3", 4514)
	beam := xtctest.Source("EBeam", 1)
	process := xtc.Src{Log: 0x00002407, Phy: 0xac151454}
	tests := []struct {
		text                 string
		exact                bool
		epix, other, beam, p bool
	}{
		{"", false, true, true, true, true},
		{"  ", false, true, true, true, true},
		{" XcsEndstation.0:Epix100a.1 ", true, true, false, false, false},
		{"DetInfo(XcsEndstation.0:Epix100a.1)", true, true, false, false, false},
		{"DetInfo()", false, true, true, false, false},
		{"XcsEndstation-0|Epix100a-1", true, true, false, false, false},
		{"XcsEndstation.00:Epix100a.01", true, true, false, false, false},
		{"XcsEndstation.256:Epix100a.257", true, true, false, false, false},
		{"XcsEndstation.255:Epix100a.-1", false, true, false, false, false},
		{"XcsEndstation", false, true, false, false, false},
		{"XcsEndstation:", false, true, false, false, false},
		{":Epix100a.3", false, false, true, false, false},
		{"*.*:*.*", false, true, true, false, false},
		{"*", false, true, true, false, false},
		{"EBeam", true, false, false, true, false},
		{"BldInfo(EBeam)", true, false, false, true, false},
		{"BldInfo()", false, false, false, true, false},
		{"ProcInfo(172.21.20.84)", true, false, false, false, true},
		{"ProcInfo(172.21.20.85)", true, false, false, false, false},
		{"ProcInfo()", false, false, false, false, true},
	}
	for _, test := range tests {
		m, err := xtc.ParseSource(test.text)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.Exact() != test.exact {
			t.Errorf("%q is exact: %v", test.text, m.Exact())
		}
		for i, want := range []bool{test.epix, test.other, test.beam, test.p} {
			src := []xtc.Src{epix, other, beam, process}[i]
			if got := m.Matches(src); got != want {
				t.Errorf("%q matches %s: %v", test.text, src, got)
			}
		}
	}
	for _, text := range []string{
		"Epix100a.1", "xcsendstation.0:epix100a.1", "XcsEndstation.0|Epix100a.1", "XcsEndstation-0:Epix100a-1",
		"XcsEndstation.0.Epix100a.1", "XcsEndstation-0-Epix100a-1", "XcsEndstation.0:Epix100a.x", "XcsEndstation.0:Epix100a.1:2",
		"ProcInfo(1.2.3)", "ProcInfo(1.2.3.4, pid=5)", "ProcInfo(1.2.3.256)", "BldInfo(Epix100a)", "DetInfo(EBeam)", "nosuch", "Camp.0:pnccd.1",
	} {
		m, err := xtc.ParseSource(text)
		if _, ok := errors.AsType[*xtc.SourceError](err); !ok {
			t.Errorf("%q gives %v, %v", text, m, err)
		}
	}
}

// runAliases are the names that alias objects of the reference's runs give.
var runAliases = map[string]bool{
	"DsaCsPad": true, "DscCsPad": true, "EBEAM": true, "cspad": true, "epix100a_diff": true, "epix_alc1": true,
	"jungfrau1M": true, "jungfrau512k": true, "missing_cam": true, "opal_1": true, "pnccdFront": true, "xrt_cam": true,
}

// Every source string that psana was asked for in the reference means the same here;
// those that a run's aliases answer are left out.
func TestParseSourceEqualsPsana(t *testing.T) {
	type answer struct {
		Spec  string `json:"spec"`
		Log   string `json:"match_log"`
		Phy   string `json:"match_phy"`
		Match string `json:"match"`
		Exact bool   `json:"exact"`
		Error string `json:"error"`
	}
	paths, err := filepath.Glob(filepath.Join(testenv.Shared(t, "xtc", "expect", "runs"), "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]answer{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var run struct {
			Sources []answer `json:"sources"`
		}
		if err := json.Unmarshal(text, &run); err != nil {
			t.Fatal(err)
		}
		for _, a := range run.Sources {
			if old, ok := asked[a.Spec]; !ok || old.Error == "" {
				asked[a.Spec] = a
			}
		}
	}
	for spec, want := range asked {
		m, err := xtc.ParseSource(spec)
		if want.Error == "" && err != nil && runAliases[spec] {
			continue // the run's alias object answers, above this package
		}
		t.Run(spec, func(t *testing.T) {
			testenv.Case(t, "source strings")
			if (err != nil) != (want.Error != "") {
				t.Fatalf("%v, psana %q", err, want.Error)
			}
			if err != nil {
				return
			}
			if m.String() != want.Match || m.Exact() != want.Exact {
				t.Errorf("%q %v, want %q %v", m, m.Exact(), want.Match, want.Exact)
			}
			if spec != "" && !runAliases[spec] && (hex(m.Src().Log) != want.Log || hex(m.Src().Phy) != want.Phy) {
				t.Errorf("%x, want %s %s", m.Src(), want.Log, want.Phy)
			}
		})
	}
}

// unknownNames are the lines of the collection that psana's tables have no detector or
// device for: slips of the pen, and a folder's name.
var unknownNames = map[string]bool{
	"Camp.0:Andor3d.1": true, "CxiSc.0:Cspad2x2.0": true, "MecTargetChamber.0:Cspad0.0": true,
	"XcsEndstation.0:BeamMonitor.0": true, "XrayTransport.20:Opal1000.0": true, "lcls-psana+data_test": true,
}

// Names of detectors in the field are parsed, and mean themselves: earlier spellings
// are written back as today's, everything else as it was.
func TestRealSourceNames(t *testing.T) {
	f, err := os.Open(testenv.Shared(t, "real", "text", "detinfo.uniq"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		name := strings.TrimSpace(lines.Text())
		t.Run(name, func(t *testing.T) {
			testenv.Case(t, "real source names")
			m, err := xtc.ParseSource(name)
			if (err != nil) != unknownNames[name] {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			again, err := xtc.ParseSource(m.String())
			if err != nil || again != m {
				t.Errorf("%s is read back as %s, %v", m, again, err)
			}
			if src := m.Src(); m.Exact() && src.String() != name && src.PdsName() != name && !hasOldSpelling(name) {
				t.Errorf("written back as %s", src)
			}
		})
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// hasOldSpelling reports whether the detector or the device is not written as in the
// tables.
func hasOldSpelling(name string) bool {
	for _, word := range strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(".:|-", r) }) {
		if n, ok := xtc.DetectorNumber(word); ok && xtc.DetectorName(n) != word {
			return true
		}
		if n, ok := xtc.DeviceNumber(word); ok && xtc.DeviceName(n) != word {
			return true
		}
	}
	return false
}
