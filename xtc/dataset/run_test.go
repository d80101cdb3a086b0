package dataset_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// TestCutChunk checks that a stream goes on behind a chunk that ends inside a
// datagram.
func TestCutChunk(t *testing.T) {
	files := content{
		"s00-c00": {configure(10, epix(epixSource, 1)), dgram(xtc.TransitionEnable, at(11), 0, epix(epixSource, 1))},
		"s00-c01": {beginRun(20, 260)},
	}.write(t)
	first := files.Files[0].Path
	info, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range []int64{1, 100, 900} {
		if err := os.Truncate(first, info.Size()-cut); err != nil {
			t.Fatal(err)
		}
		run := readRun(t, files)
		if run.BeginRun == nil || run.BeginRun.Clock != at(20) || versionOf(t, run.Store, epixSource) != 1 {
			t.Errorf("cut by %d: %+v", cut, run)
		}
		if len(run.Warnings) != 1 || run.Warnings[0].Path != first || !errors.Is(run.Warnings[0].Err, xtc.ErrTornDgram) {
			t.Errorf("cut by %d: warnings %v", cut, run.Warnings)
		}
	}
}

// TestCutAnywhere cuts a run at every byte: there is an error, a warning, or the
// whole result, and never a detector with another id.
func TestCutAnywhere(t *testing.T) {
	whole := xtctest.Encode(configure(10, epix(epixSource, 1), aliasesOf("epix", epixSource)), beginRun(20, 260))
	files := dataset.GroupRuns([]dataset.FileName{dataset.ParseFileName("e665-r0007-s00-c00.xtc")})[0]
	for size := range len(whole) + 1 {
		open := func(string) (*xtc.File, error) {
			return xtc.NewFile(bytes.NewReader(whole), int64(size), xtc.Limits{}), nil
		}
		run, err := dataset.ReadRun(t.Context(), files, dataset.Options{Open: open})
		switch {
		case err != nil:
			if !errors.Is(err, dataset.ErrEmpty) {
				t.Errorf("cut at %d: %v", size, err)
			}
		case versionOf(t, run.Store, "epix") != 1:
			t.Errorf("cut at %d: no detector", size)
		case (run.BeginRun == nil) != (size < len(whole)) || (len(run.Warnings) == 0) != (size == len(whole)):
			t.Errorf("cut at %d: begin of the run %v, warnings %v", size, run.BeginRun, run.Warnings)
		}
	}
}

// TestFirstClock checks the signed arithmetic that psana applies to the first
// datagram of a stream, and to no other.
func TestFirstClock(t *testing.T) {
	for _, test := range []struct{ nsec, wantSec, wantNsec uint32 }{
		{0, 100, 0},
		{999_999_999, 100, 999_999_999},
		{1_000_000_000, 101, 0},
		{1<<31 - 1, 101, 1<<31 - 1 - 1_000_000_000},
		{1 << 31, 99, 1<<31 + 1_000_000_000},
		{1<<32 - 1, 99, 999_999_999},
	} {
		clock := xtc.Clock{Sec: 100, Nsec: test.nsec}
		run := readRun(t, content{"s00-c00": {dgram(xtc.TransitionConfigure, clock, 0), dgram(xtc.TransitionBeginRun, clock, 1)}}.write(t))
		if want := (xtc.Clock{Sec: test.wantSec, Nsec: test.wantNsec}); run.Configure.Clock != want {
			t.Errorf("%d ns: Configure at %v, want %v", test.nsec, run.Configure.Clock, want)
		}
		if run.BeginRun.Clock != clock {
			t.Errorf("%d ns: BeginRun at %v, want %v", test.nsec, run.BeginRun.Clock, clock)
		}
	}
}

