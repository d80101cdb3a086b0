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
		{"G03 none", nil, nil, nil, "", nil},
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
			m, err := r.MergeStatus(p, "0001", 20160318190730, repo.Origin{Experiment: "xpptut15", Run: 260})
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(inputs, m.Inputs) + cmp.Diff(skipped, m.Skipped); diff != "" {
				t.Error(diff)
			}
			if _, err := os.Stat(m.Path); err == nil {
				t.Error("written without being asked to")
			}
			if c.body == "" {
				if err := r.WriteMerged(m); !errors.Is(err, ndarray.ErrNoData) {
					t.Errorf("nothing written: %v, want ErrNoData", err)
				}
				return
			}
			if err := r.WriteMerged(m); err != nil {
				t.Fatal(err)
			}
			want := filepath.Join(r.Dir(), dir, "status_merged", "epix100a_0001_20160318190730_xpptut15_r0260_status_merged.txt")
			if m.Path != want {
				t.Errorf("path %s, want %s", m.Path, want)
			}
			shape, body, _ := strings.Cut(c.body, "|")
			text := read(t, m.Path)
			if !strings.Contains(text, "# SHAPE       "+shape+"\n# DATATYPE    uint64\n") || !strings.HasSuffix(text, "\n\n"+body) {
				t.Errorf("wrote\n%s\nwant %s and %q", text, shape, body)
			}
		})
	}
}

func TestMergeStatusHostile(t *testing.T) {
	r := open(t, options())
	for _, c := range []struct {
		alias  string
		origin repo.Origin
	}{
		{"../x", repo.Origin{Experiment: "e", Run: 1}},
		{"0001", repo.Origin{Experiment: "../e", Run: 1}},
		{"0001", repo.Origin{Experiment: "e", Run: -1}},
	} {
		if m, err := r.MergeStatus(epix(t, epixID), c.alias, 1, c.origin); !errors.Is(err, repo.ErrBadName) {
			t.Errorf("%+v: %+v, %v, want ErrBadName", c, m, err)
		}
	}
}
