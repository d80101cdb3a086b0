package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"deployconstants/internal/slurmcluster"
)

// showSlurm shows a sweep as job arrays on a real cluster of three nodes on this
// machine: submitted, watched, cancelled half way, resumed, and undone.
func (d demo) showSlurm() (err error) {
	options := slurmcluster.Options{Nodes: 3, Accounting: true}
	if lacking := slurmcluster.Missing(options); len(lacking) > 0 {
		return fmt.Errorf("no Slurm is installed here; lacking are %s", strings.Join(lacking, ", "))
	}
	fmt.Println("\nA Slurm cluster of three nodes starts on this machine, with accounting.")
	ctx := context.Background()
	cluster, err := slurmcluster.Start(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Stop(context.WithoutCancel(ctx))) }()
	d.env = cluster.Env()

	if err := d.commands(
		step{"What would be submitted?", []string{"submit", "sweep", "-D", "--tasks", "12", "--shard", "1s", "--print"}, 0, 3},
		step{"A sweep of the facility as job arrays: each step waits for the one before.",
			[]string{"submit", "sweep", "-D", "--tasks", "12", "--shard", "1s", "--throttle", "4"}, 0, 0},
	); err != nil {
		return err
	}
	job, err := d.lastJob()
	if err != nil {
		return err
	}
	if err := d.until(job, func(status string) bool { return !strings.Contains(status, "scan 12 0 ") }); err != nil {
		return err
	}
	if err := d.commands(
		step{"How far is it?", []string{"status", job}, 0, 0},
		step{"Somebody needs the nodes:", []string{"cancel", job}, 0, 0},
		step{"Nothing that was done is lost, and nothing is half done:", []string{"status", job}, 3, 0},
		step{"Only what is missing is submitted again:", []string{"resume", job}, 0, 0},
	); err != nil {
		return err
	}
	if err := cluster.WaitIdle(ctx); err != nil {
		return err
	}
	if err := d.commands(
		step{"", []string{"status", job}, 0, 0},
		step{"What came of it, the same as one process would say:", []string{"jobs", "merge", job}, 0, 0},
		step{"", []string{"verify"}, 0, 0},
	); err != nil {
		return err
	}
	transaction, err := d.transaction()
	if err != nil {
		return err
	}
	return d.commands(
		step{"All tasks have worked in one transaction, which can be taken back:", []string{"undo", transaction}, 0, 0},
		step{"", []string{"jobs", "ls"}, 0, 0},
	)
}

// quiet runs a command without showing it, and returns its standard output.
func (d demo) quiet(args ...string) (string, error) {
	var out, messages bytes.Buffer
	cmd := exec.Command(d.program, args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = d.environment(), filepath.Dir(d.settings), &out, &messages
	if err := cmd.Run(); err != nil && exitStatus(err) != 3 {
		return "", fmt.Errorf("deploy_constants %s: %w: %s", strings.Join(args, " "), err, &messages)
	}
	return out.String(), nil
}

var idForm = regexp.MustCompile(`\b[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}\b`)

// lastJob returns the id of the job that was submitted last.
func (d demo) lastJob() (string, error) {
	list, err := d.quiet("jobs", "ls")
	return last(idForm.FindAllString(list, -1)), err
}

// transaction returns the id of the last transaction.
func (d demo) transaction() (string, error) {
	list, err := d.quiet("history")
	return last(idForm.FindAllString(list, -1)), err
}

func last(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[len(list)-1]
}

// until waits until the status of a job, with its blanks folded, is so.
func (d demo) until(job string, so func(status string) bool) error {
	for range 600 {
		status, err := d.quiet("status", job)
		if err != nil {
			return err
		}
		if so(strings.Join(strings.Fields(status), " ")) {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("nothing happens to job %s", job)
}

// environment is that of a data manager.
func (d demo) environment() []string {
	return append([]string{"DEPLOY_CONSTANTS_CONFIG=" + d.settings, "LOGNAME=datamgr", "PATH=" + os.Getenv("PATH")}, d.env...)
}
