// Package plan compares the ledger, the repository and the calib directories, and
// says what would have to change, for every experiment, detector and calibration
// type. It changes nothing.
//
//	summary, err := plan.Plan(ctx, plan.Options{
//		Repository: repository, Digests: cache, Owner: deployed, Judge: limits, CalibDir: calibDir,
//	}, index, snapshot, writer.Write)
//
// The items are those of package jobs/planfile, in its order; what actions mean for
// people is in docs/plan.md.
//
// # The rules
//
// A directory of constants <calibdir>/<group>/<source>/<ctype> is decided about by
// the known runs of the source, ascending. What a run r wants is content (the
// digest of the constants that are valid for it), none, or unknown (no id, no
// time). "p" is the file that psana's Python finder picks for r among the files
// that exist and those planned so far, "today" the one it picks now. Runs above
// 9999 are looked up as 9999.
//
//	0  files of equal runs, 5-9 and 05-9      somebody else's: psana's choice is arbitrary
//	1  today's file is somebody else's        foreign: left alone
//	2  unknown                                unknown; p, if ours and free, is kept as it is
//	   none                                   overreach where there is p, which is kept; else missing
//	3  p is ours and free                     p is for r: unchanged, adopt or replace
//	4  p is taken for the same content        nothing to do
//	   p is taken for other content           new file r-end
//	5  there is no p                          new file: 0-end if no earlier run counts (rules 1, none, 3 to 5)
//	                                          and run 0 reads nobody else's file; else r-end
//	6  a new file would hide somebody else's  r-<end of p> if p has an end and that hides nothing;
//	   from any run, known or not             else foreign
//	7  a change is refused                    all that would be published behind it, too
//
// Begins above 9999 are never written: overreach. Rule 6 asks both finders, the C++
// one up to the last known run. Changes are refused if the content check fails
// (held), or the place is not writable or the owner of the constants not trusted
// (blocked). A directory is blocked as a whole by a name on which psana raises, by
// constants that cannot be read, and by a link on the way to it; an experiment if
// it is frozen, has no directory, or shares its calib directory with another. A
// detector of which the repository cannot be read is an error, and no new one.
//
// # Whose file
//
// Ours is a file that has the bytes a transaction put there, those of the
// repository file that its newest HISTORY record names, or those of any constants
// or default for an id that the source had in some run. Files that are not regular
// or whose name is not canonical are never ours.
//
// # What is guaranteed
//
//   - No run that reads somebody else's file today reads another one afterwards.
//   - Published in the order of the plan each run changes once, from what it reads
//     today to what is right. What is right and cannot stay so is reported: runs
//     above 9999, and runs for which the two finders disagree.
//   - Planned again after it was carried out, nothing changes.
//   - The items do not depend on the number of workers.
//   - No constants file, deployed file or HISTORY is opened whose digest, or answer,
//     is remembered; an error is an item, never "no files".
//
// # Limits
//
// The memory is that of the items of the experiments in flight, beside ledger and
// snapshot. Of what package merge makes only that is planned which was made. Sources
// without a deployable type are left out.
package plan
