package repo_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"

	"github.com/google/go-cmp/cmp"
)

// The names are those of the golden cases that each row repeats.
func TestMergeStatus(t *testing.T) {
	const base = "epix100a_0001_20150101000000_xpptut15_r0260_"
	for _, c := range []struct {
		name    string
		files   map[string]string // directory/stamp or directory: content
		inputs  []string          // directories
		skipped []string
		body    string // from the line before the shape; "": nothing to merge
		err     error
	}{
		{"G01 nearest older of each", map[string]string{
			"status_data/20140101000000": "9 9\n9 9\n", "status_data/20150101000000": "1 2\n4 8\n", "status_dark/20160101000000": "1 1\n0 16\n",
		}, []string{"status_dark", "status_data"}, nil, "(2,2)|1 3\n4 24\n", nil},
		{"G03 none", nil, nil, nil, "", ndarray.ErrNoData},
		{"G05 a directory without a file old enough", map[string]string{"status_data/20150101000000": "1\n", "status_dark/20170101000000": "1\n"},
			[]string{"status_data"}, []string{"status_dark"}, "(1,)| 1 ", nil},
		{"G06 shapes differ", map[string]string{"status_a/20150101000000": "1 2\n", "status_b/20150101000000": "1 2 3\n"}, nil, nil, "", repo.ErrBadShape},
		{"G07 merged is no input", map[string]string{"status_data/20150101000000": "1 2\n", "status_merged/20150101000000": "255 255\n"},
			[]string{"status_data"}, nil, "(2,)| 1 2 ", nil},
		{"G08 which directories", map[string]string{"status_data/20150101000000": "1 2\n", "pixel_status_x/20150101000000": "64 64\n",
			"status/20150101000000": "128 128\n", "pixel_status/20150101000000": "256 256\n"},
			[]string{"pixel_status_x", "status_data"}, nil, "(2,)| 65 66 ", nil},
		{"G09 header", map[string]string{"status_data/20150101000000": "# TITLE x\n\n# DTYPE uint64\n# NDIM 2\n# DIM:0 2\n# DIM:1 2\n\n1 0\n0 1\n",
			"status_b/20150101000000": "2 2\n2 2\n"}, []string{"status_b", "status_data"}, nil, "(2,2)|3 2\n2 3\n", nil},
		{"G10 64 bits", map[string]string{"status_a/20150101000000": "9223372036854775808 9007199254740993\n", "status_b/20150101000000": "1 2\n"},
			[]string{"status_a", "status_b"}, nil, "(2,)| 9223372036854775809 9007199254740995 ", nil},
		{"G11 floats", map[string]string{"status_a/20150101000000": "1.0 2.0\n"}, []string{"status_a"}, nil, "(2,)| 1 2 ", nil},
		{"G13 one row", map[string]string{"status_data/20150101000000": "1 2 3 4\n"}, []string{"status_data"}, nil, "(4,)| 1 2 3 4 ", nil},
		{"empty file", map[string]string{"status_a/20150101000000": ""}, nil, nil, "", repo.ErrEmpty},
		{"no numbers", map[string]string{"status_a/20150101000000": "x\n"}, nil, nil, "", ndarray.ErrRange},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := open(t, options())
			p := epix(t, epixID)
			dir := "epix100a/" + epixID + "/"
			var inputs, skipped []string
			write(t, r, dir+"status_note.txt", "not a directory\n")
			for file, content := range c.files {
				ctype, stamp, _ := strings.Cut(file, "/")
				write(t, r, dir+ctype+"/epix100a_0001_"+stamp+"_xpptut15_r0260_"+ctype+".txt", content)
			}
			for _, ctype := range c.inputs {
				name := base + ctype + ".txt"
				if ctype == "status_dark" {
					name = strings.Replace(name, "2015", "2016", 1)
				}
				inputs = append(inputs, filepath.Join(r.Dir(), dir, ctype, name))
			}
			for _, ctype := range c.skipped {
				skipped = append(skipped, filepath.Join(r.Dir(), dir, ctype))
			}
			m := listStatus(t, r, p).At(20160318190730)
			words, err := m.Read()
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil && !errors.Is(err, ndarray.ErrNoData) {
				return
			}
			var paths []string
			for _, input := range m.Inputs {
				paths = append(paths, input.Path)
			}
			if diff := cmp.Diff(inputs, paths) + cmp.Diff(skipped, m.Skipped); diff != "" {
				t.Error(diff)
			}
			if err != nil {
				if name := m.FileName(); name != "" {
					t.Errorf("nothing is named %s", name)
				}
				return
			}
			name, err := m.FileNameFor(20160318190730, repo.Origin{Experiment: "xpptut15", Run: 260})
			if err != nil || name != "epix100a_0001_20160318190730_xpptut15_r0260_status_merged.txt" {
				t.Fatalf("name %s, %v", name, err)
			}
			if _, err := os.Stat(m.Path(name)); err == nil {
				t.Error("written without being asked to")
			}
			if err := m.Write(words, name); err != nil {
				t.Fatal(err)
			}
			if same, err := m.Holds(m.Path(name), words); !same || err != nil {
				t.Errorf("holds what was written: %v, %v", same, err)
			}
			shape, body, _ := strings.Cut(c.body, "|")
			text := read(t, filepath.Join(r.Dir(), dir, "status_merged", name))
			if !strings.Contains(text, "# SHAPE       "+shape+"\n# DATATYPE    uint64\n") || !strings.HasSuffix(text, "\n\n"+body) {
				t.Errorf("wrote\n%s\nwant %s and %q", text, shape, body)
			}
		})
	}
}

