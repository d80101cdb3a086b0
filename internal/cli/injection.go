package cli

import (
	"errors"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"deployconstants/stages/dark"
	"deployconstants/stages/darkrun"
)

const injectionName = "injection"

// injectionFlags are those of dark that charge injection has, too, and behind them its
// own, with the names of the original's epix10ka_offset_calibration.
var injectionFlags = slices.Concat(flagsNamed(darkFlags,
	"exp", "det", "run", "tstamp", "dssuffix", "dsname", "dirrepo", "dircalib", "loglev", "dirmode", "filemode", "group"),
	[]cli.Flag{
		&cli.BoolFlag{Name: "deploy", Aliases: []string{"D"}, Usage: "deploy pedestals, pixel_rms, and pixel_status, too, and with --gain pixel_gain"},
	},
	flagsNamed(darkFlags, "runrange"),
	[]cli.Flag{
		&cli.StringFlag{Name: "idx", Aliases: []string{"i"}, Usage: "`INDICES` of the panels that are processed, with commas between, from 0; default: all"},
		&cli.StringFlag{Name: "nbs", Aliases: []string{"b"}, Usage: "collect `N` frames of each cycle; default: 4600"},
		&cli.StringFlag{Name: "ixoff", Aliases: []string{"X"}, Usage: "leave `N` frames out of the fits before and behind the switch; default: 10"},
		&cli.StringFlag{Name: "stepnum", Usage: "process only cycle `N`, from 0"},
		&cli.StringFlag{Name: "stepmax", Usage: "process `N` cycles at most; default: 103"},
		&cli.BoolFlag{Name: "gain", Usage: "make tables of gain, too, scaled to the nominal gains at their medians"},
	},
	factorFlags,
	[]cli.Flag{
		&cli.StringFlag{Name: "max-bad", Usage: "hold constants back of which more than the `FRACTION` of the pixels are bad, or have no lines; default: 0.5"},
	},
	flagsNamed(darkFlags, "max-jump", "force", "no-plots", "workers", "dry-run", "json", "config"),
)

// injectionOptions are the flags with the argument grammar of the sister commands.
var injectionOptions = optionsOf(injectionFlags)

// flagsNamed are some of the flags, in this order.
func flagsNamed(flags []cli.Flag, names ...string) []cli.Flag {
	some := make([]cli.Flag, len(names))
	for i, name := range names {
		some[i] = flags[slices.IndexFunc(flags, func(f cli.Flag) bool { return f.Names()[0] == name })]
	}
	return some
}

func injectionCommand(env Env) *cli.Command {
	return &cli.Command{
		Name: injectionName, Usage: "gains and offsets of an Epix10ka from charge injection",
		Description: "A charge injection run of an Epix10ka, Epix10kaQuad or Epix10ka2M has 103 calibration\n" +
			"cycles: five darks, 49 in which every 49th pixel is pulsed in the gain AML, and 49 in\n" +
			"AHL. The darks give tables as dark makes them. Of every pulsed pixel a line is fitted\n" +
			"before and behind the switch of the gain, for each panel the tables gainci and offset;\n" +
			"and from both follow the pedestals behind the switch, AML-L and AHL-L.\n\n" +
			"Pixels without lines, and those of cycles that are missing, have zeros. Numbers that\n" +
			"are there already stay as they are; other ones are replaced only with --force.\n\n" +
			"Examples:\n" +
			"   deploy_constants injection -e detdaq18 -r 52 -d DetLab.0:Epix10ka2M.0\n" +
			"   deploy_constants injection -e detdaq18 -r 52 -d DetLab.0:Epix10ka2M.0 -i 0,5\n" +
			"   deploy_constants injection -e mfxx32516 -r 1021 -d epix10ka --gain -D\n\n" +
			"EXIT STATUS: 0 done, 1 failed: nothing was saved, 2 wrong command line,\n" +
			"   3 some cycles, runs, or deployments failed, the rest is done,\n" +
			"   10 no repository or data root, 11 locked by another",
		Flags: injectionFlags,
		Action: func(c *cli.Context) error {
			m, err := newDarkMaking(env, c, injectionName)
			if err != nil {
				return err
			}
			m.options.Injection = &darkrun.InjectionOptions{}
			return m.do(c, m.parseInjection)
		},
	}
}

// parseInjection reads the options that are those of charge injection alone.
func (m *darkMaking) parseInjection(c *cli.Context) error {
	o := m.options.Injection
	if c.IsSet("idx") {
		var err error
		if o.Panels, err = parseIndices(c.String("idx")); err != nil {
			return fmt.Errorf("option -i: %w", err)
		}
	}
	o.Fit = dark.DefaultInjection()
	margin, err := wholeOption(c, "ixoff", 0)
	if err != nil {
		return err
	}
	if margin != nil {
		if o.Fit.Margin = *margin; *margin > dark.MostMargin {
			return fmt.Errorf("option --ixoff: %d is above %d", *margin, dark.MostMargin)
		}
	}
	factors, err := parseFactors(c)
	if err != nil {
		return err
	}
	switch {
	case c.Bool("gain"):
		o.Gains = &factors
	case c.IsSet("high") || c.IsSet("medium") || c.IsSet("low"):
		return errors.New("--high, --medium and --low are nominal gains, which only --gain needs")
	}
	return nil
}
