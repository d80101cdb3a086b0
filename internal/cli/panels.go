package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/panels"
	"deployconstants/stages"
	"deployconstants/xtc/dataset"
)

const (
	epix10kaName    = "epix10ka"
	epix10kaRecords = "epix10ka_deploy_constants" // the original's own programs
	jungfrauName    = "jungfrau"
	jungfrauRecords = "jungfrau_deploy_constants"
)

// panelsFlags are the documented options that both commands have; behind them their
// own, which come first, and ours.
func panelsFlags(repository string, own ...cli.Flag) []cli.Flag {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "exp", Aliases: []string{"e"}, Usage: "`EXP`, experiment name; default: that of the dataset -x"},
		&cli.StringFlag{Name: "det", Aliases: []string{"d"}, Usage: "`DET`, detector: full name, DAQ alias, or DetInfo(<full name>)"},
		&cli.StringFlag{Name: "run", Aliases: []string{"r"}, Usage: "`RUN` of the dataset: its time counts, and constants are for it and later ones; default: that of -x"},
		&cli.StringFlag{Name: "tstamp", Aliases: []string{"t"}, Usage: "`TSTAMP` to find constants for, YYYYmm[ddHHMMSS], or a run number below 10000, whose time counts; default: the run's time"},
		&cli.StringFlag{Name: "dsnamex", Aliases: []string{"x"}, Usage: "whole dataset name or xtc file `DSNAME`; a suffix of exp=<exp>:run=<run> if it begins with \":\""},
		&cli.StringFlag{Name: "dirrepo", Aliases: []string{"o"}, Usage: "repository `DIR` of panels; default: " + repository},
		&cli.StringFlag{Name: "dircalib", Aliases: []string{"c"}, Usage: "calib directory `DIR`; default: that of the experiment"},
		&cli.StringFlag{Name: "paninds", Aliases: []string{"I"}, Usage: "`INDICES` of the panels to merge, with commas between, from 0; default: all"},
		&cli.BoolFlag{Name: "deploy", Aliases: []string{"D"}, Usage: "write the merged constants and deploy them; without it they are shown"},
		&cli.BoolFlag{Name: "errskip", Aliases: []string{"E"}, Usage: "put defaults where constants of a panel and gain are missing; without it that is an error"},
		&cli.StringFlag{Name: "logmode", Aliases: []string{"L"}, Usage: "log level `LEVEL`: " + logx.LevelNames + "; default: INFO"},
		&cli.StringFlag{Name: "dirmode", Usage: "`MODE` of directories made, octal with a leading 0, else decimal; default: 0777"},
		&cli.StringFlag{Name: "filemode", Usage: "`MODE` of files made; default: 0666"},
		&cli.StringFlag{Name: "group", Usage: "`GROUP` of everything made; default: the system's choice"},
	}
	flags = append(flags, own...)
	return append(flags,
		&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "make nothing at all: no alias, log, record, or file"},
		jsonFlag, configFlag)
}

var epix10kaFlags = panelsFlags("$SIT_ROOT/detector/gains/epix10k/panels",
	&cli.StringFlag{Name: "proc", Aliases: []string{"p"}, Usage: "`LETTERS` of what is deployed: p pedestals, r rms, s status, g gain, c gain of charge injection; default: psrg"},
	factorFlags[0], factorFlags[1], factorFlags[2],
	&cli.StringFlag{Name: "runbegin", Usage: "first `RUN` that the constants are for; default: that of -r"},
	&cli.StringFlag{Name: "runend", Usage: "last `RUN` that the constants are for, or end; default: end"},
)

var jungfrauFlags = panelsFlags("$SIT_ROOT/detector/gains/jungfrau/panels",
	&cli.StringFlag{Name: "runrange", Aliases: []string{"R"}, Usage: "`RANGE` of runs that the constants are for, <begin>-<end> or <begin>-end; default: from that of -r"},
)

var (
	epix10kaOptions = optionsOf(epix10kaFlags, "dry-run", "json", "config")
	jungfrauOptions = optionsOf(jungfrauFlags, "dry-run", "json", "config")
)

const panelsStatus = "EXIT STATUS: 0 done, or nothing was asked for, 1 failed, constants of a panel or gain are\n" +
	"   missing, 2 wrong command line, 10 no repository or data root, 11 locked by another"

