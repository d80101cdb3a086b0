package goldentest_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// These tests are of conduct that the compatibility page promises and that no
// golden case shows.

// TestBeginRunDecides: the run's time is the clock of BeginRun. A file stamped
// between Configure, an hour earlier, and BeginRun is valid for the run, one
// stamped after BeginRun is not.
func TestBeginRunDecides(t *testing.T) {
	c := caseNamed(t, "C01")
	begin := runStart(t, c)
	between := stampOf(t, begin.Add(-configureLead/2))
	after := stampOf(t, begin.Add(time.Second))
	for _, stamp := range []string{between, after} {
		path := standard + "/" + constants(stamp, "gain")
		c.Init = append(c.Init, initEntry{Path: path, Type: "file", Content: "stamped " + stamp + "\n"})
	}
	f := newFacility(t, c)
	if out := f.command(t, regular); out.status != exited {
		t.Fatal(out)
	}
	if got, want := snapshot(t, f.root)[exampleTarget].Content, "stamped "+between+"\n"; got != want {
		t.Errorf("deployed %q, want %q", got, want)
	}
}

// runStart is the time of the run of the regular command.
func runStart(t testing.TB, c goldenCase) time.Time {
	t.Helper()
	for _, run := range c.Scenario.Datasets {
		if run.Exp == "xpptut15" && run.Run == 260 {
			return time.Unix(int64(run.Sec), int64(run.Nsec))
		}
	}
	t.Fatalf("%s has no run 260", c.Name)
	return time.Time{}
}

func stampOf(t testing.TB, at time.Time) string {
	t.Helper()
	zone, err := time.LoadLocation(zoneLCLS)
	if err != nil {
		t.Fatal(err)
	}
	return at.In(zone).Format("20060102150405")
}

// TestLinkedConstants: a specific file may be a link, relative or absolute, to a file
// of the repository; its own path is what HISTORY names.
func TestLinkedConstants(t *testing.T) {
	specific := standard + "/" + constants("20100101000000", "gain")
	for name, target := range map[string]string{
		"relative": "../../default/epix100a_default_gain.txt",
		"absolute": standard + "/" + gainDefault,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := caseNamed(t, "A01")
			c.Init = slices.DeleteFunc(c.Init, func(e initEntry) bool { return e.Path == specific })
			c.Init = append(c.Init, initEntry{Path: specific, Type: "link", Target: target})
			f := newFacility(t, c)
			out := f.command(t, regular)
			after := snapshot(t, f.root)
			if out.status != exited || after[exampleTarget].Content != c.content(t, standard+"/"+gainDefault) ||
				!strings.Contains(after[exampleRecord].Content, " copy_of:"+specific+" ") {
				t.Error(out)
			}
		})
	}
}

// TestDryRunMakesNothing: -n makes neither tree nor alias, log or record, with or
// without -D, and says what would be deployed.
func TestDryRunMakesNothing(t *testing.T) {
	for _, number := range []string{"A01", "A02", "G01", "B02"} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			c := caseNamed(t, number)
			for _, argv := range [][]string{{"-n"}, {"-n", "-D"}} {
				f := newFacility(t, c)
				before := snapshot(t, f.root)
				argv = append(argv, c.Steps[0].Argv.of("head")...)
				out := f.command(t, argv)
				if changed := changes(before, snapshot(t, f.root)); len(changed) != 0 {
					t.Errorf("%q changed %v", argv, slices.Sorted(maps.Keys(changed)))
				}
				if out.status != exited || !strings.Contains(out.stdout+out.stderr, "0-end.data") {
					t.Errorf("%q: %v", argv, out)
				}
				checkMessages(t, out)
			}
		})
	}
}

// TestMergeOnlyWithDeploy: without -D the merged status is not written (row 17).
func TestMergeOnlyWithDeploy(t *testing.T) {
	c := caseNamed(t, "G01")
	f := newFacility(t, c)
	before := snapshot(t, f.root)
	argv := slices.DeleteFunc(slices.Clone(c.Steps[0].Argv.of("head")), func(arg string) bool { return arg == "-D" })
	out := f.command(t, argv)
	if out.status != exited {
		t.Error(out)
	}
	for p := range changes(before, snapshot(t, f.root)) {
		if strings.Contains(p, "status_merged") || strings.HasPrefix(p, exampleCalib) {
			t.Errorf("written without -D: %s", p)
		}
	}
}

