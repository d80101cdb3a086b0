package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"deployconstants/internal/settings"
	"deployconstants/xtc/dataset"
)

func configCommand(env Env) *cli.Command {
	flags := []cli.Flag{jsonFlag, configFlag, stateFlag}
	return &cli.Command{
		Name:  "config",
		Usage: "the settings of the site",
		Subcommands: []*cli.Command{
			{
				Name: "show", Usage: "print every setting, and where it comes from",
				Description: "Example:\n   deploy_constants config show --config site.toml" + simpleStatus,
				Flags:       flags,
				Action:      func(c *cli.Context) error { return showConfig(env, c) },
			},
			{
				Name: "check", Usage: "find out if the batch commands could work with these settings here",
				Description: "Looks for data roots, repository, experiment table, group, users, and the state directory.\n\n" +
					"Example:\n   deploy_constants config check --config site.toml\n\n" +
					"EXIT STATUS: 0 in order, 1 the settings cannot be read, 2 wrong command line, 5 something is missing here",
				Flags:  flags,
				Action: func(c *cli.Context) error { return checkConfig(env, c) },
			},
		},
	}
}

func showConfig(env Env, c *cli.Context) error {
	site, err := openBatchSite(env, c)
	if err != nil {
		return err
	}
	entries := site.Entries()
	if c.Bool("json") {
		return printJSON(env.Stdout, entries)
	}
	width := 0
	for _, entry := range entries {
		width = max(width, len(entry.Key))
	}
	for _, entry := range entries {
		if _, err := fmt.Fprintf(env.Stdout, "%-*s = %s  # %s\n", width, entry.Key, oneLine(entry.Value), oneLine(entry.Origin)); err != nil {
			return err
		}
	}
	return nil
}

// configProblem is one thing that keeps the settings from working here.
type configProblem struct {
	Key     string `json:"key"`
	Problem string `json:"problem"`
}

func checkConfig(env Env, c *cli.Context) error {
	site, err := openBatchSite(env, c)
	if err != nil {
		return err
	}
	problems := site.problems()
	if c.Bool("json") {
		err = printJSON(env.Stdout, problems)
	} else {
		for _, p := range problems {
			fmt.Fprintf(env.Stdout, "%s: %s\n", p.Key, oneLine(p.Problem))
		}
	}
	if len(problems) == 0 {
		fmt.Fprintf(env.Stderr, "%s: the settings are in order\n", program)
		return err
	}
	return errors.Join(err, &statusError{status: statusDamage, err: fmt.Errorf("the settings do not work here: problems %d", len(problems))})
}

// problems tries what the settings name. It makes nothing.
func (s site) problems() []configProblem {
	found := []configProblem{}
	add := func(key string, err error) {
		if err != nil {
			found = append(found, configProblem{key, err.Error()})
		}
	}
	for _, root := range s.DataRoots {
		add("data_roots", checkRoot(root))
	}
	add("repository", checkFolder(s.Repository))
	table, err := s.experiments()
	add("experiment_table", err)
	if err == nil && len(table.Malformed()) > 0 {
		add("experiment_table", fmt.Errorf("lines that are no rows: %v", table.Malformed()))
	}
	_, err = lookupGroup(s.Batch.Group)
	add("batch.group", err)
	for _, name := range s.TrustedOwners {
		_, err := lookupUser(name)
		add("trusted_owners", err)
	}
	add("state_dir", s.checkState())
	if s.StartRecords != "" {
		add("start_records", checkFolder(s.StartRecords))
	}
	return found
}

func checkFolder(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("%s is no folder", path)
	}
	return err
}

// checkRoot tells a data root that is not mounted, or empty because what should be
// mounted there is not, from a good one.
func checkRoot(root string) error {
	entries, err := os.ReadDir(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %w; is it mounted?", dataset.ErrNoRoot, err)
	case err != nil:
		return err
	case len(entries) == 0:
		return fmt.Errorf("%s is empty; is it mounted?", root)
	}
	return nil
}

// checkState tells if the state directory is there, or could be made.
func (s site) checkState() error {
	if s.StateDir == "" {
		return fmt.Errorf("no home directory to have it in; set state_dir, $%s, or --state", settings.StateVariable)
	}
	for dir := filepath.Clean(s.StateDir); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir) {
			continue
		}
		switch {
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s is no folder", dir)
		}
		return checkWritable(dir)
	}
}
