// Package facility makes whole facilities for tests and the demonstration: raw data
// of many experiments, a repository of constants, and calib directories with a
// history, all from a seed. What was made is also a record in memory, from which a
// brute-force oracle tells what the program should do.
//
//	f, err := facility.Make(t.TempDir(), facility.Options{Seed: 1})
//	...
//	want := f.Want("xppc0003", 12, "XppGon.0:Epix100a.1", "pixel_gain")
//	outcome := facility.Expect(before, wants)
//
// # Layout
//
//	data/<INSTR>/<experiment>/{xtc,xtc/smalldata,calib}   first data root
//	data2/<instr>/<experiment>/...                        second data root, lower case
//	experiments.dat                                       table of experiments
//	constants/                                            repository
//	state/                                                named by Settings; not made
//
// # What is in it
//
// Panel swaps, ids that differ in the firmware field alone, detectors that are
// absent from runs, runs numbered above 9999, runs whose order in time is not that
// of their numbers, runs in the hours around a change of summer time and before
// the first constants, runs of which only smalldata is left; files that are empty,
// torn, damaged, or being written; constants deployed by the original program,
// renamed by hand, made by hand, of odd ranges, and named so that psana raises;
// frozen experiments and unwritable ones; links, dangling links, equal stamps and
// stray names in the repository.
//
// # The oracle
//
// Files oracle*.go share no code with the program: they are written from the text
// of the rules, slow and plain. They use the record in memory, never the files.
//
// A Facility is not safe for concurrent use while it is changed. Modes that deny
// access do not stop root; the record tells them.
package facility
