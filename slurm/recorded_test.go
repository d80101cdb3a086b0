package slurm_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// versions are those whose outputs are recorded.
var versions = []string{"22.05", "24.11"}

// A recording is a command that was run on a real cluster.
type recording struct {
	args   []string
	output string
	exit   int
}

// recorded reads a recording: the command line after "$ ", what it said on both
// outputs, and "[exit 0]".
func recorded(t testing.TB, version, name string) recording {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", version, name))
	if err != nil {
		t.Fatal(err)
	}
	command, rest, _ := strings.Cut(string(text), "\n")
	output, exit, ok := strings.Cut(rest, "[exit ")
	code, err := strconv.Atoi(strings.TrimRight(exit, "]\n"))
	if !ok || err != nil || !strings.HasPrefix(command, "$ ") {
		t.Fatalf("%s/%s is no recording", version, name)
	}
	return recording{args: strings.Fields(command)[1:], output: output, exit: code}
}

// columns returns the values of the output's columns, by the letters or names of
// the recorded command's -o.
func (r recording) columns(t testing.TB) []map[string]string {
	t.Helper()
	i := slices.Index(r.args, "-o")
	if i < 0 {
		t.Fatalf("%q has no format", r.args)
	}
	names := strings.FieldsFunc(r.args[i+1], func(c rune) bool { return strings.ContainsRune("%|,", c) })
	var rows []map[string]string
	for line := range strings.Lines(r.output) {
		values := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(values) != len(names) {
			t.Fatalf("%q has not the columns %q", line, names)
		}
		row := map[string]string{}
		for i, name := range names {
			row[name] = values[i]
		}
		if row["JobID"] != "JobID" { // the headline
			rows = append(rows, row)
		}
	}
	return rows
}

// queue returns a recorded squeue as the package asks for it, every job named so.
func queue(t testing.TB, version, jobName string) string {
	t.Helper()
	var b strings.Builder
	for _, row := range recorded(t, version, "squeue-states-all.txt").columns(t) {
		b.WriteString(strings.Join([]string{row["F"], row["K"], row["A"], row["T"], row["N"], jobName, row["r"]}, "|") + "\n")
	}
	return b.String()
}

// accounting returns a recorded sacct -D as the package asks for it. Its times were
// those of UTC.
func accounting(t testing.TB, version, jobName string) string {
	t.Helper()
	var b strings.Builder
	for _, row := range recorded(t, version, "sacct-D.txt").columns(t) {
		for _, name := range []string{"Submit", "Start", "End"} {
			if at, err := time.Parse("2006-01-02T15:04:05", row[name]); err == nil {
				row[name] = strconv.FormatInt(at.Unix(), 10)
			}
		}
		b.WriteString(strings.Join([]string{
			row["JobID"], row["JobIDRaw"], jobName, row["State"], row["ExitCode"], row["Submit"], row["Start"], row["End"], row["NodeList"],
		}, "|") + "\n")
	}
	return b.String()
}
