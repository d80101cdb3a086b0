package verify_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"deployconstants/internal/testenv"
	"deployconstants/jobs"
	"deployconstants/jobs/tx"
	"deployconstants/pipeline"
	"deployconstants/repo/calibdir"
	"deployconstants/stages/verify"
	"deployconstants/xtc/ledger"
)

var children = testenv.Children{}

func TestMain(m *testing.M) { children.Main(m) }

// site is calibration directories and the transactions that filled them.
type site struct {
	t     testing.TB
	dir   string
	store *tx.Store
}

func newSite(t testing.TB) *site {
	t.Helper()
	dir := t.TempDir()
	store, err := tx.Open(jobs.State{Dir: filepath.Join(dir, "state")})
	if err != nil {
		t.Fatal(err)
	}
	return &site{t: t, dir: dir, store: store}
}

// place returns a place of the experiment, whose calibration directory exists.
func (s *site) place(experiment, runs string) tx.Place {
	s.t.Helper()
	calib := filepath.Join(s.dir, experiment, "calib")
	if err := os.MkdirAll(calib, 0o775); err != nil {
		s.t.Fatal(err)
	}
	return tx.Place{
		Experiment: experiment, CalibDir: calib, Group: "Epix100a::CalibV1",
		Source: "XcsEndstation.0:Epix100a.1", CType: "pixel_gain", Range: runs,
	}
}

// write makes the file of a place, or another one in its directory.
func (s *site) write(path, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o775); err != nil {
		s.t.Fatal(err)
	}
	os.Remove(path) // replaced, as everything does
	if err := os.WriteFile(path, []byte(text), 0o664); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Chmod(path, 0o664); err != nil {
		s.t.Fatal(err)
	}
}

