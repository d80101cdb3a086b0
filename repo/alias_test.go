package repo_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"deployconstants/repo"
)

// alias makes the type's directory and returns the alias of the epix100a.
func alias(t testing.TB, r *repo.Repository, id string) (string, error) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(r.Dir(), "epix100a"), 0o777); err != nil {
		t.Fatal(err)
	}
	return r.Alias(t.Context(), epix(t, id), repo.Origin{Experiment: "xpptut15", Run: 260})
}

const recordTail = " 2022-06-09T12:19:26   xpptut15 r0260 XcsEndstation.0:Epix100a.1 dubrovin\n"

func TestAliasFile(t *testing.T) {
	for _, c := range []struct {
		name          string
		aliases, dot  string // before; "-" is absent
		setting       string
		want          string
		added, toFile string // "": nothing
	}{
		{"new file", "-", "-", "", "0001", "0001 ID" + recordTail, "aliases.txt"},
		{"new file as set", "-", "-", ".aliases.txt", "0001", "0001 ID" + recordTail, ".aliases.txt"},
		{"hidden one is there", "-", "0004 x\n", "", "0005", "0005 ID" + recordTail, ".aliases.txt"},
		{"documented one is there", "0004 x\n", "-", ".aliases.txt", "0005", "0005 ID" + recordTail, "aliases.txt"},
		{"found in the hidden one", "-", "0007 ID\n", "", "0007", "", ""},
		{"both, new id", "0004 x\n", "0009 y\n", "", "0010", "0010 ID" + recordTail, "aliases.txt"},
		{"both, new id, as set", "0004 x\n", "0009 y\n", ".aliases.txt", "0010", "0010 ID" + recordTail, ".aliases.txt"},
		{"both, found in one", "0004 x\n", "0009 ID\n", "", "0009", "", ""},
		{"both agree", "0004 ID\n", "4 ID\n", "", "0004", "", ""},
		{"first record counts", "0004 ID\n0002 ID\n", "-", "", "0004", "", ""},
		{"no final newline", "0004 x", "-", "", "0005", "\n0005 ID" + recordTail, "aliases.txt"},
		{"comments, tabs, blanks", "# 0099 y\n\n \t0004\t \tx\tu\r\n", "-", "", "0005", "0005 ID" + recordTail, "aliases.txt"},
		{"old Macintosh", "0004 x\r0006 ID\r", "-", "", "0006", "", ""},
		{"absurd number", "99999999999999999999 x\n", "-", "", "0001", "0001 ID" + recordTail, "aliases.txt"},
		{"above 9999", "9999 x\n", "-", "", "10000", "10000 ID" + recordTail, "aliases.txt"},
		{"unpadded", "3 ID\n", "-", "", "3", "", ""},
		{"hostile records", "../../etc ID\n0002 ../../x\n0003 .\n", "-", "", "0001", "0001 ID" + recordTail, "aliases.txt"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := options()
			o.AliasFile = c.setting
			r := open(t, o)
			want := map[string]string{}
			for name, text := range map[string]string{"aliases.txt": c.aliases, ".aliases.txt": c.dot} {
				if text != "-" {
					write(t, r, "epix100a/"+name, text)
					want[name] = text
				}
			}
			if c.added != "" {
				want[c.toFile] += c.added
			}
			for range 2 { // the second call finds it
				got, err := alias(t, r, "ID")
				if err != nil || got != c.want {
					t.Fatalf("alias %q, %v, want %q", got, err, c.want)
				}
			}
			for _, name := range []string{"aliases.txt", ".aliases.txt"} {
				text, err := os.ReadFile(filepath.Join(r.Dir(), "epix100a", name))
				if err != nil && !errors.Is(err, os.ErrNotExist) {
					t.Fatal(err)
				}
				if string(text) != want[name] {
					t.Errorf("%s is %q, want %q", name, text, want[name])
				}
			}
		})
	}
}

func TestAliasConflict(t *testing.T) {
	r := open(t, options())
	write(t, r, "epix100a/aliases.txt", "0001 A\n0002 B\n0004 D\n")
	write(t, r, "epix100a/.aliases.txt", "0003 A\n0002 C\n0004 D\n")
	for _, id := range []string{"A", "B", "C"} {
		if got, err := alias(t, r, id); !errors.Is(err, repo.ErrAliasConflict) {
			t.Errorf("%s: %q, %v, want ErrAliasConflict", id, got, err)
		}
	}
	// The others are not concerned.
	for id, want := range map[string]string{"D": "0004", "E": "0005"} {
		if got, err := alias(t, r, id); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %s", id, got, err, want)
		}
	}
}

