package frames_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
	"deployconstants/xtc/frames"
	"deployconstants/xtc/xtctest"
)

// decodeConfig decodes a configuration object as a file has it.
func decodeConfig(t testing.TB, contains xtc.TypeID, object []byte) xtc.Config {
	t.Helper()
	b := xtctest.Encode(xtctest.Dgram{Transition: xtc.TransitionConfigure, Clock: xtc.Clock{Sec: 1}, Root: xtctest.Node{
		Children: []xtctest.Node{{Src: xtc.DetInfo(0, 1, 0, 1, 0), Contains: contains, Payload: object}},
	}})
	f := xtc.NewFile(bytes.NewReader(b), int64(len(b)), xtc.Limits{})
	d, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	for n := range f.Nodes(d) {
		c, err := f.RunConfig(n)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	panic("no node")
}

// configOf returns the configuration object of a class with these fields.
func configOf(t testing.TB, class string, fields map[string]any) xtc.Config {
	t.Helper()
	contains, object, err := xtctest.DetectorConfig(class, fields)
	if err != nil {
		t.Fatal(err)
	}
	return decodeConfig(t, contains, object)
}

// areaConfigOf returns the configuration object of a camera of 5 x 3 pixels, binned by 2
// where the class can.
func areaConfigOf(t testing.TB, class string) xtc.Config {
	t.Helper()
	contains, ok := xtc.ClassTypeID(class)
	if !ok {
		t.Fatalf("no class %s", class)
	}
	return decodeConfig(t, contains, xtctest.AreaConfig(class, 5, 3, 2, 4))
}

// pattern returns pixels that differ from their neighbours.
func pattern(n int) []uint16 {
	pixels := make([]uint16, n)
	for i := range pixels {
		pixels[i] = uint16(1000 + 7*i%4001)
	}
	return pixels
}

func product(shape []int) int {
	n := 1
	for _, side := range shape {
		n *= side
	}
	return n
}

var detector = xtctest.Source("XcsEndstation.0:Epix100a.1", 1)

// A classCase is a class of frames with its configuration.
type classCase struct {
	name   string
	class  string // of the configuration; "" for none
	config func(testing.TB, string) xtc.Config
	shape  []int
	dtype  frames.DType
}

func detectorOf(fields map[string]any) func(testing.TB, string) xtc.Config {
	return func(t testing.TB, class string) xtc.Config { return configOf(t, class, fields) }
}

func epixOf(contains xtc.TypeID, build func(uint16, xtctest.Epix) []byte) func(testing.TB, string) xtc.Config {
	return func(t testing.TB, class string) xtc.Config {
		return decodeConfig(t, contains, build(contains.Version(), xtctest.Epix{RowsPerAsic: 3, PixelsPerAsicRow: 4}))
	}
}

// classCases are all classes of frames. The shapes are those of psana's arrays.
var classCases = []classCase{
	{"epix", "Epix.ConfigV1", func(t testing.TB, _ string) xtc.Config {
		return decodeConfig(t, xtc.NewTypeID(xtc.TypeEpixConfig, 1), xtctest.EpixConfigV1(xtctest.Epix{RowsPerAsic: 3, PixelsPerAsicRow: 4}))
	}, []int{6, 8}, frames.Uint16},
	{"epix10k", "Epix.Config10KV1", func(t testing.TB, _ string) xtc.Config {
		return decodeConfig(t, xtc.NewTypeID(xtc.TypeEpix10kConfig, 1), xtctest.Epix10kConfig(xtctest.Epix{RowsPerAsic: 3, PixelsPerAsicRow: 4}))
	}, []int{6, 8}, frames.Uint16},
	{"epix100a V1", "Epix.Config100aV1", epixOf(xtc.NewTypeID(xtc.TypeEpix100aConfig, 1), xtctest.Epix100aConfig), []int{6, 8}, frames.Uint16},
	{"epix100a V2", "Epix.Config100aV2", epixOf(xtc.NewTypeID(xtc.TypeEpix100aConfig, 2), xtctest.Epix100aConfig), []int{6, 8}, frames.Uint16},
	{"epix100a, real size", "Epix.Config100aV2", detectorOf(nil), []int{704, 768}, frames.Uint16},
	{"epix10ka V1", "Epix.Config10kaV1", epixOf(xtc.NewTypeID(xtc.TypeEpix10kaConfig, 1), xtctest.Epix10kaConfig), []int{6, 8}, frames.Uint16},
	{"epix10ka V2", "Epix.Config10kaV2", epixOf(xtc.NewTypeID(xtc.TypeEpix10kaConfig, 2), xtctest.Epix10kaConfig), []int{6, 8}, frames.Uint16},
	{"quad V1", "Epix.Config10kaQuadV1", detectorOf(nil), []int{4, 352, 384}, frames.Uint16},
	{"quad V2", "Epix.Config10kaQuadV2", detectorOf(nil), []int{4, 352, 384}, frames.Uint16},
	{"2M V1", "Epix.Config10ka2MV1", detectorOf(nil), []int{16, 352, 384}, frames.Uint16},
	{"2M V2", "Epix.Config10ka2MV2", detectorOf(nil), []int{16, 352, 384}, frames.Uint16},
	{"jungfrau V1", "Jungfrau.ConfigV1", detectorOf(map[string]any{"numberOfModules": 1}), []int{1, 512, 1024}, frames.Uint16},
	{"jungfrau V3", "Jungfrau.ConfigV3", detectorOf(map[string]any{"numberOfModules": 2, "numberOfRowsPerModule": 4, "numberOfColumnsPerModule": 6}), []int{2, 4, 6}, frames.Uint16},
	{"jungfrau V4", "Jungfrau.ConfigV4", detectorOf(map[string]any{"numberOfModules": 32, "numberOfRowsPerModule": 4, "numberOfColumnsPerModule": 6}), []int{32, 4, 6}, frames.Uint16},
	{"cspad", "CsPad.ConfigV5", detectorOf(nil), []int{32, 185, 388}, frames.Int16},
	{"cspad V2", "CsPad.ConfigV2", detectorOf(nil), []int{32, 185, 388}, frames.Int16},
	{"cspad2x2", "CsPad2x2.ConfigV2", detectorOf(nil), []int{185, 388, 2}, frames.Int16},
	{"pnccd", "PNCCD.ConfigV2", detectorOf(nil), []int{4, 512, 512}, frames.Uint16},
	{"camera", "Opal1k.ConfigV1", detectorOf(nil), []int{9, 11}, frames.Uint16},
	{"princeton", "Princeton.ConfigV5", areaConfigOf, []int{2, 3}, frames.Uint16},
	{"fli", "Fli.ConfigV1", areaConfigOf, []int{2, 3}, frames.Uint16},
	{"pimax", "Pimax.ConfigV1", areaConfigOf, []int{2, 3}, frames.Uint16},
	{"pixis", "Pixis.ConfigV1", areaConfigOf, []int{2, 3}, frames.Uint16},
	{"andor V1", "Andor.ConfigV1", areaConfigOf, []int{2, 3}, frames.Uint16},
	{"andor V2", "Andor.ConfigV2", areaConfigOf, []int{2, 3}, frames.Uint16},
	{"andor3d", "Andor3d.ConfigV1", areaConfigOf, []int{4, 2, 3}, frames.Uint16},
	{"zyla", "Zyla.ConfigV1", areaConfigOf, []int{2, 3}, frames.Uint16},
	{"istar", "iStar.ConfigV1", areaConfigOf, []int{2, 3}, frames.Uint16},
	{"alvium", "Vimba.AlviumConfigV1", areaConfigOf, []int{3, 5}, frames.Uint16},
	{"uxi V1", "Uxi.ConfigV1", areaConfigOf, []int{4, 3, 5}, frames.Uint16},
	{"uxi V2", "Uxi.ConfigV2", areaConfigOf, []int{4, 3, 5}, frames.Uint16},
	{"uxi V3", "Uxi.ConfigV3", areaConfigOf, []int{4, 3, 5}, frames.Uint16},
}

// checkFrame compares a frame with pixels of a shape.
func checkFrame(t *testing.T, f frames.Frame, shape []int, dtype frames.DType, pixels []uint16) {
	t.Helper()
	if diff := cmp.Diff(shape, f.Shape); diff != "" || f.DType != dtype || f.Pixels() != len(pixels) {
		t.Fatalf("%s, %d pixels, shape (-want +got):\n%s", f.DType, f.Pixels(), diff)
	}
	got, signed := f.Uint16(), f.Int16()
	for i, want := range pixels {
		if got[i] != want || signed[i] != int16(want) {
			t.Fatalf("pixel %d is %d, want %d", i, got[i], want)
		}
	}
}

// pixelsEnd is how many bytes of a payload the frame needs: the object has no less where
// one byte is missing.
func pixelsEnd(f frames.Frame, payload []byte) int {
	if f.Offset < 0 {
		return len(payload) // put together of blocks
	}
	return f.Offset + len(f.Data)
}

// TestClasses decodes frames of every class: whole, where the payload is as long as it
// must be, and where it is shorter.
func TestClasses(t *testing.T) {
	for _, test := range classCases {
		t.Run(test.name, func(t *testing.T) {
			pixels := pattern(product(test.shape))
			contains, payload := xtctest.FrameObject(test.class, test.shape, pixels)
			decoder := frames.NewDecoder(detector, []xtc.Config{test.config(t, test.class)})
			frame, err := decoder.Decode(frames.Object{Contains: contains, Offset: 100, Payload: payload})
			if err != nil {
				t.Fatal(err)
			}
			checkFrame(t, frame, test.shape, test.dtype, pixels)
			if frame.Offset >= 0 && &frame.Data[0] != &payload[frame.Offset] {
				t.Error("the pixels were copied")
			}
			end := pixelsEnd(frame, payload)
			frame, err = decoder.Decode(frames.Object{Contains: contains, Payload: payload[:end]})
			if err != nil {
				t.Fatalf("the payload up to the last pixel: %v", err)
			}
			checkFrame(t, frame, test.shape, test.dtype, pixels)
			for _, size := range []int{0, 1, 8, 31, end / 2, end - 1} {
				_, err := decoder.Decode(frames.Object{Contains: contains, Offset: 100, Payload: payload[:min(size, end-1)]})
				if broken, ok := errors.AsType[*xtc.FormatError](err); !ok || !errors.Is(err, frames.ErrBroken) || broken.Off < 100 {
					t.Errorf("%d bytes of %d: %v", size, end, err)
				}
			}
			_, err = frames.NewDecoder(detector, nil).Decode(frames.Object{Contains: contains, Payload: payload})
			if needsConfig := contains.Type() != xtc.TypeFrame; needsConfig != errors.Is(err, frames.ErrNoConfig) {
				t.Errorf("without configuration: %v", err)
			}
		})
	}
}

// TestCompressedClasses decodes payloads of one compressed block each.
func TestCompressedClasses(t *testing.T) {
	for _, test := range classCases {
		if test.class == "CsPad.ConfigV5" || test.class == "CsPad.ConfigV2" || test.class == "PNCCD.ConfigV2" {
			continue // blocks of their own, below and in the reference files
		}
		if product(test.shape) > 1<<20 {
			continue // the race detector takes seconds for as many pixels
		}
		for engine, runs := range map[uint32]bool{xtctest.EngineNone: false, xtctest.EngineHist16: true, xtctest.EngineHistN: false} {
			t.Run(fmt.Sprintf("%s, engine %d", test.name, engine), func(t *testing.T) {
				pixels := pattern(product(test.shape))
				contains, payload := xtctest.FrameObject(test.class, test.shape, pixels)
				decoder := frames.NewDecoder(detector, []xtc.Config{test.config(t, test.class)})
				plain, err := decoder.Decode(frames.Object{Contains: contains, Payload: payload})
				if err != nil {
					t.Fatal(err)
				}
				data := payload[plain.Offset:]
				compressed := xtctest.Compress(xtctest.Block{Header: payload[:plain.Offset], Engine: engine, Pixels: data[:len(data)&^1], Runs: runs})
				frame, err := decoder.Decode(frames.Object{Contains: contains | 1<<31, Payload: compressed})
				if err != nil {
					t.Fatal(err)
				}
				checkFrame(t, frame, test.shape, test.dtype, pixels)
				if frame.Offset != -1 {
					t.Errorf("pixels at %d of the payload", frame.Offset)
				}
			})
		}
	}
}

// TestCameraDepths: up to eight bits a pixel takes one byte, as many as it has otherwise.
func TestCameraDepths(t *testing.T) {
	pixels := []uint16{1, 2, 3, 4, 5, 255}
	for depth, want := range map[int]frames.DType{1: frames.Uint8, 8: frames.Uint8, 9: frames.Uint16, 12: frames.Uint16, 16: frames.Uint16} {
		payload := xtctest.CameraFrame(3, 2, depth, pixels)
		frame, err := frames.NewDecoder(detector, nil).Decode(frames.Object{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: payload})
		if err != nil {
			t.Fatal(err)
		}
		if frame.DType != want || frame.Pixels() != 6 || !slices.Equal(frame.Shape, []int{2, 3}) {
			t.Errorf("depth %d: %+v", depth, frame)
		}
		if want == frames.Uint8 && (!bytes.Equal(frame.Data, []byte{1, 2, 3, 4, 5, 255}) || frame.Uint16() != nil || frame.Int16() != nil) {
			t.Errorf("depth %d: %v", depth, frame.Data)
		}
	}
}

// Pixels at an odd address are copied where they are asked for as numbers.
func TestOddAddress(t *testing.T) {
	payload := xtctest.CameraFrame(3, 2, 16, pattern(6))
	odd := append(make([]byte, 1, 1+len(payload)), payload...)[1:]
	frame, err := frames.NewDecoder(detector, nil).Decode(frames.Object{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: odd})
	if err != nil {
		t.Fatal(err)
	}
	checkFrame(t, frame, []int{2, 3}, frames.Uint16, pattern(6))
}

// The pixels of an fccd960 carry a gain; those of other cameras do not.
func TestFccd960(t *testing.T) {
	raw := []uint16{0x1fff, 1<<13 | 5, 2<<13 | 7, 3<<13 | 9, 1<<15 | 3}
	want := []uint16{0x1fff, 5 << 2, 0, 9 << 3, 3}
	object := frames.Object{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: xtctest.CameraFrame(5, 1, 16, raw)}
	before := slices.Clone(object.Payload)
	frame, err := frames.NewDecoder(xtctest.Source("XcsEndstation.0:Fccd960.0", 1), nil).Decode(object)
	if err != nil {
		t.Fatal(err)
	}
	checkFrame(t, frame, []int{1, 5}, frames.Uint16, want)
	if !bytes.Equal(before, object.Payload) {
		t.Error("the payload was changed")
	}
	if frame, err = frames.NewDecoder(xtctest.Source("XcsEndstation.0:Opal1000.0", 1), nil).Decode(object); err != nil {
		t.Fatal(err)
	}
	checkFrame(t, frame, []int{1, 5}, frames.Uint16, raw)
}

func TestTimepix(t *testing.T) {
	pixels := pattern(12)
	object := frames.Object{Contains: xtc.NewTypeID(xtc.TypeTimepixData, 2), Payload: xtctest.TimepixData(4, 3, pixels)}
	frame, err := frames.NewDecoder(detector, nil).Decode(object)
	if err != nil {
		t.Fatal(err)
	}
	checkFrame(t, frame, []int{3, 4}, frames.Uint16, pixels)
}

// section returns the pixels of a section of a cspad that are all the same.
func section(value uint16) []uint16 { return slices.Repeat([]uint16{value}, 185*388) }

// sectionsOf tells each section of a frame by its first and last pixel; both are 0 where
// the section is not read.
func sectionsOf(t *testing.T, f frames.Frame) (values []uint16) {
	t.Helper()
	pixels := f.Uint16()
	for one := range slices.Chunk(pixels, 185*388) {
		if one[0] != one[len(one)-1] {
			t.Errorf("section %d begins with %d and ends with %d", len(values), one[0], one[len(one)-1])
		}
		values = append(values, one[0])
	}
	return values
}

// TestCspadSections: blocks in any order, quads and sections that are not read, both
// versions.
func TestCspadSections(t *testing.T) {
	sections := func(values ...uint16) (list [][]uint16) {
		for _, v := range values {
			list = append(list, section(v))
		}
		return list
	}
	at := func(pairs ...uint16) []uint16 {
		all := make([]uint16, 32)
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	for _, test := range []struct {
		name    string
		version uint16 // of the data
		quads   int    // mask
		roi     int
		blocks  []xtctest.CspadQuad
		want    []uint16 // nil: broken
	}{
		{"one quad of one section", 2, 0b0100, 0x00200000, []xtctest.CspadQuad{{Number: 2, Sections: sections(9)}}, at(21, 9)},
		{"sections in the order of the bits", 2, 0b0001, 0b10010010, []xtctest.CspadQuad{{Number: 0, Sections: sections(1, 2, 3)}}, at(1, 1, 4, 2, 7, 3)},
		{"blocks in any order, of different length", 2, 0b1011, 0x01ff0380, []xtctest.CspadQuad{
			{Number: 3, Sections: sections(30)}, {Number: 0, Sections: sections(1)}, {Number: 1, Sections: sections(10, 11)},
		}, at(24, 30, 7, 1, 8, 10, 9, 11)},
		{"a quad without sections", 2, 0b0011, 0x0001, []xtctest.CspadQuad{{Number: 1}, {Number: 0, Sections: sections(4)}}, at(0, 4)},
		{"V1 has all sections, of which those of the mask count", 1, 0b0010, 0x8100, []xtctest.CspadQuad{
			{Number: 1, Sections: sections(1, 2, 3, 4, 5, 6, 7, 8)},
		}, at(8, 1, 15, 2)},
		{"two blocks of one quad", 2, 0b0011, 0x0101, []xtctest.CspadQuad{{Number: 1, Sections: sections(1)}, {Number: 1, Sections: sections(2)}}, nil},
		{"more blocks than there are", 2, 0b0111, 0x010101, []xtctest.CspadQuad{{Number: 0, Sections: sections(1)}, {Number: 1, Sections: sections(2)}}, nil},
		{"no quads", 2, 0, 0xff, []xtctest.CspadQuad{{Number: 0, Sections: sections(1)}}, nil},
		{"quads beyond the fourth", 2, 0xff, 0, slices.Repeat([]xtctest.CspadQuad{{Number: 0}}, 8), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := configOf(t, "CsPad.ConfigV5", map[string]any{"quadMask": test.quads, "roiMask": test.roi})
			decoder := frames.NewDecoder(detector, []xtc.Config{config})
			full := configOf(t, "CsPad.ConfigV5", nil)
			// What a frame before has left must not be seen.
			decoder.Configure([]xtc.Config{full})
			contains, before := xtctest.FrameObject("CsPad.ConfigV5", []int{32, 185, 388}, slices.Repeat([]uint16{77}, 32*185*388))
			if _, err := decoder.Decode(frames.Object{Contains: contains, Payload: before}); err != nil {
				t.Fatal(err)
			}
			decoder.Configure([]xtc.Config{config})
			object := frames.Object{Contains: xtc.NewTypeID(xtc.TypeCspadElement, test.version), Payload: xtctest.CspadElement(test.blocks...)}
			frame, err := decoder.Decode(object)
			if test.want == nil {
				if !errors.Is(err, frames.ErrBroken) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, sectionsOf(t, frame)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			object.Payload = object.Payload[:len(object.Payload)-1]
			if _, err := decoder.Decode(object); !errors.Is(err, frames.ErrBroken) {
				t.Errorf("a byte less: %v", err)
			}
		})
	}
}

// A cspad's first class has no mask of sections: psana does not read its data.
func TestCspadWithoutMask(t *testing.T) {
	contains, payload := xtctest.FrameObject("CsPad.ConfigV1", []int{32, 185, 388}, pattern(32*185*388))
	_, err := frames.NewDecoder(detector, []xtc.Config{configOf(t, "CsPad.ConfigV1", nil)}).Decode(frames.Object{Contains: contains, Payload: payload})
	if !errors.Is(err, frames.ErrNoConfig) {
		t.Error(err)
	}
}

// TestPnccdSizes: links of another size than psana's arrays are refused.
func TestPnccdSizes(t *testing.T) {
	contains := xtc.NewTypeID(xtc.TypePnCCDconfig, 1)
	for links, each := range map[uint32]uint32{0: 524304, 4: 524300, 1 << 31: 524304, 3: 0} {
		object := make([]byte, 8)
		binary.LittleEndian.PutUint32(object, links)
		binary.LittleEndian.PutUint32(object[4:], each)
		decoder := frames.NewDecoder(detector, []xtc.Config{decodeConfig(t, contains, object)})
		_, err := decoder.Decode(frames.Object{Contains: xtc.NewTypeID(xtc.TypePnCCDframe, 1), Payload: xtctest.PnccdFrames(pattern(512 * 512))})
		if !errors.Is(err, frames.ErrBroken) {
			t.Errorf("%d links of %d bytes: %v", links, each, err)
		}
	}
}

// TestBySection takes a cspad2x2's sections apart.
func TestBySection(t *testing.T) {
	pixels := pattern(185 * 388 * 2)
	contains, payload := xtctest.FrameObject("CsPad2x2.ConfigV2", []int{185, 388, 2}, pixels)
	frame, err := frames.NewDecoder(detector, []xtc.Config{configOf(t, "CsPad2x2.ConfigV2", nil)}).Decode(frames.Object{Contains: contains, Payload: payload})
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]int16, 200_000)
	apart := frame.BySection(buf)
	if &apart[0] != &buf[0] || len(apart) != len(pixels) {
		t.Errorf("%d pixels, in the buffer: %v", len(apart), &apart[0] == &buf[0])
	}
	for i, want := range pixels {
		if got := apart[i%2*185*388+i/2]; got != int16(want) {
			t.Fatalf("pixel %d is %d, want %d", i, got, want)
		}
	}
	if other := (frames.Frame{Shape: []int{2, 3}, DType: frames.Int16}).BySection(nil); other != nil {
		t.Errorf("another shape gives %v", other)
	}
}

