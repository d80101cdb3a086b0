package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/plot"
	"deployconstants/internal/runlog"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/ndarray"
	"deployconstants/stages"
	"deployconstants/stages/dark"
	"deployconstants/stages/darkrun"
	"deployconstants/xtc/dataset"
)

const darkName = "dark"

// darkFlags have the names of the sister commands and, for the arithmetic, those of the
// original's jungfrau_dark_proc and det_pixel_status.
var darkFlags = append([]cli.Flag{
	&cli.StringFlag{Name: "exp", Aliases: []string{"e"}, Usage: "`EXP`, experiment name; default: that of the dataset -x"},
	&cli.StringFlag{Name: "det", Aliases: []string{"d"}, Usage: "`DET`, detectors, separated by commas: full names, DAQ aliases, or types, which mean all of the type"},
	&cli.StringFlag{Name: "run", Aliases: []string{"r"}, Usage: "`RUNS` of the experiment, as 238 or 238-240,245; default: those of -x"},
	&cli.StringFlag{Name: "tstamp", Aliases: []string{"t"}, Usage: "`TSTAMP` from which the constants are valid; default: the run's time"},
	&cli.StringFlag{Name: "dssuffix", Aliases: []string{"s"}, Usage: "dataset name `SUFFIX` behind exp=<exp>:run=<runs>"},
	&cli.StringFlag{Name: "dsname", Aliases: []string{"x"}, Usage: "whole dataset name or xtc file `DSNAME`; a suffix if it begins with \":\""},
	&cli.StringFlag{Name: "dirrepo", Aliases: []string{"o"}, Usage: "repository `DIR` of constants; default: $SIT_ROOT/detector/calib/constants"},
	&cli.StringFlag{Name: "dircalib", Aliases: []string{"c"}, Usage: "calib directory `DIR` of -D; default: that of the experiment"},
	&cli.StringFlag{Name: "loglev", Aliases: []string{"l"}, Usage: "log level `LEVEL`, as of the command without a subcommand; default: INFO"},
	&cli.StringFlag{Name: "dirmode", Usage: "`MODE` of directories made, octal with a leading 0, else decimal; default: 0777"},
	&cli.StringFlag{Name: "filemode", Usage: "`MODE` of files made; default: 0666"},
	&cli.StringFlag{Name: "group", Usage: "`GROUP` of everything made; default: the system's choice"},
	&cli.BoolFlag{Name: "deploy", Aliases: []string{"D"}, Usage: "deploy pedestals, pixel_rms, pixel_status, and the geometry of --deploygeo, too"},
	&cli.StringFlag{Name: "runrange", Aliases: []string{"R"}, Usage: "`RANGE` of runs of the deployed files; default: <run>-end"},
	&cli.StringFlag{Name: "workdir", Aliases: []string{"w"}, Usage: "`DIR` in which all arrays of detectors of one gain are written, too, in results, as calibrun names them"},
	&cli.BoolFlag{Name: "zeropeds", Usage: "pedestals of 0 in place of the averages; of a rayonix only"},
	&cli.BoolFlag{Name: "deploygeo", Usage: "save a geometry of the size of the frames, too, which -D deploys; of a rayonix only"},
	&cli.StringFlag{Name: "max-bad", Usage: "hold a dark back in which more than the `FRACTION` of the pixels are bad; default: 0.5"},
	&cli.StringFlag{Name: "max-jump", Usage: "hold a dark back if the median of the distances of its pedestals from those before is above `ADU`; default: any"},
	&cli.BoolFlag{Name: "force", Usage: "replace constants of the same name with other numbers"},
	&cli.BoolFlag{Name: "no-plots", Usage: "make no plots"},
	&cli.StringFlag{Name: "workers", Usage: workersFlag.Usage},
	&cli.StringFlag{Name: "features", Usage: "`LIST` of features of det_pixel_status for status_dark, of 1,2,3; default: none"},
	&cli.StringFlag{Name: "snrmax", Usage: "`N` spreads from the median to the limits of features; default: 8"},
	&cli.StringFlag{Name: "evskip", Usage: "leave the first `N` events out, of a Jungfrau or epix10ka in every cycle; default: 0"},
	&cli.StringFlag{Name: "events", Usage: "look at `N` events behind them; default: as many as --nrecs, of a Jungfrau 100000"},
	&cli.StringFlag{Name: "evstep", Usage: "look at `N` events of every cycle of a Jungfrau; default: 2000"},
	&cli.StringFlag{Name: "evcode", Usage: "take events with one of the event `CODES`, separated by commas; with negative ones those with none of them; default: all"},
	&cli.StringFlag{Name: "stepnum", Usage: "process only cycle `N` of a Jungfrau or epix10ka, from 0"},
	&cli.StringFlag{Name: "stepmax", Usage: "process `N` cycles of a Jungfrau or epix10ka at most; default: 1000, 5"},
	&cli.StringFlag{Name: "nbs", Usage: "collect `N` frames of each cycle of an epix10ka; default: 1024"},
	&cli.StringFlag{Name: "datbits", Usage: "`MASK` of the bits of raw values that are ADU; default: 0x3fff, of cameras 0xffff (calibrun: always 0x3fff)"},
}, append(darkNumberFlags(),
	&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "compute and show, but make nothing at all"},
	jsonFlag, configFlag,
)...)

