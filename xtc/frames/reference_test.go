package frames_test

import (
	"encoding/json"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/frames"
)

// A reference is what the format's own library reads from a file.
type reference struct {
	Dgrams []struct {
		Index int
		Nodes []struct {
			Offset       int64
			Data         *referenceData
			Uncompressed *struct {
				CRC32 string
				Data  *referenceData
			}
		}
	}
}

// referenceData is one object with pixels; classes differ in where they are.
type referenceData struct {
	Class  string
	Frame  *referenceArray
	Data   *referenceArray
	Data8  *referenceArray
	Data16 *referenceArray
	Frames []struct{ Data referenceArray }
	Quads  []struct {
		Quad        int
		SectionMask uint32
		Data        referenceArray
	}
}

type referenceArray struct {
	DType         string
	Shape         []int
	PayloadOffset int   `json:"payload_offset"`
	FileOffset    int64 `json:"file_offset"`
	N             int
	Sum           int64
	Min, Max      int64
	CRC32         string
	First         []int64
}

// check compares one array with the reference, whatever lies around it.
func (want referenceArray) check(t *testing.T, f frames.Frame) {
	t.Helper()
	got := referenceArray{
		DType: f.DType.String(), Shape: f.Shape, N: f.Pixels(),
		PayloadOffset: want.PayloadOffset, FileOffset: want.FileOffset, Min: 1 << 62, Max: -1 << 62,
	}
	crc := crc32.ChecksumIEEE(f.Data)
	got.CRC32 = hexWord(crc)
	pixel := pixelOf(f)
	for i := range f.Pixels() {
		v := pixel(i)
		got.Sum += v
		got.Min, got.Max = min(got.Min, v), max(got.Max, v)
		if i < len(want.First) {
			got.First = append(got.First, v)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-reference +ours):\n%s", diff)
	}
}

func hexWord(n uint32) string {
	const digits = "0123456789abcdef"
	var b [8]byte
	for i := range b {
		b[i] = digits[n>>(28-4*i)&0xf]
	}
	return string(b[:])
}

// pixelOf returns what gives the pixels of a frame as numbers.
func pixelOf(f frames.Frame) func(int) int64 {
	unsigned, signed := f.Uint16(), f.Int16()
	switch f.DType {
	case frames.Uint8:
		return func(i int) int64 { return int64(f.Data[i]) }
	case frames.Int16:
		return func(i int) int64 { return int64(signed[i]) }
	}
	return func(i int) int64 { return int64(unsigned[i]) }
}

// part returns a part of a frame, with a shape of its own.
func part(f frames.Frame, from int, shape ...int) frames.Frame {
	size := f.DType.Size()
	for _, side := range shape {
		size *= side
	}
	f.Shape, f.Data = shape, f.Data[from:][:size]
	return f
}

func (want *referenceData) check(t *testing.T, f frames.Frame, payloadOffset int64, compressed bool) {
	t.Helper()
	for _, array := range []*referenceArray{want.Frame, want.Data, want.Data8, want.Data16} {
		if array == nil {
			continue
		}
		array.check(t, f)
		if compressed {
			if f.Offset != -1 {
				t.Errorf("pixels at %d of a compressed payload", f.Offset)
			}
		} else if f.Offset != array.PayloadOffset || payloadOffset+int64(f.Offset) != array.FileOffset {
			t.Errorf("pixels at %d of the payload at %d, reference %d, in the file %d", f.Offset, payloadOffset, array.PayloadOffset, array.FileOffset)
		}
	}
	const link = 512 * 512 * 2
	for i, one := range want.Frames {
		if diff := cmp.Diff([]int{len(want.Frames), 512, 512}, f.Shape); diff != "" {
			t.Errorf("shape (-reference +ours):\n%s", diff)
		}
		one.Data.check(t, part(f, i*link, 512, 512))
	}
	if want.Quads != nil {
		want.checkQuads(t, f)
	}
}

// checkQuads compares the sections that each quad has, and that all others are zero.
func (want *referenceData) checkQuads(t *testing.T, f frames.Frame) {
	t.Helper()
	const rows, columns, section = 185, 388, 185 * 388 * 2
	if diff := cmp.Diff([]int{32, rows, columns}, f.Shape); diff != "" {
		t.Errorf("shape (-reference +ours):\n%s", diff)
	}
	empty := slices.Clone(f.Data)
	for _, quad := range want.Quads {
		var stored []byte
		for i := range 8 {
			if quad.SectionMask>>i&1 != 0 {
				at := (quad.Quad*8 + i) * section
				stored = append(stored, f.Data[at:][:section]...)
				clear(empty[at:][:section])
			}
		}
		quad.Data.check(t, frames.Frame{Shape: []int{len(stored) / section, rows, columns}, DType: f.DType, Data: stored})
	}
	if slices.ContainsFunc(empty, func(b byte) bool { return b != 0 }) {
		t.Error("sections that are not read are not zero")
	}
}

