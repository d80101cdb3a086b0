package repo_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
)

// The panel and the run's time come from the data: package xtc/dataset finds
// them for experiment xpptut15, run 260.
func documentedPanel() repo.Panel {
	detType, err := repo.TypeOfSource("XcsEndstation.0:Epix100a.1")
	if err != nil {
		log.Fatal(err)
	}
	return repo.Panel{
		Type:   detType,
		ID:     "3925999616-0996579585-0553648138-1232098304-1221641739-2650251521-3976200215",
		Source: "XcsEndstation.0:Epix100a.1",
	}
}

// exampleRepository is a new one that the caller removes.
func exampleRepository() (r *repo.Repository, remove func()) {
	dir, err := os.MkdirTemp("", "constants")
	if err != nil {
		log.Fatal(err)
	}
	r, err = repo.Open(dir, repo.Options{Group: -1, User: "dubrovin"})
	if err != nil {
		log.Fatal(err)
	}
	return r, func() {
		r.Close()
		os.RemoveAll(dir)
	}
}

// The documentation's file_name_in_repo: under which name constants belong.
func ExampleRepository_FileName() {
	r, remove := exampleRepository()
	defer remove()
	path, err := r.FileName(context.Background(), repo.Request{
		Experiment: "xpptut15",
		Run:        260,
		RunStamp:   20160318190730,
		Panel:      documentedPanel(),
		CType:      repo.Gain,
		Stamp:      "20220901120000", // "" for the run's time
		DeployRun:  "123",            // "" for the run
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(path))
	// Output: epix100a_0001_20220901120000_xpptut15_r0123_gain.txt
}

// The documentation's save_epix100a_ctype_in_repo: an array becomes the constants
// that are valid from a moment on.
func ExampleRepository_SaveEpix100a() {
	r, remove := exampleRepository()
	defer remove()
	gains, err := ndarray.Filled([]int{704, 768}, 0.061)
	if err != nil {
		log.Fatal(err)
	}
	path, err := r.SaveEpix100a(context.Background(), repo.Request{
		Experiment: "xpptut15",
		Run:        260,
		RunStamp:   20160318190730,
		Panel:      documentedPanel(),
		CType:      repo.Gain,
		Stamp:      "20220901120000",
		DeployRun:  "123",
	}, gains, "%.4f")
	if err != nil {
		log.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(filepath.Base(path), info.Mode().IsRegular())
	// Output: epix100a_0001_20220901120000_xpptut15_r0123_gain.txt true
}

// Save takes any detector type and calibration type, and checks the shape.
func ExampleRepository_Save() {
	r, remove := exampleRepository()
	defer remove()
	detType, err := repo.TypeNamed("cspad")
	if err != nil {
		log.Fatal(err)
	}
	q := repo.Request{
		Experiment: "xpptut15", Run: 320, RunStamp: 20140214040304,
		Panel: repo.Panel{Type: detType, ID: "XppGon-0-Cspad-0", Source: "XppGon.0:Cspad.0", IsName: true},
		CType: repo.Pedestals,
	}
	parameters, err := ndarray.FromFloats([]int{4}, []float64{1, 25, 25, 100})
	if err != nil {
		log.Fatal(err)
	}
	_, err = r.Save(context.Background(), q, parameters, repo.SaveOptions{})
	fmt.Println(err)
	q.CType = repo.CommonMode
	path, err := r.Save(context.Background(), q, parameters, repo.SaveOptions{Format: "%g"})
	fmt.Println(filepath.Base(path), err)
	// Output:
	// shape does not fit the detector: Cspad pedestals is (4,), want (32,185,388)
	// cspad_0001_20140214040304_xpptut15_r0320_common_mode.txt <nil>
}

// Which constants are valid for a run, and why not the others.
func ExampleRepository_Resolve() {
	r, remove := exampleRepository()
	defer remove()
	p := documentedPanel()
	dir := filepath.Join(r.Dir(), "epix100a", p.ID, "gain")
	if err := r.MakeTree(p); err != nil {
		log.Fatal(err)
	}
	alias, err := r.Alias(context.Background(), p, repo.Origin{Experiment: "xpptut15", Run: 260})
	if err != nil {
		log.Fatal(err)
	}
	for _, stamp := range []string{"20150101000000", "20170101000000"} {
		name := "epix100a_" + alias + "_" + stamp + "_xpptut15_r0260_gain.txt"
		if err := os.WriteFile(filepath.Join(dir, name), []byte("0.061\n"), 0o664); err != nil {
			log.Fatal(err)
		}
	}
	zone, err := repo.LoadZone(repo.DefaultZone)
	if err != nil {
		log.Fatal(err)
	}
	begin := time.Unix(1458353250, 123456789) // the run's time
	choice, err := r.Resolve(p, alias, repo.Gain, repo.StampOf(begin, zone))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(choice.Kind, filepath.Base(choice.Path))
	for _, rejected := range choice.Rejected {
		fmt.Println(rejected.Name, "is", rejected.Reason)
	}
	// Output:
	// specific epix100a_0001_20150101000000_xpptut15_r0260_gain.txt
	// epix100a_0001_20170101000000_xpptut15_r0260_gain.txt is newer than the time asked for
}
