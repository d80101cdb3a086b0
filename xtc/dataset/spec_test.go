package dataset_test

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc/dataset"
)

func TestParseSpec(t *testing.T) {
	one := func(first, last uint32) dataset.Range { return dataset.Range{First: first, Last: last} }
	for _, test := range []struct {
		text string
		want dataset.Spec
	}{
		{"exp=xpptut15:run=260", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(260, 260)}}},
		{" exp=xpptut15:run=260\t", dataset.Spec{Raw: "exp=xpptut15:run=260", Exp: "xpptut15", Runs: dataset.Ranges{one(260, 260)}}},
		{"run=0260,262-270:exp=665", dataset.Spec{Exp: "665", Runs: dataset.Ranges{one(260, 260), one(262, 270)}}},
		{"exp=XPP/xpptut15:run=1", dataset.Spec{Exp: "XPP/xpptut15", Runs: dataset.Ranges{one(1, 1)}}},
		{"exp=xpptut15", dataset.Spec{Exp: "xpptut15"}},
		{"::exp=xpptut15::run=1:", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(1, 1)}}},
		{"exp=xpptut15:run=260,,261,", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(260, 260), one(261, 261)}}},
		{"exp=xpptut15:run=:stream=", dataset.Spec{Exp: "xpptut15"}},
		{"exp=xpptut15:run=260-", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(260, 260)}}},
		{"exp=xpptut15:run=5-3", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(5, 3)}}},
		{"exp=xpptut15:run=1:run=2", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(2, 2)}}},
		{"exp=xpptut15:run=1:stream=0-79,80", dataset.Spec{
			Exp: "xpptut15", Runs: dataset.Ranges{one(1, 1)}, Streams: dataset.Ranges{one(0, 79), one(80, 80)}}},
		{"exp=xpptut15:run=1:dir=/a/b:smd", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(1, 1)}, Dir: "/a/b", SMD: true}},
		{"exp=xpptut15:run=1:live:idx", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(1, 1)}, Live: true, Idx: true}},
		{"exp=xpptut15:run=1:xtc:colour=red:EXP=x", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(1, 1)}}},
		{"exp=xpptut15:run=0-4294967295", dataset.Spec{Exp: "xpptut15", Runs: dataset.Ranges{one(0, 1<<32-1)}}},
		{"e665-r0260-s00-c00.xtc", dataset.Spec{IsFile: true, Path: "e665-r0260-s00-c00.xtc"}},
		{"/a/b", dataset.Spec{IsFile: true, Path: "/a/b"}},
		{"/a dir/b.xtc", dataset.Spec{IsFile: true, Path: "/a dir/b.xtc"}},
		{"root://host:1094//data/b.xtc", dataset.Spec{IsFile: true, Path: "root://host:1094//data/b.xtc"}},
	} {
		t.Run(test.text, func(t *testing.T) {
			if test.want.Raw == "" {
				test.want.Raw = test.text
			}
			got, err := dataset.ParseSpec(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// refusedNames are experiments that would lead out of the data root, or are no
// names for other reasons.
var refusedNames = []string{
	"", "/", "..", ".", "../xpptut15", "XPP/..", "XPP/../xpptut15", "XPP/xpp/tut15", "/xpptut15", "xpptut15/",
	"XP/xpptut151", "../xpptut1", "xpp\x00tut15", "-xpptut15", "--help", "XPP/-xpptut1", "xpp.tut15", "xpp~tut15",
	"xpp$tut15", "xpp;tut15", "xpp`tut15", "xpp\\tut15", "xpp*tut15", "xpptüt15", "_xpptut15",
}

func TestParseSpecRefuses(t *testing.T) {
	texts := []string{
		"", " ", "xpptut15", "run=260", "exp=xpptut15 :run=260", "exp=xpptut15:run=260, 261", "exp=a\x00:run=1", "/a\nb.xtc",
		"exp=xpptut15:run=2x", "exp=xpptut15:run=-1", "exp=xpptut15:run=+1", "exp=xpptut15:run=1-2-3",
		"exp=xpptut15:run=4294967296", "exp=xpptut15:run=18446744073709551617", "exp=xpptut15:run=0x10",
		"exp=xpptut15:run=1:stream=3-1", "exp=xpptut15:run=1:stream=a", "exp=xpptut15:run=1:one-stream",
		"exp=xpptut15:run=1:smd:idx", "exp=xpptut15:run=1:h5", "exp=xpptut15:run=1:shmem", "exp=xpptut15:run=1:rax",
		"/data/xpptut15-r0001.h5",
	}
	for _, name := range refusedNames {
		texts = append(texts, "exp="+name+":run=1")
	}
	for _, text := range texts {
		t.Run(text, func(t *testing.T) {
			spec, err := dataset.ParseSpec(text)
			specErr, ok := errors.AsType[*dataset.SpecError](err)
			if !ok {
				t.Fatalf("got %+v and error %v, want a *SpecError", spec, err)
			}
			if specErr.Spec != text && specErr.Spec != strings.TrimSpace(text) {
				t.Errorf("the error is about %q", specErr.Spec)
			}
			checkLine(t, err)
		})
	}
}

// TestHostileRanges checks that the size of a range costs nothing.
func TestHostileRanges(t *testing.T) {
	root := t.TempDir()
	writeEmpty(t, root, "XPP/xpptut15/xtc/e665-r0260-s00-c00.xtc")
	catalog := dataset.Catalog{Roots: []string{root}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	spec, err := dataset.ParseSpec("exp=xpptut15:run=0-4294967295:stream=0-4294967295")
	if err != nil {
		t.Fatal(err)
	}
	found, err := catalog.Find(spec)
	runtime.ReadMemStats(&after)
	if err != nil || len(found.Runs) != 1 {
		t.Fatalf("found %+v, %v", found, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes allocated for one file", used)
	}
}

// TestDatasetStrings parses every data set string that the original program makes
// of its options.
func TestDatasetStrings(t *testing.T) {
	var rows []struct {
		Exp, DsnameX *string
		Run          any
		Result       string
	}
	readJSON(t, testenv.Shared(t, "golden", "tables", "str_dsname.json"), &rows)
	refused := map[string]string{
		"exp=None:run=None": "options left out: None is neither a run nor the length of an experiment's name",
	}
	for _, row := range rows {
		t.Run(row.Result, func(t *testing.T) {
			testenv.Case(t, "tables/str_dsname")
			spec, err := dataset.ParseSpec(row.Result)
			if reason, ok := refused[row.Result]; ok {
				if err == nil {
					t.Errorf("accepted as %+v: %s", spec, reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if spec.IsFile != !strings.Contains(row.Result, "=") {
				t.Errorf("taken for a file: %v", spec.IsFile)
			}
			if strings.HasPrefix(row.Result, "exp=xpptut15") && (spec.Exp != "xpptut15" || !spec.Runs.Contains(260)) {
				t.Errorf("parsed as %+v", spec)
			}
		})
	}
}

func FuzzParseSpec(f *testing.F) {
	for _, seed := range []string{
		"exp=xpptut15:run=260", "exp=XPP/xpptut15:run=1,3-5:stream=0-79:smd", "/a/b:1/c.xtc", "exp=..:run=1", "run=5-3:exp=665:dir=/x",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := dataset.ParseSpec(text)
		if err != nil {
			if _, ok := errors.AsType[*dataset.SpecError](err); !ok {
				t.Fatalf("error %v is no *SpecError", err)
			}
			checkLine(t, err)
			return
		}
		again, err := dataset.ParseSpec(spec.String())
		if err != nil {
			t.Fatalf("%q is not accepted again: %v", spec, err)
		}
		if diff := cmp.Diff(spec, again); diff != "" {
			t.Errorf("parsed differently again:\n%s", diff)
		}
		if located, err := (dataset.Catalog{Roots: []string{"/nowhere"}}).Locate(spec); err == nil && spec.Dir == "" {
			for _, path := range []string{located.Dir, located.CalibDir} {
				if path != "" && (!strings.HasPrefix(path, "/nowhere/") || strings.Count(path, "/") != 4) {
					t.Errorf("%q leads to %q", text, path)
				}
			}
		}
	})
}
