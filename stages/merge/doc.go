// Package merge makes, in the repository, the constants of detectors of many panels
// that runs of the ledger need, from the tables of these panels: before a plan, which
// deploys files of the repository.
//
//	summary, err := merge.Merge(ctx, merge.Options{
//		Repository: repository, Digests: digests, Zone: zone, Write: true,
//	}, index, func(item merge.Item) error {
//		...
//	})
//
// For every detector of the ledger, every calibration type and every run the newest
// tables are looked for that are not newer than the run, as package panels does it.
// Each different choice is one file among those of the detector, valid from its newest
// table on:
//
//	<type>/<detector>/<ctype>/<type>_<alias>_<stamp>_<experiment>_r<run>_<ctype>.txt
//
// # Guarantees
//
// A file that was not merged is never touched. A merged one is replaced if its tables
// have changed. The bytes depend on the tables alone, whoever merges. The items
// are in a fixed order: detectors by type and id, calibration types, stamps.
//
// What tables gave which bytes is remembered with the digests, so that a second call
// opens neither tables nor merged files, and writes nothing.
//
// A merge of a table that was withdrawn since is merged again of others, or withdrawn;
// one that was withdrawn itself is not made again.
//
// Nothing is merged that lacks a gain which a dark gives, nor from tables of users that
// are not trusted, if there are trusted ones: the merged file belongs to the caller,
// and would be trusted.
package merge
