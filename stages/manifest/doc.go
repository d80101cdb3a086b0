// Package manifest is what a scan, an apply and a verification did, a line for
// everything that they did it to: the same lines, in the same order, whether one
// process did it all or a thousand tasks a part each.
//
//	w, err := manifest.Create("night.manifest.jsonl.zst")
//	...
//	err = w.Write(manifest.OfScan(event))
//	...
//	err = w.Close()
//
// # Lines
//
// A manifest is JSON lines, compressed with zstd where its name ends in .zst:
//
//	message_type  is            in the order of
//	scan          scan.Event    what has no experiment, then experiments by name, runs
//	outcome       Outcome       the plan
//	finding       verify.Finding  paths
//
// Sums adds lines up to the results that the stages return.
package manifest
