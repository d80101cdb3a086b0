package pipeline_test

import (
	"errors"
	"testing"

	"deployconstants/pipeline"
)

// TestBeside: the caller goes on, the next piece waits for the one before it, and a
// failure stays.
func TestBeside(t *testing.T) {
	var b pipeline.Beside
	if err := b.Wait(); err != nil {
		t.Errorf("nothing was begun: %v", err)
	}
	goOn, done := make(chan struct{}), 0
	if err := b.Go(func() error { <-goOn; done++; return nil }); err != nil {
		t.Fatal(err)
	}
	close(goOn) // it would never end if Go waited for it
	broken := errors.New("broken")
	if err := b.Go(func() error { done++; return broken }); err != nil {
		t.Errorf("the piece before did not fail: %v", err)
	}
	for range 2 {
		if err := b.Go(func() error { done++; return nil }); !errors.Is(err, broken) {
			t.Errorf("after a failure: %v", err)
		}
	}
	if err := b.Wait(); !errors.Is(err, broken) || done != 2 {
		t.Errorf("%d pieces were done, %v", done, err)
	}
}
