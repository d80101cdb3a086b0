// Package jobdir keeps jobs: what was asked for, the shards into which the work of each
// step is cut, what each attempt at a shard did, and the results, so that any number of
// processes on any number of hosts can carry a job out, and more than one of them, by
// mistake, the same shard.
//
//	job, err := jobdir.Create(state, spec, fill) // which cuts the first step
//	...
//	attempt, err := job.Begin(ctx, jobdir.Scan, 7, who)   // ErrDone: there is a result
//	for _, item := range attempt.Manifest() {
//		if !attempt.Settled(item.Experiment) {
//			...
//			err = attempt.Settle(jobdir.Item{Experiment: item.Experiment, Lines: lines})
//		}
//	}
//	err = attempt.Publish(time.Now(), nil)
//
// # Layout
//
//	path below <state>/jobs/<id>/               content
//	spec.json                                   Spec; <id> is YYYYmmddTHHMMSSZ-<8 hexadecimal digits>, UTC
//	slurm.json                                  Record: what was submitted, and what was to be
//	<step>/shards/cut.json                      Cut: number and digests of the shards; a step without it is not cut yet
//	<step>/shards/0007.manifest.jsonl           what shard 7 is to do, an experiment a line
//	<step>/shards/0007.plan.jsonl.zst           apply: the part of the plan
//	<step>/rounds/2.json                        numbers of the shards that the second submission is for
//	<step>/attempts/0007/<attempt>.jsonl        journal of one attempt at shard 7
//	<step>/results/0007.jsonl                   what shard 7 came to: lines, and at the end a Completion
//	logs/                                       of the tasks
//	ledger/                                     records that the scan of the job made (package xtc/ledger)
//	plan.jsonl.zst                              plan of the job
//	manifest.jsonl.zst, summary.json            all results together (package stages/task)
//
// Steps are scan, plan, apply, verify and summary, in this order; a job has some of
// them. Plan and summary have one shard, which has no manifest.
//
// # Guarantees
//
// A job appears whole, or not at all. Manifests are pinned by the digests of their
// Cut, and that of the first step by the Spec. A result appears once, whole and
// durable, whoever else works on its shard; it is valid if the digest in its last
// line is that of the lines before. The journal of an attempt is its own; an item is
// settled when Settle returns, and never done again by later attempts. What is torn
// off by a crash at the end of a journal counts for nothing.
//
// # Limits
//
// A line takes at most 64 MiB, spec and cut at most 64 MiB. Nothing here knows of
// Slurm: whether an attempt without end is still alive, slurm tells.
package jobdir
