package atomicfile_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/atomicfile"
)

var batchTime = time.Date(2020, 1, 2, 3, 4, 5, 678, time.UTC)

// changeAll creates, replaces, restores and removes in one batch.
func changeAll(t *testing.T, root *os.Root, sys atomicfile.System) (taken []string, err error) {
	t.Helper()
	b := atomicfile.NewBatchOn(sys)
	defer func() { err = errors.Join(err, b.Close()) }()
	if _, err := b.MkdirAll(root, "new/dir", 0o2775, -1); err != nil {
		return nil, err
	}
	var changes []*atomicfile.Change
	for _, name := range []string{"new/dir/created", "replaced", "restored", "removed"} {
		c, err := b.Look(root, name)
		if err != nil {
			return nil, err
		}
		switch name {
		case "restored":
			_, err = c.StageExact(strings.NewReader("restored\n"), atomicfile.Appearance{Mode: 0o440, GID: otherGroup(), ModTime: batchTime})
		case "removed":
			c.StageRemoval()
		default:
			_, err = c.Stage(strings.NewReader("new\n"), atomicfile.Options{Mode: 0o664, Group: -1, KeepExisting: true})
		}
		if err != nil {
			return nil, err
		}
		changes = append(changes, c)
	}
	if err := b.Sync(); err != nil {
		return nil, err
	}
	for _, c := range changes {
		if _, err := c.Take(); err != nil && !errors.Is(err, atomicfile.ErrNotDurable) {
			return taken, err
		}
		taken = append(taken, "")
	}
	if err := b.AppendLines(t.Context(), root, "HISTORY", []string{"one", "two"}, atomicfile.Options{Mode: 0o664, Group: -1}); err != nil {
		return taken, err
	}
	return taken, b.Settle()
}

func batchDir(t *testing.T) (*os.Root, string) {
	root, dir := openDir(t)
	for _, name := range []string{"replaced", "restored", "removed"} {
		write(t, filepath.Join(dir, name), "old\n", 0o640)
	}
	write(t, filepath.Join(dir, "HISTORY"), "zero\n", 0o640)
	return root, dir
}

func TestBatch(t *testing.T) {
	root, dir := batchDir(t)
	if _, err := changeAll(t, root, atomicfile.Host); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"new/dir/created": "new\n", "replaced": "new\n", "restored": "restored\n", "HISTORY": "zero\none\ntwo\n"} {
		if got := read(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, want := range map[string]atomicfile.Mode{"new/dir/created": 0o664, "replaced": 0o640, "restored": 0o440} {
		if got := modeOf(t, filepath.Join(dir, name)); got != want {
			t.Errorf("%s: mode %v, want %v", name, got, want)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "removed")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("not removed: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, "restored"))
	if err != nil || !info.ModTime().Equal(batchTime) {
		t.Errorf("restored with time %v, %v", info.ModTime(), err)
	}
	if names := temporaries(t, dir); names != nil {
		t.Errorf("temporaries remain: %v", names)
	}
}

// Whatever operation of a batch fails, each file is old or new, and what was not
// taken is old.
func TestBatchFaults(t *testing.T) {
	for _, variantName := range []string{"error", "lost reply", "links"} {
		variant := variants[variantName]
		t.Run(variantName, func(t *testing.T) {
			failed := untilSuccess(t, variant, func(t *testing.T, sys *faulty) {
				root, dir := batchDir(t)
				taken, err := changeAll(t, root, sys)
				if err != nil && !errors.Is(err, errFault) {
					t.Errorf("the cause is lost: %v", err)
				}
				after := []string{"new\n", "new\n", "restored\n", ""}
				for i, name := range []string{"new/dir/created", "replaced", "restored", "removed"} {
					want := "old\n"
					if i == 0 {
						want = ""
					}
					if i < len(taken) {
						want = after[i]
					}
					content, _ := os.ReadFile(filepath.Join(dir, name)) // may be absent
					if string(content) != want {
						t.Errorf("%s failed: %s has %q, want %q", sys.failed, name, content, want)
					}
				}
			})
			if len(failed) < 20 {
				t.Errorf("only these operations failed: %v", failed)
			}
		})
	}
}

// What changed after Look is not taken.
func TestBatchMoved(t *testing.T) {
	changes := map[string]func(t *testing.T, path string){
		"written": func(t *testing.T, path string) { write(t, path, "mine\n", 0o644) },
		"swapped": func(t *testing.T, path string) {
			write(t, path+"2", "old\n", 0o640)
			must(t, os.Rename(path+"2", path))
		},
		"gone": func(t *testing.T, path string) { must(t, os.Remove(path)) },
	}
	for name, move := range changes {
		for _, removal := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, removal %v", name, removal), func(t *testing.T) {
				root, dir := batchDir(t)
				b := atomicfile.NewBatchOn(atomicfile.Host)
				c, err := b.Look(root, "replaced")
				must(t, err)
				if removal {
					c.StageRemoval()
				} else {
					_, err = c.Stage(strings.NewReader("new\n"), atomicfile.Options{Mode: 0o664, Group: -1})
					must(t, err)
				}
				must(t, b.Sync())
				move(t, filepath.Join(dir, "replaced"))
				before := contentOf(filepath.Join(dir, "replaced"))
				if _, err := c.Take(); !errors.Is(err, atomicfile.ErrChanged) {
					t.Errorf("got %v", err)
				}
				must(t, b.Close())
				if after := contentOf(filepath.Join(dir, "replaced")); after != before {
					t.Errorf("%q became %q", before, after)
				}
				if names := temporaries(t, dir); names != nil {
					t.Errorf("temporaries remain: %v", names)
				}
			})
		}
	}
	t.Run("taken", func(t *testing.T) {
		root, dir := batchDir(t)
		b := atomicfile.NewBatchOn(atomicfile.Host)
		c, err := b.Look(root, "fresh")
		must(t, err)
		_, err = c.Stage(strings.NewReader("new\n"), atomicfile.Options{Mode: 0o664, Group: -1})
		must(t, err)
		write(t, filepath.Join(dir, "fresh"), "mine\n", 0o644)
		if _, err := c.Take(); !errors.Is(err, atomicfile.ErrChanged) {
			t.Errorf("got %v", err)
		}
		must(t, b.Close())
		if got := read(t, filepath.Join(dir, "fresh")); got != "mine\n" {
			t.Errorf("got %q", got)
		}
	})
}

// contentOf returns the content, "absent" where there is none.
func contentOf(path string) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "absent"
	}
	return string(content)
}
