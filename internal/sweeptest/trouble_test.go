package sweeptest

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/internal/facility"
	"deployconstants/internal/testenv"
)

// TestRoots takes a data root away, and empties it.
func TestRoots(t *testing.T) {
	for name, harm := range map[string]func(root string) error{
		"missing": func(string) error { return nil },
		"empty":   func(root string) error { return os.Mkdir(root, 0o755) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, facility.Options{Seed: 7, Streams: 1, RealShapes: true})
			s.sweeps(t)
			before, known := s.tree(t), s.knownToLedger(t)
			root := s.Roots()[0]
			must(t, os.Rename(root, root+".gone"))
			must(t, harm(root))
			for _, args := range [][]string{{"scan"}, {"sweep"}, {"sweep", "-D"}, {"sweep", "-D", "--quiet"}} {
				r := s.want(t, 10, args...)
				if !strings.Contains(r.stderr, root) || !strings.Contains(r.stderr, name) {
					t.Errorf("%v does not say that %s is %s: %s", args, root, name, r.stderr)
				}
				if strings.Contains(r.stdout, "nothing to do") || strings.Contains(r.stdout, " 0 runs") {
					t.Errorf("%v: prints as if there were no runs: %s", args, r.stdout)
				}
			}
			if metrics := s.metrics(t); metrics["exit_status"] != "10" || metrics["runs_known"] == "0" {
				t.Errorf("metrics: exit status %s, want 10; runs known %s, the ledger has some", metrics["exit_status"], metrics["runs_known"])
			}
			if err := os.Remove(root); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			must(t, os.Rename(root+".gone", root))
			if now := s.knownToLedger(t); now != known {
				t.Errorf("the ledger forgot: %d bytes, had %d", len(now), len(known))
			}
			if diff := before.same(s.tree(t)); diff != "" {
				t.Errorf("changed:\n%s", diff)
			}
			if r := s.want(t, 0, "sweep", "-D"); !strings.Contains(r.stdout, "(0 new, 0 changed)") {
				t.Errorf("afterwards: %s", r.stdout)
			}
		})
	}
}

// knownToLedger is everything that the ledger knows, but when it was read.
func (s *site) knownToLedger(t *testing.T) string {
	t.Helper()
	return s.want(t, 0, "ledger", "export", "--format", "csv").stdout
}

// metrics are the figures of the last sweep.
func (s *site) metrics(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.StateDir(), "metrics.prom"))
	must(t, err)
	all := map[string]string{}
	for _, line := range lines(string(text)) {
		if name, value, ok := strings.Cut(line, " "); ok && name != "#" {
			all[strings.TrimPrefix(name, "deploy_constants_sweep_")] = value
		}
	}
	return all
}

// TestNoEntry closes directories to the user who sweeps.
func TestNoEntry(t *testing.T) {
	if os.Geteuid() != 0 {
		testenv.Skip(t, "needs root, to become somebody else")
	}
	s := newSite(t, facility.Options{Seed: 8, Streams: 1, RealShapes: true})
	must(t, filepath.WalkDir(s.dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, 65534, 65534)
	}))
	asNobody := func(args ...string) result {
		cmd := s.command(args...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		return finish(t, cmd)
	}
	asNobody("sweep", "-D").check(t, 0, "sweep")
	known, before := s.knownToLedger(t), s.tree(t)
	var e *facility.Experiment
	for _, one := range s.Experiments {
		if one.Name == "xppc0000" {
			e = one
		}
	}
	for _, c := range []struct{ name, dir, stdout, stderr string }{
		{"instrument", filepath.Dir(e.Dir), filepath.Dir(e.Dir), "list instrument"},
		{"experiment", e.Dir, e.Dir, "list experiment"},
		{"xtc", e.XTC(), e.XTC(), e.XTC()},
		{"calib", e.Calib(), e.Calib(), "items that failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			must(t, os.Chmod(c.dir, 0))
			r := asNobody("sweep", "-D")
			must(t, os.Chmod(c.dir, 0o775))
			r.check(t, 3, "sweep", "-D")
			if !strings.Contains(r.stdout, c.stdout) || !strings.Contains(r.stdout, "permission denied") || !strings.Contains(r.stderr, c.stderr) {
				t.Errorf("%s is closed, but it says\n%s%s", c.dir, r.stdout, r.stderr)
			}
			if now := s.knownToLedger(t); now != known {
				t.Errorf("the ledger forgot: %d bytes, had %d", len(now), len(known))
			}
		})
	}
	must(t, os.Chmod(e.Calib(), 0o775))
	if diff := before.paths.Diff(s.tree(t).paths); strings.Count(diff, "\n") > 8 { // modes that this test set
		t.Errorf("changed:\n%s", diff)
	}
	asNobody("sweep", "-D").check(t, 0, "sweep")
}

