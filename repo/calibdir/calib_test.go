package calibdir_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"deployconstants/internal/atomicfile"
	"deployconstants/repo/calibdir"
)

// Calibration directories as people type them, and what is made of them.
func TestCreate(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(t *testing.T) // in an empty working directory
		dir     string             // "TOP" stands for the absolute path of it
		parents bool
		want    string // path of the directory made, with mode 2777
		err     error
	}{
		{name: "relative", dir: "./calib", want: "calib"},
		{name: "bare", dir: "calib", want: "calib"},
		{name: "trailing slash", dir: "./calib/", want: "calib"},
		{name: "absolute", dir: "TOP/calib", want: "calib"},
		{name: "not called calib", dir: "./out", want: "out"},
		{name: "blanks and colons", dir: "./my calib: $HOME `id`", want: "my calib: $HOME `id`"},
		{name: "dash", dir: "-rf", want: "-rf"},
		{name: "bytes that are no text", dir: "cal\xffib", want: "cal\xffib"},
		{name: "up and down", prepare: mkdirs("a/b"), dir: "a/b/../calib", want: "a/calib"},
		{name: "up through a link", prepare: func(t *testing.T) {
			mkdirs("far/away")(t)
			must(t, os.Symlink("far/away", "near"))
		}, dir: "near/../calib", want: "far/calib"},
		{name: "experiment missing", dir: "TOP/xpp/xpptut15/calib", err: calibdir.ErrNoExperimentDir},
		{name: "experiment missing, relative", dir: "xpptut15/calib", err: calibdir.ErrNoExperimentDir},
		{name: "typed, parents missing", dir: "x/y/calib", parents: true, want: "x/y/calib"}, // golden case N04
		{name: "typed, absolute, parents missing", prepare: mkdirs("x"), dir: "TOP/x/y/calib/", parents: true, want: "x/y/calib"},
		{name: "up from what is missing", dir: "x/../calib", parents: true, err: calibdir.ErrNoCalibDir},
		{name: "up itself", prepare: mkdirs("a"), dir: "a/b/..", err: calibdir.ErrNoCalibDir},
		{name: "parent is a file", prepare: files("file"), dir: "file/calib", err: syscall.ENOTDIR},
		{name: "link that leads nowhere", prepare: func(t *testing.T) { must(t, os.Symlink("TOP/nowhere", "calib")) }, dir: "calib", err: fs.ErrNotExist},
		{name: "empty", dir: "", err: calibdir.ErrNoCalibDir},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			umask(t, 0o027)
			top := t.TempDir()
			t.Chdir(top)
			if test.prepare != nil {
				test.prepare(t)
			}
			before := tree(t, ".")
			o := options
			o.Parents = test.parents
			dir := strings.Replace(test.dir, "TOP", top, 1)
			calib, err := calibdir.Create(dir, o)
			if test.err != nil {
				if !errors.Is(err, test.err) {
					t.Errorf("got %v, want %v", err, test.err)
				}
				if after := tree(t, "."); after != before {
					t.Errorf("made:\n%s", after)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer calib.Close()
			info, err := os.Stat(test.want)
			if err != nil || atomicfile.ModeOf(info.Mode()) != 0o2777 {
				t.Errorf("%v, %v", info, err)
			}
			if calib.Dir() != dir {
				t.Errorf("directory %q, want %q", calib.Dir(), dir)
			}
			if test.parents {
				if info, err := os.Stat(filepath.Dir(test.want)); err != nil || atomicfile.ModeOf(info.Mode()) != 0o2777 {
					t.Errorf("parent: %v, %v", info, err)
				}
			}
		})
	}
}

func mkdirs(dir string) func(t *testing.T) {
	return func(t *testing.T) { must(t, os.MkdirAll(dir, 0o755)) }
}

