package explain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deployconstants/jobs/tx"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// Errors of Explain.
var (
	ErrNoDetector = errors.New("the run has no such detector")
	ErrOptions    = errors.New("needed to explain a choice")
)

// An Owner knows which transaction put a file where it is; *tx.Deployed is one.
type Owner interface {
	Owner(path string) (tx.Owned, bool)
}

var _ Owner = (*tx.Deployed)(nil)

// Options say what is to be explained. Snapshot, Digests and Zone are mandatory.
type Options struct {
	Experiment string
	Run        int
	Detector   string // full name, DAQ alias, or DetInfo(full name)
	CType      string // any name: "gain" or "pixel_gain"

	Index    *ledger.Index     // nil: the XTC headers are read
	Catalog  dataset.Catalog   // of runs that the ledger does not know
	Snapshot *resolve.Snapshot // with hypothetical files for what will be merged (merge.Foresee)
	Digests  *digest.Cache
	Zone     *time.Location // of stamps
	CalibDir string         // of the experiment; "": what is deployed is not looked at
	Owner    Owner          // nil: no transaction deployed anything
}

// An Explanation is why a run gets the constants that it gets.
type Explanation struct {
	Experiment    string `json:"experiment"`
	Run           int    `json:"run"`
	Source        string `json:"source"`
	DetectorAlias string `json:"detector_alias,omitempty"` // of the data acquisition
	From          string `json:"from"`                     // "ledger" or "xtc"
	Type          string `json:"type"`
	ID            string `json:"id"`
	IDIsName      bool   `json:"id_is_name"`
	Class         string `json:"class,omitempty"`    // of the configuration object
	Cause         string `json:"cause,omitempty"`    // why the run cannot be resolved; then nothing is chosen
	Alias         string `json:"alias"`              // in the repository; "": none
	CType         string `json:"ctype"`              // deployed name
	BeginRun      string `json:"begin_run,omitzero"` // RFC 3339, UTC
	Stamp         string `json:"stamp,omitzero"`     // facility's zone
	StampRepeats  bool   `json:"stamp_repeats,omitzero"`

	Kind     string             `json:"kind"`            // "specific", "default", or "none"
	Chosen   *Constants         `json:"chosen"`          // null: nothing is valid
	Other    *Constants         `json:"other,omitempty"` // of the other name of the ctype, which lost
	Rejected []resolve.Rejected `json:"rejected"`
	Twin     string             `json:"twin,omitempty"` // id equal but for the firmware that has constants, while a default or nothing is valid

	Deployed *Deployed `json:"deployed,omitempty"` // absent: not looked at
}

// Constants is a file of the repository.
type Constants struct {
	Path    string   `json:"path"`
	CType   string   `json:"ctype"`           // as the repository names it
	Stamp   string   `json:"stamp,omitempty"` // of specific ones
	AgeDays *float64 `json:"age_days"`        // at the run; null for a default, and a stamp that is no date
	Bytes   int64    `json:"bytes"`
	SHA256  string   `json:"sha256,omitempty"`
	Pending bool     `json:"pending,omitempty"` // it will be merged, and is not there, or not with this content
	Error   string   `json:"error,omitempty"`   // why it cannot be deployed
}

// Explain looks everything up. Errors are ErrOptions, repo.ErrUnknownCType,
// ErrNoDetector, those of stages.Identify where the ledger does not know the run,
// and the end of ctx; what concerns the constants or the calib directory alone is
// part of the Explanation.
func Explain(ctx context.Context, o Options) (Explanation, error) {
	var x Explanation
	if o.Snapshot == nil || o.Digests == nil || o.Zone == nil {
		return x, fmt.Errorf("snapshot, digests, or time zone: %w", ErrOptions)
	}
	ctype, err := repo.ParseCType(o.CType)
	if err != nil {
		return x, err
	}
	e := explainer{Options: o, out: Explanation{
		Experiment: o.Experiment, Run: o.Run, CType: string(ctype.Deployed()),
		Kind: repo.None.String(), Rejected: []resolve.Rejected{},
	}}
	if err := e.identify(ctx); err != nil {
		return e.out, err
	}
	if e.out.Cause == "" {
		e.choose(ctx)
	}
	if o.CalibDir != "" {
		e.out.Deployed = e.look(ctx)
	}
	return e.out, context.Cause(ctx)
}

// An explainer is an explanation under way.
type explainer struct {
	Options
	out   Explanation
	begin time.Time
	sum   digest.Sum // of the chosen constants
	known bool       // sum is known
}

// choose takes the constants and the reasons from the snapshot.
func (e *explainer) choose(ctx context.Context) {
	x := &e.out
	key := resolve.Key{Type: x.Type, ID: x.ID, IsName: x.IDIsName}
	stamp := repo.StampOf(e.begin, e.Zone)
	x.Stamp, x.StampRepeats = stamp.String(), repo.StampRepeats(e.begin, e.Zone)
	x.Alias, _ = e.Snapshot.Alias(key)
	choice := e.Snapshot.At(key, x.CType, stamp)
	x.Kind = choice.Kind.String()
	x.Chosen, x.Other = e.describe(choice.File), e.describe(choice.Other)
	x.Rejected = append(x.Rejected, e.Snapshot.Rejected(key, x.CType, stamp)...)
	if choice.Kind != repo.Specific {
		x.Twin, _ = e.Snapshot.Twin(key, x.CType)
	}
	if choice.File == nil {
		return
	}
	var err error
	switch e.sum, err = e.Snapshot.Sum(ctx, e.Digests, choice.File); {
	case errors.Is(err, resolve.ErrContent):
		return
	case err != nil:
		x.Chosen.Error = err.Error()
		return
	}
	e.known, x.Chosen.SHA256 = true, e.sum.String()
}

func (e *explainer) describe(f *resolve.File) *Constants {
	if f == nil {
		return nil
	}
	c := &Constants{Path: f.Path, CType: string(f.CType), Bytes: f.Stat.Size, Pending: f.Hypothetical, Error: f.Err}
	if f.Kind != repo.Specific || f.Stamp == 0 {
		return c
	}
	c.Stamp = f.Stamp.String()
	if valid, err := time.ParseInLocation("20060102150405", c.Stamp, e.Zone); err == nil {
		days := e.begin.Sub(valid).Hours() / 24
		c.AgeDays = &days
	}
	return c
}
