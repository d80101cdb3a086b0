// Package settings holds what a site decides once: where its data, its
// repository and its records are, in which zone its clocks run, and how its
// alias files are named.
//
// Every setting comes from the first of these that has it: the environment, the
// settings file, the built-in default, which is that of LCLS. Flags of a command
// go before all of them; the commands see to that.
//
//	setting            environment                          default
//	repository         $SIT_ROOT/detector/calib/constants   /reg/g/psdm/detector/calib/constants
//	data_roots         $SIT_PSDM_DATA                       ["/reg/d/psdm"]
//	experiment_table   $SIT_DATA                            a small built-in table
//	start_records      $SIT_ROOT/logs/atstart               /reg/g/psdm/logs/atstart
//	zone                                                    "America/Los_Angeles"
//	alias_file                                              "aliases.txt"
//	lock_timeout                                            "30s"
//
// The file is TOML. A key that is not in the table above is an error: a typing
// mistake must not be taken for the default.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // stamps must not depend on the zone files of a host

	"github.com/BurntSushi/toml"
)

// SystemFile is the settings file that is read where neither a flag nor
// $DEPLOY_CONSTANTS_CONFIG names one. It may be absent.
const SystemFile = "/etc/deploy_constants.toml"

// FileVariable is the environment variable that names the settings file.
const FileVariable = "DEPLOY_CONSTANTS_CONFIG"

// Settings are the decisions of a site. The zero value is not useful; use Load.
type Settings struct {
	Root            string         // $SIT_ROOT, in which the repository is by default
	Repository      string         // folder of the constants repository
	DataRoots       []string       // folders that hold <instrument>/<experiment>/xtc, searched in order
	ExperimentTable string         // file `number instrument experiment`; "": see SitData
	SitData         string         // psana's search path, in whose folders the table is ExpNameDb/experiment-db.dat; goes before ExperimentTable
	StartRecords    string         // folder of the records of every start; "": none are written
	Zone            *time.Location // of all stamps, whatever the zone of the host
	AliasFile       string         // name of a new alias file: "aliases.txt" or ".aliases.txt"
	LockTimeout     time.Duration  // how long to wait for a lock that another process holds
}

// file mirrors the settings file. A nil field is absent from it.
type file struct {
	Repository      *string   `toml:"repository"`
	DataRoots       *[]string `toml:"data_roots"`
	ExperimentTable *string   `toml:"experiment_table"`
	StartRecords    *string   `toml:"start_records"`
	Zone            *string   `toml:"zone"`
	AliasFile       *string   `toml:"alias_file"`
	LockTimeout     *string   `toml:"lock_timeout"`
}

// Load reads the settings from the file at path, or, where path is empty, from
// the file named by the environment or SystemFile. getenv is os.Getenv or a
// stand-in for it.
func Load(path string, getenv func(string) string) (Settings, error) {
	s := Settings{
		Root:         "/reg/g/psdm",
		Repository:   "/reg/g/psdm/detector/calib/constants",
		DataRoots:    []string{"/reg/d/psdm"},
		StartRecords: "/reg/g/psdm/logs/atstart",
		AliasFile:    "aliases.txt",
		LockTimeout:  30 * time.Second,
	}
	zone := "America/Los_Angeles"
	explicit := path != ""
	if !explicit {
		path = getenv(FileVariable)
		explicit = path != ""
	}
	if !explicit {
		path = SystemFile
	}
	in, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !explicit:
	case err != nil:
		return Settings{}, err
	}
	if err := s.apply(in, &zone); err != nil {
		return Settings{}, fmt.Errorf("settings file %s: %w", path, err)
	}
	s.applyEnvironment(getenv)
	if s.Zone, err = time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return Settings{}, fmt.Errorf("settings file %s: zone %q is not the name of a time zone such as America/Los_Angeles", path, zone)
	}
	return s, nil
}

func read(path string) (file, error) {
	var in file
	content, err := os.ReadFile(path)
	if err != nil {
		return in, fmt.Errorf("settings file: %w", err)
	}
	meta, err := toml.Decode(string(content), &in)
	if err != nil {
		return in, fmt.Errorf("settings file %s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return in, fmt.Errorf("settings file %s: unknown key %q", path, unknown[0])
	}
	return in, nil
}

func (s *Settings) apply(in file, zone *string) error {
	set(&s.Repository, in.Repository)
	set(&s.DataRoots, in.DataRoots)
	set(&s.ExperimentTable, in.ExperimentTable)
	set(&s.StartRecords, in.StartRecords)
	set(zone, in.Zone)
	set(&s.AliasFile, in.AliasFile)
	if s.AliasFile != "aliases.txt" && s.AliasFile != ".aliases.txt" {
		return fmt.Errorf("alias_file is %q; it can be aliases.txt or .aliases.txt", s.AliasFile)
	}
	if len(s.DataRoots) == 0 {
		return errors.New("data_roots is empty; name at least one folder")
	}
	if in.LockTimeout == nil {
		return nil
	}
	timeout, err := time.ParseDuration(*in.LockTimeout)
	if err != nil || timeout <= 0 {
		return fmt.Errorf("lock_timeout is %q; write a duration above zero such as 30s or 2m", *in.LockTimeout)
	}
	s.LockTimeout = timeout
	return nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func (s *Settings) applyEnvironment(getenv func(string) string) {
	if root := getenv("SIT_ROOT"); root != "" {
		s.Root = filepath.Clean(root)
		s.Repository = filepath.Join(root, "detector/calib/constants")
		s.StartRecords = filepath.Join(root, "logs/atstart")
	}
	if root := getenv("SIT_PSDM_DATA"); root != "" {
		s.DataRoots = []string{filepath.Clean(root)}
	}
	s.SitData = getenv("SIT_DATA")
}
