package geometry

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// An axis has the coordinates of the rows or columns of a segment, in um: equal
// steps within a block of pixels, and the place where each block starts.
type axis struct {
	block  int // pixels
	step   float64
	starts []float64
}

func (a axis) len() int { return a.block * len(a.starts) }

func (a axis) at(i int) float64 { return a.starts[i/a.block] + a.step*float64(i%a.block) }

// centred is an axis of n pixels around 0; a negative step runs downwards.
func centred(n int, step float64) axis {
	return axis{n, step, []float64{-step * float64(n-1) / 2}}
}

// halves is an axis of two chips with n pixels each: wide pixels between them, so
// that the first centre is at wide less half a step from the middle.
func halves(n int, step, wide float64) axis {
	first := math.Copysign(wide, step) - step/2
	return axis{n, step, []float64{-first - step*float64(n-1), first}}
}

// layout is where the pixels of a segment are in its own frame.
type layout struct {
	rows, cols axis
	turned     bool // x runs along the rows, y along the columns
}

// Part of psana's description of the detectors (PSCalib, SegGeometry*.py): chips of
// a jungfrau start at these places, a gap of two pixels between them.
var (
	jungfrauCols = axis{256, 75, []float64{-514.5 * 75, -256.5 * 75, 1.5 * 75, 259.5 * 75}}
	jungfrauDown = axis{256, -75, []float64{256.5 * 75, -1.5 * 75}}
	jungfrauUp   = axis{256, 75, []float64{-256.5 * 75, 1.5 * 75}}
)

var layouts = map[string]layout{
	"SENS2X1:V1":  {rows: centred(185, -109.92), cols: halves(194, 109.92, 274.80)},
	"EPIX100:V1":  {rows: halves(352, 50, 175), cols: halves(384, 50, 175)},
	"EPIX10KA:V1": {rows: halves(176, -100, 250), cols: halves(192, 100, 250)},
	"EPIX10KA:V2": {rows: halves(176, -100, 225), cols: halves(192, 100, 225)},
	"JUNGFRAU:V1": {rows: jungfrauDown, cols: jungfrauCols},
	"JUNGFRAU:V2": {rows: jungfrauUp, cols: jungfrauCols},
	"PNCCD:V1":    {rows: axis{512, 75, []float64{0}}, cols: axis{512, 75, []float64{0}}, turned: true},
}

// matrix begins the names of segments that are plain matrices.
const matrix = "MTRX"

// Limits of a matrix in a file.
const (
	maxSide  = 1 << 16 // pixels
	maxPitch = 1e9     // um
)

// A Matrix is a segment without gaps, the whole of a camera, with its origin in the
// middle.
type Matrix struct {
	Rows, Cols         int
	RowPitch, ColPitch float64 // um
}

// String returns the name of the segment, "MTRX:V2:1920:1920:88.542:88.542".
func (m Matrix) String() string {
	return fmt.Sprintf("%s:V2:%d:%d:%.3f:%.3f", matrix, m.Rows, m.Cols, m.RowPitch, m.ColPitch)
}

// OfMatrix returns the geometry of a camera that is one matrix, in the frame of the
// interaction point. Comments are single lines.
func OfMatrix(m Matrix, p Position, comments ...string) *Geometry {
	top := Frame{Name: beam}
	return &Geometry{
		comments: comments, objects: []Object{{Parent: top, Frame: Frame{Name: m.String()}, Position: p}},
		parents: []int{-1}, tops: []Frame{top},
	}
}

// layoutOf returns the layout of a segment by its name, false for other objects. A
// matrix whose name tells no sizes is ErrSegment.
func layoutOf(name string) (layout, bool, error) {
	if l, known := layouts[name]; known {
		return l, true, nil
	}
	fields := strings.Split(name, ":")
	if fields[0] != matrix {
		return layout{}, false, nil
	}
	fields = fields[1:]
	middle := len(fields) > 0 && fields[0] == "V2"
	if middle {
		fields = fields[1:]
	}
	m, ok := parseMatrix(fields)
	switch {
	case !ok:
		return layout{}, false, fmt.Errorf("%w: %s, want %s:V2:<rows>:<columns>:<row pitch>:<column pitch>", ErrSegment, quoted(name), matrix)
	case middle:
		return layout{rows: centred(m.Rows, -m.RowPitch), cols: centred(m.Cols, m.ColPitch)}, true, nil
	}
	return layout{rows: axis{m.Rows, m.RowPitch, []float64{0}}, cols: axis{m.Cols, m.ColPitch, []float64{0}}, turned: true}, true, nil
}

