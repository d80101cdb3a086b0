package goldentest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
)

// TestGolden runs every golden case of the single command and the library calls in
// every era under test, but for the two that the table calls without counterpart.
func TestGolden(t *testing.T) {
	for _, c := range goldenCases(t) {
		for _, era := range c.erasUnderTest() {
			if d, _ := differenceOf(c, era); d.noCounterpart {
				continue
			}
			t.Run(c.Name+"/"+era, func(t *testing.T) {
				t.Parallel()
				testGolden(t, c, era)
			})
		}
	}
}

func testGolden(t *testing.T, c goldenCase, era string) {
	d, differs := differenceOf(c, era)
	testenv.Case(t, "golden/"+c.group()+"/"+era)
	got := play(t, c, era, "")
	was := original(t, c, era)
	if !differs {
		if err := got.compare(was); err != nil {
			t.Errorf("%s\n%v\n%s", c.Title, err, got.transcript)
		}
		return
	}
	want := d.apply(t, c, era, was)
	if err := got.compare(want); err != nil {
		t.Errorf("%s\nrow %d\n%v\n%s", c.Title, d.row, err, got.transcript)
	}
	if !d.pattern().MatchString(got.messages()) {
		t.Errorf("row %d: no message matches %q\n%s", d.row, d.says, got.transcript)
	}
	if got.compare(was) == nil && d.pattern().MatchString(c.expectation(t, era).messages()) {
		t.Errorf("row %d: the case does not differ from the original any more", d.row)
	}
}

// TestDifferencesAreCases: every entry of the table names a case.
func TestDifferencesAreCases(t *testing.T) {
	known := map[string][]string{}
	for _, c := range goldenCases(t) {
		if _, twice := known[c.number()]; twice {
			t.Errorf("two cases are called %s", c.number())
		}
		known[c.number()] = c.erasUnderTest()
	}
	for number, d := range differences {
		eras, ok := known[number]
		if !ok {
			t.Errorf("the table of differences names %s, which is no case", number)
		}
		for _, era := range d.eras {
			if !slices.Contains(eras, era) {
				t.Errorf("the table of differences names era %s of %s, which is not under test", era, number)
			}
		}
	}
}

// played is a case that has been run.
type played struct {
	outcomes   []outcome // of the steps of the program
	status     []int     // of all steps; -1: somebody else's
	changed    tree
	transcript string
}

// play runs the steps of the case under a fresh private root.
func play(t testing.TB, c goldenCase, era, program string) played {
	t.Helper()
	f := newFacility(t, c)
	f.layDirectories(t, c, era)
	before := snapshot(t, f.root)
	var p played
	for _, s := range c.Steps {
		if s.Do != "" {
			f.copyFile(t, s.Do)
			p.status = append(p.status, -1)
			continue
		}
		in, err := s.invocation(c, era)
		if err != nil {
			t.Fatal(err)
		}
		in.program = program
		out := f.start(t, in)
		p.outcomes = append(p.outcomes, out)
		p.status = append(p.status, out.status)
		p.transcript += fmt.Sprintf("%q\n%v\n", in.argv, out)
	}
	p.changed = changes(before, snapshot(t, f.root))
	return p
}

// compare reports how the result differs from the wanted one.
func (p played) compare(w wanted) error {
	if !slices.Equal(p.status, w.status) {
		return fmt.Errorf("exit status %d, want %d", p.status, w.status)
	}
	if diff := cmp.Diff(w.changed.comparable(w.noSetgid), p.changed.comparable(w.noSetgid)); diff != "" {
		return fmt.Errorf("changed paths (-want +got):\n%s", diff)
	}
	for _, name := range w.names {
		if !strings.Contains(p.messages(), name+"\n") {
			return fmt.Errorf("the call does not return %s", name)
		}
	}
	return checkLogs(p.changed.logs(), w.facts)
}

// messages is everything that the command said.
func (p played) messages() string {
	var text strings.Builder
	for _, out := range p.outcomes {
		text.WriteString(out.stdout + out.stderr)
	}
	return text.String() + p.changed.logs()
}

func (e expectation) messages() string {
	var text strings.Builder
	for _, s := range e.Steps {
		text.WriteString(s.Stdout + s.Stderr)
	}
	return text.String()
}
