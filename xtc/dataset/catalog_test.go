package dataset_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc/dataset"
)

// writeEmpty makes empty files below dir.
func writeEmpty(t testing.TB, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func find(t testing.TB, catalog dataset.Catalog, text string) (*dataset.Dataset, error) {
	t.Helper()
	spec, err := dataset.ParseSpec(text)
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Find(spec)
}

// baseNames lists the files of a data set, run by run.
func baseNames(found *dataset.Dataset) []string {
	var names []string
	for _, run := range found.Runs {
		for _, file := range run.Files {
			names = append(names, filepath.Base(file.Path))
		}
	}
	return names
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	dir := filepath.Join(root, "XPP", "xpptut15", "xtc")
	writeEmpty(t, dir,
		"e665-r0260-s00-c00.xtc", "e665-r0260-s00-c10.xtc", "e665-r0260-s00-c2.xtc", "e665-r0260-s80-c00.xtc", "e665-r0260-s5-c00.xtc",
		"e665-r9-s00-c00.xtc", "e665-r00000000010-s00-c00.xtc", "e665-r0000-s00-c00.xtc",
		// What must not be taken:
		"e665-r0260-s00-c00.xtc.inprogress", "e665-r0260-s01-c00.XTC", "e665-r0260-s01-c00.xtc.bak", "xe665-r0260-s01-c00.xtc",
		"xpptut15-r0260-s01-c00.xtc", "e66-r0260-s01-c00.xtc", "e6650-r0260-s01-c00.xtc", "e665-r0260-s01.xtc", "e665-r0260-sxx-c00.xtc",
		"e665-r0260-s01-c00.xtc2", "e665-r0260-s01-c00.smd.xtc", "e665-r-260-s01-c00.xtc", "smalldata/e665-r0260-s00-c00.smd.xtc",
		"smalldata/e665-r0260-s01-c00.xtc", "e665-r0263-s00-c00.xtc/file", "target",
	)
	for link, target := range map[string]string{"e665-r0261-s00-c00.xtc": "target", "e665-r0262-s00-c00.xtc": "nothing"} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	catalog := dataset.Catalog{Roots: []string{root}}
	for text, want := range map[string][]string{
		"exp=xpptut15:run=260": {
			"e665-r0260-s00-c00.xtc", "e665-r0260-s00-c2.xtc", "e665-r0260-s00-c10.xtc", "e665-r0260-s5-c00.xtc", "e665-r0260-s80-c00.xtc"},
		"exp=665:run=260:stream=1-79":         {"e665-r0260-s5-c00.xtc"},
		"exp=665:run=260:stream=":             {"e665-r0260-s00-c00.xtc", "e665-r0260-s00-c2.xtc", "e665-r0260-s00-c10.xtc", "e665-r0260-s5-c00.xtc", "e665-r0260-s80-c00.xtc"},
		"exp=XPP/xpptut15:run=10,9,10":        {"e665-r9-s00-c00.xtc", "e665-r00000000010-s00-c00.xtc"},
		"exp=xpptut15:run=0":                  {"e665-r0000-s00-c00.xtc"},
		"exp=xpptut15:run=261-263":            {"e665-r0261-s00-c00.xtc"},
		"exp=xpptut15:run=260:smd":            {"e665-r0260-s00-c00.smd.xtc"},
		"exp=xpptut15:run=260:smd:dir=" + dir: {"e665-r0260-s00-c00.smd.xtc"},
	} {
		t.Run(text, func(t *testing.T) {
			found, err := find(t, catalog, text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, baseNames(found)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			if found.Dir != dir || found.CalibDir != filepath.Join(root, "XPP", "xpptut15", "calib") {
				t.Errorf("directories %s and %s", found.Dir, found.CalibDir)
			}
		})
	}
	t.Run("missing runs", func(t *testing.T) {
		found, err := find(t, catalog, "exp=xpptut15:run=260,400,300-310,401")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]int{400, 401}, found.Missing); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestRoots checks which of several data roots counts.
func TestRoots(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	writeEmpty(t, first, "XPP/xpptut15/calib/x", "xpp/xpplw8919/xtc/xpplw8919-r0001-s00-c00.xtc")
	writeEmpty(t, second, "XPP/xpptut15/xtc/e665-r0001-s00-c00.xtc", "xpp/xpplw8919/xtc/xpplw8919-r0002-s00-c00.xtc", "XPP/xpplw8919/xtc/x")
	catalog := dataset.Catalog{Roots: []string{first, second}}
	for text, calib := range map[string]string{
		"exp=xpptut15:run=1":  filepath.Join(second, "XPP/xpptut15/calib"),
		"exp=xpplw8919:run=1": filepath.Join(first, "xpp/xpplw8919/calib"),
		"exp=xpplw8919:run=2:dir=" + second + "/xpp/xpplw8919/xtc":       filepath.Join(first, "xpp/xpplw8919/calib"),
		filepath.Join(second, "XPP/xpptut15/xtc/e665-r0001-s00-c00.xtc"): filepath.Join(second, "XPP/xpptut15/calib"),
	} {
		found, err := find(t, catalog, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if found.CalibDir != calib || len(found.Runs) != 1 {
			t.Errorf("%s: calib directory %s, runs %v; want %s", text, found.CalibDir, found.Runs, calib)
		}
	}
	spec := dataset.Spec{Exp: "xpptut15"}
	found, err := dataset.Catalog{}.Locate(spec)
	if err != nil || found.Dir != "/reg/d/psdm/XPP/xpptut15/xtc" {
		t.Errorf("default root: %+v, %v", found, err)
	}
}

// TestFindErrors checks that errors say what is there instead.
func TestFindErrors(t *testing.T) {
	root := t.TempDir()
	writeEmpty(t, filepath.Join(root, "XPP", "xpptut15", "xtc"),
		"e665-r0054-s00-c00.xtc", "e665-r0260-s00-c00.xtc", "e665-r0261-s00-c00.xtc", "e665-r0261-s80-c00.xtc", "e665-r0262-s00-c00.xtc",
		"e665-r0300-s00-c00.xtc.inprogress")
	writeEmpty(t, root, "CXI/cxif5315/xtc/cxif5315-r0001-s00-c00.xtc", "xpp/xpplw8919/calib/x", "xpp/xppx12345/x", "SXR/sxrh4315/xtc/README")
	catalog := dataset.Catalog{Roots: []string{root}}
	for _, test := range []struct {
		name, text string
		want       error
		says       []string
	}{
		{"run", "exp=xpptut15:run=999", dataset.ErrNoFiles, []string{"of run 999", "XPP/xpptut15/xtc", "54, 260-262"}},
		{"range", "exp=xpptut15:run=900-999", dataset.ErrNoFiles, []string{"900-999", "54, 260-262"}},
		{"stream", "exp=xpptut15:run=261:stream=7", dataset.ErrNoFiles, []string{"stream 7", "0,80"}},
		{"in progress", "exp=xpptut15:run=300", dataset.ErrNoFiles, []string{"e665-r0300-s00-c00.xtc.inprogress"}},
		{"other names", "exp=cxif5315:run=1", dataset.ErrNoFiles, []string{"e545-r", "cxif5315-r"}},
		{"nothing", "exp=sxrh4315:run=1", dataset.ErrNoFiles, []string{"no XTC files"}},
		{"no run", "exp=xpptut15", dataset.ErrNoRun, []string{"run="}},
		{"empty run list", "exp=xpptut15:run=5-3", dataset.ErrNoRun, nil},
		{"xtc", "exp=xpplw8919:run=1", dataset.ErrNoDirectory, []string{"xpplw8919/xtc", "calib"}},
		{"experiment", "exp=xppzz9915:run=1", dataset.ErrNoDirectory, []string{"xpp/xppzz9915/xtc", "xpplw8919, xppx12345"}},
		{"instrument", "exp=meczz9915:run=1", dataset.ErrNoDirectory, []string{"CXI, SXR, XPP, xpp", "not in the experiment table"}},
		{"small data", "exp=xpptut15:run=260:smd", dataset.ErrNoDirectory, []string{"xtc/smalldata"}},
		{"unknown", "exp=foo:run=1", dataset.ErrNoExperiment, []string{`"foo"`}},
		{"not a directory", "exp=xpptut15:run=1:dir=" + root + "/SXR/sxrh4315/xtc/README", nil, []string{"README"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			found, err := find(t, catalog, test.text)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("found %+v, error %v, want %v", found, err, test.want)
			}
			checkLine(t, err)
			for _, part := range test.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not say %q", err, part)
				}
			}
		})
	}
	t.Run("names with control characters", func(t *testing.T) {
		writeEmpty(t, root, "DIA/a\nb/x", "XPP/xppt\x1b[31m/x")
		for _, text := range []string{"exp=DIAzz9915:run=1", "exp=XPPzz9915:run=1"} {
			_, err := find(t, catalog, text)
			if err == nil || strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("error %q", err)
			}
		}
	})
	t.Run("many runs", func(t *testing.T) {
		for run := 1000; run < 1100; run += 2 {
			writeEmpty(t, root, fmt.Sprintf("XPP/xpptut15/xtc/e665-r%d-s00-c00.xtc", run))
		}
		_, err := find(t, catalog, "exp=xpptut15:run=999")
		if err == nil || !strings.HasSuffix(err.Error(), "and 32 more") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("root", func(t *testing.T) {
		missing := filepath.Join(root, "not-mounted")
		_, err := find(t, dataset.Catalog{Roots: []string{missing}}, "exp=xpptut15:run=1")
		if !errors.Is(err, dataset.ErrNoRoot) || !strings.Contains(err.Error(), missing) {
			t.Errorf("error %v, want ErrNoRoot", err)
		}
	})
}
