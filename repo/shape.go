package repo

import (
	"fmt"
	"slices"

	"deployconstants/repo/ndarray"
)

// anyDim stands for a dimension that differs between detectors of a type.
const anyDim = 0

// pixelShapes are the shapes in which psana returns constants per pixel
// (PSCalib/CalibParsBase*V1.py). Types that are absent take any.
var pixelShapes = map[string][]int{
	"acqiris":      {anyDim, anyDim},
	"andor":        {anyDim, anyDim},
	"andor3d":      {2, anyDim, anyDim},
	"cspad":        {32, 185, 388},
	"cspad2x2":     {185, 388, 2},
	"epix100a":     {704, 768},
	"epix10k":      {7, 1, 352, 384}, // gain modes FH FM FL AHL-H AML-M AHL-L AML-L, panels, rows, columns
	"epix10ka":     {7, 1, 352, 384},
	"epix10kaquad": {7, 4, 352, 384},
	"epix10ka2m":   {7, 16, 352, 384},
	"imp":          {4, 1023},
	"jungfrau":     {3, anyDim, 512, 1024}, // gain ranges 0 1 2, modules (1, 2 or 8), rows, columns
	"pnccd":        {4, 512, 512},
	"princeton":    {anyDim, anyDim},
	"uxi":          {anyDim, anyDim, anyDim},
}

// Shape returns the shape of the constants of a calibration type, 0 for a
// dimension that differs between detectors. It is nil where any shape will do,
// and for geometry, which is text.
func (t DetType) Shape(ctype CType) []int {
	switch shape, known := pixelShapes[t.Name]; {
	case ctype == Geometry, t.Name == "epix":
		return nil
	case ctype == CommonMode:
		return []int{t.commonModeLen()}
	case known:
		return slices.Clone(shape)
	default:
		return []int{anyDim, anyDim} // a camera
	}
}

// commonModeLen is the number of parameters of the common mode correction.
func (t DetType) commonModeLen() int {
	switch t.Name {
	case "cspad", "cspad2x2", "pnccd":
		return 4
	}
	return 16
}

// CheckShape returns ErrBadShape if psana could not use constants of that shape:
// they must have that of Shape, or its rows one below the other, as in a text
// file without dimensions. Common mode parameters may be fewer; the rest counts
// as zero.
func (t DetType) CheckShape(ctype CType, shape []int) error {
	if ctype == Geometry {
		return fmt.Errorf("%w: geometry is text, not an array: save it as text", ErrBadShape)
	}
	want := t.Shape(ctype)
	ok := want == nil || fits(want, shape) || len(shape) == 2 && fitsFlat(want, shape[0], shape[1])
	if ctype == CommonMode && want != nil {
		ok = len(shape) == 1 && shape[0] > 0 && shape[0] <= want[0]
	}
	if ok {
		return nil
	}
	hint := ""
	if slices.Contains(want, anyDim) {
		hint = " (0 is any)"
	}
	return fmt.Errorf("%w: %s %s is %s, want %s%s", ErrBadShape, t.Device, ctype,
		ndarray.ShapeString(shape), ndarray.ShapeString(want), hint)
}

func fits(want, shape []int) bool {
	return slices.EqualFunc(want, shape, func(w, n int) bool { return n == w || w == anyDim && n > 0 })
}

// fitsFlat reports whether an array of the wanted shape has so many rows.
func fitsFlat(want []int, rows, columns int) bool {
	fixed, last := 1, len(want)-1
	free := false
	for _, dim := range want[:last] {
		if dim == anyDim {
			free = true
		} else {
			fixed *= dim
		}
	}
	if !fits(want[last:], []int{columns}) || rows <= 0 {
		return false
	}
	return rows == fixed || free && rows%fixed == 0
}
