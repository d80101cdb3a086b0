package sweeptest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/internal/facility"
)

// TestStatusExtra: after a sweep every run reads the status words that were valid at its
// time, or-ed, as a brute force over the files has them.
func TestStatusExtra(t *testing.T) {
	s := newSite(t, facility.Options{Seed: 17, Experiments: 24, Runs: 12, Streams: 1, Status: true})
	s.sweeps(t)
	read, different := 0, map[string]bool{}
	for _, e := range s.Experiments {
		if e.Frozen {
			continue
		}
		for _, r := range e.Runs {
			for _, d := range r.Detectors {
				want, has := s.WantStatus(e.Name, r.Number, d.Source)
				if !has || d.Type != "opal1000" {
					continue
				}
				dir := filepath.Dir(e.Path(&facility.Deployed{Source: d.Source, CType: "status_extra", Name: "x"}))
				names, err := namesIn(dir)
				must(t, err)
				name, err := facility.PsanaPick(names, r.Number)
				if err != nil || name == "" {
					t.Errorf("%s run %d reads %q of %s, %v", e.Name, r.Number, name, dir, err)
					continue
				}
				if got, want := wordsOf(t, filepath.Join(dir, name)), strings.Trim(fmt.Sprint(want), "[]"); got != want {
					t.Errorf("%s run %d reads %s of %s, want %s", e.Name, r.Number, got, name, want)
				}
				read++
				different[fmt.Sprint(want)] = true
			}
		}
	}
	if read < 50 || len(different) < 10 {
		t.Errorf("%d runs read %d different status words: the test shows little", read, len(different))
	}
	if left := s.changes(t); len(left) > 0 {
		t.Errorf("after it, %d changes are left, the first %+v", len(left), left[0])
	}
}

// wordsOf are the numbers of a file, behind its comments.
func wordsOf(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	var numbers []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "#") {
			numbers = append(numbers, strings.Fields(line)...)
		}
	}
	return strings.Join(numbers, " ")
}
