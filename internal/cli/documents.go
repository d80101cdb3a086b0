package cli

import (
	"deployconstants/stages/apply"
	"deployconstants/stages/merge"
	"deployconstants/stages/plan"
	"deployconstants/stages/scan"
	"deployconstants/stages/sweep"
	"deployconstants/stages/verify"
	"deployconstants/xtc/ledger"
)

// scanDocument is what `scan --json` prints: counts of experiments, runs and files.
type scanDocument struct {
	Experiments int `json:"experiments"`
	NoData      int `json:"no_data"`
	Absent      int `json:"absent"`

	New       int `json:"new"`
	Changed   int `json:"changed"`
	Unchanged int `json:"unchanged"`
	Damaged   int `json:"damaged"`
	Pending   int `json:"pending"`
	Failed    int `json:"failed"`
	Gone      int `json:"gone"`
	Offline   int `json:"offline"`
	Skipped   int `json:"skipped"`

	Listed   int   `json:"listed"`
	Opened   int   `json:"opened"`
	Bytes    int64 `json:"bytes"`
	Segments int   `json:"segments"`

	Problems  []problemDocument  `json:"problems"`
	Conflicts []conflictDocument `json:"conflicts"`
}

// problemDocument is something that a scan came upon.
type problemDocument struct {
	Kind       scan.Kind `json:"kind"`
	Experiment string    `json:"experiment,omitempty"`
	Run        *int      `json:"run,omitempty"`
	Path       string    `json:"path,omitempty"`
	Message    string    `json:"message"`
}

// conflictDocument is something that a later reading of a run did not confirm.
type conflictDocument struct {
	Experiment string `json:"experiment"`
	Run        int    `json:"run"`
	Source     string `json:"source,omitempty"`
	Message    string `json:"message"`
}

func documentOfScan(r scan.Result) scanDocument {
	document := scanDocument{
		Experiments: r.Experiments, NoData: r.NoData, Absent: r.Absent,
		New: r.New, Changed: r.Changed, Unchanged: r.Unchanged, Damaged: r.Damaged, Pending: r.Pending,
		Failed: r.Failed, Gone: r.Gone, Offline: r.Offline, Skipped: r.Skipped,
		Listed: r.Listed, Opened: r.Opened, Bytes: r.Bytes, Segments: r.Segments,
		Problems: []problemDocument{}, Conflicts: documentsOfConflicts(r.Conflicts),
	}
	for _, p := range r.Problems {
		problem := problemDocument{Kind: p.Kind, Experiment: p.Experiment, Path: p.Path, Message: p.String()}
		if p.Experiment != "" && p.Run >= 0 {
			problem.Run = &p.Run
		}
		document.Problems = append(document.Problems, problem)
	}
	return document
}

func documentsOfConflicts(conflicts []ledger.Conflict) []conflictDocument {
	documents := []conflictDocument{}
	for _, c := range conflicts {
		documents = append(documents, conflictDocument{c.Experiment, c.Run, c.Source, c.What})
	}
	return documents
}

// ledgerDocument is what a ledger holds.
type ledgerDocument struct {
	Experiments int `json:"experiments"`
	Runs        int `json:"runs"`
	Sources     int `json:"sources"`
	Files       int `json:"files"`
	Panels      int `json:"panels"`
	Superseded  int `json:"superseded"`
}

func documentOfLedger(s ledger.Stats) ledgerDocument {
	return ledgerDocument{s.Experiments, s.Runs, s.Sources, s.Files, s.Panels, s.Superseded}
}

// sweepDocument is what `sweep --json` prints.
type sweepDocument struct {
	Resumed    []apply.Result  `json:"resumed,omitempty"`
	Unfinished []string        `json:"unfinished,omitempty"`
	Scan       scanDocument    `json:"scan"`
	Ledger     ledgerDocument  `json:"ledger"`
	Merge      *merge.Summary  `json:"merge,omitempty"`
	Plan       plan.Summary    `json:"plan"`
	File       string          `json:"plan_file,omitempty"`
	Apply      *apply.Result   `json:"apply,omitempty"`
	Verify     *verify.Summary `json:"verify,omitempty"`
}

func documentOfSweep(r sweep.Report) sweepDocument {
	return sweepDocument{
		Resumed: r.Resumed, Unfinished: r.Unfinished, Scan: documentOfScan(r.Scan), Ledger: documentOfLedger(r.Ledger),
		Merge: r.Merge, Plan: r.Plan, File: r.File, Apply: r.Apply, Verify: r.Verify,
	}
}
