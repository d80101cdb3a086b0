// Package repo is the repository of calibration constants from which files are
// deployed: its names, aliases, the choice of the constants that are valid at a
// moment, and saving new ones.
//
//	r, err := repo.Open(dir, repo.Options{Group: -1, User: user})
//	...
//	err = r.MakeTree(panel)
//	alias, err := r.Alias(ctx, panel, repo.Origin{Experiment: "xpptut15", Run: 260})
//	choice, err := r.Resolve(panel, alias, repo.Gain, repo.StampOf(runTime, zone))
//	if choice.Kind != repo.None {
//		f, err := r.OpenConstants(choice.Path)
//		...
//	}
//
// # Layout
//
//	<dettype>/aliases.txt, .aliases.txt   records <NNNN> <id> <time> <exp> r<run> <source> <user>
//	<dettype>/.claims/                    alias numbers taken where locks do not work
//	<dettype>/default/<dettype>_default_<ctype>.txt
//	<dettype>/<id>/<ctype>/<dettype>_<alias>_<stamp>_<exp>_r<run>_<ctype>.txt
//	<dettype>/<id>/status_*/              status words; merged as status_extra
//	<dettype>/<id>/status_merged/<dettype>_<alias>_<stamp>_<exp>_r<run>_status_merged.txt
//
// An id is what the detector's configuration says, or the detector's name where
// it says nothing. Constants of an id longer than 255 bytes (joined panels of an
// epix10kaQuad or epix10ka2M) are in <dettype>/<dettype>_<alias>; where only the
// first panel has a record, as the original program of 2022 wrote it, its alias
// and directory serve the whole detector.
//
// Extensions of constants are .txt, .dat and .data; of defaults only .txt. Names
// that do not have the whole form are never chosen, see Rejected.
//
// # Aliases
//
// The alias file may be called aliases.txt, as documented, or .aliases.txt, as
// the original program has it; both are read. Allocation holds a lock on the file
// (package internal/fslock). Where the file system has no locks, link(2) decides:
// it takes the number in .claims, then binds the id to it. See Repository.Alias.
// One window is left: while a type's very first allocation without locks makes
// .claims, a host that has locks may take the same number.
//
// # Safety
//
// All writing is confined to the directory by os.Root; files appear whole
// (package internal/atomicfile). Constants may be symbolic links, relative or
// absolute, but are only opened if they end in the repository. Ids, experiments and
// calibration types that could leave their directory are refused. Alias files,
// which everybody may write, are refused if they are links. Recorded fields are
// escaped.
//
// The package writes no log: what should be seen but does not stop is handed to
// Options.Warn. It knows nothing of data files; the caller finds id and time.
package repo
