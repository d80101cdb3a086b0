package manifest_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"deployconstants/jobs/tx"
	"deployconstants/stages/apply"
	"deployconstants/stages/manifest"
	"deployconstants/stages/scan"
	"deployconstants/stages/verify"
)

// lines are one of each kind.
var lines = []any{
	manifest.OfScan(scan.Event{Kind: scan.Listed, Experiment: "xppaa0117", Run: -1, Counts: scan.Counts{Experiments: 1, Listed: 4}}),
	manifest.OfScan(scan.Event{
		Kind: scan.Trouble, Experiment: "xppaa0117", Run: 3,
		Problem: &scan.Problem{Kind: scan.Unreadable, Experiment: "xppaa0117", Run: 3, Path: "/x", Err: errors.New("denied")},
	}),
	manifest.OfOutcome(apply.Outcome{
		Place: tx.Place{Experiment: "xppaa0117", CalibDir: "/c", Group: "G", Source: "S", CType: "gain", Range: "0-end"}, Status: apply.Done, Action: tx.Create,
	}),
	manifest.OfOutcome(apply.Outcome{Place: tx.Place{Experiment: "xppaa0117"}, Status: apply.Skipped, Cause: "it moved"}),
	manifest.OfFinding(verify.Finding{Class: verify.OK, Path: "/c/G/S/gain/0-end.data"}),
	manifest.OfFinding(verify.Finding{Class: verify.Changed, Path: "/c/G/S/gain/5-end.data"}),
}

// A file has the lines that were written, compressed or not, and they add up.
func TestManifest(t *testing.T) {
	var texts []string
	for _, name := range []string{"m.jsonl", "m.jsonl.zst"} {
		path := filepath.Join(t.TempDir(), name)
		w, err := manifest.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			if err := w.Write(line); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if strings.HasSuffix(name, ".zst") && err == nil {
			var unpack *zstd.Decoder
			if unpack, err = zstd.NewReader(bytes.NewReader(text)); err == nil {
				text, err = io.ReadAll(unpack)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		texts = append(texts, string(text))
	}
	if texts[0] != texts[1] || strings.Count(texts[0], "\n") != len(lines) {
		t.Fatalf("%s\n%s", texts[0], texts[1])
	}
	var sums manifest.Sums
	var again bytes.Buffer
	w, err := manifest.NewWriter(&again, false)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(texts[0]) {
		text := []byte(strings.TrimSuffix(line, "\n"))
		if err := errors.Join(sums.Add(text), w.WriteText(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil || again.String() != texts[0] {
		t.Errorf("written again: %v\n%s", err, again.String())
	}
	if sums.Scan.Experiments != 1 || sums.Scan.Listed != 4 || len(sums.Scan.Problems) != 1 || sums.Scan.Problems[0].Err.Error() != "denied" {
		t.Errorf("%+v", sums.Scan)
	}
	if diff := cmp.Diff(map[apply.Status]int{apply.Done: 1, apply.Skipped: 1}, sums.Apply); diff != "" {
		t.Errorf("apply:\n%s", diff)
	}
	if diff := cmp.Diff(verify.Summary{Deployed: 2, Checked: 2, Classes: map[verify.Class]int{verify.OK: 1, verify.Changed: 1}}, sums.Verify); diff != "" {
		t.Errorf("verify:\n%s", diff)
	}
}

// The first error of a writer stays.
func TestError(t *testing.T) {
	w, err := manifest.NewWriter(failing{}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if err := w.Write(line); !errors.Is(err, io.ErrShortWrite) {
			t.Fatal(err)
		}
	}
	if err := w.Close(); !errors.Is(err, io.ErrShortWrite) {
		t.Error(err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// What is no line does no harm.
func FuzzSums(f *testing.F) {
	f.Add([]byte(`{"message_type":"scan","event":"listed","run":-1,"counts":{"new":3},"problem":{"kind":"x"}}`))
	f.Add([]byte(`{"message_type":"outcome","status":"done"}`))
	f.Add([]byte(`{"message_type":"finding","class":"ok"}`))
	f.Add([]byte(`{"message_type":"x"}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var sums manifest.Sums
		if err := sums.Add(line); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
	})
}
