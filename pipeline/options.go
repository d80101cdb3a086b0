package pipeline

import (
	"context"
	"math"
	"runtime"
)

// Options bound what a run uses. The zero value is ready for use; runs may share
// Options.
type Options struct {
	Workers  int   // calls of work at a time; default: number of CPUs, at most 8
	Window   int   // items in flight, at least Workers; default: 4 x Workers
	MaxBytes int64 // weight in flight, in bytes, see RunWeighted; default: no bound

	// Drain stops a run gently: once it is done, emit refuses further items and
	// the context of the source is cancelled, while items in flight are finished.
	// Default: never.
	Drain context.Context
}

// maxDefaultWorkers is small because data lie on shared storage: a few readers
// saturate a client of Lustre or NFS, more only take turns and slow down everybody
// else. Who knows the storage to be idle asks for more.
const maxDefaultWorkers = 8

// applyDefaults replaces what is not set or not possible.
func (o *Options) applyDefaults() {
	if o.Workers <= 0 {
		// Not runtime.NumCPU: a Slurm task may have a share of its node only, which
		// GOMAXPROCS takes into account.
		o.Workers = min(runtime.GOMAXPROCS(0), maxDefaultWorkers)
	}
	if o.Window <= 0 {
		// One item that takes four times as long as the others stops no worker.
		o.Window = 4 * o.Workers
	}
	// Below that, workers would never all be busy.
	o.Window = max(o.Window, o.Workers)
	if o.MaxBytes <= 0 {
		o.MaxBytes = math.MaxInt64
	}
	if o.Drain == nil {
		o.Drain = context.Background()
	}
}
