package dataset_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
)

// link makes a symbolic link below root.
func link(t testing.TB, root, name, target string) {
	t.Helper()
	path := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// placesOf lists the places as lines, with paths below root.
func placesOf(places []dataset.Place, root string) []string {
	var lines []string
	for _, p := range places {
		line := p.Experiment.Instrument + " " + p.Experiment.Name + " " + strings.TrimPrefix(p.Dir, root+"/")
		switch {
		case p.Err != nil:
			line += " error"
		case !p.HasData:
			line += " no data"
		}
		lines = append(lines, line)
	}
	return lines
}

// All layouts are found, and every experiment once.
func TestFacility(t *testing.T) {
	root := t.TempDir()
	writeEmpty(t, root,
		"XPP/xpptut15/xtc/e665-r0001-s00-c00.xtc", "XPP/xpptut15/calib/x", // of the table
		"CXI/545/xtc/x",                     // by number
		"mfx/mfxlv0318/xtc/x",               // lower case
		"MEC/mecls1916/xtc/x",               // upper case
		"amox12345/xtc/x", "amo00209/xtc/x", // no instrument
		"XCS/xcsnodat1/calib/x", "XCS/xcslv9916/xtc", // no data; xtc is a file
		"XPP/.hidden15/xtc/x", "XPP/logs/x", "XPP/README", "XPP/xpp01/xtc/x", "XPP/mfxab0118/xtc/x", "XPP/99999/xtc/x", // none
		"scratch1/x", "archives/XPP/xppzz0118/xtc/x", "lost+found/x", ".XPP/xppzz0118/xtc/x", "XPP/xppfile17",
		"elsewhere/xppmoved7/xtc/x", "elsewhere/diskdir/x",
	)
	link(t, root, "xpp", "XPP")
	link(t, root, "MFX", "mfx")
	link(t, root, "XPP/xppmoved7", "../elsewhere/xppmoved7")
	link(t, root, "XPP/665", "xpptut15")
	link(t, root, "XPP/xppother1", "xppmoved7")
	link(t, root, "XPP/xppgone17", "nowhere")
	link(t, root, "SXR/sxrlm1718/xtc", "/nowhere")
	link(t, root, "TMO", "nowhere")
	places, err := dataset.Catalog{Roots: []string{root}}.Facility(t.Context(), dataset.FacilityOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"TMO  TMO error",
		"AMO amo00209 amo00209/xtc",
		"AMO amox12345 amox12345/xtc",
		"CXI cxif5315 CXI/545/xtc",
		"MEC mecls1916 MEC/mecls1916/xtc",
		"MFX mfxlv0318 mfx/mfxlv0318/xtc",
		"SXR sxrlm1718 SXR/sxrlm1718/xtc error",
		"XCS xcslv9916 XCS/xcslv9916/xtc error",
		"XCS xcsnodat1 XCS/xcsnodat1/xtc no data",
		"XPP xppgone17 xpp/xppgone17/xtc error",
		"XPP xppmoved7 xpp/xppmoved7/xtc",
		"XPP xppother1 xpp/xppother1/xtc",
		"XPP xpptut15 XPP/xpptut15/xtc",
	}
	if diff := cmp.Diff(want, placesOf(places, root)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, place := range places {
		if place.Experiment.Name == "xpptut15" {
			if place.Experiment.Number != 665 || place.CalibDir != filepath.Join(root, "XPP/xpptut15/calib") || place.Root != root || place.Experiment.Prefix() != "e665" {
				t.Errorf("%+v", place)
			}
		}
		if place.Err != nil && !strings.Contains(place.Err.Error(), strings.TrimSuffix(place.Dir, "/xtc")) {
			t.Errorf("error without its path: %v", place.Err)
		}
		if !place.HasData || place.Experiment.Instrument != "XPP" && place.Experiment.Instrument != "MFX" {
			continue
		}
		// Locate finds the same.
		found, err := dataset.Catalog{Roots: []string{root}}.Locate(dataset.Spec{Exp: place.Experiment.Name})
		if err != nil || found.Dir != place.Dir || found.CalibDir != place.CalibDir {
			t.Errorf("%s: Locate has %+v, %v", place.Dir, found, err)
		}
	}
	only, err := dataset.Catalog{Roots: []string{root}}.Facility(t.Context(), dataset.FacilityOptions{
		Match: func(instrument, name string) bool { return instrument == "MEC" },
	})
	if err != nil || len(only) != 2 { // and the instrument that nobody can look into
		t.Errorf("%v, %v", placesOf(only, root), err)
	}
}

// The first root that has the data counts; roots without experiments are told apart.
func TestFacilityRoots(t *testing.T) {
	first, second, empty := t.TempDir(), t.TempDir(), t.TempDir()
	writeEmpty(t, first, "XPP/xpptut15/calib/x", "xpp/xpplw8919/xtc/x")
	writeEmpty(t, second, "XPP/xpptut15/xtc/x", "xpp/xpplw8919/xtc/x", "xpp/xppnew0119/README")
	writeEmpty(t, empty, "lost+found/x", ".not-mounted", "file")
	roots := []string{filepath.Join(empty, "no"), first, empty, second, filepath.Join(empty, "file")}
	places, err := dataset.Catalog{Roots: roots}.Facility(t.Context(), dataset.FacilityOptions{})
	for _, want := range []error{dataset.ErrNoRoot, dataset.ErrEmptyRoot} {
		if !errors.Is(err, want) {
			t.Errorf("error %v is not %v", err, want)
		}
	}
	if strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("error %v", err)
	}
	var got []string
	for _, p := range places {
		got = append(got, p.Dir)
	}
	want := []string{first + "/xpp/xpplw8919/xtc", second + "/XPP/xpptut15/xtc"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Runs are listed with the files that serve, and without opening any.
func TestListRuns(t *testing.T) {
	dir := t.TempDir()
	writeEmpty(t, dir,
		"e665-r0001-s00-c00.xtc", "e665-r0001-s00-c01.xtc", "e665-r0001-s80-c00.xtc", "smalldata/e665-r0001-s00-c00.smd.xtc",
		"smalldata/e665-r0002-s00-c00.smd.xtc", "smalldata/e665-r0002-s00-c00.xtc", "smalldata/e66-r0009-s00-c00.smd.xtc",
		"e665-r0003-s00-c00.xtc", "e665-r0003-s01-c00.xtc.inprogress",
		"e665-r0006-s00-c00.xtc/directory", "e665-r0007-s00-c00.smd.xtc", "e665-r0007-s00-c00.xtc.bak", "xpptut15-r0008-s00-c00.xtc",
		"e665-rx-r0001-s00-c00.xtc", "README", "disk/big",
	)
	link(t, dir, "e665-r0004-s00-c00.xtc", "disk/big")
	link(t, dir, "e665-r0005-s00-c00.xtc", "/tape/e665-r0005-s00-c00.xtc")
	stamp := time.Unix(1458353850, 123456789)
	if err := os.Chtimes(filepath.Join(dir, "disk/big"), stamp, stamp); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(dir, "disk/big"), 4711); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "disk/big"), stamp, stamp); err != nil {
		t.Fatal(err)
	}
	for preferSmall, first := range map[bool]string{false: "e665-r0001-s00-c00.xtc", true: "smalldata/e665-r0001-s00-c00.smd.xtc"} {
		list, err := dataset.ListRuns(dir, "e665", preferSmall)
		if err != nil || list.SmallErr != nil {
			t.Fatal(err, list.SmallErr)
		}
		type line struct {
			Run     int
			Names   []string
			State   string
			Refused int
		}
		var got []line
		for _, run := range list.Runs {
			l := line{Run: run.Run, Refused: len(run.Problems)}
			for _, f := range run.Files {
				l.Names = append(l.Names, f.Name)
			}
			if run.InProgress {
				l.State = "in progress"
			}
			if run.Offline > 0 {
				l.State += "offline"
			}
			got = append(got, l)
			if run.Run == 6 && !errors.Is(run.Problems[0], xtc.ErrNotRegular) {
				t.Error(run.Problems)
			}
			if run.Run == 4 && (run.Files[0].Size != 4711 || run.Files[0].ModTime != stamp.UnixNano()) {
				t.Errorf("%+v", run.Files)
			}
			if run.Run == 1 {
				files := run.RunFiles(dir)
				if files.Run != 1 || files.Files[2].Stream != 80 || files.Files[0].Path != filepath.Join(dir, first) {
					t.Errorf("%+v", files)
				}
			}
		}
		want := []line{
			{Run: 1, Names: []string{first, "e665-r0001-s00-c01.xtc", "e665-r0001-s80-c00.xtc"}},
			{Run: 2, Names: []string{"smalldata/e665-r0002-s00-c00.smd.xtc"}},
			{Run: 3, Names: []string{"e665-r0003-s00-c00.xtc"}, State: "in progress"},
			{Run: 4, Names: []string{"e665-r0004-s00-c00.xtc"}},
			{Run: 5, State: "offline"},
			{Run: 6, Refused: 1},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("prefer small files %v (-want +got):\n%s", preferSmall, diff)
		}
	}
	if _, err := dataset.ListRuns(filepath.Join(dir, "no"), "e665", false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing directory: %v", err)
	}
}