// darkNumbers are the parameters of the arithmetic that are numbers.
var darkNumbers = []struct {
	name, usage string
	whole       bool
	to          func(*darkrun.Params) any // **int or **float64
}{
	{"nrecs", "`N` frames make a dark full; default: 1000", true, func(p *darkrun.Params) any { return &p.Frames }},
	{"nrecs1", "the first `N` frames set the gates of pixels; default: 50", true, func(p *darkrun.Params) any { return &p.First }},
	{"int_lo", "values below `ADU` are counted, not averaged; default: 0.1, of a Jungfrau 1", false, func(p *darkrun.Params) any { return &p.IntLow }},
	{"int_hi", "values above `ADU` are; default: 16000, with other --datbits than 0x3fff one less than those", false, func(p *darkrun.Params) any { return &p.IntHigh }},
	{"rms_lo", "`ADU`, least rms of good pixels; default: 0.1, of a Jungfrau 0.001", false, func(p *darkrun.Params) any { return &p.RMSLow }},
	{"rms_hi", "`ADU`, greatest rms; default: 10000, of a Jungfrau 16000", false, func(p *darkrun.Params) any { return &p.RMSHigh }},
	{"intnlo", "`N` spreads from the mean of all pedestals to the lower limit; default: 5, of a Jungfrau 6", false, func(p *darkrun.Params) any { return &p.IntSigmaLow }},
	{"intnhi", "`N` spreads to the upper limit; default as before", false, func(p *darkrun.Params) any { return &p.IntSigmaHigh }},
	{"rmsnlo", "`N` spreads from the mean of all rms to the lower limit; default as before", false, func(p *darkrun.Params) any { return &p.RMSSigmaLow }},
	{"rmsnhi", "`N` spreads to the upper limit; default as before", false, func(p *darkrun.Params) any { return &p.RMSSigmaHigh }},
	{"fraclm", "`FRACTION` of the frames in which a good pixel may be outside of int_lo to int_hi; default: 0.1", false, func(p *darkrun.Params) any { return &p.Excess }},
	{"fraclo", "`FRACTION`, lower quantile of the gates; default: 0.05", false, func(p *darkrun.Params) any { return &p.QuantileLow }},
	{"frachi", "`FRACTION`, upper quantile of the gates; default: 0.95", false, func(p *darkrun.Params) any { return &p.QuantileHigh }},
}

func darkNumberFlags() []cli.Flag {
	flags := make([]cli.Flag, 0, len(darkNumbers)+3)
	for _, n := range darkNumbers {
		flags = append(flags, &cli.StringFlag{Name: n.name, Usage: n.usage})
	}
	return flags
}

// darkOptions are the flags with the argument grammar of the sister commands.
var darkOptions = optionsOf(darkFlags)

func darkCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: darkName, Usage: "pedestals, rms, and status of pixels from dark runs into the repository",
		Description: "Each run is read once for all its detectors. A detector of one gain gets\n" +
			"pedestals, pixel_rms, and pixel_status of the run, by calibrun's rules and with its\n" +
			"defaults. A Jungfrau and an epix10ka get tables of every panel for each calibration\n" +
			"cycle, whose gain the configuration tells: one run of several cycles, or a run for each\n" +
			"gain. With --evcode the cycles in which a Jungfrau has the same gain are one dark. The\n" +
			"log has limits and counts, and beside it are plots. With -D the constants are deployed\n" +
			"as <run>-end.data, those of tables merged first, unless the limits of the settings hold\n" +
			"them back.\n\n" +
			"A dark needs 3 frames, of an epix10ka 2. Numbers that are there already stay as they\n" +
			"are; other ones of the same name are replaced only with --force.\n\n" +
			"Examples:\n" +
			"   deploy_constants dark -e xpptut15 -r 260 -d XcsEndstation.0:Epix100a.1\n" +
			"   deploy_constants dark -e xpptut15 -r 260 -d epix100a,cspad -D -c ./calib\n" +
			"   deploy_constants dark -e cxilu9218 -r 238-240 -d CxiDs1.0:Jungfrau.0 --nrecs 500\n" +
			"   deploy_constants dark -e xpptut15 -r 260 -d epix_1 -n --json\n\n" +
			"EXIT STATUS: 0 done, 1 failed: no dark was saved, 2 wrong command line,\n" +
			"   3 some darks, runs, or deployments failed, the rest is done,\n" +
			"   10 no repository or data root, 11 locked by another",
		Flags: darkFlags,
		Action: func(c *cli.Context) error {
			m, err := newDarkMaking(env, c, darkName)
			if err != nil {
				return err
			}
			return m.do(c)
		},
	}
}

