package ledger_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc/ledger"
)

// duckdb runs queries with the real DuckDB of $DUCKDB_NODE_MODULES.
func duckdb(t *testing.T, queries ...string) [][][]any {
	t.Helper()
	modules := os.Getenv("DUCKDB_NODE_MODULES")
	if modules == "" {
		testenv.Skip(t, "DUCKDB_NODE_MODULES is not set to a folder with @duckdb/node-api")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		testenv.Skip(t, "no node: %v", err)
	}
	var stderr strings.Builder
	command := exec.CommandContext(t.Context(), node, append([]string{filepath.Join("testdata", "query.mjs")}, queries...)...)
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	var results [][][]any
	for line := range strings.Lines(string(out)) {
		var rows [][]any
		if err := json.Unmarshal([]byte(line), &rows); err != nil {
			t.Fatal(err)
		}
		results = append(results, rows)
	}
	return results
}

// DuckDB reads a ledger as it is, and finds what the program finds: the runs of
// each panel with their first and last time, and every file.
func TestDuckDB(t *testing.T) {
	l := open(t, t.TempDir())
	var runs []ledger.Run
	for e := range 4 {
		experiment(e, 60, func(r ledger.Run) bool { runs = append(runs, r); return true })
	}
	commit(t, l, runs[:100]...)
	commit(t, l, append(runs[100:], sample("xpptut15", 260), ledger.Run{Experiment: "xpptut15", Number: 9, Cause: "unreadable"})...)
	x := load(t, l)

	var panels, files, unknown [][]any
	for _, p := range x.Panels() {
		var count, first, last int64
		for place := range x.With(p.Type, p.ID) {
			if count++; first == 0 || place.BeginRun < first {
				first = place.BeginRun
			}
			last = max(last, place.BeginRun)
		}
		panels = append(panels, []any{p.Type, p.ID, p.IsName, text(count), text(first), text(last)})
	}
	for _, run := range all(x) {
		for _, f := range run.Files {
			files = append(files, []any{run.Experiment, text(int64(run.Number)), f.Name, text(f.Size), text(f.ModTime)})
		}
		if run.BeginRun == 0 {
			unknown = append(unknown, []any{run.Experiment, text(int64(run.Number)), run.Cause, nil})
		}
	}
	from := fmt.Sprintf("FROM read_parquet('%s/*.parquet')", l.Dir())
	got := duckdb(t,
		`SELECT type, id, id_is_name, count(*)::VARCHAR, min(begin_run_ns)::VARCHAR, max(begin_run_ns)::VARCHAR `+from+`
			WHERE type <> '' AND id <> '' GROUP BY ALL ORDER BY ALL`,
		`SELECT experiment, run::VARCHAR, f.name, f.size::VARCHAR, f.mtime_ns::VARCHAR
			FROM (SELECT experiment, run, UNNEST(files) AS f `+from+`) ORDER BY experiment, run::INTEGER, f.name`,
		`SELECT experiment, run::VARCHAR, cause, begin_run::VARCHAR `+from+` WHERE source = '' AND begin_run IS NULL`,
		`SELECT count(*)::VARCHAR `+from+` WHERE epoch_us(begin_run) <> begin_run_ns // 1000`,
	)
	want := [][][]any{panels, files, unknown, {{"0"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-the program's +DuckDB's):\n%s", diff)
	}
}

func text(n int64) string { return strconv.FormatInt(n, 10) }
