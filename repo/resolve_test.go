package repo_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"deployconstants/repo"

	"github.com/google/go-cmp/cmp"
)

const gainDir = "epix100a/" + epixID + "/gain/"

func TestResolve(t *testing.T) {
	r := open(t, options())
	p := epix(t, epixID)
	path := func(name string) string { return filepath.Join(r.Dir(), name) }
	none, err := r.Resolve(p, "0001", repo.Gain, 20160318190730)
	if err != nil || none.Kind != repo.None || none.Path != "" {
		t.Errorf("empty repository: %+v, %v", none, err)
	}
	def := write(t, r, "epix100a/default/epix100a_default_gain.txt", "1\n")
	write(t, r, "epix100a/default/epix100a_default_rms.data", "1\n")
	for _, name := range []string{
		"epix100a_0001_20150101000000_xpptut15_r0260_gain.txt",
		"epix100a_0001_20160101000000_aaa_r1_gain.dat",
		"epix100a_0001_20160101000000_bbb_r12345_gain.data",
		"epix100a_0001_20170101000000_xpptut15_r0260_gain.txt",
		"epix100a_00012_20160201000000_xpptut15_r0260_gain.txt",
		"epix100a_0001_20160201000000_xpptut15_r0260_common_mode.txt",
		"epix100a_0001_20160201000000_xpptut15_gain.txt",
		"copy_epix100a_0001_20140101000000_xpptut15_r0260_gain.txt",
		"epix100a_0001_20160201000000_xpptut15_r0260_gain.txt.bak",
		".tmp-host-1-1",
		"notes.txt",
	} {
		write(t, r, gainDir+name, "1\n")
	}
	got, err := r.Resolve(p, "0001", repo.Gain, 20160318190730)
	if err != nil {
		t.Fatal(err)
	}
	want := repo.Choice{
		Kind:        repo.Specific,
		Path:        path(gainDir + "epix100a_0001_20160101000000_bbb_r12345_gain.data"),
		Stamp:       20160101000000,
		DefaultPath: def,
		Rejected: []repo.Rejected{
			{Name: "copy_epix100a_0001_20140101000000_xpptut15_r0260_gain.txt", Reason: repo.NotConstants},
			{Name: "epix100a_00012_20160201000000_xpptut15_r0260_gain.txt", Reason: repo.OtherDetector},
			{Name: "epix100a_0001_20150101000000_xpptut15_r0260_gain.txt", Reason: repo.Superseded},
			{Name: "epix100a_0001_20160101000000_aaa_r1_gain.dat", Reason: repo.TieLost},
			{Name: "epix100a_0001_20160201000000_xpptut15_gain.txt", Reason: repo.NotConstants},
			{Name: "epix100a_0001_20160201000000_xpptut15_r0260_common_mode.txt", Reason: repo.OtherCType},
			{Name: "epix100a_0001_20160201000000_xpptut15_r0260_gain.txt.bak", Reason: repo.NotConstants},
			{Name: "epix100a_0001_20170101000000_xpptut15_r0260_gain.txt", Reason: repo.TooNew},
			{Name: "notes.txt", Reason: repo.NotConstants},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	index, err := r.Index(p, "0001", repo.Gain)
	if err != nil || len(index.Entries()) != 4 || len(index.Strays()) != 6 {
		t.Errorf("index %+v, %v, want 4 files and 6 strays", index, err)
	}
	for _, rejected := range got.Rejected {
		if stray := slices.Contains(index.Strays(), rejected); rejected.Stray() != stray {
			t.Errorf("%s (%v): stray %v, want %v", rejected.Name, rejected.Reason, rejected.Stray(), stray)
		}
	}
	for _, c := range []struct {
		at    repo.Stamp
		alias string
		ctype repo.CType
		kind  repo.Kind
		stamp repo.Stamp
	}{
		{20150101000000, "0001", repo.Gain, repo.Specific, 20150101000000}, // equal counts
		{20150100235959, "0001", repo.Gain, repo.Default, 0},
		{20990101000000, "0001", repo.Gain, repo.Specific, 20170101000000},
		{20990101000000, "0002", repo.Gain, repo.Default, 0},
		{20990101000000, "", repo.Gain, repo.Default, 0},
		{20990101000000, "0001", repo.RMS, repo.None, 0},        // the default must be .txt
		{20990101000000, "0001", repo.CommonMode, repo.None, 0}, // directory missing
	} {
		got, err := r.Resolve(p, c.alias, c.ctype, c.at)
		if err != nil || got.Kind != c.kind || got.Stamp != c.stamp {
			t.Errorf("%s of %q at %v: %v %v, %v, want %v %v", c.ctype, c.alias, c.at, got.Kind, got.Stamp, err, c.kind, c.stamp)
		}
	}
}

// A directory that cannot be read is never taken for an empty one.
func TestResolveUnreadable(t *testing.T) {
	r := open(t, options())
	write(t, r, "epix100a/default/epix100a_default_gain.txt", "1\n")
	write(t, r, "epix100a/"+epixID+"/gain", "a file\n")
	if got, err := r.Resolve(epix(t, epixID), "0001", repo.Gain, 20160318190730); err == nil {
		t.Errorf("choice %+v, want an error", got)
	}
	if err := syscall.Mkfifo(filepath.Join(r.Dir(), "epix100a", epixID, "rms"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Resolve(epix(t, epixID), "0001", repo.RMS, 20160318190730); err == nil { // and does not wait
		t.Errorf("choice %+v from a pipe, want an error", got)
	}
}

func TestResolveHostile(t *testing.T) {
	r := open(t, options())
	for _, c := range []struct {
		id, alias string
		ctype     repo.CType
	}{
		{"..", "0001", repo.Gain},
		{epixID, "../x", repo.Gain},
		{epixID, "0001", "../../default"},
		{epixID, "0001", ""},
		{epixID, "0001", "a\x00b"},
	} {
		if got, err := r.Resolve(epix(t, c.id), c.alias, c.ctype, 1); !errors.Is(err, repo.ErrBadName) {
			t.Errorf("%q: %+v, %v, want ErrBadName", c, got, err)
		}
	}
	if _, err := r.Resolve(repo.Panel{Type: repo.DetType{Name: "../x"}, ID: "i"}, "", repo.Gain, 1); !errors.Is(err, repo.ErrUnknownType) {
		t.Errorf("a made-up type: %v, want ErrUnknownType", err)
	}
	if err := r.MakeTree(panel(t, "NoDetector.0:Evr.0", "NoDetector-0-Evr-0")); !errors.Is(err, repo.ErrNotDeployable) {
		t.Errorf("Evr: %v, want ErrNotDeployable", err)
	}
}

func TestOpenConstants(t *testing.T) {
	r := open(t, options())
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	def := write(t, r, "epix100a/default/epix100a_default_gain.txt", "constants\n")
	link := func(name, target string) string {
		path := filepath.Join(r.Dir(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fifo := filepath.Join(r.Dir(), "epix100a", "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path string
		want       error
	}{
		{"regular", def, nil},
		{"relative link", link("epix100a/a/b", "../default/epix100a_default_gain.txt"), nil},
		{"absolute link", link("epix100a/a/c", def), nil},
		{"link to a directory in between", link("epix100a/d", filepath.Dir(def)) + "/epix100a_default_gain.txt", nil},
		{"chain of links", link("epix100a/a/e", "b"), nil},
		{"dangling link", link("epix100a/a/f", "nothing"), fs.ErrNotExist},
		{"missing", filepath.Join(r.Dir(), "nothing"), fs.ErrNotExist},
		{"link out", link("epix100a/a/g", outside), repo.ErrOutside},
		{"relative link out", link("epix100a/a/h", "../../../x/../../"+filepath.Base(filepath.Dir(outside))+"/secret"), nil},
		{"directory link out", link("epix100a/a/i", filepath.Dir(outside)) + "/secret", repo.ErrOutside},
		{"path out", outside, repo.ErrOutside},
		{"path out by points", r.Dir() + "/../../secret", nil},
		{"directory", filepath.Dir(def), repo.ErrNotRegular},
		{"fifo", fifo, repo.ErrNotRegular},
		{"empty", write(t, r, "epix100a/empty", ""), repo.ErrEmpty},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := r.OpenConstants(c.path)
			if slices.Contains([]string{"relative link out", "path out by points"}, c.name) {
				// Whether something is there depends on the machine: any error will do.
				if err == nil {
					t.Fatal("opened")
				}
				return
			}
			if !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err == nil {
				if text := read(t, f.Name()); text != "constants\n" {
					t.Errorf("content %q", text)
				}
				if err := f.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// A repository that is reached through a link works as any other.
func TestLinkedRepository(t *testing.T) {
	real := open(t, options())
	write(t, real, gainDir+"epix100a_0001_20150101000000_xpptut15_r0260_gain.txt", "1\n")
	link := filepath.Join(t.TempDir(), "constants")
	if err := os.Symlink(real.Dir(), link); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(link+"//", options())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	choice, err := r.Resolve(epix(t, epixID), "0001", repo.Gain, 20160318190730)
	if err != nil || filepath.Dir(choice.Path) != link+"/epix100a/"+epixID+"/gain" {
		t.Fatalf("choice %+v, %v", choice, err)
	}
	f, err := r.OpenConstants(choice.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestOpenMissing(t *testing.T) {
	if _, err := repo.Open(filepath.Join(t.TempDir(), "nothing"), options()); !errors.Is(err, repo.ErrNoRepository) {
		t.Errorf("error %v, want ErrNoRepository", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.Open(file, options()); !errors.Is(err, repo.ErrNoRepository) {
		t.Errorf("a file: %v, want ErrNoRepository", err)
	}
	o := options()
	o.AliasFile = "../aliases.txt"
	if _, err := repo.Open(t.TempDir(), o); !errors.Is(err, repo.ErrBadName) {
		t.Errorf("a made-up alias file: %v, want ErrBadName", err)
	}
}

// A path is taken as the system takes it: "link/.." is where the link leads, and
// ".." behind a directory that is not there leads nowhere.
func TestCreateAbove(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "far", "away"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("far/away", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Create(dir+"/link/../new/constants/", options())
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := os.Stat(filepath.Join(dir, "far", "new", "constants")); err != nil {
		t.Error(err)
	}
	if r, err := repo.Create(dir+"/missing/../beside", options()); err == nil {
		t.Errorf("made %s", r.Dir())
	}
	for _, name := range []string{"new", "beside", "missing"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v, want it not made", name, err)
		}
	}
}

func TestTree(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077))
	dir := filepath.Join(t.TempDir(), "a", "b")
	o := options()
	o.DirMode = 0o2775
	r, err := repo.Create(dir+"/", o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for range 2 {
		if err := r.MakeTree(epix(t, epixID)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	err = filepath.WalkDir(filepath.Dir(dir), func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(filepath.Dir(filepath.Dir(dir)), path)
		got = append(got, fmt.Sprintf("%v %s", info.Mode(), name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	id := "a/b/epix100a/" + epixID
	want := []string{
		"dgrwxrwxr-x a", "dgrwxrwxr-x a/b", "dgrwxrwxr-x a/b/epix100a",
		"dgrwxrwxr-x " + id, "dgrwxrwxr-x " + id + "/common_mode", "dgrwxrwxr-x " + id + "/gain", "dgrwxrwxr-x " + id + "/geometry",
		"dgrwxrwxr-x a/b/epix100a/default",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMakeType(t *testing.T) {
	r := open(t, options())
	if err := r.MakeType(epix(t, epixID).Type); err != nil {
		t.Fatal(err)
	}
	if names, err := os.ReadDir(filepath.Join(r.Dir(), "epix100a")); err != nil || len(names) != 1 || names[0].Name() != "default" {
		t.Errorf("made %v, %v, want default alone", names, err)
	}
	if err := r.MakeType(repo.DetType{Name: "../x"}); !errors.Is(err, repo.ErrUnknownType) {
		t.Errorf("a made-up type: %v, want ErrUnknownType", err)
	}
	if err := r.MakeType(panel(t, "NoDetector.0:Evr.0", "x").Type); !errors.Is(err, repo.ErrNotDeployable) {
		t.Errorf("Evr: %v, want ErrNotDeployable", err)
	}
}

func TestParseCType(t *testing.T) {
	for name, want := range map[string]repo.CType{"gain": "pixel_gain", "rms": "pixel_rms", "status": "pixel_status", "pedestals": "pedestals"} {
		if got, err := repo.ParseCType(name); err != nil || got.Deployed() != want {
			t.Errorf("%s: deployed as %q, %v, want %q", name, got.Deployed(), err, want)
		}
	}
	for _, name := range []string{"", "Gain", "offset", "pixel_datast", "../gain", "gain "} {
		if _, err := repo.ParseCType(name); !errors.Is(err, repo.ErrUnknownCType) {
			t.Errorf("%q: %v, want ErrUnknownCType", name, err)
		}
	}
}
