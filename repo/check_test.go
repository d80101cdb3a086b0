package repo_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"

	"github.com/google/go-cmp/cmp"
)

// healthy makes a repository in which nothing is wrong.
func healthy(t *testing.T) *repo.Repository {
	t.Helper()
	r := open(t, options())
	a, err := ndarray.FromFloats([]int{4}, []float64{4, 6, 30, 10})
	if err != nil {
		t.Fatal(err)
	}
	q := request(t)
	q.Stamp, q.CType = "20200101", repo.CommonMode
	path, err := r.Save(t.Context(), q, a, repo.SaveOptions{Format: "%.0f"})
	if err != nil {
		t.Fatal(err)
	}
	write(t, r, "epix100a/default/epix100a_default_common_mode.txt", "4 6 30 10\n")
	write(t, r, "epix100a/default/epix100a_default_geometry.txt", "IP 0 EPIX100A:V1 0 0 0 0 0 0 0 0 0 0\n")
	write(t, r, gainDir+"../status_dark/epix100a_0001_20150101000000_xpptut15_r0260_status_dark.txt", "1 2\n")
	write(t, r, "logs/2022/some_log.txt", "")
	if err := os.Symlink(path, filepath.Join(filepath.Dir(path), "epix100a_0001_20200202000000_xpptut15_r0260_common_mode.txt")); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCheckHealthy(t *testing.T) {
	findings, err := healthy(t).Check(t.Context())
	if err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
}

func TestCheck(t *testing.T) {
	const gain = gainDir + "epix100a_0001_"
	twin := strings.Replace(epixID, "3925999616", "3925999620", 1)
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, r *repo.Repository)
		want  []string // kind and path
	}{
		{"id twice", func(t *testing.T, r *repo.Repository) { appendAliases(t, r, "0002 "+epixID+"\n") },
			[]string{"duplicate-id epix100a/aliases.txt"}},
		{"alias shared", func(t *testing.T, r *repo.Repository) { appendAliases(t, r, "1 other\n") },
			[]string{"shared-alias epix100a/aliases.txt"}},
		{"damaged records", func(t *testing.T, r *repo.Repository) { appendAliases(t, r, "# fine\n\n0002\nx other\n") },
			[]string{"damaged-record epix100a/aliases.txt", "damaged-record epix100a/aliases.txt"}},
		{"two alias files", func(t *testing.T, r *repo.Repository) { write(t, r, "epix100a/.aliases.txt", "0009 "+epixID+"\n") },
			[]string{"alias-conflict epix100a/aliases.txt"}},
		{"alias file is a link", func(t *testing.T, r *repo.Repository) {
			if err := os.Symlink("aliases.txt", filepath.Join(r.Dir(), "epix100a", ".aliases.txt")); err != nil {
				t.Fatal(err)
			}
		}, []string{"alias-file epix100a", "no-alias epix100a/" + epixID}},
		{"directory without alias", func(t *testing.T, r *repo.Repository) {
			write(t, r, "epix100a/other/gain/epix100a_0007_20150101000000_e_r1_gain.txt", strings.Repeat("1 ", 768)+"\n")
		}, []string{"no-alias epix100a/other", "bad-shape epix100a/other/gain/epix100a_0007_20150101000000_e_r1_gain.txt"}},
		{"one panel, two ids", func(t *testing.T, r *repo.Repository) { appendAliases(t, r, "0002 "+twin+"\n") },
			[]string{"two-ids epix100a"}},
		{"one jungfrau, two ids", func(t *testing.T, r *repo.Repository) {
			write(t, r, "jungfrau/aliases.txt", "0001 1a-2b-3c_1a-2b-4d\n0002 1a-2c-3c_1a-2c-4d\n0003 1b-2b-3c_1a-2b-4d\n")
		}, []string{"two-ids jungfrau"}},
		{"unreadable", func(t *testing.T, r *repo.Repository) {
			for _, name := range []string{gain + "20150101000000_e_r1_gain.txt", "epix100a/circle"} {
				if err := os.Symlink(filepath.Base(name), filepath.Join(r.Dir(), name)); err != nil {
					t.Fatal(err)
				}
			}
		}, []string{"unreadable " + gain + "20150101000000_e_r1_gain.txt", "unreadable epix100a/circle"}},
		{"pipes", func(t *testing.T, r *repo.Repository) {
			write(t, r, "epix100a/.claims/x", "")
			for _, name := range []string{gain + "20150101000000_e_r1_gain.txt", "epix100a/.claims/id-x", gainDir + "../rms"} {
				if err := syscall.Mkfifo(filepath.Join(r.Dir(), name), 0o666); err != nil {
					t.Fatal(err)
				}
			}
		}, []string{
			"damaged-record epix100a/.claims/id-x",
			"stray-name epix100a/.claims/x",
			"stray-name " + gain + "20150101000000_e_r1_gain.txt",
			"stray-name epix100a/" + epixID + "/rms",
		}},
		{"stray names", func(t *testing.T, r *repo.Repository) {
			write(t, r, "undefined/default/x", "")
			write(t, r, "epix100a/note.txt", "")
			write(t, r, "epix100a/default/epix100a_default_gain.data", "1\n")
			write(t, r, gainDir+"note.txt", "1\n")
			write(t, r, gainDir+"../work/x", "1\n")
			if err := os.Mkdir(filepath.Join(r.Dir(), gain+"20150101000000_e_r1_gain.txt"), 0o777); err != nil {
				t.Fatal(err)
			}
		}, []string{
			"stray-name epix100a/" + epixID + "/gain/epix100a_0001_20150101000000_e_r1_gain.txt",
			"stray-name epix100a/" + epixID + "/gain/note.txt",
			"stray-name epix100a/" + epixID + "/work",
			"stray-name epix100a/default/epix100a_default_gain.data",
			"stray-name epix100a/note.txt",
			"stray-name undefined",
		}},
		{"contents", func(t *testing.T, r *repo.Repository) {
			write(t, r, gain+"20150101000000_e_r1_gain.txt", "")
			write(t, r, gain+"20150102000000_e_r1_gain.txt", "what?\n")
			write(t, r, gain+"20150103000000_e_r1_gain.txt", "1 2\n3 4\n")
		}, []string{
			"empty-file " + gain + "20150101000000_e_r1_gain.txt",
			"bad-content " + gain + "20150102000000_e_r1_gain.txt",
			"bad-shape " + gain + "20150103000000_e_r1_gain.txt",
		}},
		{"no date", func(t *testing.T, r *repo.Repository) {
			write(t, r, gainDir+"../geometry/epix100a_0001_20151399999999_e_r1_geometry.txt", "x\n")
		}, []string{"bad-stamp epix100a/" + epixID + "/geometry/epix100a_0001_20151399999999_e_r1_geometry.txt"}},
		{"future", func(t *testing.T, r *repo.Repository) {
			write(t, r, gainDir+"../geometry/epix100a_0001_20220609121927_e_r1_geometry.txt", "x\n")
		}, []string{"future-stamp epix100a/" + epixID + "/geometry/epix100a_0001_20220609121927_e_r1_geometry.txt"}},
		{"links", func(t *testing.T, r *repo.Repository) {
			outside := filepath.Join(t.TempDir(), "x")
			if err := os.WriteFile(outside, []byte("1\n"), 0o666); err != nil {
				t.Fatal(err)
			}
			for name, target := range map[string]string{"20150101000000": outside, "20150102000000": "nothing"} {
				if err := os.Symlink(target, filepath.Join(r.Dir(), gain+name+"_e_r1_gain.txt")); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(filepath.Dir(outside), filepath.Join(r.Dir(), "epix100a", "linked")); err != nil {
				t.Fatal(err)
			}
		}, []string{
			"outside-link " + gain + "20150101000000_e_r1_gain.txt",
			"dangling-link " + gain + "20150102000000_e_r1_gain.txt",
			"outside-link epix100a/linked",
		}},
		{"leftovers", func(t *testing.T, r *repo.Repository) {
			past := time.Now().Add(-2 * time.Hour)
			for _, name := range []string{gainDir + ".tmp-host-1-1", "epix100a/.claims/.tmp-x", "epix100a/.tmp-host-1-2"} {
				if err := os.Chtimes(write(t, r, name, ""), past, past); err != nil {
					t.Fatal(err)
				}
			}
			write(t, r, gainDir+".tmp-host-1-3", "") // somebody's at this moment
		}, []string{
			"leftover epix100a/.claims/.tmp-x",
			"leftover epix100a/.tmp-host-1-2",
			"leftover epix100a/" + epixID + "/gain/.tmp-host-1-1",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := healthy(t)
			c.spoil(t, r)
			findings, err := r.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, finding := range findings {
				name, err := filepath.Rel(r.Dir(), finding.Path)
				if err != nil || strings.ContainsAny(finding.Message, "\n\x1b") || finding.Message == "" || strings.Contains(finding.Message, finding.Path+":") {
					t.Errorf("finding %+v, %v", finding, err)
				}
				got = append(got, string(finding.Kind)+" "+name)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s\n%v", diff, findings)
			}
		})
	}
}

