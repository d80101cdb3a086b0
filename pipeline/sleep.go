package pipeline

import (
	"context"
	"time"
)

// Sleep waits for so long, or until ctx ends, and then returns the cause.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
