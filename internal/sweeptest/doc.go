// Package sweeptest proves what the batch commands promise, with the real binary
// on whole facilities of package facility: it has tests only.
//
//	go test ./internal/sweeptest
//	SWEEPTEST_ROUNDS=20 go test -timeout 1h ./internal/sweeptest
//
// # What is proven
//
//	file              promise
//	again_test.go     a sweep of an unchanged facility changes and opens nothing
//	workers_test.go   any number of workers gives the same plan and the same tree
//	kill_test.go      kill -9 at any moment leaves what resume completes and undo takes back
//	faults_test.go    and so does kill -9 at, or a failure of, any system call
//	sequence_test.go  any sequence of what happens at a facility ends as the oracle says
//	moments_test.go   at every moment every run reads old constants or right ones
//	trouble_test.go   what is missing, closed, half-written or moved is told as what it is
//	backfill_test.go  what the original program deployed is adopted
//	together_test.go  two at once, signals, limits, waves, monitoring
//
// SWEEPTEST_ROUNDS multiplies the random rounds.
//
// # Limits
//
// Three tests need strace. Those about rights run the binary as uid 65534, which
// needs root.
package sweeptest
