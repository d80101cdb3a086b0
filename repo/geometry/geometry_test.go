package geometry_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deployconstants/internal/testenv"
	"deployconstants/repo/geometry"
)

const epix = `# TITLE   x
#
#a
##  double
#   spaced    out

` + "  " + `
IP 0 EPIX100:V1 0 1.4 1.5 2.5 90.0004 180.12345 -0.0006 0.000005 0.0000049 -1
# late comment
`

func parse(tb testing.TB, text string) *geometry.Geometry {
	tb.Helper()
	g, err := geometry.Parse(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

func readTable(t *testing.T, name string, rows any) {
	t.Helper()
	text, err := os.ReadFile(testenv.Shared(t, "golden", "tables", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, rows); err != nil {
		t.Fatal(err)
	}
}

// near compares um to a picometre: the original's mathematical library may round
// the last bit of a sine differently.
func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6 }

// TestFiles: psana's default geometries are saved to the byte, and pixels are where
// psana has them.
func TestFiles(t *testing.T) {
	var rows []struct {
		File  string `json:"file"`
		Saved string `json:"saved_text"`
		Want  struct {
			Shape   []int        `json:"shape"`
			Samples [][4]float64 `json:"samples_index_x_y_z"`
			Mean    [3]float64   `json:"mean_xyz"`
			Min     [3]float64   `json:"min_xyz"`
			Max     [3]float64   `json:"max_xyz"`
		} `json:"pixel_coordinates_um"`
	}
	readTable(t, "geometry_files.json", &rows)
	if len(rows) != 10 {
		t.Fatalf("%d files", len(rows))
	}
	for _, row := range rows {
		t.Run(row.File, func(t *testing.T) {
			t.Parallel()
			testenv.Case(t, "tables/geometry_files")
			text, err := os.ReadFile(testenv.Shared(t, "real", "geometry_def", row.File))
			if err != nil {
				t.Fatal(err)
			}
			g := parse(t, string(text))
			if got := string(g.Bytes()); got != row.Saved {
				t.Errorf("saved as\n%s\nwant\n%s", got, row.Saved)
			}
			segments, err := g.Segments()
			if err != nil {
				t.Fatal(err)
			}
			pixels := 1
			for _, side := range row.Want.Shape {
				pixels *= side
			}
			extent, err := g.Extent()
			if err != nil || extent.Pixels != pixels || extent.Segments != len(segments) {
				t.Fatalf("%+v, %v; want %d pixels", extent, err, pixels)
			}
			for i := range 3 {
				if !near(extent.Min[i], row.Want.Min[i]) || !near(extent.Max[i], row.Want.Max[i]) {
					t.Errorf("extent %+v, want %v to %v", extent, row.Want.Min, row.Want.Max)
				}
			}
			for _, sample := range row.Want.Samples {
				segment, in := segmentOf(segments, int(sample[0]), row.File == "geometry-def-cspad2x2.data")
				x, y, z := segment.At(in/segment.Cols, in%segment.Cols)
				if !near(x, sample[1]) || !near(y, sample[2]) || !near(z, sample[3]) {
					t.Errorf("pixel %.0f is at %v %v %v, want %v", sample[0], x, y, z, sample[1:])
				}
			}
			if mean := meanOf(segments); !near(mean[0], row.Want.Mean[0]) || !near(mean[1], row.Want.Mean[1]) || !near(mean[2], row.Want.Mean[2]) {
				t.Errorf("mean %v, want %v", mean, row.Want.Mean)
			}
		})
	}
}

// segmentOf finds a pixel by its index in psana's array, in which the two segments
// of a cspad2x2 are interleaved.
func segmentOf(segments []geometry.Segment, index int, interleaved bool) (*geometry.Segment, int) {
	if interleaved {
		return &segments[index%2], index / 2
	}
	size := segments[0].Rows * segments[0].Cols
	return &segments[index/size], index % size
}

func meanOf(segments []geometry.Segment) [3]float64 {
	var sum [3]float64
	count := 0.0
	for _, s := range segments {
		for row := range s.Rows {
			for col := range s.Cols {
				x, y, z := s.At(row, col)
				sum[0], sum[1], sum[2] = sum[0]+x, sum[1]+y, sum[2]+z
				count++
			}
		}
	}
	return [3]float64{sum[0] / count, sum[1] / count, sum[2] / count}
}

func TestLineFormat(t *testing.T) {
	var rows []struct {
		Pars struct {
			X           float64 `json:"x0"`
			Y           float64 `json:"y0"`
			Z           float64 `json:"z0"`
			RotZ        float64 `json:"rot_z"`
			RotY        float64 `json:"rot_y"`
			RotX        float64 `json:"rot_x"`
			TiltZ       float64 `json:"tilt_z"`
			TiltY       float64 `json:"tilt_y"`
			TiltX       float64 `json:"tilt_x"`
			Parent      string  `json:"pname"`
			ParentIndex int     `json:"pindex"`
			Object      string  `json:"oname"`
			Index       int     `json:"oindex"`
		} `json:"pars"`
		Line string `json:"line"`
	}
	readTable(t, "geometry_line_format.json", &rows)
	if len(rows) != 40 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		testenv.Case(t, "tables/geometry_line_format")
		p := row.Pars
		object := geometry.Object{
			Parent: geometry.Frame{Name: p.Parent, Index: p.ParentIndex}, Frame: geometry.Frame{Name: p.Object, Index: p.Index},
			Position: geometry.Position{X: p.X, Y: p.Y, Z: p.Z, RotZ: p.RotZ, RotY: p.RotY, RotX: p.RotX, TiltZ: p.TiltZ, TiltY: p.TiltY, TiltX: p.TiltX},
		}
		if got := object.String(); got != row.Line {
			t.Errorf("got  %q\nwant %q", got, row.Line)
		}
	}
}

func TestTransform(t *testing.T) {
	var rows []struct {
		P    [9]float64 `json:"pars_x0_y0_z0_rotz_roty_rotx_tiltz_tilty_tiltx"`
		From [3]float64 `json:"xyz"`
		To   [3]float64 `json:"xyz_in_parent"`
	}
	readTable(t, "geometry_transform.json", &rows)
	if len(rows) != 10 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		testenv.Case(t, "tables/geometry_transform")
		p := geometry.Position{
			X: row.P[0], Y: row.P[1], Z: row.P[2], RotZ: row.P[3], RotY: row.P[4], RotX: row.P[5],
			TiltZ: row.P[6], TiltY: row.P[7], TiltX: row.P[8],
		}
		x, y, z := p.ToParent(row.From[0], row.From[1], row.From[2])
		if !near(x, row.To[0]) || !near(y, row.To[1]) || !near(z, row.To[2]) {
			t.Errorf("%v in %v is %v %v %v, want %v", row.From, p, x, y, z, row.To)
		}
	}
}

