package frames_test

import (
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"testing"

	"deployconstants/xtc"
	"deployconstants/xtc/frames"
	"deployconstants/xtc/xtctest"
)

// allocated returns the bytes that work allocates.
func allocated(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// checkHostile decodes an object and checks that it gives a frame that agrees with
// itself, or an error that says where.
func checkHostile(t testing.TB, d *frames.Decoder, o frames.Object) {
	t.Helper()
	f, err := d.Decode(o)
	if err != nil {
		broken, isBroken := errors.AsType[*xtc.FormatError](err)
		if isBroken && (broken.Off < o.Offset || broken.Off > o.Offset+int64(len(o.Payload))) {
			t.Fatalf("offset %d is outside the payload: %v", broken.Off, err)
		}
		if isBroken != errors.Is(err, frames.ErrBroken) || !isBroken && !errors.Is(err, frames.ErrNoConfig) && err != frames.ErrNotFrame {
			t.Fatalf("%v", err)
		}
		return
	}
	if product(f.Shape) != f.Pixels() || f.Pixels() == 0 || len(f.Data) != f.Pixels()*f.DType.Size() {
		t.Fatalf("%d bytes of %s for shape %v", len(f.Data), f.DType, f.Shape)
	}
	if f.Offset >= 0 && &f.Data[0] != &o.Payload[f.Offset] {
		t.Fatalf("the pixels are not at %d", f.Offset)
	}
}

// hostileConfigs are small detectors of all classes, so that few bytes hold a frame.
func hostileConfigs(t testing.TB) []xtc.Config {
	var configs []xtc.Config
	for _, test := range classCases {
		switch test.class {
		case "Jungfrau.ConfigV1", "Epix.Config100aV1", "Epix.Config100aV2":
			continue // of real size; the other classes of the type are small
		}
		configs = append(configs, test.config(t, test.class))
	}
	return append(configs, decodeConfig(t, xtc.NewTypeID(xtc.TypeEpix100aConfig, 2), xtctest.Epix100aConfig(2, xtctest.Epix{RowsPerAsic: 1, PixelsPerAsicRow: 2})))
}

// smallObjects are objects with few pixels, plain and compressed.
func smallObjects() []frames.Object {
	pixels := pattern(8)
	camera := xtctest.CameraFrame(4, 2, 12, pixels)
	block := func(engine uint32, runs bool) []byte {
		return xtctest.Compress(xtctest.Block{Header: camera[:16], Engine: engine, Pixels: camera[16:], Runs: runs})
	}
	frame, compressed := xtc.NewTypeID(xtc.TypeFrame, 1), xtc.NewTypeID(xtc.TypeFrame, 1)|1<<31
	epix := xtc.NewTypeID(xtc.TypeEpixElement, 2)
	return []frames.Object{
		{Contains: frame, Payload: camera},
		{Contains: frame, Payload: xtctest.CameraFrame(4, 2, 8, pixels)},
		{Contains: epix, Payload: xtctest.EpixElement(pixels, 0)},
		{Contains: xtc.NewTypeID(xtc.TypeTimepixData, 2), Payload: xtctest.TimepixData(4, 2, pixels)},
		{Contains: compressed, Payload: block(xtctest.EngineNone, false)},
		{Contains: compressed, Payload: block(xtctest.EngineHist16, false)},
		{Contains: compressed, Payload: block(xtctest.EngineHist16, true)},
		{Contains: compressed, Payload: block(xtctest.EngineHistN, false)},
		{Contains: compressed, Payload: block(xtctest.EngineHistN, true)},
		{Contains: xtc.NewTypeID(xtc.TypeAndorFrame, 1), Payload: xtctest.AreaFrame(12, pixels)},
	}
}

// TestCutAndFlip cuts small objects at every byte and flips every bit.
func TestCutAndFlip(t *testing.T) {
	decoder := frames.NewDecoder(detector, hostileConfigs(t))
	for _, o := range smallObjects() {
		if _, err := decoder.Decode(o); err != nil {
			t.Fatalf("%s: %v", o.Contains, err)
		}
		whole := o.Payload
		for size := range whole {
			o.Payload = whole[:size:size]
			checkHostile(t, decoder, o)
			if _, err := decoder.Decode(o); err == nil && o.Contains.Compressed() {
				t.Errorf("%s, %d bytes of %d: no error", o.Contains, size, len(whole))
			}
		}
		o.Payload = slices.Clone(whole)
		for i := range o.Payload {
			for bit := range 8 {
				o.Payload[i] ^= 1 << bit
				checkHostile(t, decoder, o)
				o.Payload[i] ^= 1 << bit
			}
		}
	}
}

// A flipped bit in compressed pixels is found by the checksum, or the sizes.
func TestChecksum(t *testing.T) {
	decoder := frames.NewDecoder(detector, nil)
	for _, o := range smallObjects() {
		if !o.Contains.Compressed() || binary.LittleEndian.Uint32(o.Payload[20:]) == xtctest.EngineNone {
			continue
		}
		o.Payload = slices.Clone(o.Payload)
		o.Payload[36+4] ^= 1 // the checksum itself
		if _, err := decoder.Decode(o); !errors.Is(err, frames.ErrBroken) {
			t.Errorf("engine %d: %v", o.Payload[20], err)
		}
	}
}

// TestExpansion: a small compressed payload that says it is huge is refused before room
// is made for it.
func TestExpansion(t *testing.T) {
	compressed := xtc.NewTypeID(xtc.TypeFrame, 1) | 1<<31
	huge := xtctest.CameraFrame(1<<20, 1<<20, 16, nil)
	small := xtctest.CameraFrame(4, 2, 16, nil)
	// 0xffff times 16 pixels of no bits each for every four bytes.
	runs := []byte{3, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	for range 512 {
		runs = append(runs, 0xff, 0xff, 0, 0)
	}
	binary.LittleEndian.PutUint32(runs[8:], uint32(len(runs)-12))
	binary.LittleEndian.PutUint32(runs[24:], uint32(len(runs)-28)/2)
	for name, payload := range map[string][]byte{
		"one block of 4 GiB":           xtctest.Compress(xtctest.Block{Header: huge, Engine: xtctest.EngineHistN, Size: 1<<32 - 1, Data: runs}),
		"more than the frame has":      xtctest.Compress(xtctest.Block{Header: small, Engine: xtctest.EngineHistN, Size: 4 << 20, Data: runs}),
		"many blocks":                  xtctest.Compress(append([]xtctest.Block{{Header: small, Pixels: make([]byte, 16)}}, slices.Repeat([]xtctest.Block{{Engine: xtctest.EngineHistN, Size: 1 << 20, Data: runs}}, 300)...)...),
		"header beyond the payload":    {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"unknown engine":               xtctest.Compress(xtctest.Block{Header: small, Engine: 3, Size: 16, Data: []byte{0}}),
		"nothing":                      {},
		"method that does not exist":   xtctest.Compress(xtctest.Block{Header: small, Engine: xtctest.EngineHistN, Size: 16, Data: append([]byte{2}, runs[1:]...)}),
		"pixels of three bytes":        xtctest.Compress(xtctest.Block{Header: small, Engine: xtctest.EngineHistN, Size: 16, Data: append([]byte{3, 0, 3}, runs[3:]...)}),
		"an odd number of bytes":       xtctest.Compress(xtctest.Block{Header: small, Engine: xtctest.EngineHistN, Size: 15, Data: runs}),
		"a block that is cut":          xtctest.Compress(xtctest.Block{Header: small, Engine: xtctest.EngineHist16, Pixels: make([]byte, 16)})[:50],
		"plain data of another length": xtctest.Compress(xtctest.Block{Header: small, Size: 16, Data: make([]byte, 15)}),
	} {
		var err error
		got := allocated(func() {
			_, err = frames.NewDecoder(detector, nil).Decode(frames.Object{Contains: compressed, Payload: payload})
		})
		if !errors.Is(err, frames.ErrBroken) {
			t.Errorf("%s: %v", name, err)
		}
		if limit := uint64(2 << 20); got > limit {
			t.Errorf("%s: %d bytes allocated, want at most %d", name, got, limit)
		}
	}
	// Four million pixels out of two kilobytes are right where the head says that many.
	payload := xtctest.Compress(xtctest.Block{Header: xtctest.CameraFrame(1<<11, 1<<11, 16, nil), Engine: xtctest.EngineHistN, Size: 1 << 23, Data: runs})
	if _, err := frames.NewDecoder(detector, nil).Decode(frames.Object{Contains: compressed, Payload: payload}); err != nil {
		t.Errorf("expands as it should: %v", err)
	}
}

// Shapes that a hostile configuration says do not overflow.
func TestHostileShapes(t *testing.T) {
	for class, fields := range map[string]map[string]any{
		"Jungfrau.ConfigV1": {"numberOfModules": 65536, "numberOfRowsPerModule": 65536, "numberOfColumnsPerModule": 65536},
		"Jungfrau.ConfigV2": {"numberOfModules": 65536, "numberOfRowsPerModule": 65536, "numberOfColumnsPerModule": 32768},
		"Jungfrau.ConfigV3": {"numberOfModules": 0, "numberOfRowsPerModule": 1, "numberOfColumnsPerModule": 1},
	} {
		decoder := frames.NewDecoder(detector, []xtc.Config{configOf(t, class, fields)})
		for version := range uint16(2) {
			for _, compressed := range []xtc.TypeID{0, 1 << 31} {
				o := frames.Object{Contains: xtc.NewTypeID(xtc.TypeJungfrauElement, version+1) | compressed, Payload: make([]byte, 4096)}
				if _, err := decoder.Decode(o); !errors.Is(err, frames.ErrBroken) {
					t.Errorf("%s, %s: %v", class, o.Contains, err)
				}
			}
		}
	}
	for _, size := range [][2]uint32{{1<<32 - 1, 1<<32 - 1}, {0, 5}, {5, 0}, {1 << 31, 2}} {
		payload := xtctest.CameraFrame(0, 0, 16, pattern(8))
		binary.LittleEndian.PutUint32(payload, size[0])
		binary.LittleEndian.PutUint32(payload[4:], size[1])
		if _, err := frames.NewDecoder(detector, nil).Decode(frames.Object{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: payload}); !errors.Is(err, frames.ErrBroken) {
			t.Errorf("a frame of %v: %v", size, err)
		}
	}
}

// Decoding frames that lie in place allocates no more than the work on the shape.
func TestAllocations(t *testing.T) {
	contains, payload := xtctest.FrameObject("Epix.Config100aV2", []int{704, 768}, pattern(704*768))
	decoder := frames.NewDecoder(detector, []xtc.Config{configOf(t, "Epix.Config100aV2", nil)})
	o := frames.Object{Contains: contains, Payload: payload}
	if _, err := decoder.Decode(o); err != nil {
		t.Fatal(err)
	}
	got := testing.AllocsPerRun(100, func() {
		if f, err := decoder.Decode(o); err != nil || f.Uint16()[1] != 1007 {
			t.Fatal(err)
		}
	})
	if got > 2 {
		t.Errorf("%v allocations for each frame", got)
	}
}

// FuzzDecode decodes any bytes as an object of any class, plain and compressed.
func FuzzDecode(f *testing.F) {
	for _, o := range smallObjects() {
		f.Add(uint32(o.Contains), o.Payload)
	}
	for _, test := range classCases {
		if n := product(test.shape); n < 1000 {
			contains, payload := xtctest.FrameObject(test.class, test.shape, pattern(n))
			f.Add(uint32(contains), payload)
		}
	}
	for quads := range uint32(4) {
		f.Add(uint32(xtc.NewTypeID(xtc.TypeCspadElement, 2)), xtctest.CspadElement(xtctest.CspadQuad{Number: quads}))
	}
	configs := hostileConfigs(f)
	masked := configOf(f, "CsPad.ConfigV5", map[string]any{"quadMask": 3, "roiMask": 0})
	f.Fuzz(func(t *testing.T, contains uint32, payload []byte) {
		for _, src := range []xtc.Src{detector, xtctest.Source("XcsEndstation.0:Fccd960.0", 1)} {
			decoder := frames.NewDecoder(src, append([]xtc.Config{masked}, configs...))
			for _, compressed := range []uint32{0, 1 << 31} {
				checkHostile(t, decoder, frames.Object{Contains: xtc.TypeID(contains ^ compressed), Offset: 4096, Payload: payload})
			}
		}
	})
}

// FuzzDecompress builds a compressed frame around any data, so that the fuzzer need not
// find the fields around them.
func FuzzDecompress(f *testing.F) {
	pixels := xtctest.CameraFrame(8, 8, 16, pattern(64))[16:]
	for _, runs := range []bool{false, true} {
		f.Add(uint8(xtctest.EngineHist16), uint16(8), uint16(8), xtctest.Hist16(pixels, runs))
		f.Add(uint8(xtctest.EngineHistN), uint16(8), uint16(8), xtctest.HistN(pixels, 2, runs))
		f.Add(uint8(xtctest.EngineHistN), uint16(8), uint16(16), xtctest.HistN(pixels, 1, runs))
	}
	f.Add(uint8(xtctest.EngineNone), uint16(8), uint16(8), pixels)
	f.Fuzz(func(t *testing.T, engine uint8, width, height uint16, data []byte) {
		depth := 16
		if height > width {
			depth = 8
		}
		head := xtctest.CameraFrame(int(width), int(height), depth, nil)
		size := uint32(width) * uint32(height) * uint32(depth/8)
		payload := xtctest.Compress(xtctest.Block{Header: head, Engine: uint32(engine), Size: size, Data: data})
		checkHostile(t, frames.NewDecoder(detector, nil), frames.Object{Contains: xtc.NewTypeID(xtc.TypeFrame, 1) | 1<<31, Payload: payload})
	})
}
