// Package scan reads the headers of a facility into the ledger.
//
//	known, err := l.Load(ctx)
//	result, err := scan.Scan(ctx, scan.Options{Catalog: catalog, Ledger: l}, known, report)
//
// # What is read, and when
//
// Experiments are discovered below the data roots, their runs listed by names,
// sizes and times of their files, and compared with what the ledger knows. Opened
// are only the files of runs that are new or changed:
//
//	on disk, compared with the record              outcome
//	no record                                      new: read
//	a file with other size or time, or a new one   changed: read
//	another directory than the record's            changed: read
//	as recorded, or fewer files                    unchanged
//	the small file of a recorded big one           unchanged, unless the record has a cause
//	no file, or links that lead nowhere            gone: the record stays
//	younger than Options.Settle                    pending: next time
//	a file named .inprogress                       pending: next time
//	nothing but those, older than a day            pending, and reported as odd
//	those, older than a day, beside others         as the others; reported as odd
//	changed while it was read                      pending: next time
//	file or directory cannot be read               failed: next time
//	no XTC, torn, empty, no BeginRun               recorded with its cause; read again
//	                                               when its files change
//
// What the system refuses (rights, input and output errors, files that vanished)
// may be otherwise next time and is not recorded. A time more than a day ahead of
// the clock is that of a wrong clock, and does not make a file young.
//
// # Filters
//
// Instruments, experiments and runs restrict what is looked at. The period is that
// of BeginRun, which only the headers tell: times of files can be older, as after a
// copy that keeps none of them in order, so that a run without record is opened,
// and recorded wherever it lies. Runs that are known to lie outside are not read
// again. Sources and types restrict nothing here: a record is of a whole run. They
// are for the stages that use the ledger.
//
// # Guarantees and limits
//
// Records, events, and problems are the same, and in the same order, for any number
// of workers. Records are committed in segments while the scan goes on; a scan that
// ends early, by a crash too, loses what was not committed, and the next one reads
// it again. Two scans at once do some work twice. Nothing is written but the
// ledger. A file is opened, read in some blocks of 4 KiB, and looked up once: that its
// size and time are still those of the listing is what makes the record true. In memory are the files of some experiments and the records that were not
// committed yet, at most 256 MiB for directories of any number of experiments.
package scan
