package scan

import (
	"context"
	"time"

	"deployconstants/pipeline"
	"deployconstants/xtc"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// Options of Scan. Catalog and Ledger are mandatory.
type Options struct {
	Catalog dataset.Catalog
	Ledger  *ledger.Ledger // records are committed here
	Filter  ledger.Filter  // what is scanned; see the package documentation

	PreferSmall bool          // read smalldata files where there are any, not only where big ones are gone
	Settle      time.Duration // a file must not have changed for so long; default: 2 min; negative: 0

	Workers int              // experiments listed, and batches of runs read, at a time; default: as pipeline.Options
	Drain   context.Context  // its end stops the scan gently: what is being read is recorded; default: never
	Now     func() time.Time // concurrently; default: time.Now

	// Open opens one XTC file, concurrently; default: (*xtc.Dir).Open.
	Open func(*xtc.Dir, xtc.Entry) (*xtc.File, error)

	CommitRuns  int           // runs of a segment, at most; default: 5000, some 30 MB in memory
	CommitEvery time.Duration // what a crash may lose; default: 30 s
}

func (o *Options) applyDefaults() {
	switch {
	case o.Settle == 0:
		o.Settle = 2 * time.Minute // data acquisition writes several times a second
	case o.Settle < 0:
		o.Settle = 0
	}
	if o.Open == nil {
		o.Open = (*xtc.Dir).Open
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CommitRuns <= 0 {
		o.CommitRuns = 5000
	}
	if o.CommitEvery <= 0 {
		o.CommitEvery = 30 * time.Second
	}
}

// Memory in flight: a run that was read holds its record until the sink takes it.
// The window is wide, so that readers go on while a segment is made durable. A file
// that is being read holds a block of 4 KiB besides, in as many runs as there are
// workers.
const (
	batchRuns     = 16               // runs of a batch, at most
	window        = 2048 / batchRuns // batches; a drained scan finishes them
	maxInFlight   = 96 << 20
	bytesOfFile   = 1 << 10
	bytesOfRun    = 24 << 10
	listingWindow = 2 // experiments listed ahead, for each worker
)

// batch returns how many of the runs of one experiment are read as one: few enough to
// give all workers something to do. What is read does not depend on it.
func (o *Options) batch(runs int) int {
	return min(max(runs/(2*max(o.Workers, 8)), 1), batchRuns)
}

func (o *Options) reading() pipeline.Options {
	return pipeline.Options{Workers: o.Workers, Window: max(window, o.Workers), MaxBytes: maxInFlight, Drain: o.Drain}
}

func (o *Options) listing() pipeline.Options {
	return pipeline.Options{Workers: o.Workers, Window: listingWindow * max(o.Workers, 8)}
}
