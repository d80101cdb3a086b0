// Package shard cuts the work of a job's steps into shards of about equal time, by what
// can be known before it is done: names in directories, the ledger, the plan.
//
//	work, err := shard.Scan(ctx, catalog, filter, index)
//	cut, err := shard.Cut(jobdir.Scan, work, each, limit)
//	digest, err := job.Cut(jobdir.Scan, "", cut)
//
// A shard is consecutive experiments: an experiment is the unit of listing, of locks,
// and of the order in which files are published. The longest shard takes as little time
// as consecutive experiments allow.
//
// # Estimates
//
// Times are of one process on shared storage, each from figures of such sites rather
// than of a local disk; only their ratios matter.
//
//	step    for each                           time
//	scan    experiment                         20 ms   find and list its directory
//	scan    file that the ledger knows         0.2 ms  look it up
//	scan    file that it does not know         5 ms    open and read headers
//	apply   file                               10 ms   look, write, sync, rename
//	apply   byte                               20 ns   read it and write it
//	verify  file                               2 ms    look it up and open it
//	verify  byte                               5 ns    read it
package shard
