package calibdir_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/atomicfile"
	"deployconstants/repo/calibdir"
)

func view(t testing.TB, dir string) *calibdir.View {
	t.Helper()
	v, err := calibdir.OpenView(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func TestViewListsAsItIs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	target := gain(dir)
	folder := filepath.Dir(target.Path())
	if got, err := view(t, filepath.Dir(dir)+"/calib").Folder(target); err != nil || got.Exists {
		t.Errorf("missing directory: %+v, %v", got, err)
	}
	if err := errors.Join(os.MkdirAll(folder, 0o755), os.WriteFile(folder+"/5-end.data", []byte("constants"), 0o640),
		os.WriteFile(folder+"/.tmp-x", nil, 0o600), os.Symlink("5-end.data", folder+"/0-end.data"), os.Mkdir(folder+"/7-end.data", 0o755)); err != nil {
		t.Fatal(err)
	}
	v := view(t, dir)
	got, err := v.Folder(target)
	if err != nil || !got.Exists || got.Mode != 0o755 {
		t.Fatalf("%+v, %v", got, err)
	}
	type brief struct {
		Name    string
		Regular bool
	}
	var names []brief
	for _, e := range got.Entries {
		names = append(names, brief{e.Name, e.Regular})
	}
	if diff := cmp.Diff([]brief{{"0-end.data", false}, {"5-end.data", true}, {"7-end.data", false}}, names); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if e := got.Entries[1]; e.Size != 9 || e.Mode != 0o640 || e.Links != 1 || e.Inode == 0 || e.ChangeTime == 0 {
		t.Errorf("entry %+v", e)
	}
	if f, err := v.Open(target, "5-end.data"); err != nil {
		t.Error(err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]error{"7-end.data": atomicfile.ErrNotRegular, "9-end.data": fs.ErrNotExist, "../x": calibdir.ErrPath} {
		if _, err := v.Open(target, name); !errors.Is(err, want) {
			t.Errorf("open %s: error %v, want %v", name, err, want)
		}
	}
	if _, err := v.Open(target, "0-end.data"); err == nil {
		t.Error("a link was followed")
	}
	if err := errors.Join(v.CheckWritable(target), v.CheckReplaceable(target, "5-end.data")); err != nil {
		t.Error(err)
	}
}

func TestViewFollowsNoLinks(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "calib")
	target := gain(dir)
	if err := errors.Join(os.MkdirAll(dir+"/real", 0o755), os.Symlink("real", dir+"/"+target.Group)); err != nil {
		t.Fatal(err)
	}
	if _, err := view(t, dir).Folder(target); !errors.Is(err, calibdir.ErrLink) {
		t.Errorf("error %v, want ErrLink", err)
	}
	if err := errors.Join(os.Remove(dir+"/"+target.Group), os.WriteFile(dir+"/"+target.Group, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := view(t, dir).Folder(target); err == nil || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file in place of a directory: error %v", err)
	}
}

func TestViewOfMissingDirectories(t *testing.T) {
	dir := t.TempDir()
	if _, err := calibdir.OpenView(dir + "/exp/calib"); !errors.Is(err, calibdir.ErrNoExperimentDir) {
		t.Errorf("error %v, want ErrNoExperimentDir", err)
	}
	if err := os.Symlink("nowhere", dir+"/calib"); err != nil {
		t.Fatal(err)
	}
	if _, err := calibdir.OpenView(dir + "/calib"); !errors.Is(err, calibdir.ErrNoCalibDir) {
		t.Errorf("error %v, want ErrNoCalibDir", err)
	}
	if err := view(t, dir+"/new").CheckWritable(gain(dir + "/new")); err != nil {
		t.Error(err)
	}
}

func TestIdentity(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.MkdirAll(dir+"/a/calib", 0o755), os.Symlink("a", dir+"/b"), os.Mkdir(dir+"/c", 0o755)); err != nil {
		t.Fatal(err)
	}
	if a, b := calibdir.Identity(dir+"/a/calib"), calibdir.Identity(dir+"/b/calib"); a == "" || a != b {
		t.Errorf("one directory is %q and %q", a, b)
	}
	if a, c := calibdir.Identity(dir+"/a/calib"), calibdir.Identity(dir+"/c/calib"); c == "" || a == c {
		t.Errorf("two directories are %q and %q", a, c)
	}
	if got := calibdir.Identity(dir + "/none/calib"); got != "" {
		t.Errorf("what does not exist is %q", got)
	}
}

func TestListingOrder(t *testing.T) {
	names := []string{"0-end.data", "10-20.data", "5-end.data", "5-9.data", "+3-4.data", "x.data"}
	listing, err := calibdir.List(names)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, f := range listing.Files() {
		order = append(order, f.Name)
	}
	if want := []string{"10-20.data", "5-9.data", "5-end.data", "0-end.data"}; !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
	cxx := calibdir.ListCxx(names)
	for _, run := range []int{0, 3, 4, 7, 15, 30, 20000} {
		if got, want := cxx.Select(run), calibdir.PickCxx(names, run); got != want {
			t.Errorf("run %d: %s, want %s", run, got, want)
		}
	}
}
