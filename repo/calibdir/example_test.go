package calibdir_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"deployconstants/repo/calibdir"
)

// Two files and what psana reads for three runs.
func ExamplePick() {
	names := []string{"0-end.data", "10-20.data", "HISTORY"}
	for _, run := range []int{7, 15, 260} {
		name, err := calibdir.Pick(names, run)
		fmt.Println(run, name, err)
	}
	_, err := calibdir.Pick(append(names, "7-x.data"), 7)
	fmt.Println(err)
	// Output:
	// 7 0-end.data <nil>
	// 15 10-20.data <nil>
	// 260 0-end.data <nil>
	// file "7-x.data": TypeError: psana raises an exception on this name and reads no constants of its directory; rename or remove the file
}

// What a path that somebody wrote down stands for.
func ExampleParsePath() {
	target, err := calibdir.ParsePath("/reg/d/psdm/XPP/xpptut15/calib/Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pedestals/260-end.data")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(target.CType, "of", target.Source, "for runs", target.Range)
	// Output: pedestals of XcsEndstation.0:Epix100a.1 for runs 260-end
}

// A deployment: the file first, its record last.
func ExampleCalib_Install() {
	experiment, err := os.MkdirTemp("", "xpptut15")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(experiment)
	dir := filepath.Join(experiment, "calib")
	calib, err := calibdir.Create(dir, calibdir.Options{DirMode: 0o775, FileMode: 0o664, Group: -1})
	if err != nil {
		log.Fatal(err)
	}
	defer calib.Close()

	target := calibdir.Target{
		Dir:    dir,
		Group:  "Epix100a::CalibV1",
		Source: "XcsEndstation.0:Epix100a.1",
		CType:  "pixel_gain",
		Range:  calibdir.Range{Begin: 260, End: calibdir.RunEnd},
	}
	constants := strings.NewReader("0.06 0.06\n0.06 0.06\n")
	installed, err := calib.Install(context.Background(), target, constants, calibdir.InstallOptions{})
	if err != nil {
		log.Fatal(err)
	}
	err = calib.AppendHistory(context.Background(), target, calibdir.HistoryRecord{
		File:   target.Range.FileName(),
		CopyOf: "constants/epix100a/default/epix100a_default_gain.txt",
		CType:  target.CType,
		User:   "dubrovin",
		Host:   "psanagpu105",
		Time:   time.Date(2022, 6, 9, 12, 19, 26, 0, time.UTC),
		Cwd:    "/home/dubrovin",
	})
	if err != nil {
		log.Fatal(err)
	}
	history, err := calib.History(target)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(installed.Created, len(installed.MadeDirs), history[0])
	// Output:
	// true 3 file:260-end.data   copy_of:constants/epix100a/default/epix100a_default_gain.txt ctype:pixel_gain user:dubrovin host:psanagpu105 cptime:2022-06-09T12:19:26 cwd:/home/dubrovin cmt:
}
