package jobs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// DirMode is the mode of the state directory and of those in it.
const DirMode os.FileMode = 0o750

// ErrNoState: no state directory was given.
var ErrNoState = errors.New("no state directory is set")

// A State is the state directory. The zero value is none.
type State struct {
	Dir string // as the user or the settings gave it
}

// Ledger returns the directory of the ledger's segments.
func (s State) Ledger() string { return filepath.Join(s.Dir, "ledger") }

// Digests returns the file of remembered digests.
func (s State) Digests() string { return filepath.Join(s.Dir, "digests", "files.jsonl.zst") }

// Plan returns the file of the last sweep's plan, if that has to be applied.
func (s State) Plan() string { return filepath.Join(s.Dir, "sweep.plan.jsonl.zst") }

// Transactions returns the directory that has one directory for each transaction.
func (s State) Transactions() string { return filepath.Join(s.Dir, "tx") }

// Jobs returns the directory that has one directory for each job.
func (s State) Jobs() string { return filepath.Join(s.Dir, "jobs") }

// Objects returns the directory of previous contents.
func (s State) Objects() string { return filepath.Join(s.Dir, "objects") }

// Locks returns the directory of lock files.
func (s State) Locks() string { return filepath.Join(s.Dir, "locks") }

// Heartbeat returns the file that tells when a sweep was last seen alive.
func (s State) Heartbeat() string { return filepath.Join(s.Dir, "heartbeat.json") }

// Notes returns the file of what the last sweep had to say to a person.
func (s State) Notes() string { return filepath.Join(s.Dir, "notes.txt") }

// Metrics returns the file of Prometheus' textfile collector.
func (s State) Metrics() string { return filepath.Join(s.Dir, "metrics.prom") }

// Make makes the state directory and those above it where they are missing, with
// DirMode or less under a stricter umask; an existing directory is left as it is.
// Errors wrap ErrNoState or what the system returned.
func (s State) Make() error {
	if s.Dir == "" {
		return ErrNoState
	}
	if err := os.MkdirAll(s.Dir, DirMode); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	return nil
}
