package goldentest_test

import (
	"maps"
	"path"
	"slices"
	"strings"
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
