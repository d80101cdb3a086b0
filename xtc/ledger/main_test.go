package ledger_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"deployconstants/xtc/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// open opens a ledger in dir.
func open(t testing.TB, dir string) *ledger.Ledger {
	t.Helper()
	l, err := ledger.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// commit writes the runs as one segment.
func commit(t testing.TB, l *ledger.Ledger, runs ...ledger.Run) {
	t.Helper()
	w := l.NewWriter()
	for _, run := range runs {
		if err := w.Add(run); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// load loads the ledger.
func load(t testing.TB, l *ledger.Ledger) *ledger.Index {
	t.Helper()
	x, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// all returns the runs of the index.
func all(x *ledger.Index) []ledger.Run {
	var runs []ledger.Run
	for _, name := range x.Experiments() {
		e, _ := x.Experiment(name)
		for run := range e.Runs() {
			runs = append(runs, run)
		}
	}
	return runs
}

// segmentBytes returns the content of a segment of the runs.
func segmentBytes(t testing.TB, runs ...ledger.Run) []byte {
	t.Helper()
	l := open(t, t.TempDir())
	commit(t, l, runs...)
	content, err := os.ReadFile(filepath.Join(l.Dir(), segmentNames(t, l)[0]))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// plant puts content into dir under a name with the right checksum: what passes
// for a segment until it is decoded.
func plant(t testing.TB, dir string, content []byte) string {
	t.Helper()
	sum := sha256.Sum256(content)
	path := filepath.Join(dir, "20261124T000000.000000000Z-"+hex.EncodeToString(sum[:8])+".parquet")
	if err := os.WriteFile(path, content, 0o640); err != nil {
		t.Fatal(err)
	}
	return path
}

func segmentNames(t testing.TB, l *ledger.Ledger) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(l.Dir(), "*.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths
}

// sample is a run with everything in it.
func sample(experiment string, number int) ledger.Run {
	begin := 1400000000123456789 + int64(number)*600e9
	return ledger.Run{
		Experiment: experiment, Instrument: "XPP", Dir: "/data/xpp/" + experiment + "/xtc", Number: number,
		Configure: begin - 5e9, BeginRun: begin, Scanned: 1700000000987654321,
		Files: []ledger.File{
			{Name: "e665-r0260-s00-c00.xtc", Size: 1234567, ModTime: begin + 1},
			{Name: "smalldata/e665-r0260-s00-c00.smd.xtc", Size: 89, ModTime: 0},
		},
		Sources: []ledger.Source{
			{Name: "XppEndstation.0:Opal1000.0", Type: "opal1000", ID: "XppEndstation-0-Opal1000-0", IDIsName: true, Class: "Opal1k.ConfigV1", Version: 1},
			{Name: "XppGon.0:Cspad.0", Alias: "cspad", Type: "cspad", Class: "CsPad.ConfigV5", Version: 5, Cause: "no partition, \"quoted\",\nand a second line"},
			{Name: "XrayTransportDiagnostic.0:Wave8.0"},
		},
	}
}
