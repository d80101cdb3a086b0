package resolve_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/pipeline"
	"deployconstants/repo"
	"deployconstants/repo/digest"
	"deployconstants/stages/resolve"
)

// TestAtIsResolve compares decisions with those of package repo, where only one
// name of a ctype is listed.
func TestAtIsResolve(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		tree := newTree(t)
		tree.fill(rand.New(rand.NewPCG(seed, 1)))
		r := tree.open()
		for _, ctype := range []string{"gain", "pixel_gain", "pedestals"} {
			s := tree.without(ctype).load(resolve.Options{})
			for _, typ := range types {
				detType, err := repo.TypeNamed(typ)
				if err != nil {
					t.Fatal(err)
				}
				for _, id := range append(ids(typ), "b", "never-seen", "2-2-3-4-5-6-7") {
					panel := repo.Panel{Type: detType, ID: id}
					alias, _, err := r.LookupAlias(panel)
					if err != nil {
						t.Fatal(err)
					}
					key := resolve.Key{Type: typ, ID: id}
					if got, _ := s.Alias(key); got != alias {
						t.Fatalf("seed %d: alias of %s is %q, want %q", seed, id, got, alias)
					}
					for _, stamp := range asked {
						want, err := r.Resolve(panel, alias, repo.CType(ctype), stamp)
						if err != nil {
							t.Fatal(err)
						}
						got := s.At(key, string(repo.CType(ctype).Deployed()), stamp)
						path, broken := "", ""
						if got.File != nil {
							path, broken = strings.Replace(got.File.Path, s.Dir(), r.Dir(), 1), got.File.Err
						}
						if got.Kind != want.Kind || path != want.Path {
							t.Fatalf("seed %d: %s %s at %s: %v %s, want %v %s", seed, id, ctype, stamp, got.Kind, path, want.Kind, want.Path)
						}
						if want.Path != "" {
							f, err := r.OpenConstants(want.Path)
							if (err != nil) != (broken != "") {
								t.Fatalf("seed %d: %s: Err %q, opening says %v", seed, want.Path, broken, err)
							}
							if err == nil {
								f.Close()
							}
						}
					}
				}
			}
		}
	}
}

// without is a copy of the repository without the other name of a ctype.
func (t tree) without(ctype string) tree {
	t.Helper()
	other := map[string]string{"gain": "pixel_gain", "pixel_gain": "gain"}[ctype]
	copied := newTree(t.TB)
	if err := os.CopyFS(copied.dir, os.DirFS(t.dir)); err != nil {
		t.Fatal(err)
	}
	if other == "" {
		return copied
	}
	for _, pattern := range []string{"*/*/" + other, "*/default/*_default_" + other + ".txt"} {
		matches, err := filepath.Glob(filepath.Join(copied.dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range matches {
			if err := os.RemoveAll(match); err != nil {
				t.Fatal(err)
			}
		}
	}
	return copied
}

func TestUniting(t *testing.T) {
	t.Parallel()
	const id = "1-2-3-4-5-6-7"
	file := func(ctype string, stamp repo.Stamp) string { return name("epix100a", id, "0001", stamp, ctype) }
	standard := func(ctype string) string { return "epix100a/default/epix100a_default_" + ctype + ".txt" }
	for _, test := range []struct {
		name         string
		files        []string
		chosen, lost string
		kind         repo.Kind
	}{
		{"nothing", nil, "", "", repo.None},
		{"only the long name", []string{file("pixel_gain", 2016)}, file("pixel_gain", 2016), "", repo.Specific},
		{"newest wins: long", []string{file("gain", 2015), file("pixel_gain", 2016)}, file("pixel_gain", 2016), file("gain", 2015), repo.Specific},
		{"newest wins: short", []string{file("gain", 2017), file("pixel_gain", 2016)}, file("gain", 2017), file("pixel_gain", 2016), repo.Specific},
		{"equal stamps: short", []string{file("gain", 2016), file("pixel_gain", 2016)}, file("gain", 2016), file("pixel_gain", 2016), repo.Specific},
		{"too new", []string{file("gain", 2015), file("pixel_gain", 2030)}, file("gain", 2015), "", repo.Specific},
		{"specific before default", []string{file("pixel_gain", 2016), standard("gain")}, file("pixel_gain", 2016), "", repo.Specific},
		{"default of the short name", []string{standard("pixel_gain"), standard("gain")}, standard("gain"), standard("pixel_gain"), repo.Default},
		{"default of the long name", []string{standard("pixel_gain")}, standard("pixel_gain"), "", repo.Default},
		{"all too new: default", []string{file("gain", 2030), standard("pixel_gain")}, standard("pixel_gain"), "", repo.Default},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := newTree(t)
			tree.aliases("epix100a", id)
			for _, f := range test.files {
				tree.write(f, f)
			}
			s := tree.load(resolve.Options{})
			got := s.At(resolve.Key{Type: "epix100a", ID: id}, "pixel_gain", 2020)
			below := func(f *resolve.File) string {
				if f == nil {
					return ""
				}
				return strings.TrimPrefix(f.Path, tree.dir+"/")
			}
			if diff := cmp.Diff([]any{test.kind, test.chosen, test.lost}, []any{got.Kind, below(got.File), below(got.Other)}); diff != "" {
				t.Error(diff)
			}
			rejected := s.Rejected(resolve.Key{Type: "epix100a", ID: id}, "pixel_gain", 2020)
			if want := max(len(test.files)-1, 0); len(rejected) != want {
				t.Errorf("%d rejected, want %d: %v", len(rejected), want, rejected)
			}
		})
	}
}