// history appends a line to the HISTORY of a place.
func (s *site) history(p tx.Place, r calibdir.HistoryRecord) {
	s.t.Helper()
	file, err := os.OpenFile(filepath.Join(p.Directory(), "HISTORY"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o664)
	if err == nil {
		_, err = fmt.Fprintln(file, r)
		err = errors.Join(err, file.Close())
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// deploy writes files of one transaction, and returns its id.
func (s *site) deploy(text string, places ...tx.Place) string {
	s.t.Helper()
	transaction, err := s.store.Begin(s.t.Context(), tx.Header{Kind: tx.Apply, User: "opr", Host: "psana101"}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range places {
		s.write(p.Path(), text)
		s.history(p, calibdir.HistoryRecord{File: p.Range + ".data", User: "opr", Comment: transaction.ID()})
		c := content(text)
		after := &tx.FileState{Content: c, Mode: 0o664, GID: os.Getgid()}
		if err := transaction.Append(tx.Record{Kind: tx.Done, Place: p, Action: tx.Create, New: &c, After: after}); err != nil {
			s.t.Fatal(err)
		}
	}
	if err := transaction.Finish(tx.Result{}); err != nil {
		s.t.Fatal(err)
	}
	return transaction.ID()
}

func content(text string) tx.Content {
	sum := sha256.Sum256([]byte(text))
	return tx.Content{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(text))}
}

// verify returns all findings.
func (s *site) verify(o verify.Options) ([]verify.Finding, verify.Summary) {
	s.t.Helper()
	var err error
	if o.Deployed, err = s.store.Deployed(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	var findings []verify.Finding
	summary, err := verify.Verify(s.t.Context(), o, func(f verify.Finding) error {
		findings = append(findings, f)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return findings, summary
}

// one returns the finding of one file. Where it is alone, it decides of the drift.
func (s *site) one(p tx.Place) verify.Finding {
	s.t.Helper()
	findings, summary := s.verify(verify.Options{})
	for _, f := range findings {
		if f.Path == p.Path() {
			if len(findings) == 1 && summary.Drift() != (f.Class != verify.OK) {
				s.t.Errorf("drift %v of %+v", summary.Drift(), summary)
			}
			return f
		}
	}
	s.t.Fatalf("nothing found of %s", p.Path())
	return verify.Finding{}
}

// replace makes something else of a file.
func replace(path string, with func(path string) error) error {
	return errors.Join(os.Remove(path), with(path))
}

// Each kind of damage is told by its name, and by whom where HISTORY tells.
func TestClasses(t *testing.T) {
	const text = "1.0 2.0\n"
	for name, test := range map[string]struct {
		damage func(s *site, p tx.Place) error
		want   verify.Class
		cause  string
	}{
		"untouched":         {func(*site, tx.Place) error { return nil }, verify.OK, ""},
		"rewritten":         {func(s *site, p tx.Place) error { s.write(p.Path(), text); return nil }, verify.OK, ""},
		"removed":           {func(_ *site, p tx.Place) error { return os.Remove(p.Path()) }, verify.Missing, ""},
		"directory removed": {func(_ *site, p tx.Place) error { return os.RemoveAll(filepath.Dir(p.Directory())) }, verify.Missing, ""},
		"calib removed":     {func(_ *site, p tx.Place) error { return os.RemoveAll(p.CalibDir) }, verify.Unreadable, "no such file"},
		"other bytes":       {func(s *site, p tx.Place) error { s.write(p.Path(), "1.0 2.1\n"); return nil }, verify.Changed, ""},
		"longer":            {func(s *site, p tx.Place) error { s.write(p.Path(), text+text); return nil }, verify.Changed, ""},
		"emptied":           {func(_ *site, p tx.Place) error { return os.Truncate(p.Path(), 0) }, verify.Changed, ""},
		"mode":              {func(_ *site, p tx.Place) error { return os.Chmod(p.Path(), 0o600) }, verify.WrongMode, ""},
		"group":             {func(_ *site, p tx.Place) error { return os.Chown(p.Path(), -1, os.Getgid()+1) }, verify.WrongGroup, ""},
		"link": {func(_ *site, p tx.Place) error {
			return replace(p.Path(), func(path string) error { return os.Symlink("/etc/passwd", path) })
		}, verify.NotRegular, "L"},
		"pipe": {func(_ *site, p tx.Place) error {
			return replace(p.Path(), func(path string) error { return syscall.Mkfifo(path, 0o664) })
		}, verify.NotRegular, "p"},
		"directory": {func(_ *site, p tx.Place) error {
			return replace(p.Path(), func(path string) error { return os.Mkdir(path, 0o775) })
		}, verify.NotRegular, "d"},
		"leads out": {func(s *site, p tx.Place) error {
			moved := filepath.Join(s.dir, "moved")
			return errors.Join(os.Rename(p.Directory(), moved), os.Symlink(moved, p.Directory()))
		}, verify.Unreadable, "leads out"},
		"raises":     {func(s *site, p tx.Place) error { s.write(p.Directory()+"/0-x.data", "x"); return nil }, verify.Shadowed, "psana raises"},
		"hidden":     {func(s *site, p tx.Place) error { s.write(p.Directory()+"/100-200.data", "x"); return nil }, verify.Shadowed, ""},
		"not hidden": {func(s *site, p tx.Place) error { s.write(p.Directory()+"/notes.txt", "x"); return nil }, verify.OK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "group" && os.Getuid() != 0 {
				t.Skip("needs root")
			}
			s := newSite(t)
			p := s.place("xpptut15", "0-end")
			id := s.deploy(text, p)
			if err := test.damage(s, p); err != nil {
				t.Fatal(err)
			}
			f := s.one(p)
			if f.Class != test.want || !strings.Contains(f.Cause, test.cause) || f.Tx != id || f.TxUser != "opr" || f.Want != content(text) {
				t.Errorf("%+v, want %s", f, test.want)
			}
			if drift := f.Class != verify.OK; drift && f.By == nil && !slices.Contains([]verify.Class{verify.Missing, verify.Unreadable}, f.Class) && name != "raises" {
				t.Error("nobody did it")
			}
			if me, err := user.Current(); err == nil && f.By != nil && (f.By.User != me.Username || f.By.From != "owner" || time.Since(f.By.Time) > time.Minute) {
				t.Errorf("by %+v", f.By)
			}
			text, err := json.Marshal(f)
			if err != nil || !strings.Contains(string(text), `"class":"`+string(test.want)+`"`) {
				t.Errorf("%s, %v", text, err)
			}
		})
	}
}

// The newest record of HISTORY behind ours tells who changed a file; what came
// before ours does not.
func TestCulprit(t *testing.T) {
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	p := s.place("xpptut15", "0-end")
	old := calibdir.HistoryRecord{File: "0-end.data", User: "before", Time: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := os.MkdirAll(p.Directory(), 0o775); err != nil {
		t.Fatal(err)
	}
	s.history(p, old)
	s.deploy("right\n", p)
	s.write(p.Path(), "wrong\n")
	check := func(want verify.Culprit) {
		t.Helper()
		findings, _ := s.verify(verify.Options{Zone: zone})
		got := *findings[0].By
		if want.From == "owner" {
			got.Time, got.User = want.Time, want.User
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	check(verify.Culprit{From: "owner"})
	s.history(p, calibdir.HistoryRecord{File: "7-end.data", User: "elsewhere"})
	check(verify.Culprit{From: "owner"})
	s.history(p, calibdir.HistoryRecord{
		File: "0-end.data", User: "ann", Host: "psana7", CopyOf: "/home/ann/x.data",
		Time: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), Comment: "better",
	})
	check(verify.Culprit{
		From: "HISTORY", User: "ann", Host: "psana7", CopyOf: "/home/ann/x.data", Note: "better",
		Time: time.Date(2026, 7, 1, 19, 0, 0, 0, time.UTC),
	})
	s.history(p, calibdir.HistoryRecord{File: "0-end.data", User: "bob", Time: time.Date(2026, 7, 2, 12, 0, 0, 0, time.UTC)})
	check(verify.Culprit{From: "HISTORY", User: "bob", Time: time.Date(2026, 7, 2, 19, 0, 0, 0, time.UTC)})
	if err := os.Remove(p.Path()); err != nil {
		t.Fatal(err)
	}
	if f := s.one(p); f.Class != verify.Missing || f.By == nil || f.By.User != "bob" {
		t.Errorf("removed: %+v", f)
	}
}

// Foreign files that were there before were left alone on purpose: they shadow
// nothing until they change. Files of ours never shadow each other.
func TestShadow(t *testing.T) {
	s := newSite(t)
	first, second := s.place("xpptut15", "0-end"), s.place("xpptut15", "100-end")
	foreign := first.Directory() + "/50-60.data"
	s.write(foreign, "by hand")
	time.Sleep(20 * time.Millisecond) // the kernel's clock for files is coarse
	s.deploy("x", first, second)
	for _, p := range []tx.Place{first, second} {
		if f := s.one(p); f.Class != verify.OK {
			t.Errorf("%+v", f)
		}
	}
	time.Sleep(20 * time.Millisecond)
	s.write(first.Directory()+"/90-105.data", "new")
	if f := s.one(second); f.Class != verify.OK { // its begin is newer
		t.Errorf("%+v", f)
	}
	if diff := cmp.Diff([]verify.Shadow{{First: 90, Last: 99, File: "90-105.data"}}, s.one(first).Shadow); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.write(foreign, "by hand again")
	s.write(first.Directory()+"/0100-end.data", "the same runs")
	want := []verify.Shadow{{First: 50, Last: 60, File: "50-60.data"}, {First: 90, Last: 99, File: "90-105.data"}}
	if diff := cmp.Diff(want, s.one(first).Shadow); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	picked := calibdir.MaxRun
	if name, err := calibdir.Pick([]string{"0-end.data", "0100-end.data", "100-end.data"}, picked); err != nil || name != "100-end.data" {
		t.Fatalf("psana picks %s, %v", name, err)
	}
	if f := s.one(second); f.Class != verify.OK {
		t.Errorf("%+v", f)
	}
}

// An interrupted transaction is not taken for somebody's change.
func TestPending(t *testing.T) {
	s := newSite(t)
	settled, fresh := s.place("xpptut15", "0-end"), s.place("xpptut15", "9-end")
	s.deploy("x", settled)
	transaction, err := s.store.Begin(t.Context(), tx.Header{Kind: tx.Apply}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := content("y")
	if err := transaction.Append(
		tx.Record{Kind: tx.Intent, Place: settled, Action: tx.Replace, New: &c},
		tx.Record{Kind: tx.Intent, Place: fresh, Action: tx.Create, New: &c},
	); err != nil {
		t.Fatal(err)
	}
	if err := transaction.Close(); err != nil {
		t.Fatal(err)
	}
	s.write(settled.Path(), "y")
	findings, summary := s.verify(verify.Options{})
	if len(findings) != 2 || summary.Deployed != 2 || summary.Classes[verify.Pending] != 2 || !strings.Contains(findings[1].Cause, transaction.ID()) {
		t.Errorf("%+v, %+v", summary, findings)
	}
}

// A file of ours that an interrupted transaction made shadows nothing of ours.
func TestPendingIsOurs(t *testing.T) {
	s := newSite(t)
	settled, fresh := s.place("xpptut15", "0-end"), s.place("xpptut15", "9-end")
	s.deploy("x", settled)
	transaction, err := s.store.Begin(t.Context(), tx.Header{Kind: tx.Apply}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := content("y")
	if err := transaction.Append(tx.Record{Kind: tx.Intent, Place: fresh, Action: tx.Create, New: &c}); err != nil {
		t.Fatal(err)
	}
	if err := transaction.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond) // the kernel's clock for files is coarse
	s.write(fresh.Path(), "y")
	_, summary := s.verify(verify.Options{})
	if diff := cmp.Diff(map[verify.Class]int{verify.OK: 1, verify.Pending: 1}, summary.Classes); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A file that came with the time of long ago came nevertheless when it did.
func TestShadowThatKeptItsTime(t *testing.T) {
	s := newSite(t)
	first := s.place("xpptut15", "0-end")
	s.deploy("x", first)
	deployed := time.Now()
	time.Sleep(20 * time.Millisecond) // the kernel's clock for files is coarse
	foreign := first.Directory() + "/50-60.data"
	s.write(foreign, "by hand")
	old := time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := os.Chtimes(foreign, old, old); err != nil {
		t.Fatal(err)
	}
	if f := s.one(first); f.Class != verify.Shadowed || f.By == nil || f.By.Time.Before(deployed) {
		t.Errorf("%+v by %+v", f, f.By)
	}
}

// manyFiles deploys three files in each of some experiments, by one transaction each.
func manyFiles(t testing.TB, experiments int) *site {
	t.Helper()
	s := newSite(t)
	for n := range experiments {
		exp := fmt.Sprintf("%s%05d", []string{"xpp", "mec"}[n%2], n)
		s.deploy(fmt.Sprint(n), s.place(exp, "0-end"), s.place(exp, "10-end"), s.place(exp, "20-30"))
	}
	return s
}

// Findings are the same for any number of workers, sorted, and a sample of all days
// is everything, once.
func TestSelection(t *testing.T) {
	s := manyFiles(t, 12)
	all, summary := s.verify(verify.Options{Pipeline: pipeline.Options{Workers: 1}})
	if len(all) != 36 || summary.Deployed != 36 || summary.Checked != 36 || summary.Drift() {
		t.Fatalf("%d findings, %+v", len(all), summary)
	}
	if !slices.IsSortedFunc(all, func(a, b verify.Finding) int { return strings.Compare(a.Path, b.Path) }) {
		t.Error("not sorted")
	}
	for _, workers := range []int{2, 7, 32} {
		again, _ := s.verify(verify.Options{Pipeline: pipeline.Options{Workers: workers}})
		if diff := cmp.Diff(all, again); diff != "" {
			t.Errorf("%d workers:\n%s", workers, diff)
		}
	}
	seen := map[string]int{}
	day := time.Date(2026, 11, 24, 23, 59, 0, 0, time.UTC)
	for range 5 {
		part, summary := s.verify(verify.Options{Sample: 5, Day: day})
		for _, f := range part {
			seen[f.Path]++
		}
		if summary.Deployed != 36 || summary.Checked != len(part) || len(part) > 20 {
			t.Errorf("%d of a fifth, %+v", len(part), summary)
		}
		day = day.Add(24 * time.Hour)
	}
	if len(seen) != 36 || slices.Max(slices.Collect(maps.Values(seen))) != 1 {
		t.Errorf("five days saw %d files", len(seen))
	}
	for name, test := range map[string]struct {
		options verify.Options
		want    int
	}{
		"experiment":  {verify.Options{Filter: ledger.Filter{Experiments: []string{"xpp0000?"}}}, 15},
		"instrument":  {verify.Options{Filter: ledger.Filter{Instruments: []string{"mec"}}}, 18},
		"source":      {verify.Options{Filter: ledger.Filter{Sources: []string{"*Epix100a.1"}}}, 36},
		"other":       {verify.Options{Filter: ledger.Filter{Sources: []string{"*Cspad*"}}}, 0},
		"transaction": {verify.Options{Transaction: all[0].Tx}, 3},
	} {
		if part, summary := s.verify(test.options); len(part) != test.want || summary.Deployed != test.want {
			t.Errorf("%s: %d findings, %+v", name, len(part), summary)
		}
	}
	if _, err := verify.Verify(t.Context(), verify.Options{Filter: ledger.Filter{Experiments: []string{"["}}}, nil); err == nil {
		t.Error("a pattern that is none")
	}
}

// Digests may come from memory; then nothing is opened.
func TestDigest(t *testing.T) {
	s := manyFiles(t, 2)
	asked := 0
	remembered := func(_ context.Context, path string, _ func() (*os.File, error)) (string, error) {
		asked++
		if strings.HasSuffix(path, "/10-end.data") {
			return "", errors.New("cannot tell")
		}
		return content("0").SHA256, nil
	}
	_, summary := s.verify(verify.Options{Digest: remembered, Pipeline: pipeline.Options{Workers: 1}})
	want := map[verify.Class]int{verify.OK: 2, verify.Changed: 2, verify.Unreadable: 2}
	if diff := cmp.Diff(want, summary.Classes); diff != "" || asked != 6 {
		t.Errorf("asked %d times (-want +got):\n%s", asked, diff)
	}
}

// The sink ends the run, and so does the context.
func TestEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := manyFiles(t, 6)
	d, err := s.store.Deployed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if _, err := verify.Verify(t.Context(), verify.Options{Deployed: d}, func(verify.Finding) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = verify.Verify(ctx, verify.Options{Deployed: d}, func(verify.Finding) error { cancel(enough); return nil })
	if !errors.Is(err, pipeline.ErrNotAttempted) || !errors.Is(err, enough) {
		t.Errorf("error %v", err)
	}
}

// BenchmarkVerify reads 600 files of 64 KiB, beside opening and hashing them bare.
func BenchmarkVerify(b *testing.B) {
	s := newSite(b)
	text := strings.Repeat("1.25 2.5 ", 7000)
	var paths []string
	var places []tx.Place
	for n := range 200 {
		exp := fmt.Sprintf("xpp%05d", n)
		for _, runs := range []string{"0-end", "10-end", "20-30"} {
			p := s.place(exp, runs)
			places, paths = append(places, p), append(paths, p.Path())
		}
	}
	s.deploy(text, places...)
	d, err := s.store.Deployed(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	bare := func() {
		for _, path := range paths {
			data, err := os.ReadFile(path)
			if err != nil || sha256.Sum256(data) == [32]byte{} {
				b.Fatal(err)
			}
		}
	}
	bare() // warm
	start := time.Now()
	bare()
	bareTime := time.Since(start)
	for b.Loop() {
		if _, err := verify.Verify(b.Context(), verify.Options{Deployed: d}, func(verify.Finding) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(paths)*b.N)/b.Elapsed().Seconds(), "files/s")
	b.ReportMetric(bareTime.Seconds()*float64(b.N)/b.Elapsed().Seconds(), "x-bare-one-thread")
}
