// Package pipeline runs work on a stream of items: one source, a bounded pool of
// workers, one sink that gets the results in the order of the source. It knows no
// domain, and it is the only package of the project that starts goroutines.
//
//	source := func(ctx context.Context, emit func(dataset.Run) error) error {
//		for _, run := range runs {
//			if err := emit(run); err != nil {
//				return err
//			}
//		}
//		return nil
//	}
//	sink := func(r pipeline.Result[dataset.Run, Record]) error {
//		if r.Err != nil {
//			return report.Failed(r.Item, r.Err) // nil: the run goes on
//		}
//		return report.Done(r.Item, r.Out)
//	}
//	err := pipeline.Run(ctx, pipeline.Options{Workers: 4}, source, readHeaders, sink)
//
// Stages are chained by making one run the source of the next: the sink of the
// first calls the emit of the second, see the example. Each has its own Options.
//
// # What is guaranteed
//
//   - Source and sink are each called from one goroutine, never concurrently with
//     themselves; the sink gets every item once, in the order of emission. What it
//     writes is the same for any number of workers.
//   - An item is in flight from its acceptance by emit until the sink has returned.
//     At most Options.Window items are in flight, and at most Options.MaxBytes of
//     their weight; emit blocks meanwhile.
//   - An error or panic of work is the item's result and ends nothing.
//   - Run returns after every goroutine it started has ended.
//
// # How a run ends
//
//	event              items in flight         Run returns
//	source ends        finish, reach the sink  nil
//	source fails       finish, reach the sink  the source's error
//	Drain is done      finish, reach the sink  ErrNotAttempted, if an item was refused
//	sink fails         are abandoned           the sink's error
//	ctx is done        are abandoned           ErrNotAttempted, if an item was left
//
// An abandoned item is not attempted rather than failed: its work is cancelled and
// the sink does not hear of it, even if the work had just been completed. Work
// must therefore be idempotent. Interrupts makes Drain and ctx from signals.
// Sleep waits no longer than ctx lasts. Beside does one thing while its caller goes on.
//
// # Limits
//
// An item costs about a microsecond: it should be a file or a run, not a record.
// Work that does not heed its context delays the end of the run. Source and sink
// are trusted: their panics are not recovered, and they must not call
// runtime.Goexit, as testing.T.FailNow does. In a chain only the first run gets the
// Drain, so that those behind it are closed by its end.
package pipeline
