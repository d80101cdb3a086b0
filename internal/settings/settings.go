// Package settings holds what a site decides once: where its data, its
// repository and its records are, in which zone its clocks run, and what the
// batch commands may do.
//
// Every setting comes from the first of these that has it: the environment, the
// settings file, the built-in default, which is that of LCLS. Flags of a command
// go before all of them; the commands see to that.
//
//	setting                    environment                          default
//	repository                 $SIT_ROOT/detector/calib/constants   /reg/g/psdm/detector/calib/constants
//	geometry_repository        $SIT_ROOT/detector/calib/geometry    /reg/g/psdm/detector/calib/geometry
//	epix10ka_repository        $SIT_ROOT/detector/gains/epix10k/panels    below /reg/g/psdm
//	jungfrau_repository        $SIT_ROOT/detector/gains/jungfrau/panels   below /reg/g/psdm
//	data_roots                 $SIT_PSDM_DATA                       ["/reg/d/psdm"]
//	experiment_table           $SIT_DATA                            a small built-in table
//	start_records              $SIT_ROOT/logs/atstart               /reg/g/psdm/logs/atstart
//	zone                                                            "America/Los_Angeles"
//	alias_file                                                      "aliases.txt"
//	lock_timeout                                                    "30s"
//	state_dir                  $DEPLOY_CONSTANTS_STATE              ~/.local/state/deploy_constants
//	calib_dir                                                       "{root}/{instrument}/{experiment}/calib"
//	frozen                                                          [], globs of experiments that are left alone
//	trusted_owners                                                  [], users whose constants are deployed; []: any
//	batch.group                                                     "ps-users"
//	batch.dir_mode, file_mode                                       "2775", "0664"
//	batch.workers                                                   0, the number that fits the machine
//	batch.settle                                                    "2m", files younger than this are still being written
//	batch.max_changes                                               0, no limit to the files that one apply changes
//	batch.max_replace_percent                                       0, no limit to the share that it replaces
//	batch.waves                                                     "", all at once
//	batch.metrics                                                   <state_dir>/metrics.prom
//	slurm.*                                                         see Slurm
//	max_age.<ctype>                                                 days after which constants are warned about
//	content.<ctype>                                                 limits of the elements, see Content
//
// The file is TOML. A key that is not in the table above is an error: a typing
// mistake must not be taken for the default.
package settings

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // stamps must not depend on the zone files of a host

	"github.com/BurntSushi/toml"

	"deployconstants/internal/atomicfile"
	"deployconstants/repo"
)

// SystemFile is the settings file that is read where neither a flag nor
// $DEPLOY_CONSTANTS_CONFIG names one. It may be absent.
const SystemFile = "/etc/deploy_constants.toml"

// Environment variables of the program itself.
const (
	FileVariable  = "DEPLOY_CONSTANTS_CONFIG" // names the settings file
	StateVariable = "DEPLOY_CONSTANTS_STATE"  // names the state directory
)

// Settings are the decisions of a site. The zero value is not useful; use Load.
type Settings struct {
	File            string         // that was read; "": none
	Root            string         // $SIT_ROOT, in which the repository is by default
	Repository      string         // folder of the constants repository
	Geometry        string         // folder of the repository of geometry files
	Epix10ka        string         // folder of the repository of panels of the epix10ka, quads and 2Ms included
	Jungfrau        string         // folder of the repository of panels of the Jungfrau
	DataRoots       []string       // folders that hold <instrument>/<experiment>/xtc, searched in order
	ExperimentTable string         // file `number instrument experiment`; "": see SitData
	SitData         string         // psana's search path, in whose folders the table is ExpNameDb/experiment-db.dat; goes before ExperimentTable
	StartRecords    string         // folder of the records of every start; "": none are written
	Zone            *time.Location // of all stamps, whatever the zone of the host
	AliasFile       string         // name of a new alias file: "aliases.txt" or ".aliases.txt"
	LockTimeout     time.Duration  // how long to wait for a lock that another process holds

	StateDir      string        // of the tool's own files; "" where there is no home directory
	CalibDir      CalibTemplate // where an experiment's calib directory is
	Frozen        []string      // globs of experiments whose calib directories are left alone
	TrustedOwners []string      // names of users; empty: anybody
	Batch         Batch
	Slurm         Slurm
	MaxAge        map[string]int     // days, by psana's ctype
	Content       map[string]Content // by psana's ctype

	origins map[string]string
}

