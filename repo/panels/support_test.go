package panels_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deployconstants/repo"
	"deployconstants/repo/panels"
)

// now is a moment after all stamps of the tests: 2024-12-01T12:00:00 at SLAC.
func now() time.Time { return time.Unix(1733083200, 0) }

func options() repo.Options {
	return repo.Options{Group: -1, Now: now, User: "dubrovin", Host: "psanagpu105", WorkDir: "/home/dubrovin"}
}

// constants makes an empty documented repository.
func constants(t testing.TB) *repo.Repository {
	t.Helper()
	r, err := repo.Create(filepath.Join(t.TempDir(), "constants"), options())
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

// gains opens a repository of gains, which is made.
func gains(t testing.TB, dir string, o panels.GainsOptions) *panels.Gains {
	t.Helper()
	o.Options, o.Make = options(), true
	g, err := panels.OpenGains(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func typeNamed(t testing.TB, name string) repo.DetType {
	t.Helper()
	typ, err := repo.TypeNamed(name)
	if err != nil {
		t.Fatal(err)
	}
	return typ
}

// write puts a file into a directory and makes its parents.
func write(t testing.TB, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// flat is a table with one number everywhere.
func flat(rows, columns int, number string) string {
	row := strings.Repeat(number+" ", columns-1) + number + "\n"
	return strings.Repeat(row, rows)
}

// epix is a flat table of an Epix10ka's panel.
func epix(number string) string { return flat(352, 384, number) }

// jungfrau is a flat table of a Jungfrau's module.
func jungfrau(number string) string { return flat(512, 1024, number) }

// name is that of a table below the directory of a panel.
func name(word, dir, ctype, mode string, stamp repo.Stamp) string {
	return fmt.Sprintf("%s/%s_0007_%s_mfxx32516_r1021_%s_%s.dat", dir, word, stamp, ctype, mode)
}

// cell returns the first number of a panel in a gain, and whether all are equal.
func cell(m *panels.Merged, gain, panel int) (float64, bool) {
	size := m.Array.Shape[2] * m.Array.Shape[3]
	at := (gain*m.Array.Shape[1] + panel) * size
	values := m.Array.Floats[at : at+size]
	for _, v := range values {
		if v != values[0] {
			return values[0], false
		}
	}
	return values[0], true
}

// firsts returns the first numbers of every panel and gain, gains together.
func firsts(m *panels.Merged) [][]float64 {
	out := make([][]float64, m.Array.Shape[0])
	for gain := range out {
		for panel := range m.Array.Shape[1] {
			v, _ := cell(m, gain, panel)
			out[gain] = append(out[gain], v)
		}
	}
	return out
}