// TestRealFiles: every geometry file that is in use at the facility is read, has
// pixels, and is saved in a form that is saved the same again.
func TestRealFiles(t *testing.T) {
	var files []string
	for _, pattern := range []string{"geometry_def/*", "geometry_experiments/*", "calib/data_test/*/*/geometry/*.data"} {
		found, err := filepath.Glob(filepath.Join(testenv.Shared(t, "real"), pattern))
		if err != nil || len(found) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		testenv.Case(t, "real/geometry")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		g := parse(t, string(text))
		if _, err := g.Beam(); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		if extent, err := g.Extent(); err != nil || extent.Pixels == 0 || extent.Max[2] >= 0 {
			t.Errorf("%s: %+v, %v", file, extent, err)
		}
		once := g.Bytes()
		if again := parse(t, string(once)).Bytes(); !bytes.Equal(once, again) {
			t.Errorf("%s: saved as\n%s\nand then as\n%s", file, once, again)
		}
		if lines := strings.Count(string(once), "\n"); lines != len(g.Comments())+len(g.Objects())+1 {
			t.Errorf("%s: %d lines", file, lines)
		}
	}
}

func TestComments(t *testing.T) {
	g := parse(t, epix)
	if want := []string{"TITLE   x", "", "double", "spaced    out", "late comment"}; !slices.Equal(g.Comments(), want) {
		t.Errorf("comments %q, want %q", g.Comments(), want)
	}
	const want = "# TITLE   x\n# \n# double\n# spaced    out\n# late comment\n\n" +
		"IP            0 EPIX100:V1    0         1        2       -2        90    180.123     -0.001     0.00001  0.00000 -1.00000\n"
	if got := string(g.Bytes()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(parse(t, "IP 0 A 0 0 0 -1 0 0 0 0 0 0").Bytes()); !strings.HasPrefix(got, "\nIP ") {
		t.Errorf("without comments: %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	const line = "IP 0 A 0 0 0 0 0 0 0 0 0 0\n"
	var chain strings.Builder
	for i := range 70 {
		fmt.Fprintf(&chain, "A %d A %d 0 0 0 0 0 0 0 0 0\n", i, i+1)
	}
	for name, c := range map[string]struct {
		text string
		err  error
		says string
	}{
		"empty":            {"", geometry.ErrFormat, "no object"},
		"comments only":    {"# a\n\n", geometry.ErrFormat, "no object"},
		"12 fields":        {line + "\nIP 0 A 0 0 0 0 0 0 0 0 0\n", geometry.ErrFormat, "line 3 has 12 fields, want 13"},
		"14 fields":        {"IP 0 A 0 0 0 0 0 0 0 0 0 0 0\n", geometry.ErrFormat, "line 1 has 14 fields"},
		"indented comment": {" # not a comment\n" + line, geometry.ErrFormat, "line 1 has 4 fields"},
		"indented object":  {line + " #IP 0 A 0 0 0 0 0 0 0 0 0 0\n", geometry.ErrFormat, "line 2 is an indented comment"},
		"index":            {"IP 0.5 A 0 0 0 0 0 0 0 0 0 0", geometry.ErrFormat, `index "0.5"`},
		"large index":      {"IP 0 A 99999999999 0 0 0 0 0 0 0 0 0", geometry.ErrFormat, `index "99999999999"`},
		"word":             {"IP 0 A 0 0 0 zero 0 0 0 0 0 0", geometry.ErrFormat, `"zero", want a number`},
		"hexadecimal":      {"IP 0 A 0 0 0 0x10 0 0 0 0 0 0", geometry.ErrFormat, `"0x10", want a number`},
		"nan":              {"IP 0 A 0 0 0 nan 0 0 0 0 0 0", geometry.ErrFormat, "finite"},
		"infinite":         {"IP 0 A 0 0 0 0 0 0 -inf 0 0 0", geometry.ErrFormat, "finite"},
		"overflow":         {"IP 0 A 0 0 0 1e999 0 0 0 0 0 0", geometry.ErrFormat, "finite"},
		"too far":          {"IP 0 A 0 0 1e16 0 0 0 0 0 0 0", geometry.ErrFormat, "finite"},
		"binary":           {"IP 0 A\x00 0 0 0 0 0 0 0 0 0 0", geometry.ErrFormat, "is not text"},
		"in itself":        {"A 0 A 0 0 0 0 0 0 0 0 0 0", geometry.ErrFormat, `"A" lies in itself`},
		"in a circle":      {"A 0 B 0 0 0 0 0 0 0 0 0 0\nB 0 A 0 0 0 0 0 0 0 0 0 0", geometry.ErrFormat, "lies in itself"},
		"long name":        {"IP 0 " + strings.Repeat("A", 300) + " 0 0 0 0 0 0 0 0 0 0", geometry.ErrFormat, "more than 255 bytes"},
		"long word":        {"IP 0 A 0 0 0 " + strings.Repeat("x", 1000) + " 0 0 0 0 0 0", geometry.ErrFormat, `xxx"..., want`},
		"deep":             {chain.String(), geometry.ErrFormat, "below more than 64"},
		"large":            {"#" + strings.Repeat("a", geometry.MaxBytes), geometry.ErrTooLarge, "more than"},
	} {
		if _, err := geometry.Parse(strings.NewReader(c.text)); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.err, c.says)
		}
	}
}

func TestBeam(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain":             {"IP 0 A 0 0 0 0 0 0 0 0 0 0\n", "IP"},
		"version":           {"A 0 B 0 0 0 0 0 0 0 0 0 0\nIP:V1 0 A 0 0 0 0 0 0 0 0 0 0\n", "IP:V1"},
		"plain before":      {"IP:V1 0 A 0 0 0 0 0 0 0 0 0 0\nIP 0 B 0 0 0 0 0 0 0 0 0 0\n", "IP"},
		"none":              {"LAB 0 A 0 0 0 0 0 0 0 0 0 0\n", ""},
		"several":           {"IP:V1 0 A 0 0 0 0 0 0 0 0 0 0\nIP:V2 0 B 0 0 0 0 0 0 0 0 0 0\n", ""},
		"of another number": {"IP 1 A 0 0 0 0 0 0 0 0 0 0\n", ""},
	} {
		frame, err := parse(t, c.text).Beam()
		if c.want == "" {
			if !errors.Is(err, geometry.ErrNoFrame) || !strings.Contains(err.Error(), `it has "`) {
				t.Errorf("%s: %v, %v", name, frame, err)
			}
		} else if err != nil || frame.String() != c.want {
			t.Errorf("%s: %v, %v; want %s", name, frame, err, c.want)
		}
	}
}

