package settings_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/settings"
)

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func write(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.toml")
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadTakesTheFirstOfEnvironmentFileDefault(t *testing.T) {
	path := write(t, `
repository = "/file/repository"
data_roots = ["/file/a", "/file/b"]
zone = "Europe/Hamburg"
lock_timeout = "2m"
`)
	if _, err := settings.Load(path, environment()); err == nil || !strings.Contains(err.Error(), "Europe/Hamburg") {
		t.Errorf("a zone that does not exist: %v", err)
	}
	path = write(t, `
repository = "/file/repository"
data_roots = ["/file/a", "/file/b"]
zone = "Europe/Berlin"
alias_file = ".aliases.txt"
lock_timeout = "2m"
`)
	s, err := settings.Load("", environment(settings.FileVariable, path, "SIT_ROOT", "/sit"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Repository != "/sit/detector/calib/constants" || s.StartRecords != "/sit/logs/atstart" {
		t.Errorf("the environment goes before the file: %+v", s)
	}
	if len(s.DataRoots) != 2 || s.Zone.String() != "Europe/Berlin" || s.AliasFile != ".aliases.txt" || s.LockTimeout != 2*time.Minute {
		t.Errorf("the file goes before the defaults: %+v", s)
	}
	if s, err = settings.Load("", environment("SIT_PSDM_DATA", "/data/", "SIT_DATA", "/sitdata")); err != nil {
		t.Fatal(err)
	}
	if s.Zone.String() != "America/Los_Angeles" || s.DataRoots[0] != "/data" ||
		s.SitData != "/sitdata" || s.AliasFile != "aliases.txt" {
		t.Errorf("defaults and environment: %+v", s)
	}
}

func TestLoadRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"unknown key":     `repositry = "/x"`,
		"no TOML":         `repository = `,
		"local zone":      `zone = "Local"`,
		"empty zone":      `zone = ""`,
		"alias file":      `alias_file = "../aliases.txt"`,
		"no roots":        `data_roots = []`,
		"timeout":         `lock_timeout = "soon"`,
		"negative":        `lock_timeout = "-1s"`,
		"no wait":         `lock_timeout = "0s"`,
		"wrong type":      `data_roots = "/x"`,
		"hostile control": "repository = \"\x00\"",
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, content)
			if _, err := settings.Load(path, environment()); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("want an error that names the file, got %v", err)
			}
		})
	}
	if _, err := settings.Load(filepath.Join(t.TempDir(), "absent.toml"), environment()); err == nil {
		t.Error("a file that was named must exist")
	}
}

func TestLoadReadsThePolicyOfBatchCommands(t *testing.T) {
	path := write(t, `
state_dir = "/file/state"
calib_dir = "/calib/{instrument}/{experiment}"
frozen = ["xppl*", "cxi01516"]
trusted_owners = ["psdatmgr"]
[batch]
group = ""
dir_mode = "2770"
file_mode = "0o640"
settle = "5m"
max_replace_percent = 2.5
waves = "1,1%,100%"
[max_age]
pedestals = 30
[content.pixel_gain]
max = 100.0
max_changed = 0.5
[content.pixel_status]
max_bad = 0.25
`)
	s, err := settings.Load(path, environment(settings.StateVariable, "/environment/state", "HOME", "/home/tester"))
	if err != nil {
		t.Fatal(err)
	}
	b := s.Batch
	if b.Group != "" || b.DirMode != 0o2770 || b.FileMode != 0o640 || b.Settle != 5*time.Minute || b.MaxReplacePercent != 2.5 || b.Waves != "1,1%,100%" {
		t.Errorf("batch: %+v", b)
	}
	if dir := s.CalibDir.Dir("/data", "XPP", "xpptut15"); dir != "/calib/XPP/xpptut15" {
		t.Errorf("calib directory: %s", dir)
	}
	if s.MaxAge["pedestals"] != 30 || *s.Content["pixel_gain"].Max != 100 || s.Content["pixel_gain"].Min != nil {
		t.Errorf("limits: %v %v", s.MaxAge, s.Content)
	}
	want := map[string][2]string{
		"state_dir":                      {`"/environment/state"`, "$" + settings.StateVariable},
		"frozen":                         {`["xppl*", "cxi01516"]`, path},
		"batch.dir_mode":                 {`"2770"`, path},
		"batch.max_changes":              {"0", "default"},
		"max_age.pedestals":              {"30", path},
		"content.pixel_gain.max_changed": {"0.5", path},
		"content.pixel_status.max_bad":   {"0.25", path},
	}
	for _, entry := range s.Entries() {
		if w, ok := want[entry.Key]; ok {
			if entry.Value != w[0] || entry.Origin != w[1] {
				t.Errorf("%s: %s from %s, want %s from %s", entry.Key, entry.Value, entry.Origin, w[0], w[1])
			}
			delete(want, entry.Key)
		}
	}
	if len(want) > 0 {
		t.Errorf("not shown: %v", want)
	}
	if s, err = settings.Load("", environment("HOME", "/home/tester")); err != nil || s.StateDir != "/home/tester/.local/state/deploy_constants" {
		t.Errorf("state directory %q, %v", s.StateDir, err)
	}
}

