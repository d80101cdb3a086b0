package slurmtest

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"deployconstants/jobs/jobdir"
	"deployconstants/stages/submit"
)

// Tasks that are to be caught in the midst of their work hang at the first line of their
// log, which comes behind the beginning of their journal, as on storage that does not
// answer: a full pipe is in the place of the log.

// A stickyJob is a job, or a round of it, of which the tasks of some steps hang.
type stickyJob struct {
	job
	pipes map[jobdir.Step]map[int]*os.File // by index in the array
}

// sticky submits, with nothing beginning meanwhile, and has the tasks of the steps hang.
func (s *site) sticky(t testing.TB, steps []jobdir.Step, args ...string) stickyJob {
	t.Helper()
	begin := s.pause(t)
	j := stickyJob{s.jobOf(t, s.want(t, 0, args...).stdout+args[len(args)-1]), map[jobdir.Step]map[int]*os.File{}}
	record := j.status(t).Record
	for _, step := range steps {
		var last submit.Entry // round
		for _, e := range record {
			if e.Step == step && e.State == jobdir.Submitted {
				last = e
			}
		}
		j.pipes[step] = map[int]*os.File{}
		for index := range last.Tasks {
			j.pipes[step][index] = fullPipe(t, filepath.Join(j.dir, "logs", fmt.Sprintf("%s_%d.log", last.SlurmJob, index)))
		}
	}
	begin()
	return j
}

// fullPipe makes a pipe that takes no more.
func fullPipe(t testing.TB, name string) *os.File {
	t.Helper()
	must(t, syscall.Mkfifo(name, 0o640))
	pipe, err := os.OpenFile(name, os.O_RDWR|unix.O_NONBLOCK, 0)
	must(t, err)
	t.Cleanup(func() { pipe.Close() })
	raw, err := pipe.SyscallConn()
	must(t, err)
	must(t, raw.Control(func(fd uintptr) {
		for err == nil {
			_, err = unix.Write(int(fd), bytes.Repeat([]byte{'.'}, 4096))
		}
	}))
	if err != unix.EAGAIN {
		t.Fatal(err)
	}
	return pipe
}

// hold waits until n attempts at a step hang, and stops their processes.
func (j stickyJob) hold(t testing.TB, step jobdir.Step, n int) []attempt {
	t.Helper()
	earlier := map[string]bool{}
	for _, a := range j.attempts(t, step) {
		earlier[a.Attempt] = a.state != jobdir.Going
	}
	var held []attempt
	until(t, fmt.Sprintf("%d attempts at step %s", n, step), func() bool {
		held = j.begun(t, step, earlier)
		return len(held) >= n
	})
	held = held[:n]
	for _, a := range held {
		if !stop(a.PID) {
			t.Fatalf("the process of %+v is over", a)
		}
		t.Cleanup(func() { goOn(a) })
	}
	return held
}

// unstick lets the tasks of a step go on that hang, and are not stopped, but those of the
// shards except.
func (j stickyJob) unstick(t testing.TB, step jobdir.Step, except ...int) {
	t.Helper()
	for index, pipe := range j.pipes[step] {
		if slices.Contains(except, index+1) {
			continue
		}
		delete(j.pipes[step], index)
		must(t, os.Remove(pipe.Name())) // what begins later has a file there
		go io.Copy(io.Discard, pipe)    // until it is closed
	}
}

// begun are attempts that have not been seen, by shard, the oldest first.
func (j job) begun(t testing.TB, step jobdir.Step, seen map[string]bool) (list []attempt) {
	names, err := filepath.Glob(filepath.Join(j.dir, string(step), "attempts", "*", "*.jsonl"))
	must(t, err)
	for _, name := range names {
		if seen[strings.TrimSuffix(filepath.Base(name), ".jsonl")] {
			continue
		}
		if a, ok := readAttempt(t, step, name); ok {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b attempt) int { return cmp.Or(a.shard-b.shard, a.Started.Compare(b.Started)) })
	return list
}

// stop stops a process where it is; false: it is over.
func stop(pid int) bool {
	for syscall.Kill(pid, syscall.SIGSTOP) == nil {
		switch letter := stateOf(pid); letter {
		case 'T':
			return true
		case 0, 'Z', 'X':
			return false
		}
	}
	return false
}

// stateOf is the state letter of a process, see proc_pid_stat(5); 0: there is none.
func stateOf(pid int) byte {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	end := bytes.LastIndexByte(text, ')')
	if err != nil || end < 0 || len(text) < end+3 {
		return 0
	}
	return text[end+2]
}

// runs reports whether the process of an attempt is there, stopped or not.
func (a attempt) runs() bool {
	letter := stateOf(a.PID)
	return letter != 0 && letter != 'Z' && letter != 'X'
}

// goOn lets the process of an attempt go on; one that is over needs not.
func goOn(held ...attempt) {
	for _, a := range held {
		_ = syscall.Kill(a.PID, syscall.SIGCONT)
	}
}

// isPending reports whether a signal waits for a stopped process to go on.
func (a attempt) isPending(signal syscall.Signal) bool {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.PID)) // gone: nothing waits
	for line := range strings.Lines(string(text)) {
		if mask, ok := strings.CutPrefix(line, "ShdPnd:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && bits&(1<<(signal-1)) != 0
		}
	}
	return false
}

// slurm runs one of Slurm's programs on the cluster.
func (s *site) slurm(t testing.TB, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "env", append([]string{program}, args...)...) // by the PATH of the cluster
	cmd.Env = s.command().Env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", program, args, err, out)
	}
	return strings.TrimSpace(string(out))
}
