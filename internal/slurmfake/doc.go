// Package slurmfake is a small Slurm for tests and demonstrations on machines that have
// none: the programs sbatch, squeue, sacct, scontrol and scancel, and a controller that
// runs jobs as processes of this machine.
//
//	func TestMain(m *testing.M) {
//		slurmfake.Main() // does not return if this is one of the five programs
//		os.Exit(m.Run())
//	}
//
//	fake, err := slurmfake.New(dir, slurmfake.Options{Nodes: 2})
//	...
//	defer fake.Stop(ctx)
//	group.Go(func() error { return fake.Run(ctx) }) // or call Step, or WaitIdle
//	cmd.Env = append(os.Environ(), fake.Env()...)   // PATH and SLURM_CONF
//
// The programs are symbolic links to the binary that called New, and find the state by
// SLURM_CONF. Methods that package slurmcluster has too have the same names and meanings,
// so that one test can run on both.
//
// # Folder
//
//	bin/sbatch, ...   symbolic links
//	slurm.conf        a mark
//	lock              held (flock) by whoever reads or changes the rest
//	state.json        next id, nodes, faults
//	jobs/ID.json      a job or array with its tasks and their attempts
//	jobs/ID.sh        its script
//	commands.jsonl    one line a command that was run
//
// # Command lines
//
// These are understood; anything else is refused with exit status 99, a message that
// begins with "slurmfake:", and a note in Commands:
//
//	sbatch --parsable                                   script on standard input
//	squeue -h -r -t all --name=A,B -o FORMAT            %A %F %K %N %P %S %T %V %a %e %i %j %q %r %t %u
//	sacct [-D] -X -n -P --name=A,B -S TIME -o FIELDS    times as sacct has them, or uts and seconds
//	scontrol show config
//	scontrol requeue|requeuehold|release ID
//	scontrol update JobId=ID ExcNodeList=NAMES
//	scancel [--quiet] ID...
//
// An ID is that of a job or array, 12, of a task, 12_3, of some, 12_[0-3,7], or a task's
// own number. A script begins with #!, and has its options as lines "#SBATCH
// --option=value" before its first command: account, array=0-N%T, chdir, comment,
// constraint, cpus-per-task, dependency, exclude, export=ALL, job-name,
// kill-on-invalid-dep, mem, nice, no-requeue, nodes=1, ntasks=1, open-mode, output,
// partition, qos, requeue, reservation, signal=B:NAME@SECONDS, time. SBATCH_ variables,
// which override a script, are refused.
//
// # What is like Slurm 22.05
//
//   - messages and exit statuses of errors
//   - array tasks get numbers of their own when they start, the last one that of the
//     array: to requeue that number requeues the whole array
//   - sacct prints exit codes of 128 and more less 128; TIMEOUT, CANCELLED, PREEMPTED and
//     NODE_FAIL have 0:0; a log that cannot be opened is FAILED 0:53
//   - tasks of an array that have not started are one row of sacct, 12_[0-9%2], whose range
//     is stale: it is that of the submission
//   - a failed task is not requeued; requeueing one that runs sends TERM to all of its
//     processes, scontrol itself included if it is called from inside and does not inherit
//     that TERM is ignored, and KILL after KillWait; each attempt is a row of sacct -D with its own time of submission
//   - a job after one that failed waits for ever, unless kill-on-invalid-dep is set; one
//     after an unknown id starts at once
//   - a job whose directory is missing runs in /tmp
//   - a signal before the time limit goes to the script's process only
//
// # What is not
//
// A task takes one slot of a node, whatever it asks for. A requeued task starts at once
// instead of after 5 s; its time of submission is a second or more after that of the
// attempt before. Time limits are exact. Priorities, reservations, constraints, memory and
// users have no effect. Jobs depend on whole arrays only.
//
// # Guarantees and limits
//
// The order in which tasks start is that of their ids and indices, on the first node with
// a free slot. Commands are as atomic as Slurm's: each sees and makes one change. Tasks
// are ended by Stop, and by the kernel if the process of the controller dies (pdeathsig,
// which goes by thread: a goroutine that ends with its thread locked may take tasks with
// it that were started there). A Fake is safe for concurrent use; a folder has one at a
// time, and all who use it are the same user.
package slurmfake
