package xtc_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"testing/iotest"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// newStream gives the bytes in small pieces, as a pipe does.
func newStream(b []byte) io.Reader { return iotest.HalfReader(bytes.NewReader(b)) }

// smallFile is a file with one of each object that is decoded, small enough to be
// broken at every byte.
func smallFile() []byte {
	src := xtctest.Source("XcsEndstation.0:Epix100a.1", 4513)
	small := xtctest.Epix{Version: 1, AsicsPerRow: 1, AsicsPerColumn: 1, RowsPerAsic: 1, PixelsPerAsicRow: 2}
	segment := xtctest.ProcInfo(xtc.LevelSegment, 0xac151601, 7169)
	leaf := func(t xtc.Type, version uint16, payload []byte) xtctest.Node {
		return xtctest.Node{Src: src, Contains: xtc.NewTypeID(t, version), Payload: payload}
	}
	return xtctest.Encode(
		xtctest.Dgram{Transition: xtc.TransitionConfigure, Clock: xtc.Clock{Sec: 1}, Root: xtctest.Node{Children: []xtctest.Node{
			leaf(xtc.TypeSmlDataConfig, 1, []byte{0, 4, 0, 0}),
			{Src: segment, Children: []xtctest.Node{leaf(xtc.TypeEpix100aConfig, 2, xtctest.Epix100aConfig(2, small))}},
			{Src: segment, Damage: xtc.DamageIncompleteContribution, Children: []xtctest.Node{leaf(xtc.TypeEpix100aConfig, 2, nil)}},
			leaf(xtc.TypeEpix10kaConfig, 1, xtctest.Epix10kaConfig(1, xtctest.Epix{RowsPerAsic: 1, PixelsPerAsicRow: 2})),
			leaf(xtc.TypeRunControlConfig, 3, xtctest.ControlConfig(3, smallControl)),
			leaf(xtc.TypeUxiConfig, 1, xtctest.AreaConfig("Uxi.ConfigV1", 2, 2, 1, 1)),
			leaf(xtc.TypeJungfrauConfig, 3, xtctest.JungfrauConfig(3, xtctest.Jungfrau{Modules: make([]xtctest.JungfrauModule, 1)})),
			leaf(xtc.TypeRayonixConfig, 2, xtctest.RayonixConfig(2, 2, "MX340-HS:1")),
			leaf(xtc.TypePnCCDconfig, 1, xtctest.PnccdConfig(1, "", "")),
			leaf(xtc.TypeOpal1kConfig, 1, xtctest.OpalConfig()),
			leaf(xtc.TypeAliasConfig, 1, xtctest.AliasConfig(xtc.Alias{Src: src, Name: "epix"})),
			leaf(xtc.TypePartitionConfig, 1, xtctest.PartitionConfig(1, 1, xtc.PartitionSource{Src: src})),
			leaf(xtc.TypePartitionConfig, 2, xtctest.PartitionConfig(2, 1, xtc.PartitionSource{Src: src})),
		}}},
		xtctest.Dgram{Transition: xtc.TransitionBeginRun, Clock: xtc.Clock{Sec: 2}, Env: 260},
		xtctest.Dgram{Transition: xtc.TransitionL1Accept, Clock: xtc.Clock{Sec: 3}, Root: xtctest.Node{Children: []xtctest.Node{
			leaf(xtc.TypeSmlDataOrigDgramOffset, 1, make([]byte, 12)),
			leaf(xtc.TypeSmlDataProxy, 1, make([]byte, 16)),
		}}},
	)
}

// smallControl has one of each list.
var smallControl = xtc.ControlConfig{
	Events: 100, UsesEvents: true, Duration: xtc.Clock{Sec: 7, Nsec: 8},
	Controls: []xtc.PVControl{{Name: "motor", Index: xtc.NoArray, Value: -1.5}},
	Monitors: []xtc.PVMonitor{{Name: "flux", Index: 3, Low: 1, High: 2}},
	Labels:   []xtc.PVLabel{{Name: "MfxEndstation-0|Epix10ka2M-0", Value: "dark Fixed High Gain"}},
}

func TestCutAtEveryByte(t *testing.T) {
	whole := smallFile()
	if said := transcript(newFile(whole, xtc.Limits{})); said[len(said)-1] != io.EOF {
		t.Fatalf("the whole file ends with %v", said[len(said)-1])
	}
	ends := map[int]bool{0: true}
	for d := range newFile(whole, xtc.Limits{}).Dgrams() {
		ends[int(d.End())] = true
	}
	for size := range len(whole) {
		readHostile(t, whole[:size], xtc.Limits{})
		f := newFile(whole[:size], xtc.Limits{})
		var last error
		for _, err := range f.Dgrams() {
			last = err
		}
		if ends[size] != (last == nil) || !ends[size] && !errors.Is(last, xtc.ErrTornDgram) && !errors.Is(last, xtc.ErrZeroTail) {
			t.Fatalf("cut at %d: %v", size, last)
		}
	}
}

