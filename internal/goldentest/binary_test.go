package goldentest_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
)

// builtOnce builds the shipped program, as the Makefile does, into the workshop.
var builtOnce = sync.OnceValues(func() (string, error) {
	program := filepath.Join(workshop, "built", "deploy_constants")
	return program, testenv.BuildProgram(program)
})

// clockCases are those whose point is the clock, which the program as built has
// from the system.
var clockCases = []string{"J01", "J07"}

// TestGoldenBinary runs the command lines again with the program as built. Times
// and the host are its own and are masked; the user name comes from LOGNAME.
func TestGoldenBinary(t *testing.T) {
	program, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	const era = "s2206"
	for _, c := range goldenCases(t) {
		command := !slices.ContainsFunc(c.Steps, func(s step) bool { return s.Py != "" })
		if !command || !slices.Contains(c.Eras, era) || c.Umask != "" || slices.Contains(clockCases, c.number()) {
			continue
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			testenv.Case(t, "golden/binary")
			want := original(t, c, era)
			if d, differs := differenceOf(c, era); differs {
				want = d.apply(t, c, era, want)
			}
			got := play(t, c, era, program)
			if !slices.Equal(got.status, want.status) {
				t.Errorf("exit status %d, want %d", got.status, want.status)
			}
			if diff := cmp.Diff(want.changed.masked(want.noSetgid), got.changed.masked(want.noSetgid)); diff != "" {
				t.Errorf("changed paths (-want +got):\n%s", diff)
			}
			if t.Failed() {
				t.Log(got.transcript)
			}
		})
	}
}

// masks hide the times, hosts and release names that differ between two runs of
// the binary as built.
var masks = []struct {
	pattern *regexp.Regexp
	mask    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d`), "TIME"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d{6}`), "TIME"},
	{regexp.MustCompile(`(/logs(?:/atstart)?)/\d{4}`), "$1/YEAR"},
	{regexp.MustCompile(`YEAR/\d{4}_lcls1`), "YEAR/YEAR_lcls1"},
	{regexp.MustCompile(`(user:\S+@)\S+`), "${1}HOST"},
	{regexp.MustCompile(`host:\S+`), "host:HOST"},
	{regexp.MustCompile(`# HOST .*`), "# HOST"},
}

// masked replaces what the clock and the host decide.
func (tr tree) masked(noSetgid bool) tree {
	out := tree{}
	for p, n := range tr.comparable(noSetgid) {
		for _, u := range masks {
			p = u.pattern.ReplaceAllString(p, u.mask)
			n.Content = u.pattern.ReplaceAllString(n.Content, u.mask)
		}
		out[p] = n
	}
	return out
}
