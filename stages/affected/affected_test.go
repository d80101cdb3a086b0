package affected_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
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
	"deployconstants/stages/affected"
	"deployconstants/stages/resolve"
	"deployconstants/xtc/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	id     = "1-2-3-4-5-6-7"
	twin   = "9-2-3-4-5-6-7"
	source = "XcsEndstation.0:Epix100a.1"
	group  = "Epix100a::CalibV1"
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

func constants(panel string, day int, ctype string) string {
	alias := map[string]string{id: "0001", twin: "0002"}[panel]
	return fmt.Sprintf("epix100a/%s/%s/epix100a_%s_201601%02d000000_xpptut15_r0260_%s.txt", panel, ctype, alias, day, ctype)
}

func standard(ctype string) string { return "epix100a/default/epix100a_default_" + ctype + ".txt" }

// snapshot lists a repository of files with their contents.
func snapshot(t testing.TB, files map[string]string) *resolve.Snapshot {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, "epix100a/aliases.txt", "0001 "+id+" 2022-06-09T12:19:26 u\n0002 "+twin+" 2022-06-09T12:19:26 u\n")
	for name, text := range files {
		put(t, dir, name, text)
	}
	r, err := repo.Open(dir, repo.Options{Group: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	s, err := resolve.Load(t.Context(), r, resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func zone(t testing.TB) *time.Location {
	t.Helper()
	z, err := repo.LoadZone("")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// day is the noon of a day in January 2016.
func day(n int) int64 { return time.Date(2016, 1, n, 20, 0, 0, 0, time.UTC).UnixNano() }

// run is one run of an experiment with one detector; an id of "" is none.
func run(experiment string, number, onDay int, panel string) ledger.Run {
	r := ledger.Run{
		Experiment: experiment, Instrument: "XPP", Dir: "/reg/d/psdm/xpp/" + experiment + "/xtc", Number: number,
		BeginRun: day(onDay), Scanned: 1,
		Sources: []ledger.Source{{Name: source, Alias: "epix", Type: "epix100a", ID: panel, Class: "Epix.Config100aV2", Version: 2}},
	}
	if panel == "" {
		r.Sources[0].Cause = "damaged"
	}
	return r
}

func index(t testing.TB, runs ...ledger.Run) *ledger.Index {
	t.Helper()
	l, err := ledger.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := l.NewWriter()
	for _, r := range runs {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	x, err := l.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func who(t testing.TB, o affected.Options, x *ledger.Index, s *resolve.Snapshot, ch resolve.Change) affected.Report {
	t.Helper()
	o.Digests, o.Zone = digest.New(), zone(t)
	report, err := affected.Who(t.Context(), o, x, s, ch)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// lines is the text of a report, paths below the repository.
func lines(t testing.TB, r affected.Report, s *resolve.Snapshot) string {
	t.Helper()
	var text bytes.Buffer
	if err := r.Print(&text); err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(text.String(), s.Dir()+"/", "")
}

func sum(t testing.TB, text string) digest.Sum {
	t.Helper()
	s, _, err := digest.Of(t.Context(), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWho(t *testing.T) {
	t.Parallel()
	gain5, gain10 := constants(id, 5, "gain"), constants(id, 10, "gain")
	s := snapshot(t, map[string]string{gain5: "five", gain10: "ten", standard("gain"): "default", constants(twin, 1, "pedestals"): "p"})
	x := index(t,
		run("xppa", 1, 3, id), run("xppa", 2, 6, id), run("xppa", 3, 7, ""), run("xppa", 4, 8, id), run("xppa", 5, 12, id),
		run("xppb", 7, 6, twin), run("xppb", 8, 7, id),
		run("xppc", 1, 20, id),
	)
	const head = "  " + source + " pixel_gain: "
	const dir = " " + group + "/" + source + "/pixel_gain/"
	for _, test := range []struct {
		name   string
		o      affected.Options
		change resolve.Change
		want   string
	}{
		{
			"withdraw a file", affected.Options{}, resolve.Change{Op: resolve.Withdraw, Path: gain5},
			"withdraw " + gain5 + "\n" +
				"xppa\n" + head + "2 runs 2,4\n    runs 2,4: " + gain5 + " -> " + standard("gain") + "\n    without" + dir + "2-end.data\n" +
				"xppb\n" + head + "1 runs 8\n    runs 8: " + gain5 + " -> " + standard("gain") + "\n    without" + dir + "8-end.data\n" +
				"2 experiments, 2 sources, 3 runs, 2 deployed files\n",
		},
		{
			"withdraw the default", affected.Options{}, resolve.Change{Op: resolve.Withdraw, Path: standard("gain")},
			"withdraw " + standard("gain") + "\n" +
				"xppa\n" + head + "1 runs 1\n    runs 1: " + standard("gain") + " -> none\n    without" + dir + "0-end.data\n" +
				"xppb\n" + head + "1 runs 7\n    runs 7: " + standard("gain") + " -> none\n    without" + dir + "0-end.data\n" +
				"2 experiments, 2 sources, 2 runs, 2 deployed files\n",
		},
		{
			"replace with equal bytes", affected.Options{}, resolve.Change{Op: resolve.Replace, Path: gain5, Content: sum(t, "five")},
			"replace " + gain5 + "\n0 experiments, 0 sources, 0 runs, 0 deployed files\n",
		},
		{
			"replace with other bytes", affected.Options{}, resolve.Change{Op: resolve.Replace, Path: gain10, Content: sum(t, "five")},
			"replace " + gain10 + "\n" +
				"xppa\n" + head + "1 runs 5\n    runs 5: " + gain10 + " -> " + gain10 + "\n    without" + dir + "5-end.data\n" +
				"xppc\n" + head + "1 runs 1\n    runs 1: " + gain10 + " -> " + gain10 + "\n    other  " + dir + "0-end.data\n" +
				"2 experiments, 2 sources, 2 runs, 2 deployed files\n",
		},
		{
			"add a file of the bytes that are valid", affected.Options{}, resolve.Change{Op: resolve.Add, Path: constants(id, 7, "gain"), Content: sum(t, "five")},
			"add " + constants(id, 7, "gain") + "\nanother file of the same bytes, not counted:\n" +
				"xppa\n" + head + "1 runs 4\n    runs 4: " + gain5 + " -> " + constants(id, 7, "gain") + "\n" +
				"xppb\n" + head + "1 runs 8\n    runs 8: " + gain5 + " -> " + constants(id, 7, "gain") + "\n" +
				"0 experiments, 0 sources, 0 runs, 0 deployed files\n",
		},
		{
			"add the long name of the default", affected.Options{}, resolve.Change{Op: resolve.Add, Path: standard("pixel_gain")},
			"add " + standard("pixel_gain") + "\n0 experiments, 0 sources, 0 runs, 0 deployed files\n",
		},
		{
			"withdraw an id", affected.Options{Filter: ledger.Filter{Experiments: []string{"xppc"}}}, resolve.Change{Op: resolve.Withdraw, Type: "epix100a", ID: id},
			"withdraw id " + id + " of epix100a\n" +
				"xppc\n" + head + "1 runs 1\n    runs 1: " + gain10 + " -> " + standard("gain") + "\n    other  " + dir + "0-end.data\n" +
				"1 experiments, 1 sources, 1 runs, 1 deployed files\n",
		},
		{
			"who uses a file", affected.Options{Touch: true}, resolve.Change{Path: gain10},
			"uses of " + gain10 + "\n" +
				"xppa\n" + head + "1 runs 5\n    " + gain10 + " read by runs 5\n    deployed as" + dir + "5-end.data\n" +
				"xppc\n" + head + "1 runs 1\n    " + gain10 + " read by runs 1\n    deployed as" + dir + "0-end.data\n" +
				"2 experiments, 2 sources, 2 runs, 2 deployed files\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := who(t, test.o, x, s, test.change)
			if diff := cmp.Diff(test.want, lines(t, report, s)); diff != "" {
				t.Error(diff)
			}
			var want []byte
			for _, workers := range []int{1, 2, 7, 32} {
				test.o.Pool = pipeline.Options{Workers: workers}
				got, err := json.Marshal(who(t, test.o, x, s, test.change))
				if err != nil {
					t.Fatal(err)
				}
				if want == nil {
					want = got
				}
				if !bytes.Equal(got, want) {
					t.Errorf("%d workers: another report", workers)
				}
			}
		})
	}
}

// TestUnreadableBlocks: as in a plan, constants that cannot be read keep the whole
// directory from being made.
func TestUnreadableBlocks(t *testing.T) {
	t.Parallel()
	gain5, gain10 := constants(id, 5, "gain"), constants(id, 10, "gain")
	s := snapshot(t, map[string]string{gain5: "", gain10: "ten"})
	x := index(t, run("xppa", 2, 6, id), run("xppa", 5, 12, id), run("xppb", 1, 12, id))
	const head = "  " + source + " pixel_gain: 1 runs "
	want := "withdraw " + gain10 + "\n" +
		"xppa\n" + head + "5\n    runs 5: " + gain10 + " -> " + gain5 + "\n" +
		"xppb\n" + head + "1\n    runs 1: " + gain10 + " -> " + gain5 + "\n    without " + group + "/" + source + "/pixel_gain/0-end.data\n" +
		"2 experiments, 2 sources, 2 runs, 1 deployed files\n"
	report := who(t, affected.Options{}, x, s, resolve.Change{Op: resolve.Withdraw, Path: gain10})
	if diff := cmp.Diff(want, lines(t, report, s)); diff != "" {
		t.Error(diff)
	}
}

func TestWhoRefuses(t *testing.T) {
	t.Parallel()
	s, x := snapshot(t, nil), index(t, run("xppa", 1, 3, id))
	o := affected.Options{Digests: digest.New(), Zone: zone(t)}
	if _, err := affected.Who(t.Context(), affected.Options{}, x, s, resolve.Change{}); !errors.Is(err, affected.ErrOptions) {
		t.Errorf("no options: %v", err)
	}
	if _, err := affected.Who(t.Context(), o, x, s, resolve.Change{Op: resolve.Withdraw, Path: standard("gain")}); !errors.Is(err, resolve.ErrChange) {
		t.Errorf("nothing to withdraw: %v", err)
	}
	put(t, s.Dir(), "x", "")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := affected.Who(cancelled, o, x, s, resolve.Change{Op: resolve.Add, Path: standard("gain")}); err == nil {
		t.Error("cancelled: no error")
	}
}

// TestBruteForce compares random cases with asking both repositories run by run.
func TestBruteForce(t *testing.T) {
	t.Parallel()
	z := zone(t)
	affectedRuns := 0
	for seed := range uint64(40) {
		random := rand.New(rand.NewPCG(seed, 4))
		files := map[string]string{}
		pool := []string{standard("gain"), standard("pixel_gain"), standard("pedestals")}
		for d := range 8 {
			for _, ctype := range []string{"gain", "pixel_gain", "pedestals"} {
				pool = append(pool, constants(id, 3*d+1, ctype), constants(twin, 3*d+2, ctype))
			}
		}
		for _, name := range pool {
			if random.IntN(3) == 0 {
				files[name] = fmt.Sprint("content ", random.IntN(3))
			}
		}
		var runs []ledger.Run
		for e := range 3 {
			for n := range 12 {
				runs = append(runs, run(fmt.Sprintf("xpp%02d", e), n*n, 1+random.IntN(28), []string{id, twin, "", "8-8-8-8-8-8-8"}[random.IntN(4)]))
			}
		}
		ch := resolve.Change{Path: pool[random.IntN(len(pool))]}
		changed := maps.Clone(files)
		text := fmt.Sprint("content ", random.IntN(3))
		if _, there := files[ch.Path]; !there {
			ch.Op, ch.Content, changed[ch.Path] = resolve.Add, sum(t, text), text
		} else if random.IntN(2) == 0 {
			ch.Op, ch.Content, changed[ch.Path] = resolve.Replace, sum(t, text), text
		} else {
			ch.Op = resolve.Withdraw
			delete(changed, ch.Path)
		}
		want := map[string][]int{}
		for _, r := range runs {
			key := resolve.Key{Type: "epix100a", ID: r.Sources[0].ID}
			stamp := repo.StampOf(time.Unix(0, r.BeginRun), z)
			for _, ctype := range []string{"pixel_gain", "pedestals"} {
				if key.ID != "" && bruteForce(files, key.ID, ctype, stamp) != bruteForce(changed, key.ID, ctype, stamp) {
					want[r.Experiment+" "+ctype] = append(want[r.Experiment+" "+ctype], r.Number)
				}
			}
		}
		got := map[string][]int{}
		report := who(t, affected.Options{}, index(t, runs...), snapshot(t, files), ch)
		for _, e := range report.Experiments {
			for _, s := range e.Sources {
				got[e.Name+" "+s.CType] = expand(t, s.Runs)
				affectedRuns += s.Count
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d: %+v (-want +got):\n%s", seed, ch, diff)
		}
	}
	if affectedRuns == 0 {
		t.Error("no run was ever affected: the test shows nothing")
	}
}

// bruteForce is the content that is valid, found from the names alone.
func bruteForce(files map[string]string, panel, deployed string, stamp repo.Stamp) string {
	short := map[string]string{"pixel_gain": "gain"}[deployed]
	best, content := "", ""
	for _, name := range slices.Sorted(maps.Keys(files)) {
		parts := strings.Split(name, "/")
		if parts[1] != panel || parts[2] != deployed && parts[2] != short {
			continue
		}
		valid := strings.Split(parts[3], "_")[2]
		if valid <= stamp.String() && (best == "" || valid > best || valid == best && parts[2] == short) {
			best, content = valid, files[name]
		}
	}
	if best != "" {
		return content
	}
	if text, there := files[standard(short)]; there && short != "" {
		return text
	}
	return files[standard(deployed)]
}

func expand(t testing.TB, ranges string) (numbers []int) {
	t.Helper()
	for part := range strings.SplitSeq(ranges, ",") {
		var first, last int
		if n, _ := fmt.Sscanf(part, "%d-%d", &first, &last); n == 1 {
			last = first
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// BenchmarkWho asks a ledger of 1,000,000 records about a file of one panel, and
// about the default of all.
func BenchmarkWho(b *testing.B) {
	var runs []ledger.Run
	for e := range 2000 {
		for n := range 100 {
			r := run(fmt.Sprintf("xpp%05d", e), n+1, 1+n%28, "")
			r.Sources = nil
			for d := range 5 {
				s := ledger.Source{Name: fmt.Sprintf("XcsEndstation.0:Epix100a.%d", d), Type: "epix100a", Class: "Epix.Config100aV2", Version: 2}
				s.ID = fmt.Sprintf("%d-2-3-4-5-6-7", (e*5+d)%2000+100)
				if e%20 == 0 && d == 0 {
					s.ID = id
				}
				r.Sources = append(r.Sources, s)
			}
			runs = append(runs, r)
		}
	}
	x := index(b, runs...)
	gain := constants(id, 5, "gain")
	s := snapshot(b, map[string]string{gain: "five", constants(id, 10, "gain"): "ten", standard("gain"): "default"})
	o := affected.Options{Digests: digest.New(), Zone: zone(b)}
	for _, test := range []struct {
		name string
		path string
		runs int
	}{{"file", gain, 2000}, {"default", standard("gain"), 990000}} {
		b.Run(test.name, func(b *testing.B) {
			for b.Loop() {
				report, err := affected.Who(b.Context(), o, x, s, resolve.Change{Op: resolve.Withdraw, Path: test.path})
				if err != nil || report.Totals.Runs < test.runs {
					b.Fatal(err, report.Totals)
				}
			}
		})
	}
}