func TestMove(t *testing.T) {
	const text = "Q 0 S 0 1 2 3 4 5 6 7 8 9\nQ 0 S 1 1 2 3 4 5 6 7 8 9\nD 0 Q 0 1 2 3 4 5 6 7 8 9\nIP 0 D 0 1 2 -3 4 5 6 7 8 9\n"
	to := geometry.Position{X: 10.5, Y: -20.5, Z: -123456.7, RotZ: 90, RotY: -0.0625, RotX: 1.25}
	for frame, line := range map[string]int{"IP": 3, "D": 2} {
		g := parse(t, text)
		moved, err := g.Move(geometry.Frame{Name: frame}, to)
		if err != nil || moved.Position != to {
			t.Errorf("%s: %v, %v", frame, moved, err)
		}
		for i, o := range g.Objects() {
			if (o.Position == to) != (i == line) {
				t.Errorf("%s: line %d is %v", frame, i, o)
			}
		}
	}
	for frame, c := range map[geometry.Frame]struct {
		err  error
		says string
	}{
		{Name: "XX"}:           {geometry.ErrNoFrame, `"XX"; it has "Q", "D", "IP"`},
		{Name: "IP", Index: 1}: {geometry.ErrNoFrame, `"IP 1"`},
		{Name: "Q"}:            {geometry.ErrChildren, `2 in "Q"`},
		{Name: "S"}:            {geometry.ErrChildren, `0 in "S"`},
	} {
		g := parse(t, text)
		before := g.Bytes()
		if _, err := g.Move(frame, to); !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want %v with %q", frame, err, c.err, c.says)
		}
		if !bytes.Equal(g.Bytes(), before) {
			t.Errorf("%v: changed by what failed", frame)
		}
	}
}