// Batch is the policy of the commands that work on many experiments.
type Batch struct {
	Group             string          // of everything made in calib directories; "": the system's choice
	DirMode           atomicfile.Mode // of directories
	FileMode          atomicfile.Mode // of files
	Workers           int             // 0: the number that fits the machine
	Settle            time.Duration   // XTC files younger than this are still being written
	MaxChanges        int             // files that one apply may change; 0: any
	MaxReplacePercent float64         // of the deployed files that one apply may replace; 0: any
	Waves             string          // "1,1%,100%"; "": all at once
	Metrics           string          // Prometheus textfile; "": in the state directory
}

// Content is what constants of a ctype must keep to; absent values are those of
// package content.
type Content struct {
	Min        *float64 `toml:"min"`
	Max        *float64 `toml:"max"`
	MaxChanged *float64 `toml:"max_changed"` // fraction of the elements, 0 to 1, that may differ from what is deployed
	MaxBad     *float64 `toml:"max_bad"`     // of status words: fraction of the pixels, 0 to 1, that may have a bit
}

// file mirrors the settings file. A nil field is absent from it.
type file struct {
	Repository      *string   `toml:"repository"`
	Geometry        *string   `toml:"geometry_repository"`
	Epix10ka        *string   `toml:"epix10ka_repository"`
	Jungfrau        *string   `toml:"jungfrau_repository"`
	DataRoots       *[]string `toml:"data_roots"`
	ExperimentTable *string   `toml:"experiment_table"`
	StartRecords    *string   `toml:"start_records"`
	Zone            *string   `toml:"zone"`
	AliasFile       *string   `toml:"alias_file"`
	LockTimeout     *string   `toml:"lock_timeout"`
	StateDir        *string   `toml:"state_dir"`
	CalibDir        *string   `toml:"calib_dir"`
	Frozen          *[]string `toml:"frozen"`
	TrustedOwners   *[]string `toml:"trusted_owners"`
	Batch           batch     `toml:"batch"`
	Slurm           slurm     `toml:"slurm"`

	MaxAge  map[string]int     `toml:"max_age"`
	Content map[string]Content `toml:"content"`
}

type batch struct {
	Group             *string  `toml:"group"`
	DirMode           *string  `toml:"dir_mode"`
	FileMode          *string  `toml:"file_mode"`
	Workers           *int     `toml:"workers"`
	Settle            *string  `toml:"settle"`
	MaxChanges        *int     `toml:"max_changes"`
	MaxReplacePercent *float64 `toml:"max_replace_percent"`
	Waves             *string  `toml:"waves"`
	Metrics           *string  `toml:"metrics"`
}

// Load reads the settings from the file at path, or, where path is empty, from
// the file named by the environment or SystemFile. getenv is os.Getenv or a
// stand-in for it.
func Load(path string, getenv func(string) string) (Settings, error) {
	s := Settings{
		Root:         "/reg/g/psdm",
		Repository:   "/reg/g/psdm/detector/calib/constants",
		Geometry:     "/reg/g/psdm/detector/calib/geometry",
		Epix10ka:     "/reg/g/psdm/detector/gains/epix10k/panels",
		Jungfrau:     "/reg/g/psdm/detector/gains/jungfrau/panels",
		DataRoots:    []string{"/reg/d/psdm"},
		StartRecords: "/reg/g/psdm/logs/atstart",
		AliasFile:    "aliases.txt",
		LockTimeout:  30 * time.Second,
		CalibDir:     besideData,
		Batch:        Batch{Group: "ps-users", DirMode: 0o2775, FileMode: 0o664, Settle: 2 * time.Minute},
		Slurm:        defaultSlurm(),
		origins:      map[string]string{},
	}
	if home := getenv("HOME"); home != "" {
		s.StateDir = filepath.Join(home, ".local/state/deploy_constants")
	}
	explicit := path != ""
	if !explicit {
		path = getenv(FileVariable)
		explicit = path != ""
	}
	if !explicit {
		path = SystemFile
	}
	in, keys, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !explicit:
	case err != nil:
		return Settings{}, err
	default:
		s.File = path
	}
	if err := s.apply(in); err != nil {
		return Settings{}, fmt.Errorf("settings file %s: %w", path, err)
	}
	for _, key := range keys {
		s.origins[key] = path
	}
	s.applyEnvironment(getenv)
	return s, nil
}

