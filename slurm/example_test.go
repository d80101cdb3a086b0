package slurm_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"deployconstants/slurm"
)

func ExampleSubmission_Script() {
	job := slurm.Submission{
		Name:    "sweep-6f1c09.apply",
		Program: []string{"/sdf/sw/deploy_constants", "task", "/state/jobs/6f1c09"},
		Array:   &slurm.Array{Count: 40, Throttle: 10},
		After:   []slurm.Dependency{{Kind: slurm.AfterOK, Jobs: []slurm.JobID{4711}}},
		Account: "lcls:data",
		Time:    30 * time.Minute,
		Signal:  2 * time.Minute,
		Requeue: true,
		Log:     "/state/jobs/6f1c09/logs/%A_%a.log",
	}
	script, err := job.Script()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(script)
	// Output:
	// #!/bin/sh
	// #SBATCH --job-name=sweep-6f1c09.apply
	// #SBATCH --array=0-39%10
	// #SBATCH --dependency=afterok:4711
	// #SBATCH --kill-on-invalid-dep=yes
	// #SBATCH --account=lcls:data
	// #SBATCH --nodes=1
	// #SBATCH --ntasks=1
	// #SBATCH --time=30
	// #SBATCH --signal=B:USR1@120
	// #SBATCH --requeue
	// #SBATCH --output=/state/jobs/6f1c09/logs/%A_%a.log
	// #SBATCH --open-mode=append
	// #SBATCH --export=ALL
	// exec '/sdf/sw/deploy_constants' 'task' '/state/jobs/6f1c09'
}

// A job is submitted once, even where sbatch fails and has submitted.
func ExampleFind() {
	ctx := context.Background()
	cluster := slurm.New(slurm.Options{Env: os.Environ()})
	job := slurm.Submission{Name: "sweep-6f1c09", Program: []string{"/bin/true"}, Log: "/dev/null"}

	begun := time.Now()
	id, err := cluster.Submit(ctx, job)
	if slurm.Doubtful(err) {
		id, err = slurm.Find(ctx, cluster, slurm.Search{Name: job.Name, Since: begun})
	}
	if err != nil {
		log.Fatal(err) // an *AbsentError: submit again; ErrUnknown: do not
	}
	fmt.Println("submitted as", id)
}

// What became of the tasks: the queue knows those that are in it, accounting the
// others.
func ExampleNewest() {
	records, err := slurm.ParseRecords(`8_0|9|x|NODE_FAIL|1:0|1795338104|1795338105|1795338106|n3
8_0|9|x|COMPLETED|0:0|1795338106|1795338112|1795338119|n1
8_[1-2%1]|8|x|CANCELLED by 0|0:0|1795338104|None|1795338119|None assigned
`)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range slurm.Newest(records) {
		fmt.Println(r.ID, r.State)
	}
	// Output:
	// 8_0 COMPLETED
	// 8_1 CANCELLED
	// 8_2 CANCELLED
}