// TestWith makes random changes to a snapshot and to the repository on disk: both
// must answer alike.
func TestWith(t *testing.T) {
	t.Parallel()
	made := map[string]int{}
	for seed := range uint64(24) {
		random := rand.New(rand.NewPCG(seed, 2))
		tree := newTree(t)
		tree.fill(random)
		s := tree.load(resolve.Options{})
		for range 4 {
			ch := tree.randomChange(random)
			with, err := s.With(ch)
			if errors.Is(err, resolve.ErrChange) {
				continue
			}
			if err != nil {
				t.Fatalf("seed %d: %+v: %v", seed, ch, err)
			}
			made[string(ch.Op)+" "+subject(ch)]++
			tree.carryOut(ch)
			want := answers(tree.load(resolve.Options{}))
			if diff := cmp.Diff(want, answers(with)); diff != "" {
				t.Fatalf("seed %d: %+v (-loaded again, +With):\n%s", seed, ch, diff)
			}
			s = with
		}
	}
	if len(made) != 7 {
		t.Errorf("changes made: %v, want 7 sorts", made)
	}
}

func subject(ch resolve.Change) string {
	switch {
	case ch.Path != "":
		return "file"
	case ch.ID != "" && ch.Alias != "":
		return "alias of id"
	case ch.ID != "":
		return "id"
	}
	return "alias"
}

func (t tree) randomChange(random *rand.Rand) resolve.Change {
	typ := types[random.IntN(len(types))]
	id := ids(typ)[random.IntN(len(ids(typ)))]
	op := []resolve.Op{resolve.Add, resolve.Withdraw, resolve.Replace}[random.IntN(3)]
	switch random.IntN(8) {
	case 0, 6, 7:
		return resolve.Change{Op: op, Type: typ, ID: id, Alias: fmt.Sprintf("%04d", 50+random.IntN(20))}
	case 1:
		return resolve.Change{Op: resolve.Withdraw, Type: typ, ID: id}
	case 2:
		return resolve.Change{Op: resolve.Withdraw, Type: typ, Alias: fmt.Sprintf("%04d", 1+random.IntN(4))}
	}
	ch := resolve.Change{Op: op, Content: digest.Sum{1}}
	if ctype := ctypes[random.IntN(len(ctypes))]; op == resolve.Add {
		ch.Path = name(typ, id, fmt.Sprintf("%04d", 1+random.IntN(4)), stamps[random.IntN(len(stamps))], ctype)
		if len(id) > 255 || random.IntN(3) == 0 {
			ch.Path = typ + "/default/" + typ + "_default_" + ctype + ".txt"
		}
		return ch
	}
	var files []string
	for _, pattern := range []string{"/*/*/*.*", "/default/*.txt"} {
		matches, err := filepath.Glob(filepath.Join(t.dir, typ) + pattern)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, matches...)
	}
	if ch.Path = typ + "/default/none"; len(files) > 0 {
		ch.Path = files[random.IntN(len(files))]
	}
	return ch
}

