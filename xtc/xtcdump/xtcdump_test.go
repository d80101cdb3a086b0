package xtcdump_test

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
	"deployconstants/xtc/xtcdump"
	"deployconstants/xtc/xtctest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dumpedFile has an object of every kind that a dump tells apart, and damage.
func dumpedFile() []byte {
	epix := xtctest.Source("XcsEndstation.0:Epix100a.1", 4513)
	small := xtctest.Epix{Version: 7, CarrierID: [2]uint32{1, 2}, AsicsPerRow: 1, AsicsPerColumn: 1, RowsPerAsic: 4, PixelsPerAsicRow: 8}
	segment := xtctest.ProcInfo(xtc.LevelSegment, 0xac151601, 7169)
	leaf := func(t xtc.Type, version uint16, payload []byte) xtctest.Node {
		return xtctest.Node{Src: epix, Contains: xtc.NewTypeID(t, version), Payload: payload}
	}
	jungfrau := xtctest.JungfrauConfig(3, xtctest.Jungfrau{Modules: []xtctest.JungfrauModule{{SerialNumber: 0x3d00b0, ModuleVersion: 0x190131}}})
	return xtctest.Encode(
		xtctest.Dgram{
			Transition: xtc.TransitionConfigure, Clock: xtc.Clock{Sec: 1458353250, Nsec: 310488671}, Env: 18306,
			Root: xtctest.Node{Children: []xtctest.Node{
				{Src: segment, Children: []xtctest.Node{leaf(xtc.TypeEpix100aConfig, 2, xtctest.Epix100aConfig(2, small))}},
				{Src: segment, Damage: xtc.DamageIncompleteContribution, Children: []xtctest.Node{leaf(xtc.TypeEpixElement, 2, nil)}},
				leaf(xtc.TypeJungfrauConfig, 3, jungfrau),
				leaf(xtc.TypeOpal1kConfig, 1, xtctest.OpalConfig()),
				leaf(xtc.TypeAliasConfig, 1, xtctest.AliasConfig(xtc.Alias{Src: epix, Name: "epix\x1b[1m"})),
				leaf(xtc.TypePartitionConfig, 1, xtctest.PartitionConfig(1, 5, xtc.PartitionSource{Src: epix, Group: 1})),
				leaf(xtc.TypeRayonixConfig, 2, make([]byte, 12)),
				{Src: segment, Extent: xtctest.ZeroExtent},
			}},
		},
		xtctest.Dgram{Transition: xtc.TransitionBeginRun, Clock: xtc.Clock{Sec: 1458353850}, Env: 260},
		xtctest.Dgram{
			Transition: xtc.TransitionL1Accept, Clock: xtc.Clock{Sec: 1458353851}, Fiducials: 3,
			Root: xtctest.Node{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Sparse: 40},
		},
	)
}

// golden compares with the golden file of that name, or rewrites it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s -want +got\n%s", name, diff)
	}
}

func fileOf(b []byte) *xtc.File { return xtc.NewFile(bytes.NewReader(b), int64(len(b)), xtc.Limits{}) }

