package xtc

// AreaConfig is the configuration of a camera whose frames have the size that it says:
// Princeton, Fli, Pimax, Pixis, Andor, Andor3d, Zyla, iStar, Vimba.Alvium and Uxi.
type AreaConfig struct {
	Width, Height uint32 // pixels before binning
	BinX, BinY    uint32 // pixels; 1 where the class has no binning
	Planes        uint32 // sensors of an Andor3d, frames of a Uxi; 0 for all others

	class string
}

// areaLayout tells where the fields of a class are, in bytes into the payload. A zero
// offset of bins or planes means that the class has none.
type areaLayout struct {
	size, width, bins, planes int
}

// maxAreaSide bounds the sides in pixels and the number of planes; the largest real
// ones are below 10,000.
const maxAreaSide = 1 << 16

func (l *areaLayout) decode(o object) (Config, error) {
	b, err := o.head(l.size, uint64(l.size))
	if err != nil {
		return nil, err
	}
	c := &AreaConfig{Width: b.u32(l.width), Height: b.u32(l.width + 4), BinX: 1, BinY: 1, class: o.class}
	if l.bins != 0 {
		c.BinX, c.BinY = b.u32(l.bins), b.u32(l.bins+4)
	}
	if l.planes != 0 {
		c.Planes = b.u32(l.planes)
	}
	for _, side := range []uint32{c.Width, c.Height, c.Planes, c.BinX, c.BinY} {
		if side > maxAreaSide {
			return nil, o.fail(0, "side, binning or number of planes", side)
		}
	}
	if c.BinX == 0 || c.BinY == 0 {
		return nil, o.fail(int64(l.bins), "binning", 0)
	}
	return c, nil
}

// Class returns the name of the class, "Andor.ConfigV1".
func (c *AreaConfig) Class() string { return c.class }

// Shape returns rows and columns after binning, and before them the planes of the two
// classes that have them.
func (c *AreaConfig) Shape() []int {
	rows, columns := (c.Height+c.BinY-1)/c.BinY, (c.Width+c.BinX-1)/c.BinX
	switch c.class {
	case andor3dClass, "Uxi.ConfigV1", "Uxi.ConfigV2", "Uxi.ConfigV3":
		return []int{int(c.Planes), int(rows), int(columns)}
	}
	return []int{int(rows), int(columns)}
}

const andor3dClass = "Andor3d.ConfigV1"

// Fields returns what the object says of the size of frames.
func (c *AreaConfig) Fields() Fields {
	return Fields{
		{"width", c.Width},
		{"height", c.Height},
		{"binX", c.BinX},
		{"binY", c.BinY},
		{"planes", c.Planes},
	}
}
