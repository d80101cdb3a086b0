// Package goldentest holds no code of the program: its tests run the command and
// the library calls against the golden cases, the recorded behaviour of the
// original programs of 2022, and against hostile input and failing file systems.
//
// A golden case is an initial tree, the XTC files of a few runs, one or more
// command lines or library calls, and for each era of the original (s2206 of June
// 2022, s2209 of September 2022, head) the exit statuses and every path that
// changed. The harness lays the tree under a private root, makes the XTC files,
// runs the steps in processes of their own and compares the whole tree afterwards:
// paths, types, modes, contents, link targets and, where the tests run as root,
// owners. Paths are compared with the private root taken off.
//
//	case_test.go         what a case and its expectation are, read from their files
//	facility_test.go     the private root: initial tree, experiment table, raw data
//	scenario_test.go     the XTC files of a case, made once and linked
//	process_test.go      a step in a process of its own: injected clock, host, account
//	library_test.go      the library calls of group S, through the Go API
//	tree_test.go         snapshots of a tree and what changed between two of them
//	expectation_test.go  the expected change, and the rules that hold for every case
//	edits_test.go        how an expected change is written down where ours differs
//	differences_test.go  the table: every case that differs on purpose, and how
//	geometry_test.go     the table for the geometry command, and its conduct
//	golden_test.go       the cases
//	binary_test.go       the cases again with the program as built
//	repocommand_test.go  the library calls again as subcommands
//	conduct_test.go      what the compatibility page promises and no case shows
//	hostile_test.go      hostile input leaves nothing outside the two roots
//	faults_test.go       failing writes: error, non-zero status, old content intact
//	tables_test.go       every direct function table is read by some test
//
// The row numbers are those of the compatibility page. A case that differs from
// the original without standing in the table fails, and so does an entry of the
// table whose case no longer differs.
//
// The test binary runs itself as the command, so that clock, host and account are
// injected in the process and never through variables in the shipped program. As
// root the steps run as the users of the case, and owners are compared; as anybody
// else the files of other users are files of one's own with the rights that those
// would leave.
package goldentest
