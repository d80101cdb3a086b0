package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// BuildProgram builds deploy_constants at the path, as the Makefile does: without the
// race detector, whatever the tests are built with.
func BuildProgram(path string) error {
	build := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-o", path, "deployconstants/cmd/deploy_constants")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	return nil
}

// WithProgram is for TestMain: it builds deploy_constants where every user may start it,
// sets program to its path, runs the tests and returns their status.
func WithProgram(m *testing.M, program *string) int {
	dir, err := os.MkdirTemp("", "deploy_constants-test-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		*program = filepath.Join(dir, "deploy_constants")
		err = BuildProgram(*program)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// Memory returns a directory on a file system in memory, where there is one, for tests
// that wait for no disk: they kill, and do not cut the power. Every user may enter it, and
// it goes with the test.
func Memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "deploy_constants-test-")
	if err != nil {
		dir = t.TempDir()
	} else {
		t.Cleanup(func() { os.RemoveAll(dir) })
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Finish runs a prepared command to its end and returns its exit status, 128 + the signal
// that killed it, and what it printed. A command that cannot start fails the test.
func Finish(t testing.TB, cmd *exec.Cmd) (status int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	return Status(t, cmd.Run()), out.String(), errs.String()
}

// Status returns the exit status of a command, of what Run or Wait returned.
func Status(t testing.TB, err error) int {
	t.Helper()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return 0
	case !ok:
		t.Fatal(err)
	}
	if wait, ok := exit.Sys().(syscall.WaitStatus); ok && wait.Signaled() {
		return 128 + int(wait.Signal())
	}
	return exit.ExitCode()
}
