package goldentest_test

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// wanted is what a run of a case must give.
type wanted struct {
	status  []int // of each step; -1: not a step of the program
	changed tree
	facts   []string // texts that the log files must contain
	names   []string // paths that library calls return

	// A user outside the group of a directory cannot give it setgid. Where the
	// tests cannot run steps as such a user, setgid is not compared.
	noSetgid bool
}

// modes are the permissions of what a run makes.
type modes struct{ dir, calibDir, file uint32 }

// modesOf returns the modes that the era's case asks for: the era's defaults, or
// the options of the last step. Directories of a calib tree always carry setgid
// (row 15).
func modesOf(c goldenCase, era string) modes {
	m := modes{dir: 0o777, file: 0o666}
	if era == "s2209" {
		m.dir = 0o2777
	}
	argv := c.Steps[len(c.Steps)-1].Argv.of(era)
	for i, arg := range argv[:max(0, len(argv)-1)] {
		switch bits, err := strconv.ParseUint(argv[i+1], 0, 12); {
		case err != nil:
		case arg == "--dirmode":
			m.dir = uint32(bits)
		case arg == "--filemode":
			m.file = uint32(bits)
		}
	}
	m.calibDir = m.dir | 0o2000
	return m
}

// original returns what the original's result is in our terms: the recorded change
// after the rules that hold for every case.
func original(t testing.TB, c goldenCase, era string) wanted {
	t.Helper()
	e := c.expectation(t, era)
	if len(e.Removed) > 0 {
		t.Fatalf("%s removes %v; no case of these groups did", c.Name, e.Removed)
	}
	w := wanted{changed: tree{}, noSetgid: !asRoot && c.runByOutsider()}
	for i, s := range e.Steps {
		status := -1
		if s.RC != nil {
			status = *s.RC
		}
		w.status = append(w.status, status)
		if c.Steps[i].Py == "" {
			w.facts = append(w.facts, factsOf(s.Stdout)...)
		} else if match := libraryName.FindStringSubmatch(s.Stdout); match != nil {
			w.names = append(w.names, match[1])
		}
	}
	for p, r := range e.Changed {
		n, err := parseNode(r)
		if err != nil {
			t.Fatalf("%s: %s: %v", c.Name, p, err)
		}
		w.changed[p] = n
	}
	m := modesOf(c, era)
	if era == "head" {
		w.changed = headAsJune(w.changed, m)
	}
	w.changed.namesAliasFileAsDocumented(c)
	w.changed.carriesFileModeInLogs(m)
	w.changed.recordsOurCommand()
	if era == "s2209" {
		w.changed.recordsEraOptions()
	}
	return w
}

var (
	logName    = regexp.MustCompile(`/logs/\d{4}/[^/]*_log_(?:[a-z0-9]+_)?deploy_constants_[^/]*\.txt$`)
	startName  = regexp.MustCompile(`/logs/atstart/\d{4}/[^/]*_lcls1_(?:[a-z0-9]+_)?deploy_constants\.txt$`)
	headLogs   = regexp.MustCompile(`^` + standard + `/[a-z0-9]+/logs(/|$)`)
	logFileKey = regexp.MustCompile(` logfile:\S+`)
)

// runByOutsider reports whether somebody runs a step who is not in the first user's
// group.
func (c goldenCase) runByOutsider() bool {
	return slices.ContainsFunc(c.Steps, func(s step) bool {
		user, _ := s.who()
		return people[user].gid != people[firstUser].gid
	})
}

// libraryName is how the documented examples of the library calls print the path.
var libraryName = regexp.MustCompile(`(?:File name in repository|save file): (\S+)\n`)

// headAsJune renders a result of the present program as that of June 2022 (row 17):
// the log lies in <repository>/logs and nowhere else, the record at start lies in
// $SIT_ROOT/logs and does not name the log, modes are those of June.
func headAsJune(head tree, m modes) tree {
	june := tree{}
	for p, n := range head {
		calib := strings.Contains(p+"/", "/calib/") && !strings.HasPrefix(p, siteRoot)
		switch {
		case strings.HasPrefix(p, standard+"/scripts"):
			// The log's name is known from here even where the run failed and the
			// file was never moved.
			if _, rest, ok := strings.Cut(p, "/scripts/deploy_constants/logs"); ok {
				if n.Type == "link" {
					n = node{Type: "file", Owner: head[path.Dir(p)].Owner}
				}
				june[standard+"/logs"+rest] = n.withMode(m.dir, m.file)
			}
		case headLogs.MatchString(p):
		case strings.HasPrefix(p, siteRoot+"/detector/logs/atstart"):
			n.Content = logFileKey.ReplaceAllString(n.Content, "")
			june[siteRoot+strings.TrimPrefix(p, siteRoot+"/detector")] = n.withMode(m.dir, m.file)
		case calib:
			june[p] = n.withMode(m.calibDir, m.file)
		case path.Base(p) == ".aliases.txt":
			june[p] = n
		default:
			june[p] = n.withMode(m.dir, m.file)
		}
	}
	return june
}

