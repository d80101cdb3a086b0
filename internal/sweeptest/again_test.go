package sweeptest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
)

// TestAgain sweeps a facility twice. The second sweep prints nothing, changes nothing
// outside the state directory, and opens no XTC and no constants.
func TestAgain(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		testenv.Skip(t, "strace is absent: %v", err)
	}
	s := newSite(t, facility.Options{Seed: 1, Streams: 2, RealShapes: true, Status: true})
	age(t)
	s.sweeps(t)
	opened := s.traced(t, strace, "sweep", "-D", "--workers", "2", "--state", filepath.Join(s.dir, "other")).opened
	if data, constants := s.split(opened); len(data) == 0 || len(constants) == 0 {
		t.Fatalf("the trace of a first sweep has %d XTC files and %d constants files: it sees nothing", len(data), len(constants))
	}
	age(t)
	s.sweeps(t) // what the first sweep wrote was too young to be remembered
	before := s.snapshot(t)
	again := s.traced(t, strace, "sweep", "-D", "--quiet")
	if again.stdout != "" {
		t.Errorf("an unchanged facility, and it prints %q", again.stdout)
	}
	if diff := before.Diff(s.snapshot(t)); diff != "" {
		t.Errorf("changed outside the state directory:\n%s", diff)
	}
	if data, constants := s.split(again.opened); len(data) > 0 || len(constants) > 0 {
		t.Errorf("opened:\n%s", strings.Join(append(data, constants...), "\n"))
	}
	if len(again.opened) < len(s.Experiments) {
		t.Errorf("the trace has %d opens, not even the directories", len(again.opened))
	}
}

// snapshot is everything outside the state directory, with all times.
func (s *site) snapshot(t *testing.T) facility.Snapshot {
	t.Helper()
	all, err := facility.TakeSnapshot(s.Dir, facility.SnapshotOptions{
		ModTime: true, ChangeTime: true, DirTimes: true, Inodes: true, Skip: func(path string) bool { return path == "state" },
	})
	must(t, err)
	return all
}

// sweeps deploys, whatever was damaged.
func (s *site) sweeps(t testing.TB) result {
	t.Helper()
	return s.want(t, 0, "sweep", "-D")
}

// traced is a command with the paths that it opened.
type traced struct {
	result
	opened []string
}

// openedPath is in a line of a trace in which an open, perhaps resumed, succeeded.
var openedPath = regexp.MustCompile(`\) += \d+<(.*)>\n$`)

// traced runs a command that must end well.
func (s *site) traced(t *testing.T, strace string, args ...string) traced {
	t.Helper()
	log := filepath.Join(t.TempDir(), "trace")
	cmd := s.command(args...)
	// -y writes the whole path behind the number of what was opened
	cmd.Path, cmd.Args = strace, append([]string{"strace", "-f", "-y", "-s", "4096", "-e", "trace=open,openat,openat2", "-o", log, program}, args...)
	r := finish(t, cmd)
	if strings.Contains(r.stderr, "ptrace") {
		testenv.Skip(t, "strace does not work here: %s", r.stderr)
	}
	r.check(t, 0, args...)
	text, err := os.ReadFile(log)
	must(t, err)
	var opened []string
	for line := range strings.Lines(string(text)) {
		if parts := openedPath.FindStringSubmatch(line); parts != nil {
			opened = append(opened, parts[1])
		}
	}
	return traced{r, opened}
}

// split returns the opened files of data, and of constants, in the repository and in
// calib directories. Directories, the alias files and HISTORY are neither.
func (s *site) split(opened []string) (data, constants []string) {
	for _, path := range opened {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			continue
		}
		name := filepath.Base(path)
		switch {
		case strings.Contains(name, ".xtc"):
			data = append(data, path)
		case strings.HasSuffix(name, ".data") && !strings.HasPrefix(path, s.StateDir()),
			strings.HasPrefix(path, s.Repository()) && strings.Count(path[len(s.Repository()):], "/") >= 3:
			constants = append(constants, path)
		}
	}
	return data, constants
}
