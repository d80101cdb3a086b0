package repo_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"deployconstants/internal/testenv"
	"deployconstants/repo"
)

// The detector of the documentation.
const (
	epixSource = "XcsEndstation.0:Epix100a.1"
	epixID     = "3925999616-0996579585-0553648138-1232098304-1221641739-2650251521-3976200215"
)

// now is the moment of the golden cases: 2022-06-09T12:19:26 at SLAC.
func now() time.Time { return time.Unix(1654802366, 0) }

func options() repo.Options {
	return repo.Options{Group: -1, Now: now, User: "dubrovin", Host: "psanagpu105", WorkDir: "/home/dubrovin"}
}

// open makes an empty repository.
func open(t testing.TB, o repo.Options) *repo.Repository {
	t.Helper()
	r, err := repo.Create(filepath.Join(t.TempDir(), "constants"), o)
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

// memoryDir returns a new directory in memory, where thousands of fsyncs take no
// time, or on disk where there is no such place.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "constants")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// epix is the panel of an epix100a with that id.
func epix(t testing.TB, id string) repo.Panel { return panel(t, epixSource, id) }

func panel(t testing.TB, source, id string) repo.Panel {
	t.Helper()
	detType, err := repo.TypeOfSource(source)
	if err != nil {
		t.Fatal(err)
	}
	return repo.Panel{Type: detType, ID: id, Source: source}
}

// write puts a file into the repository and makes its directories.
func write(t testing.TB, r *repo.Repository, name, content string) string {
	t.Helper()
	path := filepath.Join(r.Dir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// table reads a table of the original's functions.
func table[Row any](t *testing.T, name string) []Row {
	t.Helper()
	text, err := os.ReadFile(testenv.Shared(t, "golden", "tables", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []Row
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}
