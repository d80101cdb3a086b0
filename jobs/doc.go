// Package jobs is the layout of the state directory, which is the tool's own:
// what it has read, what it has done and what it is doing.
//
//	state := jobs.State{Dir: "/cds/group/psdm/deploy_constants"}
//	if err := state.Make(); err != nil {
//		...
//	}
//	transactions := state.Transactions()
//
// # Layout
//
//	path                   type       content
//	ledger/                directory  what the headers of the runs said (package xtc/ledger)
//	digests/files.jsonl.zst file      digests of constants by the identity of their files (package repo/digest)
//	sweep.plan.jsonl.zst   file       plan of the last sweep, if it has to be applied (package stages/sweep)
//	tx/<id>/               directory  one transaction (package jobs/tx)
//	jobs/<id>/             directory  one job of many tasks (package jobs/jobdir)
//	objects/               directory  previous contents by digest (package jobs/tx)
//	locks/                 directory  <experiment>.lock, sweep.lock (package internal/fslock)
//	heartbeat.json         file       when the last sweep was seen alive (package internal/beacon)
//	notes.txt              file       what the last sweep had to say to a person
//	metrics.prom           file       figures of the last sweep (package internal/beacon)
//
// Directories have the mode 0750: previous contents are never more readable than
// the files were. The directory should be on storage that all hosts share which
// run the tool; nothing in it is a data base that needs a server.
package jobs
