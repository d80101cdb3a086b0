package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/stages"
)

var repositoryFlag = &cli.StringFlag{
	Name: "dirrepo", Aliases: []string{"o"}, Usage: "repository `DIR`; default: $SIT_ROOT/detector/calib/constants",
}

// requestFlags say for which data constants are made, as the library calls of the
// documentation do.
var requestFlags = []cli.Flag{
	&cli.StringFlag{Name: "exp", Aliases: []string{"e"}, Usage: "`EXP`, experiment name"},
	&cli.StringFlag{Name: "run", Aliases: []string{"r"}, Usage: "`RUN` that the constants were made from"},
	&cli.StringFlag{Name: "det", Aliases: []string{"d"}, Usage: "`DET`, full name or alias of the detector"},
	&cli.StringFlag{Name: "ctype", Aliases: []string{"C"}, Value: "gain", Usage: "calibration type `CTYPE`"},
	&cli.StringFlag{Name: "tstamp", Aliases: []string{"t"}, Usage: "`TSTAMP` from which they are valid; default: the run's time"},
	&cli.StringFlag{Name: "rundepl", Aliases: []string{"R"}, Usage: "`RUN` in the name of the file, one number; default: the run"},
	repositoryFlag, jsonFlag, configFlag,
}

const repoStatus = "\n\nEXIT STATUS: 0 done, 1 failed, 2 wrong command line, 10 no repository, 11 locked by another"

func repoCommand(env Env) *cli.Command {
	common := []cli.Flag{repositoryFlag, jsonFlag, configFlag}
	// on opens the repository for an action.
	on := func(act func(repositoryCommand) error) cli.ActionFunc {
		return func(c *cli.Context) error {
			command, err := openRepositoryCommand(env, c)
			if err != nil {
				return err
			}
			return errors.Join(act(command), command.repository.Close())
		}
	}
	return &cli.Command{
		Name:        "repo",
		Usage:       "the constants repository",
		Description: "Options go before arguments, each apart from its value.",
		Subcommands: []*cli.Command{
			{
				Name: "init", ArgsUsage: "[TYPE...]", Usage: "make a repository, and the folders of detector types",
				Description: "Examples:\n   deploy_constants repo init\n   deploy_constants repo init -o ./constants epix100a jungfrau" + repoStatus,
				Flags:       common,
				Action:      func(c *cli.Context) error { return initRepository(env, c) },
			},
			{
				Name: "name", Usage: "print where constants belong; makes the tree and the alias of the panel",
				Description: "Example:\n   deploy_constants repo name -e xpptut15 -r 260 -d XcsEndstation.0:Epix100a.1 -C gain -t 20220901120000" + repoStatus,
				Flags:       requestFlags,
				Action:      on(repositoryCommand.name),
			},
			{
				Name: "save", ArgsUsage: "FILE", Usage: "save an array (.npy or text) as constants, its shape checked, or geometry as it is",
				Description: "Example:\n   deploy_constants repo save -e xpptut15 -r 260 -d XcsEndstation.0:Epix100a.1 -C gain -t 20220901120000 gain.npy" + repoStatus,
				Flags: append([]cli.Flag{
					&cli.StringFlag{Name: "fmt", Value: "%.4f", Usage: "printf `FORMAT` of a number"},
					&cli.BoolFlag{Name: "force", Usage: "replace constants of that name"},
				}, requestFlags...),
				Action: on(repositoryCommand.save),
			},
			{
				Name: "ls", Usage: "list types, panels and constants",
				Description: "Example:\n   deploy_constants repo ls" + repoStatus,
				Flags:       common, Action: on(repositoryCommand.list),
			},
			{
				Name: "aliases", ArgsUsage: "[TYPE...]", Usage: "list the aliases of panels",
				Description: "Example:\n   deploy_constants repo aliases epix100a" + repoStatus,
				Flags:       common, Action: on(repositoryCommand.aliases),
			},
			{
				Name: "check", Usage: "report what is wrong in the repository",
				Description: "Example:\n   deploy_constants repo check\n\n" +
					"EXIT STATUS: 0 in order, 1 failed, 2 wrong command line, 5 something is wrong, 10 no repository",
				Flags: common, Action: on(repositoryCommand.check),
			},
			withdrawCommand(env),
		},
	}
}

// repositoryCommand is a subcommand at an open repository.
type repositoryCommand struct {
	*cli.Context
	site       site
	repository *repo.Repository
	json       bool
	out        io.Writer
}

func openRepositoryCommand(env Env, c *cli.Context) (repositoryCommand, error) {
	site, dir, err := repositoryDir(env, c)
	if err != nil {
		return repositoryCommand{}, err
	}
	repository, err := repo.Open(dir, site.repositoryOptions(documented, site.warn))
	return repositoryCommand{Context: c, site: site, repository: repository, json: c.Bool("json"), out: env.Stdout}, err
}

func repositoryDir(env Env, c *cli.Context) (site, string, error) {
	site, err := openSite(env, c.String("config"))
	if c.IsSet("dirrepo") {
		return site, c.String("dirrepo"), err
	}
	return site, site.Repository, err
}

// warn tells the user what is odd without being an error.
func (s site) warn(message string) {
	fmt.Fprintf(s.env.Stderr, "%s: warning: %s\n", program, oneLine(message))
}

