package shard_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs"
	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/stages/shard"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Experiments on disk and those that only the ledger knows are work; files that the
// ledger does not know take longer.
func TestScan(t *testing.T) {
	root := t.TempDir()
	for name, files := range map[string]int{"xppaa0117": 4, "xppaa0217": 0, "cxiaa0317": 4} {
		dir := filepath.Join(root, name[:3], name, "xtc")
		must(t, os.MkdirAll(dir, 0o755))
		for n := range files {
			must(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-r%04d-s00-c00.xtc", name, n+1)), nil, 0o644))
		}
	}
	l, err := ledger.Open(t.TempDir())
	must(t, err)
	w := l.NewWriter()
	for n := 1; n <= 4; n++ {
		must(t, w.Add(ledger.Run{Experiment: "cxiaa0317", Instrument: "CXI", Dir: filepath.Join(root, "cxi/cxiaa0317/xtc"), Number: n, Files: []ledger.File{{Name: fmt.Sprint(n)}}}))
	}
	must(t, w.Add(ledger.Run{Experiment: "mfxaa0417", Instrument: "MFX", Dir: "/gone", Number: 1}))
	must(t, w.Commit(t.Context()))
	known, err := l.Load(t.Context())
	must(t, err)

	catalog := dataset.Catalog{Roots: []string{root}}
	work, err := shard.Scan(t.Context(), catalog, ledger.Filter{}, known, pipeline.Options{})
	must(t, err)
	var names []string
	took := map[string]time.Duration{}
	for _, one := range work {
		names, took[one.Experiment] = append(names, one.Experiment), one.Time
	}
	if diff := cmp.Diff([]string{"cxiaa0317", "mfxaa0417", "xppaa0117", "xppaa0217"}, names); diff != "" {
		t.Errorf("experiments:\n%s", diff)
	}
	if !(took["xppaa0117"] > took["cxiaa0317"] && took["cxiaa0317"] > took["xppaa0217"] && took["xppaa0217"] > 0) {
		t.Errorf("times %v", took)
	}
	some, err := shard.Scan(t.Context(), catalog, ledger.Filter{Experiments: []string{"xpp*"}}, known, pipeline.Options{})
	if err != nil || len(some) != 2 {
		t.Errorf("of xpp*: %v, %v", some, err)
	}
	if _, err := shard.Scan(t.Context(), dataset.Catalog{Roots: []string{filepath.Join(root, "none")}}, ledger.Filter{}, known, pipeline.Options{}); err == nil {
		t.Error("a missing root has no work")
	}
}

// planOf makes a plan of experiments with so many files each.
func planOf(t testing.TB, files ...int) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := planfile.NewWriter(&out, planfile.Header{Tool: "test", Zone: "UTC"})
	must(t, err)
	for e, n := range files {
		experiment := fmt.Sprintf("xpp%03d", e)
		for begin := n - 1; begin >= 0; begin-- {
			must(t, w.Write(planfile.Item{
				Kind: planfile.KindFile, Action: planfile.Create, Experiment: experiment, CalibDir: "/data/" + experiment + "/calib",
				Group: "Epix100a::CalibV1", Source: "XcsEndstation.0:Epix100a.1", Type: "epix100a", CType: "pixel_gain", Range: fmt.Sprintf("%d-end", begin),
				Runs:      planfile.Span{First: begin, Last: begin, Count: 1},
				Constants: &planfile.Constants{Path: "/repo/x.txt", SHA256: strings.Repeat("a", 64), Size: 1000, Kind: "specific"},
			}))
		}
	}
	must(t, w.Close())
	return out.Bytes()
}

func itemsOf(t testing.TB, plan []byte) (all []planfile.Item) {
	t.Helper()
	r, err := planfile.NewReader(bytes.NewReader(plan), planfile.Limits{})
	must(t, err)
	defer r.Close()
	for item, err := range r.Items() {
		must(t, err)
		all = append(all, item)
	}
	return all
}

func place(experiment string) (string, string, error) {
	return "XPP", "/data/" + experiment + "/xtc", nil
}

// The parts of a plan are plans, and together the whole; each item is in the shard of its
// experiment.
func TestApply(t *testing.T) {
	plan := planOf(t, 1, 5, 2, 0, 9, 1, 1, 4)
	work, err := shard.Apply(bytes.NewReader(plan), place)
	must(t, err)
	if len(work) != 7 || work[1].Files != 5 || work[1].Bytes != 5000 || work[1].Dir != "/data/xpp001/xtc" {
		t.Fatalf("%+v", work)
	}
	for n := 1; n <= 9; n++ {
		shards := shard.Cut(work, time.Nanosecond, n)
		must(t, shard.Split(bytes.NewReader(plan), shards))
		var together []planfile.Item
		for _, s := range shards {
			items := itemsOf(t, s.Plan)
			for _, item := range items {
				if item.Experiment < s.Work[0].Experiment || item.Experiment > s.Work[len(s.Work)-1].Experiment {
					t.Errorf("%d shards: %s is with %s", n, item.Experiment, s.Work[0].Experiment)
				}
			}
			together = append(together, items...)
		}
		if diff := cmp.Diff(itemsOf(t, plan), together); diff != "" || len(shards) > n {
			t.Errorf("%d shards of at most %d:\n%s", len(shards), n, diff)
		}
	}
	if shards := shard.Cut(nil, time.Minute, 5); shards != nil {
		t.Errorf("nothing is cut into %v", shards)
	}
	if _, err := shard.Apply(strings.NewReader("no plan"), place); err == nil {
		t.Error("what is no plan was read")
	}
}

// What is deployed and what is going to be is verified, in the order of the paths.
func TestVerify(t *testing.T) {
	store, err := tx.Open(jobs.State{Dir: t.TempDir()})
	must(t, err)
	transaction, err := store.Begin(t.Context(), tx.Header{Kind: tx.Apply, User: "u", Host: "h"}, nil)
	must(t, err)
	for _, calib := range []string{"/data2/xpp009/calib", "/data/xpp001/calib", "/data/cxi002/calib"} {
		content := tx.Content{SHA256: strings.Repeat("b", 64), Size: 10}
		must(t, transaction.Append(tx.Record{Kind: tx.Adopted, New: &content, Place: tx.Place{
			Experiment: strings.Split(calib, "/")[2], CalibDir: calib, Group: "Epix100a::CalibV1", Source: "XcsEndstation.0:Epix100a.1", CType: "pixel_gain", Range: "0-end",
		}}))
	}
	must(t, transaction.Finish(tx.Result{}))
	deployed, err := store.Deployed(t.Context())
	must(t, err)
	calibDir := func(experiment string) (string, error) { return "/data/" + experiment + "/calib", nil }
	order := func(filter ledger.Filter, plan []byte) (names []string) {
		var reader io.Reader
		if plan != nil {
			reader = bytes.NewReader(plan)
		}
		work, err := shard.Verify(deployed, filter, reader, calibDir)
		must(t, err)
		for _, w := range work {
			names = append(names, fmt.Sprint(w.Experiment, " ", w.Files))
		}
		return names
	}
	for name, test := range map[string]struct {
		got, want []string
	}{
		"deployed":  {order(ledger.Filter{}, nil), []string{"cxi002 1", "xpp001 1", "xpp009 1"}},
		"with plan": {order(ledger.Filter{}, planOf(t, 2, 3)), []string{"cxi002 1", "xpp000 2", "xpp001 4", "xpp009 1"}},
		"filter":    {order(ledger.Filter{Experiments: []string{"cxi*"}}, nil), []string{"cxi002 1"}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}
