package calibdir_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/repo/calibdir"
)

func TestTargetPath(t *testing.T) {
	const below = "/Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain/0-end.data"
	for _, dir := range []string{"./calib", "./calib/", "/scratch/x/calib", "./my calib", "a:b/../calib"} {
		target := gain(dir)
		if got := target.Path(); got != dir+below {
			t.Errorf("%s: got %s", dir, got)
		}
		if err := target.Check(); err != nil {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// No part of a target leads elsewhere, whatever it is made of.
func TestTargetCheck(t *testing.T) {
	hostile := []string{
		"", ".", "..", "../..", "a/b", "/etc", "a/../b", "..\x00", "nul\x00", ".hidden", "new\nline", "tab\t", "esc\x1b[2J",
		strings.Repeat("x", 256),
	}
	for _, name := range hostile {
		for i, part := range []func(*calibdir.Target) *string{
			func(t *calibdir.Target) *string { return &t.Group },
			func(t *calibdir.Target) *string { return &t.Source },
			func(t *calibdir.Target) *string { return &t.CType },
		} {
			target := gain("calib")
			*part(&target) = name
			if err := target.Check(); !errors.Is(err, calibdir.ErrComponent) {
				t.Errorf("part %d is %q: got %v, want ErrComponent", i, name, err)
			}
		}
	}
	for _, name := range []string{"$(id)", "`id`", "a b", "a;b", "*", "-rf", "a\\b", strings.Repeat("x", 255), "ü"} {
		target := gain("calib")
		target.Source = name
		if err := target.Check(); err != nil {
			t.Errorf("source %q: %v", name, err)
		}
	}
	target := gain("calib")
	target.Range = calibdir.Range{Begin: 20, End: 10}
	if err := target.Check(); !errors.Is(err, calibdir.ErrRange) {
		t.Errorf("got %v, want ErrRange", err)
	}
}

// Every row of the table that PSCalib's makeCalibFileName gave, and none differs.
func TestMakePathAsPSCalib(t *testing.T) {
	var rows []struct {
		Dir    string  `json:"cdir"`
		Begin  int     `json:"begin"`
		End    *int    `json:"end"`
		Result *string `json:"result"`
	}
	readJSON(t, testenv.Shared(t, "golden", "tables", "make_calib_file_name.json"), &rows)
	top := t.TempDir()
	must(t, errors.Join(os.Mkdir(filepath.Join(top, "calib"), 0o755), os.Mkdir(filepath.Join(top, "other"), 0o755)))
	for _, row := range rows {
		target := calibdir.Target{
			Dir:    strings.Replace(row.Dir, "<top>", top, 1),
			Group:  "CsPad::CalibV1",
			Source: "XppGon.0:Cspad.0",
			CType:  "pedestals",
			Range:  calibdir.Range{Begin: row.Begin, End: calibdir.RunEnd},
		}
		if row.End != nil {
			target.Range.End = *row.End
		}
		t.Run(row.Dir+" "+target.Range.String(), func(t *testing.T) {
			testenv.Case(t, "tables/make_calib_file_name")
			got, err := target.MakePath()
			switch {
			case row.Result == nil:
				if !errors.Is(err, calibdir.ErrNotCalib) && !errors.Is(err, calibdir.ErrRange) {
					t.Errorf("got %q, %v; want a refusal", got, err)
				}
			case err != nil || got != strings.Replace(*row.Result, "<top>", top, 1):
				t.Errorf("got %q, %v; want %q", got, err, *row.Result)
			}
		})
	}
}

func TestMakePathNotADirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calib")
	must(t, os.WriteFile(file, nil, 0o644))
	if got, err := gain(file).MakePath(); !errors.Is(err, calibdir.ErrNotCalib) {
		t.Errorf("got %q, %v", got, err)
	}
	if got, err := gain(filepath.Dir(file) + "/missing/calib").MakePath(); !errors.Is(err, calibdir.ErrNotCalib) {
		t.Errorf("got %q, %v", got, err)
	}
}

// realFile is what a path of a deployed file looks like, written independently of
// the parser.
var realFile = regexp.MustCompile(`^(.+)/(\w+::CalibV\d)/(\w+\.\d+:\w+\.\d+)/(\w+)/(\d+)-(\d+|end)\.data$`)

// Paths of calibration files that people wrote down: those that lead to a file
// come apart, the others are told from them.
func TestParseRealPaths(t *testing.T) {
	files := 0
	for line := range strings.Lines(read(t, testenv.Shared(t, "real", "text", "calibpaths.uniq"))) {
		line = strings.TrimSuffix(line, "\n")
		t.Run(line, func(t *testing.T) {
			testenv.Case(t, "real/calibpaths")
			target, err := calibdir.ParsePath(line)
			match := realFile.FindStringSubmatch(line)
			if match == nil {
				if !errors.Is(err, calibdir.ErrPath) {
					t.Errorf("parsed as %+v, %v", target, err)
				}
				return
			}
			files++
			if err != nil {
				t.Fatal(err)
			}
			if target.Dir != match[1] || target.Group != match[2] || target.Source != match[3] || target.CType != match[4] ||
				target.Range.String() != match[5]+"-"+match[6] {
				t.Errorf("got %+v", target)
			}
			if target.Path() != line {
				t.Errorf("comes back as %s", target.Path())
			}
		})
	}
	if files < 50 {
		t.Errorf("only %d paths of files", files)
	}
}

func TestParsePathRefuses(t *testing.T) {
	for _, path := range []string{
		"", "/", "0-end.data", "ctype/0-end.data", "/g/s/c/0-end.data", "g/s/c/0-end.data",
		"calib/g/s/c/0-end", "calib/g/s/c/00-end.data", "calib/g/s/c/7.data", "calib/g/s/c/20-10.data", "calib/g/s/c/0-end.data/",
		"calib/g/../c/0-end.data", "calib/g/s//0-end.data", "calib/.g/s/c/0-end.data",
	} {
		if target, err := calibdir.ParsePath(path); !errors.Is(err, calibdir.ErrPath) {
			t.Errorf("%q: got %+v, %v", path, target, err)
		}
	}
}
