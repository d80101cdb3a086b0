package main

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

const (
	darkExperiment = "xppd00126"
	darkFrames     = 200
)

// writeDark writes a dark run as a detector would: pedestals that differ from pixel to
// pixel and from ASIC to ASIC, noise, dead and hot pixels, and a row that blinks.
func writeDark(root string) error {
	const class, rows, columns = "Epix.Config100aV2", 704, 768
	random := rand.New(rand.NewPCG(20, 26))
	base, width := make([]float64, rows*columns), make([]float64, rows*columns)
	for i := range base {
		row, column := i/columns, i%columns
		base[i] = 3000 + 120*float64(row/352*2+column/384) + 60*math.Sin(float64(column)/37) + 15*random.NormFloat64()
		width[i] = 2.5 + 0.4*float64(column)/columns
		switch random.IntN(4000) {
		case 0: // dead
			base[i], width[i] = 0, 0
		case 1: // hot
			width[i] = 80
		}
		if row == 555 {
			width[i] = 25
		}
	}
	var frames [16][]byte
	var contains xtc.TypeID
	for k := range frames {
		pixels := make([]uint16, rows*columns)
		for i := range pixels {
			pixels[i] = uint16(min(max(base[i]+width[i]*random.NormFloat64(), 0), 16383))
		}
		contains, frames[k] = xtctest.FrameObject(class, []int{rows, columns}, pixels)
	}
	dir := filepath.Join(root, darkExperiment[:3], darkExperiment, "xtc") // where psana looks for what is in no table
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	_, err := xtctest.Run{
		Experiment: darkExperiment, Number: 1, BeginRun: xtc.Clock{Sec: uint32(time.Date(2026, 11, 20, 18, 0, 0, 0, time.UTC).Unix())},
		Streams: []int{0, 1}, Events: darkFrames,
		Detectors: []xtctest.Detector{{
			Source: "XcsEndstation.0:Epix100a.1", Alias: "epix_1", Class: class, Fields: map[string]any{"version": 7, "carrierId0": 12345},
		}},
		Frame: func(_, event int) xtctest.Node {
			return xtctest.Node{Contains: contains, Payload: frames[event%len(frames)]}
		},
	}.Write(dir, "")
	return err
}
