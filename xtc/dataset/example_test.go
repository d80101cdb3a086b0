package dataset_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"

	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"
)

func ExampleParseSpec() {
	spec, err := dataset.ParseSpec("exp=xpptut15:run=260,262-270:stream=0-79")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(spec.Exp, "runs", spec.Runs, "streams", spec.Streams)

	_, err = dataset.ParseSpec("exp=../xpptut15:run=260")
	fmt.Println(err)
	// Output:
	// xpptut15 runs 260,262-270 streams 0-79
	// data set "exp=../xpptut15:run=260": "exp=../xpptut15": the instrument before the slash has three letters
}

func ExampleCatalog_Find() {
	root, err := os.MkdirTemp("", "psdm")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	writeRun(filepath.Join(root, "XPP", "xpptut15", "xtc"), 260)

	catalog := dataset.Catalog{Roots: []string{root}}
	for _, text := range []string{"exp=xpptut15:run=258-262", "exp=xpptut15:run=999"} {
		spec, err := dataset.ParseSpec(text)
		if err != nil {
			log.Fatal(err)
		}
		found, err := catalog.Find(spec)
		if errors.Is(err, dataset.ErrNoFiles) {
			fmt.Println(strings.ReplaceAll(err.Error(), root, "/reg/d/psdm"))
			continue
		}
		for _, run := range found.Runs {
			fmt.Println("run", run.Run, "has", len(run.Files), "file of", found.Experiment.Name)
		}
	}
	// Output:
	// run 260 has 1 file of xpptut15
	// no files of run 999 in /reg/d/psdm/XPP/xpptut15/xtc: runs there are 260
}

func ExampleReadRun() {
	dir, err := os.MkdirTemp("", "xtc")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := writeRun(dir, 260)

	files := dataset.GroupRuns([]dataset.FileName{dataset.ParseFileName(path)})
	run, err := dataset.ReadRun(context.Background(), files[0], dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("run", run.Number, "begins", run.BeginRun.Clock.Time())

	detector, err := run.Store.Find("epix_diff")
	if err != nil {
		log.Fatal(err)
	}
	id, _ := xtc.HardwareID(detector.Config)
	fmt.Println(detector.Source, detector.Class, id)
	// Output:
	// run 260 begins 2016-03-19 02:20:11.459754942 +0000 UTC
	// XcsEndstation.0:Epix100a.1 Epix.Config100aV2 3925999616-0996579585-0553648138-1232098304-1221641739-2650251521-3976200215
}

// The mean of an epix100a's first pixel in each calibration cycle of a run.
func ExampleOpenEvents() {
	dir, err := os.MkdirTemp("", "xtc")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files := writeCycles(dir)

	ctx := context.Background()
	events, err := dataset.OpenEvents(ctx, files, dataset.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer events.Close()
	detector, err := events.Store().Find("epix_diff")
	if err != nil {
		log.Fatal(err)
	}
	epix := events.Select(detector.Src)
	var sum, count int
	var lacks dataset.Lacks
	for event, err := range events.All(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		switch event.Transition {
		case xtc.TransitionBeginCalibCycle:
			sum, count = 0, 0
		case xtc.TransitionL1Accept:
			frame, err := event.Frame(epix)
			if err != nil {
				lacks.Add(err)
				fmt.Println(event.ID.Clock.Time(), err)
				continue
			}
			sum, count = sum+int(frame.Uint16()[0]), count+1
		case xtc.TransitionEndCalibCycle:
			control, _ := event.Store.Control()
			fmt.Println("cycle", event.Step, control.Labels[0].Value, "mean", float64(sum)/float64(count), "of", count)
		}
	}
	fmt.Println(events.Tally().Events, "events,", lacks.Damaged, "damaged,", len(events.Warnings()), "warnings")
	// Output:
	// cycle 0 dark mean 101 of 3
	// 2016-03-19 02:20:19.468088275 +0000 UTC EpixElement V2 of XcsEndstation.0:Epix100a.1 at offset 0x52ef74: damaged data: OutOfOrder
	// cycle 1 bright mean 104 of 2
	// 6 events, 1 damaged, 0 warnings
}

// writeCycles writes a run of two calibration cycles with three events each, of which one
// is damaged.
func writeCycles(dir string) dataset.RunFiles {
	label := func(value string) xtc.ControlConfig {
		return xtc.ControlConfig{Labels: []xtc.PVLabel{{Name: "epix", Value: value}}}
	}
	run := xtctest.Run{
		Number: 260, BeginRun: xtc.Clock{Sec: 1458354011, Nsec: 459754942},
		Detectors: []xtctest.Detector{{Source: "XcsEndstation.0:Epix100a.1", Alias: "epix_diff", Class: "Epix.Config100aV2"}},
		Steps:     []xtctest.Step{{Events: 3, Control: label("dark")}, {Events: 3, Control: label("bright")}},
		Frame: func(_, event int) xtctest.Node {
			pixels := make([]uint16, 704*768)
			pixels[0] = uint16(100 + event)
			contains, payload := xtctest.FrameObject("Epix.Config100aV2", []int{704, 768}, pixels)
			node := xtctest.Node{Contains: contains, Payload: payload}
			if event == 4 {
				node.Damage = xtc.DamageOutOfOrder
			}
			return node
		},
	}
	paths, err := run.Write(dir, "e665")
	if err != nil {
		log.Fatal(err)
	}
	return dataset.GroupRuns([]dataset.FileName{dataset.ParseFileName(paths[0])})[0]
}

// writeRun writes a run with one epix100a and returns the path of its file.
func writeRun(dir string, number int) string {
	run := xtctest.Run{
		Experiment: "xpptut15", Number: number, BeginRun: xtc.Clock{Sec: 1458354011, Nsec: 459754942},
		Detectors: []xtctest.Detector{{
			Source: "XcsEndstation.0:Epix100a.1", Alias: "epix_diff", Class: "Epix.Config100aV2",
			Fields: map[string]any{
				"version": 3925999616, "carrierId0": 996579585, "carrierId1": 553648138, "digitalCardId0": 1232098304,
				"digitalCardId1": 1221641739, "analogCardId0": 2650251521, "analogCardId1": 3976200215,
			},
		}},
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		log.Fatal(err)
	}
	paths, err := run.Write(dir, "e665")
	if err != nil {
		log.Fatal(err)
	}
	return paths[0]
}