func read(path string) (in file, keys []string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return in, nil, fmt.Errorf("settings file: %w", err)
	}
	meta, err := toml.Decode(string(content), &in)
	if err != nil {
		return in, nil, fmt.Errorf("settings file %s: %w", path, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return in, nil, fmt.Errorf("settings file %s: unknown key %q", path, unknown[0])
	}
	for _, key := range meta.Keys() {
		keys = append(keys, key.String())
	}
	return in, keys, nil
}

func (s *Settings) apply(in file) error {
	set(&s.Repository, in.Repository)
	set(&s.Geometry, in.Geometry)
	set(&s.Epix10ka, in.Epix10ka)
	set(&s.Jungfrau, in.Jungfrau)
	set(&s.DataRoots, in.DataRoots)
	set(&s.ExperimentTable, in.ExperimentTable)
	set(&s.StartRecords, in.StartRecords)
	set(&s.AliasFile, in.AliasFile)
	set(&s.StateDir, in.StateDir)
	set((*string)(&s.CalibDir), in.CalibDir)
	set(&s.Frozen, in.Frozen)
	set(&s.TrustedOwners, in.TrustedOwners)
	s.MaxAge, s.Content = in.MaxAge, in.Content
	return errors.Join(
		s.checkPlaces(),
		s.applyZone(in.Zone),
		setDuration(&s.LockTimeout, "lock_timeout", in.LockTimeout),
		s.Batch.apply(in.Batch),
		s.Slurm.apply(in.Slurm),
		checkByCType(s.MaxAge, s.Content),
	)
}

func (s *Settings) checkPlaces() error {
	if s.AliasFile != "aliases.txt" && s.AliasFile != ".aliases.txt" {
		return fmt.Errorf("alias_file is %q; it can be aliases.txt or .aliases.txt", s.AliasFile)
	}
	if len(s.DataRoots) == 0 {
		return errors.New("data_roots is empty; name at least one folder")
	}
	for _, root := range s.DataRoots {
		if root == "" {
			return errors.New("data_roots has an empty name")
		}
	}
	for _, pattern := range s.Frozen {
		if _, err := path.Match(pattern, ""); err != nil || pattern == "" {
			return fmt.Errorf("frozen: %q is no name or pattern of experiments", pattern)
		}
	}
	return s.CalibDir.check()
}

func (s *Settings) applyZone(name *string) error {
	zone := "America/Los_Angeles"
	set(&zone, name)
	var err error
	if s.Zone, err = time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return fmt.Errorf("zone %q is not the name of a time zone such as America/Los_Angeles", zone)
	}
	return nil
}

func (b *Batch) apply(in batch) error {
	set(&b.Group, in.Group)
	set(&b.Workers, in.Workers)
	set(&b.MaxChanges, in.MaxChanges)
	set(&b.MaxReplacePercent, in.MaxReplacePercent)
	set(&b.Waves, in.Waves)
	set(&b.Metrics, in.Metrics)
	return errors.Join(
		b.check(),
		setDuration(&b.Settle, "batch.settle", in.Settle),
		setMode(&b.DirMode, "batch.dir_mode", in.DirMode, atomicfile.Mode.CheckDir),
		setMode(&b.FileMode, "batch.file_mode", in.FileMode, atomicfile.Mode.CheckFile),
	)
}

