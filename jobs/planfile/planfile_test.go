package planfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"deployconstants/jobs/planfile"
)

var (
	someDigest = strings.Repeat("0123456789abcdef", 4)

	someHeader = planfile.Header{
		Tool: "deploy_constants 1.2", Settings: "s", Repository: someDigest, Ledger: someDigest,
		RepositoryDir: "/repo", Zone: "America/Los_Angeles",
	}
)

// someItems is one of each kind, in order.
func someItems() []planfile.Item {
	place := planfile.Item{
		Experiment: "xpptut15", Instrument: "XPP", CalibDir: "/data/XPP/xpptut15/calib",
		Group: "Epix100a::CalibV1", Source: "XcsEndstation.0:Epix100a.1", Type: "epix100a", CType: "pixel_gain",
	}
	constants := &planfile.Constants{
		Path: "/repo/epix100a/1-2/gain/epix100a_0001_20160102030405_xpptut15_r0260_gain.txt", SHA256: someDigest, Size: 17,
		Kind: "specific", Stamp: "20160102030405", ID: "1-2", Alias: "0001",
	}
	prior := &planfile.Prior{
		SHA256: someDigest, Size: 12, Mode: 0o664, UID: 1, GID: 2, Links: 1, Inode: 3, ModTime: 1466000000123456789, ChangeTime: 4,
	}
	with := func(change func(*planfile.Item)) planfile.Item {
		it := place
		change(&it)
		return it
	}
	skipped := ""
	return []planfile.Item{
		{Kind: planfile.KindExperiment, Action: planfile.Blocked, Experiment: "amo01", Instrument: "AMO", Reason: "frozen in the settings"},
		{Kind: planfile.KindPanel, Action: planfile.Register, Experiment: "xpptut15", Instrument: "XPP",
			Source: "XcsEndstation.0:Epix100a.1", Type: "epix100a", ID: "1-2", Runs: planfile.Span{First: 3, Last: 3, Count: 1}},
		with(func(it *planfile.Item) {
			it.Kind, it.Action, it.Range, it.Constants, it.Runs = planfile.KindFile, planfile.Create, "30-end", constants, planfile.Span{First: 30, Last: 40, Count: 5}
			it.Warnings = []string{"3 runs use the default"}
		}),
		with(func(it *planfile.Item) {
			it.Kind, it.Action, it.Range, it.Constants, it.Prior = planfile.KindFile, planfile.Replace, "0-10", constants, prior
		}),
		with(func(it *planfile.Item) {
			it.Kind, it.Action, it.Range, it.Prior, it.Reason = planfile.KindFile, planfile.Foreign, "0-end", prior, "made by nobody known: \"x\" <&> \u00e9"
		}),
		with(func(it *planfile.Item) {
			it.Kind, it.Action, it.Runs = planfile.KindRun, planfile.Missing, planfile.Span{First: 1, Last: 2, Count: 2}
		}),
		with(func(it *planfile.Item) {
			it.Kind, it.Runs = planfile.KindDirectory, planfile.Span{First: 1, Last: 40, Count: 20}
			it.Picks = []planfile.Pick{
				{First: 1, Last: 2, Runs: 2, Outcome: planfile.Missing},
				{First: 30, Last: 40, Runs: 5, Before: "0-end.data", After: "30-end.data", CxxBefore: &skipped, Outcome: planfile.Unchanged},
			}
		}),
	}
}

func write(t testing.TB, items []planfile.Item) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := planfile.NewWriter(&out, someHeader)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if err := w.Write(it); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// read returns what a Reader makes of a plan; the error is that of NewReader or Items.
func read(plan []byte, limits planfile.Limits) (items []planfile.Item, header planfile.Header, summary planfile.Summary, err error) {
	r, err := planfile.NewReader(bytes.NewReader(plan), limits)
	if err != nil {
		return nil, header, summary, err
	}
	defer r.Close()
	for it, err := range r.Items() {
		if err != nil {
			return items, r.Header(), summary, err
		}
		items = append(items, it)
	}
	return items, r.Header(), r.Summary(), nil
}

