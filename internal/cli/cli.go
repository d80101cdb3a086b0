// Package cli is the command line: it turns arguments into an options struct,
// makes one call, prints what it returns, and turns errors into exit statuses.
// No other package knows the flag parser.
//
// Without a subcommand the program is the documented single-shot tool, flag for
// flag; its arguments pass through normalize first, since the documentation's
// glued options and unique prefixes are unknown to the flag parser.
//
// stdout is data; messages, warnings and logs go to stderr.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"deployconstants/pipeline"
)

const program = "deploy_constants"

// Env is the world of one command: everything that it takes from its process.
// Tests hand in their own; System returns the real one.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	Now            func() time.Time
	Account        func() string // login name of the caller in the password file
	Host           func() string
	Dir            string // working directory, absolute

	// patient outlives the context of a command by the grace after the first
	// signal: batch commands finish in it what is in flight. Run sets it.
	patient context.Context

	args []string // of the command, program name excluded; Run sets it
}

// System returns the environment of this process.
func System() Env {
	return Env{
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		Getenv: os.Getenv,
		Now:    time.Now,
		Account: func() string {
			if u, err := user.Current(); err == nil {
				return u.Username
			}
			return fmt.Sprintf("uid%d", os.Getuid())
		},
		Host: func() string {
			host, err := os.Hostname()
			if err != nil {
				return "unknown"
			}
			return host
		},
		Dir: workingDir(),
	}
}

// workingDir is the kernel's name of the directory, as Python's os.getcwd gives
// it: $PWD, which os.Getwd prefers, is only what the caller says.
func workingDir() string {
	dir, err := syscall.Getwd()
	if err != nil {
		return "."
	}
	return dir
}

