// Package verify asks whether calibration directories still hold what transactions
// put there.
//
//	deployed, err := store.Deployed(ctx) // package jobs/tx
//	...
//	summary, err := verify.Verify(ctx, verify.Options{Deployed: deployed, Sample: 30, Zone: zone},
//		func(f verify.Finding) error { return show(f) })
//	if err == nil && summary.Drift() { ... } // exit status 5
//
// # Classes, the first that applies
//
//	class        the file
//	pending      was being changed when a transaction was interrupted: resume or undo that
//	unreadable   could not be asked: permissions, a link among its directories, no calibration directory
//	missing      is not there
//	not-regular  is a link, a directory or a special file
//	changed      has other bytes, by digest
//	wrong-mode   has the bytes, but other permissions than the transaction gave or found
//	wrong-group  has another group
//	shadowed     is right, but psana reads another file for runs that it is for
//	ok           is as intended
//
// A file shadows ours if psana picks it for a run for which it would pick ours
// among our own, and if it came to its directory, or was changed there, after our
// transaction: what had been there before was left alone on purpose. Any change
// counts, also one of its mode: a file that was moved or copied here with its old
// times can be told from one that was always here by the time of its inode alone.
// A file of a transaction that was interrupted is ours. A name on which psana raises
// an exception shadows every file of its directory.
//
// Who did it and when is the newest record of HISTORY for the name behind ours,
// else the owner and the time of the file as it is now.
//
// # Guarantees
//
// Nothing is written. Every byte is read, unless Options.Digest answers from
// memory. Findings come sorted by path, the same for any number of workers; one
// that cannot be made is a finding too.
//
// # Limits
//
// Access control lists, owners and times are not compared. Shadows are those of
// psana's Python finder.
package verify
