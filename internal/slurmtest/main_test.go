package slurmtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"deployconstants/internal/slurmfake"
)

// program is the binary under test, built by TestMain.
var program string

func TestMain(m *testing.M) {
	slurmfake.Main() // the programs of a fake are this one
	os.Exit(run(m))
}

// run builds the binary where every user may start it, without the race detector
// whatever the tests are built with.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "slurmtest-")
	if err == nil {
		defer os.RemoveAll(dir)
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		program = filepath.Join(dir, "deploy_constants")
		build := exec.Command("go", "build", "-o", program, "deployconstants/cmd/deploy_constants")
		build.Stderr = os.Stderr
		err = build.Run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "build the binary:", err)
		return 1
	}
	return m.Run()
}
