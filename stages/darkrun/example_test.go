package darkrun_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/xtctest"

	"github.com/sirupsen/logrus"
)

func ExampleRun() {
	dir, err := os.MkdirTemp("", "darkrun-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "XPP/xpptut15/xtc")
	if err := os.MkdirAll(data, 0o755); err != nil {
		log.Fatal(err)
	}
	frames := noise(rows*columns, 60)
	if _, err := (xtctest.Run{
		Experiment: "xpptut15", Number: 260, BeginRun: xtc.Clock{Sec: 1458353250}, Events: len(frames),
		Detectors: []xtctest.Detector{epixDetector("XcsEndstation.0:Epix100a.1", 1)},
		Frame:     func(_, event int) xtctest.Node { return epixNode(frames[event]) },
	}).Write(data, "e665"); err != nil {
		log.Fatal(err)
	}

	repository, err := repo.Create(filepath.Join(dir, "constants"), repo.Options{Group: -1, User: "me"})
	if err != nil {
		log.Fatal(err)
	}
	defer repository.Close()
	zone, err := repo.LoadZone("")
	if err != nil {
		log.Fatal(err)
	}
	spec, err := dataset.ParseSpec("exp=xpptut15:run=260")
	if err != nil {
		log.Fatal(err)
	}
	report, err := darkrun.Run(context.Background(), darkrun.Options{
		Catalog: dataset.Catalog{Roots: []string{dir}}, Repository: repository, Dataset: spec,
		Detectors: []string{"XcsEndstation.0:Epix100a.1"}, Zone: zone, Group: -1,
	}, logx.New(io.Discard, logrus.InfoLevel))
	if err != nil {
		log.Fatal(err)
	}
	for _, made := range report.Darks {
		fmt.Println(made.Source, made.Frames, "frames,", made.Pixels, "pixels,", made.Err())
		for _, file := range made.Files {
			fmt.Println(file.Outcome, filepath.Base(file.Path))
		}
	}
	// Output:
	// XcsEndstation.0:Epix100a.1 60 frames, 192 pixels, <nil>
	// created epix100a_0001_20160318190730_xpptut15_r0260_pedestals.txt
	// created epix100a_0001_20160318190730_xpptut15_r0260_pixel_rms.txt
	// created epix100a_0001_20160318190730_xpptut15_r0260_pixel_status.txt
}
