package slurmfake

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A process is one that runs a task, the leader of a session.
type process struct {
	pid        int
	job, index int
	lost       bool // a copy that nobody asks how it ends
}

// of reports whether the process is that of the newest attempt of a task.
func (p *process) of(j *Job, t *Task) bool {
	return !p.lost && p.job == j.ID && p.index == t.Index
}

// signal signals the whole session. The process has not been waited for, so its id is
// its own.
func (p *process) signal(s syscall.Signal) { _ = syscall.Kill(-p.pid, s) } // over already

// ended reports whether the process is over, without waiting for it.
func (p *process) ended() (bool, error) {
	var info unix.Siginfo
	for {
		err := unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return info.Signo != 0, err
		}
	}
}

// wait waits for the process, having killed what it left in its session.
func (p *process) wait() error {
	_, err := p.status()
	return err
}

func (p *process) status() (syscall.WaitStatus, error) {
	var status syscall.WaitStatus
	var info unix.Siginfo
	for err := error(unix.EINTR); err == unix.EINTR; {
		err = unix.Waitid(unix.P_PID, p.pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
	}
	p.signal(syscall.SIGKILL) // while its id is still its own
	for {
		_, err := syscall.Wait4(p.pid, &status, 0, nil)
		if err != syscall.EINTR {
			return status, err
		}
	}
}

// A launchError is why a task ended before it began.
type launchError struct{ exit, signal int }

func (e *launchError) Error() string { return fmt.Sprintf("the task ended as %d:%d", e.exit, e.signal) }

// launch starts a process for a task that has its node.
func (f *Fake) launch(j *Job, t *Task) (*process, error) {
	dir := j.workDir()
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = "/tmp" // as slurmstepd does
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if j.Options["open-mode"] == "append" {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	log, err := os.OpenFile(j.logFile(t, dir), flags, 0o644)
	if err != nil {
		return nil, &launchError{signal: 53}
	}
	defer log.Close() // the process has its own
	null, err := os.Open(os.DevNull)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	args := append(slices.Clone(f.o.Wrap[t.Node]), f.store.jobFile(j.ID, ".sh"))
	program, err := exec.LookPath(args[0])
	if err != nil {
		return nil, &launchError{exit: 1}
	}
	started, err := os.StartProcess(program, args, &os.ProcAttr{
		Dir: dir, Env: j.environment(t, dir), Files: []*os.File{null, log, log},
		Sys: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil { // the interpreter is missing, or is none
		return nil, &launchError{exit: 1}
	}
	p := &process{pid: started.Pid, job: j.ID, index: t.Index}
	return p, started.Release() // it is waited for by its id
}

// workDir is where the job wants to run.
func (j *Job) workDir() string {
	dir := j.Options["chdir"]
	if dir == "" {
		return j.Dir
	}
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(j.Dir, dir)
}

// noTask is the index of a job that is no array, in names of logs.
const noTask = "4294967294"

func (j *Job) logFile(t *Task, dir string) string {
	pattern := j.Options["output"]
	index := noTask
	switch {
	case pattern != "" && j.isArray():
		index = strconv.Itoa(t.Index)
	case j.isArray():
		pattern, index = "slurm-%A_%a.out", strconv.Itoa(t.Index)
	case pattern == "":
		pattern = "slurm-%j.out"
	}
	name := strings.NewReplacer("%%", "%", "%A", strconv.Itoa(j.ID), "%a", index, "%j", strconv.Itoa(t.Raw), "%x", j.Name, "%u", j.User).Replace(pattern)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

// environment is that of sbatch, and what Slurm says of the task.
func (j *Job) environment(t *Task, dir string) []string {
	number := strconv.Itoa(t.Raw)
	env := []string{
		"SLURM_JOB_ID=" + number, "SLURM_JOBID=" + number, "SLURM_JOB_NAME=" + j.Name, "SLURM_JOB_USER=" + j.User,
		"SLURM_JOB_UID=" + strconv.Itoa(os.Getuid()), "SLURM_JOB_GID=" + strconv.Itoa(os.Getgid()),
		"SLURM_JOB_PARTITION=" + j.partition(), "SLURM_JOB_QOS=" + j.qos(),
		"SLURM_CLUSTER_NAME=" + clusterName, "SLURMD_NODENAME=" + t.Node, "SLURM_NODELIST=" + t.Node, "SLURM_JOB_NODELIST=" + t.Node,
		"SLURM_NNODES=1", "SLURM_JOB_NUM_NODES=1", "SLURM_NODEID=0", "SLURM_PROCID=0", "SLURM_LOCALID=0", "SLURM_GTIDS=0",
		"SLURM_TASKS_PER_NODE=1", "SLURM_CPUS_ON_NODE=" + j.cpus(), "SLURM_JOB_CPUS_PER_NODE=" + j.cpus(),
		"SLURM_SUBMIT_DIR=" + j.Dir, "PWD=" + dir,
	}
	if host, err := os.Hostname(); err == nil {
		env = append(env, "SLURM_SUBMIT_HOST="+host)
	}
	if account, asked := j.Options["account"]; asked {
		env = append(env, "SLURM_JOB_ACCOUNT="+account)
	}
	if _, asked := j.Options["cpus-per-task"]; asked {
		env = append(env, "SLURM_CPUS_PER_TASK="+j.cpus())
	}
	if t.Restarts > 0 {
		env = append(env, "SLURM_RESTART_COUNT="+strconv.Itoa(t.Restarts))
	}
	if j.isArray() {
		env = append(env, "SLURM_ARRAY_JOB_ID="+strconv.Itoa(j.ID), "SLURM_ARRAY_TASK_ID="+strconv.Itoa(t.Index),
			"SLURM_ARRAY_TASK_COUNT="+strconv.Itoa(len(j.Tasks)), "SLURM_ARRAY_TASK_MIN=0",
			"SLURM_ARRAY_TASK_MAX="+strconv.Itoa(len(j.Tasks)-1), "SLURM_ARRAY_TASK_STEP=1")
	}
	set := map[string]bool{}
	for _, variable := range env {
		name, _, _ := strings.Cut(variable, "=")
		set[name] = true
	}
	for _, variable := range j.Env { // which may be that of another task
		if name, _, _ := strings.Cut(variable, "="); !set[name] {
			env = append(env, variable)
		}
	}
	return env
}

func (j *Job) partition() string { return j.option("partition", "milano") }
func (j *Job) qos() string       { return j.option("qos", "normal") }
func (j *Job) cpus() string      { return j.option("cpus-per-task", "1") }

func (j *Job) option(name, otherwise string) string {
	if value := j.Options[name]; value != "" {
		return value
	}
	return otherwise
}
