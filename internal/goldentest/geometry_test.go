package goldentest_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// geometryRepository is the standard repository of geometry files.
const geometryRepository = siteRoot + "/detector/calib/geometry"

// geometryDifferences are the cases of the geometry command that differ on purpose.
var geometryDifferences = map[string]difference{
	"T04": moved("CSPAD2X2:V1 in IP moved to x=10 y=-20 z=-100000 um, rot_z=90 rot_y=0 rot_x=0 deg"),
	"T08": byAlias,
	"T11": byAlias,
	"T12": byAlias,
	"T13": byAlias,
	"T14": byAlias,
	"T15": rayonix("MTRX:V2:1920:1920:88.542:88.542 in IP moved to x=0 y=0 z=-100000 um, rot_z=0 rot_y=0 rot_x=0 deg"),
	"T16": byAlias,
	"T20": {row: 41, status: one(failed), says: `nofile\.txt.*no such file`},
	"T22": {row: 37, status: one(nothingValid), says: `no default .*cspad/cspad_default\.data`},
	"T23": {row: 37, eras: []string{"head"}, status: one(exited), edit: asEra("s2206")},
	"T24": {row: 1, status: one(nothingValid), says: `error: .*cspad/cspad_default\.data`},
	"T29": moved("CSPAD:V2 in IP moved to x=10.5 y=-20.5 z=-123456.7 um, rot_z=90 rot_y=-0.0625 rot_x=1.25 deg"),
	"T30": moved("CSPAD:V2 in IP moved to x=5 y=0 z=-100000 um, rot_z=0 rot_y=0 rot_x=0 deg"),
	"T31": moved("EPIX100:V1 in IP moved to x=0 y=0 z=-50000 um, rot_z=0 rot_y=0 rot_x=0 deg"),
	"T32": {row: 36, edit: all(
		deployedAs("T31"), replaced("  -50000  ", " -100000  "),
		commented("EPIX100:V1 in IP moved to x=0 y=0 z=-100000 um, rot_z=0 rot_y=0 rot_x=0 deg"))},
	"T33": {row: 36, status: one(failed), says: `error: .*epix100a_default\.data: .*"XX"; it has "IP"`, edit: notDeployed},
	"T34": {row: 36, edit: all(
		deployedAs("T35"), commented("JFCAMERA:V1 in IP:V1 moved to x=0 y=0 z=-5 um, rot_z=90 rot_y=0 rot_x=0 deg"))},
	"T35": moved("JFCAMERA:V1 in IP:V1 moved to x=0 y=0 z=-5 um, rot_z=90 rot_y=0 rot_x=0 deg"),
	"T36": {row: 36, status: one(failed), says: `error: .*there are 8 in "JFCAMERA:V1"`, edit: notDeployed},
	"T37": moved("DETPNCCD:V1 in IP:V1 moved to x=0 y=0 z=-70000 um, rot_z=0 rot_y=0 rot_x=0 deg"),
	"T38": {row: 35, edit: all(asHead, inMemory, commented(
		"CSPAD2X2:V1 in IP moved to x=0 y=0 z=-1 um, rot_z=0 rot_y=0 rot_x=0 deg",
		"CAMERA in IP moved to x=0 y=0 z=-1 um, rot_z=0 rot_y=0 rot_x=0 deg",
		"QUAD in IP moved to x=0 y=0 z=-1 um, rot_z=0 rot_y=0 rot_x=0 deg"))},
	"T39": moved("SENSOR in IP moved to x=0 y=0 z=-100000 um, rot_z=180 rot_y=0 rot_x=0 deg"),
	"T40": {row: 16, says: `error: .*epix100a_default\.data: .*line 1 has 12 fields, want 13`},
	"T42": moved("EPIX100:V1 in IP moved to x=0 y=0 z=-5 um, rot_z=0 rot_y=0 rot_x=0 deg"),
	"T43": {row: 16, says: `error: .*epix100a_default\.data: .*line 1 has 4 fields, want 13`},
	"T44": rayonix("MTRX:V2:1920:1920:88.542:88.542 in IP moved to x=0 y=0 z=-90000 um, rot_z=0 rot_y=0 rot_x=0 deg"),
	"T45": {row: 39, edit: all(
		inMemory, replaced("MTRX:V2:3840:3840:44.271:44.271", "MTRX:V2:1920:1920:88.542:88.542"),
		commented("MTRX:V2:1920:1920:88.542:88.542 in IP moved to x=0 y=0 z=-100000 um, rot_z=0 rot_y=0 rot_x=0 deg"))},
	"T46": moved(
		"EPIX100:V1 in IP moved to x=0 y=0 z=-5 um, rot_z=0 rot_y=0 rot_x=0 deg",
		"EPIX100:V1 in IP moved to x=0 y=0 z=-6 um, rot_z=0 rot_y=0 rot_x=0 deg"),
	"T48": refused(1, `--det|-d`),
	"T50": moved("EPIX100:V1 in IP moved to x=123456789 y=0 z=-1234567890.6 um, rot_z=-1234.5678 rot_y=0 rot_x=0 deg"),
}