// TestHalfWritten cuts a file of a known run, and of a new one.
func TestHalfWritten(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 9, Streams: 1, Separate: true, RealShapes: true})
	s.sweeps(t)
	before := s.tree(t)
	var run *facility.Run
	var e *facility.Experiment
	for _, e = range s.Experiments {
		if e.Runs[0].State == facility.Whole && len(e.Runs[0].Files) > 0 && !e.Frozen {
			run = e.Runs[0]
			break
		}
	}
	fresh, err := s.AddRun(e.Name)
	must(t, err)
	files := []string{run.Files[0], fresh.Files[0]}
	for _, name := range append(run.Files, fresh.Files...) {
		must(t, os.Truncate(name, 100))
	}
	r := s.want(t, 0, "scan")
	if !strings.Contains(r.stdout, "0 new, 0 changed") || !strings.Contains(r.stdout, "still being written") {
		t.Errorf("files that end too early and are young: %s", r.stdout)
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range files {
		must(t, os.Chtimes(name, old, old))
	}
	known := strings.Count(s.knownToLedger(t), "\n")
	r = s.want(t, 0, "sweep", "-D")
	for _, name := range files {
		if !strings.Contains(r.stdout, name) || !strings.Contains(r.stdout, "damaged") {
			t.Errorf("does not tell of %s:\n%s", name, r.stdout)
		}
	}
	if now := strings.Count(s.knownToLedger(t), "\n"); now < known {
		t.Errorf("the ledger forgot: %d records, had %d", now, known)
	}
	if diff := before.same(s.tree(t)); diff != "" {
		t.Errorf("a damaged file changed what is deployed:\n%s", diff)
	}
}

// An item of `plan --json`.
type item struct {
	record
	Message   string      `json:"message_type"`
	Constants constantsOf `json:"constants"`
}

type constantsOf struct{ Path string }

// items are those of a plan that is made now, in its order.
func (s *site) items(t *testing.T) []item {
	t.Helper()
	var list []item
	for _, line := range lines(s.want(t, 0, "plan", "--json").stdout) {
		var one item
		must(t, json.Unmarshal([]byte(line), &one))
		if one.Message == "item" {
			list = append(list, one)
		}
	}
	return list
}

// changes are the items of kind file that are carried out.
func (s *site) changes(t *testing.T) []item {
	t.Helper()
	return slices.DeleteFunc(s.items(t), func(one item) bool {
		return one.Kind != "file" || one.Action != "create" && one.Action != "replace" && one.Action != "adopt"
	})
}

