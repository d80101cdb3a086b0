package xtctest_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// TestFrameObjectSizes: objects have the sizes that the format's own library gives them.
func TestFrameObjectSizes(t *testing.T) {
	for _, test := range []struct {
		class    string
		shape    []int
		contains xtc.TypeID
		size     int
	}{
		{"Epix.Config100aV2", []int{8, 16}, xtc.NewTypeID(xtc.TypeEpixElement, 2), 428},
		{"Epix.Config10kaV2", []int{8, 16}, xtc.NewTypeID(xtc.TypeEpixElement, 3), 492},
		{"Epix.Config10kaQuadV2", []int{4, 352, 384}, xtc.NewTypeID(xtc.TypeEpix10kaArray, 1), 1099812},
		{"Jungfrau.ConfigV3", []int{8, 4, 16}, xtc.NewTypeID(xtc.TypeJungfrauElement, 2), 1200},
		{"CsPad.ConfigV5", []int{32, 185, 388}, xtc.NewTypeID(xtc.TypeCspadElement, 2), 4594064},
		{"CsPad2x2.ConfigV2", []int{185, 388, 2}, xtc.NewTypeID(xtc.TypeCspad2x2Element, 1), 287152},
		{"PNCCD.ConfigV2", []int{4, 512, 512}, xtc.NewTypeID(xtc.TypePnCCDframe, 1), 2097216},
		{"Opal1k.ConfigV1", []int{12, 16}, xtc.NewTypeID(xtc.TypeFrame, 1), 400},
		{"Andor3d.ConfigV1", []int{2, 3, 4}, xtc.NewTypeID(xtc.TypeAndor3dFrame, 1), 8 + 2*4 + 2*2*3*4},
	} {
		n := 1
		for _, side := range test.shape {
			n *= side
		}
		contains, payload := xtctest.FrameObject(test.class, test.shape, make([]uint16, n))
		if contains != test.contains || len(payload) != test.size {
			t.Errorf("%s: %s of %d bytes, want %s of %d", test.class, contains, len(payload), test.contains, test.size)
		}
	}
}

// TestStepsOfRun: calibration cycles follow each other in time, and each has its events and
// its configuration.
func TestStepsOfRun(t *testing.T) {
	run := xtctest.Run{
		Number: 7, BeginRun: xtc.Clock{Sec: 10_000}, Streams: []int{0, 1},
		Detectors: []xtctest.Detector{{Source: "XcsEndstation.0:Epix100a.1", Class: "Epix.Config100aV2"}},
		Steps: []xtctest.Step{
			{Events: 130, Control: xtc.ControlConfig{Labels: []xtc.PVLabel{{Name: "a", Value: "b"}}}},
			{Configs: []xtctest.Detector{{Source: "XcsEndstation.0:Jungfrau.0", Class: "Jungfrau.ConfigV2"}}},
			{Events: 3},
		},
		Frame: func(_, event int) xtctest.Node {
			if event == 131 {
				return xtctest.Node{}
			}
			return xtctest.Node{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: xtctest.CameraFrame(1, 1, 16, []uint16{uint16(event)})}
		},
	}
	var frames []uint16
	for _, stream := range run.Streams {
		b := xtctest.Encode(run.Dgrams(stream)...)
		f := xtc.NewFile(bytes.NewReader(b), int64(len(b)), xtc.Limits{})
		var services []xtc.Transition
		var last xtc.Clock
		jungfraus := 0
		for d, err := range f.Dgrams() {
			if err != nil {
				t.Fatal(err)
			}
			if d.Clock.Compare(last) <= 0 {
				t.Errorf("%s at %v, behind %v", d.Service(), d.Clock, last)
			}
			last = d.Clock
			if services = append(services, d.Service()); d.Service() == xtc.TransitionL1Accept {
				services = services[:len(services)-1]
			}
			for n, err := range f.Nodes(d) {
				if err != nil {
					t.Fatal(err)
				}
				switch n.Contains.Type() {
				case xtc.TypeFrame:
					payload, err := f.Payload(n, new([]byte))
					if err != nil {
						t.Fatal(err)
					}
					frames = append(frames, uint16(payload[16])|uint16(payload[17])<<8)
				case xtc.TypeJungfrauConfig:
					jungfraus++
				}
			}
		}
		cycle := []xtc.Transition{xtc.TransitionBeginCalibCycle, xtc.TransitionEnable, xtc.TransitionDisable, xtc.TransitionEndCalibCycle}
		want := slices.Concat([]xtc.Transition{xtc.TransitionConfigure, xtc.TransitionBeginRun}, cycle, cycle, cycle, []xtc.Transition{xtc.TransitionEndRun})
		if diff := cmp.Diff(want, services); diff != "" || jungfraus != 1 {
			t.Errorf("stream %d, %d objects of the second step (-want +got):\n%s", stream, jungfraus, diff)
		}
	}
	slices.Sort(frames)
	if len(frames) != 132 || frames[0] != 0 || frames[130] != 130 || frames[131] != 132 {
		t.Errorf("%d frames: %v", len(frames), frames)
	}
}
