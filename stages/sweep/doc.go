// Package sweep brings the calib directories of a facility up to date in one go:
//
//	scan     new and changed runs     -> ledger, compacted when it has many segments
//	resume   transactions that an earlier sweep was interrupted in, only with Options.Deploy
//	merge    tables of panels         -> constants of their detectors in the repository, only with Options.Deploy
//	plan     ledger x repository x calib directories -> plan file, kept if it changes anything
//	apply    plan                     -> transaction, only with Options.Deploy
//	verify   all that is deployed     -> drift, by what stat says and digests that are remembered
//
// Each step streams; what is held in memory is the index of the ledger, the
// listing of the repository, and one experiment for each worker.
//
// What was published is looked at once it is old enough for its digest to be
// remembered (digest.Settled). A stage that fails ends the sweep, and the error says
// which it was; the next sweep goes on from there. A data root without experiments is
// such a failure: nothing is planned from what is left of a facility.
//
// A sweep of a facility where nothing changed opens no XTC and no constants file,
// and changes nothing outside of the state directory.
package sweep
