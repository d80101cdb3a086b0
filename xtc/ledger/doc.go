// Package ledger keeps what the headers of XTC files said: for every run of every
// experiment its times, its sources with their ids, and the files that it was read
// from. It is permanent: a run whose files have left the disk is still known.
//
//	l, err := ledger.Open(state.Ledger())
//	w := l.NewWriter()
//	err = w.Add(run) // for each run that was read
//	err = w.Commit(ctx)
//	...
//	x, err := l.Load(ctx)
//	for place := range x.With("epix100a", id) {
//		fmt.Println(place.Experiment, place.Run, place.Source)
//	}
//
// # On disk
//
// A ledger is a directory of immutable segments, parquet files compressed with
// zstd, called
//
//	20261124T025852.544895304Z-448e088f73bed546.parquet
//
// after the time of their making (UTC) and the first 64 bits of the SHA-256 of their
// bytes. A segment has one row for each run, whose source is empty, and after it one row
// for each of its sources; rows are sorted by experiment, run, and source, and a run
// is never split between row groups.
//
//	column         parquet type             meaning
//	experiment     STRING                   "xpptut15"
//	instrument     STRING                   "XPP"
//	dir            STRING                   absolute directory of the XTC files
//	run            INT32                    number
//	begin_run      TIMESTAMP(MICROS, UTC)   begin_run_ns for people; not read
//	configure_ns   INT64                    UTC ns since 1970; NULL: unknown
//	begin_run_ns   INT64                    UTC ns since 1970; NULL: unknown
//	source         STRING                   "XcsEndstation.0:Epix100a.1"; '' in the run's row
//	alias          STRING
//	type           STRING                   detector type; '' for devices without constants
//	id             STRING                   '' where source_cause says why not
//	id_is_name     BOOLEAN
//	class          STRING                   of the configuration object
//	version        INT32                    of the class
//	source_cause   STRING
//	cause          STRING                   why the run could not be read; in the run's row
//	scanned_ns     INT64                    UTC ns since 1970; NULL: unknown
//	files          LIST<STRUCT>             name STRING, size INT64 (bytes), mtime_ns INT64; in the run's row
//
// The footer has two keys: deploy_constants.ledger is the format, "1";
// deploy_constants.replaces the names of the segments that a compaction read.
//
// # What is guaranteed
//
//   - A segment appears whole or not at all (package atomicfile), and is durable when
//     Commit returns. Any number of processes may write, compact, and read at once,
//     without locks.
//   - What is read depends on the segments that are there, not on who wrote them:
//     records of one run are merged in the order of Scanned and then of the name of
//     the segment; see Merge.
//   - A compaction publishes first and removes then. Its segment names those that it
//     replaces, which have no effect from that moment, removed or not.
//   - A segment whose bytes are not those it was made of is an error with its path.
//     Records never go missing silently.
//
// # Limits
//
// A segment is read into memory whole: at most 1 GiB, some 10^8 rows. A run has at
// most 65536 sources and 262144 files, a text at most 4096 bytes. The checksum finds
// damage; it does not keep anybody who may write the directory from writing records,
// though a segment that is made to do harm is an error like any other. A record
// that is committed later than one that was scanned after it, and had been
// compacted with others by then, is merged with their result. Superseded records
// stay on disk until the next compaction; nothing else is ever removed.
package ledger
