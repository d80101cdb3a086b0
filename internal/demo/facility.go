package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// A facility is a small copy of what a light source has: raw data of a few
// experiments, the experiment table, and room for a repository.
type facility struct {
	dir string
}

func (f facility) data() string       { return filepath.Join(f.dir, "data") }
func (f facility) root() string       { return filepath.Join(f.dir, "psdm") }
func (f facility) tables() string     { return filepath.Join(f.dir, "psdm/data") }
func (f facility) repository() string { return filepath.Join(f.root(), "detector/calib/constants") }

// environment is what a login at the facility sets.
func (f facility) environment() []string {
	return append(os.Environ(),
		"SIT_PSDM_DATA="+f.data(), "SIT_ROOT="+f.root(), "SIT_DATA="+f.tables(),
		"DEPLOY_CONSTANTS_CONFIG=", "LOGNAME=dataman")
}

// experiment is one experiment with its runs.
type experiment struct {
	instrument, name string
	number           int // 0: not in the experiment table
	runs             []xtctest.Run
}

// epix is the panel of the documentation's first example.
var epix = map[string]any{
	"version": 3925999616, "carrierId0": 996579585, "carrierId1": 553648138,
	"digitalCardId0": 1232098304, "digitalCardId1": 1221641739,
	"analogCardId0": 2650251521, "analogCardId1": 3976200215,
}

// experiments are those of the documentation's examples, at four instruments.
func experiments() ([]experiment, error) {
	epix100a := detector("XcsEndstation.0:Epix100a.1", "epix_1", "Epix.Config100aV2", epix)
	cspad := detector("CxiDs1.0:Cspad.0", "DscCsPad", "CsPad.ConfigV5", nil)
	cspad2x2 := detector("MecTargetChamber.0:Cspad2x2.3", "Cspad2x2_3", "CsPad2x2.ConfigV2", nil)
	pnccd := detector("Camp.0:pnCCD.1", "pnccdFront", "PNCCD.ConfigV2", nil)
	list := []experiment{
		{"XPP", "xpptut15", 665, []xtctest.Run{
			// 2016-03-18 19:07:30 and 2017-02-14 04:00:00 in Los Angeles
			{Experiment: "xpptut15", Number: 260, BeginRun: xtc.Clock{Sec: 1458353250, Nsec: 123456789}, Detectors: []xtctest.Detector{epix100a}},
			{Experiment: "xpptut15", Number: 261, BeginRun: xtc.Clock{Sec: 1487073600}, Detectors: []xtctest.Detector{epix100a}},
		}},
		{"CXI", "cxig0715", 553, []xtctest.Run{
			{Experiment: "cxig0715", Number: 86, BeginRun: xtc.Clock{Sec: 1445549400}, Detectors: []xtctest.Detector{cspad}},
		}},
		{"mec", "mecj5515", 0, []xtctest.Run{
			{Experiment: "mecj5515", Number: 102, BeginRun: xtc.Clock{Sec: 1467331201}, Detectors: []xtctest.Detector{cspad2x2}},
		}},
		{"AMO", "amob5114", 361, []xtctest.Run{
			{Experiment: "amob5114", Number: 403, BeginRun: xtc.Clock{Sec: 1412000100}, Detectors: []xtctest.Detector{pnccd}},
		}},
	}
	for _, e := range list {
		for i := range e.runs {
			run := &e.runs[i]
			run.Configure = xtc.Clock{Sec: run.BeginRun.Sec - 3600}
			run.Streams, run.Events = []int{0, 1, 80}, 3
		}
	}
	return list, nil
}

func detector(source, alias, class string, fields map[string]any) xtctest.Detector {
	return xtctest.Detector{Source: source, Alias: alias, Class: class, Fields: fields}
}

// make writes the XTC files, the experiment table, and the folders that a
// facility has before the first deployment.
func (f facility) make() (files int, err error) {
	list, err := experiments()
	if err != nil {
		return 0, err
	}
	var table strings.Builder
	for _, e := range list {
		dir := filepath.Join(f.data(), e.instrument, e.name)
		for _, folder := range []string{"xtc", "calib"} {
			if err := os.MkdirAll(filepath.Join(dir, folder), 0o775); err != nil {
				return files, err
			}
		}
		prefix := e.name
		if e.number > 0 {
			prefix = fmt.Sprintf("e%d", e.number)
			fmt.Fprintf(&table, "%d\t%s\t%s\n", e.number, e.instrument, e.name)
		}
		for _, run := range e.runs {
			written, err := run.Write(filepath.Join(dir, "xtc"), prefix)
			if err != nil {
				return files, err
			}
			files += len(written)
		}
	}
	for _, dir := range []string{filepath.Join(f.tables(), "ExpNameDb"), filepath.Join(f.root(), "logs/atstart")} {
		if err := os.MkdirAll(dir, 0o775); err != nil {
			return files, err
		}
	}
	return files, os.WriteFile(filepath.Join(f.tables(), "ExpNameDb/experiment-db.dat"), []byte(table.String()), 0o664)
}
