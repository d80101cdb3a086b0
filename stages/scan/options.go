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

	Workers int                                  // experiments listed, and runs read, at a time; default: as pipeline.Options
	Drain   context.Context                      // its end stops the scan gently: what is being read is recorded; default: never
	Open    func(path string) (*xtc.File, error) // opens one XTC file, concurrently; default: xtc.Open
	Now     func() time.Time                     // concurrently; default: time.Now

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
		o.Open = xtc.Open
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
// that is being read holds a block of 64 KiB besides, in as many runs as there are
// workers.
const (
	window        = 2048 // runs; a drained scan finishes them
	maxInFlight   = 96 << 20
	bytesOfFile   = 1 << 10
	bytesOfRun    = 24 << 10
	listingWindow = 2 // experiments listed ahead, for each worker
)

func (o *Options) reading() pipeline.Options {
	return pipeline.Options{Workers: o.Workers, Window: max(window, o.Workers), MaxBytes: maxInFlight, Drain: o.Drain}
}

func (o *Options) listing() pipeline.Options {
	return pipeline.Options{Workers: o.Workers, Window: listingWindow * max(o.Workers, 8)}
}
