// Package slurmtest is the end-to-end tests of jobs: the binary as it is shipped, on a
// facility, with Slurm, or, on machines that have none, with package slurmfake. What
// tasks leave is compared with what one process leaves in the same place.
//
//	go test ./internal/slurmtest                     all scenarios on the fake, a sweep on a real cluster
//	SLURM_TEST=full go test ./internal/slurmtest     all scenarios on real clusters besides, 5 minutes
//	go test -run '^$' -bench . ./internal/slurmtest  overhead of a task, work a second of 1, 2 and 4 nodes
//
// # Scenarios
//
// Each is one function over the interface cluster, and makes sure that what is to go
// wrong goes wrong.
//
//	equal       a hundred experiments, sixty tasks; once more; undone
//	stopped     killed, at its time limit with and without warning, done twice, cancelled; resumed
//	lost        a node daemon dies and tasks run twice at once; a node fails; a task is requeued
//	storm       tasks of all steps are killed anywhere in their work
//	unlucky     a node fails, and its tasks may not start again
//	mount       a node that does not see the data
//	limits      arrays above MaxArraySize; bad partition, bad account, MaxSubmitJobs
//	outage      no controller when a job is submitted
//	reply       submissions that were taken, though nobody was told
//	accounting  none
//	hand        submit --print; a job that is carried out without Slurm; jobs ls, show, merge, rm
//	thousand    the commands that a thousand tasks take
//
// # Tasks in the midst of their work
//
// A task lives for milliseconds, too short to be caught. While nothing may begin, a full
// pipe is put in the place of its log: at its first line, behind the beginning of its
// journal, it hangs, as on storage that does not answer. Then its process is stopped, the
// pipe is emptied, and it goes on, or not, when the scenario says so. One whose pipe stays
// full can be ended by KILL only.
package slurmtest