func TestPlanIsReadAsWritten(t *testing.T) {
	want := someItems()
	plan := write(t, want)
	items, header, summary, err := read(plan, planfile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, items); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
	wantHeader := someHeader
	wantHeader.Format = planfile.Format
	if diff := cmp.Diff(wantHeader, header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	wantSummary := planfile.Summary{Items: 7, Experiments: 2, Directories: 1, Counts: map[planfile.Action]int{
		planfile.Blocked: 1, planfile.Register: 1, planfile.Create: 1, planfile.Replace: 1, planfile.Foreign: 1, planfile.Missing: 1,
	}}
	if diff := cmp.Diff(wantSummary, summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	if again := write(t, want); !bytes.Equal(again, plan) {
		t.Error("the same items gave other bytes")
	}
}

func TestEmptyPlan(t *testing.T) {
	items, _, summary, err := read(write(t, nil), planfile.Limits{})
	if err != nil || len(items) != 0 || summary.Items != 0 || summary.Changes() != 0 {
		t.Errorf("items %v, summary %+v, error %v", items, summary, err)
	}
}

func TestWriterRefuses(t *testing.T) {
	items := someItems()
	for name, wrong := range map[string][]planfile.Item{
		"wrong order":         {items[1], items[0]},
		"the same item twice": {items[2], items[2]},
		"files by rising begin": {
			changed(items[2], func(it *planfile.Item) { it.Range = "0-end" }), items[2],
		},
		"control character in a reason": {changed(items[2], func(it *planfile.Item) { it.Reason = "a\x1b[2J" })},
		"control character in a source": {changed(items[2], func(it *planfile.Item) { it.Source = "a\nb" })},
		"bytes that are no UTF-8":       {changed(items[2], func(it *planfile.Item) { it.Warnings = []string{"\xff"} })},
		"source that leads up":          {changed(items[2], func(it *planfile.Item) { it.Source = ".." })},
		"group with a slash":            {changed(items[2], func(it *planfile.Item) { it.Group = "../Epix100a::CalibV1" })},
		"ctype that is missing":         {changed(items[2], func(it *planfile.Item) { it.CType = "" })},
		"experiment that leads up":      {changed(items[2], func(it *planfile.Item) { it.Experiment = "../x" })},
		"calib directory that leads up": {changed(items[2], func(it *planfile.Item) { it.CalibDir = "/data/../etc" })},
		"relative constants file":       {changed(items[2], func(it *planfile.Item) { it.Constants = constantsAt("repo/x") })},
		"constants file that leads up":  {changed(items[2], func(it *planfile.Item) { it.Constants = constantsAt("/repo/../x") })},
		"range not canonical":           {changed(items[2], func(it *planfile.Item) { it.Range = "030-end" })},
		"range above 9999":              {changed(items[2], func(it *planfile.Item) { it.Range = "10000-end" })},
		"creation of what exists":       {changed(items[2], func(it *planfile.Item) { it.Prior = items[3].Prior })},
		"replacement of nothing":        {changed(items[3], func(it *planfile.Item) { it.Prior = nil })},
		"change without constants":      {changed(items[2], func(it *planfile.Item) { it.Constants = nil })},
		"unknown action":                {changed(items[2], func(it *planfile.Item) { it.Action = "delete" })},
		"action of another kind":        {changed(items[2], func(it *planfile.Item) { it.Action = planfile.Register })},
		"unknown kind":                  {changed(items[2], func(it *planfile.Item) { it.Kind = "link" })},
		"impossible runs":               {changed(items[2], func(it *planfile.Item) { it.Runs.Count = 99 })},
		"overlapping picks": {changed(items[6], func(it *planfile.Item) {
			it.Picks = []planfile.Pick{it.Picks[1], it.Picks[0]}
		})},
		"pick elsewhere": {changed(items[6], func(it *planfile.Item) {
			it.Picks = []planfile.Pick{{First: 1, Last: 1, Runs: 1, After: "../0-end.data", Outcome: planfile.Unchanged}}
		})},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w, err := planfile.NewWriter(&out, someHeader)
			if err != nil {
				t.Fatal(err)
			}
			for _, it := range wrong {
				err = errors.Join(err, w.Write(it))
			}
			if err == nil {
				t.Fatal("written")
			}
			if w.Close() == nil {
				t.Error("Close does not repeat the error")
			}
			if _, _, _, err := read(out.Bytes(), planfile.Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("the plan counts as complete: %v", err)
			}
		})
	}
}

func changed(it planfile.Item, change func(*planfile.Item)) planfile.Item {
	change(&it)
	return it
}

func constantsAt(path string) *planfile.Constants {
	return &planfile.Constants{Path: path, SHA256: someDigest}
}

