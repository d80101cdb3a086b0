package cli_test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

	"deployconstants/stages/dark"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// darkData RUN EVENTS [SHIFT] writes a dark run of xpptut15 with an epix100a, two pixels in
// a thousand of which are dead or noisy. Its pedestals are 3000 ADU, or SHIFT more.
func darkData(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 || len(args) > 3 {
		ts.Fatalf("usage: darkdata run events [shift]")
	}
	numbers := [3]int{}
	for i, text := range args {
		n, err := strconv.Atoi(text)
		ts.Check(err)
		numbers[i] = n
	}
	const class, pixels = "Epix.Config100aV2", 704 * 768
	random := rand.New(rand.NewPCG(4, 2))
	frames := make([][]byte, min(8, numbers[1]))
	var contains xtc.TypeID
	for k := range frames {
		frame := make([]uint16, pixels)
		for i := range frame {
			switch {
			case i%1000 == 7: // dead
			case i%1000 == 8:
				frame[i] = uint16(3000 + numbers[2] + random.IntN(500))
			default:
				frame[i] = uint16(3000 + numbers[2] + random.IntN(9) + random.IntN(9))
			}
		}
		contains, frames[k] = xtctest.FrameObject(class, []int{704, 768}, frame)
	}
	_, err := xtctest.Run{
		Experiment: "xpptut15", Number: numbers[0], BeginRun: xtc.Clock{Sec: uint32(1458353250 + 86400*(numbers[0]-260))},
		Streams: []int{0, 1}, Events: numbers[1],
		Detectors: []xtctest.Detector{
			{Source: "XcsEndstation.0:Epix100a.1", Alias: "epix_1", Class: class, Fields: map[string]any{"version": 7, "carrierId0": 996579585}},
			{Source: "XppGon.0:Cspad.0", Class: "CsPad.ConfigV5"},
		},
		Frame: func(detector, event int) xtctest.Node {
			if detector != 0 {
				return xtctest.Node{}
			}
			return xtctest.Node{Contains: contains, Payload: frames[event%len(frames)]}
		},
	}.Write(filepath.Join(ts.Getenv("WORK"), "data/XPP/xpptut15/xtc"), "e665")
	ts.Check(err)
}

// jungfrauData RUN writes a dark run of xpptut15 with a small Jungfrau, of four cycles of
// ten events in which the gains 0 and 1 take turns; every fifth event has the code 162.
func jungfrauData(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: jungfraudata run")
	}
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	const class, pixels = "Jungfrau.ConfigV3", 8 * 16
	contains, _ := xtc.ClassTypeID(class)
	var steps []xtctest.Step
	for _, mode := range []xtc.JungfrauGain{xtc.JungfrauHighGain0, xtc.JungfrauFixedGain1} {
		config := xtctest.JungfrauConfig(3, xtctest.Jungfrau{Rows: 8, Columns: 16, GainMode: mode, Modules: []xtctest.JungfrauModule{{SerialNumber: 3}}})
		steps = append(steps, xtctest.Step{Events: 10, Configs: []xtctest.Detector{{Source: "CxiDs1.0:Jungfrau.0", Contains: contains, Config: config}}})
	}
	steps = slices.Concat(steps, steps)
	random := rand.New(rand.NewPCG(4, 2))
	_, err = xtctest.Run{
		Experiment: "xpptut15", Number: number, BeginRun: xtc.Clock{Sec: uint32(1458353250 + 86400*(number-260))},
		Steps: steps, Detectors: steps[0].Configs,
		Frame: func(_, event int) xtctest.Node {
			frame := make([]uint16, pixels)
			for i := range frame {
				frame[i] = uint16(3000+random.IntN(9)) | uint16(event/10%2)<<14
			}
			contains, payload := xtctest.FrameObject(class, []int{1, 8, 16}, frame)
			return xtctest.Node{Contains: contains, Payload: payload}
		},
		EventCodes: func(event int) []uint32 {
			if event%5 == 0 {
				return []uint32{140, 162}
			}
			return []uint32{140}
		},
	}.Write(filepath.Join(ts.Getenv("WORK"), "data/XPP/xpptut15/xtc"), "e665")
	ts.Check(err)
}

