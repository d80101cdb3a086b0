package slurmcluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A daemon is one of the cluster's programs. As it is our child and is waited for only
// when it is to be over, its process id is its own until then.
type daemon struct {
	name string
	args []string // the program first
	dir  string   // of the cluster
	env  []string

	mu  sync.Mutex
	cmd *exec.Cmd // nil: it does not run
}

// start starts the daemon in a session of its own.
func (d *daemon) start() (err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		return fmt.Errorf("start %s: it has been started before and not been stopped", d.name)
	}
	path, err := lookUp(d.args[0])
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	out, err := os.OpenFile(d.file(".out"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	defer out.Close() // the daemon has its own
	// not bound to a context: it outlives the call that starts it
	cmd := exec.CommandContext(context.Background(), path, d.args[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = d.env, d.dir, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	d.cmd = cmd
	return nil
}

// pid returns the process id, 0 if the daemon does not run.
func (d *daemon) pid() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil || !alive(d.cmd.Process.Pid) {
		return 0
	}
	return d.cmd.Process.Pid
}

// signal sends a signal to a daemon that runs.
func (d *daemon) signal(s syscall.Signal) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil || !alive(d.cmd.Process.Pid) {
		return fmt.Errorf("signal %s: it does not run%s", d.name, d.tail())
	}
	return d.cmd.Process.Signal(s)
}

// stop ends the daemon: TERM, and KILL after grace or when ctx ends. A daemon that had
// to be killed is an error; one that does not run is none.
func (d *daemon) stop(ctx context.Context, grace time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd == nil {
		return nil
	}
	pid := d.cmd.Process.Pid
	// a stopped process takes TERM only when it goes on; errors: it is over
	_ = d.cmd.Process.Signal(syscall.SIGTERM)
	_ = d.cmd.Process.Signal(syscall.SIGCONT)
	err := poll(ctx, grace, fmt.Sprintf("end of %s (process %d) after SIGTERM", d.name, pid), func(context.Context) (bool, error) {
		return !alive(pid), nil
	})
	if err != nil {
		err = fmt.Errorf("%w%s", err, d.tail())
	}
	d.kill()
	return err
}

// end kills the daemon.
func (d *daemon) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cmd != nil {
		d.kill()
	}
}

// kill kills the daemon, which has been started, and reaps it.
func (d *daemon) kill() {
	_ = d.cmd.Process.Kill() // over already
	_ = d.cmd.Wait()         // killed
	d.cmd = nil
}

// await polls until ok, and fails as soon as the daemon is gone.
func (d *daemon) await(ctx context.Context, limit time.Duration, what string, ok func(context.Context) (bool, error)) error {
	err := poll(ctx, limit, what, func(ctx context.Context) (bool, error) {
		if d.pid() == 0 {
			return false, fmt.Errorf("%s: %w", what, errEnded)
		}
		return ok(ctx)
	})
	if err != nil {
		return fmt.Errorf("%s: %w%s", d.name, err, d.tail())
	}
	return nil
}

var errEnded = errors.New("the daemon has ended")

func (d *daemon) file(suffix string) string { return filepath.Join(d.dir, "log", d.name+suffix) }

// tailMax bounds, in bytes, what an error has of each log.
const tailMax = 1500

// tail returns the last lines of the daemon's logs, for the end of an error.
func (d *daemon) tail() string {
	var b strings.Builder
	for _, suffix := range []string{".log", ".out"} {
		content, err := os.ReadFile(d.file(suffix))
		if err != nil || len(content) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n--- end of %s:\n%s", d.file(suffix), strings.TrimSpace(string(content[max(0, len(content)-tailMax):])))
	}
	return b.String()
}

// pollEvery is the time between two looks at a state.
const pollEvery = 20 * time.Millisecond

// poll looks until ok or its error, for so long at most.
func poll(ctx context.Context, limit time.Duration, what string, ok func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %s", limit))
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		done, err := ok(ctx)
		if done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}