func TestSetMatrix(t *testing.T) {
	g := parse(t, "IP 0 MTRX:V2:3840:3840:44.271:44.271 0 0 0 0 0 0 0 0 0 0\nMTRX:V2:3840:3840:44.271:44.271 0 X 0 0 0 0 0 0 0 0 0 0\n")
	m := geometry.Matrix{Rows: 1920, Cols: 960, RowPitch: 88.542, ColPitch: 177.084}
	if n := g.SetMatrix(m); n != 1 {
		t.Errorf("%d segments", n)
	}
	again := parse(t, string(g.Bytes()))
	const name = "MTRX:V2:1920:960:88.542:177.084"
	if objects := again.Objects(); objects[0].Name != name || objects[1].Parent.Name != name {
		t.Errorf("%v", objects)
	}
	segments, err := again.Segments()
	if err != nil || len(segments) != 1 || segments[0].Rows != 1920 || segments[0].Cols != 960 {
		t.Fatalf("%+v, %v", segments, err)
	}
	x, y, _ := segments[0].At(0, 0)
	if !near(x, -177.084*959/2) || !near(y, 88.542*1919/2) {
		t.Errorf("first pixel at %v %v", x, y)
	}
	if n := parse(t, epix).SetMatrix(m); n != 0 {
		t.Errorf("%d segments of an epix", n)
	}
}

