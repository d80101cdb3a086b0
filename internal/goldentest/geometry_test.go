package goldentest_test

import (
	"maps"
	"path"
	"slices"
	"strings"
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
	"T20": {row: 1, status: one(failed), says: `nofile\.txt.*no such file`},
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
