package calibdir_test

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/repo/calibdir"
)

const golden = "file:0-end.data     copy_of:/reg/g/psdm/detector/calib/constants/epix100a/default/epix100a_default_gain.txt " +
	"ctype:pixel_gain user:dubrovin host:psanagpu105 cptime:2022-06-09T12:19:26 cwd:/home/dubrovin/LCLS/con-py3 cmt:"

func TestHistoryRecord(t *testing.T) {
	la, err := time.LoadLocation("America/Los_Angeles")
	must(t, err)
	record := calibdir.HistoryRecord{
		File:   "0-end.data",
		CopyOf: "/reg/g/psdm/detector/calib/constants/epix100a/default/epix100a_default_gain.txt",
		CType:  "pixel_gain",
		User:   "dubrovin",
		Host:   "psanagpu105",
		Time:   time.Date(2022, 6, 9, 12, 19, 26, 999_999_999, la),
		Cwd:    "/home/dubrovin/LCLS/con-py3",
	}
	if got := record.String(); got != golden {
		t.Errorf("got  %s\nwant %s", got, golden)
	}
	record.File = "1000-9999.data"
	if got := record.String(); !strings.HasPrefix(got, "file:1000-9999.data copy_of:") {
		t.Errorf("got %s", got)
	}
	record.Comment = "undo 20220609-1"
	if got := record.String(); !strings.HasSuffix(got, " cmt:undo 20220609-1") {
		t.Errorf("got %s", got)
	}
}

