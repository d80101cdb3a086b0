package dark

import (
	"fmt"
	"io"
	"slices"

	"deployconstants/repo/ndarray"
)

// A Kind is a type of constants that the repositories of panels have, one table for
// each panel and gain.
type Kind struct {
	CType    string    // in the repository of panels: pedestals, rms, status, dark_min, dark_max, gain
	Deployed string    // the calibration type of all panels together
	Format   string    // of an element
	Output   Output    // of a Result that is saved as this kind; none for gain
	Fill     []float64 // by gain: what stands in for a table that is missing
}

// JungfrauKinds are the constants of a Jungfrau's panels, for gain indices 0 to 2
// (spec/dark.md section 5).
func JungfrauKinds() []Kind {
	return []Kind{
		{"pedestals", "pedestals", "%.3f", Average, []float64{0, 0, 0}},
		{"rms", "pixel_rms", "%.3f", RMS, []float64{1, 1, 1}},
		{"status", "pixel_status", "%4i", Status, []float64{0, 0, 0}},
		{"dark_min", "dark_min", "%6i", Min, []float64{0, 0, 0}},
		{"dark_max", "dark_max", "%6i", Max, []float64{16383, 16383, 16383}},
	}
}

// Epix10kaKinds are the constants of an epix10ka's panels, by Epix10kaModes
// (spec/dark.md section 6). Gains are in ADU/keV, the defaults of the reference.
func Epix10kaKinds() []Kind {
	const high, medium, low = 16.40, 5.466, 0.164
	return []Kind{
		{"pedestals", "pedestals", "%.3f", Average, []float64{0, 0, 0, 0, 0, 0, 0}},
		{"rms", "pixel_rms", "%.3f", RMS, []float64{1, 1, 1, 1, 1, 1, 1}},
		{"status", "pixel_status", "%4i", Status, []float64{0, 0, 0, 0, 0, 0, 0}},
		{"gain", "pixel_gain", "%.6f", numOutputs, []float64{high, medium, low, high, medium, low, low}},
	}
}

// JungfrauTableName is the name of the table of a kind, a gain index and a gain mode in the
// repository of panels, below the panel's directory of the kind. The prefix is
// jungfrau_<alias>_<stamp>_<experiment>_r<run, %04d>.
func JungfrauTableName(prefix, ctype string, gain int, mode string) string {
	return fmt.Sprintf("%s_%s_gm%d-%s.dat", prefix, ctype, gain, mode)
}

// Epix10kaTableName is that of a kind and a mode of Epix10kaModes. The prefix is
// epix10ka_<alias>_<stamp>_<experiment>_r<run, %04d>.
func Epix10kaTableName(prefix, ctype, mode string) string {
	return fmt.Sprintf("%s_%s_%s.dat", prefix, ctype, mode)
}

// WriteTable writes a kind of constants of one panel, as the repositories of panels
// have them: rows of numbers and no header. The result is of shape (panels, rows,
// columns), or (rows, columns) with panel 0. Errors: ErrShape, or those of
// ndarray.Array.WriteTable.
func (k Kind) WriteTable(w io.Writer, r *Result, panel int) error {
	if k.Output >= numOutputs {
		return fmt.Errorf("%w: no dark gives %s", ErrParams, k.CType)
	}
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

// A Gap is a table that was missing.
type Gap struct {
	Gain, Panel int // from 0
}

// Merge stacks tables of one kind, by gain and panel, into one array of shape
// (gains, panels, rows, columns), as psana's tools merge them. They read tables as
// Float32, and so is the array: every number is rounded to float32, whole ones too.
// Only if there is a table of type Float64, as from OffsetPedestals, is the array
// Float64, with the others still rounded. For a table that is nil, it has the
// kind's Fill, and the gap is returned: the caller decides whether that is allowed.
//
// The error is ErrShape: tables of other shapes than (rows, columns), or of
// different ones, none at all, other numbers of gains than the kind has, or of
// panels.
func (k Kind) Merge(tables [][]*ndarray.Array) (*ndarray.Array, []Gap, error) {
	if len(tables) != len(k.Fill) {
		return nil, nil, fmt.Errorf("%w: %s of %d gains, want %d", ErrShape, k.CType, len(tables), len(k.Fill))
	}
	shape, err := k.commonShape(tables)
	if err != nil {
		return nil, nil, err
	}
	size := shape[0] * shape[1]
	merged := &ndarray.Array{
		Shape: []int{len(tables), len(tables[0]), shape[0], shape[1]}, DType: ndarray.Float32,
		Floats: make([]float64, 0, len(tables)*len(tables[0])*size),
	}
	var gaps []Gap
	for gain, panels := range tables {
		for panel, table := range panels {
			switch {
			case table == nil:
				gaps = append(gaps, Gap{gain, panel})
				fill := float64(float32(k.Fill[gain]))
				merged.Floats = append(merged.Floats, slices.Repeat([]float64{fill}, size)...)
			case table.DType == ndarray.Float64:
				merged.DType = ndarray.Float64
				merged.Floats = append(merged.Floats, table.Floats...)
			default:
				for _, v := range table.AsFloat64() {
					merged.Floats = append(merged.Floats, float64(float32(v)))
				}
			}
		}
	}
	return merged, gaps, nil
}

// commonShape is that of every table.
func (k Kind) commonShape(tables [][]*ndarray.Array) ([]int, error) {
	var shape []int
	for gain, panels := range tables {
		if len(panels) != len(tables[0]) {
			return nil, fmt.Errorf("%w: %s of gain %d has %d panels, of gain 0 %d", ErrShape, k.CType, gain, len(panels), len(tables[0]))
		}
		for panel, table := range panels {
			if table == nil {
				continue
			}
			if err := table.Check(); err != nil {
				return nil, fmt.Errorf("%s of gain %d, panel %d: %w", k.CType, gain, panel, err)
			}
			if shape == nil {
				shape = table.Shape
			}
			if len(table.Shape) != 2 || !slices.Equal(table.Shape, shape) {
				return nil, fmt.Errorf("%w: %s of gain %d, panel %d is %s, others are %s", ErrShape,
					k.CType, gain, panel, ndarray.ShapeString(table.Shape), ndarray.ShapeString(shape))
			}
		}
	}
	if shape == nil {
		return nil, fmt.Errorf("%w: no table of %s", ErrShape, k.CType)
	}
	if _, err := countPixels([]int{len(tables[0]), shape[0], shape[1]}); err != nil {
		return nil, err
	}
	return shape, nil
}

// WriteMerged writes a merged array, or the (gains, 1, rows, columns) of one panel,
// as psana's tools do before they deploy it. Errors are those of
// ndarray.Array.WriteText.
func (k Kind) WriteMerged(w io.Writer, merged *ndarray.Array, header ndarray.Header) error {
	return merged.WriteText(w, ndarray.TextOptions{Format: k.Format, Header: header})
}
