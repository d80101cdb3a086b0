// Package merge makes, in the repository, the constants that runs of the ledger need and
// that are merged: those of detectors of many panels, from the tables of these panels, and
// status_extra, from the status words of a detector. It does so before a plan, which
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
// So it is with the files of a detector's directories of status words, as package repo
// merges them; what is merged lies in status_merged, where the single command keeps what
// it merged for a run: such a file is a merge as any other.
//
// Foresee tells how the repository will look after that, without doing it, for those who
// answer what if.
//
// # Guarantees
//
// A file that was not merged is never touched, but for those in status_merged, which
// have no other origin. A merged one is replaced if its parts have changed. The bytes
// depend on the parts alone, whoever merges. The items
// are in a fixed order: detectors by type and id, calibration types, stamps.
//
// What parts gave which bytes is remembered with the digests, so that a second call
// opens neither parts nor merged files, and writes nothing.
//
// A merge of a part that was withdrawn since is merged again of others, or withdrawn;
// one that was withdrawn itself is not made again.
//
// Nothing is merged that lacks a gain which a dark gives, nor from tables of users that
// are not trusted, if there are trusted ones: the merged file belongs to the caller,
// and would be trusted.
package merge
