package xtc_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// realRun is a run whose files have the real sizes.
func realRun(class string, source string) xtctest.Run {
	return xtctest.Run{
		Number:   260,
		BeginRun: xtc.Clock{Sec: 1458353850, Nsec: 5},
		Detectors: []xtctest.Detector{
			{Source: source, Alias: "detector", Class: class, Fields: map[string]any{"version": 3925999616}},
			{Source: "XppEndstation.0:Opal1000.1", Alias: "opal_1", Class: "Opal1k.ConfigV1"},
		},
		Events:       2,
		FramePayload: 1 << 20,
	}
}

// header reads what a scan needs of a file: the ids of its Configure and the clock of
// its BeginRun.
func header(f *xtc.File) (ids []string, begin xtc.Clock, err error) {
	for d, err := range f.Dgrams() {
		if err != nil {
			return ids, begin, err
		}
		switch d.Service() {
		case xtc.TransitionBeginRun:
			return ids, d.Clock, nil
		case xtc.TransitionConfigure:
			for n, err := range f.Nodes(d) {
				if err != nil {
					return ids, begin, err
				}
				c, err := f.Config(n)
				if err != nil && !errors.Is(err, xtc.ErrNotConfig) {
					return ids, begin, err
				}
				if id, ok := xtc.HardwareID(c); err == nil && ok {
					ids = append(ids, id)
				}
			}
		}
	}
	return ids, begin, errors.New("no BeginRun")
}

// The head of a file costs a few small reads, whatever the size of its objects.
func TestReadsOfHeader(t *testing.T) {
	tests := []struct {
		class, source string
		size          int64 // bytes of the file at least
		reads         int   // at most
		bytes         int64 // at most
	}{
		{"Epix.Config100aV2", "XcsEndstation.0:Epix100a.1", 3 << 20, 5, 128 << 10},
		{"Jungfrau.ConfigV3", "CxiDs1.0:Jungfrau.0", 2 << 20, 2, 16 << 10},
		{"Epix.Config10ka2MV2", "XcsEndstation.0:Epix10ka2M.0", 6 << 20, 22, 32 << 10},
	}
	for _, test := range tests {
		t.Run(test.class, func(t *testing.T) {
			run := realRun(test.class, test.source)
			paths, err := run.Write(t.TempDir(), "e665")
			if err != nil {
				t.Fatal(err)
			}
			f, err := xtc.Open(paths[0])
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.Size() < test.size {
				t.Errorf("the file has %d bytes", f.Size())
			}
			ids, begin, err := header(f)
			if err != nil || begin != run.BeginRun {
				t.Fatalf("BeginRun at %v, %v", begin, err)
			}
			if test.class == "Epix.Config100aV2" && (len(ids) != 1 || ids[0][:10] != "3925999616") {
				t.Errorf("ids %v", ids)
			}
			count, bytes := f.Reads()
			t.Logf("%d reads, %d bytes", count, bytes)
			if count > test.reads || bytes > test.bytes {
				t.Errorf("%d reads of %d bytes, want at most %d of %d", count, bytes, test.reads, test.bytes)
			}
		})
	}
}

// Skipping the payloads of many frames costs one read for each datagram at most.
func TestReadsOfLargeFile(t *testing.T) {
	run := realRun("Epix.Config100aV2", "XcsEndstation.0:Epix100a.1")
	run.Events, run.FramePayload = 300, 8<<20
	paths, err := run.Write(t.TempDir(), "e665")
	if err != nil {
		t.Fatal(err)
	}
	f, err := xtc.Open(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Size() < 2<<30 {
		t.Errorf("the file has %d bytes", f.Size())
	}
	dgrams := 0
	for _, err := range f.Dgrams() {
		if err != nil {
			t.Fatal(err)
		}
		dgrams++
	}
	if want := 300 + 7; dgrams != want {
		t.Errorf("%d datagrams, want %d", dgrams, want)
	}
	if count, _ := f.Reads(); count > dgrams {
		t.Errorf("%d reads for %d datagrams", count, dgrams)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := xtc.Open(filepath.Join(dir, "absent.xtc")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an absent file: %v", err)
	}
	if _, err := xtc.Open(dir); !errors.Is(err, xtc.ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
	pipe := filepath.Join(dir, "pipe.xtc")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := xtc.Open(pipe); !errors.Is(err, xtc.ErrNotRegular) {
		t.Errorf("a pipe: %v", err)
	}
}

func TestCloseTwice(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xtc")
	if err := xtctest.WriteFile(path, nil); err != nil {
		t.Fatal(err)
	}
	f, err := xtc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("the second Close: %v", err)
	}
}

func TestChanged(t *testing.T) {
	change := map[string]struct {
		do      func(path string) error
		changed bool
	}{
		"nothing": {func(string) error { return nil }, false},
		"grown": {func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("more")
			return errors.Join(err, f.Close())
		}, true},
		"cut":       {func(path string) error { return os.Truncate(path, 10) }, true},
		"rewritten": {func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1458353850, 0)) }, true},
		"replaced":  {func(path string) error { return os.Rename(path, path+".old") }, false},
	}
	for name, test := range change {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.xtc")
			if err := xtctest.WriteFile(path, realRun("Jungfrau.ConfigV3", "CxiDs1.0:Jungfrau.0").Dgrams(0)); err != nil {
				t.Fatal(err)
			}
			f, err := xtc.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := test.do(path); err != nil {
				t.Fatal(err)
			}
			if got, err := f.Changed(); got != test.changed || err != nil {
				t.Errorf("changed: %v, %v", got, err)
			}
		})
	}
	if _, err := newFile(nil, xtc.Limits{}).Changed(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a reader of the caller: %v", err)
	}
}

// A file that is cut while it is read ends with an error that says so.
func TestFileShrinksWhileRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xtc")
	if err := xtctest.WriteFile(path, realRun("Epix.Config100aV2", "XcsEndstation.0:Epix100a.1").Dgrams(0)); err != nil {
		t.Fatal(err)
	}
	f, err := xtc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(path, 5000); err != nil {
		t.Fatal(err)
	}
	if _, _, err := header(f); !errors.Is(err, xtc.ErrTornDgram) {
		t.Errorf("%v, want %v", err, xtc.ErrTornDgram)
	}
}

// A node of an earlier datagram cannot be used with a Reader, and says so.
func TestReaderIsStale(t *testing.T) {
	b := xtctest.Encode(realRun("Jungfrau.ConfigV3", "CxiDs1.0:Jungfrau.0").Dgrams(0)...)
	r := xtc.NewReader(newStream(b), xtc.Limits{})
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	var config xtc.Node
	for n, err := range r.Nodes(first) {
		if err != nil {
			t.Fatal(err)
		}
		if n.Contains.Type() == xtc.TypeJungfrauConfig {
			config = *n
		}
	}
	if _, err := r.Config(&config); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Config(&config); !errors.Is(err, xtc.ErrStale) {
		t.Errorf("Config gives %v", err)
	}
	for _, err := range r.Nodes(first) {
		if !errors.Is(err, xtc.ErrStale) {
			t.Errorf("Nodes gives %v", err)
		}
	}
}
