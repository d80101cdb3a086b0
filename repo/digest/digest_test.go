package digest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"deployconstants/pipeline"
	"deployconstants/repo/digest"
)

// changed returns when the file was changed last.
func changed(t testing.TB, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(0, digest.StatOf(info).ChangeTime)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sumOf(t testing.TB, c *digest.Cache, path string) digest.Sum {
	t.Helper()
	sum, _, err := c.Sum(t.Context(), path, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func load(t testing.TB, path string) *digest.Cache {
	t.Helper()
	c, err := digest.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func direct(t testing.TB, text string) digest.Sum {
	t.Helper()
	sum, _, err := digest.Of(t.Context(), strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

func TestRemembersUnchangedFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, saved := filepath.Join(dir, `odd "name" \ü`), filepath.Join(dir, "state", "digests", "files.jsonl.zst")
	write(t, path, "one")
	c := load(t, saved)
	age := 99 * time.Millisecond
	c.SetNow(func() time.Time { return changed(t, path).Add(age) })
	if got := sumOf(t, c, path); got != direct(t, "one") || c.Len() != 0 {
		t.Fatalf("fresh file: %v, %d remembered; want the digest, and none since it is racily clean", got, c.Len())
	}
	age = 2 * time.Second
	for range 3 {
		sumOf(t, c, path)
	}
	if c.Reads() != 2 {
		t.Errorf("%d reads, want 2: racily clean, then remembered", c.Reads())
	}
	c.PutVerdict("key", "bad: \n shape")
	if err := c.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := load(t, saved)
	if got := sumOf(t, again, path); got != direct(t, "one") || again.Reads() != 0 {
		t.Errorf("after loading: %v with %d reads, want the digest without any", got, again.Reads())
	}
	if text, known := again.Verdict("key"); !known || text != "bad: \n shape" {
		t.Errorf("verdict %q, %t", text, known)
	}
	before, err := os.Stat(saved)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after, err := os.Stat(saved); err != nil || !os.SameFile(before, after) {
		t.Errorf("an unchanged cache was written again: %v", err)
	}
	// Same size and mtime, other bytes: ctime tells.
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, "two")
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if got := sumOf(t, again, path); got != direct(t, "two") {
		t.Errorf("after a change that kept size and mtime: %v", got)
	}
}

func TestSumReportsWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, "x")
	refused := errors.New("refused")
	c := digest.New()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, test := range []struct {
		name, path string
		ctx        context.Context
		open       func() (*os.File, error)
		want       error
	}{
		{"missing", filepath.Join(dir, "none"), t.Context(), nil, os.ErrNotExist},
		{"not opened", file, t.Context(), func() (*os.File, error) { return nil, refused }, refused},
		{"a directory", dir, t.Context(), func() (*os.File, error) { return os.Open(dir) }, os.ErrInvalid},
		{"cancelled", file, cancelled, func() (*os.File, error) { return os.Open(file) }, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := c.Sum(test.ctx, test.path, test.open); !errors.Is(err, test.want) {
				t.Errorf("error %v, want %v", err, test.want)
			}
		})
	}
}

// filled saves a cache of n entries and returns its path.
func filled(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "files.jsonl.zst")
	c := load(t, path)
	for i := range n {
		name := entryPath(i)
		c.Put(name, statOf(i), direct(t, name))
	}
	if err := c.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
	return path
}

func entryPath(i int) string {
	return fmt.Sprintf("/reg/g/psdm/detector/calib/constants/epix100a/3925999616-0996663297-3791650826-1232098304-0953206283-2655595777-%010d/pixel_gain/epix100a_0001_20170801000000_xpptut15_r0260_pixel_gain.txt", i)
}

func statOf(i int) digest.Stat {
	return digest.Stat{Inode: uint64(i), Size: 4 << 20, ModTime: 1e18 + int64(i), ChangeTime: 1e18 - int64(i)}
}

