package apply_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/jobs/planfile"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/stages/apply"
)

const (
	group  = "Epix100a::CalibV1"
	source = "XcsEndstation.0:Epix100a.1"
)

// A world is a repository, calib directories and a plan.
type world struct {
	dir   string
	items []planfile.Item
}

func (w *world) calib(experiment string) string {
	return filepath.Join(w.dir, "data", experiment, "calib")
}
func (w *world) repository() string { return filepath.Join(w.dir, "repo") }
func (w *world) folder(experiment, ctype string) string {
	return filepath.Join(w.calib(experiment), group, source, ctype)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newWorld makes a world without experiments.
func newWorld(t testing.TB, dir string) *world {
	t.Helper()
	w := &world{dir: dir}
	must(t, os.MkdirAll(w.repository(), 0o755))
	must(t, os.MkdirAll(filepath.Join(w.repository(), "epix100a"), 0o755))
	return w
}

// constants puts a file into the repository.
func (w *world) constants(t testing.TB, name, content string) *planfile.Constants {
	t.Helper()
	path := filepath.Join(w.repository(), "epix100a", name+".txt")
	must(t, os.WriteFile(path, []byte(content), 0o644))
	return &planfile.Constants{Path: path, SHA256: digest(content), Size: int64(len(content)), Kind: "specific"}
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// experiment makes a calib directory.
func (w *world) experiment(t testing.TB, name string) {
	t.Helper()
	must(t, os.MkdirAll(w.calib(name), 0o775))
}

// newExperiment makes an experiment's directory, without calib.
func (w *world) newExperiment(t testing.TB, name string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(w.calib(name)), 0o775))
}

// oldTime is the modification time of files that were there before.
var oldTime = time.Date(2020, 2, 3, 4, 5, 6, 123456789, time.UTC)

// deploy puts a file there as somebody did before.
func (w *world) deploy(t testing.TB, experiment, ctype, runs, content string, mode os.FileMode) {
	t.Helper()
	folder := w.folder(experiment, ctype)
	must(t, os.MkdirAll(folder, 0o775))
	path := filepath.Join(folder, runs+".data")
	must(t, os.WriteFile(path, []byte(content), 0o600))
	must(t, os.Chmod(path, mode))
	if os.Geteuid() == 0 {
		must(t, os.Chown(path, -1, 65534))
		must(t, os.Chmod(path, mode))
	}
	must(t, os.Chtimes(path, oldTime, oldTime))
}

// file adds a change to the plan.
func (w *world) file(t testing.TB, action planfile.Action, experiment, ctype, runs string, constants *planfile.Constants) {
	t.Helper()
	item := planfile.Item{
		Kind: planfile.KindFile, Action: action, Experiment: experiment, CalibDir: w.calib(experiment),
		Group: group, Source: source, Type: "epix100a", CType: ctype, Range: runs,
		Runs: planfile.Span{First: 1, Last: 9, Count: 9}, Constants: constants,
	}
	path := filepath.Join(w.folder(experiment, ctype), runs+".data")
	if content, err := os.ReadFile(path); err == nil {
		var st syscall.Stat_t
		must(t, syscall.Stat(path, &st))
		item.Prior = &planfile.Prior{
			SHA256: digest(string(content)), Size: st.Size, Mode: uint32(st.Mode) & 0o7777, UID: st.Uid, GID: st.Gid,
			Links: uint64(st.Nlink), Inode: st.Ino, ModTime: st.Mtim.Nano(), ChangeTime: st.Ctim.Nano(),
		}
	}
	w.items = append(w.items, item)
}

// plan returns the plan of all items.
func (w *world) plan(t testing.TB) *bytes.Reader {
	t.Helper()
	slices.SortFunc(w.items, planfile.Compare)
	var out bytes.Buffer
	writer, err := planfile.NewWriter(&out, planfile.Header{Tool: "test", Zone: "UTC"})
	must(t, err)
	for _, item := range w.items {
		must(t, writer.Write(item))
	}
	must(t, writer.Close())
	return bytes.NewReader(out.Bytes())
}

