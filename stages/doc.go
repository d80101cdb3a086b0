// Package stages holds the steps of the domain. Those for a whole facility have
// rooms of their own, in the order in which data flows through them:
//
//	scan      files on disk                            -> ledger
//	resolve   repository                               -> which constants are valid when
//	plan      ledger, resolve, calib directories       -> plan
//	apply     plan                                     -> transaction; and back
//	verify    transactions, calib directories          -> drift
//	affected  ledger, resolve, a change                -> who would change
//	explain   one run and detector                     -> what it gets, and why
//	sweep     all of the first five in one go
//	manifest  what scan, apply and verify did, a line each
//	shard     the work of a step, cut for many tasks
//	task      one shard of a step of a job
//	submit    jobs                                     -> Slurm; and how far they are
//	dark      frames                                   -> pedestals, rms, status
//
// Constants are made of dark runs by
//
//	darkrun   dark runs                                -> repository
//	dark      frames, as numbers                       -> pedestals, rms, status
//
// Here are those of the single-shot command:
//
//	ReadRuns   files of many runs       -> what psana knows of each when it begins
//	Identify   dataset, detector        -> run, its time, panel (hardware id)
//	Deploy     panel, time, ctype       -> constants file of the repository, and why
//	           constants, calib dir     -> deployed file and its HISTORY line
//
// ReadRuns and Identify read XTC headers only. Deploy makes the repository's tree
// and alias for a new panel unless it is told to change nothing, and publishes
// whole files.
//
// Every step takes an options struct and returns values; the single-shot
// command's log is a product of its own and is handed down as a
// logrus.FieldLogger.
package stages