func parseMatrix(fields []string) (m Matrix, ok bool) {
	if len(fields) != 4 {
		return m, false
	}
	for i, side := range []*int{&m.Rows, &m.Cols} {
		n, err := strconv.Atoi(fields[i])
		if err != nil || n < 1 || n > maxSide {
			return m, false
		}
		*side = n
	}
	for i, pitch := range []*float64{&m.RowPitch, &m.ColPitch} {
		v, err := parseNumber(fields[2+i])
		if err != nil || v <= 0 || v > maxPitch {
			return m, false
		}
		*pitch = v
	}
	return m, true
}

// A Segment is an object with pixels, placed in the top frame.
type Segment struct {
	Object     Object
	Rows, Cols int

	layout layout
	path   []transform // from the segment to the top frame
}

// Segments returns the segments in psana's order, that of the arrays of constants:
// depth first, the objects of a frame in the order of the file. (Of a CSPAD2X2 psana
// interleaves the two segments afterwards, [185][388][2].) The error is ErrSegment
// for an object in which neither pixels nor objects are.
func (g *Geometry) Segments() ([]Segment, error) {
	inside := make([][]int, len(g.objects))
	below := map[Frame][]int{} // top frames
	for i, parent := range g.parents {
		if parent >= 0 {
			inside[parent] = append(inside[parent], i)
		} else {
			below[g.objects[i].Parent] = append(below[g.objects[i].Parent], i)
		}
	}
	var segments []Segment
	var walk func(i int, above []transform) error
	walk = func(i int, above []transform) error { // as deep as the hierarchy: maxDepth
		o := g.objects[i]
		path := append([]transform{o.transform()}, above...)
		l, has, err := layoutOf(o.Name)
		switch {
		case err != nil:
			return err
		case has:
			segments = append(segments, Segment{o, l.rows.len(), l.cols.len(), l, path})
			return nil
		case len(inside[i]) == 0:
			return fmt.Errorf("%w: %s", ErrSegment, quoted(o.Frame.String()))
		}
		for _, child := range inside[i] {
			if err := walk(child, path); err != nil {
				return err
			}
		}
		return nil
	}
	for _, top := range g.tops {
		for _, i := range below[top] {
			if err := walk(i, nil); err != nil {
				return nil, err
			}
		}
	}
	return segments, nil
}

// At returns where the centre of a pixel is in the top frame, in um. It panics if
// there is no such pixel.
func (s *Segment) At(row, col int) (x, y, z float64) {
	x, y = s.layout.cols.at(col), s.layout.rows.at(row)
	if s.layout.turned {
		x, y = y, x
	}
	for _, t := range s.path {
		x, y, z = t.apply(x, y, z)
	}
	return x, y, z
}

// An Extent is what the centres of all pixels lie in.
type Extent struct {
	Segments int        `json:"segments"`
	Pixels   int        `json:"pixels"`
	Min      [3]float64 `json:"min_um"` // x, y, z in the top frame
	Max      [3]float64 `json:"max_um"`
}

// Extent returns how much room the segments take. Errors are those of Segments.
func (g *Geometry) Extent() (Extent, error) {
	segments, err := g.Segments()
	if err != nil {
		return Extent{}, err
	}
	e := Extent{
		Segments: len(segments),
		Min:      [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}, Max: [3]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)},
	}
	for _, s := range segments {
		e.Pixels += s.Rows * s.Cols
		// Rotations keep straight lines: the extreme pixels are in the corners.
		for _, corner := range [][2]int{{0, 0}, {0, s.Cols - 1}, {s.Rows - 1, 0}, {s.Rows - 1, s.Cols - 1}} {
			x, y, z := s.At(corner[0], corner[1])
			for i, v := range []float64{x, y, z} {
				e.Min[i], e.Max[i] = min(e.Min[i], v), max(e.Max[i], v)
			}
		}
	}
	return e, nil
}
