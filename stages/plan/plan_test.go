package plan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/jobs/planfile"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/calibdir"
	"deployconstants/repo/content"
	"deployconstants/repo/digest"
	"deployconstants/stages/plan"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

const (
	group  = "Epix100a::CalibV1"
	source = "XcsEndstation.0:Epix100a.1"
)

// A site is a repository, calib directories and a ledger.
type site struct {
	dir     string
	runs    []ledger.Run
	digests *digest.Cache
	options plan.Options
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{dir: t.TempDir(), digests: digest.New()}
	s.write(t, "repo/epix100a/aliases.txt", "0001 1-2 2015-01-01T00:00:00 xpptut15 r0001 "+source+" user\n")
	s.write(t, "repo/epix100a/default/epix100a_default_gain.txt", "default\n")
	s.write(t, s.constants("20150101000000"), "first\n")
	s.write(t, s.constants("20160101000000"), "second\n")
	return s
}

// constants is the path of a gain file for the detector 1-2.
func (s *site) constants(stamp string) string {
	return "repo/epix100a/1-2/gain/epix100a_0001_" + stamp + "_xpptut15_r0001_gain.txt"
}

func (s *site) write(t testing.TB, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run adds a run of a year to the ledger, and the experiment's directory.
func (s *site) run(t testing.TB, experiment string, number, year int, id string) {
	t.Helper()
	begin := int64(0)
	if year > 0 {
		begin = time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	}
	s.runs = append(s.runs, ledger.Run{
		Experiment: experiment, Instrument: "XPP", Dir: "/data/" + experiment + "/xtc", Number: number, BeginRun: begin, Scanned: 1,
		Sources: []ledger.Source{{Name: source, Type: "epix100a", ID: id}},
	})
	if err := os.MkdirAll(filepath.Join(s.dir, experiment), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (s *site) deployed(experiment, name string) string {
	return experiment + "/calib/" + group + "/" + source + "/pixel_gain/" + name
}

func (s *site) index(t testing.TB) *ledger.Index {
	t.Helper()
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := l.NewWriter()
	for _, r := range s.runs {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	index, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return index
}

// plan plans the whole site.
func (s *site) plan(t testing.TB) []planfile.Item {
	t.Helper()
	r, err := repo.Open(filepath.Join(s.dir, "repo"), repo.Options{Group: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	snapshot, err := resolve.Load(t.Context(), r, resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := s.options
	o.Repository, o.Digests = r, s.digests
	o.CalibDir = func(e *ledger.Experiment) (string, error) { return filepath.Join(s.dir, e.Name(), "calib"), nil }
	var items []planfile.Item
	summary, err := plan.Plan(t.Context(), o, s.index(t), snapshot, func(item planfile.Item) error {
		if err := item.Check(); err != nil {
			return err
		}
		items = append(items, item)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	counts := map[planfile.Action]int{}
	for _, item := range items {
		if item.Action != "" {
			counts[item.Action]++
		}
	}
	if diff := cmp.Diff(counts, summary.Counts); diff != "" {
		t.Errorf("counts (-items +summary):\n%s", diff)
	}
	return items
}

// brief is the items in a few words, without those of directories in which nothing is wrong.
func brief(items []planfile.Item) []string {
	var words []string
	for _, item := range items {
		if item.Action == "" {
			continue
		}
		word := fmt.Sprintf("%s: %s %s", item.Experiment, item.Action, item.Kind)
		if item.Range != "" {
			word = fmt.Sprintf("%s: %s %s", item.Experiment, item.Action, item.Range)
		}
		if item.Runs.Count > 0 {
			word += fmt.Sprintf(" for %d-%d", item.Runs.First, item.Runs.Last)
		}
		words = append(words, word)
	}
	return words
}

func expect(t testing.TB, items []planfile.Item, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, brief(items)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
		for _, item := range items {
			t.Logf("%s %s %s: %s %q", item.Experiment, item.Action, item.Range, item.Reason, item.Warnings)
		}
	}
}

// carryOut publishes what the items say, one by one; the digests are the owner's.
func (s *site) carryOut(t testing.TB, items []planfile.Item) owner {
	t.Helper()
	owned := owner{}
	for _, item := range items {
		if item.Kind != planfile.KindFile || !item.Action.Changes() {
			continue
		}
		target, err := tx.Place{
			Experiment: item.Experiment, CalibDir: item.CalibDir, Group: item.Group, Source: item.Source, CType: item.CType, Range: item.Range,
		}.Target()
		if err != nil {
			t.Fatal(err)
		}
		owned[target.Path()] = item.Constants.SHA256
		if !item.Action.Publishes() {
			continue
		}
		calib, err := calibdir.Create(item.CalibDir, calibdir.Options{DirMode: 0o755, FileMode: 0o644, Group: -1})
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(item.Constants.Path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := calib.Install(t.Context(), target, bytes.NewReader(text), calibdir.InstallOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := calib.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return owned
}

// owner is digests by path.
type owner map[string]string

func (o owner) Put(path, sha256 string) (tx.Owned, bool) { return tx.Owned{}, o[path] == sha256 }
func (o owner) Owner(path string) (tx.Owned, bool) {
	_, ok := o[path]
	return tx.Owned{Tx: "20260101T000000Z-00000000"}, ok
}

func TestFirstDeployment(t *testing.T) {
	s := newSite(t)
	for run, year := range map[int]int{1: 2014, 2: 2015, 3: 2015, 4: 2016, 5: 0} {
		s.run(t, "xpptut15", run, year, "1-2")
	}
	items := s.plan(t)
	expect(t, items,
		"xpptut15: create 4-end for 4-5", "xpptut15: create 2-end for 2-3", "xpptut15: create 0-end for 1-1",
		"xpptut15: unknown run for 5-5")
	if items[1].Constants.Kind != "specific" || items[2].Constants.Kind != "default" || len(items[2].Warnings) > 0 {
		t.Errorf("%s, %s with warnings %q", items[1].Constants.Kind, items[2].Constants.Kind, items[2].Warnings)
	}

	s.options.Owner = s.carryOut(t, items)
	expect(t, s.plan(t),
		"xpptut15: unchanged 4-end for 4-5", "xpptut15: unchanged 2-end for 2-3", "xpptut15: unchanged 0-end for 1-1",
		"xpptut15: unknown run for 5-5")

	s.write(t, s.deployed("xpptut15", "2-end.data"), "by hand\n")
	items = s.plan(t)
	expect(t, items,
		"xpptut15: unchanged 4-end for 4-5", "xpptut15: foreign 2-end for 2-3", "xpptut15: unchanged 0-end for 1-1",
		"xpptut15: unknown run for 5-5")
	if want := "it was changed since transaction 20260101T000000Z-00000000"; items[1].Reason != want {
		t.Errorf("reason %q, want %q", items[1].Reason, want)
	}
	s.options.TakeOver = []string{"xpptut15"}
	expect(t, s.plan(t),
		"xpptut15: unchanged 4-end for 4-5", "xpptut15: replace 2-end for 2-3", "xpptut15: unchanged 0-end for 1-1",
		"xpptut15: unknown run for 5-5")
}

func TestOwnership(t *testing.T) {
	s := newSite(t)
	history := func(experiment, copyOf string) {
		record := calibdir.HistoryRecord{File: "0-end.data", CopyOf: copyOf, CType: "pixel_gain", User: "u", Host: "h",
			Time: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), Cwd: "/", Comment: ""}
		s.write(t, s.deployed(experiment, "HISTORY"), record.String()+"\n")
	}
	other := "repo/epix100a/3-4/gain/epix100a_0002_20100101000000_xpptut15_r0001_gain.txt"
	s.write(t, other, "of another detector\n")

	for _, e := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		s.run(t, "xpp"+e, 5, 2015, "1-2")
	}
	s.write(t, s.deployed("xppa", "0-end.data"), "first\n")   // right already
	s.write(t, s.deployed("xppb", "0-end.data"), "second\n")  // constants of the detector
	s.write(t, s.deployed("xppc", "0-end.data"), "unknown\n") // nobody's
	s.write(t, s.deployed("xppd", "0-end.data"), "of another detector\n")
	history("xppd", filepath.Join(s.dir, other))
	s.write(t, s.deployed("xppe", "0-end.data"), "of another detector\n")
	history("xppe", "/elsewhere/"+other)
	s.write(t, s.deployed("xppf", "00-end.data"), "first\n")
	s.write(t, s.deployed("xppg", "file"), "first\n")
	if err := os.Symlink("file", filepath.Join(s.dir, s.deployed("xppg", "0-end.data"))); err != nil {
		t.Fatal(err)
	}
	items := s.plan(t)
	expect(t, items, "xppa: adopt 0-end for 5-5", "xppb: replace 0-end for 5-5", "xppc: foreign 0-end for 5-5",
		"xppd: replace 0-end for 5-5", "xppe: foreign 0-end for 5-5", "xppf: foreign 00-end for 5-5", "xppg: foreign 0-end for 5-5")
	warned := map[string]bool{}
	for _, item := range items {
		if slices.ContainsFunc(item.Warnings, func(w string) bool { return strings.HasPrefix(w, "ours by content only") }) {
			warned[item.Experiment] = true
		}
	}
	if diff := cmp.Diff(map[string]bool{"xppa": true, "xppb": true}, warned); diff != "" {
		t.Errorf("ours by content only (-want +got):\n%s", diff)
	}

	s.options.Owner = s.carryOut(t, items)
	for _, item := range s.plan(t) {
		if item.Action.Changes() {
			t.Errorf("planned again: %s %s %s", item.Experiment, item.Action, item.Range)
		}
	}
}

func TestLeftAlone(t *testing.T) {
	s := newSite(t)
	s.options.Frozen = []string{"xppf*"}
	for _, e := range []string{"xppbad", "xppfrozen", "xppgone", "xppin", "xpplink", "xppodd", "xppshared"} {
		s.run(t, e, 5, 2015, "1-2")
	}
	s.write(t, s.deployed("xppbad", "1-x.data"), "x")
	if err := errors.Join(
		os.Remove(filepath.Join(s.dir, "xppgone")),
		os.MkdirAll(filepath.Join(s.dir, "xppin/calib"), 0o755),
		os.Symlink("../xppin/calib", filepath.Join(s.dir, "xppshared/calib")),
		os.MkdirAll(filepath.Join(s.dir, "xpplink/calib/real"), 0o755),
		os.Symlink("real", filepath.Join(s.dir, "xpplink/calib", group)),
	); err != nil {
		t.Fatal(err)
	}
	s.write(t, "xppodd/calib/"+group+"/"+source, "a file, no directory")
	expect(t, s.plan(t),
		"xppbad: blocked directory for 5-5", "xppfrozen: blocked experiment", "xppgone: blocked experiment", "xppin: blocked experiment",
		"xpplink: blocked directory for 5-5", "xppodd: error directory for 5-5", "xppshared: blocked experiment")
}

func TestUnreadableConstants(t *testing.T) {
	s := newSite(t)
	if err := os.Symlink("nowhere", filepath.Join(s.dir, s.constants("20151231000000"))); err != nil {
		t.Fatal(err)
	}
	s.run(t, "xpptut15", 5, 2015, "1-2")
	s.run(t, "xpptut15", 6, 2016, "1-2")
	s.runs[1].BeginRun = time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano() // still 2015 at the facility
	expect(t, s.plan(t), "xpptut15: blocked directory for 5-6")
}

func TestNewDetector(t *testing.T) {
	s := newSite(t)
	s.run(t, "xppa", 5, 2015, "9-9")
	s.run(t, "xppb", 7, 2015, "9-9")
	expect(t, s.plan(t), "xppa: register panel for 5-5", "xppa: create 0-end for 5-5", "xppb: create 0-end for 7-7")
}

// judge holds back constants that contain a text.
type judge struct{ bad string }

func (j judge) Compares(repo.CType) bool { return false }
func (j judge) Fingerprint() string      { return j.bad }
func (j judge) Check(_ context.Context, _ content.Subject, constants, _ io.Reader) error {
	text, err := io.ReadAll(constants)
	if err == nil && strings.Contains(string(text), j.bad) {
		err = &content.Problem{Kind: content.Range, Message: "bad"}
	}
	return err
}

func TestHeldAndTrusted(t *testing.T) {
	s := newSite(t)
	for run, year := range map[int]int{1: 2015, 4: 2016} {
		s.run(t, "xpptut15", run, year, "1-2")
	}
	s.options.Judge = judge{"second"}
	expect(t, s.plan(t), "xpptut15: held 4-end for 4-4", "xpptut15: held 0-end for 1-1")
	s.options.Judge = judge{"first"}
	expect(t, s.plan(t), "xpptut15: create 4-end for 4-4", "xpptut15: held 0-end for 1-1")
	s.options.Judge = judge{"third"}
	s.options.TrustedOwners = []uint32{uint32(os.Geteuid()) + 1}
	expect(t, s.plan(t), "xpptut15: blocked 4-end for 4-4", "xpptut15: blocked 0-end for 1-1")
	s.options.TrustedOwners = []uint32{uint32(os.Geteuid())}
	expect(t, s.plan(t), "xpptut15: create 4-end for 4-4", "xpptut15: create 0-end for 1-1")
}

func TestOldConstants(t *testing.T) {
	s := newSite(t)
	s.run(t, "xpptut15", 1, 2018, "1-2")
	s.options.MaxAge = map[string]time.Duration{"pixel_gain": 500 * 24 * time.Hour}
	if items := s.plan(t); !slices.Contains(items[0].Warnings, "the constants are older than 500 days at the time of run 1") {
		t.Errorf("warnings %q", items[0].Warnings)
	}
}

func TestOptions(t *testing.T) {
	s := newSite(t)
	r, err := repo.Open(filepath.Join(s.dir, "repo"), repo.Options{Group: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	good := plan.Options{Repository: r, Digests: s.digests, CalibDir: func(*ledger.Experiment) (string, error) { return "/", nil }}
	for name, test := range map[string]struct {
		change func(*plan.Options)
		want   error
	}{
		"no repository": {func(o *plan.Options) { o.Repository = nil }, plan.ErrOptions},
		"runs":          {func(o *plan.Options) { o.Filter.Since = time.Now() }, plan.ErrRuns},
		"ctype":         {func(o *plan.Options) { o.CTypes = []string{"gian"} }, repo.ErrUnknownCType},
	} {
		o := good
		test.change(&o)
		if _, err := plan.Plan(t.Context(), o, nil, nil, nil); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
}

// TestWorkers makes the same plan with any number of workers, and checks that a
// second one opens nothing.
func TestWorkers(t *testing.T) {
	s := newSite(t)
	for e := range 60 {
		name := fmt.Sprintf("xpp%03d", e)
		for run := range 8 {
			s.run(t, name, run+e%3, 2014+(run+e)%3, []string{"1-2", "5-6", ""}[(e+run/4)%3])
		}
		if e%4 == 0 {
			s.write(t, s.deployed(name, "3-5.data"), "foreign\n")
		}
		if e%5 == 0 {
			s.write(t, s.deployed(name, "0-end.data"), "first\n")
		}
	}
	var first []byte
	for _, workers := range []int{1, 2, 7, 32} {
		s.options.Pipeline = pipeline.Options{Workers: workers}
		s.digests = digest.New()
		var out bytes.Buffer
		w, err := planfile.NewWriter(&out, planfile.Header{})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range s.plan(t) {
			if err := w.Write(item); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = out.Bytes()
		}
		if !bytes.Equal(first, out.Bytes()) {
			t.Errorf("%d workers made another plan", workers)
		}
	}
	time.Sleep(2 * digest.Settled) // younger files are not remembered
	s.plan(t)
	reads := s.digests.Reads()
	if s.plan(t); s.digests.Reads() != reads {
		t.Errorf("%d files were read again", s.digests.Reads()-reads)
	}
}

// TestUnreadableAliases: a detector of which nothing can be told is not a new one.
func TestUnreadableAliases(t *testing.T) {
	for _, test := range []struct {
		name   string
		damage func(*site)
		want   []string
	}{
		{"alias file is a directory", func(s *site) { s.write(t, "repo/epix100a/.aliases.txt/x", "") }, nil},
		{"contradiction", func(s *site) {
			s.write(t, "repo/epix100a/.aliases.txt", "0005 1-2 2015-01-01T00:00:00 user\n")
		}, []string{"xppa: blocked directory for 5-5", "xppb: blocked directory for 5-5"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			s.run(t, "xppa", 5, 2015, "1-2")
			s.run(t, "xppb", 5, 2015, "1-2")
			test.damage(s)
			want := append([]string{"xppa: error panel for 5-5", "xppb: error panel for 5-5"}, test.want...)
			got := brief(s.plan(t))
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestReplacedWhileJudged: what is remembered about constants was said of these
// very bytes.
func TestReplacedWhileJudged(t *testing.T) {
	s := newSite(t)
	s.run(t, "xpptut15", 1, 2015, "1-2")
	path := filepath.Join(s.dir, s.constants("20150101000000"))
	s.options.Judge = swapper{judge{"bad"}, func() { s.write(t, s.constants("20150101000000"), "bad!!\n") }}
	expect(t, s.plan(t), "xpptut15: held 0-end for 1-1")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.write(t, s.constants("20150101000000"), "first\n")
	s.options.Judge = judge{"bad"}
	expect(t, s.plan(t), "xpptut15: create 0-end for 1-1")
}

// A swapper does something before it judges.
type swapper struct {
	judge
	before func()
}

func (s swapper) Check(ctx context.Context, subject content.Subject, constants, deployed io.Reader) error {
	s.before()
	return s.judge.Check(ctx, subject, constants, deployed)
}

// TestHostileNames: a name that somebody planted does not end the plan of others.
func TestHostileNames(t *testing.T) {
	s := newSite(t)
	s.run(t, "xpptut15", 1, 2017, "1-2")
	s.run(t, "xppzzz", 1, 2015, "1-2")
	s.write(t, "repo/epix100a/1-2/gain/epix100a_0001_20170101000000_xpp\ntut15\xff_r0001_gain.txt", "planted\n")
	items := s.plan(t)
	if len(items) == 0 || items[len(items)-1].Experiment != "xppzzz" {
		t.Errorf("%q", brief(items))
	}
}
