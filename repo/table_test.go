package repo_test

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/repo"
)

func TestParseTable(t *testing.T) {
	name := func(stamp repo.Stamp, experiment string, run int) repo.Name {
		return repo.Name{DetType: "epix10ka", Alias: "0007", Stamp: stamp, Experiment: experiment, Run: run, CType: "pedestals"}
	}
	for file, want := range map[string]repo.Table{
		"epix10ka_0007_20180914120622_mfxx32516_r1021_pedestals_AHL-H.dat": {Name: name(20180914120622, "mfxx32516", 1021), Mode: "AHL-H"},
		"epix10ka_0007_20180914120622_a_r2_b_r0003_pedestals_FH.txt":       {Name: name(20180914120622, "a_r2_b", 3), Mode: "FH"},
		"epix10ka_0007_20180914120622_e_r12345_pedestals_FH.data":          {Name: name(20180914120622, "e", 12345), Mode: "FH"},
	} {
		got, ok := repo.ParseTable(file, "epix10ka", "pedestals", "FH", "AHL-H")
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: %v\n%s", file, ok, diff)
		}
	}
	if got := (repo.Table{Name: name(20180914120622, "mfxx32516", 21), Mode: "FL"}).String(); got != "epix10ka_0007_20180914120622_mfxx32516_r0021_pedestals_FL.dat" {
		t.Error(got)
	}
	for _, file := range []string{
		"epix10ka_0007_20180914120622_mfxx32516_r1021_pedestals.txt",            // of all gains
		"epix10ka_0007_20180914120622_mfxx32516_r1021_pedestals_FM.dat",         // another gain
		"epix10ka_0007_20180914120622_mfxx32516_r1021_xpedestals_FH.dat",        // another ctype
		"epix10ka_0007_20180914120622_mfxx32516_r1021_pedestals_FH.dat.bak",     // extension
		"copy_epix10ka_0007_20180914120622_mfxx32516_r1021_pedestals_FH.dat",    // a word in front
		"epix10ka_0007_2018091412062_mfxx32516_r1021_pedestals_FH.dat",          // 13 digits
		"epix10ka_00 07_20180914120622_mfxx32516_r1021_pedestals_FH.dat",        // no alias
		"epix10ka_0007_20180914120622_mfxx32516_pedestals_FH.dat",               // no run
		"epix10ka_0007_20180914120622_r1021_pedestals_FH.dat",                   // no experiment
		"jungfrau_0007_20180914120622_mfxx32516_r1021_pedestals_FH.dat",         // another type
		"epix10ka_0007_20180914120622_m_r99999999999999999999_pedestals_FH.dat", // no number
		".epix10ka_0007_20180914120622_mfxx32516_r1021_pedestals_FH.dat",        // hidden
		"", "epix10ka", "epix10ka_",
	} {
		if got, ok := repo.ParseTable(file, "epix10ka", "pedestals", "FH", "AHL-H"); ok {
			t.Errorf("%q is %+v", file, got)
		}
	}
}

// FuzzParseTable: what is taken apart is put together to the same name, but for the
// extension and leading zeros of the run.
func FuzzParseTable(f *testing.F) {
	f.Add("epix10ka_0007_20180914120622_mfxx32516_r1021_pedestals_FH.dat", "pedestals", "FH")
	f.Add("jungfrau_0001_20201201085333_cxilu9218_r0238_rms_gm0-Normal.dat", "rms", "gm0-Normal")
	f.Add("x_1_00000000000000_e_r_r1__.txt", "", "")
	f.Fuzz(func(t *testing.T, file, ctype, mode string) {
		word, _, _ := strings.Cut(file, "_")
		got, ok := repo.ParseTable(file, word, ctype, mode)
		if !ok {
			return
		}
		again, ok := repo.ParseTable(got.String(), word, ctype, mode)
		if !ok || again != got {
			t.Errorf("%q is %+v, then %+v, %v", file, got, again, ok)
		}
		if got.Mode != mode || got.CType != ctype || !strings.HasPrefix(file, fmt.Sprintf("%s_%s_%s_%s_r", word, got.Alias, got.Stamp, got.Experiment)) {
			t.Errorf("%q is %+v", file, got)
		}
	})
}

// TestIndexLeavesTablesOut: constants of one gain are neither candidates nor stray
// names in the directory of a detector of one panel.
func TestIndexLeavesTablesOut(t *testing.T) {
	const whole, table = "epix10ka_0001_20180914120622_e_r1_pedestals.txt", "epix10ka_0001_20190914120622_e_r1_pedestals_FH.dat"
	index := func(typeName string) *repo.Index {
		typ, err := repo.TypeNamed(typeName)
		if err != nil {
			t.Fatal(err)
		}
		rename := func(name string) string { return strings.Replace(name, "epix10ka", typeName, 1) }
		return repo.NewIndex([]string{rename(whole), rename(table)}, typ, "0001", repo.Pedestals)
	}
	x := index("epix10ka")
	if entry, _ := x.At(20200101000000); entry.Name != whole || len(x.Entries()) != 1 || len(x.Strays()) != 0 {
		t.Errorf("chose %+v of %v, strays %v", entry, x.Entries(), x.Strays())
	}
	if x := index("epix100a"); len(x.Strays()) != 1 { // which has one gain
		t.Errorf("strays %v", x.Strays())
	}
}

