package pipeline

import "golang.org/x/sync/errgroup"

// Beside does one piece of work at a time while its caller goes on. The zero value is
// ready for use; it is not safe for concurrent use. Who is done with it calls Wait, which
// ends its goroutine.
type Beside struct{ group errgroup.Group }

// Go begins the work when that of before has ended, and returns then; after a failure it
// begins none, and returns that.
func (b *Beside) Go(work func() error) error {
	if err := b.Wait(); err != nil {
		return err
	}
	b.group.Go(work)
	return nil
}

// Wait returns when nothing is worked on any more, with the first failure that there ever
// was. A panic of the work is not recovered.
func (b *Beside) Wait() error { return b.group.Wait() }