func TestReadRunErrors(t *testing.T) {
	files := content{"s00-c00": {configure(10)}, "s01-c00": {configure(10)}}.write(t)
	t.Run("missing file", func(t *testing.T) {
		missing := dataset.RunFiles{Files: []dataset.FileName{{Path: filepath.Join(t.TempDir(), "gone.xtc")}}}
		if _, err := dataset.ReadRun(t.Context(), missing, dataset.Options{}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("no files", func(t *testing.T) {
		if _, err := dataset.ReadRun(t.Context(), dataset.RunFiles{Run: 7}, dataset.Options{}); !errors.Is(err, dataset.ErrEmpty) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(cause)
		if _, err := dataset.ReadRun(ctx, files, dataset.Options{}); !errors.Is(err, cause) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("second stream cannot be opened", func(t *testing.T) {
		var opened []*xtc.File
		open := func(path string) (*xtc.File, error) {
			if len(opened) == 1 {
				return nil, fs.ErrPermission
			}
			file, err := xtc.Open(path)
			opened = append(opened, file)
			return file, err
		}
		_, err := dataset.ReadRun(t.Context(), files, dataset.Options{Open: open})
		if !errors.Is(err, fs.ErrPermission) {
			t.Errorf("error %v", err)
		}
		if err := opened[0].Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("the first stream was left open: %v", err)
		}
	})
}

// TestChangedFile checks that a file that grows is reported where its end matters.
func TestChangedFile(t *testing.T) {
	for _, test := range []struct {
		name    string
		dgrams  []xtctest.Dgram
		changed bool
	}{
		{"read to its end", []xtctest.Dgram{configure(10)}, true},
		{"read to the begin of the run", []xtctest.Dgram{configure(10), beginRun(20, 1), event(21, 3)}, false},
	} {
		open := func(path string) (*xtc.File, error) {
			file, err := xtc.Open(path)
			if err != nil {
				return nil, err
			}
			grown := append(slices.Clone(test.dgrams), beginRun(30, 1))
			return file, xtctest.WriteFile(path, grown)
		}
		run, err := dataset.ReadRun(t.Context(), content{"s00-c00": test.dgrams}.write(t), dataset.Options{Open: open})
		if err != nil {
			t.Fatal(err)
		}
		changed := slices.ContainsFunc(run.Warnings, func(w dataset.Warning) bool { return errors.Is(w.Err, dataset.ErrChanged) })
		if changed != test.changed {
			t.Errorf("%s: warnings %v", test.name, run.Warnings)
		}
	}
}

// failingReader fails its k-th read, counted from 1.
type failingReader struct {
	*bytes.Reader
	reads, k int
}

var errRead = errors.New("stale file handle")

func (r *failingReader) ReadAt(p []byte, off int64) (int, error) {
	if r.reads++; r.reads == r.k {
		return 0, errRead
	}
	return r.Reader.ReadAt(p, off)
}

// TestReadFailure fails every read in turn: a run is never read half.
func TestReadFailure(t *testing.T) {
	run := xtctest.Run{
		Number: 7, BeginRun: at(1458353250),
		Detectors: []xtctest.Detector{{Source: "XcsEndstation.0:Epix10ka2M.0", Class: "Epix.Config10ka2MV2"}},
	}
	whole := xtctest.Encode(run.Dgrams(0)...)
	files := dataset.GroupRuns([]dataset.FileName{dataset.ParseFileName("e665-r0007-s00-c00.xtc")})[0]
	for k := 1; ; k++ {
		reader := &failingReader{Reader: bytes.NewReader(whole), k: k}
		open := func(string) (*xtc.File, error) { return xtc.NewFile(reader, int64(len(whole)), xtc.Limits{}), nil }
		run, err := dataset.ReadRun(t.Context(), files, dataset.Options{Open: open})
		if reader.reads < k {
			if err != nil || len(run.Store.Detectors()) != 2 {
				t.Errorf("without a failure: %+v, %v", run, err)
			}
			break
		}
		if !errors.Is(err, errRead) || run != nil {
			t.Errorf("read %d failed: %+v, %v", k, run, err)
		}
	}
}

// TestReadBudget checks how little of a file is read for the ids and the times,
// however large the objects are.
func TestReadBudget(t *testing.T) {
	for _, class := range []string{"Epix.Config100aV2", "Epix.Config10ka2MV2", "CsPad.ConfigV5", "Jungfrau.ConfigV4"} {
		for _, streams := range [][]int{{0}, {0, 1, 2, 3, 4, 5, 80}} {
			t.Run(fmt.Sprintf("%s/%d", class, len(streams)), func(t *testing.T) {
				checkBudget(t, class, streams)
			})
		}
	}
}

func checkBudget(t *testing.T, class string, streams []int) {
	dir := t.TempDir()
	source := map[string]string{
		"Epix.Config100aV2": epixSource, "Epix.Config10ka2MV2": "XcsEndstation.0:Epix10ka2M.0",
		"CsPad.ConfigV5": "CxiDs1.0:Cspad.0", "Jungfrau.ConfigV4": "CxiEndstation.0:Jungfrau.0",
	}[class]
	run := xtctest.Run{
		Experiment: "xpptut15", Number: 7, BeginRun: at(1458353250), Streams: streams, Events: 100, FramePayload: 1 << 20,
		Detectors: []xtctest.Detector{{Source: source, Alias: "camera", Class: class}},
	}
	paths, err := run.Write(dir, "e665")
	if err != nil {
		t.Fatal(err)
	}
	var names []dataset.FileName
	for _, path := range paths {
		names = append(names, dataset.ParseFileName(path))
	}
	opened := map[string]*xtc.File{}
	open := func(path string) (*xtc.File, error) {
		file, err := xtc.Open(path)
		opened[path] = file
		return file, err
	}
	got, err := dataset.ReadRun(t.Context(), dataset.GroupRuns(names)[0], dataset.Options{Open: open})
	if err != nil {
		t.Fatal(err)
	}
	if detector, err := got.Store.Find("camera"); err != nil || detector.Class != class || detector.Config == nil {
		t.Errorf("detector %+v, %v", detector, err)
	}
	limit := 5
	if class == "Epix.Config10ka2MV2" {
		limit += 16 // one for each panel
	}
	for path, file := range opened {
		count, bytes := file.Reads()
		t.Logf("%s: %d reads, %d bytes", filepath.Base(path), count, bytes)
		if count > limit || bytes > 128<<10 {
			t.Errorf("%s: %d reads and %d bytes, want at most %d and 128 KiB", path, count, bytes, limit)
		}
	}
}

// FuzzReadRun reads two streams of any bytes: nothing panics, and reading again
// gives the same.
func FuzzReadRun(f *testing.F) {
	first := xtctest.Encode(configure(10, aliasesOf("epix", epixSource), epix(epixSource, 1)), beginRun(20, 260), event(30, 3))
	control := xtctest.Encode(configure(9, aliasesOf("epix", otherSource), epix(otherSource, 2)), beginRun(20, 260))
	f.Add(first, control)
	f.Add(first[:len(first)-50], control[:60])
	f.Add(control[100:], first)
	f.Fuzz(func(t *testing.T, acquisition, control []byte) {
		bytesOf := map[string][]byte{"e665-r0007-s00-c00.xtc": acquisition, "e665-r0007-s80-c00.xtc": control}
		open := func(path string) (*xtc.File, error) {
			content := bytesOf[path]
			return xtc.NewFile(bytes.NewReader(content), int64(len(content)), xtc.Limits{}), nil
		}
		var files []dataset.FileName
		for path := range bytesOf {
			files = append(files, dataset.ParseFileName(path))
		}
		read := func() (keys []dataset.Key, begin *dataset.EventID, err error) {
			run, err := dataset.ReadRun(t.Context(), dataset.GroupRuns(files)[0], dataset.Options{Open: open})
			if err != nil {
				checkLine(t, err)
				return nil, nil, err
			}
			for _, detector := range run.Store.Detectors() {
				if id, _, err := detector.ID(); (err == nil) != (detector.Err == nil) || (err == nil) != (id != "") {
					t.Errorf("id %q of %+v: %v", id, detector, err)
				}
			}
			return run.Store.Keys(), run.BeginRun, nil
		}
		keys, begin, err := read()
		againKeys, againBegin, againErr := read()
		if (err == nil) != (againErr == nil) || !cmp.Equal(keys, againKeys) || !cmp.Equal(begin, againBegin) {
			t.Errorf("read twice: %v %v %v and %v %v %v", keys, begin, err, againKeys, againBegin, againErr)
		}
	})
}
