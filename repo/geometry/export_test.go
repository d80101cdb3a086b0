package geometry

// ToParent takes a point of an object at this position, in um, to the frame of the
// object's parent.
func (p Position) ToParent(x, y, z float64) (px, py, pz float64) { return p.transform().apply(x, y, z) }
