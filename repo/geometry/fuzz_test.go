package geometry_test

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/repo/geometry"
)

// objectsOf is the saved form behind the comments.
func objectsOf(g *geometry.Geometry) []byte {
	_, objects, _ := bytes.Cut(append([]byte("\n"), g.Bytes()...), []byte("\n\n"))
	return objects
}

// FuzzParse: whatever the file holds, it is refused with one of the two errors, or
// its saved form is read again and, once comments are without empty ones, saves to
// itself; it can be moved, and has pixels in finite places.
func FuzzParse(f *testing.F) {
	f.Add([]byte(epix))
	f.Add([]byte("IP 0 MTRX:V2:3840:3840:44.271:44.271 0 0 0 1000000 90 0 0 0 0 0\r\n"))
	f.Add([]byte("A 0 B 0 0 0 0 0 0 0 0 0 0\nB 0 A 0 0 0 0 0 0 0 0 0 0"))
	f.Add([]byte("IP 0 A 0 1e15 -1e15 1e15 -0 -0.0004 359.9996 0 0 0\nA 0 MTRX:1:65536:1e9:1 -1 0 0 0 0 0 0 0 0 0"))
	if files, err := filepath.Glob(filepath.Join(testenv.Root(f), "../shared/data/real/geometry_def/*")); err == nil {
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		g, err := geometry.Parse(bytes.NewReader(text))
		if err != nil {
			if !errors.Is(err, geometry.ErrFormat) && !errors.Is(err, geometry.ErrTooLarge) {
				t.Fatal(err)
			}
			return
		}
		g.SetMatrix(geometry.Matrix{Rows: 2, Cols: 3, RowPitch: 4, ColPitch: 5})
		if frame, err := g.Beam(); err == nil {
			if _, err := g.Move(frame, geometry.Position{X: 1, Z: -1, RotY: 180}); err != nil && !errors.Is(err, geometry.ErrChildren) {
				t.Fatal(err)
			}
		}
		saved := g.Bytes()
		again := parse(t, string(parse(t, string(saved)).Bytes()))
		if objects := again.Objects(); len(objects) != len(g.Objects()) || !bytes.HasSuffix(saved, objectsOf(again)) {
			t.Fatalf("saved as %q, then as %q", saved, again.Bytes())
		}
		if once := again.Bytes(); !bytes.Equal(parse(t, string(once)).Bytes(), once) {
			t.Fatalf("%q does not save to itself", once)
		}
		extent, err := g.Extent()
		if err != nil && !errors.Is(err, geometry.ErrSegment) {
			t.Fatal(err)
		}
		for i := range 3 {
			if err == nil && (math.IsInf(extent.Min[i], 0) || math.IsNaN(extent.Max[i]) || extent.Min[i] > extent.Max[i]) {
				t.Fatalf("%+v", extent)
			}
		}
	})
}
