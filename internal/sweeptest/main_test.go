package sweeptest

import (
	"os"
	"testing"

	"deployconstants/internal/testenv"
)

// program is the binary under test, built by TestMain.
var program string

func TestMain(m *testing.M) { os.Exit(testenv.WithProgram(m, &program)) }
