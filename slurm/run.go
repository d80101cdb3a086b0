package slurm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// The commands.
const (
	sbatch   = "sbatch"
	squeue   = "squeue"
	sacct    = "sacct"
	scontrol = "scontrol"
	scancel  = "scancel"
)

const (
	maxOutput = 64 << 20 // bytes of standard output; 500000 tasks have about 40 MiB
	maxStderr = 64 << 10 // bytes of standard error that are kept
	endDelay  = 5 * time.Second
)

// A call is one command to be run.
type call struct {
	program string
	args    []string
	env     []string
	stdin   string
	timeout time.Duration
}

// run runs the command to its end and returns its standard output. The error is an
// *ExecError.
func (c *Commands) run(ctx context.Context, what call) (string, error) {
	path, err := c.lookUp(what.program)
	if err != nil {
		return "", &ExecError{Args: append([]string{what.program}, what.args...), ExitCode: -1, Err: err, class: ErrNotStarted}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, what.timeout, fmt.Errorf("no end after %v", what.timeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, path, what.args...)
	cmd.Env = what.env
	cmd.Stdin = strings.NewReader(what.stdin)
	stdout, stderr := &capture{size: maxOutput, strict: true}, &capture{size: maxStderr}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	// A group of its own: the interrupt of a terminal does not reach an sbatch that
	// is about to submit, and where a site has wrapped a command in a script, both
	// are killed.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != syscall.ESRCH {
			return err
		}
		return os.ErrProcessDone
	}
	cmd.WaitDelay = endDelay

	begun := time.Now()
	if err := cmd.Run(); err != nil {
		return stdout.String(), failure(ctx, what.program, cmd, err, stdout.String(), stderr.String(), time.Since(begun))
	}
	return stdout.String(), nil
}

// failure says what became of a command that did not succeed.
func failure(ctx context.Context, program string, cmd *exec.Cmd, err error, stdout, stderr string, elapsed time.Duration) *ExecError {
	e := &ExecError{Args: cmd.Args, ExitCode: -1, Stdout: stdout, Stderr: stderr, Elapsed: elapsed, Err: err}
	switch {
	case cmd.Process == nil:
		e.class = ErrNotStarted
		if cause := context.Cause(ctx); cause != nil {
			e.Err = cause
		}
	case ctx.Err() != nil:
		e.Err, e.class = context.Cause(ctx), ErrUnreachable
	default:
		e.ExitCode = cmd.ProcessState.ExitCode()
		if e.ExitCode > 0 {
			e.class = classify(program, stderr)
		}
	}
	return e
}

// killed reports whether a signal that was not ours ended the command.
func killed(err error) bool {
	e, ok := errors.AsType[*exec.ExitError](err)
	return ok && e.ExitCode() == -1
}

// lookUp returns the path of the program.
func (c *Commands) lookUp(program string) (string, error) {
	for _, dir := range searchPath(c.env) {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("no directory of PATH has %s; is this a host that submits to Slurm?", program)
}

// errTooLong ends a command that does not stop talking.
var errTooLong = fmt.Errorf("more than %d MiB of output", maxOutput>>20)

// A capture keeps the first bytes that are written to it.
type capture struct {
	kept   bytes.Buffer // not embedded: its ReadFrom has no bound
	size   int
	strict bool // more is an error, else it is dropped
}

func (c *capture) Write(p []byte) (int, error) {
	room := c.size - c.kept.Len()
	if len(p) <= room {
		return c.kept.Write(p)
	}
	if c.strict {
		return 0, errTooLong
	}
	c.kept.Write(p[:room])
	return len(p), nil
}

func (c *capture) String() string { return c.kept.String() }
