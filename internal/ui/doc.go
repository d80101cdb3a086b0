// Package ui is what people see of long commands: progress on standard error and
// tables on standard output.
//
//	mode, err := ui.ParseMode(flag)
//	progress := ui.NewProgress(os.Stderr, ui.ProgressOptions{Mode: mode})
//	defer progress.Close()
//	progress.Stage("scan", 300)
//	for ... {
//		progress.Update(done, failed)
//	}
//
// # Progress
//
//	mode   prints
//	auto   tty if the writer is a terminal that can be redrawn, else plain
//	tty    one line, redrawn at most ten times a second and cleared at the end
//	plain  a line after 5 s and then every 30 s, and one at the end of a stage
//	       that took longer than that
//	json   the same moments as plain, one JSON object a line
//	none   nothing
//
// A line of the terminal, cut to its width:
//
//	scan 120/300 40% | 35.2/s | 5s left | 2 failed
//
// An event of json; fields are only ever added, rate and eta_s are left out while
// they are not known:
//
//	{"message_type":"progress","time":"2026-11-24T02:17:53Z","stage":"scan","done":120,"total":300,"rate":35.2,"eta_s":5.1,"failed":2}
//
// No goroutine redraws anything: progress is driven by its calls, from any number
// of goroutines. What is printed elsewhere on the terminal while a line stands there
// goes through Progress.Print or Progress.Writer, which clear the line first. Errors of the writer
// are not reported: progress must never stop a command.
//
// # Tables
//
// A Table aligns its columns, numbers to the right. On a terminal lines are cut to
// its width; elsewhere they are whole, so that what is piped on is complete. Control
// characters and what could reorder a line on the screen are escaped.
//
// # Limits
//
// A character counts as one column, as East Asian wide and combining ones do not.
package ui