func TestReaderRefuses(t *testing.T) {
	lines := linesOf(t, write(t, someItems()))
	edit := func(number int, from, to string) []string {
		edited := slices.Clone(lines)
		edited[number] = strings.Replace(edited[number], from, to, 1)
		if edited[number] == lines[number] {
			t.Fatalf("line %d has no %q: %s", number, from, lines[number])
		}
		return edited
	}
	last := len(lines) - 1
	for name, test := range map[string]struct {
		lines  []string
		limits planfile.Limits
	}{
		"nothing":                  {lines: nil},
		"header alone":             {lines: lines[:1]},
		"no header":                {lines: lines[1:]},
		"other format":             {lines: edit(0, `"format":1`, `"format":2`)},
		"no summary":               {lines: lines[:last]},
		"text behind the summary":  {lines: append(slices.Clone(lines), lines[last])},
		"summary that miscounts":   {lines: edit(last, `"items":7`, `"items":8`)},
		"an item that was removed": {lines: slices.Delete(slices.Clone(lines), 3, 4)},
		"exchanged items":          {lines: []string{lines[0], lines[2], lines[1], lines[last]}},
		"unknown field":            {lines: edit(3, `"ctype"`, `"extra":1,"ctype"`)},
		"field twice":              {lines: edit(3, `"type":"epix100a"`, `"type":"epix100a","type":"epix100a"`)},
		"field spelt otherwise":    {lines: edit(3, `"type"`, `"TYPE"`)},
		"blanks":                   {lines: edit(3, `,"type"`, `, "type"`)},
		"a name escaped":           {lines: edit(3, `epix100a`, `\u0065pix100a`)},
		"control character":        {lines: edit(3, `3 runs`, `\u001b runs`)},
		"traversal":                {lines: edit(3, `XcsEndstation.0:Epix100a.1`, `..`)},
		"no JSON":                  {lines: edit(3, `{`, `[`)},
		"empty line":               {lines: slices.Insert(slices.Clone(lines), 3, "")},
		"too many items":           {lines: lines, limits: planfile.Limits{MaxItems: 6}},
		"too long a line":          {lines: lines, limits: planfile.Limits{MaxLine: 300}},
		"too long":                 {lines: lines, limits: planfile.Limits{MaxBytes: 1500}},
		"a line beyond the buffer": {lines: edit(3, `3 runs`, strings.Repeat("3", 5<<20))},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, _, err := read(compress(t, test.lines), test.limits)
			var format *planfile.FormatError
			if !errors.As(err, &format) {
				t.Errorf("error %v, want a *FormatError", err)
			}
		})
	}
	if _, _, _, err := read([]byte("not zstd at all"), planfile.Limits{}); err == nil {
		t.Error("text that is not compressed was taken for a plan")
	}
}

// TestPlanCutAnywhere cuts a plan at every byte: none of the pieces is complete.
func TestPlanCutAnywhere(t *testing.T) {
	plan := write(t, someItems())
	for n := range plan {
		var format *planfile.FormatError
		if _, _, _, err := read(plan[:n], planfile.Limits{}); !errors.As(err, &format) || !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the first %d of %d bytes: error %v, want a *FormatError that wraps io.ErrUnexpectedEOF", n, len(plan), err)
		}
	}
}

// TestLongLine reads a line that does not fit into the reader's buffer.
func TestLongLine(t *testing.T) {
	item := someItems()[6]
	item.Picks = nil
	for run := range 5000 {
		item.Picks = append(item.Picks, planfile.Pick{First: run, Last: run, Runs: 1, After: fmt.Sprintf("%d-end.data", run), Outcome: planfile.Unchanged})
	}
	items, _, _, err := read(write(t, []planfile.Item{item}), planfile.Limits{})
	if diff := cmp.Diff([]planfile.Item{item}, items); err != nil || diff != "" {
		t.Errorf("error %v, items (-want +got):\n%s", err, diff)
	}
}

func linesOf(t testing.TB, plan []byte) []string {
	t.Helper()
	zip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	text, err := zip.DecodeAll(plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func compress(t testing.TB, lines []string) []byte {
	t.Helper()
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	defer zip.Close()
	text := ""
	if len(lines) > 0 {
		text = strings.Join(lines, "\n") + "\n"
	}
	return zip.EncodeAll([]byte(text), nil)
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(strings.Join(linesOf(f, write(f, someItems())), "\n") + "\n"))
	f.Add([]byte(strings.Join(linesOf(f, write(f, nil)), "\n") + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		items, header, _, err := read(compress(t, strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")), planfile.Limits{MaxBytes: 1 << 20})
		if err != nil {
			var format *planfile.FormatError
			if !errors.As(err, &format) {
				t.Fatalf("error %v, want a *FormatError", err)
			}
			return
		}
		var out bytes.Buffer
		w, err := planfile.NewWriter(&out, header)
		for _, it := range items {
			err = errors.Join(err, w.Write(it))
		}
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatalf("a plan that was read cannot be written: %v", err)
		}
		if again := strings.Join(linesOf(t, out.Bytes()), "\n"); again != strings.TrimSuffix(string(text), "\n") {
			t.Fatalf("read and written again it is\n%s\nnot\n%s", again, text)
		}
	})
}

func FuzzReaderCompressed(f *testing.F) {
	f.Add(write(f, someItems()))
	f.Fuzz(func(t *testing.T, plan []byte) {
		_, _, _, err := read(plan, planfile.Limits{MaxBytes: 1 << 20})
		var format *planfile.FormatError
		if err != nil && !errors.As(err, &format) {
			t.Fatalf("error %v, want a *FormatError", err)
		}
	})
}
