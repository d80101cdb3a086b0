package merge_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/repo/ndarray"
	"deployconstants/stages/merge"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Ids of modules of a Jungfrau.
const (
	one = "190408-181206-50c246df50010d"
	two = "190408-181206-50c246df50010e"
)

// A site is a repository, and a ledger of runs a day apart from 2020-12-01 on, noon at
// SLAC, the first of them with number 1.
type site struct {
	t       *testing.T
	dir     string // of the repository
	options merge.Options
	index   *ledger.Index
}

// newSite has one run a day with each of the detectors, which are ids of a type.
func newSite(t *testing.T, days int, detType string, ids ...string) *site {
	t.Helper()
	zone, err := repo.LoadZone("")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, dir: filepath.Join(t.TempDir(), "constants")}
	typ, err := repo.TypeNamed(detType)
	if err != nil {
		t.Fatal(err)
	}
	records, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := records.NewWriter()
	for day := range days {
		begin := time.Date(2020, 12, 1+day, 12, 0, 0, 0, zone)
		run := ledger.Run{Experiment: "cxilu9218", Instrument: "CXI", Dir: "/d/CXI/cxilu9218/xtc", Number: 1 + day, BeginRun: begin.UnixNano()}
		for i, id := range ids {
			run.Sources = append(run.Sources, ledger.Source{Name: fmt.Sprintf("CxiDs%d.0:%s.0", i, typ.Device), Type: detType, ID: id})
		}
		if err := w.Add(run); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.index, err = records.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(s.dir, detType), 0o755); err != nil {
		t.Fatal(err)
	}
	repository, err := repo.Open(s.dir, repo.Options{DirMode: 0o755, FileMode: 0o644, Group: -1, User: "sweeper", Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := repository.Close(); err != nil {
			t.Error(err)
		}
	})
	s.options = merge.Options{
		Repository: repository, Digests: digest.New(), Zone: zone, Pipeline: pipeline.Options{Workers: 2}, Write: true,
	}
	return s
}

// put lays a file of the repository that was last changed long ago.
func (s *site) put(name, text string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) remove(name string) {
	s.t.Helper()
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		s.t.Fatal(err)
	}
}

var gainNames = []string{"gm0-Normal", "gm1-ForcedGain1", "gm2-ForcedGain2"}

// table is the name of a table of a module, valid from a time of day of December 2020.
func table(id, ctype, mode, stamp string) string {
	return fmt.Sprintf("jungfrau/%s/%s/jungfrau_0099_202012%s_cxilu9218_r0007_%s_%s.dat", id, ctype, stamp, ctype, mode)
}

// dark lays the tables of a dark of some modules, of which every pixel has the value
// plus the index of the gain.
func (s *site) dark(ctype, stamp string, value int, ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		for gain, mode := range gainNames {
			s.put(table(id, ctype, mode, stamp), flat(fmt.Sprint(value+gain)))
		}
	}
}

func flat(number string) string {
	row := strings.Repeat(number+" ", 1023) + number + "\n"
	return strings.Repeat(row, 512)
}

