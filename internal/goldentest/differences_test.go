package goldentest_test

import (
	"maps"
	"regexp"
	"slices"
	"testing"
)

// difference is how a case differs from the original on purpose.
type difference struct {
	row    int      // of the table in the compatibility page; 0: the text above the table
	eras   []string // nil: all
	status []int    // of each step; nil: as the original
	says   string   // regular expression that messages and log must match
	edit   edit     // what ours changes instead; nil: the same paths

	noCounterpart bool // the case is about Python and is not run
}

const (
	exited       = 0
	failed       = 1
	usage        = 2
	nothingValid = 3 // -D given, but no valid constants

	repositoryMissing = 10
)

const (
	epixID      = "3925999616-0996579585-0553648138-1232098304-1221641739-2650251521-3976200215"
	secondID    = "3925999616-0996000002-0553648138-1232098304-1221641739-2650251521-3976200215"
	firstTestID = "3925999616-0996000001-0553648138-1232098304-1221641739-2650251521-3976200215"
	epixPanel   = "epix100a/" + epixID
	gainDefault = "epix100a/default/epix100a_default_gain.txt"
	epixAliases = standard + "/epix100a/.aliases.txt"
	secondAlias = "0002 " + secondID + " 2022-06-09T12:19:26  xppa10016 r0011 XppEndstation.0:Epix100a.1 dubrovin\n"
)

// constants is the path of a specific file of the cases' main panel.
func constants(stamp, ctype string) string {
	return epixPanel + "/" + ctype + "/epix100a_0001_" + stamp + "_xpptut15_r0260_" + ctype + ".txt"
}

func gain(stamp string) deployment { return deployment{constants: constants(stamp, "gain")} }

// standardDeployment is that of example 1: the documented link to the default.
var standardDeployment = gain("20100101000000")

func defaultOf(ctype, octype string) deployment {
	return deployment{constants: "epix100a/default/epix100a_default_" + ctype + ".txt", octype: octype}
}

// one is the exit status of a case with one step.
func one(status int) []int { return []int{status} }

// missing: -D was given and the repository has no valid constants, which the exit
// status says (row 1).
func missing(detType string) difference {
	return difference{row: 1, status: one(nothingValid), says: `default/` + detType + `_default_\w+\.txt`}
}

// refused: a usage error, before anything is made.
func refused(row int, says string) difference {
	return difference{row: row, status: one(usage), says: says, edit: nothing}
}

// differences is every golden case that differs on purpose, by its short name.
var differences = joined(commandDifferences, geometryDifferences, panelsDifferences)