func (b *Batch) check() error {
	if b.Workers < 0 || b.MaxChanges < 0 || !(b.MaxReplacePercent >= 0 && b.MaxReplacePercent <= 100) { // NaN is neither
		return errors.New("batch: workers and max_changes are 0 or more, max_replace_percent is 0 to 100")
	}
	return nil
}

// checkByCType refuses limits for what is no psana ctype, and ones that nothing keeps.
func checkByCType(maxAge map[string]int, content map[string]Content) error {
	known := repo.PsanaCTypes()
	for ctype, days := range maxAge {
		if !slices.Contains(known, repo.CType(ctype)) || days <= 0 {
			return fmt.Errorf("max_age.%s is %d; write days above zero for one of %v", ctype, days, known)
		}
	}
	for ctype, limits := range content {
		switch {
		case !slices.Contains(known, repo.CType(ctype)):
			return fmt.Errorf("content.%s: no ctype of psana; it has %v", ctype, known)
		case limits.Min != nil && limits.Max != nil && *limits.Min > *limits.Max:
			return fmt.Errorf("content.%s: min %g is above max %g", ctype, *limits.Min, *limits.Max)
		case limits.MaxChanged != nil && (*limits.MaxChanged < 0 || *limits.MaxChanged > 1):
			return fmt.Errorf("content.%s: max_changed is %g; write a fraction, 0 to 1", ctype, *limits.MaxChanged)
		case limits.MaxBad != nil && (*limits.MaxBad < 0 || *limits.MaxBad > 1):
			return fmt.Errorf("content.%s: max_bad is %g; write a fraction, 0 to 1", ctype, *limits.MaxBad)
		}
	}
	return nil
}

// IsFrozen reports whether the calib directory of an experiment is left alone.
func (s Settings) IsFrozen(experiment string) bool {
	return slices.ContainsFunc(s.Frozen, func(pattern string) bool {
		match, _ := path.Match(pattern, experiment) // Load refuses patterns that are none
		return match
	})
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func setDuration(to *time.Duration, key string, text *string) error {
	if text == nil {
		return nil
	}
	duration, err := time.ParseDuration(*text)
	if err != nil || duration <= 0 {
		return fmt.Errorf("%s is %q; write a duration above zero such as 30s or 2m", key, *text)
	}
	*to = duration
	return nil
}

// setMode reads a mode, octal whether or not it begins with 0: "2775" is no
// decimal number in a settings file.
func setMode(to *atomicfile.Mode, key string, text *string, check func(atomicfile.Mode) error) error {
	if text == nil {
		return nil
	}
	mode, err := atomicfile.ParseMode("0" + strings.TrimPrefix(*text, "0o"))
	if err == nil {
		err = check(mode)
	}
	if err != nil {
		return fmt.Errorf("%s is %q: %w", key, *text, err)
	}
	*to = mode
	return nil
}

func (s *Settings) applyEnvironment(getenv func(string) string) {
	from := func(variable string, keys ...string) {
		for _, key := range keys {
			s.origins[key] = "$" + variable
		}
	}
	if root := getenv("SIT_ROOT"); root != "" {
		s.Root = filepath.Clean(root)
		s.Repository = filepath.Join(root, "detector/calib/constants")
		s.Geometry = filepath.Join(root, "detector/calib/geometry")
		s.Epix10ka = filepath.Join(root, "detector/gains/epix10k/panels")
		s.Jungfrau = filepath.Join(root, "detector/gains/jungfrau/panels")
		s.StartRecords = filepath.Join(root, "logs/atstart")
		from("SIT_ROOT", "repository", "geometry_repository", "epix10ka_repository", "jungfrau_repository", "start_records")
	}
	if root := getenv("SIT_PSDM_DATA"); root != "" {
		s.DataRoots = []string{filepath.Clean(root)}
		from("SIT_PSDM_DATA", "data_roots")
	}
	if s.SitData = getenv("SIT_DATA"); s.SitData != "" {
		from("SIT_DATA", "experiment_table")
	}
	if state := getenv(StateVariable); state != "" {
		s.StateDir = state
		from(StateVariable, "state_dir")
	}
}
