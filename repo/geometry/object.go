package geometry

import (
	"fmt"
	"strconv"
	"strings"
)

// A Frame is a system of coordinates: that of an object, or a top frame.
type Frame struct {
	Name  string // "IP", "CSPAD:V2"
	Index int    // among frames of one name
}

// String returns the name, with the index behind a blank where it is not 0.
func (f Frame) String() string {
	if f.Index == 0 {
		return f.Name
	}
	return fmt.Sprintf("%s %d", f.Name, f.Index)
}

// beam begins the names of frames whose origin is the interaction point.
const beam = "IP"

func (f Frame) isBeam() bool { return strings.HasPrefix(f.Name, beam) }

// A Position is where an object lies in the frame of its parent.
type Position struct {
	X float64 `json:"x_um"` // origin
	Y float64 `json:"y_um"`
	Z float64 `json:"z_um"`

	RotZ float64 `json:"rot_z_deg"` // design angles
	RotY float64 `json:"rot_y_deg"`
	RotX float64 `json:"rot_x_deg"`

	TiltZ float64 `json:"tilt_z_deg"` // deviations from them
	TiltY float64 `json:"tilt_y_deg"`
	TiltX float64 `json:"tilt_x_deg"`
}

// String describes the position but for the tilts, for people:
// "x=10.5 y=0 z=-100000 um, rot_z=90 rot_y=0 rot_x=0 deg".
func (p Position) String() string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 12, 64) }
	return fmt.Sprintf("x=%s y=%s z=%s um, rot_z=%s rot_y=%s rot_x=%s deg",
		number(p.X), number(p.Y), number(p.Z), number(p.RotZ), number(p.RotY), number(p.RotX))
}

// An Object is a line of a geometry file.
type Object struct {
	Parent Frame
	Frame
	Position
}

// String returns the line as psana writes it, without newline. Numbers that are
// too wide for their columns widen them.
func (o Object) String() string {
	return fmt.Sprintf("%-11s %3d %-11s %3d  %8.0f %8.0f %8.0f  %8s   %8s   %8s    %8.5f %8.5f %8.5f",
		o.Parent.Name, o.Parent.Index, o.Name, o.Index, o.X, o.Y, o.Z,
		angle(o.RotZ), angle(o.RotY), angle(o.RotX), o.TiltZ, o.TiltY, o.TiltX)
}

// angle writes a design angle: to 0.001 degrees, without trailing zeros.
func angle(degrees float64) string {
	return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.3f", degrees), "0"), ".")
}
