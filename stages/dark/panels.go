package dark

import (
	"fmt"
	"io"

	"deployconstants/repo/ndarray"
)

// A Kind is a type of constants of detectors of panels, of which there is one table for
// each panel and gain. Package panels merges them.
type Kind struct {
	CType  string // pedestals, pixel_rms, pixel_status, dark_min, dark_max; psana's tools leave pixel_ out
	Format string // of an element
	Output Output // of a Result that is saved as this kind
}

// JungfrauKinds are the constants of a Jungfrau's panels (spec/dark.md section 5).
func JungfrauKinds() []Kind {
	return append(Epix10kaKinds(), Kind{"dark_min", "%6i", Min}, Kind{"dark_max", "%6i", Max})
}

// Epix10kaKinds are the constants of an epix10ka's panels (spec/dark.md section 6).
func Epix10kaKinds() []Kind {
	return []Kind{{"pedestals", "%.3f", Average}, {"pixel_rms", "%.3f", RMS}, {"pixel_status", "%4i", Status}}
}

// WriteTable writes a kind of constants of one panel, as the repositories of panels
// have them: rows of numbers and no header. The result is of shape (panels, rows,
// columns), or (rows, columns) with panel 0. Errors: ErrShape, or those of
// ndarray.Array.WriteTable.
func (k Kind) WriteTable(w io.Writer, r *Result, panel int) error {
	one, err := r.panel(panel)
	if err != nil {
		return err
	}
	return one.Array(k.Output).WriteTable(w, k.Format)
}

// panel returns the result of one panel, which shares the elements.
func (r *Result) panel(i int) (*Result, error) {
	n, shape, err := panelsOf(r.Shape)
	if err != nil {
		return nil, err
	}
	if i < 0 || i >= n {
		return nil, fmt.Errorf("%w: panel %d of %d", ErrShape, i, n)
	}
	one, size := *r, shape[0]*shape[1]
	one.Shape, one.pixels = shape, part(r.pixels, i, size)
	one.Averages, one.RMS, one.Status = part(r.Averages, i, size), part(r.RMS, i, size), part(r.Status, i, size)
	return &one, nil
}

// panelsOf returns how many panels an array has, and the shape of one. The error is ErrShape.
func panelsOf(shape []int) (n int, of []int, err error) {
	switch len(shape) {
	case 2:
		return 1, shape, nil
	case 3:
		return shape[0], shape[1:], nil
	}
	return 0, nil, fmt.Errorf("%w: panels of shape %s", ErrShape, ndarray.ShapeString(shape))
}

// Panels splits an array of shape (panels, rows, columns) into tables of one panel,
// which share its elements; one of shape (rows, columns) is the only table. The
// error is ErrShape.
func Panels(a *ndarray.Array) ([]*ndarray.Array, error) {
	if err := a.Check(); err != nil {
		return nil, err
	}
	n, shape, err := panelsOf(a.Shape)
	if err != nil {
		return nil, err
	}
	size := shape[0] * shape[1]
	panels := make([]*ndarray.Array, n)
	for i := range panels {
		panels[i] = &ndarray.Array{
			Shape: shape, DType: a.DType,
			Floats: part(a.Floats, i, size), Integers: part(a.Integers, i, size), Words: part(a.Words, i, size),
		}
	}
	return panels, nil
}

func part[T any](values []T, i, size int) []T {
	if values == nil {
		return nil
	}
	return values[i*size : (i+1)*size : (i+1)*size]
}
