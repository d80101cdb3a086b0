package explain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"deployconstants/jobs/tx"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/stages/explain"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/dataset"
	"deployconstants/xtc/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	id     = "1-2-3-4-5-6-7"
	twin   = "9-2-3-4-5-6-7"
	source = "XcsEndstation.0:Epix100a.1"
	folder = "Epix100a::CalibV1/" + source + "/pixel_gain/"
)

func put(t testing.TB, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// owners is what transactions deployed, by path.
type owners map[string]tx.Owned

func (o owners) Owner(path string) (tx.Owned, bool) {
	owned, known := o[path]
	return owned, known
}

// A site is a repository, a ledger and a calib directory.
type site struct {
	testing.TB
	repository, calib string
	options           explain.Options
	owners            owners
}

func newSite(t testing.TB) *site {
	t.Helper()
	zone, err := repo.LoadZone("")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{TB: t, repository: t.TempDir(), calib: filepath.Join(t.TempDir(), "calib"), owners: owners{}}
	put(t, s.repository, "epix100a/aliases.txt", "0001 "+id+" 2022-06-09T12:19:26 u\n0002 "+twin+" 2022-06-09T12:19:26 u\n")
	run := ledger.Run{
		Experiment: "xpptut15", Instrument: "XPP", Dir: "/data", Number: 260, Scanned: 1,
		BeginRun: time.Date(2016, 1, 15, 20, 0, 0, 0, time.UTC).UnixNano(),
		Sources: []ledger.Source{
			{Name: source, Alias: "epix", Type: "epix100a", ID: id, Class: "Epix.Config100aV2", Version: 2},
			{Name: "XcsEndstation.0:Epix100a.2", Type: "epix100a", Cause: "the configuration object is damaged"},
		},
	}
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := l.NewWriter()
	if err := w.Add(run); err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	index, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.options = explain.Options{
		Experiment: "xpptut15", Run: 260, Detector: source, CType: "gain",
		Index: index, Digests: digest.New(), Zone: zone, CalibDir: s.calib, Owner: s.owners,
		Catalog: dataset.Catalog{Roots: []string{t.TempDir()}},
	}
	return s
}

func (s *site) constants(panel, stamp, ctype, text string) string {
	s.Helper()
	alias := map[string]string{id: "0001", twin: "0002"}[panel]
	name := fmt.Sprintf("epix100a/%s/%s/epix100a_%s_%s_xpptut15_r0260_%s.txt", panel, ctype, alias, stamp, ctype)
	put(s, s.repository, name, text)
	return filepath.Join(s.repository, name)
}

func (s *site) explain() explain.Explanation {
	s.Helper()
	r, err := repo.Open(s.repository, repo.Options{Group: -1})
	if err != nil {
		s.Fatal(err)
	}
	defer r.Close()
	if s.options.Snapshot, err = resolve.Load(s.Context(), r, resolve.Options{}); err != nil {
		s.Fatal(err)
	}
	x, err := explain.Explain(s.Context(), s.options)
	if err != nil {
		s.Fatal(err)
	}
	return x
}

// text is what Print writes, with the places of the test by their names.
func (s *site) text(x explain.Explanation) string {
	s.Helper()
	var text bytes.Buffer
	if err := x.Print(&text); err != nil {
		s.Fatal(err)
	}
	return strings.NewReplacer(s.repository, "REPO", s.calib, "CALIB").Replace(text.String())
}

func TestPrint(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.constants(id, "20150101000000", "gain", "old")
	chosen := s.constants(id, "20160101000000", "gain", "good")
	s.constants(id, "20160101000000", "pixel_gain", "other")
	s.constants(id, "20170101000000", "gain", "new")
	put(t, s.repository, "epix100a/default/epix100a_default_gain.txt", "default")
	put(t, s.calib, folder+"0-end.data", "good")
	put(t, s.calib, folder+"HISTORY", "file:0-end.data     copy_of:/a/b ctype:pixel_gain user:ann host:psana cptime:2022-06-09T12:19:26 cwd:/c cmt:\n")
	good, _, err := digest.Of(t.Context(), strings.NewReader("good"))
	if err != nil {
		t.Fatal(err)
	}
	owned := tx.Owned{Tx: "20260101T000000Z-00000000", User: "bob", Time: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Constants: chosen}
	owned.SHA256 = good.String()
	s.owners[filepath.Join(s.calib, folder+"0-end.data")] = owned
	x := s.explain()
	want := `run          xpptut15 run 260, 2016-01-15T20:00:00Z (from the ledger)
detector     XcsEndstation.0:Epix100a.1, epix, type epix100a
id           1-2-3-4-5-6-7
alias        0001
ctype        pixel_gain
stamp        20160115120000
chosen       REPO/epix100a/1-2-3-4-5-6-7/gain/epix100a_0001_20160101000000_xpptut15_r0260_gain.txt
             specific, from 20160101000000, 14 days before the run, 4 bytes, sha256 770e607624d6
also there   REPO/epix100a/1-2-3-4-5-6-7/pixel_gain/epix100a_0001_20160101000000_xpptut15_r0260_pixel_gain.txt (the other name of the ctype)
rejected     epix100a_0001_20150101000000_xpptut15_r0260_gain.txt: older than the chosen file
             epix100a_0001_20170101000000_xpptut15_r0260_gain.txt: newer than the time asked for
             epix100a_0001_20160101000000_xpptut15_r0260_pixel_gain.txt: of the same stamp as the chosen file of gain, the documented name
             epix100a_default_gain.txt: default; specific constants come first
deployed in  CALIB/Epix100a::CalibV1/XcsEndstation.0:Epix100a.1/pixel_gain
psana reads  0-end.data: the chosen file's bytes, sha256 770e607624d6
             by transaction 20260101T000000Z-00000000, 2026-01-01 00:00:00Z, bob
HISTORY      2022-06-09T12:19:26, ann@psana, copy of /a/b
verdict      as it should be
`
	if diff := cmp.Diff(strings.ReplaceAll(want, "770e607624d6", good.String()[:12]), s.text(x)); diff != "" {
		t.Error(diff)
	}
	if raw, err := json.Marshal(x); err != nil || !bytes.Contains(raw, []byte(`"age_days":14.5`)) {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestSituations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		make func(*site)
		want []string // in the text
	}{
		{"nothing anywhere", func(*site) {}, []string{"chosen       nothing", "psana reads  nothing", "as it should be"}},
		{"default and twin", func(s *site) {
			s.constants(twin, "20150101000000", "gain", "x")
			put(s, s.repository, "epix100a/default/epix100a_default_gain.txt", "default")
		}, []string{"default, 7 bytes", "9-2-3-4-5-6-7, equal but for the firmware", "psana reads  nothing", "not what should be read"}},
		{"foreign file", func(s *site) {
			s.constants(id, "20150101000000", "gain", "x")
			put(s, s.calib, folder+"100-300.data", "hand made")
		}, []string{"100-300.data: other bytes", "by no transaction", "not what should be read: 100-300.data was put there by no transaction"}},
		{"a name on which psana raises", func(s *site) {
			s.constants(id, "20150101000000", "gain", "x")
			put(s, s.calib, folder+"0-end.data", "x")
			put(s, s.calib, folder+"5-x.data", "x")
		}, []string{`raises an exception on the name "5-x.data"`, "not what should be read: psana raises"}},
		{"nothing is valid, but something is deployed", func(s *site) {
			put(s, s.calib, folder+"0-end.data", "x")
			s.owners[filepath.Join(s.calib, folder+"0-end.data")] = tx.Owned{Tx: "20260101T000000Z-00000000", Adopted: true}
		}, []string{"found right by transaction", "; changed since", "not what should be read: nothing is valid for the run"}},
		{"changed since", func(s *site) {
			s.constants(id, "20150101000000", "gain", "x")
			put(s, s.calib, folder+"0-end.data", "y")
			s.owners[filepath.Join(s.calib, folder+"0-end.data")] = tx.Owned{Tx: "20260101T000000Z-00000000"}
		}, []string{"not what should be read: 0-end.data was changed since its transaction"}},
		{"HISTORY is a link", func(s *site) {
			s.constants(id, "20150101000000", "gain", "x")
			put(s, s.calib, folder+"0-end.data", "y")
			if err := os.Symlink("/etc/passwd", filepath.Join(s.calib, folder+"HISTORY")); err != nil {
				s.Fatal(err)
			}
		}, []string{"HISTORY cannot be read: ", "not what should be read"}},
		{"comment in HISTORY", func(s *site) {
			put(s, s.calib, folder+"0-end.data", "y")
			put(s, s.calib, folder+"HISTORY", "file:0-end.data     copy_of:/a/b ctype:pixel_gain user:ann host:psana cptime:2022-06-09T12:19:26 cwd:/c cmt:better\n")
		}, []string{"comment      better"}},
		{"finders disagree", func(s *site) {
			s.constants(id, "20150101000000", "gain", "x")
			put(s, s.calib, folder+"0-end.data", "x")
			put(s, s.calib, folder+"+5-end.data", "y")
		}, []string{"Python reads", "C++ reads", "modules read something else"}},
		{"a link", func(s *site) {
			s.constants(id, "20150101000000", "gain", "x")
			put(s, s.calib, folder+"HISTORY", "")
			if err := os.Symlink("/etc/passwd", filepath.Join(s.calib, folder+"0-end.data")); err != nil {
				s.Fatal(err)
			}
		}, []string{"0-end.data: ", "cannot be told: "}},
		{"no id", func(s *site) { s.options.Detector = "XcsEndstation.0:Epix100a.2" },
			[]string{"not resolved  the configuration object is damaged", "cannot be told"}},
		{"alias of the detector", func(s *site) { s.options.Detector = "epix" }, []string{source}},
		{"wrapped name", func(s *site) { s.options.Detector = "DetInfo(" + source + ")" }, []string{source}},
		{"dangling constants", func(s *site) {
			path := s.constants(id, "20150101000000", "gain", "x")
			if err := errors.Join(os.Remove(path), os.Symlink("nowhere", path)); err != nil {
				s.Fatal(err)
			}
		}, []string{"cannot be deployed", "a link that leads nowhere", "cannot be told"}},
		{"control characters", func(s *site) {
			s.constants(id, "20150101000000", "gain", "x")
			put(s, s.repository, "epix100a/"+id+"/gain/bad\x1b[2J", "x")
		}, []string{"bad?[2J"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t)
			put(t, s.calib, ".keep", "")
			test.make(s)
			text := s.text(s.explain())
			for _, part := range test.want {
				if !strings.Contains(text, part) {
					t.Errorf("no %q in\n%s", part, text)
				}
			}
			if n := strings.Count(text, "\n"); n > 25 || strings.ContainsRune(text, 0x1b) {
				t.Errorf("%d lines:\n%q", n, text)
			}
		})
	}
}

// TestNotKnown: a directory that cannot be looked at is not one without files.
func TestNotKnown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.constants(id, "20150101000000", "gain", "x")
	put(t, s.calib, strings.TrimSuffix(folder, "/"), "a file")
	text := s.text(s.explain())
	if !strings.Contains(text, "cannot be told: ") || strings.Contains(text, "reads") {
		t.Error(text)
	}
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.explain()
	for _, test := range []struct {
		name string
		edit func(*explain.Options)
		want error
	}{
		{"no snapshot", func(o *explain.Options) { o.Snapshot = nil }, explain.ErrOptions},
		{"ctype", func(o *explain.Options) { o.CType = "nonsense" }, repo.ErrUnknownCType},
		{"detector", func(o *explain.Options) { o.Detector = "none" }, explain.ErrNoDetector},
		{"a run that nobody knows", func(o *explain.Options) { o.Run = 7 }, dataset.ErrNoDirectory},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := s.options
			test.edit(&o)
			if _, err := explain.Explain(t.Context(), o); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}
