package darkrun

import (
	"errors"
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/plot"
	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/dark"
	"deployconstants/xtc/dataset"
)

// Conditions of a dark, for errors.Is, besides those of package dark.
var (
	// ErrHeldBack says that a dark is too bad, or too different from the one before, to
	// be saved.
	ErrHeldBack = errors.New("held back")
	// ErrExists says that a file with other numbers has the name.
	ErrExists = errors.New("other constants have this name")
	// ErrWithdrawn says that a file of that name was withdrawn: what is made of the same run
	// is as bad.
	ErrWithdrawn = errors.New("constants of this name were withdrawn")
	// ErrCycles says that cycles of charge injection are missing, or of no use.
	ErrCycles = errors.New("cycles of charge injection")
	// ErrNoDark says that no dark can be made of a detector or of a run.
	ErrNoDark = errors.New("no dark")
)

// Options say what darks shall be made of and what becomes of them. Catalog, Repository,
// Dataset, Detectors, and Zone are mandatory.
type Options struct {
	Catalog    dataset.Catalog
	Repository *repo.Repository
	Dataset    dataset.Spec // all its runs are processed, in ascending order
	Detectors  []string     // full names, DAQ aliases, DetInfo(full name), or types: all of that type
	Experiment string       // in names of files; "": that of the dataset
	Suffix     string       // of the dataset behind exp= and run=, for the comment of files
	Stamp      string       // valid from this moment on, see repo.ParseStamp; "": the run's time
	Zone       *time.Location

	Params    Params
	Window    Window
	Injection *InjectionOptions // nil: darks alone
	Codes     *dark.EventCodes  // events that are wanted; nil: all
	Features  Features

	// ZeroPedestals and Geometry are for rayonix detectors: pedestals are zeros in place of
	// the averages, and there is a geometry of the size of the frames, too. Others are
	// refused with them.
	ZeroPedestals, Geometry bool

	MaxBad  float64 // fraction of bad pixels above which a dark is held back; default 0.5; 1: none is
	MaxJump float64 // ADU, see the package documentation; 0: any
	Replace bool    // files of the same name with other numbers
	DryRun  bool    // save nothing, and make no alias

	// WorkDir is where all arrays of detectors of one gain are written, too, in the
	// directory results, named as calibrun names them; "": nowhere. Modes and group are
	// those of what is made there.
	WorkDir           string
	DirMode, FileMode atomicfile.Mode
	Group             int // id; negative: the system's choice

	Header ndarray.Header // of text files; their name is filled in

	// Publish draws a page of plots under a name without extension and returns where it
	// is. Nil: none are made.
	Publish func(name string, page plot.Page) (path string, err error)

	Workers int // tiles that are worked on at a time; with more than one, beside the reading; 0: one
}

// Params are those of the arithmetic that were asked for; nil leaves the default of the
// detector's type: dark.Calibrun, for a Jungfrau dark.Default. An epix10ka has none of
// them but Collected.
type Params struct {
	Frames, First             *int
	IntLow, IntHigh           *float64 // ADU
	RMSLow, RMSHigh           *float64 // ADU
	IntSigmaLow, IntSigmaHigh *float64
	RMSSigmaLow, RMSSigmaHigh *float64
	Excess                    *float64
	QuantileLow, QuantileHigh *float64
	DataBits                  *uint16
	Collected                 *int // frames of a cycle of an epix10ka (nbs); nil: 1024, with charge injection 4600
}

// of returns the parameters for a detector type. Where data have other bits than the
// fourteen that the reference knows, only the greatest value is above IntHigh, as in
// psana2, unless it is given.
func (p Params) of(detType string, base dark.Params, workers int) dark.Params {
	base.Workers = workers
	base.DataBits = dark.DataBits(detType)
	set(&base.DataBits, p.DataBits)
	if base.DataBits != dark.FoldingDataBits {
		base.IntHigh = float64(base.DataBits) - 1
	}
	set(&base.Frames, p.Frames)
	set(&base.First, p.First)
	for _, f := range []struct{ to, from *float64 }{
		{&base.IntLow, p.IntLow}, {&base.IntHigh, p.IntHigh}, {&base.RMSLow, p.RMSLow}, {&base.RMSHigh, p.RMSHigh},
		{&base.IntSigmaLow, p.IntSigmaLow}, {&base.IntSigmaHigh, p.IntSigmaHigh},
		{&base.RMSSigmaLow, p.RMSSigmaLow}, {&base.RMSSigmaHigh, p.RMSSigmaHigh},
		{&base.Excess, p.Excess}, {&base.QuantileLow, p.QuantileLow}, {&base.QuantileHigh, p.QuantileHigh},
	} {
		set(f.to, f.from)
	}
	return base
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// A Window restricts which events are looked at. Events are those that psana gives out,
// counted from 0, with or without data of a detector, and whatever their event codes.
type Window struct {
	Skip    int  // first ones left out: of the run; of a Jungfrau's or epix10ka's of every cycle
	Events  *int // looked at behind them; nil: as many as Params.Frames, of a Jungfrau 100,000
	PerStep *int // looked at of every cycle of a Jungfrau; nil: 2000
	Step    *int // the only cycle of a Jungfrau or epix10ka that is processed, from 0
	Steps   *int // cycles of a Jungfrau or epix10ka, at most; nil: 1000 of a Jungfrau, 5 of an epix10ka, 103 with charge injection, and those that come again
}

// Features are those of det_pixel_status that are asked for: bits of pixels whose mean
// or spread is far from that of others. The zero value asks for none.
type Features struct {
	Frames bool    // 1: leave frames out whose median is far from that of others
	Mean   bool    // 2
	Spread bool    // 3
	Sigmas float64 // spreads from the median to a limit; 0: 8
}

func (f Features) wanted() bool { return f.Mean || f.Spread }
