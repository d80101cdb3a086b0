package geometry

import (
	"fmt"
	"slices"
	"strings"
)

// Beam returns the frame of the interaction point: IP, else the one top frame whose
// name begins with IP, such as IP:V1. The error is ErrNoFrame with the frames that
// there are.
func (g *Geometry) Beam() (Frame, error) {
	if g.has(Frame{Name: beam}) {
		return Frame{Name: beam}, nil
	}
	var found []Frame
	for _, top := range g.tops {
		if top.isBeam() && top.Index == 0 {
			found = append(found, top)
		}
	}
	if len(found) != 1 {
		return Frame{}, fmt.Errorf("%w: none is the %s, or several are; it has %s", ErrNoFrame, beam, g.frames())
	}
	return found[0], nil
}

// has tells whether a frame is that of an object, or a top frame.
func (g *Geometry) has(f Frame) bool {
	return slices.Contains(g.tops, f) || slices.ContainsFunc(g.objects, func(o Object) bool { return o.Frame == f })
}

// children returns the indexes of the objects in a frame, in the order of the file.
func (g *Geometry) children(f Frame) []int {
	var inside []int
	for i, o := range g.objects {
		if o.Parent == f {
			inside = append(inside, i)
		}
	}
	return inside
}

// frames names the frames in which something lies, the first few of them.
func (g *Geometry) frames() string {
	const most = 8
	var names []string
	for _, o := range g.objects {
		if name := quoted(o.Parent.String()); !slices.Contains(names, name) {
			if len(names) == most {
				names = append(names, "others")
				break
			}
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// Move gives the one object that lies in the frame a new position, and returns it.
// Errors are ErrNoFrame, and ErrChildren where none or several objects lie in it:
// the frame above them must be moved then.
func (g *Geometry) Move(f Frame, p Position) (Object, error) {
	inside := g.children(f)
	switch {
	case !g.has(f):
		return Object{}, fmt.Errorf("%w: %s; it has %s", ErrNoFrame, quoted(f.String()), g.frames())
	case len(inside) != 1:
		return Object{}, fmt.Errorf("%w: there are %d in %s; name one of %s that has one", ErrChildren, len(inside), quoted(f.String()), g.frames())
	}
	g.objects[inside[0]].Position = p
	return g.objects[inside[0]], nil
}

// SetMatrix gives the segments that are plain matrices of pixels, whose names begin
// with MTRX, another shape and pitch. It returns how many there are.
func (g *Geometry) SetMatrix(m Matrix) int {
	count, name := 0, m.String()
	for i := range g.objects {
		if o := &g.objects[i]; strings.HasPrefix(o.Name, matrix) {
			o.Name = name
			count++
		}
		if up := g.parents[i]; up >= 0 && strings.HasPrefix(g.objects[i].Parent.Name, matrix) {
			g.objects[i].Parent.Name = name
		}
	}
	return count
}
