// Package slurmtest is the end-to-end tests of jobs: the binary as it is shipped, on a
// facility, with Slurm, or, on machines that have none, with package slurmfake. What
// tasks leave is compared with what one process leaves.
//
// The long scenarios on a real cluster run with SLURM_TEST=full in the environment, as
// `make test-slurm` sets it.
package slurmtest
