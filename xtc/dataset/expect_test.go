package dataset_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
)

// An expectation is what psana makes of a list of data set strings.
type expectation struct {
	Inputs    []string
	Dataset0  *expectedDataset
	Dataset1  *expectedDataset
	Dataset2  *expectedDataset
	CalibDir  string
	Exception string
	Start     *expectedEventID `json:"after_datasource_eventid"`
	Keys      []expectedKey    `json:"config_keys"`
	Sources   []expectedSource
	AfterAll  []expectedSource `json:"config_after_all"`
	Sequence  [][]json.RawMessage
}

type expectedDataset struct {
	IsFile     bool
	ExpID      int
	Instrument string
	Experiment string
	DirName    string
	SMD        bool
	Live       bool
	Files      []string
}

type expectedEventID struct {
	Sec, Nsec, Fiducials, Ticks uint32
	Run                         int
	Vector                      uint16
	Control                     uint8
}

type expectedKey struct{ Type, Alias, Log, Phy, Src string }

type expectedSource struct {
	Spec     string
	Match    string
	Exact    bool
	Error    string
	Config   struct{ Class, Log, Phy string }
	ID       string `json:"psana_id"`
	IDOrName string `json:"psana_detector_id_or_name"`
}

// beginRuns returns psana's configStore EventIds at the BeginRun steps.
func (e *expectation) beginRuns(t *testing.T) []*dataset.EventID {
	t.Helper()
	var ids []*dataset.EventID
	for _, row := range e.Sequence {
		if string(row[0]) != `"BeginRun"` {
			continue
		}
		var id *expectedEventID
		if err := json.Unmarshal(row[2], &id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id.eventID())
	}
	return ids
}

func (e *expectedEventID) eventID() *dataset.EventID {
	if e == nil {
		return nil
	}
	return &dataset.EventID{
		Clock: xtc.Clock{Sec: e.Sec, Nsec: e.Nsec}, Run: e.Run,
		Fiducials: e.Fiducials, Ticks: e.Ticks, Vector: e.Vector, Control: e.Control,
	}
}

// loadExpectations reads the expectations below dir, by the name of their file.
func loadExpectations(t *testing.T, dir string) map[string]*expectation {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no expectations in %s: %v", dir, err)
	}
	all := map[string]*expectation{}
	for _, path := range paths {
		one := &expectation{}
		readJSON(t, path, one)
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = one
	}
	return all
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// referenceTable is the experiment table that psana had for the expectations.
const referenceTable = `10 AMO amo00209
100 SXR sxr27211
167 XCS xcsi0112
361 AMO amob5114
545 CXI cxif5315
553 CXI cxig0715
642 SXR sxrh4315
665 XPP xpptut15
968 DET detdaq17
1076 CXI cxilq5515
1140 MFX mfxls4916
`

// modernTable is that of the root in which xpptut15 has no number.
const modernTable = "10 AMO amo00209\n"

