package geometry

import "math"

// A turn is a rotation by an angle.
type turn struct{ sin, cos float64 }

func turnBy(degrees float64) turn {
	sin, cos := math.Sincos(degrees * (math.Pi / 180))
	return turn{sin, cos}
}

func (t turn) apply(a, b float64) (float64, float64) {
	return a*t.cos - b*t.sin, b*t.cos + a*t.sin
}

// A transform takes points of an object, in um, to the frame of its parent: rotations
// about z, y and x, then the shift (PSCalib's GeometryObject).
type transform struct {
	z, y, x turn
	origin  [3]float64 // um
}

func (p Position) transform() transform {
	return transform{
		z: turnBy(p.RotZ + p.TiltZ), y: turnBy(p.RotY + p.TiltY), x: turnBy(p.RotX + p.TiltX),
		origin: [3]float64{p.X, p.Y, p.Z},
	}
}

func (t transform) apply(x, y, z float64) (float64, float64, float64) {
	x, y = t.z.apply(x, y)
	z, x = t.y.apply(z, x)
	y, z = t.x.apply(y, z)
	return x + t.origin[0], y + t.origin[1], z + t.origin[2]
}
