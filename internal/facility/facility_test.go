package facility_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
	"deployconstants/xtc/dataset"
)

func small(t testing.TB, o facility.Options) *facility.Facility {
	t.Helper()
	f, err := facility.Make(t.TempDir(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Restore(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// TestMakeIsDeterministic makes a facility twice, with changes behind it.
func TestMakeIsDeterministic(t *testing.T) {
	make := func(seed uint64) facility.Snapshot {
		f := small(t, facility.Options{Seed: seed, Experiments: 9, Runs: 6})
		for _, e := range f.Experiments {
			f.SwapPanel(e.Name)
			if _, err := f.AddRun(e.Name); err != nil {
				t.Fatal(err)
			}
			if _, err := f.HandEdit(e.Name); err != nil {
				t.Fatal(err)
			}
			if err := f.RemoveRuns(e.Name, 1); err != nil {
				t.Fatal(err)
			}
		}
		c, err := f.AddConstants()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.ReplaceConstants(c); err != nil {
			t.Fatal(err)
		}
		s, err := facility.TakeSnapshot(f.Dir, facility.SnapshotOptions{ModTime: true, Skip: func(path string) bool {
			return !strings.HasPrefix(path, "data") && path != "."
		}})
		if err != nil {
			t.Fatal(err)
		}
		for path, line := range s { // what is not XTC has the time of the test, as has a name in HISTORY
			if !strings.Contains(path, "/xtc/") || strings.HasSuffix(path, "HISTORY") {
				s[path], _, _ = strings.Cut(line, " mtime ")
			}
			if strings.HasSuffix(path, "HISTORY") {
				s[path] = ""
			}
		}
		return s
	}
	first := make(1)
	if diff := first.Diff(make(1)); diff != "" {
		t.Error(diff)
	}
	if first.Diff(make(2)) == "" {
		t.Error("another seed made the same facility")
	}
}

// TestRecordIsTrue reads runs with the program's reader.
func TestRecordIsTrue(t *testing.T) {
	f := small(t, facility.Options{Seed: 7, Experiments: 12, Runs: 8})
	states := map[facility.State]int{}
	for _, e := range f.Experiments {
		for _, r := range e.Runs {
			if states[r.State]++; r.State != facility.Whole {
				continue
			}
			run, err := dataset.ReadRun(t.Context(), dataset.RunFiles{Run: r.Number, Files: []dataset.FileName{dataset.ParseFileName(r.Files[0])}}, dataset.Options{})
			if err != nil {
				t.Fatalf("%s run %d: %v", e.Name, r.Number, err)
			}
			if got := int64(run.BeginRun.Clock.Sec)*1e9 + int64(run.BeginRun.Clock.Nsec); got != r.BeginRun {
				t.Errorf("%s run %d begins at %d, want %d", e.Name, r.Number, got, r.BeginRun)
			}
		}
	}
	t.Log(states)
}

// TestFinders compares the oracle's finders with psana's own answers.
func TestFinders(t *testing.T) {
	var rows []struct {
		Files []string `json:"files"`
		Run   int      `json:"run"`
		File  *string  `json:"file"`
		Error any      `json:"error"`
	}
	load(t, "calib_file_finder.json", &rows)
	for _, row := range rows {
		testenv.Case(t, "tables/calib_file_finder")
		got, err := facility.PsanaPick(row.Files, min(row.Run, 9999))
		switch {
		case row.File == nil && err == nil:
			t.Errorf("%v run %d: picked %q, psana raises", row.Files, row.Run, got)
		case row.File != nil && row.Run <= 9999 && (err != nil || got != *row.File):
			t.Errorf("%v run %d: picked %q, %v; psana picks %q", row.Files, row.Run, got, err, *row.File)
		}
	}
}

// TestStampRule compares the choice by stamp with the original program's, where all
// names are those of constants.
func TestStampRule(t *testing.T) {
	var rows []struct {
		Files   []string `json:"files"`
		Pattern string   `json:"pattern"`
		Stamp   any      `json:"tstamp"`
		Listing string   `json:"listing"`
		Result  *string  `json:"result"`
	}
	load(t, "find_file_for_timestamp.json", &rows)
	compared := 0
	for _, row := range rows {
		stamp, isText := row.Stamp.(string)
		if !isText || len(stamp) != 14 || row.Listing != "desc" || row.Result != nil && !inForm(*row.Result, row.Pattern) ||
			slices.ContainsFunc(row.Files, func(name string) bool { return strings.Contains(name, row.Pattern) && !inForm(name, row.Pattern) }) {
			continue
		}
		compared++
		testenv.Case(t, "tables/find_file_for_timestamp")
		want := ""
		if row.Result != nil {
			want = *row.Result
		}
		if got := facility.PickByStamp(row.Files, row.Pattern, stamp); got != want {
			t.Errorf("%v pattern %s stamp %s: %q, want %q", row.Files, row.Pattern, stamp, got, want)
		}
	}
	if compared < 20 {
		t.Errorf("only %d rows could be compared", compared)
	}
}

// inForm reports whether the name has the documented form, which the original
// program did not ask for.
func inForm(name, pattern string) bool {
	return facility.PickByStamp([]string{name}, pattern, "99999999999999") == name
}

func load(t *testing.T, name string, rows any) {
	t.Helper()
	content, err := os.ReadFile(testenv.Shared(t, "golden", "tables", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, rows); err != nil {
		t.Fatal(err)
	}
}

// TestExpect has the rules, one by one.
func TestExpect(t *testing.T) {
	a, b, c := facility.Sum{1}, facility.Sum{2}, facility.Sum{3}
	has := func(s facility.Sum) facility.Want { return facility.Want{Need: facility.Content, Sum: s} }
	nothing, unknown := facility.Want{Need: facility.Nothing}, facility.Want{Need: facility.Unknown}
	ours := func(name string, s facility.Sum) facility.Before {
		return facility.Before{Name: name, Sum: s, Ours: true}
	}
	foreign := func(name string) facility.Before { return facility.Before{Name: name, Sum: facility.Sum{9}} }
	for _, test := range []struct {
		name   string
		before []facility.Before
		runs   []facility.Seen
		want   string // outcomes, then files
	}{
		{"first", nil, []facility.Seen{{3, has(a)}, {5, has(a)}, {7, has(b)}}, "ok ok ok | 0-end.data=1 7-end.data=2"},
		{"missing first", nil, []facility.Seen{{3, nothing}, {5, has(a)}}, "missing ok | 5-end.data=1"},
		{"unknown first", nil, []facility.Seen{{3, unknown}, {5, has(a)}}, "unknown ok | 0-end.data=1"},
		{"overreach", nil, []facility.Seen{{3, has(a)}, {5, nothing}, {7, has(a)}}, "ok overreach ok | 0-end.data=1"},
		{"pinned by unknown", []facility.Before{ours("0-end.data", a)}, []facility.Seen{{3, unknown}, {5, has(b)}}, "unknown ok | 0-end.data=1 5-end.data=2"},
		{"pinned by none", []facility.Before{ours("0-end.data", a)}, []facility.Seen{{3, nothing}, {5, has(b)}}, "overreach ok | 0-end.data=1 5-end.data=2"},
		{"replaced", []facility.Before{ours("0-end.data", a)}, []facility.Seen{{3, has(b)}, {5, has(c)}}, "ok ok | 0-end.data=2 5-end.data=3"},
		{"ours in front", []facility.Before{ours("0-5.data", a)}, []facility.Seen{{3, has(a)}, {4, has(b)}, {7, has(b)}}, "ok ok ok | 0-5.data=1 4-end.data=2"},
		{"foreign", []facility.Before{foreign("10-20.data")}, []facility.Seen{{3, has(a)}, {12, has(a)}, {30, has(b)}}, "ok foreign ok | 0-end.data=1 10-20.data=9 30-end.data=2"},
		{"foreign at 0", []facility.Before{foreign("0-5.data")}, []facility.Seen{{7, has(a)}}, "ok | 0-5.data=9 7-end.data=1"},
		{"would hide", []facility.Before{foreign("0-end.data"), ours("3-5.data", a)}, []facility.Seen{{3, has(a)}, {4, has(b)}, {7, has(b)}}, "ok ok foreign | 0-end.data=9 3-5.data=1 4-5.data=2"},
		{"ties", []facility.Before{ours("0-end.data", a), ours("0-9999.data", a)}, []facility.Seen{{3, has(b)}}, "foreign | 0-9999.data=1 0-end.data=1"},
		{"raises", []facility.Before{ours("1-x.data", a)}, []facility.Seen{{3, has(b)}}, "blocked | 1-x.data=1"},
		{"unreadable", nil, []facility.Seen{{3, has(b)}, {4, facility.Want{Need: facility.Unreadable}}}, "blocked blocked | "},
		{"above 9999", nil, []facility.Seen{{9998, has(a)}, {10001, has(b)}}, "ok overreach | 0-end.data=1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := facility.Expect(test.before, test.runs)
			var outcomes, files []string
			for _, r := range x.Runs {
				outcomes = append(outcomes, string(r.Outcome))
			}
			for name, sum := range x.Files {
				files = append(files, fmt.Sprintf("%s=%d", name, sum[0]))
			}
			slices.Sort(files)
			if got := strings.Join(outcomes, " ") + " | " + strings.Join(files, " "); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// TestSnapshot has every kind of difference.
func TestSnapshot(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	take := func(o facility.SnapshotOptions) facility.Snapshot {
		s, err := facility.TakeSnapshot(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	all := facility.SnapshotOptions{ModTime: true, ChangeTime: true, DirTimes: true, Inodes: true}
	write("a", "one")
	plain, whole := take(facility.SnapshotOptions{}), take(all)
	if diff := whole.Diff(take(all)); diff != "" {
		t.Error(diff)
	}
	if err := os.Chtimes(filepath.Join(dir, "a"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if diff := plain.Diff(take(facility.SnapshotOptions{})); diff != "" {
		t.Error(diff)
	}
	if whole.Diff(take(all)) == "" {
		t.Error("a time changed unseen")
	}
	for name, change := range map[string]func() error{
		"bytes": func() error { write("a", "two"); return nil },
		"mode":  func() error { return os.Chmod(filepath.Join(dir, "a"), 0o640) },
		"new":   func() error { return os.Symlink("a", filepath.Join(dir, "b")) },
	} {
		before := take(facility.SnapshotOptions{})
		if err := change(); err != nil {
			t.Fatal(err)
		}
		if before.Diff(take(facility.SnapshotOptions{})) == "" {
			t.Errorf("%s changed unseen", name)
		}
	}
}

// BenchmarkMake makes the full facility.
func BenchmarkMake(b *testing.B) {
	for b.Loop() {
		if _, err := facility.Make(b.TempDir(), facility.Options{Seed: 1, Experiments: 300, Runs: 40, Streams: 4}); err != nil {
			b.Fatal(err)
		}
	}
}

func timeOf(ns int64) time.Time { return time.Unix(0, ns) }