// rayonixData RUN writes a dark run of xpptut15 with a rayonix, binned to 16 rows and 24
// columns of 1000 ADU, and an epix100a without frames.
func rayonixData(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: rayonixdata run")
	}
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	random := rand.New(rand.NewPCG(4, 2))
	_, err = xtctest.Run{
		Experiment: "xpptut15", Number: number, BeginRun: xtc.Clock{Sec: uint32(1458353250 + 86400*(number-260))}, Events: 20,
		Detectors: []xtctest.Detector{
			{Source: "MfxEndstation.0:Rayonix.0", Class: "Rayonix.ConfigV2", Fields: map[string]any{"binning_s": 240, "binning_f": 160}},
			{Source: "XcsEndstation.0:Epix100a.1", Alias: "epix_1", Class: "Epix.Config100aV2"},
		},
		Frame: func(detector, _ int) xtctest.Node {
			if detector != 0 {
				return xtctest.Node{}
			}
			frame := make([]uint16, 16*24)
			for i := range frame {
				frame[i] = uint16(996 + random.IntN(9))
			}
			return xtctest.Node{Contains: xtc.NewTypeID(xtc.TypeFrame, 1), Payload: xtctest.CameraFrame(24, 16, 16, frame)}
		},
	}.Write(filepath.Join(ts.Getenv("WORK"), "data/XPP/xpptut15/xtc"), "e665")
	ts.Check(err)
}

// injectionData RUN CYCLES writes the first cycles of a charge injection run of xpptut15,
// with an epix10ka of 8 x 8 pixels: pulses grow by 30 ADU per event, behind the switch by 2.
func injectionData(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: injectiondata run cycles")
	}
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	cycles, err := strconv.Atoi(args[1])
	ts.Check(err)
	const class, source, side, each = "Epix.Config10kaV2", "XcsEndstation.0:Epix10ka.0", 8, 90
	contains, _ := xtc.ClassTypeID(class)
	detector := func(pixel uint16, trbit bool) xtctest.Detector {
		config := xtctest.Epix10kaConfig(2, xtctest.Epix{RowsPerAsic: side / 2, PixelsPerAsicRow: side / 2, CarrierID: [2]uint32{5, 6}})
		xtctest.SetPanel(class, config, 0, xtc.Epix10kaPanel{
			Trbit: [4]bool{trbit, trbit, trbit, trbit}, Pixels: slices.Repeat([]uint16{pixel}, side*side),
		})
		return xtctest.Detector{Source: source, Alias: "epix10ka_0", Contains: contains, Config: config}
	}
	settings := []xtctest.Detector{detector(12, true), detector(12, false), detector(8, true), detector(0, true), detector(0, false)}
	run := xtctest.Run{
		Experiment: "xpptut15", Number: number, BeginRun: xtc.Clock{Sec: uint32(1458353250 + 86400*(number-260))}, Detectors: settings[:1],
	}
	for cycle := range cycles {
		set := cycle
		if mode, _, pulsed := dark.PulsedCycle(cycle); pulsed {
			set = 4 - mode
		}
		run.Steps = append(run.Steps, xtctest.Step{Events: each, Configs: settings[set:][:1]})
	}
	run.Frame = func(_, event int) xtctest.Node {
		value := uint16(1000 + event%2)
		if x := (event%each + 79) % 82; event >= 5*each {
			if value = uint16(1200 + 30*x); x >= 62 {
				value = uint16(1<<14 + 600 + 2*x)
			}
		}
		contains, payload := xtctest.FrameObject(class, []int{side, side}, slices.Repeat([]uint16{value}, side*side))
		return xtctest.Node{Contains: contains, Payload: payload}
	}
	_, err = run.Write(filepath.Join(ts.Getenv("WORK"), "data/XPP/xpptut15/xtc"), "e665")
	ts.Check(err)
}
