package dataset_test

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc/dataset"
)

// TestRealExperiments checks that every row of the facility's table is found by
// number, by name and by instrument and name.
func TestRealExperiments(t *testing.T) {
	experiments, err := dataset.LoadExperiments(testenv.Shared(t, "real", "expdb", "experiment-db.dat"))
	if err != nil {
		t.Fatal(err)
	}
	lines := sharedLines(t, "real", "expdb", "experiment-db.dat")
	if len(lines) != 1005 || len(experiments.All()) != len(lines) || len(experiments.Malformed()) > 0 {
		t.Errorf("%d rows and malformed lines %v of %d", len(experiments.All()), experiments.Malformed(), len(lines))
	}
	others := 0 // whose instrument is not in the name
	for _, line := range lines {
		t.Run(line, func(t *testing.T) {
			testenv.Case(t, "real/expdb")
			fields := strings.Split(line, "\t")
			number, err := strconv.Atoi(fields[0])
			if err != nil || len(fields) != 3 {
				t.Fatalf("row %q: %v", fields, err)
			}
			want := dataset.Experiment{Number: number, Instrument: fields[1], Name: fields[2]}
			for _, text := range []string{fields[0], fields[2], fields[1] + "/" + fields[2]} {
				if got, err := experiments.Lookup(text); err != nil || got != want {
					t.Errorf("Lookup(%q) is %+v, %v", text, got, err)
				}
			}
			if dataset.InstrumentOf(want.Name) != want.Instrument {
				others++
			}
		})
	}
	if others != 7 {
		t.Errorf("%d names do not begin with the instrument", others)
	}
	if got := dataset.InstrumentOf("x"); got != "X" {
		t.Errorf("the instrument of x is %q", got)
	}
}

func TestReadExperiments(t *testing.T) {
	experiments := table(t, "# number instrument name\n\n 3\tAMO\tInstallation\r\n12 XPP xppa\n5 NEH\n7 XPP a b\n"+
		"x XPP xppb\n0 XPP xppc\n8 XPP ../etc\n9 ../ xppd\n13 CXI xppa\n12 SXR sxra\n99999999999 XPP xppe\n4 AMO amocom09")
	want := []dataset.Experiment{
		{Number: 3, Instrument: "AMO", Name: "Installation"}, {Number: 12, Instrument: "XPP", Name: "xppa"},
		{Number: 13, Instrument: "CXI", Name: "xppa"}, {Number: 12, Instrument: "SXR", Name: "sxra"},
		{Number: 4, Instrument: "AMO", Name: "amocom09"},
	}
	if diff := cmp.Diff(want, experiments.All()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{5, 6, 7, 8, 9, 10, 13}, experiments.Malformed()); diff != "" {
		t.Errorf("malformed lines (-want +got):\n%s", diff)
	}
	if row, ok := experiments.ByNumber(12); !ok || row.Name != "xppa" {
		t.Errorf("of equal numbers got %+v, want the first", row)
	}
	if row, ok := experiments.ByName("xppa"); !ok || row.Number != 13 {
		t.Errorf("of equal names got %+v, want the last", row)
	}
	if row, ok := experiments.ByInstrument("XPP", "xppa"); !ok || row.Number != 12 {
		t.Errorf("by instrument got %+v", row)
	}
	if _, err := dataset.ReadExperiments(strings.NewReader(strings.Repeat("x", 1<<20))); !errors.Is(err, bufio.ErrTooLong) {
		t.Errorf("a line of a megabyte: %v", err)
	}
}

