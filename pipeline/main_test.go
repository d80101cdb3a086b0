package pipeline_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"
)

// TestMain fails if any test leaves a goroutine of a run behind.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upTo is the source of 0, 1, ... n-1. It ends at the first refusal.
func upTo(n int) func(context.Context, func(int) error) error {
	return func(_ context.Context, emit func(int) error) error {
		for i := range n {
			if err := emit(i); err != nil {
				return err
			}
		}
		return nil
	}
}

// identity is work that takes no time.
func identity(_ context.Context, i int) (int, error) { return i, nil }
