package resolve_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/stages/resolve"
)

// A tree is a repository on disk.
type tree struct {
	testing.TB
	dir string
}

func newTree(t testing.TB) tree { return tree{t, filepath.Join(t.TempDir(), "constants")} }

func (t tree) write(name, text string) {
	t.Helper()
	path := filepath.Join(t.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (t tree) link(name, to string) {
	t.Helper()
	path := filepath.Join(t.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
}

// aliases writes an alias file of ids 0001, 0002, ...
func (t tree) aliases(typ string, ids ...string) {
	t.Helper()
	var text strings.Builder
	for i, id := range ids {
		fmt.Fprintf(&text, "%04d %s 2022-06-09T12:19:26 xpptut15 r0260 source user\n", i+1, id)
	}
	t.write(typ+"/aliases.txt", text.String())
}

func (t tree) open() *repo.Repository {
	t.Helper()
	r, err := repo.Open(t.dir, repo.Options{Group: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (t tree) load(o resolve.Options) *resolve.Snapshot {
	t.Helper()
	s, err := resolve.Load(t.Context(), t.open(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// name is that of a constants file below the repository.
func name(typ, dir, alias string, stamp repo.Stamp, ctype string) string {
	return fmt.Sprintf("%s/%s/%s/%s_%s_%s_xpptut15_r0260_%s.txt", typ, dir, ctype, typ, alias, stamp, ctype)
}

// The ids of the random repositories: twins, joined panels short and long, and ids
// that nothing is known of.
func ids(typ string) []string {
	if typ == "epix10ka2m" {
		long := strings.Repeat("_3925999616-0996663297-3791650826-1232098304-0953206283-2655595777-1", 15)
		return []string{"1-2-3-4-5-6-7_2-2-3-4-5-6-7", "2-2-3-4-5-6-7_3-2-3-4-5-6-7", "a" + long, "b" + long, "c" + long, "1-2-3-4-5-6-7"}
	}
	return []string{"1-2-3-4-5-6-7", "9-2-3-4-5-6-7", "8-0-0-0-0-0-1", "unknown", "5-5-5-5-5-5-5"}
}

var types = []string{"epix100a", "epix10ka2m"}

var ctypes = []string{"gain", "pixel_gain", "pedestals", "status", "pixel_status"}

// fill makes a random repository with everything in it that is legal and much that
// is not.
func (t tree) fill(random *rand.Rand) {
	t.Helper()
	for _, typ := range types {
		t.write(typ+"/default/.keep", "")
		var known []string
		for i, id := range ids(typ) {
			if i < 3 || random.IntN(3) == 0 {
				known = append(known, id)
			}
		}
		if typ == "epix10ka2m" && random.IntN(2) == 0 { // recorded in 2022 by the first panel
			known = append(known, "b", "1-2-3-4-5-6-7")
		}
		t.aliases(typ, known...)
		for i, id := range known {
			dir, alias := id, fmt.Sprintf("%04d", i+1)
			if len(id) > 255 {
				dir = typ + "_" + alias
			}
			for range random.IntN(8) {
				ctype := ctypes[random.IntN(len(ctypes))]
				file := name(typ, dir, alias, stamps[random.IntN(len(stamps))], ctype)
				switch random.IntN(12) {
				case 0:
					file = strings.Replace(file, "_r0260_", "_r0261_", 1) // a tie may be
				case 1:
					file = strings.Replace(file, "_"+alias+"_", "_0077_", 1) // a stray
				case 2:
					file = strings.TrimSuffix(file, ".txt") + ".bak"
				case 3:
					file = strings.TrimSuffix(file, ".txt") + ".data"
				}
				if _, err := os.Lstat(filepath.Join(t.dir, file)); err == nil {
					continue
				}
				switch random.IntN(10) {
				case 0:
					t.write(file, "")
				case 1:
					t.link(file, "nowhere")
				case 2:
					t.link(file, "/etc/passwd")
				default:
					t.write(file, file)
				}
			}
		}
		for _, ctype := range ctypes {
			file := typ + "/default/" + typ + "_default_" + ctype + ".txt"
			switch random.IntN(5) {
			case 0, 1:
				t.write(file, file)
			case 2:
				t.link(file, "nowhere")
			}
		}
	}
}

var stamps = []repo.Stamp{20150101000000, 20160101000000, 20170101000000, 20180101000000}

// asked are moments before, at, between and after stamps.
var asked = []repo.Stamp{0, 20150101000000, 20150101000001, 20161231235959, 20170101000000, 20991231235959}

var pools = []pipeline.Options{{Workers: 1}, {Workers: 2}, {Workers: 7}}
