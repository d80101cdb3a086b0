package xtcdump_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deployconstants/internal/testenv"
	"deployconstants/xtc"
	"deployconstants/xtc/xtcdump"
)

// roundedStamps are the time stamps that differ on purpose (row 9 of the compatibility
// notes): the original adds the nanoseconds as a double, which rounds 999999950 ns up to
// the next second.
var roundedStamps = map[string]string{
	"psdm/XPP/xpptut15/xtc/e665-r0262-s00-c00.xtc": ".dgrams[0].run_tstamp_LA: 20160318210000, want 20160318210001",
}

// unprinted are the fields of the reference that this dump does not have: what is in
// the pixels.
var unprinted = map[string]bool{"data": true, "uncompressed": true}

func losAngeles(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("America/Los_Angeles")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func dumpJSON(t *testing.T, path, name string) any {
	t.Helper()
	f, err := xtc.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	if err := xtcdump.JSON(&out, f, name, losAngeles(t)); err != nil {
		t.Fatalf("JSON(%s): %v", name, err)
	}
	return parse(t, out.Bytes())
}

func parse(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("not JSON: %v", err)
	}
	return v
}

// differences appends where got and want differ. Got may lack the unprinted fields and
// have no others that want lacks.
func differences(list []string, at string, got, want any) []string {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return append(list, fmt.Sprintf("%s: no object", at))
		}
		for key, w := range want {
			g, ok := got[key]
			switch {
			case ok:
				list = differences(list, at+"."+key, g, w)
			case !unprinted[key]:
				list = append(list, fmt.Sprintf("%s.%s: missing", at, key))
			}
		}
		for key := range got {
			if _, ok := want[key]; !ok {
				list = append(list, fmt.Sprintf("%s.%s: not in the reference", at, key))
			}
		}
		return list
	case []any:
		got, ok := got.([]any)
		if !ok || len(got) != len(want) {
			return append(list, fmt.Sprintf("%s: not a list of %d", at, len(want)))
		}
		for i := range want {
			list = differences(list, fmt.Sprintf("%s[%d]", at, i), got[i], want[i])
		}
		return list
	case json.Number:
		if g, ok := got.(json.Number); ok && sameNumber(g, want) {
			return list
		}
	default:
		if got == want {
			return list
		}
	}
	return append(list, fmt.Sprintf("%s: %v, want %v", at, got, want))
}

// sameNumber compares integers by their digits and the rest as doubles.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	if !strings.ContainsAny(string(a)+string(b), ".eE") {
		return false
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && x == y
}

// compareAll compares the dump of every file below data with the expectation of the
// same path below expect, and returns how many there were.
func compareAll(t *testing.T, group, data, expect string) int {
	count := 0
	err := filepath.WalkDir(expect, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".xtc.json") {
			return err
		}
		name, err := filepath.Rel(expect, strings.TrimSuffix(path, ".json"))
		if err != nil {
			return err
		}
		count++
		t.Run(name, func(t *testing.T) {
			testenv.Case(t, group)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			want := parse(t, text)
			got := dumpJSON(t, filepath.Join(data, name), want.(map[string]any)["file"].(string))
			var wanted []string
			if difference, ok := roundedStamps[name]; ok {
				wanted = append(wanted, difference)
			}
			if diff := cmp.Diff(wanted, differences(nil, "", got, want)); diff != "" {
				t.Errorf("unlike the reference (-expected +found differences):\n%s", diff)
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

func TestJSONEqualsReference(t *testing.T) {
	data := t.TempDir()
	testenv.Unpack(t, data, testenv.Shared(t, "xtc", "data"))
	if n := compareAll(t, "xtc files", data, testenv.Shared(t, "xtc", "expect", "files")); n != 45 {
		t.Errorf("%d files compared, want 45", n)
	}
}

func TestJSONEqualsReferenceOfRealFiles(t *testing.T) {
	if n := compareAll(t, "real files", testenv.Shared(t, "real", "xtc"), testenv.Shared(t, "real", "expect")); n != 8 {
		t.Errorf("%d files compared, want 8", n)
	}
}