// Types without pixels are no error of the file.
func TestNotFrame(t *testing.T) {
	for _, contains := range []xtc.TypeID{
		xtc.NewTypeID(xtc.TypeEpics, 1), xtc.NewTypeID(xtc.TypeEpixElement, 4), xtc.NewTypeID(xtc.TypeAny, 0),
		xtc.NewTypeID(xtc.TypeTimepixData, 1), xtc.NewTypeID(xtc.TypeEpix100aConfig, 2),
	} {
		_, err := frames.NewDecoder(detector, nil).Decode(frames.Object{Contains: contains, Payload: make([]byte, 100)})
		if err != frames.ErrNotFrame || frames.Takes(contains) {
			t.Errorf("%s: %v", contains, err)
		}
	}
	if !frames.Takes(xtc.NewTypeID(xtc.TypeFrame, 1) | 1<<31) {
		t.Error("a compressed frame is not taken")
	}
}

// The first of several configuration objects of one class goes with the data.
func TestWrongConfig(t *testing.T) {
	contains, payload := xtctest.FrameObject("Epix.Config100aV2", []int{704, 768}, pattern(704*768))
	decoder := frames.NewDecoder(detector, []xtc.Config{configOf(t, "Jungfrau.ConfigV3", nil), nil})
	if _, err := decoder.Decode(frames.Object{Contains: contains, Payload: payload}); !errors.Is(err, frames.ErrNoConfig) {
		t.Errorf("a jungfrau's configuration: %v", err)
	}
	decoder.Configure([]xtc.Config{configOf(t, "Jungfrau.ConfigV3", nil), configOf(t, "Epix.Config100aV2", nil)})
	if _, err := decoder.Decode(frames.Object{Contains: contains, Payload: payload}); err != nil {
		t.Error(err)
	}
}
