// Package testenv is what the tests of this project ask of their machine: the
// shared reference data beside the project's root, the built program and its exit status,
// directories in memory, test binaries as processes of their own, and a count of the reference
// cases that ran.
//
// With SHARED=required in the environment a missing folder, or any call of Skip,
// fails the test instead of skipping it; continuous integration runs that way.
package testenv

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Required reports whether a skip is a failure in this run.
func Required() bool { return os.Getenv("SHARED") == "required" }

// Skip skips the test with a reason, or fails it where skips are not allowed.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if Required() {
		t.Fatalf("SHARED=required, but this test would be skipped: "+format, args...)
	}
	t.Skipf(format, args...)
}

// Root returns the root folder of the project.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = up
	}
}

// Shared returns the path of elem below the shared reference data
// (../shared/data beside the project's root), and skips the test where that is
// absent.
func Shared(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{filepath.Dir(Root(t)), "shared", "data"}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		Skip(t, "the shared reference data is absent: %v", err)
	}
	return path
}

// Case counts one reference case of the group: the report of `make test` adds
// the groups up.
func Case(t testing.TB, group string) {
	t.Helper()
	t.Logf("reference case of %s", group)
}

// Unpack copies the tree below src into dst, with every NAME.gz unpacked to NAME.
// Files are copied rather than linked, so that tests may change them.
func Unpack(t testing.TB, dst, src string) {
	t.Helper()
	err := filepath.WalkDir(src, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(src, path)
		if err != nil {
			return err
		}
		target := filepath.Join(dst, rel)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		return unpackFile(strings.TrimSuffix(target, ".gz"), path)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func unpackFile(dst, src string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	var from io.Reader = in
	if strings.HasSuffix(src, ".gz") {
		if from, err = gzip.NewReader(in); err != nil {
			return err
		}
	}
	out, err := os.Create(dst)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}
