// Package planfile is the format of plans: every change that would be made to calib
// directories and repository, and everything that is left alone with its reason.
//
//	w, err := planfile.NewWriter(file, planfile.Header{Tool: ..., Repository: ...})
//	...
//	err = w.Write(item) // in the order of Compare
//	...
//	err = w.Close()
//
//	r, err := planfile.NewReader(file, planfile.Limits{})
//	...
//	for item, err := range r.Items() {
//		...
//	}
//
// # On disk
//
// *.plan.jsonl.zst is one zstd stream of JSON lines. Each is an object that begins
// with its kind:
//
//	line      kind                                       holds
//	first     header                                     Header: what the plan was made from
//	between   experiment, panel, file, run, directory    Item
//	last      summary                                    Summary: counts
//
// Items come in the order of Compare, no two of them equal.
//
// # Guarantees
//
// The same header and items give the same bytes. A plan without its summary is not
// complete, which a Reader says with io.ErrUnexpectedEOF. A Reader takes nothing
// that a Writer would not have written: no unknown, repeated or misspelt fields, no
// names that lead elsewhere, no control characters, no impossible numbers. What it
// reads is limited in line length, decompressed size, window and number of items.
//
// # Limits
//
// That a plan is well-formed says nothing of its truth: apply derives every path
// again from the settings, and looks at target and source again.
package planfile
