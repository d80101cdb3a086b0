package jobs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/jobs"
)

// Everything lies in the directory, each under its own name.
func TestPaths(t *testing.T) {
	state := jobs.State{Dir: "/state"}
	seen := map[string]bool{}
	for _, path := range []string{
		state.Ledger(), state.Digests(), state.Transactions(), state.Objects(), state.Jobs(),
		state.Plan(), state.Notes(), state.Locks(), state.Heartbeat(), state.Metrics(),
	} {
		if !strings.HasPrefix(path, "/state/") || seen[path] {
			t.Errorf("%s is not below the directory or taken twice", path)
		}
		seen[path] = true
	}
}

func TestMake(t *testing.T) {
	state := jobs.State{Dir: filepath.Join(t.TempDir(), "local", "state")}
	for range 2 {
		if err := state.Make(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(state.Dir)
	if err != nil || info.Mode().Perm()&^jobs.DirMode != 0 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := (jobs.State{}).Make(); !errors.Is(err, jobs.ErrNoState) {
		t.Errorf("error %v, want ErrNoState", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := (jobs.State{Dir: file}).Make(); err == nil {
		t.Error("a file was taken for the directory")
	}
}
