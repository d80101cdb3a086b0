package xtc_test

import (
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// exampleFile writes the file of one run of an epix100a and returns its path.
func exampleFile(dir string) string {
	run := xtctest.Run{
		Number:   260,
		BeginRun: xtc.Clock{Sec: 1458353850},
		Detectors: []xtctest.Detector{{
			Source: "XcsEndstation.0:Epix100a.1",
			Class:  "Epix.Config100aV2",
			Fields: map[string]any{
				"version": 3925999616, "carrierId0": 996579585, "carrierId1": 553648138,
				"digitalCardId0": 1232098304, "digitalCardId1": 1221641739,
				"analogCardId0": 2650251521, "analogCardId1": 3976200215,
			},
		}},
	}
	paths, err := run.Write(dir, "e665")
	if err != nil {
		log.Fatal(err)
	}
	return paths[0]
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "xtc-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	f, err := xtc.Open(exampleFile(dir))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	fmt.Println(filepath.Base(exampleFile(dir)))
	for d, err := range f.Dgrams() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.Service(), d.Clock.Time().Format("2006-01-02 15:04:05"))
		if d.Service() == xtc.TransitionBeginRun {
			fmt.Println("run", d.Env)
			break
		}
	}
	// Output:
	// e665-r0260-s00-c00.xtc
	// Configure 2016-03-19 01:17:30
	// BeginRun 2016-03-19 02:17:30
	// run 260
}

func ExampleHardwareID() {
	dir, err := os.MkdirTemp("", "xtc-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	f, err := xtc.Open(exampleFile(dir))
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()

	configure, err := f.Next()
	if err != nil {
		log.Fatal(err)
	}
	for n, err := range f.Nodes(configure) {
		if err != nil {
			log.Fatal(err)
		}
		config, err := f.Config(n)
		if errors.Is(err, xtc.ErrNotConfig) {
			continue
		}
		if err != nil {
			log.Fatal(err)
		}
		if id, ok := xtc.HardwareID(config); ok {
			fmt.Println(n.Src, config.Class(), config.Shape())
			fmt.Println(id)
		}
	}
	// Output:
	// XcsEndstation.0:Epix100a.1 Epix.Config100aV2 [704 768]
	// 3925999616-0996579585-0553648138-1232098304-1221641739-2650251521-3976200215
}