func listStatus(t *testing.T, r *repo.Repository, p repo.Panel) *repo.StatusShelf {
	t.Helper()
	shelf, err := r.ListStatus(p, "0001")
	if err != nil {
		t.Fatal(err)
	}
	return shelf
}

// TestStatusShelf: words change where a file of any directory begins, and the merge is
// named after the newest of its files.
func TestStatusShelf(t *testing.T) {
	r := open(t, options())
	p := epix(t, epixID)
	dir := "epix100a/" + epixID + "/"
	dark, data := dir+"status_dark/epix100a_0001_20150101000000_xppa_r0007_status_dark.dat", dir+"status_data/epix100a_0001_20160101000000_xppb_r12_status_data.txt"
	write(t, r, dark, "1 2\n")
	write(t, r, data, "4 2\n")
	write(t, r, dir+"status_data/epix100a_0002_20170101000000_xppb_r0012_status_data.txt", "8 8\n") // of another detector
	s := listStatus(t, r, p)
	if diff := cmp.Diff([]repo.Stamp{20150101000000, 20160101000000}, s.Stamps()); diff != "" {
		t.Error(diff)
	}
	for at, want := range map[repo.Stamp]string{
		20141231000000: "",
		20150101000000: "epix100a_0001_20150101000000_xppa_r0007_status_merged.txt",
		20161231000000: "epix100a_0001_20160101000000_xppb_r12_status_merged.txt",
	} {
		if name := s.At(at).FileName(); name != want {
			t.Errorf("at %s: %q, want %q", at, name, want)
		}
	}
	m := s.At(20161231000000)
	words, err := m.Read()
	if err != nil {
		t.Fatal(err)
	}
	var texts [2][]byte
	for i := range texts {
		if texts[i], err = m.Text(words, m.FileName(), 20160101000000); err != nil {
			t.Fatal(err)
		}
	}
	path, err := r.Replace(dir+"status_merged/"+m.FileName(), texts[0])
	if err != nil || string(texts[0]) != string(texts[1]) || !strings.HasSuffix(string(texts[0]), "\n 5 2 ") {
		t.Errorf("%v: %q, then %q", err, texts[0], texts[1])
	}
	parts, merged, err := r.MadeOf(path)
	if diff := cmp.Diff([]string{dark, data}, parts); diff != "" || !merged || err != nil {
		t.Errorf("merged %v, %v: %s", merged, err, diff)
	}
	words.Words[0] = 1
	if same, err := m.Holds(path, words); same || err != nil {
		t.Errorf("holds other words: %v, %v", same, err)
	}
	if _, err := r.Withdraw(t.Context(), data, "wrong"); err != nil {
		t.Fatal(err)
	}
	s = listStatus(t, r, p)
	if !s.AnyWithdrawn() || !s.Withdrawn(data) || s.Withdrawn(dark) || len(s.Stamps()) != 1 {
		t.Errorf("withdrawn %v %v, stamps %v", s.Withdrawn(data), s.Withdrawn(dark), s.Stamps())
	}
}

