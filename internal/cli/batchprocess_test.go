package cli_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/internal/fslock"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

// batch returns a command for a whole facility, that of writeFacility in dir.
func batch(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command("deploy_constants", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SIT_PSDM_DATA="+filepath.Join(dir, "data"), "SIT_ROOT="+filepath.Join(dir, "psdm"), "SIT_DATA=",
		"DEPLOY_CONSTANTS_CONFIG="+filepath.Join(dir, "site.toml"), "DEPLOY_CONSTANTS_STATE="+filepath.Join(dir, "state"),
		"GORACE=atexit_sleep_ms=0")
	return cmd
}

// batchFacility makes the facility with settings for its batch commands and a
// default, so that there is something to deploy.
func batchFacility(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := writeFacility(dir); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"site.toml": "start_records = \"\"\n[batch]\ngroup = \"\"\nsettle = \"1ns\"\n",
		"psdm/detector/calib/constants/epix100a/default/epix100a_default_common_mode.txt": "4 6 30 30\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestAReaderThatGoesAwayStopsNoTransaction: `apply --json | head -0` deploys all the
// same, and says that nobody could be told.
func TestAReaderThatGoesAwayStopsNoTransaction(t *testing.T) {
	dir := batchFacility(t)
	for _, args := range [][]string{{"scan"}, {"plan", "-o", "my.plan"}} {
		if out, err := batch(dir, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	reader.Close()
	apply := batch(dir, "apply", "--json", "my.plan")
	var stderr bytes.Buffer
	apply.Stdout, apply.Stderr = writer, &stderr
	_ = apply.Run() // the status is what counts
	writer.Close()
	if status := apply.ProcessState.ExitCode(); status != 1 || !strings.Contains(stderr.String(), "broken pipe") {
		t.Errorf("exit status %d, want 1 and the broken pipe in\n%s", status, &stderr)
	}
	out, err := batch(dir, "verify").CombinedOutput()
	if want := "1 file verified of 1 deployed: 1 as intended\n"; err != nil || string(out) != want {
		t.Errorf("%v\n%s, want %s", err, out, want)
	}
}

// TestAliasesCannotSteerATerminalThroughTheLedger: what files say is escaped also
// where it comes back from the ledger.
func TestAliasesCannotSteerATerminalThroughTheLedger(t *testing.T) {
	dir := batchFacility(t)
	_, err := xtctest.Run{
		Experiment: "xpptut15", Number: 300, BeginRun: xtc.Clock{Sec: 1468353250},
		Detectors: []xtctest.Detector{{Source: "XcsEndstation.0:Epix100a.1", Alias: "\x1b[31mred\a", Class: "Epix.Config100aV2"}},
	}.Write(filepath.Join(dir, "data/XPP/xpptut15/xtc"), "e665")
	if err != nil {
		t.Fatal(err)
	}
	shown := false
	for _, args := range [][]string{
		{"scan"}, {"ledger", "show"}, {"ledger", "show", "--json"}, {"plan"}, {"plan", "--json"},
		{"explain", "-e", "xpptut15", "-r", "300", "-d", "XcsEndstation.0:Epix100a.1", "-C", "common_mode"},
		{"affected", "epix100a/default/epix100a_default_common_mode.txt"}, {"sweep", "-D"}, {"history"},
	} {
		out, err := batch(dir, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		shown = shown || bytes.Contains(out, []byte("[31mred"))
		if bytes.ContainsAny(out, "\x1b\a") {
			t.Errorf("%v: control characters in\n%q", args, out)
		}
	}
	if !shown {
		t.Error("no command shows the alias: the test shows nothing")
	}
}

// TestBatchLocksEndWithTheirOwnStatus: who holds the lock is named, and nothing is
// deployed.
func TestBatchLocksEndWithTheirOwnStatus(t *testing.T) {
	dir := batchFacility(t)
	for _, args := range [][]string{{"scan"}, {"plan", "-o", "my.plan"}} {
		if out, err := batch(dir, args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
	settings := filepath.Join(dir, "site.toml")
	text, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(settings, append([]byte("lock_timeout = \"50ms\"\n"), text...), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		lock   string
		args   []string
		status int
	}{
		{"sweep.lock", []string{"sweep", "-D"}, 11},
		{"xpptut15.lock", []string{"apply", "my.plan"}, 3}, // panels are registered all the same
	} {
		t.Run(c.lock, func(t *testing.T) {
			held, err := fslock.Hold(t.Context(), filepath.Join(dir, "state/locks", c.lock), fslock.Holder{Host: "elsewhere", PID: 7, User: "somebody"}, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer held.Release()
			cmd := batch(dir, c.args...)
			out, _ := cmd.CombinedOutput() // the status is what counts
			if status := cmd.ProcessState.ExitCode(); status != c.status || !strings.Contains(string(out), "somebody") {
				t.Errorf("exit status %d, want %d and the holder in\n%s", status, c.status, out)
			}
			if _, err := os.Stat(filepath.Join(dir, "data/XPP/xpptut15/calib/Epix100a::CalibV1")); err == nil {
				t.Error("constants were deployed")
			}
		})
	}
}
