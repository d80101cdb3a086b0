package xtc_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// A file that is opened as it was listed says the same; one that is not so any more is
// found out, and nothing waits for it.
func TestDir(t *testing.T) {
	path := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(path, "a.xtc")
	run := realRun("Epix.Config100aV2", "XcsEndstation.0:Epix100a.1")
	write := func() xtc.Entry {
		must(xtctest.WriteFile(name, run.Dgrams(0)))
		info, err := os.Stat(name)
		must(err)
		return xtc.Entry{Name: "a.xtc", Size: info.Size(), ModTime: info.ModTime().UnixNano()}
	}
	for what, test := range map[string]struct {
		change  func(*xtc.Entry) error // before it is opened
		changed bool
		opens   error
		reads   error
	}{
		"as listed":  {func(*xtc.Entry) error { return nil }, false, nil, nil},
		"touched":    {func(e *xtc.Entry) error { e.ModTime--; return nil }, true, nil, nil},
		"grown":      {func(*xtc.Entry) error { return os.Truncate(name, 100<<20) }, true, nil, nil},
		"cut":        {func(*xtc.Entry) error { return os.Truncate(name, 50) }, true, nil, xtc.ErrTornDgram},
		"gone":       {func(*xtc.Entry) error { return os.Remove(name) }, false, fs.ErrNotExist, nil},
		"not a name": {func(e *xtc.Entry) error { e.Name += "\x00"; return nil }, false, syscall.EINVAL, nil},
		"a pipe": {func(*xtc.Entry) error { return errors.Join(os.Remove(name), syscall.Mkfifo(name, 0o600)) },
			true, nil, syscall.ESPIPE},
		"a directory": {func(*xtc.Entry) error { return errors.Join(os.Remove(name), os.Mkdir(name, 0o700)) },
			true, nil, syscall.EISDIR},
	} {
		t.Run(what, func(t *testing.T) {
			must(os.RemoveAll(name))
			entry := write()
			must(test.change(&entry))
			dir, err := xtc.OpenDir(path)
			must(err)
			f, err := dir.Open(entry)
			must(dir.Close())
			if !errors.Is(err, test.opens) {
				t.Fatalf("Open: %v, want %v", err, test.opens)
			}
			if err != nil {
				return
			}
			defer f.Close()
			_, begin, err := header(f)
			if !errors.Is(err, test.reads) || err == nil && begin != run.BeginRun {
				t.Errorf("read: %v, want %v", err, test.reads)
			}
			if changed, err := f.Changed(); changed != test.changed || err != nil {
				t.Errorf("changed: %v, %v", changed, err)
			}
		})
	}
	if _, err := xtc.OpenDir(filepath.Join(path, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent directory: %v", err)
	}
}
