package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/urfave/cli/v2"

	"deployconstants/repo"
	"deployconstants/repo/geometry"
	"deployconstants/stages"
)

const (
	geometryName    = "geometry"
	geometryRecords = "geometry_deploy_constants" // the original's own program
)

// geometryFlags are the documented options, and ours behind them.
var geometryFlags = []cli.Flag{
	&cli.StringFlag{Name: "exp", Aliases: []string{"e"}, Usage: "`EXP`, experiment name; default: that of the dataset -x"},
	&cli.StringFlag{Name: "det", Aliases: []string{"d"}, Usage: "`DET`, detector: full name, DAQ alias, or DetInfo(<full name>)"},
	&cli.StringFlag{Name: "run", Aliases: []string{"r"}, Usage: "`RUN` of the dataset, which gives the day that counts; default: that of -x"},
	&cli.StringFlag{Name: "tstamp", Aliases: []string{"t"}, Usage: "`TSTAMP` from which the file of -a is valid; default: the run's time"},
	&cli.StringFlag{Name: "dssuffix", Aliases: []string{"s"}, Usage: "dataset name `SUFFIX` behind exp=<exp>:run=<run>"},
	&cli.StringFlag{Name: "dsname", Aliases: []string{"x"}, Usage: "whole dataset name or xtc file `DSNAME`; a suffix if it begins with \":\""},
	&cli.StringFlag{Name: "dsnamex", Usage: "same as --dsname: `DSNAME`"},
	&cli.StringFlag{Name: "dirrepo", Aliases: []string{"o"}, Usage: "repository `DIR` of geometry files; default: $SIT_ROOT/detector/calib/geometry"},
	&cli.StringFlag{Name: "dircalib", Aliases: []string{"c"}, Usage: "calib directory `DIR`; default: that of the experiment"},
	&cli.StringFlag{Name: "loglev", Aliases: []string{"l"}, Usage: "log level `LEVEL`, as of the command without a subcommand; default: INFO"},
	&cli.StringFlag{Name: "dirmode", Usage: "`MODE` of directories made, octal with a leading 0, else decimal; default: 0777"},
	&cli.StringFlag{Name: "filemode", Usage: "`MODE` of files made; default: 0666"},
	&cli.StringFlag{Name: "group", Usage: "`GROUP` of everything made; default: the system's choice"},
	&cli.BoolFlag{Name: "deploy", Aliases: []string{"D"}, Usage: "deploy the geometry, or make the link of -a; without it the choice is shown"},
	&cli.StringFlag{Name: "runrange", Aliases: []string{"R"}, Usage: "`RANGE` of runs of the deployed file, <begin>-<end> or <begin>-end; default: 0-end"},
	&cli.StringFlag{Name: "parent", Usage: "`FRAME` whose one object is moved; default: IP, or the frame of that kind, IP:V1"},
	&cli.StringFlag{Name: "posx", Usage: "`UM`, x of the detector in the frame, um; default: 0"},
	&cli.StringFlag{Name: "posy", Usage: "`UM`, y; default: 0"},
	&cli.StringFlag{Name: "posz", Usage: "`UM`, z, negative along the beam; default: -100000"},
	&cli.StringFlag{Name: "rotx", Usage: "`DEG`, rotation about x, degrees; default: 0"},
	&cli.StringFlag{Name: "roty", Usage: "`DEG`, rotation about y; default: 0"},
	&cli.StringFlag{Name: "rotz", Usage: "`DEG`, rotation about z; default: 0"},
	&cli.BoolFlag{Name: "backwrd", Aliases: []string{"B"}, Usage: "files by the name of the detector, also where hardware has an alias"},
	&cli.StringFlag{Name: "addgeof", Aliases: []string{"a"}, Usage: "`FILE` of the type's directory in the repository: link it as a geometry of this detector"},
	&cli.BoolFlag{Name: "dry-run", Aliases: []string{"n"}, Usage: "make nothing at all: no alias, log, record, link, or file"},
	jsonFlag, configFlag,
}

// positionFlags are x, y and z of the position, then the rotations about them.
var positionFlags = []string{"posx", "posy", "posz", "rotx", "roty", "rotz"}

// geometryOptions are the flags with the argument grammar of the original.
var geometryOptions = optionsOf(geometryFlags, "dsnamex", "group", "dry-run", "json", "config")

// optionsOf describes flags for normalize; all but ours are documented ones.
func optionsOf(flags []cli.Flag, ours ...string) optionSet {
	set := optionSet{{'h', "help", false, true}}
	for _, flag := range flags {
		_, isSwitch := flag.(*cli.BoolFlag)
		o := option{long: flag.Names()[0], takesValue: !isSwitch, documented: true}
		for _, name := range flag.Names() {
			if len(name) == 1 {
				o.short = name[0]
			}
		}
		for _, name := range ours {
			if name == o.long {
				o.documented = false
			}
		}
		set = append(set, o)
	}
	return set
}

func geometryCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: geometryName, Usage: "deploy the geometry of a detector, moved where asked for",
		Description: "Of the geometry files of the detector the newest that is not after the run is\n" +
			"copied into the calib directory, else the default of its type. If one of --parent,\n" +
			"--pos* and --rot* is given, the one object in the frame gets that position, with the\n" +
			"defaults for what is not given, and tilts of 0; a rayonix always does, and gets the\n" +
			"size of its configuration. With -a nothing is deployed: a geometry is added.\n\n" +
			"Examples:\n" +
			"   deploy_constants geometry -e cxilu9218 -d CxiDs1.0:Jungfrau.0 -r238 --posz -100000 --rotz 90 -D -R 10-20\n" +
			"   deploy_constants geometry -e xpptut15 -r 380 -d CxiDs1.0:Cspad.0 -D -c ./calib\n" +
			"   deploy_constants geometry -e xpptut15 -r 460 -d MecTargetChamber.0:Cspad2x2.3 -D -c ./calib --posx 10 --posy -20\n" +
			"   deploy_constants geometry -e mfxp1003323 -r 24 -d MfxEndstation.0:Epix10ka2M.0 -a 2021-02-02-recentred.txt -D\n\n" +
			"EXIT STATUS: 0 done, or nothing was asked for, 1 failed, 2 wrong command line,\n" +
			"   3 -D was given, but there is no geometry, 10 no repository or data root, 11 locked by another",
		Flags:  geometryFlags,
		Action: func(c *cli.Context) error { return deployGeometry(env, c) },
	}
}

// geometryDeploy is the geometry command with its options checked.
type geometryDeploy struct {
	*deployCommand
	move     bool
	parent   string // "": the interaction point's
	position geometry.Position
	byName   bool
	link     string
}

func deployGeometry(env Env, c *cli.Context) error {
	d, err := newDeployCommand(env, c, env.args)
	if err != nil {
		return err
	}
	d.records, d.repository, d.ctype = geometryRecords, d.Geometry, repo.Geometry
	g := &geometryDeploy{deployCommand: d, parent: c.String("parent"), byName: c.Bool("backwrd"), link: c.String("addgeof")}
	if err := d.parse(c, noArguments, d.parseDataset, d.parseSelection, d.parseModes, d.parseRepository, g.parsePosition); err != nil {
		return err
	}
	return g.execute(c.Context)
}

func noArguments(c *cli.Context) error {
	if c.NArg() > 0 {
		return fmt.Errorf("unrecognized argument %q", c.Args().First())
	}
	return nil
}

// farthest is the greatest number, in um or degrees, that is no slip.
const farthest = 1e12

func (g *geometryDeploy) parsePosition(c *cli.Context) error {
	g.position.Z = -100000 // as documented
	p := &g.position
	for i, value := range []*float64{&p.X, &p.Y, &p.Z, &p.RotX, &p.RotY, &p.RotZ} {
		name := positionFlags[i]
		if !c.IsSet(name) {
			continue
		}
		v, err := strconv.ParseFloat(c.String(name), 64)
		if err != nil || !(math.Abs(v) <= farthest) { // NaN is neither
			return fmt.Errorf("option --%s: %q is not a number up to %g", name, c.String(name), farthest)
		}
		*value, g.move = v, true
	}
	g.move = g.move || c.IsSet("parent")
	if g.move && g.link != "" {
		return errors.New("-a deploys nothing, so there is no detector to move; give it without --parent, --pos*, and --rot*")
	}
	return nil
}

// execute carries the checked command out, as that of the documented command does.
func (g *geometryDeploy) execute(ctx context.Context) (err error) {
	files, err := g.openFiles()
	if err != nil {
		return err
	}
	defer files.Close()
	finish, err := g.openLog()
	if err != nil {
		return err
	}
	defer func() { err = finish(err) }()
	if !g.dryRun {
		g.recordStart()
	}
	catalog, err := g.catalog()
	if err != nil {
		return err
	}
	done, err := stages.DeployGeometry(ctx, stages.GeometryOptions{
		DeployOptions: g.stageOptions(catalog), Files: files,
		Move: g.move, Parent: g.parent, Position: g.position, ByName: g.byName, Link: g.link,
	}, g.log)
	if errors.Is(err, stages.ErrNothingValid) && g.json {
		return errors.Join(err, g.show(done))
	}
	if err != nil {
		return err
	}
	if err := g.show(done); err != nil {
		return fmt.Errorf("%s: %s, which cannot be printed: %w", done.Outcome, done.Target, err)
	}
	return nil
}

func (g *geometryDeploy) openFiles() (*geometry.Repository, error) {
	o := g.repositoryOptions(g.ownership, func(message string) { g.log.Warn(message) })
	if g.makeRepository && !g.dryRun {
		return geometry.Create(g.repository, o)
	}
	return geometry.Open(g.repository, o)
}

// show prints the result on stdout.
func (g *geometryDeploy) show(done stages.GeometryDeployment) error {
	if g.json {
		return printJSON(g.env.Stdout, done)
	}
	if done.Link != "" {
		_, err := fmt.Fprintln(g.env.Stdout, oneLine(fmt.Sprintf("%s: %s -> %s", done.Outcome, done.Target, done.Link)))
		return err
	}
	if err := g.print(done.Deployment); err != nil || done.Moved == nil {
		return err
	}
	m := done.Moved
	_, err := fmt.Fprintln(g.env.Stdout, oneLine(fmt.Sprintf("  moved: %s in %s to %s", m.Object, m.Frame, m.Position)))
	return err
}
