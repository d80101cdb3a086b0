// Package task carries out one shard of a step of a job, as an array task of Slurm does,
// or anybody by hand.
//
//	err := task.CheckNode(view)                  // before anything is done
//	attempt, err := job.Begin(ctx, step, shard, who)
//	...
//	err = task.Scan(ctx, attempt, task.ScanOptions{...})
//
// # Steps
//
//	Scan     headers of the shard's experiments -> records in the ledger of the job
//	Plan     those records -> the ledger; the ledger -> plan, transaction, aliases of new panels, shards
//	Apply    the shard's part of the plan -> files, in the one transaction
//	Verify   the shard's experiments -> drift; the transaction is finished first
//	Merge    all results -> one manifest, one summary; nothing is taken from exit codes
//
// # Again, and at once
//
// Whatever a step has done to an experiment is settled in the journal of the attempt
// before the next attempt may count on it, and what is settled is not done again. Two
// attempts at one shard, at once, publish one result: scans write records that are the
// same, applies exclude each other by the lock of the experiment and find each other's
// journals, verifications only look.
//
//	told to stop (Drain)   what is in flight is settled, the error is pipeline.ErrNotAttempted
//	killed                 what was settled stays
//	node without mounts    *NodeError, before anything is done
//	step before not done   *WaitError
package task