func TestDamagedCacheIsEmptyAndReplaced(t *testing.T) {
	t.Parallel()
	path := filled(t, 20)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string][]byte{"no zstd": []byte("text"), "empty": {}, "other lines": packed(t, "{}\n"), "line": packed(t, "{\"digests\":1}\n{\"sum\":\"00\"}\n")}
	for cut := 1; cut < len(whole); cut += 13 {
		damages[fmt.Sprintf("cut at %d", cut)] = whole[:cut]
	}
	for at := 0; at < len(whole); at += 7 {
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x55
		damages[fmt.Sprintf("flipped at %d", at)] = flipped
	}
	for name, raw := range damages {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "files.jsonl.zst")
			write(t, path, string(raw))
			c, err := digest.Load(path)
			if !errors.Is(err, digest.ErrDamaged) {
				// A flipped bit may hit what zstd does not look at; then all is right.
				if err != nil || c.Len() != 20 {
					t.Fatalf("error %v with %d entries, want ErrDamaged", err, c.Len())
				}
				return
			}
			if c.Len() != 0 {
				t.Fatalf("%d entries of a damaged cache", c.Len())
			}
			c.Put("/a", statOf(1), digest.Sum{1})
			if err := c.Save(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := load(t, path).Len(); got != 1 {
				t.Errorf("%d entries after it was replaced, want 1", got)
			}
		})
	}
}

func packed(t testing.TB, text string) []byte {
	t.Helper()
	var raw bytes.Buffer
	w, err := zstd.NewWriter(&raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return raw.Bytes()
}

func TestLinkIsNotRead(t *testing.T) {
	t.Parallel()
	path := filled(t, 3)
	link := filepath.Join(t.TempDir(), "files.jsonl.zst")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if c, err := digest.Load(link); err == nil || c.Len() != 0 {
		t.Errorf("a planted link was read: %v, %d entries", err, c.Len())
	}
}

func TestForgetsWhatNobodyAsksFor(t *testing.T) {
	t.Parallel()
	path := filled(t, 2)
	for i := range 31 {
		c := load(t, path)
		if _, known := c.Known(entryPath(0), statOf(0)); !known {
			t.Fatalf("forgotten after %d saves although it was asked for", i)
		}
		c.PutVerdict("n", fmt.Sprint(i))
		if err := c.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, known := load(t, path).Known(entryPath(1), statOf(1)); known {
		t.Error("remembered after 31 saves in which nobody asked")
	}
}

func TestSaversKeepEachOthersEntries(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "files.jsonl.zst")
	first, second := load(t, path), load(t, path)
	first.Put("/first", statOf(1), digest.Sum{1})
	second.Put("/second", statOf(2), digest.Sum{2})
	for _, c := range []*digest.Cache{first, second} {
		if err := c.Save(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]bool{}
	c := load(t, path)
	_, got["/first"] = c.Known("/first", statOf(1))
	_, got["/second"] = c.Known("/second", statOf(2))
	if diff := cmp.Diff(map[string]bool{"/first": true, "/second": true}, got); diff != "" {
		t.Error(diff)
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "files.jsonl.zst")
	c := load(t, path)
	var failed atomic.Int64
	source := func(_ context.Context, emit func(int) error) error {
		for i := range 400 {
			if err := emit(i); err != nil {
				return err
			}
		}
		return nil
	}
	work := func(ctx context.Context, i int) (bool, error) {
		c.Put(entryPath(i), statOf(i), digest.Sum{byte(i)})
		c.PutVerdict("key", fmt.Sprint(i))
		if i%40 == 0 {
			if err := c.Save(ctx); err != nil {
				return false, err
			}
		}
		sum, known := c.Known(entryPath(i), statOf(i))
		return known && sum == digest.Sum{byte(i)}, nil
	}
	err := pipeline.Run(t.Context(), pipeline.Options{Workers: 8}, source, work, func(r pipeline.Result[int, bool]) error {
		if !r.Out {
			failed.Add(1)
		}
		return r.Err
	})
	if err != nil || failed.Load() != 0 {
		t.Errorf("%v, %d lookups failed", err, failed.Load())
	}
}

func FuzzLoad(f *testing.F) {
	path := filled(f, 3)
	whole, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(packed(f, "{\"digests\":1}\n{\"idle\":1,\"verdict\":\"a\\n\",\"key\":\"\\u00fc\"}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "f")
		write(t, path, string(raw))
		c, err := digest.Load(path)
		if err != nil && (!errors.Is(err, digest.ErrDamaged) || c.Len() != 0) {
			t.Errorf("%v with %d entries", err, c.Len())
		}
	})
}

func BenchmarkLoad60000(b *testing.B) {
	path := filled(b, 60000)
	b.ReportAllocs()
	for b.Loop() {
		if load(b, path).Len() != 60000 {
			b.Fatal("entries lost")
		}
	}
}

func BenchmarkKnown(b *testing.B) {
	c := load(b, filled(b, 60000))
	paths, stats := make([]string, 60000), make([]digest.Stat, 60000)
	for i := range paths {
		paths[i], stats[i] = entryPath(i), statOf(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, known := c.Known(paths[i%60000], stats[i%60000]); !known {
			b.Fatal("forgotten")
		}
	}
}
