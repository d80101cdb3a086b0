// Package xtctest builds XTC files, good and broken, for tests, benchmarks and the
// demonstration facility.
//
// The lowest layer is a Dgram with a tree of Nodes, encoded by Encode or written by
// WriteFile; every word of both headers can be set, right or wrong. Payloads may end in
// zeros that are only declared (Node.Sparse): WriteFile leaves holes for them, so that
// a file with real sizes costs no disk.
//
// The configuration objects have the sizes of the real classes and the ids they are
// given; DetectorConfig makes them by class name. A Run is a whole run in several
// streams, nested as the data acquisition does it:
//
//	run := xtctest.Run{Experiment: "xpptut15", Number: 260, BeginRun: xtc.Clock{Sec: 1458353850},
//		Detectors: []xtctest.Detector{{Source: "XcsEndstation.0:Epix100a.1", Class: "Epix.Config100aV2"}}}
//	paths, err := run.Write(dir, "e665")
package xtctest
