package slurmtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"deployconstants/internal/facility"
)

// An outcome is all that a sweep leaves: what it says, and what it did. Nothing in it
// tells one process from many.
type outcome struct {
	Manifest []string
	Summary  map[string]any
	Ledger   []string // sorted
	Tree     facility.Snapshot
	Text     map[string][]string // HISTORY and alias files by path, as lines
}

// differing is what no two sweeps have in common, and why.
var differing = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\d{8}T\d{6}Z-[0-9a-f]{8}`), "TX"},                               // ids of transactions are times, and chance
	{regexp.MustCompile(`"transaction_time":"[^"]*"`), `"transaction_time":""`},          // when it was begun
	{regexp.MustCompile(`"scanned_ns":\d+`), `"scanned_ns":0`},                           // when the headers were read
	{regexp.MustCompile(`cptime:\S+`), "cptime:"},                                        // when it was deployed
	{regexp.MustCompile(`cwd:\S+`), "cwd:"},                                              // of a job it is the job's directory
	{regexp.MustCompile(`(?m)^(\d{4} \S+ )\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}`), "${1}"}, // when an alias was given
}

// alike leaves out what differs from sweep to sweep.
func alike(text string) string {
	for _, d := range differing {
		text = d.pattern.ReplaceAllString(text, d.with)
	}
	return text
}

// serial sweeps with one process, keeps what that leaves, and makes the facility again
// in the same place.
func (s *site) serial(t testing.TB) outcome {
	t.Helper()
	manifest := filepath.Join(s.dir, "serial.manifest.jsonl.zst")
	r := s.run(t, "sweep", "-D", "--json", "--manifest", manifest)
	if r.status != 0 && r.status != 3 { // 3: what is damaged in the facility
		t.Fatalf("sweep: exit status %d\n%s", r.status, ends(r.stderr))
	}
	o := s.outcome(t, manifest, r.stdout)
	if len(o.Tree) == 0 || len(o.Ledger) == 0 || len(o.Manifest) == 0 {
		t.Fatalf("the sweep of one process left %d paths, %d records, %d lines", len(o.Tree), len(o.Ledger), len(o.Manifest))
	}
	must(t, os.Remove(manifest))
	s.remake(t, s.Options)
	return o
}

// outcome takes what a sweep left.
func (s *site) outcome(t testing.TB, manifest, summary string) outcome {
	t.Helper()
	o := outcome{Manifest: lines(alike(unpack(t, manifest))), Summary: decode[map[string]any](t, alike(summary))}
	if scan, ok := o.Summary["scan"].(map[string]any); ok {
		delete(scan, "segments") // each task writes its own
	}
	o.Ledger = lines(alike(s.want(t, 0, "ledger", "export").stdout))
	slices.Sort(o.Ledger)
	o.Tree, o.Text = s.tree(t)
	for path, of := range o.Text {
		o.Text[path] = lines(alike(strings.Join(of, "\n")))
	}
	return o
}

// tree is the facility without the state directory, and without times. What lines are
// added to is returned as lines.
func (s *site) tree(t testing.TB) (facility.Snapshot, map[string][]string) {
	t.Helper()
	tree, err := facility.TakeSnapshot(s.Dir, facility.SnapshotOptions{Skip: func(path string) bool { return path == "state" }})
	must(t, err)
	text := map[string][]string{}
	for path, line := range tree {
		if name := filepath.Base(path); name != "HISTORY" && !strings.HasSuffix(name, "aliases.txt") || strings.HasPrefix(line, "d") {
			continue
		}
		content, err := os.ReadFile(filepath.Join(s.Dir, path))
		must(t, err)
		text[path] = lines(string(content))
		tree[path], _, _ = strings.Cut(line, " bytes") // of the content
		tree[path] = tree[path][:strings.LastIndexByte(tree[path], ' ')]
	}
	return tree, text
}

// check compares two outcomes.
func (want outcome) check(t testing.TB, got outcome) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("one process (-) and the job (+) differ:\n%s", ends(diff))
	}
}

func lines(text string) []string {
	if text = strings.TrimSuffix(text, "\n"); text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// unpack reads a manifest.
func unpack(t testing.TB, name string) string {
	t.Helper()
	packed, err := os.ReadFile(name)
	must(t, err)
	reader, err := zstd.NewReader(nil)
	must(t, err)
	defer reader.Close()
	text, err := reader.DecodeAll(packed, nil)
	must(t, err)
	return string(text)
}

// onceEach fails unless a transaction published each of its files once, and HISTORY tells
// of each once.
func (s *site) onceEach(t testing.TB, tx string) {
	t.Helper()
	document := decode[struct {
		Records []struct {
			Kind, Action, Group, Source, CType, Range string
			CalibDir                                  string `json:"calib_dir"`
		}
	}](t, s.want(t, 0, "history", "--json", tx).stdout)
	published, done, told := map[string]bool{}, map[string]int{}, map[string]int{}
	for _, one := range document.Records {
		path := filepath.Join(one.CalibDir, one.Group, one.Source, one.CType, one.Range+".data")
		switch {
		case one.Kind == "intent" && (one.Action == "create" || one.Action == "replace"):
			published[path] = true
		case one.Kind == "done":
			done[path]++
		}
	}
	if len(published) == 0 {
		t.Errorf("transaction %s has published nothing", tx)
	}
	_, text := s.tree(t)
	for path, of := range text {
		for _, line := range of {
			if name, _, _ := strings.Cut(strings.TrimPrefix(line, "file:"), " "); strings.HasSuffix(line, "cmt:"+tx) {
				told[filepath.Join(s.Dir, filepath.Dir(path), name)]++
			}
		}
	}
	for path := range published {
		if done[path] != 1 || told[path] != 1 {
			t.Errorf("%s was done %d times, and HISTORY tells of it %d times", path, done[path], told[path])
		}
	}
}
