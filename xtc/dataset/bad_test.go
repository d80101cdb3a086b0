package dataset_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
)

// A badResult is what psana does with a broken file. A crash has neither an
// exception nor a count of keys.
type badResult struct {
	What  string
	Psana struct {
		Exception string
		Start     *expectedEventID `json:"after_datasource_eventid"`
		Config    *struct {
			Class, Src string
			Version    uint32
			CarrierID0 uint32 `json:"carrierId0"`
		}
		Keys     *int `json:"n_config_keys"`
		Sequence []string
	}
}

// badDeviations are the broken files that are not read as psana reads them, and
// why. An err of nil says that the file is read without error.
// Each reason begins with the row of docs/compatibility.md.
var badDeviations = map[string]struct {
	reason  string
	err     error // of ReadRun
	damaged error // of the detector that the reference asks for
}{
	"alias_count_huge.xtc":       {reason: "row 26: psana crashes; the alias list is refused, the detector is read"},
	"child_extent_80000000.xtc":  {reason: "row 26: psana crashes; the object is cut to its container and read"},
	"dgram_extent_ffffffff.xtc":  {reason: "row 26: psana crashes", err: xtc.ErrTooLarge},
	"dgram_extent_20.xtc":        {reason: "row 26: psana crashes, or fails after it has given out an empty Configure", err: xtc.ErrTooLarge},
	"child_extent_unaligned.xtc": {reason: "row 27: psana takes the end of the object from the bytes behind it", damaged: xtc.ErrConfig},
	"trailing_zeros_64.xtc":      {reason: "row 28: psana reads ahead to the damage, which lies behind the end of the run"},
	"config_payload_4.xtc":       {reason: "row 27: psana takes the id from the bytes behind the object", damaged: xtc.ErrConfig},
	"config_payload_short.xtc":   {reason: "row 27: psana takes the id from the bytes behind the object", damaged: xtc.ErrConfig},
	"nesting_50000.xtc":          {reason: "row 29: nested deeper than the reader's limit", err: xtc.ErrDepth},
}

func TestBadFiles(t *testing.T) {
	var results map[string]badResult
	readJSON(t, testenv.Shared(t, "xtc", "bad", "results.json"), &results)
	dir := t.TempDir()
	testenv.Unpack(t, dir, testenv.Shared(t, "xtc", "bad"))
	for name, want := range results {
		t.Run(name, func(t *testing.T) {
			testenv.Case(t, "bad runs")
			t.Log(want.What)
			checkBadFile(t, filepath.Join(dir, name), want)
		})
	}
}

func checkBadFile(t *testing.T, path string, want badResult) {
	deviation, deviates := badDeviations[filepath.Base(path)]
	spec, err := dataset.ParseSpec(path)
	if err != nil {
		t.Fatal(err)
	}
	found, err := dataset.Catalog{}.Find(spec)
	if err != nil {
		t.Fatal(err)
	}
	run, err := dataset.ReadRun(t.Context(), found.Runs[0], dataset.Options{})
	switch {
	case deviation.err != nil:
		if !errors.Is(err, deviation.err) || !strings.HasPrefix(err.Error(), path) {
			t.Errorf("got error %v, want %v after the path: %s", err, deviation.err, deviation.reason)
		}
		return
	case want.Psana.Exception != "" && !deviates:
		if err == nil {
			t.Errorf("no error, psana: %s", want.Psana.Exception)
		} else if empty := strings.HasPrefix(want.Psana.Exception, "EmptyInput"); errors.Is(err, dataset.ErrEmpty) != empty {
			t.Errorf("got %v, psana: %s", err, want.Psana.Exception)
		}
		return
	case err != nil:
		t.Fatal(err)
	}
	detector, present, err := run.Start.Match("XcsEndstation.0:Epix100a.1")
	if err != nil {
		t.Fatal(err)
	}
	if deviation.damaged != nil {
		if id, _, err := detector.ID(); !errors.Is(err, deviation.damaged) || detector.Config != nil || len(run.Warnings) == 0 {
			t.Errorf("id %q of %+v with warnings %v, error %v; want %v", id, detector, run.Warnings, err, deviation.damaged)
		}
		return
	}
	if deviates {
		if id, isName, err := detector.ID(); !present || isName || err != nil || run.BeginRun == nil {
			t.Errorf("read, but the id is %q, %v: %s", id, err, deviation.reason)
		}
		return
	}
	checkBadStart(t, run, detector, want)
}

func checkBadStart(t *testing.T, run *dataset.Run, detector dataset.Detector, want badResult) {
	t.Helper()
	if diff := cmp.Diff(want.Psana.Start.eventID(), run.Configure); diff != "" {
		t.Errorf("EventId after DataSource (-psana +ours):\n%s", diff)
	}
	if keys := len(run.Start.Keys()); keys != *want.Psana.Keys {
		t.Errorf("%d configStore keys, psana has %d", keys, *want.Psana.Keys)
	}
	config, decoded := detector.Config.(*xtc.EpixConfig)
	switch expected := want.Psana.Config; {
	case (expected != nil) != decoded:
		t.Errorf("configuration object %v, psana has %v", detector.Config, expected)
	case decoded && (config.Version != expected.Version || config.CarrierID[0] != expected.CarrierID0):
		t.Errorf("configuration object %+v, psana has %+v", config, expected)
	}
	begins := len(want.Psana.Sequence) > 1 && want.Psana.Sequence[1] == "BeginRun"
	if (run.BeginRun != nil) != begins {
		t.Errorf("EventId at BeginRun is %v, psana's steps are %v", run.BeginRun, want.Psana.Sequence)
	}
}

// TestWarningsTellWhyADetectorIsMissing: the run is read, the detector is not
// there, and a warning says where it went.
func TestWarningsTellWhyADetectorIsMissing(t *testing.T) {
	for name, want := range map[string]error{
		"configure_incomplete_damage.xtc":  dataset.ErrIncomplete,
		"configure_segment_incomplete.xtc": dataset.ErrIncomplete,
		"configure_not_container.xtc":      dataset.ErrIncomplete,
		"config_wrong_version.xtc":         dataset.ErrUnknownVersion,
		"config_compressed_bit.xtc":        dataset.ErrUnknownVersion,
		"child_extent_0.xtc":               xtc.ErrExtent,
		"configure_not_first.xtc":          dataset.ErrNoConfigure,
	} {
		t.Run(name, func(t *testing.T) {
			path := testenv.Shared(t, "xtc", "bad", name)
			run, err := dataset.ReadRun(t.Context(), dataset.GroupRuns([]dataset.FileName{dataset.ParseFileName(path)})[0], dataset.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(run.Warnings, func(w dataset.Warning) bool { return errors.Is(w.Err, want) }) {
				t.Errorf("no warning %q among %v", want, run.Warnings)
			}
		})
	}
}
