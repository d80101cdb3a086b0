// Package explain says, for one experiment, run, detector and ctype, which constants
// are valid and why, and what psana reads there now.
//
//	x, err := explain.Explain(ctx, explain.Options{
//		Experiment: "xpptut15", Run: 260, Detector: "XcsEndstation.0:Epix100a.1", CType: "gain",
//		Index: index, Snapshot: snapshot, Digests: cache, Zone: zone, CalibDir: dir,
//	})
//	...
//	err = x.Print(os.Stdout)
//
// The run is looked up in the ledger, and only if it is not there its XTC headers
// are read. Nothing is made or changed. Of files the chosen constants and what psana
// picks are read if their digests are not remembered, and HISTORY.
package explain