// TestMoved changes, between plan and apply, what the plan is about. What moved is
// skipped with its reason, and what comes behind it in its directory; all else is
// done.
func TestMoved(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 10, Experiments: 24, Runs: 8, Streams: 1, RealShapes: true})
	plan := s.plan(t)
	items := s.changes(t)
	after, _ := s.expected(s.look(t), s.Expect)
	skipped := map[string]string{} // expected cause by path
	used, constants := map[string]bool{}, map[string]string{}
	take := func(action string) item {
		for _, one := range items {
			dir := filepath.Dir(one.path())
			if one.Action == action && !used[dir] && !used[one.Constants.Path] && !strings.Contains(one.Constants.Path, "/default/") {
				used[dir], used[one.Constants.Path] = true, true
				return one
			}
		}
		t.Fatalf("the plan has too few items: %s", action)
		return item{}
	}
	mine := []byte("# somebody was faster\n")
	kept := map[string]string{}
	whole := map[string]string{} // expected cause of all that is in a directory

	changed := take("replace")
	must(t, os.WriteFile(changed.path(), mine, 0o664))
	skipped[changed.path()], kept[changed.path()] = "the file changed since the plan", string(mine)
	removed := take("replace")
	must(t, os.Remove(removed.path()))
	whole[filepath.Dir(removed.path())] = "has vanished"
	adopted := take("adopt")
	must(t, os.WriteFile(adopted.path(), mine, 0o664))
	skipped[adopted.path()], kept[adopted.path()] = "the file changed since the plan", string(mine)
	appeared := take("create")
	must(t, os.MkdirAll(filepath.Dir(appeared.path()), 0o775))
	must(t, os.WriteFile(appeared.path(), mine, 0o664))
	skipped[appeared.path()], kept[appeared.path()] = "there is a file by now", string(mine)
	directory := take("replace")
	must(t, os.RemoveAll(filepath.Dir(directory.path())))
	whole[filepath.Dir(directory.path())] = "has vanished"
	stranger := filepath.Join(filepath.Dir(take("create").path()), "8888-8889.data") // psana's pick of these runs
	must(t, os.MkdirAll(filepath.Dir(stranger), 0o775))
	must(t, os.WriteFile(stranger, mine, 0o664))
	whole[filepath.Dir(stranger)], kept[stranger] = "has appeared", string(mine)
	edited := take("create")
	must(t, os.WriteFile(edited.Constants.Path, mine, 0o664))
	constants[edited.Constants.Path] = "changed since the plan"
	withdrawn := take("create")
	must(t, os.Remove(withdrawn.Constants.Path))
	constants[withdrawn.Constants.Path] = "no such file"
	var gone *facility.Experiment
	for _, one := range items {
		if e := s.Experiment(one.Experiment); gone == nil && !usedIn(used, e.Calib()) {
			gone = e
			must(t, os.Rename(e.Calib(), e.Calib()+".gone"))
		}
	}
	if gone == nil {
		t.Fatal("no experiment is left")
	}

	behind := map[string]bool{}
	want := map[string]string{}
	for _, one := range items {
		path, dir := one.path(), filepath.Dir(one.path())
		cause, is := skipped[path]
		if c := constants[one.Constants.Path]; c != "" && one.Action != "adopt" {
			cause, is = c, true
		}
		switch {
		case one.Experiment == gone.Name:
			want[path] = gone.Calib()
		case whole[dir] != "":
			want[path], behind[dir] = whole[dir], true
		case is:
			want[path], behind[dir] = cause, true
		case behind[dir]:
			want[path] = "comes first"
		}
	}
	r := s.want(t, 3, "apply", "--json", plan)
	got := map[string]string{}
	for _, line := range lines(r.stdout) {
		var one struct {
			Message      string `json:"message_type"`
			Status, Path string
			Cause        string
		}
		must(t, json.Unmarshal([]byte(line), &one))
		if one.Message == "outcome" && one.Path != "" {
			got[one.Path] = one.Status + ": " + one.Cause
		}
	}
	if len(got) != len(items) {
		t.Errorf("%d outcomes of %d items", len(got), len(items))
	}
	for _, one := range items {
		cause, isSkipped := want[one.path()]
		is := got[one.path()]
		switch {
		case isSkipped && (!strings.HasPrefix(is, "skipped") || !strings.Contains(is, cause)):
			t.Errorf("%s %s: %s, want skipped: %s", one.Action, one.path(), is, cause)
		case !isSkipped && !strings.HasPrefix(is, "done") && !strings.HasPrefix(is, "adopted"):
			t.Errorf("%s %s: %s, want done", one.Action, one.path(), is)
		}
	}
	for path, text := range kept {
		if content, err := os.ReadFile(path); err != nil || string(content) != text {
			t.Errorf("%s: %q %v, want what somebody wrote", path, content, err)
		}
	}
	must(t, os.Rename(gone.Calib()+".gone", gone.Calib()))
	s.noStrays(t)
	now := s.look(t)
	maps.DeleteFunc(now, func(key reading, _ string) bool {
		folder := s.folder(key.Place)
		return key.Experiment == gone.Name || behind[folder]
	})
	for key, is := range now {
		if is != after[key] {
			t.Errorf("%+v reads %s, want %s", key, is, after[key])
		}
	}
}

// usedIn reports whether any path is below dir.
func usedIn(paths map[string]bool, dir string) bool {
	for path := range paths {
		if strings.HasPrefix(path, dir+"/") {
			return true
		}
	}
	return false
}
