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
// # Events
//
// OpenEvents runs over all events of a run, with the frames of chosen detectors:
//
//	events, err := dataset.OpenEvents(ctx, files, dataset.Options{})
//	epix := events.Select(detector.Src)
//	for event, err := range events.All(ctx) {
//		frame, err := event.Frame(epix)    // of an event.Transition L1Accept
//	}
//
// Events come in psana's order. Each stream is looked ahead by twenty datagrams, a
// control stream by forty; in these its events are sorted by clock, without passing a
// transition. Across streams the calibration cycle comes first, then seconds if they
// differ by 85 or more, then fiducials, which begin again at 131,040. An event of a
// control stream is joined to that of the acquisition with the same fiducials. The event's
// id is that of its lowest stream. psana gives out no events that the L3 trigger trimmed,
// that have only EPICS data or none, or that have no fiducials; Tally counts them.
//
// A detector's frame is the first of its objects in the event that psana stores: one
// without damage, outside of containers that are incomplete. Where there is none, the
// error of Frame says why, and Lacks adds the reasons up; no pixel is made up. An object
// that a smalldata file has left in its large file is read there.
//
// SelectCodes asks for the codes that the event receivers have in each event, which
// Event.Codes returns: of EvrData.DataV3 and V4, the word at offset 8 of each entry of 12
// bytes behind the number of entries.
//
// An event has the configuration in force, a Store that does not change: each
// BeginCalibCycle and each further Configure makes a new one. Beyond what ReadRun knows it has
// what the control level did (Store.Control), the sizes of cameras, and how the panels of
// an epix10ka are set (Store.Epix10kaPanels).
//
// Datagrams of up to 4 MiB are read many at a time, in pieces of 4 MiB of each stream (64
// MiB of all streams together, at least 256 KiB of each); of larger ones only headers and
// the payloads that are asked for. Pixels stay where they were read, unless their class
// needs them put together. A chunk that ends inside a datagram ends there with a warning;
// where the rest of a file is no XTC, the error comes behind the events of before.
//
// # Facility
//
// Catalog.Facility lists the experiments that are on disk, in any of the layouts
// that LCLS has, and ListRuns the runs of one of them with the sizes and times of
// their files. Both read directories only: no XTC file is opened.
//
// # Guarantees and limits
//
// ReadRun reads only the headers of datagrams and the configuration objects up to the
// begin of the run, with small positioned reads. What comes behind BeginRun is
// not looked at, so that damage there is not seen; psana, which reads twenty
// datagrams ahead, may refuse such a file. Where there is no BeginRun, twenty
// datagrams more are looked at. A damaged file cannot keep ReadRun busy or make it
// grow: a run must begin within a thousand datagrams of each stream, and have no
// more than 32,768 configuration objects and aliases before.
//
// All values but Events may be used by several goroutines once made. Events opens each
// file once, and again for the panels of an epix10ka; it keeps open what it reads of each
// stream, and holds for each selected detector at most one payload (256 MiB where a file
// is hostile) beside the pieces above. The package reads no environment variable: data
// roots and the experiment table are handed in. It writes nothing.
//
// Facts of the format and of psana's behaviour are those of the psana packages
// IData, ExpNameDb, XtcInput, PSXtcInput and PSEvt.
package dataset
