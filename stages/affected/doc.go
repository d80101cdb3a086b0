// Package affected says who would change if something in the repository of
// constants did, before anyone touches it.
//
//	report, err := affected.Who(ctx, affected.Options{Digests: cache, Zone: zone}, index, snapshot,
//		resolve.Change{Op: resolve.Withdraw, Path: "epix100a/default/epix100a_default_gain.txt"})
//	...
//	err = report.Print(os.Stdout)
//
// It knows what the ledger and the repository know: no calib directory is looked at
// and no XTC file opened. Of constants files those are read of which the digests
// are needed and not remembered.
//
// # What counts as affected
//
//	a run      other bytes are valid for its detector after the change than before
//	same bytes another file is valid, of the very bytes: reported apart, not counted
//	a file     <group>/<source>/<ctype>/<begin>-<end>.data that a plan would make in
//	           a clean directory only before, only after, or with other bytes
//
// Runs without id, time, or readable constants are not resolved and never affected;
// constants that cannot be read keep a plan from making any file of the directory.
// A hypothetical file of unknown content has bytes that no other file has. With
// Options.Touch nothing changes: the runs and files are those that use the thing
// now.
//
// The order is that of names and runs and does not depend on the number of
// workers.
package affected