func TestLookup(t *testing.T) {
	experiments := table(t, referenceTable)
	for text, want := range map[string]dataset.Experiment{
		"665":           {Number: 665, Instrument: "XPP", Name: "xpptut15"},
		"0665":          {Number: 665, Instrument: "XPP", Name: "xpptut15"},
		"xpptut15":      {Number: 665, Instrument: "XPP", Name: "xpptut15"},
		"XPP/xpptut15":  {Number: 665, Instrument: "XPP", Name: "xpptut15"},
		"xppzz991":      {Instrument: "xpp", Name: "xppzz991"},
		"xpplw8919":     {Instrument: "xpp", Name: "xpplw8919"},
		"XPPlw8919":     {Instrument: "XPP", Name: "XPPlw8919"},
		"xppl1016922":   {Instrument: "xpp", Name: "xppl1016922"},
		"XPP/xpplw8919": {Instrument: "XPP", Name: "xpplw8919"},
		"XPP/xppzz99":   {Instrument: "XPP", Name: "xppzz99"},
	} {
		if got, err := experiments.Lookup(text); err != nil || got != want {
			t.Errorf("Lookup(%q) is %+v, %v, want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"foo", "666", "99999999999999999999", "xppl101692", "xpplw10169222", "xpp/xpptut15", "CXI/xpptut15", "XPP/xppl1016922"} {
		_, err := experiments.Lookup(text)
		if !errors.Is(err, dataset.ErrNoExperiment) {
			t.Errorf("Lookup(%q): error %v, want ErrNoExperiment", text, err)
			continue
		}
		checkLine(t, err)
	}
	for _, text := range refusedNames {
		if _, err := experiments.Lookup(text); !isSpecError(err) {
			t.Errorf("Lookup(%q): error %v, want a *SpecError", text, err)
		}
	}
}

func isSpecError(err error) bool {
	_, ok := errors.AsType[*dataset.SpecError](err)
	return ok
}

func TestSiteExperiments(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for dir, text := range map[string]string{first: "700 XPP xppa12345\n", second: "701 XPP xppb12345\n"} {
		if err := os.MkdirAll(filepath.Join(dir, "ExpNameDb"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "ExpNameDb", "experiment-db.dat"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		path   string
		number int
	}{
		{second, 701}, {first + ":" + second, 700}, {":" + t.TempDir() + ":" + second, 701}, {"", 665}, {t.TempDir(), 665},
	} {
		experiments, err := dataset.SiteExperiments(test.path)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := experiments.ByNumber(test.number); !ok {
			t.Errorf("path %q: no experiment %d among %v", test.path, test.number, experiments.All())
		}
	}
	if err := os.Remove(filepath.Join(second, "ExpNameDb", "experiment-db.dat")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(second, "ExpNameDb", "experiment-db.dat"), 0o755); err != nil {
		t.Fatal(err)
	}
	if experiments, err := dataset.SiteExperiments(second); err == nil {
		t.Errorf("a table that cannot be read gives %v", experiments.All())
	}
}

func FuzzReadExperiments(f *testing.F) {
	f.Add(referenceTable, "xpptut15")
	f.Add("3\tAMO\tInstallation\n4 AMO", "AMO/amocom09")
	f.Add("1 ../ ..", "..")
	f.Fuzz(func(t *testing.T, text, name string) {
		experiments, err := dataset.ReadExperiments(strings.NewReader(text))
		if err != nil {
			return
		}
		rows := experiments.All()
		for _, row := range rows {
			if _, found := experiments.ByNumber(row.Number); !found || row.Number <= 0 {
				t.Errorf("row %+v is not found by its number", row)
			}
			if strings.ContainsAny(row.Instrument+row.Name, "/.\x00") {
				t.Errorf("row %+v leads out of its directory", row)
			}
		}
		row, err := experiments.Lookup(name)
		switch {
		case err != nil:
			if !errors.Is(err, dataset.ErrNoExperiment) && !isSpecError(err) {
				t.Errorf("Lookup(%q): %v", name, err)
			}
		case row.Number != 0 && !slices.Contains(rows, row):
			t.Errorf("Lookup(%q) is %+v, which is not in the table", name, row)
		case filepath.Join("/root", row.Instrument, row.Name) != "/root/"+row.Instrument+"/"+row.Name:
			t.Errorf("Lookup(%q) is %+v, which is no clean path", name, row)
		}
	})
}
