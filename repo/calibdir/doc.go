// Package calibdir is the deployed side of calibration constants: the directory
// of an experiment that psana reads them from.
//
//	<calibdir>/<group>/<source>/<ctype>/<begin>-<end>.data
//	<calibdir>/<group>/<source>/<ctype>/HISTORY
//
//	part     example                       meaning
//	group    Epix100a::CalibV1             version of the constants of a detector type
//	source   XcsEndstation.0:Epix100a.1    full name of the detector
//	ctype    pixel_gain                    kind of constants, psana's name
//	begin    0                             first run, 0 to 9999
//	end      end                           last run, begin to 9999; "end": every later run
//
// A file is deployed and recorded so:
//
//	calib, err := calibdir.Create(dir, calibdir.Options{DirMode: 0o775, FileMode: 0o664, Group: -1})
//	...
//	defer calib.Close()
//	target := calibdir.Target{Dir: dir, Group: "Epix100a::CalibV1",
//		Source: "XcsEndstation.0:Epix100a.1", CType: "pixel_gain", Range: calibdir.Range{End: calibdir.RunEnd}}
//	err = calib.CheckHistory(ctx, target)
//	...
//	installed, err := calib.Install(ctx, target, constants, calibdir.InstallOptions{})
//	...
//	err = calib.AppendHistory(ctx, target, calibdir.HistoryRecord{File: target.Range.FileName(), ...})
//
// A Batch does that for many files, which become durable together, and takes it
// back: it restores and removes files, directories that it made, and a HISTORY
// that has no lines but the caller's.
//
// # What psana reads
//
// Pick answers which file psana takes for a run: of the files that cover it the
// one with the greatest begin, of those the one with the smallest end. There are
// names on which psana raises an exception and then reads no constants of that
// directory for any run; Pick returns it as a *NameError.
//
// # Guarantees
//
// A deployed file is whole at every moment, with mode, group and access control
// list already right (package atomicfile). A replaced one keeps its own.
// Directories made here carry the set-group-id bit besides the mode asked for.
// The calibration directory itself may be a symbolic link; it is resolved once,
// when opened, and nothing outside of what it then led to is written: links
// below it that lead out are errors. (What Reserve opened is bounded by the directory
// above it.) Only a missing "calib" is made, never the
// directory of an experiment, unless Options.Parents says that a person typed
// the path.
//
// # What it does not do
//
// It knows neither detectors nor the repository: which constants are right, and
// what group a source has, is said by its caller. It renames nothing, and deletes
// only what a caller of Batch names.
package calibdir
