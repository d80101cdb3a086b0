// Package apply carries plans out, as transactions, and takes them back.
//
//	result, err := apply.Apply(ctx, apply.Options{State: state, Repository: r, CalibDir: dirOf, ...}, plan)
//	...
//	result, err = apply.Resume(ctx, options, id)                     // after a crash
//	result, err = apply.Undo(ctx, options, id, apply.UndoOptions{})
//
// Or by several processes, perhaps on several hosts:
//
//	id, err := apply.Begin(ctx, options, plan)                       // one
//	err = apply.Register(ctx, options, id)                           // one: aliases of new panels
//	result, err := apply.Carry(ctx, options, id, share)              // each, for its share of the plan
//	complete, err := apply.Conclude(ctx, options, id)                // one
//
// # A batch
//
// Consecutive experiments, some 128 files or 128 MiB, are one item of a pipeline:
//
//	step                                       after a crash behind it
//	lock the experiments                       -
//	look at every target and source again      -
//	keep what will be replaced, sync           a content that nobody asks for
//	intents to the journal, sync               Resume and Undo know where to look
//	directories, temporaries, sync for all     empty directories, temporaries: removed
//	names, in the order of the plan            whole files, each in its order
//	lines to HISTORY, sync for all             a line is never written twice
//	results to the journal, sync               -
//
// Only then Events hears of it. Syncs of the journal are shared by the workers,
// those of files by the batch (package internal/atomicfile).
//
// # Guarantees
//
//   - A target is published only if it is what the plan saw (its digest, or
//     absence), and only with bytes of the digest that the plan pinned. What moved is
//     Skipped, with the cause. Where locks do not work, the look just before the
//     rename finds other processes; a new name is never taken from anybody.
//   - Targets are derived again: the calib directory by Options.CalibDir, the group
//     by the detector type. A plan that says otherwise is not followed.
//   - A missing calib directory is made, with those below it, the directory of an
//     experiment never.
//   - Within a directory one worker publishes in the order of the plan, and nothing
//     behind a file that was left alone, so that each run changes once, from old to
//     right. Undo goes the other way.
//   - Whatever happens, Resume completes a transaction and Undo takes it back: bytes,
//     mode, group, access control list and modification time of files, absence of
//     files, of directories and of a HISTORY that the transaction began.
//   - Events and Result are the same for any number of workers.
//
// # What ends a transaction early
//
//	event                  returned                       then
//	journal not writable   tx.ErrJournal                  Resume or Undo
//	Drain                  pipeline.ErrNotAttempted       batches in flight are finished; Resume
//	ctx                    the cause                      Resume
//	Verify of a wave       ErrWave                        Undo or Resume
//	files not recorded     nil, Result.Complete is false  Resume
//
// # Limits
//
// Two processes that carry out the same share at once, where the file system has no
// locks, may each write a line to HISTORY for one file.
//
// Not restored: owner, other names of a file, times of directories, lines of ours in
// a HISTORY that others wrote to. Trees and aliases of panels stay. The experiments
// of an undo that is restricted to some are the only ones that it takes back; if the
// transaction was interrupted, the rest of it can then not be resumed. Where the file
// system has no locks, a file that somebody else changes in the instant between the
// last look and the rename is lost.
package apply