func TestLoadRefusesPoliciesThatCannotBeMeant(t *testing.T) {
	for name, content := range map[string]string{
		"one calib dir for all": `calib_dir = "{root}/calib"`,
		"relative calib dir":    `calib_dir = "calib/{experiment}"`,
		"unknown place":         `calib_dir = "{root}/{hutch}/{experiment}"`,
		"climbing calib dir":    `calib_dir = "{root}/../{experiment}"`,
		"frozen pattern":        `frozen = ["xpp["]`,
		"empty frozen":          `frozen = [""]`,
		"decimal mode":          "[batch]\nfile_mode = \"436\"",
		"program mode":          "[batch]\nfile_mode = \"4775\"",
		"workers":               "[batch]\nworkers = -1",
		"percent":               "[batch]\nmax_replace_percent = 101.0",
		"age of what":           "[max_age]\ngain = 30",
		"age":                   "[max_age]\npedestals = 0",
		"content of what":       "[content.gain]\nmin = 0.0",
		"no content":            "[content.pixel_gain]\nmin = 2.0\nmax = 1.0",
		"fraction":              "[content.pixel_gain]\nmax_changed = 50.0",
		"fraction of pixels":    "[content.pixel_status]\nmax_bad = -0.1",
		"empty root":            `data_roots = ["/a", ""]`,
	} {
		if _, err := settings.Load(write(t, content), environment()); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestFrozenSettingsSayTheSameElsewhere(t *testing.T) {
	text := `
data_roots = ["data", "/other"]
zone = "Europe/Zurich"
frozen = ["amo*"]
[batch]
dir_mode = "2770"
max_replace_percent = 2.5
[slurm]
account = "lcls:data"
time = "1h"
exclude = ["n1"]
[max_age]
pedestals = 10
[content.pixel_gain]
min = 0.5
`
	decided, err := settings.Load(write(t, text), environment())
	if err != nil {
		t.Fatal(err)
	}
	frozen, err := json.Marshal(decided.In("/work"))
	if err != nil {
		t.Fatal(err)
	}
	var thawed settings.Settings
	if err := json.Unmarshal(frozen, &thawed); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(thawed.DataRoots, []string{"/work/data", "/other"}) || thawed.Zone.String() != "Europe/Zurich" {
		t.Errorf("roots %q in zone %s", thawed.DataRoots, thawed.Zone)
	}
	want, got := decided.Entries(), thawed.Entries()
	for i := range want {
		want[i].Origin, got[i].Origin = "", ""
		if want[i].Key != "data_roots" && want[i] != got[i] {
			t.Errorf("thawed %v, was %v", got[i], want[i])
		}
	}
	for what, damaged := range map[string]string{
		"unknown field": strings.Replace(string(frozen), `"Frozen"`, `"Frosty"`, 1),
		"no root":       strings.Replace(string(frozen), `["/work/data","/other"]`, `[]`, 1),
		"no zone":       strings.Replace(string(frozen), `Europe/Zurich`, `Mars/Olympus`, 1),
		"bad mode":      strings.Replace(string(frozen), `"DirMode":1528`, `"DirMode":4294967295`, 1),
		"bad limit":     strings.Replace(string(frozen), `"CPUs":2`, `"CPUs":0`, 1),
	} {
		if damaged == string(frozen) {
			t.Errorf("%s: the test changes nothing: %s", what, frozen)
		}
		if err := json.Unmarshal([]byte(damaged), new(settings.Settings)); err == nil {
			t.Errorf("%s: taken", what)
		}
	}
}

func TestSlurmSettingsThatSbatchWouldNotTakeAreRefused(t *testing.T) {
	for _, line := range []string{
		`partition = "a b"`, `account = "x\ny"`, `qos = "$(id)"`, `time = "30s"`, `memory = "2 GB"`, `cpus = 0`,
		`nice = -1`, `export = ["A=B"]`, `exclude = [""]`, `tasks = 0`, `throttle = -1`, `signal = "40m"`, `shard = "0s"`, `nodes = 4`,
	} {
		_, err := settings.Load(write(t, "[slurm]\n"+line+"\n"), environment())
		if err == nil || !strings.Contains(err.Error(), "slurm.") {
			t.Errorf("%s: %v", line, err)
		}
	}
}