// merge returns the items in short.
func (s *site) merge() (short []string, summary merge.Summary) {
	s.t.Helper()
	summary, err := merge.Merge(s.t.Context(), s.options, s.index, func(item merge.Item) error {
		short = append(short, fmt.Sprintf("%s %s %s", item.Action, item.CType, item.Stamp))
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return short, summary
}

func (s *site) wants(want ...string) {
	s.t.Helper()
	got, _ := s.merge()
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Error(diff)
	}
}

// firsts returns the first number of every gain and panel of a merged file.
func (s *site) firsts(name string) (values []float64) {
	s.t.Helper()
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	a, err := ndarray.ReadText(f, ndarray.ReadOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < a.Len(); i += 512 * 1024 {
		values = append(values, a.Floats[i])
	}
	return values
}

// settled waits until what was written is old enough for its digest to be remembered.
func settled() { time.Sleep(digest.Settled) }

// TestMerge: of several darks those that runs need are merged, once each; resolve
// finds them; a second call reads and writes nothing, and an entry that was deleted is
// made again, to the byte.
func TestMerge(t *testing.T) {
	joined := one + "_" + two
	s := newSite(t, 4, "jungfrau", joined)
	s.dark("pedestals", "01080000", 100, one, two) // for the run of the 1st
	s.dark("pedestals", "02080000", 200, one)      // from here on the first module has newer ones
	s.dark("pedestals", "02090000", 300, two)      // and from here on both: no run began between
	s.dark("pedestals", "05080000", 400, one, two) // after all runs
	s.dark("pixel_rms", "03080000", 2, one, two)   // for the runs of the 3rd and 4th
	s.options.Write = false
	s.wants("pending pedestals 20201201080000", "pending pedestals 20201202090000", "pending pixel_rms 20201203080000")
	if entries, err := os.ReadDir(filepath.Join(s.dir, "jungfrau")); err != nil || len(entries) != 2 {
		t.Errorf("a call that writes nothing left %v, %v", entries, err)
	}
	s.options.Write = true
	settled()
	s.wants("made pedestals 20201201080000", "made pedestals 20201202090000", "made pixel_rms 20201203080000")
	const file = "/pedestals/jungfrau_0001_20201202090000_cxilu9218_r0007_pedestals.txt"
	name := "jungfrau/" + joined + file
	if diff := cmp.Diff([]float64{200, 300, 201, 301, 202, 302}, s.firsts(name)); diff != "" {
		t.Error(diff)
	}
	snapshot, err := resolve.Load(t.Context(), s.options.Repository, resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[repo.Stamp]string{20201201120000: "20201201080000", 20201204120000: "20201202090000"} {
		choice := snapshot.At(resolve.Key{Type: "jungfrau", ID: joined}, "pedestals", at)
		if choice.Kind != repo.Specific || choice.File.Stamp.String() != want {
			t.Errorf("at %v: %+v", at, choice)
		}
	}
	if problems := snapshot.Problems(); len(problems) != 0 {
		t.Errorf("problems %v", problems)
	}
	settled()
	s.wants("current pedestals 20201201080000", "current pedestals 20201202090000", "current pixel_rms 20201203080000")
	before := s.options.Digests.Reads()
	s.wants("current pedestals 20201201080000", "current pedestals 20201202090000", "current pixel_rms 20201203080000")
	if n := s.options.Digests.Reads() - before; n != 0 {
		t.Errorf("%d files were read again", n)
	}
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
		t.Fatal(err)
	}
	s.options.Digests = digest.New()
	s.options.Pipeline.Workers = 1
	s.wants("current pedestals 20201201080000", "made pedestals 20201202090000", "current pixel_rms 20201203080000")
	if again, err := os.ReadFile(filepath.Join(s.dir, name)); err != nil || string(again) != string(text) {
		t.Errorf("made again with other bytes, %v", err)
	}
}

// TestReplacedTable: a table that was replaced under its name is merged again; a file
// that was not merged is kept.
func TestReplacedTable(t *testing.T) {
	s := newSite(t, 1, "jungfrau", one)
	s.dark("pedestals", "01080000", 100, one)
	s.dark("pixel_rms", "01080000", 1, one)
	byHand := "jungfrau/" + one + "/pixel_rms/jungfrau_0001_20201201080000_cxilu9218_r0007_pixel_rms.txt"
	s.put("jungfrau/aliases.txt", "0001 "+one+" x\n")
	s.put(byHand, "by hand\n")
	s.wants("made pedestals 20201201080000", "kept pixel_rms 20201201080000")
	s.put(table(one, "pedestals", "gm1-ForcedGain1", "01080000"), flat("777"))
	s.wants("made pedestals 20201201080000", "kept pixel_rms 20201201080000")
	if got := s.firsts("jungfrau/" + one + "/pedestals/jungfrau_0001_20201201080000_cxilu9218_r0007_pedestals.txt"); !slices.Equal(got, []float64{100, 777, 102}) {
		t.Errorf("merged %v", got)
	}
	s.put("jungfrau/"+one+"/pedestals/jungfrau_0001_20201201080000_other_r0001_pedestals.txt", "by hand\n")
	s.wants("kept pedestals 20201201080000", "kept pixel_rms 20201201080000")
	if text, err := os.ReadFile(filepath.Join(s.dir, byHand)); err != nil || string(text) != "by hand\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// TestRefusals: what lacks a gain, what untrusted users may have written, and what
// cannot be read is not merged, each for its own reason, and the others are.
func TestRefusals(t *testing.T) {
	s := newSite(t, 1, "jungfrau", one, two)
	s.dark("pedestals", "01080000", 100, one, two)
	s.put(table(two, "status", "gm0-Normal", "01080000"), flat("0"))
	s.put(table(one, "pedestals", "gm2-ForcedGain2", "01080000"), "words\n")
	reasons := map[string]string{}
	summary, err := merge.Merge(t.Context(), s.options, s.index, func(item merge.Item) error {
		reasons[item.ID+" "+item.CType] = string(item.Action) + " " + item.Reason
		return nil
	})
	if err != nil || summary.Detectors != 2 {
		t.Errorf("%+v, %v", summary, err)
	}
	for key, want := range map[string]string{
		one + " pedestals": "gm2-ForcedGain2.dat: not the constants of one panel: line 1",
		two + " pedestals": "made ",
		two + " status":    "incomplete constants of some gains are missing: status valid at 20201201080000: panel 0 (" + two + ") gain gm1-ForcedGain1, ",
	} {
		if !strings.Contains(reasons[key], want) {
			t.Errorf("%s: %q, want %q", key, reasons[key], want)
		}
	}
	uid := uint32(os.Getuid())
	s.options.TrustedOwners = []uint32{uid + 1}
	s.wants("blocked pedestals 20201201080000", "incomplete status 20201201080000", "blocked pedestals 20201201080000")
	s.options.TrustedOwners = []uint32{uid}
	if err := os.Chmod(filepath.Join(s.dir, table(two, "pedestals", "gm0-Normal", "01080000")), 0o666); err != nil {
		t.Fatal(err)
	}
	s.wants("failed pedestals 20201201080000", "incomplete status 20201201080000", "blocked pedestals 20201201080000")
}

// TestFirstPanelAlone: nothing is merged into the directory of a quad that is known
// by its first panel alone, nor for a detector of which a panel has no tables.
func TestFirstPanelAlone(t *testing.T) {
	var ids []string
	for _, letter := range []string{"A", "B", "C", "D", "E"} {
		ids = append(ids, strings.Repeat(letter, 76))
	}
	joined, other := strings.Join(ids[:4], "_"), strings.Join([]string{ids[0], ids[1], ids[2], ids[4]}, "_")
	s := newSite(t, 1, "epix10kaquad", joined, other)
	for _, id := range ids[:4] {
		for _, mode := range []string{"FH", "FM", "FL", "AHL-H", "AML-M"} {
			row := strings.Repeat("1 ", 383) + "1\n"
			s.put(fmt.Sprintf("epix10kaquad/%s/pedestals/epix10kaquad_0001_20201201080000_e_r0001_pedestals_%s.dat", id, mode), strings.Repeat(row, 352))
		}
	}
	s.put("epix10kaquad/aliases.txt", "0001 "+ids[0]+" x\n")
	s.wants("blocked pedestals 20201201080000", "incomplete pedestals 20201201080000")
	s.put("epix10kaquad/aliases.txt", "0001 "+ids[0]+" x\n0002 "+joined+" x\n")
	s.options.Repository = reopened(t, s.dir)
	s.wants("made pedestals 20201201080000", "incomplete pedestals 20201201080000")
}

// TestWithdrawn: a merge of a table that was withdrawn is merged of what is left, or
// else withdrawn; one that was withdrawn itself stays so.
func TestWithdrawn(t *testing.T) {
	s := newSite(t, 3, "jungfrau", one)
	s.dark("pedestals", "01080000", 100, one)
	s.dark("pedestals", "02080000", 200, one)
	s.wants("made pedestals 20201201080000", "made pedestals 20201202080000")
	merged := func(day string) string {
		return "jungfrau/" + one + "/pedestals/jungfrau_0001_202012" + day + "_cxilu9218_r0007_pedestals.txt"
	}
	withdraw := func(name string) {
		t.Helper()
		if _, err := s.options.Repository.Withdraw(t.Context(), name, "warm"); err != nil {
			t.Fatal(err)
		}
	}
	withdraw(table(one, "pedestals", "gm1-ForcedGain1", "02080000"))
	s.options.Write = false
	s.wants("current pedestals 20201201080000", "pending pedestals 20201202080000")
	s.options.Write = true
	s.wants("current pedestals 20201201080000", "made pedestals 20201202080000")
	if got := s.firsts(merged("02080000")); !slices.Equal(got, []float64{200, 101, 202}) {
		t.Errorf("merged %v", got)
	}
	settled()
	s.wants("current pedestals 20201201080000", "current pedestals 20201202080000")
	opened := s.opens(merged("02080000"))
	s.wants("current pedestals 20201201080000", "current pedestals 20201202080000")
	if n := opened(); n != 0 {
		t.Errorf("%d files were opened again", n)
	}
	withdraw(table(one, "pedestals", "gm1-ForcedGain1", "01080000"))
	s.options.Write = false
	s.wants("stale pedestals 20201201080000", "stale pedestals 20201202080000", "incomplete pedestals 20201201080000", "incomplete pedestals 20201202080000")
	s.options.Write = true
	s.wants("withdrawn pedestals 20201201080000", "withdrawn pedestals 20201202080000", "incomplete pedestals 20201201080000", "incomplete pedestals 20201202080000")
	index, err := s.options.Repository.Index(repo.Panel{Type: typeNamed(t, "jungfrau"), ID: one}, "0001", repo.Pedestals)
	if err != nil || len(index.Entries()) != 0 {
		t.Errorf("left %v, %v", index.Entries(), err)
	}

	s.put(table(one, "pedestals", "gm1-ForcedGain1", "01090000"), flat("5"))
	s.wants("made pedestals 20201201090000", "kept pedestals 20201202080000")
	if _, err := s.options.Repository.Reinstate(t.Context(), merged("02080000"), "better"); err != nil {
		t.Fatal(err)
	}
	s.wants("current pedestals 20201201090000", "made pedestals 20201202080000")
	if got := s.firsts(merged("02080000")); !slices.Equal(got, []float64{200, 5, 202}) {
		t.Errorf("merged %v", got)
	}
}

func typeNamed(t *testing.T, name string) repo.DetType {
	t.Helper()
	typ, err := repo.TypeNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// TestUnusedTable: a table that has no part in a merge does not move its stamp, and
// does not hide it from the runs behind.
func TestUnusedTable(t *testing.T) {
	s := newSite(t, 1, "epix10ka", "P")
	row := strings.Repeat("1 ", 383) + "1\n"
	for _, mode := range []string{"FH", "FM", "FL", "AHL-H", "AML-M", "AHL-L"} {
		s.put("epix10ka/P/pedestals/epix10ka_0001_20201101080000_e_r0001_pedestals_"+mode+".dat", strings.Repeat(row, 352))
	}
	s.put("epix10ka/P/offset/epix10ka_0001_20201102080000_e_r0002_offsetph_AHL.dat", strings.Repeat(row, 352)) // AHL-L has its own
	s.wants("made pedestals 20201101080000")
	s.wants("current pedestals 20201101080000")
	s.put("epix10ka/P/offset/epix10ka_0001_20201103080000_e_r0003_offsetph_AML.dat", strings.Repeat(row, 352))
	s.wants("made pedestals 20201103080000")
}

func reopened(t *testing.T, dir string) *repo.Repository {
	t.Helper()
	r, err := repo.Open(dir, repo.Options{Group: -1})
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

// TestOptions: only what is selected is merged; a call without what it needs is an
// error, and so is one whose context has ended.
func TestOptions(t *testing.T) {
	s := newSite(t, 1, "jungfrau", one)
	s.dark("pedestals", "01080000", 100, one)
	s.options.Write = false
	for _, filter := range []ledger.Filter{{Experiments: []string{"xpp*"}}, {Instruments: []string{"MFX"}}, {Types: []string{"epix10ka"}}, {Sources: []string{"Xpp*"}}} {
		s.options.Filter = filter
		if got, summary := s.merge(); len(got) != 0 || summary.Detectors != 0 {
			t.Errorf("%+v: %v", filter, got)
		}
	}
	s.options.Filter = ledger.Filter{Experiments: []string{"cxi*"}}
	s.options.CTypes = []string{"pixel_rms"}
	s.wants()
	s.options.CTypes = []string{"pedestals"}
	s.wants("pending pedestals 20201201080000")

	discard := func(merge.Item) error { return nil }
	if _, err := merge.Merge(t.Context(), merge.Options{}, s.index, discard); !errors.Is(err, merge.ErrOptions) {
		t.Error(err)
	}
	stop := errors.New("enough")
	if _, err := merge.Merge(t.Context(), s.options, s.index, func(merge.Item) error { return stop }); !errors.Is(err, stop) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := merge.Merge(ctx, s.options, s.index, discard); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