// byAlias: hardware with ids has aliases, which 2022 did not know (row 38).
var byAlias = difference{row: 38, eras: eras2022, edit: asHead}

// moved: the geometry is made in memory, and HISTORY tells of it (row 35).
func moved(comments ...string) difference {
	return difference{row: 35, edit: all(inMemory, commented(comments...))}
}

// rayonix: the same, with a segment as in the configuration, which June 2022 did not
// know.
func rayonix(comment string) difference {
	return difference{row: 39, edit: all(asHead, inMemory, commented(comment))}
}

// inMemory: no temporary file is left in the repository; HISTORY names the file that
// the geometry was made from.
func inMemory(e edits) {
	e.remove(func(p string) bool { return strings.HasSuffix(p, "_tmp.data") })
	replaced("_tmp.data", "_default.data")(e)
}

// commented: the records of HISTORY have these comments, in the order of paths and
// lines.
func commented(comments ...string) edit {
	return func(e edits) {
		next := 0
		for _, p := range slices.Sorted(maps.Keys(e.tree)) {
			n := e.tree[p]
			for path.Base(p) == "HISTORY" && strings.Contains(n.Content, "cmt:\n") && next < len(comments) {
				n.Content = strings.Replace(n.Content, "cmt:\n", "cmt:"+comments[next]+"\n", 1)
				next++
			}
			e.tree[p] = n
		}
		if next < len(comments) {
			e.t.Fatalf("%s: no record for the comments %q", e.c.Name, comments[next:])
		}
	}
}

// deployedAs: the geometry that is deployed has the content of the one of another
// case.
func deployedAs(number string) edit {
	return func(e edits) {
		other := original(e.t, caseNamed(e.t, number), e.era).changed
		for p, n := range e.tree {
			if path.Base(p) == "0-end.data" {
				n.Content = other[p].Content
				e.tree[p] = n
			}
		}
	}
}

// The rest is conduct that the pages promise and that no golden case shows.

// geometryRegular moves the geometry of case T31.
var geometryRegular = []string{
	"geometry", "-e", "xpptut15", "-r", "260", "-d", "XcsEndstation.0:Epix100a.1", "-D", "-c", "./calib", "--posz", "-50000",
}

