package repo_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"deployconstants/internal/atomicfile"
)

// A process killed while it published the first alias file by link(2) leaves the
// name of its temporary, which stops nobody.
func TestAliasFileOfKilledProcess(t *testing.T) {
	for _, noLocks := range []bool{false, true} {
		o := options()
		o.NoLocks = noLocks
		r := open(t, o)
		file := write(t, r, "epix100a/aliases.txt", "0001 x\n")
		if err := os.Link(file, filepath.Join(filepath.Dir(file), ".tmp-elsewhere-12-34")); err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]string{"x": "0001", "ID": "0002"} {
			if got, err := alias(t, r, id); err != nil || got != want {
				t.Errorf("%s is %q, %v, want %s", id, got, err, want)
			}
		}
	}
}

// Claims belong to who made them, whatever the umask: everybody reads them, and
// nobody else could give them further names.
func TestClaimModes(t *testing.T) {
	for _, mask := range []int{0, 0o077} {
		defer syscall.Umask(syscall.Umask(mask))
		o := options()
		o.NoLocks = true
		r := open(t, o)
		if _, err := alias(t, r, "ID"); err != nil {
			t.Fatal(err)
		}
		claims := filepath.Join(r.Dir(), "epix100a", ".claims")
		entries, err := os.ReadDir(claims)
		if err != nil || len(entries) != 2 {
			t.Fatalf("claims %v, %v, want a number and a binding", entries, err)
		}
		for name, want := range map[string]atomicfile.Mode{claims: 0o1777, filepath.Join(claims, entries[0].Name()): 0o644} {
			info, err := os.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := atomicfile.ModeOf(info.Mode()); got != want {
				t.Errorf("umask %03o: mode of %s is %v, want %v", mask, name, got, want)
			}
		}
	}
}