// darkMaking is the dark command, or that of charge injection, with its options checked.
type darkMaking struct {
	*deployCommand
	options darkrun.Options
	suffix  string
	plots   bool
	ranged  *calibdir.Range
}

func newDarkMaking(env Env, c *cli.Context, name string) (*darkMaking, error) {
	d, err := newDeployCommand(env, c, env.args)
	if err != nil {
		return nil, err
	}
	d.records, d.repository = program+"_"+name, d.Repository
	return &darkMaking{deployCommand: d, plots: !c.Bool("no-plots")}, nil
}

// do checks the options, and those that are a command's own, and carries it out.
func (m *darkMaking) do(c *cli.Context, own ...func(*cli.Context) error) error {
	checks := append([]func(*cli.Context) error{
		noArguments, m.parseRuns, m.parseStamp, m.parseModes, m.parseRepository, m.parseNumbers, m.parseRest}, own...)
	if err := m.parse(c, checks...); err != nil {
		return err
	}
	return m.execute(c.Context)
}

// parseRuns builds the data set from -e, -r, -s and -x.
func (m *darkMaking) parseRuns(c *cli.Context) (err error) {
	for name := range strings.SplitSeq(m.detector, ",") {
		if name = strings.TrimSpace(name); name != "" {
			m.options.Detectors = append(m.options.Detectors, name)
		}
	}
	if len(m.options.Detectors) == 0 {
		return errors.New("no detector; name some with -d, such as XcsEndstation.0:Epix100a.1")
	}
	if err := checkExperiment(m.experiment); err != nil {
		return err
	}
	name := c.String("dsname")
	m.suffix = c.String("dssuffix")
	if strings.HasPrefix(name, ":") {
		name, m.suffix = "", m.suffix+name
	}
	runs := c.String("run")
	switch {
	case name != "" && runs != "":
		return errors.New("the runs of -x are processed; give it without -r, or -e and -r without it")
	case name != "":
		m.suffix = ""
	case m.experiment == "":
		return errors.New("no experiment; name one with -e, or a whole dataset with -x")
	case runs == "":
		return errors.New("no run; give some with -r, or a whole dataset with -x")
	default:
		if _, err := dataset.ParseRanges(runs); err != nil {
			return fmt.Errorf("option -r: %w", err)
		}
		name = "exp=" + m.experiment + ":run=" + runs + m.suffix
	}
	m.options.Dataset, err = parseSpec(name)
	return err
}

// parseStamp reads from when the constants are valid, and for which runs.
func (m *darkMaking) parseStamp(c *cli.Context) error {
	if c.IsSet("tstamp") {
		m.options.Stamp = c.String("tstamp")
		if _, err := repo.ParseStamp(m.options.Stamp); err != nil {
			return fmt.Errorf("option -t: %w", err)
		}
	}
	if c.IsSet("runrange") {
		parsed, err := calibdir.ParseRange(c.String("runrange"))
		if err != nil {
			return fmt.Errorf("option -R: %w", err)
		}
		m.ranged = &parsed
	}
	return nil
}

