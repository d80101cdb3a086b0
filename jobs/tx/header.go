package tx

import "time"

// formatVersion is that of headers, journals and results. Part of the format.
const formatVersion = 1

// What a transaction is.
const (
	Apply = "apply"
	Undo  = "undo"
)

// A Header is what is known of a transaction before its first change.
type Header struct {
	Format  int       `json:"format"`                // set by Begin
	ID      string    `json:"id"`                    // set by Begin
	Kind    string    `json:"kind"`                  // Apply or Undo
	Plan    string    `json:"plan_sha256,omitempty"` // of the pinned copy; set by Begin
	Time    time.Time `json:"time"`                  // UTC, whole seconds; Begin sets it if it is zero
	User    string    `json:"user"`
	Host    string    `json:"host"`
	Dir     string    `json:"dir,omitempty"`     // working or job directory, as HISTORY is to have it
	Command string    `json:"command,omitempty"` // what the user called
	Origin  string    `json:"origin,omitempty"`  // who began it, so that it can tell its own: "sweep"; "": a person
	UndoOf  string    `json:"undo_of,omitempty"` // undo: the transaction taken back

	// Experiments of an undo that takes back only these; empty: all.
	Experiments []string `json:"experiments,omitempty"`
}

// A Result is what became of a transaction.
type Result struct {
	Format   int            `json:"format"`           // set by Finish
	Finished time.Time      `json:"finished"`         // UTC; Finish sets it if it is zero, not before the last record
	Counts   map[string]int `json:"counts,omitempty"` // records by kind; set by Finish
	Note     string         `json:"note,omitempty"`   // why it ended early, one line
	Records  int            `json:"records"`          // of the journal; set by Finish
	Journal  string         `json:"journal_sha256"`   // set by Finish
}

// A Status says whether something is left to be done.
type Status string

// The states of a transaction.
const (
	Complete   Status = "complete"   // it has its result
	Incomplete Status = "incomplete" // it was interrupted: resume or undo it
	Running    Status = "running"    // a process works on it
	TakenBack  Status = "undone"     // a complete undo took all of it back
	Unreadable Status = "unreadable" // see Problem
)

// A Summary is a transaction as listed.
type Summary struct {
	Header
	Status   Status   `json:"status"`
	Result   *Result  `json:"result,omitempty"`
	UndoneBy []string `json:"undone_by,omitempty"` // ids of undo transactions, whole or in part
	Problem  string   `json:"problem,omitempty"`   // why it is unreadable, one line
}
