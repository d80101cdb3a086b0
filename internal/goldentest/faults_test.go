package goldentest_test

import (
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Where example 1 deploys to.
const (
	exampleCalib  = homeDir + "/calib"
	exampleDir    = exampleCalib + "/Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain"
	exampleTarget = exampleDir + "/0-end.data"
	exampleRecord = exampleDir + "/HISTORY"
)

const oldRecord = "file:0-end.data     copy_of:/old/file.txt ctype:pixel_gain user:weninger host:psana1234 cptime:2021-01-01T00:00:00 cwd:/reg/neh cmt:\n"

// deployed is the state before a redeployment: other content with its record.
var deployed = []initEntry{
	{Path: exampleTarget, Type: "file", Content: "old constants\n"},
	{Path: exampleRecord, Type: "file", Content: oldRecord},
}

// fault is a state of the file system in which a deployment cannot succeed.
type fault struct {
	name  string
	lay   []initEntry // added to the case after a deployment; a path that is there is replaced
	limit uint64      // largest file that the command may write, in bytes; 0: any
}

// faults fail in the calib directory or on the way to it.
var faults = []fault{
	{name: "calib directory not writable", lay: []initEntry{
		{Path: exampleDir, Type: "dir", Mode: "755", UID: new(uint32(0)), GID: new(uint32(0))}}},
	{name: "target directory read-only", lay: []initEntry{
		{Path: exampleDir, Type: "dir", Mode: "555"}}},
	{name: "target not writable", lay: []initEntry{
		{Path: exampleTarget, Type: "file", Content: "old constants\n", Mode: "444"}}},
	{name: "target of another user", lay: []initEntry{
		{Path: exampleTarget, Type: "file", Content: "old constants\n", Mode: "644", UID: new(uint32(6001))}}},
	{name: "target is a directory", lay: []initEntry{
		{Path: exampleTarget, Type: "dir"}}},
	{name: "target is a link", lay: []initEntry{
		{Path: exampleTarget, Type: "link", Target: "../elsewhere"}}},
	{name: "target directory is a file", lay: []initEntry{
		{Path: exampleDir, Type: "file", Content: "not a directory\n"}}},
	{name: "HISTORY is a directory", lay: []initEntry{
		{Path: exampleRecord, Type: "dir"}}},
	{name: "HISTORY not writable", lay: []initEntry{
		{Path: exampleRecord, Type: "file", Content: oldRecord, Mode: "444"}}},
	{name: "constants not readable", lay: []initEntry{
		{Path: standard + "/" + gainDefault, Type: "file", Content: "new constants\n", Mode: "000"}}},
	{name: "constants empty", lay: []initEntry{
		{Path: standard + "/" + gainDefault, Type: "file"}}},
	{name: "constants are a directory", lay: []initEntry{
		{Path: standard + "/" + gainDefault, Type: "dir"}}},
	{name: "constants are a link out of the repository", lay: []initEntry{
		{Path: "/home/dubrovin/mine.txt", Type: "file", Content: "mine\n"},
		{Path: standard + "/" + gainDefault, Type: "link", Target: "/home/dubrovin/mine.txt"}}},
	{name: "disk full", limit: 1 << 16, lay: []initEntry{
		{Path: standard + "/" + gainDefault, Type: "file", Content: strings.Repeat("1.0 2.0 3.0 4.0\n", 1<<14)}}},
}

// TestFaults: whatever fails, the status says so, the deployed constants are whole
// and as before, and HISTORY says nothing that did not happen.
func TestFaults(t *testing.T) {
	for _, broken := range faults {
		t.Run(broken.name, func(t *testing.T) {
			t.Parallel()
			f := newFacility(t, broken.facilityCase(t))
			before := snapshot(t, f.root)
			in := usual(regular)
			in.world.FileLimit = broken.limit
			out := f.start(t, in)
			changed := changes(before, snapshot(t, f.root))
			if out.status != failed {
				t.Errorf("exit status %d, want %d", out.status, failed)
			}
			checkMessages(t, out)
			for p, n := range changed {
				if strings.HasPrefix(p, exampleCalib) {
					t.Errorf("changed in the calib directory: %s %+v", p, n)
				}
			}
			onlyUnder(t, changed, standard, siteRoot+"/logs/atstart")
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// TestFaultsOfTheRepository: a repository in which the tree, the alias or the log
// cannot be made deploys nothing.
func TestFaultsOfTheRepository(t *testing.T) {
	for _, broken := range []fault{
		{name: "repository read-only", lay: []initEntry{{Path: standard, Type: "dir", Mode: "555"}}},
		{name: "type directory read-only", lay: []initEntry{{Path: standard + "/epix100a", Type: "dir", Mode: "555"}}},
		{name: "type directory is a file", lay: []initEntry{{Path: standard + "/epix100a", Type: "file", Content: "x\n"}}},
		{name: "panel directory is a file", lay: []initEntry{{Path: standard + "/" + epixPanel, Type: "file", Content: "x\n"}}},
		{name: "alias file is a directory", lay: []initEntry{{Path: epixAliases, Type: "dir"}}},
		{name: "alias file not writable", lay: []initEntry{{Path: epixAliases, Type: "file", Content: "0007 other\n", Mode: "444"}}},
		{name: "log directory is a file", lay: []initEntry{{Path: standard + "/logs", Type: "file", Content: "x\n"}}},
	} {
		t.Run(broken.name, func(t *testing.T) {
			t.Parallel()
			f := newFacility(t, broken.facilityCase(t))
			before := snapshot(t, f.root)
			out := f.command(t, regular)
			changed := changes(before, snapshot(t, f.root))
			if out.status != failed {
				t.Errorf("%v", out)
			}
			checkMessages(t, out)
			onlyUnder(t, changed, standard+"/logs", standard+"/"+epixPanel, siteRoot+"/logs/atstart")
		})
	}
}

// facilityCase is a facility with example 1 deployed from the default, a new
// detector, and the broken state.
func (broken fault) facilityCase(t testing.TB) goldenCase {
	t.Helper()
	c := caseNamed(t, "A02")
	entries := slices.DeleteFunc(append(slices.Clone(c.Init), deployed...), func(e initEntry) bool {
		return slices.ContainsFunc(broken.lay, func(other initEntry) bool {
			return e.Path == other.Path || other.Type != "dir" && strings.HasPrefix(e.Path, other.Path+"/")
		})
	})
	// Last, since their modes may forbid that anything is laid into them.
	c.Init = append(entries, broken.lay...)
	return c
}

// limitFileSize makes writes beyond the size fail, as a full disk would.
func limitFileSize(size uint64) error {
	if size == 0 {
		return nil
	}
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: size, Max: size})
}

// TestCleanAfterFullDisk: a deployment that ran out of space leaves nothing behind,
// and the next one succeeds.
func TestCleanAfterFullDisk(t *testing.T) {
	full := faults[slices.IndexFunc(faults, func(f fault) bool { return f.limit != 0 })]
	f := newFacility(t, full.facilityCase(t))
	in := usual(regular)
	in.world.FileLimit = full.limit
	if out := f.start(t, in); out.status != failed {
		t.Fatalf("the disk was not full: %v", out)
	}
	if out := f.command(t, regular); out.status != exited {
		t.Fatalf("the next run failed: %v", out)
	}
	after := snapshot(t, f.root)
	for p := range after {
		if path.Dir(p) == exampleDir && p != exampleTarget && p != exampleRecord {
			t.Errorf("left over: %s", p)
		}
	}
	if records := strings.Count(after[exampleRecord].Content, "\n"); records != 2 {
		t.Errorf("%d records in HISTORY, want the old and the new one", records)
	}
}
