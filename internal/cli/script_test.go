package cli_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"deployconstants/internal/cli"
	"deployconstants/xtc"
	"deployconstants/xtc/xtctest"
)

var update = flag.Bool("update", false, "rewrite what the scripts compare with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"deploy_constants": func() { os.Exit(cli.Run(context.Background(), cli.System(), os.Args[1:])) },
	})
}

// TestScripts runs the commands as typed at a small facility: XPP experiment
// xpptut15 with the runs 260 and 261, and a repository with the detector types
// of their detectors.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Setup: func(env *testscript.Env) error {
			env.Setenv("SIT_PSDM_DATA", filepath.Join(env.WorkDir, "data"))
			env.Setenv("SIT_ROOT", filepath.Join(env.WorkDir, "psdm"))
			env.Setenv("LOGNAME", "tester")
			env.Setenv("GORACE", "atexit_sleep_ms=0") // else every command takes a second more
			env.Setenv("TZ", "Asia/Tokyo")            // stamps must not depend on it
			return writeFacility(env.WorkDir)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"status": status, "normalize": normalize, "transaction": transaction, "darkdata": darkData,
			"jungfraudata": jungfrauData, "rayonixdata": rayonixData, "injectiondata": injectionData,
		},
	})
}

// status N COMMAND ARGS... runs a command that must exit with status N.
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N command args...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d", got, want)
	}
}

// normalize FROM TO writes a file, or stdout or stderr, without what differs from
// run to run: the folder of the script, ids of transactions, which are numbered, the
// host, times of this decade, durations of sweeps, and the blanks that depend on them.
func normalize(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: normalize from to")
	}
	text := strings.ReplaceAll(ts.ReadFile(args[0]), ts.Getenv("WORK"), "$WORK")
	numbers := map[string]int{}
	text = transactionID.ReplaceAllStringFunc(text, func(id string) string {
		if numbers[id] == 0 {
			numbers[id] = len(numbers) + 1
		}
		return fmt.Sprintf("TX%d", numbers[id])
	})
	if host, err := os.Hostname(); err == nil {
		text = regexp.MustCompile(`\b`+regexp.QuoteMeta(host)+`\b`).ReplaceAllString(text, "HOST")
	}
	for _, one := range []struct {
		pattern *regexp.Regexp
		by      string
	}{{recentTime, "TIME"}, {sweepTime, "; DURATION"}, {blanks, "$1  "}} {
		text = one.pattern.ReplaceAllString(text, one.by)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o644))
}

// transaction FILE sets $TX to the first id of a transaction in a file.
func transaction(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: transaction file")
	}
	ts.Setenv("TX", transactionID.FindString(ts.ReadFile(args[0])))
}

var (
	transactionID = regexp.MustCompile(`[0-9]{8}T[0-9]{6}Z-[0-9a-f]{8}`)
	recentTime    = regexp.MustCompile(`20[2-9][0-9]-[0-9]{2}-[0-9]{2}[T ][0-9:.]{8,}Z?`)
	sweepTime     = regexp.MustCompile(`(?m); [0-9.]+m?s$`)
	blanks        = regexp.MustCompile(`(\S) {2,}`)
)

// epixID is the hardware id of the panel in the facility's runs.
const epixID = "0000000007-0996579585-0000000000-0000000000-0000000000-0000000000-0000000000"

// writeFacility makes the facility below dir: files of one control and three DAQ
// streams a run, BeginRun at 19:07:30 on 2016-03-18 (run 260) and a day later.
func writeFacility(dir string) error {
	xtcDir := filepath.Join(dir, "data/XPP/xpptut15/xtc")
	for _, folder := range []string{
		xtcDir, filepath.Join(dir, "data/XPP/xpptut15/calib"), filepath.Join(dir, "psdm/logs/atstart"),
		filepath.Join(dir, "psdm/detector/calib/constants/epix100a/default"),
	} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	for run := range 2 {
		_, err := xtctest.Run{
			Experiment: "xpptut15", Number: 260 + run,
			BeginRun: xtc.Clock{Sec: uint32(1458353250 + 86400*run)},
			Streams:  []int{0, 1, 2, 80}, Events: 40, FramePayload: 1 << 20,
			Detectors: []xtctest.Detector{
				{Source: "XcsEndstation.0:Epix100a.1", Alias: "epix_1", Class: "Epix.Config100aV2",
					Fields: map[string]any{"version": 7, "carrierId0": 996579585}},
				{Source: "XppGon.0:Cspad.0", Class: "CsPad.ConfigV5"},
			},
		}.Write(xtcDir, "e665")
		if err != nil {
			return err
		}
	}
	return nil
}