func (n node) withMode(dir, file uint32) node {
	switch n.Type {
	case "dir":
		n.Mode = dir
	case "file":
		n.Mode = file
	}
	return n
}

// namesAliasFileAsDocumented renames an alias file that the original made (row 12).
func (tr tree) namesAliasFileAsDocumented(c goldenCase) {
	for p, n := range maps.Clone(tr) {
		if path.Base(p) == ".aliases.txt" && !c.lays(p) {
			delete(tr, p)
			tr[path.Join(path.Dir(p), "aliases.txt")] = n
		}
	}
}

// carriesFileModeInLogs: log files have the file mode whatever the umask.
func (tr tree) carriesFileModeInLogs(m modes) {
	for p, n := range tr {
		if logName.MatchString(p) {
			n.Mode = m.file
			tr[p] = n
		}
	}
}

// recordsOurCommand: the record at start holds the command as it is typed here, also
// where it was a program of its own.
func (tr tree) recordsOurCommand() {
	for app, command := range ourCommands {
		tr.recordsCommand(regexp.MustCompile("command:"+app), "command:deploy_constants "+command)
	}
}

// recordsEraOptions: the record at start holds the options that the harness puts
// first.
func (tr tree) recordsEraOptions() {
	tr.recordsCommand(regexp.MustCompile("command:deploy_constants( geometry)? "), "${0}"+strings.Join(eraOptions, " ")+" ")
}

func (tr tree) recordsCommand(pattern *regexp.Regexp, ours string) {
	for p, n := range tr {
		if startName.MatchString(p) {
			n.Content = pattern.ReplaceAllString(n.Content, ours)
			tr[p] = n
		}
	}
}

// lays reports whether the initial tree of the case has the path.
func (c goldenCase) lays(p string) bool {
	return slices.ContainsFunc(c.Init, func(e initEntry) bool { return e.Path == p })
}

// comparable takes off a change what is not compared: the text of log files, whose
// facts are looked at instead, the group of the record at start, and setgid where
// the expectation says so.
func (tr tree) comparable(noSetgid bool) tree {
	out := tree{}
	for p, n := range tr {
		if noSetgid {
			n.Mode &^= syscall.S_ISGID
		}
		switch {
		case logName.MatchString(p):
			n.Content = ""
		case startName.MatchString(p):
			n.Owner, _, _ = strings.Cut(n.Owner, ":")
		}
		out[p] = n
	}
	return out
}

// logs returns the text of the log files in a change.
func (tr tree) logs() string {
	var text strings.Builder
	for _, p := range slices.Sorted(maps.Keys(tr)) {
		if logName.MatchString(p) {
			text.WriteString(tr[p].Content)
		}
	}
	return text.String()
}

// facts are what the original's messages say about its decision: the search stamp,
// the constants it chose, and the directory it deploys to.
var facts = []*regexp.Regexp{
	regexp.MustCompile(`search constants for: (\d+)`),
	regexp.MustCompile(`file_for_timestamp\(tstamp=\d+\): (/\S+)`),
	regexp.MustCompile(`use default constants from: (\S+)`),
	regexp.MustCompile(`deploy calib file \S+ under (.+)`),
	regexp.MustCompile(`file_for_timestamp\(tsrun=(\d+)\)`),
	regexp.MustCompile(`file_for_timestamp\(tsrun=\d+\): (/\S+)`),
}

func factsOf(stdout string) []string {
	var found []string
	for _, fact := range facts {
		for _, match := range fact.FindAllStringSubmatch(stdout, -1) {
			found = append(found, match[1])
		}
	}
	return found
}

var logLine = regexp.MustCompile(`^\[[DIWEC]\] \S`)

// checkLogs reports what is wrong with the log text: a line that does not begin
// with its level, a fact that is missing.
func checkLogs(text string, facts []string) error {
	if text != "" && !strings.HasSuffix(text, "\n") {
		return fmt.Errorf("the log does not end with a whole line: %q", text)
	}
	for line := range strings.Lines(text) {
		if !logLine.MatchString(line) {
			return fmt.Errorf("log line %q does not begin with its level in brackets", line)
		}
	}
	for _, fact := range facts {
		if !strings.Contains(text, fact) {
			return fmt.Errorf("the log does not say %q:\n%s", fact, text)
		}
	}
	return nil
}

// clock renders an instant as records have it, and as log names have it.
func clock(t testing.TB, sec int64) (record, name string) {
	t.Helper()
	zone, err := time.LoadLocation(zoneLCLS)
	if err != nil {
		t.Fatal(err)
	}
	local := time.Unix(sec, 0).In(zone)
	return local.Format("2006-01-02T15:04:05"), local.Format("2006-01-02T150405")
}
