package apply

import (
	"deployconstants/internal/atomicfile"
	"deployconstants/jobs/tx"
)

// Journal is what a transaction is told.
type Journal interface{ Append(...tx.Record) error }

// On lets the tests put a failing system and journal below a transaction.
func (o Options) On(system atomicfile.System, wrap func(Journal) Journal) Options {
	o.system = system
	if wrap != nil {
		o.wrap = func(j journal) journal { return wrap(j) }
	}
	return o
}

// Batches makes batches of so many files.
func (o Options) Batches(files int64) Options {
	o.batch.files, o.batch.mib = files, 128
	return o
}
