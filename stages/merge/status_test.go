package merge_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"deployconstants/repo"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/merge"
	"deployconstants/stages/resolve"
)

const (
	card     = "3925999616-0996663297-3791650826-1232098304-0953206283-2655595777-0520093719"
	cardless = "XppEndstation-0-Opal1000-1" // an id that is the source's name
)

// A statusSite has runs from December 1 to 10 with an epix100a of alias 0001.
type statusSite struct{ *site }

func newStatusSite(t *testing.T) statusSite {
	s := statusSite{newSite(t, 10, "epix100a", card)}
	s.put("epix100a/.aliases.txt", "0001 "+card+" 2020-11-01T00:00:00 cxilu9218 r0001 CxiDs0.0:Epix100a.0 dubrovin\n")
	return s
}

// file is a file of status words, valid from a day of December 2020.
func statusFile(dir, day, run string) string {
	return "epix100a/" + card + "/" + dir + "/epix100a_0001_202012" + day + "000000_cxilu9218_r" + run + "_" + dir + ".txt"
}

// words returns the words of a merged file.
func (s statusSite) words(name string) string {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	a, err := ndarray.ReadText(f, ndarray.ReadOptions{DType: ndarray.Uint64})
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.Trim(fmt.Sprint(a.Words), "[]")
}

// TestStatusExtra: words are merged from the moment on at which another file of any
// directory counts, where a run needs them; once, and again when a file changes.
func TestStatusExtra(t *testing.T) {
	s := newStatusSite(t)
	s.put(statusFile("status_dark", "01", "0001"), "1 0\n0 1\n")
	s.put(statusFile("status_data", "04", "0004"), "4 0\n0 4\n")
	s.put(statusFile("status_data", "20", "0020"), "9 9\n9 9\n")  // of a time without runs
	s.put(statusFile("pixel_status", "01", "0001"), "8 8\n8 8\n") // no part of it
	first, second := statusFile("status_merged", "01", "0001"), statusFile("status_merged", "04", "0004")

	s.options.Write = false
	s.wants("pending status_extra 20201201000000", "pending status_extra 20201204000000")
	if _, err := os.Stat(filepath.Join(s.dir, filepath.Dir(first))); err == nil {
		t.Error("a directory was made without being asked to")
	}
	s.options.Write = true
	s.wants("made status_extra 20201201000000", "made status_extra 20201204000000")
	if a, b := s.words(first), s.words(second); a != "1 0 0 1" || b != "5 0 0 5" {
		t.Errorf("words %q and %q", a, b)
	}
	parts, merged, err := s.options.Repository.MadeOf(s.dir + "/" + second)
	if want := []string{statusFile("status_dark", "01", "0001"), statusFile("status_data", "04", "0004")}; !merged || err != nil || !slices.Equal(parts, want) {
		t.Errorf("merged %v of %v, %v", merged, parts, err)
	}
	s.wants("current status_extra 20201201000000", "current status_extra 20201204000000")

	s.put(statusFile("status_dark", "01", "0001"), "1 2\n0 1\n")
	s.wants("made status_extra 20201201000000", "made status_extra 20201204000000")
	if a, b := s.words(first), s.words(second); a != "1 2 0 1" || b != "5 2 0 5" {
		t.Errorf("words %q and %q", a, b)
	}
	s.options.CTypes = []string{"pixel_gain"}
	s.wants()
}

// TestStatusExtraOfARun: what the single command merged for a run is the merge of that
// moment, and is made again when it no longer holds.
func TestStatusExtraOfARun(t *testing.T) {
	s := newStatusSite(t)
	s.put(statusFile("status_dark", "01", "0001"), "1 0\n0 1\n")
	ofRun := strings.Replace(statusFile("status_merged", "05", "0005"), "05000000", "05120000", 1)
	s.put(ofRun, "# HOST there\n\n1 0\n0 1\n")
	s.wants("made status_extra 20201201000000", "current status_extra 20201205120000")
	s.wants("current status_extra 20201201000000", "current status_extra 20201205120000")
	if got := s.words(ofRun); got != "1 0 0 1" {
		t.Errorf("words %q", got)
	}
	s.put(statusFile("status_data", "03", "0003"), "2 0\n0 2\n")
	s.wants("current status_extra 20201201000000", "made status_extra 20201203000000", "made status_extra 20201205120000")
	if got := s.words(ofRun); got != "3 0 0 3" {
		t.Errorf("words %q", got)
	}
}