func TestLookupAliasChangesNothing(t *testing.T) {
	r := open(t, options())
	if got, found, err := r.LookupAlias(epix(t, epixID)); found || err != nil {
		t.Errorf("%q, %v, %v in an empty repository", got, found, err)
	}
	if names, err := os.ReadDir(r.Dir()); err != nil || len(names) != 0 {
		t.Errorf("made %v, %v", names, err)
	}
}

func TestAliasFileMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	for _, noLocks := range []bool{false, true} {
		o := options()
		o.NoLocks = noLocks
		r := open(t, o)
		if _, err := alias(t, r, "ID"); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(r.Dir(), "epix100a", "aliases.txt"))
		if err != nil || info.Mode().Perm() != 0o666 {
			t.Errorf("mode %v, %v, want 0666 whatever the umask", info.Mode(), err)
		}
	}
}

// What others may have planted is refused, and nothing is written through it.
func TestPlantedAliasFile(t *testing.T) {
	for name, plant := range map[string]func(victim, file string) error{
		"symbolic link": os.Symlink,
		"hard link":     os.Link,
		"directory":     func(_, file string) error { return os.Mkdir(file, 0o777) },
		"fifo":          func(_, file string) error { return syscall.Mkfifo(file, 0o666) },
	} {
		for _, noLocks := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, no locks %v", name, noLocks), func(t *testing.T) {
				o := options()
				o.NoLocks = noLocks
				r := open(t, o)
				victim := filepath.Join(t.TempDir(), "victim")
				if err := os.WriteFile(victim, []byte("0001 x\n"), 0o666); err != nil {
					t.Fatal(err)
				}
				dir := filepath.Join(r.Dir(), "epix100a")
				if err := os.Mkdir(dir, 0o777); err != nil {
					t.Fatal(err)
				}
				if err := plant(victim, filepath.Join(dir, "aliases.txt")); err != nil {
					t.Fatal(err)
				}
				if got, err := alias(t, r, "ID"); !errors.Is(err, repo.ErrAliasFile) {
					t.Errorf("alias %q, %v, want ErrAliasFile", got, err)
				}
				if text := read(t, victim); text != "0001 x\n" {
					t.Errorf("the victim became %q", text)
				}
			})
		}
	}
}

func TestRecordIsOneLine(t *testing.T) {
	o := options()
	o.User = "evil\n0002 stolen"
	r := open(t, o)
	p := epix(t, "ID")
	p.Source = "A.0:Epix100a.0\r\x1b[31m"
	if err := r.MakeTree(p); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Alias(t.Context(), p, repo.Origin{Experiment: "e x\u2028p", Run: 1}); err != nil {
		t.Fatal(err)
	}
	want := `0001 ID 2022-06-09T12:19:26 e\x20x\u2028p r0001 A.0:Epix100a.0\x0d\x1b[31m evil\x0a0002\x20stolen` + "\n"
	if got := read(t, filepath.Join(r.Dir(), "epix100a", "aliases.txt")); got != want {
		t.Errorf("record %q, want %q", got, want)
	}
}

func TestBadIDs(t *testing.T) {
	r := open(t, options())
	for _, id := range []string{"", ".", "..", "../x", "a/b", "/etc", ".hidden", "a b", "a\nb", "a\x00b", "default", "logs",
		"a\u200bb", "\xff", strings.Repeat("x", 10000)} {
		if err := r.MakeTree(epix(t, id)); !errors.Is(err, repo.ErrBadName) {
			t.Errorf("MakeTree of id %.20q: %v, want ErrBadName", id, err)
		}
		if _, err := alias(t, r, id); !errors.Is(err, repo.ErrBadName) {
			t.Errorf("Alias of id %.20q: %v, want ErrBadName", id, err)
		}
	}
	if _, err := alias(t, r, "-100-3d00b0"); err != nil {
		t.Errorf("a jungfrau id with an empty field: %v", err)
	}
}