func TestParseHistoryForms(t *testing.T) {
	at := time.Date(2024, 5, 31, 10, 3, 41, 0, time.UTC)
	tests := []struct {
		name, line string
		want       calibdir.HistoryRecord
	}{
		{
			name: "deploy_constants",
			line: "file:0-end.data     copy_of:/a b/XppGon.0:Epix100a.1 x.txt ctype:geometry user:dubrovin host:sdfiana001 cptime:2024-05-31T10:03:41 cwd:/a dir/c:d cmt:a comment\n",
			want: calibdir.HistoryRecord{File: "0-end.data", CopyOf: "/a b/XppGon.0:Epix100a.1 x.txt", CType: "geometry", User: "dubrovin",
				Host: "sdfiana001", Time: at, Cwd: "/a dir/c:d", Comment: "a comment"},
		},
		{
			name: "calibrun",
			line: "file:137-end.data    copy_of:work/results/clb-xppn4116-r0137-peds-rms-XppGon.0:Epix100a.1.txt  exp:xppn4116  run:0137  comment:calibrun-dark  user:dubrovin  host:sdfiana001  cptime:2024-05-31T10:03:41  zone:PDT\r\n",
			want: calibdir.HistoryRecord{File: "137-end.data", CopyOf: "work/results/clb-xppn4116-r0137-peds-rms-XppGon.0:Epix100a.1.txt",
				User: "dubrovin", Host: "sdfiana001", Time: at, Comment: "calibrun-dark", Experiment: "xppn4116", Run: "0137", Zone: "PDT"},
		},
		{
			name: "CalibFileFinder",
			line: "file:9991-end.data  copy_of:my-file.txt  exp:cxi83714  run:9991  app:my-app-name  user:dubrovin  host:psanaphi110  cptime:2024-05-31T10:03:41  zone:PDT  comment:my-comment",
			want: calibdir.HistoryRecord{File: "9991-end.data", CopyOf: "my-file.txt", User: "dubrovin", Host: "psanaphi110", Time: at,
				Comment: "my-comment", Experiment: "cxi83714", Run: "9991", App: "my-app-name", Zone: "PDT"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := calibdir.ParseHistory(test.line)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, line := range []string{
		"", "file:", "hello", golden[1:], strings.Replace(golden, " host:", " hosts:", 1),
		strings.Replace(golden, "2022-06-09T12:19:26", "yesterday", 1), strings.Replace(golden, "06-09", "06-31", 1),
	} {
		if record, err := calibdir.ParseHistory(line); !errors.Is(err, calibdir.ErrHistory) {
			t.Errorf("%q: got %+v, %v", line, record, err)
		}
	}
}

// Control characters in a field neither end the line nor reach a terminal.
func TestHistoryEscapes(t *testing.T) {
	hostile := "a\nfile:x copy_of:\r\t\x1b[31m\x7f\u0085\xffz"
	record := calibdir.HistoryRecord{File: hostile, CopyOf: hostile, CType: hostile, User: hostile, Host: hostile, Cwd: hostile, Comment: hostile}
	line := record.String()
	if strings.ContainsFunc(line, unicode.IsControl) || strings.Contains(line, "\xff") {
		t.Errorf("got %q", line)
	}
	if want := `a\x0afile:x copy_of:\x0d\x09\x1b[31m\x7f\xc2\x85\xffz`; strings.Count(line, want) != 7 {
		t.Errorf("got %q", line)
	}
	plain := calibdir.HistoryRecord{Cwd: `/home/ü/a $HOME \n` + "`id`"}
	if got := plain.String(); !strings.Contains(got, "cwd:"+plain.Cwd+" cmt:") {
		t.Errorf("a plain field was changed: %q", got)
	}
}

// Records that the original program glued together come apart (golden case E05).
func TestSplitHistory(t *testing.T) {
	other := strings.Replace(golden, "0-end.data    ", "137-end.data  ", 1)
	text := golden + other + "\n\n" + other + "\r\nsome note\n" + golden
	if diff := cmp.Diff([]string{golden, other, other, "some note", golden}, calibdir.SplitHistory(text)); diff != "" {
		t.Error(diff)
	}
}

// Every real record is read; those of deploy_constants come back to the byte.
func TestRealHistory(t *testing.T) {
	var files []string
	files = append(files, testenv.Shared(t, "real", "text", "HISTORY_lines_real.txt"))
	must(t, filepath.WalkDir(testenv.Shared(t, "real", "calib"), func(path string, _ fs.DirEntry, err error) error {
		if filepath.Base(path) == "HISTORY" {
			files = append(files, path)
		}
		return err
	}))
	if len(files) < 5 {
		t.Errorf("only these files: %v", files)
	}
	for _, file := range files {
		for i, line := range calibdir.SplitHistory(read(t, file)) {
			t.Run(fmt.Sprintf("%s:%d", filepath.Base(file), i+1), func(t *testing.T) {
				testenv.Case(t, "real/history")
				record, err := calibdir.ParseHistory(line)
				if err != nil {
					t.Fatal(err)
				}
				if record.File == "" || record.CopyOf == "" || record.User != "dubrovin" || record.Host != "sdfiana001" || record.Time.Year() != 2024 {
					t.Errorf("got %+v", record)
				}
				if record.CType != "" && record.String() != line {
					t.Errorf("%q comes back as %q", line, record.String())
				}
			})
		}
	}
}

// Every record that the original programs wrote in the golden cases is read and
// comes back to the byte.
func TestGoldenHistory(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(testenv.Shared(t, "golden"), "*", "expected.*.json"))
	must(t, err)
	records := 0
	for _, path := range paths {
		var expected struct {
			Changed map[string]struct {
				Content string `json:"content"`
			} `json:"changed"`
		}
		readJSON(t, path, &expected)
		for name, file := range expected.Changed {
			if filepath.Base(name) != "HISTORY" {
				continue
			}
			for _, line := range calibdir.SplitHistory(file.Content) {
				records++
				record, err := calibdir.ParseHistory(line)
				if err != nil {
					t.Errorf("%s: %v", path, err)
				} else if record.String() != line {
					t.Errorf("%s: %q comes back as %q", path, line, record.String())
				}
			}
		}
	}
	t.Logf("%d records of %d results", records, len(paths))
	if records < 100 {
		t.Errorf("only %d records", records)
	}
}

func FuzzParseHistory(f *testing.F) {
	f.Add(golden)
	f.Add("file:137-end.data    copy_of:w/x.txt  exp:xppn4116  run:0137  comment:calibrun-dark  user:d  host:h  cptime:2024-05-31T10:03:41  zone:PDT")
	f.Add("file:9-end.data  copy_of:f  exp:e  run:9  app:a  user:d  host:h  cptime:2024-05-31T10:03:41  zone:PDT  comment:c")
	f.Add(golden + golden)
	f.Fuzz(func(t *testing.T, text string) {
		length := 0
		for _, line := range calibdir.SplitHistory(text) {
			length += len(line)
			record, err := calibdir.ParseHistory(line)
			if err != nil {
				if !errors.Is(err, calibdir.ErrHistory) {
					t.Fatalf("%q: %v", line, err)
				}
				continue
			}
			written := record.String()
			if strings.ContainsFunc(written, unicode.IsControl) {
				t.Fatalf("%q has control characters", written)
			}
			again, err := calibdir.ParseHistory(written)
			if err != nil {
				t.Fatalf("%q, written again as %q: %v", line, written, err)
			}
			if !again.Time.Equal(record.Time) {
				t.Fatalf("%q: time %v comes back as %v", line, record.Time, again.Time)
			}
		}
		if length > len(text) {
			t.Fatalf("%d bytes out of %d", length, len(text))
		}
	})
}
