package cli

import (
	"fmt"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/settings"
	"deployconstants/internal/ui"
	"deployconstants/jobs"
	"deployconstants/jobs/tx"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

// Flags that the batch commands share.
var (
	stateFlag    = &cli.StringFlag{Name: "state", Usage: "state `DIR`; default: $DEPLOY_CONSTANTS_STATE, the settings, ~/.local/state/deploy_constants"}
	workersFlag  = &cli.IntFlag{Name: "workers", Usage: "`N` items at a time; default: as fits the machine"}
	progressFlag = &cli.StringFlag{Name: "progress", Value: "auto", Usage: "show progress in the way `HOW`: auto, tty, plain, json, none"}

	experimentsFlag = &cli.StringSliceFlag{Name: "experiment", Aliases: []string{"e"}, Usage: "experiments that match `GLOB`, such as 'xpp*'; may be repeated"}
	instrumentsFlag = &cli.StringSliceFlag{Name: "instrument", Usage: "experiments of `INSTR`, such as XPP; may be repeated"}
	sourcesFlag     = &cli.StringSliceFlag{Name: "det", Aliases: []string{"d"}, Usage: "detectors whose name or alias matches `GLOB`; may be repeated"}
	typesFlag       = &cli.StringSliceFlag{Name: "type", Usage: "detectors of `TYPE`, such as epix100a; may be repeated"}
	ctypesFlag      = &cli.StringSliceFlag{Name: "ctype", Aliases: []string{"C"}, Usage: "calibration types `CTYPE`; may be repeated; default: all that the repository has"}
	runsFlag        = &cli.StringFlag{Name: "runs", Usage: "only `RUNS` such as 1-20,25"}
	sinceFlag       = &cli.StringFlag{Name: "since", Usage: "runs that began at `TSTAMP` or later: 4 to 14 digits of YYYYmmddHHMMSS"}
	untilFlag       = &cli.StringFlag{Name: "until", Usage: "runs that began before `TSTAMP`"}
)

// everyBatchFlag are those that every batch command has.
func everyBatchFlag(own ...cli.Flag) []cli.Flag {
	return append(own, stateFlag, configFlag, jsonFlag)
}

// maxWorkers bounds the items at a time: more only wait for each other.
const maxWorkers = 1024

// openBatchSite reads the settings, before which the flags go, and refuses flags
// that are no selection before anything is made.
func openBatchSite(env Env, c *cli.Context) (site, error) {
	s, err := openSite(env, c.String("config"))
	if err != nil {
		return site{}, err
	}
	if err := s.override(c); err != nil {
		return site{}, err
	}
	chosen := selectionOf(c)
	if _, err := s.filter(chosen); err != nil {
		return site{}, err
	}
	_, err = deployedNames(chosen.CTypes)
	return s, err
}

// override puts flags in the place of settings.
func (s *site) override(c *cli.Context) error {
	if c.IsSet("state") {
		s.SetState(c.String("state"), "--state")
	}
	if c.IsSet("dirrepo") {
		s.Repository = c.String("dirrepo")
	}
	b := &s.Batch
	if c.IsSet("workers") {
		if b.Workers = c.Int("workers"); b.Workers < 1 || b.Workers > maxWorkers {
			return usageErrorf("option --workers: %d is not a number from 1 to %d", b.Workers, maxWorkers)
		}
	}
	b.Workers = min(b.Workers, maxWorkers)
	if c.IsSet("settle") {
		if b.Settle = c.Duration("settle"); b.Settle <= 0 {
			b.Settle = -1
		}
	}
	if c.IsSet("max-changes") {
		b.MaxChanges = c.Int("max-changes")
	}
	if c.IsSet("max-replace-percent") {
		b.MaxReplacePercent = c.Float64("max-replace-percent")
	}
	if b.MaxChanges < 0 || !(b.MaxReplacePercent >= 0 && b.MaxReplacePercent <= 100) { // NaN is neither
		return usageErrorf("--max-changes is 0 or more, --max-replace-percent is 0 to 100")
	}
	if c.IsSet("waves") {
		b.Waves = c.String("waves")
	}
	return nil
}

// stateDir is the tool's own directory, which is made if it is missing.
func (s site) stateDir() (jobs.State, error) {
	state, err := s.namedState()
	if err != nil {
		return state, err
	}
	return state, state.Make()
}

// namedState is the state directory, which may not be there yet.
func (s site) namedState() (jobs.State, error) {
	if s.StateDir == "" {
		return jobs.State{}, fmt.Errorf("no state directory: there is no home directory to have it in; set state_dir, $%s, or --state", settings.StateVariable)
	}
	return jobs.State{Dir: s.StateDir}, nil
}

// calibOptions are those of calib directories under the batch policy.
func (s site) calibOptions() (calibdir.Options, error) {
	group, err := lookupGroup(s.Batch.Group)
	return calibdir.Options{
		DirMode: s.Batch.DirMode, FileMode: s.Batch.FileMode, Group: group, LockTimeout: s.LockTimeout,
	}, err
}

// lookupGroup returns the id of a group, -1 for none.
func lookupGroup(name string) (int, error) {
	if name == "" {
		return -1, nil
	}
	group, err := user.LookupGroup(name)
	if err != nil {
		return -1, fmt.Errorf("there is no group %q on this host; set batch.group, \"\" for the system's choice", name)
	}
	return strconv.Atoi(group.Gid)
}

// lookupUser returns the id of a user.
func lookupUser(name string) (int, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return -1, fmt.Errorf("there is no user %q on this host", name)
	}
	return strconv.Atoi(found.Uid)
}

