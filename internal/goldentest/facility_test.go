package goldentest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Where the original programs ran.
const (
	siteRoot  = "/reg/g/psdm" // $SIT_ROOT
	dataRoot  = "/reg/d/psdm" // $SIT_PSDM_DATA
	standard  = siteRoot + "/detector/calib/constants"
	homeDir   = "/home/dubrovin/LCLS/con-py3" // working directory unless the step says otherwise
	hostName  = "psanagpu105"
	zoneLCLS  = "America/Los_Angeles"
	dirMode   = 0o2777 // of parents that the initial tree does not name
	umaskLCLS = 0o022
)

// person is a user of the cases.
type person struct{ uid, gid uint32 }

var people = map[string]person{
	"dubrovin": {5269, 10000},
	"weninger": {6001, 10000},
	"guest":    {7001, 7001},
	"root":     {0, 0},
}

const firstUser = "dubrovin"

// facility is the private root of one run of one case: everything that the original
// saw under / lies under it.
type facility struct {
	root    string
	runners []person // who runs steps
}

// newFacility makes the private root with the initial tree, the experiment table
// and the raw data of the case. Everybody can reach it.
func newFacility(t testing.TB, c goldenCase) facility {
	t.Helper()
	f := emptyFacility(t)
	for _, s := range c.Steps {
		user, _ := s.who()
		f.runners = append(f.runners, people[user])
	}
	for _, entry := range c.Init {
		f.lay(t, entry)
	}
	f.layRawData(t, c)
	return f
}

func emptyFacility(t testing.TB) facility {
	t.Helper()
	root, err := os.MkdirTemp(workshop, "case-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := removeAll(root); err != nil {
			t.Error(err)
		}
	})
	return facility{root: root, runners: []person{people[firstUser]}}
}

// removeAll removes a tree whose directories may have lost their permissions.
func removeAll(root string) error {
	if os.RemoveAll(root) == nil {
		return nil
	}
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return err
	})
	if err != nil {
		return err
	}
	return os.RemoveAll(root)
}

// at returns where a path of the original lies.
func (f facility) at(path string) string { return f.root + path }

var absolutePath = regexp.MustCompile(`(^|=)/`)

// argument moves the absolute paths in an argument under the private root: the
// whole argument, the value of --option=/path and of dir=/path in a dataset string.
func (f facility) argument(arg string) string {
	return absolutePath.ReplaceAllString(arg, "${1}"+f.root+"/")
}

// lay makes one path of the initial tree, with its missing parents.
func (f facility) lay(t testing.TB, entry initEntry) {
	t.Helper()
	f.layParents(t, filepath.Dir(entry.Path))
	path := f.at(entry.Path)
	mode := uint64(dirMode)
	var err error
	switch entry.Type {
	case "dir":
		err = os.MkdirAll(path, 0o777)
	case "file":
		mode = 0o666
		err = os.WriteFile(path, []byte(entry.content(t)), 0o666)
	case "link":
		target := entry.Target
		if filepath.IsAbs(target) {
			target = f.at(target)
		}
		err = os.Symlink(target, path)
	default:
		err = fmt.Errorf("unknown type %q", entry.Type)
	}
	if err != nil {
		t.Fatalf("lay %s: %v", entry.Path, err)
	}
	if entry.Mode != "" {
		if mode, err = strconv.ParseUint(entry.Mode, 8, 12); err != nil {
			t.Fatalf("lay %s: mode %q: %v", entry.Path, entry.Mode, err)
		}
	}
	owner := people[firstUser]
	if entry.UID != nil {
		owner.uid = *entry.UID
	}
	if entry.GID != nil {
		owner.gid = *entry.GID
	}
	if !asRoot && !slices.Contains(f.runners, owner) {
		mode = people[firstUser].accessAsOwner(mode, owner)
	}
	own(t, path, owner)
	if entry.Type != "link" {
		chmod(t, path, uint32(mode))
	}
}

// accessAsOwner returns the mode that gives the owner of a file what p may do with a
// file of that mode and of another owner. So the cases about permissions mean the
// same where the tests cannot give files to others.
func (p person) accessAsOwner(mode uint64, owner person) uint64 {
	class := mode & 7
	if p.gid == owner.gid {
		class = mode >> 3 & 7
	}
	return mode&^0o700 | class<<6
}

// layParents makes the missing directories down to dir.
func (f facility) layParents(t testing.TB, dir string) {
	t.Helper()
	if _, err := os.Stat(f.at(dir)); err == nil || dir == "/" {
		return
	}
	f.layParents(t, filepath.Dir(dir))
	path := f.at(dir)
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	own(t, path, people[firstUser])
	chmod(t, path, dirMode)
}

