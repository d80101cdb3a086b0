package sweeptest

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"deployconstants/internal/facility"
)

// A tree is all calib directories of a site: one line for each path below the
// facility, in which the facility itself is written $F.
type tree struct {
	paths   facility.Snapshot   // without times; HISTORY without content
	times   map[string]int64    // modification, UTC ns, of files but HISTORY
	history map[string][]string // lines by path
}

// tree describes what is there.
func (s *site) tree(t testing.TB) tree {
	t.Helper()
	all := tree{facility.Snapshot{}, map[string]int64{}, map[string][]string{}}
	for _, e := range s.Experiments {
		calib, err := filepath.Rel(s.Dir, e.Calib())
		must(t, err)
		some, err := facility.TakeSnapshot(e.Calib(), facility.SnapshotOptions{})
		must(t, err)
		for path, line := range some {
			rel := filepath.Join(calib, path)
			if filepath.Base(path) == "HISTORY" {
				line, _, _ = strings.Cut(line, " ")
				all.history[rel] = s.lines(t, filepath.Join(s.Dir, rel))
			}
			all.paths[rel] = line
			if info, err := os.Lstat(filepath.Join(s.Dir, rel)); err == nil && !info.IsDir() && filepath.Base(path) != "HISTORY" {
				all.times[rel] = info.ModTime().UnixNano()
			}
		}
	}
	return all
}

func (s *site) lines(t testing.TB, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	if len(text) > 0 && text[len(text)-1] != '\n' {
		t.Errorf("%s ends within a line: %q", path, text)
	}
	return strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), s.Dir, "$F"), "\n"), "\n")
}

// ourLine is a HISTORY line of a transaction.
var ourLine = regexp.MustCompile(`cmt:(undo )?\d{8}T\d{6}Z-[0-9a-f]{8}$`)

// varying is what no two transactions have in common.
var varying = regexp.MustCompile(`cptime:\S+|cwd:\S+|host:\S+|\d{8}T\d{6}Z-[0-9a-f]{8}`)

// undone tells in what the tree is not the one before transactions that were taken
// back: HISTORY may have grown by lines of theirs, if there was one.
func (before tree) undone(after tree) string {
	diff := before.paths.Diff(after.paths)
	for path, was := range before.times {
		if is, ok := after.times[path]; ok && is != was {
			diff += path + ": other modification time\n"
		}
	}
	for path, lines := range after.history {
		var kept []string
		for _, line := range lines {
			if !ourLine.MatchString(line) {
				kept = append(kept, line)
			}
		}
		if strings.Join(kept, "\n") != strings.Join(before.history[path], "\n") {
			diff += path + ": foreign lines changed\n" + strings.Join(kept, "\n") + "\n"
		}
	}
	return diff
}

// same tells in what two trees differ that the same plan made: not in when, by which
// transaction, and in the order of the lines of a transaction.
func (model tree) same(got tree) string {
	diff := model.paths.Diff(got.paths)
	for path, lines := range model.history {
		a, b := counted(lines), counted(got.history[path])
		if !maps.Equal(a, b) {
			diff += path + ":\n" + strings.Join(lines, "\n") + "\n  now:\n" + strings.Join(got.history[path], "\n") + "\n"
		}
	}
	return diff
}

// counted counts lines, without what varies.
func counted(lines []string) map[string]int {
	count := map[string]int{}
	for _, line := range lines {
		count[varying.ReplaceAllString(line, "")]++
	}
	return count
}

// withoutUndone leaves out HISTORY lines of transactions and their undos but those of
// the transactions named.
func (all tree) withoutUndone(except string) tree {
	all.history = maps.Clone(all.history)
	for path, lines := range all.history {
		var kept []string
		for _, line := range lines {
			if !ourLine.MatchString(line) || strings.HasSuffix(line, "cmt:"+except) {
				kept = append(kept, line)
			}
		}
		all.history[path] = kept
	}
	return all
}

// known are the names that belong below a calib directory.
var known = regexp.MustCompile(`^(HISTORY|.*\.data)$`)

// noStrays fails if anything but directories, constants and HISTORY is in a calib
// directory, or a temporary of ours anywhere but in the state directory.
func (s *site) noStrays(t testing.TB) {
	t.Helper()
	err := filepath.WalkDir(s.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == s.StateDir() {
			return fs.SkipDir
		}
		if entry.IsDir() {
			return nil
		}
		name := entry.Name()
		if strings.Contains(path, "/calib/") && !known.MatchString(name) || strings.HasPrefix(name, ".tmp") {
			t.Errorf("stray file %s", path)
		}
		return nil
	})
	must(t, err)
}