// configsOf collects the configuration objects of all sources, the last of each class.
func configsOf(t testing.TB, f *xtc.File, d *xtc.Dgram, into map[xtc.Src][]xtc.Config) {
	t.Helper()
	for n, err := range f.Nodes(d) {
		if err != nil {
			t.Fatal(err)
		}
		if c, err := f.RunConfig(n); err == nil {
			src := place(n.Src)
			into[src] = slices.DeleteFunc(into[src], func(old xtc.Config) bool { return old.Class() == c.Class() })
			into[src] = append(into[src], c)
		}
	}
}

// place is a source without the process that wrote it.
func place(src xtc.Src) xtc.Src {
	src.Log &= 0xff000000
	return src
}

// TestReference decodes every frame of the reference files.
func TestReference(t *testing.T) {
	data := t.TempDir()
	testenv.Unpack(t, data, testenv.Shared(t, "xtc", "data"))
	expect := testenv.Shared(t, "xtc", "expect", "files")
	seen := map[string]int{}
	err := filepath.WalkDir(expect, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(expect, strings.TrimSuffix(path, ".json"))
		if err != nil {
			return err
		}
		t.Run(name, func(t *testing.T) { compareFile(t, filepath.Join(data, name), path, seen) })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{
		"Camera.FrameV1": 48, "CsPad.DataV2": 5, "CsPad2x2.ElementV1": 2, "Epix.ArrayV1": 2, "Epix.Element": 31,
		"Jungfrau.Element": 4, "PNCCD.FramesV1": 1,
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("objects with pixels (-want +got):\n%s", diff)
	}
}

// TestRealOpal decodes the frame of a real opal.
func TestRealOpal(t *testing.T) {
	const name = "amo68413-r99-s02-userEbeamDamage.xtc"
	seen := map[string]int{}
	compareFile(t, testenv.Shared(t, "real", "xtc", name), testenv.Shared(t, "real", "expect", name+".json"), seen)
	if seen["Camera.FrameV1"] != 1 {
		t.Errorf("objects with pixels: %v", seen)
	}
}

func compareFile(t *testing.T, path, expectation string, seen map[string]int) {
	testenv.Case(t, "frames of files")
	text, err := os.ReadFile(expectation)
	if err != nil {
		t.Fatal(err)
	}
	var want reference
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	f, err := xtc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var buf []byte
	configs, decoders := map[xtc.Src][]xtc.Config{}, map[xtc.Src]*frames.Decoder{}
	for d, err := range f.Dgrams() {
		if err != nil {
			t.Fatal(err)
		}
		if d.Service() != xtc.TransitionL1Accept {
			configsOf(t, f, d, configs)
			continue
		}
		known := map[int64]*referenceData{}
		for _, n := range want.Dgrams[d.Index].Nodes {
			switch {
			case n.Data != nil:
				known[n.Offset] = n.Data
			case n.Uncompressed != nil:
				known[n.Offset] = n.Uncompressed.Data
			}
		}
		for n, err := range f.Nodes(d) {
			if err != nil {
				t.Fatal(err)
			}
			wanted := known[n.Offset]
			if !frames.Takes(n.Contains) {
				if wanted != nil {
					t.Errorf("%s of %s is not taken", n.Contains, n.Src)
				}
				continue
			}
			src := place(n.Src)
			if decoders[src] == nil {
				decoders[src] = frames.NewDecoder(n.Src, configs[src])
			}
			payload, err := f.Payload(n, &buf)
			if err != nil {
				t.Fatal(err)
			}
			frame, err := decoders[src].Decode(frames.Object{Contains: n.Contains, Offset: n.PayloadOffset(), Payload: payload})
			if wanted == nil {
				// A later chunk has no Configure: the reference has no pixels either.
				if !errors.Is(err, frames.ErrNoConfig) {
					t.Errorf("%s of %s at %#x is not in the reference: %v", n.Contains, n.Src, n.Offset, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s of %s: %v", n.Contains, n.Src, err)
				continue
			}
			seen[wanted.Class]++
			wanted.check(t, frame, n.PayloadOffset(), n.Contains.Compressed())
		}
	}
}
