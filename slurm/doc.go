// Package slurm submits jobs to Slurm, asks what became of them, and cancels or
// repeats them, by Slurm's own commands: sbatch, squeue, sacct, scontrol, scancel.
// No shell is involved, and no library of Slurm.
//
//	cluster := slurm.New(slurm.Options{Env: os.Environ()})
//	job := slurm.Submission{
//		Name:    "sweep-6f1c09", // unique: it is how the job is found again
//		Program: []string{"/sdf/sw/deploy_constants", "task", "/state/jobs/6f1c09"},
//		Array:   &slurm.Array{Count: 40},
//		Log:     "/state/jobs/6f1c09/logs/%A_%a.log",
//		Time:    30 * time.Minute,
//	}
//	begun := time.Now()
//	id, err := cluster.Submit(ctx, job)
//	if slurm.Doubtful(err) {
//		id, err = slurm.Find(ctx, cluster, slurm.Search{Name: job.Name, Since: begun})
//	}
//	tasks, err := cluster.Jobs(ctx, []string{job.Name})
//
// # Submitting once
//
// An sbatch that fails may have submitted: where the controller is slow its answer
// comes too late, not the job. Doubtful tells from Submit's error whether the job
// may be there:
//
//	errors.Is               the job           what to do
//	ErrRefused              is not there      ask for something else
//	ErrLimit                is not there      wait for other jobs to end
//	ErrNotStarted           is not there      mend the host, or ask again
//	*FieldError             is not there      mend the Submission
//	ErrUnreachable          may be there      Find
//	any other               may be there      Find
//
// Find looks for the unique name. It says that the job is absent only after the
// queue has answered without it for a while; a queue that does not answer is
// ErrUnknown. Whoever submits again after ErrUnknown may run the work twice.
//
// # Facts, and where they come from
//
// Measured by this project on Slurm 22.05.8 and 24.11.5, whose outputs are in
// testdata; (22.05) marks what was tried on that version only.
//
//	a task is addressed as A_t                    the raw id of an array's last task is the array's own: to requeue it repeats the whole array
//	a requeued task does not start at once        a credential must expire first, 5 s or more; so its nodes can still be excluded
//	to requeue a job with --no-requeue            "Requested operation is presently disabled" (22.05)
//	ExcNodeList of a running task                 "Job is no longer pending execution"; COMPLETING or PENDING after a requeue: taken (22.05)
//	to requeue from within the task               its children get the SIGTERM too: 2 of 5 scontrol died of it (22.05), see Commands.Requeue
//	scancel of unknown or ended ids               exits 0
//	a full queue                                  sbatch retries for 120 s before it fails, hence its long timeout
//	an unanswered sbatch                          gives up after 10 s, "Socket timed out", and the job is there later
//	SBATCH_* of the environment                   override the script, hence the clean environment
//	states of sacct                               "CANCELLED by 0": the first word counts
//	rows of sacct -D                              one for each attempt; the newest Submit is the current one
//	rows like 1_[13-19%8]                         can be stale: 13 has a row of its own, which wins
//	rows like 8001 of an array                    seen within seconds of the end; they say nothing of the tasks
//	tasks without a row in sacct                  are normal: waiting ones have none while others run, records come 0.5 to 45 s late
//	after afterok, a failure                      leaves the job pending for ever, unless --kill-on-invalid-dep=yes
//	a directory of --output                       must exist and have no % (FAILED 0:53, no log)
//	a directory of --chdir                        must exist, or the task runs in /tmp
//	the last index of an array                    is MaxArraySize-1, and it bounds the index, not the number of tasks
//	exit codes of 128 and more                    are reported less 128: use 1 to 125
//
// From Slurm's manual: the log's %A is the array's id, %a the index, %j the raw id;
// SchedulerParameters=max_array_tasks bounds the tasks of an array besides
// MaxArraySize; a script has at most 4 MiB.
//
// # Limits
//
// A name is no proof: another user's job can have it as well. Compare the ids with
// those that were stored, and trust no bare id after months, since a controller
// that lost its state counts from 1 again. With SLURM_CLUSTERS in the environment
// every command speaks to that cluster; it must name one. The package starts no
// goroutine of its own and reads no environment but Options.Env.
package slurm
