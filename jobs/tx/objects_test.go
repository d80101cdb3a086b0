package tx_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"
	"go.uber.org/goleak"

	"deployconstants/jobs/tx"
)

var public = tx.Access{Mode: 0o664, GID: -1}

func put(t testing.TB, objects *tx.Objects, text string, a tx.Access) tx.Content {
	t.Helper()
	c, err := objects.Put(t.Context(), strings.NewReader(text), a)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(objects *tx.Objects, c tx.Content) (string, error) {
	r, err := objects.Open(c)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	return string(text), errors.Join(err, r.Close())
}

// objectPath returns the file of a content.
func objectPath(dir string, c tx.Content) string {
	return filepath.Join(dir, "objects", c.SHA256[:1], c.SHA256+".zst")
}

// files returns the paths of all files below the directory.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return all
}

// Contents are kept once, whatever their size, and come back as they were.
func TestObjects(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	objects := openStore(t, dir).Objects()
	for _, text := range []string{"", "x", strings.Repeat("1.0 2.0\n", 1<<17)} {
		c := put(t, objects, text, public)
		if c != content(text) || !objects.Has(c.SHA256) {
			t.Errorf("%+v", c)
		}
		if got, err := read(objects, c); got != text || err != nil {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	put(t, objects, "x", public)
	if all := files(t, dir); len(all) != 3 {
		t.Errorf("%v", all)
	}
	absent := content("absent")
	if _, err := objects.Open(absent); !errors.Is(err, tx.ErrNoObject) || objects.Has(absent.SHA256) {
		t.Errorf("absent: %v", err)
	}
	for _, bad := range []string{"", "../../../etc/passwd", strings.Repeat("Z", 64)} {
		if _, err := objects.Open(tx.Content{SHA256: bad}); !errors.Is(err, tx.ErrRecord) || objects.Has(bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A batch keeps nothing before Commit, and its rest goes with Abort.
func TestBatch(t *testing.T) {
	dir := t.TempDir()
	objects := openStore(t, dir).Objects()
	batch := objects.Batch()
	for _, text := range []string{"a", "b", "a"} {
		if _, err := batch.Put(t.Context(), strings.NewReader(text), public); err != nil {
			t.Fatal(err)
		}
	}
	if objects.Has(content("a").SHA256) {
		t.Error("kept before Commit")
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := batch.Commit(cancelled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := batch.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := batch.Abort(); err != nil {
		t.Error(err)
	}
	if len(files(t, dir)) != 2 || !objects.Has(content("a").SHA256) || !objects.Has(content("b").SHA256) {
		t.Errorf("%v", files(t, dir))
	}
	batch = objects.Batch()
	if _, err := batch.Put(t.Context(), strings.NewReader("c"), public); err != nil {
		t.Fatal(err)
	}
	if _, err := batch.Put(cancelled, strings.NewReader("d"), public); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if err := batch.Abort(); err != nil || len(files(t, dir)) != 2 {
		t.Errorf("%v, %v", files(t, dir), err)
	}
}

// An object is readable by nobody who could not read one of its files.
func TestObjectMode(t *testing.T) {
	own := os.Getgid()
	for name, test := range map[string]struct {
		access []tx.Access
		want   fs.FileMode
	}{
		"public":              {[]tx.Access{{Mode: 0o664, GID: own}}, 0o444},
		"world only":          {[]tx.Access{{Mode: 0o604, GID: own}}, 0o404},
		"group":               {[]tx.Access{{Mode: 0o640, GID: own}}, 0o440},
		"another group":       {[]tx.Access{{Mode: 0o660, GID: own + 1}}, 0o400},
		"private":             {[]tx.Access{{Mode: 0o600, GID: own}}, 0o400},
		"with a list":         {[]tx.Access{{Mode: 0o664, GID: own, ACL: true}}, 0o400},
		"public, private":     {[]tx.Access{{Mode: 0o664, GID: own}, {Mode: 0o600, GID: own}}, 0o400},
		"private, public":     {[]tx.Access{{Mode: 0o600, GID: own}, {Mode: 0o664, GID: own}}, 0o400},
		"set-group-id public": {[]tx.Access{{Mode: 0o2664, GID: own}}, 0o444},
	} {
		t.Run(name, func(t *testing.T) {
			for _, together := range []bool{false, true} {
				dir := t.TempDir()
				objects := openStore(t, dir).Objects()
				batch := objects.Batch()
				var c tx.Content
				for _, a := range test.access {
					if !together {
						c = put(t, objects, "x", a)
						continue
					}
					var err error
					if c, err = batch.Put(t.Context(), strings.NewReader("x"), a); err != nil {
						t.Fatal(err)
					}
				}
				if err := batch.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
				info, err := os.Stat(objectPath(dir, c))
				if err != nil || info.Mode().Perm() != test.want {
					t.Errorf("in one batch %v: %v, want %v; %v", together, info.Mode(), test.want, err)
				}
			}
		})
	}
}

// Damaged, replaced and oversized objects are errors at the latest at their end.
func TestObjectDamaged(t *testing.T) {
	dir := t.TempDir()
	objects := openStore(t, dir).Objects()
	text := strings.Repeat("1.0 2.0 3.5\n", 40)
	c := put(t, objects, text, public)
	path := objectPath(dir, c)
	whole := readFile(t, path)
	write := func(data []byte) {
		t.Helper()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		writeFile(t, path, data)
	}
	for at := range whole {
		write(whole[:at])
		if _, err := read(objects, c); !errors.Is(err, tx.ErrDamaged) {
			t.Fatalf("cut at %d: %v", at, err)
		}
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x10
		write(flipped)
		if got, err := read(objects, c); err == nil && got != text {
			t.Fatalf("byte %d: other bytes without an error", at)
		}
	}
	write(readFile(t, objectPath(dir, put(t, objects, "another", public))))
	if _, err := read(objects, c); !errors.Is(err, tx.ErrDamaged) || !strings.Contains(err.Error(), path) {
		t.Errorf("another content: %v", err)
	}
	encoder, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	write(encoder.EncodeAll(make([]byte, 64<<20), nil))
	if got, err := read(objects, c); !errors.Is(err, tx.ErrTooLarge) || int64(len(got)) > c.Size {
		t.Errorf("a bomb: %d bytes, %v", len(got), err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", path); err != nil {
		t.Fatal(err)
	}
	if _, err := objects.Open(c); err == nil || objects.Has(c.SHA256) {
		t.Error("a link was followed")
	}
	if _, err := objects.Put(t.Context(), strings.NewReader(text), public); !errors.Is(err, fs.ErrExist) {
		t.Errorf("put over a link: %v", err)
	}
	// A damaged object is mended by the next one of its content.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, whole[:5])
	put(t, objects, text, public)
	if got, err := read(objects, c); got != text || err != nil {
		t.Errorf("mended: %v", err)
	}
}

// One content may be put by many at once.
func TestObjectsAtOnce(t *testing.T) {
	dir := t.TempDir()
	objects := openStore(t, dir).Objects()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for i := range 20 {
				text := strings.Repeat("x", i)
				c, err := objects.Put(t.Context(), strings.NewReader(text), public)
				if err != nil {
					t.Error(err)
					return
				}
				if got, err := read(objects, c); got != text || err != nil {
					t.Errorf("%q, %v", got, err)
				}
			}
		})
	}
	group.Wait()
	if all := files(t, dir); len(all) != 20 {
		t.Errorf("%d files", len(all))
	}
}