func epix10kaCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: epix10kaName, Usage: "merge and deploy the constants of an Epix10ka's panels",
		Description: "For every panel of an Epix10ka, Epix10kaQuad or Epix10ka2M, and every gain FH, FM, FL,\n" +
			"AHL-H, AML-M, AHL-L, AML-L, the newest constants of the repository of panels that are\n" +
			"not after the run are merged into one array a type. Pedestals of AHL-L and AML-L are\n" +
			"those of FL plus an offset, where that is known, else 0. Gains without a file are the\n" +
			"nominal ones. Gains of charge injection have their median at the nominal gain.\n" +
			"What has a default in its place is always said.\n\n" +
			"Examples:\n" +
			"   deploy_constants epix10ka -e mfxx32516 -d NoDetector.0:Epix10ka.3 -r 1021 -D\n" +
			"   deploy_constants epix10ka -e xcsx35617 -d XcsEndstation.0:Epix10ka2M.0 -r 394 -t 396 -o ./work -D -c ./calib\n" +
			"   deploy_constants epix10ka -e xcsx35617 -d XcsEndstation.0:Epix10ka2M.0 -r 544 -p g --low 0.25 --medium 1 --high 1 -D\n" +
			"   deploy_constants epix10ka -e xcsl1004621 -d XcsEndstation.0:Epix10kaQuad.0 -r 10 -p ps -I 0,2\n\n" +
			panelsStatus,
		Flags: epix10kaFlags,
		Action: func(c *cli.Context) error {
			p, err := newPanelsCommand(env, c, epix10kaRecords)
			if err != nil {
				return err
			}
			p.family, p.repository, p.standard = panels.Epix10ka, p.Epix10ka, p.Epix10ka
			return p.do(c, p.parseLetters, p.parseRuns)
		},
	}
}

func jungfrauCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: jungfrauName, Usage: "merge and deploy the constants of a Jungfrau's panels",
		Description: "For every panel of a Jungfrau and each of its three gains the newest pedestals, rms,\n" +
			"status, dark_min and dark_max of the repository of panels that are not after the run\n" +
			"are merged into one array a type. Of the names of one gain, such as gm0-HighGain0 and\n" +
			"gm0-Normal, the newest counts. What has a default in its place is always said.\n\n" +
			"Examples:\n" +
			"   deploy_constants jungfrau -e cxilu9218 -d CxiDs1.0:Jungfrau.0 -r238\n" +
			"   deploy_constants jungfrau -e cxilu9218 -d CxiDs1.0:Jungfrau.0 -r238 -D -c ./calib -R 238-300\n" +
			"   deploy_constants jungfrau -e cxic00318 -d CxiDs1.0:Jungfrau.0 -r375 -D -c ./calib -o ./work -E\n\n" +
			panelsStatus,
		Flags: jungfrauFlags,
		Action: func(c *cli.Context) error {
			p, err := newPanelsCommand(env, c, jungfrauRecords)
			if err != nil {
				return err
			}
			p.family, p.repository, p.standard = panels.Jungfrau, p.Jungfrau, p.Jungfrau
			p.kinds = panels.JungfrauKinds()
			return p.do(c, p.parseRange)
		},
	}
}

// panelsCommand is one of the two commands with its options checked.
type panelsCommand struct {
	*deployCommand
	family   panels.Family
	standard string // repository with the aliases
	kinds    []panels.Kind
	indices  []int         // nil: all panels
	fill     bool          // defaults where constants are missing
	stampRun *dataset.Spec // nil: no run was named for its time
	fromRun  bool          // the range begins with the run
}

func newPanelsCommand(env Env, c *cli.Context, records string) (*panelsCommand, error) {
	d, err := newDeployCommand(env, c, env.args)
	if err != nil {
		return nil, err
	}
	d.records = records
	return &panelsCommand{deployCommand: d, fill: c.Bool("errskip")}, nil
}

func (p *panelsCommand) do(c *cli.Context, own ...func(*cli.Context) error) error {
	checks := append([]func(*cli.Context) error{
		noArguments, p.parseDataset, p.parseModes, p.parseLogMode, p.parseRepository, p.parseTime, p.parsePanels}, own...)
	if err := p.parse(c, checks...); err != nil {
		return err
	}
	return p.execute(c.Context)
}

func (p *panelsCommand) parseLogMode(c *cli.Context) (err error) {
	if c.IsSet("logmode") {
		if p.level, err = logx.ParseLevel(c.String("logmode")); err != nil {
			return fmt.Errorf("option -L: %w", err)
		}
	}
	return nil
}

// parseTime reads -t: up to four digits are a run of the experiment.
func (p *panelsCommand) parseTime(c *cli.Context) (err error) {
	text := c.String("tstamp")
	switch run, numberErr := strconv.ParseUint(text, 10, 16); {
	case text == "":
	case len(text) > 4:
		if p.stamp, err = repo.ParseStamp(text); err != nil {
			return fmt.Errorf("option -t: %w", err)
		}
	case numberErr != nil:
		return fmt.Errorf("option -t: %q is neither a time stamp nor a run number", text)
	case p.experiment == "":
		return errors.New("option -t names a run; name its experiment with -e")
	default:
		spec, err := parseSpec(fmt.Sprintf("exp=%s:run=%d", p.experiment, run))
		if err != nil {
			return fmt.Errorf("option -t: %w", err)
		}
		p.stampRun = &spec
	}
	return nil
}

// panelIndexMax is above any index of a panel.
const panelIndexMax = 99

func (p *panelsCommand) parsePanels(c *cli.Context) error {
	if !c.IsSet("paninds") {
		return nil
	}
	var err error
	if p.indices, err = parseIndices(c.String("paninds")); err != nil {
		return fmt.Errorf("option -I: %w", err)
	}
	return nil
}

