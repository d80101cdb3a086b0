package calibdir_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/atomicfile"
	"deployconstants/repo/calibdir"
)

// A batch installs files, and another one takes all of it back.
func TestBatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	calib := create(t, dir)
	before := tree(t, dir)
	target := gain(dir)

	missing, err := calib.MissingFolder(target)
	must(t, err)
	if size, err := calib.HistorySize(target); err != nil || size != -1 || len(missing) != 3 {
		t.Errorf("history of %d bytes, %v, missing %q", size, err, missing)
	}
	files := atomicfile.NewBatchOn(atomicfile.Host)
	b := calibdir.NewBatch(files)
	change, err := b.Look(calib, target)
	must(t, err)
	made, err := b.MakeFolder(calib, target)
	must(t, err)
	if strings.Join(made, " ") != strings.Join(missing, " ") {
		t.Errorf("made %q, were missing %q", made, missing)
	}
	if _, err := change.Install(strings.NewReader("")); !errors.Is(err, calibdir.ErrEmpty) {
		t.Errorf("empty constants: %v", err)
	}
	_, err = change.Install(strings.NewReader("constants"))
	must(t, err)
	must(t, files.Sync())
	_, err = change.Take()
	must(t, err)
	must(t, b.AppendHistory(t.Context(), calib, target, []calibdir.HistoryRecord{
		{File: "0-end.data", Comment: "ours"}, {File: "1-end.data", Comment: "ours"},
	}))
	must(t, files.Settle())
	must(t, files.Close())
	if got := read(t, target.Path()); got != "constants" {
		t.Errorf("installed %q", got)
	}
	records, err := calib.History(target)
	if err != nil || len(records) != 2 {
		t.Errorf("%d records, %v", len(records), err)
	}

	files = atomicfile.NewBatchOn(atomicfile.Host)
	b = calibdir.NewBatch(files)
	if gone, err := b.RemoveHistory(calib, target, func(r calibdir.HistoryRecord) bool { return r.File == "0-end.data" }); gone || err != nil {
		t.Errorf("a HISTORY with a line of others: %v, %v", gone, err)
	}
	if gone, err := b.RemoveHistory(calib, target, func(r calibdir.HistoryRecord) bool { return r.Comment == "ours" }); !gone || err != nil {
		t.Errorf("a HISTORY of ours: %v, %v", gone, err)
	}
	change, err = b.Look(calib, target)
	must(t, err)
	change.StageRemoval()
	for i := len(made) - 1; i >= 0; i-- { // not empty yet
		must(t, b.RemoveFolder(calib, made[i]))
	}
	_, err = change.Take()
	must(t, err)
	for i := len(made) - 1; i >= 0; i-- {
		must(t, b.RemoveFolder(calib, made[i]))
	}
	must(t, files.Settle())
	must(t, files.Close())
	if after := tree(t, dir); after != before {
		t.Errorf("not taken back:\n%s", after)
	}
}

// Text that is no record belongs to somebody.
func TestRemoveHistoryOfOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	calib := create(t, dir)
	target := gain(dir)
	folder := filepath.Dir(target.Path())
	must(t, os.MkdirAll(folder, 0o755))
	must(t, os.WriteFile(filepath.Join(folder, "HISTORY"), []byte("a note\n"), 0o644))
	files := atomicfile.NewBatchOn(atomicfile.Host)
	defer files.Close()
	gone, err := calibdir.NewBatch(files).RemoveHistory(calib, target, func(calibdir.HistoryRecord) bool { return true })
	if gone || err != nil {
		t.Errorf("%v, %v", gone, err)
	}
	if _, err := calibdir.NewBatch(files).Look(calib, gain("/elsewhere")); !errors.Is(err, calibdir.ErrPath) {
		t.Errorf("another directory: %v", err)
	}
}

// A reserved directory is made with the first folder in it, with mode, and can be
// removed; nothing is made above it, and a link is opened as ever.
func TestReserve(t *testing.T) {
	experiment := t.TempDir()
	dir := filepath.Join(experiment, "calib")
	before := tree(t, experiment)
	calib, err := calibdir.Reserve(dir, options)
	if err != nil {
		t.Fatal(err)
	}
	defer calib.Close()
	target := gain(dir)
	all := []string{".", target.Group, target.Group + "/" + target.Source, target.Group + "/" + target.Source + "/" + target.CType}
	missing, err := calib.MissingFolder(target)
	if diff := cmp.Diff(all, missing); diff != "" || err != nil {
		t.Errorf("missing: %v\n%s", err, diff)
	}
	if names, err := calib.Names(target); len(names) > 0 || err != nil || tree(t, experiment) != before {
		t.Errorf("names %v, %v", names, err)
	}
	files := atomicfile.NewBatchOn(atomicfile.Host)
	defer files.Close()
	b := calibdir.NewBatch(files)
	made, err := b.MakeFolder(calib, target)
	if diff := cmp.Diff(all, made); diff != "" || err != nil {
		t.Errorf("made: %v\n%s", err, diff)
	}
	if info, err := os.Stat(dir); err != nil || atomicfile.ModeOf(info.Mode()) != options.DirMode|atomicfile.Setgid {
		t.Errorf("%v, %v", info, err)
	}
	for _, name := range slices.Backward(made) {
		if err := b.RemoveFolder(calib, name); err != nil {
			t.Error(err)
		}
	}
	if diff := cmp.Diff(before, tree(t, experiment)); diff != "" {
		t.Error(diff)
	}
	if _, err := calibdir.Reserve(filepath.Join(dir, "calib"), options); !errors.Is(err, calibdir.ErrNoExperimentDir) {
		t.Errorf("without experiment: %v", err)
	}
	if err := os.Symlink("nowhere", dir); err != nil {
		t.Fatal(err)
	}
	if _, err := calibdir.Reserve(dir, options); !errors.Is(err, calibdir.ErrNoCalibDir) {
		t.Errorf("dangling link: %v", err)
	}
}
