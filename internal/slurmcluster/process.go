package slurmcluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Process is one that a job of the cluster left on this machine, or runs: a step
// daemon, the job's script, or what these started.
type Process struct {
	PID     int
	Command string // command line, blanks between arguments
	Node    string // n1, n2, ...; empty if it does not say
	Job     string // SLURM_JOB_ID; empty if it does not say
}

// String is for error messages.
func (p Process) String() string { return fmt.Sprintf("%d %s (%s)", p.PID, p.Command, p.Node) }

// status returns the state letter of a process and its parent; 0 if there is none.
// See proc_pid_stat(5): the name, which comes before, is in brackets and may contain any.
func status(pid int) (letter byte, parent int) {
	content, err := os.ReadFile(procFile(pid, "stat"))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < 2 || len(fields[0]) != 1 {
		return 0, 0
	}
	parent, err = strconv.Atoi(fields[1])
	if err != nil {
		return 0, 0
	}
	return fields[0][0], parent
}

// alive reports whether a process runs. One that is over stays a zombie until its
// parent reaps it, which in containers may be never, and takes signals until then.
func alive(pid int) bool {
	letter, _ := status(pid)
	return letter != 0 && letter != 'Z' && letter != 'X'
}

func procFile(pid int, name string) string { return filepath.Join("/proc", strconv.Itoa(pid), name) }

// jobProcesses returns what the jobs of the cluster with this slurm.conf run, by
// process id.
func jobProcesses(conf string) ([]Process, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	found := map[int]Process{}
	parents := map[int]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() || !alive(pid) {
			continue
		}
		_, parents[pid] = status(pid)
		if p, ours := ofJob(pid, conf); ours {
			found[pid] = p
		}
	}
	for again := true; again; { // children of what was found
		again = false
		for pid, parent := range parents {
			if p, ours := found[parent]; ours && found[pid].PID == 0 {
				found[pid] = Process{PID: pid, Command: commandLine(pid), Node: p.Node, Job: p.Job}
				again = true
			}
		}
	}
	var list []Process
	for _, p := range found {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Process) int { return a.PID - b.PID })
	return list, nil
}

// ofJob looks at the environment that a process was started with. That of other users
// cannot be read, and belongs to no cluster of ours unless we are root.
func ofJob(pid int, conf string) (Process, bool) {
	content, err := os.ReadFile(procFile(pid, "environ"))
	if err != nil {
		return Process{}, false
	}
	environment := map[string]string{}
	for variable := range strings.SplitSeq(string(content), "\x00") {
		name, value, _ := strings.Cut(variable, "=")
		environment[name] = value
	}
	p := Process{PID: pid, Command: commandLine(pid), Node: environment["SLURMD_NODENAME"], Job: environment["SLURM_JOB_ID"]}
	return p, environment["SLURM_CONF"] == conf && (p.Job != "" || strings.Contains(p.Command, "slurmstepd"))
}

func commandLine(pid int) string {
	content, err := os.ReadFile(procFile(pid, "cmdline"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(strings.ReplaceAll(string(content), "\x00", " "))
}

// endJobs kills what jobs left, and looks until nothing is.
func (c *Cluster) endJobs(ctx context.Context) error {
	var left []Process
	err := poll(ctx, 10*time.Second, "end of the jobs' processes", func(context.Context) (bool, error) {
		var err error
		if left, err = jobProcesses(c.Conf()); err != nil {
			return false, err
		}
		for _, p := range left {
			c.logf("end %s", p)
			_ = syscall.Kill(p.PID, syscall.SIGKILL) // over already, or seen by the next look
		}
		return len(left) == 0, nil
	})
	if err != nil && len(left) > 0 {
		return fmt.Errorf("%w: left are %v", err, left)
	}
	return err
}
