package settings_test

import (
	"os"
	"path/filepath"
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
