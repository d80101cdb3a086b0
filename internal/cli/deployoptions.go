package cli

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/logx"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/xtc/dataset"
)

// deployFlags are the flags of the single-shot command in the form that normalize
// leaves: long names only. Their help is helpText.
func deployFlags() []cli.Flag {
	var flags []cli.Flag
	for _, o := range options {
		switch {
		case o.long == "help":
		case o.takesValue:
			flags = append(flags, &cli.StringFlag{Name: o.long})
		default:
			flags = append(flags, &cli.BoolFlag{Name: o.long})
		}
	}
	return flags
}

// deployCommand is the single-shot command with its options checked.
type deployCommand struct {
	site
	ownership

	dataset              dataset.Spec
	detector, experiment string
	run                  int // negative: that of the dataset
	ctype                repo.CType
	stamp                repo.Stamp // zero: the run's
	runRange             calibdir.Range
	repository           string // folder, without trailing slashes
	makeRepository       bool   // the user named it: it is made if missing
	calibDir             string // as typed
	level                logrus.Level
	deploy, dryRun, json bool
	args                 []string // as typed, for the record
	records              string   // program to which the site's records count the call

	log *logrus.Logger // while the command is carried out
}

func deployAction(env Env, args []string) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.Bool("version") {
			_, err := fmt.Fprintln(env.Stdout, program, version())
			return err
		}
		if c.NArg() > 0 {
			return usageErrorf("unrecognized argument %q", c.Args().First())
		}
		command, err := parseDeploy(env, c, args)
		if err != nil {
			return err
		}
		return command.execute(c.Context)
	}
}

// parseDeploy checks every option before anything is touched.
func parseDeploy(env Env, c *cli.Context, args []string) (*deployCommand, error) {
	d, err := newDeployCommand(env, c, args)
	if err != nil {
		return nil, err
	}
	d.records, d.repository = program, d.Repository
	return d, d.parse(c, refuseEmpty, d.parseDataset, d.parseCType, d.parseSelection, d.parseModes, d.parseRepository)
}

// newDeployCommand takes over what needs no check.
func newDeployCommand(env Env, c *cli.Context, args []string) (*deployCommand, error) {
	site, err := openSite(env, c.String("config"))
	return &deployCommand{
		site: site, ownership: documented, level: logrus.InfoLevel,
		detector: c.String("det"), experiment: c.String("exp"), run: -1,
		calibDir: c.String("dircalib"),
		deploy:   c.Bool("deploy"), dryRun: c.Bool("dry-run"), json: c.Bool("json"),
		args: append([]string{program}, args...),
	}, err
}

// parse checks options; whatever is wrong with them is a usage error.
func (d *deployCommand) parse(c *cli.Context, checks ...func(*cli.Context) error) error {
	for _, check := range checks {
		if err := check(c); err != nil {
			return &usageError{command: program, err: err}
		}
	}
	return nil
}

// refuseEmpty refuses places that are named by nothing: an unset shell variable
// must not turn into the live calib directory, or a default.
func refuseEmpty(c *cli.Context) error {
	for _, name := range []string{"dircalib", "dirrepo", "runrange", "group", "config"} {
		if c.IsSet(name) && c.String(name) == "" {
			return fmt.Errorf("option --%s has an empty value", name)
		}
	}
	return nil
}

// parseDataset builds psana's dataset string from -e, -r, -s and -x.
func (d *deployCommand) parseDataset(c *cli.Context) (err error) {
	if d.detector == "" {
		return errors.New("no detector; name one with -d, such as XcsEndstation.0:Epix100a.1")
	}
	if err := checkExperiment(d.experiment); err != nil {
		return err
	}
	if text := c.String("run"); text != "" {
		number, err := strconv.ParseUint(text, 10, 31)
		if err != nil {
			return fmt.Errorf("option -r: %q is not a run number; one run is deployed at a time", text)
		}
		d.run = int(number)
	}
	name, suffix := c.String("dsname"), c.String("dssuffix")
	if other := c.String("dsnamex"); other != "" {
		name = other
	}
	if strings.HasPrefix(name, ":") {
		name, suffix = "", suffix+name
	}
	switch {
	case name != "":
	case d.experiment == "":
		return errors.New("no experiment; name one with -e, or a whole dataset with -x")
	case d.run < 0:
		return errors.New("no run; give its number with -r, or a whole dataset with -x")
	default:
		name = "exp=" + d.experiment + ":run=" + c.String("run") + suffix
	}
	d.dataset, err = parseSpec(name)
	return err
}