// options are those of a transaction in the world.
func (w *world) options(t testing.TB) apply.Options {
	t.Helper()
	r, err := repo.Open(w.repository(), repo.Options{Group: -1, User: "tester"})
	must(t, err)
	t.Cleanup(func() { r.Close() })
	o := w.plainOptions(r).Batches(128)
	o.Warn = func(err error) { t.Logf("warning: %v", err) }
	return o
}

// tree describes what is below the data root: mode, group and time of files, mode
// of directories; of HISTORY the lines of others, if there are any.
func (w *world) tree(t testing.TB, times bool) string {
	t.Helper()
	var b strings.Builder
	root := filepath.Join(w.dir, "data")
	must(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st syscall.Stat_t
		if err := syscall.Lstat(path, &st); err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		fmt.Fprintf(&b, "%s %o", rel, st.Mode)
		if !entry.IsDir() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if entry.Name() == "HISTORY" {
				fmt.Fprintf(&b, " %q", foreignLines(string(content)))
			} else {
				fmt.Fprintf(&b, " gid %d %d bytes %.12s", st.Gid, len(content), digest(string(content)))
				if times {
					fmt.Fprintf(&b, " mtime %d", st.Mtim.Nano())
				}
			}
		}
		b.WriteString("\n")
		return nil
	}))
	return b.String()
}

// foreignLines are those that no transaction wrote.
func foreignLines(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, " cwd:/job cmt:") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// history returns the comments of the directory's HISTORY, by file.
func (w *world) history(t testing.TB, experiment, ctype string) (lines []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(w.folder(experiment, ctype), "HISTORY"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	must(t, err)
	for line := range strings.Lines(string(text)) {
		record, err := calibdir.ParseHistory(line)
		must(t, err)
		lines = append(lines, record.File+" "+record.Comment)
	}
	return lines
}

// temporaries fails the test if one is left anywhere.
func (w *world) noTemporaries(t testing.TB) {
	t.Helper()
	must(t, filepath.WalkDir(filepath.Join(w.dir, "data"), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), ".") {
			t.Errorf("left: %s", path)
		}
		return err
	}))
}

const foreignHistory = "file:0-end.data     copy_of:/else/where.txt ctype:pixel_gain user:u host:h cptime:2020-01-01T00:00:00 cwd:/x cmt:\n"

// smallWorld has every kind of change.
func smallWorld(t testing.TB, dir string) *world {
	t.Helper()
	w := newWorld(t, dir)
	gain := w.constants(t, "gain", "new gain\n")
	later := w.constants(t, "later", "later gain\n")
	w.experiment(t, "xpp001")
	w.file(t, planfile.Create, "xpp001", "pixel_gain", "0-end", gain) // nothing there
	w.file(t, planfile.Create, "xpp001", "pixel_gain", "5-end", later)

	w.experiment(t, "xpp002")
	w.deploy(t, "xpp002", "pixel_gain", "0-end", "old gain\n", 0o640)
	must(t, os.WriteFile(filepath.Join(w.folder("xpp002", "pixel_gain"), "HISTORY"), []byte(foreignHistory), 0o664))
	w.file(t, planfile.Replace, "xpp002", "pixel_gain", "0-end", gain)
	w.file(t, planfile.Create, "xpp002", "pixel_gain", "5-end", later)
	w.deploy(t, "xpp002", "pedestals", "0-end", "new gain\n", 0o664)
	w.file(t, planfile.Adopt, "xpp002", "pedestals", "0-end", gain)
	return w
}

// freshWorld has an experiment without calib directory.
func freshWorld(t testing.TB, dir string) *world {
	t.Helper()
	w := newWorld(t, dir)
	gain := w.constants(t, "gain", "new gain\n")
	w.newExperiment(t, "xpp003")
	w.file(t, planfile.Create, "xpp003", "pedestals", "0-end", gain)
	w.file(t, planfile.Create, "xpp003", "pixel_gain", "0-end", gain)
	return w
}