func TestFlipEveryByte(t *testing.T) {
	b := smallFile()
	for i := range b {
		for _, flip := range []byte{0xff, 0x01} {
			b[i] ^= flip
			readHostile(t, b, xtc.Limits{})
			b[i] ^= flip
		}
	}
}

func TestLimits(t *testing.T) {
	b := smallFile()
	tests := []struct {
		limits xtc.Limits
		next   error
		nodes  error
	}{
		{xtc.Limits{}, nil, nil},
		{xtc.Limits{MaxDgram: 100}, xtc.ErrTooLarge, nil},
		{xtc.Limits{MaxDepth: 1}, nil, xtc.ErrDepth},
		{xtc.Limits{MaxNodes: 3}, nil, xtc.ErrNodes},
	}
	for _, test := range tests {
		f := newFile(b, test.limits)
		d, err := f.Next()
		if !errors.Is(err, test.next) {
			t.Errorf("%+v: Next gives %v, want %v", test.limits, err, test.next)
		}
		if err != nil {
			continue
		}
		var last error
		for _, last = range f.Nodes(d) {
		}
		if !errors.Is(last, test.nodes) {
			t.Errorf("%+v: Nodes gives %v, want %v", test.limits, last, test.nodes)
		}
		readHostile(t, b, test.limits)
	}
}

// allocated returns the bytes that work allocates.
func allocated(work func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Reading a hostile file allocates little, however much it claims or has: only the stack
// of open containers grows, to the limit of the depth.
func TestAllocationsAreBounded(t *testing.T) {
	dir := t.TempDir()
	testenv.Unpack(t, dir, testenv.Shared(t, "xtc", "bad"))
	tests := []struct {
		name  string
		limit uint64 // bytes
	}{
		{"alias_count_huge", 64 << 10},
		{"nesting_50000", 1 << 20},
		{"many_children_20000", 64 << 10},
		{"dgram_extent_ffffffff", 64 << 10},
		{"garbage_4k", 64 << 10},
	}
	for _, test := range tests {
		got := allocated(func() {
			f, err := xtc.Open(filepath.Join(dir, test.name+".xtc"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for d, err := range f.Dgrams() {
				if err != nil {
					break
				}
				for n, err := range f.Nodes(d) {
					if err != nil {
						break
					}
					// Whether it is an object and a sound one is not the question here.
					_, _ = f.Config(n)
				}
			}
		})
		if got > test.limit {
			t.Errorf("%s: %d bytes allocated, want at most %d", test.name, got, test.limit)
		}
	}
}

// A stream that announces a datagram of 256 MiB and ends is not believed.
func TestReaderAllocatesAsBytesArrive(t *testing.T) {
	b := smallFile()[:100]
	binary.LittleEndian.PutUint32(b[36:], 255<<20)
	var err error
	got := allocated(func() { _, err = xtc.NewReader(newStream(b), xtc.Limits{}).Next() })
	if !errors.Is(err, xtc.ErrTornDgram) {
		t.Errorf("Next gives %v", err)
	}
	if limit := uint64(64 << 10); got > limit {
		t.Errorf("%d bytes allocated, want at most %d", got, limit)
	}
}

func FuzzFile(f *testing.F) {
	f.Add(smallFile())
	f.Add(xtctest.Encode(realRun("Jungfrau.ConfigV4", "CxiDs1.0:Jungfrau.0").Dgrams(0)[:3]...))
	f.Add(make([]byte, 64))
	f.Fuzz(func(t *testing.T, b []byte) {
		readHostile(t, b, xtc.Limits{})
		readHostile(t, b, xtc.Limits{MaxDgram: 4096, MaxDepth: 3, MaxNodes: 20})
	})
}

func FuzzParseSource(f *testing.F) {
	for _, text := range []string{"", "XcsEndstation.0:Epix100a.1", "XcsEndstation-0|Epix100a-1", "*:Epix100a", "EBeam", "ProcInfo(1.2.3.4)", "DetInfo(AmoIms.255)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := xtc.ParseSource(text)
		if err != nil {
			if _, ok := errors.AsType[*xtc.SourceError](err); !ok {
				t.Fatalf("%v", err)
			}
			return
		}
		if m.Exact() && !m.Matches(m.Src()) {
			t.Fatalf("%q does not match %s", text, m.Src())
		}
		if level := m.Src().Level(); level == xtc.LevelSource || level == xtc.LevelReporter && m.Exact() {
			if again, err := xtc.ParseSource(m.String()); err != nil || again != m {
				t.Fatalf("%q is written as %q, which gives %v, %v", text, m, again, err)
			}
		}
	})
}
