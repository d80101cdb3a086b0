package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// childVariable names the function that a test binary is to be.
const childVariable = "TEST_CHILD"

// Children are functions of a test that run in processes of their own, which can
// be killed or have other rights: the test binary runs itself. The argument is a
// directory to work in.
type Children map[string]func(dir string) error

// Main is for TestMain: it is the child that the environment names, or runs the
// tests, and ends the process.
func (c Children) Main(m *testing.M) {
	child, ok := c[os.Getenv(childVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := child(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Command returns the command that runs the child of that name in dir. Its errors
// are those of the test. It is not bound to the test's context: a test may outwait
// its children in a cleanup.
func (c Children) Command(t testing.TB, name, dir string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), self, dir)
	cmd.Env = append(os.Environ(), childVariable+"="+name)
	cmd.Stderr = os.Stderr
	return cmd
}