// The claims of hosts without locks and the locked allocation share the numbers.
func TestClaimsAndLocksTogether(t *testing.T) {
	locking := open(t, options())
	var warnings []string
	o := options()
	o.NoLocks = true
	o.Warn = func(message string) { warnings = append(warnings, message) }
	claiming, err := repo.Open(locking.Dir(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer claiming.Close()
	want := map[string]string{}
	for i := range 20 {
		r := locking
		if i%3 == 1 {
			r = claiming
		}
		id := fmt.Sprintf("ID%d", i)
		got, err := alias(t, r, id)
		if err != nil {
			t.Fatal(err)
		}
		if expected := fmt.Sprintf("%04d", i+1); got != expected {
			t.Errorf("%s is %s, want %s", id, got, expected)
		}
		want[id] = got
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "locks do not work") {
		t.Errorf("warnings %q, want one that locks do not work", warnings)
	}
	for id, expected := range want {
		for _, r := range []*repo.Repository{locking, claiming} {
			if got, _, err := r.LookupAlias(epix(t, id)); got != expected || err != nil {
				t.Errorf("%s is %s, %v, want %s", id, got, err, expected)
			}
		}
	}
}

// Goroutines of one process exclude each other as processes do.
func TestAliasGoroutines(t *testing.T) {
	for _, noLocks := range []bool{false, true} {
		o := options()
		o.NoLocks = noLocks
		r := open(t, o)
		if err := r.MakeTree(epix(t, "ID")); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		for worker := range 8 {
			group.Go(func() {
				for i := range 25 {
					id := fmt.Sprintf("ID%d", (i+worker*3)%25)
					if _, err := r.Alias(t.Context(), epix(t, id), repo.Origin{Run: -1}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		checkAliases(t, r.Dir(), 25)
	}
}

// A detector of several panels: the id in full, or the record of 2022.
func TestJoinedIDs(t *testing.T) {
	panels := make([]string, 4)
	for i := range panels {
		panels[i] = fmt.Sprintf("%010d-%010d-%010d-%010d-%010d-%010d-%010d", 1, i, 2, 3, 4, 0, 0)
	}
	id := strings.Join(panels, "_")
	const quad = "MecTargetChamber.0:Epix10kaQuad.2"

	t.Run("new", func(t *testing.T) {
		r := open(t, options())
		p := panel(t, quad, id)
		if err := r.MakeTree(p); err != nil {
			t.Fatal(err)
		}
		got, err := r.Alias(t.Context(), p, repo.Origin{Run: -1})
		if err != nil || got != "0001" {
			t.Fatalf("alias %q, %v", got, err)
		}
		if text := read(t, filepath.Join(r.Dir(), "epix10kaquad", "aliases.txt")); !strings.HasPrefix(text, "0001 "+id+" ") {
			t.Errorf("record %q", text)
		}
		write(t, r, "epix10kaquad/epix10kaquad_0001/gain/epix10kaquad_0001_20150101000000_e_r0001_gain.txt", "1\n")
		choice, err := r.Resolve(p, got, repo.Gain, 20160101000000)
		if err != nil || choice.Kind != repo.Specific {
			t.Errorf("choice %+v, %v", choice, err)
		}
	})
	t.Run("record of panel 0", func(t *testing.T) {
		var warnings []string
		o := options()
		o.Warn = func(message string) { warnings = append(warnings, message) }
		r := open(t, o)
		write(t, r, "epix10kaquad/aliases.txt", "0006 "+panels[0]+" 2022\n")
		write(t, r, "epix10kaquad/"+panels[0]+"/gain/epix10kaquad_0006_20150101000000_e_r0001_gain.txt", "1\n")
		p := panel(t, quad, id)
		if err := r.MakeTree(p); err != nil {
			t.Fatal(err)
		}
		got, err := r.Alias(t.Context(), p, repo.Origin{Run: -1})
		if err != nil || got != "0006" {
			t.Fatalf("alias %q, %v", got, err)
		}
		choice, err := r.Resolve(p, got, repo.Gain, 20160101000000)
		if err != nil || choice.Kind != repo.Specific {
			t.Errorf("choice %+v, %v", choice, err)
		}
		if text := read(t, filepath.Join(r.Dir(), "epix10kaquad", "aliases.txt")); strings.Count(text, "\n") != 1 {
			t.Errorf("a second alias: %q", text)
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0], "panel 0") {
			t.Errorf("warnings %q, want one about panel 0", warnings)
		}
	})
	t.Run("modules of a jungfrau are not joined with a single one", func(t *testing.T) {
		r := open(t, options())
		write(t, r, "jungfrau/aliases.txt", "0001 1-2-3\n")
		got, err := r.Alias(t.Context(), panel(t, "CxiDs1.0:Jungfrau.0", "1-2-3_1-2-4"), repo.Origin{Run: -1})
		if err != nil || got != "0002" {
			t.Errorf("alias %q, %v, want 0002", got, err)
		}
	})
}
