package goldentest_test

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

// edits turn the change that the original made into the one that ours makes. An
// entry of the table of differences is a few of these calls.
type edits struct {
	t testing.TB
	tree
	c     goldenCase
	era   string
	modes modes
}

// A change in what is expected of a case.
type edit func(e edits)

// all applies several edits in turn.
func all(list ...edit) edit {
	return func(e edits) {
		for _, one := range list {
			one(e)
		}
	}
}

// nothing: no path changes.
func nothing(e edits) { clear(e.tree) }

// remove takes away the expected paths for which the condition holds.
func (e edits) remove(when func(string) bool) {
	maps.DeleteFunc(e.tree, func(p string, _ node) bool { return when(p) })
}

// onlyLogs: the run ended with a log and the record at start, and made nothing else.
func onlyLogs(e edits) {
	e.remove(func(p string) bool { return !strings.Contains(p+"/", "/logs/") })
}

// notDeployed: nothing changed in a calib directory, nor elsewhere outside the
// repository and the logs.
func notDeployed(e edits) {
	e.remove(func(p string) bool {
		return !strings.HasPrefix(p, siteRoot) && !strings.HasPrefix(p, "/scratch")
	})
}

// without takes away one path.
func without(p string) edit {
	return func(e edits) {
		if _, ok := e.tree[p]; !ok {
			e.t.Fatalf("%s: %s was not expected in the first place", e.c.Name, p)
		}
		delete(e.tree, p)
	}
}

// content gives a file of the initial or the expected tree another content.
func content(p, text string) edit {
	return func(e edits) {
		n, ok := e.tree[p]
		if !ok {
			n = node{Type: "file", Mode: 0o666, Owner: e.owner()}
		}
		n.Content = contentOf(text)
		e.tree[p] = n
	}
}

// replaced replaces a text in the names and contents of everything expected.
func replaced(old, text string) edit {
	return func(e edits) {
		for p, n := range maps.Clone(e.tree) {
			delete(e.tree, p)
			n.Content = strings.ReplaceAll(n.Content, old, text)
			e.tree[strings.ReplaceAll(p, old, text)] = n
		}
	}
}

// mode gives expected paths another mode.
func mode(bits uint32, paths ...string) edit {
	return func(e edits) {
		for _, p := range paths {
			n, ok := e.tree[p]
			if !ok {
				e.t.Fatalf("%s: %s was not expected in the first place", e.c.Name, p)
			}
			n.Mode = bits
			e.tree[p] = n
		}
	}
}

// calibModes gives everything outside the repository and the logs the modes that
// the options ask for.
func calibModes(e edits) {
	for p, n := range e.tree {
		if !strings.HasPrefix(p, siteRoot) {
			e.tree[p] = n.withMode(e.modes.calibDir, e.modes.file)
		}
	}
}

// started: the log and the record at start, of a run that the original refused.
func started(e edits) {
	s := e.c.Steps[0]
	user, cwd := s.who()
	record, name := clock(e.t, s.Now)
	year := name[:4]
	e.dirs(standard+"/logs", standard+"/logs/"+year, siteRoot+"/logs/atstart/"+year)
	e.file(standard+"/logs/"+year+"/"+name+"_log_deploy_constants_"+user+".txt", "")
	e.file(siteRoot+"/logs/atstart/"+year+"/"+year+"_lcls1_deploy_constants.txt",
		fmt.Sprintf("\n%s user:%s@%s cwd:%s rel:%s dirrepo:%s command:deploy_constants %s", record, user, hostName, cwd,
			condaEnvironment[e.era], standard, strings.Join(eraArguments(e.era, s.Argv.of(e.era)), " ")))
}

// panelTree: the directories of the panel in the repository, as far as the initial
// tree lacks them.
func panelTree(detType, id string) edit {
	return func(e edits) {
		dir := path.Join(standard, detType, id)
		e.dirs(dir, dir+"/common_mode", dir+"/gain", dir+"/geometry")
	}
}

// deployment is what a single -D run puts into a calib directory.
type deployment struct {
	constants string // path in the repository
	octype    string // directory under the source; "" is pixel_gain
	runs      string // "" is 0-end
	content   string // "" is the content that the initial tree has at constants
}

// deploys: these constants, and nothing else, arrive in the calib directory of the
// case's last step.
func deploys(d deployment) edit {
	return func(e edits) {
		notDeployed(e)
		s := e.c.Steps[len(e.c.Steps)-1]
		user, cwd := s.who()
		argv := s.Argv.of(e.era)
		source := valueOf(argv, "-d")
		calib := path.Join(cwd, valueOf(argv, "-c"))
		octype, runs := orElse(d.octype, "pixel_gain"), orElse(d.runs, "0-end")
		group := path.Join(calib, calibGroup(source))
		target := path.Join(group, source, octype)
		e.dirs(calib, group, path.Join(group, source), target)
		constants := path.Join(standard, d.constants)
		text := d.content
		if text == "" {
			text = e.initial(constants)
		}
		record, _ := clock(e.t, s.Now)
		e.file(path.Join(target, runs+".data"), text)
		e.file(path.Join(target, "HISTORY"), fmt.Sprintf("file:%-14s copy_of:%s ctype:%s user:%s host:%s cptime:%s cwd:%s cmt:\n",
			runs+".data", constants, octype, user, hostName, record, cwd))
		for _, p := range []string{calib, group, path.Join(group, source), target} {
			e.chmod(p, e.modes.calibDir)
		}
	}
}

// calibGroup is the calib group of the sources of the cases that need one here.
func calibGroup(source string) string {
	_, device, _ := strings.Cut(source, ":")
	device, _, _ = strings.Cut(device, ".")
	return device + "::CalibV1"
}

