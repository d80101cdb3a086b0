package goldentest_test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// Standard repositories of panels.
const (
	epix10kaPanels = siteRoot + "/detector/gains/epix10k/panels"
	jungfrauPanels = siteRoot + "/detector/gains/jungfrau/panels"
)

// panelsDifferences are the cases of the commands for many panels that differ on
// purpose.
var panelsDifferences = map[string]difference{
	"U05": {row: 45, edit: withoutLinks},
	"U08": {row: 46, edit: ofRun396},
	"U09": {row: 43, says: `add option -D`, edit: onlyLogs},
	"U10": {row: 44, status: one(failed), says: `error: .*pedestals.*gain FM.*-E`, edit: onlyLogs},
	"U13": refused(1, `--exp|-e`),
	"U14": refused(1, `--det|-d`),
	"U15": {row: 47, edit: startedAtWork},
	"V03": {row: 48, edit: commented(slices.Repeat([]string{"defaults for 1 missing of 3 gains and panels"}, 5)...)},
	"V09": {row: 43, says: `add option -D`, edit: onlyLogs},
	"V11": refused(1, `--det|-d`),
}

// withoutLinks: no links stand for gains that charge injection does not measure.
func withoutLinks(e edits) {
	e.remove(func(p string) bool { return e.tree[p].Type == "link" })
}

// ofRun396: the second step deploys what is valid at the time of run 396, which is
// what the first deploys.
func ofRun396(e edits) {
	const earlier, asked, of396 = "20180901000000", "20180914120622", "20180901120622"
	for p, n := range maps.Clone(e.tree) {
		switch {
		case path.Base(p) == "5-9.data":
			n.Content = e.merged(of396)
			e.tree[p] = n
		case path.Base(p) == "HISTORY":
			n.Content = strings.ReplaceAll(n.Content, asked, of396)
			e.tree[p] = n
		case strings.Contains(path.Base(p), asked):
			delete(e.tree, p)
		}
	}
	for p, n := range maps.Clone(e.tree) {
		if !strings.Contains(path.Base(p), earlier) {
			continue
		}
		p = strings.Replace(p, earlier, of396, 1)
		n.Content = contentOf(mergedFile(p, "(7,1,352,384)", e.pedestals(), 7, 1, 352, 384))
		e.tree[p] = n
	}
}

// merged is what is deployed of the detector's pedestals at a stamp.
func (e edits) merged(stamp string) string {
	return contentOf(mergedFile(epix10kaPanels+"/merge_tmp/NoDetector.0:Epix10ka.3-"+stamp+"-mfxx32516-r1021-pedestals.txt",
		"(7,1,352,384)", e.pedestals(), 7, 1, 352, 384))
}

// pedestals are the rows of the older pedestals of the case, in the order of gains.
func (e edits) pedestals() string {
	var text strings.Builder
	for _, mode := range []string{"FH", "FM", "FL", "AHL-H", "AML-M"} {
		i := slices.IndexFunc(e.c.Init, func(entry initEntry) bool {
			return strings.Contains(entry.Path, "_2018") && !strings.Contains(entry.Path, "20180914120622") &&
				strings.HasSuffix(entry.Path, "_pedestals_"+mode+".dat")
		})
		if i < 0 {
			e.t.Fatalf("%s: no older pedestals of %s", e.c.Name, mode)
		}
		text.WriteString(e.c.Init[i].content(e.t))
	}
	zeros := strings.Repeat("0.000 ", 383) + "0.000\n"
	return text.String() + strings.Repeat(zeros, 2*352)
}

// mergedFile is a merged file as the first user writes it in the cases.
func mergedFile(p, shape, rows string, dims ...int) string {
	return savedAt("2024-12-01T12:00:00", p, shape, "float32", dims...) + "\n" + rows
}

// startedAtWork: a start is recorded whatever the repository is called.
func startedAtWork(e edits) {
	text := original(e.t, caseNamed(e.t, "U16"), "head").changed
	for p, n := range text {
		if startName.MatchString(p) {
			n.Content = strings.ReplaceAll(n.Content, "./myrepo", "work")
			e.tree[p] = n
		}
	}
	e.dirs(siteRoot + "/logs/atstart/2024")
}