// parseNumbers reads the numbers of the arithmetic and of the window.
func (m *darkMaking) parseNumbers(c *cli.Context) error {
	o := &m.options
	var skip, workers *int
	o.Workers = min(runtime.GOMAXPROCS(0), maxWorkers)
	o.MaxBad = 0.5
	for _, n := range darkNumbers {
		var err error
		switch to := n.to(&o.Params).(type) {
		case **int:
			*to, err = wholeOption(c, n.name, 1)
		case **float64:
			*to, err = numberOption(c, n.name)
		}
		if err != nil {
			return err
		}
	}
	for _, n := range []struct {
		name  string
		least int
		to    **int
	}{
		{"evskip", 0, &skip}, {"events", 0, &o.Window.Events}, {"evstep", 0, &o.Window.PerStep}, {"stepnum", 0, &o.Window.Step},
		{"stepmax", 1, &o.Window.Steps}, {"nbs", 2, &o.Params.Collected}, {"workers", 1, &workers},
	} {
		var err error
		if *n.to, err = wholeOption(c, n.name, n.least); err != nil {
			return err
		}
	}
	if skip != nil {
		o.Window.Skip = *skip
	}
	if workers != nil {
		if o.Workers = *workers; o.Workers > maxWorkers {
			return fmt.Errorf("option --workers: %d is not a number from 1 to %d", o.Workers, maxWorkers)
		}
	}
	for _, n := range []struct {
		name        string
		least, most float64 // least excluded
		to          *float64
	}{{"max-bad", 0, 1, &o.MaxBad}, {"max-jump", 0, farthest, &o.MaxJump}, {"snrmax", 0, farthest, &o.Features.Sigmas}} {
		v, err := numberOption(c, n.name)
		if err != nil {
			return err
		}
		if v == nil {
			continue
		}
		if *v <= n.least || *v > n.most {
			return fmt.Errorf("option --%s: %g is not above %g and at most %g", n.name, *v, n.least, n.most)
		}
		*n.to = *v
	}
	return nil
}

// wholeOption reads a number of at least so many, nil if it is not given.
func wholeOption(c *cli.Context, name string, least int) (*int, error) {
	if !c.IsSet(name) {
		return nil, nil
	}
	n, err := strconv.Atoi(c.String(name))
	if err != nil || n < least || n > math.MaxInt32 {
		return nil, fmt.Errorf("option --%s: %q is not a whole number from %d to %d", name, c.String(name), least, math.MaxInt32)
	}
	return &n, nil
}

// numberOption reads a finite number, nil if it is not given.
func numberOption(c *cli.Context, name string) (*float64, error) {
	if !c.IsSet(name) {
		return nil, nil
	}
	v, err := strconv.ParseFloat(c.String(name), 64)
	if err != nil || !(math.Abs(v) <= farthest) { // NaN is neither
		return nil, fmt.Errorf("option --%s: %q is not a number up to %g", name, c.String(name), farthest)
	}
	return &v, nil
}

func (m *darkMaking) parseRest(c *cli.Context) error {
	o := &m.options
	if c.IsSet("datbits") {
		mask, err := strconv.ParseUint(c.String("datbits"), 0, 16)
		if err != nil || mask == 0 {
			return fmt.Errorf("option --datbits: %q is not a mask from 1 to 0xffff", c.String("datbits"))
		}
		bits := uint16(mask)
		o.Params.DataBits = &bits
	}
	if c.IsSet("evcode") {
		codes, err := dark.ParseEventCodes(c.String("evcode"))
		if err != nil {
			return fmt.Errorf("option --evcode: %w", err)
		}
		o.Codes = &codes
	}
	if c.IsSet("features") {
		for feature := range strings.SplitSeq(c.String("features"), ",") {
			switch strings.TrimSpace(feature) {
			case "1":
				o.Features.Frames = true
			case "2":
				o.Features.Mean = true
			case "3":
				o.Features.Spread = true
			default:
				return fmt.Errorf("option --features: %q in %q is none of 1, 2, 3", feature, c.String("features"))
			}
		}
		if !o.Features.Mean && !o.Features.Spread {
			return fmt.Errorf("option --features: %q gives no status; feature 1 only leaves frames out of 2 and 3", c.String("features"))
		}
	}
	if c.IsSet("dircalib") && !m.deploy {
		return errors.New("-c names a calib directory, which only -D needs")
	}
	if m.deploy && m.dryRun {
		return errors.New("-D deploys what is saved, and -n saves nothing; give one of them")
	}
	o.WorkDir, o.Replace, o.DryRun = c.String("workdir"), c.Bool("force"), m.dryRun
	o.ZeroPedestals, o.Geometry = c.Bool("zeropeds"), c.Bool("deploygeo")
	o.Experiment, o.Zone, o.Suffix = m.experiment, m.Zone, m.suffix
	return nil
}

// garbagePercent is how much memory that is not needed any more may be kept, of that
// which is. The frames of an epix10ka take gigabytes, and hold no pointers: they cost
// the collector nothing.
const garbagePercent = 20