// parseIndices reads indices of panels.
func parseIndices(list string) ([]int, error) {
	var indices []int
	for text := range strings.SplitSeq(list, ",") {
		index, err := strconv.ParseUint(strings.TrimSpace(text), 10, 8)
		if err != nil || index > panelIndexMax {
			return nil, fmt.Errorf("%q is no index of a panel; write them with commas between, such as 0,2", text)
		}
		indices = append(indices, int(index))
	}
	return indices, nil
}

// parseLetters reads what of an Epix10ka is deployed.
func (p *panelsCommand) parseLetters(c *cli.Context) error {
	letters := "psrg"
	if c.IsSet("proc") {
		letters = c.String("proc")
	}
	factors, err := parseFactors(c)
	if err != nil {
		return err
	}
	if p.kinds, err = panels.ByLetters(letters, factors); err != nil {
		return fmt.Errorf("option -p: %w", err)
	}
	return nil
}

// factorFlags are the nominal gains of an Epix10ka.
var factorFlags = []cli.Flag{
	&cli.StringFlag{Name: "high", Usage: "`GAIN`, nominal high gain, ADU/keV; default: 16.4"},
	&cli.StringFlag{Name: "medium", Usage: "`GAIN`, nominal medium gain; default: 5.466"},
	&cli.StringFlag{Name: "low", Usage: "`GAIN`, nominal low gain; default: 0.164"},
}

// parseFactors reads them.
func parseFactors(c *cli.Context) (panels.Factors, error) {
	factors := panels.NominalFactors()
	for _, option := range []struct {
		name  string
		value *float64
	}{{"high", &factors.High}, {"medium", &factors.Medium}, {"low", &factors.Low}} {
		if !c.IsSet(option.name) {
			continue
		}
		v, err := strconv.ParseFloat(c.String(option.name), 64)
		if err != nil || !(v > 0) || v > math.MaxFloat32 {
			return factors, fmt.Errorf("option --%s: %q is no gain in ADU/keV, a number above 0", option.name, c.String(option.name))
		}
		*option.value = v
	}
	return factors, nil
}

// parseRuns reads the runs that the constants of an Epix10ka are for.
func (p *panelsCommand) parseRuns(c *cli.Context) (err error) {
	begin, end := "0", "end" // the beginning is that of the run, known later
	if c.IsSet("runend") {
		end = c.String("runend")
	}
	if p.fromRun = !c.IsSet("runbegin"); !p.fromRun {
		begin = c.String("runbegin")
	}
	if p.runRange, err = calibdir.ParseRange(begin + "-" + end); err != nil {
		return fmt.Errorf("options --runbegin and --runend: %w", err)
	}
	return nil
}

// parseRange reads the runs that the constants of a Jungfrau are for.
func (p *panelsCommand) parseRange(c *cli.Context) (err error) {
	if p.fromRun = !c.IsSet("runrange"); p.fromRun {
		p.runRange.End = calibdir.RunEnd
		return nil
	}
	if p.runRange, err = calibdir.ParseRange(c.String("runrange")); err != nil {
		return fmt.Errorf("option -R: %w", err)
	}
	return nil
}

// execute carries the checked command out, as that of the documented command does.
func (p *panelsCommand) execute(ctx context.Context) (err error) {
	gains, err := panels.OpenGains(p.repository, panels.GainsOptions{
		Options: p.repositoryOptions(p.ownership, func(message string) { p.log.Warn(message) }),
		Family:  p.family, Standard: p.standard, Make: p.makeRepository && !p.dryRun,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gains.Close()) }()
	finish, err := p.openLog()
	if err != nil {
		return err
	}
	defer func() { err = finish(err) }()
	if !p.dryRun {
		p.recordStart()
	}
	catalog, err := p.catalog()
	if err != nil {
		return err
	}
	done, err := stages.DeployPanels(ctx, stages.PanelsOptions{
		DeployOptions: p.stageOptions(catalog), Gains: gains, Kinds: p.kinds,
		Panels: p.indices, Fill: p.fill, StampRun: p.stampRun, FromRun: p.fromRun,
	}, p.log)
	if err != nil {
		return err
	}
	if err := p.show(done); err != nil {
		return fmt.Errorf("done, but it cannot be printed: %w", err)
	}
	return nil
}

// show prints the result on stdout.
func (p *panelsCommand) show(done stages.PanelsDeployment) error {
	if p.json {
		return printJSON(p.env.Stdout, done)
	}
	for _, m := range done.Constants {
		lines := []string{m.Outcome + ": " + m.Target, fmt.Sprintf("  from: %s (%d tables)", m.Constants, m.Tables)}
		for _, gap := range m.Filled {
			lines = append(lines, fmt.Sprintf("  default %v: %s", gap.Value, gap))
		}
		for _, line := range lines {
			if _, err := fmt.Fprintln(p.env.Stdout, oneLine(line)); err != nil {
				return err
			}
		}
	}
	return nil
}