func initRepository(env Env, c *cli.Context) error {
	site, dir, err := repositoryDir(env, c)
	if err != nil {
		return err
	}
	var types []repo.DetType
	for _, name := range c.Args().Slice() {
		detType, err := repo.TypeNamed(name)
		if err != nil {
			return usageErrorf("%w", err)
		}
		types = append(types, detType)
	}
	if err := checkMount(site, c, dir); err != nil {
		return err
	}
	repository, err := repo.Create(dir, site.repositoryOptions(documented, site.warn))
	if err != nil {
		return err
	}
	defer repository.Close()
	for _, detType := range types {
		if err := repository.MakeType(detType); err != nil {
			return err
		}
	}
	if c.Bool("json") {
		return printJSON(env.Stdout, map[string]any{"repository": repository.Dir(), "types": c.Args().Slice()})
	}
	_, err = fmt.Fprintln(env.Stdout, repository.Dir())
	return err
}

// checkMount keeps a repository that nobody named from being made where the site's
// file system is not mounted.
func checkMount(site site, c *cli.Context, dir string) error {
	if c.IsSet("dirrepo") {
		return nil
	}
	base := filepath.Dir(dir)
	if strings.HasPrefix(dir, site.Root+"/") {
		base = site.Root
	}
	if _, err := os.Stat(base); err != nil {
		return fmt.Errorf("%w: %w; is it mounted? name another place with -o", repo.ErrNoRepository, err)
	}
	return nil
}

// request reads the flags and looks the detector up in the run's XTC files.
func (r repositoryCommand) request() (repo.Request, error) {
	q := repo.Request{Experiment: r.String("exp"), Stamp: r.String("tstamp"), DeployRun: r.String("rundepl")}
	if q.Experiment == "" || r.String("run") == "" || r.String("det") == "" {
		return q, usageErrorf("name experiment, run and detector with -e, -r and -d")
	}
	if err := checkExperiment(q.Experiment); err != nil {
		return q, usageErrorf("%w", err)
	}
	number, err := strconv.ParseUint(r.String("run"), 10, 31)
	if err != nil {
		return q, usageErrorf("option -r: %q is not a run number", r.String("run"))
	}
	q.Run = int(number)
	if q.CType, err = repo.ParseCType(r.String("ctype")); err != nil {
		return q, usageErrorf("option -C: %w", err)
	}
	spec, err := parseSpec(fmt.Sprintf("exp=%s:run=%d", q.Experiment, q.Run))
	if err != nil {
		return q, err
	}
	catalog, err := r.site.catalog()
	if err != nil {
		return q, err
	}
	id, err := stages.Identify(r.Context.Context, catalog, spec, r.String("det"))
	if err != nil {
		return q, err
	}
	q.Panel, q.RunStamp = id.Panel, repo.StampOf(id.Time, r.site.Zone)
	return q, nil
}

// usageOf makes errors about what was typed usage errors.
func usageOf(err error) error {
	for _, typed := range []error{repo.ErrBadStamp, repo.ErrBadName, repo.ErrUnknownCType, ndarray.ErrFormat} {
		if errors.Is(err, typed) {
			return usageErrorf("%w", err)
		}
	}
	return err
}

func (r repositoryCommand) name() error {
	q, err := r.request()
	if err != nil {
		return err
	}
	path, err := r.repository.FileName(r.Context.Context, q)
	if err != nil {
		return usageOf(err)
	}
	return r.printPath(path)
}

func (r repositoryCommand) save() error {
	if r.NArg() != 1 {
		return usageErrorf("name one file with the array, .npy or text")
	}
	q, err := r.request()
	if err != nil {
		return err
	}
	path, err := r.saveFile(q, r.Args().First())
	if errors.Is(err, repo.ErrExists) {
		return fmt.Errorf("%w; --force replaces it", err)
	}
	if err != nil {
		return usageOf(err)
	}
	return r.printPath(path)
}

// saveFile saves the file at path: geometry as the text that it is, all else as an
// array.
func (r repositoryCommand) saveFile(q repo.Request, path string) (string, error) {
	options := repo.SaveOptions{Format: r.String("fmt"), Replace: r.Bool("force")}
	if q.CType == repo.Geometry {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		saved, err := r.repository.SaveText(r.Context.Context, q, text, options)
		return saved, ofFile(path, err)
	}
	array, err := readArray(path)
	if err != nil {
		return "", err
	}
	saved, err := r.repository.Save(r.Context.Context, q, array, options)
	return saved, ofFile(path, err)
}

// ofFile names the file in errors about its content.
func ofFile(path string, err error) error {
	for _, content := range []error{repo.ErrEmpty, repo.ErrBadText, repo.ErrBadShape, ndarray.ErrRange} {
		if errors.Is(err, content) {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return err
}

func (r repositoryCommand) printPath(path string) error {
	if r.json {
		return printJSON(r.out, map[string]string{"path": path})
	}
	_, err := fmt.Fprintln(r.out, path)
	return err
}

// readArray reads a NumPy file, recognised by its first bytes, or text.
func readArray(path string) (*ndarray.Array, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	array, err := ndarray.Read(file, ndarray.Limits{})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return array, nil
}

// finding is what `repo check --json` prints of one.
type finding struct {
	Kind    repo.FindingKind `json:"kind"`
	Path    string           `json:"path"`
	Message string           `json:"message"`
}

func (r repositoryCommand) check() error {
	found, err := r.repository.Check(r.Context.Context)
	if err != nil {
		return err
	}
	if r.json {
		rows := make([]finding, len(found))
		for i, f := range found {
			rows[i] = finding{f.Kind, f.Path, f.Message}
		}
		err = printJSON(r.out, rows)
	} else {
		for _, f := range found {
			fmt.Fprintf(r.out, "%s: %s: %s\n", f.Kind, oneLine(f.Path), oneLine(f.Message))
		}
	}
	if len(found) == 0 {
		fmt.Fprintf(r.site.env.Stderr, "%s: %s is in order\n", program, r.repository.Dir())
		return err
	}
	return errors.Join(err, &statusError{status: statusDamage, err: fmt.Errorf("%s is not in order: findings %d", r.repository.Dir(), len(found))})
}
