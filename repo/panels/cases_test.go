package panels_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deployconstants/internal/testenv"
	"deployconstants/repo"
	"deployconstants/repo/panels"
)

// A mergeCase is a case.json of data/dark, as far as it says what was merged.
type mergeCase struct {
	Exp, Source string
	Run         int     // 0: that of the last mode
	HardwareIDs [][]int `json:"panel_hw_ids"`
	ModuleIDs   [][]int `json:"module_ids"`
	Modes       []struct {
		Run       int
		Generator struct{ Shape []int }
	}
	Deploy struct {
		Proc              string // letters
		High, Medium, Low float64
	} `json:"deploy_params"`
	Expected struct {
		Text map[string]struct{ Member string }
	}
}

// family and kinds are those of the case's detector.
func (c mergeCase) family(t *testing.T) (panels.Family, []panels.Kind) {
	t.Helper()
	if c.ModuleIDs != nil {
		return panels.Jungfrau, panels.JungfrauKinds()
	}
	kinds, err := panels.ByLetters(c.Deploy.Proc, panels.Factors{High: c.Deploy.High, Medium: c.Deploy.Medium, Low: c.Deploy.Low})
	if err != nil {
		t.Fatal(err)
	}
	return panels.Epix10ka, kinds
}

// ids are those of the panels.
func (c mergeCase) ids() (all []string) {
	for _, id := range c.ModuleIDs {
		all = append(all, fmt.Sprintf("%x-%x-%x", id[0], id[1], id[2]))
	}
	for _, id := range c.HardwareIDs {
		fields := make([]string, len(id))
		for i, n := range id {
			fields[i] = fmt.Sprintf("%010d", n)
		}
		all = append(all, strings.Join(fields, "-"))
	}
	return all
}

// readMergeCase returns a case, and its files as the reference's programs left them, by
// name.
func readMergeCase(t *testing.T, dir string) (c mergeCase, files map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "case.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	if c.Run == 0 {
		c.Run = c.Modes[len(c.Modes)-1].Run
	}
	packed, err := os.Open(filepath.Join(dir, "text.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer packed.Close()
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	members := map[string][]byte{}
	for archive := tar.NewReader(unpacked); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if members[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
	files = map[string][]byte{}
	for name, want := range c.Expected.Text {
		text, packed := members[want.Member]
		if !packed {
			t.Fatalf("the case has no text of %s", name)
		}
		files[name] = text
	}
	return c, files
}

// TestReference merges the tables of the cases of darks, epix10kas' and Jungfraus', in a
// repository of gains. Every file that the reference's programs merged of them must come
// out byte for byte: of each panel, of all, and what they deployed of it. One case ends
// with the tables.
func TestReference(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join(testenv.Shared(t, "dark"), "[ej]*"))
	if err != nil {
		t.Fatal(err)
	}
	merged := 0
	for _, dir := range dirs {
		c, files := readMergeCase(t, dir)
		if !slices.ContainsFunc(slices.Collect(maps.Keys(files)), isMerged) {
			continue
		}
		merged++
		t.Run(filepath.Base(dir), func(t *testing.T) {
			testenv.Case(t, "dark, merged")
			mergeReference(t, c, files)
		})
	}
	if merged == 0 || merged != len(dirs)-1 {
		t.Errorf("%d of %d cases were merged", merged, len(dirs))
	}
}

// isMerged reports whether a file is none of the tables, aliases, and records.
func isMerged(name string) bool {
	return strings.HasSuffix(name, ".data") || strings.HasSuffix(name, ".txt") && !strings.HasPrefix(filepath.Base(name), ".")
}

func mergeReference(t *testing.T, c mergeCase, files map[string][]byte) {
	t.Chdir(t.TempDir()) // the reference names files relative to it
	const dir = "work"
	for name, text := range files {
		if strings.HasPrefix(name, dir+"/") && !isMerged(name) {
			write(t, ".", name, string(text))
		}
	}
	family, kinds := c.family(t)
	g, err := panels.OpenGains(dir, panels.GainsOptions{Family: family, Options: repo.Options{
		Group: -1, User: "refuser", Host: "refhost", WorkDir: "/refdir", Zone: time.UTC,
		Now: func() time.Time { return time.Date(2023, 11, 14, 14, 13, 20, 0, time.UTC) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	typ, err := repo.TypeOfSource(c.Source)
	if err != nil {
		t.Fatal(err)
	}
	ids, shape := c.ids(), c.Modes[0].Generator.Shape
	origin := panels.Origin{Experiment: c.Exp, Run: c.Run, Stamp: 20200913052640}
	got := map[string]string{} // paths, by the name that the case has
	for _, k := range kinds {
		recipe := choose(t, g.Store(), k.OfSize(shape[len(shape)-2], shape[len(shape)-1]), origin.Stamp, ids...)
		if err := recipe.Check(); err != nil {
			t.Error(err)
		}
		m := merge(t, recipe)
		for panel, id := range ids {
			alias, err := g.LookupAlias(typ, id)
			if err != nil {
				t.Fatal(err)
			}
			path, err := g.WritePanel(k, id, alias, origin, m.Panel(panel))
			if err != nil {
				t.Fatal(err)
			}
			got[path] = path
		}
		path, err := g.WriteMerge(k, c.Source, origin, m.Array)
		if err != nil {
			t.Fatal(err)
		}
		got[path] = path
		got[fmt.Sprintf("calib/%s::CalibV1/%s/%s/%d-end.data", typ.Device, c.Source, k.Deployed, c.Run)] = path // is a copy
	}
	compared := 0
	for name, want := range files {
		if !isMerged(name) {
			continue
		}
		text, err := os.ReadFile(got[name])
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was not merged", name)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		compared++
		testenv.SameLines(t, name, text, want)
	}
	if compared != len(got) || compared != len(kinds)*(len(ids)+2) {
		t.Errorf("%d files compared, of %d that were merged", compared, len(got))
	}
}
