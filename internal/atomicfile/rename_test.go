package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/internal/atomicfile"
)

// A rename never replaces, with renameat2 and without it.
func TestRenameNew(t *testing.T) {
	for _, noRename := range []bool{false, true} {
		root, dir := openDir(t)
		must(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
		from, to := filepath.Join(dir, "a", "from"), filepath.Join(dir, "a", "to")
		write(t, from, "new", 0o640)
		write(t, to, "old", 0o640)
		sys := &faulty{System: atomicfile.Host, noRename: noRename}
		err := atomicfile.RenameNewOn(sys, root, "a", "from", "to")
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), from) || read(t, from) != "new" || read(t, to) != "old" {
			t.Errorf("over another file: %v", err)
		}
		must(t, os.Remove(to))
		must(t, atomicfile.RenameNewOn(sys, root, "a", "from", "to"))
		if _, err := os.Lstat(from); !errors.Is(err, fs.ErrNotExist) || read(t, to) != "new" {
			t.Errorf("to a free name: %v", err)
		}
		if err := atomicfile.RenameNewOn(sys, root, "a", "from", "other"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of nothing: %v", err)
		}
	}
}

// Whatever operation of a rename fails, the file has one of its names, or for lack of a
// removal both, and success is said only of the new one.
func TestRenameNewFaults(t *testing.T) {
	for name, variant := range variants {
		t.Run(name, func(t *testing.T) {
			untilSuccess(t, variant, func(t *testing.T, sys *faulty) {
				root, dir := openDir(t)
				write(t, filepath.Join(dir, "from"), "content", 0o640)
				err := atomicfile.RenameNewOn(sys, root, ".", "from", "to")
				entries, listErr := os.ReadDir(dir)
				must(t, listErr)
				for _, entry := range entries {
					if read(t, filepath.Join(dir, entry.Name())) != "content" {
						t.Errorf("%s has other content", entry.Name())
					}
				}
				switch {
				case err == nil && (len(entries) != 1 || entries[0].Name() != "to"):
					t.Errorf("done, and there are %v", entries)
				case err != nil && !errors.Is(err, errFault):
					t.Errorf("the cause is lost: %v", err)
				case len(entries) != 1 && sys.failed != "remove":
					t.Errorf("%s failed, and there are %v", sys.failed, entries)
				}
			})
		})
	}
}