// A selection is what the flags of a batch command choose, as they were written: a
// job keeps it for its tasks.
type selection struct {
	Experiments []string `json:"experiments,omitempty"`
	Instruments []string `json:"instruments,omitempty"`
	Sources     []string `json:"sources,omitempty"`
	Types       []string `json:"types,omitempty"`
	CTypes      []string `json:"ctypes,omitempty"`
	TakeOver    []string `json:"take_over,omitempty"`
	Runs        string   `json:"runs,omitempty"`
	Since       string   `json:"since,omitempty"`
	Until       string   `json:"until,omitempty"`
	PreferSmall bool     `json:"prefer_small,omitempty"`
	NoUndo      bool     `json:"no_undo,omitempty"`
}

func selectionOf(c *cli.Context) selection {
	return selection{
		Experiments: c.StringSlice("experiment"), Instruments: c.StringSlice("instrument"),
		Sources: c.StringSlice("det"), Types: c.StringSlice("type"), CTypes: c.StringSlice("ctype"),
		TakeOver: c.StringSlice("take-over"), Runs: c.String("runs"), Since: c.String("since"), Until: c.String("until"),
		PreferSmall: c.Bool("prefer-smd"), NoUndo: c.Bool("no-undo"),
	}
}

// filter makes of a selection what experiments, runs, and detectors are asked by.
func (s site) filter(chosen selection) (ledger.Filter, error) {
	f := ledger.Filter{
		Instruments: chosen.Instruments, Experiments: chosen.Experiments,
		Sources: chosen.Sources, Types: chosen.Types,
	}
	for _, name := range f.Types {
		if _, err := repo.TypeNamed(strings.ToLower(name)); err != nil {
			return f, usageErrorf("option --type: %w", err)
		}
	}
	var err error
	if chosen.Runs != "" {
		if f.Runs, err = dataset.ParseRanges(chosen.Runs); err != nil {
			return f, usageErrorf("option --runs: %w", err)
		}
	}
	if f.Since, err = s.moment("since", chosen.Since); err != nil {
		return f, err
	}
	if f.Until, err = s.moment("until", chosen.Until); err != nil {
		return f, err
	}
	if err := f.Check(); err != nil {
		return f, usageErrorf("%w", err)
	}
	return f, nil
}

// tellUnmatched warns where options select none of the experiments: they may be
// mistyped, and nothing else would say so.
func (s site) tellUnmatched(chosen selection, experiments int) {
	if names := slices.Concat(chosen.Experiments, chosen.Instruments); experiments == 0 && len(names) > 0 {
		s.warn("no experiment is what --experiment and --instrument select: " + strings.Join(names, ", "))
	}
}

// moment reads a flag that is a time stamp in the facility's zone; the zero time
// where it is not given.
func (s site) moment(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	stamp, err := repo.ParseStamp(text)
	if err != nil {
		return time.Time{}, usageErrorf("option --%s: %w", name, err)
	}
	at, err := time.ParseInLocation("20060102150405", stamp.String(), s.Zone)
	if err != nil {
		return time.Time{}, usageErrorf("option --%s: %w", name, err)
	}
	return at, nil
}

// transactions opens the transactions of the state directory.
func (s site) transactions() (*tx.Store, error) {
	if _, err := s.stateDir(); err != nil {
		return nil, err
	}
	return tx.Open(jobs.State{Dir: s.StateDir})
}

// newProgress shows how far a command is, on stderr.
func (s site) newProgress(c *cli.Context) (*ui.Progress, error) {
	mode, err := ui.ParseMode(c.String("progress"))
	if err != nil {
		return nil, usageErrorf("option --progress: %w", err)
	}
	return ui.NewProgress(s.env.Stderr, ui.ProgressOptions{Mode: mode, Now: s.env.Now, Getenv: s.env.Getenv}), nil
}
