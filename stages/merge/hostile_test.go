package merge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"deployconstants/stages/merge"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

// TestControlCharacters: a name that no plan deploys is not made, nor withdrawn, and
// nobody else's question is left without an answer for it.
func TestControlCharacters(t *testing.T) {
	s := newStatusSite(t)
	for _, experiment := range []string{"cxi\tlu", "cxi\u0085", "cxi\xff"} {
		hostile := func(name string) string { return strings.Replace(name, "cxilu9218", experiment, 1) }
		dark, merged := hostile(statusFile("status_dark", "02", "0001")), hostile(statusFile("status_merged", "02", "0001"))
		s.put(statusFile("status_dark", "01", "0001"), "1 0\n0 1\n")
		s.put(dark, "1 0\n0 1\n")
		s.wantChoices(s.foresee(resolve.Change{}), "epix100a", card, "status_extra", "01?", "01?")
		s.options.Write = false
		s.wants("pending status_extra 20201201000000", "blocked status_extra 20201202000000")

		s.put(merged, "# MERGED 1 file\n# TABLE 00 "+statusFile("status_dark", "01", "0001")+"\n1 0\n0 1\n")
		s.remove(dark)
		s.put(statusFile("status_dark", "01", "0001")+".withdrawn", "")
		s.remove(statusFile("status_dark", "01", "0001"))
		s.foresee(resolve.Change{})
		s.wants("blocked status_extra 20201202000000")
		s.remove(merged)
		s.remove(statusFile("status_dark", "01", "0001") + ".withdrawn")
	}
}

// TestNoDirectory: a detector whose id is that of no directory has no status words, and
// what is not selected is not looked at, nor an alias file that cannot be read.
func TestNoDirectory(t *testing.T) {
	s := newSite(t, 2, "opal1000", "Xpp Endstation-0", "default", "logs", "a/b", "..")
	s.wants()
	s.put("opal1000/.aliases.txt/file", "")
	for _, filter := range []ledger.Filter{{Types: []string{"epix100a"}}, {Experiments: []string{"xpp*"}}, {Sources: []string{"Xpp*"}}} {
		s.options.Filter = filter
		s.wants()
	}
	s.options.Filter = ledger.Filter{}
	s.wants()

	s = newSite(t, 2, "opal1000", "a", "b")
	s.put("opal1000/.aliases.txt/file", "")
	s.wants("failed status_extra ")
	s.options.Filter.Types = []string{"epix100a"}
	s.wants()
}

// TestSharedDirectory: two quads that are known by one first panel have one directory of
// status words, and what is merged there is foreseen once.
func TestSharedDirectory(t *testing.T) {
	var ids []string
	for _, letter := range []string{"A", "B", "C", "D", "E"} {
		ids = append(ids, strings.Repeat(letter, 76))
	}
	joined, other := strings.Join(ids[:4], "_"), strings.Join([]string{ids[0], ids[1], ids[2], ids[4]}, "_")
	s := newSite(t, 3, "epix10kaquad", joined, other)
	s.put("epix10kaquad/aliases.txt", "0001 "+ids[0]+" x\n")
	dark := "epix10kaquad/" + ids[0] + "/status_dark/epix10kaquad_0001_20201202000000_e_r0001_status_dark.txt"
	s.put(dark, "1\n")
	for _, id := range []string{joined, other} {
		s.wantChoices(s.foresee(resolve.Change{}), "epix10kaquad", id, "status_extra", "-", "02?", "02?")
	}
	got, _ := s.merge()
	if !slices.Contains(got, "made status_extra 20201202000000") || slices.Contains(got, "failed status_extra 20201202000000") {
		t.Errorf("items %q", got)
	}
	if _, err := s.options.Repository.Withdraw(t.Context(), dark, "wrong"); err != nil {
		t.Fatal(err)
	}
	s.wantChoices(s.foresee(resolve.Change{}), "epix10kaquad", other, "status_extra", "-", "-", "-")
}

// TestSharedDirectoryAtOnce: detectors that share a directory withdraw a merge at once, and
// none of them fails because another was faster.
func TestSharedDirectoryAtOnce(t *testing.T) {
	first := strings.Repeat("A", 76)
	var quads []string
	for i := range 16 {
		quads = append(quads, strings.Join([]string{first, strings.Repeat("B", 76), strings.Repeat("C", 76), fmt.Sprintf("%076d", i)}, "_"))
	}
	s := newSite(t, 1, "epix10kaquad", quads...)
	s.options.Pipeline.Workers = 8
	s.put("epix10kaquad/aliases.txt", "0001 "+first+" x\n")
	for i := range 10 {
		dark := fmt.Sprintf("epix10kaquad/%s/status_dark/epix10kaquad_0001_2020120100000%d_e_r0001_status_dark.txt", first, i)
		s.put(dark, "1\n")
		s.merge()
		if _, err := s.options.Repository.Withdraw(t.Context(), dark, "wrong"); err != nil {
			t.Fatal(err)
		}
		got, summary := s.merge()
		if summary.Counts[merge.Failed] != 0 || summary.Counts[merge.Withdrawn] == 0 {
			t.Errorf("items %q", got)
		}
	}
}
