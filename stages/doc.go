// Package stages holds the steps of the domain, in the order in which data flows
// through them:
//
//	Identify   dataset, detector        -> run, its time, panel (hardware id)
//	Select     panel, time, ctype       -> constants file of the repository, and why
//	Deploy     constants, calib dir     -> deployed file and its HISTORY line
//
// Identify reads XTC headers only. Select makes the repository's tree and alias
// for a new panel unless it is told to change nothing. Deploy publishes whole
// files.
//
// Every step takes an options struct and returns values; the single-shot
// command's log is a product of its own and is handed down as a
// logrus.FieldLogger.
package stages