// The rest is conduct that the pages promise and that no golden case shows.

// TestPanelsDryRun: -n makes nothing, neither file nor alias, log or record.
func TestPanelsDryRun(t *testing.T) {
	for _, number := range []string{"U01", "U05", "U12", "U16", "V01", "V06"} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			c := caseNamed(t, number)
			f := newFacility(t, c)
			before := snapshot(t, f.root)
			argv := c.Steps[0].arguments("head")
			out := f.command(t, append([]string{argv[0], "-n"}, argv[1:]...))
			if changed := changes(before, snapshot(t, f.root)); len(changed) != 0 {
				t.Errorf("changed %v", slices.Sorted(maps.Keys(changed)))
			}
			if out.status != exited || !strings.HasPrefix(out.stdout, "not deployed: ") {
				t.Error(out)
			}
			checkMessages(t, out)
		})
	}
}

// TestPanelsReadOnlyRepository: without -D a repository that cannot be written does
// not stop the call; with it nothing is deployed.
func TestPanelsReadOnlyRepository(t *testing.T) {
	c := caseNamed(t, "U09")
	c.Init = append(c.Init, initEntry{Path: epix10kaPanels, Type: "dir", Mode: "555"})
	f := newFacility(t, c)
	before := snapshot(t, f.root)
	argv := append(c.Steps[0].arguments("head"), "-c", "calib")
	out := f.command(t, argv)
	if out.status != exited || !strings.Contains(out.stderr, "[W] no log file") {
		t.Error(out)
	}
	if out := f.command(t, append(argv, "-D")); out.status != failed {
		t.Error(out)
	}
	onlyUnder(t, changes(before, snapshot(t, f.root)), siteRoot+"/logs/atstart")
}

// TestPanelsOtherDetectors: each command refuses what it cannot merge, and says why.
func TestPanelsOtherDetectors(t *testing.T) {
	for _, c := range []struct{ number, command, says string }{
		{"U01", "jungfrau", "whose constants are merged from panels of the jungfrau: NoDetector.0:Epix10ka.3"},
		{"V01", "epix10ka", "whose constants are merged from panels of the epix10ka: CxiDs1.0:Jungfrau.0"},
		{"U12", "epix10ka", "no such panel: 4 of a detector with panels 0 to 3"},
	} {
		golden := caseNamed(t, c.number)
		f := newFacility(t, golden)
		f.lay(t, initEntry{Path: epix10kaPanels, Type: "dir"})
		f.lay(t, initEntry{Path: jungfrauPanels, Type: "dir"})
		argv := append([]string{c.command}, golden.Steps[0].arguments("head")[1:]...)
		if c.number == "U12" {
			argv = append(argv, "-I", "0,4")
		}
		before := snapshot(t, f.root)
		out := f.command(t, argv)
		if out.status != failed || !strings.Contains(out.stderr, c.says) {
			t.Error(out)
		}
		checkMessages(t, out)
		onlyUnder(t, changes(before, snapshot(t, f.root)), epix10kaPanels+"/logs", jungfrauPanels+"/logs", siteRoot+"/logs/atstart")
	}
}

// TestPanelsHostileValues: whatever the options of their own hold, the commands end
// with one message, touch nothing but the log and the record at start, and deploy
// nothing.
func TestPanelsHostileValues(t *testing.T) {
	for command, number := range map[string]string{"epix10ka": "U09", "jungfrau": "V08"} {
		options := map[string][]string{
			"epix10ka": {"-p", "-I", "-t", "-L", "--high", "--low", "--runbegin", "--runend", "-x"},
			"jungfrau": {"-R", "-t", "-I", "-e", "-d"},
		}[command]
		for _, option := range options {
			t.Run(command+strings.TrimLeft(option, "-"), func(t *testing.T) {
				t.Parallel()
				c := caseNamed(t, number)
				f := newFacility(t, c)
				argv := append(c.Steps[0].arguments("head"), "-D", "-c", "./calib")
				for _, value := range hostileValues {
					before := snapshot(t, f.root)
					out := f.shipped(t, append(slices.Clone(argv), option+glue(option)+value))
					changed := changes(before, snapshot(t, f.root))
					onlyUnder(t, changed, epix10kaPanels+"/logs", jungfrauPanels+"/logs", siteRoot+"/logs/atstart")
					if out.status != failed && out.status != usage {
						t.Errorf("%s %q: %v", option, value, out)
					}
					checkMessages(t, out)
					checkRecords(t, changed)
				}
			})
		}
	}
}