// own gives the path to the person, where the tests may do so.
func own(t testing.TB, path string, p person) {
	t.Helper()
	if !asRoot {
		return
	}
	if err := os.Lchown(path, int(p.uid), int(p.gid)); err != nil {
		t.Fatal(err)
	}
}

func chmod(t testing.TB, path string, bits uint32) {
	t.Helper()
	mode := os.FileMode(bits & 0o777)
	if bits&0o2000 != 0 {
		mode |= os.ModeSetgid
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// layRawData makes the experiment table and links the XTC files to where psana
// looks for them, the upper-case directory of the instrument; the lower-case name of
// that directory, which the cases use, is a link to it.
func (f facility) layRawData(t testing.TB, c goldenCase) {
	t.Helper()
	f.layTable(t, c)
	for _, run := range c.Scenario.Datasets {
		f.layParents(t, run.dir())
		f.layLink(t, run.instrument(), dataRoot+"/"+strings.ToLower(run.instrument()))
		f.linkRaw(t, run, run.dir())
		if c.readsSmallData() {
			f.linkSmall(t, run, run.dir()+"/smalldata")
		}
	}
}

// readsSmallData reports whether a dataset string of the case asks for the small
// files.
func (c goldenCase) readsSmallData() bool {
	return slices.ContainsFunc(c.Steps, func(s step) bool {
		return slices.ContainsFunc(s.Argv.of(c.Eras[0]), func(arg string) bool { return strings.HasSuffix(arg, ":smd") })
	})
}

// layTable makes the experiment table.
func (f facility) layTable(t testing.TB, c goldenCase) {
	t.Helper()
	var rows []string
	for _, run := range c.Scenario.Datasets {
		row := fmt.Sprintf("%d\t%s\t%s\n", run.ExpNum, run.instrument(), run.Exp)
		if !slices.Contains(rows, row) {
			rows = append(rows, row)
		}
	}
	f.lay(t, initEntry{
		Path: siteRoot + "/data/ExpNameDb/experiment-db.dat", Type: "file", Mode: "644",
		Content: strings.Join(rows, ""),
	})
}

// layLink makes a link unless it is there already.
func (f facility) layLink(t testing.TB, target, p string) {
	t.Helper()
	if _, err := os.Lstat(f.at(p)); err != nil {
		f.lay(t, initEntry{Path: p, Type: "link", Target: target})
	}
}

var directoryKey = regexp.MustCompile(`(?:^|:)dir=([^:]*)`)

// layDirectories links the raw data into the directories that dataset strings of
// the case name with dir=.
func (f facility) layDirectories(t testing.TB, c goldenCase, era string) {
	t.Helper()
	for _, s := range c.Steps {
		_, cwd := s.who()
		for _, arg := range s.Argv.of(era) {
			match := directoryKey.FindStringSubmatch(arg)
			if match == nil {
				continue
			}
			dir := match[1]
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(cwd, dir)
			}
			f.layParents(t, dir)
			for _, run := range c.Scenario.Datasets {
				f.linkRaw(t, run, dir)
			}
		}
	}
}

// linkRaw links the raw data of a run into a directory.
func (f facility) linkRaw(t testing.TB, run rawRun, dir string) {
	t.Helper()
	for _, file := range rawFiles(t, run) {
		f.link(t, file, dir+"/"+filepath.Base(file))
	}
}

// linkSmall links the files of a run under the names of small files. A run without
// events has nothing that a small file would leave out.
func (f facility) linkSmall(t testing.TB, run rawRun, dir string) {
	t.Helper()
	f.layParents(t, dir)
	for _, file := range rawFiles(t, run) {
		f.link(t, file, dir+"/"+strings.TrimSuffix(filepath.Base(file), ".xtc")+".smd.xtc")
	}
}

func (f facility) link(t testing.TB, file, p string) {
	t.Helper()
	if err := os.Link(file, f.at(p)); err != nil {
		t.Fatal(err)
	}
}

// copyFile is what somebody else does between two steps: `cp FROM TO`, as root.
func (f facility) copyFile(t testing.TB, line string) {
	t.Helper()
	words := strings.Fields(line)
	if len(words) != 3 || words[0] != "cp" {
		t.Fatalf("a step that is not a copy: %q", line)
	}
	content, err := os.ReadFile(f.at(words[1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(f.at(words[2]), content, 0o644); err != nil {
		t.Fatal(err)
	}
}
