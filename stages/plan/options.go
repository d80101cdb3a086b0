package plan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"time"

	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/content"
	"deployconstants/repo/digest"
	"deployconstants/xtc/ledger"
)

// Errors of Options.
var (
	// ErrRuns: the filter selects runs. What a directory needs depends on all of
	// its runs, so a plan is made for all or for none.
	ErrRuns = errors.New("a plan is made for all runs of a detector; filter by experiment, instrument, source or type")

	// ErrOptions: something is missing or of a wrong form.
	ErrOptions = errors.New("the options are not complete")
)

// Options say what is planned.
type Options struct {
	Filter ledger.Filter // experiments, instruments, sources and types; no runs and times
	CTypes []string      // short or deployed names; empty: all that the repository has for a type

	Repository *repo.Repository                         // of the snapshot
	CalibDir   func(*ledger.Experiment) (string, error) // absolute and clean
	Digests    *digest.Cache                            // what is remembered of repository and deployed files
	Owner      Owner                                    // nil: no transaction deployed anything
	Judge      Judge                                    // nil: the content is not looked at
	Zone       *time.Location                           // of stamps; default: repo.DefaultZone
	Pipeline   pipeline.Options                         // an item is an experiment

	Frozen   []string // globs of experiments that are left alone
	TakeOver []string // experiments whose foreign files count as ours

	// TrustedOwners are the user ids whose constants are published; constants of
	// others, or that others may write, are blocked. Empty: anybody's.
	TrustedOwners []uint32

	MaxAge map[string]time.Duration // by deployed ctype: older constants are warned about; absent: any age
}

// Owner knows what transactions put where; *tx.Deployed is one. It must be safe for
// concurrent use.
type Owner interface {
	// Put returns the transaction by which this content came to this path.
	Put(path, sha256 string) (tx.Owned, bool)

	// Owner returns what the path should hold.
	Owner(path string) (tx.Owned, bool)
}

// Judge says whether constants may be published; content.Limits is one. It must be
// safe for concurrent use.
type Judge interface {
	// Check judges constants against what is deployed, which is nil for nothing.
	Check(ctx context.Context, s content.Subject, constants, deployed io.Reader) error

	// Compares reports whether Check looks at what is deployed.
	Compares(ctype repo.CType) bool

	// Fingerprint identifies what Check decides by.
	Fingerprint() string
}

var (
	_ Owner = (*tx.Deployed)(nil)
	_ Judge = content.Limits{}
)

// Summary is what a plan amounts to.
type Summary struct {
	Experiments int                     `json:"experiments"` // looked at
	Directories int                     `json:"directories"` // of constants that were decided about
	Decisions   int                     `json:"decisions"`   // runs, over all directories
	Counts      map[planfile.Action]int `json:"counts"`      // items by action; only actions that occur
	Warnings    int                     `json:"warnings"`
}

// Changes returns how many items apply would carry out.
func (s Summary) Changes() int { return planfile.Summary{Counts: s.Counts}.Changes() }

// applyDefaults fills in what may be left out, and refuses the rest.
func (o Options) applyDefaults() (Options, error) {
	if o.Repository == nil || o.CalibDir == nil || o.Digests == nil {
		return o, fmt.Errorf("plan: repository, calib directory, or digests: %w", ErrOptions)
	}
	if dir := o.Repository.Dir(); !path.IsAbs(dir) || path.Clean(dir) != dir {
		return o, fmt.Errorf("plan: the repository's path %q is not absolute and clean: %w", dir, ErrOptions)
	}
	f := o.Filter
	if len(f.Runs) > 0 || !f.Since.IsZero() || !f.Until.IsZero() {
		return o, ErrRuns
	}
	if err := f.Check(); err != nil {
		return o, err
	}
	for _, pattern := range o.Frozen {
		if _, err := path.Match(pattern, ""); err != nil {
			return o, fmt.Errorf("frozen experiments %q: %w", pattern, err)
		}
	}
	if o.Zone == nil {
		zone, err := repo.LoadZone(repo.DefaultZone)
		if err != nil {
			return o, err
		}
		o.Zone = zone
	}
	if o.Owner == nil {
		o.Owner = nobody{}
	}
	ctypes, err := deployedCTypes(o.CTypes)
	o.CTypes = ctypes
	return o, err
}

// deployedCTypes returns the deployed names, sorted.
func deployedCTypes(names []string) ([]string, error) {
	var deployed []string
	for _, name := range names {
		c, err := repo.ParseCType(name)
		if err != nil {
			return nil, err
		}
		deployed = append(deployed, string(c.Deployed()))
	}
	slices.Sort(deployed)
	return slices.Compact(deployed), nil
}

// frozen returns the glob that freezes the experiment.
func (o Options) frozen(experiment string) (pattern string, frozen bool) {
	for _, pattern := range o.Frozen {
		if match, _ := path.Match(pattern, experiment); match {
			return pattern, true
		}
	}
	return "", false
}

// nobody owns nothing.
type nobody struct{}

func (nobody) Put(string, string) (tx.Owned, bool) { return tx.Owned{}, false }
func (nobody) Owner(string) (tx.Owned, bool)       { return tx.Owned{}, false }
