package calibdir_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/repo/calibdir"
)

// finderRow is a row of the table that the original PSCalib.CalibFileFinder gave.
type finderRow struct {
	Files []string `json:"files"`
	Run   int      `json:"run"`
	File  string   `json:"file"`
	Error string   `json:"error"`
}

// Every row, and none differs. The table asks selectCalibFile; runs above 9999
// reach it as 9999 in psana, which Pick does and is checked besides.
func TestPickAsPSCalib(t *testing.T) {
	var rows []finderRow
	readJSON(t, testenv.Shared(t, "golden", "tables", "calib_file_finder.json"), &rows)
	atLimit := make(map[string]string) // by files: what is taken for run 9999
	for _, row := range rows {
		if row.Run == calibdir.MaxRun {
			atLimit[strings.Join(row.Files, "|")] = row.File
		}
	}
	for i, row := range rows {
		t.Run(fmt.Sprintf("%d/%s/run %d", i, strings.Join(row.Files, ","), row.Run), func(t *testing.T) {
			testenv.Case(t, "tables/calib_file_finder")
			listing, err := calibdir.List(row.Files)
			if row.Error != "" {
				var nameErr *calibdir.NameError
				if !errors.As(err, &nameErr) || !errors.Is(err, calibdir.ErrBlocked) || !strings.HasPrefix(row.Error, nameErr.Exception+":") {
					t.Errorf("got %v, want %s", err, row.Error)
				} else if !slices.Contains(row.Files, nameErr.Name) {
					t.Errorf("the error names %q", nameErr.Name)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := listing.Select(row.Run); got != row.File {
				t.Errorf("got %q, want %q", got, row.File)
			}
			want := row.File
			if row.Run > calibdir.MaxRun {
				var ok bool
				if want, ok = atLimit[strings.Join(row.Files, "|")]; !ok {
					t.Fatal("the table has no row for run 9999 of these files")
				}
			}
			if got, err := calibdir.Pick(row.Files, row.Run); err != nil || got != want {
				t.Errorf("Pick: got %q, %v; want %q", got, err, want)
			}
		})
	}
}

// Names of equal runs: the last in the listing.
func TestPickEqualRanges(t *testing.T) {
	for _, names := range [][]string{{"5-9.data", "05-9.data"}, {"05-9.data", "5-9.data"}, {"5-9.data", "0-end.data", "5-09.data"}} {
		if got, err := calibdir.Pick(names, 7); err != nil || got != names[len(names)-1] {
			t.Errorf("%v: got %q, %v", names, got, err)
		}
	}
}

func TestPickStrangeNames(t *testing.T) {
	tests := []struct {
		name      string
		file      string // what psana takes for run 7
		exception string
	}{
		{name: "..data"},
		{name: "...data"},
		{name: "7-7..data", exception: "TypeError"},
		{name: ".7-7.data"},
		{name: "7-7.data "},
		{name: "7-7.data", file: "7-7.data"},
		{name: "07-٧.data", file: "07-٧.data"},
		{name: "𝟕-end.data", file: "𝟕-end.data"},
		{name: "１-end.data", file: "１-end.data"},
		{name: "²-7.data", exception: "ValueError"},
		{name: "1²-7.data", exception: "ValueError"},
		{name: "⑦-end.data", exception: "ValueError"},
		{name: "7-.data", exception: "TypeError"},
		{name: "-7.data"},
		{name: "-.data"},
		{name: "7-\xff.data", exception: "TypeError"},
		{name: "\xff-7.data"},
		{name: "9999999999999999999999999-end.data", exception: "TypeError"},
		{name: "0-9999999999999999999999999.data", exception: "TypeError"},
		{name: "000000000000000000000000000007-end.data", file: "000000000000000000000000000007-end.data"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := calibdir.Pick([]string{test.name}, 7)
			var nameErr *calibdir.NameError
			if errors.As(err, &nameErr) != (test.exception != "") || nameErr != nil && nameErr.Exception != test.exception {
				t.Errorf("got %v, want %s", err, test.exception)
			}
			if got != test.file {
				t.Errorf("got %q, want %q", got, test.file)
			}
		})
	}
}

// The C++ twin: as its own test program has it, and where it differs.
func TestPickCxx(t *testing.T) {
	tests := []struct {
		names string
		run   int
		want  string
	}{
		{"0-end.data", 1000000, "0-end.data"},
		{"0-10.data 11-20.data", 10, "0-10.data"},
		{"0-10.data 11-20.data", 11, "11-20.data"},
		{"0-10.data 11-20.data", 21, ""},
		{"0-end.data 10-20.data", 15, "10-20.data"},
		{"0-end.data 10-20.data", 21, "0-end.data"},
		{"5-end.data 5-20.data", 7, "5-20.data"},
		{"0-end.data 1-x.data 7.data HISTORY HISTORY.data .data 5-end.data.data", 7, "0-end.data"},
		{"0-end.data 10000-end.data", 12000, "10000-end.data"},
		{"0-10000.data", 10000, "0-10000.data"},
		{"0-end.data +5-end.data", 7, "+5-end.data"},
		{"0-end.data 5--1.data", 7, "5--1.data"},
		{"0-end.data 5-4294967296.data", 7, "0-end.data"},
		{"0-end.data 5-+.data", 7, "0-end.data"},
		{"0-end.data 5--.data", 7, "0-end.data"},
		{"0-end.data 5-1-2.data", 7, "0-end.data"},
		{"0-end.data ٥-end.data", 7, "0-end.data"},
		{"0-end.txt", 7, ""},
	}
	for _, test := range tests {
		if got := calibdir.PickCxx(strings.Fields(test.names), test.run); got != test.want {
			t.Errorf("%s, run %d: got %q, want %q", test.names, test.run, got, test.want)
		}
	}
}

// Both twins agree on every directory of the table that Python can read, below
// its limit, except for the signs that only C++ reads.
func TestPickTwinsAgree(t *testing.T) {
	var rows []finderRow
	readJSON(t, testenv.Shared(t, "golden", "tables", "calib_file_finder.json"), &rows)
	compared := 0
	for _, row := range rows {
		plain := !slices.ContainsFunc(row.Files, func(name string) bool {
			return strings.ContainsAny(name, "+٥") || strings.Contains(name, "--")
		})
		if row.Error != "" || row.Run > calibdir.MaxRun || !plain {
			continue
		}
		compared++
		if got := calibdir.PickCxx(row.Files, row.Run); got != row.File {
			t.Errorf("%v, run %d: C++ %q, Python %q", row.Files, row.Run, got, row.File)
		}
	}
	if compared < 300 {
		t.Errorf("only %d rows compared", compared)
	}
}

// Real calibration directories list and pick without an exception.
func TestPickRealDirectories(t *testing.T) {
	known := map[string]map[int]string{
		"pypad/offset_corr":                                                       {0: "0-90.data", 90: "0-90.data", 91: "91-end.data", 20000: "91-end.data"},
		"cctbx/CxiDs1.0:Cspad.0/rotation":                                         {0: "0-1.data", 1: "0-1.data", 2: "0-end.data"},
		"data_test/Epix100a::CalibV1/XppGon.0:Epix100a.1/pixel_status":            {137: "0-end.data"},
		"data_test/Jungfrau::CalibV1/CxiDs1.0:Jungfrau.0/geometry":                {9: "0-end.data"},
		"data_test/Epix10kaQuad::CalibV1/XcsEndstation.0:Epix10kaQuad.0/geometry": {9: "0-end.data"},
		"data_test/Epix100a::CalibV1/XppGon.0:Epix100a.1/pedestals":               {137: ""}, // HISTORY alone
	}
	root := testenv.Shared(t, "real", "calib")
	files := make(map[string][]string) // names by directory
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			dir, _ := filepath.Rel(root, filepath.Dir(path))
			files[dir] = append(files[dir], entry.Name())
		}
		return err
	})
	must(t, err)
	for dir, names := range files {
		t.Run(dir, func(t *testing.T) {
			testenv.Case(t, "real/calib")
			listing, err := calibdir.List(names)
			if err != nil {
				t.Fatal(err)
			}
			for run, want := range known[dir] {
				if got := listing.Pick(run); got != want {
					t.Errorf("run %d: got %q, want %q", run, got, want)
				}
			}
			if slices.Contains(names, "0-end.data") && listing.Pick(0) == "" {
				t.Error("nothing for run 0")
			}
			delete(known, dir)
		})
	}
	for dir := range known {
		t.Errorf("%s is not in the reference data", dir)
	}
}

