package goldentest_test

import (
	"fmt"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// regular is the command line of example 1; a test replaces or adds one option.
var regular = []string{
	"-e", "xpptut15", "-r", "260", "-d", "XcsEndstation.0:Epix100a.1", "-C", "gain", "-D", "-c", "./calib",
}

// with returns the regular command line with another value of one option.
func with(option, value string) []string {
	argv := slices.Clone(regular)
	if i := slices.Index(argv, option); i >= 0 {
		argv[i+1] = value
		return argv
	}
	return append(argv, option+glue(option)+value)
}

// glue joins an option and its value in one argument, so that a value may begin
// with a minus.
func glue(option string) string {
	if strings.HasPrefix(option, "--") {
		return "="
	}
	return ""
}

// hostileValues are values that would do harm in a shell, in a path, in a record of
// one line, or on a terminal.
var hostileValues = []string{
	"../x", "../../../../../../../../../../tmp/x", "..", ".", "/", "a/../../b", "./../calib/../../y",
	"a;touch pwned", "$(touch pwned)", "`touch pwned`", "a|b&c>d<e", "'", `"`, `\`, "a'b\"c", "*?[a]~",
	"a\nfile:0-end.data copy_of:x", "a\r\tb", "\x1b[31mred\x07", "a\x7f", "x:y:z", "a b", " ", "%s%n", "-", "--",
	"\u00e9\u202e", "\xff\xfe", strings.Repeat("x", 300), strings.Repeat("y/", 2500),
}

// hostileOptions are the options whose value is refused or taken as text; -c and -o
// name a place to write to and have tests of their own.
var hostileOptions = []string{
	"-e", "-r", "-d", "-t", "-s", "-x", "-C", "-l", "-R", "--dirmode", "--filemode", "--group", "--dsnamex", "--config",
}

// harmlessSuffixes are values that make a valid dataset string behind "run=260".
var harmlessSuffixes = []string{" ", "-"}

// TestHostileValues: whatever an option holds, the command ends with one message,
// touches nothing but the log and the record at start, and deploys nothing.
func TestHostileValues(t *testing.T) {
	c := caseNamed(t, "A01")
	for _, option := range hostileOptions {
		t.Run(strings.TrimLeft(option, "-"), func(t *testing.T) {
			t.Parallel()
			f := newFacility(t, c)
			for _, value := range hostileValues {
				if slices.Contains(harmlessSuffixes, value) && option == "-s" {
					continue
				}
				before := snapshot(t, f.root)
				out := f.shipped(t, with(option, value))
				changed := changes(before, snapshot(t, f.root))
				onlyUnder(t, changed, standard+"/logs", siteRoot+"/logs/atstart")
				if out.status != failed && out.status != usage {
					t.Errorf("%s %q: %v", option, value, out)
				}
				checkMessages(t, out)
				checkRecords(t, changed)
			}
		})
	}
}

// TestHostilePlaces: a calib directory or a repository is used as typed, and nothing
// is written beside it.
func TestHostilePlaces(t *testing.T) {
	c := caseNamed(t, "A01")
	for _, option := range []string{"-c", "-o"} {
		t.Run(strings.TrimLeft(option, "-"), func(t *testing.T) {
			t.Parallel()
			for _, value := range hostileValues {
				if strings.HasPrefix(value, "../../../../") || value == "/" {
					continue // outside the private root
				}
				f := newFacility(t, c)
				before := snapshot(t, f.root)
				out := f.shipped(t, with(option, value))
				changed := changes(before, snapshot(t, f.root))
				place := path.Join(homeDir, value)
				onlyUnder(t, changed, standard, siteRoot+"/logs/atstart", homeDir+"/calib", place)
				if out.status == exited && option == "-c" && !deployedUnder(changed, place) {
					t.Errorf("-c %q: exit status 0, but nothing was deployed there: %v", value, slices.Sorted(maps.Keys(changed)))
				}
				checkMessages(t, out)
				checkRecords(t, changed)
			}
		})
	}
}

// TestHostileDatasets: names inside a dataset string that lead out of the data
// roots find nothing and make nothing.
func TestHostileDatasets(t *testing.T) {
	c := caseNamed(t, "A01")
	f := newFacility(t, c)
	for _, dataset := range []string{
		"exp=../../etc:run=260", "exp=XPP/../../x:run=260", "exp=/xpptut15:run=260", "exp=xpptut15/..:run=260",
		"exp=xpptut15\n:run=260", "exp=:run=260", "exp=666666:run=260", "exp=xpptut15:run=260:dir=../../../nowhere",
		"exp=xpptut15:run=0-18446744073709551616", "exp=xpptut15:run=99999999999999999999", "exp=xpptut15:run=-1",
		"exp=xpptut15:run=260:stream=0-4294967295,9999999999999", "/dev/null", "/dev/zero", ".", "exp=$(id):run=`id`",
	} {
		argv := []string{"-d", "XcsEndstation.0:Epix100a.1", "-C", "gain", "-D", "-c", "./calib", "-x", dataset}
		before := snapshot(t, f.root)
		out := f.shipped(t, argv)
		changed := changes(before, snapshot(t, f.root))
		onlyUnder(t, changed, standard+"/logs", siteRoot+"/logs/atstart")
		if out.status != failed && out.status != usage {
			t.Errorf("-x %q: %v", dataset, out)
		}
		checkMessages(t, out)
		checkRecords(t, changed)
	}
}

// TestPlantedLinks: links that somebody planted where the command writes lead
// nowhere: what they point to is as it was.
func TestPlantedLinks(t *testing.T) {
	const (
		outside = "/home/dubrovin/outside"
		calib   = homeDir + "/calib"
		group   = calib + "/Epix100a::CalibV1"
		source  = group + "/XcsEndstation.0:Epix100a.1"
		target  = source + "/pixel_gain"
	)
	for _, p := range []struct {
		name, link, to string
		status         int
	}{
		{"calib group", group, outside, failed},
		{"source directory", source, outside, failed},
		{"ctype directory", target, outside, failed},
		{"ctype directory, relative", target, "../../../../../outside", failed},
		{"deployed file", target + "/0-end.data", outside + "/file", failed},
		{"deployed file, dangling", target + "/0-end.data", outside + "/new", failed},
		{"HISTORY", target + "/HISTORY", outside + "/file", failed},
		{"HISTORY, dangling", target + "/HISTORY", outside + "/new", failed},
		{"log directory", standard + "/logs", outside, failed},
		{"log of this second", standard + "/logs/2022/2022-06-09T121926_log_deploy_constants_dubrovin.txt", outside + "/file", failed},
		{"type directory", standard + "/epix100a", outside, failed},
		{"panel directory", standard + "/" + epixPanel, outside, failed},
		{"alias file", epixAliases, outside + "/file", failed},
		{"start records", siteRoot + "/logs/atstart/2022", outside, exited},
		{"start record", siteRoot + "/logs/atstart/2022/2022_lcls1_deploy_constants.txt", outside + "/file", exited},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			c := caseNamed(t, "A02")
			c.Init = slices.DeleteFunc(c.Init, func(e initEntry) bool {
				return strings.HasPrefix(e.Path, p.link+"/")
			})
			c.Init = append(c.Init,
				initEntry{Path: outside, Type: "dir"},
				initEntry{Path: outside + "/file", Type: "file", Content: "precious\n"},
				initEntry{Path: p.link, Type: "link", Target: p.to})
			f := newFacility(t, c)
			before := snapshot(t, f.root)
			out := f.command(t, regular)
			changed := changes(before, snapshot(t, f.root))
			if out.status != p.status {
				t.Errorf("exit status %d, want %d\n%v", out.status, p.status, out)
			}
			onlyUnder(t, changed, standard, siteRoot+"/logs/atstart", calib)
			if n, ok := changed[p.link]; ok {
				t.Errorf("the link is now %+v", n)
			}
			checkMessages(t, out)
		})
	}
}

// TestLinkedCalibDirectory: a calib directory may itself be a link; what it points
// to is the calib directory.
func TestLinkedCalibDirectory(t *testing.T) {
	const elsewhere = "/home/dubrovin/elsewhere"
	c := caseNamed(t, "A02")
	c.Init = append(c.Init,
		initEntry{Path: elsewhere, Type: "dir"},
		initEntry{Path: homeDir + "/calib", Type: "link", Target: elsewhere})
	f := newFacility(t, c)
	before := snapshot(t, f.root)
	out := f.command(t, regular)
	changed := changes(before, snapshot(t, f.root))
	if out.status != exited || !deployedUnder(changed, elsewhere) {
		t.Errorf("not deployed through the link: %v", out)
	}
	onlyUnder(t, changed, standard, siteRoot+"/logs/atstart", elsewhere)
}

// TestSharedFilesAreRefused: a HISTORY or alias file with a second name may be
// anybody's file; it is not written to.
func TestSharedFilesAreRefused(t *testing.T) {
	target := homeDir + "/calib/Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain"
	for _, p := range []string{target + "/HISTORY", epixAliases} {
		t.Run(path.Base(p), func(t *testing.T) {
			t.Parallel()
			const precious = "/home/dubrovin/precious"
			c := caseNamed(t, "A02")
			c.Init = append(c.Init, initEntry{Path: precious, Type: "file", Content: "precious\n"})
			f := newFacility(t, c)
			f.layParents(t, path.Dir(p))
			if err := os.Link(f.at(precious), f.at(p)); err != nil {
				t.Fatal(err)
			}
			out := f.command(t, regular)
			if out.status != failed {
				t.Errorf("%v", out)
			}
			if content, err := os.ReadFile(f.at(precious)); err != nil || string(content) != "precious\n" {
				t.Errorf("the other name's file is now %q, %v", content, err)
			}
		})
	}
}

// TestHostileNamesInRecords: names with line breaks, terminal codes and the keys of
// a record, wherever they come from, leave whole records of one line. A login name
// that is none is not believed.
func TestHostileNamesInRecords(t *testing.T) {
	const (
		strange    = "a\nfile:x copy_of:y \x1b[31m\tb: c"
		cwd        = "/home/dubrovin/" + strange
		repository = "/scratch/" + strange + "/repo"
	)
	c := caseNamed(t, "A02")
	c.Init = append(c.Init,
		initEntry{Path: cwd, Type: "dir"},
		initEntry{Path: repository + "/" + gainDefault, Type: "file", Content: "1 2\n"},
		initEntry{Path: repository + "/" + epixPanel + "/gain/epix100a_0001_" + strange + ".txt", Type: "file", Content: "stray\n"})
	f := newFacility(t, c)
	before := snapshot(t, f.root)
	in := usual(append(slices.Clone(regular), "-o", repository))
	in.cwd = cwd
	in.env = map[string]string{"LOGNAME": "x y\nz", "CONDA_DEFAULT_ENV": strange}
	out := f.start(t, in)
	changed := changes(before, snapshot(t, f.root))
	if out.status != exited || !deployedUnder(changed, cwd+"/calib") {
		t.Error(out)
	}
	checkMessages(t, out)
	checkRecords(t, changed)
	if err := checkLogs(changed.logs(), nil); err != nil {
		t.Error(err)
	}
	for p, n := range changed {
		if path.Base(p) == "HISTORY" && !strings.Contains(n.Content, " user:"+firstUser+" ") {
			t.Errorf("the record names another user: %q", n.Content)
		}
	}
}

// command runs the command in this facility at the usual time.
func (f facility) command(t testing.TB, argv []string) outcome {
	t.Helper()
	return f.start(t, usual(argv))
}

// shipped runs the program as built in this facility.
func (f facility) shipped(t testing.TB, argv []string) outcome {
	t.Helper()
	program, err := builtOnce()
	if err != nil {
		t.Fatal(err)
	}
	in := usual(argv)
	in.program = program
	return f.start(t, in)
}

// usual is an invocation by the first user at the usual time.
func usual(argv []string) invocation {
	return invocation{
		argv: argv, user: firstUser, cwd: homeDir,
		world: world{Now: 1654802366, Account: firstUser, Host: hostName, Umask: umaskLCLS},
	}
}

// onlyUnder complains of changes outside the given places. Directories on the way
// to a place may be made.
func onlyUnder(t testing.TB, changed tree, places ...string) {
	t.Helper()
	for p, n := range changed {
		if !slices.ContainsFunc(places, func(place string) bool {
			return p == place || strings.HasPrefix(p, place+"/") || n.Type == "dir" && strings.HasPrefix(place, p+"/")
		}) {
			t.Errorf("changed outside of %q: %q %+v", places, p, n)
		}
	}
}

// deployedUnder reports whether a constants file arrived below the place.
func deployedUnder(changed tree, place string) bool {
	for p := range changed {
		if strings.HasPrefix(p, place+"/") && strings.HasSuffix(p, ".data") {
			return true
		}
	}
	return false
}

var messageLine = regexp.MustCompile(`^(\[[DIWEC]\] |deploy_constants: (error|hint): )\S`)

// checkMessages: stderr has whole lines of log and at most one error, and neither
// stream has characters that act on a terminal.
func checkMessages(t testing.TB, out outcome) {
	t.Helper()
	errors := 0
	for line := range strings.Lines(out.stderr) {
		if !messageLine.MatchString(line) {
			t.Errorf("line %q on stderr is neither log nor message", line)
		}
		if strings.HasPrefix(line, "deploy_constants: error: ") {
			errors++
		}
	}
	if want := min(out.status, 1); errors != want {
		t.Errorf("%d errors on stderr with exit status %d", errors, out.status)
	}
	for _, text := range []string{out.stdout, out.stderr} {
		if bad := controlCharacter(text); bad != "" {
			t.Errorf("the output contains %s: %q", bad, text)
		}
	}
}

// checkRecords: each record is one line without control characters.
func checkRecords(t testing.TB, changed tree) {
	t.Helper()
	for p, n := range changed {
		lines := strings.Count(n.Content, "\n")
		switch {
		case n.Type != "file" || strings.HasSuffix(p, ".data"):
			continue
		case startName.MatchString(p) && lines != len(startBegin.FindAllString(n.Content, -1)):
			t.Errorf("records at start are not of one line each: %q", n.Content)
		case path.Base(p) == "HISTORY" && lines != strings.Count(n.Content, "file:0-end.data     copy_of:"):
			t.Errorf("HISTORY is not of one line each: %q", n.Content)
		}
		if bad := controlCharacter(n.Content); bad != "" {
			t.Errorf("%s contains %s: %q", p, bad, n.Content)
		}
	}
}

var startBegin = regexp.MustCompile(`\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d user:`)

// controlCharacter names the first character that acts instead of being shown.
func controlCharacter(text string) string {
	for _, r := range text {
		if r < ' ' && r != '\n' || r == 0x7f {
			return fmt.Sprintf("the control character %U", r)
		}
	}
	return ""
}
