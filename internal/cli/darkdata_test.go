package cli_test

import (
	"math/rand/v2"
	"path/filepath"
	"strconv"

	"github.com/rogpeppe/go-internal/testscript"

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
