package slurmfake

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// terminate sends TERM to each process of the session, as Slurm's proctrack/linuxproc
// does. A process that ignores TERM hands that on to what it starts, and Slurm's programs
// keep to it; a program in Go cannot, so these of ours are spared where the real ones
// would be.
func (p *process) terminate() {
	p.signal(syscall.SIGCONT)
	_ = syscall.Kill(p.pid, syscall.SIGTERM) // over already
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return // only a malformed pattern is an error
	}
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil || pid == p.pid {
			continue
		}
		parent, session := origin(folder)
		if session != p.pid || isProgram(folder) && ignoresTerm(parent) {
			continue
		}
		_ = syscall.Kill(pid, syscall.SIGTERM) // over already
	}
}

// origin returns the parent and the session of a process; see proc_pid_stat(5). The
// name, which comes before, is in brackets and may contain any.
func origin(folder string) (parent, session int) {
	content, err := os.ReadFile(filepath.Join(folder, "stat"))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(content[bytes.LastIndexByte(content, ')')+1:]))
	if len(fields) < 4 {
		return 0, 0
	}
	parent, err = strconv.Atoi(fields[1])
	if err == nil {
		session, err = strconv.Atoi(fields[3])
	}
	if err != nil {
		return 0, 0
	}
	return parent, session
}

// isProgram reports whether a process was started by the name of a program of Slurm's.
func isProgram(folder string) bool {
	name, err := os.ReadFile(filepath.Join(folder, "comm"))
	return err == nil && programs[strings.TrimSpace(string(name))] != nil
}

// ignoresTerm reports whether a process ignores TERM.
func ignoresTerm(pid int) bool {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if mask, ok := strings.CutPrefix(line, "SigIgn:"); ok {
			bits, err := strconv.ParseUint(strings.TrimSpace(mask), 16, 64)
			return err == nil && bits&(1<<(syscall.SIGTERM-1)) != 0
		}
	}
	return false
}