// TestStatusSuppose: a shelf tells what would be merged if files came or went.
func TestStatusSuppose(t *testing.T) {
	r := open(t, options())
	p := epix(t, epixID)
	dir := "epix100a/" + epixID + "/"
	name := func(ctype, year string) string {
		return dir + ctype + "/epix100a_0001_" + year + "0101000000_xppa_r0007_" + ctype + ".txt"
	}
	dark := name("status_dark", "2015")
	write(t, r, dark, "1 2\n")
	s := listStatus(t, r, p)
	chosen := func(s *repo.StatusShelf) (files []string) {
		for _, input := range s.At(20161231000000).Inputs {
			mark := ""
			if input.Supposed {
				mark = "?"
			}
			files = append(files, strings.TrimPrefix(input.Path, r.Dir()+"/")+mark)
		}
		return files
	}
	for _, c := range []struct {
		file  string
		there bool
		want  []string
	}{
		{name("status_dark", "2016"), true, []string{name("status_dark", "2016") + "?"}},
		{name("status_dark", "2017"), true, []string{dark}},
		{name("status_data", "2016"), true, []string{dark, name("status_data", "2016") + "?"}},
		{name("a_status_b", "2016"), true, []string{name("a_status_b", "2016") + "?", dark}},
		{dark, true, []string{dark + "?"}},
		{dark, false, nil},
		{name("status_merged", "2016"), true, []string{dark}},
		{name("pixel_status", "2016"), true, []string{dark}},
		{"epix100a/x/status_dark/y.txt", true, []string{dark}},
		{"", false, []string{dark}},
	} {
		supposed := s.Suppose(c.file, c.there)
		if diff := cmp.Diff(c.want, chosen(supposed)); diff != "" {
			t.Errorf("%s there: %v: %s", c.file, c.there, diff)
		}
		if supposed.Withdrawn(c.file) == c.there && c.file == dark {
			t.Errorf("%s withdrawn: %v", c.file, !c.there)
		}
	}
	if diff := cmp.Diff([]string{dark}, chosen(s)); diff != "" || s.AnyWithdrawn() {
		t.Errorf("the shelf itself has changed: %s", diff)
	}
}

func TestMergeStatusHostile(t *testing.T) {
	r := open(t, options())
	if _, err := r.ListStatus(epix(t, epixID), "../x"); !errors.Is(err, repo.ErrBadName) {
		t.Errorf("%v, want ErrBadName", err)
	}
	for _, o := range []repo.Origin{{Experiment: "../e", Run: 1}, {Experiment: "e", Run: -1}} {
		if name, err := listStatus(t, r, epix(t, epixID)).At(1).FileNameFor(1, o); !errors.Is(err, repo.ErrBadName) {
			t.Errorf("%+v: %s, %v, want ErrBadName", o, name, err)
		}
	}
}

// TestStatusLinkedDirectory: a directory of status words that cannot be looked at is an
// error: the words in it would be missing. A link that leads nowhere is no directory.
func TestStatusLinkedDirectory(t *testing.T) {
	r := open(t, options())
	p := epix(t, epixID)
	dir := filepath.Join(r.Dir(), "epix100a", epixID)
	write(t, r, "epix100a/"+epixID+"/status_data/epix100a_0001_20150101000000_xpptut15_r0260_status_data.txt", "1\n")
	link := filepath.Join(dir, "status_link")
	for _, c := range []struct {
		target string
		err    error
	}{{"status_data", nil}, {"nowhere", nil}, {t.TempDir(), repo.ErrOutside}} {
		if err := os.Symlink(c.target, link); err != nil {
			t.Fatal(err)
		}
		if _, err := r.ListStatus(p, "0001"); !errors.Is(err, c.err) {
			t.Errorf("%s: %v, want %v", c.target, err, c.err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
}