func table(t testing.TB, text string) *dataset.Experiments {
	t.Helper()
	table, err := dataset.ReadExperiments(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// deviations are the rows of the expectations in which this package differs from
// psana on purpose, by expectation and field, with the row of
// docs/compatibility.md.
var deviations = map[[2]string]string{
	{"modern-xpptut15-r260-file", "dirName"}:  "row 25: the experiment is not known; psana composes $ROOT///xtc, which nobody can use",
	{"modern-xpptut15-r260-file", "calibDir"}: "row 25: the experiment is not known; psana composes $ROOT///calib, which nobody can use",
}

func TestRunExpectations(t *testing.T) {
	expectations := loadExpectations(t, testenv.Shared(t, "xtc", "expect", "runs"))
	data := t.TempDir()
	testenv.Unpack(t, data, testenv.Shared(t, "xtc", "data"))
	classes := classesAskedFor(expectations)
	for name, want := range expectations {
		t.Run(name, func(t *testing.T) {
			testenv.Case(t, "xtc runs")
			root, text := filepath.Join(data, "psdm"), referenceTable
			if strings.HasPrefix(name, "modern-") {
				root, text = filepath.Join(data, "modern"), modernTable
			}
			catalog := dataset.Catalog{Roots: []string{root}, Experiments: table(t, text)}
			checkExpectation(t, name, want, catalog, root, classes)
		})
	}
}

func TestPartialExpectations(t *testing.T) {
	expectations := loadExpectations(t, testenv.Shared(t, "xtc", "partial", "expect"))
	var cases map[string]string
	readJSON(t, testenv.Shared(t, "xtc", "partial", "cases.json"), &cases)
	root := t.TempDir()
	testenv.Unpack(t, root, testenv.Shared(t, "xtc", "partial", "psdm"))
	catalog := dataset.Catalog{Roots: []string{root}, Experiments: table(t, referenceTable)}
	classes := classesAskedFor(expectations)
	for run, what := range cases {
		name := "partial-xpptut15-r" + run
		t.Run(run, func(t *testing.T) {
			testenv.Case(t, "partial runs")
			t.Log(what)
			checkExpectation(t, name, expectations[name], catalog, root, classes)
		})
	}
}

// classesAskedFor collects the classes that the reference program looked for: a
// source whose object is of another class counts as without one there.
func classesAskedFor(expectations map[string]*expectation) map[string]bool {
	classes := map[string]bool{}
	for _, one := range expectations {
		for _, source := range one.Sources {
			classes[source.Config.Class] = true
		}
	}
	return classes
}

func checkExpectation(t *testing.T, name string, want *expectation, catalog dataset.Catalog, root string, classes map[string]bool) {
	var files []dataset.FileName
	for i, wantSet := range []*expectedDataset{want.Dataset0, want.Dataset1, want.Dataset2} {
		if i >= len(want.Inputs) {
			break
		}
		spec, err := dataset.ParseSpec(strings.ReplaceAll(want.Inputs[i], "$ROOT", root))
		if wantSet == nil {
			if _, locateErr := catalog.Locate(spec); err == nil && locateErr == nil {
				t.Errorf("%s: no error, psana: %s", want.Inputs[i], want.Exception)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		located, err := catalog.Locate(spec)
		if err != nil {
			t.Fatal(err)
		}
		checkDataset(t, name, wantSet, want.CalibDir, located, root)
		found, err := catalog.Find(spec)
		if err != nil {
			if want.Exception == "" || len(wantSet.Files) > 0 {
				t.Errorf("psana finds %v: %v", wantSet.Files, err)
			}
			checkLine(t, err)
			return
		}
		var names []string
		for _, run := range found.Runs {
			for _, file := range run.Files {
				names = append(names, filepath.Base(file.Path))
				files = append(files, file)
			}
		}
		if diff := cmp.Diff(wantSet.Files, names); diff != "" {
			t.Errorf("files (-psana +ours):\n%s", diff)
		}
	}
	runs := dataset.GroupRuns(files)
	run, err := dataset.ReadRun(t.Context(), runs[0], dataset.Options{})
	if err != nil {
		if want.Exception == "" {
			t.Error(err)
		}
		checkLine(t, err)
		return
	}
	if want.Exception != "" {
		t.Fatalf("no error, psana: %s", want.Exception)
	}
	if diff := cmp.Diff(want.Start.eventID(), run.Configure); diff != "" {
		t.Errorf("EventId after DataSource (-psana +ours):\n%s", diff)
	}
	if diff := cmp.Diff(want.beginRuns(t), beginsOf(t, runs)); diff != "" {
		t.Errorf("EventIds at BeginRun (-psana +ours):\n%s", diff)
	}
	if diff := cmp.Diff(want.Keys, keysOf(run.Start)); diff != "" {
		t.Errorf("configStore keys (-psana +ours):\n%s", diff)
	}
	for _, source := range want.Sources {
		checkSource(t, run.Start, source, classes)
	}
	for _, source := range want.AfterAll {
		if _, _, err := run.Store.Match(source.Spec); err == nil || source.Config.Class != "" {
			checkResolved(t, run.Store, source, classes)
		}
	}
}

// beginsOf returns our EventIds at the begin of runs.
func beginsOf(t *testing.T, runs []dataset.RunFiles) []*dataset.EventID {
	t.Helper()
	var ids []*dataset.EventID
	for _, files := range runs {
		if run := readRun(t, files); run.BeginRun != nil {
			ids = append(ids, run.BeginRun)
		}
	}
	return ids
}

// checkLine checks that an error is one line.
func checkLine(t *testing.T, err error) {
	t.Helper()
	if text := err.Error(); strings.Contains(text, "\n") || text == "" {
		t.Errorf("error is not one line: %q", text)
	}
}

func checkDataset(t *testing.T, name string, want *expectedDataset, calibDir string, got *dataset.Dataset, root string) {
	t.Helper()
	inRoot := func(path string) string { return strings.ReplaceAll(path, "$ROOT", root) }
	for _, field := range []struct {
		name      string
		want, got any
	}{
		{"isFile", want.IsFile, got.Spec.IsFile},
		{"expID", want.ExpID, got.Experiment.Number},
		{"instrument", want.Instrument, got.Experiment.Instrument},
		{"experiment", want.Experiment, got.Experiment.Name},
		{"smd", want.SMD, got.Spec.SMD},
		{"live", want.Live, got.Spec.Live},
		{"dirName", inRoot(want.DirName), got.Dir},
		{"calibDir", inRoot(calibDir), got.CalibDir},
	} {
		if reason, ok := deviations[[2]string{name, field.name}]; ok {
			if field.got != "" {
				t.Errorf("%s is %v, want none: %s", field.name, field.got, reason)
			}
			continue
		}
		if field.want != field.got {
			t.Errorf("%s is %v, psana has %v", field.name, field.got, field.want)
		}
	}
}

// keysOf writes the keys of a store as psana does.
func keysOf(store *dataset.Store) []expectedKey {
	keys := []expectedKey{}
	for _, key := range store.Keys() {
		src := key.Src.String()
		switch key.Src.Level() {
		case xtc.LevelSource:
			src = "DetInfo(" + src + ")"
		case xtc.LevelReporter:
			src = "BldInfo(" + src + ")"
		}
		keys = append(keys, expectedKey{key.Class, key.Alias, hex(key.Src.Log), hex(key.Src.Phy), src})
	}
	return keys
}

func hex(word uint32) string {
	text := strconv.FormatUint(uint64(word), 16)
	return strings.Repeat("0", 8-len(text)) + text
}

// checkSource checks what a source string means and what it resolves to.
func checkSource(t *testing.T, store *dataset.Store, want expectedSource, classes map[string]bool) {
	t.Helper()
	_, _, err := store.Match(want.Spec)
	if failed := err != nil; failed != (want.Error != "") {
		t.Errorf("Match(%q): error %v, psana's %q", want.Spec, err, want.Error)
	}
	if want.Error != "" {
		return
	}
	aliased := slices.ContainsFunc(store.Keys(), func(key dataset.Key) bool { return key.Alias == want.Spec })
	if match, err := xtc.ParseSource(want.Spec); err == nil && !aliased {
		if match.Exact() != want.Exact {
			t.Errorf("ParseSource(%q) exact %v, psana %v", want.Spec, match.Exact(), want.Exact)
		}
	}
	checkResolved(t, store, want, classes)
}

// checkResolved checks the configuration object and the id of a source string.
func checkResolved(t *testing.T, store *dataset.Store, want expectedSource, classes map[string]bool) {
	t.Helper()
	detector, found, err := store.Match(want.Spec)
	if err != nil {
		t.Errorf("Match(%q): %v", want.Spec, err)
		return
	}
	class := strings.Replace(detector.Class, ".", "::", 1)
	if !found || !classes[class] {
		class = ""
	}
	if class != want.Config.Class {
		t.Errorf("Match(%q) is of class %q, psana's %q", want.Spec, class, want.Config.Class)
	}
	if class == "" {
		return
	}
	if hex(detector.Src.Phy) != want.Config.Phy {
		t.Errorf("Match(%q) is %s, psana's phy %s", want.Spec, detector.Source, want.Config.Phy)
	}
	id, isName, err := detector.ID()
	if err != nil || id != want.IDOrName || isName != (want.ID == "") {
		t.Errorf("id of %q is %q, a name: %v, %v; psana's %q, or name %q", want.Spec, id, isName, err, want.ID, want.IDOrName)
	}
}
