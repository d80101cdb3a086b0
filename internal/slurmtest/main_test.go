package slurmtest

import (
	"os"
	"testing"

	"deployconstants/internal/slurmfake"
	"deployconstants/internal/testenv"
)

// program is the binary under test, built by TestMain.
var program string

func TestMain(m *testing.M) {
	slurmfake.Main() // the programs of a fake are this one
	os.Exit(testenv.WithProgram(m, &program))
}
