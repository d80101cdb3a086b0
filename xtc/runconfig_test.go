package xtc_test

import (
	"bytes"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// nodeOf returns a file whose only datagram has one object, and the node of that.
func nodeOf(t testing.TB, contains xtc.TypeID, object []byte) (*xtc.File, *xtc.Node) {
	t.Helper()
	b := xtctest.Encode(xtctest.Dgram{Transition: xtc.TransitionConfigure, Clock: xtc.Clock{Sec: 1}, Root: xtctest.Node{
		Children: []xtctest.Node{{Src: xtctest.Source("XcsEndstation.0:Epix100a.1", 1), Contains: contains, Payload: object}},
	}})
	f := newFile(b, xtc.Limits{})
	d, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	for n, err := range f.Nodes(d) {
		if err != nil {
			t.Fatal(err)
		}
		return f, n
	}
	panic("no node")
}

func TestControlConfig(t *testing.T) {
	for version, want := range map[uint16]xtc.ControlConfig{
		1: {Events: 0x3fffffff, UsesDuration: true, Duration: xtc.Clock{Sec: 1, Nsec: 2}, Controls: smallControl.Controls, Monitors: smallControl.Monitors},
		2: smallControl,
		3: {Events: 0x1fffffff, UsesL3TEvents: true, Controls: append(smallControl.Controls, smallControl.Controls...), Labels: smallControl.Labels},
		4: {UsesEvents: true, Monitors: append(smallControl.Monitors, smallControl.Monitors...), Labels: append(smallControl.Labels, smallControl.Labels...)},
	} {
		contains := xtc.NewTypeID(xtc.TypeRunControlConfig, version)
		object := xtctest.ControlConfig(version, want)
		f, n := nodeOf(t, contains, object)
		got, err := f.RunConfig(n)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&want, got, cmpopts.IgnoreUnexported(want), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", version, diff)
		}
		if class := xtc.ConfigClasses(contains)[0]; got.Class() != class {
			t.Errorf("class %q, want %q", got.Class(), class)
		}
		if _, err := f.Config(n); err != xtc.ErrNotConfig {
			t.Errorf("a scan decodes it: %v", err)
		}
		f, n = nodeOf(t, contains, object[:len(object)-1])
		if _, err := f.RunConfig(n); !errors.Is(err, xtc.ErrConfig) {
			t.Errorf("version %d, a byte less: %v", version, err)
		}
	}
}