func TestGainModes(t *testing.T) {
	for name, gains := range map[string]int{"epix10ka": 7, "epix10kaquad": 7, "epix10ka2m": 7, "jungfrau": 3, "epix100a": 0} {
		typ, err := repo.TypeNamed(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := repo.GainModes(name); len(got) != gains || gains > 0 && typ.Shape(repo.Pedestals)[0] != gains {
			t.Errorf("%s has gains %v and shape %v", name, got, typ.Shape(repo.Pedestals))
		}
	}
}

// TestPanelAliases: a repository of panels has one alias file for all types, with and
// without locks; no panel gets two aliases and no two panels get one.
func TestPanelAliases(t *testing.T) {
	for _, noLocks := range []bool{false, true} {
		t.Run(fmt.Sprintf("noLocks=%v", noLocks), func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Panels, o.NoLocks = ".aliases.txt", noLocks
			r := open(t, o)
			file := write(t, r, ".aliases.txt", "0007 OLD 2018-09-10T11:00:00 blaj\n")
			const panels = 6
			var group sync.WaitGroup
			var mu sync.Mutex
			got := map[string][]string{}
			for i := range 4 * panels {
				typeName := []string{"epix10ka", "epix10kaquad", "epix10ka2m"}[i%3]
				group.Go(func() {
					typ, err := repo.TypeNamed(typeName)
					if err != nil {
						t.Error(err)
						return
					}
					id := fmt.Sprintf("ID%d", i%panels)
					alias, err := r.Alias(t.Context(), repo.Panel{Type: typ, ID: id}, repo.Origin{Run: -1})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					got[alias] = append(got[alias], id)
					mu.Unlock()
				})
			}
			group.Wait()
			if len(got) != panels {
				t.Fatalf("aliases %v", got)
			}
			for alias, ids := range got {
				if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
					t.Errorf("%s is %v", alias, ids)
				}
			}
			numbers := slices.Sorted(maps.Keys(got))
			if want := []string{"0008", "0009", "0010", "0011", "0012", "0013"}; !noLocks && !slices.Equal(numbers, want) || numbers[0] <= "0007" {
				t.Errorf("numbers %v", numbers) // without locks, those that somebody quicker made needless are left out
			}
			text := read(t, file)
			if !strings.HasPrefix(text, "0007 OLD 2018-09-10T11:00:00 blaj\n") || strings.Count(text, "\n") != 1+panels {
				t.Errorf("alias file:\n%s", text)
			}
			if !strings.HasSuffix(strings.SplitN(text, "\n", 3)[1], " 2022-06-09T12:19:26 dubrovin") {
				t.Errorf("a record has more or less than id, time and user:\n%s", text)
			}
			if entries, err := os.ReadDir(filepath.Join(r.Dir(), "epix10ka")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a directory of the type with %v was made, %v", entries, err)
			}
		})
	}
}

// TestCheckTables: tables of panels are no stray names, and are looked at like other
// constants.
func TestCheckTables(t *testing.T) {
	good := strings.Repeat(strings.Repeat("1 ", 383)+"1\n", 352)
	table := func(dir, ctype, mode string) string {
		return fmt.Sprintf("epix10ka/P/%s/epix10ka_0001_20180914120622_e_r0001_%s_%s.dat", dir, ctype, mode)
	}
	r := open(t, options())
	write(t, r, "epix10ka/aliases.txt", "0001 P 2022-06-09T12:19:26 u\n")
	for _, name := range []string{
		table("pedestals", "pedestals", "AML-M"), table("rms", "rms", "FH"), table("gain", "gainci", "AHL-L"),
		table("offset", "offsetph", "AHL"), table("offset", "offset", "AML-L"), table("dark_max", "dark_max", "FL"),
	} {
		write(t, r, name, good)
	}
	if findings, err := r.Check(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
	write(t, r, table("pedestals", "pedestals", "FH"), "1 2\n3 4\n")
	write(t, r, table("pedestals", "pedestals", "FM"), "words\n")
	write(t, r, table("pedestals", "rms", "FH"), good)
	write(t, r, table("pedestals", "gainci", "FH"), good)
	write(t, r, strings.Replace(table("pedestals", "pedestals", "FL"), "_2018", "_2999", 1), good)
	findings, err := r.Check(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%v %s", f.Kind, strings.TrimPrefix(filepath.Base(f.Path), "epix10ka_0001_")))
	}
	slices.Sort(got)
	want := []string{
		"bad-content 20180914120622_e_r0001_pedestals_FM.dat", "bad-shape 20180914120622_e_r0001_pedestals_FH.dat",
		"future-stamp 29990914120622_e_r0001_pedestals_FL.dat",
		"stray-name 20180914120622_e_r0001_gainci_FH.dat", "stray-name 20180914120622_e_r0001_rms_FH.dat",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
