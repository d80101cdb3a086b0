package slurmfake

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// programs are what the binary may be.
var programs = map[string]func(*client) error{
	"sbatch": sbatch, "squeue": squeue, "sacct": sacct, "scontrol": scontrol, "scancel": scancel,
}

// A client is one of the programs, run once.
type client struct {
	program string
	args    []string
	stdin   io.Reader
	stdout  *bufio.Writer
	env     map[string]string
	environ []string
	dir     string // it was called from
	store   store
}

// A refusal is what the fake does not understand. It is a mistake of the caller, or
// something that the fake has yet to learn.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// A failure is what Slurm says when it fails.
type failure struct {
	status int
	lines  string // for standard error
}

func (f failure) Error() string { return f.lines }

// fail is the usual one.
func fail(format string, args ...any) error { return failure{1, fmt.Sprintf(format, args...)} }

// statusRefused is that of commands which are not understood: none of Slurm's.
const statusRefused = 99

// Main is one of the five programs, and ends the process, if it was started by a name of
// theirs. It is to be called first, before flags are parsed.
func Main() {
	name := filepath.Base(os.Args[0])
	if _, ok := programs[name]; ok {
		// not os.Exit, which waits a second at the end of a program with the race detector
		syscall.Exit(run(name, os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
	}
}

// run runs a program and returns its exit status.
func run(name string, args, environ []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := &client{program: name, args: args, stdin: stdin, stdout: bufio.NewWriter(stdout), environ: environ, env: map[string]string{}}
	for _, variable := range environ {
		key, value, _ := strings.Cut(variable, "=")
		c.env[key] = value
	}
	err := c.prepare()
	if err == nil {
		err = programs[name](c)
	}
	err = errors.Join(err, c.stdout.Flush())
	if err == nil {
		return 0
	}
	if failed, ok := errors.AsType[failure](err); ok {
		fmt.Fprintln(stderr, failed.lines)
		return failed.status
	}
	if refused, ok := errors.AsType[refusal](err); ok {
		fmt.Fprintf(stderr, "slurmfake: %s: %s\n", name, refused)
		return statusRefused
	}
	fmt.Fprintf(stderr, "slurmfake: %s: %v\n", name, err)
	return statusRefused
}

func (c *client) prepare() (err error) {
	conf := c.env["SLURM_CONF"]
	if conf == "" {
		return refuse("SLURM_CONF is not set: it must be what Env says")
	}
	c.store = store(filepath.Dir(conf))
	c.dir, err = os.Getwd()
	return err
}

// act notes the command, waits as the faults say, and acts; what is printed comes after the
// delay of the reply. refused is why the command was not understood, if it was not.
func (c *client) act(refused error, do func(*view) error) error {
	note := Command{Time: time.Now(), Program: c.program, Args: c.args}
	if refused != nil {
		note.Refused = refused.Error()
	}
	if err := c.store.note(note); err != nil || refused != nil {
		return errors.Join(refused, err)
	}
	var faults Faults
	read := func(v *view) error {
		faults = v.Faults
		return nil
	}
	if _, err := c.store.change(nil, read); err != nil {
		return err
	}
	time.Sleep(faults.Delay)
	var failed error
	_, err := c.store.change(nil, func(v *view) error {
		if c.program != "sacct" && v.Faults.ControllerDown {
			return c.unreachable()
		}
		err := do(v)
		if asFailure, ok := errors.AsType[partial](err); ok { // what was done stays done
			failed = asFailure.failure
			return nil
		}
		return err
	})
	time.Sleep(faults.DelayReply)
	return errors.Join(failed, err)
}

// A partial failure is one after which the changes are kept.
type partial struct{ failure }

// unreachable is what a program says when there is no controller; measured with 22.05.
func (c *client) unreachable() error {
	const what = "Unable to contact slurm controller (connect failure)"
	last := c.args[max(0, len(c.args)-1):]
	switch c.program {
	case "sbatch":
		return fail("sbatch: error: Batch job submission failed: %s", what)
	case "squeue":
		return fail("slurm_load_jobs error: %s", what)
	case "scancel":
		return failure{8, fmt.Sprintf("scancel: error: Kill job error on job id %s: %s", strings.Join(last, ""), what)}
	}
	if len(c.args) > 0 && c.args[0] == "show" {
		return fail("slurm_load_ctl_conf error: %s", what)
	}
	return fail("Unexpected message received for job %s", strings.Join(last, ""))
}

// timeFormat writes times as SLURM_TIME_FORMAT says.
func (c *client) timeFormat() (func(time.Time) string, error) {
	switch format := c.env["SLURM_TIME_FORMAT"]; format {
	case "", "standard":
		return func(t time.Time) string { return t.Local().Format("2006-01-02T15:04:05") }, nil
	case "%s":
		return func(t time.Time) string { return fmt.Sprint(t.Unix()) }, nil
	default:
		return nil, refuse("SLURM_TIME_FORMAT=%q: it may be %%s", format)
	}
}