// The control objects of a real run have no process variables, and end with the object.
func TestRealControlConfig(t *testing.T) {
	f, err := xtc.Open(testenv.Shared(t, "real", "xtc", "t1.xtc"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	found := 0
	for d, err := range f.Dgrams() {
		if err != nil {
			t.Fatal(err)
		}
		for n := range f.Nodes(d) {
			if n.Contains.Type() != xtc.TypeRunControlConfig {
				continue
			}
			c, err := f.RunConfig(n)
			if err != nil {
				t.Fatal(err)
			}
			control := c.(*xtc.ControlConfig)
			size := 28 + 44*len(control.Controls) + 52*len(control.Monitors) + 96*len(control.Labels)
			if n.Contains.Version() == 1 {
				size -= 4
			}
			if int64(size) != n.PayloadSize() {
				t.Errorf("%s takes %d bytes of %d: %+v", c.Class(), size, n.PayloadSize(), control)
			}
			found++
		}
	}
	if found == 0 {
		t.Error("no control object")
	}
}

func TestAreaConfig(t *testing.T) {
	for class, want := range map[string][]int{
		"Princeton.ConfigV1": {2, 4}, "Princeton.ConfigV5": {2, 4}, "Fli.ConfigV1": {2, 4}, "Pimax.ConfigV1": {2, 4}, "Pixis.ConfigV1": {2, 4},
		"Andor.ConfigV1": {2, 4}, "Andor.ConfigV2": {2, 4}, "Andor3d.ConfigV1": {3, 2, 4}, "Zyla.ConfigV1": {2, 4}, "iStar.ConfigV1": {2, 4},
		"Vimba.AlviumConfigV1": {5, 11}, "Uxi.ConfigV1": {3, 5, 11}, "Uxi.ConfigV2": {3, 5, 11}, "Uxi.ConfigV3": {3, 5, 11},
	} {
		contains, ok := xtc.ClassTypeID(class)
		if !ok {
			t.Fatalf("no class %s", class)
		}
		object := xtctest.AreaConfig(class, 11, 5, 3, 3)
		f, n := nodeOf(t, contains, object)
		c, err := f.RunConfig(n)
		if err != nil {
			t.Fatal(err)
		}
		if c.Class() != class || !slices.Equal(c.Shape(), want) {
			t.Errorf("%s: class %s, shape %v", class, c.Class(), c.Shape())
		}
		if area := c.(*xtc.AreaConfig); area.Width != 11 || area.Height != 5 {
			t.Errorf("%s: %+v", class, area)
		}
		f, n = nodeOf(t, contains, object[:20])
		if _, err := f.RunConfig(n); !errors.Is(err, xtc.ErrConfig) {
			t.Errorf("%s of 20 bytes: %v", class, err)
		}
	}
}

func TestAreaConfigLimits(t *testing.T) {
	for _, test := range []struct {
		class                          string
		width, height, binning, planes uint32
		ok                             bool
	}{
		{"Andor.ConfigV1", 65536, 65536, 65536, 0, true},
		{"Andor.ConfigV1", 65537, 1, 1, 0, false},
		{"Andor.ConfigV1", 1, 65537, 1, 0, false},
		{"Andor.ConfigV1", 1, 1, 0, 0, false},
		{"Andor.ConfigV1", 1, 1, 65537, 0, false},
		{"Andor3d.ConfigV1", 1, 1, 1, 65537, false},
		{"Uxi.ConfigV2", 1, 1, 0, 0, true}, // has no binning; its frames have no pixels
	} {
		contains, _ := xtc.ClassTypeID(test.class)
		f, n := nodeOf(t, contains, xtctest.AreaConfig(test.class, test.width, test.height, test.binning, test.planes))
		if _, err := f.RunConfig(n); test.ok != (err == nil) || err != nil && !errors.Is(err, xtc.ErrConfig) {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

func TestJungfrauGain(t *testing.T) {
	for gain, want := range []string{"Normal", "FixedGain1", "FixedGain2", "ForcedGain1", "ForcedGain2", "HighGain0", "-Invalid-"} {
		contains, object, err := xtctest.DetectorConfig("Jungfrau.ConfigV2", map[string]any{"gainMode": gain})
		if err != nil {
			t.Fatal(err)
		}
		f, n := nodeOf(t, contains, object)
		c, err := f.Config(n)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.(*xtc.JungfrauConfig).GainMode.String(); got != want {
			t.Errorf("gain mode %d is %q, want %q", gain, got, want)
		}
	}
}

// panel is a panel whose control words are all different from their neighbours.
func panel(rows, columns int, trbit [4]bool) xtc.Epix10kaPanel {
	p := xtc.Epix10kaPanel{Rows: rows, Columns: columns, Trbit: trbit, Pixels: make([]uint16, rows*columns)}
	for i := range p.Pixels {
		p.Pixels[i] = uint16(i * 3)
	}
	return p
}

func TestEpix10kaPanels(t *testing.T) {
	trbits := func(i int) [4]bool { return [4]bool{i&1 != 0, i&2 != 0, i&4 != 0, i&8 != 0} }
	for _, test := range []struct {
		class  string
		panels int
	}{{"Epix.Config10kaV1", 1}, {"Epix.Config10kaV2", 1}, {"Epix.Config10kaQuadV1", 4}, {"Epix.Config10kaQuadV2", 4}, {"Epix.Config10ka2MV1", 16}, {"Epix.Config10ka2MV2", 16}} {
		contains, object, err := xtctest.DetectorConfig(test.class, nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []xtc.Epix10kaPanel
		for i := range test.panels {
			want = append(want, panel(352, 384, trbits(i+5)))
			want[i].Pixels[7] = uint16(i)
			xtctest.SetPanel(test.class, object, i, want[i])
		}
		f, n := nodeOf(t, contains, object)
		got, err := f.Epix10kaPanels(n)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) { // cmp.Diff takes seconds for so many pixels
			t.Errorf("%s: the panels differ", test.class)
		}
	}
	f, n := nodeOf(t, xtc.NewTypeID(xtc.TypeEpix100aConfig, 2), xtctest.Epix100aConfig(2, xtctest.Epix{}))
	if _, err := f.Epix10kaPanels(n); err != xtc.ErrNotConfig {
		t.Errorf("an epix100a: %v", err)
	}
	f, n = nodeOf(t, xtc.NewTypeID(xtc.TypeEpix10kaConfig, 1), xtctest.Epix10kaConfig(1, xtctest.Epix{AsicsPerRow: 4, AsicsPerColumn: 1}))
	if _, err := f.Epix10kaPanels(n); !errors.Is(err, xtc.ErrConfig) {
		t.Errorf("a panel of four by one ASICs: %v", err)
	}
}

// The trbit of each ASIC counts in its quadrant: 2 above left, 1 above right, 3 below left,
// 0 below right.
func TestEpix10kaGains(t *testing.T) {
	for asic, want := range map[int][2]int{2: {0, 0}, 1: {0, 1}, 3: {1, 0}, 0: {1, 1}} {
		p := panel(6, 8, [4]bool{})
		p.Trbit[asic] = true
		gains := p.Gains(make([]byte, 100))
		if len(gains) != 48 {
			t.Fatalf("%d gains", len(gains))
		}
		for i, got := range gains {
			bits := byte(p.Pixels[i] & 12)
			if (i/8/3) == want[0] && (i%8/4) == want[1] {
				bits |= 16
			}
			if got != bits {
				t.Fatalf("ASIC %d: gain of pixel %d is %d, want %d", asic, i, got, bits)
			}
		}
	}
}

// TestLoad: what is loaded is read once, and payloads lie in it.
func TestLoad(t *testing.T) {
	payload := bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 5000)
	b := xtctest.Encode(
		xtctest.Dgram{Transition: xtc.TransitionL1Accept, Clock: xtc.Clock{Sec: 1}, Root: xtctest.Node{Children: []xtctest.Node{{Payload: payload}}}},
		xtctest.Dgram{Transition: xtc.TransitionL1Accept, Clock: xtc.Clock{Sec: 2}, Root: xtctest.Node{Children: []xtctest.Node{{Payload: payload[1:]}}}},
	)
	f := newFile(b, xtc.Limits{})
	if err := f.Load(0, len(b)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 3)
	for d, err := range f.Dgrams() {
		if err != nil {
			t.Fatal(err)
		}
		for n, err := range f.Nodes(d) {
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.Payload(n, &buf)
			if err != nil || !bytes.Equal(got, payload[d.Index:]) || len(buf) != 3 {
				t.Errorf("datagram %d: %d bytes, buffer %d: %v", d.Index, len(got), len(buf), err)
			}
		}
	}
	if reads, bytes := f.Reads(); reads != 1 || bytes != int64(len(b)) {
		t.Errorf("%d reads of %d bytes", reads, bytes)
	}
	for _, part := range [][2]int64{{-1, 1}, {0, int64(len(b)) + 1}, {int64(len(b)), 1}, {1 << 62, 1}, {0, -1}} {
		if err := f.Load(part[0], int(part[1])); !errors.Is(err, xtc.ErrTornDgram) {
			t.Errorf("Load(%d, %d): %v", part[0], part[1], err)
		}
	}
	// A part of a payload that is loaded does not serve: the whole is read, into the buffer.
	f = newFile(b, xtc.Limits{})
	if err := f.Load(0, 100); err != nil {
		t.Fatal(err)
	}
	d, err := f.Next()
	if err != nil {
		t.Fatal(err)
	}
	for n := range f.Nodes(d) {
		got, err := f.Payload(n, &buf)
		if err != nil || !bytes.Equal(got, payload) || &got[0] != &buf[0] {
			t.Errorf("%d bytes: %v", len(got), err)
		}
	}
}

func TestNodeAt(t *testing.T) {
	b := smallFile()
	f := newFile(b, xtc.Limits{})
	nodes := 0
	for d, err := range f.Dgrams() {
		if err != nil {
			t.Fatal(err)
		}
		for n, err := range f.Nodes(d) {
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.NodeAt(n.Offset)
			if err != nil {
				t.Fatal(err)
			}
			if got.Xtc != n.Xtc || got.PayloadOffset() != n.PayloadOffset() || got.PayloadSize() != n.PayloadSize() {
				t.Errorf("at %#x: %+v, want %+v", n.Offset, got, n)
			}
			nodes++
		}
	}
	for off := int64(-2); off < int64(len(b))+2; off++ {
		n, err := f.NodeAt(off)
		if err == nil && n.PayloadOffset()+n.PayloadSize() > int64(len(b)) {
			t.Errorf("at %#x: %d bytes of payload", off, n.PayloadSize())
		}
		if err != nil && !errors.Is(err, xtc.ErrTornDgram) && !errors.Is(err, xtc.ErrExtent) {
			t.Errorf("at %#x: %v", off, err)
		}
	}
	if _, err := f.NodeAt(-1 << 63); !errors.Is(err, xtc.ErrTornDgram) || nodes < 10 {
		t.Errorf("%d nodes, before the file %v", nodes, err)
	}
}
