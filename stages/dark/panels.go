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
	panels, err := Panels(r.Array(k.Output))
	if err != nil {
		return err
	}
	if panel < 0 || panel >= len(panels) {
		return fmt.Errorf("%w: panel %d of %d", ErrShape, panel, len(panels))
	}
	return panels[panel].WriteTable(w, k.Format)
}

// Panels splits an array of shape (panels, rows, columns) into tables of one panel,
// which share its elements; one of shape (rows, columns) is the only table. The
// error is ErrShape.
func Panels(a *ndarray.Array) ([]*ndarray.Array, error) {
	n, shape := 1, a.Shape
	if len(shape) == 3 {
		n, shape = shape[0], shape[1:]
	}
	if err := a.Check(); err != nil {
		return nil, err
	}
	if len(shape) != 2 {
		return nil, fmt.Errorf("%w: panels of shape %s", ErrShape, ndarray.ShapeString(a.Shape))
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
