package dark_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if any test leaves a worker of a dark behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
