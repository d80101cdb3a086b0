package slurmtest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
)

// Facilities of the scenarios: as many experiments as the issue asks for, and some that
// are made and swept in a fraction of a second.
var (
	large = facility.Options{Seed: 41, Experiments: 100, Runs: 30, Streams: 1}
	small = facility.Options{Seed: 42, Experiments: 40, Runs: 8, Streams: 1}
)

// slurmSettings let four tasks run on a node at a time, with the processors and the
// memory that nodes have in package slurmcluster.
const slurmSettings = `
[slurm]
cpus = 1
memory = "100M"
time = "10m"
shard = "60ms"
tasks = 60
`

// A site is a facility, and a cluster that works on it.
type site struct {
	*facility.Facility
	cluster         // nil: none yet
	dir      string // working directory; facility and settings are in it
	settings string
}

// newSite makes a facility of which nothing was scanned yet.
func newSite(t testing.TB, c cluster, o facility.Options) *site {
	t.Helper()
	s := &site{cluster: c, dir: testenv.Memory(t)}
	s.settings = filepath.Join(s.dir, "site.toml")
	s.remake(t, o)
	return s
}

// remake makes the facility in its place, anew.
func (s *site) remake(t testing.TB, o facility.Options) {
	t.Helper()
	place := filepath.Join(s.dir, "facility")
	must(t, os.RemoveAll(place))
	must(t, os.Mkdir(place, 0o755))
	var err error
	s.Facility, err = facility.Make(place, o)
	must(t, err)
	must(t, s.Restore()) // who is not root sees what root sees
	must(t, os.WriteFile(s.settings, []byte(s.Settings()+slurmSettings), 0o644))
}

// A result is how a command ended.
type result struct {
	status         int // 128 + the signal that killed it
	stdout, stderr string
}

// command is the binary with these arguments, not started.
func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Env = []string{"DEPLOY_CONSTANTS_CONFIG=" + s.settings, "LOGNAME=datamgr", "PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	if s.cluster != nil {
		cmd.Env = append(cmd.Env, s.Env()...)
	}
	cmd.Dir = s.dir
	return cmd
}

// run runs a command to its end.
func (s *site) run(t testing.TB, args ...string) result {
	t.Helper()
	return finish(t, s.command(args...))
}

// finish runs a prepared command to its end.
func finish(t testing.TB, cmd *exec.Cmd) (r result) {
	t.Helper()
	r.status, r.stdout, r.stderr = testenv.Finish(t, cmd)
	return r
}

// want runs a command that must end with the status.
func (s *site) want(t testing.TB, status int, args ...string) result {
	t.Helper()
	r := s.run(t, args...)
	if r.status != status {
		t.Fatalf("deploy_constants %s: exit status %d, want %d\n%s", strings.Join(args, " "), r.status, status, ends(r.stdout+r.stderr))
	}
	return r
}

// ends shortens a text to its ends.
func ends(text string) string {
	const half = 2000
	if len(text) > 2*half {
		text = text[:half] + "\n...\n" + text[len(text)-half:]
	}
	return text
}

// idle waits until the cluster has nothing to do.
func (s *site) idle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, s.WaitIdle(ctx))
}

// patience is how long a state is waited for: a node that is lost takes most of it.
const patience = 2 * time.Minute

// until looks every few milliseconds until something is so.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// decode reads a JSON document.
func decode[T any](t testing.TB, text string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in %s", err, ends(text))
	}
	return value
}