var loginName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,63}$`)

// user returns the name that records carry: the first of the variables that the
// original program asks, if it is the shape of a login name, else the name in the
// password file.
func (e Env) user() string {
	for _, variable := range []string{"LOGNAME", "USER", "LNAME", "USERNAME"} {
		if name := e.Getenv(variable); name != "" {
			if loginName.MatchString(name) {
				return name
			}
			break
		}
	}
	return e.Account()
}

// grace is how long batch commands may finish what is in flight after the first
// signal: Slurm leaves 30 s between SIGTERM and SIGKILL.
const grace = 20 * time.Second

// Run runs the command with its arguments, program name excluded, and returns the
// exit status. SIGINT, SIGTERM, and SIGHUP, a lost connection, end the context of
// the command, and so does SIGUSR1 that of a task; the second of them, or the end of
// the grace, ends it all.
func Run(ctx context.Context, env Env, args []string) int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if len(args) > 0 && args[0] == "task" {
		signal.Notify(signals, syscall.SIGUSR1) // Slurm's, before the time limit
	}
	defer signal.Stop(signals)
	patient, untilSignal, release := pipeline.Interrupts(ctx, signals, grace)
	defer release()
	env.patient, env.args = patient, args
	err := run(untilSignal, env, args)
	if cause, ok := errors.AsType[*pipeline.SignalError](context.Cause(untilSignal)); ok && err != nil && statusOf(err) != statusAgain {
		err = &statusError{status: statusOfSignal(cause.Signal), err: err}
	}
	return report(env.Stderr, err, wantsJSON(args))
}

// run carries args out; args as typed are also what the record of the start shows.
func run(ctx context.Context, env Env, args []string) error {
	app := newApp(env, args)
	if len(args) == 0 {
		return usageErrorf("no arguments; a regular command is: %s", regularExample)
	}
	sister, documented := sisterOptions[args[0]]
	switch {
	case documented:
		normal, err := sister.normalize(args[1:])
		if err != nil {
			return &usageError{command: program + " " + args[0], err: err}
		}
		args = append([]string{args[0]}, normal...)
	case app.Command(args[0]) != nil:
	case isWord(args[0]):
		return usageErrorf("unknown command %q", args[0])
	default:
		normal, err := options.normalize(args)
		if err != nil {
			return &usageError{command: program, err: err}
		}
		args = normal
	}
	return app.RunContext(ctx, append([]string{program}, args...))
}

// sisterOptions are the options of the commands that were programs of their own, with
// the argument grammar of the original.
var sisterOptions = map[string]optionSet{
	geometryName: geometryOptions, epix10kaName: epix10kaOptions, jungfrauName: jungfrauOptions,
	darkName: darkOptions, injectionName: injectionOptions,
}

// isWord reports whether an argument could be meant as the name of a command.
func isWord(arg string) bool { return arg != "" && arg[0] != '-' }

func newApp(env Env, args []string) *cli.App {
	app := &cli.App{
		Name:                  program,
		Usage:                 "deployment of calibration parameters",
		Version:               version(),
		HideHelpCommand:       true,
		HideVersion:           true,
		CustomAppHelpTemplate: helpText,
		Reader:                env.Stdin,
		Writer:                env.Stdout,
		ErrWriter:             env.Stderr,
		Flags:                 deployFlags(),
		Action:                deployAction(env, args),
		Commands: []*cli.Command{
			scanCommand(env), mergeCommand(env), planCommand(env), applyCommand(env), sweepCommand(env),
			submitCommand(env), taskCommand(env), statusCommand(env), resumeCommand(env), cancelCommand(env), jobsCommand(env),
			verifyCommand(env), undoCommand(env), historyCommand(env), affectedCommand(env), explainCommand(env),
			ledgerCommand(env), repoCommand(env), geometryCommand(env), epix10kaCommand(env), jungfrauCommand(env), darkCommand(env), injectionCommand(env), xtcCommand(env), configCommand(env), completionCommand(env),
		},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return &usageError{command: program, err: err}
		},
		ExitErrHandler: func(*cli.Context, error) {}, // statuses are decided in report
	}
	for _, command := range app.Commands {
		guard(command, program)
	}
	return app
}

// guard gives the command and its subcommands the rules that the flag parser
// does not have by default: usage errors are ours to print and name the command,
// an unknown subcommand is an error, and so is a flag behind a positional
// argument, which the parser would pass on as another argument.
func guard(command *cli.Command, parent string) {
	name := parent + " " + command.Name
	command.HideHelpCommand = true
	command.CustomHelpTemplate = manual(command, name)
	command.OnUsageError = func(_ *cli.Context, err error, _ bool) error {
		return &usageError{command: name, err: plainFlagError(err)}
	}
	act := command.Action
	if act == nil {
		act = unknownSubcommand
	}
	command.Action = func(c *cli.Context) error {
		err := checkArguments(c)
		if err == nil {
			err = act(c)
		}
		if usage, ok := errors.AsType[*usageError](err); ok {
			usage.command = name
		}
		return err
	}
	for _, sub := range command.Subcommands {
		guard(sub, name)
	}
}

// checkArguments refuses options behind arguments, and what is named by nothing: an
// unset shell variable must not turn into a default, or into everything.
func checkArguments(c *cli.Context) error {
	for _, arg := range c.Args().Slice() {
		switch {
		case arg == "":
			return usageErrorf("an argument is empty")
		case strings.HasPrefix(arg, "-") && arg != "-":
			return usageErrorf("option %q stands behind an argument; options go first", arg)
		}
	}
	for _, flag := range c.Command.Flags {
		name := flag.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		empty := false
		switch flag.(type) {
		case *cli.StringFlag:
			empty = c.String(name) == ""
		case *cli.StringSliceFlag:
			empty = slices.Contains(c.StringSlice(name), "")
		}
		if empty {
			return usageErrorf("option --%s has an empty value", name)
		}
	}
	return nil
}

// flagErrors are the messages of the flag parser, and ours.
var flagErrors = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`^flag provided but not defined: (-.)$`), "unknown option $1"},
	{regexp.MustCompile(`^flag provided but not defined: (-.+)$`), "unknown option -$1"},
	{regexp.MustCompile(`^flag needs an argument: (-.)$`), "option $1 needs a value"},
	{regexp.MustCompile(`^flag needs an argument: (-.+)$`), "option -$1 needs a value"},
	{regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?(-[^:]): .*$`), "option $2: $1 is not a value of it"},
	{regexp.MustCompile(`(?s)^invalid (?:boolean )?value (".*") for (?:flag )?(-[^:]+): .*$`), "option -$2: $1 is not a value of it"},
}

// plainFlagError says in the program's words what the flag parser says in its own.
func plainFlagError(err error) error {
	for _, known := range flagErrors {
		if found := known.pattern.FindStringSubmatchIndex(err.Error()); found != nil {
			return errors.New(string(known.pattern.ExpandString(nil, known.text, err.Error(), found)))
		}
	}
	return err
}

func unknownSubcommand(c *cli.Context) error {
	var known []string
	for _, sub := range c.Command.Subcommands {
		known = append(known, sub.Name)
	}
	if c.NArg() == 0 {
		return usageErrorf("want one of the subcommands %s", strings.Join(known, ", "))
	}
	return usageErrorf("want one of the subcommands %s, got %q", strings.Join(known, ", "), c.Args().First())
}

// version is that of the module, or the revision that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}

// wantsJSON tells if the command line asks for JSON, also where it is wrong.
func wantsJSON(args []string) bool {
	return slices.ContainsFunc(args, func(arg string) bool {
		return len(arg) > len("--") && strings.HasPrefix("--json", arg)
	})
}

// printJSON prints one JSON document, indented for people, followed by a newline.
func printJSON(w io.Writer, document any) error {
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(document)
}