// TestSegments has the segments that no table has.
func TestSegments(t *testing.T) {
	for name, want := range map[string][4]float64{ // x and y of the first and the last pixel
		"EPIX10KA:V2":                {-175 - 191*100, 175 + 175*100, 175 + 191*100, -175 - 175*100},
		"JUNGFRAU:V2":                {-514.5 * 75, -256.5 * 75, 514.5 * 75, 256.5 * 75},
		"MTRX:3:4:10:20":             {0, 0, 20, 60},
		"MTRX:V2:3:4:10:20":          {-30, 10, 30, -10},
		"MTRX:V2:1:65536:0.001:1e-3": {-32.7675, 0, 32.7675, 0},
	} {
		segments, err := parse(t, "IP 0 "+name+" 0 0 0 0 0 0 0 0 0 0").Segments()
		if err != nil {
			t.Fatal(err)
		}
		s := segments[0]
		x0, y0, _ := s.At(0, 0)
		x1, y1, _ := s.At(s.Rows-1, s.Cols-1)
		for i, got := range [4]float64{x0, y0, x1, y1} {
			if !near(got, want[i]) {
				t.Errorf("%s: %v %v to %v %v, want %v", name, x0, y0, x1, y1, want)
				break
			}
		}
	}
	for _, name := range []string{
		"CAMERA", "MTRX", "MTRX:V2", "MTRX:V2:0:1:1:1", "MTRX:V2:65537:1:1:1", "MTRX:V2:1:1:0:1", "MTRX:V2:1:1:nan:1",
		"MTRX:1:1:1", "MTRX:1:1:1:-1", "MTRX:V2:1:1:1:1:1", "MTRX:9999999999999999999:1:1:1",
	} {
		if _, err := parse(t, "IP 0 "+name+" 0 0 0 0 0 0 0 0 0 0").Segments(); !errors.Is(err, geometry.ErrSegment) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := parse(t, "IP 0 "+name+" 0 0 0 0 0 0 0 0 0 0").Extent(); !errors.Is(err, geometry.ErrSegment) {
			t.Errorf("extent of %s: %v", name, err)
		}
	}
}

// OfMatrix gives what reading its text gives.
func TestOfMatrix(t *testing.T) {
	m := geometry.Matrix{Rows: 1920, Cols: 960, RowPitch: 89, ColPitch: 178}
	made := geometry.OfMatrix(m, geometry.Position{X: 5, Z: -100000}, "of a camera")
	read, err := geometry.Parse(bytes.NewReader(made.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(read.Objects(), made.Objects()) || !slices.Equal(read.Comments(), made.Comments()) {
		t.Errorf("%+v is read as %+v", made.Objects(), read.Objects())
	}
	frame, err := made.Beam()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := made.Move(frame, geometry.Position{Z: -5}); err != nil {
		t.Error(err)
	}
	if extent, err := made.Extent(); err != nil || extent.Pixels != 1920*960 || extent.Min[2] != -5 {
		t.Errorf("%+v, %v", extent, err)
	}
}