// FuzzPick compares the search with a plain reading of its rule.
func FuzzPick(f *testing.F) {
	f.Add("0-end.data 10-20.data 5-end.data", 7)
	f.Add("5-9.data 05-9.data 7.data .data HISTORY 1-2-3.data", 7)
	f.Add("1-x.data 5-².data ٥-end.data +5-end.data 5--1.data", 10000)
	f.Fuzz(func(t *testing.T, text string, run int) {
		names := strings.Fields(text)
		got, err := calibdir.Pick(names, run)
		want, raises := pickPlainly(names, min(run, calibdir.MaxRun))
		if (err != nil) != raises && isASCII(text) {
			t.Fatalf("%q: %v", names, err)
		}
		if err == nil && got != want && isASCII(text) {
			t.Fatalf("%q, run %d: got %q, want %q", names, run, got, want)
		}
		for _, name := range []string{got, calibdir.PickCxx(names, run)} {
			if name != "" && !slices.Contains(names, name) {
				t.Fatalf("%q: %q is none of them", names, name)
			}
		}
	})
}

// pickPlainly takes, among the files that cover the run, each time a better one.
func pickPlainly(names []string, run int) (best string, raises bool) {
	bestBegin, bestEnd := -1, 0
	for _, name := range names {
		stem, ok := strings.CutSuffix(name, ".data")
		parts := strings.Split(stem, "-")
		if !ok || strings.Trim(stem, ".") == "" || len(parts) != 2 || strings.Trim(parts[0], "0123456789") != "" || parts[0] == "" {
			continue
		}
		begin, err := strconv.Atoi(parts[0])
		end, endErr := strconv.Atoi(parts[1])
		switch {
		case err != nil || begin > 9999:
			return "", true
		case parts[1] == "end":
			end = 9999
		case endErr != nil || end > 9999 || strings.Trim(parts[1], "0123456789") != "":
			return "", true
		}
		if begin <= run && run <= end && (begin > bestBegin || begin == bestBegin && end <= bestEnd) {
			best, bestBegin, bestEnd = name, begin, end
		}
	}
	return best, false
}

func isASCII(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r > 0x7f })
}