// quadOfTables is a facility with a quad whose panels have pedestals in the
// documented repository, and the command that deploys them.
func quadOfTables(t *testing.T, more ...initEntry) (f facility, argv []string) {
	t.Helper()
	c := caseNamed(t, "U11")
	for i := range quadPanels {
		for _, mode := range []string{"FH", "FM", "FL", "AHL-H", "AML-M"} {
			c.Init = append(c.Init, quadTable(i, mode, "20241120103000", float64(100*i+len(mode))))
		}
	}
	c.Init = append(c.Init, more...)
	return newFacility(t, c), []string{"-e", "xcsl1004621", "-r", "10", "-d", "XcsEndstation.0:Epix10kaQuad.0", "-C", "pedestals", "-D", "-c", "calib"}
}

const (
	quadDir    = standard + "/epix10kaquad"
	quadMerged = quadDir + "/epix10kaquad_0001/pedestals/epix10kaquad_0001_20241120103000_xcsl1004621_r0010_pedestals.txt"
	quadTarget = homeDir + "/calib/Epix10kaQuad::CalibV1/XcsEndstation.0:Epix10kaQuad.0/pedestals/0-end.data"
	quadPanels = 4
)

func quadPanel(i int) string {
	return fmt.Sprintf("0000000001-0000000%d-0000000%d-0000000201-0000000202-0000000000-0000000000", 100+10*i, 101+10*i)
}

func quadTable(panel int, mode, stamp string, value float64) initEntry {
	return initEntry{
		Path: fmt.Sprintf("%s/%s/pedestals/epix10kaquad_0009_%s_xcsl1004621_r0010_pedestals_%s.dat", quadDir, quadPanel(panel), stamp, mode),
		Type: "file", Gen: &generated{Kind: "full", Shape: [2]int{352, 384}, Value: value, Format: "%.3f"},
	}
}

// TestSingleMerges: the single command merges the panels of a detector that has no
// file of its own, keeps the merge among its files, and deploys it; a second call
// changes nothing; a table that was replaced is merged again.
func TestSingleMerges(t *testing.T) {
	f, argv := quadOfTables(t)
	dry := slices.DeleteFunc(slices.Clone(argv), func(arg string) bool { return arg == "-D" })
	out := f.command(t, append([]string{"-n"}, argv...))
	if out.status != exited || !strings.Contains(out.stdout, "/epix10kaquad/<new alias>/pedestals/epix10kaquad_<new alias>_20241120103000_xcsl1004621_r0010_pedestals.txt (merged)") {
		t.Error(out)
	}
	before := snapshot(t, f.root)
	out = f.command(t, dry)
	if out.status != exited || !strings.Contains(out.stdout, quadMerged+" (merged)") || !strings.Contains(out.stderr, "merged constants are written with -D only") {
		t.Error(out)
	}
	if changed := changes(before, snapshot(t, f.root)); changed[quadMerged].Type != "" || changed[quadTarget].Type != "" {
		t.Errorf("changed without -D: %v", slices.Sorted(maps.Keys(changed)))
	}
	out = f.command(t, argv)
	if out.status != exited || !strings.HasPrefix(out.stdout, "created: ") || strings.Count(out.stderr, "no file, as no dark gives one") != 2*quadPanels {
		t.Error(out)
	}
	first := snapshot(t, f.root)
	if first[quadMerged].Content == "" || first[quadMerged].Content != first[quadTarget].Content {
		t.Errorf("merged %+v, deployed %+v", first[quadMerged], first[quadTarget])
	}
	out = f.command(t, argv)
	again := snapshot(t, f.root)
	if out.status != exited || !strings.HasPrefix(out.stdout, "unchanged: ") || again[quadMerged] != first[quadMerged] {
		t.Error(out)
	}
	f.lay(t, quadTable(2, "FM", "20241120103000", 777))
	out = f.command(t, argv)
	third := snapshot(t, f.root)
	if out.status != exited || !strings.HasPrefix(out.stdout, "replaced: ") || third[quadMerged].Content == first[quadMerged].Content ||
		third[quadMerged].Content != third[quadTarget].Content {
		t.Error(out)
	}
}

