package sweeptest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
)

// A site is a facility that the binary works on.
type site struct {
	*facility.Facility
	dir      string // working directory; the facility, plans and settings are in it
	settings string
	seen     map[string]bool          // transactions that fresh returned
	runs     map[facility.Place][]int // known, by place; nil: to be worked out again
}

// newSite makes a facility of which nothing was scanned yet.
func newSite(t testing.TB, o facility.Options) *site {
	t.Helper()
	dir := testenv.Memory(t)
	s := &site{dir: dir, settings: filepath.Join(dir, "site.toml"), seen: map[string]bool{}}
	place := filepath.Join(dir, "facility")
	must(t, os.Mkdir(place, 0o755))
	var err error
	s.Facility, err = facility.Make(place, o)
	must(t, err)
	must(t, s.Restore()) // who is not root sees what root sees
	must(t, os.WriteFile(s.settings, []byte(s.Settings()), 0o644))
	return s
}

// A result is how a command ended.
type result struct {
	status         int // 128 + the signal that killed it
	stdout, stderr string
}

// command is the binary with these arguments, not started.
func (s *site) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), program, args...)
	cmd.Env = []string{"DEPLOY_CONSTANTS_CONFIG=" + s.settings, "LOGNAME=datamgr", "PATH=" + os.Getenv("PATH")}
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
	r.check(t, status, args...)
	return r
}

func (r result) check(t testing.TB, status int, args ...string) {
	t.Helper()
	if r.status != status {
		t.Fatalf("deploy_constants %s: exit status %d, want %d\n%s%s", strings.Join(args, " "), r.status, status, r.stdout, r.stderr)
	}
}

// plan scans and writes a plan.
func (s *site) plan(t testing.TB) string {
	t.Helper()
	s.want(t, 0, "scan")
	name := filepath.Join(s.dir, "all.plan.jsonl.zst")
	s.want(t, 0, "plan", "-o", name)
	return name
}

// A transaction as `history --json` lists it.
type transaction struct {
	ID, Kind, Status string
	UndoOf           string `json:"undo_of"`
}

// transactions lists them, the oldest first.
func (s *site) transactions(t testing.TB) []transaction {
	t.Helper()
	var list []transaction
	must(t, json.Unmarshal([]byte(s.want(t, 0, "history", "--json").stdout), &list))
	return list
}

// fresh are the transactions of the kind that were not listed before. (Those of one
// second are listed in any order.)
func (s *site) fresh(t testing.TB, kind string) []transaction {
	t.Helper()
	var list []transaction
	for _, one := range s.transactions(t) {
		if !s.seen[one.ID] && one.Kind == kind {
			s.seen[one.ID] = true
			list = append(list, one)
		}
	}
	return list
}

// one returns the transaction of the kind that was made since the last call.
func (s *site) one(t testing.TB, kind string) string {
	t.Helper()
	list := s.fresh(t, kind)
	if len(list) != 1 {
		t.Fatalf("new transactions: %v, want one %s", list, kind)
	}
	return list[0].ID
}

// status returns what became of a transaction.
func (s *site) status(t testing.TB, id string) string {
	t.Helper()
	for _, one := range s.transactions(t) {
		if one.ID == id {
			return one.Status
		}
	}
	return "unknown"
}

// A record of a transaction's journal.
type record struct {
	Kind, Action, Experiment, Group, Source, CType, Range, Constants, Cause string
	CalibDir                                                                string `json:"calib_dir"`
	New                                                                     *struct{ SHA256 string }
}

func (r record) path() string {
	return filepath.Join(r.CalibDir, r.Group, r.Source, r.CType, r.Range+".data")
}

// records are those of a transaction, as they were written.
func (s *site) records(t testing.TB, id string) []record {
	t.Helper()
	var document struct{ Records []record }
	must(t, json.Unmarshal([]byte(s.want(t, 0, "history", "--json", id).stdout), &document))
	return document.Records
}

// age waits until what was written is old enough to be remembered by its identity.
func age(t testing.TB) {
	t.Helper()
	select {
	case <-time.After(2100 * time.Millisecond):
	case <-t.Context().Done():
	}
}

// rounds multiplies how much is tried.
func rounds(n int) int {
	if more, err := strconv.Atoi(os.Getenv("SWEEPTEST_ROUNDS")); err == nil && more > 0 {
		return n * more
	}
	if testing.Short() {
		return max(1, n/5)
	}
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