// TestStatusExtraDamaged: a merge that cannot be read is made again, as the single
// command does it.
func TestStatusExtraDamaged(t *testing.T) {
	for _, text := range []string{"", "# HOST there\n\n1 0\n0 x", "1 0\n0\n"} {
		s := newStatusSite(t)
		s.put(statusFile("status_dark", "01", "0001"), "1 0\n0 1\n")
		s.put(statusFile("status_merged", "01", "0001"), text)
		s.wants("made status_extra 20201201000000")
		if got := s.words(statusFile("status_merged", "01", "0001")); got != "1 0 0 1" {
			t.Errorf("words %q", got)
		}
		s.wants("current status_extra 20201201000000")
	}
}

// TestStatusExtraWithdrawn: what was withdrawn has no part any more, and what was merged
// of it alone goes with it.
func TestStatusExtraWithdrawn(t *testing.T) {
	s := newStatusSite(t)
	s.put(statusFile("status_dark", "01", "0001"), "1 0\n0 1\n")
	s.put(statusFile("status_data", "04", "0004"), "4 0\n0 4\n")
	s.wants("made status_extra 20201201000000", "made status_extra 20201204000000")
	withdraw := func(name string) {
		t.Helper()
		if _, err := s.options.Repository.Withdraw(t.Context(), name, "wrong"); err != nil {
			t.Fatal(err)
		}
	}
	withdraw(statusFile("status_data", "04", "0004"))
	s.wants("current status_extra 20201201000000", "made status_extra 20201204000000")
	if got := s.words(statusFile("status_merged", "04", "0004")); got != "1 0 0 1" {
		t.Errorf("words %q", got)
	}
	withdraw(statusFile("status_dark", "01", "0001"))
	s.options.Write = false
	s.wants("stale status_extra 20201201000000", "stale status_extra 20201204000000")
	s.options.Write = true
	s.wants("withdrawn status_extra 20201201000000", "withdrawn status_extra 20201204000000")
	s.wants()

	if _, err := s.options.Repository.Reinstate(t.Context(), statusFile("status_dark", "01", "0001"), ""); err != nil {
		t.Fatal(err)
	}
	s.wants("kept status_extra 20201201000000")
}

// TestStatusExtraWithdrawnAtOnce: a sweep withdraws all that runs would fall back to, not
// one of it each time: several files of one stamp, older ones that no run met before, and
// those of which the single command did not say what it merged.
func TestStatusExtraWithdrawnAtOnce(t *testing.T) {
	s := newStatusSite(t)
	dark := statusFile("status_dark", "02", "0002")
	s.put(dark, "1 0\n0 1\n")
	merged := statusFile("status_merged", "02", "0002")
	s.put(strings.Replace(merged, "02000000", "02000001", 1), "# HOST there\n\n1 0\n0 1\n")
	s.put(strings.Replace(merged, "02000000", "02000002", 1), "# HOST there\n\n1 0\n0 1\n")
	s.put(strings.Replace(merged, "02000000_cxi", "02000002_xpp", 1), "# HOST there\n\n1 0\n0 1\n")
	s.put(statusFile("status_merged", "01", "0001"), "8 8\n8 8\n") // of files that are gone
	s.wants("current status_extra 20201202000002")
	s.wantAffected(resolve.Change{Op: resolve.Withdraw, Path: dark}, false, "status_extra 2-10: 02 -> 01")
	if _, err := s.options.Repository.Withdraw(t.Context(), dark, "wrong"); err != nil {
		t.Fatal(err)
	}
	s.wants("withdrawn status_extra 20201202000001", "withdrawn status_extra 20201202000002", "withdrawn status_extra 20201202000002")
	s.wantChoices(s.load(), "epix100a", card, "status_extra", "01", "01", "01")
	settled()
	s.wants()
	opened := s.opens(statusFile("status_merged", "01", "0001"), statusFile("status_dark", "02", "0002"))
	s.wants()
	if n := opened(); n != 0 {
		t.Errorf("%d files were opened again", n)
	}
}