// carryOut makes the change on disk.
func (t tree) carryOut(ch resolve.Change) {
	t.Helper()
	path := strings.TrimPrefix(ch.Path, t.dir+"/")
	remove := func(name string) {
		if err := os.RemoveAll(filepath.Join(t.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	aliases := ch.Type + "/aliases.txt"
	switch {
	case ch.Path != "":
		remove(path)
		if ch.Op != resolve.Withdraw {
			t.write(path, "new")
		}
	case ch.Op == resolve.Withdraw && ch.ID != "":
		dir := ch.ID
		if len(dir) > 255 {
			detType, err := repo.TypeNamed(ch.Type)
			if err != nil {
				t.Fatal(err)
			}
			read, err := t.open().ReadAliases(detType)
			if err != nil {
				t.Fatal(err)
			}
			if _, dir, _, err = read.Find(repo.Panel{Type: detType, ID: ch.ID}); err != nil {
				t.Fatal(err)
			}
		}
		remove(ch.Type + "/" + dir)
	default:
		raw, err := os.ReadFile(filepath.Join(t.dir, aliases))
		if err != nil {
			t.Fatal(err)
		}
		var kept []string
		for line := range strings.Lines(string(raw)) {
			fields := strings.Fields(line)
			if ch.ID != "" && fields[1] == ch.ID || ch.ID == "" && fields[0] == ch.Alias {
				continue
			}
			kept = append(kept, line)
		}
		if ch.Op != resolve.Withdraw {
			kept = append(kept, ch.Alias+" "+ch.ID+" 2022-06-09T12:19:26 user\n")
		}
		t.write(aliases, strings.Join(kept, ""))
	}
}

// answers is all that can be asked of a snapshot, but for identities.
func answers(s *resolve.Snapshot) []string {
	var list []string
	path := func(f *resolve.File) string {
		if f == nil {
			return "-"
		}
		return f.Path + " " + f.Err
	}
	for _, typ := range types {
		list = append(list, strings.Join(s.CTypes(typ), " "))
		for _, id := range append(ids(typ), "b", "2-2-3-4-5-6-7") {
			key := resolve.Key{Type: typ, ID: id}
			alias, found := s.Alias(key)
			list = append(list, fmt.Sprint(id, alias, found))
			for _, ctype := range []string{"pixel_gain", "pedestals", "pixel_status"} {
				twin, _ := s.Twin(key, ctype)
				list = append(list, twin)
				for _, f := range s.Candidates(key, ctype) {
					list = append(list, "candidate "+path(f))
				}
				for _, stamp := range asked {
					choice := s.At(key, ctype, stamp)
					list = append(list, fmt.Sprint(ctype, stamp, choice.Kind, path(choice.File), path(choice.Other), s.Rejected(key, ctype, stamp)))
				}
			}
		}
	}
	for _, p := range s.Problems() {
		list = append(list, p.Path+" "+p.Message)
	}
	return list
}

func TestWithRefuses(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	tree.aliases("epix100a", "1-2-3-4-5-6-7")
	there := name("epix100a", "1-2-3-4-5-6-7", "0001", 20160101000000, "gain")
	tree.write(there, "x")
	s := tree.load(resolve.Options{})
	for _, ch := range []resolve.Change{
		{Op: resolve.Add, Path: there},
		{Op: resolve.Withdraw, Path: there + "x"},
		{Op: resolve.Replace, Path: "epix100a/default/epix100a_default_gain.txt"},
		{Op: resolve.Add, Path: "epix100a/default/epix100a_gain.txt"},
		{Op: resolve.Add, Path: "../epix100a/a/b"},
		{Op: resolve.Add, Path: "/etc/passwd"},
		{Op: resolve.Add, Path: "nonsense/a/gain/b"},
		{Op: resolve.Add, Path: "evr/a/gain/b"},
		{Op: resolve.Add, Type: "epix100a", ID: "1-2-3-4-5-6-7", Alias: "0002"},
		{Op: resolve.Replace, Type: "epix100a", ID: "2-2-3-4-5-6-7", Alias: "0002"},
		{Op: resolve.Withdraw, Type: "epix100a", ID: "none"},
		{Op: resolve.Withdraw, Type: "epix100a", Alias: "0009"},
		{Op: resolve.Add, Type: "epix100a"},
		{Op: resolve.Withdraw, Type: "epix100a", ID: "1-2-3-4-5-6-7", Alias: "0001"},
		{Op: "move", Path: there},
	} {
		if _, err := s.With(ch); !errors.Is(err, resolve.ErrChange) {
			t.Errorf("%+v: error %v, want ErrChange", ch, err)
		}
	}
}

func TestTwin(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	tree.aliases("epix100a", "1-2-3-4-5-6-7", "9-2-3-4-5-6-7", "1-2-3-4-5-6-8")
	tree.write(name("epix100a", "9-2-3-4-5-6-7", "0002", 20160101000000, "gain"), "x")
	tree.aliases("jungfrau", "1-2-3")
	tree.write(name("jungfrau", "1-2-3", "0001", 20160101000000, "pedestals"), "x")
	s := tree.load(resolve.Options{})
	for _, test := range []struct{ typ, id, ctype, want string }{
		{"epix100a", "1-2-3-4-5-6-7", "pixel_gain", "9-2-3-4-5-6-7"},
		{"epix100a", "5-2-3-4-5-6-7", "pixel_gain", "9-2-3-4-5-6-7"}, // of no record
		{"epix100a", "1-2-3-4-5-6-7", "pedestals", ""},
		{"epix100a", "9-2-3-4-5-6-7", "pixel_gain", ""},
		{"epix100a", "1-2-3-4-5-6-8", "pixel_gain", ""},
		{"jungfrau", "1-7-3", "pedestals", "1-2-3"},
		{"jungfrau", "2-2-3", "pedestals", ""},
	} {
		if got, _ := s.Twin(resolve.Key{Type: test.typ, ID: test.id}, test.ctype); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestSumAndDigest(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	tree.aliases("epix100a", "1-2-3-4-5-6-7")
	file := name("epix100a", "1-2-3-4-5-6-7", "0001", 20160101000000, "gain")
	tree.write(file, "first")
	s := tree.load(resolve.Options{})
	chosen := s.At(resolve.Key{Type: "epix100a", ID: "1-2-3-4-5-6-7"}, "pixel_gain", 20990101000000).File
	want, _, err := digest.Of(t.Context(), strings.NewReader("first"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Sum(t.Context(), digest.New(), chosen); err != nil || got != want {
		t.Errorf("%v, %v", got, err)
	}
	for _, pool := range pools {
		if again := tree.load(resolve.Options{Pool: pool}); again.Digest() != s.Digest() {
			t.Errorf("%d workers: another digest of the same repository", pool.Workers)
		}
	}
	tree.write(file, "second")
	if _, err := s.Sum(t.Context(), digest.New(), chosen); !errors.Is(err, digest.ErrChanged) {
		t.Errorf("changed since the listing: error %v", err)
	}
	if tree.load(resolve.Options{}).Digest() == s.Digest() {
		t.Error("the digest is that of other content")
	}
	ch := resolve.Change{Op: resolve.Replace, Path: file}
	for _, content := range []digest.Sum{{}, {7}} {
		ch.Content = content
		with, err := s.With(ch)
		if err != nil {
			t.Fatal(err)
		}
		chosen := with.At(resolve.Key{Type: "epix100a", ID: "1-2-3-4-5-6-7"}, "pixel_gain", 20990101000000).File
		if got, err := with.Sum(t.Context(), digest.New(), chosen); got != content || errors.Is(err, resolve.ErrContent) != (content == digest.Sum{}) {
			t.Errorf("hypothetical: %v, %v", got, err)
		}
	}
}

// TestCannotBeKnown: nothing older, no default and no silence where something
// cannot be read.
func TestCannotBeKnown(t *testing.T) {
	t.Parallel()
	const id = "1-2-3-4-5-6-7"
	for _, test := range []struct {
		name, want string
		damage     func(tree)
	}{
		{"conflict of the alias files", "contradict", func(tree tree) {
			tree.write("epix100a/.aliases.txt", "0005 "+id+" 2022-06-09T12:19:26 user\n")
		}},
		{"alias file is a link", "cannot be trusted", func(tree tree) { tree.link("epix100a/.aliases.txt", "/etc/passwd") }},
		{"ctype outside", "leads out", func(tree tree) { tree.link("epix100a/"+id+"/gain", "/etc") }},
		{"ctype dangles", "nowhere", func(tree tree) { tree.link("epix100a/"+id+"/gain", "none") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			tree := newTree(t)
			tree.aliases("epix100a", id)
			tree.write(name("epix100a", id, "0001", 20160101000000, "pixel_gain"), "x")
			tree.write("epix100a/default/epix100a_default_gain.txt", "x")
			test.damage(tree)
			s := tree.load(resolve.Options{})
			choice := s.At(resolve.Key{Type: "epix100a", ID: id}, "pixel_gain", 20990101000000)
			if choice.File == nil || !strings.Contains(choice.File.Err, test.want) {
				t.Errorf("chosen %+v, want an Err with %q", choice.File, test.want)
			}
			if !slices.ContainsFunc(s.Problems(), func(p resolve.Problem) bool { return strings.Contains(p.Message, test.want) }) {
				t.Errorf("problems %v", s.Problems())
			}
		})
	}
}

func TestLinksInsideAreFollowed(t *testing.T) {
	t.Parallel()
	const id = "1-2-3-4-5-6-7"
	tree := newTree(t)
	tree.aliases("epix100a", id)
	tree.write("store/constants.txt", "x")
	file := name("epix100a", id, "0001", 20160101000000, "gain")
	tree.link(file, tree.dir+"/store/constants.txt")
	chosen := tree.load(resolve.Options{}).At(resolve.Key{Type: "epix100a", ID: id}, "pixel_gain", 20990101000000).File
	info, err := os.Stat(filepath.Join(tree.dir, "store/constants.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if chosen.Err != "" || !chosen.Stat.Same(digest.StatOf(info)) {
		t.Errorf("%+v, want the identity of the link's target", chosen)
	}
}

func TestOptionsNarrow(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	tree.fill(rand.New(rand.NewPCG(3, 3)))
	s := tree.load(resolve.Options{Types: []string{"epix100a"}, CTypes: []string{"pixel_gain"}})
	if diff := cmp.Diff([]string{"epix100a"}, s.Types()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"pixel_gain"}, s.CTypes("epix100a")); diff != "" {
		t.Error(diff)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := resolve.Load(cancelled, tree.open(), resolve.Options{}); !errors.Is(err, pipeline.ErrNotAttempted) {
		t.Errorf("cancelled: %v", err)
	}
}

// large makes a repository of 6 ctypes x 5 files for each panel.
func large(b *testing.B, panels int) (tree, []resolve.Key) {
	b.Helper()
	tree := newTree(b)
	var list []string
	var keys []resolve.Key
	for i := range panels {
		id := fmt.Sprintf("%010d-0996663297-3791650826-1232098304-0953206283-2655595777-0520093713", i)
		list, keys = append(list, id), append(keys, resolve.Key{Type: "epix100a", ID: id})
		for _, ctype := range []string{"gain", "pixel_gain", "common_mode", "geometry", "pedestals", "pixel_rms"} {
			for year := range 5 {
				tree.write(name("epix100a", id, fmt.Sprintf("%04d", i+1), repo.Stamp(20150101000000+year*10000000000), ctype), "x")
			}
		}
	}
	tree.aliases("epix100a", list...)
	return tree, keys
}

func BenchmarkLoad(b *testing.B) {
	tree, _ := large(b, 500)
	r := tree.open()
	var took, bare time.Duration
	for b.Loop() {
		start := time.Now()
		if _, err := resolve.Load(b.Context(), r, resolve.Options{}); err != nil {
			b.Fatal(err)
		}
		took += time.Since(start)
		start = time.Now()
		err := filepath.WalkDir(tree.dir, func(_ string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				_, err = d.Info()
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		bare += time.Since(start)
	}
	b.ReportMetric(float64(bare)/float64(took), "walk+lstat/load")
}

func BenchmarkAt(b *testing.B) {
	tree, keys := large(b, 200)
	s := tree.load(resolve.Options{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if s.At(keys[i%len(keys)], "pixel_gain", repo.Stamp(20150601000000+(i%5)*10000000000)).File == nil {
			b.Fatal("nothing chosen")
		}
	}
}

// TestBrokenAmongMany: detectors that are links to nothing, or that everybody may
// write, are counted while others are still being listed.
func TestBrokenAmongMany(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	var ids []string
	for i := range 300 {
		id := fmt.Sprintf("%d-2-3-4-5-6-7", i)
		ids = append(ids, id)
		if i%2 == 0 {
			tree.link("epix100a/"+id, "nowhere")
			continue
		}
		tree.write("epix100a/"+id+"/gain/.keep", "")
		if err := os.Chmod(filepath.Join(tree.dir, "epix100a", id), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	tree.aliases("epix100a", ids...)
	s := tree.load(resolve.Options{Pool: pipeline.Options{Workers: 7}})
	open := slices.ContainsFunc(s.Problems(), func(p resolve.Problem) bool {
		return p.Message == "150 files and directories can be written by everybody"
	})
	broken := s.At(resolve.Key{Type: "epix100a", ID: "4-2-3-4-5-6-7"}, "pixel_gain", 20990101000000).File
	if !open || len(s.Problems()) < 151 || broken == nil {
		t.Errorf("%d problems, chosen %+v", len(s.Problems()), broken)
	}
}
