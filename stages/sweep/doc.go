// Package sweep brings the calib directories of a facility up to date in one go:
//
//	scan     new and changed runs     -> ledger, compacted when it has many segments
//	plan     ledger x repository x calib directories -> plan file, kept if it changes anything
//	apply    plan                     -> transaction, only with Options.Deploy
//	verify   all that is deployed     -> drift, by what stat says and digests that are remembered
//
// Each step streams; what is held in memory is the index of the ledger, the
// listing of the repository, and one experiment for each worker.
//
// A sweep of a facility where nothing changed opens no XTC and no constants file,
// and changes nothing outside of the state directory.
package sweep
