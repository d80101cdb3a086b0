// Package dataset finds the files of an LCLS-I run and says what psana would
// know of the run when it begins: its time and the configuration objects of its
// detectors.
//
//	spec, err := dataset.ParseSpec("exp=xpptut15:run=260")
//	catalog := dataset.Catalog{Roots: []string{"/reg/d/psdm"}, Experiments: table}
//	found, err := catalog.Find(spec)
//	for _, files := range found.Runs {
//		run, err := dataset.ReadRun(ctx, files, dataset.Options{})
//		detector, err := run.Store.Find("XcsEndstation.0:Epix100a.1")
//		id, isName, err := detector.ID()
//	}
//
// # Names
//
// A data set string is a list of keys separated by colons; anything else is the
// name of one file. ParseSpec has the rule that tells them apart.
//
//	key       value                  meaning
//	exp       665, xpptut15,         experiment, by number, by name, or by
//	          XPP/xpptut15           instrument and name
//	run       260,262-270            runs, in any order
//	stream    0-79                   streams; all if absent
//	dir       directory              instead of <root>/<INSTR>/<exp>/xtc
//	smd       -                      the small files in <directory>/smalldata
//	live, idx -                      accepted; the same files are read
//
// Files are named <prefix>-r<run>-s<stream>-c<chunk>.xtc, or .smd.xtc. The prefix
// is e<number> for an experiment that the experiment table knows and the name of
// the experiment for any other, so that one experiment never has both. A file
// still being written (.inprogress) is not a file of the run.
//
// # Streams and steps
//
// Streams 0 to 79 come from the data acquisition; they repeat every transition
// and share the events among them. Streams from 80 on are control streams. The
// chunks of a stream are one sequence of datagrams. ReadRun merges the streams
// as psana does: the smallest clock goes first, and datagrams of one transition
// with one clock form a step. Configuration is taken from all control streams of
// a step, highest number first, and then from its first other stream.
//
// # Facility
//
// Catalog.Facility lists the experiments that are on disk, in any of the layouts
// that LCLS has, and ListRuns the runs of one of them with the sizes and times of
// their files. Both read directories only: no XTC file is opened.
//
// # Guarantees and limits
//
// Only the headers of datagrams and the configuration objects up to the begin of
// the run are read, with small positioned reads. What comes behind BeginRun is
// not looked at, so that damage there is not seen; psana, which reads twenty
// datagrams ahead, may refuse such a file. Where there is no BeginRun, twenty
// datagrams more are looked at. A damaged file cannot keep ReadRun busy or make it
// grow: a run must begin within a thousand datagrams of each stream, and have no
// more than 32,768 configuration objects and aliases before.
//
// All values may be used by several goroutines once made. The package reads no
// environment variable: data roots and the experiment table are handed in. It writes
// nothing.
//
// Facts of the format and of psana's behaviour are those of the psana packages
// IData, ExpNameDb, XtcInput, PSXtcInput and PSEvt.
package dataset
