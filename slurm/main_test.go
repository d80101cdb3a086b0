package slurm_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/slurm"
)

// TestMain lets the test binary be Slurm's commands, by the names of links to it.
func TestMain(m *testing.M) {
	if dir, program := filepath.Split(os.Args[0]); slices.Contains(fakes, program) {
		if err := play(dir, program); err != nil {
			fmt.Fprintln(os.Stderr, err)
			syscall.Exit(99)
		}
		syscall.Exit(0) // os.Exit waits for a second where the race detector is on
	}
	os.Exit(m.Run())
}

var fakes = []string{"sbatch", "squeue", "sacct", "scontrol", "scancel", "task"}

// A reply is what a fake command does.
type reply struct {
	Stdout, Stderr string
	Exit           int
	Endless        bool           // talks until nobody listens
	Delay          time.Duration  // before it ends
	Signal         syscall.Signal // ends it
	Wraps          time.Duration  // a child of its own has its output for so long
}

// A visit is how a fake command was called.
type visit struct {
	Program string
	Args    []string
	Stdin   string
	Env     []string
}

// play is a fake command: it records the visit, and does what its replies say, of
// which the last is for all further visits.
func play(dir, program string) error {
	stdin, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	before := 0
	for _, v := range readVisits(filepath.Join(dir, "visits")) {
		if v.Program == program {
			before++
		}
	}
	line, err := json.Marshal(visit{program, os.Args[1:], string(stdin), os.Environ()})
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(dir, "visits"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := log.Write(append(line, '\n')); err != nil {
		return err
	}
	if err := log.Close(); err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, program+".json"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var replies []reply
	if err := json.Unmarshal(text, &replies); err != nil {
		return err
	}
	return replies[min(before, len(replies)-1)].give()
}

func (r reply) give() error {
	fmt.Fprint(os.Stderr, r.Stderr)
	for r.Endless {
		if _, err := os.Stdout.WriteString(strings.Repeat("x", 1<<16)); err != nil {
			return err
		}
	}
	if r.Wraps > 0 {
		child := exec.Command("sleep", fmt.Sprint(r.Wraps.Seconds()))
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			return err
		}
	}
	time.Sleep(r.Delay)
	fmt.Print(r.Stdout)
	if r.Signal != 0 {
		if err := syscall.Kill(os.Getpid(), r.Signal); err != nil {
			return err
		}
		time.Sleep(time.Minute)
	}
	syscall.Exit(r.Exit)
	return nil
}

func readVisits(path string) []visit {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var visits []visit
	for line := range strings.Lines(string(text)) {
		var v visit
		if json.Unmarshal([]byte(line), &v) == nil {
			visits = append(visits, v)
		}
	}
	return visits
}

// A cluster is a directory of fake commands.
type cluster struct {
	*slurm.Commands
	t   *testing.T
	dir string
}

// newCluster returns fake commands that say nothing and succeed.
func newCluster(t *testing.T, options slurm.Options) *cluster {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, dir: t.TempDir()}
	for _, program := range fakes {
		if err := os.Symlink(self, filepath.Join(c.dir, program)); err != nil {
			t.Fatal(err)
		}
	}
	options.Env = append([]string{"PATH=" + c.dir + ":/usr/bin:/bin"}, options.Env...)
	c.Commands = slurm.New(options)
	return c
}

// reply says what the program does at each visit.
func (c *cluster) reply(program string, replies ...reply) {
	c.t.Helper()
	text, err := json.Marshal(replies)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, program+".json"), text, 0o600); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) visits() []visit { return readVisits(filepath.Join(c.dir, "visits")) }

// lines returns the command lines so far.
func (c *cluster) lines() []string {
	var lines []string
	for _, v := range c.visits() {
		lines = append(lines, strings.Join(append([]string{v.Program}, v.Args...), " "))
	}
	return lines
}
