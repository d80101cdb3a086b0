package verify

import (
	"time"

	"deployconstants/jobs/tx"
)

// A Class says what a file turned out to be. Part of the JSON output.
type Class string

// The classes of findings.
const (
	OK         Class = "ok"
	Missing    Class = "missing"
	Changed    Class = "changed"     // other bytes, by hand or another program
	WrongMode  Class = "wrong-mode"  // the bytes are right
	WrongGroup Class = "wrong-group" // the bytes and the mode are right
	Shadowed   Class = "shadowed"    // right, but psana reads another file for runs that it is for
	NotRegular Class = "not-regular" // a link, a directory or a special file
	Unreadable Class = "unreadable"  // it could not be asked
	Pending    Class = "pending"     // a transaction was interrupted here: resume or undo it
)

// A Culprit is who changed a file and when, where that can be told.
type Culprit struct {
	User   string    `json:"user"`
	Host   string    `json:"host,omitempty"`
	Time   time.Time `json:"time"`
	From   string    `json:"from"`              // "HISTORY", or "owner" where HISTORY tells nothing
	CopyOf string    `json:"copy_of,omitempty"` // HISTORY: the source
	Note   string    `json:"note,omitempty"`    // HISTORY: the comment
}

// A Finding is what one deployed file turned out to be.
type Finding struct {
	Class Class  `json:"class"`
	Path  string `json:"path"`
	tx.Place
	Want     tx.Content  `json:"want"`
	Got      *tx.Content `json:"got,omitempty"` // changed: what is there; no digest where the size tells
	WantMode string      `json:"want_mode"`     // "0664"
	GotMode  string      `json:"got_mode,omitempty"`
	WantGID  int         `json:"want_gid"`
	GotGID   int         `json:"got_gid"`
	Shadow   []Shadow    `json:"shadow,omitempty"`
	Tx       string      `json:"transaction"`
	TxTime   time.Time   `json:"transaction_time"`
	TxUser   string      `json:"transaction_user"`
	Adopted  bool        `json:"adopted,omitempty"`
	By       *Culprit    `json:"by,omitempty"`
	Cause    string      `json:"cause,omitempty"` // of unreadable and pending, one line
}

// A Shadow is runs for which psana reads another file.
type Shadow struct {
	First int    `json:"first"` // run
	Last  int    `json:"last"`  // run
	File  string `json:"file"`  // name in the same directory
}

// A Summary counts findings.
type Summary struct {
	Deployed int           `json:"deployed"` // files that any transaction deployed, under the filter
	Checked  int           `json:"checked"`
	Classes  map[Class]int `json:"classes"`
}

// Drift reports whether anything is not as intended.
func (s Summary) Drift() bool { return s.Checked != s.Classes[OK] }
