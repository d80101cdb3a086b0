package verify

import (
	"context"
	"hash/fnv"
	"os"
	"time"

	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// Options say what is verified, and how. Without Deployed there is nothing to do.
type Options struct {
	Deployed *tx.Deployed // what should be there

	// Filter selects by instrument, experiment and name of the source; aliases,
	// types, runs and times are not known of a deployed file and do not matter.
	Filter ledger.Filter

	// Transaction selects what this one put there; empty: all.
	Transaction string

	// Sample verifies one file in this many, by its path, another part each day, so
	// that after so many days each had its turn; 0 and 1: all.
	Sample int

	Day time.Time // that decides which part; zero: today, UTC

	// Digest returns the SHA-256, hexadecimal, of the file at the path; it may
	// remember it, or read what open returns and close that. nil: every byte is read.
	Digest func(ctx context.Context, path string, open func() (*os.File, error)) (string, error)

	Zone     *time.Location // of the times in HISTORY; nil: UTC
	Pipeline pipeline.Options
}

// A directory is what should be in one directory of constants.
type directory struct {
	place tx.Place        // of any of its files
	ours  map[string]bool // by name
	ask   []asked         // sorted by name
}

// asked is a file to be verified.
type asked struct {
	name    string
	owned   tx.Owned // settled, if there is one
	pending *tx.Owned
}

// Verify asks of every selected file whether it is as intended, and hands each
// finding to sink, which is called from one goroutine. Errors are those of sink, of
// o.Filter.Check, or wrap pipeline.ErrNotAttempted.
func Verify(ctx context.Context, o Options, sink func(Finding) error) (Summary, error) {
	summary := Summary{Classes: map[Class]int{}}
	if err := o.Filter.Check(); err != nil || o.Deployed == nil {
		return summary, err
	}
	if o.Day.IsZero() {
		o.Day = time.Now()
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	directories, selected := o.directories()
	summary.Deployed = selected
	source := func(_ context.Context, emit func(directory) error) error {
		for _, d := range directories {
			if err := emit(d); err != nil {
				return err
			}
		}
		return nil
	}
	err := pipeline.Run(ctx, o.Pipeline, source, o.verifyDirectory, func(r pipeline.Result[directory, []Finding]) error {
		if r.Err != nil { // cancelled, or a defect of the program
			return r.Err
		}
		for _, f := range r.Out {
			summary.Checked++
			summary.Classes[f.Class]++
			if err := sink(f); err != nil {
				return err
			}
		}
		return nil
	})
	return summary, err
}

// directories returns what is to be verified, sorted by path, and the number of
// files that were selected before the sample was drawn.
func (o *Options) directories() (all []directory, selected int) {
	var d *directory
	for owned := range o.Deployed.Paths() {
		if d == nil || d.place.Directory() != owned.Directory() {
			all = keep(all, d)
			d = &directory{place: owned.Place, ours: map[string]bool{}}
		}
		name := owned.Range + dataExt
		d.ours[name] = true
		if !o.selects(&owned) {
			continue
		}
		last := len(d.ask) - 1
		again := owned.Pending && last >= 0 && d.ask[last].name == name // behind its settled one
		if !again {
			selected++
		}
		switch {
		case !o.samples(owned.Path()):
		case again:
			d.ask[last].pending = &owned
		case owned.Pending:
			d.ask = append(d.ask, asked{name: name, owned: owned, pending: &owned})
		default:
			d.ask = append(d.ask, asked{name: name, owned: owned})
		}
	}
	return keep(all, d), selected
}

// keep adds a directory of which something is asked.
func keep(all []directory, d *directory) []directory {
	if d == nil || len(d.ask) == 0 {
		return all
	}
	return append(all, *d)
}

// selects reports whether filter and transaction select the file.
func (o *Options) selects(owned *tx.Owned) bool {
	if o.Transaction != "" && owned.Tx != o.Transaction {
		return false
	}
	names := ledger.Filter{Sources: o.Filter.Sources}
	return o.Filter.MatchExperiment(dataset.InstrumentOf(owned.Experiment), owned.Experiment) && names.MatchSource(owned.Source, "", "")
}

// samples reports whether it is the file's turn today.
func (o *Options) samples(path string) bool {
	if o.Sample <= 1 {
		return true
	}
	hash := fnv.New64a()
	hash.Write([]byte(path))
	day := uint64(o.Day.Unix() / int64(24*time.Hour/time.Second))
	return (hash.Sum64()+day)%uint64(o.Sample) == 0
}
