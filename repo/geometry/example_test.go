package geometry_test

import (
	"fmt"
	"os"
	"strings"

	"deployconstants/repo/geometry"
)

func Example() {
	const file = "# DETECTOR   Epix100a\nIP 0 EPIX100:V1 0  0 0 1000000  90 180 0  0 0 0\n"
	g, err := geometry.Parse(strings.NewReader(file))
	if err != nil {
		fmt.Println(err)
		return
	}
	frame, err := g.Beam()
	if err != nil {
		fmt.Println(err)
		return
	}
	moved, err := g.Move(frame, geometry.Position{X: 50, Z: -100000, RotZ: 90})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(moved.Name, "at", moved.Position)
	fmt.Printf("%q, %d object\n", g.Comments(), len(g.Objects()))
	os.Stdout.Write(g.Bytes())
	// Output:
	// EPIX100:V1 at x=50 y=0 z=-100000 um, rot_z=90 rot_y=0 rot_x=0 deg
	// ["DETECTOR   Epix100a"], 1 object
	// # DETECTOR   Epix100a
	//
	// IP            0 EPIX100:V1    0        50        0  -100000        90          0          0     0.00000  0.00000  0.00000
}
