package goldentest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
)

// goldenCase is one recorded case.
type goldenCase struct {
	Name     string      `json:"name"`
	Title    string      `json:"title"`
	Eras     []string    `json:"eras"`
	Init     []initEntry `json:"init"`
	Steps    []step      `json:"steps"`
	TZ       string      `json:"tz"`
	Umask    string      `json:"umask"`
	Scenario struct {
		Datasets []rawRun `json:"datasets"`
	} `json:"scenario"`
}

// initEntry is one path of the initial tree. Missing parents are directories of
// mode 2777 that belong to the first user; a file without a mode has 666.
type initEntry struct {
	Path    string     `json:"path"`
	Type    string     `json:"type"` // file, dir, link
	Content string     `json:"content"`
	Target  string     `json:"target"`
	Gen     *generated `json:"gen"`    // in place of Content
	SHA256  string     `json:"sha256"` // of what is generated
	Mode    string     `json:"mode"`   // octal
	UID     *uint32    `json:"uid"`
	GID     *uint32    `json:"gid"`
}

// step is one command line (Argv), library call (Py) or action of somebody else (Do).
type step struct {
	Argv argvPerEra         `json:"argv"`
	App  string             `json:"app"` // "": deploy_constants
	Py   string             `json:"py"`
	Do   string             `json:"do"`
	Now  int64              `json:"now"` // seconds since 1970
	User string             `json:"user"`
	Cwd  string             `json:"cwd"`
	Env  map[string]*string `json:"env"` // nil value: not set
}

// argvPerEra is an argument list that is the same in all eras or one per era.
type argvPerEra struct {
	all    []string
	perEra map[string][]string
}

func (a *argvPerEra) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, &a.all) == nil {
		return nil
	}
	return json.Unmarshal(text, &a.perEra)
}

func (a argvPerEra) of(era string) []string {
	if a.perEra != nil {
		return a.perEra[era]
	}
	return a.all
}

// expectation is what one era of the original did.
type expectation struct {
	Steps []struct {
		RC     *int   `json:"rc"` // nil: not a step of the program
		Stdout string `json:"stdout"`
		Stderr string `json:"stderr"`
	} `json:"steps"`
	Changed map[string]recorded `json:"changed"`
	Removed []string            `json:"removed"`
}

// recorded is a path that the original made or changed.
type recorded struct {
	Type    string  `json:"type"`
	Perm    string  `json:"perm"` // "mode uid:gid", mode in octal
	Content *string `json:"content"`
	Target  string  `json:"target"`
	Size    int64   `json:"size"`   // bytes, where the content is left out
	SHA256  string  `json:"sha256"` // of the content, where it is left out
}

// group returns the letter of the case's group.
func (c goldenCase) group() string { return c.Name[:1] }

// number returns the case's short name: the title letters and digits before the
// first underscore, and for the pairs of group F which one of the two it is.
func (c goldenCase) number() string {
	number, rest, _ := strings.Cut(c.Name, "_")
	if c.group() == "F" {
		for _, half := range []string{"_nodir", "_dir"} {
			if strings.HasSuffix(rest, half) {
				return number + half
			}
		}
	}
	return number
}

// erasUnderTest returns the eras whose behaviour is the target: those of 2022, and
// for what came later (the merge of status constants, geometry by alias) or was run only
// there (the commands for many panels) the present one.
func (c goldenCase) erasUnderTest() []string {
	eras := slices.DeleteFunc(slices.Clone(c.Eras), func(era string) bool { return era == "head" })
	if slices.Contains(c.Eras, "head") && (strings.Contains("GTUV", c.group()) || slices.Contains(headCases, c.number())) {
		eras = append(eras, "head")
	}
	return eras
}

// headCases are the cases outside group G for which the present program is the
// target: status_extra, and dataset strings given with -x.
var headCases = []string{"A27", "F09_dir", "F09_nodir", "L09", "L10", "L11"}

// goldenCases reads every case, in the order of their names.
func goldenCases(t testing.TB) []goldenCase {
	t.Helper()
	return readCases(t, "[A-Z][0-9]*_*")
}

// caseNamed returns the case with the short name.
func caseNamed(t testing.TB, number string) goldenCase {
	t.Helper()
	return readCases(t, number+"_*")[0]
}

func readCases(t testing.TB, pattern string) []goldenCase {
	t.Helper()
	dirs, err := filepath.Glob(filepath.Join(testenv.Shared(t, "golden"), pattern))
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no golden cases %s: %v", pattern, err)
	}
	var cases []goldenCase
	for _, dir := range dirs {
		var c goldenCase
		readJSON(t, filepath.Join(dir, "case.json"), &c)
		if c.Name != filepath.Base(dir) {
			t.Fatalf("%s: the case calls itself %q", dir, c.Name)
		}
		cases = append(cases, c)
	}
	return cases
}

func (c goldenCase) expectation(t testing.TB, era string) expectation {
	t.Helper()
	var e expectation
	readJSON(t, testenv.Shared(t, "golden", c.Name, fmt.Sprintf("expected.%s.json", era)), &e)
	if len(e.Steps) != len(c.Steps) {
		t.Fatalf("%s: %d steps, %d expected", c.Name, len(c.Steps), len(e.Steps))
	}
	return e
}

func readJSON(t testing.TB, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}