// joined puts tables together. A case stands in one of them.
func joined(tables ...map[string]difference) map[string]difference {
	all := map[string]difference{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

// commandDifferences are those of the single command and the library calls.
var commandDifferences = map[string]difference{
	"A03": missing("epix100a"),
	"A04": missing("cspad"),
	"A05": missing("cspad"),
	"A06": missing("cspad"),
	"A07": missing("cspad2x2"),
	"A08": missing("pnccd"),

	"C05": missing("epix100a"),
	"C13": refused(8, `20149999999999`),
	"C15": {row: 8, edit: deploys(gain("20150101000000"))},
	"C16": {row: 8, edit: deploys(gain("20150101000000"))},
	"C17": refused(8, `99999999999999`),
	"C18": refused(8, `"0"`),
	"C19": refused(8, `-1`),
	"C21": refused(8, `2019_0101_000000`),
	"C24": {row: 7, says: `epix100a_00012_20150101000000`, edit: deploys(gain("20110101000000"))},
	"C26": {row: 7, says: `20140101000000_xpptut15_r0260_pedestals\.txt`, edit: deploys(defaultOf("gain", ""))},
	"C27": {row: 7, status: one(exited), says: `note_by_user`, edit: deploys(gain("20110101000000"))},
	"C28": {row: 7, says: `copy_epix100a_0001`, edit: deploys(defaultOf("gain", ""))},
	"C29": {row: 7, says: `epix100a_0001_2014_xpptut15`, edit: deploys(defaultOf("gain", ""))},
	"C30": {row: 7, edit: deploys(deployment{
		constants: epixPanel + "/gain/epix100a_0001_20150101000000_xppb00115_r0002_gain.txt"})},
	"C32": {row: 2, status: one(failed), says: `epix100a_0001_20150101000000_xpptut15_r0260_gain\.txt`, edit: notDeployed},
	"C33": {row: 1, status: one(nothingValid), says: `epix100a_0001_20150101000000_xpptut15_r0260_gain\.txt`},
	"C35": missing("epix100a"),

	"D04": refused(4, `7-7`),
	"D05": refused(4, `runrange|-R`),
	"D06": refused(4, `20-10`),
	"D07": refused(4, `abc`),
	"D08": {row: 4, edit: deploys(deployment{constants: standardDeployment.constants, runs: "10-20"})},
	"D09": refused(4, `10-20\.data`),
	"D10": refused(4, `99999-end`),
	"D11": refused(14, `1-2; echo pwned > pwned\.txt; echo`),
	"D12": refused(4, `\.\./\.\./escaped`),

	"E03": {row: 2, status: one(failed), says: `pixel_gain/0-end\.data`, edit: notDeployed},
	"E04": {row: 3, status: one(failed), says: `(?s)0-end\.data.*link`, edit: notDeployed},
	"E05": {row: 21, edit: replaced("cmt:file:", "cmt:\nfile:")},
	"E07": {row: 2, status: one(failed), says: `20150101000000_xpptut15_r0260_gain\.txt.*permission denied`, edit: notDeployed},

	"F04_nodir": {row: 6, status: one(exited), edit: deploys(defaultOf("rms", "pixel_rms"))},
	"F05_nodir": {row: 6, status: one(exited), edit: deploys(defaultOf("pixel_rms", "pixel_rms"))},
	"F06_nodir": {row: 6, status: one(exited), edit: deploys(defaultOf("status", "pixel_status"))},
	"F07_nodir": {row: 6, status: one(exited), edit: deploys(defaultOf("pixel_status", "pixel_status"))},
	"F08_nodir": {row: 6, status: one(exited), edit: deploys(defaultOf("pixel_gain", "pixel_gain"))},
	"F09_dir":   {row: 17, eras: eras2022, status: one(exited), edit: asHead},
	"F09_nodir": {row: 17, eras: eras2022, status: one(exited), edit: asHead},
	"F10_dir":   specific("pedestals"),
	"F10_nodir": unspecific("pedestals"),
	"F11_dir":   refused(5, `(?s)pixel_datast.*status_data`),
	"F11_nodir": refused(5, `(?s)pixel_datast.*status_data`),
	"F12_dir":   specific("status_data"),
	"F12_nodir": unspecific("status_data"),
	"F13_dir":   specific("pixel_mask"),
	"F13_nodir": unspecific("pixel_mask"),
	"F14_dir":   specific("pixel_bkgd"),
	"F14_nodir": unspecific("pixel_bkgd"),
	"F15_dir":   specific("pixel_offset"),
	"F15_nodir": unspecific("pixel_offset"),
	"F16_dir":   refused(5, `(?s)"offset".*pixel_offset`),
	"F16_nodir": refused(5, `(?s)"offset".*pixel_offset`),
	"F17_dir":   refused(5, `(?s)"Gain".*gain`),
	"F17_nodir": refused(5, `(?s)"Gain".*gain`),
	"F20":       refused(5, `pixel_gain`),

	"G04": {row: 1, status: one(nothingValid), says: `epix100a_default_status_extra\.txt`},
	"G05": {row: 18, status: one(exited), says: `status_dark`, edit: onlyOneMerged},

	"H01": {row: 16, says: `XcsEndstation\.0:Epix100a\.1`},
	"H02": {row: 16, says: `XcsEndstation\.0:Epix100a\.1`},
	"H03": {row: 16, says: `XcsEndstation\.0:Epix100a\.1`},
	"H05": {row: 16, says: `error: .*Evr`},
	"H06": refused(1, `--det|-d`),
	"H07": refused(1, `--exp|-e`),
	"H08": refused(1, `--run|-r`),
	"H09": refused(1, `deploy_constants -e`),
	"H13": refused(20, `(?s)FOO.*DEBUG`),
	"H16": {row: 16, says: `260.*460`},
	"H18": {row: 15, status: one(exited), edit: all(started, panelTree("epix100a", epixID), deploys(standardDeployment))},

	"I06": {row: 11, edit: content(epixAliases, "0001 aaa x\n"+secondAlias)},
	"I07": {row: 11, status: one(exited), edit: all(
		content(epixAliases, "0001 aaa x\njunk\n"+secondAlias), deploys(defaultOf("gain", "")))},
	"I08": {row: 11, status: one(exited), edit: all(
		content(epixAliases, "# aliases\n0001 aaa x\n"+secondAlias), deploys(defaultOf("gain", "")))},
	"I11": {row: 11, edit: without(epixAliases)},
	"I14": {row: 12, edit: without(standard + "/epix100a/aliases.txt")},
	"I31": {row: 13, edit: fullID("epix10kaquad")},
	"I32": {row: 13, edit: fullID("epix10ka2m")},
	"I70": untyped("EpixS"),
	"I71": untyped("Gotthard"),
	"I72": untyped("Opal1600"),

	"J06": {row: 1, status: one(nothingValid), says: `default/epix100a_default_gain\.txt`, edit: parentsOfRepository},

	"K01": {row: 15, eras: []string{"s2209"}, edit: calibModes},
	"K02": {row: 15, edit: calibModes},
	"K03": refused(15, `filemode`),

	"L03": {row: 0, status: one(exited), edit: all(panelTree("epix100a", epixID), deploys(standardDeployment))},
	"L06": {row: 0, edit: replaced("T12:19:26 r0260", "T12:19:26   xpptut15 r0260")},
	"L07": refused(1, `260-261`),

	"M04": {row: 19, status: one(exited), says: `\[W\] .*/logs/atstart`, edit: all(
		panelTree("epix100a", epixID), deploys(standardDeployment))},

	"N01": {row: 14, status: one(exited), edit: deploys(standardDeployment)},
	"N02": {row: 14, edit: deploys(standardDeployment)},
	"N06": {row: 22, edit: without(dataRoot + "/XPP/xppm00117")}, // there already: the raw data lie in it

	"P01": {row: 9, edit: deploys(atNight("20160318190729"))},
	"P06": {row: 10, edit: all(
		replaced("2022-06-09T191926", "2022-06-09T121926"),
		replaced("2022-06-09T19:19:26", "2022-06-09T12:19:26"),
		deploys(atNight("20160318190730")))},

	"S01": {row: 24, noCounterpart: true},
	"S10": {row: 24, says: `abc`, edit: nothing},
	"S11": {row: 24, says: `10-20`, edit: nothing},
	"S13": {row: 24, status: one(failed), says: `not a time`, edit: nothing},
	"S46": {row: 24, noCounterpart: true},
	"S48": {row: 24, status: one(exited), edit: savedPedestals},
}

var eras2022 = []string{"s2206", "s2209"}

// differenceOf returns the entry of the case in the era.
func differenceOf(c goldenCase, era string) (difference, bool) {
	d, ok := differences[c.number()]
	if !ok || d.eras != nil && !slices.Contains(d.eras, era) {
		return difference{}, false
	}
	return d, true
}

// apply returns what ours must give instead of the original's result.
func (d difference) apply(t testing.TB, c goldenCase, era string, w wanted) wanted {
	t.Helper()
	instead := w
	instead.changed = w.changed.clone()
	if d.status != nil {
		instead.status = d.status
	}
	if d.edit != nil {
		d.edit(edits{t: t, tree: instead.changed, c: c, era: era, modes: modesOf(c, era)})
		instead.facts, instead.names = nil, nil
	}
	return instead
}

// pattern returns the expression for the messages; the empty one matches anything.
func (d difference) pattern() *regexp.Regexp { return regexp.MustCompile(d.says) }

// specific: the type, unknown to the original, is deployed under its own name.
func specific(ctype string) difference {
	return difference{row: 5, status: one(exited), edit: deploys(deployment{
		constants: constants("20150101000000", ctype), octype: ctype})}
}

// unspecific: the same from the default.
func unspecific(ctype string) difference {
	return difference{row: 5, status: one(exited), edit: deploys(defaultOf(ctype, ctype))}
}

// untyped: a device that has no detector type is refused.
func untyped(device string) difference {
	return difference{row: 23, status: one(failed), says: `(?s)` + device + `.*Epix100a`, edit: onlyLogs}
}

// atNight is a file of the panel of group P.
func atNight(stamp string) deployment {
	return deployment{constants: "epix100a/" + firstTestID + "/gain/epix100a_0001_" + stamp + "_xppt10016_r0001_gain.txt"}
}