func files(name string) func(t *testing.T) {
	return func(t *testing.T) { must(t, os.WriteFile(name, nil, 0o644)) }
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := calibdir.Open(filepath.Join(dir, "calib"), options); !errors.Is(err, calibdir.ErrNoCalibDir) {
		t.Errorf("missing: %v", err)
	}
	if got := tree(t, dir); strings.Count(got, "\n") != 1 {
		t.Errorf("Open made:\n%s", got)
	}
	files(filepath.Join(dir, "file"))(t)
	if _, err := calibdir.Create(filepath.Join(dir, "file"), options); err == nil {
		t.Error("a file was opened")
	}
	for _, o := range []calibdir.Options{{}, {DirMode: 0o777, FileMode: 0o466}, {DirMode: 0o666, FileMode: 0o666}} {
		if _, err := calibdir.Create(filepath.Join(dir, "calib"), o); !errors.Is(err, atomicfile.ErrDirMode) && !errors.Is(err, atomicfile.ErrFileMode) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Existing directories keep their modes.
func TestCreateExisting(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	must(t, os.Mkdir(dir, 0o750))
	create(t, dir)
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o750 || info.Mode()&fs.ModeSetgid != 0 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestNamesAndHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	calib := create(t, dir)
	target := gain(dir)
	if names, err := calib.Names(target); err != nil || names != nil {
		t.Errorf("missing directory: %v, %v", names, err)
	}
	if records, err := calib.History(target); err != nil || records != nil {
		t.Errorf("missing HISTORY: %v, %v", records, err)
	}
	folder := filepath.Dir(target.Path())
	must(t, os.MkdirAll(folder, 0o755))
	for _, name := range []string{"5-end.data", "0-end.data", ".tmp-host-1-1", "HISTORY"} {
		must(t, os.WriteFile(filepath.Join(folder, name), []byte(golden+"\nno record\n"+golden), 0o644))
	}
	if names, err := calib.Names(target); err != nil || !slices.Equal(names, []string{"0-end.data", "5-end.data", "HISTORY"}) {
		t.Errorf("names %v, %v", names, err)
	}
	records, err := calib.History(target)
	if err != nil || len(records) != 2 || records[0].String() != golden || records[1].String() != golden {
		t.Errorf("records %+v, %v", records, err)
	}

	history := filepath.Join(folder, "HISTORY")
	must(t, errors.Join(os.Remove(history), syscall.Mkfifo(history, 0o666)))
	if records, err := calib.History(target); !errors.Is(err, atomicfile.ErrNotRegular) {
		t.Errorf("HISTORY is a pipe: %+v, %v", records, err)
	}

	piped := target
	piped.CType = "pixel_rms"
	must(t, syscall.Mkfifo(filepath.Join(filepath.Dir(folder), piped.CType), 0o666))
	if names, err := calib.Names(piped); err == nil { // and does not wait
		t.Errorf("the directory is a pipe: %v", names)
	}

	elsewhere := target
	elsewhere.Dir = "/other/calib"
	if _, err := calib.Names(elsewhere); !errors.Is(err, calibdir.ErrPath) {
		t.Errorf("target of another directory: %v", err)
	}
	elsewhere = target
	elsewhere.Group = ".."
	if _, err := calib.Names(elsewhere); !errors.Is(err, calibdir.ErrComponent) {
		t.Errorf("group ..: %v", err)
	}
	if _, err := calib.History(elsewhere); !errors.Is(err, calibdir.ErrComponent) {
		t.Errorf("group ..: %v", err)
	}
}

// OpenFile opens what Install would replace.
func TestOpenFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	calib := create(t, dir)
	target := gain(dir)
	if _, err := calib.OpenFile(target); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	must(t, os.MkdirAll(filepath.Dir(target.Path()), 0o755))
	must(t, os.WriteFile(target.Path(), []byte("1\n"), 0o644))
	file, err := calib.OpenFile(target)
	must(t, err)
	defer file.Close()
	if text, err := io.ReadAll(file); err != nil || string(text) != "1\n" {
		t.Errorf("%q, %v", text, err)
	}
	must(t, os.Remove(target.Path()))
	must(t, syscall.Mkfifo(target.Path(), 0o666))
	if _, err := calib.OpenFile(target); !errors.Is(err, atomicfile.ErrNotRegular) { // and does not wait
		t.Errorf("a pipe: %v", err)
	}
	for _, test := range []struct {
		edit func(*calibdir.Target)
		want error
	}{
		{func(t *calibdir.Target) { t.Dir = "/other/calib" }, calibdir.ErrPath},
		{func(t *calibdir.Target) { t.Group = ".." }, calibdir.ErrComponent},
		{func(t *calibdir.Target) { t.Range.Begin = -1 }, calibdir.ErrRange},
	} {
		elsewhere := target
		test.edit(&elsewhere)
		if _, err := calib.OpenFile(elsewhere); !errors.Is(err, test.want) {
			t.Errorf("%+v: %v, want %v", elsewhere, err, test.want)
		}
	}
}