// An allocation that died between binding and record is found, and completed by
// the next use.
func TestCheckDeadClaim(t *testing.T) {
	o := options()
	o.NoLocks = true
	r := open(t, o)
	if _, err := alias(t, r, "ID1"); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(r.Dir(), "epix100a", "aliases.txt")
	record := read(t, file)
	write(t, r, "epix100a/aliases.txt", "")
	if findings, err := r.Check(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("%v, %v: its writer may be about to append it", findings, err)
	}
	backdate(t, filepath.Join(r.Dir(), "epix100a", ".claims"))
	findings, err := r.Check(t.Context())
	if err != nil || len(findings) != 1 || findings[0].Kind != repo.Leftover {
		t.Errorf("%v, %v, want one leftover", findings, err)
	}
	for id, want := range map[string]string{"ID1": "0001", "ID2": "0002"} {
		if got, err := alias(t, r, id); err != nil || got != want {
			t.Errorf("%s is %s, %v, want %s", id, got, err, want)
		}
	}
	if text := read(t, file); strings.Count(text, record) != 1 {
		t.Errorf("alias file %q", text)
	}
	if findings, err := r.Check(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("%v, %v", findings, err)
	}
}

func TestCheckCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := healthy(t).Check(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled", err)
	}
}

func TestList(t *testing.T) {
	r := healthy(t)
	appendAliases(t, r, "0010 b\n2 a\n")
	got, err := r.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	detType, err := repo.TypeNamed("epix100a")
	if err != nil {
		t.Fatal(err)
	}
	want := []repo.TypeListing{{
		Type:     detType,
		Defaults: []string{"epix100a_default_common_mode.txt", "epix100a_default_geometry.txt"},
		Aliases:  []repo.AliasListing{{Alias: "0001", ID: epixID}, {Alias: "2", ID: "a"}, {Alias: "0010", ID: "b"}},
		Detectors: []repo.DetectorListing{{
			Dir: epixID, ID: epixID, Alias: "0001",
			CTypes: []repo.CTypeListing{
				{CType: "common_mode", Files: []string{
					"epix100a_0001_20200101000000_xpptut15_r0123_common_mode.txt",
					"epix100a_0001_20200202000000_xpptut15_r0260_common_mode.txt",
				}},
				{CType: "gain", Files: []string{}},
				{CType: "geometry", Files: []string{}},
				{CType: "status_dark", Files: []string{"epix100a_0001_20150101000000_xpptut15_r0260_status_dark.txt"}},
			},
		}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func appendAliases(t *testing.T, r *repo.Repository, text string) {
	t.Helper()
	file := filepath.Join(r.Dir(), "epix100a", "aliases.txt")
	if err := os.WriteFile(file, []byte(read(t, file)+text), 0o666); err != nil {
		t.Fatal(err)
	}
}