// parseSpec reads a data set string that must say which runs are meant.
func parseSpec(name string) (dataset.Spec, error) {
	spec, err := dataset.ParseSpec(name)
	if err == nil && !spec.IsFile && spec.Runs.Empty() {
		err = fmt.Errorf("data set %q names no run; write run=<number> or run=<first>-<last>", name)
	}
	return spec, err
}

// checkExperiment refuses names that would be more than a name in a path or a
// dataset string.
func checkExperiment(name string) error {
	for _, r := range name {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' {
			return fmt.Errorf("option -e: %q is not an experiment name; it has letters and digits only", name)
		}
	}
	return nil
}

// parseCType reads what is deployed.
func (d *deployCommand) parseCType(c *cli.Context) (err error) {
	ctype := "gain"
	if c.IsSet("ctype") {
		ctype = c.String("ctype")
	}
	if d.ctype, err = repo.ParseCType(ctype); err != nil {
		return fmt.Errorf("option -C: %w", err)
	}
	return nil
}

// parseSelection reads the time of what is deployed, and for which runs.
func (d *deployCommand) parseSelection(c *cli.Context) (err error) {
	if c.IsSet("tstamp") {
		if d.stamp, err = repo.ParseStamp(c.String("tstamp")); err != nil {
			return fmt.Errorf("option -t: %w", err)
		}
	}
	runRange := "0-end"
	if c.IsSet("runrange") {
		runRange = c.String("runrange")
	}
	if d.runRange, err = calibdir.ParseRange(runRange); err != nil {
		return fmt.Errorf("option -R: %w", err)
	}
	return nil
}

// parseModes reads modes, group and log level.
func (d *deployCommand) parseModes(c *cli.Context) (err error) {
	if c.IsSet("dirmode") {
		if d.dirMode, err = atomicfile.ParseMode(c.String("dirmode")); err != nil {
			return fmt.Errorf("option --dirmode: %w", err)
		}
	}
	if c.IsSet("filemode") {
		if d.fileMode, err = atomicfile.ParseMode(c.String("filemode")); err != nil {
			return fmt.Errorf("option --filemode: %w", err)
		}
	}
	if err := d.dirMode.CheckDir(); err != nil {
		return fmt.Errorf("option --dirmode: %w", err)
	}
	if err := d.fileMode.CheckFile(); err != nil {
		return fmt.Errorf("option --filemode: %w", err)
	}
	if c.IsSet("loglev") {
		if d.level, err = logx.ParseLevel(c.String("loglev")); err != nil {
			return fmt.Errorf("option -l: %w", err)
		}
	}
	if name := c.String("group"); name != "" {
		group, err := user.LookupGroup(name)
		if err != nil {
			return fmt.Errorf("option --group: there is no group %q on this host", name)
		}
		if d.group, err = strconv.Atoi(group.Gid); err != nil {
			return fmt.Errorf("option --group: group %q has the id %q, which is not a number", name, group.Gid)
		}
	}
	return nil
}

// parseRepository reads which repository it is, instead of the standard one;
// trailing slashes never show.
func (d *deployCommand) parseRepository(c *cli.Context) error {
	if c.IsSet("dirrepo") {
		d.repository, d.makeRepository = c.String("dirrepo"), true
	}
	if trimmed := strings.TrimRight(d.repository, "/"); trimmed != "" {
		d.repository = trimmed
	}
	return nil
}
