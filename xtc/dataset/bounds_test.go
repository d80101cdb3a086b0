package dataset_test

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

// TestBounds checks that a file cannot make a run hold more than a bounded count
// of objects and warnings.
func TestBounds(t *testing.T) {
	many := func(count int, first uint32) []xtctest.Node {
		nodes := make([]xtctest.Node, count)
		for i := range nodes {
			src := xtc.BldInfo(0, first+uint32(i))
			nodes[i] = xtctest.Node{Src: src, Contains: xtc.NewTypeID(xtc.TypeIpimbConfig, 2), Payload: []byte{0, 0, 0, 0}}
		}
		return nodes
	}
	t.Run("objects", func(t *testing.T) {
		const half = 1 << 14
		run := readRun(t, content{"s00-c00": {configure(10, many(half, 0)...), configure(11, many(half, 0)...), beginRun(20, 1)}}.write(t))
		if keys := len(run.Store.Keys()); keys != half {
			t.Errorf("%d objects, want %d", keys, half)
		}
		files := content{"s00-c00": {configure(10, many(half, 0)...), configure(11, many(half+1, half)...), beginRun(20, 1)}}.write(t)
		if _, err := dataset.ReadRun(t.Context(), files, dataset.Options{}); !errors.Is(err, xtc.ErrNodes) {
			t.Errorf("more than twice as many: %v", err)
		}
	})
	t.Run("lists of objects", func(t *testing.T) {
		// As holes in a sparse file these cost whoever plants them nothing.
		const entries, objects = 1 << 13, 100
		nodes := make([]xtctest.Node, objects)
		for i := range nodes {
			nodes[i] = xtctest.Node{
				Src: xtc.BldInfo(0, uint32(i)), Contains: xtc.NewTypeID(xtc.TypeAliasConfig, 1),
				Payload: binary.LittleEndian.AppendUint32(nil, entries), Sparse: entries * 40,
			}
		}
		files := content{"s00-c00": {configure(10, nodes...), beginRun(20, 1)}}.write(t)
		if _, err := dataset.ReadRun(t.Context(), files, dataset.Options{}); !errors.Is(err, xtc.ErrNodes) {
			t.Errorf("%d lists of %d: %v", objects, entries, err)
		}
	})
	t.Run("datagrams", func(t *testing.T) {
		for name, one := range map[string]xtctest.Dgram{
			"passed over": dgram(xtc.TransitionEnable, at(11), 0),
			"looked at":   dgram(xtc.TransitionEndRun, at(11), 0),
			"merged":      configure(11),
		} {
			const limit = 1000
			begun := append([]xtctest.Dgram{configure(10)}, slices.Repeat([]xtctest.Dgram{one}, limit-2)...)
			run := readRun(t, content{"s00-c00": append(slices.Clone(begun), beginRun(20, 1))}.write(t))
			if run.BeginRun == nil || run.BeginRun.Clock != at(20) {
				t.Errorf("%s: begin of the run %v", name, run.BeginRun)
			}
			late := content{"s00-c00": append(begun, one, beginRun(20, 1))}.write(t)
			_, err := dataset.ReadRun(t.Context(), late, dataset.Options{})
			if broken, ok := errors.AsType[*xtc.FormatError](err); !ok || !errors.Is(err, dataset.ErrLate) || broken.Got != limit+1 {
				t.Errorf("%s, one more: %v", name, err)
			}
		}
	})
	t.Run("warnings", func(t *testing.T) {
		nodes := make([]xtctest.Node, 1000)
		for i := range nodes {
			nodes[i] = xtctest.Node{Children: []xtctest.Node{{Extent: 8}}}
		}
		run := readRun(t, content{"s00-c00": {configure(10, nodes...), beginRun(20, 1)}}.write(t))
		if len(run.Warnings) != 100 || !errors.Is(run.Warnings[99].Err, xtc.ErrExtent) {
			t.Errorf("%d warnings, the last %v", len(run.Warnings), run.Warnings[len(run.Warnings)-1])
		}
	})
}

// TestDescriptors checks that no run, good or bad, leaves a file open.
func TestDescriptors(t *testing.T) {
	dir := t.TempDir()
	testenv.Unpack(t, filepath.Join(dir, "bad"), testenv.Shared(t, "xtc", "bad"))
	testenv.Unpack(t, filepath.Join(dir, "partial"), testenv.Shared(t, "xtc", "partial", "psdm"))
	var names []dataset.FileName
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".xtc" {
			names = append(names, dataset.ParseFileName(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before := openDescriptors(t)
	failed := 0
	for _, run := range append(dataset.GroupRuns(names), dataset.RunFiles{Files: names}) {
		if _, err := dataset.ReadRun(t.Context(), run, dataset.Options{}); err != nil {
			failed++
		}
	}
	if failed == 0 {
		t.Error("no run failed")
	}
	if after := openDescriptors(t); after != before {
		t.Errorf("%d descriptors are open, %d were before", after, before)
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
