package geometry_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"deployconstants/repo"
	"deployconstants/repo/geometry"
)

func typeNamed(tb testing.TB, name string) repo.DetType {
	tb.Helper()
	t, err := repo.TypeNamed(name)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// repository makes one with files of these names; a name with "->" is a link.
func repository(tb testing.TB, names ...string) *geometry.Repository {
	tb.Helper()
	dir := tb.TempDir()
	for _, name := range names {
		name, target, isLink := strings.Cut(name, "->")
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case err != nil:
		case isLink:
			err = os.Symlink(target, path)
		case strings.HasSuffix(name, "/"):
			err = os.Mkdir(path, 0o755)
		default:
			err = os.WriteFile(path, []byte(name), 0o644)
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
	r, err := geometry.Open(dir, repo.Options{User: "tester", Group: -1})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := r.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func TestChoose(t *testing.T) {
	day := func(name string) geometry.Series {
		return geometry.Series{Type: typeNamed(t, "cspad"), Name: name, Days: true}
	}
	hardware := geometry.Series{Type: typeNamed(t, "epix10ka2m"), Name: "0001"}
	for name, c := range map[string]struct {
		files  []string
		series geometry.Series
		at     repo.Stamp
		kind   repo.Kind
		want   string // of the repository; "": none
		strays []string
	}{
		"nothing":      {nil, day("CxiDs1-0-Cspad-0"), 20151022143000, repo.None, "", nil},
		"default":      {[]string{"cspad/cspad_default.data"}, day("CxiDs1-0-Cspad-0"), 20151022143000, repo.Default, "cspad/cspad_default.data", nil},
		"default .txt": {[]string{"cspad/cspad_default.txt"}, day("CxiDs1-0-Cspad-0"), 20151022143000, repo.None, "", nil},
		"day": {[]string{
			"cspad/cspad_default.data", "cspad/cspad_A-0-Cspad-0_20150101.data", "cspad/cspad_A-0-Cspad-0_20151022.data",
			"cspad/cspad_A-0-Cspad-0_20151023.data", "cspad/cspad_B-0-Cspad-0_20151022.data",
		}, day("A-0-Cspad-0"), 20151022143000, repo.Specific, "cspad/cspad_A-0-Cspad-0_20151022.data", nil},
		"first second of the day": {[]string{"cspad/cspad_A-0-Cspad-0_20151022.data"}, day("A-0-Cspad-0"), 20151022000000,
			repo.Specific, "cspad/cspad_A-0-Cspad-0_20151022.data", nil},
		"all newer": {[]string{"cspad/cspad_A-0-Cspad-0_20151023.data", "cspad/cspad_default.data"}, day("A-0-Cspad-0"), 20151022235959,
			repo.Default, "cspad/cspad_default.data", nil},
		"second": {[]string{
			"epix10ka2m/epix10ka2m_0001_20241003211628.data", "epix10ka2m/epix10ka2m_0001_20241003211629.data",
			"epix10ka2m/epix10ka2m_00010_20241003211600.data", "epix10ka2m/epix10ka2m_0002_20241003211628.data",
		}, hardware, 20241003211628, repo.Specific, "epix10ka2m/epix10ka2m_0001_20241003211628.data", nil},
		"another detector whose name begins so": {[]string{"cspad/cspad_A-0-Cspad-20_20150101.data"}, day("A-0-Cspad-2"), 20151022143000, repo.None, "", nil},
		"stamps of the other kind, and other names": {[]string{
			"cspad/cspad_A-0-Cspad-0_20150101000000.data", "cspad/cspad_A-0-Cspad-0_20150102.txt", "cspad/cspad_A-0-Cspad-0_2015010a.data",
			"cspad/cspad_A-0-Cspad-0_+2015010.data", "cspad/cspad_tmp.data", "cspad/copy_cspad_A-0-Cspad-0_20150101.data",
		}, day("A-0-Cspad-0"), 20151022143000, repo.None, "", []string{
			"cspad_A-0-Cspad-0_+2015010.data", "cspad_A-0-Cspad-0_20150101000000.data", "cspad_A-0-Cspad-0_20150102.txt", "cspad_A-0-Cspad-0_2015010a.data",
		}},
		"hardware without alias": {[]string{"epix10ka2m/epix10ka2m_0001_20241003211628.data", "epix10ka2m/epix10ka2m_default.data"},
			geometry.Series{Type: typeNamed(t, "epix10ka2m")}, 20250101000000, repo.Default, "epix10ka2m/epix10ka2m_default.data", nil},
		"dangling default": {[]string{"cspad/cspad_default.data->nowhere"}, day("A-0-Cspad-0"), 20151022143000, repo.None, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := repository(t, c.files...)
			choice, err := r.Choose(c.series, c.at)
			if err != nil {
				t.Fatal(err)
			}
			want := ""
			if c.want != "" {
				want = r.Dir() + "/" + c.want
			}
			if choice.Kind != c.kind || choice.Path != want || !slices.Equal(choice.Strays, c.strays) {
				t.Errorf("%+v, want %v %s, strays %q", choice, c.kind, want, c.strays)
			}
			if def := r.TypeDir(c.series.Type) + "/" + c.series.Type.Name + "_default.data"; choice.DefaultPath != def {
				t.Errorf("default %s, want %s", choice.DefaultPath, def)
			}
		})
	}
}

func TestLink(t *testing.T) {
	series := geometry.Series{Type: typeNamed(t, "epix10ka2m"), Name: "0001"}
	const from, name = 20241003211628, "epix10ka2m_0001_20241003211628.data"
	files := []string{"epix10ka2m/met.txt", "epix10ka2m/other.txt", "epix10ka2m/dir/", "epix10ka2m/out->/etc/passwd", "epix10ka2m/gone->nowhere", "epix10ka2m/in->met.txt"}
	r := repository(t, files...)
	path := filepath.Join(r.Dir(), "epix10ka2m", name)
	for file, want := range map[string]error{
		"nofile": fs.ErrNotExist, "dir": repo.ErrNotRegular, "out": repo.ErrOutside, "gone": fs.ErrNotExist,
		"": repo.ErrBadName, "..": repo.ErrBadName, "../x": repo.ErrBadName, "/etc/passwd": repo.ErrBadName, "a\nb": repo.ErrBadName, ".hidden": repo.ErrBadName,
	} {
		if made, err := r.Link(series, from, file); made || !errors.Is(err, want) {
			t.Errorf("%q: %v, %v; want %v", file, made, err, want)
		}
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("%q: a link was made", file)
		}
	}
	if r.LinkPath(series, from) != path {
		t.Errorf("path %s, want %s", r.LinkPath(series, from), path)
	}
	if linked, err := r.CheckLink(series, from, "met.txt"); linked || err != nil {
		t.Error(linked, err)
	}
	if made, err := r.Link(series, from, "met.txt"); !made || err != nil {
		t.Fatal(made, err)
	}
	if target, err := os.Readlink(path); target != "met.txt" || err != nil {
		t.Errorf("link to %q, %v", target, err)
	}
	if made, err := r.Link(series, from, "met.txt"); made || err != nil {
		t.Errorf("the second time: %v, %v", made, err)
	}
	for _, file := range []string{"other.txt", "in", name} {
		if made, err := r.Link(series, from, file); made || !errors.Is(err, geometry.ErrTaken) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s over another: %v, %v", file, made, err)
		}
	}
	choice, err := r.Choose(series, from)
	if err != nil || choice.Path != path {
		t.Errorf("%+v, %v", choice, err)
	}
	f, err := r.OpenConstants(choice.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
}

// TestLinkTogether: of many that link different files under one name one wins.
func TestLinkTogether(t *testing.T) {
	series := geometry.Series{Type: typeNamed(t, "cspad"), Name: "A-0-Cspad-0", Days: true}
	r := repository(t, "cspad/a", "cspad/b")
	var group sync.WaitGroup
	made, errs := make([]bool, 16), make([]error, 16)
	for i := range made {
		group.Go(func() { made[i], errs[i] = r.Link(series, 20151022143000, []string{"a", "b"}[i%2]) })
	}
	group.Wait()
	winner := slices.Index(made, true)
	if winner < 0 || slices.Contains(slices.Delete(slices.Clone(made), winner, winner+1), true) {
		t.Fatalf("made by %v", made)
	}
	for i, err := range errs {
		if same := i%2 == winner%2; same != (err == nil) || !same && !errors.Is(err, geometry.ErrTaken) {
			t.Errorf("%d after %d: %v", i, winner, err)
		}
	}
}

// TestAliases: ids of many panels have aliases in the file of the type, and nothing
// else is made but the claims of hosts without locks.
func TestAliases(t *testing.T) {
	t.Run("locks", func(t *testing.T) {
		testAliases(t, repository(t, "epix10ka2m/epix10ka2m_default.data"), "epix10ka2m_default.data", ".aliases-epix10ka2m.txt")
	})
	t.Run("no locks", func(t *testing.T) {
		dir := repository(t, "epix10ka2m/epix10ka2m_default.data").Dir()
		r, err := geometry.Open(dir, repo.Options{User: "tester", Group: -1, NoLocks: true})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		testAliases(t, r, "epix10ka2m_default.data", ".aliases-epix10ka2m.txt", ".claims")
	})
}

func testAliases(t *testing.T, r *geometry.Repository, names ...string) {
	file := filepath.Join(r.Dir(), "epix10ka2m/.aliases-epix10ka2m.txt")
	panel := repo.Panel{Type: typeNamed(t, "epix10ka2m"), ID: strings.Repeat("0000000001-0000000002_", 60) + "0000000003"}
	if alias, found, err := r.LookupAlias(panel); found || err != nil {
		t.Fatal(alias, found, err)
	}
	if err := os.WriteFile(file, []byte("0007 some-id 2024-10-01T00:00:00  somebody"), 0o666); err != nil {
		t.Fatal(err)
	}
	origin := repo.Origin{Experiment: "mfxp1003323", Run: 24}
	for range 2 {
		if alias, err := r.Alias(t.Context(), panel, origin); alias != "0008" || err != nil {
			t.Fatal(alias, err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "0008 "+panel.ID+" 20") || !strings.HasSuffix(lines[1], " mfxp1003323 r0024 tester") {
		t.Errorf("alias file %q", text)
	}
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !slices.Contains(names, entry.Name()) {
			t.Errorf("made: %s", entry.Name())
		}
	}
}

func TestOpenMissing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	if _, err := geometry.Open(dir, repo.Options{Group: -1}); !errors.Is(err, repo.ErrNoRepository) {
		t.Error(err)
	}
	r, err := geometry.Create(dir, repo.Options{Group: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if has, err := r.HasType(typeNamed(t, "cspad")); has || err != nil {
		t.Error(has, err)
	}
	if has, err := r.HasType(typeNamed(t, "evr")); has || !errors.Is(err, repo.ErrNotDeployable) {
		t.Error(has, err)
	}
}