// remove takes a file away.
func (f facility) remove(t *testing.T, p string) {
	t.Helper()
	if err := os.Remove(f.at(p)); err != nil {
		t.Fatal(err)
	}
}

// TestSingleWholeFirst: a file of the whole detector counts unless tables are newer.
func TestSingleWholeFirst(t *testing.T) {
	whole := func(stamp string) initEntry {
		return initEntry{
			Path: quadDir + "/epix10kaquad_0001/pedestals/epix10kaquad_0001_" + stamp + "_xcsl1004621_r0010_pedestals.txt",
			Type: "file", Content: "by hand\n",
		}
	}
	ids := []string{quadPanel(0), quadPanel(1), quadPanel(2), quadPanel(3)}
	aliases := initEntry{Path: quadDir + "/aliases.txt", Type: "file", Content: "0001 " + strings.Join(ids, "_") + " x\n"}
	for stamp, want := range map[string]string{"20241120103000": "specific", "20241119000000": "merged"} {
		f, argv := quadOfTables(t, aliases, whole(stamp))
		out := f.command(t, argv)
		if out.status != exited || !strings.Contains(out.stdout, "("+want+")") {
			t.Errorf("a file of %s: %v", stamp, out)
		}
		if got := snapshot(t, f.root)[whole(stamp).Path].Content; got != "by hand\n" {
			t.Errorf("the file by hand became %q", got)
		}
	}
}

// TestSingleWithdrawn: constants that were merged of a table which was withdrawn since
// are not deployed; nor are those merged again that were withdrawn themselves.
func TestSingleWithdrawn(t *testing.T) {
	f, argv := quadOfTables(t, quadTable(1, "FM", "20241119000000", 5))
	f.mustRun(t, argv...)
	first := snapshot(t, f.root)[quadTarget].Content
	f.rename(t, quadTable(1, "FM", "20241120103000", 0).Path)
	f.mustRun(t, argv...)
	if got := snapshot(t, f.root); got[quadTarget].Content == first || got[quadTarget].Content != got[quadMerged].Content {
		t.Errorf("deployed %s", got[quadTarget].Content)
	}
	f.rename(t, quadTable(1, "FM", "20241119000000", 0).Path)
	if out := f.command(t, argv); out.status != failed || !strings.Contains(out.stderr, "was merged of constants that were withdrawn since") {
		t.Error(out)
	}
	f.lay(t, quadTable(1, "FM", "20241119000000", 5))
	f.rename(t, quadMerged)
	if out := f.command(t, argv); out.status != nothingValid || !strings.Contains(out.stderr, "[W] not merged again: the merge was withdrawn") {
		t.Error(out)
	}
}

// rename withdraws a file of the repository.
func (f facility) rename(t *testing.T, p string) {
	t.Helper()
	if err := os.Rename(f.at(p), f.at(p+".withdrawn")); err != nil {
		t.Fatal(err)
	}
}

// TestSingleIncomplete: where a panel lacks a gain nothing is merged, which is said,
// and nothing is valid; with the alias of the first panel alone there is no place for
// a merge.
func TestSingleIncomplete(t *testing.T) {
	f, argv := quadOfTables(t)
	f.remove(t, quadTable(3, "FL", "20241120103000", 0).Path)
	out := f.command(t, argv)
	if out.status != nothingValid || !strings.Contains(out.stderr, "[W] NOT FOUND: no file of this gain for time stamp panel=3") ||
		!strings.Contains(out.stderr, "[W] the constants of the panels are not merged") {
		t.Error(out)
	}
	f, argv = quadOfTables(t, initEntry{Path: quadDir + "/aliases.txt", Type: "file", Content: "0001 " + quadPanel(0) + " 2022 u\n"})
	before := snapshot(t, f.root)
	out = f.command(t, argv)
	if out.status != failed || !strings.Contains(out.stderr, "is known by its first panel alone") {
		t.Error(out)
	}
	for p := range changes(before, snapshot(t, f.root)) {
		if strings.HasSuffix(p, "_pedestals.txt") || strings.HasSuffix(p, ".data") {
			t.Errorf("%s was made", p)
		}
	}
}

