// Package slurmcluster starts a real Slurm cluster of several virtual nodes on this
// machine's loopback interface, breaks it on demand, and leaves nothing behind. It is
// for tests and the demonstration.
//
//	if lacking := slurmcluster.Missing(slurmcluster.Options{}); lacking != nil { ... }
//	cluster, err := slurmcluster.Start(ctx, slurmcluster.Options{Nodes: 3})
//	...
//	defer cluster.Stop(context.WithoutCancel(ctx))
//	cmd.Env = append(os.Environ(), cluster.Env()...) // sbatch, squeue, ... find it by SLURM_CONF
//
// In a test, ForTest does all of that and skips where Slurm is not installed.
//
// # Two profiles
//
//	profile  options           daemons                                   starts in
//	light                      slurmctld, slurmd a node                  0.3 s
//	full     Accounting: true  munged, mariadbd, slurmdbd besides these  3 s; 9 s if nothing is cached
//
// The light one has no accounting: sacct fails, as at sites that do without. It needs
// neither systemd nor cgroups nor root: the cluster then runs the jobs of its own user
// only. Nodes are n1, n2, ...; partitions are milano (the default) and roma, both with
// all nodes.
//
// # Folder
//
//	etc/         slurm.conf, cgroup.conf, slurmdbd.conf
//	log/         NAME.out (standard output and error) and NAME.log of each daemon
//	ctld/        state of slurmctld: a cluster that is started again in the same folder goes on
//	spool.nX/    of each node
//	mysql/       the database
//	tmp/         its temporary tables
//	munge/       the key of this cluster
//
// Sockets have names of at most 107 bytes; they are in a short temporary folder of
// their own.
//
// # One machine, many nodes
//
// All nodes share this machine's files, clock and user. A job that is to see another
// world on another node finds out where it is from SLURMD_NODENAME, which is n1, n2,
// ...: a test can let its program take its data root, or a fault, from a file or
// variable of that name.
//
// # Faults
//
// KillNode loses a slurmd; what it ran goes on, is taken for lost 15 to 30 s later and
// starts again, so that two copies run at once. DownNode makes NODE_FAIL and a requeue
// in a second. PauseController loses replies: sbatch fails after 10 s, and what it asked
// for is done at ContinueController. StopController and StopAccounting are outages.
// SetEndTime brings a time limit near.
//
// # Guarantees and limits
//
// Everything is waited for by its state, with a deadline; an error carries the end of
// the log of the daemon that it is about. Stop and Kill end daemons by their process
// id, and then every step daemon and job process of this cluster: these outlive slurmd,
// and are found by SLURM_CONF and SLURM_JOB_ID in their environment and by descent. A
// job that leaves its step daemon and clears its environment is not found.
//
// If the process that started a cluster dies, the kernel ends the daemons (pdeathsig,
// which goes by thread: a goroutine that ends with its thread locked may take daemons
// with it that were started there). Job processes then go on until they end by
// themselves, or until a cluster starts in the same folder, which has one at a time.
//
// slurmdbd listens on all interfaces, all else on loopback. Memory limits, cgroups and
// rights of several users cannot be tested here. It has been
// run with Slurm 22.05.8 of Debian 12.
package slurmcluster
