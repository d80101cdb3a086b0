package cli_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/fslock"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

const (
	aliasFile = "psdm/detector/calib/constants/epix100a/aliases.txt"
	target    = "calib/Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain"
)

// lockedFacility is a facility with a default gain, of which another process holds
// one file locked.
func lockedFacility(t *testing.T, locked string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := writeFacility(dir); err != nil {
		t.Fatal(err)
	}
	defaultGain := filepath.Join(dir, "psdm/detector/calib/constants/epix100a/default/epix100a_default_gain.txt")
	if err := os.WriteFile(defaultGain, []byte("0.06\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, locked)), 0o755); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(dir, locked))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	if err := fslock.File(t.Context(), file, 0); err != nil {
		t.Fatal(err)
	}
	return dir
}

// startCommand starts the documented command at the facility.
func startCommand(t *testing.T, dir string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command("deploy_constants", append([]string{"-e", "xpptut15", "-r", "260", "-d", "epix_1", "-D", "-c", "calib"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SIT_PSDM_DATA="+filepath.Join(dir, "data"), "SIT_ROOT="+filepath.Join(dir, "psdm"), "SIT_DATA=",
		"GORACE=atexit_sleep_ms=0") // else the race detector keeps a process for a second after its end
	stderr := new(bytes.Buffer)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stderr
}

func TestALockThatIsHeldEndsWithItsOwnStatus(t *testing.T) {
	for _, locked := range []string{aliasFile, target + "/HISTORY"} {
		t.Run(filepath.Base(locked), func(t *testing.T) {
			dir := lockedFacility(t, locked)
			settings := filepath.Join(dir, "settings.toml")
			if err := os.WriteFile(settings, []byte(`lock_timeout = "50ms"`), 0o644); err != nil {
				t.Fatal(err)
			}
			cmd, stderr := startCommand(t, dir, "--config", settings)
			_ = cmd.Wait() // the status is what counts
			if status := cmd.ProcessState.ExitCode(); status != 11 || !strings.Contains(stderr.String(), locked) {
				t.Errorf("exit status %d, want 11 and the locked file in\n%s", status, stderr)
			}
			if _, err := os.Stat(filepath.Join(dir, target, "0-end.data")); err == nil {
				t.Error("the constants were published")
			}
		})
	}
}

func TestSignalsEndTheCommandWithTheirStatus(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(signal.String(), func(t *testing.T) {
			dir := lockedFacility(t, aliasFile)
			cmd, stderr := startCommand(t, dir)
			panel := filepath.Join(dir, "psdm/detector/calib/constants/epix100a", epixID, "geometry")
			for _, err := os.Stat(panel); err != nil; _, err = os.Stat(panel) { // then it waits for the lock
				time.Sleep(time.Millisecond)
			}
			if err := cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if status := cmd.ProcessState.ExitCode(); status != want {
				t.Errorf("exit status %d, want %d\n%s", status, want, stderr)
			}
			if _, err := os.Stat(filepath.Join(dir, "calib")); err == nil {
				t.Error("the calib directory was made")
			}
		})
	}
}

// TestAKilledCommandLeavesWholeFiles kills the command at random moments while it
// replaces one content by another: the target is always one of them, whole, nothing
// else ends in .data, and the next call leaves no trace of the killed ones.
func TestAKilledCommandLeavesWholeFiles(t *testing.T) {
	dir := t.TempDir()
	if err := writeFacility(dir); err != nil {
		t.Fatal(err)
	}
	defaultGain := filepath.Join(dir, "psdm/detector/calib/constants/epix100a/default/epix100a_default_gain.txt")
	contents := [2]string{strings.Repeat("0.060 ", 200_000), strings.Repeat("0.0615 ", 300_000)}
	if err := os.WriteFile(defaultGain, []byte(contents[1]), 0o644); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	whole, stderr := startCommand(t, dir)
	if err := whole.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, stderr)
	}
	duration := time.Since(begin) // of a call that nobody kills
	killed := 0
	for round := range 30 {
		if err := os.WriteFile(defaultGain, []byte(contents[round%2]), 0o644); err != nil {
			t.Fatal(err)
		}
		cmd, _ := startCommand(t, dir)
		time.Sleep(rand.N(duration))
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
		if cmd.ProcessState.ExitCode() != 0 {
			killed++
		}
		checkWhole(t, filepath.Join(dir, target), contents[:])
	}
	if killed == 0 {
		t.Fatal("no command was killed: the test shows nothing")
	}
	t.Logf("killed %d of 30", killed)
	last, stderr := startCommand(t, dir)
	if err := last.Wait(); err != nil {
		t.Fatalf("the next call: %v\n%s", err, stderr)
	}
	checkWhole(t, filepath.Join(dir, target), contents[1:])
	entries, err := os.ReadDir(filepath.Join(dir, target))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != "0-end.data" && name != "HISTORY" {
			t.Errorf("left behind: %s", name)
		}
	}
}

// checkWhole checks that the folder has no other .data than 0-end.data, which is
// absent or one of the contents.
func checkWhole(t *testing.T, folder string, contents []string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.data"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(name) != "0-end.data" || !slices.Contains(contents, string(content)) {
			t.Errorf("%s has %d bytes of neither content", name, len(content))
		}
	}
}

// TestNamesOfFilesCannotSteerATerminal: an alias comes from the file and may hold
// any bytes.
func TestNamesOfFilesCannotSteerATerminal(t *testing.T) {
	paths, err := xtctest.Run{
		Number: 7, BeginRun: xtc.Clock{Sec: 1458353250},
		Detectors: []xtctest.Detector{{Source: "XcsEndstation.0:Epix100a.1", Alias: "\x1b[31mred\a", Class: "Epix.Config100aV2"}},
	}.Write(t.TempDir(), "e665")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"xtc", "ids"}, {"xtc", "dump"}, {"xtc", "dump", "--json"}, {"xtc", "ids", "--json"}} {
		out, err := exec.Command("deploy_constants", append(args, paths[0])...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if !bytes.Contains(out, []byte("[31mred")) || bytes.ContainsAny(out, "\x1b\a") {
			t.Errorf("%v: want the alias, escaped, in\n%q", args, out)
		}
	}
}