// execute carries the checked command out, as that of the documented command does.
func (m *darkMaking) execute(ctx context.Context) (err error) {
	defer debug.SetGCPercent(debug.SetGCPercent(garbagePercent))
	repository, err := m.openRepository()
	if err != nil {
		return err
	}
	defer repository.Close()
	finish, err := m.openLog()
	if err != nil {
		return err
	}
	defer func() { err = finish(err) }()
	if !m.dryRun {
		m.recordStart()
	}
	o := m.options
	if o.Catalog, err = m.catalog(); err != nil {
		return err
	}
	o.Repository = repository
	o.Header = ndarray.Header{Host: m.env.Host(), WorkDir: m.env.Dir, User: m.user, Time: m.start}
	o.DirMode, o.FileMode, o.Group = m.dirMode, m.fileMode, m.group
	if m.plots && !m.dryRun {
		o.Publish = m.publish
	}
	report, err := darkrun.Run(ctx, o, m.log)
	result := darkResult{Report: report}
	if err == nil && m.deploy {
		result.Deployments, result.err = darkrun.Deploy(ctx, report, o.Dataset, m.deployment(o), m.log)
	}
	if printErr := m.show(result); printErr != nil {
		return errors.Join(err, result.failure(), fmt.Errorf("the result cannot be printed: %w", printErr))
	}
	if err != nil {
		return errors.Join(err, report.Err())
	}
	return result.failure()
}

// deployment says how darks are deployed.
func (m *darkMaking) deployment(o darkrun.Options) darkrun.DeployOptions {
	base := m.stageOptions(o.Catalog)
	base.Repository = o.Repository
	return darkrun.DeployOptions{Base: base, Range: m.ranged, Limits: m.limits()}
}

// publish writes a page of plots beside the log file.
func (m *darkMaking) publish(name string, page plot.Page) (string, error) {
	root, err := os.OpenRoot(m.repository)
	if err != nil {
		return "", err
	}
	defer root.Close()
	log := runlog.LogName(m.start, m.records, m.user)
	name = strings.TrimSuffix(log, ".txt") + "_" + name + ".png"
	var drawn bytes.Buffer
	if err := page.WritePNG(&drawn); err != nil {
		return "", err
	}
	if _, err := atomicfile.MkdirAll(root, path.Dir(name), m.dirMode, m.group); err != nil {
		return "", err
	}
	_, err = atomicfile.Publish(root, name, &drawn, atomicfile.Options{Mode: m.fileMode, Group: m.group, KeepExisting: true})
	return m.repository + "/" + name, err
}

// A darkResult is what the command prints.
type darkResult struct {
	darkrun.Report
	Deployments []stages.Deployment `json:"deployments,omitempty"`

	err error // of deployments
}

// failure is the error of what went wrong, if anything did.
func (r darkResult) failure() error {
	err := errors.Join(r.Err(), r.err)
	if err == nil {
		return nil
	}
	if r.Any() {
		return &statusError{status: statusPartly, err: err}
	}
	return err
}

// showMade prints a line about what was made, and its files.
func (m *darkMaking) showMade(line string, made darkrun.Made) error {
	lines := []string{line}
	for _, file := range made.Files {
		lines = append(lines, strings.TrimSuffix(fmt.Sprintf("  %s: %s %s", file.Outcome, file.CType, file.Path), " "))
	}
	for _, plot := range made.Plots {
		lines = append(lines, "  plots: "+plot)
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(m.env.Stdout, oneLine(line)); err != nil {
			return err
		}
	}
	return nil
}

// show prints the result on stdout.
func (m *darkMaking) show(r darkResult) error {
	if m.json {
		return printJSON(m.env.Stdout, r)
	}
	for _, d := range r.Darks {
		if d.Error != "" {
			continue // the message on stderr says it
		}
		line := fmt.Sprintf("dark: run %d, %s", d.Run, d.Source)
		if d.Gain != "" {
			line += ", " + d.Gain
		}
		line += fmt.Sprintf(": %d frames, %d of %d pixels good", d.Frames, d.Good, d.Pixels)
		if err := m.showMade(line, d.Made); err != nil {
			return err
		}
	}
	for _, in := range r.Injections {
		if len(in.Files) == 0 {
			continue
		}
		line := fmt.Sprintf("injection: run %d, %s, %s: %d of %d cycles, %d of %d pixels have lines",
			in.Run, in.Source, in.Gain, in.Cycles, dark.InjectionPositions, in.Good, in.Pixels)
		if err := m.showMade(line, in.Made); err != nil {
			return err
		}
	}
	for _, done := range r.Deployments {
		if err := m.print(done); err != nil {
			return err
		}
	}
	return nil
}