// opens watches the directories of some files; the function that it returns tells how
// many files were opened there.
func (s *site) opens(names ...string) func() int {
	s.t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, name := range names {
		if _, err := syscall.InotifyAddWatch(fd, filepath.Join(s.dir, filepath.Dir(name)), syscall.IN_OPEN); err != nil {
			s.t.Fatal(err)
		}
	}
	return func() (n int) {
		defer syscall.Close(fd)
		events := make([]byte, 1<<16)
		for {
			read, err := syscall.Read(fd, events)
			if err != nil {
				return n
			}
			for at := 0; at < read; {
				event := (*syscall.InotifyEvent)(unsafe.Pointer(&events[at]))
				if event.Mask&syscall.IN_ISDIR == 0 {
					n++
				}
				at += syscall.SizeofInotifyEvent + int(event.Len)
			}
		}
	}
}

// TestStatusExtraFails: files that cannot be merged are a failure, and leave what there
// is as it is.
func TestStatusExtraFails(t *testing.T) {
	for name, test := range map[string]struct{ text, reason string }{
		"shape":  {"1 1 1\n", "shape"},
		"text":   {"one two\n", "status_data"},
		"empty":  {"", "empty"},
		"no uid": {"2 2\n2 2\n", "is no trusted owner"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStatusSite(t)
			s.put(statusFile("status_dark", "01", "0001"), "1 0\n0 1\n")
			s.wants("made status_extra 20201201000000")
			s.put(statusFile("status_data", "01", "0002"), test.text)
			if name == "no uid" {
				s.options.TrustedOwners = []uint32{uint32(os.Getuid()) + 1}
			}
			var items []merge.Item
			if _, err := merge.Merge(t.Context(), s.options, s.index, func(item merge.Item) error { items = append(items, item); return nil }); err != nil {
				t.Fatal(err)
			}
			want := merge.Failed
			if name == "no uid" {
				want = merge.Blocked
			}
			if len(items) != 1 || items[0].Action != want || !strings.Contains(items[0].Reason, test.reason) {
				t.Errorf("items %+v", items)
			}
			if got := s.words(statusFile("status_merged", "01", "0001")); got != "1 0 0 1" {
				t.Errorf("words %q", got)
			}
		})
	}
	s := newStatusSite(t)
	s.put("epix100a/.aliases.txt", "0001 "+card+" x\n0002 "+card+" x\n")
	s.put(statusFile("status_dark", "01", "0001"), "1 0\n0 1\n")
	s.wants("made status_extra 20201201000000") // the first record counts
	s.put("epix100a/aliases.txt", "0002 "+card+" x\n")
	s.wants("failed status_extra ") // two files that contradict each other
}

// TestStatusExtraOfNoDate: a stamp counts by its digits, be it a date or not, as for the
// single command.
func TestStatusExtraOfNoDate(t *testing.T) {
	s := newStatusSite(t)
	noDate := func(name string) string { return strings.Replace(name, "20201201", "20200000", 1) }
	s.put(noDate(statusFile("status_dark", "01", "0001")), "1 0\n0 1\n")
	s.wants("made status_extra 20200000000000")
	if got := s.words(noDate(statusFile("status_merged", "01", "0001"))); got != "1 0 0 1" {
		t.Errorf("words %q", got)
	}
	s.wants("current status_extra 20200000000000")
}

// TestStatusExtraOfAName: a detector without a hardware id has status words, too.
func TestStatusExtraOfAName(t *testing.T) {
	s := newSite(t, 2, "opal1000", cardless)
	s.put("opal1000/.aliases.txt", "0001 "+cardless+" x\n")
	dir := "opal1000/" + cardless + "/"
	s.put(dir+"status_light/opal1000_0001_20201201000000_cxilu9218_r0001_status_light.dat", "7\n")
	s.wants("made status_extra 20201201000000")
	if _, err := os.Stat(filepath.Join(s.dir, dir+"status_merged/opal1000_0001_20201201000000_cxilu9218_r0001_status_merged.txt")); err != nil {
		t.Error(err)
	}
	if repo.StatusMerged.Deployed() != repo.StatusExtra {
		t.Error("status_merged is deployed as another type")
	}
}
