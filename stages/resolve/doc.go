// Package resolve says which constants are valid for a detector at a moment, for as
// many detectors and moments as a facility has.
//
//	snapshot, err := resolve.Load(ctx, repository, resolve.Options{})
//	...
//	choice := snapshot.At(resolve.Key{Type: "epix100a", ID: id}, "pixel_gain", stamp)
//	if choice.File != nil && choice.File.Err == "" {
//		sum, err := snapshot.Sum(ctx, cache, choice.File)
//		...
//	}
//
// A Snapshot is the repository as one listing: names, and of every file what stat
// says. No constants file is opened; alias files and claims are. Names, aliases and
// directories are understood as package repo does: for a single directory of
// constants At answers as repo.Repository.Resolve.
//
// # Uniting
//
// In a calib directory gain is called pixel_gain, and so are rms and status; a
// repository may have both names. What is deployed as one ctype is chosen from both:
//
//	1  specific before default
//	2  the newest stamp that is not after the one asked for
//	3  of equal stamps that of the documented short name, gain
//	   (in one directory: the greatest name)
//
// If both names had a candidate, the one that lost is Choice.Other.
//
// # What cannot be used
//
// A chosen file that is a link to nothing or out of the repository, empty or no
// regular file is chosen all the same, as by the single command: nothing older and
// no default takes its place. Its File.Err says why it cannot be deployed. So does
// that of the File chosen where nothing can be known: the alias files contradict
// each other, or a directory cannot be read.
//
// # Guarantees and limits
//
// A Snapshot is immutable and safe for concurrent use. At allocates nothing. The
// order of all lists is that of names. A listing is no moment: files that are saved
// while it is taken may be in it or not. Of status_extra it knows what was merged
// already, in status_merged, as of detectors of many panels: see package merge.
package resolve
