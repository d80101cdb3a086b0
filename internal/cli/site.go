package cli

import (
	"time"

	"deployconstants/internal/atomicfile"
	"deployconstants/internal/settings"
	"deployconstants/repo"
	"deployconstants/repo/content"
	"deployconstants/xtc/dataset"
)

// site is where a command runs: the settings, and who acts when.
type site struct {
	settings.Settings
	env   Env
	start time.Time // in the facility's zone
	user  string
}

// openSite reads the settings; file is what --config names, "" for the default.
func openSite(env Env, file string) (site, error) {
	decided, err := settings.Load(file, env.Getenv)
	if err != nil {
		return site{}, err
	}
	return site{Settings: decided, env: env, start: env.Now().In(decided.Zone), user: env.user()}, nil
}

// ownership is what everything that is made belongs to and allows.
type ownership struct {
	dirMode, fileMode atomicfile.Mode
	group             int // group id; negative: the system's choice
}

// documented are the modes of 2022; directories in a calib tree carry setgid
// besides.
var documented = ownership{dirMode: 0o777, fileMode: 0o666, group: -1}

// repositoryOptions are those of a repository in which this command acts.
func (s site) repositoryOptions(o ownership, warn func(message string)) repo.Options {
	return repo.Options{
		DirMode: o.dirMode, FileMode: o.fileMode, Group: o.group, AliasFile: s.AliasFile,
		Zone: s.Zone, Now: s.env.Now, User: s.user, Host: s.env.Host(), WorkDir: s.env.Dir,
		LockTimeout: s.LockTimeout, Warn: warn,
	}
}

// catalog is that of the site's data: its roots and its experiment table.
func (s site) catalog() (dataset.Catalog, error) {
	table, err := s.experiments()
	return dataset.Catalog{Roots: s.DataRoots, Experiments: table}, err
}

func (s site) experiments() (*dataset.Experiments, error) {
	if s.SitData == "" && s.ExperimentTable != "" {
		return dataset.LoadExperiments(s.ExperimentTable)
	}
	return dataset.SiteExperiments(s.SitData)
}

// limits are those of the content of constants.
func (s site) limits() content.Limits {
	limits := content.Limits{ByCType: map[repo.CType]content.Limit{}}
	for ctype, limit := range s.Content {
		limits.ByCType[repo.CType(ctype)] = content.Limit(limit)
	}
	return limits
}