// TestGeometryDryRun: -n makes nothing, neither file nor alias, link, log or record.
func TestGeometryDryRun(t *testing.T) {
	for _, number := range []string{"T01", "T17", "T18", "T31", "T44", "T49"} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			c := caseNamed(t, number)
			f := newFacility(t, c)
			before := snapshot(t, f.root)
			out := f.command(t, append([]string{"geometry", "-n"}, c.Steps[0].Argv.of("head")...))
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

// TestGeometryReadOnlyRepository: without -D a repository that cannot be written does
// not stop the call; the alias is missing then.
func TestGeometryReadOnlyRepository(t *testing.T) {
	c := caseNamed(t, "T49")
	c.Init = append(c.Init,
		initEntry{Path: geometryRepository + "/epix10kaquad", Type: "dir", Mode: "555"},
		initEntry{Path: geometryRepository, Type: "dir", Mode: "555"})
	f := newFacility(t, c)
	before := snapshot(t, f.root)
	argv := []string{"geometry", "-e", "xpptut15", "-r", "590", "-d", "MecTargetChamber.0:Epix10kaQuad.0", "-c", "calib"}
	out := f.command(t, argv)
	if out.status != exited || !strings.Contains(out.stderr, "[W] the repository cannot be written") || !strings.Contains(out.stdout, "epix10kaquad_default.data") {
		t.Error(out)
	}
	onlyUnder(t, changes(before, snapshot(t, f.root)), siteRoot+"/logs/atstart")
	if out := f.command(t, append(argv, "-D")); out.status != failed {
		t.Error(out)
	}
}

// TestGeometryTogether: calls at the same time for different positions deploy each its
// own, which the original's temporary file in the repository did not allow (row 35).
func TestGeometryTogether(t *testing.T) {
	f := newFacility(t, caseNamed(t, "T31"))
	before := snapshot(t, f.root)
	const calls = 8
	var group sync.WaitGroup
	outs := make([]outcome, calls)
	for i := range outs {
		group.Go(func() {
			outs[i] = f.command(t, append(slices.Clone(geometryRegular), fmt.Sprintf("--posz=-%d", 1000+i), "-R", fmt.Sprintf("%d-end", i)))
		})
	}
	group.Wait()
	changed := changes(before, snapshot(t, f.root))
	dir := homeDir + "/calib/Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/geometry/"
	for i, out := range outs {
		want := fmt.Sprintf("EPIX100:V1    0         0        0 %8d ", -1000-i)
		if got := changed[fmt.Sprintf("%s%d-end.data", dir, i)].Content; out.status != exited || !strings.Contains(got, want) {
			t.Errorf("call %d: %q\n%v", i, got, out)
		}
		comment := fmt.Sprintf("file:%-14s .* cmt:EPIX100:V1 in IP moved to x=0 y=0 z=%d um", fmt.Sprintf("%d-end.data", i), -1000-i)
		if got := changed[dir+"HISTORY"].Content; !regexp.MustCompile(comment).MatchString(got) {
			t.Errorf("HISTORY has no %q:\n%s", comment, got)
		}
	}
	onlyUnder(t, changed, homeDir+"/calib", geometryRepository+"/logs", siteRoot+"/logs/atstart")
}

// TestGeometryHostileValues: whatever the options of its own hold, the command ends
// with one message, touches nothing but the log and the record at start, and deploys
// nothing.
func TestGeometryHostileValues(t *testing.T) {
	for _, option := range []string{"-a", "--parent", "--posx", "--posz", "--rotz", "-t", "-d", "-R"} {
		t.Run(strings.TrimLeft(option, "-"), func(t *testing.T) {
			t.Parallel()
			f := newFacility(t, caseNamed(t, "T31"))
			argv := geometryRegular
			if option == "-a" || option == "-t" {
				argv = append(slices.Clone(argv[:len(argv)-2]), "-a", "epix100a_default.data")
			}
			for _, value := range hostileValues {
				before := snapshot(t, f.root)
				out := f.shipped(t, append(slices.Clone(argv), option+glue(option)+value))
				changed := changes(before, snapshot(t, f.root))
				onlyUnder(t, changed, geometryRepository+"/logs", siteRoot+"/logs/atstart")
				if out.status != failed && out.status != usage {
					t.Errorf("%s %q: %v", option, value, out)
				}
				checkMessages(t, out)
				checkRecords(t, changed)
			}
		})
	}
}

// TestGeometryHostileFiles: a file of the repository that is no file, or leads out of
// it, or is far too large, is refused, moved or not.
func TestGeometryHostileFiles(t *testing.T) {
	const path = geometryRepository + "/epix100a/epix100a_default.data"
	for name, entry := range map[string]initEntry{
		"directory":     {Path: path, Type: "dir"},
		"leads out":     {Path: path, Type: "link", Target: siteRoot + "/data/ExpNameDb/experiment-db.dat"},
		"empty":         {Path: path, Type: "file"},
		"unreadable":    {Path: path, Type: "file", Content: "x", Mode: "000"},
		"far too large": {Path: path, Type: "file", Content: strings.Repeat("# comment\n", 200_000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := caseNamed(t, "T31")
			c.Init = slices.DeleteFunc(c.Init, func(e initEntry) bool { return e.Path == path })
			c.Init = append(c.Init, entry)
			f := newFacility(t, c)
			before := snapshot(t, f.root)
			for _, argv := range [][]string{geometryRegular, geometryRegular[:len(geometryRegular)-2]} {
				out := f.command(t, argv)
				if out.status != failed || !strings.Contains(out.stderr, path+": ") {
					t.Error(out)
				}
				checkMessages(t, out)
			}
			onlyUnder(t, changes(before, snapshot(t, f.root)), geometryRepository+"/logs", siteRoot+"/logs/atstart")
		})
	}
}

// TestGeometryStrictNames: files of a detector whose name begins alike are not taken
// (row 40).
func TestGeometryStrictNames(t *testing.T) {
	c := caseNamed(t, "T31")
	c.Init = append(c.Init, initEntry{
		Path: geometryRepository + "/epix100a/epix100a_XcsEndstation-0-Epix100a-10_20150101.data", Type: "file", Content: "of another\n"})
	f := newFacility(t, c)
	out := f.command(t, geometryRegular)
	if out.status != exited || !strings.Contains(out.stdout, "epix100a_default.data (default)") {
		t.Error(out)
	}
}

// TestGeometryNotDeployable: an event receiver has no geometry, whatever is asked for.
func TestGeometryNotDeployable(t *testing.T) {
	f := newFacility(t, caseNamed(t, "T31"))
	before := snapshot(t, f.root)
	for _, own := range [][]string{{"--posz", "-1"}, {"-a", "x"}, {}} {
		out := f.command(t, append([]string{"geometry", "-e", "xpptut15", "-r", "260", "-d", "NoDetector.0:Evr.0", "-D", "-c", "calib"}, own...))
		if out.status != failed || !strings.Contains(out.stderr, "error: detector type has no constants: Evr") {
			t.Error(out)
		}
	}
	onlyUnder(t, changes(before, snapshot(t, f.root)), geometryRepository+"/logs", siteRoot+"/logs/atstart")
}

// TestRayonixBinning: each side of the segment has its own binning (row 39), and a
// hierarchy that cannot be moved is an error.
func TestRayonixBinning(t *testing.T) {
	const path = geometryRepository + "/rayonix/rayonix_default.data"
	c := caseNamed(t, "T15")
	for i, run := range c.Scenario.Datasets {
		for k, d := range run.Detectors {
			if strings.Contains(d.Src, "Rayonix") {
				run.Detectors[k].Fields = fields{"binning_f": json.Number("2"), "binning_s": json.Number("4"), "deviceID": "MX340-HS:112"}
			}
		}
		c.Scenario.Datasets[i] = run
	}
	argv := append([]string{"geometry", "--json"}, c.Steps[0].Argv.of("head")...)
	out := newFacility(t, c).command(t, argv)
	if out.status != exited || !strings.Contains(out.stdout, `"segment": "MTRX:V2:1920:3840:177.084:88.542"`) {
		t.Error(out)
	}
	for i, entry := range c.Init {
		if entry.Path == path {
			c.Init[i].Content += "IP 0 OTHER 0 0 0 0 0 0 0 0 0 0\n"
		}
	}
	f := newFacility(t, c)
	before := snapshot(t, f.root)
	out = f.command(t, append([]string{"geometry"}, argv[2:]...))
	if out.status != failed || !strings.Contains(out.stderr, `there are 2 in "IP"`) {
		t.Error(out)
	}
	onlyUnder(t, changes(before, snapshot(t, f.root)), geometryRepository+"/logs", siteRoot+"/logs/atstart")
}
