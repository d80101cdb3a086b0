package calibdir_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/fslock"
	"deployconstants/repo/calibdir"
)

// record returns a HISTORY record of the target.
func record(target calibdir.Target, cwd string) calibdir.HistoryRecord {
	return calibdir.HistoryRecord{
		File:   target.Range.FileName(),
		CopyOf: "/reg/g/psdm/detector/calib/constants/epix100a/default/epix100a_default_gain.txt",
		CType:  target.CType,
		User:   "dubrovin",
		Host:   "psanagpu105",
		Time:   time.Date(2022, 6, 9, 12, 19, 26, 0, time.UTC),
		Cwd:    cwd,
	}
}

// The documented example leaves this tree, whatever the umask.
func TestInstall(t *testing.T) {
	umask(t, 0o077)
	top := t.TempDir()
	dir := filepath.Join(top, "calib")
	calib := create(t, dir)
	target := gain(dir)
	for i, content := range []string{"0.06 0.06\n", "0.06 0.06\n", "0.05 0.06 0.07\n"} {
		installed, err := calib.Install(t.Context(), target, strings.NewReader(content), calibdir.InstallOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if installed.Created != (i == 0) || installed.Unchanged != (i == 1) || installed.Replaced != (i == 2) {
			t.Errorf("installation %d: %+v", i, installed)
		}
		wantDirs := []string{"Epix100a::CalibV1", "Epix100a::CalibV1/XcsEndstation.0:Epix100a.1", "Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain"}
		if i > 0 {
			wantDirs = nil
		}
		if !slices.Equal(installed.MadeDirs, wantDirs) {
			t.Errorf("installation %d made %v", i, installed.MadeDirs)
		}
		must(t, calib.AppendHistory(t.Context(), target, record(target, "/home/dubrovin/LCLS/con-py3")))
	}
	want := "2777 .\n" +
		"2777 Epix100a::CalibV1\n" +
		"2777 Epix100a::CalibV1/XcsEndstation.0:Epix100a.1\n" +
		"2777 Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain\n" +
		`0666 Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain/0-end.data "0.05 0.06 0.07\n"` + "\n" +
		`0666 Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain/HISTORY "` + strings.Repeat(golden+`\n`, 3) + `"` + "\n"
	if got := tree(t, dir); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// A replaced file keeps its mode; its content is handed out before.
func TestInstallReplaces(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	calib := create(t, dir)
	target := gain(dir)
	must(t, os.MkdirAll(filepath.Dir(target.Path()), 0o755))
	must(t, os.WriteFile(target.Path(), []byte("old constants\n"), 0o640))
	var kept []byte
	installed, err := calib.Install(t.Context(), target, strings.NewReader("new\n"), calibdir.InstallOptions{
		OnReplace: func(old atomicfile.Previous, content io.Reader) (err error) {
			kept, err = io.ReadAll(content)
			return err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if !installed.Replaced || installed.Previous.Mode != 0o640 || installed.Previous.Size != 14 || string(kept) != "old constants\n" {
		t.Errorf("%+v, kept %q", installed, kept)
	}
	info, err := os.Stat(target.Path())
	if err != nil || info.Mode().Perm() != 0o640 || read(t, target.Path()) != "new\n" {
		t.Errorf("%v, %v", info, err)
	}
}

// What cannot be installed changes nothing.
func TestInstallRefuses(t *testing.T) {
	cancelled, cancel := context.WithCancelCause(t.Context())
	errCause := errors.New("stopped by the operator")
	cancel(errCause)
	errSource := errors.New("the source cannot be read")
	edit := func(change func(*calibdir.Target)) func(calibdir.Target) calibdir.Target {
		return func(target calibdir.Target) calibdir.Target { change(&target); return target }
	}
	inPlace := func(make func(path string) error) func(t *testing.T, target calibdir.Target) {
		return func(t *testing.T, target calibdir.Target) {
			must(t, os.MkdirAll(filepath.Dir(target.Path()), 0o755))
			must(t, make(target.Path()))
		}
	}
	tests := []struct {
		name    string
		prepare func(t *testing.T, target calibdir.Target)
		edit    func(calibdir.Target) calibdir.Target
		source  io.Reader
		ctx     context.Context
		want    error
	}{
		{name: "empty source", source: strings.NewReader(""), want: calibdir.ErrEmpty},
		{name: "unreadable source", source: iotest.ErrReader(errSource), want: errSource},
		{name: "source that fails later", source: io.MultiReader(strings.NewReader("part"), iotest.ErrReader(errSource)), want: errSource,
			prepare: inPlace(func(path string) error { return os.WriteFile(path, []byte("old"), 0o644) })},
		{name: "cancelled", ctx: cancelled, want: errCause},
		{name: "target is a link", want: atomicfile.ErrNotRegular, prepare: inPlace(func(path string) error { return os.Symlink("/etc/passwd", path) })},
		{name: "target is a directory", want: atomicfile.ErrNotRegular, prepare: inPlace(func(path string) error { return os.Mkdir(path, 0o755) })},
		{name: "target is a pipe", want: atomicfile.ErrNotRegular, prepare: inPlace(func(path string) error { return syscall.Mkfifo(path, 0o666) })},
		{name: "group leads up", edit: edit(func(t *calibdir.Target) { t.Group = ".." }), want: calibdir.ErrComponent},
		{name: "source leads up", edit: edit(func(t *calibdir.Target) { t.Source = "../../x" }), want: calibdir.ErrComponent},
		{name: "type leads away", edit: edit(func(t *calibdir.Target) { t.CType = "/tmp" }), want: calibdir.ErrComponent},
		{name: "no type", edit: edit(func(t *calibdir.Target) { t.CType = "" }), want: calibdir.ErrComponent},
		{name: "bad range", edit: edit(func(t *calibdir.Target) { t.Range.Begin = 10000 }), want: calibdir.ErrRange},
		{name: "another calibration directory", edit: edit(func(t *calibdir.Target) { t.Dir += "/../other" }), want: calibdir.ErrPath},
		{name: "a file for a directory", want: syscall.ENOTDIR, prepare: func(t *testing.T, target calibdir.Target) {
			must(t, os.WriteFile(filepath.Join(target.Dir, target.Group), nil, 0o644))
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			top := t.TempDir()
			calib := create(t, filepath.Join(top, "calib"))
			target := gain(calib.Dir())
			if test.prepare != nil {
				test.prepare(t, target)
			}
			before := tree(t, top)
			if test.edit != nil {
				target = test.edit(target)
			}
			if test.source == nil {
				test.source = strings.NewReader("new")
			}
			if test.ctx == nil {
				test.ctx = t.Context()
			}
			if installed, err := calib.Install(test.ctx, target, test.source, calibdir.InstallOptions{}); !errors.Is(err, test.want) {
				t.Errorf("got %+v, %v; want %v", installed, err, test.want)
			}
			if after := tree(t, top); after != before {
				t.Errorf("before:\n%safter:\n%s", before, after)
			}
		})
	}
}

// The calibration directory may be a link, also an absolute one. What it leads to
// is the border: links below it must stay inside.
func TestInstallLinks(t *testing.T) {
	top := t.TempDir()
	outside, store, dir := filepath.Join(top, "outside"), filepath.Join(top, "store"), filepath.Join(top, "calib")
	must(t, errors.Join(os.Mkdir(outside, 0o755), os.Mkdir(store, 0o755), os.Symlink(store, dir)))
	calib := create(t, dir)
	install := func(target calibdir.Target) error {
		_, err := calib.Install(t.Context(), target, strings.NewReader("new"), calibdir.InstallOptions{})
		return errors.Join(err, calib.AppendHistory(t.Context(), target, record(target, "/")))
	}
	target := gain(dir)
	must(t, install(target))
	if got := read(t, filepath.Join(store, "Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain/0-end.data")); got != "new" {
		t.Errorf("behind the link: %q", got)
	}

	must(t, os.Symlink(outside, filepath.Join(store, "Absolute::CalibV1")))
	must(t, os.Symlink("../outside", filepath.Join(store, "Relative::CalibV1")))
	must(t, os.Symlink("Epix100a::CalibV1", filepath.Join(store, "Inside::CalibV1")))
	for group, fails := range map[string]bool{"Absolute::CalibV1": true, "Relative::CalibV1": true, "Inside::CalibV1": false} {
		target := gain(dir)
		target.Group, target.CType = group, "pedestals"
		if err := install(target); (err != nil) != fails {
			t.Errorf("%s: %v", group, err)
		}
		_, namesErr := calib.Names(target)
		_, historyErr := calib.History(target)
		for _, err := range []error{calib.CheckHistory(t.Context(), target), namesErr, historyErr} {
			if errors.Is(err, atomicfile.ErrLeadsOut) != fails || fails && !strings.Contains(err.Error(), group+": ") {
				t.Errorf("%s: %v, want it to name the link", group, err)
			}
		}
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("outside: %v, %v", entries, err)
	}

	// The link is followed once: where it leads later does not matter.
	must(t, errors.Join(os.Remove(dir), os.Symlink(outside, dir)))
	target.Range = calibdir.Range{Begin: 7, End: 7}
	must(t, install(target))
	if _, err := os.Stat(filepath.Join(store, "Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain/7-7.data")); err != nil {
		t.Error(err)
	}
}

// A HISTORY that leads elsewhere is not written.
func TestAppendHistoryRefuses(t *testing.T) {
	top := t.TempDir()
	calib := create(t, filepath.Join(top, "calib"))
	target := gain(calib.Dir())
	victim := filepath.Join(top, "victim")
	must(t, os.WriteFile(victim, []byte("precious\n"), 0o644))
	history := filepath.Join(filepath.Dir(target.Path()), "HISTORY")
	must(t, os.MkdirAll(filepath.Dir(history), 0o755))
	if err := calib.CheckHistory(t.Context(), target); err != nil {
		t.Errorf("no HISTORY: %v", err)
	}
	for name, plant := range map[string]func() error{
		"link":      func() error { return os.Symlink(victim, history) },
		"hard link": func() error { return os.Link(victim, history) },
		"directory": func() error { return os.Mkdir(history, 0o755) },
	} {
		must(t, plant())
		if err := calib.AppendHistory(t.Context(), target, record(target, "/")); !errors.Is(err, atomicfile.ErrNotRegular) && !errors.Is(err, atomicfile.ErrLinked) {
			t.Errorf("%s: %v", name, err)
		}
		if err := calib.CheckHistory(t.Context(), target); !errors.Is(err, atomicfile.ErrNotRegular) && !errors.Is(err, atomicfile.ErrLinked) {
			t.Errorf("%s: the check says %v", name, err)
		}
		must(t, os.Remove(history))
	}
	if got := read(t, victim); got != "precious\n" {
		t.Errorf("the victim is %q", got)
	}
	target.Source = ".."
	if err := calib.AppendHistory(t.Context(), target, record(target, "/")); !errors.Is(err, calibdir.ErrComponent) {
		t.Errorf("source ..: %v", err)
	}
	missing := gain(calib.Dir())
	missing.CType = "pedestals"
	if err := calib.AppendHistory(t.Context(), missing, record(missing, "/")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("directory that was not deployed to: %v", err)
	}
}

// A HISTORY that stays locked is told before anything is published, and again
// when the record is written.
func TestHistoryLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	o := options
	o.LockTimeout = 20 * time.Millisecond
	calib, err := calibdir.Create(dir, o)
	must(t, err)
	t.Cleanup(func() { calib.Close() })
	target := gain(dir)
	history := filepath.Join(filepath.Dir(target.Path()), "HISTORY")
	must(t, os.MkdirAll(filepath.Dir(history), 0o755))
	must(t, os.WriteFile(history, []byte(golden+"\n"), 0o644))
	must(t, calib.CheckHistory(t.Context(), target))
	holder, err := os.OpenFile(history, os.O_RDWR, 0)
	must(t, err)
	must(t, fslock.File(t.Context(), holder, 0)) // the check gave the lock back
	for what, err := range map[string]error{
		"check":  calib.CheckHistory(t.Context(), target),
		"append": calib.AppendHistory(t.Context(), target, record(target, "/")),
	} {
		if held, ok := errors.AsType[*fslock.HeldError](err); !ok || held.Path != history || held.Waited != o.LockTimeout {
			t.Errorf("%s: %v", what, err)
		}
	}
	must(t, holder.Close())
	must(t, calib.AppendHistory(t.Context(), target, record(target, "/")))
	if got := strings.Count(read(t, history), "\n"); got != 2 {
		t.Errorf("%d records", got)
	}
}