func orElse(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// valueOf returns the value that follows the option.
func valueOf(argv []string, option string) string {
	if i := slices.Index(argv, option); i >= 0 && i+1 < len(argv) {
		return argv[i+1]
	}
	return ""
}

// who returns the user and the working directory of the step.
func (s step) who() (user, cwd string) {
	return orElse(s.User, firstUser), orElse(s.Cwd, homeDir)
}

// initial returns the content of a file of the initial tree, through a link if need
// be.
func (e edits) initial(p string) string {
	for _, entry := range e.c.Init {
		switch {
		case entry.Path != p:
		case entry.Type == "link":
			return e.initial(entry.Target)
		case entry.Type == "file":
			return entry.content(e.t)
		}
	}
	e.t.Fatalf("%s: the initial tree has no file %s", e.c.Name, p)
	return ""
}

// dirs adds directories that the run makes, unless the initial tree has them.
func (e edits) dirs(paths ...string) {
	for _, p := range paths {
		laid := slices.ContainsFunc(e.c.Init, func(entry initEntry) bool {
			return entry.Path == p || strings.HasPrefix(entry.Path, p+"/")
		})
		if !laid {
			e.tree[p] = node{Type: "dir", Mode: e.modes.dir, Owner: e.owner()}
		}
	}
}

func (e edits) file(p, text string) {
	e.tree[p] = node{Type: "file", Mode: e.modes.file, Owner: e.owner(), Content: contentOf(text)}
}

func (e edits) chmod(p string, bits uint32) {
	if n, ok := e.tree[p]; ok {
		n.Mode = bits
		e.tree[p] = n
	}
}

// owner is the owner of what the first user makes.
func (e edits) owner() string {
	if !asRoot {
		return ""
	}
	return fmt.Sprintf("%d:%d", people[firstUser].uid, people[firstUser].gid)
}

// asHead: what the present program does with the modes of the era (row 17).
func asHead(e edits) { asEra("head")(e) }

// asEra: what the program of another era does, with the modes of this one.
func asEra(era string) edit {
	return func(e edits) { e.takeOver(original(e.t, e.c, era).changed) }
}

// takeOver takes the result of another era.
func (e edits) takeOver(other tree) {
	record := startRecord(e.tree)
	clear(e.tree)
	for p, n := range other {
		switch {
		case n.Type == "dir" && strings.HasPrefix(p, siteRoot):
			n.Mode = e.modes.dir
		case startName.MatchString(p):
			n.Content = record
		}
		e.tree[p] = n
	}
}

// startRecord returns the text of the record at start.
func startRecord(tr tree) string {
	for p, n := range tr {
		if startName.MatchString(p) {
			return n.Content
		}
	}
	return ""
}

// fullID: the id of all panels stands in the alias file, as at head, and the
// directory is called after the alias, since no directory can have the id's name.
func fullID(detType string) edit {
	return func(e edits) {
		aliases := standard + "/" + detType + "/aliases.txt"
		firstPanel := strings.Fields(e.tree[aliases].Content)[1]
		replaced(detType+"/"+firstPanel, detType+"/"+detType+"_0001")(e)
		e.tree[aliases] = original(e.t, e.c, "head").changed[aliases]
	}
}

// parentsOfRepository: what -o makes has the directory mode, parents included.
func parentsOfRepository(e edits) {
	mode(e.modes.dir, "/scratch/a", "/scratch/a/b")(e)
}

// onlyOneMerged: the status directory that has a file is all that is merged.
func onlyOneMerged(e edits) {
	const name = epixPanel + "/status_merged/epix100a_0001_20160318190730_xpptut15_r0260_status_merged.txt"
	merged := savedHeader(standard+"/"+name, "(1,)", "uint64", 1) + "\n 1 "
	e.dirs(standard + "/" + epixPanel + "/status_merged")
	e.file(standard+"/"+name, merged)
	deploys(deployment{constants: name, octype: "status_extra", content: merged})(e)
}

// savedPedestals: the directory of the type is made and the array saved in it.
func savedPedestals(e edits) {
	dir := standard + "/" + epixPanel + "/pedestals"
	p := dir + "/epix100a_0001_20220901120000_xpptut15_r0123_pedestals.txt"
	e.dirs(dir)
	row := strings.Repeat("0.0610 ", 767) + "0.0610\n"
	e.file(p, savedHeader(p, "(704,768)", "float64", 704, 768)+"\n"+strings.Repeat(row, 704))
}

// savedHeader is the metadata block above a saved array, as the first user writes
// it in the cases.
func savedHeader(p, shape, dtype string, dims ...int) string {
	return savedAt("2022-06-09T12:19:26", p, shape, dtype, dims...)
}

// savedAt is savedHeader for another moment.
func savedAt(moment, p, shape, dtype string, dims ...int) string {
	var b strings.Builder
	for _, line := range [][2]string{
		{"HOST", hostName}, {"WORK_DIR", homeDir}, {"FILE_NAME", p},
		{"DATE_TIME", moment}, {"UID", firstUser}, {"SHAPE", shape}, {"DATATYPE", dtype},
	} {
		fmt.Fprintf(&b, "\n# %-11s %s", line[0], line[1])
	}
	fmt.Fprintf(&b, "\n\n# %-11s %s\n# %-11s %d", "DTYPE", dtype, "NDIM", len(dims))
	for i, dim := range dims {
		fmt.Fprintf(&b, "\n# %-11s %d", fmt.Sprintf("DIM:%d", i), dim)
	}
	return b.String() + "\n"
}