// TestSweepMerges: from raw data and tables of panels a sweep makes the constants of
// the detector and deploys them; the next one changes nothing; what the single command
// then deploys are the same bytes.
func TestSweepMerges(t *testing.T) {
	c := caseNamed(t, "V07")
	modules := []string{"190408-181206-50c246df50010d", "190408-181206-50c246df50010e"}
	for i, id := range modules {
		for gain, mode := range []string{"gm0-Normal", "gm1-ForcedGain1", "gm2-ForcedGain2"} {
			c.Init = append(c.Init, initEntry{
				Path: fmt.Sprintf("%s/jungfrau/%s/pedestals/jungfrau_000%d_20241001090000_xppl1001021_r0022_pedestals_%s.dat", standard, id, 5+i, mode),
				Type: "file", Gen: &generated{Kind: "lin", Shape: [2]int{512, 1024}, A: float64(1000 + 100*gain + i), B: 0.125, C: 0.0625, Format: "%.3f"},
			})
		}
	}
	const config = homeDir + "/site.toml"
	c.Init = append(c.Init, initEntry{Path: config, Type: "file", Content: "[batch]\ngroup = \"\"\nsettle = \"1ns\"\n"},
		initEntry{Path: homeDir + "/state", Type: "dir"})
	f := newFacility(t, c)
	batch := []string{"--config", config, "--state", homeDir + "/state"}
	f.mustRun(t, append([]string{"scan"}, batch...)...)
	out := f.command(t, append([]string{"merge", "--detailed-exitcode"}, batch...))
	merged := standard + "/jungfrau/" + strings.Join(modules, "_") + "/pedestals/jungfrau_0001_20241001090000_xppl1001021_r0022_pedestals.txt"
	if out.status != 4 || !strings.Contains(out.stdout, "pending: jungfrau "+modules[0]) || !strings.HasSuffix(out.stdout, "1 detector whose constants are merged: pending 1\n") {
		t.Error(out)
	}
	out = f.mustRun(t, append([]string{"sweep", "-D"}, batch...)...)
	if !strings.Contains(out.stdout, "merges: made 1") {
		t.Error(out)
	}
	first := snapshot(t, f.root)
	deployed := dataRoot + "/XPP/xppl1001021/calib/Jungfrau::CalibV1/XppEndstation.0:Jungfrau.0/pedestals/0-end.data"
	if first[merged].Content == "" || first[merged].Content != first[deployed].Content {
		t.Errorf("merged %+v, deployed %+v", first[merged], first[deployed])
	}
	out = f.mustRun(t, append([]string{"sweep", "-D"}, batch...)...)
	if !strings.Contains(out.stdout, "merges: current 1; plan: ") {
		t.Error(out)
	}
	for p := range changes(first, snapshot(t, f.root)) {
		if !strings.HasPrefix(p, homeDir+"/state/") {
			t.Errorf("a second sweep changed %s", p)
		}
	}
	out = f.mustRun(t, append([]string{"merge", "-a", "-D"}, batch...)...)
	if !strings.HasPrefix(out.stdout, "current: "+merged+" (of 6 files)\n") {
		t.Error(out)
	}
	f.mustRun(t, "-e", "xppl1001021", "-r", "23", "-d", "XppEndstation.0:Jungfrau.0", "-C", "pedestals", "-D", "-c", "calib")
	single := snapshot(t, f.root)[homeDir+"/calib/Jungfrau::CalibV1/XppEndstation.0:Jungfrau.0/pedestals/0-end.data"]
	if single.Content != first[deployed].Content {
		t.Errorf("the single command deploys %s", single.Content)
	}
}

// mustRun runs a command that must succeed.
func (f facility) mustRun(t *testing.T, argv ...string) outcome {
	t.Helper()
	out := f.command(t, argv)
	if out.status != exited {
		t.Fatalf("%q: %v", argv, out)
	}
	return out
}
