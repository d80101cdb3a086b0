package repo_test

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"deployconstants/repo"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What is withdrawn is not chosen any more, and is again when it is reinstated; its bytes
// stay, and a record says who did it.
func TestWithdraw(t *testing.T) {
	r := open(t, options())
	panel := epix(t, "3925-1")
	must(t, r.MakeTree(panel))
	alias, err := r.Alias(t.Context(), panel, repo.Origin{Experiment: "xpptut15", Run: 1})
	must(t, err)
	folder := "epix100a/3925-1/gain"
	old := folder + "/epix100a_" + alias + "_20200101000000_xpptut15_r0001_gain.txt"
	young := folder + "/epix100a_" + alias + "_20210101000000_xpptut15_r0002_gain.txt"
	standard := "epix100a/default/epix100a_default_gain.txt"
	for _, name := range []string{old, young, standard} {
		write(t, r, name, name)
	}
	chosen := func(want string) {
		t.Helper()
		choice, err := r.Resolve(panel, alias, "gain", 20220101000000)
		must(t, err)
		if got := strings.TrimPrefix(choice.Path, r.Dir()+"/"); got != want {
			t.Errorf("chosen is %q, want %q", got, want)
		}
		for _, rejected := range choice.Rejected {
			if rejected.Stray() {
				t.Errorf("stray: %+v", rejected)
			}
		}
	}
	chosen(young)
	path, err := r.Withdraw(t.Context(), young, "warm\ndetector")
	must(t, err)
	if text := read(t, path); text != young || path != r.Dir()+"/"+young+".withdrawn" {
		t.Errorf("%s: %q", path, text)
	}
	chosen(old)
	_, err = r.Withdraw(t.Context(), filepath.Join(r.Dir(), old), "")
	must(t, err)
	chosen(standard)
	_, err = r.Withdraw(t.Context(), standard, "")
	must(t, err)
	chosen("")
	findings, err := r.Check(t.Context())
	must(t, err)
	for _, f := range findings {
		if strings.Contains(f.Path, "withdrawn") {
			t.Errorf("check: %+v", f)
		}
	}
	_, err = r.Reinstate(t.Context(), young, "it was not")
	must(t, err)
	chosen(young)
	text := read(t, filepath.Join(r.Dir(), "epix100a", "withdrawn.txt"))
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) != 4 || !strings.Contains(lines[0], "withdrawn "+young) || !strings.Contains(lines[0], "reason:warm detector") || !strings.Contains(lines[3], "reinstated "+young) {
		t.Errorf("record:\n%s", text)
	}
}

func TestWithdrawRefused(t *testing.T) {
	r := open(t, options())
	must(t, r.MakeType(epix(t, "3925-1").Type))
	standard := "epix100a/default/epix100a_default_gain.txt"
	write(t, r, standard, "x")
	for name, want := range map[string]error{
		"epix100a/aliases.txt": repo.ErrNotConstants, "x": repo.ErrNotConstants, "../" + standard: repo.ErrNotConstants,
		"/etc/passwd": repo.ErrNotConstants, "epix100a/default/../default/../../x.txt": repo.ErrNotConstants,
		"epix100a/default/epix100a_default_pedestals.txt":                           fs.ErrNotExist,
		"epix100a/3925-1/gain/epix100a_0001_20200101000000_xpptut15_r0001_gain.txt": fs.ErrNotExist,
	} {
		if _, err := r.Withdraw(t.Context(), name, ""); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if _, err := r.Reinstate(t.Context(), standard, ""); !errors.Is(err, repo.ErrNotWithdrawn) {
		t.Errorf("what is not withdrawn: %v", err)
	}
	_, err := r.Withdraw(t.Context(), standard, "")
	must(t, err)
	write(t, r, standard, "y")
	if _, err := r.Withdraw(t.Context(), standard, ""); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second one of the name: %v", err)
	}
	if _, err := r.Reinstate(t.Context(), standard, ""); !errors.Is(err, fs.ErrExist) {
		t.Errorf("back over a new one: %v", err)
	}
}