func TestText(t *testing.T) {
	var out bytes.Buffer
	if err := xtcdump.Text(&out, fileOf(dumpedFile()), "small.xtc", losAngeles(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "small.xtc.txt", out.Bytes())
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer
	if err := xtcdump.JSON(&out, fileOf(dumpedFile()), "small.xtc", losAngeles(t)); err != nil {
		t.Fatal(err)
	}
	parse(t, out.Bytes())
	golden(t, "small.xtc.json", out.Bytes())
}

// No name in a file can send a terminal its own commands.
func TestControlCharactersAreEscaped(t *testing.T) {
	src := xtctest.Source("XcsEndstation.0:Epix100a.1", 4513)
	const name = "\x1b[1m \x7f \u009b1m é"
	b := xtctest.Encode(xtctest.Dgram{Transition: xtc.TransitionConfigure, Root: xtctest.Node{Children: []xtctest.Node{
		{Src: src, Contains: xtc.NewTypeID(xtc.TypeAliasConfig, 1), Payload: xtctest.AliasConfig(xtc.Alias{Src: src, Name: name})},
	}}})
	for format, dump := range map[string]func(io.Writer, *xtc.File, string, *time.Location) error{"JSON": xtcdump.JSON, "text": xtcdump.Text} {
		var out bytes.Buffer
		if err := dump(&out, fileOf(b), "x", losAngeles(t)); err != nil {
			t.Fatal(err)
		}
		if want := `"\u001b[1m \u007f \u009b1m é"`; !strings.Contains(out.String(), want) {
			t.Errorf("%s lacks %s:\n%q", format, want, out.String())
		}
	}
}

// Of a file that is cut anywhere the dump has what can be read, and says that it is cut.
func TestBrokenFile(t *testing.T) {
	whole, zone := dumpedFile(), losAngeles(t)
	for size := range len(whole) {
		var ends int64
		for d, err := range fileOf(whole[:size]).Dgrams() {
			if err == nil {
				ends = d.End()
			}
		}
		complete := ends == int64(size)
		var text, object bytes.Buffer
		textErr := xtcdump.Text(&text, fileOf(whole[:size]), "cut", zone)
		jsonErr := xtcdump.JSON(&object, fileOf(whole[:size]), "cut", zone)
		for _, err := range []error{textErr, jsonErr} {
			if complete != (err == nil) {
				t.Fatalf("cut at %d: %v", size, err)
			}
			if _, ok := errors.AsType[*xtc.FormatError](err); err != nil && !ok {
				t.Fatalf("cut at %d: the error is no *FormatError: %v", size, err)
			}
		}
		tree := parse(t, object.Bytes()).(map[string]any)
		if _, ok := tree["error"]; ok == complete {
			t.Fatalf("cut at %d: error is told: %v", size, ok)
		}
		if !complete && !bytes.Contains(text.Bytes(), []byte("\nerror: ")) {
			t.Fatalf("cut at %d: the text does not tell", size)
		}
	}
}

// A tree beyond the limits ends its datagram, not the dump.
func TestLimitsEndOneDatagram(t *testing.T) {
	deep := xtctest.Node{Src: xtctest.ProcInfo(xtc.LevelSegment, 1, 1)}
	for range 5 {
		deep = xtctest.Node{Src: deep.Src, Children: []xtctest.Node{deep}}
	}
	b := xtctest.Encode(
		xtctest.Dgram{Transition: xtc.TransitionConfigure, Root: xtctest.Node{Children: []xtctest.Node{deep}}},
		xtctest.Dgram{Transition: xtc.TransitionBeginRun},
		xtctest.Dgram{Transition: xtc.TransitionConfigure, Root: xtctest.Node{Children: []xtctest.Node{deep}}},
	)
	var out bytes.Buffer
	f := xtc.NewFile(bytes.NewReader(b), int64(len(b)), xtc.Limits{MaxDepth: 3})
	if err := xtcdump.JSON(&out, f, "deep", losAngeles(t)); !errors.Is(err, xtc.ErrDepth) {
		t.Errorf("%v, want %v", err, xtc.ErrDepth)
	}
	tree := parse(t, out.Bytes()).(map[string]any)
	if dgrams := tree["dgrams"].([]any); len(dgrams) != 3 {
		t.Errorf("%d datagrams, want 3", len(dgrams))
	}
	if text := tree["error"].(string); strings.Contains(text, "\n") {
		t.Errorf("the error is not one line: %q", text)
	}
}

type fullDisk struct{ err error }

func (d fullDisk) Write([]byte) (int, error) { return 0, d.err }

func TestWriteErrorIsReturned(t *testing.T) {
	full := errors.New("no space left")
	if err := xtcdump.Text(fullDisk{full}, fileOf(dumpedFile()), "x", losAngeles(t)); !errors.Is(err, full) {
		t.Errorf("Text: %v", err)
	}
	if err := xtcdump.JSON(fullDisk{full}, fileOf(dumpedFile()), "x", losAngeles(t)); !errors.Is(err, full) {
		t.Errorf("JSON: %v", err)
	}
}
