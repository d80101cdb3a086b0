// Package submit gives jobs to Slurm, tells how far they are, goes on with those that
// were cut short, and cancels them.
//
//	err := submit.Submit(ctx, submit.Options{Job: job, Scheduler: slurm.New(...), ...})
//	status, err := submit.Look(ctx, options)
//	again, err := submit.Resume(ctx, options)
//
// # What is submitted
//
// Each step of a job is one array, or several where the cluster takes no array of that
// size, each with indices from 0; plan and summary are single tasks. They wait for each
// other:
//
//	step     begins when
//	scan     at once
//	plan     all tasks of scan have ended; it looks itself whether all have results
//	apply    plan has succeeded, else Slurm cancels it
//	verify   plan has succeeded and all tasks of apply have ended
//	summary  all that was submitted has ended, however
//
// A sweep of any number of tasks takes one command for the limits of the cluster and
// one for each array. How many tasks apply and verify get is decided when the job is
// submitted; the plan cuts the work to that, and surplus tasks end at once.
//
// # Exactly once
//
// Every submission has a name that no other has, and is recorded as intended before
// Slurm is asked. If the answer is lost, the job is looked for by that name; and what
// is neither found nor certainly absent stays unknown in the record, for Resume to ask
// again. Nothing is submitted twice.
//
// # What counts
//
// A shard is done if its result says so, whatever Slurm says of its task, and is not if
// there is none. Slurm is asked, once in the queue and once in accounting for
// everything, for what is on its way, and for the reason where an attempt had no time
// to tell one. Without accounting, or without Slurm at all, the rest is told.
package submit