// TestReadOnlyRepositoryWithoutDeploy: a call without -D in a repository that cannot
// be written goes on with a warning.
func TestReadOnlyRepositoryWithoutDeploy(t *testing.T) {
	c := caseNamed(t, "A02")
	c.Init = append(c.Init,
		initEntry{Path: standard + "/epix100a", Type: "dir", Mode: "555"},
		initEntry{Path: standard, Type: "dir", Mode: "555"})
	f := newFacility(t, c)
	before := snapshot(t, f.root)
	argv := slices.DeleteFunc(slices.Clone(regular), func(arg string) bool { return arg == "-D" })
	out := f.command(t, argv)
	if out.status != exited || !strings.Contains(out.stderr, "[W] ") || !strings.Contains(out.stderr+out.stdout, gainDefault) {
		t.Error(out)
	}
	onlyUnder(t, changes(before, snapshot(t, f.root)), siteRoot+"/logs/atstart")
}

// TestMissingRepository: the standard repository is never made; one that the user
// names is (row 22, case J06).
func TestMissingRepository(t *testing.T) {
	c := caseNamed(t, "A02")
	c.Init = slices.DeleteFunc(c.Init, func(e initEntry) bool { return strings.HasPrefix(e.Path, standard) })
	f := newFacility(t, c)
	before := snapshot(t, f.root)
	out := f.command(t, regular)
	if out.status != repositoryMissing || !strings.Contains(out.stderr, standard) {
		t.Error(out)
	}
	if changed := changes(before, snapshot(t, f.root)); len(changed) != 0 {
		t.Errorf("changed %v", slices.Sorted(maps.Keys(changed)))
	}
}

// TestExperimentDirectoryIsNeverMade: where the experiment of the data has no
// directory, no calib directory is made for it (row 22).
func TestExperimentDirectoryIsNeverMade(t *testing.T) {
	c := caseNamed(t, "A02")
	c.Init = slices.DeleteFunc(c.Init, func(e initEntry) bool { return strings.HasPrefix(e.Path, dataRoot+"/XPP/xpptut15") })
	f := emptyFacility(t)
	for _, entry := range c.Init {
		f.lay(t, entry)
	}
	f.layTable(t, c)
	f.layParents(t, dataRoot+"/XPP")
	const copies = "/scratch/copies"
	f.layParents(t, copies)
	for _, run := range c.Scenario.Datasets {
		f.linkRaw(t, run, copies)
	}
	before := snapshot(t, f.root)
	out := f.command(t, []string{
		"-e", "xpptut15", "-r", "260", "-s", ":dir=" + copies, "-d", "XcsEndstation.0:Epix100a.1", "-D"})
	if out.status != failed || !strings.Contains(out.stderr, dataRoot+"/XPP/xpptut15") {
		t.Error(out)
	}
	onlyUnder(t, changes(before, snapshot(t, f.root)), standard, siteRoot+"/logs/atstart")
}

// TestReplacedFileKeepsModeAndGroup: other bytes replace the file under its mode and
// group; the owner becomes the caller, which the log says (row 3).
func TestReplacedFileKeepsModeAndGroup(t *testing.T) {
	c := caseNamed(t, "A02")
	owner := people[firstUser]
	if asRoot {
		owner = people["weninger"]
	}
	c.Init = append(c.Init, initEntry{
		Path: exampleTarget, Type: "file", Content: "old\n", Mode: "662", UID: &owner.uid})
	f := newFacility(t, c)
	out := f.command(t, regular)
	got := snapshot(t, f.root)[exampleTarget]
	want := node{Type: "file", Mode: 0o662, Content: c.content(t, standard+"/"+gainDefault)}
	if asRoot {
		want.Owner = fmt.Sprintf("%d:%d", people[firstUser].uid, people[firstUser].gid)
		if !strings.Contains(out.stderr, "6001") {
			t.Errorf("the change of owner is not reported: %v", out)
		}
	}
	if out.status != exited || got != want {
		t.Errorf("%+v, want %+v\n%v", got, want, out)
	}
}

// content returns the content of a file of the initial tree.
func (c goldenCase) content(t testing.TB, p string) string {
	t.Helper()
	for _, e := range c.Init {
		if e.Path == p {
			return e.Content
		}
	}
	t.Fatalf("%s has no %s", c.Name, p)
	return ""
}
