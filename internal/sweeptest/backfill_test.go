package sweeptest

import (
	"path/filepath"
	"testing"

	"deployconstants/internal/facility"
)

// TestBackfill plans for trees that the original program and people made, and counts
// what becomes of each file against the record of how it came there.
func TestBackfill(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 11, Experiments: 40, Runs: 10, Streams: 1, RealShapes: true})
	plan := s.plan(t)
	actions := map[string]string{} // by path
	for _, one := range s.items(t) {
		if one.Kind == "file" {
			actions[one.path()] = one.Action
		}
	}
	count := map[facility.Origin]map[string]int{}
	adopted := map[string]bool{}
	for _, e := range s.Experiments {
		if e.Frozen {
			continue
		}
		for _, p := range s.Places(e) {
			x := s.Expect(p)
			if x.Blocked {
				continue
			}
			read := map[string]bool{}
			for _, r := range x.Runs {
				if r.Outcome == facility.OK {
					read[r.After] = true
				}
			}
			ours := map[string]bool{}
			for _, b := range s.Before(p) {
				ours[b.Name] = b.Ours
			}
			for _, d := range e.Deployed {
				if d.Source != p.Source || d.CType != p.CType {
					continue
				}
				path := filepath.Join(s.folder(p), d.Name)
				is := actions[path]
				if count[d.Origin] == nil {
					count[d.Origin] = map[string]int{}
				}
				count[d.Origin][is]++
				right := x.Files[d.Name] == d.Sum()
				switch {
				case !ours[d.Name] && is != "foreign":
					t.Errorf("%s, %s: %q, want foreign", path, d.Origin, is)
				case ours[d.Name] && right && read[d.Name] && is != "adopt":
					t.Errorf("%s, %s, is right: %q, want adopt", path, d.Origin, is)
				case ours[d.Name] && !right && is != "replace":
					t.Errorf("%s, %s, is wrong: %q, want replace", path, d.Origin, is)
				}
				adopted[path] = is == "adopt"
			}
		}
	}
	t.Log(count)
	original := count[facility.ByOriginal]
	if original["adopt"] < 20 || original["foreign"] > original["adopt"]/20 || count[facility.Foreign]["foreign"] < 10 {
		t.Errorf("of the original's files are adopted: %v", count)
	}
	if count[facility.Foreign]["adopt"]+count[facility.Foreign]["replace"] > 0 {
		t.Errorf("hand-made files are taken over: %v", count)
	}
	before := s.contents(t)
	s.want(t, 0, "apply", plan)
	after := s.contents(t)
	for path, is := range adopted {
		if is && before[path] != after[path] {
			t.Errorf("%s was adopted, and changed", path)
		}
	}
	if left := s.changes(t); len(left) > 0 {
		t.Errorf("after it, %d changes are left, the first %+v", len(left), left[0])
	}
}
